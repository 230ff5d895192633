"""A mapping: where tiles are held and in which order loops walk, as a list of nodes, outer to inner.

    mapping = node ...
    node    = Holds memory tensors | For dimension bound step | Spatial dimension bound axis | Compute

Every loop walks what is left to it by the loops outside, in steps of `step`; a last step may be short, in time
or in space. Whatever all loops inside a `Holds` touch is the tile that it keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Holds:
    """`MEMORY holds weights, inputs`: tiles kept from here inward."""

    memory: str
    tensors: tuple[str, ...]
    """Operands: `weights`, `inputs`, `outputs`."""


@dataclass(frozen=True, slots=True)
class For:
    """`for C in 512 by 64`: a temporal loop; `step` is what is left to the loops inside."""

    dimension: str
    bound: int
    step: int = 1

    @property
    def trips(self) -> int:
        """Iterations: the bound over the step, rounded up."""
        return -(-self.bound // self.step)


@dataclass(frozen=True, slots=True)
class Spatial:
    """`spatial C in 32 along PE.row`: the iterations are PEs along one axis of an array."""

    dimension: str
    bound: int
    array: str
    axis: str
    step: int = 1

    @property
    def trips(self) -> int:
        """PEs used along the axis by this loop."""
        return -(-self.bound // self.step)


Node: TypeAlias = Holds | For | Spatial


@dataclass(frozen=True, slots=True)
class Mapping:
    """The loop nest; the `mac` is inside the last node.

    `flat` names dimensions that are walked as one (im2col): `(("C", "R", "S"),)` makes the flattened dimension
    take the place of its first member, `C`, in the nodes.
    """

    nodes: tuple[Node, ...]
    flat: tuple[tuple[str, ...], ...] = ()
