"""The data plane in machine code: every word through every register, where numba is installed.

The same moves as `wavefront.stream_through` and `wavefront.meet`, which are NumPy operations over all PEs,
cycle after cycle; the tests run both ways. `DOVETAIL_PURE` asks for NumPy.

Words that only move on are not copied from register to register: a row of PEs is a window on the line of
words that enters it, and the window moves by one a cycle. Rows of sums are worked on from the last to the
first, so that each takes what the one above had in the cycle before.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Kernel: TypeAlias = Callable[[Ints, Ints, Ints], None]


class Kernels(NamedTuple):
    """Both moves; each writes into its last argument."""

    stream_through: Kernel
    """`held[folds, R, C]`, `stream[folds, steps, R]`, sums that leave at the bottom `[folds, steps, C]`."""
    meet: Kernel
    """`left[folds, steps, R]`, `top[folds, steps, C]`, sums in the PEs `[folds, R, C]`."""


@cache
def kernels() -> Kernels | None:
    """Compiled at the first call and kept on disk; None without numba."""
    if os.environ.get("DOVETAIL_PURE"):
        return None
    try:
        from numba import njit
    except ImportError:
        return None
    return Kernels(njit(cache=True)(_stream_through), njit(cache=True)(_meet))


def _stream_through(held: Ints, stream: Ints, out: Ints) -> None:
    folds, rows, columns = held.shape
    steps = stream.shape[1]
    length = steps + rows + 2 * columns
    lines = np.zeros((rows, length), np.int64)
    sums = np.zeros((rows + 1, columns), np.int64)  # of the rows from the second on; nothing enters the first
    for fold in range(folds):
        sums[:] = 0
        for r in range(rows):
            for step in range(steps):
                lines[r, length - columns - 1 - step] = stream[fold, step, r]
        for cycle in range(steps + rows + columns - 2):
            newest = length - columns - 1 - cycle
            for r in range(min(rows, cycle + 1) - 1, -1, -1):
                moving = lines[r, newest + r : newest + r + columns]
                above, below, kept = sums[r], sums[r + 1], held[fold, r]
                for c in range(columns):
                    below[c] = above[c] + kept[c] * moving[c]
            at_bottom = cycle - (rows - 1)
            for c in range(max(0, at_bottom - steps + 1), min(columns, at_bottom + 1)):
                out[fold, at_bottom - c, c] = sums[rows, c]


def _meet(left: Ints, top: Ints, sums: Ints) -> None:
    folds, rows, columns = sums.shape
    steps = left.shape[1]
    length = steps + rows + 2 * columns
    lines = np.zeros((rows, length), np.int64)
    falling = np.zeros((steps + rows + columns, columns), np.int64)
    for fold in range(folds):
        for step in range(steps):
            for r in range(rows):
                lines[r, length - columns - 1 - step] = left[fold, step, r]
            for c in range(columns):
                falling[step + c, c] = top[fold, step, c]
        for cycle in range(steps + rows + columns - 2):
            newest = length - columns - 1 - cycle
            for r in range(min(rows, cycle + 1)):
                across, down = lines[r, newest + r : newest + r + columns], falling[cycle - r]
                kept = sums[fold, r]
                for c in range(columns):
                    kept[c] += across[c] * down[c]


LOOPS = Kernels(_stream_through, _meet)
"""The same text in Python, for tests."""
