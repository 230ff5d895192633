"""One layer on many accelerators: what the greedy mapper finds for each, bit for bit, at much less work.

Of an accelerator the greedy mapper notices what its *kind* is (`machine_columns.kind_of`), how it lays out
the layer (`greedy.Layout`) and what fits (`greedy.Room`): where these agree, it tries the same mappings.
Their counts are the same too, so they are counted once (`counted.py`), and only cycles and energies are
worked out for each accelerator, all of a block at once, by the formulas that price a single one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dovetail.accel.architecture import Architecture, Dataflow
from dovetail.accel.mapping import Mapping
from dovetail.costmodel.batch import EXACT, Floats, largest_rate, most_counted
from dovetail.costmodel.columns import Number
from dovetail.costmodel.components import Prices
from dovetail.costmodel.counted import Counted, Inexact
from dovetail.costmodel.energy import EnergyTable, energy_of
from dovetail.costmodel.greedy import Layout, NoMapping, Room, attempts, layout, sizes_of, worth_of
from dovetail.costmodel.latency import latency, mac_rate
from dovetail.costmodel.layer_cost import EnergyParts
from dovetail.costmodel.machine_columns import MachineColumns, PriceColumns, kind_of, prices_kind
from dovetail.costmodel.price_table import energy_table
from dovetail.costmodel.selection import Candidate
from dovetail.costmodel.trials import leakage_pj_per_cycle
from dovetail.dsl.problem import Bits, Problem

MOST_KEPT: Final = 100_000
"""Counts of mappings, attempts and layouts that are kept, of all layers: about a kilobyte each."""


class Block:
    """Accelerators of one kind, with what is worked out for all of them once."""

    def __init__(self, machines: Sequence[tuple[Architecture, Prices]], kind: Architecture) -> None:
        self.kind = kind
        self.machines = tuple(machines)
        self.architectures = tuple(architecture for architecture, _ in machines)
        self.columns = MachineColumns(self.architectures)
        self.sizes = [sizes_of(architecture) for architecture in self.architectures]
        self.axes = [tuple(a.axes for a in architecture.spatial) for architecture in self.architectures]
        self.leakage = np.array([leakage_pj_per_cycle(*machine) for machine in machines])
        self.rate = max(largest_rate(architecture) for architecture in self.architectures)
        self.pes = max(architecture.pes * architecture.mac.lanes for architecture in self.architectures)
        self._tables: dict[Bits, PriceColumns] = {}

    def prices(self, bits: Bits) -> PriceColumns:
        """The energy tables at these widths."""
        if bits not in self._tables:
            self._tables[bits] = PriceColumns([energy_table(prices, bits) for _, prices in self.machines])
        return self._tables[bits]


def blocks(
    machines: Sequence[tuple[Architecture, Prices]],
) -> list[tuple[list[int], Block]]:
    """Machines sorted into blocks of one kind: their positions, and the block."""
    kinds: dict[tuple[Architecture, tuple[object, ...]], list[int]] = {}
    for at, (architecture, prices) in enumerate(machines):
        key = (kind_of(architecture), prices_kind(energy_table(prices, architecture.bits)))
        kinds.setdefault(key, []).append(at)
    return [(members, Block([machines[at] for at in members], kind)) for (kind, _), members in kinds.items()]


@dataclass(slots=True)
class _Known:
    """Attempts that hold for all sizes from `least` to less than `below`: the chain and row of each."""

    least: tuple[int, ...]
    below: tuple[float, ...]
    places: tuple[tuple[int, int], ...] = ()

    def holds(self, sizes: Sequence[int | None]) -> bool:
        """Whether they hold for these sizes."""
        return all(
            size is None or least <= size < below
            for size, least, below in zip(sizes, self.least, self.below, strict=True)
        )


class _Layer:
    """A layer by one dataflow on accelerators of one kind."""

    def __init__(self, problem: Problem, flow: Dataflow) -> None:
        self.problem, self.flow = problem, flow
        self.layouts: dict[object, Layout] = {}
        self.known: dict[object, list[_Known]] = {}
        self.counted: Counted | None = None

    @property
    def kept(self) -> int:
        """How much is remembered."""
        rows = self.counted.rows if self.counted is not None else 0
        return rows + len(self.layouts) + sum(map(len, self.known.values()))

    def attempts(self, block: Block) -> list[_Known]:
        """What is tried on each machine; raises NoMapping where it cannot be laid out, Inexact."""
        found: list[_Known] = []
        fresh: list[tuple[_Known, tuple[Mapping, ...]]] = []
        for architecture, sizes, axes in zip(block.architectures, block.sizes, block.axes, strict=True):
            plan = self.layouts.get(axes)
            if plan is None:
                plan = self.layouts[axes] = layout(self.problem, architecture, self.flow)
            entries = self.known.setdefault((plan.spread, plan.held), [])
            place = next((at for at, entry in enumerate(entries) if entry.holds(sizes)), None)
            if place is not None:
                known = entries[place]
                if place:  # the next machine is like this one
                    entries.insert(0, entries.pop(place))
            else:
                room = Room(sizes)
                tried = attempts(self.problem, architecture, self.flow, plan, room).mappings
                known = _Known(tuple(room.least), tuple(room.below))
                entries.insert(0, known)
                fresh.append((known, tried))
            found.append(known)
        if self.counted is None:
            self.counted = Counted(next(iter(self.layouts.values())).whole)
        mappings = dict.fromkeys(mapping for _, tried in fresh for mapping in tried)
        places = dict(zip(mappings, self.counted.add(block.architectures[0], list(mappings)), strict=True))
        for known, tried in fresh:
            known.places = tuple(places[mapping] for mapping in tried)
        return found


class GreedyBlocks:
    """Layers on blocks of accelerators; what recurs is remembered."""

    def __init__(self) -> None:
        self._layers: OrderedDict[tuple[object, ...], _Layer] = OrderedDict()
        self._kept = 0

    def map(self, problem: Problem, block: Block, flow: Dataflow | None) -> list[Candidate | None] | None:
        """The greedy mapping of a layer on each machine; None for a machine on which there is none.

        None as a whole where the block cannot be calculated as columns, or the layer not be laid out.
        """
        key = (problem, block.kind, flow)
        layer = self._layers.get(key)
        if layer is None:
            layer = self._layers[key] = _Layer(problem, flow or Dataflow(""))
        self._layers.move_to_end(key)
        if most_counted(problem, block.rate, block.pes) >= EXACT:
            return None
        before = layer.kept
        try:
            tried = layer.attempts(block)
            return self._best(layer, block, tried, flow.name if flow is not None else None)
        except (NoMapping, Inexact):
            del self._layers[key]
            self._kept -= before
            return None
        finally:
            if key in self._layers:
                self._kept += layer.kept - before
            self._forget()

    def _forget(self) -> None:
        """Keep what was used last."""
        while self._kept > MOST_KEPT and self._layers:
            _, oldest = self._layers.popitem(last=False)
            self._kept -= oldest.kept

    @staticmethod
    def _best(
        layer: _Layer, block: Block, tried: Sequence[_Known], flow: str | None
    ) -> list[Candidate | None] | None:
        most = max(len(known.places) for known in tried)
        if layer.counted is None or not most:
            return [None] * len(tried)
        pairs: list[list[tuple[int, int, int]]] = [[] for _ in layer.counted.chains]
        for machine, known in enumerate(tried):
            for order, (chain, row) in enumerate(known.places):
                pairs[chain].append((machine, order, row))
        worth = np.full((len(tried), most), inf)
        figures = np.zeros((4, len(tried), most))
        for chain, own in enumerate(pairs):
            if own:
                machines, orders, rows = np.array(own, np.intp).T
                priced = _priced(layer, block, chain, machines, rows, flow)
                worth[machines, orders] = priced[0]
                figures[:, machines, orders] = priced[1:]
        best = worth.argmin(axis=1)
        chosen = figures[:, np.arange(len(tried)), best].T.tolist()
        return [
            Candidate(flow, int(cycles), energy_pj, int(bits), used) if known.places else None
            for known, (cycles, energy_pj, bits, used) in zip(tried, chosen, strict=True)
        ]


def _priced(
    layer: _Layer,
    block: Block,
    chain: int,
    machines: NDArray[np.intp],
    rows: NDArray[np.intp],
    flow: str | None,
) -> NDArray[np.float64]:
    """Of each row on its machine: its worth, cycles, pJ with leakage, bits over the edge, utilisation.

    The same operations in the same order as for one mapping (`evaluate_mapping`, `try_mapping`).
    """
    assert layer.counted is not None
    kind = Floats(len(rows))
    tallied = layer.counted.take(chain, rows)
    architecture = block.columns.at(machines)
    table: EnergyTable = block.prices(layer.problem.bits).at(machines)
    problem, mac = tallied.problem, architecture.mac
    cycles, _, _, _ = latency(
        kind, problem, architecture, tallied.steps, tallied.pes, tallied.tallies, tallied.hops, flow
    )
    skipped = problem.weight_zeros if flow in mac.skip_zero_weights_in else 0.0
    spent = energy_of(kind, tallied, table, skipped)
    leakage = block.leakage[machines] * cycles
    whole = EnergyParts(spent.mac_pj, spent.memories_pj, spent.links_pj, {}, leakage, 0.0).total_pj
    peak = architecture.pes * mac.lanes * cycles
    used = problem.macs / peak / float(mac_rate(problem, mac))
    outermost = architecture.memories[0].name
    bits: Number = 0
    for t in tallied.tallies:
        if t.memory == outermost:
            bits = bits + (t.reads + t.fills + t.updates) * t.bits
    if max(kind.largest, *(float(np.max(number)) for number in (cycles, peak, bits))) >= EXACT:
        raise Inexact
    numbers = (worth_of(cycles, spent.total_pj), cycles, whole, bits, used)
    return np.stack([np.broadcast_to(np.asarray(number, np.float64), len(rows)) for number in numbers])
