"""`dovetail check`: every problem of every file at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dovetail.cli import main

NET = "net small\ninput x[3, 8, 8]\noutput x -> conv(4, 3, pad = 1) -> relu\n"
ACCEL = """\
accel tiny
clock 1 GHz
technology 45 nm
memory DRAM { energy = 8 pJ/bit }
array PE[row = 2, col = 2] { mac { rate = 1/cycle } }
"""
MAP = 'mapping for "conv" on tiny\nDRAM holds weights, inputs, outputs\nfor K in 4\nmac\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.net").write_text(NET)
    (tmp_path / "tiny.accel").write_text(ACCEL)
    (tmp_path / "conv.map").write_text(MAP)
    return tmp_path


def test_good_files_of_every_kind_are_a_line_each(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "small.net", "tiny.accel", "conv.map"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ok small.net: network `small`, 2 layers",
        "ok tiny.accel: accelerator `tiny`, 4 PEs, 0 dataflows",
        "ok conv.map: mapping for `conv` on `tiny`, 1 loop",
    ]


def test_all_problems_of_all_files_are_found_in_one_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.net").write_text(NET.replace("conv(4", "cnov(4") + "output y\n")
    (folder / "worse.accel").write_text(ACCEL.replace("8 pJ/bit", "8 GHz"))
    assert main(["check", "bad.net", "small.net", "worse.accel", "missing.net"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "ok small.net: network `small`, 2 layers\n"
    for place in ("bad.net:3", "bad.net:4", "worse.accel:4", "there is no file `missing.net`"):
        assert place in captured.err


def test_warnings_do_not_refuse_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "idle.net").write_text(NET + "unused = x -> conv(8, 1)\n")
    assert main(["check", "idle.net"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("ok idle.net")
    assert "warning[W1001]" in captured.err


def test_a_space_is_called_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "space.net").write_text(NET.replace("conv(4, 3", "conv(choose(4, 8), 3"))
    assert main(["check", "space.net"]) == 0
    assert capsys.readouterr().out == (
        "ok space.net: network `small`, 2 layers, a design space with 1 open choice\n"
    )


def test_json_lists_places_that_an_editor_can_jump_to(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.net").write_text(NET.replace("conv(4", "cnov(4"))
    assert main(["check", "--json", "small.net", "bad.net"]) == 1
    captured = capsys.readouterr()
    assert captured.err == ""
    whole = json.loads(captured.out)
    assert (whole["schema"], whole["ok"]) == ("dovetail.check/1", False)
    good, bad = whole["files"]
    assert (good["kind"], good["name"], good["ok"], good["diagnostics"]) == ("net", "small", True, [])
    assert (bad["ok"], bad["errors"], bad["warnings"]) == (False, 1, 0)
    problem = bad["diagnostics"][0]
    assert (problem["severity"], problem["place"]["line"], problem["place"]["column"]) == ("error", 3, 13)
    assert problem["place"]["end_column"] == 17
    assert problem["help"][0].startswith("did you mean `conv`")


@pytest.mark.parametrize("name", ["notes.txt", "no_suffix"])
def test_a_file_that_is_none_of_ours_is_refused_by_name(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / name).write_text("anything\n")
    assert main(["check", name]) == 1
    assert f"`{name}` is none of `.net`, `.accel`" in capsys.readouterr().err
