"""Partial mappings, many at once: one column of numbers each, filled from the outermost section inward."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


BESIDE = 1
"""Another dimension moves inputs along the same axis just outside."""
LOOSE = 2
"""In short passes another loop may be the one that moves inputs last."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each number of a partial mapping stands; `d` dimensions, `s` sections, `a` axes, `m` memories."""

    d: int
    s: int
    a: int
    m: int

    @property
    def ints(self) -> int:
        """Rows of `Rows.ints`."""
        return 12 * self.d + 4 + self.s * self.d + self.a * self.d

    @property
    def floats(self) -> int:
        """Rows of `Rows.floats`."""
        return 8 + 4 * self.m + self.d

    def tile_row(self, section: int) -> int:
        """The first row of the tiles that a section leaves."""
        return 12 * self.d + 4 + section * self.d

    def axis_row(self, axis: int) -> int:
        """The first row of the PEs along an axis."""
        return 12 * self.d + 4 + self.s * self.d + axis * self.d


@dataclass(frozen=True, slots=True)
class Rows:
    """`ints: int64[numbers, mappings]` and `floats: float64[numbers, mappings]`; see the properties."""

    layout: Layout
    ints: Ints
    floats: Floats

    @classmethod
    def start(cls, layout: Layout, bounds: Ints) -> Rows:
        """The one partial mapping in which nothing is chosen."""
        ints = np.ones((layout.ints, 1), np.int64)
        ints[: layout.d, 0] = bounds
        ints[7 * layout.d : 8 * layout.d, 0] = bounds
        ints[10 * layout.d : 11 * layout.d] = 0
        ints[11 * layout.d : 12 * layout.d, 0] = bounds
        ints[12 * layout.d : 12 * layout.d + 4] = 0
        floats = np.zeros((layout.floats, 1))
        floats[1:8] = 1.0
        return cls(layout, ints, floats)

    def __len__(self) -> int:
        return int(self.ints.shape[1])

    def take(self, which: Ints | Bools) -> Rows:
        """Some of them, or some of them several times; always a copy."""
        return replace(self, ints=self.ints[:, which], floats=self.floats[:, which])

    def _block(self, number: int) -> Ints:
        return self.ints[number * self.layout.d : (number + 1) * self.layout.d]

    def _number(self, row: int) -> Floats:
        found: Floats = self.floats[row]
        return found

    @property
    def left(self) -> Ints:
        """What is left of each dimension, `[dimensions, mappings]`; so are the next eleven."""
        return self._block(0)

    @property
    def free(self) -> Ints:
        """Iterations inside all loops that move the operand to which the dimension is idle."""
        return self._block(1)

    @property
    def uncut(self) -> Ints:
        """Whether no temporal loop has cut the dimension yet."""
        return self._block(2)

    @property
    def shared(self) -> Ints:
        """PEs that share the operand to which the dimension is idle, since its last holder."""
        return self._block(3)

    @property
    def trips(self) -> Ints:
        """Iterations in the section at hand."""
        return self._block(4)

    @property
    def exact(self) -> Ints:
        """Whether every loop so far divides what it walks."""
        return self._block(5)

    @property
    def pes(self) -> Ints:
        """PEs in the section at hand."""
        return self._block(6)

    @property
    def unspread(self) -> Ints:
        """What the axes so far leave of the whole bound."""
        return self._block(7)

    @property
    def before(self) -> Ints:
        """`free` outside the section at hand."""
        return self._block(8)

    @property
    def outside(self) -> Ints:
        """`exact` outside the section at hand."""
        return self._block(9)

    @property
    def loose(self) -> Ints:
        """Whether a short last pass can save visits of loops over an idle dimension."""
        return self._block(10)

    @property
    def rest(self) -> Ints:
        """What the last, perhaps short, pass leaves of each dimension."""
        return self._block(11)

    @property
    def slide(self) -> Ints:
        """How inputs last moved: dimension (1 + place in `PQRS`, 0: otherwise), trips, step, and what is not
        sure about it (`BESIDE`, `LOOSE`); `[4, mappings]`."""
        return self.ints[12 * self.layout.d : 12 * self.layout.d + 4]

    def tile(self, section: int) -> Ints:
        """Tiles that a section leaves, `[dimensions, mappings]`."""
        row = self.layout.tile_row(section)
        return self.ints[row : row + self.layout.d]

    def axis(self, axis: int) -> Ints:
        """PEs along an axis, `[dimensions, mappings]`."""
        row = self.layout.axis_row(axis)
        return self.ints[row : row + self.layout.d]

    @property
    def energy(self) -> Floats:
        """pJ of all transfers that are settled."""
        return self._number(0)

    @property
    def steps(self) -> Floats:
        """Temporal iterations so far."""
        return self._number(1)

    @property
    def instances(self) -> Floats:
        """PEs (of outer arrays) so far."""
        return self._number(2)

    @property
    def reducing(self) -> Floats:
        """Of these, those along `C R S`."""
        return self._number(3)

    @property
    def diagonal(self) -> Floats:
        """How often an input row (column) is shared by PEs along pixels and kernel; `[2, mappings]`."""
        return self.floats[4:6]

    @property
    def repeated(self) -> Floats:
        """`reducing` outside the last holder of outputs."""
        return self._number(6)

    @property
    def loads(self) -> Floats:
        """Tiles that the outermost memory hands in or takes, one after the other."""
        return self._number(7)

    @property
    def reads(self) -> Floats:
        """Bits read, `[memories, mappings]`; so are the next three."""
        return self.floats[8 : 8 + self.layout.m]

    @property
    def writes(self) -> Floats:
        """Bits written."""
        return self.floats[8 + self.layout.m : 8 + 2 * self.layout.m]

    @property
    def copies(self) -> Floats:
        """Instances of each memory."""
        return self.floats[8 + 2 * self.layout.m : 8 + 3 * self.layout.m]

    @property
    def held(self) -> Floats:
        """Bits held by an instance."""
        return self.floats[8 + 3 * self.layout.m : 8 + 4 * self.layout.m]

    @property
    def short(self) -> Floats:
        """The part of each dimension that short passes walk, `[dimensions, mappings]`."""
        return self.floats[8 + 4 * self.layout.m :]
