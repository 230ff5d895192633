"""`dovetail show`: networks, accelerators, spaces."""

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
metric top1 = 70% from "nobody"
input x[4, 8, 8]
output x -> first: conv(width, 3, pad = 1) -> relu
         -> second: dwconv(3, stride = 2, pad = 1) -> pool: maxpool(2)
"""
ACCEL = """\
accel chip
param n = 4
clock 250 MHz
technology 45 nm
precision { inputs, weights, outputs = 8 bit; sums = 24 bit }
memory DRAM { bandwidth = 64 bit/cycle shared; energy = 8 pJ/bit }
memory Buffer { size = 16 KiB; width = 64 bit; energy = sram(); may_hold = [inputs, outputs] }
array PE[row = n, col = 2] {
    along row: reduce sums
    along col: shift inputs { energy = wire(50 um) }
    memory Register { size = 64 B; width = 8 bit; energy = regfile(); may_hold = [weights] }
    mac { rate = 1/cycle }
}
unit Vector[n] at Buffer { does = [pool]; energy = 1.5 pJ }
dataflow weight_stationary { PE.row = C then [R, S]; PE.col = K; stationary weights at Register }
dataflow any_columns { PE.col in [P, Q]; PE.row full }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.net").write_text(NET)
    (tmp_path / "chip.accel").write_text(ACCEL)
    return tmp_path


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["show", *arguments, "--json"]) == 0
    whole: dict[str, Any] = json.loads(capsys.readouterr().out)
    return whole


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["show", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_network_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    whole = as_json(capsys, "small.net")
    assert whole["schema"] == "dovetail.network/1"
    assert whole["parameters"] == {"width": 16}
    assert whole["metrics"] == {"top1": {"value": 0.7, "source": "nobody"}}
    macs = 4 * 16 * 9 * 64 + 16 * 9 * 16
    assert whole["total"]["macs"] == sum(x["macs"] for x in whole["layers"]) == macs
    first, relu, second, pool = whole["layers"]
    assert first["loops"] == {"G": 1, "N": 1, "K": 16, "C": 4, "P": 8, "Q": 8, "R": 3, "S": 3}
    assert (first["class"], second["class"], pool["class"]) == ("spatial", "depthwise", "other")
    assert (second["stride"], second["weights"], second["bias"]) == ([2, 2], 144, 16)
    assert first["activation_bytes"] == 2 * (4 * 64 + 16 * 64)
    assert relu["free"] is not None
    assert pool["free"] is None
    assert pool["outputs"][0]["shape"] == [16, 2, 2]
    assert whole["total"]["words"] == sum(x["words"] for x in whole["layers"] if x["free"] is None)


def test_a_width_for_what_the_text_gives_none(capsys: pytest.CaptureFixture[str]) -> None:
    eight, sixteen = as_json(capsys, "small.net", "--bits", "8"), as_json(capsys, "small.net")
    assert 2 * eight["total"]["weight_bytes"] == sixteen["total"]["weight_bytes"] == 2 * (576 + 144)


def test_the_table_of_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "small.net")
    assert lines[0] == "small · 4 layers, 2 with MACs · x 4 x 8 x 8"
    assert any("published: top1 0.7 (nobody)" in line for line in lines)
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines]
    first = next(row for row in rows if row[0] == "first")
    words = 4 * 64 + 576 + 16 * 64
    assert first == [
        "first",
        "conv 3x3",
        "16 x 8 x 8",
        "0.037",
        f"{(576 + 16) / 1e6:.3f}",
        f"{words / 1e6:.3f}",
        "1.12",
        "2.50",
        f"{36864 / words:.1f}",
        "1.0",
    ]
    assert not any(row[0] == "relu" for row in rows)
    assert any("1 more cost nothing of their own (--all)" in line for line in lines)
    assert any("relu" in line and "free" in line for line in shown(capsys, "small.net", "--all"))


def test_the_palette_of_the_talk(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, str(root / "examples" / "networks" / "palette.net"))
    rows = {line.split()[0]: line.split() for line in lines if line.strip()}
    expected = {
        "spatial": ("462.4", "2.560", "1.0"),
        "pointwise": ("51.4", "0.463", "0.6"),
        "grouped": ("115.6", "0.791", "0.8"),
        "depthwise": ("0.903", "0.205", "0.02"),
    }
    for name, (macs, words, intensity) in expected.items():
        assert macs in rows[name]
        assert words in rows[name]
        assert rows[name][-1] == intensity


def test_an_accelerator_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    whole = as_json(capsys, "chip.accel", "--set", "n=8")
    assert whole["schema"] == "dovetail.accelerator/1"
    assert (whole["clock_hz"], whole["technology_nm"], whole["pes"]) == (250e6, 45.0, 16)
    assert whole["precision_bits"] == {"weights": 8, "inputs": 8, "outputs": 8, "sums": 24}
    dram, buffer, array, register = whole["levels"]
    assert (dram["read"]["value"], dram["read"]["unit"], dram["access_bits"]) == (8.0, "pJ/bit", None)
    assert dram["read"]["source"] == "given in the text"
    assert (buffer["size_bits"], buffer["access_bits"]) == (16 * 8192, 64)
    assert "CACTI" in buffer["read"]["source"]
    assert buffer["read"]["error"] > 0
    assert array["axes"] == {"row": 8, "col": 2}
    assert [link["kind"] for link in array["links"]] == ["reduce", "shift"]
    assert register["instances"] == whole["mac"]["instances"] == 16
    parts = [level for level in whole["levels"] if level["kind"] == "memory"] + [whole["mac"]]
    area = sum(part["area_mm2"]["value"] * part["instances"] for part in parts)
    assert whole["area_mm2"]["value"] == pytest.approx(area)
    assert whole["units"][0]["element_pj"]["value"] == 1.5
    assert whole["dataflows"][0] == {
        "name": "weight_stationary",
        "constraints": ["PE.row = C then [R, S]", "PE.col = K", "stationary weights at Register"],
    }
    assert whole["dataflows"][1]["constraints"] == ["PE.col in [P, Q]", "PE.row full"]


def test_the_tree_of_an_accelerator_names_every_source(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "chip.accel")
    whole = as_json(capsys, "chip.accel")
    assert lines[0] == "chip · 4x2 · 250 MHz · 8 bit · 45 nm"
    assert lines[1].startswith("  8 MACs")
    assert "sums 24 bit" in lines[1]
    marked = {number for line in lines for number in re.findall(r"\[(\d+)\]", line)}
    sources = {line.split("] ", 1)[1] for line in lines if re.match(r"  \[\d+\] ", line)}
    assert len(marked) == len(sources)
    for level in whole["levels"]:
        if level["kind"] == "memory":
            assert level["read"]["source"] in sources
    buffer = next(line for line in lines if line.strip().startswith("Buffer"))
    assert "16 KiB, 64 bit wide" in buffer
    assert "±" in buffer
    register = next(line for line in lines if "Register" in line)
    assert register.strip().startswith("└─ Register")


def test_a_space_says_its_size_and_choices(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = NET.replace("conv(width, 3", "conv(choose(8, 16, 24), choose(3, 5)")
    (folder / "space.net").write_text(text.replace("choose(3, 5), pad = 1", "choose(3, 5), pad = same"))
    whole = as_json(capsys, "space.net")
    assert (whole["schema"], whole["of"], whole["size"], whole["size_text"]) == (
        "dovetail.space/1",
        "network",
        6,
        "6",
    )
    assert [choice["options"] for choice in whole["choices"]] == [["8", "16", "24"], ["3", "5"]]
    lines = shown(capsys, "space.net")
    assert lines[1].strip() == "6 designs"
    settings = [f"--set={c['path']}={c['options'][-1]}" for c in whole["choices"]]
    design = as_json(capsys, "space.net", *settings)
    assert design["schema"] == "dovetail.network/1"
    assert (design["layers"][0]["loops"]["K"], design["layers"][0]["loops"]["R"]) == (24, 5)


def test_a_space_of_accelerators(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "family.accel").write_text(ACCEL.replace("n = 4", "n = choose(4..16 by 4)"))
    whole = as_json(capsys, "family.accel")
    assert (whole["of"], whole["size"], whole["choices"][0]["path"]) == ("accelerator", 4, "n")
    lines = shown(capsys, "family.accel")
    assert lines[1].strip() == "4 designs"
    assert any(line.startswith("chip · 4x2") for line in lines)


def test_the_space_of_fbnet_is_counted_not_enumerated(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = as_json(capsys, str(root / "examples" / "spaces" / "fbnet.net"))
    assert whole["size"] > 10**20
    assert str(whole["size"]) == whole["size_text"]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["missing.net"], 1, "there is no file `missing.net`"),
        (["small.txt"], 2, "`small.txt` is none of our files by its name"),
        (["second.map"], 2, "`second.map` is a mapping; `show` is for networks and accelerators"),
        (["small.net", "--set", "with=3"], 2, "did you mean `width`?"),
        (["small.net", "--set", "width=3 pJ"], 1, "the parameter `width` is set to an energy"),
        (["chip.accel", "--bits", "8"], 2, "`--bits` is for networks"),
    ],
)
def test_what_cannot_be_shown(
    arguments: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", *arguments]) == status
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""
