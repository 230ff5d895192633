"""`dovetail.evaluation/1` and `dovetail.matrix/1`: what an evaluation is as JSON (`docs/json.md`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dovetail.accel.mapping_text import format_mapping
from dovetail.costmodel.held_back import held_back_by
from dovetail.costmodel.selection import Objective

if TYPE_CHECKING:
    from dovetail.costmodel.layer_cost import EnergyParts, LayerCost, NetworkCost, SingleDataflow, Trial
    from dovetail.evaluation import Evaluation

Json = dict[str, Any]


def matrix_json(evaluations: Sequence[Evaluation]) -> Json:
    """`dovetail.matrix/1`: several evaluations, networks in the outer order."""
    return {"schema": "dovetail.matrix/1", "evaluations": [evaluation_json(e) for e in evaluations]}


def evaluation_json(evaluation: Evaluation) -> Json:
    """`dovetail.evaluation/1`."""
    cost = evaluation.cost
    bound = cost.bound
    clock = cost.architecture.clock_hz
    return {
        "schema": "dovetail.evaluation/1",
        "network": cost.network.name,
        "accelerator": cost.architecture.name,
        "objective": str(cost.objective),
        "objective_unit": cost.objective.unit,
        "objective_value": cost.value,
        "batch": cost.batch,
        "clock_hz": clock,
        "total": asdict(evaluation.total)
        | {"energy_error": cost.energy_spread, "area_error": cost.area_mm2.error},
        "energy_breakdown_pj": _sum_of_parts(cost),
        "lower_bound": {
            "cycles": bound.cycles,
            "latency_s": bound.cycles / clock,
            "energy_pj": bound.energy_pj,
            "objective_value": cost.bound_value,
        },
        "single_dataflow": [_single(single, cost) for single in cost.single],
        "kept_on_chip": [
            {"name": m.name, "memory": m.memory, "bytes": -(-m.bits // 8), "first": m.first, "last": m.last}
            for m in cost.kept
        ],
        "warnings": [warning.message for warning in evaluation.warnings],
        "layers": [_layer(layer, cost) for layer in cost.layers],
        "free": [{"name": layer.name, "op": layer.op, "because": reason} for layer, reason in cost.free],
    }


def _layer(layer: LayerCost, cost: NetworkCost) -> Json:
    mapping = layer.mapping
    return {
        "name": layer.name,
        "op": layer.layer.op,
        "macs": layer.macs,
        "params": layer.layer.params,
        "cycles": layer.cycles,
        "latency_s": layer.latency_s,
        "energy_pj": layer.energy_pj,
        "energy_error": layer.energy.spread_pj / layer.energy_pj if layer.energy_pj else 0.0,
        "utilization": layer.utilization,
        "bound_by": layer.bound_by,
        "held_back_by": held_back_by(layer, cost.architecture),
        "dataflow": layer.dataflow,
        "unit": layer.unit,
        "mapping": format_mapping(mapping, layer.name, cost.architecture.name) if mapping else None,
        "optimality": _optimality(layer, cost),
        "alternatives": [
            {
                "dataflow": t.dataflow,
                "cycles": t.cost.cycles,
                "energy_pj": t.energy.total_pj,
                "proved": t.certificate is not None and t.certificate.proved,
            }
            for t in layer.trials
        ]
        + [{"dataflow": r.dataflow, "impossible": r.reason} for r in layer.refusals],
        "dram_bytes": layer.outermost_bytes,
        "on_chip": list(layer.on_chip),
        "energy_breakdown_pj": breakdown(layer.energy),
        "traffic_words": layer.traffic_words,
        "cycles_breakdown": _terms(layer),
    }


def _optimality(layer: LayerCost, cost: NetworkCost) -> Json:
    """How sure it is that no mapping is better, of the dataflow taken; the bound that needs no search."""
    clock = cost.architecture.clock_hz
    value = cost.objective.of(layer.latency_s, layer.energy_pj)
    compulsory = cost.objective.of(layer.bound.cycles / clock, layer.bound.energy_pj)
    known: Json = {
        "mapspace": None,
        "lower_bound": compulsory,
        "proved": layer.proved,
        "evaluated": len(layer.trials),
    }
    certificate = layer.certificate
    if certificate is not None:
        seconds = 1.0 if cost.objective is Objective.ENERGY else 1 / clock
        searched = value if certificate.proved else certificate.lower_bound * seconds
        known = {
            "mapspace": certificate.mapspace,
            "lower_bound": min(value, max(compulsory, searched)),
            "proved": layer.proved,
            "evaluated": certificate.evaluated,
        }
    return known | {
        "value": value,
        "compulsory_bound": compulsory,
        "lower_bound_cycles": layer.bound.cycles,
        "lower_bound_energy_pj": layer.bound.energy_pj,
    }


def breakdown(energy: EnergyParts) -> Json:
    """MACs, memories by operand, then what else there is: links by array, units, leakage. It adds up."""
    parts: Json = {"mac": energy.mac_pj}
    parts |= {memory: dict(operands) for memory, operands in energy.memories_pj.items()}
    parts |= {f"{array} links": pj for array, pj in energy.links_pj.items()}
    parts |= energy.units_pj
    return parts | {"leakage": energy.leakage_pj}


def _sum_of_parts(cost: NetworkCost) -> dict[str, float]:
    """The energy of the whole network by part."""
    parts: dict[str, float] = {}
    for layer in cost.layers:
        for name, pj in layer.energy.by_part().items():
            parts[name] = parts.get(name, 0.0) + pj
    return parts


def _terms(layer: LayerCost) -> list[Json]:
    """What the cycles are made of."""
    if layer.chosen is None:
        return [{"kind": "throughput", "cause": layer.bound_by, "cycles": layer.cycles}]
    return terms(layer.chosen)


def terms(trial: Trial) -> list[Json]:
    """What the cycles of a mapping are made of."""
    return [
        {"kind": term.kind, "cause": term.cause, "cycles": term.cycles} for term in trial.cost.latency.terms
    ]


def _single(single: SingleDataflow, cost: NetworkCost) -> Json:
    complete = not single.missing
    latency = single.cycles / cost.architecture.clock_hz
    return {
        "dataflow": single.name,
        "impossible_layers": list(single.missing),
        "cycles": single.cycles if complete else None,
        "latency_s": latency if complete else None,
        "energy_pj": single.energy_pj if complete else None,
        "objective_value": cost.objective.of(latency, single.energy_pj) if complete else None,
    }
