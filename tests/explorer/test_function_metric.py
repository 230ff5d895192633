"""Metrics that a Python function computes, in studies, on the command line and from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dovetail as dt
from dovetail.cli import main

GOOD = """\
OFFSET = 0.25

def top1(network, choices):
    '''More parameters are better, 3x3 kernels much better.'''
    return OFFSET + network.params / 10_000 + (0.1 if "3" in choices.values() else 0.0)

def cheap(network, choices):
    return len(network.layers)
"""
STUDY = """\
study little
networks "tiny.net"
accelerators "small.accel"
metric top1 from "accuracy.py"
minimize latency
maximize top1
where top1 > 0.26
"""
NETWORK = """\
net tiny
param wide = choose(4, 8)
input image[3, 8, 8]
output image -> conv(wide, choose(1, 3), pad = same, bias = false) -> conv(4, 1, bias = false)
"""


@pytest.fixture(autouse=True)
def folder(designs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (designs / "tiny.net").write_text(NETWORK)
    (designs / "accuracy.py").write_text(GOOD)
    (designs / "little.study").write_text(STUDY)
    monkeypatch.chdir(designs)
    return designs


def value(wide: int, kernel: int) -> float:
    """The function by hand, from the layers of `tiny.net`."""
    return 0.25 + (3 * wide * kernel * kernel + wide * 4) / 10_000 + (0.1 if kernel == 3 else 0.0)


def test_a_study_has_a_metric_of_a_python_function(capsys: pytest.CaptureFixture[str]) -> None:
    run = dt.explore("little.study", workers=1)
    rows = list(run.results())
    assert {(r.choices["wide"], r.choices["kernel"]) for r in rows} == {
        (wide, kernel) for wide in ("4", "8") for kernel in ("1", "3")
    }
    for row in rows:
        expected = value(int(row.choices["wide"]), int(row.choices["kernel"]))
        assert row.metrics["top1"] == pytest.approx(expected)
        assert row.meets == (expected > 0.26)
    assert main(["explore", "little.study", "--json"]) == 0
    front = json.loads(capsys.readouterr().out)["front"]
    assert max(point["metrics"]["top1"] for point in front) == pytest.approx(value(8, 3))


def test_the_command_line_and_python_name_functions_too() -> None:
    asked = ["--metric", "depth=accuracy.py:cheap", "--minimize", "energy / depth", "--workers", "2"]
    assert main(["explore", "tiny.net", "small.accel", "--run", "a", *asked]) == 0
    one = dt.explore(
        "tiny.net",
        "small.accel",
        minimize=["energy / depth"],
        metrics={"depth": "accuracy.py:cheap"},
        folder="b",
        workers=1,
    )
    first = json.loads(Path("a/run.json").read_text())
    assert first["digest"] == json.loads(Path("b/run.json").read_text())["digest"]
    assert one.front[0].metrics["energy / depth"] == pytest.approx(one.front[0].metrics["energy"] / 2)


def test_a_function_is_found_in_its_file_by_other_processes() -> None:
    run = dt.explore("tiny.net", "small.accel", minimize=["here"], metrics={"here": of_this_file}, workers=1)
    assert run.front[0].metrics["here"] == 3.0
    with pytest.raises(ValueError, match="has to stand at the top of a Python file"):
        dt.explore("tiny.net", "small.accel", minimize=["x"], metrics={"x": lambda network, choices: 1})


def of_this_file(network: dt.Network, choices: dict[str, str]) -> float:
    return 3.0


def test_another_content_of_the_file_is_another_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "little.study"]) == 0
    Path("accuracy.py").write_text(GOOD.replace("0.25", "0.35"))
    capsys.readouterr()
    assert main(["explore", "little.study", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "`accuracy.py` changed" in err
    assert max(p["metrics"]["top1"] for p in json.loads(out)["front"]) == pytest.approx(value(8, 3) + 0.1)
    assert len([path for path in Path("runs").iterdir() if path.is_dir()]) == 2


def test_a_resumed_run_calls_the_function_of_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "little.study", "--run", "here"]) == 0
    first = capsys.readouterr().out
    assert main(["explore", "--resume", "here"]) == 0
    assert capsys.readouterr().out == first
    Path("accuracy.py").write_text(GOOD + "\n# another\n")
    assert main(["explore", "--resume", "here"]) == 1
    assert "`accuracy.py` changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "source", "said"),
    [
        (GOOD, "gone.py:top1", "cannot be read: No such file or directory"),
        (GOOD, "accuracy.py:top5", "defines no `top5`: it has OFFSET, cheap, top1"),
        ("def top1(:\n", "accuracy.py", "is no Python (line 1)"),
    ],
)
def test_what_is_wrong_with_the_file_is_said_before_anything_runs(
    text: str, source: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("accuracy.py").write_text(text)
    Path("little.study").write_text(STUDY.replace('"accuracy.py"', f'"{source}"'))
    assert main(["explore", "little.study"]) == 1
    err = capsys.readouterr().err
    assert "error[E1307]: the metric `top1` has no function" in err and said in err
    assert "little.study:4:1" in err and "Traceback" not in err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "return 1 / (network.params - network.params)",
            "raised ZeroDivisionError in line 2: division by zero",
        ),
        ("return choices['nothing']", "raised KeyError in line 2: 'nothing'"),
        ("return 'high'", "returned 'high', which is no finite number"),
        ("return None", "did not return a number"),
        ("return float('nan')", "returned nan, which is no finite number"),
    ],
)
def test_a_function_that_fails_refuses_the_design_and_says_why(
    body: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("accuracy.py").write_text(f"def top1(network, choices):\n    {body}\n")
    assert main(["explore", "little.study"]) == 1
    err = capsys.readouterr().err
    assert "designs cannot run: `top1`: `top1` of `accuracy.py`" in err and said in err
    assert "Traceback" not in err


def test_a_function_that_fails_for_some_designs_stops_no_other() -> None:
    Path("accuracy.py").write_text(
        "def top1(network, choices):\n    return 1.0 if choices['wide'] == '4' else [][0]\n"
    )
    run = dt.explore("little.study", workers=1)
    assert {row.choices["wide"] for row in run.front} == {"4"}
    refused = [row for row in run.results() if row.refused]
    assert {row.choices["wide"] for row in refused} == {"8"}
    assert "IndexError in line 2" in str(refused[0].refused)


def test_reading_a_study_runs_no_code(capsys: pytest.CaptureFixture[str]) -> None:
    Path("accuracy.py").write_text(GOOD + "\nopen('ran', 'w').close()\n")
    assert main(["check", "little.study"]) == 0
    assert not Path("ran").exists()


def test_the_exact_engine_says_that_a_function_is_no_sum(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "little.study", "--engine", "exact"]) == 1
    assert "`top1` is no sum over layers and choices" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["top1", "top1=", "=accuracy.py", "top 1=accuracy.py"])
def test_an_option_that_names_no_function_is_a_fault_of_the_command_line(given: str) -> None:
    assert main(["explore", "tiny.net", "small.accel", "--metric", given]) == 2
