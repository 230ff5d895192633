"""A mapping: where tiles are held and in which order loops walk, as a list of nodes, outer to inner.

    mapping = node ...
    node    = Holds memory tensors | For dimension bound step | Spatial dimension bound axis | Compute

Every loop walks what is left to it by the loops outside, in steps of `step`; a last step may be short, in
time or in space. Whatever all loops inside a `Holds` touch is the tile that it keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from dovetail.dsl.problem import Problem


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

    `flat` names dimensions that are walked as one (im2col): `(("C", "R", "S"),)` makes the flattened
    dimension take the place of its first member, `C`, in the nodes.
    """

    nodes: tuple[Node, ...]
    flat: tuple[tuple[str, ...], ...] = ()

    def _repr_svg_(self) -> str:
        """The tree of tiles and loops, for notebooks."""
        from dovetail.accel.mapping_picture import draw_mapping

        return draw_mapping(self)

    @property
    def loops(self) -> tuple[For | Spatial, ...]:
        """The loops, outer to inner."""
        return tuple(node for node in self.nodes if not isinstance(node, Holds))

    def holders(self, operand: str) -> tuple[int, ...]:
        """Positions in `nodes` where `operand` is held, outer to inner."""
        return tuple(
            at for at, node in enumerate(self.nodes) if isinstance(node, Holds) and operand in node.tensors
        )

    def tile(self, at: int, problem: Problem) -> dict[str, int]:
        """The part of each dimension that is left to the loops inside node `at` (the largest, where it
        varies)."""
        tile = problem.bounds
        for node in self.nodes[:at]:
            if not isinstance(node, Holds):
                tile[node.dimension] = min(node.step, tile[node.dimension])
        return tile


def flatten(problem: Problem, flat: tuple[tuple[str, ...], ...]) -> Problem:
    """The matrix product that `flat` makes of a layer (im2col); each flat dimension has its first member's
    name.

    `C` with `R` and/or `S`: the windows are rows of a matrix, so what overlaps is read again, and stride and
    dilation along that axis are gone. `N`, `P`, `Q` together: pixels are rows of that matrix, which needs
    windows of one pixel (or flat ones). ValueError for any other combination.
    """
    members = [dimension for group in flat for dimension in group]
    if len(set(members)) != len(members):
        raise ValueError(f"a dimension is in two flat ones: {flat}")
    for group in flat:
        reduction = group[0] == "C" and set(group) <= set("CRS")
        if not reduction and not set(group) <= set("NPQ"):
            raise ValueError(f"cannot walk {', '.join(group)} as one dimension")
    bounds = problem.bounds
    strides, dilations = list(problem.stride), list(problem.dilation)
    for axis, (pixel, kernel) in enumerate((("P", "R"), ("Q", "S"))):
        if kernel in members or bounds[kernel] == 1:
            strides[axis], dilations[axis] = 1, 1
        elif pixel in members:
            raise ValueError(f"{pixel} is flat and slides over the kernel dimension {kernel}, which is not")
    for group in flat:
        size = prod(bounds[dimension] for dimension in group)
        bounds |= dict.fromkeys(group, 1) | {group[0]: size}
    if not flat:
        return problem
    return Problem(
        **bounds,
        stride=(strides[0], strides[1]),
        dilation=(dilations[0], dilations[1]),
        bits=problem.bits,
        weight_zeros=problem.weight_zeros,
    )
