"""The mapper's one verb: the best mapping of a layer on an architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from time import monotonic

import numpy as np

from dovetail.accel.architecture import Architecture
from dovetail.accel.legality import violations
from dovetail.accel.mapping import Mapping
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.mapper import cache
from dovetail.costmodel.mapper.mapspace import Mapspace, NoMapping
from dovetail.costmodel.mapper.objective import Front, Least, Point
from dovetail.costmodel.mapper.result import Found, MapResult
from dovetail.costmodel.mapper.search import Progress, Search
from dovetail.dsl.problem import Problem

OBJECTIVES = ("edp", "energy", "latency", "front")


class OutOfTime(NoMapping):
    """The search was stopped before it found any mapping: there may be one."""


def map_problem(
    problem: Problem,
    architecture: Architecture,
    prices: EnergyTable,
    objective: str = "edp",
    dataflow: str | None = None,
    *,
    leakage_pj_per_cycle: float = 0.0,
    uneven: bool = False,
    within_latency: float | None = None,
    within_energy: float | None = None,
    tolerance: float = 0.0,
    seconds: float | None = None,
    cached: bool = True,
    on_better: Callable[[int, float], None] | None = None,
    start: Iterable[Mapping] = (),
) -> MapResult:
    """The best mapping for an objective (`edp`, `energy`, `latency`), or the exact `front` of (cycles, pJ).

    `within_latency = 1.05` allows at most 1.05 x the best latency (`energy within 1.05 x best latency`);
    `within_energy` likewise. `tolerance = 0.02` stops where nothing is better by 2 %; `seconds` and Ctrl-C
    stop with the best so far: `proved` is false then and `lower_bound` true. `uneven` lets the operands of a
    memory begin at different places. `start` are mappings to be at least as good as, legal or not; they are
    asked for only where the answer is not at hand, and are of the mapspace or beside it: then the answer may
    be better than all of the mapspace. NoMapping where no mapping is legal (OutOfTime: none was found in
    time); KeyError for an unknown dataflow; ValueError for an unknown objective.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"an objective is one of {', '.join(OBJECTIVES)}, not {objective!r}")
    # times change what is found, so that only finished answers are kept
    flow = next((f for f in architecture.dataflows if f.name == dataflow), None)
    if dataflow is not None and flow is None:
        raise KeyError(dataflow)
    plain = replace(
        architecture,
        name="",
        dataflows=() if flow is None else (flow,),
        units=(),
        clock_hz=1.0,
        technology_nm=0.0,
        keep_feature_maps_in=None,
        metrics=(),
    )
    limits = (leakage_pj_per_cycle, uneven, within_latency, within_energy, tolerance)
    name = cache.key(problem, plain, prices, objective, limits)
    known = cache.load(name) if cached else None
    if known is not None:
        return replace(known, cached=True)
    deadline = None if seconds is None else monotonic() + seconds
    space = Mapspace.of(problem, architecture, dataflow, uneven=uneven)
    limit_cycles = limit_energy = float("inf")
    known_before = [mapping for mapping in start if not violations(problem, architecture, mapping)]

    def best(other: str) -> MapResult:
        return map_problem(
            problem,
            architecture,
            prices,
            other,
            dataflow,
            leakage_pj_per_cycle=leakage_pj_per_cycle,
            uneven=uneven,
            seconds=seconds,
            cached=cached,
            start=known_before,
        )

    if within_latency is not None:
        fastest = best("latency")
        limit_cycles = within_latency * fastest.cost.cycles
    if within_energy is not None:
        least = best("energy")
        limit_energy = within_energy * least.best.energy_pj
    goal: Front[Mapping] | Least[Mapping]
    if objective == "front":
        goal = Front()
    else:
        goal = Least(objective, most_cycles=limit_cycles, most_energy=limit_energy, tolerance=tolerance)
    progress = Progress()
    for mapping in known_before:
        cost = evaluate_mapping(problem, architecture, mapping, prices, dataflow)
        goal.offer(cost.cycles, cost.energy_pj + leakage_pj_per_cycle * cost.cycles, mapping)

    def better() -> None:
        if on_better is not None:
            point = goal.points[0]
            on_better(point.cycles, point.energy_pj)

    Search(space, prices, goal, leakage_pj_per_cycle, deadline, progress, better).run()
    answer = _answer(problem, architecture, prices, objective, dataflow, space, goal, progress)
    if progress.stopped and (deadline is None or monotonic() <= deadline):
        answer = replace(answer, interrupted=True)
    if not progress.stopped and cached:
        cache.store(name, answer)
    return answer


def _answer(
    problem: Problem,
    architecture: Architecture,
    prices: EnergyTable,
    objective: str,
    dataflow: str | None,
    space: Mapspace,
    goal: Front[Mapping] | Least[Mapping],
    progress: Progress,
) -> MapResult:
    if not goal.points:
        if progress.stopped:
            raise OutOfTime("no mapping was found in time")
        raise NoMapping("no mapping fits the memories and the dataflow")

    def found(point: Point[Mapping]) -> Found:
        cost = evaluate_mapping(problem, architecture, point.what, prices, dataflow)
        return Found(point.what, cost, point.energy_pj)

    front = tuple(found(point) for point in goal.points)

    def value(cycles: float, energy: float) -> float:
        return {"energy": energy, "latency": float(cycles)}.get(objective, cycles * energy)

    best = min(front, key=lambda f: value(f.cost.cycles, f.energy_pj))
    reached = value(best.cost.cycles, best.energy_pj)
    bound = reached
    if progress.open_bounds:
        bound = min(bound, float(np.min([value(*pair) for pair in progress.open_bounds])))
    if isinstance(goal, Least):
        bound = min(bound, goal.ignored)
    return MapResult(
        objective=objective,
        dataflow=dataflow,
        best=best,
        front=front,
        mapspace=space.size(),
        evaluated=progress.evaluated,
        bounded=progress.bounded,
        value=reached,
        lower_bound=bound,
        proved=not progress.stopped and bound >= reached,
    )
