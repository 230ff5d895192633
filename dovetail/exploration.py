"""The Python API of explorations: `run = dt.explore(network, accelerator, minimize=[...])`, `run.front`."""

from __future__ import annotations

import csv
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.explorer.engine import PointResult
from dovetail.explorer.explore import Outcome, Where, baseline_of
from dovetail.explorer.explore import explore as carry_out
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.runs import RunFolder, open_run
from dovetail.explorer.store import Store, choice_names
from dovetail.explorer.study import Options, Study

if TYPE_CHECKING:
    from dovetail.flip_view import Flips

Row = dict[str, Any]
Design = str | Path
Several = Design | Sequence[Design]


@dataclass(frozen=True, slots=True)
class Rows(Sequence[PointResult]):
    """Results, in order; `units` has the unit of each metric."""

    results: tuple[PointResult, ...]
    units: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index: Any) -> Any:
        return self.results[index]

    def __iter__(self) -> Iterator[PointResult]:
        return iter(self.results)

    def to_rows(self) -> list[Row]:
        """A dictionary for each: its number, its choices, its metrics."""
        return [{"point": r.index, **r.choices, **r.metrics} for r in self.results]

    def _repr_html_(self) -> str:
        from dovetail.explore_table import shown_value
        from dovetail.explorer.report.html import heads, number, row, table

        choices = list(dict.fromkeys(name for r in self.results for name in r.choices))
        metrics = list(dict.fromkeys(name for r in self.results for name in r.metrics))
        lines = [
            row(
                str(r.index),
                [r.choices.get(name, "") for name in choices],
                [
                    number(shown_value(r.metrics[n], self.units.get(n, "")) if n in r.metrics else "")
                    for n in metrics
                ],
            )
            for r in self.results
        ]
        return table(heads("point", *choices, *(f"{name}>" for name in metrics)), lines, "Designs")

    def to_frame(self) -> Any:
        """A pandas DataFrame, a line for each; raises ImportError without pandas (`to_rows` needs nothing).

        Columns are those of `to_rows`; `frame.attrs["units"]` has the unit of each metric. Numbers of points
        outgrow 64 bit in large spaces: they are Python integers then, in a column of objects.
        """
        try:
            pandas = import_module("pandas")
        except ImportError as fault:
            raise ImportError(
                "to_frame needs pandas: pip install 'dovetail-dse[frame]'; to_rows needs nothing"
            ) from fault
        frame = pandas.DataFrame(self.to_rows())
        frame.attrs["units"] = dict(self.units)
        return frame


@dataclass(frozen=True, slots=True)
class Run:
    """A run: its folder, what was asked, its front, how it ended."""

    folder: RunFolder
    study: Study
    front: Rows
    summary: Mapping[str, Any]
    """`engine`, `exact`, `claim`, `finished` ...; empty where the run was not ended."""
    baseline: PointResult | None

    @classmethod
    def of(cls, outcome: Outcome) -> Run:
        """The run that was just carried out."""
        summary = outcome.folder.report() or {}
        front = Rows(outcome.front, outcome.folder.metrics)
        return cls(outcome.folder, outcome.study, front, summary, outcome.baseline)

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """A run that was carried out before; raises DovetailError where there is none."""
        folder = open_run(Path(path))
        study = folder.request.load()
        with closing(Store(folder.results, list(folder.metrics), read_only=True)) as store:
            front = tuple(store.front())
        first = study.objectives[0]
        ordered = tuple(sorted(front, key=lambda r: (first.key(r.metrics), r.index)))
        rows = Rows(ordered, folder.metrics)
        return cls(folder, study, rows, folder.report() or {}, baseline_of(folder.request, study))

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.folder.path

    def results(self) -> Iterator[PointResult]:
        """Every result, one after the other, in the order in which they were stored."""
        with closing(Store(self.folder.results, list(self.folder.metrics), read_only=True)) as store:
            yield from store.results()

    def hypervolume(self) -> list[tuple[int, float]]:
        """Of a search: points drawn, and the volume that the front dominated then; else empty."""
        try:
            with (self.path / "hypervolume.csv").open(newline="", encoding="utf-8") as file:
                return [(int(r["points"]), float(r["hypervolume"])) for r in csv.DictReader(file)]
        except FileNotFoundError:
            return []

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query on the tables `points`, `front` and `pieces`."""
        import duckdb

        with closing(duckdb.connect(str(self.folder.results), read_only=True)) as database:
            return list(database.execute(query).fetchall())

    def export(self, path: str | Path) -> None:
        """All results as Parquet, a column for each choice; raises DovetailError if it cannot."""
        with closing(Store(self.folder.results, list(self.folder.metrics), read_only=True)) as store:
            store.export(Path(path), choice_names(store.results()))

    def report(
        self, path: str | Path, *, designs: int = 24, baseline: tuple[Design, Design] | None = None
    ) -> Path:
        """Write the co-design report, one page of HTML that opens offline; returns where it is.

        `designs` of the front are evaluated again and shown layer by layer; `baseline`, a network and an
        accelerator by their files, takes the place of the study's. Raises ValueError for fewer than no
        designs, OSError where the page cannot be written, DovetailError where a file cannot be read.
        """
        from dovetail.run_report import report_page

        against = None if baseline is None else (Path(baseline[0]), Path(baseline[1]))
        place = Path(path)
        place.write_bytes(report_page(self.folder, designs, against).encode("utf-8"))
        return place

    def flips(self, a: str, b: str, objective: str | None = None) -> Flips:
        """How wrong a figure has to be before design B beats A: `run.flips("1", "baseline")`.

        A design is named by its number on the front, as printed (from 1), by `#` and the number of its point
        (`point` in JSON), or `baseline`. Raises CommandLineFault for a name that is none, and where A is not
        the better one.
        """
        from dovetail.design_flips import flips_of

        return flips_of(self, a, b, objective)

    def to_json(self) -> dict[str, Any]:
        """What `dovetail explore --json` prints, as a dictionary."""
        from dovetail.exploration_json import run_json

        return run_json(self)

    def why_empty(self) -> list[str]:
        """For a front without designs: how many there were, and by what the conditions were missed."""
        lines = []
        with closing(Store(self.folder.results, list(self.folder.metrics), read_only=True)) as store:
            refusals: dict[str, int] = {}
            ran = 0
            for result in store.results():
                if result.refused is None:
                    ran += 1
                else:
                    refusals[result.refused] = refusals.get(result.refused, 0) + 1
        if ran:
            texts = ", ".join(condition.text for condition in self.study.where)
            lines.append(f"error: none of {ran} designs meets all conditions: {texts}")
            lines += [f"  = help: the designs go from {text}" for text in self._ranges()]
        most = sorted(refusals.items(), key=lambda item: -item[1])[:3]
        lines += [f"error: {count} designs cannot run: {reason}" for reason, count in most]
        return lines or ["error: no design was evaluated"]

    def _ranges(self) -> list[str]:
        """The least and the largest of each metric that a condition speaks of."""
        from dovetail.explorer.expressions import names_in

        found = []
        asked = {name for condition in self.study.where for name in names_in(condition.node)}
        for name in (n for n in self.folder.metrics if n in asked):
            low, high = self.sql(f'SELECT min("{name}"), max("{name}") FROM points')[0]
            unit = self.folder.metrics[name]
            found.append(f"{low:.4g} to {high:.4g} {unit}".rstrip() + f" in `{name}`")
        return found

    def __str__(self) -> str:
        from dovetail.console import text_of
        from dovetail.explore_table import run_view

        return text_of(lambda signs: run_view(self, signs, everything=False))

    def _repr_html_(self) -> str:
        from dovetail.console import html_of
        from dovetail.explore_table import run_view

        return html_of(lambda signs: run_view(self, signs, everything=True))


def explore(
    networks: Several,
    accelerators: Several = (),
    *,
    minimize: Sequence[str] = (),
    maximize: Sequence[str] = (),
    where: Sequence[str] = (),
    baseline: tuple[Design, Design] | None = None,
    engine: str = "auto",
    seed: int = 0,
    time_s: float | None = None,
    points: int | None = None,
    bits: Sequence[int] = (),
    dataflows: Sequence[str] = (),
    batch: int | None = None,
    settings: Mapping[str, object] | None = None,
    mapped_for: str = "auto",
    mapper: str | None = None,
    metrics: Mapping[str, str | Callable[..., float]] | None = None,
    runs: Design = "runs",
    folder: Design | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    executor: Executor | None = None,
) -> Run:
    """Explore networks on accelerators, all by their files, or a `.study` file given alone.

    Everything is as in `dovetail explore`: goals are expressions over metrics (`latency * energy`), `where`
    conditions with units (`area < 10 mm2`), `dataflows` names or `best`, `metrics` functions of a network and
    its choices, in Python files (`{"top1": "accuracy.py:predicted"}`) or as they are. Results are kept in a
    folder below `runs` and the same call goes on from there. Any `concurrent.futures.Executor` does the work;
    by default a pool of processes, for which a script needs `if __name__ == "__main__":`. Raises
    DovetailError.
    """
    from dovetail import __version__

    first = _paths(networks)
    study = str(first[0]) if len(first) == 1 and first[0].suffix == ".study" else None
    second = _paths(accelerators)
    if study is None and not minimize and not maximize:
        minimize = ("latency", "energy")
    options = Options(
        minimize=tuple(minimize),
        maximize=tuple(maximize),
        where=tuple(where),
        baseline=None if baseline is None else (Path(baseline[0]), Path(baseline[1])),
        engine=None if engine == "auto" else engine,
        seed=seed or None,
        time_s=time_s,
        bits=tuple(bits),
        dataflows=tuple(dataflows),
        batch=batch,
        settings=tuple((name, str(value)) for name, value in (settings or {}).items()),
        mapped_for=None if mapped_for == "auto" else mapped_for,
        points=points,
        mapper=mapper,
        metrics=tuple((name, _function(name, given)) for name, given in (metrics or {}).items()),
    )
    request = StudyRequest(
        study, () if study else tuple(map(str, first)), tuple(map(str, second)), options, "explore"
    )
    place = Where(Path(runs), None if folder is None else Path(folder), workers, scheduler, executor)
    outcome = carry_out(request, place, __version__)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return Run.of(outcome)


def _function(name: str, given: str | Callable[..., float]) -> str:
    """`FILE.py:FUNCTION` of a function, which other processes have to find in its file."""
    if isinstance(given, str):
        return given
    file = inspect.getsourcefile(given)
    if file is None or given.__qualname__ != given.__name__ or not file.endswith(".py"):
        raise ValueError(
            f"the function of the metric `{name}` has to stand at the top of a Python file, "
            f"where other processes find it; `{given.__qualname__}` does not"
        )
    return f"{Path(file).resolve()}:{given.__name__}"


def _paths(designs: Several) -> list[Path]:
    return [Path(designs)] if isinstance(designs, str | Path) else [Path(d) for d in designs]
