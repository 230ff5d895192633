"""What the best designs of a run mean for a device on a battery, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dovetail.explorer.report.data_evaluation import Budget, budget_of
from dovetail.explorer.report.data_run import Run, best, knee
from dovetail.explorer.report.run_words import word
from dovetail.explorer.study import CHARGE_WH

POWER = "average_power"
CHARGE = "inferences_per_charge"


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """A design with its budget; `point` is None for the baseline."""

    name: str
    point: int | None
    budget: Budget


def edge_rows(run: Run) -> tuple[EdgeRow, ...]:
    """The best design for each objective, the knee and the baseline; none where a run has no such metrics."""
    if not run.front or not {POWER, CHARGE} <= {*run.metrics}:
        return ()
    chosen: dict[int, list[str]] = {}
    for goal in run.goals:
        name = f"{'most' if goal.maximize else 'least'} {word(goal.metric)}"
        chosen.setdefault(best(run, goal), []).append(name)
    chosen.setdefault(knee(run), []).append("knee")
    rows = []
    for point, names in chosen.items():
        metrics = {name: float(run.column(name)[point]) for name in (POWER, CHARGE)}
        rows.extend(_row(", ".join(names), point, metrics))
    if run.baseline is not None:
        rows.extend(_row("baseline", None, run.baseline.metrics))
    return tuple(rows)


def _row(name: str, point: int | None, metrics: Mapping[str, float]) -> list[EdgeRow]:
    """Nothing for a design without power: nothing of it has a price."""
    power, inferences = metrics.get(POWER), metrics.get(CHARGE)
    if not power or not inferences:
        return []
    return [EdgeRow(name, point, budget_of(CHARGE_WH * 3600 / inferences, power, CHARGE_WH))]
