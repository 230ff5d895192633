"""A study carried out: engine chosen, folder opened, results stored as they come, the front kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dovetail.accel.loading import load_accelerator_design
from dovetail.dsl.diagnostics import Diagnostic, DovetailError, Label
from dovetail.dsl.loading import load_network_design
from dovetail.explorer.archive import ParetoArchive
from dovetail.explorer.choose_engine import choose_engine
from dovetail.explorer.content import fingerprint
from dovetail.explorer.engine import Engine, EngineReport, Exploration, PointResult, Progress
from dovetail.explorer.executors import cluster_executor, local_executor
from dovetail.explorer.expressions import names_in
from dovetail.explorer.gaps import gaps
from dovetail.explorer.interrupts import held
from dovetail.explorer.points import PointEvaluator
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.runs import LAYERS, RunFolder, Specification, open_run, runs_in, specify
from dovetail.explorer.space import StudySpace
from dovetail.explorer.store import Store
from dovetail.explorer.study import Study, known_names

COMMIT_S: Final = 0.2
"""Results wait at most about this long before they are safe."""

FEW_POINTS: Final = 200
"""Spaces up to this size are not worth the start of other processes."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a run stands, for whoever watches."""

    done: int
    total: int | None
    rate: float
    """Points a second in this session."""
    left_s: float | None
    layer_evaluations: int
    front: int
    best: tuple[tuple[str, float, str], ...]
    """The best value of each objective so far, with its unit."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run as it stands when it ends or is stopped."""

    folder: RunFolder
    study: Study
    space: StudySpace
    report: EngineReport
    front: tuple[PointResult, ...]
    rows: int
    baseline: PointResult | None
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Where:
    """Where a run is kept and where its work is done."""

    runs: Path = Path("runs")
    folder: Path | None = None
    """A folder of its own; None: one below `runs`, named after what is asked."""
    workers: int | None = None
    """Processes; None: as many as there are cores."""
    scheduler: str | None = None
    executor: Executor | None = None
    """Instead of both; `workers` says how many it runs at once."""


def explore(
    request: StudyRequest,
    where: Where = Where(),
    version: str = "",
    say: Callable[[str], None] = lambda text: None,
    watch: Callable[[Status], None] = lambda status: None,
) -> Outcome:
    """Carry out a study, or go on with it; raises DovetailError.

    `say` is told what is worth knowing, `watch` how it stands. Ctrl-C ends it early: what was found is kept,
    and the same call goes on from there.
    """
    where = where or Where()
    study = request.load()
    request = request.absolute()
    space = StudySpace(study)
    check_names(space)
    evaluator = PointEvaluator(space)
    known = _finished(request, study, space, evaluator, where, version, say)
    if known is not None:
        return known
    engine = choose_engine(study, space)
    specification = specify(study, engine.name, version)
    request = replace(request, inputs=fingerprint(specification.inputs))
    folder = _folder(request, specification, evaluator.units, where, say)
    store = Store(folder.results, list(evaluator.units))
    try:
        return _carry_out(request, study, space, engine, evaluator, folder, store, where, watch)
    finally:
        store.close()


def _finished(
    request: StudyRequest,
    study: Study,
    space: StudySpace,
    evaluator: PointEvaluator,
    where: Where,
    version: str,
    say: Callable[[str], None],
) -> Outcome | None:
    """A run of the exact engine that has ended, read from its folder: its text is not taken apart again."""
    if study.engine != "exact":
        return None
    now = specify(study, study.engine, version)
    path = _path(now, where)
    if not (path / "run.json").exists():
        return None
    folder = open_run(path)
    ended = folder.report()
    if folder.specification.digest != now.digest or ended is None or not ended.get("finished"):
        return None
    say(f"the run in {path}")
    store = Store(folder.results, list(evaluator.units))
    try:
        archive = ParetoArchive(study.objectives)
        archive.add(store.front())
        rows = len(store)
    finally:
        store.close()
    report = EngineReport(
        ended["engine"], ended["exact"], ended["claim"], ended["points"], 0, details=ended["details"]
    )
    return Outcome(folder, study, space, report, archive.front, rows, baseline_of(request, study))


def _path(now: Specification, where: Where) -> Path:
    """The folder of a run."""
    return where.folder or where.runs / f"{now.name}-{now.digest}"


def resume(folder: Path, where: Where, version: str, **talk: Callable[..., None]) -> Outcome:
    """Go on with the run in a folder; raises DovetailError where its inputs are no longer what they were."""
    run = open_run(folder)
    study = run.request.load()
    engine = choose_engine(study, StudySpace(study))
    now = specify(study, engine.name, version)
    if now.digest != run.specification.digest:
        raise DovetailError([_another(folder, run.specification, now)])
    return explore(run.request, replace(where, folder=folder), version, **talk)


def _another(folder: Path, before: Specification, now: Specification) -> Diagnostic:
    return Diagnostic(
        "E1302",
        f"`{folder}` holds a run of another specification: {'; '.join(now.differences(before))}",
        help=("without `--run` and `--resume`, what is asked now becomes a run of its own",),
    )


def _folder(
    request: StudyRequest,
    now: Specification,
    metrics: dict[str, str],
    where: Where,
    say: Callable[[str], None],
) -> RunFolder:
    """The folder of the run, found or made."""
    path = _path(now, where)
    folder = RunFolder(path, now, request, metrics)
    if (path / "run.json").exists():
        found = open_run(path)
        if found.specification.digest != now.digest:
            raise DovetailError([_another(path, found.specification, now)])
        say(f"going on with the run in {path}" if found.report() is None else f"the run in {path}")
        return found
    if path.is_dir() and any(path.iterdir()):
        message = f"`{path}` is not empty, and no run is in it"
        raise DovetailError([Diagnostic("E1302", message, help=("name another folder",))])
    for other in runs_in(path.parent):
        if other.specification.name == now.name:
            changes = "; ".join(now.differences(other.specification))
            say(f"a new run in {path}: unlike {other.path.name}, {changes}")
            break
    else:
        say(f"a new run in {path}")
    folder.write()
    return folder


def check_names(space: StudySpace) -> None:
    """Every metric that the study speaks of must be known of every network and accelerator."""
    study = space.study
    if len(space.networks) + len(space.accelerators) < 3:
        return
    nodes = [o.expression for o in study.objectives] + [c.node for c in study.where]
    wanted = {name: node for node in nodes for name in names_in(node)}
    networks = {side.path: load_network_design(side.path, side.settings) for side in space.networks}
    accelerators = {
        side.path: load_accelerator_design(side.path, side.settings) for side in space.accelerators
    }
    everywhere = [known_names([n], [a]) for n in networks.values() for a in accelerators.values()]
    known = set.intersection(*(set(names) for names in everywhere)) | set(study.definitions)
    problems = []
    for name, node in wanted.items():
        if name in known or not any(name in names for names in everywhere):
            continue  # known to all, or the language's own
        lacking = [path.name for path, design in networks.items() if name not in known_names([design], [])]
        if len(lacking) == len(networks):  # it is the accelerators' business
            lacking = [
                path.name for path, design in accelerators.items() if name not in known_names([], [design])
            ]
        problems.append(
            Diagnostic(
                "E1301",
                f"`{name}` is not known of every design that this study compares",
                Label(node.span),
                help=(f"it is missing in {', '.join(lacking)}", f'`metric {name} = … from "…"` says it'),
            )
        )
    if problems:
        raise DovetailError(problems)


class _Keeper:
    """Stores results and keeps the front and the clock while an engine runs."""

    def __init__(
        self, store: Store, study: Study, units: dict[str, str], watch: Callable[[Status], None]
    ) -> None:
        self.archive = ParetoArchive(study.objectives)
        self.archive.add(store.results("meets AND refused IS NULL"))
        self.rows = len(store)
        self.before = self.rows
        self._store = store
        self._study = study
        self._units = units
        self._watch = watch
        self._results: list[PointResult] = []
        self._pieces: list[str] = []
        self._started = self._committed = time.monotonic()

    def emit(self, results: Sequence[PointResult], piece: str | None = None) -> None:
        """Take results; they are safe a moment later."""
        with held():
            self._results += results
            if piece is not None:
                self._pieces.append(piece)
            self.archive.add(results)
            if time.monotonic() - self._committed > COMMIT_S:
                self.commit()

    def commit(self) -> None:
        """Make safe what was taken."""
        with held():
            if self._results or self._pieces:
                self._store.append(self._results, self._pieces)
                self.rows += len(self._results)
                self._results, self._pieces = [], []
            self._committed = time.monotonic()

    def progress(self, progress: Progress) -> None:
        """Tell whoever watches."""
        spent = time.monotonic() - self._started
        rate = progress.done / spent if spent > 0 else 0.0
        done = self.before + progress.done
        left = (progress.total - done) / rate if progress.total is not None and rate else None
        self._watch(
            Status(
                done, progress.total, rate, left, progress.layer_evaluations, len(self.archive), self._best()
            )
        )

    def _best(self) -> tuple[tuple[str, float, str], ...]:
        front = self.archive.front
        if not front:
            return ()
        return tuple(
            (o.name, min(front, key=lambda r: o.key(r.metrics)).metrics[o.name], self._units[o.name])
            for o in self._study.objectives
        )


def _carry_out(
    request: StudyRequest,
    study: Study,
    space: StudySpace,
    engine: Engine,
    evaluator: PointEvaluator,
    folder: RunFolder,
    store: Store,
    where: Where,
    watch: Callable[[Status], None],
) -> Outcome:
    keeper = _Keeper(store, study, evaluator.units, watch)
    end = None if study.time_s is None else time.monotonic() + study.time_s
    interrupted = False
    layers = str((folder.path.parent / LAYERS).resolve())
    try:
        with _executor(where, space) as (executor, workers):
            report = engine.run(
                Exploration(
                    study=study,
                    space=space,
                    request=request,
                    layers=layers,
                    executor=executor,
                    workers=workers,
                    stored=store.get,
                    finished=store.pieces(),
                    stop=lambda: end is not None and time.monotonic() > end,
                    progress=keeper.progress,
                    folder=folder.path,
                ),
                keeper.emit,
            )
    except KeyboardInterrupt:
        interrupted = True
        claim = "stopped by hand: the front is that of the designs that were evaluated"
        report = EngineReport(engine.name, False, claim, keeper.rows - keeper.before, 0, finished=False)
    finally:
        keeper.commit()
    front = keeper.archive.front
    if report.name == "heuristic" and not interrupted:
        details = {**report.details, **gaps(space, front, study.objectives)}
        report = replace(report, details=details)
    with held():
        store.mark_front(front)
        folder.write_report(report, len(front), keeper.rows, space.designs)
    return Outcome(folder, study, space, report, front, keeper.rows, baseline_of(request, study), interrupted)


def baseline_of(request: StudyRequest, study: Study) -> PointResult | None:
    """What the baseline costs, by the same metrics; None where the study has none."""
    if study.baseline is None:
        return None
    network, accelerator = study.baseline
    alone = replace(
        study, networks=(network,), accelerators=(accelerator,), bits=(), dataflows=(), settings=(), where=()
    )
    return PointEvaluator(StudySpace(alone)).evaluate(0)


def _executor(where: Where, space: StudySpace) -> AbstractContextManager[tuple[Executor, int]]:
    if where.executor is not None:
        return nullcontext((where.executor, where.workers or os.cpu_count() or 1))
    if where.scheduler is not None:
        return cluster_executor(where.scheduler)
    few = space.designs is not None and space.designs <= FEW_POINTS
    return local_executor(where.workers or (1 if few else os.cpu_count() or 1))
