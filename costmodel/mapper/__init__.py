"""The mapper: the best mapping of a layer on an architecture, with proof.

result = map_problem(problem, architecture, prices, "edp", dataflow="weight_stationary")
result.mapping, result.cost, result.lower_bound, result.proved, result.mapspace, result.evaluated

frames.py       which memory holds what (bypass, uneven places) rules.py        what a dataflow allows
orders.py   the loop orders that matter tiles.py        tile sizes and numbers of PEs   mapspace.py all of
it: a mapspace that can be listed and counted chains.py       how a dimension can be cut      graph.py
all mappings of a shape as paths family.py       mappings alike in their loops   terms.py    their costs as
sums of products, from below relaxation.py   a bound for a family            kernel.py, _kernel.c, pure.py
its inner loops objective.py    what is to be least             search.py   branch and bound over families
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
