"""Results of a run as columns: in their own order, whatever the order in which they came."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from dovetail.explorer.engine import PointResult
from dovetail.explorer.report.data_run import NOT_MADE, Run
from dovetail.explorer.report.run_page import run_page
from dovetail.explorer.report.run_source import run_of
from dovetail.explorer.study import Options, Study, make_study

UNITS = {"latency": "s", "energy": "pJ", "edp": "", "utilization": ""}
HUGE = 10**21


def result(index: int, latency: float, energy: float, variant: int = 0, **choices: str) -> PointResult:
    metrics = {"latency": latency, "energy": energy, "edp": latency * energy, "utilization": 0.5}
    return PointResult(index, choices, metrics, variant=variant)


RESULTS = [
    result(2, 3.0, 1.0, size="128 KiB", bits="8"),
    result(2, 2.0, 2.0, variant=1, size="128 KiB", bits="8"),
    result(10, 1.0, 5.0, size="16 KiB", bits="16"),
    result(HUGE, 4.0, 4.0, size="1 MiB"),
    PointResult(7, {"size": "64 KiB"}, {}, meets=False, refused="it does not fit"),
]
FRONT = {(2, 0), (2, 1), (10, 0)}


@pytest.fixture(scope="module")
def study(tiny: Path, squeezelerator: Path) -> Study:
    return make_study((str(tiny),), (str(squeezelerator),), Options(minimize=("latency", "energy")), "made")


def columns(study: Study, results: list[PointResult]) -> Run:
    return run_of(results, FRONT, study, UNITS, {"claim": "proved"}, None, None, (), ())


def test_the_order_in_which_results_were_stored_does_not_matter(study: Study) -> None:
    page = run_page(columns(study, RESULTS), {})
    for seed in range(5):
        shuffled = list(RESULTS)
        Random(seed).shuffle(shuffled)
        assert run_page(columns(study, shuffled), {}) == page


def test_columns_are_what_the_results_say_row_by_row(study: Study) -> None:
    """Choices that come and go, metrics that some lack, huge numbers: against a plain reading."""
    random = Random(5)
    found = []
    for index in {random.randrange(10**20) for _ in range(300)}:
        made = {
            name: random.choice(("8", "16", "relu", "2 KiB")) for name in "abcdef" if random.random() < 0.6
        }
        found.append(result(index, random.random(), random.random(), variant=random.randrange(2), **made))
    del found[7].metrics["edp"]  # type: ignore[attr-defined]
    run = columns(study, found)
    ordered = sorted(found, key=lambda r: (r.index, r.variant))
    assert run.metrics == ("latency", "energy", "utilization")
    assert run.values.tolist() == [[r.metrics[name] for name in run.metrics] for r in ordered]
    assert [run.choices(i) for i in range(len(ordered))] == [
        {name: r.choices[name] for name in [axis.name for axis in run.axes] if name in r.choices}
        for r in ordered
    ]
    assert [axis.name for axis in run.axes] == list(
        dict.fromkeys(name for r in ordered for name in r.choices)
    )
    assert {axis.options for axis in run.axes} == {("8", "16", "2 KiB", "relu")}


def test_points_are_named_by_number_and_variant_beyond_64_bits(study: Study) -> None:
    assert columns(study, RESULTS).names == ("2", "2.1", "10", str(HUGE))


def test_what_cannot_run_is_counted_and_left_out(study: Study) -> None:
    run = columns(study, RESULTS)
    assert run.refused == 1 and len(run.names) == 4


def test_options_stand_by_their_size_and_a_choice_not_made_is_none(study: Study) -> None:
    run = columns(study, RESULTS)
    axes = {axis.name: axis.options for axis in run.axes}
    assert axes == {"size": ("16 KiB", "128 KiB", "1 MiB"), "bits": ("8", "16")}
    assert run.picks.tolist() == [[1, 0], [1, 0], [0, 1], [2, NOT_MADE]]


def test_the_front_is_the_one_that_was_stored_best_first(study: Study) -> None:
    run = columns(study, RESULTS)
    assert [run.names[point] for point in run.front] == ["10", "2.1", "2"]
    assert np.all(np.diff(run.column("latency")[list(run.front)]) > 0)


def test_numbers_without_a_unit_in_a_study_have_one_in_its_report(study: Study) -> None:
    units = columns(study, RESULTS).units
    assert (units["edp"], units["utilization"], units["latency"]) == ("pJ s", "%", "s")
