"""What two tools say of the same layer, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Key: TypeAlias = tuple[str, str, str]
"""Memory, operand and action."""
Words: TypeAlias = dict[Key, float]


@dataclass(frozen=True, slots=True)
class Reason:
    """A difference of definition, and what of the numbers it explains."""

    text: str
    counts: tuple[Key, ...] = ()
    cycles: int = 0
    """Of ours."""
    energy_pj: float = 0.0
    """Of ours."""


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
    reasons: tuple[Reason, ...]

    @property
    def shared(self) -> tuple[Key, ...]:
        """The counts that both have, in our order."""
        return tuple(key for key in self.ours.words if key in self.theirs.words)

    @property
    def differing(self) -> tuple[Key, ...]:
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


def label(key: Key) -> str:
    """A count in words: `inputs reads at DRAM`."""
    memory, operand, action = key
    return f"{operand} {action} at {memory}"
