"""An ONNX model as plain nodes in an order in which each comes after what it reads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import onnx

from dovetail.dsl.onnx.constants import Constant, check_sizes, of_tensor
from dovetail.dsl.onnx.faults import refuse, shown

Attribute: TypeAlias = (
    "int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | Constant | Graph"
)

MOST_NODES: Final = 200_000
"""After functions are put in place of their calls."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. `op` has its domain before it unless that is ONNX's own. An empty input is none.

    `captured`: tensors of the graph around it that its inner graphs read.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    captured: tuple[str, ...] = ()

    def input(self, index: int) -> str:
        """The name of an input; empty where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else ""

    @property
    def reads(self) -> tuple[str, ...]:
        """Every tensor it needs, each once."""
        return tuple(dict.fromkeys(n for n in (*self.inputs, *self.captured) if n))


@dataclass(frozen=True, slots=True)
class Input:
    """What a model is given: sizes, a name where a size is open, None where nothing is known."""

    name: str
    shape: tuple[int | str, ...] | None
    learned: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """A model or an inner graph of a node."""

    name: str
    nodes: tuple[Node, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, Constant]
    opset: int = 0
    declared: Mapping[str, tuple[int | str, ...]] = field(default_factory=dict)
    """Shapes that the model gives for tensors on the way."""


def graph_of(proto: onnx.GraphProto, nodes: Iterable[onnx.NodeProto], opset: int) -> Graph:
    """A graph with `nodes` (its own, functions in place of their calls) in execution order.

    Raises DovetailError (E1502) for a tensor that nobody makes, that two make, or that needs itself.
    """
    constants, inputs = _stored(proto), []
    for value in proto.input:
        if value.name not in constants:
            inputs.append(_input(value))
    plain = [node_of(node, opset) for node in nodes]
    declared = {
        v.name: shape for v in (*proto.value_info, *proto.output) if (shape := _shape_of(v)) is not None
    }
    outputs = tuple(v.name for v in proto.output)
    given = {*constants, *(i.name for i in inputs)}
    in_order = _ordered(plain, given)
    made = given | {name for node in in_order for name in node.outputs}
    for name in outputs:
        if name not in made:
            raise refuse("E1502", f"nothing in the model makes its output {shown(name)}")
    return Graph(proto.name, in_order, tuple(inputs), outputs, constants, opset, declared)


def node_of(node: onnx.NodeProto, opset: int) -> Node:
    """A node, its inner graphs included."""
    domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
    attributes = {a.name: value for a in node.attribute if (value := _attribute(a, opset)) is not None}
    captured: list[str] = []
    for value in attributes.values():
        if isinstance(value, Graph):
            captured += _captured(value)
    return Node(
        f"{domain}{node.op_type}",
        node.name,
        tuple(node.input),
        tuple(node.output),
        attributes,
        tuple(dict.fromkeys(captured)),
    )


def _inner_graph(proto: onnx.GraphProto, opset: int) -> Graph:
    """The graph of a branch or a loop; what it reads from around it is `_captured`."""
    nodes = tuple(node_of(node, opset) for node in proto.node)
    inputs = tuple(_input(v) for v in proto.input)
    return Graph(proto.name, nodes, inputs, tuple(v.name for v in proto.output), _stored(proto), opset)


def _captured(graph: Graph) -> list[str]:
    own = {
        *graph.constants,
        *(i.name for i in graph.inputs),
        *(n for node in graph.nodes for n in node.outputs),
    }
    needed = [name for node in graph.nodes for name in node.reads] + list(graph.outputs)
    return [name for name in needed if name not in own]


def _stored(proto: onnx.GraphProto) -> dict[str, Constant]:
    constants = {t.name: of_tensor(t) for t in proto.initializer}
    for sparse in proto.sparse_initializer:
        sizes = tuple(int(size) for size in sparse.dims)
        check_sizes(sizes, sparse.values.name)
        constants[sparse.values.name] = Constant(sizes, name=sparse.values.name)
    return constants


def _attribute(attribute: onnx.AttributeProto, opset: int) -> Attribute | None:
    kinds = onnx.AttributeProto
    match attribute.type:
        case kinds.INT:
            return int(attribute.i)
        case kinds.FLOAT:
            return float(attribute.f)
        case kinds.STRING:
            return attribute.s.decode("utf-8", "replace")
        case kinds.INTS:
            return tuple(int(i) for i in attribute.ints)
        case kinds.FLOATS:
            return tuple(float(f) for f in attribute.floats)
        case kinds.STRINGS:
            return tuple(s.decode("utf-8", "replace") for s in attribute.strings)
        case kinds.TENSOR:
            return of_tensor(attribute.t)
        case kinds.SPARSE_TENSOR:
            return Constant(tuple(int(size) for size in attribute.sparse_tensor.dims))
        case kinds.GRAPH:
            return _inner_graph(attribute.g, opset)
        case _:
            return None


def _input(value: onnx.ValueInfoProto) -> Input:
    kind = value.type.tensor_type.elem_type
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
    return Input(value.name, _shape_of(value), kind in (*floats, onnx.TensorProto.BFLOAT16))


def _shape_of(value: onnx.ValueInfoProto) -> tuple[int | str, ...] | None:
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        return None
    sizes: list[int | str] = []
    for axis, dim in enumerate(value.type.tensor_type.shape.dim):
        if dim.HasField("dim_value") and dim.dim_value > 0:
            sizes.append(int(dim.dim_value))
        else:  # some exporters write -1 or 0 for an open size
            sizes.append(dim.dim_param or f"{value.name}.{axis}")
    return tuple(sizes)


def _ordered(nodes: list[Node], given: set[str]) -> tuple[Node, ...]:
    """Each node after what it reads, otherwise in the order of the model."""
    maker: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in node.outputs:
            if name and (name in maker or name in given):
                raise refuse("E1502", f"two nodes of the model make the tensor {shown(name)}")
            if name:
                maker[name] = index
    waiting: list[int] = []
    readers: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        makers = set()
        for name in node.reads:
            if name in given:
                continue
            if name not in maker:
                reader = shown(node.name or node.op)
                raise refuse(
                    "E1502", f"{reader} reads the tensor {shown(name)}, which nothing in the model makes"
                )
            makers.add(maker[name])
        waiting.append(len(makers))
        for number in makers:
            readers.setdefault(number, []).append(index)
    ready = deque(index for index, count in enumerate(waiting) if not count)
    if len(ready) == len(nodes) or all(i < j for i, js in readers.items() for j in js):
        return tuple(nodes)
    order: list[Node] = []
    while ready:
        index = ready.popleft()
        order.append(nodes[index])
        for reader_index in readers.get(index, ()):
            waiting[reader_index] -= 1
            if not waiting[reader_index]:
                ready.append(reader_index)
    if len(order) < len(nodes):
        stuck = nodes[next(i for i, count in enumerate(waiting) if count)]
        raise refuse(
            "E1502",
            f"the model goes round in a circle: {shown(stuck.name or stuck.op)} needs its own output",
        )
    return tuple(order)
