"""Every mapping of a mapspace, one by one: slow, and obviously all of them. What the search is tested
against."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from dovetail.accel.mapping import Mapping
from dovetail.costmodel.mapper.mapspace import Mapspace


def mappings(space: Mapspace) -> Iterator[Mapping]:
    """All mappings, those that do not fit their memories included."""
    for shape in space.shapes:
        lists = list(product(*(section.orders for section in shape.sections)))
        for unrolling, tile in space.fillings(shape):
            for order in lists:
                yield space.mapping(shape, order, unrolling, tile)
