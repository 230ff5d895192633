"""The Pareto front of what was seen so far, kept as results come: memory grows with the front alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dovetail.explorer.engine import Objective, PointResult


class ParetoArchive:
    """The results that meet all conditions and that no other such result beats.

    One beats another that is nowhere better and somewhere worse. Of results that are equal in every objective
    the one of the smallest number is kept, so that the front depends on what was seen and not on the order.
    """

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self._objectives = tuple(objectives)
        self._keys: NDArray[np.float64] = np.empty((0, len(self._objectives)))
        self._members: list[PointResult] = []

    def __len__(self) -> int:
        return len(self._members)

    @property
    def front(self) -> tuple[PointResult, ...]:
        """Its members, the best in the first objective first."""
        order = sorted(
            range(len(self._members)), key=lambda i: (tuple(self._keys[i]), self._members[i].index)
        )
        return tuple(self._members[i] for i in order)

    @property
    def keys(self) -> NDArray[np.float64]:
        """The objectives of the members, turned so that less is better: float64[members, objectives]."""
        return self._keys

    def add(self, results: Iterable[PointResult]) -> bool:
        """Take results into account; whether the front changed."""
        changed = False
        for result in results:
            if result.meets and result.refused is None:
                changed |= self._add(result)
        return changed

    def _add(self, result: PointResult) -> bool:
        key = np.array([objective.key(result.metrics) for objective in self._objectives])
        if np.isnan(key).any():
            return False
        if self._members:
            no_worse = (self._keys <= key).all(axis=1)
            if no_worse.any():
                equal = np.flatnonzero((self._keys == key).all(axis=1))
                if not equal.size:
                    return False
                held = self._members[equal[0]]
                if (result.index, result.variant) >= (held.index, held.variant):
                    return False
                self._members[equal[0]] = result
                return True
            kept: NDArray[np.bool_] = np.logical_not(np.all(key <= self._keys, axis=1))
            if not kept.all():
                self._keys = self._keys[kept]
                self._members = [m for m, keep in zip(self._members, kept, strict=True) if keep]
        self._keys = np.vstack([self._keys, key])
        self._members.append(result)
        return True
