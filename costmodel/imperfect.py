"""Words of one transfer when last steps may be short: the tables of its parts, combined (`tables.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from dovetail.costmodel import tables, walk
from dovetail.costmodel.columns import Kind, Number
from dovetail.costmodel.multicast import PAIRS
from dovetail.costmodel.nest import Share, Structure, Transfer, relevant
from dovetail.dsl.problem import DIMENSIONS, Problem


@dataclass(frozen=True, slots=True)
class _Place:
    """A part in the nest."""

    shape: tables.Shape
    whole: tuple[int, ...]
    loops: tuple[int, ...]
    """Its loops in the structure."""


@dataclass(frozen=True, slots=True)
class Tabulated:
    """The parts of a transfer whose spatial loops share in one way, with what each contributes."""

    places: Sequence[_Place]
    rows: Sequence[Sequence[Number]]
    """`tables.Row`s."""


def tabulated(
    kind: Kind,
    problem: Problem,
    structure: Structure,
    steps: Sequence[Number],
    transfer: Transfer,
    shares: tuple[Share, ...],
) -> Tabulated:
    """Tabulate a transfer."""
    places = _places(problem, structure, transfer, shares)
    rows = [
        kind.tabulate(partial(tables.row, place.shape, place.whole), [steps[i] for i in place.loops])
        for place in places
    ]
    return Tabulated(places, rows)


def words(
    kind: Kind, structure: Structure, steps: Sequence[Number], transfer: Transfer, found: Tabulated
) -> Number:
    """Words that all receivers of a transfer get."""
    places, rows = found.places, found.rows
    if not transfer.keeps:
        number: Number = 1
        for row in rows:
            number = number * row[0]
        return number
    owner = {i: which for which, place in enumerate(places) for i in place.loops}
    result = kind.watch(_combined(places, rows, [owner[i] for i in transfer.temporal]))

    def walked(mapping: int) -> int:
        return _walk(structure, transfer, places, kind.pick(steps, mapping))

    return kind.replace(_unsafe(kind, places, rows, transfer), result, walked)


def first_receivers(found: Tabulated) -> Number:
    """How many receivers the first instance of the outer holder serves."""
    number: Number = 1
    for row in found.rows:
        number = number * row[3]
    return number


def _unsafe(
    kind: Kind, places: Sequence[_Place], rows: Sequence[Sequence[Number]], transfer: Transfer
) -> Number:
    """Whether tiles overlap and an irregular part can upset what is remembered of the last move.

    It cannot where a regular part always moves inside its innermost moving loop: then the last move before
    any of its own is one of that part, and its own moves only clear the memory.
    """
    indexing = [which for which, place in enumerate(places) if place.shape.relevant]
    overlaps: Number = False
    for which in indexing:
        overlaps = overlaps | (rows[which][2] == 1)
    unsafe: Number = False
    for which in indexing:
        irregular = rows[which][1] == 0
        if irregular is False or overlaps is False:
            continue
        sheltered: Number = False
        for other in indexing:
            if other != which:
                always = _always_inside(places, rows, transfer, which, other)
                sheltered = sheltered | (always & (rows[other][1] == 1))
        upset = (rows[which][2] == 1) | kind.negate(sheltered)
        unsafe = unsafe | (irregular & overlaps & upset)
    return unsafe


def _always_inside(
    places: Sequence[_Place], rows: Sequence[Sequence[Number]], transfer: Transfer, outer: int, inner: int
) -> Number:
    """Whether one part moves in every pass inside each loop by which the other one moves."""
    always: Number = True
    own = [i for i in transfer.temporal if i in places[outer].loops]
    for depth, loop in enumerate(own):
        stays = rows[outer][4 + depth] == rows[outer][5 + depth]
        beside = sum(i < loop for i in transfer.temporal if i in places[inner].loops)
        always = always & (stays | (rows[inner][4 + beside] == 0))
    return always


def _combined(places: Sequence[_Place], rows: Sequence[Sequence[Number]], owners: Sequence[int]) -> Number:
    """The sum over all tiles that come one after the other, less what slides."""
    depth = [place.shape.temporal for place in places]
    indexing = [which for which, place in enumerate(places) if place.shape.relevant]
    others = [which for which, place in enumerate(places) if not place.shape.relevant]

    def product(which: Sequence[int]) -> Number:
        number: Number = 1
        for part in which:
            number = number * rows[part][4 + depth[part]]
        return number

    total: Number = 0
    iterations = product(others)
    tiles = product(indexing)
    for part in reversed(owners):
        depth[part] -= 1
        if not places[part].shape.relevant:
            iterations = product(others)
            continue
        outside = product(indexing)
        total = total + iterations * (tiles - outside)
        tiles = outside
        slides = rows[part][5 + places[part].shape.temporal + depth[part]]
        if not (isinstance(slides, int) and slides == 0):
            total = total - iterations * slides * product([i for i in indexing if i != part])
    return total + iterations * tiles


def _walk(structure: Structure, transfer: Transfer, places: Sequence[_Place], steps: Sequence[int]) -> int:
    parts = [place.shape.part(place.whole, tuple(steps[i] for i in place.loops)) for place in places]
    temporal = []
    for i in transfer.temporal:
        which = next(at for at, place in enumerate(places) if i in place.loops)
        temporal.append((which, steps[i] * parts[which].scale[structure.loops[i].dimension]))
    return walk.words(parts, temporal)


def _places(
    problem: Problem, structure: Structure, transfer: Transfer, shares: tuple[Share, ...]
) -> list[_Place]:
    """The parts of a transfer: the operand's axes, then the dimensions that do not index it."""
    share_of = dict(zip(transfer.spatial, shares, strict=True))
    loops_of: dict[str, list[int]] = {}
    for i in range(transfer.inner_loops):
        loops_of.setdefault(structure.loops[i].dimension, []).append(i)
    bounds = problem.bounds
    places = []
    for dimensions in _GROUPS[transfer.operand == "inputs"]:
        scale = (1,) * len(dimensions)
        loops = tuple(loops_of.get(dimensions[0], ()))
        if len(dimensions) == 2:
            axis = PAIRS.index((dimensions[0], dimensions[1]))
            scale = (problem.stride[axis], problem.dilation[axis])
            loops = tuple(sorted((*loops, *loops_of.get(dimensions[1], ()))))
        shape = tables.Shape(
            dimensions,
            scale,
            relevant(transfer.operand, dimensions[0]),
            transfer.skip_gaps,
            tuple((structure.loops[i].dimension, share_of.get(i)) for i in loops),
        )
        places.append(_Place(shape, tuple(bounds[d] for d in dimensions), loops))
    return places


_GROUPS: Final[dict[bool, tuple[tuple[str, ...], ...]]] = {
    False: tuple((d,) for d in DIMENSIONS),
    True: (("G",), ("N",), ("C",), *PAIRS, ("K",)),
}
"""The dimensions of each part; of the inputs, pixels and kernel walk an axis together."""
