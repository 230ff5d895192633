"""A network with feature maps that stay on chip (`keep feature_maps in MEMORY`).

    results, kept = Keeper(network, layers, architecture, batch, objective, ways, run).best()

The definition is in docs/model.md. Each layer is run with every combination of its own feature maps on chip,
and with the place that others take meanwhile; `keeping.py` chooses. Layers that find the same are run once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import chain, combinations
from typing import Final, TypeAlias

from dovetail.accel.architecture import Architecture
from dovetail.costmodel.bound import Bound
from dovetail.costmodel.feature_maps import feature_maps
from dovetail.costmodel.keeping import Choice, Kept, choose
from dovetail.costmodel.layer_cost import KeptMap, LayerCost, SingleDataflow
from dovetail.costmodel.on_chip import OnChip
from dovetail.costmodel.selection import Objective, Point
from dovetail.dsl.layer import Layer
from dovetail.dsl.network import Network

Run: TypeAlias = Callable[[Layer, OnChip, tuple[str, ...]], Sequence[LayerCost]]
"""The ways to run a layer while operands stay, its tensors that stay being named; none where it cannot."""

Floor: TypeAlias = Callable[[Layer, frozenset[str]], Bound]
"""What no way to run a layer with MACs beats while these operands stay."""

MOST_TENSORS: Final = 6
"""Tensors of an operation without MACs up to which its bound is that of every combination."""

_NONE: Final[frozenset[str]] = frozenset()


class Keeper:
    """Chooses what stays on chip."""

    def __init__(
        self,
        network: Network,
        layers: Sequence[Layer],
        architecture: Architecture,
        batch: int,
        objective: Objective,
        ways: Sequence[Sequence[LayerCost]],
        run: Run,
        floor: Floor,
    ) -> None:
        """`layers` are all that cost something, in order, `ways` the ways to run each with nothing kept."""
        assert architecture.keep_feature_maps_in is not None
        self._memory = architecture.memory(architecture.keep_feature_maps_in)
        self._layers = layers
        self._batch = batch
        self._objective = objective
        self._ways = ways
        self._run = run
        self._floor = floor
        room = self._memory.size_bits
        found = feature_maps(network, layers, batch)
        self._maps = [m for m in found if room is None or m.bits_at(m.last) <= room]
        self._known: dict[object, Sequence[LayerCost]] = {}

    def best(self) -> tuple[list[LayerCost], tuple[KeptMap, ...]]:
        """The layers as they run, and what stays."""
        choice = self._choose(self._at)
        results = [
            replace(self._at(number, here)[taken], bound=self._bound(number))
            for number, (here, taken) in enumerate(zip(choice.here, choice.taken, strict=True))
        ]
        names = [layer.name for layer in self._layers]
        kept = tuple(
            KeptMap(m.name, self._memory.name, m.bits_at(m.last), names[m.first], names[m.last])
            for m in (self._maps[number] for number in sorted(choice.kept))
        )
        return results, kept

    def _bound(self, number: int) -> Bound:
        """What no choice of what stays beats: all that could stay does, and leaves all the room."""
        layer = self._layers[number]
        alive = [m for m in self._maps if m.first <= number <= m.last]
        own = dict.fromkeys(tensor.name for tensor in (*layer.inputs, *layer.outputs))
        could = tuple(name for name in own if any(name in m.tensors for m in alive))
        if layer.loops is not None:
            return self._floor(layer, self._operands(layer, could))
        if len(could) > MOST_TENSORS:
            return Bound(0, 0.0)
        every = chain.from_iterable(combinations(could, n) for n in range(len(could) + 1))
        found = [way for some in every for way in self._run(layer, OnChip(self._memory.name, _NONE, 0), some)]
        return Bound(min(way.cycles for way in found), min(way.energy_pj for way in found))

    def single(self, dataflow: str) -> SingleDataflow:
        """What it costs if every layer takes one dataflow; layers that cannot are left out."""

        def of_flow(number: int, here: Kept) -> Sequence[LayerCost]:
            return [w for w in self._at(number, here) if w.chosen is None or w.dataflow == dataflow]

        missing = {n for n in range(len(self._layers)) if not of_flow(n, frozenset())}
        choice = self._choose(of_flow, missing)
        cycles, pj = 0, 0.0
        for number, (here, taken) in enumerate(zip(choice.here, choice.taken, strict=True)):
            if number not in missing:
                way = of_flow(number, here)[taken]
                cycles, pj = cycles + way.cycles, pj + way.energy_pj
        return SingleDataflow(dataflow, cycles, pj, tuple(self._layers[n].name for n in sorted(missing)))

    def _choose(
        self,
        ways: Callable[[int, Kept], Sequence[LayerCost]],
        missing: Collection[int] = (),
    ) -> Choice:
        def points(number: int, here: Kept) -> Sequence[Point]:
            if number in missing:
                return [(0, 0.0)]
            return [(way.cycles, way.energy_pj) for way in ways(number, here)]

        return choose(len(self._layers), self._maps, self._memory.size_bits, points, self._objective)

    def _at(self, number: int, here: Kept) -> Sequence[LayerCost]:
        """The ways to run a layer while these feature maps stay."""
        if not here:
            return self._ways[number]
        layer = self._layers[number]
        tensors, taken = self._own(number, here)
        if not layer.loops and not tensors:
            return self._ways[number]  # its words only pass through
        key: object = (number, tensors, taken)
        if layer.loops is not None:
            # what layers of one shape cost does not depend on the names of their tensors
            key = (layer.loops, bool(layer.weights), self._operands(layer, tensors), taken)
        found = self._known.get(key)
        if found is None:
            on_chip = OnChip(self._memory.name, self._operands(layer, tensors), taken)
            found = self._known[key] = self._run(layer, on_chip, tensors)
        return [replace(way, layer=layer, on_chip=tensors) for way in found]

    def _own(self, number: int, here: Kept) -> tuple[tuple[str, ...], int]:
        """The tensors of a layer that stay, and the bits that stay beside what it holds of them itself."""
        layer = self._layers[number]
        own = {tensor.name: tensor for tensor in (*layer.inputs, *layer.outputs)}
        staying: list[str] = []
        taken = 0
        for found in (self._maps[m] for m in sorted(here)):
            mine = [name for name in own if name in found.tensors]
            staying += mine
            held = sum(self._held_bits(layer, name) for name in mine)
            taken += max(0, found.bits_at(number) - held)
        return tuple(name for name in own if name in staying), taken

    def _held_bits(self, layer: Layer, name: str) -> int:
        """Bits of a tensor that are in the tiles of the layer's mapping, at most all of it."""
        if layer.loops is None:
            return 0
        tensor = next(t for t in (*layer.inputs, *layer.outputs) if t.name == name)
        tiles = [
            layer.loops.words(operand, gaps=not self._memory.skip_gaps) * getattr(layer.loops.bits, operand)
            for operand, own in _roles(layer).items()
            if own == name
        ]
        return int(min(tensor.words * tensor.bits, max(tiles, default=0)) * self._batch)

    def _operands(self, layer: Layer, tensors: Sequence[str]) -> frozenset[str]:
        return frozenset(operand for operand, name in _roles(layer).items() if name in tensors)


def _roles(layer: Layer) -> dict[str, str]:
    """The tensor that is each operand of the layer's loops, but for weights."""
    roles = {"inputs": layer.inputs[0].name, "outputs": layer.outputs[0].name}
    if not layer.weights and len(layer.inputs) > 1:
        roles["weights"] = layer.inputs[1].name
    return roles
