"""`dovetail simulate`: the output is NumPy's, the cycles are the model's, refusals are sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dovetail.cli import main

NET = "examples/networks/squeezenet_v1_1.net"
ACCEL = "examples/accelerators/squeezelerator.accel"


@pytest.fixture(autouse=True)
def here(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def test_a_layer_gives_numpys_output_in_the_models_cycles(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", NET, ACCEL, "--layer", "fire9.squeeze1x1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "dovetail.simulation/1"
    assert found["output_equals_numpy"] is True
    assert found["cycles"] == found["model_cycles"] == sum(found["phases_cycles"].values())
    assert found["macs"] == 512 * 64 * 14 * 14 == found["traffic_words"]["Register"]["weights"]["reads"]


def test_the_page_and_the_trace(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    flags = ["--dataflow", "output_stationary", "--trace", str(trace)]
    assert main(["simulate", NET, ACCEL, "--layer", "fire9.squeeze1x1", *flags]) == 0
    page = capsys.readouterr().out
    assert "the output is NumPy's in every element" in page
    assert "as the model expects" in page
    assert json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]


def test_cycles_alone_are_the_same_cycles(capsys: pytest.CaptureFixture[str]) -> None:
    runs = []
    for flags in ([], ["--cycles-only"]):
        assert main(["simulate", NET, ACCEL, "--layer", "fire2.squeeze1x1", "--json", *flags]) == 0
        runs.append(json.loads(capsys.readouterr().out))
    assert runs[0]["cycles"] == runs[1]["cycles"]
    assert runs[1]["output_equals_numpy"] is None


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        ([NET, ACCEL, "--layer", "fire9.squeez1x1"], 2, "did you mean `fire9.squeeze1x1`"),
        ([NET, ACCEL, "--layer", "pool5"], 2, "no MACs"),
        ([NET, ACCEL, "--layer", "conv1", "--dataflow", "weight"], 2, "weight"),
        ([NET, "--layer", "conv1"], 2, "accelerator"),
        ([NET, "examples/accelerators/simba.accel", "--layer", "conv1"], 1, "is not simulated"),
    ],
)
def test_refusals_are_sentences(
    arguments: list[str], status: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments]) == status
    assert sentence in capsys.readouterr().err
