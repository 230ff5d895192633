"""What an editor wants to know of a text that is being written: what is wrong, what it says so far.

The problems are exactly those of `dovetail check`. What the text says is recorded on the way, so that a text
that is wrong in one place is understood in all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dovetail.accel.architecture import Architecture
from dovetail.accel.elaborate import AcceleratorElaborator
from dovetail.accel.loading import elaborate_accelerator
from dovetail.accel.mapping_parsing import mapping_of
from dovetail.costmodel.components import Prices
from dovetail.dsl import syntax as s
from dovetail.dsl.choices import DesignChooser
from dovetail.dsl.construction import build_layers
from dovetail.dsl.diagnostics import Collector, Diagnostic, DovetailError
from dovetail.dsl.elaborate_network import NetworkElaborator
from dovetail.dsl.feasible import first_feasible
from dovetail.dsl.layer import Layer
from dovetail.dsl.loading import elaborate_network
from dovetail.dsl.parser import parse
from dovetail.dsl.problem import Bits
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Source, Span
from dovetail.dsl.values import BlockValue, Value
from dovetail.pricing import priced

KIND_OF_HEADER: Final = {"net": "net", "accel": "accel", "study": "study", "mapping": "map"}


@dataclass(frozen=True, slots=True)
class Use:
    """A block used at a place: the layers that it made are `layers[first:last]`."""

    name: str
    span: Span
    first: int
    last: int


@dataclass(frozen=True)
class Analysis:
    """What is known of one text. `layers` and `values` are those of the first options of every choice."""

    source: Source
    kind: str
    file: s.File
    layers: tuple[Layer, ...] = ()
    uses: tuple[Use, ...] = ()
    values: Mapping[tuple[int, str], tuple[Value, ...]] = field(default_factory=dict)
    """What each name was bound to, by where its definition begins."""
    architecture: Architecture | None = None
    prices: Prices | None = None


def kind_of_text(text: str, path: Path | None) -> str:
    """`net`, `accel`, `study` or `map`: by the suffix, else by the first word."""
    if path is not None and path.suffix.removeprefix(".") in KIND_OF_HEADER.values():
        return path.suffix.removeprefix(".")
    lines = (line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return KIND_OF_HEADER.get(next(lines, [""])[0], "net")


def diagnose(text: str, path: Path | None) -> tuple[Diagnostic, ...]:
    """Everything that `dovetail check` says about a text that would stand at `path`."""
    problems = Collector()
    kind = kind_of_text(text, path)
    try:
        file = parse(_source(text, path), problems, kind)
        match kind:
            case "net":
                _, problems = first_feasible(
                    lambda found, chooser: elaborate_network(file, found, {}, chooser), problems, {}
                )
            case "accel":
                design, problems = first_feasible(
                    lambda found, chooser: elaborate_accelerator(file, found, {}, chooser), problems, {}
                )
                if design is not None:
                    priced(design.architecture)
            case "map":
                mapping_of(file, problems)
            case _:
                from dovetail.explorer.study import study_of

                study_of(file, problems)
    except DovetailError as fault:
        for diagnostic in fault.diagnostics:
            problems.add(diagnostic)
    return problems.diagnostics


def analyse(text: str, path: Path | None) -> Analysis:
    """What a text says, as far as it can be read."""
    source, kind, problems = _source(text, path), kind_of_text(text, path), Collector()
    file = parse(source, problems, kind)
    if kind == "net":
        network = _NetworkRecorder(problems, DesignChooser())
        network.prepare(file, {})
        network.run()
        layers, _ = build_layers(network.made, network.widths, Bits())
        return Analysis(source, kind, file, layers, tuple(network.used), network.bound_values)
    if kind == "accel":
        accelerator = _AcceleratorRecorder(problems, DesignChooser())
        accelerator.prepare(file, {})
        accelerator.run()
        made, prices = accelerator.architecture, None
        if made is not None:
            try:
                prices = priced(made)
            except DovetailError:
                prices = None  # `diagnose` says why
        return Analysis(source, kind, file, values=accelerator.bound_values, architecture=made, prices=prices)
    return Analysis(source, kind, file)


def _source(text: str, path: Path | None) -> Source:
    return Source(text, "<text>" if path is None else str(path), path)


class _NetworkRecorder(NetworkElaborator):
    """Notes which block made which layers, and what every name was bound to."""

    def prepare(self, file: s.File, settings: Mapping[str, Value]) -> None:
        super().prepare(file, settings)
        self.used: list[Use] = []
        self.bound_values: dict[tuple[int, str], tuple[Value, ...]] = {}

    def define(self, scope: Scope, name: str, value: Value, span: Span) -> None:
        super().define(scope, name, value, span)
        self._note(name, value, span)

    def expand(self, block: BlockValue, bound: Mapping[str, Value], name: str, node: s.Expr) -> Value:
        first = len(self.made.layers)
        for parameter, value in bound.items():
            self._note(parameter, value, block.span)
        result = super().expand(block, bound, name, node)
        if node.span.source is self.file.source:
            self.used.append(Use(name, node.span, first, len(self.made.layers)))
        return result

    def _note(self, name: str, value: Value, span: Span) -> None:
        if span.source is self.file.source:
            key = (span.start, name)
            self.bound_values[key] = (*self.bound_values.get(key, ()), value)


class _AcceleratorRecorder(AcceleratorElaborator):
    """Notes what every name was bound to."""

    def prepare(self, file: s.File, settings: Mapping[str, Value]) -> None:
        super().prepare(file, settings)
        self.bound_values: dict[tuple[int, str], tuple[Value, ...]] = {}

    def define(self, scope: Scope, name: str, value: Value, span: Span) -> None:
        super().define(scope, name, value, span)
        if span.source is self.file.source:
            key = (span.start, name)
            self.bound_values[key] = (*self.bound_values.get(key, ()), value)
