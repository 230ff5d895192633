"""What is known of a model without running it: shapes, axes, small tensors.

A Constant keeps its words only where they are few: shapes, axes, limits, factors. Of weights there is the
shape alone, so that a model of any size is read in no time, and no number in it can make us allocate memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from dovetail.dsl.onnx.faults import refuse, shown
from dovetail.dsl.operators.parameters import LARGEST

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

MOST_WORDS: Final = 4096
"""Constants of more words are known by their shape alone."""

MOST_AXES: Final = 32
"""Axes of a tensor; NumPy has no more everywhere."""


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A tensor that does not depend on the input. `value` is None where only the shape is known.

    `learned`: it holds numbers, not sizes or indices. `table` is the shape of the table of which these are
    rows that were looked up. `name` is that of the tensor in the model.
    """

    shape: Sizes
    value: Array | None = None
    learned: bool = True
    table: tuple[int, int] | None = None
    name: str = ""

    @property
    def words(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)

    def whole_numbers(self) -> tuple[int, ...] | None:
        """Its words as whole numbers, flat; None where they are not known or not whole."""
        if self.value is None or not np.all(np.isfinite(self.value.astype(float))):
            return None
        return tuple(int(v) for v in self.value.reshape(-1))

    def number(self) -> float | None:
        """Its only word."""
        if self.value is None or self.value.size != 1:
            return None
        return float(self.value.reshape(-1)[0])


def of_array(value: Array, *, table: tuple[int, int] | None = None, name: str = "") -> Constant:
    """An array as a constant."""
    return Constant(tuple(value.shape), value, value.dtype.kind == "f", table, name)


def of_tensor(tensor: onnx.TensorProto, name: str = "") -> Constant:
    """A stored tensor; raises DovetailError (E1502, E1503) for sizes or data that cannot be."""
    name = name or tensor.name
    shape = tuple(int(size) for size in tensor.dims)
    check_sizes(shape, name)
    learned = tensor.data_type in _LEARNED
    if tensor.data_location == onnx.TensorProto.EXTERNAL or prod(shape) > MOST_WORDS:
        return Constant(shape, learned=learned, name=name)
    if tensor.data_type == onnx.TensorProto.STRING:
        return Constant(shape, learned=False, name=name)
    try:
        return Constant(shape, numpy_helper.to_array(tensor), learned, name=name)
    except (ValueError, TypeError, KeyError, OverflowError) as fault:
        message = f"the tensor {shown(name)} has data that do not fit its type and sizes"
        raise refuse("E1502", message) from fault


def check_sizes(shape: Sizes, name: str) -> None:
    """Refuse (E1502, E1503) a shape that no tensor has."""
    if len(shape) > MOST_AXES:
        raise refuse("E1503", f"the tensor {shown(name)} has {len(shape)} axes, and {MOST_AXES} are the most")
    if any(size < 0 for size in shape):
        raise refuse("E1502", f"the tensor {shown(name)} has an axis of negative size")
    if prod(shape) > LARGEST:
        raise refuse("E1503", f"the tensor {shown(name)} has more than 10^18 words")


_LEARNED = frozenset(
    number
    for name, number in onnx.TensorProto.DataType.items()
    if "FLOAT" in name or "DOUBLE" in name or name.startswith(("INT4", "UINT4", "INT8", "UINT8"))
)
"""Element types of weights: floating point, and the small integers of quantised models."""
