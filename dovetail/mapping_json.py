"""`dovetail.mapping/1`: the best mapping of a layer as JSON (`docs/json.md`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dovetail.accel.mapping_text import format_mapping
from dovetail.evaluation_json import breakdown, terms
from dovetail.layer_mapping import UNITS

if TYPE_CHECKING:
    from dovetail.costmodel.comparison import Comparison, Row
    from dovetail.layer_mapping import Choice, LayerMapping

Json = dict[str, Any]


def mapping_json(found: LayerMapping, beside: tuple[str, Comparison] | None = None) -> Json:
    """`dovetail.mapping/1`; `beside` is what the mapping was compared with."""
    certificate = found.certificate
    whole: Json = {
        "schema": "dovetail.mapping/1",
        "layer": found.name,
        "accelerator": found.architecture.name,
        "objective": found.objective,
        "objective_unit": UNITS[found.objective],
        "clock_hz": found.architecture.clock_hz,
        **_choice(found, found.best),
        "utilization": found.cost.utilization,
        "bound_by": found.cost.latency.bound_by,
        "optimality": {
            "mapspace": certificate.mapspace,
            "evaluated": certificate.evaluated,
            "value": certificate.value,
            "lower_bound": certificate.lower_bound,
            "proved": certificate.proved,
            "interrupted": found.interrupted,
            "over_compulsory_bound": found.over_bound,
            "lower_bound_cycles": found.bound.cycles,
            "lower_bound_energy_pj": found.bound.energy_pj,
        },
        "energy_breakdown_pj": breakdown(found.trial.energy),
        "traffic_words": found.cost.traffic_words(),
        "cycles_breakdown": terms(found.trial),
        "dataflows": [
            *(
                {"dataflow": way.dataflow, "cycles": way.cycles, "energy_pj": way.energy_pj}
                for way in found.ways
            ),
            *({"dataflow": r.dataflow, "impossible": r.reason} for r in found.refusals),
        ],
    }
    if found.objective == "front":
        whole["front"] = [_choice(found, point) for point in found.front]
    if beside is not None:
        whole["why"] = _why(*beside)
    return whole


def _choice(found: LayerMapping, choice: Choice) -> Json:
    return {
        "dataflow": choice.dataflow,
        "cycles": choice.cycles,
        "latency_s": choice.cycles / found.architecture.clock_hz,
        "energy_pj": choice.energy_pj,
        "mapping": format_mapping(choice.mapping, found.name, found.architecture.name),
    }


def _why(name: str, comparison: Comparison) -> Json:
    def parts(rows: tuple[Row, ...], unit: str) -> list[Json]:
        return [
            {
                "where": row.where,
                "what": row.what,
                unit: row.ours,
                f"other_{unit}": row.theirs,
                "words": row.our_words,
                "other_words": row.their_words,
            }
            for row in rows
        ]

    return {
        "compared_with": name,
        "energy": parts(comparison.energy, "energy_pj"),
        "cycles": parts(comparison.cycles, "cycles"),
    }
