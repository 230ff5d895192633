"""How one dimension can be cut, as a layered graph: a path from the first layer to the last is a chain of
tiles.

A node says what the sections so far leave of the dimension; an edge is what one section does with it: PEs
along its axes, and a tile. Where loops do not divide, some passes are shorter than the others; a node knows
how long they are (`rests`), since bounds must not charge more for them than they cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import log, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dovetail.costmodel.mapper.tiles import tiles, unrollings


class AxisOf(NamedTuple):
    """An axis, as one dimension sees it."""

    size: int
    allowed: bool
    forced: bool
    """It takes the fewest passes there."""


class Step(NamedTuple):
    """A section, as one dimension sees it."""

    axes: tuple[AxisOf, ...]
    still: bool
    innermost: bool


class Rest(NamedTuple):
    """Passes that are shorter than the others."""

    size: int
    part: float
    """Of the dimension, what is walked in them."""
    timely: bool
    """In them all PEs have less to do, not only the last of a line."""
    pair: bool
    """There is one other pass at most."""


class Node(NamedTuple):
    """What is left of a dimension; `uncut`: no temporal loop has cut it yet."""

    size: int
    uncut: bool
    rests: tuple[Rest, ...]


WHOLE = log(1e-6)
"""Instead of the logarithm of nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """All that a section may do with a dimension, an entry an edge, by rising `source`."""

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    left: NDArray[np.int64]
    tile: NDArray[np.int64]
    pes: NDArray[np.int64]
    """Along each axis of the section: `int64[edges, axes]`."""
    steps: NDArray[np.float64]
    """Passes: as many as there are, or fewer where some are short."""
    firm: NDArray[np.float64]
    """Logarithm of the part that short passes do not walk."""
    moves: NDArray[np.bool_]
    """Whether there are two passes or more."""
    shaky: NDArray[np.bool_]
    """Whether some PE has one pass only, or has only one in short passes further out."""


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """All chains of one dimension."""

    nodes: tuple[tuple[Node, ...], ...]
    layers: tuple[Layer, ...]


def _passes(length: int, step: int, tile: int) -> float:
    """Passes over `length`, a last one that fills no tile counted in part."""
    whole = -(-length // step) - 1
    return whole + min(1.0, (length - whole * step) / tile)


def _inward(rest: Rest, size: int, pes: int, tile: int) -> tuple[float, Rest | None]:
    """What tiles that stay in short passes may save, and what these passes leave further in."""
    step = pes * tile
    saved = 0.0
    if size > step >= rest.size:
        saved = rest.part
    if pes > 1 and rest.timely and rest.pair:
        saved += 1 - min(pes, -(-rest.size // tile)) / pes
    last = rest.size - (-(-rest.size // step) - 1) * step
    over = rest.size % tile
    if not over:
        return saved, None
    return saved, Rest(over, rest.part * over / rest.size, rest.timely and last < tile, rest.pair)


def _edge(node: Node, pes: int, tile: int) -> tuple[float, float, bool, tuple[Rest, ...]]:
    """Passes, what short ones may save, whether some PE does not move, and the rests further in."""
    step = pes * tile
    passes = _passes(node.size, step, tile)
    saved = 0.0
    rests = []
    for rest in node.rests:
        less, inner = _inward(rest, node.size, pes, tile)
        saved += less
        if inner is not None:
            rests.append(inner)
        if rest.timely:
            passes = min(passes, _passes(rest.size, step, tile) * node.size / rest.size)
    trips = -(-node.size // step)
    last = node.size - (trips - 1) * step
    if last < step:
        busy = -(-last // tile)
        if trips == 2 and busy < pes:
            saved += (pes - busy) * tile / node.size
        over = last % tile
        if over:
            rests.append(Rest(over, over / node.size, last < tile, trips <= 2))
    shaky = trips == 2 and last < step
    shaky |= trips > 1 and any(rest.size <= step for rest in node.rests)
    return passes, saved, shaky, tuple(dict.fromkeys(rests))


@lru_cache(maxsize=4096)
def chains(bound: int, steps: tuple[Step, ...]) -> Chains:
    """The graph of a dimension; layers without edges where no chain is possible."""
    layer: dict[Node, int] = {Node(bound, True, ()): 0}
    nodes, layers = [tuple(layer)], []
    for step in steps:
        target: dict[Node, int] = {}
        edges = []
        for node, source in layer.items():
            for pes, left in _spread(node.size, step.axes):
                together = prod(pes)
                for tile in tiles(left, node.uncut, step.still, step.innermost):
                    passes, saved, shaky, rests = _edge(node, together, tile)
                    inner = Node(tile, node.uncut and tile == left, rests)
                    at = target.setdefault(inner, len(target))
                    firm = log(1 - saved) if saved < 1 - 1e-6 else WHOLE
                    moves = node.size > together * tile
                    edges.append((source, at, node.size, tile, passes, firm, moves, shaky, *pes))
        table = np.array(edges, np.float64).reshape(len(edges), 8 + len(step.axes))
        layers.append(
            Layer(
                table[:, 0].astype(np.int32),
                table[:, 1].astype(np.int32),
                table[:, 2].astype(np.int64),
                table[:, 3].astype(np.int64),
                table[:, 8:].astype(np.int64),
                table[:, 4].copy(),
                table[:, 5].copy(),
                table[:, 6] > 0,
                table[:, 7] > 0,
            )
        )
        layer = target
        nodes.append(tuple(layer))
    return Chains(tuple(nodes), tuple(layers))


def _spread(left: int, axes: tuple[AxisOf, ...]) -> list[tuple[tuple[int, ...], int]]:
    """PEs along the axes, and what is then left to one PE."""
    found: list[tuple[tuple[int, ...], int]] = [((), left)]
    for axis in axes:
        further = []
        for pes, rest in found:
            choices = unrollings(rest, axis.size) if axis.allowed else (1,)
            for number in choices[:1] if axis.forced else choices:
                further.append(((*pes, number), -(-rest // number)))
        found = further
    return found


def pairs(first: Layer, second: Layer) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of all pairs of edges of two layers, by rising source of the first, then of the second."""
    grid = np.array(list(product(range(len(first.source)), range(len(second.source)))), np.intp).reshape(
        -1, 2
    )
    order = np.lexsort((second.source[grid[:, 1]], first.source[grid[:, 0]]))
    return grid[order, 0], grid[order, 1]
