"""Nodes that work word by word or along one axis: activations, sums, products, normalisations, softmax."""

from __future__ import annotations

import math
from dataclasses import replace
from math import prod
from typing import Final

from dovetail.dsl.onnx.axes import Unreadable, axis_in, expanded, whole
from dovetail.dsl.onnx.constants import Constant
from dovetail.dsl.onnx.graph import Node
from dovetail.dsl.onnx.lowering import Activation, Lowering, Missing, Rule, Value
from dovetail.dsl.onnx.names import path_of
from dovetail.dsl.onnx.plan import WEIGHTED, without_ones

ACTIVATIONS: Final = {
    "Relu": "relu",
    "LeakyRelu": "leaky_relu",
    "PRelu": "leaky_relu",
    "ThresholdedRelu": "relu",
    "Sigmoid": "sigmoid",
    "HardSigmoid": "hsigmoid",
    "HardSwish": "hswish",
    "Tanh": "tanh",
    "Gelu": "gelu",
    "Swish": "silu",
    "com.microsoft.Gelu": "gelu",
    "com.microsoft.FastGelu": "gelu",
    "com.microsoft.BiasGelu": "gelu",
    "com.microsoft.QuickGelu": "silu",
}

STAND_INS: Final = {
    **dict.fromkeys(("Elu", "Selu", "Celu", "Softplus", "Softsign", "Mish"), "silu"),
    **dict.fromkeys(("Exp", "Log", "Sqrt", "Reciprocal", "Erf", "Sin", "Cos"), "tanh"),
    **dict.fromkeys(("Abs", "Neg", "Floor", "Ceil", "Round", "Sign"), "relu"),
}
"""Functions of a word that we have not, and one of ours that costs about as much."""


def _activation(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    return m.step(node, ACTIVATIONS[node.op], [x.number], x.shape)


def _stand_in(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    op = STAND_INS[node.op]
    m.notes.add(f"`{node.op}` is written `{op}`, which costs about as much", node.name or node.op)
    return m.step(node, op, [x.number], x.shape)


def _clip(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    low, high = _limit(m, node, 1, "min", -math.inf), _limit(m, node, 2, "max", math.inf)
    if low == -math.inf and high == math.inf:
        return (x,)
    return m.step(node, "relu6" if low > -math.inf and high < math.inf else "relu", [x.number], x.shape)


def _limit(m: Lowering, node: Node, index: int, name: str, default: float) -> float:
    given = node.attributes.get(name)
    if isinstance(given, int | float):
        return default if abs(given) > 1e37 else float(given)
    constant = m.constant(node, index)
    value = constant.number() if constant is not None else None
    return default if value is None or abs(value) > 1e37 else value


def _binary(m: Lowering, node: Node) -> tuple[Value, ...]:
    values = [m.values.get(node.input(i)) for i in range(2)]
    for i, value in enumerate(values):
        if isinstance(value, Missing) and node.op in ("Add", "Mul", "Sub"):
            return _masked(m, node, 1 - i)
    for i, value in enumerate(values):
        if isinstance(value, Constant):
            return _with_constant(m, node, m.activation(node, 1 - i), value, reverse=i == 0)
    a, b = m.activation(node, 0), m.activation(node, 1)
    shape = expanded(a.shape, b.shape)
    op = "mul" if node.op in ("Mul", "Div") else "add"
    if node.op in ("Sub", "Div", "Max", "Min"):
        words = {"Sub": "a difference", "Div": "a quotient", "Max": "a maximum", "Min": "a minimum"}
        m.notes.add(f"{words[node.op]} is written `{op}`, which costs as much", node.name or node.op)
    if prod(a.shape) == prod(b.shape) == prod(shape):
        return m.step(node, op, _alike(m, a, b), shape)
    small, large = (a, b) if prod(a.shape) < prod(b.shape) else (b, a)
    if op == "mul" and prod(large.shape) == prod(shape) and len(shape) == 4 and shape[0] == 1:
        each = small.shape if len(small.shape) == 4 else (1,) * (4 - len(small.shape)) + tuple(small.shape)
        if each == (1, shape[1], 1, 1):
            gate = m.plan.shaped(small.number, (shape[1], 1, 1))
            return m.step(node, op, [m.image(large), gate], shape)
    if op == "add" and prod(large.shape) == prod(shape) and m.leads_to(node.outputs[0], "Softmax"):
        m.notes.add("masks are left out", node.name or node.op)
        return (replace(large, shape=shape),)
    raise Unreadable(f"it repeats one of {list(a.shape)} and {list(b.shape)}")


def _alike(m: Lowering, a: Activation, b: Activation) -> list[int]:
    """Both operands in one shape, the one made later first: a residual sum follows its branch."""
    first, second = (a, b) if a.number >= b.number else (b, a)
    return [first.number, m.plan.shaped(second.number, m.shape(first))]


def _masked(m: Lowering, node: Node, index: int) -> tuple[Value, ...]:
    """Scores to which something is added that we cannot say: a mask, if a softmax follows."""
    x = m.activation(node, index)
    if not m.leads_to(node.outputs[0], "Softmax"):
        raise Unreadable("one of its operands cannot be said")
    m.notes.add("masks are left out", node.name or node.op)
    return (x,)


def _with_constant(
    m: Lowering, node: Node, x: Activation, constant: Constant, *, reverse: bool
) -> tuple[Value, ...]:
    shape = expanded(x.shape, constant.shape)
    if prod(shape) != prod(x.shape):
        raise Unreadable("it repeats what the network computes")
    if node.op in ("Max", "Min"):
        return m.step(node, "relu", [x.number], shape)
    if node.op == "Div" and reverse:
        m.notes.add("`Reciprocal` is written `tanh`, which costs about as much", node.name or node.op)
        return m.step(node, "tanh", [x.number], shape)
    if constant.words == 1:
        m.notes.add(
            "factors and offsets of one number are folded into the layers around them", node.name or node.op
        )
        return (replace(x, shape=shape),)
    if constant.words == prod(shape) and len(without_ones(shape)) > 1:
        if m.leads_to(node.outputs[0], "Softmax"):
            m.notes.add("masks are left out", node.name or node.op)
            return (replace(x, shape=shape),)
        table = m.table(constant)
        return m.step(node, "mul" if node.op in ("Mul", "Div") else "add", _alike(m, x, table), shape)
    if _by_channel(x, constant):
        return _scaled(m, node, replace(x, shape=shape), constant, shift=node.op in ("Add", "Sub"))
    if m.leads_to(node.outputs[0], "Softmax"):
        m.notes.add("masks are left out", node.name or node.op)
        return (replace(x, shape=shape),)
    raise Unreadable(f"it repeats a stored tensor of {list(constant.shape)}")


def _by_channel(x: Activation, constant: Constant) -> bool:
    """Whether a stored tensor has a word for each channel of an image or each feature of a token."""
    rank = len(x.shape)
    padded = (1,) * (rank - len(constant.shape)) + tuple(constant.shape)
    if without_ones(padded) != (constant.words,):
        return False
    axis = next(i for i, size in enumerate(padded) if size != 1)
    return axis == rank - 1 if rank != 4 else axis in (1, 3)


def _scaled(m: Lowering, node: Node, x: Activation, constant: Constant, *, shift: bool) -> tuple[Value, ...]:
    """A factor or an offset for each channel: folded into the layer before, else a normalisation."""
    maker = m.maker(x)
    if maker is not None and x.private:
        if maker.op in WEIGHTED:
            maker.path = maker.path or path_of(node, constant.name)
            if shift and not maker.arguments["norm"]:
                maker.arguments["bias"] = True
            elif not shift:
                maker.arguments["norm"] = True
            return (x,)
        if maker.op == "batchnorm":
            return (x,)
    return m.step(node, "batchnorm", [x.number], x.shape)


def _sum(m: Lowering, node: Node) -> tuple[Value, ...]:
    xs = [m.activation(node, i) for i in range(len(node.inputs))]
    if len(xs) == 1:
        return (xs[0],)
    if any(x.shape != xs[0].shape for x in xs):
        raise Unreadable("its operands differ in shape")
    numbers = [m.plan.shaped(x.number, m.shape(xs[0])) for x in xs]
    return m.step(node, "add", numbers, xs[0].shape)


def _power(m: Lowering, node: Node) -> tuple[Value, ...]:
    x, exponent = m.activation(node, 0), m.constant(node, 1)
    value = exponent.number() if exponent is not None else None
    if value == 2:
        return m.step(node, "mul", [x.number, x.number], x.shape)
    m.notes.add("`Pow` is written `tanh`, which costs about as much", node.name or node.op)
    return m.step(node, "tanh", [x.number], x.shape)


def _where(m: Lowering, node: Node) -> tuple[Value, ...]:
    """A choice between what is computed and a constant is a mask."""
    for index in (1, 2):
        value, other = m.values.get(node.input(index)), m.values.get(node.input(3 - index))
        if isinstance(value, Activation) and isinstance(other, Constant) and other.words == 1:
            m.notes.add("masks are left out", node.name or node.op)
            return (m.activation(node, index),)
    raise Unreadable("it chooses word by word")


def _softmax(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    old = m.graph.opset < 13
    axis = axis_in(whole(node, "axis", 1 if old else -1), len(x.shape))
    if old and prod(x.shape[axis + 1 :]) != 1:
        matrix = (prod(x.shape[:axis]), prod(x.shape[axis:]))
        flat = m.plan.shaped(x.number, without_ones(matrix) or (1,))
        return m.step(node, "softmax", [flat], x.shape, {"axis": -1})
    number, places = m.grid(x, axis)
    place = places[axis]
    last = place == len(m.plan.shapes[number]) - 1
    return m.step(node, "softmax", [number], x.shape, {"axis": -1 if last else place})


def layernorm(m: Lowering, node: Node, x: Activation, features: int, weights: Constant | None) -> Activation:
    """Normalised features of each token."""
    have = m.shape(x)
    if have[-1] != features:
        count = prod(have) // features
        x = replace(x, number=m.plan.shaped(x.number, (features,) if count == 1 else (count, features)))
    (made,) = m.step(node, "layernorm", [x.number], x.shape, weights=weights)
    assert isinstance(made, Activation)
    return made


def _layernorm(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    axis = axis_in(whole(node, "axis", -1), len(x.shape))
    if "RMS" in node.op or "Simplified" in node.op:
        m.notes.add("a normalisation without a mean is written `layernorm`", node.name or node.op)
    return (layernorm(m, node, x, prod(x.shape[axis:]), m.constant(node, 1)),)


def _skip_layernorm(m: Lowering, node: Node) -> tuple[Value, ...]:
    a, b = m.activation(node, 0), m.activation(node, 1)
    (total,) = m.step(node, "add", _alike(m, a, b), a.shape)
    assert isinstance(total, Activation)
    made = layernorm(m, node, total, a.shape[-1], m.constant(node, 2))
    return (made, *(Missing(node, "has an output of training"),) * 2, total)


POINTWISE: Final[dict[str, Rule]] = {
    **dict.fromkeys(ACTIVATIONS, _activation),
    **dict.fromkeys(STAND_INS, _stand_in),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Max", "Min"), _binary),
    "Clip": _clip,
    "Sum": _sum,
    "Pow": _power,
    "Where": _where,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    **dict.fromkeys(
        (
            "LayerNormalization",
            "RMSNormalization",
            "SimplifiedLayerNormalization",
            "com.microsoft.SimplifiedLayerNormalization",
        ),
        _layernorm,
    ),
    "com.microsoft.SkipLayerNormalization": _skip_layernorm,
}
