"""`evaluate --model timeloop`, `--energy accelergy | hwcomponents`: other tools' numbers in our results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from dovetail.accel.architecture import Architecture
from dovetail.costmodel.layer_cost import EnergyParts, LayerCost, Trial
from dovetail.evaluation import Evaluation
from dovetail.faults import CommandLineFault

MODELS: Final = ("dovetail", "timeloop")
ENERGIES: Final = ("tables", "accelergy", "hwcomponents")


def check_names(model: str, energy: str) -> None:
    """Raises CommandLineFault for a cost model or a source of energies that is not there."""
    if model not in MODELS:
        raise CommandLineFault(f"there is no cost model `{model}`", [f"known are {', '.join(MODELS)}"])
    if energy not in ENERGIES:
        raise CommandLineFault(
            f"there is no source of energies `{energy}`", [f"known are {', '.join(ENERGIES)}"]
        )


def with_energy(architecture: Architecture, source: str, python: str | None = None) -> Architecture:
    """The architecture with energies and areas from `source`; raises ExternalFault."""
    if source == "tables":
        return architecture
    from dovetail.costmodel.accelergy import run_accelergy
    from dovetail.costmodel.hwcomponents import run_hwcomponents
    from dovetail.costmodel.part_energies import with_energies

    with TemporaryDirectory(prefix="dovetail-") as folder:
        if source == "accelergy":
            found = run_accelergy(architecture, Path(folder))
        else:
            found = run_hwcomponents(architecture, Path(folder), python)
    return with_energies(architecture, found)


def by_timeloop(
    evaluation: Evaluation, seconds: float = 600, python: str | None = None
) -> tuple[Evaluation, tuple[str, ...]]:
    """The same layers and mappings with Timeloop's counts, cycles and energy; and the layers with other
    mappings.

    Layers without MACs stay ours. Timeloop has no form for some mappings: there the nearest one is taken.
    Raises ExternalFault, also where Timeloop has no form for a layer's mapping.
    """
    from dovetail.costmodel.external import ExternalFault
    from dovetail.costmodel.timeloop.case import Inexpressible
    from dovetail.costmodel.timeloop.prepare import prepare
    from dovetail.costmodel.timeloop.program import model_runner, run_model
    from dovetail.costmodel.timeloop.results import cost_of
    from dovetail.costmodel.timeloop.statistics import Unreadable

    runner = model_runner(python)
    cost = evaluation.cost
    layers: list[LayerCost] = []
    changed: list[str] = []
    with TemporaryDirectory(prefix="dovetail-") as folder:
        for number, layer in enumerate(cost.layers):
            if layer.chosen is None:
                layers.append(layer)
                continue
            try:
                prepared = prepare(layer, cost.architecture, cost.prices)
                ran = run_model(prepared.case, Path(folder) / str(number), seconds, runner)
                theirs = cost_of(ran.statistics, prepared.case, cost.architecture)
            except Inexpressible as reason:
                message = f"Timeloop has no form for the mapping of `{layer.name}`: {reason}"
                raise ExternalFault(message) from reason
            except Unreadable as fault:
                raise ExternalFault(f"what Timeloop wrote cannot be read: {fault}", ran.command) from fault
            if not prepared.own:
                changed.append(layer.name)
            ours = layer.energy.total_pj
            spread = layer.energy.spread_pj / ours if ours else 0.0
            parts = EnergyParts(
                mac_pj=theirs.energy.mac_pj,
                memories_pj=theirs.energy.memories_pj,
                links_pj={},
                units_pj={},
                leakage_pj=0.0,
                spread_pj=theirs.energy.total_pj * spread,
            )
            mapping = layer.chosen.mapping if prepared.own else prepared.mapping
            trial = Trial(layer.chosen.dataflow, mapping, theirs, parts)
            layers.append(
                replace(
                    layer,
                    cycles=theirs.cycles,
                    latency_s=theirs.cycles / cost.architecture.clock_hz,
                    energy=parts,
                    traffic_words=theirs.traffic_words(),
                    outermost_bits=theirs.traffic_bits().get(cost.architecture.memories[0].name, 0),
                    bound_by=theirs.latency.bound_by,
                    utilization=theirs.utilization,
                    chosen=trial,
                    trials=(trial,),
                    refusals=(),
                )
            )
    return replace(evaluation, cost=replace(cost, layers=tuple(layers), single=())), tuple(changed)
