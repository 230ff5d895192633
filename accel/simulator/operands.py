"""The numbers a layer works on, where each is in its tensor, and what NumPy makes of them.

Shapes: `weights[G, K, C, R, S]`, `inputs[N, G, C, rows, columns]` (padding included: the words that windows
reach), `outputs[N, G, K, P, Q]`, all int64.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from dovetail.dsl.layer import Layer
from dovetail.dsl.problem import Problem

Ints = NDArray[np.int64]

_LARGEST = 40
"""Bits of a random number at most, so that products and their sums stay inside int64."""


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """The operands of a layer."""

    weights: Ints
    inputs: Ints

    def check(self, problem: Problem) -> None:
        """ValueError where a shape is not that of the layer, or a number needs more bits than the layer
        has."""
        extents = problem.extents(problem.bounds)
        for name, array in (("weights", self.weights), ("inputs", self.inputs)):
            if array.shape != extents[name]:
                raise ValueError(f"{name} have the shape {array.shape}, this layer has {extents[name]}")
            bits = getattr(problem.bits, name)
            if bits < 63 and array.size and not _fits(array, bits):
                raise ValueError(f"{name} do not fit into {bits} bit")

    @property
    def zero_weights(self) -> int:
        """How many weights are zero."""
        return int(self.weights.size - np.count_nonzero(self.weights))


def _fits(array: Ints, bits: int) -> bool:
    low, high = -(1 << (bits - 1)), (1 << bits) - 1  # signed, or unsigned
    smallest, largest = int(array.min()), int(array.max())
    return smallest >= low and largest <= (high if smallest >= 0 else -low - 1)


def random_data(problem: Problem, seed: int = 0, padding: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Data:
    """Uniform signed integers of the layer's precision, zero on the padding (top, bottom, left, right).

    Exactly `round(weight_zeros * weights)` weights are zero.
    """
    random = np.random.default_rng(seed)
    extents = problem.extents(problem.bounds)
    arrays: dict[str, Ints] = {}
    for name in ("weights", "inputs"):
        half = 1 << (min(getattr(problem.bits, name), _LARGEST // 2) - 1)
        arrays[name] = random.integers(-half, max(half, 1), extents[name], dtype=np.int64)
    weights = arrays["weights"].reshape(-1)
    weights[weights == 0] = -1
    number = round(problem.weight_zeros * weights.size)
    weights[random.choice(weights.size, number, replace=False)] = 0
    top, bottom, first, last = padding
    rows, columns = extents["inputs"][3:]
    inputs = arrays["inputs"]
    inputs[..., :top, :] = 0
    inputs[..., :first] = 0
    if bottom > 0:
        inputs[..., max(0, rows - bottom) :, :] = 0
    if last > 0:
        inputs[..., max(0, columns - last) :] = 0
    return Data(arrays["weights"], inputs)


def padding_of(layer: Layer, problem: Problem) -> tuple[int, int, int, int]:
    """The rows and columns of padding that the layer's windows reach: top, bottom, left, right."""
    pad = dict(layer.attributes).get("pad")
    if not isinstance(pad, tuple) or len(layer.inputs[0].shape) != 3:
        return (0, 0, 0, 0)
    numbers = tuple(int(n) for n in pad)
    if len(numbers) == 2:
        numbers = (numbers[0], numbers[0], numbers[1], numbers[1])
    top, _, left, _ = numbers
    rows, columns = problem.extents(problem.bounds)["inputs"][3:]
    _, height, width = layer.inputs[0].shape
    return (top, max(0, rows - top - height), left, max(0, columns - left - width))


def convolution(problem: Problem, data: Data) -> Ints:
    """The layer in plain NumPy, int64: `outputs[N, G, K, P, Q]`."""
    out = np.zeros(problem.extents(problem.bounds)["outputs"], np.int64)
    (down, across), (apart, aside) = problem.stride, problem.dilation
    for r in range(problem.R):
        for s in range(problem.S):
            y, x = r * apart, s * aside
            window = data.inputs[
                ..., y : y + (problem.P - 1) * down + 1 : down, x : x + (problem.Q - 1) * across + 1 : across
            ]
            out += np.einsum("ngcpq,gkc->ngkpq", window, data.weights[..., r, s])
    return out


class Addresses:
    """Where the words of each operand are: a sum with one part for each dimension of the (flat) loop nest."""

    def __init__(self, layer: Problem, flat: tuple[tuple[str, ...], ...]) -> None:
        extents = layer.extents(layer.bounds)
        plain: dict[str, dict[str, Ints]] = {operand: {} for operand in extents}
        axes = {
            "weights": {"G": (0, 1), "K": (1, 1), "C": (2, 1), "R": (3, 1), "S": (4, 1)},
            "inputs": {
                "N": (0, 1),
                "G": (1, 1),
                "C": (2, 1),
                "P": (3, layer.stride[0]),
                "R": (3, layer.dilation[0]),
                "Q": (4, layer.stride[1]),
                "S": (4, layer.dilation[1]),
            },
            "outputs": {"N": (0, 1), "G": (1, 1), "K": (2, 1), "P": (3, 1), "Q": (4, 1)},
        }
        for operand, shape in extents.items():
            for d, bound in layer.bounds.items():
                axis, scale = axes[operand].get(d, (0, 0))
                plain[operand][d] = np.arange(bound, dtype=np.int64) * scale * prod(shape[axis + 1 :])
        self.of = {operand: _flattened(tables, flat) for operand, tables in plain.items()}
        """`of[operand][dimension][index]`: its part of the address."""


def _flattened(tables: dict[str, Ints], flat: tuple[tuple[str, ...], ...]) -> dict[str, Ints]:
    result = dict(tables)
    for group in flat:
        joined = np.zeros(1, np.int64)
        for d in group:  # the last member runs fastest
            joined = (joined[:, None] + tables[d][None, :]).reshape(-1)
            result[d] = np.zeros(1, np.int64)
        result[group[0]] = joined
    return result
