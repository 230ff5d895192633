"""What a simulation found: the output, cycles by phase, every access, and the work of each PE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Phases:
    """Where the cycles went. They add up to the cycles of the run."""

    load: int
    """The stationary operand is shifted into the PEs."""
    compute: int
    """Operands enter the array."""
    drain: int
    """Nothing enters any more; what is on its way arrives, results leave."""
    stall: int
    """The array waits for a memory."""


@dataclass(frozen=True, slots=True)
class Accesses:
    """What one memory did for one operand, in words over all its instances (as in the cost model).

    `reads`    words read out to serve what is inside; for outputs, old partial sums
    `fills`    words that came from outside
    `updates`  partial sums that arrived from inside
    """

    memory: str
    operand: str
    reads: int = 0
    fills: int = 0
    updates: int = 0


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """One layer, run."""

    output: NDArray[np.int64] | None
    """`outputs[N, G, K, P, Q]`; None where only cycles were asked for."""
    cycles: int
    phases: Phases
    counts: tuple[Accesses, ...]
    """Memories outer to inner, operands in order."""
    macs: int
    """Multiplications that were done (zero weights that were skipped are not)."""
    folds: int
    skipped_steps: int
    """Steps that a zero weight made unnecessary."""
    work: NDArray[np.int64] = field(compare=False)
    """`[rows, columns]`: multiplications of each PE."""
    _trace: Callable[[Path], None] = field(compare=False, repr=False)
    _strip: Callable[[int], str] = field(compare=False, repr=False)

    def of(self, memory: str, operand: str) -> Accesses:
        """What `memory` did for `operand`; KeyError where it does not hold it."""
        for accesses in self.counts:
            if (accesses.memory, accesses.operand) == (memory, operand):
                return accesses
        raise KeyError(f"{memory} does not hold {operand}")

    @property
    def utilization(self) -> float:
        """Multiplications over PEs times cycles, in [0, 1]."""
        return self.macs / (self.work.size * self.cycles)

    def trace(self, path: str | Path) -> None:
        """Write what happened when: `.csv`, else JSON for Perfetto (ui.perfetto.dev) and chrome://tracing.

        The run is walked again and written as it goes, so memory does not grow with its length.
        """
        self._trace(Path(path))

    def strip(self, width: int = 72) -> str:
        """The run from left to right: how full the array is, in eighths, a line for a terminal."""
        return self._strip(width)

    def summary(self) -> str:
        """A page: cycles by phase, utilisation, accesses."""
        phases = self.phases
        lines = [f"{self.cycles} cycles · {self.macs} MACs · {100 * self.utilization:.1f} % of the PEs busy"]
        for name in ("load", "compute", "drain", "stall"):
            cycles = getattr(phases, name)
            lines.append(f"  {name:<8}{cycles:>14}  {100 * cycles / self.cycles:5.1f} %")
        lines.append(f"  {'':<24}{'reads':>14}{'fills':>14}{'updates':>14}   words")
        for a in self.counts:
            lines.append(f"  {a.memory:<14}{a.operand:<10}{a.reads:>14}{a.fills:>14}{a.updates:>14}")
        lines.append(self.strip())
        return "\n".join(lines)
