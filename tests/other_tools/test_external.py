"""Programs that are missing, fail, hang or write garbage: what happened, the command, its last lines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dovetail.costmodel.external import LAST_LINES, ExternalFault, find, last_lines, run
from dovetail.costmodel.foreign_python import run_script, version_of
from dovetail.costmodel.yaml_text import yaml_tree


def python(code: str, folder: Path, seconds: float = 60) -> str:
    return run((sys.executable, "-c", code), "Tool", folder, seconds, help=("try again",)).output


def test_what_a_program_prints_is_kept(tmp_path: Path) -> None:
    assert python("import sys; print('a'); print('b', file=sys.stderr)", tmp_path).split() == ["a", "b"]


def test_a_failing_program_is_named_with_its_status_command_and_last_lines(tmp_path: Path) -> None:
    code = "import sys; print('\\n'.join(map(str, range(99)))); sys.exit(3)"
    with pytest.raises(ExternalFault) as caught:
        python(code, tmp_path)
    text = str(caught.value)
    assert text.startswith("error: Tool failed with status 3\n  the command was: ")
    assert sys.executable in text and "range(99)" in text
    assert caught.value.last_lines == tuple(str(n) for n in range(99 - LAST_LINES, 99))
    assert text.endswith("  = help: try again")


def test_a_program_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time; print('begun', flush=True);"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)"
    )
    with pytest.raises(ExternalFault, match="did not end within 2 s") as caught:
        python(code, tmp_path, seconds=2)
    assert caught.value.last_lines == ("begun",)


def test_a_program_that_crashes_is_named_by_its_signal(tmp_path: Path) -> None:
    with pytest.raises(ExternalFault, match="ended by SIGSEGV") as caught:
        python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", tmp_path)
    assert "it printed nothing" in str(caught.value)


def test_a_program_that_is_not_there_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(ExternalFault, match="cannot be started: No such file"):
        run((str(tmp_path / "none"),), "Tool", tmp_path, 1)


def test_a_file_that_is_no_program_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ExternalFault, match="cannot be started"):
        run((str(tmp_path / "text"),), "Tool", tmp_path, 1)


def test_garbage_is_shown_without_control_characters() -> None:
    assert last_lines("a\x1b[31m\x00b\n\n" + "x" * 999) == ("a [31m b", "x" * 200)


def test_a_program_named_in_the_environment_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "own"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find("no-such-program", "DOVETAIL_TEST_PROGRAM") is None
    monkeypatch.setenv("DOVETAIL_TEST_PROGRAM", str(program))
    assert find("no-such-program", "DOVETAIL_TEST_PROGRAM") == str(program)
    monkeypatch.setenv("DOVETAIL_TEST_PROGRAM", str(tmp_path / "gone"))
    assert find("sh", "DOVETAIL_TEST_PROGRAM") is None


def test_a_package_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ExternalFault, match="nosuchpackage is not installed in this environment") as caught:
        version_of("nosuchpackage", "1.", None, tmp_path)
    assert any("--python" in line for line in caught.value.help)


def test_another_version_is_refused_by_number(tmp_path: Path) -> None:
    with pytest.raises(ExternalFault, match=r"pytest \d.* is installed; .* that of 0\.x"):
        version_of("pytest", "0.", None, tmp_path)
    assert version_of("pytest", "", None, tmp_path)[0].isdigit()


def test_a_python_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExternalFault, match="no Python that answers"):
        version_of("pytest", "", "/bin/echo", tmp_path)
    with pytest.raises(ExternalFault, match="cannot be started"):
        version_of("pytest", "", str(tmp_path / "python"), tmp_path)


def test_a_script_runs_in_its_folder(tmp_path: Path) -> None:
    script = "import sys; open('out', 'w').write(sys.argv[1])"
    run_script("Tool", script, ("word",), None, tmp_path, 60)
    assert (tmp_path / "out").read_text() == "word"


@pytest.mark.parametrize("text", ["a: [", "!!python/object/apply:os.system ['true']", "&a [*a, *b]"])
def test_yaml_that_is_none_or_more_than_data_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not YAML"):
        yaml_tree(text)


def test_a_program_is_ended_with_the_one_that_started_it(tmp_path: Path) -> None:
    """`timeout` and job queues send SIGTERM: what was started does not go on without anybody."""
    code = (
        "from pathlib import Path; from dovetail.costmodel.external import run; "
        "run(('sh', '-c', 'echo $$ > pid; sleep 600'), 'the tool', Path('.'), 600)"
    )
    ours = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    pid = tmp_path / "pid"
    while not (pid.exists() and pid.read_text().strip()):
        assert ours.poll() is None
        time.sleep(0.05)
    ours.terminate()
    assert ours.wait(60) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
