"""The engine *heuristic*: Optuna's NSGA-II (NSGA-III from four objectives on), asked for batches of points.

Every choice of the study is a parameter; what is drawn is led to the nearest design (choices that a design
does not make are left out). Batches have one size whatever the number of processes, and are told in order, so
that a seed gives one sequence of points. Optuna's own journal lies in the run's folder: a run that was
stopped goes on with the population that it had.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dovetail.dsl.diagnostics import Diagnostic, DovetailError
from dovetail.explorer.archive import ParetoArchive
from dovetail.explorer.engine import Emit, EngineReport, Exploration, Objective, PointResult, Progress
from dovetail.explorer.executors import in_order
from dovetail.explorer.hypervolume import hypervolume
from dovetail.explorer.points import PointEvaluator
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.space import Place, StudySpace
from dovetail.explorer.workspace import workspace

if TYPE_CHECKING:
    import optuna

BATCH: Final = 24
POPULATION: Final = 48
ENOUGH_POINTS: Final = 2_000
"""Points after which a search ends unless the study says otherwise."""

WORST: Final = 1e30
"""Stands for the objectives of a point that cannot run."""

Drawn = dict[str, int]


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as fault:
        message = "the engine `heuristic` needs Optuna, which is not installed"
        help = ("pip install 'dovetail-dse[search]'",)
        raise DovetailError([Diagnostic("E1305", message, help=help)]) from fault
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def parameters(space: StudySpace) -> dict[str, tuple[int, bool]]:
    """What is drawn: how many options each parameter has, and whether they are numbers."""
    found: dict[str, tuple[int, bool]] = {
        "network": (len(space.networks), False),
        "accelerator": (len(space.accelerators), False),
        "bits": (len(space.bits), True),
        "dataflow": (len(space.dataflows), False),
    }
    digits = {f"n{i}": side.digits for i, side in enumerate(space.networks)}
    digits |= {f"a{i}": side.digits for i, side in enumerate(space.accelerators)}
    for prefix, own in digits.items():
        found |= {f"{prefix}:{digit.path}": (digit.options, digit.numeric) for digit in own}
    return {name: options for name, options in found.items() if options[0] > 1}


def evaluate_drawn(
    request: StudyRequest, layers: str | None, drawn: Sequence[Drawn]
) -> tuple[list[tuple[int, PointResult | None, tuple[float, ...]]], int]:
    """Number, result (None: requirements refuse it) and violations of each draw; layers solved for it."""
    here = workspace(request, layers)
    with here.lock:
        before = here.evaluator.solver.solved
        found = [_evaluate(here.space, here.evaluator, draw) for draw in drawn]
        here.evaluator.solver.flush()
        return found, here.evaluator.solver.solved - before


def _evaluate(
    space: StudySpace, evaluator: PointEvaluator, draw: Drawn
) -> tuple[int, PointResult | None, tuple[float, ...]]:
    i, j = draw.get("network", 0), draw.get("accelerator", 0)
    number, network = space.networks[i].nearest(_own(draw, f"n{i}:"))
    other, accelerator = space.accelerators[j].nearest(_own(draw, f"a{j}:"))
    place = Place(i, j, number, other, draw.get("bits", 0), draw.get("dataflow", 0))
    index = space.encode(place)
    if network.design is None or accelerator.design is None:
        return index, None, (1.0, *(1.0 for _ in space.study.where))
    evaluator.know_chip(j, other, accelerator)
    result = evaluator.result(index, place, network, accelerator)
    return index, result, evaluator.violations(place)


def _own(draw: Drawn, prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): value for name, value in draw.items() if name.startswith(prefix)}


class Heuristic:
    """Draws points, and more like the good ones."""

    name = "heuristic"

    def run(self, exploration: Exploration, emit: Emit) -> EngineReport:
        """Go on until enough points were drawn, or time is up."""
        optuna = _optuna()
        study, space = exploration.study, exploration.space
        options = parameters(space)
        distributions = {
            name: optuna.distributions.IntDistribution(0, count - 1)
            if numeric
            else optuna.distributions.CategoricalDistribution(tuple(range(count)))
            for name, (count, numeric) in options.items()
        }
        search = self._study(exploration)
        for left in search.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            search.tell(left.number, state=optuna.trial.TrialState.FAIL)  # in flight when it was stopped
        archive = ParetoArchive(study.objectives)
        archive.add(_before(search, study.objectives))
        history = _History(exploration.folder, archive)
        known: set[int] = set()
        drawn = sum(t.state.is_finished() for t in search.get_trials(deepcopy=False))
        enough = min(study.points or ENOUGH_POINTS, 4 * (space.designs or ENOUGH_POINTS))
        solved = done = 0
        while drawn < enough and not exploration.stop():
            trials = [search.ask(distributions) for _ in range(min(BATCH, enough - drawn))]
            share = max(1, -(-len(trials) // exploration.workers))
            parts = [
                [dict(trial.params) for trial in trials[first : first + share]]
                for first in range(0, len(trials), share)
            ]
            work = partial(evaluate_drawn, exploration.request, exploration.layers)
            answers = []
            for part, count in in_order(exploration.executor, work, parts):
                answers += part
                solved += count
            fresh = {
                index: result
                for index, result, _ in answers
                if result is not None and index not in known and exploration.stored(index) is None
            }
            emit(list(fresh.values()))  # stored first: what Optuna knows is never more than what is kept
            known |= fresh.keys()
            archive.add(result for _, result, _ in answers if result is not None)
            for trial, (_, result, violations) in zip(trials, answers, strict=True):
                self._tell(search, trial, study.objectives, result, violations)
            drawn += len(trials)
            done += len(fresh)
            history.add(drawn)
            exploration.progress(Progress(done, None, solved))
        claim = f"a search, seed {study.seed}: nothing is proved about designs that were not drawn"
        details = {"drawn": float(drawn)} | history.last()
        return EngineReport(self.name, False, claim, done, solved, finished=drawn >= enough, details=details)

    @staticmethod
    def _tell(
        search: optuna.Study,
        trial: optuna.Trial,
        objectives: Sequence[Objective],
        result: PointResult | None,
        violations: tuple[float, ...],
    ) -> None:
        trial.set_user_attr("violations", list(violations))
        runs = result is not None and result.refused is None
        values = [result.metrics[o.name] if result is not None and runs else worst_of(o) for o in objectives]
        search.tell(trial, values)

    @staticmethod
    def _study(exploration: Exploration) -> optuna.Study:
        import optuna
        from optuna.storages import InMemoryStorage, JournalStorage
        from optuna.storages.journal import JournalFileBackend

        study, folder = exploration.study, exploration.folder
        storage: Any = InMemoryStorage()
        if folder is not None:
            storage = JournalStorage(JournalFileBackend(str(folder / "optuna.journal")))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constraints are marked experimental
            search: optuna.Study = optuna.create_study(
                storage=storage,
                study_name="search",
                directions=[o.direction for o in study.objectives],
                load_if_exists=True,
            )
            samplers = optuna.samplers
            many = len(study.objectives) > 3
            search.sampler = (samplers.NSGAIIISampler if many else samplers.NSGAIISampler)(
                seed=study.seed + len(search.get_trials(deepcopy=False)),
                population_size=POPULATION,
                constraints_func=_violations,
            )
        return search


def worst_of(objective: Objective) -> float:
    """The value of an objective that nothing is worse than."""
    return WORST if objective.direction == "minimize" else -WORST


def _before(search: optuna.Study, objectives: Sequence[Objective]) -> list[PointResult]:
    """What an earlier part of the run drew and what meets the conditions, for the hypervolume."""
    return [
        PointResult(trial.number, {}, {o.name: v for o, v in zip(objectives, trial.values, strict=True)})
        for trial in search.get_trials(deepcopy=False)
        if trial.values is not None and all(v <= 0 for v in _violations(trial))
    ]


def _violations(trial: optuna.trial.FrozenTrial) -> Sequence[float]:
    return list(trial.user_attrs.get("violations", [1.0]))


class _History:
    """The hypervolume after each batch; its corner is the worst of the first points that meet all."""

    def __init__(self, folder: Path | None, archive: ParetoArchive) -> None:
        self._path = None if folder is None else folder / "hypervolume.csv"
        self._archive = archive
        self._corner: list[float] | None = None
        self._value = 0.0
        if self._path is not None and self._path.exists():
            with self._path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))[1:]
            self._corner = [float(cell) for cell in rows[-1][3:]] if rows else None

    def add(self, drawn: int) -> None:
        """After so many points."""
        keys = self._archive.keys
        if not len(keys):
            return
        if self._corner is None:
            worst = keys.max(axis=0)
            self._corner = [float(w + 0.1 * abs(w)) for w in worst]
        self._value = hypervolume(keys, self._corner)
        if self._path is not None:
            fresh = not self._path.exists()
            with self._path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                if fresh:
                    corners = [f"corner{number}" for number, _ in enumerate(self._corner)]
                    writer.writerow(["points", "hypervolume", "front", *corners])
                writer.writerow([drawn, self._value, len(keys), *self._corner])

    def last(self) -> dict[str, float]:
        """For the report."""
        return {} if self._corner is None else {"hypervolume": self._value}
