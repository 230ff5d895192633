"""Products: fully connected layers, products of two activations, whole attention."""

from __future__ import annotations

from math import prod
from typing import Final

from dovetail.dsl.onnx.axes import Unreadable, expanded, matrix_product, whole
from dovetail.dsl.onnx.constants import Constant, Sizes
from dovetail.dsl.onnx.graph import Node
from dovetail.dsl.onnx.lowering import Activation, Lowering, Rule, Value
from dovetail.dsl.onnx.plan import without_ones


def _gemm(m: Lowering, node: Node) -> tuple[Value, ...]:
    a = m.activation(node, 0)
    turned_a, turned_b = whole(node, "transA", 0), whole(node, "transB", 0)
    if len(a.shape) != 2:
        raise Unreadable(f"it multiplies matrices, and its input is {list(a.shape)}")
    shape = a.shape[::-1] if turned_a else a.shape
    number = a.number
    if turned_a and 1 not in a.shape:
        number = m.plan.turned(m.plan.shaped(a.number, a.shape), [1, 0])
    source = Activation(number, shape, None, a.private)
    if m.constant(node, 1) is None:
        b = m.activation(node, 1)
        arguments = {"transpose_b": bool(turned_b)}
        operands = [m.plan.shaped(number, shape), m.plan.shaped(b.number, b.shape)]
        columns = b.shape[0] if turned_b else b.shape[1]
        return m.step(node, "matmul", operands, (shape[0], columns), arguments)
    w = m.learned(node, 1)
    if len(w.shape) != 2:
        raise Unreadable(f"its weights {list(w.shape)} are no matrix")
    out, features = w.shape if turned_b else w.shape[::-1]
    return _linear(m, node, source, w, features, out, (shape[0], out), bias=m.biased(node, 2))


def _linear(
    m: Lowering, node: Node, x: Activation, w: Constant, features: int, out: int, shape: Sizes, *, bias: bool
) -> tuple[Value, ...]:
    if x.shape[-1:] != (features,):
        raise Unreadable(f"{list(x.shape)} and weights for {features} features do not multiply")
    arguments = {"out": out, "bias": bias, "norm": False}
    return m.step(node, "linear", [m.rows(x, features)], shape, arguments, weights=w)


def _product(first: int, second: int) -> Rule:
    """A product whose factors are these operands (quantised ones have scales between)."""

    def rule(m: Lowering, node: Node) -> tuple[Value, ...]:
        return _matmul(m, node, first, second)

    return rule


def _matmul(m: Lowering, node: Node, first: int, second: int) -> tuple[Value, ...]:
    if m.constant(node, second) is not None and m.constant(node, first) is None:
        w = m.learned(node, second)
        if w.words and prod(w.shape[:-2]) == 1 and len(w.shape) >= 2:
            x = m.activation(node, first)
            shape = matrix_product(x.shape, w.shape)
            return _linear(m, node, x, w, w.shape[-2], w.shape[-1], shape, bias=False)
    a, b = m.activation(node, first), m.activation(node, second)
    shape = matrix_product(a.shape, b.shape)
    left = a.shape if len(a.shape) > 1 else (1, *a.shape)
    right = b.shape if len(b.shape) > 1 else (*b.shape, 1)
    expanded(left[:-2], right[:-2])
    stack_a, stack_b = without_ones(left[:-2]), without_ones(right[:-2])
    if stack_a and stack_b and stack_a != stack_b:
        raise Unreadable(f"it repeats one of {list(a.shape)} and {list(b.shape)}")
    operand = m.plan.shaped(a.number, (*stack_a, *left[-2:]))
    other = m.plan.shaped(b.number, (*stack_b, *right[-2:]))
    other, turned = _turned(m, operand, other)
    return m.step(node, "matmul", [operand, other], shape, {"transpose_b": turned})


def _turned(m: Lowering, first: int, second: int) -> tuple[int, bool]:
    """The second factor as it was before its last two axes were exchanged for the product, where it was."""
    maker = m.plan.makers.get(second)
    if maker is None or maker.op != "transpose":
        return second, False
    order = maker.arguments["order"]
    assert isinstance(order, tuple)
    plain = (*order[:-2], order[-1], order[-2])
    other = m.plan.makers.get(first)
    like = other is not None and other.op == "transpose" and other.arguments["order"] == plain
    if not like and plain != tuple(range(len(order))):
        return second, False
    return m.plan.turned(maker.operands[0], plain), True


def _einsum(m: Lowering, node: Node) -> tuple[Value, ...]:
    equation = str(node.attributes.get("equation", "")).replace(" ", "")
    left, arrow, result = equation.partition("->")
    letters = left.split(",")
    if not arrow or len(letters) != 2 or len(node.inputs) != 2 or "." in equation:
        raise Unreadable(f"its equation `{equation[:60]}` is no product of two tensors")
    xs = [m.activation(node, i) for i in range(2)]
    sizes: dict[str, int] = {}
    for names, x in zip(letters, xs, strict=True):
        if len(names) != len(x.shape):
            raise Unreadable("its equation has another number of axes than its tensors")
        for letter, size in zip(names, x.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise Unreadable("its tensors do not fit its equation")
    if any(letter not in sizes for letter in result):
        raise Unreadable("its equation makes an axis of nothing")
    shape = tuple(sizes[letter] for letter in result)
    kept = {letter for letter in sizes if sizes[letter] != 1}
    short = ["".join(c for c in names if c in kept) for names in (*letters, result)]
    operands = [
        m.plan.shaped(x.number, tuple(sizes[c] for c in names)) for x, names in zip(xs, short, strict=False)
    ]
    text = f"{short[0]}, {short[1]} -> {short[2]}"
    return m.step(node, "einsum", operands, shape, {"equation": text})


def _attention(m: Lowering, node: Node) -> tuple[Value, ...]:
    """Scaled products of queries with keys and of their softmax with values (ONNX 23)."""
    q, k, v = (m.activation(node, i) for i in range(3))
    if len(node.outputs) > 1 and any(node.outputs[1:]):
        raise Unreadable("it keeps keys and values for later calls")
    if len(q.shape) == 3:
        heads = whole(node, "q_num_heads", 0)
        if not heads or whole(node, "kv_num_heads", heads) != heads or q.shape[-1] % heads:
            raise Unreadable("its heads share keys and values")
        parts = [_heads(m, x, heads) for x in (q, k, v)]
    elif len(q.shape) == 4 and q.shape[1] == k.shape[1] == v.shape[1]:
        parts = [m.plan.shaped(x.number, x.shape[1:]) for x in (q, k, v)]
    else:
        raise Unreadable("its heads share keys and values")
    if any(x.shape[0] != 1 for x in (q, k, v)):
        raise Unreadable("it works on several sequences at once")
    if node.input(3):
        m.notes.add("masks are left out", node.name or node.op)
    (scores,) = m.plan.add("matmul", parts[:2], {"transpose_b": True})
    (weights,) = m.plan.add("softmax", [scores], {"axis": -1})
    (context,) = m.plan.add("matmul", [weights, parts[2]], {"transpose_b": False})
    if len(q.shape) == 4:
        return (Activation(context, (*q.shape[:3], v.shape[-1])),)
    return (Activation(m.plan.turned(context, [1, 0, 2]), (1, q.shape[1], v.shape[-1])),)


def _heads(m: Lowering, x: Activation, heads: int) -> int:
    _, tokens, features = x.shape
    return m.plan.turned(m.plan.shaped(x.number, (tokens, heads, features // heads)), [1, 0, 2])


PRODUCTS: Final[dict[str, Rule]] = {
    "Gemm": _gemm,
    "MatMul": _product(0, 1),
    "MatMulInteger": _product(0, 1),
    "QLinearMatMul": _product(0, 3),
    "Einsum": _einsum,
    "Attention": _attention,
}
