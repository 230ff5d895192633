"""Entry points: from a path or a text to an accelerator, with every problem of the input in one exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dovetail.accel.architecture import Architecture
from dovetail.accel.elaborate import AcceleratorElaborator
from dovetail.dsl import syntax as s
from dovetail.dsl.choices import Choice, DesignChooser
from dovetail.dsl.declarations import Figure, MetricTable
from dovetail.dsl.diagnostics import Collector, Diagnostic, DovetailError
from dovetail.dsl.feasible import first_feasible
from dovetail.dsl.loading import picks_of, settings_of
from dovetail.dsl.parser import parse, parse_file
from dovetail.dsl.source import Source
from dovetail.dsl.values import Value


@dataclass(frozen=True, slots=True)
class AcceleratorDesign:
    """An elaborated `.accel` file: its architecture, with the choices that were made on the way."""

    name: str
    architecture: Architecture
    choices: tuple[Choice, ...]
    parameters: Mapping[str, Value]
    figures: Mapping[str, Figure | MetricTable]
    warnings: tuple[Diagnostic, ...]

    @property
    def open_choices(self) -> tuple[Choice, ...]:
        """Choices that nobody made (the first option was taken): with one, the file is a design space."""
        return tuple(c for c in self.choices if not c.given)

    def _repr_svg_(self) -> str:
        """As that of its architecture, for notebooks."""
        return self.architecture._repr_svg_()


def elaborate_accelerator(
    file: s.File, problems: Collector, settings: Mapping[str, object], chooser: DesignChooser
) -> AcceleratorDesign | None:
    """Elaborate; None where an error was added to `problems`."""
    elaborator = AcceleratorElaborator(problems, chooser)
    elaborator.prepare(file, settings_of(settings))
    elaborator.run()
    chooser.steps = elaborator.budget.spent
    elaborator.check_settings(c.site.path for c in chooser.choices)
    if problems.failed or file.header is None or elaborator.architecture is None:
        return None
    elaborator.check_ties({c.site.path for c in chooser.choices})
    return AcceleratorDesign(
        file.header.name,
        elaborator.architecture,
        tuple(chooser.choices),
        elaborator.parameters,
        elaborator.figures,
        problems.diagnostics,
    )


def load_accelerator_design(
    path: str | Path, settings: Mapping[str, object] | None = None
) -> AcceleratorDesign:
    """Read, check and elaborate an `.accel` file; raises DovetailError with every problem found.

    `settings` gives parameters by name and choices by path (`Buffer.size`); a choice that is left open takes
    its first option and is listed in `open_choices`.
    """
    problems = Collector()
    return _finish(parse_file(Path(path), problems), problems, settings)


def accelerator_from_text(
    text: str, name: str = "<text>", settings: Mapping[str, object] | None = None
) -> AcceleratorDesign:
    """As `load_accelerator_design`, from a text."""
    problems = Collector()
    return _finish(parse(Source(text, name), problems, "accel"), problems, settings)


def _finish(file: s.File, problems: Collector, settings: Mapping[str, object] | None) -> AcceleratorDesign:
    given = settings or {}
    design, problems = first_feasible(
        lambda found, chooser: elaborate_accelerator(file, found, given, chooser), problems, picks_of(given)
    )
    if design is None:
        raise DovetailError(problems.diagnostics)
    return replace(design, warnings=problems.diagnostics)
