"""`dovetail explore --json`: `dovetail.exploration/1`, and `--list --json`: `dovetail.runs/1`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dovetail.exploration import Run
    from dovetail.explorer.engine import PointResult
    from dovetail.explorer.runs import RunFolder
    from dovetail.jsonout import Json

_NAMES = {
    "latency": "latency_s",
    "energy": "energy_pj",
    "area": "area_mm2",
    "average_power": "average_power_w",
    "peak_memory": "peak_memory_bytes",
    "edp": "edp_pj_s",
}
"""Metrics with their unit in the name."""


def run_json(run: Run) -> Json:
    """A run with its front; numbers of points are text, since they may be larger than any JSON integer."""
    return {
        "schema": "dovetail.exploration/1",
        "name": run.study.name,
        "folder": str(run.path),
        "minimize": list(run.study.minimize),
        "maximize": list(run.study.maximize),
        "where": [condition.text for condition in run.study.where],
        "units": {_NAMES.get(name, name): unit for name, unit in run.folder.metrics.items()},
        "report": dict(run.summary),
        "baseline": None if run.baseline is None else _point(run.baseline),
        "front": [_point(result) for result in run.front],
    }


def _point(result: PointResult) -> Json:
    return {
        "point": str(result.index),
        "variant": result.variant,
        "choices": dict(result.choices),
        "metrics": {_NAMES.get(name, name): value for name, value in result.metrics.items()},
    }


def runs_json(runs: Sequence[RunFolder]) -> Json:
    """The runs of a folder."""
    return {
        "schema": "dovetail.runs/1",
        "runs": [
            {
                "name": run.path.name,
                "folder": str(run.path),
                "engine": run.specification.engine,
                "question": dict(run.specification.question),
                "report": run.report(),
            }
            for run in runs
        ],
    }
