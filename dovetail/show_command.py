"""`dovetail show FILE`: what a network, an accelerator or a design space is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.console import complain, display, signs, write
from dovetail.dsl.diagnostics import Diagnostic, render
from dovetail.dsl.values import text_of
from dovetail.faults import GOOD, CommandLineFault
from dovetail.inputs import KIND_NAMES, kind_of, read_settings, share_settings

if TYPE_CHECKING:
    from dovetail.dsl.space import Space


def run(path: Path, settings: Sequence[str], *, everything: bool, bits: int | None, as_json: bool) -> int:
    """Show one file."""
    kind = kind_of(path)
    if kind not in ("net", "accel"):
        raise CommandLineFault(
            f"`{path}` is a {KIND_NAMES[kind]}; `show` is for networks and accelerators",
            ["`dovetail check` says what is in it"],
        )
    given = share_settings(read_settings(settings), [path])[path]
    show = _network if kind == "net" else _accelerator
    show(path, given, everything=everything, bits=bits, as_json=as_json)
    return GOOD


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


def _network(
    path: Path, settings: Mapping[str, str], *, everything: bool, bits: int | None, as_json: bool
) -> None:
    from dovetail.dsl.loading import load_network_design
    from dovetail.dsl.problem import Bits

    design = load_network_design(path, settings)
    warn(design.warnings)
    network = design.at(Bits() if bits is None else Bits(bits, bits, bits, bits))
    if as_json:
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


def _accelerator(
    path: Path, settings: Mapping[str, str], *, everything: bool, bits: int | None, as_json: bool
) -> None:
    from dovetail.accel.loading import load_accelerator_design
    from dovetail.pricing import priced

    if bits is not None:
        raise CommandLineFault(
            "`--bits` is for networks", ["an accelerator says its `precision` in its text"]
        )
    design = load_accelerator_design(path, settings)
    warn(design.warnings)
    prices = priced(design.architecture)
    if as_json:
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
        display(space_view(space, "accelerator", parameters, signs(), everything=everything))
        write("\nThe design that takes the first options:\n")
    display(accelerator_view(design.architecture, prices, parameters, signs()))
