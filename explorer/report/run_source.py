"""A run folder as columns for its report."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from math import nan
from typing import Any

import numpy as np

from dovetail.explorer.engine import PointResult
from dovetail.explorer.report.data_run import NOT_MADE, Axis, Baseline, Goal, Picks, Run, Values
from dovetail.explorer.report.records import InputFile
from dovetail.explorer.runs import RunFolder
from dovetail.explorer.store import Store
from dovetail.explorer.study import Study

UNITS = {"edp": "pJ s", "utilization": "%"}
"""Units of metrics that a study compares as plain numbers."""


def read_run(folder: RunFolder, study: Study, space_size: int | None, baseline: PointResult | None) -> Run:
    """Everything that a run has found so far; raises DovetailError where its store cannot be read."""
    store = Store(folder.results, list(folder.metrics), read_only=True)
    try:
        front = {(result.index, result.variant) for result in store.front()}
        return run_of(
            store.results(),
            front,
            study,
            folder.metrics,
            folder.report() or {},
            space_size,
            baseline,
            tuple(InputFile(name, digest) for name, digest in folder.specification.inputs.items()),
            (("Dovetail", folder.specification.version), ("its cost model", folder.specification.model)),
        )
    finally:
        store.close()


def run_of(
    results: Iterable[PointResult],
    front: set[tuple[int, int]],
    study: Study,
    units: Mapping[str, str],
    report: Mapping[str, Any],
    space_size: int | None,
    baseline: PointResult | None,
    inputs: tuple[InputFile, ...],
    versions: tuple[tuple[str, str], ...],
) -> Run:
    """Results as columns, in the order of their numbers, whatever the order in which they came.

    They are read one after the other and not kept: a million designs take some 300 MB.
    """
    columns = _Columns(tuple(units))
    for result in results:
        columns.add(result)
    order = columns.order()
    goals = tuple(Goal(o.name, o.direction == "maximize") for o in study.objectives)
    metrics, values = columns.metrics(order)
    axes, picks = columns.choices(order)
    points = [columns.points[i] for i in order]
    found = [i for i, point in enumerate(points) if point in front]
    first = goals[0]
    column = metrics.index(first.metric) if first.metric in metrics else 0
    found.sort(key=lambda i: -values[i, column] if first.maximize else values[i, column])
    return Run(
        name=study.name,
        goals=goals,
        conditions=tuple(condition.text for condition in study.where),
        axes=axes,
        picks=picks,
        metrics=metrics,
        units={name: UNITS.get(name, unit) for name, unit in units.items()},
        values=values,
        names=tuple(f"{index}.{variant}" if variant else str(index) for index, variant in points),
        meets=np.frombuffer(bytes(columns.meets), dtype=np.bool_)[order],
        front=tuple(found),
        space_size=space_size,
        refused=columns.refused,
        claim=str(report.get("claim", "the run goes on, or was stopped: the front is of what was stored")),
        exact=bool(report.get("exact", False)),
        finished=bool(report.get("finished", False)),
        inputs=inputs,
        versions=versions,
        baseline=_baseline(study, baseline),
    )


class _Choice:
    """A column of options: the positions of those met so far, a row for each design."""

    def __init__(self, before: int) -> None:
        self.picks = array("i", [NOT_MADE]) * before
        self.options: dict[str, int] = {}
        self.first: tuple[int, int, int] | None = None
        """The lowest point that makes it, and its place among that point's choices."""


class _Columns:
    """Results as they come, in columns."""

    def __init__(self, metrics: Sequence[str]) -> None:
        self._names = metrics
        self.points: list[tuple[int, int]] = []
        self.meets = bytearray()
        self.refused = 0
        self._choices: dict[str, _Choice] = {}
        self._values = [array("d") for _ in metrics]
        self._given = [0 for _ in metrics]

    def add(self, result: PointResult) -> None:
        """One more; those that cannot run are counted alone."""
        if result.refused is not None:
            self.refused += 1
            return
        for place, (name, option) in enumerate(result.choices.items()):
            choice = self._choices.get(name)
            if choice is None:
                choice = self._choices[name] = _Choice(len(self.points))
            # Choices that some designs in between did not make have fallen behind.
            missing = len(self.points) - len(choice.picks)
            if missing:
                choice.picks.extend([NOT_MADE] * missing)
            choice.picks.append(choice.options.setdefault(option, len(choice.options)))
            here = (result.index, result.variant, place)
            choice.first = here if choice.first is None else min(choice.first, here)
        for i, name in enumerate(self._names):
            value = result.metrics.get(name)
            self._given[i] += value is not None
            self._values[i].append(nan if value is None else value)
        self.points.append((result.index, result.variant))
        self.meets.append(result.meets)

    def order(self) -> list[int]:
        """The rows by number and variant."""
        return sorted(range(len(self.points)), key=self.points.__getitem__)

    def metrics(self, order: Sequence[int]) -> tuple[tuple[str, ...], Values]:
        """The metrics that every design has, and float64[designs, metrics]."""
        kept = [i for i, given in enumerate(self._given) if given == len(self.points)]
        values = np.empty((len(order), len(kept)), dtype=np.float64)
        for column, i in enumerate(kept):
            values[:, column] = np.asarray(self._values[i])[order]
        return tuple(self._names[i] for i in kept), values

    def choices(self, order: Sequence[int]) -> tuple[tuple[Axis, ...], Picks]:
        """Every choice with every option that some design takes, options in their natural order."""
        axes = []
        picks = np.full((len(order), len(self._choices)), NOT_MADE, dtype=np.int32)
        by_first = sorted(self._choices.items(), key=lambda item: item[1].first or (0, 0, 0))
        for column, (name, choice) in enumerate(by_first):
            options = sorted(choice.options, key=_natural)
            axes.append(Axis(name, tuple(options)))
            position = {option: n for n, option in enumerate(options)}
            place = np.array([*(position[option] for option in choice.options), NOT_MADE], dtype=np.int32)
            found = np.full(len(order), NOT_MADE, dtype=np.int32)
            found[: len(choice.picks)] = np.asarray(choice.picks)
            picks[:, column] = place[found[order]]
        return tuple(axes), picks


def _natural(option: str) -> tuple[int, float, str]:
    """Numbers by size, with their units; words behind them."""
    number, _, unit = option.partition(" ")
    scale = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}.get(unit, 1)
    try:
        return 0, float(number) * scale, option
    except ValueError:
        return 1, 0.0, option


def _baseline(study: Study, result: PointResult | None) -> Baseline | None:
    if study.baseline is None or result is None or result.refused is not None:
        return None
    network, accelerator = study.baseline
    return Baseline(f"{network.stem} on {accelerator.stem}", dict(result.metrics))
