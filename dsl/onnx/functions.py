"""Functions of a model put in place of their calls, as deep as they go, but not around in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

import onnx

from dovetail.dsl.onnx.faults import refuse, shown
from dovetail.dsl.onnx.graph import MOST_NODES
from dovetail.dsl.onnx.reading import DEEPEST

LARGEST_BODIES: Final = 2**28
"""Bytes of all function bodies, each as often as it is called."""

LONGEST_PREFIX: Final = 200

_Key: TypeAlias = tuple[str, str, str]


def inlined(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """The nodes of the model's graph, calls of its own functions replaced by their bodies.

    Raises DovetailError (E1504) for a function that calls itself, (E1503) where too many nodes come out.
    """
    functions = {(f.domain, f.name, f.overload): f for f in model.functions}
    return _Inlining(functions).expanded(model.graph.node, (), "")


class _Inlining:
    def __init__(self, functions: Mapping[_Key, onnx.FunctionProto]) -> None:
        self.functions = functions
        self.count = 0
        self.size = 0
        self.prefixes: set[str] = set()

    def expanded(
        self, nodes: Iterable[onnx.NodeProto], stack: tuple[_Key, ...], prefix: str
    ) -> Iterator[onnx.NodeProto]:
        for node in nodes:
            self.count += 1
            if self.count > MOST_NODES:
                raise refuse("E1503", f"the model has more than {MOST_NODES} operations")
            key = (node.domain, node.op_type, node.overload)
            if key not in self.functions:
                yield node
                continue
            if key in stack:
                way = " -> ".join(shown(name) for _, name, _ in (*stack[stack.index(key) :], key))
                raise refuse("E1504", f"a function of the model calls itself: {way}")
            if len(stack) >= DEEPEST:
                raise refuse("E1504", f"functions of the model call each other more than {DEEPEST} deep")
            self.size += self.functions[key].ByteSize()
            if self.size > LARGEST_BODIES:
                raise refuse(
                    "E1503", "the functions of the model, put in place of their calls, are too large"
                )
            inner = self._fresh(node.name or f"{prefix}{node.op_type}")
            yield from self.expanded(_body(self.functions[key], node, inner), (*stack, key), inner)

    def _fresh(self, prefix: str) -> str:
        """A prefix for the names inside a call that no other call has."""
        found = f"{prefix}/"
        if found in self.prefixes or len(found) > LONGEST_PREFIX:
            found = f"{prefix[:LONGEST_PREFIX]}.{self.count}/"
        self.prefixes.add(found)
        return found


def _body(function: onnx.FunctionProto, call: onnx.NodeProto, prefix: str) -> Iterator[onnx.NodeProto]:
    """The nodes of a function with the tensors and attributes of one call."""
    names = {"": ""}
    names |= dict(zip(function.input, [*call.input] + [""] * len(function.input), strict=False))
    made = dict(zip(function.output, call.output, strict=False))
    given = {a.name: a for a in function.attribute_proto} | {a.name: a for a in call.attribute}
    returned_inputs = [(inner, outer) for inner, outer in made.items() if inner in names]
    names |= {inner: outer for inner, outer in made.items() if inner not in names and outer}
    for node in function.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        _rename(copy, names, prefix)
        _fill(copy, given)
        yield copy
    for inner, outer in returned_inputs:
        yield onnx.NodeProto(op_type="Identity", input=[names[inner]], output=[outer])


def _rename(node: onnx.NodeProto, names: dict[str, str], prefix: str) -> None:
    node.name = f"{prefix}{node.name or node.op_type}"
    for fields in (node.input, node.output):
        for i, name in enumerate(fields):
            fields[i] = names.setdefault(name, f"{prefix}{name}")
    for graph in _graphs(node):
        _rename_captured(graph, names)


def _graphs(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """The graphs of a branch or a loop."""
    found: list[onnx.GraphProto] = []
    for attribute in node.attribute:
        found += [attribute.g] if attribute.HasField("g") else []
        found += attribute.graphs
    return found


def _rename_captured(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """What a graph reads from the function around it; its own tensors keep their names."""
    own = {t.name for t in graph.initializer} | {v.name for v in graph.input}
    own |= {name for node in graph.node for name in node.output}
    outer = {inner: name for inner, name in names.items() if inner not in own}
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = outer.get(name, name)
        for inside in _graphs(node):
            _rename_captured(inside, outer)


def _fill(node: onnx.NodeProto, given: Mapping[str, onnx.AttributeProto]) -> None:
    """References to attributes of the function become what the call gives; without it they fall away."""
    filled = []
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            filled.append(attribute)
        elif attribute.ref_attr_name in given:
            value = onnx.AttributeProto()
            value.CopyFrom(given[attribute.ref_attr_name])
            value.name = attribute.name
            filled.append(value)
    copies = [a.SerializeToString() for a in filled]
    del node.attribute[:]
    node.attribute.extend(onnx.AttributeProto.FromString(data) for data in copies)
