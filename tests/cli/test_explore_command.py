"""`dovetail explore` as a user meets it: what is printed where, and the exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dovetail.cli import main
from dovetail.explore_progress import line_of
from dovetail.explorer.explore import Status

ROOT = Path(__file__).parents[2]

NETWORK = """\
net tiny
param wide = choose(4, 8)
input image[3, 8, 8]
output image -> conv(wide, choose(1, 3), pad = same) -> conv(4, 1)
metric top1 = 60% from "a guess"
"""
MACHINE = """\
accel small
param n = choose(2, 4)
clock 100 MHz
precision { inputs, weights, outputs = 8 bit; sums = 16 bit }
memory DRAM { bandwidth = 1 GB/s shared; energy = 8 pJ/bit }
memory Buffer { size = 2 KiB; width = 64 bit; energy = 1 pJ/bit; may_hold = [inputs, weights, outputs] }
array PE[row = n, col = n] {
    along row: reduce sums
    along col: multicast inputs
    mac { rate = 1/cycle; energy = 1 pJ }
}
dataflow weight_stationary { PE.row = C; PE.col = K }
"""
STUDY = 'study little\nnetworks "tiny.net"\naccelerators "small.accel"\nminimize latency, energy\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tiny.net").write_text(NETWORK)
    (tmp_path / "small.accel").write_text(MACHINE)
    (tmp_path / "little.study").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def explore(*arguments: str) -> int:
    return main(["explore", *arguments])


def test_a_study_is_carried_out_and_its_front_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("little.study") == 0
    out, err = capsys.readouterr()
    assert "little · 8 designs · sweep engine · 8 points evaluated" in out
    assert "least latency, least energy" in out
    assert (
        "every design was evaluated, its layers mapped for least EDP: the front is that of the whole space"
        in out
    )
    assert err.startswith("a new run in runs/little-")


def test_networks_and_accelerators_need_no_study(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        explore(
            *("tiny.net", "small.accel", "--minimize", "latency * energy", "--maximize", "top1"),
            *("--where", "n == 4, latency < 1 s", "--baseline", "tiny.net", "small.accel"),
            *("--bits", "4,8", "--dataflow", "best", "--dataflow", "weight_stationary"),
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "32 designs" in out
    assert "least latency * energy, most top1   where n == 4, latency < 1 s" in out
    assert "baseline" in out


def test_json_has_the_front_with_units_in_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("little.study", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "dovetail.exploration/1"
    assert found["report"]["exact"] and found["report"]["rows"] == 8
    first = found["front"][0]
    assert set(first["choices"]) == {"wide", "conv.kernel", "n"} or len(first["choices"]) == 3
    assert first["metrics"]["latency_s"] > 0 and first["metrics"]["energy_pj"] > 0
    assert isinstance(first["point"], str)


def test_runs_are_listed_shown_resumed_and_exported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explore("little.study")
    shown = capsys.readouterr().out
    (name,) = [path.name for path in (folder / "runs").iterdir() if path.is_dir()]
    assert explore("--list") == 0
    assert name in capsys.readouterr().out
    assert explore("--show", name) == 0
    assert capsys.readouterr().out == shown
    assert explore("--resume", name, "--export", "all.parquet") == 0
    assert "the run in " in capsys.readouterr().err
    assert (folder / "all.parquet").read_bytes()[:4] == b"PAR1"
    assert explore("--list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["report"]["rows"] == 8


def test_an_empty_front_has_status_one_and_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("little.study", "--where", "latency < 1 ns") == 1
    err = capsys.readouterr().err
    assert "error: none of 8 designs meets all conditions: latency < 1 ns" in err
    assert "in `latency`" in err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["tiny.net"], 2, "an accelerator (`.accel`) is missing"),
        (["little.study", "tiny.net"], 2, "a study names its networks"),
        (["little.study", "--engine", "magic"], 2, "`--engine magic` is none of auto, sweep"),
        (["little.study", "--time", "soon"], 2, "`--time soon` is no time"),
        (["little.study", "--bits", "four"], 2, "`--bits four` is no list of widths"),
        (["little.study", "--minimize", "enrgy"], 1, "nothing is called `enrgy`"),
        (["little.study", "--where", "area < 3 W"], 1, "cannot be compared"),
        (["nothing.study"], 1, "there is no file `nothing.study`"),
        (["--resume", "nothing"], 1, "there is no run in `runs/nothing`"),
        (["--show", "nothing"], 1, "there is no run in `runs/nothing`"),
        (["little.study", "--run", "."], 1, "is not empty, and no run is in it"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explore(*arguments) == status
    assert words in capsys.readouterr().err


def test_ctrl_c_keeps_what_was_found_and_says_how_to_go_on(folder: Path) -> None:
    text = NETWORK.replace("choose(4, 8)", f"choose({', '.join(map(str, range(4, 60)))})")
    (folder / "tiny.net").write_text(text)
    command = [sys.executable, "-m", "dovetail", "explore", "little.study", "-j", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stderr is not None
    assert run.stderr.readline().startswith("a new run in ")
    time.sleep(2.0)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode in (0, 130), err
    if run.returncode == 130:
        assert "results are kept in" in err and "Traceback" not in err
    again = subprocess.run(
        [*command, "--json"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["report"]["rows"] == 56 * 2 * 2


def test_the_line_that_moves_says_how_far_it_is() -> None:
    best = (("latency", 1.19e-3, "s"), ("energy", 6.57e8, "pJ"))
    line = line_of(Status(1204, 61440, 34.1, 1766.0, 900, 12, best))
    assert line == (
        "1 204 of 61 440 (2 %)   34.1 points/s   front 12   latency 1.19 ms, energy 657 uJ   29 min left"
    )


def test_nothing_moves_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    explore("little.study")
    assert "points/s" not in capsys.readouterr().err


def test_the_python_api_gives_rows(folder: Path) -> None:
    import dovetail as dt

    run = dt.explore("tiny.net", "small.accel", where=["n == 4"], workers=1)
    rows = run.front.to_rows()
    assert rows and all(row["n"] == "4" and row["latency"] > 0 for row in rows)
    assert run.sql("SELECT count(*) FROM points") == [(8,)]
    assert len(list(run.results())) == 8
    assert dt.Run.open(run.path).front.to_rows() == rows
    assert "sweep engine" in str(run) and "<pre" in run._repr_html_()


def test_a_front_is_a_frame_with_its_units(folder: Path) -> None:
    import dovetail as dt

    front = dt.explore("tiny.net", "small.accel", where=["n == 4"], workers=1).front
    frame = front.to_frame()
    assert len(frame) == len(front) > 0
    assert frame.to_dict("records") == front.to_rows()
    assert frame.attrs["units"]["latency"] == "s" and frame.attrs["units"]["energy"] == "pJ"


def test_a_front_is_a_table_in_a_notebook(folder: Path) -> None:
    import re

    import dovetail as dt

    front = dt.explore("tiny.net", "small.accel", where=["n == 4"], workers=1).front
    html = front._repr_html_()
    cells = re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", html)
    names = ["point", *front[0].choices, *front[0].metrics]
    assert cells[: len(names)] == names
    assert len(cells) == len(names) * (1 + len(front))
    assert cells[len(names)] == str(front[0].index) and "4" in cells[len(names) : 2 * len(names)]


def test_a_frame_without_pandas_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    import dovetail as dt

    front = dt.explore("tiny.net", "small.accel", where=["n == 4"], workers=1).front
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'dovetail-dse\[frame\]'"):
        front.to_frame()
    assert front.to_rows()


def test_a_run_reports_itself_as_the_command_does(folder: Path) -> None:
    import dovetail as dt

    run = dt.explore("tiny.net", "small.accel", where=["n == 4"], workers=1)
    written = run.report("python.html", designs=2)
    assert main(["report", str(run.path), "-o", "command.html", "--designs", "2"]) == 0
    assert written.read_bytes() == Path("command.html").read_bytes()
    assert written.read_text(encoding="utf-8").count('class="design"') == min(2, len(run.front))
    with pytest.raises(ValueError, match="fewer than none"):
        run.report("python.html", designs=-1)
