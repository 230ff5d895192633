"""`dovetail show FILE`: what a network, an accelerator or a design space is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.console import complain, display, signs, write
from dovetail.dsl.diagnostics import Diagnostic, render
from dovetail.dsl.values import text_of
from dovetail.faults import GOOD, CommandLineFault
from dovetail.inputs import KIND_NAMES, kind_of, read_settings, share_settings

if TYPE_CHECKING:
    from dovetail.dsl.space import Space
    from dovetail.table_data import TableData


@dataclass(frozen=True, slots=True)
class Shown:
    """What the command line asks to see of a file."""

    settings: tuple[str, ...] = ()
    everything: bool = False
    bits: int | None = None
    as_json: bool = False
    format: str | None = None
    svg: Path | None = None

    def __post_init__(self) -> None:
        asked = [
            option
            for option, given in (("--json", self.as_json), ("--format", self.format), ("--svg", self.svg))
            if given
        ]
        if len(asked) > 1:
            raise CommandLineFault(f"`{asked[0]}` and `{asked[1]}` are two ways to show the same")


def run(path: Path, shown: Shown) -> int:
    """Show one file."""
    kind = kind_of(path)
    if shown.format is not None:
        from dovetail.table_formats import format_of

        format_of(shown.format)  # a wrong one is said before anything is read
    if kind == "map" and shown.svg is not None:
        _mapping(path, shown.svg)
        return GOOD
    if kind not in ("net", "accel"):
        drawn = ["`--svg FILE` draws it"] if kind == "map" else []
        raise CommandLineFault(
            f"`{path}` is a {KIND_NAMES[kind]}; `show` is for networks and accelerators",
            ["`dovetail check` says what is in it", *drawn],
        )
    given = share_settings(read_settings(shown.settings), [path])[path]
    show = _network if kind == "net" else _accelerator
    show(path, given, shown)
    return GOOD


def save_picture(svg: str, target: Path) -> None:
    """A picture to a file, or to standard output for `-`."""
    if str(target) == "-":
        write(svg)
        return
    try:
        target.write_text(svg, encoding="utf-8")
    except OSError as fault:
        raise CommandLineFault(f"`{target}` cannot be written: {fault.strerror}") from fault
    complain(f"wrote {target}")


def write_table(table: TableData, format: str) -> None:
    """A table to standard output in the format of that name."""
    from dovetail.table_formats import format_of, formatted

    write(formatted(table, format_of(format)))


def _mapping(path: Path, target: Path) -> None:
    from dovetail.accel.mapping_parsing import load_mapping
    from dovetail.accel.mapping_picture import draw_mapping

    file = load_mapping(path)
    save_picture(draw_mapping(file.mapping, f"{file.layer} on {file.accelerator}"), target)


def parameter_texts(parameters: Mapping[str, object]) -> dict[str, str]:
    """Parameters as a text writes them."""
    return {name: text_of(value) for name, value in parameters.items()}


def _space(path: Path, settings: Mapping[str, str]) -> Space:
    from dovetail.accel.space import measure_accelerator_space
    from dovetail.dsl.space import measure_network_space

    measure = measure_network_space if path.suffix == ".net" else measure_accelerator_space
    return measure(path, settings)


def warn(warnings: Sequence[Diagnostic]) -> None:
    """Lint, to standard error."""
    if warnings:
        complain(render(warnings) + "\n")


def _network(path: Path, settings: Mapping[str, str], shown: Shown) -> None:
    from dovetail.dsl.loading import load_network_design
    from dovetail.dsl.problem import Bits

    design = load_network_design(path, settings)
    warn(design.warnings)
    bits, everything = shown.bits, shown.everything
    network = design.at(Bits() if bits is None else Bits(bits, bits, bits, bits))
    if shown.svg is not None:
        from dovetail.dsl.network_picture import draw_network

        save_picture(draw_network(network), shown.svg)
        return
    if shown.format is not None:
        from dovetail.table_data import network_data, space_data

        data = (
            space_data(_space(path, settings))
            if design.open_choices
            else network_data(network, everything=everything)
        )
        write_table(data, shown.format)
        return
    if shown.as_json:
        from dovetail.jsonout import dump, network_json, space_json

        whole = network_json(network, design.parameters)
        if design.open_choices:
            whole = space_json(_space(path, settings), "network", design.parameters)
        write(dump(whole))
        return
    from dovetail.network_table import network_view
    from dovetail.space_table import space_view

    parameters = parameter_texts(design.parameters)
    if design.open_choices:
        display(space_view(_space(path, settings), "network", parameters, signs(), everything=everything))
        if not everything:
            return
        write("\nThe design that takes the first options:\n")
    display(network_view(network, parameters, signs(), everything=everything))


def _accelerator(path: Path, settings: Mapping[str, str], shown: Shown) -> None:
    from dovetail.accel.loading import load_accelerator_design
    from dovetail.pricing import priced

    if shown.bits is not None:
        raise CommandLineFault(
            "`--bits` is for networks", ["an accelerator says its `precision` in its text"]
        )
    design = load_accelerator_design(path, settings)
    warn(design.warnings)
    prices = priced(design.architecture)
    if shown.svg is not None:
        from dovetail.accelerator_picture import accelerator_picture

        save_picture(accelerator_picture(design.architecture, prices), shown.svg)
        return
    if shown.format is not None:
        from dovetail.table_data import accelerator_data, space_data

        data = (
            space_data(_space(path, settings))
            if design.open_choices
            else accelerator_data(design.architecture, prices)
        )
        write_table(data, shown.format)
        return
    if shown.as_json:
        from dovetail.jsonout import accelerator_json, dump, space_json

        whole = accelerator_json(design.architecture, prices, design.parameters)
        if design.open_choices:
            whole = space_json(_space(path, settings), "accelerator", design.parameters)
        write(dump(whole))
        return
    from dovetail.accelerator_table import accelerator_view
    from dovetail.space_table import space_view

    parameters = parameter_texts(design.parameters)
    if design.open_choices:
        space = _space(path, settings)
        display(space_view(space, "accelerator", parameters, signs(), everything=shown.everything))
        write("\nThe design that takes the first options:\n")
    display(accelerator_view(design.architecture, prices, parameters, signs()))
