"""A run folder as columns for its report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dovetail.explorer.engine import PointResult
from dovetail.explorer.report.data_run import NOT_MADE, Axis, Baseline, Goal, Run
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
        results = list(store.results())
        front = {(result.index, result.variant) for result in store.front()}
    finally:
        store.close()
    report = folder.report()
    return run_of(
        results,
        front,
        study,
        folder.metrics,
        report or {},
        space_size,
        baseline,
        tuple(InputFile(name, digest) for name, digest in folder.specification.inputs.items()),
        (("Dovetail", folder.specification.version), ("its cost model", folder.specification.model)),
    )


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
    """Results as columns, in the order of their numbers, whatever the order in which they came."""
    ordered = sorted(results, key=lambda r: (r.index, r.variant))
    ran = [result for result in ordered if result.refused is None]
    goals = tuple(Goal(o.name, o.direction == "maximize") for o in study.objectives)
    metrics = tuple(name for name in units if all(name in result.metrics for result in ran))
    axes = _axes(ran)
    picks = _picks(ran, axes)
    values = np.array([[r.metrics[name] for name in metrics] for r in ran], dtype=np.float64)
    values = values.reshape(len(ran), len(metrics))
    found = [i for i, result in enumerate(ran) if (result.index, result.variant) in front]
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
        names=tuple(f"{r.index}.{r.variant}" if r.variant else str(r.index) for r in ran),
        meets=np.array([r.meets for r in ran], dtype=np.bool_),
        front=tuple(found),
        space_size=space_size,
        refused=len(ordered) - len(ran),
        claim=str(report.get("claim", "the run goes on, or was stopped: the front is of what was stored")),
        exact=bool(report.get("exact", False)),
        finished=bool(report.get("finished", False)),
        inputs=inputs,
        versions=versions,
        baseline=_baseline(study, baseline),
    )


def _axes(results: Sequence[PointResult]) -> tuple[Axis, ...]:
    """Every choice with every option that some design takes, options in their natural order."""
    options: dict[str, dict[str, None]] = {}
    for result in results:
        for name, option in result.choices.items():
            options.setdefault(name, {})[option] = None
    return tuple(Axis(name, tuple(sorted(found, key=_natural))) for name, found in options.items())


def _natural(option: str) -> tuple[int, float, str]:
    """Numbers by size, with their units; words behind them."""
    number, _, unit = option.partition(" ")
    scale = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}.get(unit, 1)
    try:
        return 0, float(number) * scale, option
    except ValueError:
        return 1, 0.0, option


def _picks(results: Sequence[PointResult], axes: Sequence[Axis]) -> np.ndarray[Any, np.dtype[np.int32]]:
    picks = np.full((len(results), len(axes)), NOT_MADE, dtype=np.int32)
    for i, axis in enumerate(axes):
        position = {option: n for n, option in enumerate(axis.options)}
        picks[:, i] = [
            position[result.choices[axis.name]] if axis.name in result.choices else NOT_MADE
            for result in results
        ]
    return picks


def _baseline(study: Study, result: PointResult | None) -> Baseline | None:
    if study.baseline is None or result is None or result.refused is not None:
        return None
    network, accelerator = study.baseline
    return Baseline(f"{network.stem} on {accelerator.stem}", dict(result.metrics))
