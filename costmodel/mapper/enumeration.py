"""Every mapping of a mapspace: slow, and obviously all of them. What the search is tested against.

`mappings` lists them one by one; `batches` as rows of bounds, for `evaluate_batch`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from dovetail.accel.mapping import Mapping
from dovetail.costmodel.mapper.mapspace import Mapspace, Shape, Unrolling
from dovetail.costmodel.nest import Structure

Order = tuple[tuple[str, ...], ...]
"""Of each section, its temporal loops, outer to inner."""
Filling = tuple[Unrolling, dict[str, tuple[int, ...]]]
"""Numbers of PEs, and the tile that each section leaves of each dimension."""


def mappings(space: Mapspace) -> Iterator[Mapping]:
    """All mappings, those that do not fit their memories included."""
    for shape in space.shapes:
        lists = list(product(*(section.orders for section in shape.sections)))
        for unrolling, tile in space.fillings(shape):
            for order in lists:
                yield space.mapping(shape, order, unrolling, tile)


@dataclass(frozen=True)
class Batch:
    """Mappings of one shape and order: `bounds: int64[fillings, loops]` of the structure's loops."""

    shape: Shape
    order: Order
    structure: Structure
    bounds: NDArray[np.int64]
    fillings: Sequence[Filling]
    """What makes each row, for `Mapspace.mapping`."""


def batches(space: Mapspace, *, every_order: bool = False) -> Iterator[Batch]:
    """The same mappings as `mappings`, by shape and order.

    `every_order`: all permutations of a section's loops, not only those that the mapspace lists (a section
    whose order the dataflow demands keeps it).
    """
    for shape in space.shapes:
        fillings = list(space.fillings(shape))
        if not fillings:
            continue
        temporal, spatial = _bounds(space, shape, fillings)
        orders = [
            tuple(permutations(space.rules.dimensions))
            if every_order and not section.demanded
            else section.orders
            for section in shape.sections
        ]
        for order in product(*orders):
            columns = []
            for at, own in enumerate(order):
                columns += [temporal[at][d] for d in own]
                columns += spatial[at]
            bounds = np.array(columns, np.int64).reshape(len(columns), len(fillings)).T
            yield Batch(shape, order, space.structure(shape, order), bounds, fillings)


def _bounds(
    space: Mapspace, shape: Shape, fillings: Sequence[Filling]
) -> tuple[list[dict[str, list[int]]], list[list[list[int]]]]:
    """What is left to each loop: of each section by dimension, then loop by loop along its axes."""
    whole = {d: space.rules.problem.bounds[d] for d in space.rules.dimensions}
    temporal: list[dict[str, list[int]]] = [{d: [] for d in whole} for _ in shape.sections]
    spatial: list[list[list[int]]] = [
        [[] for rule in section.axes for _ in (*rule.first, *rule.then)] for section in shape.sections
    ]
    for unrolling, tile in fillings:
        left = dict(whole)
        spread = space.spread(shape, unrolling)
        numbers = iter(unrolling)
        for at, section in enumerate(shape.sections):
            for d in left:
                temporal[at][d].append(left[d])
                left[d] = min(left[d], spread[d][at] * tile[d][at])
            todo = {d: spread[d][at] for d in left}
            loops = iter(spatial[at])
            for rule in section.axes:
                for d, pes in zip((*rule.first, *rule.then), next(numbers), strict=True):
                    next(loops).append(left[d])
                    todo[d] //= pes
                    left[d] = min(left[d], todo[d] * tile[d][at])
    return temporal, spatial
