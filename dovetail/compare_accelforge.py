"""accelforge beside our model: the same mapping through its own, layer by layer, in its own Python."""

from __future__ import annotations

import json
from pathlib import Path

from dovetail.comparison import Comparison, Numbers, Pair, Words
from dovetail.costmodel.accelforge import SCRIPT, Result, read_result, specification, tensor_bits
from dovetail.costmodel.external import ExternalFault, Ran, read_output
from dovetail.costmodel.foreign_python import run_script, version_of
from dovetail.costmodel.layer_cost import LayerCost
from dovetail.costmodel.price_table import energy_table
from dovetail.costmodel.yaml_text import yaml_text
from dovetail.evaluation import Evaluation
from dovetail.export_command import file_name, make_folder
from dovetail.same_layers import with_macs

DEFINITIONS = (
    "rows that neighbouring tiles share are fetched again there unless the loop just outside walks over them",
    "a result that leaves a memory is a read of it there; here only with `drain_reads`",
    "tiles that do not divide are averaged there; here each is as large as it is",
    "latency there is the largest of all rates: fills, drains, start-up and waiting transfers are ours alone",
    "outputs have one width there, that of the outermost memory; an update costs a write, links cost nothing",
)

SHIFTS = "what moves from neighbour to neighbour here is read for each PE there"


def compare(evaluation: Evaluation, folder: Path, python: str | None, seconds: float) -> Comparison:
    """Raises ExternalFault."""
    make_folder(folder)
    version = version_of("accelforge", "1.", python, folder)
    cost = evaluation.cost
    pairs = []
    for layer in with_macs(evaluation):
        assert layer.problem is not None and layer.chosen is not None
        place = make_folder(folder / file_name(layer.name))
        table = energy_table(cost.prices, layer.problem.bits)
        widths = tensor_bits(layer.problem, layer.chosen.cost)
        tree = specification(
            layer.name, layer.problem, cost.architecture, table, layer.chosen.mapping, widths
        )
        (place / "in.yaml").write_text(yaml_text(tree), encoding="utf-8")
        ran = run_script("accelforge", SCRIPT, ("in.yaml", "out.json"), python, place, seconds)
        result = _read(read_output(place / "out.json", "accelforge", ran), ran)
        pairs.append(_pair(layer, result))
    return Comparison(
        cost.network.name,
        cost.architecture.name,
        cost.architecture.clock_hz,
        "accelforge",
        version,
        tuple(pairs),
        (),
    )


def _read(text: str, ran: Ran) -> Result:
    try:
        return read_result(json.loads(text))
    except (ValueError, TypeError, AttributeError) as fault:
        raise ExternalFault(
            f"what accelforge wrote cannot be read: {fault}", ran.command, ran.output
        ) from fault


def _pair(layer: LayerCost, result: Result) -> Pair:
    """Reads, and writes (fills and updates together), in words."""
    assert layer.chosen is not None and layer.problem is not None
    cost = layer.chosen.cost
    bits = tensor_bits(layer.problem, cost)
    ours: Words = {}
    theirs: Words = {}
    for holder in cost.counts.holders:
        place = (holder.memory, holder.operand)
        width = bits[holder.operand]
        ours[(*place, "reads")] = holder.reads
        ours[(*place, "writes")] = holder.fills + holder.updates
        theirs[(*place, "reads")] = result.reads_bits.get(place, 0.0) / width
        theirs[(*place, "writes")] = result.writes_bits.get(place, 0.0) / width
    own = Numbers(cost.cycles, cost.energy_pj, ours)
    shifted = any(hop.words for hop in cost.counts.hops)
    notes = (*DEFINITIONS, SHIFTS) if shifted else DEFINITIONS
    return Pair(layer.name, own, Numbers(result.cycles, result.energy_pj, theirs), notes)
