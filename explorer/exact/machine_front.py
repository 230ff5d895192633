"""All networks of a file on one machine: their exact front, and a bound on it that costs no mapping.

This is what other processes are asked for: what goes in and out is plain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import nan
from typing import Final

import numpy as np

from dovetail.dsl.declarations import Figure, MetricTable
from dovetail.dsl.loading import NetworkDesign, load_network_design
from dovetail.dsl.network import Network
from dovetail.dsl.problem import Bits
from dovetail.explorer.additive import Additive, Table
from dovetail.explorer.engine import PointResult
from dovetail.explorer.exact.fronts import Designs, Front, pareto_front
from dovetail.explorer.exact.goals import Columns, columns_of
from dovetail.explorer.exact.layer_fronts import NoPoint, layer_bound, layer_front
from dovetail.explorer.exact.pareto import Indices, Values, nondominated
from dovetail.explorer.exact.recursion import Recursion
from dovetail.explorer.exact.structure import COUNTS, find_recursion
from dovetail.explorer.exact.trimming import Limits
from dovetail.explorer.expressions import names_of
from dovetail.explorer.layer_solver import Candidate, Machine, signature
from dovetail.explorer.points import PointEvaluator, Refused, Work, peak_bytes
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.side import Digit, NetworkSide
from dovetail.explorer.space import Place
from dovetail.explorer.study import Study
from dovetail.explorer.workspace import workspace

MOST_PEAKS: Final = 100
"""Points of a machine whose networks are built to know their peak memory; with more it is not known."""


@dataclass(frozen=True, slots=True)
class MachinePiece:
    """All networks of a file on one machine, at a width, with a dataflow: by position, and by number."""

    network: int
    accelerator: int
    number: int
    bits: int
    dataflow: int

    @property
    def name(self) -> str:
        """Unique in its space."""
        return f"{self.network}:{self.accelerator}-{self.number}:{self.bits}:{self.dataflow}"


@dataclass(frozen=True, slots=True)
class Found:
    """The front of a piece."""

    results: tuple[PointResult, ...]
    solved: int
    """Layers that had to be mapped for it."""
    designs: int
    ways: int
    layers: int
    """Distinct layers of all its designs."""
    largest: int
    epsilon: float
    ruled_out: bool
    """Whether the bound alone showed that nothing here is on the front."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A file's networks at some widths, and the totals that the goals need."""

    recursion: Recursion
    columns: Columns
    names: Mapping[str, float]
    """Parameters and figures that all its networks share."""
    first: Network

    @property
    def metrics(self) -> list[tuple[int, int, float]]:
        """Where the recursion's metrics go: its index, the column, the factor."""
        return [
            (self.recursion.metrics.index(name), column, float(sign))
            for column, (name, sign) in enumerate(self.columns.columns)
            if name in self.recursion.metrics
        ]


def additive_of(design: NetworkDesign) -> tuple[Additive, ...]:
    """The additive metrics of a network's text."""
    return tuple(Table(figure) for figure in design.figures.values() if isinstance(figure, MetricTable))


def columns_for(study: Study, design: NetworkDesign) -> Columns:
    """The totals that the goals need of a file's networks; raises NotExact."""
    chosen = {choice.site.path for choice in design.open_choices}
    called = {metric.name for metric in study.functions}
    varying = {"utilization", "peak_memory", *called} | {
        name for name in design.parameters if chosen and _may_vary(name, design)
    }
    additive = [metric.name for metric in additive_of(design) if metric.name not in called]
    return columns_of(study, additive, varying)


def _may_vary(name: str, design: NetworkDesign) -> bool:
    """Whether a parameter may differ between designs: those that are no choice may follow from one."""
    return any(choice.site.path == name or "." not in choice.site.path for choice in design.open_choices)


def adopt(side: NetworkSide, recursion: Recursion) -> None:
    """Tell a side of the choices that the recursion has: looking for them one by one takes longer."""
    side.adopt([Digit(path, count, numeric=False) for path, count in sorted(recursion.options.items())])


@lru_cache(maxsize=16)
def plan(request: StudyRequest, layers: str | None, network: int, default: Bits) -> Plan:
    """The plan of a file's networks at some widths, made once a process; raises NotExact, NoStructure."""
    space = workspace(request, layers).space
    side = space.networks[network]
    design = load_network_design(side.path, side.settings)
    recursion = find_recursion(side.path, default, side.settings, additive_of(design))
    figures = {f.name: f.value for f in design.figures.values() if isinstance(f, Figure)}
    names = {**names_of(design.parameters), **figures}
    adopt(side, recursion)
    return Plan(recursion, columns_for(space.study, design), names, design.at(default))


def machine_fronts(
    request: StudyRequest,
    layers: str | None,
    pieces: Sequence[MachinePiece],
    best: Sequence[Sequence[float]],
    limits: Limits,
) -> list[Found]:
    """The fronts of pieces, but for what is no better than `best`: goals of designs found elsewhere.

    Machines that the bound does not rule out have their layers mapped together.
    """
    here = workspace(request, layers)
    with here.lock:
        evaluator = here.evaluator
        machines = [_Machine(evaluator, request, layers, piece, limits) for piece in pieces]
        known = list(map(tuple, best))
        beaten = [machine.beaten(known) for machine in machines]
        before = evaluator.solver.solved
        _prepare(evaluator, [machine for machine, out in zip(machines, beaten, strict=True) if not out])
        together = evaluator.solver.solved - before
        fronts = []
        for machine, out in zip(machines, beaten, strict=True):
            found = machine.ruled_out() if out else machine.front(known)
            known = unbeaten(known, found.results, here.space.study)
            fronts.append(replace(found, solved=found.solved + together))
            together = 0
        evaluator.solver.flush()
        return fronts


def _prepare(evaluator: PointEvaluator, machines: Sequence[_Machine]) -> None:
    """Map the layers that machines need, for all of them that share a plan."""
    by_plan: dict[int, tuple[Plan, list[Machine]]] = {}
    for machine in machines:
        if machine.chip.machine is not None:
            by_plan.setdefault(id(machine.plan), (machine.plan, []))[1].append(machine.chip.machine)
    batch = evaluator.space.study.batch
    for plan, some in by_plan.values():
        evaluator.solver.prepare([signature(layer, batch) for layer in plan.recursion.layers], some)


def unbeaten(
    best: Sequence[tuple[float, ...]], results: Sequence[PointResult], study: Study
) -> list[tuple[float, ...]]:
    """The goals, turned so that less is better, that nothing found so far beats."""
    everything = [*best, *(tuple(o.key(r.metrics) for o in study.objectives) for r in results if r.meets)]
    if not everything:
        return everything
    return [everything[i] for i in nondominated(np.array(everything))]


class _Machine:
    def __init__(
        self,
        evaluator: PointEvaluator,
        request: StudyRequest,
        layers: str | None,
        piece: MachinePiece,
        limits: Limits,
    ) -> None:
        self.evaluator = evaluator
        self.space = evaluator.space
        self.study = evaluator.space.study
        self.piece = piece
        self.limits = limits
        self.chip, self.accelerator = evaluator.chip(piece.accelerator, piece.number)
        bits = self.space.bits[piece.bits]
        self.default = Bits()
        if self.chip.machine is not None:
            own = self.chip.machine.architecture.bits
            self.default = own if bits is None else Bits(bits, bits, bits, max(bits, own.sums))
        self.plan = plan(request, layers, piece.network, self.default)
        self.before = evaluator.solver.solved

    def beaten(self, best: Sequence[tuple[float, ...]]) -> bool:
        """Whether a bound shows that nothing of this machine is on the front."""
        if self.chip.machine is None or not best:
            return False
        return self._beaten(np.array(best, dtype=np.float64))

    def ruled_out(self) -> Found:
        """What there is to say of a machine that is beaten."""
        self.before = self.evaluator.solver.solved
        return self._report((), self.plan.recursion, None, ruled_out=True)

    def front(self, known: Sequence[tuple[float, ...]]) -> Found:
        """What is on the front of this machine and not beaten by what is known."""
        self.before = self.evaluator.solver.solved
        if self.chip.machine is None:
            return self._refused(self.chip.refusal)
        best = np.array(known, dtype=np.float64)
        points: dict[int, tuple[Candidate, ...]] = {}
        without: dict[int, str] = {}
        for number, layer in enumerate(self.plan.recursion.layers):
            try:
                points[number] = layer_front(
                    layer,
                    self.chip.machine,
                    self.evaluator.solver,
                    self.study.batch,
                    self.space.dataflows[self.piece.dataflow],
                )
            except NoPoint as why:
                without[number] = f"`{layer.op}` cannot be mapped ({why})"
        recursion, numbers = self.plan.recursion.without(without.keys())
        if recursion is None:
            return self._refused(next(iter(without.values()), "no design can run"))
        leaves = [self._leaf(points[number]) for number in numbers]
        front = pareto_front(recursion, leaves, self.plan.metrics, self.limits)
        kept = self._wanted(front.values, best)
        results = self._results(front.designs(kept), [points[number] for number in numbers])
        return self._report(results, recursion, front, ruled_out=False)

    # ------------------------------------------------------------------------------------ columns

    def _leaf(self, points: Sequence[Candidate]) -> Values:
        """The points of a layer, by the columns."""
        rows = np.zeros((len(points), len(self.plan.columns)))
        for column, (name, sign) in enumerate(self.plan.columns.columns):
            match name:
                case "cycles":
                    rows[:, column] = [sign * p.cycles for p in points]
                case "energy":
                    rows[:, column] = [sign * p.energy_pj for p in points]
                case "dram_bytes":
                    rows[:, column] = [sign * -(-p.outermost_bits // 8) for p in points]
                case _:
                    pass  # of choices and layers, not of mappings
        return rows

    def _beaten(self, best: Values) -> bool:
        """Whether a bound on this machine's front is beaten everywhere."""
        machine = self.chip.machine
        mapped = {"cycles", "energy", "dram_bytes"}
        if machine is None or any(sign < 0 and name in mapped for name, sign in self.plan.columns.columns):
            return False
        solver, batch = self.evaluator.solver, self.study.batch
        without: set[int] = set()
        leaves: list[Values] = []
        for number, layer in enumerate(self.plan.recursion.layers):
            try:
                leaves.append(self._leaf([layer_bound(layer, machine, solver, batch)]))
            except NoPoint:
                without.add(number)
        recursion, _ = self.plan.recursion.without(without)
        if recursion is None:
            return True
        bound = pareto_front(recursion, leaves, self.plan.metrics, self.limits)
        if bound.epsilon:
            return False
        return not len(self._wanted(bound.values, best))

    def _wanted(self, values: Values, best: Values) -> Indices:
        """The points that meet the conditions and that neither another one nor `best` is as good as."""
        goals = [self._goals(row) for row in values]
        meeting = np.array([i for i, goal in enumerate(goals) if goal is not None], dtype=np.int64)
        if not len(meeting):
            return meeting
        keys = np.array([goals[i] for i in meeting])
        kept = meeting[nondominated(keys)]
        if not len(best):
            return np.sort(kept)
        everything = np.concatenate([best, np.array([goals[i] for i in kept])])
        left = nondominated(everything)
        return np.sort(kept[left[left >= len(best)] - len(best)])

    def _goals(self, row: Values) -> tuple[float, ...] | None:
        """The goals at a point's totals, turned so that less is better; None where a condition fails."""
        totals = {
            name: sign * float(v) for (name, sign), v in zip(self.plan.columns.columns, row, strict=True)
        }
        work = self._work(totals.get("macs", 0.0), totals.get("params", 0.0), totals, nan)
        try:
            metrics, meets = self.evaluator.judged(
                self.chip,
                (
                    int(totals.get("cycles", 0)),
                    totals.get("energy", 0.0),
                    int(totals.get("dram_bytes", 0)),
                    0.0,
                ),
                work,
            )
        except Refused:
            return None
        return tuple(o.key(metrics) for o in self.study.objectives) if meets else None

    def _work(self, macs: float, params: float, totals: Mapping[str, float], peak: float) -> Work:
        additive = {
            name: totals[name] for name in self.plan.recursion.metrics[len(COUNTS) :] if name in totals
        }
        names = {**self.plan.names, **additive}
        return Work(self.plan.first, (), (), (), int(macs) * self.study.batch, int(params), peak, names)

    # ------------------------------------------------------------------------------------ results

    def _results(self, designs: Designs, points: Sequence[Sequence[Candidate]]) -> tuple[PointResult, ...]:
        side = self.space.networks[self.piece.network]
        known = {digit.path for digit in side.digits}
        totals = designs.totals([_exact_totals(candidates) for candidates in points])
        variants: dict[int, int] = {}
        results = []
        for number, choices in enumerate(designs.choices):
            digits = designs.digits[number]
            own = side.encode({path: digit for path, digit in digits.items() if digit and path in known})
            piece = self.piece
            place = Place(piece.network, piece.accelerator, own, piece.number, piece.bits, piece.dataflow)
            sums = dict(zip(self.plan.recursion.metrics, designs.metrics[number].tolist(), strict=True))
            peak = nan
            if len(designs.choices) <= MOST_PEAKS:
                built = self.evaluator.network(piece.network, own).design
                peak = peak_bytes(built.at(self.default)) * self.study.batch if built is not None else nan
            cycles, energy_pj, outermost_bytes, busy = totals[number].tolist()
            metrics, meets = self.evaluator.judged(
                self.chip,
                (int(cycles), energy_pj, int(outermost_bytes), busy),
                self._work(sums["macs"], sums["params"], sums, peak),
            )
            index = self.space.encode(place)
            variant = variants.get(index, 0)
            variants[index] = variant + 1
            named = self.space.choices(place, choices, self.accelerator.choices)
            results.append(PointResult(index, named, metrics, meets, variant=variant))
        return tuple(results)

    def _refused(self, why: str) -> Found:
        return self._report((), self.plan.recursion, None, ruled_out=False)

    def _report(
        self, results: Sequence[PointResult], recursion: Recursion, front: Front | None, ruled_out: bool
    ) -> Found:
        return Found(
            tuple(results),
            self.evaluator.solver.solved - self.before,
            recursion.size,
            recursion.ways,
            len(recursion.layers),
            front.largest if front is not None else 0,
            front.epsilon if front is not None else 0.0,
            ruled_out,
        )


def _exact_totals(candidates: Sequence[Candidate]) -> Values:
    """Of each point of a layer: cycles, pJ, bytes over the edge of the chip, cycles times utilisation."""
    rows = [(c.cycles, c.energy_pj, -(-c.outermost_bits // 8), c.utilization * c.cycles) for c in candidates]
    return np.array(rows, dtype=np.float64)
