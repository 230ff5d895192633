"""What is to be least, and when a partial mapping cannot be it.

A goal holds the best found so far and says which bounds `(cycles, pJ)` are still worth following. Two values
within `SAME` of each other count as equal: energies are sums of floats.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

SAME = 1e-11
"""Relative difference below which two energies are one."""

Floats = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Point(Generic[T]):
    """A mapping found, and what it costs."""

    cycles: int
    energy_pj: float
    what: T


class Goal(Protocol[T]):
    """What the search asks of an objective."""

    def worth(self, cycles: Floats, energy: Floats) -> NDArray[np.bool_]:
        """Which bounds may lead to something better than what is known."""

    def rank(self, cycles: Floats, energy: Floats) -> Floats:
        """Smaller is more promising."""

    def offer(self, cycles: int, energy: float, what: T) -> bool:
        """Take a mapping if it is better; whether it was."""

    @property
    def points(self) -> tuple[Point[T], ...]:
        """The best so far: one, or the front with rising cycles."""


class Least(Generic[T]):
    """The least of one number, then of another: `energy`, `latency` or `edp`.

    `latency_within` limits cycles (for `energy within 1.05 x best latency`); `tolerance` follows only what is
    better by that fraction.
    """

    def __init__(
        self,
        objective: str,
        *,
        most_cycles: float = float("inf"),
        most_energy: float = float("inf"),
        tolerance: float = 0.0,
    ) -> None:
        self.objective = objective
        self.most_cycles, self.most_energy = most_cycles, most_energy
        self.tolerance = tolerance
        self.best: Point[T] | None = None
        self.ignored = float("inf")
        """The least value that was not followed for being within the tolerance."""

    def values(self, cycles: Floats, energy: Floats) -> tuple[Floats, Floats]:
        """The number that is to be least, and the one that decides between equals."""
        match self.objective:
            case "energy":
                return energy, cycles
            case "latency":
                return cycles, energy
            case _:
                return cycles * energy, energy

    def worth(self, cycles: Floats, energy: Floats) -> NDArray[np.bool_]:
        """Bounds below the best, or equal to it with less of the other metric."""
        allowed = (cycles <= self.most_cycles * (1 + SAME)) & (energy <= self.most_energy * (1 + SAME))
        if self.best is None:
            return allowed
        first, second = self.values(cycles, energy)
        least, other = self.values(np.array(float(self.best.cycles)), np.array(self.best.energy_pj))
        better = first < least * (1 - SAME)
        if self.tolerance:
            close = allowed & better & (first > least / (1 + self.tolerance))
            if close.any():
                self.ignored = min(self.ignored, float(first[close].min()))
            return allowed & better & ~close
        return allowed & (better | ((first <= least * (1 + SAME)) & (second < other * (1 - SAME))))

    def rank(self, cycles: Floats, energy: Floats) -> Floats:
        """The value, and a little of the other metric."""
        first, second = self.values(cycles, energy)
        beside = np.minimum(second / (second.min(initial=np.inf) + 1e-300), 1e6)
        ranks: Floats = first * (1 + 1e-12 * beside)
        return ranks

    def offer(self, cycles: int, energy: float, what: T) -> bool:
        """Take a mapping if it is better."""
        tolerance, self.tolerance = self.tolerance, 0.0
        better = bool(self.worth(np.array([float(cycles)]), np.array([energy]))[0])
        self.tolerance = tolerance
        if better:
            self.best = Point(cycles, energy, what)
        return better

    @property
    def points(self) -> tuple[Point[T], ...]:
        """The best so far, if any."""
        return () if self.best is None else (self.best,)


class Front(Generic[T]):
    """All (cycles, energy) that nothing beats in both."""

    def __init__(self) -> None:
        self._points: list[Point[T]] = []

    def worth(self, cycles: Floats, energy: Floats) -> NDArray[np.bool_]:
        """Bounds that no point beats or equals in both."""
        if not self._points:
            return np.ones(len(cycles), bool)
        known = np.array([float(p.cycles) for p in self._points])
        least = np.array([p.energy_pj for p in self._points])
        at = np.searchsorted(known, cycles, side="right") - 1
        return (at < 0) | (energy < least[np.maximum(at, 0)] * (1 - SAME))

    def rank(self, cycles: Floats, energy: Floats) -> Floats:
        """By product, which is good for the middle of the front."""
        return cycles * energy

    def offer(self, cycles: int, energy: float, what: T) -> bool:
        """Take a mapping if no point beats it, and drop those that it beats."""
        if not self.worth(np.array([float(cycles)]), np.array([energy]))[0]:
            return False
        kept = [p for p in self._points if p.cycles < cycles or p.energy_pj < energy * (1 - SAME)]
        at = bisect_right([p.cycles for p in kept], cycles)
        kept.insert(at, Point(cycles, energy, what))
        self._points = kept
        return True

    @property
    def points(self) -> tuple[Point[T], ...]:
        """The front, with rising cycles and falling energy."""
        return tuple(self._points)
