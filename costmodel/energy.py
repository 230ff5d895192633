"""Energy: accesses times the price of one, in float64, at the very end.

An access moves a memory's width; a memory without a width is priced by the bit. The words of an instance are
packed: instances x ceil(words per instance / words per access) x price (Timeloop's convention).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dovetail.costmodel.columns import INTS, Kind, Number
from dovetail.costmodel.counts import Counts, HolderCounts, LinkHops
from dovetail.costmodel.tally import HopTally, Tallied, Tally
from dovetail.dsl.problem import Bits


@dataclass(frozen=True, slots=True)
class MemoryPrice:
    """pJ of one access that moves `bits` bits; with `bits` None the prices are pJ per bit and nothing is
    packed."""

    read_pj: float
    fill_pj: float
    update_pj: float
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class EnergyTable:
    """Prices of everything that is counted. What is not listed costs nothing."""

    memories: dict[str, MemoryPrice] = field(default_factory=dict)
    """By memory name."""
    mac_pj: float = 0.0
    """pJ of one multiply-accumulate."""
    links: dict[tuple[str, int], float] = field(default_factory=dict)
    """pJ of one word over one hop, by array name and position of the link in `Array.links`."""


@dataclass(frozen=True, slots=True)
class Energy:
    """Where the energy goes, in pJ."""

    mac_pj: float
    memories_pj: dict[str, dict[str, float]]
    """By memory and operand."""
    links_pj: dict[str, float]
    """By array: what its links between neighbours cost."""

    @property
    def total_pj(self) -> float:
        """The sum of all parts."""
        parts = [pj for operands in self.memories_pj.values() for pj in operands.values()]
        return self.mac_pj + sum(parts) + sum(self.links_pj.values())


def accesses(kind: Kind, words: Number, instances: Number, bits: int, width: int | None) -> Number:
    """Accesses of `width` bits over all instances that move `words` words of `bits` bits in total.

    A word wider than the access takes several. Without a width the unit is the bit: nothing is packed.
    """
    if width is None:
        return words * bits
    if bits > width:
        return words * -(-bits // width)
    return instances * kind.ceil_div(words, instances * (width // bits))


def holder_pj(kind: Kind, holder: HolderCounts | Tally, problem_bits: Bits, price: MemoryPrice) -> Number:
    """Energy of one memory for one operand, in pJ."""

    def at_width(bits: int) -> Number:
        pj: Number = 0.0
        for words, price_pj in (
            (holder.reads, price.read_pj),
            (holder.fills, price.fill_pj),
            (holder.updates, price.update_pj),
        ):
            if not _none(price_pj) and not _none(words):
                pj = pj + price_pj * accesses(kind, words, holder.instances, bits, price.bits)
        return pj

    if isinstance(holder.bits, int):
        return at_width(holder.bits)
    sums, outputs = at_width(problem_bits.sums), at_width(problem_bits.outputs)
    return kind.where(holder.bits == problem_bits.sums, sums, outputs)


FREE = MemoryPrice(0.0, 0.0, 0.0)


def energy(counts: Counts, table: EnergyTable, skipped: float = 0.0) -> Energy:
    """Energy of everything that `counts` lists; the fraction `skipped` of the MACs costs none."""
    return _energy(INTS, counts.macs, counts.holders, counts.hops, Bits(), table, skipped)


def energy_of(kind: Kind, tallied: Tallied, table: EnergyTable, skipped: float = 0.0) -> Energy:
    """The same of columns of mappings, added up in the same order: equal to the last bit."""
    problem = tallied.problem
    return _energy(kind, problem.macs, tallied.tallies, tallied.hops, problem.bits, table, skipped)


def _energy(
    kind: Kind,
    macs: int,
    holders: Sequence[HolderCounts | Tally],
    hops: Sequence[LinkHops | HopTally],
    bits: Bits,
    table: EnergyTable,
    skipped: float,
) -> Energy:
    memories: dict[str, dict[str, Number]] = {}
    for holder in holders:
        price = table.memories.get(holder.memory, FREE)
        memories.setdefault(holder.memory, {})[holder.operand] = holder_pj(kind, holder, bits, price)
    links: dict[str, Number] = {}
    for hop in hops:
        pj = hop.words * table.links.get((hop.array, hop.link), 0.0)
        links[hop.array] = links.get(hop.array, 0.0) + pj
    return Energy(macs * (1 - skipped) * table.mac_pj, memories, links)


def _none(number: Number) -> bool:
    """Whether it is 0, in all mappings."""
    return isinstance(number, int | float) and number == 0


def total_pj(kind: Kind, tallied: Tallied, table: EnergyTable, skipped: float = 0.0) -> Number:
    """The total of `energy`, for one mapping or for columns of them."""
    pj: Number = tallied.problem.macs * (1 - skipped) * table.mac_pj
    for t in tallied.tallies:
        price = table.memories.get(t.memory, FREE)
        pj = pj + holder_pj(kind, t, tallied.problem.bits, price)
    for hop in tallied.hops:
        price_pj = table.links.get((hop.array, hop.link), 0.0)
        if price_pj:
            pj = pj + hop.words * price_pj
    return pj
