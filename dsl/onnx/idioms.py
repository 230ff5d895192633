"""What exporters write as many small nodes, found again: normalisations, GELU, SiLU, softmax.

An idiom begins at a tensor `x`. The nodes that work word by word, or along the last axis, on `x`, on each
other and on stored tensors alone are its region; where all of it comes together in one tensor, the operations
in the region say what it is.
"""

from __future__ import annotations

from typing import Final

from dovetail.dsl.onnx.constants import Constant
from dovetail.dsl.onnx.graph import Node
from dovetail.dsl.onnx.lower_pointwise import layernorm
from dovetail.dsl.onnx.lowering import Activation, Idiom, Lowering

LARGEST_REGION: Final = 24

_WORD_BY_WORD: Final = frozenset(
    "Add Sub Mul Div Pow Sqrt Reciprocal Neg Erf Tanh Sigmoid HardSigmoid Clip Relu Exp Cast Identity "
    "Max Min Softplus".split()
)
_ALONG: Final = frozenset("ReduceMean ReduceSum ReduceMax".split())
_BEGINS: Final = _WORD_BY_WORD | _ALONG
_TELLING: Final = frozenset("Sqrt Erf Tanh Sigmoid HardSigmoid Clip Exp Pow Softplus Reciprocal".split())


def find_idiom(m: Lowering, node: Node) -> Idiom | None:
    """The idiom that begins with `node`, if one does."""
    if node.op not in _BEGINS or len(node.outputs) != 1:
        return None
    sources = [n for n in node.reads if not isinstance(m.values.get(n), Constant)]
    if len(sources) != 1:
        return None
    x = m.values.get(sources[0])
    if not isinstance(x, Activation) or x.border is not None:
        return None
    region = _region(m, sources[0], x)
    if not any(n.op in _TELLING for n in region):
        return None
    return _recognised(m, sources[0], x, region)


def _region(m: Lowering, source: str, x: Activation) -> list[Node]:
    inside = {source}
    found: list[Node] = []
    waiting = list(m.readers.get(source, ()))[:LARGEST_REGION]
    seen: set[str] = set()
    while waiting and len(found) < LARGEST_REGION:
        node = waiting.pop(0)
        if len(node.outputs) != 1 or node.outputs[0] in seen or node.op not in _BEGINS:
            continue
        if any(n not in inside and not isinstance(m.values.get(n), Constant) for n in node.reads):
            continue  # comes again with its other operand, if that is inside
        if node.op in _ALONG and not _last_axis(m, node, x):
            continue
        seen.add(node.outputs[0])
        inside.add(node.outputs[0])
        found.append(node)
        waiting += m.readers.get(node.outputs[0], [])[:LARGEST_REGION]
    return found


def _last_axis(m: Lowering, node: Node, x: Activation) -> bool:
    axes = node.attributes.get("axes")
    operand = m.constant(node, 1)
    given = operand.whole_numbers() if operand is not None else axes
    return isinstance(given, tuple) and given in ((-1,), (len(x.shape) - 1,))


def _recognised(m: Lowering, source: str, x: Activation, region: list[Node]) -> Idiom | None:
    """The first tensor, in the order found, at which a region up to it is closed and means something.

    For a normalisation the last one: scale and shift belong to it.
    """
    best: Idiom | None = None
    for end in range(len(region)):
        nodes = _needed(source, region, region[end])
        if not _closed(m, source, nodes, region[end]):
            continue
        ops = [n.op for n in nodes]
        if "ReduceMean" in ops and _roots(m, nodes) == 1 and ops.count("ReduceMean") <= 2:
            best = Idiom(tuple(nodes), region[end].outputs[0], x)
            continue
        op = _activation(m, ops, nodes, source)
        if op is not None and best is None:
            (number,) = m.plan.add(op, [x.number])
            return Idiom(tuple(nodes), region[end].outputs[0], Activation(number, x.shape))
    if best is None:
        return None
    weights = next((c for n in best.nodes if (c := _gain(m, n, x)) is not None), None)
    first = Node("LayerNormalization", _scope(best.nodes), (), ())
    return Idiom(best.nodes, best.output, layernorm(m, first, x, x.shape[-1], weights))


def _scope(nodes: tuple[Node, ...]) -> str:
    return next((n.name for n in nodes if "/" in n.name), "")


def _gain(m: Lowering, node: Node, x: Activation) -> Constant | None:
    """The scale of a normalisation, among the operands of one of its nodes."""
    if node.op != "Mul":
        return None
    found = (m.constant(node, i) for i in range(len(node.inputs)))
    return next((c for c in found if c is not None and c.words == x.shape[-1] > 1), None)


def _roots(m: Lowering, nodes: list[Node]) -> int:
    """How many square roots are drawn: one in a normalisation, two in two of them."""
    count = 0
    for node in nodes:
        exponent = m.constant(node, 1) if node.op == "Pow" else None
        count += node.op == "Sqrt" or (exponent is not None and exponent.number() in (0.5, -0.5))
    return count


def _needed(source: str, region: list[Node], end: Node) -> list[Node]:
    """The nodes of the region from which `end` follows."""
    maker = {n.outputs[0]: n for n in region}
    wanted, waiting = {end.outputs[0]}, [end]
    while waiting:
        for name in waiting.pop().reads:
            if name in maker and name not in wanted and name != source:
                wanted.add(name)
                waiting.append(maker[name])
    return [n for n in region if n.outputs[0] in wanted]


def _closed(m: Lowering, source: str, nodes: list[Node], end: Node) -> bool:
    """Whether nobody outside reads what is made on the way."""
    own = {n.outputs[0] for n in nodes}
    for node in nodes:
        if node is end:
            continue
        name = node.outputs[0]
        inner = sum(1 for reader in m.readers.get(name, []) if reader.outputs[0] in own)
        if inner != m.uses[name]:
            return False
    return True


def _activation(m: Lowering, ops: list[str], nodes: list[Node], source: str) -> str | None:
    """The activation that a closed region is; its last node takes in `source` again, or it is none."""
    products = [n for n in nodes if n.op == "Mul"]
    gated = any(source in n.inputs or _scaled(m, n, nodes, source) for n in products)
    constants = [
        c for n in nodes for i in range(len(n.inputs)) if (c := m.constant(n, i)) is not None and c.words != 1
    ]
    if constants or "ReduceMean" in ops:
        return None
    if {"Exp", "ReduceSum", "Div"} <= set(ops):
        return "softmax"
    if any(op.startswith("Reduce") for op in ops):
        return None
    if gated and "Erf" in ops:
        return "gelu" if _halved(m, nodes) else None
    if gated and "Softplus" in ops:
        return None
    if gated and "Tanh" in ops and ("Pow" in ops or len(products) >= 3):
        return "gelu" if _halved(m, nodes) else None
    if gated and ops.count("Sigmoid") == 1:
        return "silu"
    if gated and ("HardSigmoid" in ops or ("Clip" in ops and "Add" in ops)):
        return "hswish" if "HardSigmoid" in ops or _over_six(m, nodes) else None
    if not gated and ops == ["Add", "Clip", "Div"]:
        return "hsigmoid"
    return None


def _scaled(m: Lowering, node: Node, nodes: list[Node], source: str) -> bool:
    """Whether an operand of a product is `source` times a number."""
    maker = {n.outputs[0]: n for n in nodes}
    for name in node.inputs:
        inner = maker.get(name)
        if inner is not None and inner.op in ("Mul", "Div") and source in inner.inputs:
            return True
    return False


def _numbers(m: Lowering, nodes: list[Node], *ops: str) -> list[float]:
    found = []
    for node in nodes:
        if node.op in ops:
            for i in range(len(node.inputs)):
                constant = m.constant(node, i)
                value = constant.number() if constant is not None else None
                if value is not None:
                    found.append(value)
    return found


def _halved(m: Lowering, nodes: list[Node]) -> bool:
    """Whether the factor 1/2 of GELU is in: without it the region is not complete."""
    return 0.5 in _numbers(m, nodes, "Mul") or 2.0 in _numbers(m, nodes, "Div")


def _over_six(m: Lowering, nodes: list[Node]) -> bool:
    given = _numbers(m, nodes, "Div", "Mul")
    return any(value == 6 or abs(value - 1 / 6) < 1e-3 for value in given)
