"""`dovetail map`: what it prints parses, adds up, and says how sure it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dovetail as dt
from dovetail import map_command
from dovetail.accel.mapping_parsing import mapping_from_text
from dovetail.cli import main

NET = """\
net small
input x[4, 8, 8]
output x -> first: conv(8, 3, pad = 1) -> relu -> second: conv(8, 1) -> pool: maxpool(2)
"""
ACCEL = """\
accel chip
clock 1 GHz
technology 45 nm
precision { inputs, weights, outputs = 8 bit; sums = 16 bit }
memory DRAM { bandwidth = 64 bit/cycle shared; energy = 8 pJ/bit }
memory Buffer { size = 1 KiB; width = 64 bit; energy = sram(); may_hold = [inputs, outputs] }
array PE[row = 4, col = 4] {
    along row: reduce sums
    along col: multicast inputs
    memory Register { size = 16 B; width = 8 bit; energy = regfile(); may_hold = [weights, sums] }
    mac { rate = 1/cycle }
}
dataflow weight_stationary { PE.row = C; PE.col = K; stationary weights at Register }
dataflow output_stationary { PE.row = P; PE.col = Q; stationary sums at Register }
"""
FILES = ("small.net", "chip.accel")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.net").write_text(NET)
    (tmp_path / "chip.accel").write_text(ACCEL)
    return tmp_path


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["map", *FILES, "--layer", "second", *arguments, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    whole: dict[str, Any] = json.loads(captured.out)
    return whole


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["map", *FILES, "--layer", "second", *arguments]) == 0
    return capsys.readouterr().out


def test_the_loop_nest_printed_costs_what_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = as_json(capsys)
    (folder / "best.map").write_text(whole["mapping"])
    flow = ("--dataflow", whole["dataflow"])
    assert main(["evaluate", *FILES, "--mapping", "best.map", *flow, "--json"]) == 0
    (layer,) = json.loads(capsys.readouterr().out)["layers"]
    assert (layer["cycles"], layer["energy_pj"]) == (
        whole["cycles"],
        pytest.approx(whole["energy_pj"], rel=1e-12),
    )


def test_what_is_proved_is_its_own_bound(capsys: pytest.CaptureFixture[str]) -> None:
    optimality = as_json(capsys)["optimality"]
    assert optimality["proved"]
    assert optimality["lower_bound"] == optimality["value"]
    assert optimality["evaluated"] <= optimality["mapspace"]
    assert optimality["over_compulsory_bound"] >= 1
    text = printed(capsys)
    assert "proved optimal: none of" in text
    assert "× the bound of EDP" in text


def test_the_best_dataflow_is_taken_unless_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    whole = as_json(capsys)
    named = [as_json(capsys, "--dataflow", way["dataflow"]) for way in whole["dataflows"]]
    assert [one["dataflow"] for one in named] == ["weight_stationary", "output_stationary"]
    assert whole["optimality"]["value"] == min(one["optimality"]["value"] for one in named)
    assert whole["optimality"]["mapspace"] == sum(one["optimality"]["mapspace"] for one in named)


def test_any_mapping_is_no_worse_than_a_dataflow(capsys: pytest.CaptureFixture[str]) -> None:
    free = as_json(capsys, "--dataflow", "free", "--time", "60s")
    assert free["dataflow"] is None
    assert free["optimality"]["value"] <= as_json(capsys)["optimality"]["value"] * (1 + 1e-12)


def test_nothing_on_the_front_beats_another(capsys: pytest.CaptureFixture[str]) -> None:
    front = as_json(capsys, "--front")["front"]
    cycles = [point["cycles"] for point in front]
    energy = [point["energy_pj"] for point in front]
    assert cycles == sorted(set(cycles))
    assert energy == sorted(set(energy), reverse=True)
    assert cycles[0] == as_json(capsys, "-o", "latency")["cycles"]
    assert energy[-1] == pytest.approx(as_json(capsys, "-o", "energy")["energy_pj"], rel=1e-9)
    assert "least EDP" in printed(capsys, "--front")


def test_least_energy_within_a_latency_keeps_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    fastest = as_json(capsys, "-o", "latency")["cycles"]
    leanest = as_json(capsys, "-o", "energy")["energy_pj"]
    for factor in (1.0, 1.1, 10.0):
        both = as_json(capsys, "-o", "energy", "--within", f"latency={factor}")
        assert both["cycles"] <= factor * fastest
        assert both["energy_pj"] >= leanest * (1 - 1e-12)
    assert both["energy_pj"] == pytest.approx(leanest, rel=1e-9)


def test_a_tolerance_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    exact = as_json(capsys)["optimality"]["value"]
    rough = as_json(capsys, "--tolerance", "20%")["optimality"]
    assert rough["lower_bound"] <= exact <= rough["value"] <= 1.2 * exact


def test_without_time_the_gap_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    exact = as_json(capsys)["optimality"]["value"]
    hasty = as_json(capsys, "--time", "1ms", "--no-cache")["optimality"]
    assert hasty["lower_bound"] <= exact * (1 + 1e-12)
    assert exact <= hasty["value"] * (1 + 1e-12)


def test_stopped_by_hand_it_has_the_best_so_far() -> None:
    net, chip = dt.load_network("small.net"), dt.load_accelerator("chip.accel")
    layer = net.at(chip.architecture.bits)["second"]

    def stop(dataflow: str | None, cycles: int, energy_pj: float) -> None:
        raise KeyboardInterrupt

    exact = dt.map_layer(layer, chip)
    stopped = dt.map_layer(layer, chip, cached=False, on_better=stop)
    assert stopped.interrupted
    assert not stopped.proved
    assert stopped.lower_bound <= exact.certificate.value <= stopped.certificate.value
    assert "stopped by Ctrl-C: at most" in str(stopped)
    assert [way.dataflow for way in stopped.ways] == ["weight_stationary", "output_stationary"]
    assert mapping_from_text(stopped.to_json()["mapping"]).layer == "second"


@pytest.mark.parametrize("other", ["greedy", "output_stationary", "weight_stationary", "free"])
def test_a_comparison_adds_up(other: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole = as_json(capsys, "--why", other, "--time", "60s")
    why = whole["why"]
    assert why["compared_with"] == other
    assert sum(row["cycles"] for row in why["cycles"]) == whole["cycles"]
    assert sum(row["energy_pj"] for row in why["energy"]) == pytest.approx(whole["energy_pj"], rel=1e-12)
    if other.endswith("stationary"):
        own = as_json(capsys, "--dataflow", other)
        assert sum(row["other_cycles"] for row in why["cycles"]) == own["cycles"]
        assert sum(row["other_energy_pj"] for row in why["energy"]) == pytest.approx(own["energy_pj"])
    assert f"{other} takes" in printed(capsys, "--why", other, "--time", "60s")


def test_a_mapping_of_ones_own_is_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = as_json(capsys, "--dataflow", "output_stationary")
    (folder / "mine.map").write_text(other["mapping"])
    why = as_json(capsys, "--why", "mine.map")["why"]
    assert sum(row["other_cycles"] for row in why["cycles"]) == other["cycles"]


def test_the_same_bytes_again_from_disk(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys) == printed(capsys) == printed(capsys, "--no-cache")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--layer", "secnd"], 2, "no layer `secnd`: did you mean `second`?"),
        (["--layer", "pool"], 1, "`pool` is a `maxpool`, which has no loops to map"),
        (["--layer", "second", "--dataflow", "weight"], 2, "has no dataflow `weight`"),
        (["--layer", "second", "-o", "power"], 2, "there is no objective `power`"),
        (["--layer", "second", "-o", "front"], 2, "`--front` prints it"),
        (["--layer", "second", "--front", "-o", "energy"], 2, "takes neither"),
        (["--layer", "second", "--within", "latency"], 2, "is not of the form latency=FACTOR"),
        (["--layer", "second", "--within", "latency=0.9"], 2, "a factor is at least 1"),
        (["--layer", "second", "--tolerance", "much"], 2, "`--tolerance much` is no fraction"),
        (["--layer", "second", "--time", "5 parsecs"], 2, "`--time 5 parsecs` is no time"),
        (["--layer", "second", "--why", "nobody"], 2, "has no dataflow `nobody`"),
        (["--layer", "first", "--bits", "32"], 1, "cannot be mapped onto `chip`"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str], status: int, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--bits" in arguments:
        text = ACCEL.replace("may_hold = [weights, sums]", "holds = [weights, sums]")
        (folder / "chip.accel").write_text(text.replace("size = 16 B", "size = 7 B"))
    assert main(["map", *FILES, *arguments]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error")
    assert says in captured.err


def test_two_networks_are_one_too_many(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.net").write_text(NET.replace("small", "other"))
    assert main(["map", *FILES, "other.net", "--layer", "second"]) == 2
    assert "one network and one accelerator" in capsys.readouterr().err


def test_python_takes_what_it_loads(capsys: pytest.CaptureFixture[str]) -> None:
    net, chip = dt.load_network("small.net"), dt.load_accelerator("chip.accel")
    found = dt.map_layer(net.at(chip.architecture.bits)["second"], chip)
    assert found.to_json() == as_json(capsys)
    assert found.proved
    assert found.lower_bound == found.certificate.value
    assert "mac" in str(found)
    wide = dt.map_layer(net["second"], chip.architecture, "energy", "weight_stationary")
    assert wide.problem.bits.weights == 16
    assert wide.dataflow == "weight_stationary"
    batch = dt.map_layer(net["second"], chip, "latency", batch=3)
    assert batch.problem.N == 3


def test_times_are_read() -> None:
    assert [map_command.seconds_of(t) for t in ("5s", "5 s", "500ms", "2 min", "1.5", "1h")] == [
        5.0,
        5.0,
        0.5,
        120.0,
        1.5,
        3600.0,
    ]
