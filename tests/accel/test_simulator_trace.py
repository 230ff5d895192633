"""What a simulation writes and prints."""

from __future__ import annotations

import csv
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from dovetail.accel.architecture import Architecture
from dovetail.accel.loading import accelerator_from_text
from dovetail.accel.simulator import SimulationResult, simulate
from dovetail.dsl.loading import load_network_design
from dovetail.dsl.problem import Problem


@pytest.fixture(scope="module")
def array() -> Architecture:
    return accelerator_from_text("""
accel array
technology 45 nm
clock      1 GHz
precision  { inputs, weights, outputs = 8 bit; sums = 32 bit }
memory DRAM {
    bandwidth = 16 B/cycle shared; latency = 10 cycles; energy = 1 pJ/bit; holds = [inputs, weights, outputs]
}
memory Buffer { size = 64 KiB; buffering = double; energy = 1 pJ/bit; may_hold = [inputs, outputs] }
array PE[row = 4, col = 4] {
    along col: forward inputs, forward weights
    along row: forward sums, forward weights
    timing { load = row; skew = true }
    memory Register { depth = 1; width = 32 bit; energy = 1 pJ/bit; may_hold = [weights, inputs, sums] }
    mac { rate = 1/cycle }
}
transfers { overlap = none }
""").architecture


@pytest.fixture(scope="module")
def result(array: Architecture) -> SimulationResult:
    return simulate(Problem(K=6, C=7, P=5, Q=5, R=3, S=3), array, "weight_stationary")


def test_json_trace_opens_and_its_phases_add_up(result: SimulationResult, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    result.trace(path)
    events = json.loads(path.read_text())["traceEvents"]
    names = {event["args"]["name"] for event in events if event["ph"] == "M"}
    assert names == {"array", "DRAM", "Buffer", "Register"}
    for phase in ("load", "compute", "drain"):
        total = sum(event["dur"] for event in events if event["ph"] == "X" and event["name"] == phase)
        assert total == getattr(result.phases, phase)
    assert events[-1]["ts"] == result.cycles


def test_json_trace_counts_busy_pes(result: SimulationResult, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    result.trace(path)
    busy = [e["args"]["PEs"] for e in json.loads(path.read_text())["traceEvents"] if e["ph"] == "C"]
    assert max(busy) == 16
    assert min(busy) >= 0


def test_csv_trace_has_every_multiplication(result: SimulationResult, tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    result.trace(path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    macs = sum(int(row["cycles"]) * int(row["busy_pes"]) for row in rows if row["track"] == "PEs")
    assert macs == result.macs
    assert {int(row["fold"]) for row in rows if row["event"] == "compute"} == set(range(result.folds))
    starts = [float(row["start"]) for row in rows if row["event"] == "compute"]
    assert starts == sorted(starts)


def test_work_of_the_pes_adds_up_to_the_macs(result: SimulationResult) -> None:
    assert int(result.work.sum()) == result.macs == 6 * 7 * 25 * 9


def test_occupancy_strip_is_as_wide_as_asked_and_empty_while_waiting(result: SimulationResult) -> None:
    strip = result.strip(40)
    assert len(strip) == 40
    assert strip[0] == "·"  # the first tiles are still on their way
    assert any(sign in "▅▆▇█" for sign in strip)


def test_summary_says_cycles_phases_and_accesses(result: SimulationResult) -> None:
    text = result.summary()
    assert f"{result.cycles} cycles" in text
    for word in ("load", "compute", "drain", "stall", "Buffer", "Register", "weights"):
        assert word in text


def test_the_same_seed_gives_the_same_run(array: Architecture) -> None:
    problem = Problem(K=6, C=7, P=5)
    one, two, other = (simulate(problem, array, "weight_stationary", seed=seed).output for seed in (3, 3, 4))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_memory_does_not_grow_with_the_cycles(array: Architecture, tmp_path: Path) -> None:
    def peak(channels: int) -> int:
        result = simulate(Problem(K=channels, C=64, P=4), array, "weight_stationary", numbers=False)
        tracemalloc.start()
        result.trace(tmp_path / "trace.csv")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(16)
    assert peak(1024) < 2 * peak(64)


def test_a_layer_of_a_network_has_zeros_in_its_padding(root: Path, array: Architecture) -> None:
    network = load_network_design(root / "examples/networks/alexnet_torchvision.net").network
    layer = next(layer for layer in network.layers if layer.name == "conv5")
    result = simulate(layer, array, "output_stationary", numbers=False)
    assert result.macs == layer.macs
