"""Memories outside the array: the tiles they keep, and the words that move when a tile changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from typing import TypeAlias

from dovetail.accel.mapping import Holds
from dovetail.accel.simulator.plan import Fold, Plan
from dovetail.accel.simulator.refusal import CannotSimulate
from dovetail.dsl.problem import DIMENSIONS, REDUCED, Problem

Axis: TypeAlias = tuple[int, int]
"""Where a box begins along an axis of the tensor, and its words along it (gaps of a stride included)."""
Box: TypeAlias = tuple[Axis, ...]


@dataclass(slots=True)
class Tile:
    """The last tile that a receiver was given, and the vector it last moved by.

    A tile that moves on by the same vector keeps what the two have in common (a sliding window); after any
    other move all of it is fetched anew.
    """

    box: Box | None = None
    vector: tuple[int, ...] | None = None

    def move_to(self, box: Box) -> int:
        """Words that have to be brought."""
        old = self.box
        if box == old:
            return 0
        new = prod(size for _, size in box)
        if old is not None:
            vector = tuple(a[0] - b[0] for a, b in zip(box, old, strict=True))
            if self.vector is None or vector == self.vector:
                new -= _common(box, old)
                self.vector = vector
            else:
                self.vector = None
        self.box = box
        return new


def _common(box: Box, old: Box) -> int:
    words = 1
    for (begin, size), (before, length) in zip(box, old, strict=True):
        words *= max(0, min(begin + size, before + length) - max(begin, before))
    return words


def box_of(problem: Problem, operand: str, begins: tuple[int, ...], left: tuple[int, ...]) -> Box | None:
    """The box of an operand that such a part of the loop nest touches; None where there is no work."""
    if min(left) <= 0:
        return None
    place = {d: (begin, size) for d, begin, size in zip(DIMENSIONS, begins, left, strict=True)}
    if operand == "weights":
        return tuple(place[d] for d in "GKCRS")
    if operand == "outputs":
        return tuple(place[d] for d in "NGKPQ")
    axes = [place[d] for d in "NGC"]
    for pixel, kernel, stride, dilation in (
        ("P", "R", problem.stride[0], problem.dilation[0]),
        ("Q", "S", problem.stride[1], problem.dilation[1]),
    ):
        (p, pixels), (r, taps) = place[pixel], place[kernel]
        axes.append((p * stride + r * dilation, (pixels - 1) * stride + (taps - 1) * dilation + 1))
    return tuple(axes)


@dataclass(frozen=True, slots=True)
class Moved:
    """What one change of a tile takes: words that come in and words that leave."""

    operand: str
    source: str
    memory: str
    words_in: int
    words_out: int


@dataclass(slots=True)
class Boundary:
    """Two memories outside the array between which one operand moves, tile by tile."""

    problem: Problem
    operand: str
    source: str
    memory: str
    loops: int
    """How many loops outside the array are outside the tile."""
    tile: Tile = field(default_factory=Tile)
    leaving: int = 0
    """Words of the outputs tile that is held now and leaves when it moves."""

    def change(self, begins: tuple[int, ...], left: tuple[int, ...]) -> Moved | None:
        """Move to the tile that begins there; None where it is the same or empty."""
        box = box_of(self.problem, self.operand, begins, left)
        if box is None or box == self.tile.box:
            return None
        words = self.tile.move_to(box)
        if self.operand != "outputs":
            return Moved(self.operand, self.source, self.memory, words, 0)
        out, self.leaving = self.leaving, words
        visited = any(begins[DIMENSIONS.index(d)] > 0 for d in REDUCED)
        return Moved(self.operand, self.source, self.memory, words if visited else 0, out)

    def flush(self) -> Moved | None:
        """Send the last tile of outputs outward."""
        out, self.leaving = self.leaving, 0
        return Moved(self.operand, self.source, self.memory, 0, out) if out else None


def boundaries(plan: Plan) -> tuple[Boundary, ...]:
    """All of them, operand by operand, outer to inner."""
    inside = {memory.name for memory in plan.registers}
    found = []
    for operand in ("weights", "inputs", "outputs"):
        chain = [
            (at, node.memory)
            for at in plan.mapping.holders(operand)
            if isinstance(node := plan.mapping.nodes[at], Holds) and node.memory not in inside
        ]
        for (_, source), (at, memory) in pairwise(chain):
            if plan.architecture.memory(memory).skip_gaps or plan.architecture.memory(source).skip_gaps:
                _only_dense(plan, operand)
            outside = sum(where < at for where, _ in plan.outside)
            found.append(Boundary(plan.problem, operand, source, memory, outside))
    return tuple(found)


def _only_dense(plan: Plan, operand: str) -> None:
    if operand == "inputs" and max(*plan.problem.stride, *plan.problem.dilation) > 1:
        raise CannotSimulate(
            "the simulator keeps the gaps of a strided tile: no memory with `gaps = skipped`"
        )


def tile_at(plan: Plan, fold: Fold, loops: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where the part inside so many loops begins during a fold, and how much is left to it."""
    begins, left = [0] * len(DIMENSIONS), [plan.problem.bounds[d] for d in DIMENSIONS]
    for index, (_, loop) in zip(fold.step[:loops], plan.outside, strict=False):
        at = DIMENSIONS.index(loop.dimension)
        begins[at] += index * loop.step
        left[at] = min(loop.step, left[at] - index * loop.step)
    return tuple(begins), tuple(left)
