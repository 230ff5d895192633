"""Prices of an architecture: energy of every action, area and leakage of every part, each with its source.

An explicit number in the text wins over a component model. Where neither is given a price is zero and its
source says so, except for the MAC, which is priced as `mac()`.

A fill and an update of an SRAM or register file are writes; the read of the old value that an accumulation
takes is counted as a read by the access counts. SRAM is priced with one read-write port: memories with
separate ports are built of such macros in banks or pairs, and other tools price them so (`sram(ports="1r1w")`
in `sram.py` prices true two-port macros).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Component,
    Dram,
    Link,
    Mac,
    MacUnit,
    Memory,
    PerAccess,
    PerBit,
    PerOperation,
    RegisterFile,
    Sram,
    Unit,
    Wire,
)
from dovetail.costmodel.arithmetic import mac as mac_model
from dovetail.costmodel.dram import dram
from dovetail.costmodel.figures import Figure, StorageFigures, absent, given, total
from dovetail.costmodel.regfile import regfile
from dovetail.costmodel.sram import sram
from dovetail.costmodel.wires import wire
from dovetail.dsl.problem import Bits


class Unpriceable(ValueError):
    """A component model that cannot price what it was given for."""

    def __init__(self, name: str, component: Component, reason: str) -> None:
        self.name = name
        self.component = component
        self.reason = reason
        super().__init__(f"{name}: {_written(component)} {reason}")


@dataclass(frozen=True, slots=True)
class MemoryPrices:
    """One storage level; energies of one access, area and leakage of one instance."""

    name: str
    bits: int | None
    """Bits that one access moves; None where the energies are pJ a bit, since the width is open."""
    read_pj: Figure
    fill_pj: Figure
    update_pj: Figure
    area_mm2: Figure
    leakage_mw: Figure
    instances: int


@dataclass(frozen=True, slots=True)
class MacPrices:
    """The multiply-accumulate units; area and leakage of one."""

    component: Component | None
    technology_nm: float
    area_mm2: Figure
    leakage_mw: Figure
    instances: int

    def energy_pj(self, bits: Bits) -> Figure:
        """Energy of one MAC on operands of these widths."""
        match self.component:
            case PerOperation(pj):
                return given(pj, "pJ")
            case MacUnit():
                return mac_model(bits.weights, bits.inputs, bits.sums, self.technology_nm).energy_pj
            case None:
                energy = mac_model(bits.weights, bits.inputs, bits.sums, self.technology_nm).energy_pj
                return energy.times(1.0, "mac() unless given")
            case other:
                raise Unpriceable("mac", other, "is not an energy per operation")


@dataclass(frozen=True, slots=True)
class LinkPrices:
    """One link of an array: a word pays once a hop."""

    array: str
    index: int
    """Position in `Array.links`."""
    link: Link
    per_bit_pj: Figure
    per_word_pj: Figure

    def hop_pj(self, word_bits: int) -> float:
        """Energy of one hop of a word."""
        return self.per_bit_pj.value * word_bits + self.per_word_pj.value


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """A vector unit: energy of one element."""

    name: str
    element_pj: Figure


@dataclass(frozen=True, slots=True)
class Prices:
    """Everything that `price` says about an architecture."""

    memories: Mapping[str, MemoryPrices]
    mac: MacPrices
    links: tuple[LinkPrices, ...]
    units: Mapping[str, UnitPrices]
    area_mm2: Figure
    """On chip, all instances; wires, control and vector units are not counted."""
    leakage_mw: Figure
    """On chip, all instances."""


def price(architecture: Architecture) -> Prices:
    """Prices of every part at the architecture's technology and bit widths.

    Raises Unpriceable where a component model does not fit its place (a wire as a memory, an SRAM without
    size) and OutsideTable where no table or rule covers what is asked.
    """
    memories = {
        memory.name: _memory(memory, architecture, architecture.instances(memory.name))
        for memory in architecture.memories
    }
    mac = _mac(architecture)
    parts: list[MemoryPrices | MacPrices] = [*memories.values(), mac]
    return Prices(
        memories=MappingProxyType(memories),
        mac=mac,
        links=tuple(
            _link(array, index, link, architecture.technology_nm)
            for array in architecture.arrays
            for index, link in enumerate(array.links)
        ),
        units=MappingProxyType({unit.name: _unit(unit, architecture) for unit in architecture.units}),
        area_mm2=total((part.area_mm2.times(part.instances) for part in parts), "mm2", "memories and MACs"),
        leakage_mw=total(
            (part.leakage_mw.times(part.instances) for part in parts), "mW", "memories and MACs"
        ),
    )


# ----------------------------------------------------------------------------------------- memories


def _memory(memory: Memory, architecture: Architecture, instances: int) -> MemoryPrices:
    nm = architecture.technology_nm
    word = memory.width_bits or _widest_word(memory, architecture.bits)
    bits: int | None = word
    area, leakage = absent("mm2"), absent("mW")
    match memory.energy:
        case Sram(device):
            depth = _depth(memory, memory.energy, word)
            model = _noted(memory, sram(depth, word, nm, device, banks=memory.banks), word)
            read, write, area, leakage = model.read_pj, model.write_pj, model.area_mm2, model.leakage_mw
        case RegisterFile():
            model = _noted(memory, regfile(_depth(memory, memory.energy, word), word, nm), word)
            read, write, area, leakage = model.read_pj, model.write_pj, model.area_mm2, model.leakage_mw
        case Dram(type):
            figures = dram(type)
            read, write, bits = _by_bit(memory, figures.read_pj_per_bit, figures.write_pj_per_bit)
            area, leakage = absent("mm2", "off chip"), absent("mW", "off chip")
        case PerBit(pj):
            read, write, bits = _by_bit(memory, given(pj, "pJ/bit"), given(pj, "pJ/bit"))
        case PerOperation(pj):
            read = write = given(pj, "pJ")
        case PerAccess(read_pj, fill_pj, _):
            read, write = given(read_pj, "pJ"), given(fill_pj, "pJ")
        case None:
            read = write = absent("pJ")
        case Wire() | MacUnit():
            raise Unpriceable(memory.name, memory.energy, "does not price a memory")
    return MemoryPrices(
        name=memory.name,
        bits=bits,
        read_pj=read,
        fill_pj=write,
        update_pj=given(memory.energy.update_pj, "pJ") if isinstance(memory.energy, PerAccess) else write,
        area_mm2=area if memory.area_mm2 is None else given(memory.area_mm2, "mm2"),
        leakage_mw=leakage if memory.leakage_mw is None else given(memory.leakage_mw, "mW"),
        instances=instances,
    )


def _by_bit(memory: Memory, read: Figure, write: Figure) -> tuple[Figure, Figure, int | None]:
    """Prices a bit as prices of an access, where the memory has a width."""
    if memory.width_bits is None:
        return read, write, None
    read, write = (figure.times(memory.width_bits).per("pJ") for figure in (read, write))
    return read, write, memory.width_bits


def _widest_word(memory: Memory, bits: Bits) -> int:
    """Bits of the widest word that the memory may hold: what one access moves where the width is open."""
    words = {"inputs": bits.inputs, "weights": bits.weights, "outputs": bits.outputs, "sums": bits.sums}
    held = (memory.holds | memory.may_hold) & words.keys()
    return max(words[tensor] for tensor in held or words)


def _depth(memory: Memory, component: Component, width_bits: int) -> int:
    if memory.size_bits is None:
        raise Unpriceable(memory.name, component, "needs a size")
    return -(-memory.size_bits // width_bits)


def _noted(memory: Memory, model: StorageFigures, bits: int) -> StorageFigures:
    """The sources say so where the width was not given."""
    return (
        model if memory.width_bits else model.noted(f"width not given: {bits} bit, the widest word it holds")
    )


# ----------------------------------------------------------------------------- MACs, links and units


def _mac(architecture: Architecture) -> MacPrices:
    mac, bits, nm = architecture.mac, architecture.bits, architecture.technology_nm
    model = mac_model(bits.weights, bits.inputs, bits.sums, nm)
    prices = MacPrices(
        component=mac.energy,
        technology_nm=nm,
        area_mm2=model.area_mm2 if mac.area_mm2 is None else given(mac.area_mm2, "mm2"),
        leakage_mw=model.leakage_mw if mac.leakage_mw is None else given(mac.leakage_mw, "mW"),
        instances=architecture.pes * _multipliers(mac),
    )
    prices.energy_pj(bits)  # an unfit component is refused here, not at the first layer
    return prices


def _multipliers(mac: Mac) -> int:
    """Multipliers of full width in one MAC node: its lanes, times its rate at the widest operands.

    Higher rates for narrower operands come from the same multiplier, split.
    """
    widest = max(mac.rates, key=lambda rate: float("inf") if rate.bits is None else rate.bits)
    return mac.lanes * max(1, ceil(widest.per_cycle))


def _link(array: Array, index: int, link: Link, nm: float) -> LinkPrices:
    per_bit, per_word = absent("pJ/bit"), absent("pJ")
    match link.energy:
        case None:
            pass
        case Wire(length_mm):
            per_bit = wire(length_mm, nm)
        case PerBit(pj):
            per_bit = given(pj, "pJ/bit")
        case PerOperation(pj):
            per_word = given(pj, "pJ")
        case other:
            raise Unpriceable(f"{array.name}, {link.kind} {link.tensor}", other, "does not price a link")
    return LinkPrices(array.name, index, link, per_bit, per_word)


def _unit(unit: Unit, architecture: Architecture) -> UnitPrices:
    bits, nm = architecture.bits, architecture.technology_nm
    match unit.energy:
        case None:
            return UnitPrices(unit.name, absent("pJ"))
        case PerOperation(pj):
            return UnitPrices(unit.name, given(pj, "pJ"))
        case PerBit(pj):
            return UnitPrices(unit.name, given(pj * bits.outputs, "pJ"))
        case MacUnit():
            return UnitPrices(unit.name, mac_model(bits.outputs, bits.outputs, bits.sums, nm).energy_pj)
        case other:
            raise Unpriceable(unit.name, other, "does not price an element")


def _written(component: Component) -> str:
    """The component as the text of an `.accel` file has it."""
    match component:
        case Sram():
            return "sram()"
        case RegisterFile():
            return "regfile()"
        case Dram(type):
            return f"dram({type})"
        case MacUnit():
            return "mac()"
        case Wire(length_mm):
            return f"wire({length_mm:g} mm)"
        case PerBit(pj):
            return f"{pj:g} pJ/bit"
        case PerOperation(pj):
            return f"{pj:g} pJ"
        case PerAccess():
            return "{ read; fill; update }"
