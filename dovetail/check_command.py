"""`dovetail check FILE...`: every problem of every file at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dovetail.console import complain, write
from dovetail.dsl.diagnostics import Collector, Diagnostic, DovetailError, Severity, render
from dovetail.dsl.parser import parse_file
from dovetail.faults import GOOD, INPUT_AT_FAULT


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking one file found; `summary` says what it is where it is good."""

    path: Path
    kind: str
    name: str | None
    summary: str
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> int:
        """How many of the diagnostics refuse the file."""
        return sum(d.severity is Severity.ERROR for d in self.diagnostics)

    @property
    def warnings(self) -> int:
        """How many do not."""
        return len(self.diagnostics) - self.errors


def check_file(path: Path) -> Checked:
    """Read, parse and elaborate one file of any kind; nothing is raised for what is wrong in it."""
    kind = path.suffix.removeprefix(".")
    try:
        match kind:
            case "net":
                return _check_network(path)
            case "accel":
                return _check_accelerator(path)
            case "map":
                return _check_mapping(path)
            case "study":
                return _check_study(path)
            case _:
                parse_file(
                    path, Collector()
                )  # says what is wrong with the name, or that there is no such file
                raise AssertionError(f"{path} was parsed")
    except DovetailError as fault:
        return Checked(path, kind, None, "", fault.diagnostics)


def run(paths: Sequence[Path], *, as_json: bool) -> int:
    """Check all, print what was found, return the exit status."""
    results = [check_file(path) for path in paths]
    if as_json:
        from dovetail.jsonout import check_json, dump

        write(dump(check_json(results)))
    else:
        for result in results:
            if result.diagnostics:
                complain(render(result.diagnostics) + "\n")
            if not result.errors:
                write(f"ok {result.path}: {result.summary}\n")
    return INPUT_AT_FAULT if any(result.errors for result in results) else GOOD


def _check_network(path: Path) -> Checked:
    from dovetail.dsl.loading import load_network_design

    design = load_network_design(path)
    layers = len(design.made.layers)
    summary = f"network `{design.name}`, {_count(layers, 'layer')}{_choices(len(design.open_choices))}"
    return Checked(path, "net", design.name, summary, design.warnings)


def _check_accelerator(path: Path) -> Checked:
    from dovetail.accel.loading import load_accelerator_design
    from dovetail.pricing import priced

    design = load_accelerator_design(path)
    chip = design.architecture
    priced(chip)
    parts = f"{_count(chip.pes, 'PE')}, {_count(len(chip.dataflows), 'dataflow')}"
    summary = f"accelerator `{chip.name}`, {parts}{_choices(len(design.open_choices))}"
    return Checked(path, "accel", chip.name, summary, design.warnings)


def _check_mapping(path: Path) -> Checked:
    from dovetail.accel.mapping_parsing import load_mapping

    file = load_mapping(path)
    summary = f"mapping for `{file.layer}` on `{file.accelerator}`, {_count(len(file.mapping.loops), 'loop')}"
    return Checked(path, "map", file.layer, summary, ())


def _check_study(path: Path) -> Checked:
    from dovetail.explorer.study import load_study

    study = load_study(path)
    parts = f"{_count(len(study.networks), 'network')}, {_count(len(study.accelerators), 'accelerator')}"
    return Checked(path, "study", study.name, f"study `{study.name}`, {parts}", ())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _choices(number: int) -> str:
    return f", a design space with {_count(number, 'open choice')}" if number else ""
