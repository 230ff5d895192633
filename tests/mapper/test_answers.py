"""What `map_problem` answers: certificate, limits, early stops, answers kept on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Axis,
    Dataflow,
    Link,
    LinkKind,
    Memory,
    SpatialRule,
    Stationary,
)
from dovetail.accel.legality import violations
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.mapper import MapResult, NoMapping, map_problem
from dovetail.dsl.problem import Problem

FLOW = Dataflow(
    "weight_stationary",
    (
        SpatialRule("PE", "row", (("C",),)),
        SpatialRule("PE", "col", (("K",),)),
        Stationary("weights", "Register"),
    ),
)
ACCELERATOR = Architecture(
    "small",
    (
        Memory("DRAM", frozenset({"inputs", "weights", "outputs"})),
        Memory("Buffer", frozenset({"inputs", "outputs"}), size_bits=16 * 512),
        Array(
            "PE",
            (Axis("row", 4), Axis("col", 4)),
            (Link(("row",), LinkKind.REDUCE, "sums"), Link(("col",), LinkKind.MULTICAST, "inputs")),
        ),
        Memory("Register", frozenset({"weights"}), size_bits=16),
    ),
    dataflows=(FLOW,),
)
PRICES = EnergyTable(
    {name: MemoryPrice(pj, pj, pj) for name, pj in (("DRAM", 8.0), ("Buffer", 1.0), ("Register", 0.1))}, 1.0
)
LAYER = Problem(K=16, C=12, P=7, Q=7)


def answer(objective: str = "edp", dataflow: str | None = "weight_stationary", **options: Any) -> MapResult:
    return map_problem(LAYER, ACCELERATOR, PRICES, objective, dataflow, cached=False, **options)


def test_the_answer_is_legal_and_proved() -> None:
    found = answer()
    assert violations(LAYER, ACCELERATOR, found.mapping) == ()
    assert found.proved
    assert found.lower_bound == found.value == found.cost.cycles * found.best.energy_pj
    assert 0 < found.evaluated < found.mapspace


def test_a_dataflow_never_beats_freedom() -> None:
    assert answer("energy", None).value <= answer("energy").value


def test_energy_within_a_multiple_of_the_best_latency_keeps_to_it() -> None:
    fastest, leanest = answer("latency"), answer("energy")
    both = answer("energy", within_latency=1.05)
    assert both.cost.cycles <= 1.05 * fastest.cost.cycles
    assert leanest.best.energy_pj <= both.best.energy_pj <= fastest.best.energy_pj


def test_the_front_begins_with_the_fastest_and_ends_with_the_leanest() -> None:
    front = answer("front").front
    assert front[0].cost.cycles == answer("latency").cost.cycles
    assert front[-1].energy_pj == pytest.approx(answer("energy").best.energy_pj, rel=1e-9)


def test_a_tolerance_is_kept_and_its_bound_is_true() -> None:
    exact, rough = answer("energy"), answer("energy", tolerance=0.1)
    assert rough.lower_bound <= exact.value <= rough.value <= exact.value * 1.1


def test_without_time_there_is_a_true_bound_or_no_mapping() -> None:
    try:
        hasty = answer("energy", None, seconds=0.02)
    except NoMapping:
        return
    exact = answer("energy", None)
    assert hasty.lower_bound <= exact.value <= hasty.value


def test_an_answer_is_kept_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOVETAIL_CACHE", str(tmp_path))
    first = map_problem(LAYER, ACCELERATOR, PRICES, "edp", "weight_stationary")
    again = map_problem(LAYER, ACCELERATOR, PRICES, "edp", "weight_stationary")
    other = map_problem(LAYER, ACCELERATOR, PRICES, "energy", "weight_stationary")
    assert (first.cached, again.cached, other.cached) == (False, True, False)
    assert again.best == first.best


def test_a_broken_file_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOVETAIL_CACHE", str(tmp_path))
    first = map_problem(LAYER, ACCELERATOR, PRICES)
    for file in tmp_path.iterdir():
        file.write_bytes(b"nonsense")
    assert map_problem(LAYER, ACCELERATOR, PRICES).best == first.best


def test_an_unknown_dataflow_is_refused() -> None:
    with pytest.raises(KeyError):
        answer("edp", "row_stationary")


def test_a_layer_that_fits_no_buffer_has_no_mapping() -> None:
    tiny = Architecture(
        "tiny", (ACCELERATOR.levels[0], Memory("Buffer", frozenset({"inputs", "outputs"}), size_bits=8))
    )
    with pytest.raises(NoMapping):
        map_problem(LAYER, tiny, PRICES, cached=False)
