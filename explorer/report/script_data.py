"""What the page of a run carries for its script, as JSON."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, Final

from dovetail.explorer.report import quantities as q
from dovetail.explorer.report.data_run import NOT_MADE, Run, pairs, varying
from dovetail.explorer.report.draw_front import GRID, cells_for_script, sampled
from dovetail.explorer.report.run_words import word

MOST_FRONT: Final = 10_000
"""Designs of the front that the script knows; more are drawn, but say nothing."""


def script_data(run: Run, full: Container[int]) -> dict[str, Any]:
    """Options by position, metrics with factor and unit, points as columns; `full` are those in full."""
    scripted = run.front[:MOST_FRONT]
    others = sampled(run)
    return {
        "choices": [{"name": axis.name, "options": list(axis.options)} for axis in run.axes],
        "metrics": [{"name": m, "word": word(m), **_unit(run.units.get(m, ""))} for m in run.metrics],
        "goals": [goal.metric for goal in run.goals],
        "notMade": NOT_MADE,
        "front": _columns(run, scripted),
        "full": [1 if point in full else 0 for point in scripted],
        "others": _columns(run, others),
        "cells": {f"{x} {y}": cells_for_script(run, x, y) for x, y in pairs(run.goals, run.metrics)},
        "grid": list(GRID),
        "varying": list(varying(run)),
    }


def _unit(unit: str) -> dict[str, Any]:
    factor, shown = q.UNITS.get(unit, (1.0, unit.replace("mm2", "mm²")))
    return {"factor": factor, "unit": shown, "prefixed": unit in q.UNITS}


def _columns(run: Run, points: Sequence[int]) -> dict[str, Any]:
    """Numbers of designs, picks by choice, values by metric (nine digits that count)."""
    at = list(points)
    return {
        "name": [run.names[i] for i in at],
        "picks": [column.tolist() for column in run.picks[at].T],
        "values": [[float(f"{v:.9g}") for v in column.tolist()] for column in run.values[at].T],
    }
