"""Who is served by one read: PEs whose boxes are equal and that share a link, or that shift to each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

from dovetail.costmodel.columns import Kind, Number
from dovetail.costmodel.nest import Loop, Share, relevant
from dovetail.dsl.problem import Problem

PAIRS = (("P", "R"), ("Q", "S"))
"""The dimensions that walk one axis of the inputs together: pixels and kernel."""


def receivers(
    kind: Kind,
    problem: Problem,
    operand: str,
    loops: Sequence[tuple[Loop, Share, Number, Number]],
) -> Number:
    """How many receivers the spatial loops `(loop, share, trips, step)` make, over all outer instances.

    Along linked axes equal boxes count once: loops that do not index the operand make none, and of those
    over pixels and kernel only the different sums `p * stride + r * dilation` count (a diagonal of PEs is
    one).
    """
    number: Number = 1
    sliding: dict[str, list[tuple[Number, Number]]] = {}
    for loop, share, trips, step in loops:
        if share in (Share.OUTSIDE, Share.ALONE):
            number = number * trips
        elif share is Share.MULTICAST and relevant(operand, loop.dimension):
            if operand == "inputs" and loop.dimension in "PQRS":
                sliding.setdefault(loop.dimension, []).append((trips, step))
            else:
                number = number * trips
    for axis, (pixel, kernel) in enumerate(PAIRS):
        pixels = [(trips, step * problem.stride[axis]) for trips, step in sliding.get(pixel, [])]
        kernels = [(trips, step * problem.dilation[axis]) for trips, step in sliding.get(kernel, [])]
        number = number * _different(kind, pixels, kernels)
    return number


def _different(
    kind: Kind, pixels: list[tuple[Number, Number]], kernels: list[tuple[Number, Number]]
) -> Number:
    """Different sums of an index times its stride, one of each loop.

    Of two loops, n of stride a and m of stride b: sums repeat along (b/g, -a/g), g = gcd(a, b), so all count
    but those that have such a predecessor. Loops over one dimension never repeat a sum.
    """
    if not pixels or not kernels:
        return prod(trips for trips, _ in (*pixels, *kernels))
    if len(pixels) == len(kernels) == 1:
        (n, a), (m, b) = pixels[0], kernels[0]
        common = kind.gcd(a, b)
        repeated = kind.maximum(n - kind.floor_div(b, common), 0) * kind.maximum(
            m - kind.floor_div(a, common), 0
        )
        return n * m - repeated
    flat = [number for loop in (*pixels, *kernels) for number in loop]
    return kind.look_up(_count_sums, *flat)


def _count_sums(*flat: int) -> int:
    loops = zip(flat[::2], flat[1::2], strict=True)
    return len({sum(sums) for sums in product(*(range(0, n * a, a) for n, a in loops))})
