"""Energies and areas of an architecture's parts from another tool, in place of its text and our tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dovetail.accel.architecture import Architecture, Dram, Memory, PerAccess, PerOperation, RegisterFile

MAC = "MAC"
"""What the multiply-accumulate unit is called among the parts."""


@dataclass(frozen=True, slots=True)
class Part:
    """One component as other tools ask for it: a memory of `depth` rows of `width` bits, or the MAC."""

    name: str
    kind: str
    """`dram`, `sram`, `regfile` or `mac`."""
    type: str = ""
    """Of DRAM: `LPDDR4` …"""
    width: int = 0
    depth: int = 0
    banks: int = 1
    ports: int = 1


@dataclass(frozen=True, slots=True)
class PartEnergy:
    """What a tool says of one instance: pJ of an access of the full width (an operation of a MAC)."""

    read_pj: float
    write_pj: float
    area_mm2: float | None = None
    leakage_mw: float | None = None


def parts_of(architecture: Architecture) -> tuple[Part, ...]:
    """The parts that have energies: every memory with a size or a DRAM type, and the MAC."""
    parts = [_part(memory, architecture) for memory in architecture.memories]
    widest = max(architecture.bits.weights, architecture.bits.inputs)
    return (*(part for part in parts if part is not None), Part(MAC, "mac", width=widest))


def _part(memory: Memory, architecture: Architecture) -> Part | None:
    bits = architecture.bits
    words = {"inputs": bits.inputs, "weights": bits.weights, "outputs": bits.outputs, "sums": bits.sums}
    held = (memory.holds | memory.may_hold) or words.keys()
    width = memory.width_bits or max(words[tensor] for tensor in held)
    if isinstance(memory.energy, Dram):
        return Part(memory.name, "dram", memory.energy.type, width)
    if memory.size_bits is None:
        return None
    depth = max(1, memory.size_bits // width)
    kind = "regfile" if isinstance(memory.energy, RegisterFile) or depth < 64 else "sram"
    return Part(memory.name, kind, "", width, depth, memory.banks)


def with_energies(architecture: Architecture, found: Mapping[str, PartEnergy]) -> Architecture:
    """The architecture with these energies, areas and leakages as if its text gave them."""
    levels = tuple(
        _priced(level, found) if isinstance(level, Memory) else level for level in architecture.levels
    )
    mac = architecture.mac
    said = found.get(MAC)
    if said is not None:
        mac = replace(
            mac,
            energy=PerOperation(said.read_pj),
            area_mm2=mac.area_mm2 if said.area_mm2 is None else said.area_mm2,
            leakage_mw=mac.leakage_mw if said.leakage_mw is None else said.leakage_mw,
        )
    return replace(architecture, levels=levels, mac=mac)


def _priced(memory: Memory, found: Mapping[str, PartEnergy]) -> Memory:
    said = found.get(memory.name)
    if said is None:
        return memory
    return replace(
        memory,
        energy=PerAccess(said.read_pj, said.write_pj, said.write_pj),
        area_mm2=memory.area_mm2 if said.area_mm2 is None else said.area_mm2,
        leakage_mw=memory.leakage_mw if said.leakage_mw is None else said.leakage_mw,
    )
