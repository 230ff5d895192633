"""What stops a command: an input at fault (`DovetailError`, status 1) or the command line (status 2)."""

from __future__ import annotations

from collections.abc import Iterable

GOOD = 0
INPUT_AT_FAULT = 1
COMMAND_LINE_AT_FAULT = 2
OUR_FAULT = 70
"""A bug in Dovetail: what BSD's sysexits call EX_SOFTWARE."""
INTERRUPTED = 130
PIPE_CLOSED = 141


class CommandLineFault(Exception):
    """The command line asks for what is not there; `help` says what is."""

    def __init__(self, message: str, help: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.help = tuple(help)

    def __str__(self) -> str:
        return "\n".join([f"error: {self.message}", *(f"  = help: {line}" for line in self.help)])
