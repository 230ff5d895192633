"""The JSON of an evaluation, a network and an accelerator as typed records: all that a report knows of them.

    Evaluation  = total, LayerRecord ..., what single dataflows would cost, what is free
    LayerRecord = cycles by term, energy by part and tensor, the dataflows tried, the mapping
    Source      = an Evaluation with its Accelerator, its Network and where all of it came from

`docs/json.md` says what each field means. Raises BadRecord where a JSON is not what its schema says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dovetail.accel.mapping_picture import Line

Json = Mapping[str, Any]

SCHEMA: Final = "dovetail.evaluation/1"
COMPUTE: Final = "compute"
MAC: Final = "mac"
LEAKAGE: Final = "leakage"


class BadRecord(ValueError):
    """A JSON that is no evaluation of ours: says what is missing."""


@dataclass(frozen=True, slots=True)
class TimeTerm:
    """Cycles of one kind (`throughput`, `transfer` ...) that one cause (`compute`, a memory) is behind."""

    kind: str
    cause: str
    cycles: int


@dataclass(frozen=True, slots=True)
class EnergyTerm:
    """Energy of one part (`mac`, a memory, `PE links`, a unit, `leakage`); `tensor` for memories alone."""

    part: str
    tensor: str | None
    pj: float


@dataclass(frozen=True, slots=True)
class Way:
    """A dataflow by which a layer was tried; `impossible` says why it cannot."""

    dataflow: str | None
    cycles: int | None
    energy_pj: float | None
    impossible: str | None


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """A layer that costs something."""

    name: str
    op: str
    macs: int
    params: int
    cycles: int
    latency_s: float
    energy_pj: float
    utilization: float
    bound_by: str
    held_back_by: str
    dataflow: str | None
    unit: str | None
    mapping: str | None
    proved: bool
    mapspace: int | None
    """How many mappings the search was over; None where there was none."""
    value: float
    lower_bound: float
    """What a search left possible; `compulsory_bound` is what no mapping can be below, without one."""
    compulsory_bound: float
    dram_bytes: int
    time: tuple[TimeTerm, ...]
    energy: tuple[EnergyTerm, ...]
    ways: tuple[Way, ...]
    traffic_words: tuple[tuple[str, str, int], ...]
    """Words by memory and operand, all actions together."""


@dataclass(frozen=True, slots=True)
class Single:
    """The network with one dataflow for all layers; None where a layer cannot run by it."""

    dataflow: str
    value: float | None
    impossible: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A network on an accelerator."""

    network: str
    accelerator: str
    objective: str
    objective_unit: str
    value: float
    lower_bound: float
    batch: int
    clock_hz: float
    macs: int
    cycles: int
    latency_s: float
    energy_pj: float
    energy_error: float
    utilization: float
    dram_bytes: int
    area_mm2: float
    area_error: float
    average_power_w: float
    layers: tuple[LayerRecord, ...]
    single: tuple[Single, ...]
    free: tuple[tuple[str, str, str], ...]
    """Name, operation, and why it costs nothing."""
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InputFile:
    """A text that went in: its name, the SHA-256 of its bytes, what was set in it."""

    name: str
    sha256: str
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """An evaluation with the JSON of its two sides, its input files and the versions that computed it."""

    evaluation: Evaluation
    accelerator: Json
    network: Json
    nests: Mapping[str, tuple[Line, ...]]
    """By layer: the mapping as lines to draw, with the words of its tiles; only layers with a mapping."""
    inputs: tuple[InputFile, ...]
    versions: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...] = ()
    """What was asked beside the files: batch, widths, a dataflow forced on all layers."""


def read_evaluation(json: Json) -> Evaluation:
    """A `dovetail.evaluation/1`."""
    schema = json.get("schema")
    if schema != SCHEMA:
        raise BadRecord(f"a JSON of schema `{SCHEMA}` is needed, and this is `{schema}`")
    try:
        return _evaluation(json)
    except KeyError as missing:
        raise BadRecord(f"its JSON has no field {missing}") from missing
    except TypeError as fault:
        raise BadRecord(f"a field of its JSON is of another kind than it should be ({fault})") from fault


def _evaluation(json: Json) -> Evaluation:
    total = json["total"]
    return Evaluation(
        network=json["network"],
        accelerator=json["accelerator"],
        objective=json["objective"],
        objective_unit=json["objective_unit"],
        value=json["objective_value"],
        lower_bound=json["lower_bound"]["objective_value"],
        batch=json["batch"],
        clock_hz=json["clock_hz"],
        macs=total["macs"],
        cycles=total["cycles"],
        latency_s=total["latency_s"],
        energy_pj=total["energy_pj"],
        energy_error=total["energy_error"],
        utilization=total["utilization"],
        dram_bytes=total["dram_bytes"],
        area_mm2=total["area_mm2"],
        area_error=total["area_error"],
        average_power_w=total["average_power_w"],
        layers=tuple(_layer(layer) for layer in json["layers"]),
        single=tuple(
            Single(s["dataflow"], s["objective_value"], tuple(s["impossible_layers"]))
            for s in json["single_dataflow"]
        ),
        free=tuple((f["name"], f["op"], f["because"]) for f in json["free"]),
        warnings=tuple(json["warnings"]),
    )


def _layer(json: Json) -> LayerRecord:
    optimality = json["optimality"]
    return LayerRecord(
        name=json["name"],
        op=json["op"],
        macs=json["macs"],
        params=json["params"],
        cycles=json["cycles"],
        latency_s=json["latency_s"],
        energy_pj=json["energy_pj"],
        utilization=json["utilization"],
        bound_by=json["bound_by"],
        held_back_by=json["held_back_by"],
        dataflow=json["dataflow"],
        unit=json["unit"],
        mapping=json["mapping"],
        proved=bool(optimality["proved"]),
        mapspace=optimality["mapspace"],
        value=optimality["value"],
        lower_bound=optimality["lower_bound"],
        compulsory_bound=optimality.get("compulsory_bound", optimality["lower_bound"]),
        dram_bytes=json["dram_bytes"],
        time=tuple(TimeTerm(t["kind"], t["cause"], t["cycles"]) for t in json["cycles_breakdown"]),
        energy=_energy(json["energy_breakdown_pj"]),
        ways=tuple(
            Way(w["dataflow"], w.get("cycles"), w.get("energy_pj"), w.get("impossible"))
            for w in json["alternatives"]
        ),
        traffic_words=tuple(
            (memory, operand, sum(actions.values()))
            for memory, operands in json["traffic_words"].items()
            for operand, actions in operands.items()
        ),
    )


def _energy(breakdown: Json) -> tuple[EnergyTerm, ...]:
    terms: list[EnergyTerm] = []
    for part, pj in breakdown.items():
        if isinstance(pj, Mapping):
            terms.extend(EnergyTerm(part, tensor, float(value)) for tensor, value in pj.items())
        else:
            terms.append(EnergyTerm(part, None, float(pj)))
    return tuple(terms)
