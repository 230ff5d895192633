"""The Pareto front of a recursion: fronts of its parts added and united, from the smallest to the whole.

    front(node) = union over its ways of (sum over the way's layers and parts of their fronts)

Why nothing is lost. Let the totals of a design be sums over its parts. If a part of it is dominated, exchange
it for what dominates it: the design that results has the same choices elsewhere, exists (parts of one node
leave the same to the rest of the network: that is what a node is), and is no worse in any total. So every
point of the true front is a sum of points of the parts' fronts, and the same holds inside the parts.

Sums are exact: the values of the layers are rounded to a grid fine enough that float64 adds them without an
error, so that neither the order of the sums nor rounding can decide what dominates what.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2
from typing import TypeAlias

import numpy as np

from dovetail.explorer.exact.pareto import Indices, Values, merge, nondominated
from dovetail.explorer.exact.recursion import Part, Recursion, Way
from dovetail.explorer.exact.trimming import DEFAULT, Limits, Range, TooLarge, heights, thinned


@dataclass(frozen=True, slots=True)
class Designs:
    """Designs of a front: choices and options' numbers by path, additive metrics, and their layers.

    `metrics`: float64[designs, metrics]. `layers` has for each distinct layer the designs that use it (once
    for each use) and which of the layer's points they take: two int64[uses].
    """

    choices: tuple[Mapping[str, str], ...]
    digits: tuple[Mapping[str, int], ...]
    metrics: Values
    layers: Mapping[int, tuple[Indices, Indices]]

    def totals(self, values: Sequence[Values]) -> Values:
        """Sums over layers, float64[designs, columns]: `values` are of the points of each distinct layer."""
        columns = values[0].shape[1] if values else 0
        totals = np.zeros((len(self.choices), columns))
        for layer, (designs, points) in self.layers.items():
            np.add.at(totals, designs, values[layer][points])
        return totals


class _Front(ABC):
    """A front whose points know what they are made of."""

    values: Values

    @abstractmethod
    def open(self, walk: _Walk, designs: Indices, points: Indices, parts: Parts) -> None:
        """Go on with what the points of these designs are made of."""


Parts: TypeAlias = tuple[Part, ...]
"""The uses that a node is in, innermost first: they rename its choices."""


class _Walk:
    """From points of the whole to what they are made of: each node once, for all designs that use it."""

    def __init__(self, designs: int, metrics: int) -> None:
        self.choices: list[dict[str, str]] = [{} for _ in range(designs)]
        self.digits: list[dict[str, int]] = [{} for _ in range(designs)]
        self.metrics = np.zeros((designs, metrics))
        self.layers: dict[int, list[tuple[Indices, Indices]]] = {}
        self.pending: dict[int, dict[Parts, list[tuple[Indices, Indices]]]] = {}

    def result(self, fronts: Sequence[_Front], points: Indices) -> Designs:
        """What these points of the last front are made of."""
        self.pending[len(fronts) - 1] = {(): [(np.arange(len(points)), points)]}
        for node in range(len(fronts) - 1, -1, -1):
            for parts, found in self.pending.pop(node, {}).items():
                fronts[node].open(self, *_joined(found), parts)
        return Designs(
            tuple(self.choices),
            tuple(self.digits),
            self.metrics,
            {layer: _joined(found) for layer, found in sorted(self.layers.items())},
        )


def _joined(pairs: Sequence[tuple[Indices, Indices]]) -> tuple[Indices, Indices]:
    first, second = zip(*pairs, strict=True)
    return np.concatenate(first), np.concatenate(second)


@dataclass(frozen=True)
class _Leaf(_Front):
    """The points of a layer."""

    values: Values
    layer: int
    points: Indices

    def open(self, walk: _Walk, designs: Indices, points: Indices, parts: Parts) -> None:
        walk.layers.setdefault(self.layer, []).append((designs, self.points[points]))


@dataclass(frozen=True)
class _Sum(_Front):
    """Two fronts added."""

    values: Values
    left: _Front
    right: _Front
    of_left: Indices
    of_right: Indices

    def open(self, walk: _Walk, designs: Indices, points: Indices, parts: Parts) -> None:
        self.left.open(walk, designs, self.of_left[points], parts)
        self.right.open(walk, designs, self.of_right[points], parts)


@dataclass(frozen=True)
class _Used(_Front):
    """A node's front where it is used."""

    values: Values
    part: Part

    def open(self, walk: _Walk, designs: Indices, points: Indices, parts: Parts) -> None:
        named = (self.part, *parts) if self.part.old != self.part.new else parts
        walk.pending.setdefault(self.part.node, {}).setdefault(named, []).append((designs, points))


@dataclass(frozen=True)
class _Fixed(_Front):
    """What a way adds whatever its parts are: its choices and their share of the metrics."""

    values: Values
    way: Way

    def open(self, walk: _Walk, designs: Indices, points: Indices, parts: Parts) -> None:
        if self.way.metrics:
            np.add.at(walk.metrics, designs, np.array(self.way.metrics))
        for path, option, number in self.way.chosen:
            for part in parts:
                path = part.rename(path)
            for design in designs.tolist():
                walk.choices[design][path] = option
                walk.digits[design][path] = number


@dataclass(frozen=True)
class _Union(_Front):
    """Fronts side by side."""

    values: Values
    fronts: Sequence[_Front]
    which: Indices
    index: Indices

    def open(self, walk: _Walk, designs: Indices, points: Indices, parts: Parts) -> None:
        which, index = self.which[points], self.index[points]
        for number in np.unique(which).tolist():
            here = which == number
            self.fronts[number].open(walk, designs[here], index[here], parts)


@dataclass(frozen=True, slots=True)
class Front:
    """The front of a space: values float64[points, columns], in lexicographic order, all to be minimised."""

    values: Values
    fronts: Sequence[_Front]
    metrics: int
    epsilon: float
    """0 where the front is exact; else each design is beaten by one of these up to this relative error."""
    largest: int
    """Points of the largest front on the way."""
    merges: int

    def __len__(self) -> int:
        return len(self.values)

    def designs(self, points: Indices) -> Designs:
        """What points of the front are made of."""
        return _Walk(len(points), self.metrics).result(self.fronts, points)


def pareto_front(
    recursion: Recursion,
    leaves: Sequence[Values],
    metrics: Sequence[tuple[int, int, float]] = (),
    limits: Limits = DEFAULT,
) -> Front:
    """The front of all designs of a recursion.

    `leaves`: for each distinct layer float64[points, columns]. `metrics` says where additive metrics go:
    (index in the recursion, column, factor). Fronts past a limit are thinned out, and the result says how far
    it may be off; raises TooLarge where no error that is allowed makes them fit.
    """
    share = 1.0
    while True:
        front = _Folding(recursion, leaves, metrics, limits, share).front()
        if front.epsilon <= limits.epsilon:
            return front
        share /= 2  # several large parts side by side: each of them gets less


class _Folding:
    def __init__(
        self,
        recursion: Recursion,
        leaves: Sequence[Values],
        metrics: Sequence[tuple[int, int, float]],
        limits: Limits,
        share: float,
    ) -> None:
        self.recursion = recursion
        self.columns = leaves[0].shape[1] if leaves else 1 + max((c for _, c, _ in metrics), default=0)
        self.metrics = metrics
        self.limits = limits
        self.largest = self.merges = 0
        self.range = self._range(leaves)
        self.grid = _grid(self.most)
        self.budget = share * limits.epsilon * self.range.magnitude
        self.heights = heights(recursion)
        self.errors: list[Values] = []
        self.leaves = [self._leaf(number, self._on_grid(values)) for number, values in enumerate(leaves)]
        self.multisets: dict[tuple[tuple[int, int], ...], _Front] = {}
        self.fronts: list[_Front] = []

    # --------------------------------------------------------------------------------- exact sums

    def _range(self, leaves: Sequence[Values]) -> Range:
        """Bounds of the totals of all designs."""
        low = [values.min(axis=0) for values in leaves]
        high = [values.max(axis=0) for values in leaves]
        ends: list[tuple[Values, Values]] = []
        for node in self.recursion.nodes:
            least, most = np.full(self.columns, np.inf), np.full(self.columns, -np.inf)
            for way in node:
                a = b = self._constant(way)
                for layer, count in way.layers:
                    a, b = a + count * low[layer], b + count * high[layer]
                for part in way.parts:
                    a, b = a + ends[part.node][0], b + ends[part.node][1]
                least, most = np.minimum(least, a), np.maximum(most, b)
            ends.append((least, most))
        self.most = np.max(np.abs(np.array(ends)), axis=(0, 1))
        return Range(*ends[-1])

    def _on_grid(self, values: Values) -> Values:
        fine = self.grid > 0
        rounded = np.array(values, dtype=np.float64)
        rounded[:, fine] = np.rint(rounded[:, fine] / self.grid[fine]) * self.grid[fine]
        return rounded

    def _constant(self, way: Way) -> Values:
        constant = np.zeros(self.columns)
        for index, column, factor in self.metrics:
            constant[column] += factor * way.metrics[index]
        return constant

    # -------------------------------------------------------------------------------------- fronts

    def front(self) -> Front:
        """The front of the last node."""
        for number, node in enumerate(self.recursion.nodes):
            self.fronts.append(self._node([self._way(way) for way in node], number))
        whole = self.fronts[-1]
        lost, least = self.errors[-1], self.range.magnitude
        epsilon = float(np.max(lost[lost > 0] / least[lost > 0], initial=0.0))
        return Front(
            whole.values, self.fronts, len(self.recursion.metrics), epsilon, self.largest, self.merges
        )

    def _leaf(self, number: int, values: Values) -> _Leaf:
        keep = nondominated(values)
        return _Leaf(values[keep], number, keep)

    def _node(self, ways: Sequence[_Front], number: int) -> _Front:
        if len(ways) == 1:
            union: _Front = ways[0]
        else:
            values = np.concatenate([way.values for way in ways])
            keep = nondominated(values)
            which = np.repeat(np.arange(len(ways)), [len(way.values) for way in ways])[keep]
            index = np.concatenate([np.arange(len(way.values)) for way in ways])[keep]
            union = _Union(values[keep], ways, which, index)
        self.largest = max(self.largest, len(union.values))
        lost = np.max([self._lost(way) for way in self.recursion.nodes[number]], axis=0)
        if len(union.values) > self.limits.points:
            allowed = np.maximum(self.budget - lost, 0.0) / (self.heights[number] + 1)
            kept, cell = thinned(union.values, allowed, self.limits.points)
            if len(kept) > self.limits.most:
                raise TooLarge(f"a front of {len(kept)} points")
            union = _Union(union.values[kept], (union,), np.zeros(len(kept), dtype=np.int64), kept)
            lost = lost + cell
        self.errors.append(lost)
        return union

    def _lost(self, way: Way) -> Values:
        """How far a way's sums may be off, from what its parts were thinned out by."""
        return sum((self.errors[part.node] for part in way.parts), np.zeros(self.columns))

    def _way(self, way: Way) -> _Front:
        parts: list[_Front] = [_Fixed(self._on_grid(self._constant(way)[None, :]), way)]
        if way.layers:
            parts.append(self._multiset(way.layers))
        parts += [_Used(self.fronts[part.node].values, part) for part in way.parts]
        return self._added(parts)

    def _multiset(self, layers: tuple[tuple[int, int], ...]) -> _Front:
        """Layers of a way, each as often as it occurs; the same ones are added up once."""
        if layers not in self.multisets:
            self.multisets[layers] = self._added(
                [self.leaves[layer] for layer, n in layers for _ in range(n)]
            )
        return self.multisets[layers]

    def _added(self, parts: Sequence[_Front]) -> _Front:
        """The sum, smaller fronts first."""
        pending = sorted(parts, key=lambda part: len(part.values))
        total: _Front = pending[0]
        for part in pending[1:]:
            merged = merge(total.values, part.values)
            self.merges += 1
            self.largest = max(self.largest, len(merged.values))
            total = _Sum(merged.values, total, part, merged.left, merged.right)
        return total


def _grid(most: Values) -> Values:
    """A power of two for each column, so coarse that no sum needs more than 52 bits of it."""
    return np.array([2.0 ** (ceil(log2(x)) - 50) if x > 0 else 0.0 for x in most])
