"""Energy: accesses times the price of one, in float64, at the very end.

An access moves a memory's width; a memory without a width is priced by the bit. The words of an instance are
packed: instances x ceil(words per instance / words per access) x price (Timeloop's convention).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dovetail.costmodel.counts import Counts, HolderCounts


@dataclass(frozen=True, slots=True)
class MemoryPrice:
    """pJ of one access that moves `bits` bits; with `bits` None the prices are pJ per bit and nothing is packed."""

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


def accesses(words: int, instances: int, bits: int, width: int | None) -> int:
    """Accesses of `width` bits over all instances that move `words` words of `bits` bits in total.

    A word wider than the access takes several. Without a width the unit is the bit: nothing is packed.
    """
    if width is None:
        return words * bits
    if bits > width:
        return words * -(-bits // width)
    return instances * -(-words // (instances * (width // bits)))


def holder_pj(holder: HolderCounts, price: MemoryPrice) -> float:
    """Energy of one memory for one operand, in pJ."""
    actions = (
        (holder.reads, price.read_pj),
        (holder.fills, price.fill_pj),
        (holder.updates, price.update_pj),
    )
    return sum(pj * accesses(words, holder.instances, holder.bits, price.bits) for words, pj in actions)


def energy(counts: Counts, table: EnergyTable) -> Energy:
    """Energy of everything that `counts` lists."""
    free = MemoryPrice(0.0, 0.0, 0.0)
    memories: dict[str, dict[str, float]] = {}
    for holder in counts.holders:
        price = table.memories.get(holder.memory, free)
        memories.setdefault(holder.memory, {})[holder.operand] = holder_pj(holder, price)
    links: dict[str, float] = {}
    for hop in counts.hops:
        pj = hop.words * table.links.get((hop.array, hop.link), 0.0)
        links[hop.array] = links.get(hop.array, 0.0) + pj
    return Energy(counts.macs * table.mac_pj, memories, links)
