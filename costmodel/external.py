"""Other people's programs: found, run with a time limit, and what goes wrong said with the command itself.

    ran = run(("timeloop-model", "in.yaml"), "Timeloop", folder, seconds=600)

Everything that can go wrong is an `ExternalFault`: a program that is not there, that fails, hangs, or writes
what nobody can read. Its message has the command as one would type it and the last lines that it printed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LAST_LINES: Final = 8
"""How many of the last lines of a failing program are shown."""
LONGEST_LINE: Final = 200
"""Characters of such a line that are shown."""


class ExternalFault(Exception):
    """Another program that cannot be used: what happened, the command, its last lines, and the way out."""

    def __init__(
        self, message: str, command: Sequence[str] = (), output: str = "", help: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.command = tuple(command)
        self.last_lines = last_lines(output)
        self.help = tuple(help)

    def __str__(self) -> str:
        lines = [f"error: {self.message}"]
        if self.command:
            lines.append(f"  the command was: {shlex.join(self.command)}")
        if self.last_lines:
            lines.append("  its last lines:")
            lines += [f"    {line}" for line in self.last_lines]
        elif self.command:
            lines.append("  it printed nothing")
        return "\n".join([*lines, *(f"  = help: {line}" for line in self.help)])


@dataclass(frozen=True, slots=True)
class Ran:
    """A program that ended with status 0."""

    command: tuple[str, ...]
    output: str
    """What it printed, errors among the rest."""


def last_lines(output: str) -> tuple[str, ...]:
    """The last lines that say something, without control characters, each cut to a readable length."""
    plain = ("".join(c if c.isprintable() else " " for c in line).rstrip() for line in output.splitlines())
    return tuple(line[:LONGEST_LINE] for line in plain if line)[-LAST_LINES:]


def find(program: str, variable: str) -> str | None:
    """The path of a program: what the environment variable names, else what is on the PATH."""
    named = os.environ.get(variable)
    return shutil.which(named) if named else shutil.which(program)


def run(
    command: Sequence[str],
    tool: str,
    folder: Path,
    seconds: float,
    environment: Mapping[str, str] | None = None,
    help: Sequence[str] = (),
) -> Ran:
    """Run `command` in `folder`, without standard input; raises ExternalFault unless it ends with status 0.

    After `seconds` it is ended, with everything that it started.
    """
    try:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as fault:
        reason = fault.strerror or str(fault)
        raise ExternalFault(f"{tool} cannot be started: {reason}", command, help=help) from fault
    with process, _ended_by_sigterm():
        try:
            printed, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            printed = _end(process)
            raise ExternalFault(
                f"{tool} did not end within {seconds:g} s", command, _text(printed), help
            ) from None
        except BaseException:
            _end(process)
            raise
    text = _text(printed)
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        raise ExternalFault(f"{tool} was ended by {name}", command, text, help)
    if process.returncode:
        raise ExternalFault(f"{tool} failed with status {process.returncode}", command, text, help)
    return Ran(tuple(command), text)


def read_output(path: Path, tool: str, ran: Ran, help: Sequence[str] = ()) -> str:
    """The text of a file that the program should have written; raises ExternalFault where it did not."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as fault:
        raise ExternalFault(
            f"{tool} ended well but did not write `{path.name}`", ran.command, ran.output, help
        ) from fault


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends us by an exception meanwhile, so that what we started is ended too."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(process: subprocess.Popen[bytes]) -> bytes:
    """End a program and its children; what it had printed."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    printed, _ = process.communicate()
    return printed


def _text(printed: bytes | None) -> str:
    return (printed or b"").decode("utf-8", errors="replace")
