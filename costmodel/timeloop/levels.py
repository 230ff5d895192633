"""Levels of Timeloop from memories of ours: class, words, rates and prices, all per word of one width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dovetail.accel.architecture import Architecture, Dram, Memory, Ports
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.timeloop.case import Level
from dovetail.costmodel.timeloop.sections import Section
from dovetail.dsl.problem import OPERANDS, Problem

FREE = MemoryPrice(0.0, 0.0, 0.0)

MOST_ENTRIES: Final = (1 << 32) - 1
"""Timeloop reads the words of a memory as 32 bit: a larger one is as large as that."""


def level_of(
    name: str,
    section: Section,
    architecture: Architecture,
    table: EnergyTable,
    bits: int,
    problem: Problem,
    *,
    outermost: bool,
) -> Level:
    """A place where a memory of `bits` wide words holds something, without loops, mesh and links."""
    keep = tuple(operand for operand in OPERANDS if operand in section.tensors)
    if section.memory is None:
        room = max(1, len(keep))
        return Level(name, None, "regfile", bits, 1, room, (1, 1), (0.0, 0.0, 0.0), keep=keep)
    memory = architecture.memory(section.memory)
    price = table.memories.get(memory.name, FREE)
    width = price.bits or memory.width_bits
    block = 1 if width is None else max(1, width // bits)
    # Prices a bit become prices a block; a word wider than an access takes several.
    times = block * bits if price.bits is None else -(-bits // price.bits) if bits > price.bits else 1
    kind = _kind(memory, architecture, outermost=outermost)
    entries = None if memory.size_bits is None else max(1, memory.size_bits // bits)
    if entries is None and kind != "DRAM":
        entries = sum(problem.words(operand) for operand in keep)  # unlimited: all of it fits
    if entries is not None:
        entries = min(entries, MOST_ENTRIES)
    read, write, shared = _rates(memory, bits, block)
    return Level(
        name=name,
        memory=memory.name,
        kind=kind,
        word_bits=bits,
        block_size=block,
        entries=entries,
        mesh=(1, 1),
        energy_pj=(price.read_pj * times, price.fill_pj * times, price.update_pj * times),
        read_bandwidth=read,
        write_bandwidth=write,
        shared_bandwidth=shared,
        keep=keep,
    )


def _kind(memory: Memory, architecture: Architecture, *, outermost: bool) -> str:
    if isinstance(memory.energy, Dram) or (outermost and memory.size_bits is None):
        return "DRAM"
    return "regfile" if architecture.instances(memory.name) > 1 else "SRAM"


def _rates(memory: Memory, bits: int, block: int) -> tuple[float | None, float | None, float | None]:
    """Words a cycle: read, write, or both through one port; an access moves a block."""
    accesses = None if memory.accesses_per_cycle is None else float(memory.accesses_per_cycle) * block

    def least(rate: float | None) -> float | None:
        known = [r for r in (rate, accesses) if r is not None]
        return _whole(min(known)) if known else None

    read = None if memory.read_bits_per_cycle is None else float(memory.read_bits_per_cycle / bits)
    write = None if memory.write_bits_per_cycle is None else float(memory.write_bits_per_cycle / bits)
    if memory.ports is Ports.SHARED:
        return None, None, least(read if read is not None else write)
    return least(read), least(write), None


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number


def names_of(sections: Sequence[Section]) -> list[str]:
    """One for each level: its memory's, with a number where a memory has several; `room` and `latch`."""
    names: list[str] = []
    for section in sections:
        kept = section.tensors and "latch"
        names.append(unused_name(section.memory or kept or "room", names))
    return names


def unused_name(name: str, names: Sequence[str]) -> str:
    """The name, with a number where others have it."""
    if name.lower() == "wire":
        name = f"{name}_memory"  # a table of energies called so is that of all networks there
    number = 1
    found = name
    while found in names:
        number += 1
        found = f"{name}_{number}"
    return found
