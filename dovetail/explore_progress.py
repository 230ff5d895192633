"""The line that moves while a study is carried out: on a terminal only, on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from dovetail.explore_table import shown_value
from dovetail.numbers import power_of_ten, significant

if TYPE_CHECKING:
    from dovetail.explorer.explore import Status

EVERY_S: Final = 0.1


def line_of(status: Status) -> str:
    """`1 204 of 61 440 (2 %)  34.1 points/s  front 12  latency 1.19 ms, energy 657 uJ  29 min left`."""
    parts = [power_of_ten(status.done)]
    if status.total:
        parts[0] += f" of {power_of_ten(status.total)} ({100 * status.done / status.total:.0f} %)"
    parts.append(f"{significant(status.rate)} points/s")
    parts.append(f"front {status.front}")
    if status.best:
        parts.append(", ".join(f"{name} {shown_value(value, unit)}" for name, value, unit in status.best))
    if status.left_s is not None:
        parts.append(f"{_time(status.left_s)} left")
    return "   ".join(parts)


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Line:
    """Shows how a run stands, and cleans up behind it."""

    def __enter__(self) -> Self:
        self._on = sys.stderr.isatty()
        self._last = 0.0
        self._written = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._written:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def show(self, status: Status) -> None:
        """Draw the line anew, at most ten times a second."""
        now = time.monotonic()
        if not self._on or now - self._last < EVERY_S:
            return
        import shutil

        self._last, self._written = now, True
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r\x1b[K{line_of(status)[:width]}")
        sys.stderr.flush()
