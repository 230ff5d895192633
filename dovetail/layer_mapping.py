"""`map_layer`: the best mapping of one layer, over one dataflow of an accelerator or all, with proof."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from dovetail.accel.architecture import Architecture, Dataflow
from dovetail.accel.loading import AcceleratorDesign
from dovetail.accel.mapping import Mapping
from dovetail.costmodel.bound import Bound, lower_bound
from dovetail.costmodel.components import Prices
from dovetail.costmodel.evaluate import Cost
from dovetail.costmodel.greedy import NoMapping as NoGreedy
from dovetail.costmodel.greedy import greedy_mapping
from dovetail.costmodel.layer_cost import Refusal, Trial
from dovetail.costmodel.network_cost import problem_of
from dovetail.costmodel.price_table import energy_table
from dovetail.costmodel.trials import leakage_pj_per_cycle, try_mapping
from dovetail.dsl.diagnostics import Diagnostic, DovetailError
from dovetail.dsl.layer import Layer
from dovetail.dsl.problem import Problem
from dovetail.evaluation import UnknownName, architecture_of, check_rate, dataflow_of, place_of
from dovetail.pricing import priced

if TYPE_CHECKING:
    from dovetail.costmodel.mapper import Certificate, MapResult

GOALS: Final = ("edp", "energy", "latency", "front")
UNITS: Final = {"edp": "pJ cycles", "energy": "pJ", "latency": "cycles", "front": "pJ cycles"}
LIMITS: Final = ("latency", "energy")


@dataclass(frozen=True, slots=True)
class Choice:
    """A mapping on the front, or the best under one dataflow."""

    dataflow: str | None
    mapping: Mapping
    cost: Cost
    energy_pj: float
    """Leakage included."""

    @property
    def cycles(self) -> int:
        """Cycles of the layer."""
        return self.cost.cycles


@dataclass(frozen=True)
class LayerMapping:
    """The best mapping of a layer that was found, and what is known about all others."""

    name: str
    problem: Problem
    architecture: Architecture
    prices: Prices
    objective: str
    """`edp`, `energy`, `latency` or `front`."""
    best: Choice
    front: tuple[Choice, ...]
    """The Pareto front of (cycles, energy) over all dataflows where that was asked for, else the best."""
    certificate: Certificate
    """Over the dataflows together; values in pJ, cycles, or pJ x cycles."""
    ways: tuple[Choice, ...]
    """The best under each dataflow."""
    refusals: tuple[Refusal, ...]
    bound: Bound
    """What no mapping of any dataflow beats, without a search: compute and compulsory traffic."""
    interrupted: bool
    """Ctrl-C ended it."""

    @property
    def mapping(self) -> Mapping:
        """The loop nest."""
        return self.best.mapping

    @property
    def dataflow(self) -> str | None:
        """The dataflow it follows; None where it is free."""
        return self.best.dataflow

    @property
    def cost(self) -> Cost:
        """Counts, cycles, dynamic energy."""
        return self.best.cost

    @property
    def cycles(self) -> int:
        """Cycles of the layer."""
        return self.best.cycles

    @property
    def latency_s(self) -> float:
        """At the accelerator's clock."""
        return self.cycles / self.architecture.clock_hz

    @property
    def energy_pj(self) -> float:
        """Leakage included."""
        return self.best.energy_pj

    @property
    def proved(self) -> bool:
        """Whether no mapping of the mapspace is better."""
        return self.certificate.proved

    @property
    def lower_bound(self) -> float:
        """No mapping of the mapspace has less of the objective, in the unit of `certificate.value`."""
        return self.certificate.lower_bound

    @property
    def over_bound(self) -> float:
        """The objective over its value at `bound`: 1.07 is 7 % above what no mapping beats."""
        return self.certificate.value / _value(self.objective, self.bound.cycles, self.bound.energy_pj)

    @cached_property
    def trial(self) -> Trial:
        """The best with all its costs, part by part."""
        return try_mapping(self.problem, self.architecture, self.prices, self.mapping, self.dataflow)

    def to_json(self) -> dict[str, Any]:
        """What `dovetail map --json` prints, as a dictionary."""
        from dovetail.mapping_json import mapping_json

        return mapping_json(self)

    def __str__(self) -> str:
        from dovetail.console import text_of
        from dovetail.mapping_table import mapping_view

        return text_of(lambda signs: mapping_view(self, signs))

    def _repr_html_(self) -> str:
        from dovetail.console import html_of
        from dovetail.mapping_table import mapping_view

        return html_of(lambda signs: mapping_view(self, signs))


def map_layer(
    layer: Layer | Problem,
    accelerator: Architecture | AcceleratorDesign,
    objective: str = "edp",
    dataflow: str | None = None,
    *,
    batch: int = 1,
    free: bool = False,
    within: tuple[str, float] | None = None,
    tolerance: float = 0.0,
    seconds: float | None = None,
    uneven: bool = False,
    cached: bool = True,
    on_better: Callable[[str | None, int, float], None] | None = None,
) -> LayerMapping:
    """The best mapping of a layer for `edp`, `energy` or `latency`, or the whole `front` of (cycles, pJ).

    `dataflow` names one of the accelerator's; without it all of them are searched and the best is taken (any
    mapping where the text has none, or with `free`). `within = ("latency", 1.05)` allows at most 1.05 x the
    best latency; `tolerance = 0.02` stops where nothing is better by 2 %; `seconds`, or Ctrl-C, stop with the
    best so far and a true lower bound. `uneven` lets the operands of a memory begin at different places. A
    layer is taken at its own widths: `net.at(accel.architecture.bits)["conv1"]` has those of the accelerator
    where the network's text gives none. Raises UnknownName for names that are not there, DovetailError where
    the layer cannot run, ValueError for numbers out of range.
    """
    if objective not in GOALS:
        raise UnknownName(f"there is no objective `{objective}`", [f"known are {', '.join(GOALS)}"])
    if within is not None and (within[0] not in LIMITS or not within[1] >= 1):
        raise ValueError(f"`within` is `latency` or `energy` and a factor of at least 1, not {within}")
    architecture = architecture_of(accelerator)
    flows: Sequence[Dataflow | None] = architecture.dataflows or (None,)
    if dataflow is not None:
        flows = (dataflow_of(architecture, dataflow),)
    elif free:
        flows = (None,)
    problem = _problem(layer, architecture, batch)
    name = layer.name if isinstance(layer, Layer) else "layer"
    prices = priced(architecture)
    hunt = _Hunt(problem, architecture, prices, tolerance, seconds, uneven, cached, on_better)
    results, refusals = hunt.all(objective, flows, within)
    if not results:
        reasons = tuple(f"{r.dataflow or 'any mapping'}: {r.reason}" for r in refusals)
        message = f"`{name}` cannot be mapped onto `{architecture.name}`"
        if any(r.undecided for r in refusals):
            message = f"no mapping of `{name}` onto `{architecture.name}` was found in time"
        place = place_of(layer) if isinstance(layer, Layer) else None
        raise DovetailError([Diagnostic("E1201", message, place, help=reasons)])
    return hunt.answer(name, objective, results, refusals, len(flows))


def _problem(layer: Layer | Problem, architecture: Architecture, batch: int) -> Problem:
    if isinstance(layer, Problem):
        return layer
    if batch < 1:
        raise ValueError(f"a batch is at least 1, not {batch}")
    problem = problem_of(layer, batch)
    if problem is None:
        message = f"`{layer.name}` is a `{layer.op}`, which has no loops to map"
        raise DovetailError([Diagnostic("E1206", message, place_of(layer))])
    check_rate(layer, architecture)
    return problem


def _value(objective: str, cycles: float, energy_pj: float) -> float:
    return {"energy": energy_pj, "latency": float(cycles)}.get(objective, cycles * energy_pj)


@dataclass
class _Hunt:
    """One layer, dataflow by dataflow, within one time."""

    problem: Problem
    architecture: Architecture
    prices: Prices
    tolerance: float
    seconds: float | None
    uneven: bool
    cached: bool
    on_better: Callable[[str | None, int, float], None] | None

    def __post_init__(self) -> None:
        self.table = energy_table(self.prices, self.problem.bits)
        self.leakage = leakage_pj_per_cycle(self.architecture, self.prices)
        self.bound = lower_bound(self.problem, self.architecture, self.table, self.leakage)
        self.deadline = None if self.seconds is None else monotonic() + self.seconds
        self.interrupted = False

    def all(
        self, objective: str, flows: Sequence[Dataflow | None], within: tuple[str, float] | None
    ) -> tuple[list[MapResult], list[Refusal]]:
        """The answer for each dataflow, and those that cannot run the layer."""
        refusals: list[Refusal] = []
        if within is None:
            return self._each([(flow, objective, None) for flow in flows], refusals), refusals
        limited, factor = within
        best = self._each([(flow, limited, None) for flow in flows], refusals)
        if not best:
            return [], refusals
        if self.interrupted:
            # not finished with the limit itself: what keeps to it best so far is the answer
            return best, refusals
        most = factor * min(result.value for result in best)
        # each dataflow's own best has to be within what is allowed over the best of all
        asked: list[tuple[Dataflow | None, str, tuple[str, float] | None]] = []
        for result in best:
            flow = next((f for f in flows if f is not None and f.name == result.dataflow), None)
            if result.value <= most:
                asked.append((flow, objective, (limited, most / result.value)))
            else:
                reason = f"its best {limited} is {result.value / most * factor:.2f}x the best of all"
                refusals.append(Refusal(result.dataflow, reason, undecided=not result.proved))
        return self._each(asked, refusals), refusals

    def _each(
        self,
        asked: Sequence[tuple[Dataflow | None, str, tuple[str, float] | None]],
        refusals: list[Refusal],
    ) -> list[MapResult]:
        found: list[MapResult] = []
        for number, (flow, objective, limit) in enumerate(asked):
            if self.interrupted:
                self._unsearched(flow, objective, found, refusals)
                continue
            left = None
            if self.deadline is not None:
                left = max((self.deadline - monotonic()) / (len(asked) - number), 1e-3)
            result = self._one(flow, objective, limit, left)
            if isinstance(result, Refusal):
                refusals.append(result)
            else:
                found.append(result)
                self.interrupted |= result.interrupted
        return found

    def _unsearched(
        self, flow: Dataflow | None, objective: str, found: list[MapResult], refusals: list[Refusal]
    ) -> None:
        """After Ctrl-C a dataflow has its greedy mapping, and nothing is known about all others."""
        from dovetail.costmodel.mapper import Found, MapResult, Mapspace

        name = flow.name if flow is not None else None
        for mapping in self._start(flow):
            trial = try_mapping(self.problem, self.architecture, self.prices, mapping, name)
            best = Found(mapping, trial.cost, trial.energy.total_pj)
            found.append(
                MapResult(
                    objective=objective,
                    dataflow=name,
                    best=best,
                    front=(best,),
                    mapspace=Mapspace.of(self.problem, self.architecture, flow, uneven=self.uneven).size(),
                    evaluated=1,
                    bounded=0,
                    value=_value(objective, trial.cost.cycles, trial.energy.total_pj),
                    lower_bound=_value(objective, self.bound.cycles, self.bound.energy_pj),
                    proved=False,
                    interrupted=True,
                )
            )
            return
        refusals.append(Refusal(name, "not searched", undecided=True))

    def _one(
        self, flow: Dataflow | None, objective: str, limit: tuple[str, float] | None, seconds: float | None
    ) -> MapResult | Refusal:
        from dovetail.costmodel.mapper import NoMapping, OutOfTime, map_problem

        name = flow.name if flow is not None else None

        def better(cycles: int, energy_pj: float) -> None:
            if self.on_better is not None:
                self.on_better(name, cycles, energy_pj)

        try:
            return map_problem(
                self.problem,
                self.architecture,
                self.table,
                objective,
                name,
                leakage_pj_per_cycle=self.leakage,
                uneven=self.uneven,
                within_latency=limit[1] if limit is not None and limit[0] == "latency" else None,
                within_energy=limit[1] if limit is not None and limit[0] == "energy" else None,
                tolerance=self.tolerance,
                seconds=seconds,
                cached=self.cached,
                on_better=better,
                start=self._start(flow),
            )
        except NoMapping as fault:
            reason = str(fault)
            try:
                greedy_mapping(self.problem, self.architecture, flow, self.table)
            except NoGreedy as better_reason:
                reason = str(better_reason)
            return Refusal(name, reason, undecided=isinstance(fault, OutOfTime))

    def _start(self, flow: Dataflow | None) -> Iterator[Mapping]:
        """The greedy mapping, made only where the answer is not on disk."""
        try:
            yield greedy_mapping(self.problem, self.architecture, flow, self.table)
        except NoGreedy:
            return

    def answer(
        self,
        name: str,
        objective: str,
        results: Sequence[MapResult],
        refusals: Sequence[Refusal],
        flows: int,
    ) -> LayerMapping:
        """All dataflows together."""
        from dovetail.costmodel.mapper import Certificate

        def choice(result: MapResult, at: int) -> Choice:
            found = result.front[at]
            return Choice(result.dataflow, found.mapping, found.cost, found.energy_pj)

        ways = tuple(Choice(r.dataflow, r.best.mapping, r.best.cost, r.best.energy_pj) for r in results)
        first = min(
            range(len(ways)),
            key=lambda i: (_value(objective, ways[i].cycles, ways[i].energy_pj), ways[i].energy_pj),
        )
        best = ways[first]
        points = [choice(result, at) for result in results for at in range(len(result.front))]
        front: list[Choice] = []
        for point in sorted(points, key=lambda p: (p.cycles, p.energy_pj)):
            if not front or point.energy_pj < front[-1].energy_pj * (1 - 1e-11):
                front.append(point)
        value = _value(objective, best.cycles, best.energy_pj)
        compulsory = _value(objective, self.bound.cycles, self.bound.energy_pj)
        open_ends = any(refusal.undecided for refusal in refusals)
        finished = all(result.objective == objective for result in results)
        proved = finished and all(result.proved for result in results) and not open_ends
        least = min(result.lower_bound for result in results) if finished else compulsory
        if open_ends:
            least = compulsory
        least = value if proved else min(value, max(least, compulsory))
        return LayerMapping(
            name=name,
            problem=self.problem,
            architecture=self.architecture,
            prices=self.prices,
            objective=objective,
            best=best,
            front=tuple(front) if objective == "front" else (best,),
            certificate=Certificate(
                objective,
                sum(result.mapspace for result in results),
                sum(result.evaluated for result in results),
                value,
                least,
                proved,
            ),
            ways=ways if flows > 1 else (best,),
            refusals=tuple(refusals),
            bound=self.bound,
            interrupted=self.interrupted,
        )
