"""SCALE-Sim: topologies as it was given them, configurations it reads, reports it wrote."""

from __future__ import annotations

import configparser
import json
from pathlib import Path
from typing import Any

import pytest

import dovetail as dt
from dovetail.accel.loading import accelerator_from_text
from dovetail.costmodel.scalesim import (
    Configuration,
    Inexpressible,
    LayerReport,
    configuration_of,
    configuration_text,
    dataflow_name,
    read_reports,
    row_of,
    topology_text,
)
from dovetail.dsl.problem import Problem

REFERENCE = Path(__file__).parent.parent / "reference"
RECORDED = REFERENCE / "other_tools" / "scalesim"
EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def recorded_rows() -> list[dict[str, Any]]:
    document = json.loads((REFERENCE / "scalesim" / "resnet18_16x16_full.json").read_text())
    rows: list[dict[str, Any]] = document["results"]
    return rows


@pytest.mark.parametrize("record", recorded_rows(), ids=lambda r: f"{r['layer']}-{r['dataflow']}")
def test_a_layer_becomes_the_row_that_was_run(record: dict[str, Any]) -> None:
    layer, row = record["true_layer"], record["topology_row"]
    problem = Problem(
        K=layer["K"],
        C=layer["C"],
        P=layer["OY"],
        Q=layer["OX"],
        R=layer["FY"],
        S=layer["FX"],
        stride=(layer["stride"],) * 2,
    )
    made = row_of("layer", problem)
    assert made.text == ", ".join(["layer", *(str(row[k]) for k in (
        "ifmap_h", "ifmap_w", "filter_h", "filter_w", "channels", "num_filter", "stride"
    ))]) + ","  # fmt: skip
    assert made.times == 1


def test_groups_and_batch_are_runs_of_one_group() -> None:
    made = row_of("dw", Problem(G=32, N=2, P=5, Q=5, R=3, S=3))
    assert (made.channels, made.filters, made.times) == (1, 1, 64)


def test_names_that_would_split_a_layer_are_changed() -> None:
    assert row_of("block,DP3", Problem()).name == "block_D_P3"


@pytest.mark.parametrize(
    ("problem", "reason"),
    [(Problem(P=4, stride=(1, 2)), "one stride"), (Problem(P=4, R=3, dilation=(2, 1)), "no dilation")],
)
def test_what_it_does_not_know_is_refused(problem: Problem, reason: str) -> None:
    with pytest.raises(Inexpressible, match=reason):
        row_of("layer", problem)


def test_the_recorded_topology_is_written_again() -> None:
    rows = [
        row_of("a", Problem(K=20, C=6, P=7, Q=7, R=3, S=3)),
        row_of("bDP", Problem(K=40, C=10, P=5, Q=5, R=1, S=1, stride=(2, 2))),
    ]
    assert topology_text(rows) == (RECORDED / "topology.csv").read_text()


def test_the_recorded_reports_are_read() -> None:
    compute = (RECORDED / "COMPUTE_REPORT.csv").read_text()
    details = (RECORDED / "DETAILED_ACCESS_REPORT.csv").read_text()
    first, second = read_reports(compute, details)
    # closed form for ws on 8 x 8: folds x (pixels + 2 x 8 + 8 - 2), folds = ceil(54/8) x ceil(20/8)
    assert first.cycles == 21 * (49 + 22)
    assert second == LayerReport(10 * (25 + 22), 0, 1250, 400, 2000, 250, 400, 2000)
    assert (first.filter_reads, first.ofmap_writes) == (54 * 20, 49 * 20 * 7)


@pytest.mark.parametrize("compute", ["", "LayerID, Total Cycles,\n0, many,\n", "LayerID,\n0,\n"])
def test_reports_that_say_something_else_are_refused(compute: str) -> None:
    with pytest.raises(ValueError):
        read_reports(compute, (RECORDED / "DETAILED_ACCESS_REPORT.csv").read_text())


def test_the_configuration_has_every_entry_that_it_asks_for() -> None:
    parsed = configparser.ConfigParser()
    parsed.read_string(configuration_text(Configuration(8, 16, 1, 2, 3, "os", 10)))
    presets = parsed["architecture_presets"]
    assert (presets["ArrayHeight"], presets["ArrayWidth"], presets["Dataflow"]) == ("8", "16", "os")
    assert (presets["IfmapSramSzkB"], presets["FilterSramSzkB"], presets["OfmapSramSzkB"]) == ("1", "2", "3")
    assert parsed["run_presets"]["InterfaceBandwidth"] == "USER" and presets["Bandwidth"] == "10"
    recorded = configparser.ConfigParser()
    recorded.read(RECORDED / "scale.cfg")
    assert {s: set(recorded[s]) for s in recorded.sections()} == {
        s: set(parsed[s]) for s in parsed.sections()
    }


def test_an_accelerator_becomes_rows_columns_and_srams_of_words() -> None:
    chip = dt.load_accelerator(EXAMPLES / "accelerators" / "gemmini.accel").architecture
    found = configuration_of(chip, dataflow_name(chip, "weight_stationary"))
    assert (found.rows, found.columns, found.dataflow, found.bandwidth) == (16, 16, "ws", 16)
    assert (found.ifmap_kib, found.filter_kib, found.ofmap_kib) == (128, 128, 64)
    assert any("cut into equal parts for inputs, weights" in note for note in found.notes)


def test_an_accelerator_without_rows_and_columns_is_refused() -> None:
    text = "accel line\nmemory DRAM { energy = 1 pJ/bit }\narray PE[k = 4] { mac { rate = 1/cycle } }\n"
    with pytest.raises(Inexpressible, match="rows and columns"):
        configuration_of(accelerator_from_text(text).architecture, "ws")


def test_a_dataflow_that_keeps_nothing_is_refused() -> None:
    chip = dt.load_accelerator(EXAMPLES / "accelerators" / "eyeriss.accel").architecture
    with pytest.raises(Inexpressible, match="stationary"):
        dataflow_name(chip, "row_stationary")
