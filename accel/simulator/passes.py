"""What an array does in one fold: cycles by phase, words over its edge, the work of each PE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dovetail.accel.simulator.operands import Ints
from dovetail.accel.simulator.plan import Fold
from dovetail.accel.simulator.wavefront import Span


@dataclass(frozen=True, slots=True)
class Words:
    """Words of an operand that one memory reads, is filled with, or is sent as partial sums."""

    memory: str
    operand: str
    reads: int = 0
    fills: int = 0
    updates: int = 0


@dataclass(frozen=True, slots=True)
class Pass:
    """One fold."""

    load: int
    """Cycles until the first operand may enter."""
    steps: int
    """Cycles in which operands enter."""
    drain: int
    """Cycles from the last operand that enters until the PEs are free."""
    words: tuple[Words, ...]
    spans: tuple[Span, ...]
    """From the first operand that enters on."""
    work: NDArray[np.int64]
    """`[rows, columns]`: multiplications of each PE."""
    macs: int
    skipped: int = 0
    """Steps that zero weights made unnecessary."""


class PeArray(Protocol):
    """A kind of array."""

    overlap: bool
    """The next fold is loaded and begun during this one."""
    drain_cycles: int
    """Cycles in which sums that stayed are shifted out."""

    def run(self, fold: Fold, *, first: bool, last: bool) -> Pass:
        """One fold; `first` and `last` say whether the stationary operand comes or goes with it."""

    def compute(self, weights: Ints, inputs: Ints, outputs: Ints) -> None:
        """Move the numbers of the whole layer through the PEs, and add up `outputs` (flat, zero at first)."""
