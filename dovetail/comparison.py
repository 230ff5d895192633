"""What two tools say of the same layer, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Words: TypeAlias = dict[tuple[str, str, str], float]
"""By memory, operand and action."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What one tool says; None where it says nothing."""

    cycles: float
    energy_pj: float | None
    words: Words


@dataclass(frozen=True, slots=True)
class Pair:
    """One layer in both tools."""

    layer: str
    ours: Numbers
    theirs: Numbers
    notes: tuple[str, ...]
    """Differences of definition."""

    @property
    def shared(self) -> tuple[tuple[str, str, str], ...]:
        """The counts that both have, in our order."""
        return tuple(key for key in self.ours.words if key in self.theirs.words)

    @property
    def differing(self) -> tuple[tuple[str, str, str], ...]:
        """The counts that are not the same whole number; noise of single precision is none."""
        return tuple(key for key in self.shared if not same(self.ours.words[key], self.theirs.words[key]))


@dataclass(frozen=True, slots=True)
class Comparison:
    """All layers, and what the other tool is."""

    network: str
    accelerator: str
    clock_hz: float
    tool: str
    version: str | None
    pairs: tuple[Pair, ...]
    left_out: tuple[tuple[str, str], ...]
    """Layers that the other tool cannot have, and why."""


def same(first: float, second: float) -> bool:
    """Whether two counts are one: equal, or nearer than single precision tells apart."""
    return abs(first - second) <= 2e-7 * max(abs(first), abs(second))
