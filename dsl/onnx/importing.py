"""From an ONNX file to the text of a network.

    read -> functions in place -> nodes in order -> steps of ours -> what repeats, as blocks -> text

The text with blocks is kept only if it builds the same layers as the one without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from dovetail.dsl.diagnostics import Diagnostic, DovetailError
from dovetail.dsl.loading import network_from_text
from dovetail.dsl.network import Network
from dovetail.dsl.onnx.faults import refuse, shown
from dovetail.dsl.onnx.functions import inlined
from dovetail.dsl.onnx.graph import Graph, graph_of
from dovetail.dsl.onnx.idioms import find_idiom
from dovetail.dsl.onnx.inputs import give_inputs
from dovetail.dsl.onnx.lowering import Activation, Lowering
from dovetail.dsl.onnx.reading import read_model
from dovetail.dsl.onnx.rules import RULES
from dovetail.dsl.onnx.text import network_text, same_layers
from dovetail.dsl.onnx.unsupported import left_out, unsupported


@dataclass(frozen=True, slots=True)
class Imported:
    """A model as a network: its text, what the text builds, and what a user should know (warnings)."""

    text: str
    network: Network
    warnings: tuple[Diagnostic, ...]


def import_file(
    path: str | Path, dims: Mapping[str, int] | None = None, *, partial: bool = False, name: str | None = None
) -> Imported:
    """The network in an ONNX file; nothing else is read.

    `dims` gives sizes that the model leaves open, batch apart (that is 1). With `partial` what an unsupported
    operator makes becomes an input of the network. Raises DovetailError (E0801 … E0804, E1501 … E1508).
    """
    path = Path(path)
    return import_model(read_model(path), dims, partial=partial, name=name or path.stem, file=path.name)


def import_model(
    model: onnx.ModelProto,
    dims: Mapping[str, int] | None = None,
    *,
    partial: bool = False,
    name: str = "",
    file: str = "",
) -> Imported:
    """As `import_file`, of a model in memory."""
    try:
        graph = _graph(model)
        lowered = _lowered(graph, dims or {}, partial=partial)
        heading = _heading(model, file)
        return _written(lowered, name or graph.name, heading)
    except RecursionError:
        raise refuse("E1503", "the model is nested too deeply to follow") from None


def _graph(model: onnx.ModelProto) -> Graph:
    opset = max((i.version for i in model.opset_import if i.domain in ("", "ai.onnx")), default=0)
    return graph_of(model.graph, inlined(model), opset)


def _lowered(graph: Graph, dims: Mapping[str, int], *, partial: bool) -> Lowering:
    problems: list[Diagnostic] = []
    m = Lowering(graph, RULES, find_idiom)
    give_inputs(m, dims, problems)
    if problems:
        raise DovetailError(problems)
    m.run()
    lost = unsupported(m)
    if lost and partial:
        m = left_out(graph, dims, lost)
    elif lost:
        raise DovetailError(lost.diagnostics)
    for output in graph.outputs:
        value = m.values.get(output)
        if isinstance(value, Activation):
            m.plan.outputs.append(value.number)
    m.plan.outputs = list(dict.fromkeys(m.plan.outputs))
    m.plan.prune()
    if not m.plan.steps:
        raise refuse("E1502", "nothing in the model computes: its outputs do not depend on its inputs")
    return m


def _written(m: Lowering, name: str, heading: list[str]) -> Imported:
    """The text, with blocks where that builds the same layers."""
    plain = network_text(m.plan, name, heading, blocks=False)
    network = _built(plain, name)
    text = network_text(m.plan, name, heading, blocks=True)
    if text != plain:
        try:
            shorter = _built(text, name)
        except DovetailError:
            shorter = None
        if shorter is not None and same_layers(network, shorter) and len(text) < len(plain):
            return Imported(text, shorter, _warnings(m))
    return Imported(plain, network, _warnings(m))


def _built(text: str, name: str) -> Network:
    return network_from_text(text, f"{name}.net").network


def _heading(model: onnx.ModelProto, file: str) -> list[str]:
    made = " ".join(w for w in (model.producer_name, model.producer_version) if w)
    source = f"`{file}`" if file else "an ONNX model"
    by = f", made by {made}" if made else ""
    line = "".join(c if c.isprintable() else "?" for c in f"Imported from {source}{by}.")
    return [line[:108]]


def _warnings(m: Lowering) -> tuple[Diagnostic, ...]:
    notes = dict(m.notes.found)
    shared = [name for name, count in m.weights.items() if count > 1]
    if shared:
        notes["weights that several layers share are counted in each of them"] = shared
    if m.tables:
        notes["stored tensors among activations are `embedding` tables, read by position"] = []
    found = []
    for kind, places in notes.items():
        where = _places(places)
        found.append(Diagnostic("W1501", f"{kind}{f' ({where})' if where else ''}"))
    return tuple(found)


def _places(names: list[str]) -> str:
    """The first few places, and how many more."""
    shown_names = [shown(name) for name in dict.fromkeys(names)]
    more = f" and {len(shown_names) - 3} more" if len(shown_names) > 3 else ""
    return ", ".join(shown_names[:3]) + more
