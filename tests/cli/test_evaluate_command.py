"""`dovetail evaluate`: the table says what the JSON says, and the JSON adds up."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dovetail.cli import main

NET = """\
net small
param width = 16
input x[4, 8, 8]
a = x -> first: conv(width, 3, pad = 1) -> relu -> pool: maxpool(2)
output a + (a -> second: conv(width, 1)) -> third: linear_head()
block linear_head(x) { return x -> flatten -> fc: linear(8) }
"""
ACCEL = """\
accel chip
param n = 4
clock 1 GHz
technology 45 nm
precision { inputs, weights, outputs = 8 bit; sums = 16 bit }
memory DRAM { bandwidth = 64 bit/cycle shared; energy = 8 pJ/bit }
memory Buffer { size = 16 KiB; width = 64 bit; energy = sram(); may_hold = [inputs, weights, outputs] }
array PE[row = n, col = n] {
    along row: reduce sums
    along col: multicast inputs
    memory Register { size = 64 B; width = 8 bit; energy = regfile(); may_hold = [weights, sums] }
    mac { rate = 1/cycle }
}
unit Vector[n] at Buffer { does = [pool, add]; energy = 1 pJ }
dataflow weight_stationary { PE.row = C; PE.col = K; stationary weights at Register }
dataflow output_stationary { PE.row = P; PE.col = Q; stationary sums at Register }
"""
MEMORIES = ("DRAM", "Buffer", "Register")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.net").write_text(NET)
    (tmp_path / "chip.accel").write_text(ACCEL)
    return tmp_path


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["evaluate", *arguments, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    whole: dict[str, Any] = json.loads(captured.out)
    return whole


def table(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["evaluate", *arguments]) == 0
    return capsys.readouterr().out


def test_the_least_that_must_be_there(capsys: pytest.CaptureFixture[str]) -> None:
    whole = as_json(capsys, "small.net", "chip.accel")
    assert whole["schema"] == "dovetail.evaluation/1"
    assert (whole["network"], whole["accelerator"], whole["objective"]) == ("small", "chip", "edp")
    assert {
        "macs",
        "cycles",
        "latency_s",
        "energy_pj",
        "utilization",
        "dram_bytes",
        "area_mm2",
        "average_power_w",
    } <= whole["total"].keys()
    for layer in whole["layers"]:
        assert {
            "name",
            "op",
            "macs",
            "params",
            "cycles",
            "latency_s",
            "energy_pj",
            "utilization",
            "bound_by",
            "dataflow",
            "mapping",
            "optimality",
            "energy_breakdown_pj",
            "traffic_words",
        } <= layer.keys()
        assert {"mapspace", "lower_bound", "proved", "evaluated"} <= layer["optimality"].keys()
        assert layer["bound_by"] in ("compute", "Vector", *MEMORIES)
    assert [layer["name"] for layer in whole["layers"]] == ["first", "pool", "second", "add", "third.fc"]
    assert [free["op"] for free in whole["free"]] == ["relu", "flatten"]


def test_layers_add_up_to_the_total(capsys: pytest.CaptureFixture[str]) -> None:
    whole = as_json(capsys, "small.net", "chip.accel")
    total, layers = whole["total"], whole["layers"]
    assert total["macs"] == sum(x["macs"] for x in layers) == 4 * 16 * 9 * 64 + 16 * 16 * 16 + 256 * 8
    assert total["cycles"] == sum(x["cycles"] for x in layers)
    assert total["latency_s"] == total["cycles"] / 1e9
    assert total["energy_pj"] == pytest.approx(sum(x["energy_pj"] for x in layers))
    assert total["energy_pj"] == pytest.approx(sum(whole["energy_breakdown_pj"].values()))
    assert total["dram_bytes"] == sum(x["dram_bytes"] for x in layers)
    assert total["average_power_w"] == pytest.approx(total["energy_pj"] * 1e-12 / total["latency_s"])
    assert total["utilization"] == pytest.approx(total["macs"] / (16 * total["cycles"]))
    for layer in layers:
        parts = layer["energy_breakdown_pj"].values()
        pj = sum(sum(part.values()) if isinstance(part, dict) else part for part in parts)
        assert layer["energy_pj"] == pytest.approx(pj)
        assert layer["cycles"] == sum(term["cycles"] for term in layer["cycles_breakdown"])


def test_every_weight_and_output_crosses_the_edge_of_the_chip(capsys: pytest.CaptureFixture[str]) -> None:
    first, pool, second, add, head = as_json(capsys, "small.net", "chip.accel")["layers"]
    for layer, weights, outputs in ((first, 576, 1024), (second, 256, 256), (head, 2048, 8)):
        dram = layer["traffic_words"]["DRAM"]
        assert dram["weights"]["reads"] >= weights
        assert dram["outputs"]["updates"] >= outputs
    assert pool["traffic_words"]["DRAM"] == {
        "inputs": {"reads": 1024, "fills": 0},
        "outputs": {"reads": 0, "fills": 0, "updates": 256},
    }
    assert add["traffic_words"]["DRAM"]["inputs"]["reads"] == 512
    assert (pool["unit"], add["unit"], first["unit"]) == ("Vector", "Vector", None)


def test_the_network_runs_at_the_precision_of_the_accelerator(capsys: pytest.CaptureFixture[str]) -> None:
    eight = as_json(capsys, "small.net", "chip.accel")
    sixteen = as_json(capsys, "small.net", "chip.accel", "--bits", "16")
    pool_8, pool_16 = eight["layers"][1], sixteen["layers"][1]
    assert pool_16["dram_bytes"] == 2 * pool_8["dram_bytes"] == 2 * (1024 + 256)


def test_nothing_beats_the_bound(capsys: pytest.CaptureFixture[str]) -> None:
    for objective in ("edp", "energy", "latency"):
        whole = as_json(capsys, "small.net", "chip.accel", "--objective", objective)
        assert whole["objective_value"] >= whole["lower_bound"]["objective_value"] > 0
        for layer in whole["layers"]:
            optimality = layer["optimality"]
            assert optimality["value"] >= optimality["lower_bound"] > 0
            assert layer["cycles"] >= optimality["lower_bound_cycles"]
            assert layer["energy_pj"] >= optimality["lower_bound_energy_pj"] * (1 - 1e-12)
            assert optimality["lower_bound"] >= optimality["compulsory_bound"]


def test_greedy_mappings_are_not_proved(capsys: pytest.CaptureFixture[str]) -> None:
    whole = as_json(capsys, "small.net", "chip.accel", "--mapper", "greedy")
    for layer in whole["layers"]:
        assert layer["optimality"]["proved"] is (layer["macs"] == 0)
        assert layer["optimality"]["mapspace"] is None
    text = table(capsys, "small.net", "chip.accel", "--mapper", "greedy")
    assert "3 layers mapped greedily, none proved optimal" in text


def test_exact_mappings_are_proved_and_no_worse(capsys: pytest.CaptureFixture[str]) -> None:
    greedy = as_json(capsys, "small.net", "chip.accel", "--mapper", "greedy")
    exact = as_json(capsys, "small.net", "chip.accel", "--mapper", "exact", "--time", "60s")
    assert exact["objective_value"] <= greedy["objective_value"] * (1 + 1e-12)
    for layer in exact["layers"]:
        optimality = layer["optimality"]
        assert optimality["proved"]
        assert optimality["lower_bound"] == optimality["value"]
        assert (optimality["mapspace"] is None) is (layer["macs"] == 0)
        assert all(way["proved"] for way in layer["alternatives"])
    text = table(capsys, "small.net", "chip.accel", "--mapper", "exact", "--time", "60s")
    assert "all 3 layers proved optimal" in text


def test_a_layer_without_time_says_that_it_is_not_proved(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("small.net", "chip.accel", "--mapper", "exact", "--time", "1ms", "--no-cache")
    whole = as_json(capsys, *arguments)
    mapped = [layer for layer in whole["layers"] if layer["macs"]]
    assert not all(layer["optimality"]["proved"] for layer in mapped)
    for layer in mapped:
        optimality = layer["optimality"]
        assert optimality["compulsory_bound"] <= optimality["lower_bound"] <= optimality["value"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--mapper", "lucky"], "there is no mapper `lucky`"),
        (["--time", "soon"], "`--time soon` is no time"),
        (["--time", "0s"], "`--time 0s` is no time"),
    ],
)
def test_a_mapper_or_time_that_is_none(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "small.net", "chip.accel", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_mapping_printed_is_accepted_and_costs_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = as_json(capsys, "small.net", "chip.accel")
    for layer in whole["layers"]:
        if layer["mapping"] is None:
            continue
        (folder / "given.map").write_text(layer["mapping"])
        assert main(["check", "given.map"]) == 0
        capsys.readouterr()
        arguments = ["small.net", "chip.accel", "--mapping", "given.map"]
        given = as_json(capsys, *arguments, "--dataflow", layer["dataflow"])["layers"]
        assert [x["name"] for x in given] == [layer["name"]]
        for key in ("cycles", "energy_pj", "traffic_words", "mapping", "utilization"):
            assert given[0][key] == layer[key]


def test_the_choice_of_dataflows_is_no_worse_than_any_alone(capsys: pytest.CaptureFixture[str]) -> None:
    for objective in ("edp", "energy", "latency"):
        whole = as_json(capsys, "small.net", "chip.accel", "--objective", objective)
        alone = {s["dataflow"]: s for s in whole["single_dataflow"]}
        assert set(alone) == {"weight_stationary", "output_stationary"}
        for name, single in alone.items():
            forced = as_json(capsys, "small.net", "chip.accel", "-o", objective, "--dataflow", name)
            assert forced["single_dataflow"] == []
            assert {x["dataflow"] for x in forced["layers"] if x["macs"]} == {name}
            assert forced["total"]["cycles"] == single["cycles"]
            assert forced["objective_value"] == pytest.approx(single["objective_value"])
            assert whole["objective_value"] <= single["objective_value"] * (1 + 1e-12)


def test_what_is_not_taken_into_account_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "chip.accel").write_text(ACCEL + "keep feature_maps in Buffer\n")
    assert main(["evaluate", "small.net", "chip.accel", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "" and json.loads(captured.out)["warnings"] == []
    first = json.loads(captured.out)["layers"][0]["name"]
    assert main(["evaluate", "small.net", "chip.accel", "--layer", first, "--json"]) == 0
    captured = capsys.readouterr()
    assert "warning[W1201]" in captured.err
    assert json.loads(captured.out)["warnings"] == [
        "`chip` keeps feature maps in Buffer; of a layer alone nobody knows which, and all pass through DRAM"
    ]


def test_a_batch_does_so_many_times_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    one = as_json(capsys, "small.net", "chip.accel")
    three = as_json(capsys, "small.net", "chip.accel", "--batch", "3")
    assert three["batch"] == 3
    assert [x["macs"] for x in three["layers"]] == [3 * x["macs"] for x in one["layers"]]
    weights = [x["traffic_words"]["DRAM"]["weights"]["reads"] for x in three["layers"] if x["macs"]]
    assert weights[0] < 3 * one["layers"][0]["traffic_words"]["DRAM"]["weights"]["reads"] * 3


def test_a_product_of_activations_has_another_second_operand_for_each_image(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "product.net").write_text("net product\ninput a[4, 8]\ninput b[8, 4]\noutput matmul(a, b)\n")
    for batch in (1, 4):
        layer = as_json(capsys, "product.net", "chip.accel", "-b", str(batch))["layers"][0]
        assert layer["macs"] == batch * 4 * 8 * 4
        assert layer["traffic_words"]["DRAM"]["weights"]["reads"] >= batch * 32


def test_settings_go_to_the_file_that_has_them(capsys: pytest.CaptureFixture[str]) -> None:
    whole = as_json(capsys, "small.net", "chip.accel", "--set", "n=8", "--set", "width=32")
    assert whole["layers"][0]["macs"] == 4 * 32 * 9 * 64
    assert whole["total"]["utilization"] == pytest.approx(
        whole["total"]["macs"] / (64 * whole["total"]["cycles"])
    )


def test_a_setting_goes_to_both_files_if_both_have_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "small.net").write_text(NET.replace("width", "n"))
    whole = as_json(capsys, "small.net", "chip.accel", "--set", "n=8")
    assert whole["layers"][0]["macs"] == 4 * 8 * 9 * 64


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["small.net"], "an accelerator (`.accel`) is missing"),
        (["chip.accel"], "a network (`.net`) is missing"),
        (["small.net", "chip.accel", "notes.txt"], "`notes.txt` is none of our files by its name"),
        (["small.net", "chip.accel", "--set", "widht=8"], "did you mean `width`?"),
        (["small.net", "chip.accel", "--set", "width"], "is not of the form NAME=VALUE"),
        (["small.net", "chip.accel", "--set", "n=8", "--set", "n=4"], "`n` is set twice"),
        (["small.net", "chip.accel", "--objective", "speed"], "known are edp, energy, latency"),
        (["small.net", "chip.accel", "--dataflow", "weight_stationery"], "did you mean `weight_stationary`"),
        (["small.net", "chip.accel", "--layer", "frist"], "did you mean `first`"),
    ],
)
def test_a_command_line_that_asks_for_what_is_not_there(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *arguments]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""


def test_files_at_fault_are_reported_together(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "small.net").write_text(NET.replace("maxpool", "maxpol"))
    (folder / "chip.accel").write_text(ACCEL.replace("64 bit/cycle", "64 bit"))
    assert main(["evaluate", "small.net", "chip.accel", "missing.net"]) == 1
    err = capsys.readouterr().err
    for place in ("small.net:4", "chip.accel:6", "there is no file `missing.net`"):
        assert place in err


def test_a_space_is_no_design(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "chip.accel").write_text(ACCEL.replace("param n = 4", "param n = choose(4, 8)"))
    assert main(["evaluate", "small.net", "chip.accel"]) == 1
    err = capsys.readouterr().err
    assert "`chip` is a design space, not a design: a choice is open" in err
    assert "--set n=4" in err
    assert as_json(capsys, "small.net", "chip.accel", "--set", "n=8")["total"]["cycles"] > 0


def test_operands_wider_than_the_macs_are_refused_with_both_widths(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "chip.accel").write_text(ACCEL.replace("rate = 1/cycle", "rate = 1/cycle at 8 bit"))
    assert main(["evaluate", "small.net", "chip.accel", "--bits", "16"]) == 1
    err = capsys.readouterr().err
    assert "`first` has operands of 16 bit, and the MACs of `chip` take at most 8 bit" in err
    assert main(["evaluate", "small.net", "chip.accel"]) == 0


def test_an_illegal_mapping_is_refused_with_every_reason(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "given.map").write_text(
        'mapping for "second" on chip\nDRAM holds weights, inputs, outputs\nfor K in 12\n'
        "for C in 16\n  Buffer holds inputs\n  spatial P in 4 along PE.row\n  spatial Q in 4 along PE.col\n"
        "  mac\n"
    )
    assert main(["evaluate", "small.net", "chip.accel", "--mapping", "given.map"]) == 1
    err = capsys.readouterr().err
    assert "`for K in 12`" in err
    assert "16" in err


@pytest.mark.parametrize(
    ("header", "arguments", "status", "says"),
    [
        ('"pool" on chip', [], 1, "`pool` is a `maxpool`, which has no loops to map"),
        ('"frist" on chip', [], 2, "did you mean `first`"),
        ('"first" on other', [], 2, "is a mapping on `other`, and `chip` is given"),
        ('"first" on chip', ["--layer", "second"], 2, "is a mapping for `first`, not for `second`"),
    ],
)
def test_a_mapping_for_something_else(
    header: str,
    arguments: list[str],
    status: int,
    says: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "given.map").write_text(f"mapping for {header}\nDRAM holds weights, inputs, outputs\nmac\n")
    given = ["evaluate", "small.net", "chip.accel", "--mapping", "given.map", *arguments]
    assert main(given) == status
    assert says in capsys.readouterr().err


def test_the_table_says_what_the_json_says(capsys: pytest.CaptureFixture[str]) -> None:
    whole = as_json(capsys, "small.net", "chip.accel")
    text = table(capsys, "small.net", "chip.accel", "--all")
    lines = text.splitlines()
    assert lines[0].startswith("small on chip 4x4")
    assert "1 GHz" in lines[0]
    assert "8 bit" in lines[0]
    assert "batch 1, least EDP" in lines[0]
    total = whole["total"]
    assert float(lines[1].split()[0]) == pytest.approx(total["latency_s"] * 1e6, rel=0.01)
    assert f"{100 * total['utilization']:.0f} % busy" in lines[1]
    ratio = float(lines[2].split("×")[0])
    bound = whole["lower_bound"]["objective_value"]
    assert ratio == pytest.approx(whole["objective_value"] / bound, rel=0.01)
    assert "proved optimal" in lines[2]
    rows = {line.split()[0]: line for line in lines[5 : 5 + len(whole["layers"])]}
    for layer in whole["layers"]:
        row = rows[layer["name"]]
        assert layer["held_back_by"] in row
        numbers = [float(x) for x in re.findall(r"(?<= )\d+\.?\d*(?= )", row)]
        assert any(n == pytest.approx(layer["latency_s"] * 1e3, rel=0.01) for n in numbers)
    slowest = max(whole["layers"], key=lambda layer: layer["cycles"])
    bars = {name: len(re.findall("[█#]", row)) for name, row in rows.items()}
    assert max(bars.values()) == bars[slowest["name"]]
    assert "energy" in lines[-2]
    assert re.search(r"choosing per layer \(EDP\): [\d.]+x over WS only, [\d.]+x over OS only", lines[-1])


def test_without_all_the_slowest_layers_come_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "deep.net").write_text("net deep\ninput x[4, 8, 8]\noutput x -> 20 * conv(4, 1)\n")
    text = table(capsys, "deep.net", "chip.accel")
    assert "8 more (--all)" in text
    assert "8 more" not in table(capsys, "deep.net", "chip.accel", "--all")


def test_a_layer_in_detail(capsys: pytest.CaptureFixture[str]) -> None:
    whole = as_json(capsys, "small.net", "chip.accel", "--layer", "second")
    assert [x["name"] for x in whole["layers"]] == ["second"]
    assert whole["total"]["cycles"] == whole["layers"][0]["cycles"]
    text = table(capsys, "small.net", "chip.accel", "--layer", "second")
    assert 'mapping for "second" on chip' in text
    for flow in ("weight_stationary", "output_stationary"):
        assert flow in text
    assert "taken" in text


def test_a_free_layer_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    text = table(capsys, "small.net", "chip.accel", "--layer", "relu")
    assert text == "relu (relu) costs nothing of its own: applied as `first` writes its outputs\n"


def test_an_operation_without_macs_in_detail(capsys: pytest.CaptureFixture[str]) -> None:
    text = table(capsys, "small.net", "chip.accel", "--layer", "pool")
    assert "1 024 operations" in text
    assert "mapping for" not in text


def test_several_files_make_a_matrix(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.net").write_text(NET.replace("net small", "net other"))
    (folder / "large.accel").write_text(ACCEL.replace("accel chip", "accel large").replace("n = 4", "n = 8"))
    files = ["small.net", "chip.accel", "other.net", "large.accel"]
    whole = as_json(capsys, *files)
    assert whole["schema"] == "dovetail.matrix/1"
    pairs = [(e["network"], e["accelerator"]) for e in whole["evaluations"]]
    assert pairs == [("small", "chip"), ("small", "large"), ("other", "chip"), ("other", "large")]
    assert whole["evaluations"][0] == as_json(capsys, "small.net", "chip.accel")
    text = table(capsys, *files)
    assert "small    chip 4x4" in text
    assert text.count("large 8x8") == 2


def test_the_same_input_gives_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    texts = set()
    for _ in range(2):
        main(["evaluate", "small.net", "chip.accel", "--json"])
        texts.add(capsys.readouterr().out)
    assert len(texts) == 1
