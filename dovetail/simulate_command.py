"""`dovetail simulate NET ACCEL --layer NAME`: one layer, cycle by cycle, with real numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.console import complain, write
from dovetail.evaluate_command import Request, load
from dovetail.evaluation import architecture_of, dataflow_of, evaluate, network_of
from dovetail.faults import GOOD, INPUT_AT_FAULT, CommandLineFault

if TYPE_CHECKING:
    from dovetail.accel.architecture import Architecture
    from dovetail.accel.loading import AcceleratorDesign
    from dovetail.accel.mapping import Mapping
    from dovetail.accel.simulator import SimulationResult
    from dovetail.dsl.layer import Layer
    from dovetail.dsl.loading import NetworkDesign


@dataclass(frozen=True, slots=True)
class Simulation:
    """What the command line asks."""

    files: tuple[Path, ...]
    layer: str
    dataflow: str | None = None
    mapping: Path | None = None
    settings: tuple[str, ...] = ()
    seed: int = 0
    numbers: bool = True
    trace: Path | None = None
    as_json: bool = False


def run(asked: Simulation) -> int:
    """Simulate, compare with NumPy and with the model, print, return the exit status."""
    from dovetail.accel.simulator import CannotSimulate, simulate
    from dovetail.dsl.network import UnknownLayer
    from dovetail.evaluation import UnknownName

    networks, accelerators = load(Request(asked.files, settings=asked.settings))
    if len(networks) != 1 or len(accelerators) != 1:
        raise CommandLineFault("`simulate` takes one network and one accelerator")
    architecture = architecture_of(accelerators[0])
    try:
        layer = network_of(networks[0], architecture, None)[asked.layer]
        dataflow, mapping, expected = _how(asked, networks[0], accelerators[0], architecture)
    except UnknownName as fault:
        raise CommandLineFault(fault.message, fault.help) from fault
    except UnknownLayer as fault:
        raise CommandLineFault(str(fault)) from fault
    try:
        result = simulate(layer, architecture, dataflow, mapping, seed=asked.seed, numbers=asked.numbers)
    except CannotSimulate as refusal:
        complain(f"error: `{asked.layer}` on `{architecture.name}` is not simulated: {refusal}")
        return INPUT_AT_FAULT
    correct = _correct(layer, result, asked.seed)
    if asked.trace is not None:
        result.trace(asked.trace)
    if asked.as_json:
        _print_json(asked, architecture, dataflow, result, correct, expected)
    else:
        _print(asked, architecture, dataflow, result, correct, expected)
    return GOOD if correct is not False else INPUT_AT_FAULT


def _how(
    asked: Simulation, network: NetworkDesign, accelerator: AcceleratorDesign, architecture: Architecture
) -> tuple[str | None, Mapping, int | None]:
    """Dataflow, mapping, and the cycles that the model expects of them where it was asked."""
    if asked.mapping is not None:
        from dovetail.accel.mapping_parsing import load_mapping

        if asked.dataflow is not None:
            dataflow_of(architecture, asked.dataflow)
        return asked.dataflow, load_mapping(asked.mapping).mapping, None
    chosen = evaluate(network, accelerator, dataflow=asked.dataflow, layer=asked.layer)[asked.layer]
    if chosen.mapping is None:
        raise CommandLineFault(f"`{asked.layer}` has no MACs to simulate: it runs on a vector unit")
    return chosen.dataflow, chosen.mapping, chosen.cycles


def _correct(layer: Layer, result: SimulationResult, seed: int) -> bool | None:
    """Whether every element of the output is NumPy's; None where no numbers were moved."""
    if result.output is None or layer.loops is None:
        return None
    import numpy as np

    from dovetail.accel.simulator import convolution, random_data
    from dovetail.accel.simulator.operands import padding_of

    data = random_data(layer.loops, seed, padding_of(layer, layer.loops))
    return bool(np.array_equal(result.output, convolution(layer.loops, data)))


def _print(
    asked: Simulation,
    architecture: Architecture,
    dataflow: str | None,
    result: SimulationResult,
    correct: bool | None,
    expected: int | None,
) -> None:
    lines = [f"{asked.layer} on {architecture.name}, {dataflow or 'mapping given'}: {result.summary()}"]
    if correct is not None:
        lines.append(
            "the output is NumPy's in every element" if correct else "THE OUTPUT DIFFERS FROM NUMPY'S"
        )
    if expected is not None:
        same = "as the model expects" if expected == result.cycles else f"the model expects {expected}"
        lines.append(f"{result.cycles} cycles, {same}")
    if asked.trace is not None:
        lines.append(f"trace written to {asked.trace}")
    write("\n".join(lines) + "\n")


def _print_json(
    asked: Simulation,
    architecture: Architecture,
    dataflow: str | None,
    result: SimulationResult,
    correct: bool | None,
    expected: int | None,
) -> None:
    from dovetail.jsonout import dump

    traffic: dict[str, dict[str, dict[str, int]]] = {}
    for a in result.counts:
        actions = {"reads": a.reads, "fills": a.fills, "updates": a.updates}
        traffic.setdefault(a.memory, {})[a.operand] = actions
    found = {
        "schema": "dovetail.simulation/1",
        "layer": asked.layer,
        "accelerator": architecture.name,
        "dataflow": dataflow,
        "seed": asked.seed,
        "cycles": result.cycles,
        "model_cycles": expected,
        "phases_cycles": asdict(result.phases),
        "macs": result.macs,
        "folds": result.folds,
        "skipped_steps": result.skipped_steps,
        "utilization": result.utilization,
        "output_equals_numpy": correct,
        "traffic_words": traffic,
    }
    write(dump(found))
