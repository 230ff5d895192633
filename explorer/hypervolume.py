"""How much of the objectives' space a front dominates: the measure by which searches are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def hypervolume(keys: NDArray[np.float64], reference: Sequence[float]) -> float:
    """The volume that lies between `keys` (float64[points, objectives], less is better) and `reference`.

    Exact, by slices along the last objective (Knowles 2002): fit for fronts of hundreds of points.
    """
    corner = np.asarray(reference, dtype=np.float64)
    inside = keys[(keys < corner).all(axis=1)]
    return _volume(np.unique(inside, axis=0), corner)


def _volume(keys: NDArray[np.float64], corner: NDArray[np.float64]) -> float:
    if not len(keys):
        return 0.0
    if keys.shape[1] == 1:
        return float(corner[0] - keys.min())
    if keys.shape[1] == 2:
        total, height = 0.0, float(corner[1])
        for x, y in keys[np.argsort(keys[:, 0], kind="stable")]:
            if y < height:
                total += float((corner[0] - x) * (height - y))
                height = float(y)
        return total
    order = keys[np.argsort(keys[:, -1], kind="stable")]
    ends = np.append(order[1:, -1], corner[-1])
    total = 0.0
    for count, (start, end) in enumerate(zip(order[:, -1], ends, strict=True), start=1):
        if end > start:
            total += float(end - start) * _volume(np.unique(order[:count, :-1], axis=0), corner[:-1])
    return total
