"""`dovetail evaluate NET... ACCEL...`: one network on one accelerator in full, several as a matrix."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from dovetail.accel.architecture import Architecture
from dovetail.accel.loading import AcceleratorDesign, load_accelerator_design
from dovetail.console import complain, display, signs, write
from dovetail.costmodel.effort import DEFAULT_MAPPER, SECONDS_A_LAYER
from dovetail.dsl.diagnostics import Collector, DovetailError
from dovetail.dsl.layer import Layer
from dovetail.dsl.loading import NetworkDesign, load_network_design
from dovetail.dsl.network import UnknownLayer
from dovetail.evaluation import (
    Evaluation,
    UnknownName,
    architecture_of,
    dataflow_of,
    evaluate,
    evaluate_mapping,
    network_of,
    objective_of,
)
from dovetail.faults import GOOD, CommandLineFault
from dovetail.inputs import networks_and_accelerators, read_settings, seconds_of, share_settings
from dovetail.other_models import by_timeloop, check_names, with_energy
from dovetail.show_command import warn, write_table
from dovetail.table_formats import format_of


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks."""

    files: tuple[Path, ...]
    objective: str = "edp"
    batch: int = 1
    dataflow: str | None = None
    settings: tuple[str, ...] = ()
    layer: str | None = None
    mapping: Path | None = None
    bits: int | None = None
    everything: bool = False
    as_json: bool = False
    format: str | None = None
    html: Path | None = None
    mapper: str | None = None
    time: str | None = None
    cached: bool = True
    model: str = "dovetail"
    energy: str = "tables"
    python: str | None = None


def run(request: Request) -> int:
    """Evaluate, print, return the exit status."""
    if request.format is not None:
        if request.as_json:
            raise CommandLineFault("`--json` and `--format` are two ways to print the same")
        format_of(request.format)
    try:
        objective_of(request.objective)
        check_names(request.model, request.energy)
        networks, accelerators = load(request)
        evaluations = evaluate_all(request, networks, accelerators)
    except UnknownName as fault:
        raise CommandLineFault(fault.message, fault.help) from fault
    except UnknownLayer as fault:
        raise CommandLineFault(str(fault)) from fault
    for warning in dict.fromkeys(w for evaluation in evaluations for w in evaluation.warnings):
        warn([warning])
    if request.html is not None:
        _write_html(request, request.html, evaluations, networks, accelerators)
    if request.as_json:
        _print_json(evaluations)
    elif request.format is not None:
        _print_table(evaluations, request, request.format)
    else:
        _print(evaluations, request)
    return GOOD


def load(request: Request) -> tuple[list[NetworkDesign], list[AcceleratorDesign]]:
    """The designs of all files; every file's problems are reported, not those of the first bad one alone."""
    network_paths, accelerator_paths = networks_and_accelerators(request.files)
    paths = (*network_paths, *accelerator_paths)
    settings = share_settings(read_settings(request.settings), paths)
    problems = Collector()
    networks: list[NetworkDesign] = []
    accelerators: list[AcceleratorDesign] = []
    for path in paths:
        try:
            if path in network_paths:
                networks.append(load_network_design(path, settings[path]))
                warn(networks[-1].warnings)
            else:
                accelerators.append(load_accelerator_design(path, settings[path]))
                warn(accelerators[-1].warnings)
        except DovetailError as fault:
            for diagnostic in fault.diagnostics:
                problems.add(diagnostic)
    problems.check()
    return networks, accelerators


def evaluate_all(
    request: Request, networks: list[NetworkDesign], accelerators: list[AcceleratorDesign]
) -> list[Evaluation]:
    """What the request asks of these designs; raises as `evaluate` does, and CommandLineFault."""
    if request.layer is not None and len(networks) > 1:
        raise CommandLineFault("`--layer` is for one network", ["name one `.net` file"])
    if request.mapping is not None:
        found = [_evaluate_mapping(request, request.mapping, networks, accelerators)]
    else:
        found = [_evaluate(request, n, a) for n in networks for a in accelerators]
    return (
        [_counted_by_timeloop(evaluation, request) for evaluation in found]
        if request.model == "timeloop"
        else found
    )


def _counted_by_timeloop(evaluation: Evaluation, request: Request) -> Evaluation:
    """With Timeloop's numbers, and a word on standard error that says so."""
    python = None if request.energy == "hwcomponents" else request.python
    theirs, changed = by_timeloop(evaluation, python=python)
    complain("note: counts, cycles and energy of layers with MACs are Timeloop's")
    if changed:
        complain(
            f"  = help: it has no form for the mapping of {', '.join(changed)}: the nearest one is taken"
        )
    return theirs


def _chip(request: Request, accelerator: AcceleratorDesign) -> Architecture:
    """The architecture, with the energies that the request wants."""
    return with_energy(architecture_of(accelerator), request.energy, request.python)


def _evaluate(request: Request, network: NetworkDesign, accelerator: AcceleratorDesign) -> Evaluation:
    return evaluate(
        network,
        _chip(request, accelerator),
        request.objective,
        request.batch,
        request.dataflow,
        bits=request.bits,
        layer=request.layer,
        mapper=DEFAULT_MAPPER if request.mapper is None else request.mapper,
        seconds=SECONDS_A_LAYER if request.time is None else seconds_of(request.time),
        cached=request.cached,
        on_layer=_tell if sys.stderr.isatty() else None,
    )


def _tell(layer: Layer, done: int, all_: int) -> None:
    """Which layer is mapped, on one line of a terminal that the next one takes."""
    sys.stderr.write(f"\r\x1b[2Kmapping {layer.name}, {done + 1} of {all_}\r")
    if done + 1 == all_:
        sys.stderr.write("\x1b[2K\r")
    sys.stderr.flush()


def _evaluate_mapping(
    request: Request, mapping: Path, networks: list[NetworkDesign], accelerators: list[AcceleratorDesign]
) -> Evaluation:
    """The layer that a `.map` file is for, under its mapping."""
    from dovetail.accel.mapping_parsing import load_mapping

    if len(networks) > 1 or len(accelerators) > 1:
        raise CommandLineFault("`--mapping` is for one network on one accelerator")
    file = load_mapping(mapping)
    if request.layer not in (None, file.layer):
        raise CommandLineFault(
            f"`{mapping}` is a mapping for `{file.layer}`, not for `{request.layer}`",
            ["its first line says for which layer it is; `--layer` may be left out"],
        )
    architecture = _chip(request, accelerators[0])
    if file.accelerator != architecture.name:
        raise CommandLineFault(
            f"`{mapping}` is a mapping on `{file.accelerator}`, and `{architecture.name}` is given"
        )
    if request.dataflow is not None:
        dataflow_of(architecture, request.dataflow)
    return evaluate_mapping(
        network_of(networks[0], architecture, request.bits),
        file.layer,
        architecture,
        file.mapping,
        request.objective,
        request.batch,
        request.dataflow,
    )


def _write_html(
    request: Request,
    path: Path,
    evaluations: list[Evaluation],
    networks: list[NetworkDesign],
    accelerators: list[AcceleratorDesign],
) -> None:
    from dovetail.explorer.report.evaluation_page import evaluation_page
    from dovetail.report_source import Sides, source_of, write_page

    network_paths, accelerator_paths = networks_and_accelerators(request.files)
    asked = {
        "bits": request.bits,
        "dataflow": request.dataflow,
        "layer": request.layer,
        "mapping": request.mapping,
        "mapper": request.mapper,
        "time": request.time,
    }
    options = tuple((name, str(value)) for name, value in asked.items() if value is not None)
    files: list[Sides] = [
        [(network_path, network), (accelerator_path, accelerator)]
        for network_path, network in zip(network_paths, networks, strict=True)
        for accelerator_path, accelerator in zip(accelerator_paths, accelerators, strict=True)
    ]
    sources = [source_of(e, pair, options) for e, pair in zip(evaluations, files, strict=True)]
    write_page(path, evaluation_page(sources))


def _print_table(evaluations: list[Evaluation], request: Request, format: str) -> None:
    """One network on one chip by layer, or one layer by memory, or several by network and chip."""
    from dovetail.table_data import evaluation_data, matrix_data, traffic_data

    costs = [evaluation.cost for evaluation in evaluations]
    if len(costs) > 1:
        write_table(matrix_data(costs), format)
    elif request.layer is None and request.mapping is None:
        write_table(evaluation_data(costs[0]), format)
    else:
        for layer in costs[0].layers:
            write_table(traffic_data(layer), format)


def _print_json(evaluations: list[Evaluation]) -> None:
    from dovetail.evaluation_json import evaluation_json, matrix_json
    from dovetail.jsonout import dump

    one = len(evaluations) == 1
    write(dump(evaluation_json(evaluations[0]) if one else matrix_json(evaluations)))


def _print(evaluations: list[Evaluation], request: Request) -> None:
    from dovetail.evaluation_table import evaluation_view, matrix_view
    from dovetail.layer_table import layer_view

    if len(evaluations) > 1:
        display(matrix_view(evaluations, signs()))
        return
    evaluation = evaluations[0]
    if request.layer is None and request.mapping is None:
        display(evaluation_view(evaluation, signs(), everything=request.everything))
        return
    for layer in evaluation.layers:
        display(layer_view(layer, evaluation.cost, signs()))
    for free, reason in evaluation.cost.free:
        write(f"{free.name} ({free.op}) costs nothing of its own: {reason}\n")
