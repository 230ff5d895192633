"""How many words a tile brings in while perfect loops move it: stationary tiles, sliding windows.

Let every loop divide what it walks, so that a tile has one size. A transition carried by loop `k` then always
moves the tile by the same vector

    v_k = stride_k - sum over the loops j inside k of (trips_j - 1) * stride_j     (each along its own axis)

and the order of transitions is that of an odometer. Before any transition of an outer loop the innermost
moving loop, 1, has run through, so the last move was `v_1`, and was credited. Hence, exactly:

    v_k = 0      the tile stays: nothing is brought
    v_k = v_1    the window slides on: the tile less its overlap with itself moved by v_1
    else         the whole tile; the next move, one of v_1, is credited again

`v_k = v_1` and `v_k = 0` need every moving loop inside `k` to be on the axis of `k`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from dovetail.costmodel.columns import Kind, Number


@dataclass(frozen=True, slots=True)
class Move:
    """A temporal loop, as seen by one operand."""

    axis: int | None
    """The operand's axis along which it moves the tile; None where it does not."""
    trips: Number
    stride: Number
    """Words that the tile moves in one iteration."""
    before: Number
    """Iterations of all temporal loops outside, multiplied."""


@dataclass(frozen=True, slots=True)
class Slide:
    """An axis along which successive tiles can overlap, or a move can be undone (`P` against `R`)."""

    axis: int
    overlap: Callable[[Number], Number]
    """Words along the axis that a tile shares with itself moved by so many words."""
    cancels: bool
    """Two dimensions walk this axis, so that their moves can add up to none."""


def brought(kind: Kind, sizes: Sequence[Number], moves: Sequence[Move], slides: Sequence[Slide]) -> Number:
    """Words brought to one receiver over the whole run, its first tile included.

    `sizes`: of the tile along each axis; `moves`: the temporal loops outside, outer to inner.
    """
    volume = prod(sizes)
    words = kind.watch(volume * visits(kind, moves))
    for slide in slides:
        credited, stays, vector = _along(kind, slide, moves)
        if vector is None:
            continue
        beside = prod(size for axis, size in enumerate(sizes) if axis != slide.axis)
        words = words - beside * slide.overlap(vector) * credited
        if slide.cancels:
            words = words - volume * stays
    return words


def visits(kind: Kind, moves: Sequence[Move]) -> Number:
    """How many tiles come one after the other: irrelevant loops repeat only what moves inside them."""
    number: Number = 1
    moving: Number = False
    for move in reversed(moves):
        if move.axis is not None:
            number = number * move.trips
            moving = moving | (move.trips > 1)
        elif moving is not False:
            number = number * kind.where(moving, move.trips, 1)
    return number


def _along(kind: Kind, slide: Slide, moves: Sequence[Move]) -> tuple[Number, Number, Number | None]:
    """Transitions with `v_k = v_1` and with `v_k = 0` where all motion is along one axis; and `v_1`."""
    credited: Number = 0
    stays: Number = 0
    walked: Number = 0  # how far the loops inside have moved the tile when they have run through
    vector: Number | None = None
    alone: Number = True  # nothing inside moves along another axis
    for move in reversed(moves):
        if move.axis is None:
            continue
        if move.axis != slide.axis:
            alone = alone & (move.trips == 1)
            if alone is False:
                break
            continue
        net = move.stride - walked
        vector = move.stride if vector is None else kind.where(walked == 0, move.stride, vector)
        transitions = (move.trips - 1) * move.before
        credited = credited + transitions * (alone & (net == vector))
        if slide.cancels:
            stays = stays + transitions * (alone & (net == 0))
        walked = walked + (move.trips - 1) * move.stride
    return credited, stays, vector


@lru_cache(maxsize=65536)
def used(pixels: int, kernel: int, stride: int, dilation: int) -> int:
    """Rows that a strided window touches, without the gaps between them."""
    return len({p * stride + r * dilation for p in range(pixels) for r in range(kernel)})


@lru_cache(maxsize=65536)
def used_again(pixels: int, kernel: int, stride: int, dilation: int, moved: int) -> int:
    """Rows that a window without gaps shares with itself moved by `moved` rows."""
    rows = {p * stride + r * dilation for p in range(pixels) for r in range(kernel)}
    return len(rows & {row + moved for row in rows})
