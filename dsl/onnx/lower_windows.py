"""Nodes with a window on an image: convolutions, pools, and what surrounds them."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Final

from dovetail.dsl.onnx.axes import Unreadable, axis_in, numbers, optional_numbers, whole, wholes
from dovetail.dsl.onnx.constants import Sizes
from dovetail.dsl.onnx.graph import Node
from dovetail.dsl.onnx.lowering import Activation, Lowering, Rule, Value
from dovetail.dsl.onnx.plan import WEIGHTED

Border = tuple[int, int, int, int]


def _convolution(weights: int, bias: int) -> Rule:
    """A convolution whose weights and bias are these operands (quantised ones have scales between)."""

    def rule(m: Lowering, node: Node) -> tuple[Value, ...]:
        return _convolve(m, node, weights, bias)

    return rule


def _convolve(m: Lowering, node: Node, weights: int, bias: int) -> tuple[Value, ...]:
    x = m.activation(node, bordered=True)
    w = m.learned(node, weights)
    if len(w.shape) != len(x.shape) or len(w.shape) not in (3, 4):
        raise Unreadable(f"its kernel {list(w.shape)} is not that of an image, {list(x.shape)}")
    image = m.image(x)
    channels = m.plan.shapes[image][0]
    out, groups = w.shape[0], whole(node, "group", 1)
    if w.shape[1] * groups != channels:
        raise Unreadable(f"its kernel has {w.shape[1]} channels in {groups} groups, and its input {channels}")
    kernel = _pair(w.shape[2:])
    arguments: dict[str, object] = {"kernel": kernel} | _placed(node, x, kernel)
    arguments["dilation"] = _pair(wholes(node, "dilations"))
    arguments |= {"bias": m.biased(node, bias), "norm": False}
    op = "conv"
    if groups == channels and channels > 1 and out % channels == 0:
        op, arguments["multiplier"] = "dwconv", out // channels
    else:
        arguments |= {"out": out, "groups": groups}
    made = m.step(node, op, [image], (), arguments, weights=w)
    return _image(m, made, x)


def _deformable(m: Lowering, node: Node) -> tuple[Value, ...]:
    x, offsets, w = m.activation(node), m.activation(node, 2), m.learned(node, 1)
    if len(w.shape) != 4 or node.input(4):
        raise Unreadable("it has a mask, or no kernel of an image")
    kernel = _pair(w.shape[2:])
    channels, groups = x.shape[1], whole(node, "group", 1)
    depthwise = groups == channels and channels > 1
    arguments: dict[str, object] = {"out": w.shape[0], "kernel": kernel} | _placed(node, x, kernel)
    arguments |= {"dilation": _pair(wholes(node, "dilations")), "groups": 1 if depthwise else groups}
    arguments |= {"bias": m.biased(node, 3), "norm": False, "depthwise": depthwise}
    arguments["offset_groups"] = whole(node, "offset_group", 1)
    made = m.step(node, "deform_conv", [m.image(x), m.image(offsets)], (), arguments, weights=w)
    return _image(m, made, x)


def _pool(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node, bordered=True)
    given = wholes(node, "kernel_shape")
    if given is None:
        raise Unreadable("it does not say its kernel")
    if any(step != 1 for step in wholes(node, "dilations") or ()):
        raise Unreadable("its windows have gaps")
    kernel = _pair(given)
    arguments: dict[str, object] = {"kernel": kernel} | _placed(node, x, kernel)
    image = m.image(x)
    if arguments["pad"] == 0 and kernel == m.plan.shapes[image][1:]:
        arguments = {"kernel": "global"}
    else:
        arguments["ceil"] = bool(whole(node, "ceil_mode", 0))
    op = "maxpool" if node.op == "MaxPool" else "avgpool"
    return _image(m, m.step(node, op, [image], (), arguments), x)


def _global_pool(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    op = "maxpool" if node.op == "GlobalMaxPool" else "avgpool"
    shape = (*x.shape[:2], *(1,) * (len(x.shape) - 2))
    return m.step(node, op, [m.image(x)], shape, {"kernel": "global"})


def _reduce(m: Lowering, node: Node) -> tuple[Value, ...]:
    """A mean, a sum or a maximum along axes: a pool over a whole image, made one where it is none."""
    x = m.activation(node)
    given = optional_numbers(node, m.operands(node), 1, "axes")
    rank = len(x.shape)
    axes = {axis_in(a, rank) for a in given} if given else set(range(rank))
    if not given and whole(node, "noop_with_empty_axes", 0):
        axes = set()
    kept = bool(whole(node, "keepdims", 1))
    shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape) if kept or i not in axes)
    if all(x.shape[axis] == 1 for axis in axes):
        return (replace(x, shape=shape),)
    op = "maxpool" if node.op == "ReduceMax" else "avgpool"
    if rank == 4 and axes == {2, 3} and x.shape[0] == 1:
        return m.step(node, op, [m.image(x)], shape, {"kernel": "global"})
    number, places = m.grid(x)
    have = m.plan.shapes[number]
    inner = [places[axis] for axis in sorted(axes) if axis in places]
    outer = [i for i in range(len(have)) if i not in inner]
    turned = m.plan.turned(number, [*outer, *inner])
    count = prod(have[i] for i in outer)
    flat = m.plan.shaped(turned, (count, prod(have) // count, 1))
    return m.step(node, op, [flat], shape, {"kernel": "global"})


def _batchnorm(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    maker = m.maker(x)
    foldable = maker is not None and maker.op in WEIGHTED and x.private and not maker.arguments["norm"]
    if maker is not None and foldable:
        maker.arguments["norm"] = True
        return (x,)
    have = m.shape(x)
    channels = x.shape[1] if len(x.shape) > 1 else x.shape[0]
    fits = have[0] == channels if len(have) == 3 else have[-1] == channels
    number = x.number if fits else m.image(x)
    return m.step(node, "batchnorm", [number], x.shape, weights=m.constant(node, 1))


def _lrn(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    return m.step(node, "lrn", [m.image(x)], x.shape, {"size": whole(node, "size", 5)})


def _pad(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node, bordered=True)
    rank = len(x.shape)
    given = numbers(node, m.operands(node), 1, "pads" if "pads" in node.attributes else "paddings")
    axes = optional_numbers(node, m.operands(node), 3, "axes") or tuple(range(rank))
    if len(given) != 2 * len(axes):
        raise Unreadable("it has no padding for each axis")
    before, after = [0] * rank, [0] * rank
    for i, axis in enumerate(axes):
        before[axis_in(axis, rank)], after[axis_in(axis, rank)] = given[i], given[i + len(axes)]
    if not any(given):
        return (x,)
    mode = node.attributes.get("mode", "constant")
    if rank != 4 or any((*before[:2], *after[:2])) or min(given) < 0:
        raise Unreadable("it pads more than the rows and columns of an image")
    if mode != "constant":
        m.notes.add(f"padding by `{mode}` counts as padding with zeros", node.name or node.op)
    top, bottom, left, right = x.border or (0, 0, 0, 0)
    border = (top + before[2], bottom + after[2], left + before[3], right + after[3])
    shape = (*x.shape[:2], x.shape[2] + before[2] + after[2], x.shape[3] + before[3] + after[3])
    return (replace(x, shape=shape, border=border),)


def _resize(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    shape = _resized(m, node, x)
    if len(x.shape) != 4 or shape[:2] != x.shape[:2]:
        raise Unreadable("it resizes more than the rows and columns of an image")
    if shape == x.shape:
        return (x,)
    scale = tuple(b // a for a, b in zip(x.shape[2:], shape[2:], strict=True))
    if any(a * s != b for a, s, b in zip(x.shape[2:], scale, shape[2:], strict=True)):
        raise Unreadable(f"it makes {list(shape[2:])} of {list(x.shape[2:])}, which is no whole multiple")
    kind = "nearest" if node.attributes.get("mode", "nearest") == "nearest" else "bilinear"
    return m.step(node, "upsample", [m.image(x)], shape, {"scale": scale, "kind": kind})


def _resized(m: Lowering, node: Node, x: Activation) -> Sizes:
    operands = m.operands(node)
    if node.op == "Resize" and node.input(3):
        return numbers(node, operands, 3, "sizes")
    index = 2 if node.op == "Resize" and m.graph.opset > 10 else 1
    given = node.attributes.get("scales")
    if isinstance(given, tuple):
        factors = [float(f) for f in given if isinstance(f, int | float)]
    else:
        scales = operands[index] if index < len(operands) else None
        if scales is None or scales.value is None:
            raise Unreadable("its scale is not known before the model runs")
        factors = [float(f) for f in scales.value.reshape(-1)]
    if len(factors) != len(x.shape):
        raise Unreadable("it has no scale for each axis")
    return tuple(int(size * factor + 1e-6) for size, factor in zip(x.shape, factors, strict=True))


def _image(m: Lowering, made: tuple[Value, ...], x: Activation) -> tuple[Value, ...]:
    """The result of a window as the model has it: with batch, of one row less where its input was."""
    (value,) = made
    assert isinstance(value, Activation)
    channels, rows, cols = m.shape(value)
    shape = (1, channels, rows, cols) if len(x.shape) == 4 else (1, channels, cols)
    return (replace(value, shape=shape),)


def _placed(node: Node, x: Activation, kernel: tuple[int, int]) -> dict[str, object]:
    """Stride and padding of a window, the border of its input included."""
    stride = _pair(wholes(node, "strides"))
    border: Border = x.border or (0, 0, 0, 0)
    automatic = node.attributes.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        if automatic == "SAME_UPPER" and x.border is None:
            return {"stride": stride, "pad": "same"}
        dilation = _pair(wholes(node, "dilations"))
        sizes = x.shape[2:] if len(x.shape) == 4 else (1, x.shape[2])
        sides = []
        for size, k, s, d in zip(sizes, kernel, stride, dilation, strict=True):
            total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
            small, large = total // 2, total - total // 2
            sides += [large, small] if automatic == "SAME_LOWER" else [small, large]
        own: Border = (sides[0], sides[1], sides[2], sides[3])
    else:
        pads = wholes(node, "pads") if automatic == "NOTSET" else None
        pads = pads or (0, 0, 0, 0)
        if len(pads) == 2:
            pads = (0, pads[0], 0, pads[1])
        if len(pads) != 4 or min(pads) < 0:
            raise Unreadable(f"its padding {list(pads)} is not that of an image")
        own = (pads[0], pads[2], pads[1], pads[3])
    padding = tuple(a + b for a, b in zip(own, border, strict=True))
    return {"stride": stride, "pad": _padding(padding)}


def _padding(padding: tuple[int, ...]) -> object:
    """As short as it can be said."""
    top, bottom, left, right = padding
    if top == bottom == left == right:
        return top
    return (top, left) if (top, left) == (bottom, right) else padding


def _pair(given: tuple[int, ...] | None) -> tuple[int, int]:
    if not given:
        return 1, 1
    if len(given) > 2:
        raise Unreadable(f"its window has {len(given)} axes")
    return (given[0], given[1]) if len(given) == 2 else (1, given[0])


WINDOWS: Final[dict[str, Rule]] = {
    "Conv": _convolution(1, 2),
    "ConvInteger": _convolution(1, 9),
    "QLinearConv": _convolution(3, 8),
    "com.microsoft.FusedConv": _convolution(1, 2),
    "DeformConv": _deformable,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "LpPool": _pool,
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"), _global_pool),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax"), _reduce),
    "BatchNormalization": _batchnorm,
    "LRN": _lrn,
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
}
