"""What the best designs of a run mean on a battery of 10.35 Wh: by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dovetail.explorer.report.data_edge import edge_rows
from dovetail.explorer.report.data_run import Baseline, Run, best, knee
from dovetail.explorer.report.run_page import run_page

CHARGE_J = 10.35 * 3600


@pytest.fixture(scope="module")
def powered(make_run: Callable[..., Run]) -> Run:
    """A run with the metrics of power, as every run from the command line has them."""
    run = make_run(500)
    latency, joules = run.column("latency"), run.column("energy") * 1e-12
    values = np.column_stack([run.values, joules / latency, CHARGE_J / joules])
    metrics = (*run.metrics, "average_power", "inferences_per_charge")
    base = Baseline(
        "watt",
        {"latency": 0.1, "energy": 3e11, "average_power": 3.0, "inferences_per_charge": CHARGE_J / 0.3},
    )
    return replace(
        run, metrics=metrics, values=values, units={**run.units, "average_power": "W"}, baseline=base
    )


def test_a_design_runs_as_often_as_its_latency_allows_and_as_long_as_its_power(powered: Run) -> None:
    rows = edge_rows(powered)
    points = {row.point for row in rows if row.point is not None}
    assert points == {best(powered, powered.goals[0]), best(powered, powered.goals[1]), knee(powered)}
    for row in rows:
        if row.point is None:
            continue
        latency = float(powered.column("latency")[row.point])
        joules = float(powered.column("energy")[row.point]) * 1e-12
        assert row.budget.inferences_per_second == pytest.approx(1 / latency)
        assert row.budget.inferences_per_charge == pytest.approx(CHARGE_J / joules, abs=1)
        assert row.budget.hours_per_charge == pytest.approx(10.35 / (joules / latency))


def test_three_watts_are_above_two_and_below_five(powered: Run) -> None:
    (base,) = [row for row in edge_rows(powered) if row.point is None]
    assert base.name == "baseline"
    assert base.budget.fits == ((2.0, False), (5.0, True))
    assert base.budget.inferences_per_second == pytest.approx(10)
    assert base.budget.hours_per_charge == pytest.approx(3.45)


def test_a_design_that_is_best_twice_has_one_line_with_both_names(powered: Run) -> None:
    one = replace(powered, front=powered.front[:1], baseline=None)
    (row,) = edge_rows(one)
    assert row.name == "least latency, least energy, knee"


def test_a_page_has_the_table_and_one_without_power_has_no_such_section(
    powered: Run, make_run: Callable[..., Run]
) -> None:
    assert '<section id="edge">' in run_page(powered, {}) and 'href="#edge"' in run_page(powered, {})
    assert edge_rows(make_run(100)) == () and "At the edge" not in run_page(make_run(100), {})
