"""How far the best designs of a search are from a bound: what nothing was proved about, at least measured.

    gaps(space, front, objectives)     {"latency_over_bound": 1.31, ...}

The bound is that of the design itself: its work at full rate and its compulsory traffic
(`costmodel/bound.py`), which no mapping beats. It says what is still to be had by other mappings of the
design, and nothing of designs that were not drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.costmodel.selection import Objective as Goal
from dovetail.explorer.engine import Objective, PointResult
from dovetail.explorer.point_cost import cost_of
from dovetail.explorer.points import Refused
from dovetail.explorer.space import StudySpace


def gaps(
    space: StudySpace, front: Sequence[PointResult], objectives: Sequence[Objective]
) -> dict[str, float]:
    """For latency, energy and EDP, where they are minimised: the best value over its design's bound."""
    found: dict[str, float] = {}
    for objective in objectives:
        if not front or objective.direction != "minimize" or objective.name not in set(Goal):
            continue
        best = min(front, key=lambda result: objective.key(result.metrics))
        goal = Goal(objective.name)
        try:
            bound = cost_of(space, best.index, goal).bound_value
        except Refused:
            continue
        if bound > 0:
            found[f"{objective.name}_over_bound"] = best.metrics[objective.name] / bound
    return found
