"""The exact engine against the sweep, which evaluates every design."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dovetail.dsl.diagnostics import DovetailError
from dovetail.explorer.explore import Outcome, Where, explore
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.study import Options

NETWORK = """net small
metric loss from "loss.csv" by (choice, option)
metric top1 = 70% from "nobody"

block b(x, out) {
    y = x -> choose {
        wide: conv(out, choose(1, 3), pad = same)
        deep: conv(8, 1) -> relu -> dwconv(3, pad = same) -> conv(out, 1)
        none: conv(out, 1)
    }
    return if channels(x) == out then x + y else y
}
input image[8, 16, 16]
output image -> one: b(16) -> two: b(16) -> relu -> three: b(8)
"""
LOSS = """choice,option,loss
one,wide,1.0
one,deep,0.5
one,none,4
two,wide,-2.0
two,none,5
three,wide,0.25
three.kernel,3,-1.5
"""
ACCELERATOR = """accel chip
param n = choose(4, 8)
technology 45 nm
clock 500 MHz
precision { inputs, weights, outputs = 16 bit; sums = 16 bit }
memory DRAM { bandwidth = choose(2 GB/s, 8 GB/s) shared; latency = 100 cycles; energy = dram(LPDDR4) }
memory Buffer {
    size = choose(4 KiB, 64 KiB); width = 64 bit; ports = separate
    energy = sram(); may_hold = [inputs, outputs]
}
array PE[row = n, col = n] {
    along row: reduce sums, multicast weights
    along col: multicast inputs, multicast weights
    memory Register { depth = 16; width = 16 bit; energy = regfile(); may_hold = [weights, sums] }
    mac { rate = 1/cycle }
}
unit Vector[n] at Buffer { does = [relu, pool, add, softmax]; energy = 1 pJ }
transfers { overlap = none }
dataflow weight_stationary { PE.row = C; PE.col = K; stationary weights at Register }
dataflow output_stationary { PE.row = P; PE.col = Q; stationary sums at Register }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("space")
    (path / "small.net").write_text(NETWORK, encoding="utf-8")
    (path / "loss.csv").write_text(LOSS, encoding="utf-8")
    (path / "chip.accel").write_text(ACCELERATOR, encoding="utf-8")
    return path


def run(folder: Path, runs: Path, engine: str, **options: object) -> Outcome:
    given = Options(engine=engine, dataflows=("weight_stationary",), **options)  # type: ignore[arg-type]
    request = StudyRequest(None, (str(folder / "small.net"),), (str(folder / "chip.accel"),), given)
    return explore(request, Where(runs=runs, executor=ThreadPoolExecutor(1), workers=1))


GOALS: dict[str, dict[str, tuple[str, ...]]] = {
    "latency and energy": {"minimize": ("latency", "energy")},
    "a sum of choices": {"minimize": ("latency", "loss")},
    "three, one of them the machine's": {"minimize": ("energy", "loss", "area")},
    "a product": {"minimize": ("edp",)},
    "more is better": {"minimize": ("loss",), "maximize": ("inferences_per_charge",)},
    "an expression": {"minimize": ("latency * area + latency * 2 mm2", "params")},
    "conditions on totals": {
        "minimize": ("latency", "energy"),
        "where": ("loss < 4", "params > 300", "Buffer.size < 32 KiB"),
    },
    "a condition against an objective": {
        "minimize": ("latency", "loss"),
        "where": ("average_power < 40 mW",),
    },
    "traffic": {"minimize": ("dram_bytes", "loss")},
}


@pytest.mark.parametrize("name", GOALS)
def test_the_exact_front_is_that_of_the_sweep(name: str, folder: Path, tmp_path: Path) -> None:
    exact = run(folder, tmp_path, "exact", **GOALS[name])
    swept = run(folder, tmp_path, "sweep", **GOALS[name])
    assert exact.report.exact and exact.report.points == swept.rows
    goals = [o.name for o in swept.study.objectives]
    found = sorted(tuple(p.metrics[g] for g in goals) for p in exact.front)
    wanted = sorted(tuple(p.metrics[g] for g in goals) for p in swept.front)
    assert len(found) == len(wanted) > 0
    for one, other in zip(found, wanted, strict=True):
        assert one == pytest.approx(other, rel=1e-9)
    by_index = {p.index: p for p in swept.front}
    for point in exact.front:  # the same designs under the same numbers, unless several cost the same
        if point.index in by_index:
            other_point = by_index[point.index]
            assert point.choices == other_point.choices
            assert point.metrics == pytest.approx(other_point.metrics, rel=1e-9)


def test_a_machine_whose_bound_is_beaten_is_not_mapped(folder: Path, tmp_path: Path) -> None:
    report = run(folder, tmp_path, "exact", minimize=("latency",)).report
    assert report.details["machines"] == 8
    assert report.details["machines_ruled_out"] > 0


def test_a_finished_run_is_read_and_not_made_again(folder: Path, tmp_path: Path) -> None:
    first = run(folder, tmp_path, "exact", minimize=("latency", "energy"))
    again = run(folder, tmp_path, "exact", minimize=("latency", "energy"))
    assert again.report.layer_evaluations == 0 and again.report.exact
    assert again.report.points == first.report.points
    assert [p.metrics for p in again.front] == [p.metrics for p in first.front]


@pytest.mark.parametrize("goal", ["utilization", "peak_memory", "latency - energy / 1 pJ * 1 s * loss"])
def test_goals_that_no_sum_decides_are_refused(goal: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DovetailError, match="exact"):
        run(folder, tmp_path, "exact", minimize=(goal,))
