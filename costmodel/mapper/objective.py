"""What is to be least, and which bounds may still lead to it.

Two values within `SAME` of each other count as equal: energies are sums of floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log
from typing import Generic, TypeVar

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


WEIGHTS = {"energy": (1.0, 0.0), "latency": (0.0, 1.0), "edp": (1.0, 1.0)}
"""Of pJ and of cycles, as powers."""


class Least(Generic[T]):
    """The least of pJ ** a x cycles ** b, then of the other metric, within limits of both.

    `lean` is how much a limited metric that does not count for itself is to matter in bounds: what has
    less energy than E within C cycles has less of energy x cycles ** lean than E x C ** lean.
    """

    def __init__(
        self,
        weights: tuple[float, float],
        *,
        most_cycles: float = inf,
        most_energy: float = inf,
        tolerance: float = 0.0,
        lean: float = 2.0,
    ) -> None:
        self.powers = weights
        self.most_cycles, self.most_energy = most_cycles, most_energy
        self.tolerance = tolerance
        energy, cycles = weights
        if cycles == 0.0 and most_cycles < inf:
            cycles = lean
        if energy == 0.0 and most_energy < inf:
            energy = lean
        self.weights = (energy, cycles)
        """Of log pJ and log cycles, in bounds."""
        self.best: Point[T] | None = None

    def value(self, cycles: float, energy: float) -> float:
        """What is to be least."""
        return float(energy ** self.powers[0] * cycles ** self.powers[1])

    def limit(self) -> float:
        """The weighted logarithm above which nothing is wanted."""
        energy, cycles = self.weights
        if self.best is None:
            by_limits = 0.0
            for weight, most in ((energy, self.most_energy), (cycles, self.most_cycles)):
                if weight > 0.0:
                    by_limits += weight * log(most) if most < inf else inf
            return by_limits
        found = log(self.value(self.best.cycles, self.best.energy_pj)) - log(1 + self.tolerance)
        if self.powers[1] == 0.0 and cycles > 0.0:
            found += cycles * log(self.most_cycles)
        if self.powers[0] == 0.0 and energy > 0.0:
            found += energy * log(self.most_energy)
        return found

    def value_at(self, limit: float) -> float:
        """The least value of what has at least this weighted logarithm and is within the limits."""
        energy, cycles = self.weights
        if self.powers[1] == 0.0 and cycles > 0.0:
            limit -= cycles * log(self.most_cycles)
        if self.powers[0] == 0.0 and energy > 0.0:
            limit -= energy * log(self.most_energy)
        return exp(min(limit, 600.0)) * (1 - 1e-12)

    def worth(self, cycles: Floats, energy: Floats) -> NDArray[np.bool_]:
        """Which costs, or bounds of them, are better than what is known: less, or equal with less of the
        other metric."""
        allowed = (cycles <= self.most_cycles * (1 + SAME)) & (energy <= self.most_energy * (1 + SAME))
        if self.best is None:
            return allowed
        first = energy ** self.powers[0] * cycles ** self.powers[1]
        least = self.value(self.best.cycles, self.best.energy_pj)
        second, other = energy, self.best.energy_pj
        if self.powers[1] == 0.0:
            second, other = cycles, float(self.best.cycles)
        return allowed & (
            (first < least * (1 - SAME)) | ((first <= least * (1 + SAME)) & (second < other * (1 - SAME)))
        )

    def rank(self, cycles: Floats, energy: Floats) -> Floats:
        """Smaller is more promising."""
        ranks: Floats = energy ** self.powers[0] * cycles ** self.powers[1]
        return ranks

    def offer(self, cycles: int, energy: float, what: T) -> bool:
        """Take a mapping if it is better."""
        better = bool(self.worth(np.array([float(cycles)]), np.array([energy]))[0])
        if better:
            self.best = Point(cycles, energy, what)
        return better
