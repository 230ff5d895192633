"""A mapping cut where the array begins: what happens one fold after the other, and what inside a fold.

    temporal loops   = outside ... fold ..., stream ...
    fold             one stay of the stationary operand in the PEs
    stream           the steps of a fold, one a cycle
    rows, columns    the PEs: the spatial loops along the two axes of the array

A dimension's index is the sum of its loops' indices times their steps; a loop that has less left than its
step has fewer words, or PEs without work. All index arrays here broadcast to `[stream steps, rows, columns]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from dovetail.accel.architecture import Architecture, Array, Dataflow, LinkKind, Memory
from dovetail.accel.mapping import For, Holds, Mapping, Spatial, flatten
from dovetail.accel.simulator.refusal import CannotSimulate
from dovetail.dsl.problem import DIMENSIONS, OPERANDS, RELEVANT, Problem

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fold:
    """Where a fold begins in each dimension and how much is left to it there (0 or less: nothing)."""

    begins: tuple[int, ...]
    """One entry a dimension, in the order of `DIMENSIONS`."""
    left: tuple[int, ...]
    """The same, before any loop over PEs."""
    woven: tuple[int, ...]
    """The index of each loop in `Plan.outside` that comes after a loop over PEs of its dimension."""
    step: tuple[int, ...]
    """The index of each loop in `Plan.outside`."""
    changed: int
    """Position in `Plan.outside` of the outermost loop that has stepped (0 for the first fold)."""

    @property
    def shape(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What decides where there is work: folds of one shape differ only in where they begin."""
        return self.left, self.woven

    def begin(self, dimension: str) -> int:
        """Where it begins along one dimension."""
        return self.begins[DIMENSIONS.index(dimension)]


@dataclass(frozen=True, slots=True)
class Inside:
    """The indices of one dimension inside a fold, relative to its begin, and whether there is work."""

    index: Ints
    valid: Bools


class Plan:
    """A legal mapping of a layer on an architecture with one array of two axes. Immutable.

    Raises CannotSimulate where the array or the mapping is of another kind.
    """

    def __init__(
        self, problem: Problem, architecture: Architecture, mapping: Mapping, dataflow: str | None = None
    ) -> None:
        self.layer, self.architecture, self.mapping, self.dataflow = problem, architecture, mapping, dataflow
        self.problem = flatten(problem, mapping.flat)
        self.array = _only_array(architecture)
        self.registers = _memories_inside(architecture, self.array)
        self.row_axis, self.column_axis = self.array.axes
        self.stationary = self._stationary()
        self.first_stream = self._first_stream()
        nodes = mapping.nodes
        self.outside = tuple(
            (at, node) for at, node in enumerate(nodes[: self.first_stream]) if isinstance(node, For)
        )
        self.stream = tuple(
            (at, node) for at, node in enumerate(nodes) if at >= self.first_stream and isinstance(node, For)
        )
        self.rows = self._along(self.row_axis.name)
        self.columns = self._along(self.column_axis.name)
        self.steps = prod(loop.trips for _, loop in self.stream)
        spread = [(at, node.dimension) for at, node in enumerate(nodes) if isinstance(node, Spatial)]
        self.woven = tuple(
            any(where < at and d == loop.dimension for where, d in spread) for at, loop in self.outside
        )
        self._inside: dict[object, dict[str, Inside]] = {}

    # --------------------------------------------------------------------------------------- structure

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the array (of PEs there are, used or not)."""
        return self.row_axis.size, self.column_axis.size

    @property
    def folds(self) -> int:
        """How many folds there are."""
        return prod(loop.trips for _, loop in self.outside)

    def _along(self, axis: str) -> tuple[tuple[int, Spatial], ...]:
        return tuple(
            (at, node)
            for at, node in enumerate(self.mapping.nodes)
            if isinstance(node, Spatial) and node.axis == axis
        )

    def feeder(self, operand: str) -> Memory:
        """The memory outside the array that serves the PEs with an operand (or takes it from them)."""
        inside = {memory.name for memory in self.registers}
        names = [
            node.memory
            for at in self.mapping.holders(operand)
            if isinstance(node := self.mapping.nodes[at], Holds) and node.memory not in inside
        ]
        return self.architecture.memory(names[-1])

    def register(self, operand: str) -> Memory | None:
        """The memory in the PE that holds an operand."""
        names = [memory.name for memory in self.registers]
        for at in self.mapping.holders(operand):
            node = self.mapping.nodes[at]
            if isinstance(node, Holds) and node.memory in names:
                return self.architecture.memory(node.memory)
        return None

    def _stationary(self) -> str:
        held = [operand for operand in OPERANDS if self.register(operand) is not None]
        if len(held) != 1:
            kept = ", ".join(held) or "nothing"
            raise CannotSimulate(
                f"the PEs hold {kept}: the simulator runs mappings that hold one operand there"
            )
        return held[0]

    def _holder_inside(self) -> int:
        register = self.register(self.stationary)
        assert register is not None
        return next(
            at
            for at in self.mapping.holders(self.stationary)
            if isinstance(node := self.mapping.nodes[at], Holds) and node.memory == register.name
        )

    def _first_stream(self) -> int:
        """The first node of a fold: after the last loop that moves the stationary operand.

        Loops inside which a memory outside the array keeps something are steps of that memory: they are folds
        of their own, in which the stationary operand stays.
        """
        inside = {memory.name for memory in self.registers}
        first, holder = 0, self._holder_inside()
        for at, node in enumerate(self.mapping.nodes):
            moves = (
                at < holder
                and isinstance(node, For)
                and node.trips > 1
                and node.dimension in RELEVANT[self.stationary]
            )
            if moves or (isinstance(node, Holds) and node.memory not in inside):
                first = at + 1
        return first

    def check_one_word(self) -> None:
        """CannotSimulate where a PE keeps more than a word of the stationary operand at once."""
        for node in self.mapping.nodes[self._holder_inside() :]:
            if isinstance(node, For) and node.trips > 1 and node.dimension in RELEVANT[self.stationary]:
                raise CannotSimulate(
                    f"the loop over {node.dimension} inside the PEs' memory moves the {self.stationary}: "
                    "a systolic array is simulated with one word of it in each PE"
                )

    # ------------------------------------------------------------------------------------------- folds

    def walk(self) -> Iterator[Fold]:
        """All folds in the order of time."""
        bounds = tuple(self.problem.bounds[d] for d in DIMENSIONS)
        where = [DIMENSIONS.index(loop.dimension) for _, loop in self.outside]
        steps = [loop.step for _, loop in self.outside]
        previous: tuple[int, ...] | None = None
        for step in product(*(range(loop.trips) for _, loop in self.outside)):
            begins, left = [0] * len(DIMENSIONS), list(bounds)
            for index, at, size, woven in zip(step, where, steps, self.woven, strict=True):
                begins[at] += index * size
                if not woven:
                    left[at] = min(size, left[at] - index * size)
            changed = 0
            if previous is not None:
                changed = next(i for i, (a, b) in enumerate(zip(step, previous, strict=True)) if a != b)
            previous = step
            late = tuple(index for index, woven in zip(step, self.woven, strict=True) if woven)
            yield Fold(tuple(begins), tuple(left), late, step, changed)

    def stays(self) -> Iterator[tuple[Fold, bool, bool]]:
        """All folds, with whether the stationary operand comes with it, and whether it goes after it.

        A fold without work (a loop that has nothing left) moves nothing.
        """
        where = [DIMENSIONS.index(d) for d in RELEVANT[self.stationary]]
        before: list[int] | None = None
        waiting: list[Fold] = []  # a fold with work, and those without after it
        for fold in self.walk():
            if waiting and self.has_work(fold):
                here = [waiting[0].begins[at] for at in where]
                there = [fold.begins[at] for at in where]
                yield from self._stay(waiting, here != before, here != there)
                before, waiting = here, []
            waiting.append(fold)
        here = [waiting[0].begins[at] for at in where]
        yield from self._stay(waiting, here != before, True)

    @staticmethod
    def _stay(folds: list[Fold], first: bool, last: bool) -> Iterator[tuple[Fold, bool, bool]]:
        yield folds[0], first, last
        for fold in folds[1:]:
            yield fold, False, False

    def has_work(self, fold: Fold) -> bool:
        """Whether any PE multiplies in it."""
        if min(fold.left) <= 0:
            return False
        return not fold.woven or all(inside.valid.any() for inside in self.inside(fold).values())

    def inside(self, fold: Fold) -> dict[str, Inside]:
        """The indices of each dimension inside a fold."""
        known = self._inside.get(fold.shape)
        if known is None:
            known = self._inside[fold.shape] = self._indices(fold)
        return known

    def _indices(self, fold: Fold) -> dict[str, Inside]:
        rows, columns = self.shape
        index = {d: np.zeros((1, 1, 1), np.int64) for d in DIMENSIONS}
        left = {d: np.full((1, 1, 1), size, np.int64) for d, size in zip(DIMENSIONS, fold.left, strict=True)}
        numbers: dict[int, Ints] = {}
        for loops, length, axis in (
            (self.stream, self.steps, 0),
            (self.rows, rows, 1),
            (self.columns, columns, 2),
        ):
            trips = [loop.trips for _, loop in loops]
            every = np.arange(length, dtype=np.int64)
            for place, (at, _) in enumerate(loops):
                inner = prod(trips[place + 1 :])
                own = every // inner if place == 0 else every // inner % trips[place]
                numbers[at] = own.reshape([-1 if i == axis else 1 for i in range(3)])
        late = [at for (at, _), woven in zip(self.outside, self.woven, strict=True) if woven]
        begun = dict(zip(late, fold.woven, strict=True))
        for at in sorted((*numbers, *late)):
            loop = self.mapping.nodes[at]
            assert not isinstance(loop, Holds)
            d = loop.dimension
            if at in begun:  # it has moved the begin of the fold already
                left[d] = np.minimum(loop.step, left[d] - begun[at] * loop.step)
                continue
            number = numbers[at]
            index[d] = index[d] + number * loop.step
            left[d] = np.minimum(loop.step, left[d] - number * loop.step)
            if isinstance(loop, Spatial):
                # PEs beyond the loop's own trips have no work, whatever is left
                left[d] = np.where(number < loop.trips, left[d], 0)
        valid = {d: left[d] > 0 for d in DIMENSIONS}
        return {d: Inside(index[d], valid[d]) for d in DIMENSIONS}

    def forwards(self, operand: str) -> set[str]:
        """The axes along which an operand moves from neighbour to neighbour."""
        tensors = ("sums", "outputs") if operand == "outputs" else (operand,)
        return {
            axis
            for link in self.array.links
            if link.kind is LinkKind.FORWARD and link.tensor in tensors
            for axis in link.axes
        }


def _only_array(architecture: Architecture) -> Array:
    if len(architecture.arrays) != 1:
        raise CannotSimulate(
            f"{architecture.name} has {len(architecture.arrays)} arrays: the simulator runs one array of PEs"
        )
    array = architecture.arrays[0]
    if len(array.axes) != 2:
        raise CannotSimulate(f"the array {array.name} has {len(array.axes)} axes, the simulator runs two")
    if architecture.mac.lanes != 1:
        raise CannotSimulate("the simulator runs MACs of one lane, not dot products")
    return array


def _memories_inside(architecture: Architecture, array: Array) -> tuple[Memory, ...]:
    at = architecture.levels.index(array)
    return tuple(level for level in architecture.levels[at + 1 :] if isinstance(level, Memory))


def dataflow_of(architecture: Architecture, name: str) -> Dataflow:
    """The dataflow of that name; CannotSimulate where there is none."""
    for dataflow in architecture.dataflows:
        if dataflow.name == name:
            return dataflow
    names = ", ".join(d.name for d in architecture.dataflows) or "none"
    raise CannotSimulate(f"{architecture.name} has no dataflow {name} (it has {names})")
