"""Nodes that move nothing: other shapes, other orders, parts and joins of tensors, copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Final

from dovetail.dsl.onnx.axes import (
    Unreadable,
    axis_in,
    concatenated,
    expanded,
    numbers,
    sliced,
    split_sizes,
    squeezed,
    unsqueezed,
    wanted_shape,
    whole,
    wholes,
    why_unknown,
)
from dovetail.dsl.onnx.constants import Constant, Sizes
from dovetail.dsl.onnx.folding import shape_constant
from dovetail.dsl.onnx.graph import Node
from dovetail.dsl.onnx.lowering import Activation, Lowering, Rule, Value


def _same(m: Lowering, node: Node) -> tuple[Value, ...]:
    return (m.activation(node, bordered=True),) * len(node.outputs)


def _quantised(m: Lowering, node: Node) -> tuple[Value, ...]:
    scalar = Constant((), learned=True)
    return (m.activation(node), scalar, scalar)


def _shaped(find: Callable[[Lowering, Node, Sizes], Sizes]) -> Rule:
    def rule(m: Lowering, node: Node) -> tuple[Value, ...]:
        x = m.activation(node)
        shape = find(m, node, x.shape)
        if prod(shape) != prod(x.shape):
            raise Unreadable(f"{list(x.shape)} and {list(shape)} are not as many words")
        return (replace(x, shape=shape),)

    return rule


def _reshape(m: Lowering, node: Node, shape: Sizes) -> Sizes:
    target = numbers(node, m.operands(node), 1, "shape")
    literal = bool(whole(node, "allowzero", 0))
    try:
        return wanted_shape(shape, target, literal)
    except Unreadable:
        # A model exported for a batch has it in its shapes; here batch is 1.
        if m.batch > 1 and target and target[0] % m.batch == 0 and target[0] > 0:
            return wanted_shape(shape, (target[0] // m.batch, *target[1:]), literal)
        raise


def _flatten(m: Lowering, node: Node, shape: Sizes) -> Sizes:
    axis = whole(node, "axis", 1)
    axis = axis if axis == len(shape) else axis_in(axis, len(shape))
    return prod(shape[:axis]), prod(shape[axis:])


def _squeeze(m: Lowering, node: Node, shape: Sizes) -> Sizes:
    return squeezed(node, shape, m.operands(node))


def _unsqueeze(m: Lowering, node: Node, shape: Sizes) -> Sizes:
    return unsqueezed(node, shape, m.operands(node))


def _expand(m: Lowering, node: Node, shape: Sizes) -> Sizes:
    target = numbers(node, m.operands(node), 1, "shape")
    if m.batch > 1 and target and target[0] == m.batch:
        target = (1, *target[1:])
    made = expanded(shape, target)
    if prod(made) != prod(shape):
        raise Unreadable("it repeats what the network computes")
    return made


def _tile(m: Lowering, node: Node, shape: Sizes) -> Sizes:
    if any(times != 1 for times in numbers(node, m.operands(node), 1, "repeats")):
        raise Unreadable("it repeats what the network computes")
    return shape


def _shape(m: Lowering, node: Node) -> tuple[Value, ...]:
    return (shape_constant(node, m.activation(node, bordered=True).shape),)


def _transpose(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    order = wholes(node, "perm") or tuple(range(len(x.shape)))[::-1]
    if sorted(order) != list(range(len(x.shape))):
        raise Unreadable("its order of axes does not name each once")
    shape = tuple(x.shape[axis] for axis in order)
    moved = [axis for axis in order if x.shape[axis] != 1]
    if moved == sorted(moved):
        return (replace(x, shape=shape),)
    number, places = m.grid(x)
    have = m.plan.shapes[number]
    turned = [places[axis] for axis in order if axis in places]
    rest = [i for i in range(len(have)) if i not in turned]
    return (replace(x, number=m.plan.turned(number, [*rest, *turned]), shape=shape),)


def _concat(m: Lowering, node: Node) -> tuple[Value, ...]:
    indices = [i for i in range(len(node.inputs)) if not _empty(m.constant(node, i))]
    if not indices:
        raise Unreadable("everything it joins is empty")
    parts = [m.activation(node, i) for i in indices]
    if len(parts) == 1:
        return (parts[0],)
    shape = concatenated([p.shape for p in parts], whole(node, "axis", 1))
    axis = axis_in(whole(node, "axis", 1), len(shape))
    kept = _kept(shape, axis)
    numbers_ = [m.plan.shaped(p.number, tuple(p.shape[i] for i in kept)) for p in parts]
    return m.step(node, "concat", numbers_, shape, {"axis": kept.index(axis)})


def _kept(shape: Sizes, axis: int) -> list[int]:
    """The axes of a tensor that ours has: those of an image, else those of more than one word, and `axis`."""
    if len(shape) == 4 and shape[0] == 1 and axis != 0:
        return [1, 2, 3]
    return [i for i, size in enumerate(shape) if size != 1 or i == axis]


def _empty(constant: Constant | None) -> bool:
    return constant is not None and constant.words == 0


def _split(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    axis, sizes = split_sizes(node, x.shape, m.operands(node))
    if min(sizes) < 1:
        raise Unreadable("a part of it is empty")
    if len(sizes) == 1:
        return (x,)
    number, places = m.grid(x, axis)
    parts: object = len(sizes) if len(set(sizes)) == 1 else sizes
    results = m.plan.add("split", [number], {"parts": parts, "axis": places[axis]})
    shapes = [(*x.shape[:axis], size, *x.shape[axis + 1 :]) for size in sizes]
    return tuple(Activation(r, shape) for r, shape in zip(results, shapes, strict=True))


def _slice(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    value: Value = x
    for axis, (start, stop, step) in sliced(node, x.shape, m.operands(node)).items():
        if (start, stop, step) == (0, x.shape[axis], 1):
            continue
        if step != 1:
            raise Unreadable(f"it takes one word in {step} of an axis")
        value = x = _part(m, x, axis, start, stop)
    return (value,)


def _part(m: Lowering, x: Activation, axis: int, start: int, stop: int) -> Activation:
    if stop <= start:
        raise Unreadable("what it takes is empty")
    number, places = m.grid(x, axis)
    arguments = {"start": start, "stop": stop, "axis": places[axis]}
    (made,) = m.plan.add("slice", [number], arguments)
    return Activation(made, (*x.shape[:axis], stop - start, *x.shape[axis + 1 :]))


def _gather(m: Lowering, node: Node) -> tuple[Value, ...]:
    data, index = m.constant(node, 0), m.constant(node, 1)
    if data is not None and index is None:
        return _look_up(m, node, data)
    x = m.activation(node)
    axis = m.axis(node, x.shape, 0)
    taken = index.whole_numbers() if index is not None else None
    if taken is None or index is None or not taken:
        raise Unreadable(f"which parts it takes {why_unknown(index)}")
    size = x.shape[axis]
    taken = tuple(i + size if i < 0 else i for i in taken)
    shape = (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
    if taken == tuple(range(size)):
        return (replace(x, shape=shape),)
    if taken == tuple(range(taken[0], taken[0] + len(taken))) and taken[0] >= 0:
        return (replace(_part(m, x, axis, taken[0], taken[0] + len(taken)), shape=shape),)
    groups = size // taken.index(1) if 1 in taken and taken.index(1) else 0
    dealt = [g * (size // groups) + i for i in range(size // groups) for g in range(groups)] if groups else []
    if list(taken) != dealt or len(x.shape) != 4 or axis != 1:
        dealt = []
    if not dealt:
        # The inverse way to say it: channel i comes from group i mod groups.
        step = taken[1] - taken[0] if len(taken) > 1 else 0
        groups = size // step if step > 0 and size % step == 0 else 0
        dealt = [g * step + i for i in range(step) for g in range(groups)]
    if len(x.shape) == 4 and axis == 1 and list(taken) == dealt:
        return m.step(node, "shuffle", [m.image(x)], shape, {"groups": groups})
    raise Unreadable("it picks words here and there")


def _look_up(m: Lowering, node: Node, data: Constant) -> tuple[Value, ...]:
    if len(data.shape) != 2 or m.axis(node, data.shape, 0) != 0:
        raise Unreadable("it looks up a table that is no list of rows")
    index = m.activation(node, 1)
    table = m.learned(node, 0)
    tokens = m.plan.shaped(index.number, (prod(index.shape),))
    arguments = {"vocabulary": data.shape[0], "features": data.shape[1]}
    return m.step(node, "embedding", [tokens], (*index.shape, data.shape[1]), arguments, weights=table)


def _space_to_depth(m: Lowering, node: Node) -> tuple[Value, ...]:
    x = m.activation(node)
    block = whole(node, "blocksize", 0)
    if len(x.shape) != 4 or block < 1:
        raise Unreadable("it works on an image")
    _, c, h, w = x.shape
    image = m.image(x)
    if node.op == "SpaceToDepth":
        if h % block or w % block:
            raise Unreadable("its blocks do not fit the image")
        parts = m.plan.shaped(image, (c, h // block, block, w // block, block))
        made, shape = m.plan.turned(parts, [2, 4, 0, 1, 3]), (1, c * block * block, h // block, w // block)
    else:
        if c % (block * block):
            raise Unreadable("its blocks do not fit the channels")
        deep = c // (block * block)
        crd = node.attributes.get("mode", "DCR") == "CRD"
        cut = (deep, block, block, h, w) if crd else (block, block, deep, h, w)
        order = [0, 3, 1, 4, 2] if crd else [2, 3, 0, 4, 1]
        made, shape = m.plan.turned(m.plan.shaped(image, cut), order), (1, deep, h * block, w * block)
    return (replace(x, number=made, shape=shape),)


VIEWS: Final[dict[str, Rule]] = {
    **dict.fromkeys(("Identity", "Cast", "CastLike", "Dropout", "Trilu"), _same),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), _same),
    "DynamicQuantizeLinear": _quantised,
    "Reshape": _shaped(_reshape),
    "Flatten": _shaped(_flatten),
    "Squeeze": _shaped(_squeeze),
    "Unsqueeze": _shaped(_unsqueeze),
    "Expand": _shaped(_expand),
    "Tile": _shaped(_tile),
    "Shape": _shape,
    "Size": _shape,
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "SpaceToDepth": _space_to_depth,
    "DepthToSpace": _space_to_depth,
}
