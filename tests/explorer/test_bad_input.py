"""Bad input of an exploration as a user meets it: a clear error, and nothing that was stored is lost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import dovetail as dt
from dovetail.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(designs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(designs)
    return designs


def explore(*arguments: str) -> int:
    return main(["explore", "tiny.net", "small.accel", "--workers", "1", *arguments])


def rows(folder: str) -> list[tuple[object, ...]]:
    from dovetail.exploration import Run

    return sorted(Run.open(folder).sql("SELECT point, variant, latency, energy FROM points"))


@pytest.mark.parametrize("engine", ["auto", "sweep", "exact", "heuristic"])
def test_requirements_that_contradict_each_other_are_named_together(
    engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("tiny.net").write_text(
        'net tiny\nparam wide = choose(4, 8, 16)\nrequire wide > 5 "not too narrow"\n'
        'require wide < 7 "not too wide"\ninput image[3, 8, 8]\noutput image -> conv(wide, 1)\n'
    )
    assert explore("--engine", engine) == 1
    err = capsys.readouterr().err
    assert "tiny.net:3:9" in err and "not too narrow" in err
    assert "tiny.net:4:9" in err and "not too wide" in err
    assert "each of the 3 designs breaks a requirement named here" in err
    assert not Path("runs").exists()


def test_a_space_without_any_design_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tiny.net").write_text(
        "net tiny\ninput image[3, 8, 8]\noutput image -> choose { a: conv(4, 1) when 1 > 2 }\n"
    )
    assert explore() == 1
    assert "error[E0702]: none of the alternatives is possible here" in capsys.readouterr().err


def test_conditions_that_no_design_meets_say_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("--where", "latency < 1 ns, latency > 2 ms") == 1
    err = capsys.readouterr().err
    assert "designs meets all conditions: latency < 1 ns, latency > 2 ms" in err
    assert "the designs go from" in err and "in `latency`" in err


def test_an_unknown_metric_is_said_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("--minimize", "latncy") == 1
    err = capsys.readouterr().err
    assert "nothing is called `latncy`" in err and "did you mean `latency`?" in err
    assert not Path("runs").exists()


def test_a_folder_of_another_run_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("--run", "here") == 0
    before = rows("here")
    assert explore("--run", "here", "--minimize", "area") == 1
    err = capsys.readouterr().err
    assert "error[E1302]: `here` holds a run of another specification: `objectives` is another" in err
    assert rows("here") == before


@pytest.mark.parametrize("damage", ["header", "block", "cut", "empty", "text"])
def test_a_damaged_store_is_said_and_left_as_it_is(damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("--run", "here") == 0
    path = Path("here/results.duckdb")
    whole = path.read_bytes()
    noise = bytes(range(7, 247)) * 2000
    content = {
        "header": noise[:12288] + whole[12288:],
        "block": whole[:13000] + noise[:250_000] + whole[263_000:],
        "cut": whole[:100],
        "empty": b"",
        "text": b"point,latency\n",
    }[damage]
    path.write_bytes(content)
    capsys.readouterr()
    for again in (["explore", "--show", "here"], ["explore", "--resume", "here"]):
        assert main(again) == 1
        err = capsys.readouterr().err
        assert "error[E1302]: the results in `here/results.duckdb` cannot be read" in err
        assert "the file was left as it is" in err and "Traceback" not in err
    assert path.read_bytes() == content


def test_a_damaged_description_of_a_run_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("--run", "here") == 0
    store = Path("here/results.duckdb").read_bytes()
    Path("here/run.json").write_text("{\n")
    assert explore("--run", "here") == 1
    assert "`here/run.json` is not what a run writes" in capsys.readouterr().err
    assert Path("here/results.duckdb").read_bytes() == store


def test_damaged_solutions_of_layers_cost_time_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore() == 0
    first = capsys.readouterr().out.splitlines()[-3:]
    Path("runs/layers.sqlite").write_bytes(bytes(range(256)) * 16)
    for path in Path("runs").glob("layers.sqlite-*"):
        path.unlink()
    assert explore("--seed", "7") == 0  # another run, which asks for the same layers
    assert capsys.readouterr().out.splitlines()[-3:] == first


def test_a_disk_that_is_full_loses_nothing_and_the_same_command_goes_on() -> None:
    """As a user has it: the command ends with an error, room is made, the command is given again."""
    command = [sys.executable, "-m", "dovetail", "explore", "tiny.net", "small.accel", "--workers", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20 * 1024, resource.RLIM_INFINITY))

    stopped = subprocess.run(
        [*command, "--run", "here"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=full,
    )
    assert stopped.returncode == 1, stopped.stdout + stopped.stderr
    assert "error[E1303]" in stopped.stderr and "Traceback" not in stopped.stderr
    assert "the same command goes on from there" in stopped.stderr
    assert explore("--run", "here") == 0
    assert explore("--run", "other") == 0
    assert rows("here") == rows("other") and rows("here")


def test_battery_and_own_expressions_are_ordinary_conditions() -> None:
    """`inferences_per_charge` is that of 10.35 Wh; for another battery one divides."""
    run = dt.explore("tiny.net", "small.accel", minimize=["energy * latency^2"], workers=1)
    charges = sorted(r.metrics["inferences_per_charge"] for r in run.results() if not r.refused)
    for row in run.results():
        if not row.refused:
            assert row.metrics["inferences_per_charge"] == pytest.approx(
                10.35 * 3600 / (row.metrics["energy"] / 1e12)
            )
    limit = charges[len(charges) // 2]
    for condition in (
        f"inferences_per_charge >= {limit!r}",
        f"10.35 Wh / energy >= {limit!r}",
        f"5.175 Wh / energy * 2 >= {limit!r}",
    ):
        some = dt.explore("tiny.net", "small.accel", where=[condition], workers=1)
        meeting = sum(r.meets for r in some.results())
        assert abs(meeting - sum(charge >= limit for charge in charges)) <= charges.count(limit)
    assert run.front.units["energy * latency^2"] == "pJ s^2"
