"""The mapper's one verb: the best mapping of a layer on an architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf, log
from time import monotonic

from dovetail.accel.architecture import Architecture
from dovetail.accel.legality import violations
from dovetail.accel.mapping import Mapping
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.mapper import cache
from dovetail.costmodel.mapper.mapspace import Mapspace, NoMapping
from dovetail.costmodel.mapper.objective import SAME, WEIGHTS, Least, Point
from dovetail.costmodel.mapper.result import Found, MapResult
from dovetail.costmodel.mapper.search import Progress, Search, shapes_of
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
    known_before = [mapping for mapping in start if not violations(problem, architecture, mapping)]
    solver = _Solver(space, prices, leakage_pj_per_cycle, deadline, dataflow, known_before, on_better)
    if objective == "front":
        points = solver.front()
    else:
        most_cycles = most_energy = inf
        if within_latency is not None:
            most_cycles = within_latency * solver.best("latency").cycles
        if within_energy is not None:
            most_energy = within_energy * solver.best("energy").energy_pj
        points = (solver.best(objective, most_cycles, most_energy, tolerance),)
    answer = solver.answer(objective, points, tolerance)
    if not solver.stopped and cached:
        cache.store(name, answer)
    return answer


class _Solver:
    """Searches of one mapspace, one after the other."""

    def __init__(
        self,
        space: Mapspace,
        prices: EnergyTable,
        leakage: float,
        deadline: float | None,
        dataflow: str | None,
        start: list[Mapping],
        on_better: Callable[[int, float], None] | None,
    ) -> None:
        self.space, self.prices, self.leakage, self.deadline = space, prices, leakage, deadline
        self.dataflow, self.on_better = dataflow, on_better
        self.shapes = shapes_of(space, prices, leakage)
        self.evaluated = self.bounded = 0
        self.stopped = False
        self.interrupted = False
        self.open_value = inf
        self.start = [self._point(mapping) for mapping in start]

    def _point(self, mapping: Mapping) -> Point[Mapping]:
        cost = evaluate_mapping(
            self.space.problem, self.space.architecture, mapping, self.prices, self.dataflow
        )
        return Point(cost.cycles, cost.energy_pj + self.leakage * cost.cycles, mapping)

    def search(self, goal: Least[Mapping], seeds: Iterable[Point[Mapping]]) -> Point[Mapping] | None:
        """The best for a goal, that of `seeds` at least."""
        for point in (*self.start, *seeds):
            goal.offer(point.cycles, point.energy_pj, point.what)
        progress = Progress()

        def better() -> None:
            if self.on_better is not None and goal.best is not None:
                self.on_better(goal.best.cycles, goal.best.energy_pj)

        Search(
            self.space, self.prices, goal, self.leakage, self.deadline, progress, better, self.shapes
        ).run()
        self.evaluated += progress.evaluated
        self.bounded += progress.bounded
        self.open_value = progress.open_value
        if progress.stopped:
            self.stopped = True
            self.interrupted |= self.deadline is None or monotonic() <= self.deadline
        return goal.best

    def best(
        self, objective: str, most_cycles: float = inf, most_energy: float = inf, tolerance: float = 0.0
    ) -> Point[Mapping]:
        """The least of an objective; of those that are equal the one with least of the other metric."""
        limits = {"most_cycles": most_cycles, "most_energy": most_energy}
        found = self.search(Least(WEIGHTS[objective], tolerance=tolerance, **limits), ())
        if found is None:
            if self.stopped:
                raise OutOfTime("no mapping was found in time")
            raise NoMapping("no mapping fits the memories and the dataflow")
        if objective == "edp" or tolerance or self.stopped:
            return found
        value = self.open_value
        if objective == "latency":
            second = Least[Mapping](WEIGHTS["energy"], most_cycles=found.cycles, most_energy=most_energy)
        else:
            most = found.energy_pj * (1 + SAME)
            second = Least[Mapping](WEIGHTS["latency"], most_energy=most, most_cycles=most_cycles)
        found = self.search(second, (found,)) or found
        self.open_value = value
        return found

    def front(self) -> tuple[Point[Mapping], ...]:
        """All (cycles, pJ) that nothing beats in both, with rising cycles.

        Between two neighbours of the front something is left as long as some mapping has fewer cycles than
        one and less energy than the other: of all those, one with the least product of powers is of the
        front.
        """
        fast = self.best("latency")
        if self.stopped:
            return (fast,)
        lean = self.best("energy")
        if self.stopped or lean.cycles <= fast.cycles:
            return (fast, lean) if lean.cycles > fast.cycles else (fast,)
        points = [fast, lean]
        at = 0
        while at + 1 < len(points) and not self.stopped:
            left, right = points[at], points[at + 1]
            slope = log(left.energy_pj / right.energy_pj) / log(right.cycles / left.cycles)
            between = Least[Mapping](
                (1.0, slope), most_cycles=right.cycles - 1, most_energy=left.energy_pj * (1 - 2 * SAME)
            )
            found = self.search(between, ())
            if found is None:
                at += 1
            else:
                points.insert(at + 1, found)
        return tuple(points)

    def answer(self, objective: str, points: tuple[Point[Mapping], ...], tolerance: float) -> MapResult:
        """The result with its certificate."""

        def found(point: Point[Mapping]) -> Found:
            cost = evaluate_mapping(
                self.space.problem, self.space.architecture, point.what, self.prices, self.dataflow
            )
            return Found(point.what, cost, point.energy_pj)

        front = tuple(found(point) for point in points)

        def value(one: Found) -> float:
            by_objective = {"energy": one.energy_pj, "latency": float(one.cost.cycles)}
            return by_objective.get(objective, one.cost.cycles * one.energy_pj)

        best = min(front, key=value)
        reached = value(best)
        bound = reached / (1 + tolerance)
        if self.stopped:
            bound = min(bound, self.open_value) if objective != "front" else 0.0
        return MapResult(
            objective=objective,
            dataflow=self.dataflow,
            best=best,
            front=front,
            mapspace=self.space.size(),
            evaluated=self.evaluated,
            bounded=self.bounded,
            value=reached,
            lower_bound=bound,
            proved=not self.stopped and bound >= reached,
            interrupted=self.interrupted,
        )
