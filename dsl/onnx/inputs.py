"""What a model is given: open sizes filled in, batch left out, images with their channels first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dovetail.dsl.diagnostics import Diagnostic, did_you_mean
from dovetail.dsl.onnx.constants import Sizes, check_sizes
from dovetail.dsl.onnx.faults import refuse, shown
from dovetail.dsl.onnx.graph import Graph, Input
from dovetail.dsl.onnx.lowering import Activation, Lowering
from dovetail.dsl.onnx.names import identifier
from dovetail.dsl.operators.parameters import LARGEST

CHANNELS_FIRST: Final = (0, 3, 1, 2)
"""The order of axes by which TensorFlow's images become ONNX's."""


def give_inputs(m: Lowering, dims: Mapping[str, int], problems: list[Diagnostic]) -> None:
    """Make the inputs of the plan; adds E1506 for every size that nobody gives."""
    _check_dims(m.graph, dims)
    shapes = {i.name: _resolved(i, dims, problems) for i in m.graph.inputs if m.uses[i.name]}
    if problems:
        return
    m.batch = _fixed_batch(m.graph, shapes)
    taken: set[str] = set()
    for name, found in shapes.items():
        shape = (1, *found[1:]) if m.batch > 1 else found
        check_sizes(shape, name)
        if 0 in shape:
            raise refuse("E1502", f"the input {shown(name)} is empty")
        label = identifier((_plain(name),), taken)
        taken.add(label)
        order = CHANNELS_FIRST if len(shape) == 4 else ()
        first = [
            n for n in m.readers.get(name, []) if n.op == "Transpose" and n.attributes.get("perm") == order
        ]
        if first and len(first) == m.uses[name]:
            shape = tuple(shape[axis] for axis in order)
            number = m.plan.input(label, shape[1:])
            for node in first:
                m.values[node.outputs[0]] = Activation(number, shape, private=len(first) == 1)
            continue
        bare = shape[1:] if len(shape) > 1 and shape[0] == 1 else shape
        m.values[name] = Activation(m.plan.input(label, bare or (1,)), shape)


def _plain(name: str) -> str:
    """The name without what frameworks put around it."""
    name = name.split(":")[0].split("/")[-1]
    return "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name).strip("_")


def _resolved(given: Input, dims: Mapping[str, int], problems: list[Diagnostic]) -> Sizes:
    if given.shape is None:
        message = f"the model does not say the shape of its input {shown(given.name)}"
        problems.append(Diagnostic("E1506", message, help=("export it with an example input",)))
        return ()
    sizes: list[int] = []
    for axis, size in enumerate(given.shape):
        if isinstance(size, int):
            sizes.append(size)
        elif size in dims:
            sizes.append(dims[size])
        elif axis == 0 and len(given.shape) > 1:
            sizes.append(1)  # batch, a parameter of the evaluation
        else:
            message = f"the size of {shown(given.name)} along axis {axis} is left open, as {shown(size)}"
            problems.append(Diagnostic("E1506", message, help=(f"`--dim {size}=VALUE` gives it",)))
    return tuple(sizes)


def _fixed_batch(graph: Graph, shapes: Mapping[str, Sizes]) -> int:
    """The batch that a model was exported for: the first size of all its images or lists of tokens."""
    batches = set()
    for given in graph.inputs:
        shape = shapes.get(given.name)
        if shape is None:
            continue
        if len(shape) != (4 if given.learned else 2):
            return 1
        batches.add(shape[0])
    return batches.pop() if len(batches) == 1 else 1


def _check_dims(graph: Graph, dims: Mapping[str, int]) -> None:
    known = {size for i in graph.inputs for size in i.shape or () if isinstance(size, str)}
    for name, size in dims.items():
        if name not in known:
            none = () if known else ("all its sizes are fixed",)
            raise refuse(
                "E1506",
                f"the model leaves no size open by the name {shown(name)}",
                *(did_you_mean(name, known) or none),
            )
        if not 1 <= size <= LARGEST:
            raise refuse("E1506", f"the size {shown(name)} is at least 1, not {size}")
