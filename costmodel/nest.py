"""The structure of a mapping: its nodes without their bounds, and what passes between which holders.

Many mappings differ only in their bounds. Everything that does not depend on them is worked out once, here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from dovetail.accel.architecture import Architecture, LinkKind
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.dsl.problem import DIMENSIONS, OPERANDS, RELEVANT


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop without its bound; temporal where `array` is None."""

    dimension: str
    array: str | None = None
    axis: str | None = None


class Share(StrEnum):
    """What PEs along the axis of a spatial loop do for one transfer."""

    OUTSIDE = "outside"
    """The loop is outside the outer holder: it makes instances of it."""
    ALONE = "alone"
    """No link: each PE is served by itself."""
    MULTICAST = "multicast"
    """PEs with equal boxes are one receiver (sums: PEs with equal boxes are added up)."""
    SHIFT = "shift"
    """The PEs hold the box around all their boxes together."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The links of one transfer, up to and including `link`, and what they make of each spatial loop."""

    array: str
    link: int
    shares: tuple[Share, ...]
    """Of each loop in `Transfer.spatial`."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """What passes between a holder and the next inner one (or the MACs) of one operand."""

    operand: str
    outer: str
    inner: str | None
    """Memory names; None for the MACs."""
    outer_loops: int
    """Loops outside the outer holder."""
    inner_loops: int
    """Loops outside the inner holder (or the MACs): those that move its tile."""
    outermost: bool
    spatial: tuple[int, ...]
    """Spatial loops outside the inner holder, positions in `Structure.loops`."""
    temporal: tuple[int, ...]
    """Temporal loops outside the inner holder, outer to inner."""
    alone: tuple[Share, ...]
    """What each spatial loop does where no link is used."""
    stages: tuple[Stage, ...]
    """Links in the order in which they are used: buses first, then neighbours."""
    keeps: bool
    """The receiver keeps its words while they do not change (not so at a MAC without latch)."""
    skip_gaps: bool

    @property
    def shares(self) -> tuple[Share, ...]:
        """What each spatial loop does with all links in use."""
        return self.stages[-1].shares if self.stages else self.alone


_ORDER = [LinkKind.MULTICAST, LinkKind.REDUCE, LinkKind.FORWARD, LinkKind.SHIFT]


class Structure:
    """A mapping without its bounds, on an architecture. Immutable.

    `loops` outer to inner; the step of a loop is the bound of the next inner loop of the same dimension, 1
    for the last one, so bounds alone make a mapping.
    """

    def __init__(
        self,
        architecture: Architecture,
        nodes: Sequence[Holds | Loop],
        flat: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        self.architecture = architecture
        self.nodes = tuple(nodes)
        self.flat = flat
        self.loops = tuple(node for node in nodes if isinstance(node, Loop))
        self.temporal = tuple(i for i, loop in enumerate(self.loops) if loop.array is None)
        self.spatial = tuple(i for i, loop in enumerate(self.loops) if loop.array is not None)
        self.next_inner = tuple(
            next(
                (j for j in range(i + 1, len(self.loops)) if self.loops[j].dimension == loop.dimension), None
            )
            for i, loop in enumerate(self.loops)
        )
        self.transfers = tuple(self._transfers())
        self.memories = tuple(memory.name for memory in architecture.memories)

    @classmethod
    def of(cls, architecture: Architecture, mapping: Mapping) -> Structure:
        """The structure of one mapping."""
        nodes: list[Holds | Loop] = []
        for node in mapping.nodes:
            match node:
                case Holds():
                    nodes.append(node)
                case For():
                    nodes.append(Loop(node.dimension))
                case Spatial():
                    nodes.append(Loop(node.dimension, node.array, node.axis))
        return cls(architecture, nodes, mapping.flat)

    def mapping(self, bounds: Sequence[int]) -> Mapping:
        """The mapping with these bounds (one a loop, outer to inner)."""
        nodes: list[Holds | For | Spatial] = []
        at = 0
        for node in self.nodes:
            if isinstance(node, Holds):
                nodes.append(node)
                continue
            inner = self.next_inner[at]
            step = 1 if inner is None else int(bounds[inner])
            bound = int(bounds[at])
            if node.array is None:
                nodes.append(For(node.dimension, bound, step))
            else:
                assert node.axis is not None
                nodes.append(Spatial(node.dimension, bound, node.array, node.axis, step))
            at += 1
        return Mapping(tuple(nodes), self.flat)

    def tile_loops(self, loops_outside: int) -> dict[str, int | None]:
        """Of each dimension, the outermost loop inside: its bound is the tile (None: the tile is 1)."""
        tile: dict[str, int | None] = dict.fromkeys(DIMENSIONS)
        for i in range(len(self.loops) - 1, loops_outside - 1, -1):
            tile[self.loops[i].dimension] = i
        return tile

    def _transfers(self) -> list[Transfer]:
        transfers = []
        for operand in OPERANDS:
            chain: list[tuple[str | None, int]] = []
            outside = 0
            for node in self.nodes:
                if isinstance(node, Loop):
                    outside += 1
                elif operand in node.tensors:
                    chain.append((node.memory, outside))
            chain.append((None, outside))
            for at, ((outer, outer_loops), (inner, inner_loops)) in enumerate(pairwise(chain)):
                assert outer is not None
                transfers.append(self._transfer(operand, outer, outer_loops, inner, inner_loops, at == 0))
        return transfers

    def _transfer(
        self, operand: str, outer: str, outer_loops: int, inner: str | None, inner_loops: int, outermost: bool
    ) -> Transfer:
        spatial = tuple(i for i in self.spatial if i < inner_loops)
        alone = tuple(Share.OUTSIDE if i < outer_loops else Share.ALONE for i in spatial)
        links = [
            (array, index)
            for array in self.architecture.arrays_between(outer, inner)
            for index in array.links_of(operand)
        ]
        links.sort(key=lambda link: _ORDER.index(link[0].links[link[1]].kind))
        stages = []
        shares = list(alone)
        for array, index in links:
            link = array.links[index]
            shift = link.kind is LinkKind.SHIFT and operand != "outputs"
            for at, loop in enumerate(spatial):
                on_link = self.loops[loop].array == array.name and self.loops[loop].axis in link.axes
                if on_link and shares[at] is not Share.OUTSIDE:
                    shares[at] = Share.SHIFT if shift else Share.MULTICAST
            stages.append(Stage(array.name, index, tuple(shares)))
        receiver = self.architecture.memory(inner or outer)
        return Transfer(
            operand=operand,
            outer=outer,
            inner=inner,
            outer_loops=outer_loops,
            inner_loops=inner_loops,
            outermost=outermost,
            spatial=spatial,
            temporal=tuple(i for i in self.temporal if i < inner_loops),
            alone=alone,
            stages=tuple(stages),
            keeps=inner is not None or self.architecture.latches(operand, outer),
            skip_gaps=receiver.skip_gaps,
        )


def relevant(operand: str, dimension: str) -> bool:
    """Whether `dimension` indexes `operand`."""
    return dimension in RELEVANT[operand]
