"""The same mapping with temporal loops before spatial ones at each place, as Timeloop's levels have them.

Where a dimension is spread first and walked inside each PE, a level that keeps nothing would have to make
room. Walking first and spreading inside moves the same words wherever there is no window to slide; whether it
does is for the caller to count.
"""

from __future__ import annotations

from dovetail.accel.mapping import For, Holds, Mapping, Node, Spatial, flatten
from dovetail.dsl.problem import Problem


def temporal_first(problem: Problem, mapping: Mapping) -> Mapping:
    """The regular mapping `mapping` with the loops between two places in this order; trips stay."""
    ordered: list[Node] = []
    temporal: list[Node] = []
    spatial: list[Node] = []
    for node in mapping.nodes:
        if isinstance(node, Holds):
            ordered += [*temporal, *spatial, node]
            temporal, spatial = [], []
        else:
            (spatial if isinstance(node, Spatial) else temporal).append(node)
    ordered += [*temporal, *spatial]
    bounds = flatten(problem, mapping.flat).bounds
    inside = dict.fromkeys(bounds, 1)
    made: list[Node] = []
    for node in reversed(ordered):
        if isinstance(node, Holds):
            made.append(node)
            continue
        if node.trips == 1:
            continue
        step = inside[node.dimension]
        inside[node.dimension] = step * node.trips
        bound = min(step * node.trips, bounds[node.dimension])
        if isinstance(node, For):
            made.append(For(node.dimension, bound, step))
        else:
            made.append(Spatial(node.dimension, bound, node.array, node.axis, step))
    return Mapping(tuple(reversed(made)), mapping.flat)
