"""The command line as a whole: exit status, streams, signals, and how little `--help` loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dovetail import check_command
from dovetail.cli import main
from dovetail.faults import PIPE_CLOSED

NET = "net small\ninput x[3, 8, 8]\noutput x -> conv(4, 3, pad = 1) -> relu\n"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dovetail", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env=os.environ | variables,
    )


def test_help_lists_the_commands_and_loads_neither_parser_nor_numbers() -> None:
    code = (
        "import sys, dovetail.cli as cli\n"
        "status = cli.main(['--help'])\n"
        "heavy = {'numpy', 'networkx', 'pint', 'lark', 'rich', 'dovetail.dsl.parser'} & set(sys.modules)\n"
        "sys.exit(f'{status} {sorted(heavy)}' if status or heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("check", "fmt", "show", "evaluate", "explain"):
        assert f"\n  {command} " in done.stdout


def test_importing_the_package_loads_nothing_but_itself() -> None:
    code = (
        "import sys, dovetail\n"
        "heavy = ('numpy', 'networkx', 'lark', 'rich', 'typer', 'pint')\n"
        "found = [m for m in sys.modules if m.startswith('dovetail.') or m in heavy]\n"
        "sys.exit(str(found) if found else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there() -> None:
    import dovetail

    for name in dovetail.__all__:
        assert getattr(dovetail, name) is not None
    assert set(dovetail.__all__) <= set(dir(dovetail))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        dovetail.__getattr__("nothing")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "dovetail 0.1.0\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Usage: dovetail"),
        (["chek"], "no such command 'chek'"),
        (["check"], "missing argument"),
        (["evaluate", "--batch", "none", "a.net"], "invalid value for '--batch'"),
        (["evaluate", "--batch", "0", "a.net"], "invalid value for '--batch'"),
        (["show", "--nothing", "a.net"], "no such option"),
    ],
)
def test_a_command_line_at_fault_is_status_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert says.lower() in (captured.err + captured.out).lower()
    assert "Traceback" not in captured.err


def test_an_input_at_fault_is_status_1_and_a_good_one_0(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.net", tmp_path / "bad.net"
    good.write_text(NET)
    bad.write_text(NET.replace("conv", "cnov"))
    done = run("check", str(good))
    assert (done.returncode, done.stderr) == (0, "")
    done = run("check", str(bad))
    assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean `conv`" in done.stderr


def test_a_mistake_of_ours_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(paths: object, as_json: bool) -> int:
        raise ZeroDivisionError("by nothing")

    monkeypatch.delenv("DOVETAIL_DEBUG", raising=False)
    monkeypatch.setattr(check_command, "run", fail)
    assert main(["check", "a.net"]) == 70
    err = capsys.readouterr().err
    assert "a bug in Dovetail: ZeroDivisionError: by nothing" in err
    assert "Traceback" not in err
    monkeypatch.setenv("DOVETAIL_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["check", "a.net"])


def test_ctrl_c_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(paths: object, as_json: bool) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(check_command, "run", interrupt)
    assert main(["check", "a.net"]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_has_left_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "small.net"
    path.write_text(NET)
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "dovetail", "show", str(path)]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (PIPE_CLOSED, b"")


def test_an_encoding_without_blocks_gets_plain_signs(tmp_path: Path) -> None:
    path = tmp_path / "small.net"
    path.write_text(NET)
    done = run("show", str(path), PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "?" not in done.stdout
    assert "small - 2 layers" in done.stdout


def test_colours_are_for_terminals(tmp_path: Path) -> None:
    path = tmp_path / "small.net"
    path.write_text(NET)
    assert "\x1b[" not in run("show", str(path)).stdout
    assert "\x1b[" not in run("show", str(path), FORCE_COLOR="", NO_COLOR="1").stdout
