"""The nearest mapping whose steps are products of the loops inside: the only kind that Timeloop's nest can
say.

From the MACs outward each tile becomes the largest multiple of the tile inside it that is no larger than
before; the outermost memory's loop over a dimension (one is added where there is none) walks what is left. A
tile that moves only now may be doubled by its memory and no longer fit: then loops inside it are halved.
"""

from __future__ import annotations

from dovetail.accel.architecture import Architecture
from dovetail.accel.legality import violations
from dovetail.accel.mapping import For, Holds, Mapping, Node, Spatial, flatten
from dovetail.accel.violations import TileTooLarge
from dovetail.dsl.problem import Problem


def is_regular(problem: Problem, mapping: Mapping) -> bool:
    """Whether every step is the product of the trips of the loops inside it over the same dimension."""
    inside = dict.fromkeys(flatten(problem, mapping.flat).bounds, 1)
    for loop in reversed(mapping.loops):
        if loop.trips > 1:
            if loop.step != inside[loop.dimension]:
                return False
            inside[loop.dimension] *= loop.trips
    return True


def is_perfect(problem: Problem, mapping: Mapping) -> bool:
    """Whether every loop divides what it walks: no last pass is shorter than the others."""
    bounds = flatten(problem, mapping.flat).bounds
    inside = dict.fromkeys(bounds, 1)
    for loop in mapping.loops:
        inside[loop.dimension] *= loop.trips
    return is_regular(problem, mapping) and inside == bounds


def regular(
    problem: Problem, architecture: Architecture, mapping: Mapping, *, perfect: bool = False
) -> Mapping:
    """The nearest regular mapping (of `perfect` factors only); the same one where it is that already.

    It is legal where `mapping` is, but for dataflows that ask for `full` axes.
    """
    if (is_perfect if perfect else is_regular)(problem, mapping):
        return mapping
    limits: dict[int, int] = {}
    while True:
        made, trips = _rounded(problem, architecture, mapping, limits, perfect=perfect)
        tight = [v for v in violations(problem, architecture, made) if isinstance(v, TileTooLarge)]
        if not tight:
            return made
        inside = _places(mapping, tight[0].memory)[0]
        most = max((at for at in trips if at > inside), key=lambda at: trips[at], default=None)
        if most is None:
            return made
        limits[most] = trips[most] // 2


def _rounded(
    problem: Problem,
    architecture: Architecture,
    mapping: Mapping,
    limits: dict[int, int],
    *,
    perfect: bool,
) -> tuple[Mapping, dict[int, int]]:
    """The mapping with regular steps, and how often its loops go, by the place of the loop they were.

    `limits` says how often the loop at a place goes at most.
    """
    bounds = flatten(problem, mapping.flat).bounds
    room = {(a.name, axis.name): axis.size for a in architecture.spatial for axis in a.axes}
    inside = dict.fromkeys(bounds, 1)
    top = architecture.memories[0].name
    outermost = next(iter(_places(mapping, None, but=top)), len(mapping.nodes))
    made: list[Node] = []
    trips_at: dict[int, int] = {}
    for at in range(len(mapping.nodes) - 1, -1, -1):
        node = mapping.nodes[at]
        if isinstance(node, Holds):
            made.append(node)
            continue
        dimension, step = node.dimension, inside[node.dimension]
        first = at < outermost and not any(_walks(other, dimension) for other in mapping.nodes[:at])
        trips = min(node.bound // step, limits.get(at, node.bound))
        if isinstance(node, Spatial):
            trips = min(trips, room[node.array, node.axis])
        elif first:
            trips = -(-bounds[dimension] // step)
        if perfect and trips > 1:
            left = bounds[dimension] // step
            trips = next(t for t in range(min(trips, left), 0, -1) if left % t == 0)
        if trips <= 1:
            continue
        inside[dimension] = step * trips
        bound = min(inside[dimension], bounds[dimension])
        trips_at[at] = trips
        if isinstance(node, For):
            made.append(For(dimension, bound, step))
        else:
            room[node.array, node.axis] //= trips
            made.append(Spatial(dimension, bound, node.array, node.axis, step))
    rest = [For(d, bounds[d], inside[d]) for d in bounds if inside[d] < bounds[d]]
    nodes = tuple(reversed(made))
    start = next(at for at, node in enumerate(nodes) if not isinstance(node, Holds) or node.memory != top)
    return Mapping((*nodes[:start], *rest, *nodes[start:]), mapping.flat), trips_at


def _places(mapping: Mapping, memory: str | None, but: str = "") -> list[int]:
    """Where a memory (any but one, for None) holds something."""
    return [
        at
        for at, node in enumerate(mapping.nodes)
        if isinstance(node, Holds) and node.memory != but and memory in (None, node.memory)
    ]


def _walks(node: Node, dimension: str) -> bool:
    """Whether a temporal loop goes over the dimension."""
    return isinstance(node, For) and node.dimension == dimension
