"""What of a model has no meaning here: every operator with the places where it is, in one message each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dovetail.dsl.diagnostics import Diagnostic, DovetailError
from dovetail.dsl.onnx.faults import refuse, shown
from dovetail.dsl.onnx.graph import Graph, Node
from dovetail.dsl.onnx.idioms import find_idiom
from dovetail.dsl.onnx.inputs import give_inputs
from dovetail.dsl.onnx.lowering import UNKNOWN_OPERATOR, Activation, Lowering, Missing
from dovetail.dsl.onnx.names import identifier
from dovetail.dsl.onnx.rules import RULES

MOST_ROUNDS: Final = 50
MOST_PLACES: Final = 5


@dataclass(frozen=True, slots=True)
class Lost:
    """Nodes that an output needs and that cannot be said; `first` are those whose operands all can."""

    nodes: tuple[tuple[Node, str], ...]
    first: tuple[Node, ...]

    def __bool__(self) -> bool:
        return bool(self.nodes)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """One for each operator and reason (E1507)."""
        places: dict[tuple[str, str], list[str]] = {}
        for node, why in self.nodes:
            name = node.name or (node.outputs[0] if node.outputs else node.op)
            places.setdefault((node.op, why), []).append(name)
        found = []
        for (op, why), names in places.items():
            where = ", ".join(shown(name) for name in names[:MOST_PLACES])
            more = f" and {len(names) - MOST_PLACES} more" if len(names) > MOST_PLACES else ""
            message = (
                f"{shown(op)} {why}" if why == UNKNOWN_OPERATOR else f"{shown(op)} cannot be read: {why}"
            )
            found.append(Diagnostic("E1507", f"{message} ({where}{more})"))
        help = ("`--partial` makes what these operators make inputs of the network",)
        found[-1] = Diagnostic("E1507", found[-1].message, help=help)
        return tuple(found)


def unsupported(m: Lowering) -> Lost:
    """What stands between the inputs and the outputs of a model that was walked."""
    makers = {name: node for node in m.graph.nodes for name in node.outputs if name}
    waiting = [name for name in m.graph.outputs if isinstance(m.values.get(name), Missing)]
    seen: set[str] = set()
    lost: dict[int, tuple[Node, str]] = {}
    first: list[Node] = []
    order = {id(node): i for i, node in enumerate(m.graph.nodes)}
    while waiting:
        name = waiting.pop()
        value = m.values.get(name)
        if name in seen or not isinstance(value, Missing):
            continue
        seen.add(name)
        node = makers.get(name, value.node)
        before = [n for n in node.reads if isinstance(m.values.get(n), Missing)]
        waiting += before
        if not before:
            lost[order.get(id(node), len(order))] = (node, value.why)
            first.append(value.node if name not in makers else node)
        elif node.op not in RULES:
            lost[order.get(id(node), len(order))] = (node, UNKNOWN_OPERATOR)
    return Lost(tuple(lost[i] for i in sorted(lost)), tuple(first))


def left_out(graph: Graph, dims: Mapping[str, int], lost: Lost) -> Lowering:
    """The walk again, with what unsupported nodes make as inputs of the network."""
    given: dict[str, tuple[int, ...]] = {}
    for _ in range(MOST_ROUNDS):
        for node in lost.first:
            for name in node.outputs:
                if name:
                    given[name] = _declared(graph, node, name, dims)
        m = Lowering(graph, RULES, find_idiom)
        problems: list[Diagnostic] = []
        give_inputs(m, dims, problems)
        for name, shape in given.items():
            label = identifier((identifier((name,), ()),), m.plan.inputs)
            bare = shape[1:] if len(shape) > 1 and shape[0] == 1 else shape
            m.values[name] = Activation(m.plan.input(label, bare or (1,)), shape)
        m.run()
        lost = unsupported(m)
        if not lost:
            return m
    raise DovetailError(lost.diagnostics)


def _declared(graph: Graph, node: Node, name: str, dims: Mapping[str, int]) -> tuple[int, ...]:
    """The shape that the model gives for a tensor; batch is 1."""
    shape = graph.declared.get(name)
    sizes = []
    for axis, size in enumerate(shape or ()):
        if isinstance(size, str):
            size = dims.get(size, 1 if axis == 0 else 0)
        sizes.append(size)
    if shape is None or 0 in sizes:
        raise refuse(
            "E1507",
            f"{shown(node.op)} {UNKNOWN_OPERATOR}, and the model does not say what shape {shown(name)} has",
            "`onnx.shape_inference.infer_shapes` may add the shapes to the model",
        )
    return tuple(sizes)
