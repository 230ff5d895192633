"""Fronts that grow past memory, thinned out with a guarantee.

A front is laid over a grid of cells; of each cell that no other cell is below in every column, one point
stays. Whatever is dropped is at most a cell worse than something kept: its own cell's point, or that of the
cell below. Sums keep that: if a <= a' + cell, then a + b <= a' + b + cell. So the error of a whole design is
at most the sum of the cells at which its parts were thinned out, and as long as that sum is at most epsilon
times the least total that any design has, every design is matched up to a factor of 1 + epsilon in every
column.

Cells are as small as the limit on points allows; what was spent is added up and reported, not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dovetail.explorer.exact.pareto import Indices, Values, nondominated
from dovetail.explorer.exact.recursion import Recursion

STEPS: Final = 6
"""How often a cell is doubled, up to what is allowed, until a front is small enough."""


class TooLarge(Exception):
    """A front outgrows memory, and no epsilon that was allowed makes it fit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When fronts are thinned out, and how far."""

    points: int = 1_000_000
    """Fronts of more points than this are thinned out."""
    epsilon: float = 1e-3
    """The largest relative error of any total, end to end."""
    most: int = 16_000_000
    """No front may have more."""


DEFAULT: Final = Limits()
"""A million points, and a tenth of a percent."""


@dataclass(frozen=True, slots=True)
class Range:
    """The least and largest total of each column over all designs: bounds, float64[columns]."""

    least: Values
    largest: Values

    @property
    def magnitude(self) -> Values:
        """What every design's total is at least as far from 0 as; 0 where totals may have either sign."""
        same = (self.least > 0) | (self.largest < 0)
        return np.where(same, np.minimum(np.abs(self.least), np.abs(self.largest)), 0.0)


def heights(recursion: Recursion) -> list[int]:
    """For each node, through how many more nodes at most a front goes on its way to the whole."""
    height = [0] * len(recursion.nodes)
    for number in range(len(recursion.nodes) - 1, -1, -1):
        for way in recursion.nodes[number]:
            for part in way.parts:
                height[part.node] = max(height[part.node], height[number] + 1)
    return height


def thinned(values: Values, allowed: Values, limit: int) -> tuple[Indices, Values]:
    """Which points stay, and the cell's size in each column: at most `allowed`, 0 where nothing is lost."""
    for step in range(STEPS, -1, -1):
        cell = allowed / 2.0**step
        kept = _of_cells(values, cell)
        if len(kept) <= limit:
            return kept, cell
    return kept, allowed


def _of_cells(values: Values, cell: Values) -> Indices:
    coarse = np.array(values)
    grid = cell > 0
    coarse[:, grid] = np.floor(values[:, grid] / cell[grid])
    return np.sort(nondominated(coarse))
