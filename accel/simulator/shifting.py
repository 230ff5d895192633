"""The block of inputs that lies over an output-stationary array and is shifted between its PEs.

The PEs and the registers between them (a stride of 2 leaves one between neighbours) hold a box of the inputs.
When the window moves on by the same vector, every word moves to the neighbour that needs it next and only the
edge is read; after any other move the whole box is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dovetail.accel.simulator.buffers import Box, Tile

Ints = NDArray[np.int64]


class ShiftedBlock:
    """The registers of one array; `inputs[N, G, C, rows, columns]` is the memory outside."""

    def __init__(self, inputs: Ints) -> None:
        self.inputs = inputs
        self.tile = Tile()
        self.words = np.empty((0,) * inputs.ndim, np.int64)
        self.read = 0
        """Words that were read from the memory outside."""

    def move_to(self, box: Box) -> Ints:
        """What the registers hold when they cover `box`."""
        old = self.tile.box
        if box == old:
            return self.words
        number = self.tile.move_to(box)
        size = tuple(length for _, length in box)
        kept = int(np.prod(size)) - number
        self.read += number
        if old is None or not kept:
            self.words = self.inputs[tuple(slice(begin, begin + length) for begin, length in box)].copy()
            return self.words
        here, there = [], []  # the part that stays in the array, in the new and in the old box
        for (begin, length), (before, long) in zip(box, old, strict=True):
            first, last = max(begin, before), min(begin + length, before + long)
            here.append(slice(first - begin, last - begin))
            there.append(slice(first - before, last - before))
        words = np.empty(size, np.int64)
        moved = self.words[tuple(there)]
        for fresh in _around(here, box):
            inside = tuple(slice(a.start + b, a.stop + b) for a, (b, _) in zip(fresh, box, strict=True))
            words[tuple(fresh)] = self.inputs[inside]
        words[tuple(here)] = moved
        self.words = words
        return words


def _around(kept: list[slice], box: Box) -> list[list[slice]]:
    """Boxes that make up what is outside `kept`, one or two along each axis."""
    parts = []
    for axis, (inner, (_, length)) in enumerate(zip(kept, box, strict=True)):
        for edge in (slice(0, inner.start), slice(inner.stop, length)):
            if edge.stop > edge.start:
                after = [slice(0, size) for _, size in box[axis + 1 :]]
                parts.append([*kept[:axis], edge, *after])
    return parts
