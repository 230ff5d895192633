"""Operations on what is known: shapes computed by the model itself, weights that are turned or cast.

    fold("Concat", attributes, [constants]) -> [constants]

Large constants have no words, only a shape: rules for them work on sizes. Nothing here makes an array larger
than MOST_WORDS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np
import onnx
from onnx import helper

from dovetail.dsl.onnx.axes import (
    Unreadable,
    axis_in,
    concatenated,
    expanded,
    matrix_product,
    numbers,
    sliced,
    split_sizes,
    squeezed,
    unsqueezed,
    wanted_shape,
    whole,
    wholes,
)
from dovetail.dsl.onnx.constants import MOST_WORDS, Array, Constant, Sizes, of_array
from dovetail.dsl.onnx.graph import Attribute, Node

Operands: TypeAlias = "Sequence[Constant | None]"


def fold(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...] | None:
    """What a node makes of constants; None for an operation that is not known here.

    Raises Unreadable where its sizes do not fit.
    """
    if node.op in _STORED:
        return _stored(node)
    rule = _RULES.get(node.op)
    if rule is None or not operands or operands[0] is None:
        return None
    try:
        return rule(node, operands, opset)
    except (ValueError, TypeError, IndexError, OverflowError, ZeroDivisionError) as fault:
        raise Unreadable(f"its operands do not fit: {fault}") from fault


def _stored(node: Node) -> tuple[Constant, ...] | None:
    a: Mapping[str, Attribute] = node.attributes
    for name in ("value", "sparse_value"):
        value = a.get(name)
        if isinstance(value, Constant):
            return (value,)
    for name, dtype in (("value_int", np.int64), ("value_ints", np.int64), ("value_float", np.float32)):
        if name in a:
            return (of_array(np.asarray(a[name], dtype=dtype)),)
    if "value_floats" in a:
        return (of_array(np.asarray(a["value_floats"], dtype=np.float32)),)
    return None


def _known(*operands: Constant | None) -> bool:
    return all(c is not None and c.value is not None for c in operands)


def _array(constant: Constant | None) -> Array:
    assert constant is not None and constant.value is not None
    return constant.value


def _like(source: Constant, shape: Sizes, value: Array | None = None) -> tuple[Constant, ...]:
    """A constant of another shape; its words where they are few enough."""
    return (Constant(shape, value, source.learned, source.table, source.name),)


def _same(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    first = operands[0]
    assert first is not None
    return (first,)


def _cast(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    (first, *_) = operands
    assert first is not None
    to = node.attributes.get("to")
    if first.value is None or not isinstance(to, int):
        return (first,)
    dtype = helper.tensor_dtype_to_np_dtype(to) if to != onnx.TensorProto.STRING else None
    if dtype is None:
        return (Constant(first.shape, None, False),)
    with np.errstate(all="ignore"):
        return (of_array(first.value.astype(dtype), table=first.table, name=first.name),)


def _elementwise(compute: Callable[..., Any]) -> _Rule:
    def rule(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
        given = [c for c in operands if c is not None]
        shape = np.broadcast_shapes(*(c.shape for c in given))
        learned = any(c.learned for c in given)
        largest = max(given, key=lambda c: c.words)
        if not _known(*given) or prod(shape) > MOST_WORDS:
            return (Constant(tuple(shape), None, learned, None, largest.name),)
        with np.errstate(all="ignore"):
            return (of_array(np.asarray(compute(*map(_array, given))), name=largest.name),)

    return rule


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind in "iu" and b.dtype.kind in "iu":
        if not np.all(b):
            raise ValueError("a division by zero")
        quotient = np.trunc(a / b) if a.size and np.abs(a).max() < 2**52 else a // b
        return quotient.astype(a.dtype)
    return np.divide(a, b)


def _reshape(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    first = operands[0]
    assert first is not None
    target = numbers(node, operands, 1, "shape")
    shape = wanted_shape(first.shape, target, bool(node.attributes.get("allowzero", 0)))
    return _like(first, shape, None if first.value is None else first.value.reshape(shape))


def _view(find: Callable[[Node, Sizes, Operands], Sizes]) -> _Rule:
    """Rules that keep the words and change the shape."""

    def rule(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
        first = operands[0]
        assert first is not None
        shape = find(node, first.shape, operands)
        return _like(first, shape, None if first.value is None else first.value.reshape(shape))

    return rule


def _flat(node: Node, shape: Sizes, operands: Operands) -> Sizes:
    axis = whole(node, "axis", 1)
    return prod(shape[:axis]), prod(shape[axis:])


def _transpose(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    first = operands[0]
    assert first is not None
    axes = wholes(node, "perm") or tuple(range(len(first.shape)))[::-1]
    if sorted(axes) != list(range(len(first.shape))):
        raise ValueError("the order of axes is none")
    shape = tuple(first.shape[axis] for axis in axes)
    return _like(first, shape, None if first.value is None else first.value.transpose(axes))


def _concat(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    given = [c for c in operands if c is not None]
    axis = whole(node, "axis", 1)
    shape = concatenated([c.shape for c in given], axis)
    if not _known(*given) or prod(shape) > MOST_WORDS:
        return _like(given[0], shape)
    return (of_array(np.concatenate([_array(c) for c in given], axis)),)


def _gather(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    first, index = operands[0], operands[1]
    assert first is not None and index is not None
    axis = axis_in(whole(node, "axis", 0), len(first.shape))
    shape = (*first.shape[:axis], *index.shape, *first.shape[axis + 1 :])
    table = None
    if first.learned and len(first.shape) == 2 and axis == 0 and len(index.shape) > 0:
        table = (first.shape[0], first.shape[1])
    if not _known(first, index) or prod(shape) > MOST_WORDS:
        return (Constant(shape, None, first.learned, table, first.name),)
    return (of_array(np.take(_array(first), _array(index), axis), table=table, name=first.name),)


def _gather_elements(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    first, index = operands[0], operands[1]
    assert first is not None and index is not None
    if not _known(first, index):
        return (Constant(index.shape, None, first.learned, None, first.name),)
    axis = axis_in(whole(node, "axis", 0), len(first.shape))
    return (of_array(np.take_along_axis(_array(first), _array(index), axis), name=first.name),)


def _slice(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    first = operands[0]
    assert first is not None
    cuts = sliced(node, first.shape, operands)
    whole = [slice(None)] * len(first.shape)
    shape = list(first.shape)
    for axis, (start, stop, step) in cuts.items():
        whole[axis] = slice(start, stop if stop >= 0 else None, step)
        shape[axis] = len(range(start, stop, step))
    value = None if first.value is None else first.value[tuple(whole)]
    return _like(first, tuple(shape), value)


def _split(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    first = operands[0]
    assert first is not None
    axis, sizes = split_sizes(node, first.shape, operands)
    parts: list[Constant] = []
    at = 0
    for size in sizes:
        shape = (*first.shape[:axis], size, *first.shape[axis + 1 :])
        value = None if first.value is None else np.take(first.value, range(at, at + size), axis)
        parts += _like(first, shape, value)
        at += size
    return tuple(parts)


def _shape(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    first = operands[0]
    assert first is not None
    return (shape_constant(node, first.shape),)


def shape_constant(node: Node, shape: Sizes) -> Constant:
    """What `Shape` or `Size` makes of a tensor of `shape`."""
    if node.op == "Size":
        return of_array(np.asarray(prod(shape), dtype=np.int64))
    start, end = whole(node, "start", 0), whole(node, "end", len(shape))
    return of_array(np.asarray(shape[start:end], dtype=np.int64))


def _constant_of_shape(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    shape = numbers(node, operands, 0, "shape")
    value = node.attributes.get("value")
    filler = (
        value.value if isinstance(value, Constant) and value.value is not None else np.zeros(1, np.float32)
    )
    shape = wanted_shape((prod(shape),), shape, True)
    if prod(shape) > MOST_WORDS:
        return (Constant(shape, None, filler.dtype.kind == "f"),)
    return (of_array(np.full(shape, filler.reshape(-1)[0], filler.dtype)),)


def _expand(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    first = operands[0]
    assert first is not None
    shape = expanded(first.shape, numbers(node, operands, 1, "shape"))
    if first.words == 1 < prod(shape):
        first = replace(first, learned=False)  # one number, written many times
    if first.value is None or prod(shape) > MOST_WORDS:
        return _like(first, shape)
    return _like(first, shape, np.broadcast_to(first.value, shape))


def _tile(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    first = operands[0]
    assert first is not None
    times = numbers(node, operands, 1, "repeats")
    shape = tuple(a * b for a, b in zip(first.shape, times, strict=True))
    if first.value is None or prod(shape) > MOST_WORDS:
        return _like(first, shape)
    return _like(first, shape, np.tile(first.value, times))


def _range(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    values = [c.number() if c is not None else None for c in operands[:3]]
    first = operands[0]
    if len(values) < 3 or None in values or first is None:
        raise ValueError("the ends of a range are not known")
    start, stop, step = (float(v) for v in values if v is not None)
    count = max(0, int(np.ceil((stop - start) / step)))
    dtype = _array(first).dtype
    if count > MOST_WORDS:
        return (Constant((count,), None, dtype.kind == "f"),)
    return (of_array((start + step * np.arange(count)).astype(dtype)),)


def _reduce(compute: Callable[..., Any]) -> _Rule:
    def rule(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
        first = operands[0]
        assert first is not None
        named = operands[1] if len(operands) > 1 else None
        axes = wholes(node, "axes") if named is None else named.whole_numbers()
        rank = len(first.shape)
        chosen = tuple(range(rank)) if axes is None else tuple(axis_in(axis, rank) for axis in axes)
        keep = bool(node.attributes.get("keepdims", 1))
        if first.value is not None:
            return (of_array(np.asarray(compute(first.value, axis=chosen, keepdims=keep))),)
        kept = [1 if i in chosen else n for i, n in enumerate(first.shape) if keep or i not in chosen]
        return (Constant(tuple(kept), None, first.learned),)

    return rule


def _matmul(node: Node, operands: Operands, opset: int) -> tuple[Constant, ...]:
    a, b = operands[0], operands[1]
    assert a is not None and b is not None
    return (Constant(matrix_product(a.shape, b.shape), None, True, None, b.name),)


def _where(condition: Array, a: Array, b: Array) -> Array:
    return np.where(condition.astype(bool), a, b)


_Rule: TypeAlias = "Callable[[Node, Operands, int], tuple[Constant, ...]]"

_STORED: Final = frozenset({"Constant"})

_RULES: Final[dict[str, _Rule]] = {
    **dict.fromkeys(("Identity", "Dropout", "StopGradient", "DequantizeLinear", "QuantizeLinear"), _same),
    "Cast": _cast,
    "CastLike": _same,
    "Add": _elementwise(np.add),
    "Sub": _elementwise(np.subtract),
    "Mul": _elementwise(np.multiply),
    "Div": _elementwise(_divide),
    "Pow": _elementwise(np.power),
    "Mod": _elementwise(np.mod),
    "Min": _elementwise(lambda *a: np.minimum.reduce(np.broadcast_arrays(*a))),
    "Max": _elementwise(lambda *a: np.maximum.reduce(np.broadcast_arrays(*a))),
    "Neg": _elementwise(np.negative),
    "Abs": _elementwise(np.abs),
    "Sqrt": _elementwise(np.sqrt),
    "Reciprocal": _elementwise(np.reciprocal),
    "Exp": _elementwise(np.exp),
    "Log": _elementwise(np.log),
    "Floor": _elementwise(np.floor),
    "Ceil": _elementwise(np.ceil),
    "Round": _elementwise(np.round),
    "Sigmoid": _elementwise(lambda a: 1 / (1 + np.exp(-a))),
    "Softplus": _elementwise(lambda a: np.log1p(np.exp(a))),
    "Tanh": _elementwise(np.tanh),
    "Sin": _elementwise(np.sin),
    "Cos": _elementwise(np.cos),
    "Not": _elementwise(np.logical_not),
    "And": _elementwise(np.logical_and),
    "Or": _elementwise(np.logical_or),
    "Equal": _elementwise(np.equal),
    "Less": _elementwise(np.less),
    "LessOrEqual": _elementwise(np.less_equal),
    "Greater": _elementwise(np.greater),
    "GreaterOrEqual": _elementwise(np.greater_equal),
    "Where": _elementwise(_where),
    "Trilu": _same,
    "Shape": _shape,
    "Size": _shape,
    "Reshape": _reshape,
    "Flatten": _view(_flat),
    "Squeeze": _view(squeezed),
    "Unsqueeze": _view(unsqueezed),
    "Transpose": _transpose,
    "Concat": _concat,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "Slice": _slice,
    "Split": _split,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Tile": _tile,
    "Range": _range,
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "MatMul": _matmul,
}
