"""Entry points: from a path or a text to a network, with every problem of the input in one exception."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from dovetail.dsl import syntax as s
from dovetail.dsl import units
from dovetail.dsl.choices import Choice, DesignChooser
from dovetail.dsl.construction import Construction, Widths, build_layers
from dovetail.dsl.declarations import Figure, MetricTable
from dovetail.dsl.diagnostics import Collector, Diagnostic, DovetailError, Label
from dovetail.dsl.elaborate_network import NetworkElaborator
from dovetail.dsl.feasible import first_feasible
from dovetail.dsl.layer import Layer
from dovetail.dsl.network import Network
from dovetail.dsl.parser import parse, parse_file
from dovetail.dsl.problem import Bits
from dovetail.dsl.source import Source
from dovetail.dsl.values import Value


@dataclass(frozen=True)
class NetworkDesign:
    """An elaborated `.net` file: what it builds, with the choices that were made on the way."""

    name: str
    made: Construction
    outputs: tuple[int, ...]
    widths: Mapping[str, Widths]
    figures: Mapping[str, Figure | MetricTable]
    parameters: Mapping[str, Value]
    choices: tuple[Choice, ...]
    warnings: tuple[Diagnostic, ...]

    @property
    def open_choices(self) -> tuple[Choice, ...]:
        """Choices that nobody made: with one, the file is a design space."""
        return tuple(c for c in self.choices if not c.given)

    def at(self, default: Bits) -> Network:
        """The network, with `default` bit widths where its text gives none."""
        layers, tensors = build_layers(self.made, self.widths, default)
        return Network(
            self.name,
            layers,
            tuple(tensors[i] for i in self.made.inputs),
            tuple(tensors[i] for i in dict.fromkeys(self.outputs)),
            self.figures,
        )

    @cached_property
    def network(self) -> Network:
        """At 16 bit where its text gives no width."""
        return self.at(Bits())

    @property
    def macs(self) -> int:
        """Multiply-accumulates at batch 1."""
        return self.network.macs

    @property
    def params(self) -> int:
        """Parameters of all layers: weights, bias, normalisation."""
        return self.network.params

    def _repr_svg_(self) -> str:
        """As that of its network, for notebooks."""
        return self.network._repr_svg_()

    def __len__(self) -> int:
        return len(self.network)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.network)

    def __getitem__(self, name: str) -> Layer:
        """The layer of that name at 16 bit (`at(bits)[name]` for other widths); raises UnknownLayer."""
        return self.network[name]


def settings_of(values: Mapping[str, object]) -> dict[str, Value]:
    """Settings from Python or the command line as values of the language (text is read as an expression)."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}


def picks_of(values: Mapping[str, object]) -> dict[str, str]:
    """The same as options of choices, by path."""
    return {name: units.text_of(v) if units.is_quantity(v) else str(v) for name, v in values.items()}


def elaborate_network(
    file: s.File, problems: Collector, settings: Mapping[str, object], chooser: DesignChooser
) -> NetworkDesign | None:
    """Elaborate; None where an error was added to `problems`."""
    elaborator = NetworkElaborator(problems, chooser)
    elaborator.prepare(file, settings_of(settings))
    elaborator.run()
    chooser.steps = elaborator.budget.spent
    elaborator.check_settings(c.site.path for c in chooser.choices)
    if problems.failed or file.header is None:
        return None
    _lint_unreachable(elaborator, problems)
    elaborator.check_ties({c.site.path for c in chooser.choices})
    return NetworkDesign(
        file.header.name,
        elaborator.made,
        tuple(index for index, _ in elaborator.outputs),
        elaborator.widths,
        elaborator.figures,
        elaborator.parameters,
        tuple(chooser.choices),
        problems.diagnostics,
    )


def _lint_unreachable(elaborator: NetworkElaborator, problems: Collector) -> None:
    """Layers whose outputs nothing needs: the last of each chain of them, with how many lie before it."""
    needed = {index for index, _ in elaborator.outputs}
    behind: dict[int, int] = {}  # tensors that only unneeded layers read, with the last of those layers
    chains: dict[int, int] = {}
    layers = elaborator.made.layers
    for number in range(len(layers) - 1, -1, -1):
        layer = layers[number]
        if not needed.isdisjoint(layer.outputs):
            needed.update(layer.inputs)
            continue
        last = next((behind[i] for i in layer.outputs if i in behind), number)
        chains[last] = chains.get(last, 0) + 1
        behind |= dict.fromkeys(layer.inputs, last)
    for last, count in chains.items():
        layer = layers[last]
        more = f", nor the {count - 1} before it" if count > 1 else ""
        message = f"nothing needs the layer `{layer.name}`{more}"
        problems.add(Diagnostic("W1001", message, Label(layer.span), help=("`output` says what is needed",)))


def load_network_design(path: str | Path, settings: Mapping[str, object] | None = None) -> NetworkDesign:
    """Read, check and elaborate a `.net` file; raises DovetailError with every problem found."""
    problems = Collector()
    file = parse_file(Path(path), problems)
    return _finish(file, problems, settings)


def network_from_text(
    text: str, name: str = "<text>", settings: Mapping[str, object] | None = None
) -> NetworkDesign:
    """As `load_network_design`, from a text."""
    problems = Collector()
    return _finish(parse(Source(text, name), problems, "net"), problems, settings)


def _finish(file: s.File, problems: Collector, settings: Mapping[str, object] | None) -> NetworkDesign:
    given = settings or {}
    design, problems = first_feasible(
        lambda found, chooser: elaborate_network(file, found, given, chooser), problems, picks_of(given)
    )
    if design is None:
        raise DovetailError(problems.diagnostics)
    return replace(design, warnings=problems.diagnostics)
