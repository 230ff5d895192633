"""From priced parts to the numbers that counts are multiplied by, and to the same numbers' error bands."""

from __future__ import annotations

from dovetail.costmodel.components import MemoryPrices, Prices
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.figures import Figure
from dovetail.dsl.problem import Bits


def energy_table(prices: Prices, bits: Bits) -> EnergyTable:
    """Prices for a layer whose operands are this wide."""
    return EnergyTable(
        {name: _memory(memory, spread=False) for name, memory in prices.memories.items()},
        prices.mac.energy_pj(bits).value,
        {(link.array, link.index): link.hop_pj(getattr(bits, link.link.tensor)) for link in prices.links},
    )


def spread_table(prices: Prices, bits: Bits) -> EnergyTable:
    """The same with each price's error in its place: what counts make of it is the `±` of their energy.

    Errors add up as if all were wrong in one direction, since most come from one table.
    """
    links: dict[tuple[str, int], float] = {}
    for link in prices.links:
        width = getattr(bits, link.link.tensor)
        links[link.array, link.index] = _spread(link.per_bit_pj) * width + _spread(link.per_word_pj)
    return EnergyTable(
        {name: _memory(memory, spread=True) for name, memory in prices.memories.items()},
        _spread(prices.mac.energy_pj(bits)),
        links,
    )


def _spread(figure: Figure) -> float:
    return figure.value * figure.error


def _memory(memory: MemoryPrices, *, spread: bool) -> MemoryPrice:
    read, fill, update = (
        _spread(figure) if spread else figure.value
        for figure in (memory.read_pj, memory.fill_pj, memory.update_pj)
    )
    return MemoryPrice(read, fill, update, memory.bits)
