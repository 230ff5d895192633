"""Kriging (Gaussian-process interpolation) of logarithms over depth, width and technology node.

CACTI picks for each memory the best of many organisations, so its results are a smooth trend with steps
where the choice flips, and the steps of neighbouring nodes resemble each other. The covariance below says
just that; it passes through every row of its table exactly. Its constants are shared by all quantities and
devices; they were chosen by cross-validation, and halving or doubling any one of them moves the error by a
few per cent of itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Variances are in squared natural log of the value, lengths in octaves of depth, width or nm.
_OFFSET_OF_NODE: Final = 100.0  # leakage differs by decades between nodes: leave each its own level
_SLOPE: Final = 10.0
_TREND: Final = (12.0, 24.0, 12.0)  # variance, octaves of depth, of width: shared by all nodes
_NODE: Final = (0.02, 3.0, 3.5, 10.0)  # what a node does differently; octaves of depth, width, nm
_ORGANISATION: Final = (0.002, 0.5, 0.5, 1.5)  # flips of organisation; octaves of depth, width, nm
_OWN: Final = (0.0008, 0.1)  # flips of one row alone; octaves
_CENTRE: Final = (13.0, 6.0, 6.0, 2.0)  # depth and width in octaves: middle and half range of the table


@dataclass(frozen=True, slots=True)
class Kriging:
    """An interpolator made by `krige`."""

    points: Array
    """float64[rows, 3]: log2 of depth, width and nm."""
    weights: Array
    """float64[rows, quantities]: the inverse covariance of the rows times their values."""

    def predict(self, points: Array) -> Array:
        """Values at `points` (float64[n, 3], log2 of depth, width and nm): float64[n, quantities]."""
        predicted: Array = covariance(points, self.points) @ self.weights
        return predicted


def krige(points: Array, values: Array) -> Kriging:
    """Interpolate `values` (float64[rows, quantities]) over distinct `points` (float64[rows, 3]).

    Raises numpy.linalg.LinAlgError where two points are equal.
    """
    weights = np.linalg.solve(covariance(points, points), values)
    return Kriging(points, np.asarray(weights, dtype=np.float64))


def covariance(a: Array, b: Array) -> Array:
    """Covariance of the logarithms at points `a` (float64[n, 3]) and `b` (float64[m, 3]): float64[n, m]."""
    depth = a[:, None, 0] - b[None, :, 0]
    width = a[:, None, 1] - b[None, :, 1]
    node = np.abs(a[:, None, 2] - b[None, :, 2])
    same = node == 0.0

    variance, octaves, octaves_width = _TREND
    total = variance * _matern(np.hypot(depth / octaves, width / octaves_width))

    variance, octaves, octaves_width, octaves_nm = _NODE
    total += variance * _matern(np.hypot(depth / octaves, width / octaves_width)) * np.exp(-node / octaves_nm)

    variance, octaves, octaves_width, octaves_nm = _ORGANISATION
    total += variance * np.exp(-np.hypot(depth / octaves, width / octaves_width) - node / octaves_nm)

    variance, octaves = _OWN
    total += (_OFFSET_OF_NODE + variance * np.exp(-np.hypot(depth, width) / octaves)) * same

    middle, middle_width, half, half_width = _CENTRE
    slopes: Array = np.outer((a[:, 0] - middle) / half, (b[:, 0] - middle) / half)
    slopes += np.outer((a[:, 1] - middle_width) / half_width, (b[:, 1] - middle_width) / half_width)
    total += _SLOPE * slopes
    return total


def _matern(distance: Array) -> Array:
    """The twice differentiable Matérn correlation (smoothness 5/2)."""
    scaled = np.sqrt(5.0) * distance
    correlation: Array = (1.0 + scaled + scaled * scaled / 3.0) * np.exp(-scaled)
    return correlation
