"""The mapspace: every mapping that the mapper chooses from, as choices that can be listed or counted.

    mapping = frame, an order of loops for each section, numbers of PEs for each axis, a tile for each section

`docs/mapper.md` says in words what is in it and what is not. Everything here is a definition; `search.py`
finds the best without listing, `enumeration.py` lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from math import prod

import numpy as np

from dovetail.accel.architecture import Architecture, Dataflow
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.costmodel.mapper.frames import Frame, frames
from dovetail.costmodel.mapper.orders import orders
from dovetail.costmodel.mapper.rules import AxisRule, Rules
from dovetail.costmodel.mapper.tiles import tiles, unrollings
from dovetail.costmodel.nest import Loop, Structure
from dovetail.dsl.problem import OPERANDS, Problem


class NoMapping(ValueError):
    """No mapping of the mapspace is legal; `str()` says why."""


@dataclass(frozen=True)
class Section:
    """What may stand between a place and the next one."""

    orders: tuple[tuple[str, ...], ...]
    axes: tuple[AxisRule, ...]
    """Of all arrays unrolled here, outer to inner."""
    still: frozenset[str]
    innermost: bool
    demanded: bool
    """The dataflow demands its order."""


@dataclass(frozen=True)
class Shape:
    """A frame with what its sections may contain."""

    frame: Frame
    sections: tuple[Section, ...]


Unrolling = tuple[tuple[int, ...], ...]
"""Of each axis of all sections, the PEs along it of each dimension in `AxisRule.first + AxisRule.then`."""


@dataclass(frozen=True)
class Mapspace:
    """All mappings of a layer on an architecture under one dataflow, or under none."""

    problem: Problem
    architecture: Architecture
    rules: Rules
    uneven: bool

    @classmethod
    def of(
        cls,
        problem: Problem,
        architecture: Architecture,
        dataflow: Dataflow | str | None = None,
        *,
        uneven: bool = True,
    ) -> Mapspace:
        """NoMapping where the dataflow does not fit the layer; KeyError for an unknown dataflow."""
        if isinstance(dataflow, str):
            named = {flow.name: flow for flow in architecture.dataflows}
            dataflow = named[dataflow]
        try:
            rules = Rules.of(problem, dataflow)
        except ValueError as error:
            raise NoMapping(str(error)) from error
        return cls(problem, architecture, rules, uneven)

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """All frames with their sections."""
        found = frames(self.architecture, self.rules.kept, uneven=self.uneven)
        return tuple(self._shape(frame) for frame in found)

    def _shape(self, frame: Frame) -> Shape:
        still = self.rules.still(frame)
        last = len(frame.places) - 1
        latched = frozenset(
            operand
            for operand in OPERANDS
            if frame.holders(operand)
            and self.architecture.latches(operand, frame.places[frame.holders(operand)[-1]].memory)
        )
        return Shape(
            frame,
            tuple(
                Section(
                    orders(self.rules, frame, at, latched),
                    tuple(r for array in frame.arrays[at] for r in self.rules.axes(self.architecture, array)),
                    still[at],
                    at == last,
                    self.rules.order(frame, at) is not None,
                )
                for at in range(len(frame.places))
            ),
        )

    # ------------------------------------------------------------------------------------- listing

    def fillings(self, shape: Shape) -> Iterator[tuple[Unrolling, dict[str, tuple[int, ...]]]]:
        """All numbers of PEs and tiles of a shape, section by section."""
        bounds = {d: self.rules.problem.bounds[d] for d in self.rules.dimensions}
        yield from self._fill(shape, 0, bounds, dict(bounds), frozenset(bounds))

    def _fill(
        self, shape: Shape, at: int, left: dict[str, int], unspread: dict[str, int], uncut: frozenset[str]
    ) -> Iterator[tuple[Unrolling, dict[str, tuple[int, ...]]]]:
        if at == len(shape.sections):
            yield (), dict.fromkeys(left, ())
            return
        section = shape.sections[at]
        for unrolling, parts in _unroll(section.axes, left, unspread):
            spread = dict(unspread)
            for rule, numbers in zip(section.axes, unrolling, strict=True):
                for d, pes in zip((*rule.first, *rule.then), numbers, strict=True):
                    spread[d] = -(-spread[d] // pes)
            choices = [tiles(parts[d], d in uncut, d in section.still, section.innermost) for d in left]
            for chosen in product(*choices):
                tile = dict(zip(left, chosen, strict=True))
                still_whole = frozenset(d for d in uncut if tile[d] == parts[d])
                for rest, inner in self._fill(shape, at + 1, tile, spread, still_whole):
                    yield (*unrolling, *rest), {d: (tile[d], *inner[d]) for d in tile}

    def spread(self, shape: Shape, unrolling: Unrolling) -> dict[str, tuple[int, ...]]:
        """PEs of each dimension in each section."""
        total = {d: [1] * len(shape.sections) for d in self.rules.dimensions}
        axes = [(at, rule) for at, section in enumerate(shape.sections) for rule in section.axes]
        for (at, rule), numbers in zip(axes, unrolling, strict=True):
            for d, pes in zip((*rule.first, *rule.then), numbers, strict=True):
                total[d][at] *= pes
        return {d: tuple(own) for d, own in total.items()}

    def size(self) -> int:
        """How many mappings there are, those that do not fit their memories (or leave a `full` axis less
        than full) included."""
        return sum(
            prod(len(section.orders) for section in shape.sections) * self._fillings_of(shape)
            for shape in self.shapes
        )

    def _fillings_of(self, shape: Shape) -> int:
        """Each dimension is cut for itself, but those on one axis share its PEs."""
        sizes = tuple(rule.size for section in shape.sections for rule in section.axes)
        ways = []
        for d in self.rules.dimensions:
            places = tuple(
                tuple(
                    (rule.size, d in rule.first) if d in (*rule.first, *rule.then) else (0, False)
                    for rule in section.axes
                )
                for section in shape.sections
            )
            still = tuple(d in section.still for section in shape.sections)
            ways.append(_ways(self.rules.problem.bounds[d], places, still))
        most = prod(sum(many for _, many in own) for own in ways)
        number = np.zeros([size + 1 for size in sizes], np.int64 if most < 2**63 else object)
        number[(1,) * len(sizes)] = 1
        for own in ways:  # `number`: in how many ways so many PEs are taken along each axis
            both = np.zeros_like(number)
            for pes, many in own:
                before = tuple(slice(0, size // n + 1) for size, n in zip(sizes, pes, strict=True))
                after = tuple(slice(0, size // n * n + 1, n) for size, n in zip(sizes, pes, strict=True))
                both[after] += many * number[before]
            number = both
        return int(number.sum())

    # ------------------------------------------------------------------------------------ building

    def structure(self, shape: Shape, order: tuple[tuple[str, ...], ...]) -> Structure:
        """The nest with all loops that its mappings can have."""
        nodes: list[Holds | Loop] = []
        for at, place in enumerate(shape.frame.places):
            nodes.append(Holds(place.memory, place.operands))
            nodes += [Loop(d) for d in order[at]]
            nodes += [
                Loop(d, rule.array, rule.axis)
                for rule in shape.sections[at].axes
                for d in (*rule.first, *rule.then)
            ]
        return Structure(self.architecture, nodes, self.rules.flat)

    def mapping(
        self,
        shape: Shape,
        order: tuple[tuple[str, ...], ...],
        unrolling: Unrolling,
        tile: dict[str, tuple[int, ...]],
    ) -> Mapping:
        """One mapping, without the loops that have one iteration; neighbours of one memory become one
        place."""
        left = {d: self.rules.problem.bounds[d] for d in self.rules.dimensions}
        spread = self.spread(shape, unrolling)
        nodes: list[Holds | For | Spatial] = []
        numbers = iter(unrolling)
        for at, place in enumerate(shape.frame.places):
            last = nodes[-1] if nodes else None
            if isinstance(last, Holds) and last.memory == place.memory:
                both = (*last.tensors, *place.operands)
                nodes[-1] = Holds(place.memory, tuple(o for o in OPERANDS if o in both))
            else:
                nodes.append(Holds(place.memory, place.operands))
            for d in order[at]:
                step = min(left[d], spread[d][at] * tile[d][at])
                if step < left[d]:
                    nodes.append(For(d, left[d], step))
                left[d] = step
            todo = {d: spread[d][at] for d in left}
            for rule in shape.sections[at].axes:
                for d, pes in zip((*rule.first, *rule.then), next(numbers), strict=True):
                    todo[d] //= pes
                    step = min(left[d], todo[d] * tile[d][at])
                    if step < left[d]:
                        nodes.append(Spatial(d, left[d], rule.array, rule.axis, step))
                    left[d] = step
        return Mapping(tuple(nodes), self.rules.flat)


def _unroll(
    axes: tuple[AxisRule, ...], left: dict[str, int], unspread: dict[str, int]
) -> Iterator[tuple[Unrolling, dict[str, int]]]:
    """Numbers of PEs along the axes of a section, and what is then left to one PE."""
    if not axes:
        yield (), left
        return
    rule = axes[0]
    sides = (*rule.first, *rule.then)
    for numbers in _along(sides, len(rule.first), rule.size, left):
        if rule.full and prod(numbers) < fullest(rule, unspread):
            continue
        pes = dict(zip(sides, numbers, strict=True))
        after = {d: -(-x // pes.get(d, 1)) for d, x in left.items()}
        further = {d: -(-x // pes.get(d, 1)) for d, x in unspread.items()}
        for rest, parts in _unroll(axes[1:], after, further):
            yield (numbers, *rest), parts


def fullest(rule: AxisRule, left: dict[str, int]) -> int:
    """The highest use of an axis."""
    return max(prod(n) for n in _along((*rule.first, *rule.then), len(rule.first), rule.size, left))


def _along(
    dimensions: tuple[str, ...], forced: int, room: int, left: dict[str, int]
) -> Iterator[tuple[int, ...]]:
    if not dimensions:
        yield ()
        return
    choices = unrollings(left[dimensions[0]], room)
    if forced:
        choices = choices[:1]
    for pes in choices:
        for rest in _along(dimensions[1:], max(0, forced - 1), room // pes, left):
            yield (pes, *rest)


@lru_cache(maxsize=4096)
def _ways(
    bound: int, places: tuple[tuple[tuple[int, bool], ...], ...], still: tuple[bool, ...]
) -> tuple[tuple[tuple[int, ...], int], ...]:
    """In how many ways a dimension can be cut, by the PEs it takes along each axis (0 PEs: not allowed)."""
    found: dict[tuple[int, ...], int] = {}

    def cut(at: int, left: int, outermost: bool, pes: tuple[int, ...]) -> None:
        if at == len(places):
            found[pes] = found.get(pes, 0) + 1
            return
        spread(at, 0, left, outermost, pes)

    def spread(at: int, axis: int, left: int, outermost: bool, pes: tuple[int, ...]) -> None:
        if axis == len(places[at]):
            for tile in tiles(left, outermost, still[at], at == len(places) - 1):
                cut(at + 1, tile, outermost and tile == left, pes)
            return
        size, forced = places[at][axis]
        choices = unrollings(left, size) if size else (1,)
        for number in choices[:1] if forced else choices:
            spread(at, axis + 1, -(-left // number), outermost, (*pes, number))

    cut(0, bound, True, ())
    return tuple(found.items())
