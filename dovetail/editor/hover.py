"""What an editor shows of what is under the cursor: layers with shapes and MACs, parts with their prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dovetail.accel.architecture import Memory
from dovetail.accel.properties import (
    LINK,
    MAC,
    MEMORY,
    PRECISION,
    TIMING,
    TRANSFERS,
    UNIT,
    Schema,
)
from dovetail.console import UNICODE
from dovetail.costmodel.figures import Figure
from dovetail.dsl import syntax as s
from dovetail.dsl.layer import Layer
from dovetail.dsl.operators import OPERATORS
from dovetail.dsl.source import Span
from dovetail.dsl.values import TensorValue, Unknown, Value, describe, text_of
from dovetail.editor.analysis import Analysis
from dovetail.editor.names import Definition, Word, find, nodes, word_at
from dovetail.numbers import millions, prefixed, significant, thousands

SHOWN: Final = 8
"""Layers in one hover: the rest is counted."""

VALUES: Final = ("param", "let", "tensor", "parameter", "input", "table")
PARTS: Final = ("memory", "array", "unit", "axis")
SCHEMAS: Final[dict[str, Schema]] = {
    "memory": MEMORY,
    "mac": MAC,
    "unit": UNIT,
    "precision": PRECISION,
    "timing": TIMING,
    "transfers": TRANSFERS,
    "along": LINK,
}


def hover(analysis: Analysis, offset: int) -> tuple[str, Span | None] | None:
    """Markdown for what is at `offset`, and the part of the text that it is about; None for nothing."""
    word = word_at(analysis.source, offset)
    definition = None if word is None else find(analysis.file, offset)
    place = None if word is None else Span(analysis.source, word.start, word.start + len(word.text))
    if analysis.kind == "accel" and word is not None:
        found = _part(analysis, definition, word) or _property(analysis, word)
        if found is not None:
            return found, place
    if definition is not None and definition.kind in VALUES:
        return _value(analysis, definition), place
    layers = _layers_at(analysis, offset)
    if layers is not None:
        span, title, made = layers
        return _layers(title, made) + _signature(word), span
    if definition is not None:
        return _defined(definition), place
    signature = _signature(word)
    return (signature.strip(), place) if signature else None


# ------------------------------------------------------------------------------------------ networks


def _layers_at(analysis: Analysis, offset: int) -> tuple[Span, str, Sequence[Layer]] | None:
    """The layers that the smallest call around `offset` stands for; a label stands for its call."""
    for node in nodes(analysis.file.statements):
        if isinstance(node, s.Stage) and node.span.start <= offset < node.call.span.start:
            offset = node.call.span.start
            break
    found: dict[tuple[int, int], tuple[str, list[Layer]]] = {}
    for use in analysis.uses:
        if use.span.start <= offset <= use.span.end:
            _, made = found.setdefault((use.span.start, use.span.end), (use.name, []))
            made += analysis.layers[use.first : use.last]
    for layer in analysis.layers:
        place = layer.place
        if isinstance(place, Span) and place.source is analysis.source and place.start <= offset <= place.end:
            title = f"`{' '.join(place.text.split())}`"
            _, made = found.setdefault((place.start, place.end), (title, []))
            if layer not in made:
                made.append(layer)
    if not found:
        return None
    start, end = min(found, key=lambda place: (place[1] - place[0], place))
    title, made = found[start, end]
    return Span(analysis.source, start, end), title, made


def _layers(title: str, layers: Sequence[Layer]) -> str:
    if len(layers) == 1:
        layer = layers[0]
        lines = [f"**{layer.name}** {_operation(layer)}", _shapes(layer)]
        if layer.macs:
            intensity = significant(layer.arithmetic_intensity)
            lines.append(f"{millions(layer.macs)} M MACs, {intensity} MAC/word")
        if layer.params:
            lines.append(f"{thousands(layer.params)} parameters")
        if layer.loops is not None:
            lines.append(" ".join(f"{d} {n}" for d, n in layer.loops.bounds.items() if n > 1))
        return "  \n".join(lines)
    macs, params = sum(layer.macs for layer in layers), sum(layer.params for layer in layers)
    rows = [
        f"| {r.name} | {_operation(r)} | {_shapes(r)} | {millions(r.macs) if r.macs else ''} |"
        for r in layers[:SHOWN]
    ]
    table = ["| layer | op | shapes | M MACs |", "| --- | --- | --- | ---: |", *rows]
    rest = [f"… and {len(layers) - SHOWN} more"] if len(layers) > SHOWN else []
    head = f"**{title}** makes {len(layers)} layers: {millions(macs)} M MACs, {thousands(params)} parameters"
    return "\n".join([head, "", *table, *([""] if rest else []), *rest])


def _operation(layer: Layer) -> str:
    from dovetail.network_table import operation_text

    return operation_text(layer)


def _shapes(layer: Layer) -> str:
    inputs = ", ".join(" x ".join(map(str, t.shape)) for t in layer.inputs)
    return f"{inputs} -> {', '.join(' x '.join(map(str, t.shape)) for t in layer.outputs)}"


def _signature(word: Word | None) -> str:
    operator = OPERATORS.get(word.text) if word is not None else None
    if operator is None or operator.internal:
        return ""
    return f"\n\n`{operator.signature}`  \n{operator.summary}"


def _value(analysis: Analysis, definition: Definition) -> str:
    """A name with what it was bound to; each value once, where a block is used several times."""
    bound = analysis.values.get((definition.span.start, definition.name), ())
    if not bound and definition.scope is not None:  # a parameter is bound where its block begins
        bound = analysis.values.get((definition.scope.start, definition.name), ())
    texts = list(dict.fromkeys(_text(value) for value in bound if not isinstance(value, Unknown)))
    more = f", … ({len(texts)} values)" if len(texts) > SHOWN else ""
    said = ", ".join(texts[:SHOWN]) + more
    head = f"**{definition.name}** ({definition.kind})"
    return f"{head} = {said}" if said else f"{head}\n\n```dovetail\n{_first_line(definition)}\n```"


def _text(value: Value) -> str:
    return text_of(value) if isinstance(value, TensorValue | int | float | str) else _short(value)


def _short(value: Value) -> str:
    text = text_of(value)
    return text if len(text) <= 60 and "\n" not in text and "(" not in text else describe(value)


def _defined(definition: Definition) -> str:
    return f"```dovetail\n{_first_line(definition)}\n```"


def _first_line(definition: Definition) -> str:
    return definition.span.text.splitlines()[0] if definition.span.text else definition.name


# -------------------------------------------------------------------------------------- accelerators


def _part(analysis: Analysis, definition: Definition | None, word: Word) -> str | None:
    """A memory, array, unit or the MACs: how many, how large, what they cost."""
    chip, prices = analysis.architecture, analysis.prices
    if word.text == "mac" and chip is not None and prices is not None:
        mac = prices.mac
        lines = [
            f"**mac** {thousands(mac.instances)} of them",
            f"a MAC {_figure(mac.energy_pj(chip.bits))}",
            f"area {_area(mac.area_mm2.times(mac.instances))}",
        ]
        return "  \n".join(lines)
    if definition is None or definition.kind not in PARTS:
        return None
    if chip is None or prices is None:
        return _defined(definition)
    if definition.kind == "array":
        array = next((a for a in chip.arrays if a.name == definition.name), None)
        if array is None:
            return None
        axes = ", ".join(f"{axis.size} along {axis.name}" for axis in array.axes)
        links = ", ".join(f"{link.kind} {link.tensor} along {' '.join(link.axes)}" for link in array.links)
        return "  \n".join([f"**{array.name}** {thousands(array.size)} PEs: {axes}", links]).rstrip()
    if definition.kind == "axis":
        sizes = {f"{a.name}.{x.name}": x.size for a in chip.arrays for x in a.axes if x.name == word.text}
        return ", ".join(f"**{name}** {size} PEs" for name, size in sizes.items()) or None
    if definition.kind == "unit":
        unit = prices.units.get(definition.name)
        return None if unit is None else f"**{unit.name}** an element {_figure(unit.element_pj)}"
    memory = next((m for m in chip.memories if m.name == definition.name), None)
    return None if memory is None else _memory(analysis, memory)


def _memory(analysis: Analysis, memory: Memory) -> str:
    from dovetail.accelerator_table import memory_text

    assert analysis.prices is not None
    price = analysis.prices.memories[memory.name]
    access = "bit" if price.bits is None else f"{price.bits} bit"
    lines = [
        f"**{memory.name}** {thousands(price.instances)} of {memory_text(memory)}",
        f"a read of {access} {_figure(price.read_pj)}",
        f"a fill {_figure(price.fill_pj)}, an update {_figure(price.update_pj)}",
    ]
    if price.area_mm2.value:
        lines.append(f"area {_area(price.area_mm2.times(price.instances))}, each {_area(price.area_mm2)}")
    if price.leakage_mw.value:
        leakage = price.leakage_mw.times(price.instances)
        lines.append(f"leakage {prefixed(leakage.value / 1e3, 'W')}")
    lines += [f"*{source}*" for source in dict.fromkeys((price.read_pj.source, price.area_mm2.source))]
    return "  \n".join(lines)


def _figure(figure: Figure) -> str:
    return f"{significant(figure.value)} pJ{_band(figure)}"


def _area(figure: Figure) -> str:
    return f"{significant(figure.value)} mm{UNICODE.square}{_band(figure)}"


def _band(figure: Figure) -> str:
    return f" {UNICODE.plus_minus}{100 * figure.error:.0f} %" if figure.error and figure.value else ""


def _property(analysis: Analysis, word: Word) -> str | None:
    """A property of the part whose braces are around it."""
    part = part_around(analysis.file, word.start)
    known = SCHEMAS.get(part or "", {}).get(word.text)
    if known is None:
        return None
    words = f": {', '.join(f'`{w}`' for w in known.words)}" if known.words else ""
    return f"**{word.text}** of `{part}` is {known.kind}{words}"


def part_around(file: s.File, offset: int) -> str | None:
    """`memory`, `mac`, `unit`, …: whose braces are around a place."""
    found: str | None = None
    for node in nodes(file.statements):
        if node.span.start < offset <= node.span.end:
            match node:
                case s.MemoryBlock():
                    found = "memory"
                case s.UnitBlock():
                    found = "unit"
                case s.Properties():
                    found = node.keyword
                case s.LinkItem():
                    found = "along"
                case s.ArrayBlock() | s.DataflowBlock():
                    found = None
                case _:
                    pass
    return found
