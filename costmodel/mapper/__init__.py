"""The mapper: the best mapping of a layer on an architecture, with proof.

result = map_problem(problem, architecture, prices, "edp", dataflow="weight_stationary")
result.mapping, result.cost, result.lower_bound, result.proved, result.mapspace, result.evaluated

frames.py       which memory holds what (bypass, uneven places)
rules.py        what a dataflow allows          orders.py   the loop orders that matter
tiles.py        tile sizes and numbers of PEs   mapspace.py all of it: a mapspace that can be listed and
counted
rows.py         partial mappings as columns     choices.py  one choice more for all of them
bounds.py       their lower bounds              ahead.py    what inner sections cost at least
objective.py    what is to be least             search.py   branch and bound over all that
enumeration.py  the witness: every mapping      solve.py, result.py, cache.py   the verb and its answer
"""

from __future__ import annotations

from dovetail.costmodel.mapper.mapspace import Mapspace, NoMapping
from dovetail.costmodel.mapper.result import Certificate, Found, MapResult
from dovetail.costmodel.mapper.solve import OBJECTIVES, OutOfTime, map_problem

__all__ = [
    "OBJECTIVES",
    "Certificate",
    "Found",
    "MapResult",
    "Mapspace",
    "NoMapping",
    "OutOfTime",
    "map_problem",
]
