"""The whole text of a network: header, blocks, inputs, statements, outputs; laid out by the formatter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dovetail.dsl.formatter import format_text
from dovetail.dsl.layer import Layer
from dovetail.dsl.network import Network
from dovetail.dsl.onnx.names import identifier
from dovetail.dsl.onnx.plan import Plan
from dovetail.dsl.onnx.structure import Structure, plain_structure, repeated
from dovetail.dsl.onnx.writing import Body, reserved


def network_text(plan: Plan, name: str, heading: Sequence[str], *, blocks: bool) -> str:
    """The text that builds the steps of `plan`, with what repeats in blocks or without."""
    structure = repeated(plan) if blocks else plain_structure(plan)
    lines = [f"# {line}" for line in heading]
    lines += [f"net {identifier((_word(name),), ())}", ""]
    for block in structure.blocks:
        lines += [*block, ""]
    for label, number in plan.inputs.items():
        lines.append(f"input {label}[{', '.join(map(str, plan.shapes[number]))}]")
    lines.append("")
    return format_text("\n".join(lines + _statements(plan, structure)) + "\n")


def _statements(plan: Plan, structure: Structure) -> list[str]:
    names = {number: label for label, number in plan.inputs.items()}
    body = Body(structure.items, names, {*reserved(), *structure.names})
    lines = body.run(plan.outputs)
    for number in plan.outputs:
        lines.append(f"output {body.expression(number)}")
    return lines


def _word(name: str) -> str:
    return (
        "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name).strip("_") or "network"
    )


def same_layers(a: Network, b: Network) -> bool:
    """Whether two networks have the same layers and outputs, up to names and order."""
    return (
        Counter(map(_facts, a)) == Counter(map(_facts, b))
        and [t.shape for t in a.outputs] == [t.shape for t in b.outputs]
        and [t.shape for t in a.inputs] == [t.shape for t in b.inputs]
    )


def _facts(layer: Layer) -> tuple[object, ...]:
    shapes = tuple(t.shape for t in (*layer.inputs, *layer.outputs))
    return (layer.op, shapes, layer.attributes, layer.macs, layer.weights, layer.bias, layer.norm)
