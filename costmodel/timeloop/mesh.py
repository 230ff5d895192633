"""Axes of arrays on Timeloop's mesh: how many instances a level has along X and Y, and which loops go which
way.

Of two axes the first (rows) is Y and the last (columns) X; more are multiplied into Y; axes called `x` and
`y` are what they are called. Where one dimension is spread along several axes of a fan-out, the mesh is one
line there, since a level has one spatial loop for each dimension. Without transfers between neighbours the
shape of the mesh counts for nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from dovetail.accel.architecture import Architecture
from dovetail.accel.mapping import Spatial
from dovetail.costmodel.timeloop.case import Inexpressible
from dovetail.costmodel.timeloop.sections import Way


@dataclass(frozen=True, slots=True)
class Fanout:
    """From one level to the next: instances along X and Y, and the loops along each, merged by dimension."""

    x: int
    y: int
    loops_x: tuple[Spatial, ...]
    loops_y: tuple[Spatial, ...]


def fanout_of(architecture: Architecture, between: frozenset[Way], loops: Sequence[Spatial]) -> Fanout:
    """The fan-out over the axes `between` two levels, along which `loops` spread; raises Inexpressible."""
    ways = side_of(architecture, between)
    sizes = {(array.name, axis.name): axis.size for array in architecture.spatial for axis in array.axes}
    several = [
        {ways[loop.array, loop.axis] for loop in loops if loop.dimension == d.dimension} for d in loops
    ]
    if any(len(sides) > 1 for sides in several):
        ways = dict.fromkeys(ways, True)
    return Fanout(
        x=prod(sizes[way] for way, along_x in ways.items() if along_x),
        y=prod(sizes[way] for way, along_x in ways.items() if not along_x),
        loops_x=_merged([loop for loop in loops if ways[loop.array, loop.axis]]),
        loops_y=_merged([loop for loop in loops if not ways[loop.array, loop.axis]]),
    )


def side_of(architecture: Architecture, between: frozenset[Way]) -> dict[Way, bool]:
    """The axes `between` two levels, outer to inner, and whether each is along X."""
    axes = [
        (array.name, axis.name)
        for array in architecture.spatial
        for axis in array.axes
        if (array.name, axis.name) in between
    ]
    return dict(zip(axes, _along_x([name for _, name in axes]), strict=True))


def _along_x(names: Sequence[str]) -> list[bool]:
    if set(map(str.lower, names)) <= {"x", "y"}:
        return [name.lower() == "x" for name in names]
    return [at == len(names) - 1 for at in range(len(names))]


def _merged(loops: Sequence[Spatial]) -> tuple[Spatial, ...]:
    """Loops over one dimension as one: it goes where the outermost of them was."""
    merged: dict[str, Spatial] = {}
    for loop in loops:
        outer = merged.get(loop.dimension)
        if outer is not None and outer.step != loop.bound:
            raise Inexpressible(f"the PEs along which {loop.dimension} is spread overlap")
        first = outer or loop
        merged[loop.dimension] = Spatial(loop.dimension, first.bound, first.array, first.axis, loop.step)
    return tuple(merged.values())
