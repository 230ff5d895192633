"""Operations without MACs: what they move, and the vector unit that does them.

Every word that such an operation reads comes out of the outermost memory, and every word that it makes goes
back there, but for feature maps that stay on chip. Where the text has a `unit` that does it, the words pass
through the memory beside that unit, and its lanes take an operation each a cycle; where it has none, or where
words only move, there is the traffic of the memories alone. Transfers overlap with the unit's work unless the
text says `overlap = none`.
"""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.accel.architecture import Architecture, Unit
from dovetail.costmodel.bound import transfer_cycles
from dovetail.costmodel.components import Prices
from dovetail.costmodel.counts import Counts, HolderCounts
from dovetail.costmodel.energy import EnergyTable, energy
from dovetail.costmodel.price_table import energy_table, spread_table
from dovetail.dsl.layer import Layer
from dovetail.dsl.operators import Cost

POOLS = frozenset({"maxpool", "avgpool"})
"""What `does = [pool]` stands for."""


@dataclass(frozen=True, slots=True)
class VectorCost:
    """What one operation without MACs costs."""

    unit: str | None
    """The unit that does it; None where nothing is computed, or no unit can."""
    holders: tuple[HolderCounts, ...]
    cycles: int
    bound_by: str
    """A memory or the unit."""
    memories_pj: dict[str, dict[str, float]]
    unit_pj: float
    spread_pj: float
    """The `±` of the energy."""


def unit_for(layer: Layer, architecture: Architecture) -> Unit | None:
    """The first unit that does the layer's operation; None where none does, or where words only move."""
    if layer.cost is Cost.MOVE:
        return None
    for unit in architecture.units:
        if layer.op in unit.does or (layer.op in POOLS and "pool" in unit.does):
            return unit
    return None


def vector_cost(
    layer: Layer,
    architecture: Architecture,
    prices: Prices,
    batch: int = 1,
    on_chip: frozenset[str] = frozenset(),
) -> VectorCost:
    """The cost of a layer that has no MACs and is not free, for `batch` images.

    The tensors named in `on_chip` stay in the memory of `keep feature_maps in`: they come from there, or go
    there, and not to the outermost one.
    """
    unit = unit_for(layer, architecture)
    outermost = architecture.memories[0]
    home = architecture.keep_feature_maps_in or outermost.name
    names = {tensor.name for tensor in (*layer.inputs, *layer.outputs)}
    away, stay = names - on_chip, names & on_chip
    holders = [_holder(layer, architecture, outermost.name, batch, away, passing=False)]
    if home != outermost.name:
        holders.append(_holder(layer, architecture, home, batch, stay, passing=False, weights=False))
    if unit is not None and unit.at != outermost.name:
        passing = away if unit.at == home else names
        holders.append(_holder(layer, architecture, unit.at, batch, passing, passing=True))
    counts = tuple(holder for parts in holders for holder in parts)

    transfer = _busy(architecture, outermost.name, counts)
    times: dict[str, int] = {}
    operations = layer.operations * batch
    if unit is not None:
        lanes = unit.lanes * architecture.instances(unit.at)
        times[unit.name] = -(-operations // lanes)
        if unit.at != outermost.name:
            times[unit.at] = _busy(architecture, unit.at, counts)
    if stay:
        times[home] = _busy(architecture, home, counts)
    inside = max(times.values(), default=0)
    cycles = max(inside, transfer) if architecture.overlap_transfers else inside + transfer
    latency = outermost.latency_cycles if any(c.memory == outermost.name for c in counts) else 0
    times[outermost.name] = transfer + latency

    plain, spread = (make(prices, architecture.bits) for make in (energy_table, spread_table))
    element = prices.units[unit.name].element_pj if unit is not None else None
    unit_pj = operations * element.value if element is not None else 0.0
    unit_spread = unit_pj * element.error if element is not None else 0.0
    return VectorCost(
        unit=unit.name if unit is not None else None,
        holders=counts,
        cycles=max(1, cycles + latency),
        bound_by=max(times, key=lambda name: times[name]),
        memories_pj=_energy(counts, plain),
        unit_pj=unit_pj,
        spread_pj=sum(sum(part.values()) for part in _energy(counts, spread).values()) + unit_spread,
    )


def _holder(
    layer: Layer,
    architecture: Architecture,
    memory: str,
    batch: int,
    tensors: set[str],
    *,
    passing: bool,
    weights: bool = True,
) -> tuple[HolderCounts, ...]:
    """What a memory does for each of these tensors; words that pass through it are written and read once."""

    def counts(operand: str, words: int, bits: int, reads: bool, fills: bool, updates: bool) -> HolderCounts:
        return HolderCounts(
            memory=memory,
            operand=operand,
            reads=words * reads,
            fills=words * fills,
            updates=words * updates,
            instances=architecture.instances(memory),
            tile_words=1,
            served_words=1,
            moves=True,
            bits=bits,
        )

    found = [
        counts("inputs", tensor.words * batch, tensor.bits, True, passing, False)
        for tensor in dict.fromkeys(layer.inputs)
        if tensor.name in tensors
    ]
    if layer.weights_read and weights:
        found.append(counts("weights", layer.weights_read, layer.weight_bits, True, passing, False))
    found += [
        counts("outputs", tensor.words * batch, tensor.bits, False, False, True)
        for tensor in layer.outputs
        if tensor.name in tensors
    ]
    return tuple(found)


def _busy(architecture: Architecture, memory: str, counts: tuple[HolderCounts, ...]) -> int:
    own = [c for c in counts if c.memory == memory]
    read = sum(c.reads * c.bits for c in own)
    written = sum((c.fills + c.updates) * c.bits for c in own)
    return transfer_cycles(architecture.memory(memory), read, written, architecture.instances(memory))


def _energy(counts: tuple[HolderCounts, ...], table: EnergyTable) -> dict[str, dict[str, float]]:
    parts: dict[str, dict[str, float]] = {}
    for holder in counts:
        # one at a time, since a layer may read several tensors that are all `inputs`
        priced = energy(Counts((holder,), (), macs=0, steps=0, pes=0), table)
        operands = parts.setdefault(holder.memory, {})
        operands[holder.operand] = operands.get(holder.operand, 0.0) + priced.total_pj
    return parts
