"""Pareto fronts as arrays: which points are left, and the front of all sums of two fronts.

values: float64[points, objectives], every objective to be minimised. A point dominates another if it is no
larger in any objective and smaller in one. Of equal points the first one stays, so that the answer does not
depend on anything but the order given.

Two objectives: sort by the first, and keep what is below everything before it in the second. Three: in that
order a point is dominated if one before it is no larger in both others, which a staircase of (second, third)
answers by binary search; blocks are filtered against the staircase at once, then among themselves. More than
three: blocks are compared with the front so far, point by point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Indices = NDArray[np.int64]

BLOCK: Final = 512
"""Points that are compared with each other at once."""
MOST_AT_ONCE: Final = 4_000_000
"""Sums that are held in memory before they are filtered."""


def nondominated(values: Values) -> Indices:
    """int64[kept]: the indices of the Pareto front of `values`, in lexicographic order of their values."""
    points, objectives = values.shape
    if points == 0:
        return np.zeros(0, dtype=np.int64)
    order = np.lexsort(tuple(values[:, column] for column in range(objectives - 1, -1, -1)))
    ranked = values[order]
    match objectives:
        case 1:
            keep = np.zeros(1, dtype=np.int64)
        case 2:
            keep = _two(ranked)
        case 3:
            keep = _three(ranked)
        case _:
            keep = _many(ranked)
    return order[keep].astype(np.int64, copy=False)


def _two(ranked: Values) -> Indices:
    second = ranked[:, 1]
    best = np.minimum.accumulate(second)
    keep = np.ones(len(second), dtype=bool)
    keep[1:] = second[1:] < best[:-1]
    return np.flatnonzero(keep)


def _three(ranked: Values) -> Indices:
    """Points in lexicographic order: those that no point before them is at least as good as."""
    kept: list[Indices] = []
    stairs = np.zeros((0, 2))  # of all points so far: second ascending, third descending
    for start in range(0, len(ranked), BLOCK):
        block = ranked[start : start + BLOCK, 1:]
        left = np.flatnonzero(~_below(stairs, block))
        if left.size == 0:
            continue
        left = left[_unbeaten(block[left])]
        kept.append(left + start)
        joined = np.concatenate([stairs, block[left]])
        joined = joined[np.lexsort((joined[:, 1], joined[:, 0]))]
        stairs = joined[_two(joined)]
    return np.concatenate(kept)


def _below(stairs: Values, points: Values) -> NDArray[np.bool_]:
    """Whether a step of the staircase is no larger in both columns."""
    if len(stairs) == 0:
        return np.zeros(len(points), dtype=bool)
    step = np.searchsorted(stairs[:, 0], points[:, 0], side="right") - 1
    below: NDArray[np.bool_] = (step >= 0) & (stairs[np.maximum(step, 0), 1] <= points[:, 1])
    return below


def _unbeaten(points: Values) -> Indices:
    """Of points in order, those that none before them is no larger than in every column."""
    beats = np.ones((len(points), len(points)), dtype=bool)
    for column in points.T:
        beats &= column[:, None] <= column[None, :]
    return np.flatnonzero(~np.triu(beats, 1).any(axis=0))


def _many(ranked: Values) -> Indices:
    kept: list[Indices] = []
    front = np.zeros((0, ranked.shape[1]))
    for start in range(0, len(ranked), BLOCK):
        block = ranked[start : start + BLOCK]
        left = np.arange(len(block))
        for at in range(0, len(front), BLOCK):
            held = front[at : at + BLOCK]
            beats = np.ones((len(held), len(left)), dtype=bool)
            for column in range(ranked.shape[1]):
                beats &= held[:, column, None] <= block[left, column]
            left = left[~beats.any(axis=0)]
        left = left[_unbeaten(block[left])]
        kept.append(left + start)
        front = np.concatenate([front, block[left]])
    return np.concatenate(kept)


@dataclass(frozen=True, slots=True)
class Merged:
    """The front of all sums of a point of one front and a point of another, and which two each came from."""

    values: Values
    left: Indices
    right: Indices


def merge(left: Values, right: Values) -> Merged:
    """The Pareto front of {a + b : a in left, b in right}, in lexicographic order.

    Nothing is lost by adding fronts alone: a sum with a dominated part is dominated by the same sum with the
    part that dominates it. The sums are made in slices that fit into memory.
    """
    if len(left) < len(right):
        turned = merge(right, left)
        return Merged(turned.values, turned.right, turned.left)
    objectives = left.shape[1]
    width = max(1, MOST_AT_ONCE // max(1, len(left)))
    values = np.zeros((0, objectives))
    first, second = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    for start in range(0, len(right), width):
        part = right[start : start + width]
        sums = (left[None, :, :] + part[:, None, :]).reshape(-1, objectives)
        a = np.tile(np.arange(len(left)), len(part))
        b = np.repeat(np.arange(start, start + len(part)), len(left))
        if len(values):
            sums = np.concatenate([values, sums])
            a, b = np.concatenate([first, a]), np.concatenate([second, b])
        keep = nondominated(sums)
        values, first, second = sums[keep], a[keep], b[keep]
    return Merged(values, first, second)
