"""`dovetail evaluate NET... ACCEL...`: one network on one accelerator in full, several as a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dovetail.accel.loading import AcceleratorDesign, load_accelerator_design
from dovetail.console import display, signs, write
from dovetail.dsl.diagnostics import Collector, DovetailError
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
from dovetail.inputs import networks_and_accelerators, read_settings, share_settings
from dovetail.show_command import warn


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


def run(request: Request) -> int:
    """Evaluate, print, return the exit status."""
    try:
        objective_of(request.objective)
        networks, accelerators = load(request)
        if request.layer is not None and len(networks) > 1:
            raise CommandLineFault("`--layer` is for one network", ["name one `.net` file"])
        if request.mapping is not None:
            evaluations = [_evaluate_mapping(request, request.mapping, networks, accelerators)]
        else:
            evaluations = [_evaluate(request, n, a) for n in networks for a in accelerators]
    except UnknownName as fault:
        raise CommandLineFault(fault.message, fault.help) from fault
    except UnknownLayer as fault:
        raise CommandLineFault(str(fault)) from fault
    for warning in dict.fromkeys(w for evaluation in evaluations for w in evaluation.warnings):
        warn([warning])
    if request.as_json:
        _print_json(evaluations)
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


def _evaluate(request: Request, network: NetworkDesign, accelerator: AcceleratorDesign) -> Evaluation:
    return evaluate(
        network,
        accelerator,
        request.objective,
        request.batch,
        request.dataflow,
        bits=request.bits,
        layer=request.layer,
    )


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
    architecture = architecture_of(accelerators[0])
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
