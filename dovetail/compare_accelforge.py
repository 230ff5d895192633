"""accelforge beside our model: the same mapping through its own, layer by layer, in its own Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dovetail.accel.architecture import Architecture
from dovetail.comparison import Comparison, Key, Numbers, Pair, Reason, Words, same
from dovetail.costmodel.accelforge import SCRIPT, Result, read_result, specification, tensor_bits
from dovetail.costmodel.external import ExternalFault, Ran, read_output
from dovetail.costmodel.foreign_python import run_script, version_of
from dovetail.costmodel.layer_cost import LayerCost
from dovetail.costmodel.price_table import energy_table
from dovetail.costmodel.yaml_text import yaml_text
from dovetail.evaluation import Evaluation
from dovetail.export_command import file_name, make_folder
from dovetail.reasons import (
    AVERAGES,
    DRAINS,
    drained,
    imperfect,
    links,
    near,
    overlapped,
    unexplained,
    unhidden,
)
from dovetail.same_layers import with_macs

WINDOWS = "rows that neighbouring tiles share are fetched again there unless the loop outside walks over them"
SHIFTS = "what moves from neighbour to neighbour here is read for each PE there"
LATCHES = "what a MAC keeps of an operand here is read for each step there"
PACKED = "words are packed into whole accesses here, there bits over bits a cycle"
WIDTHS = "outputs have one width there, that of the outermost memory; here sums are wider inside"


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
        pairs.append(_pair(layer, result, cost.architecture))
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


def _pair(layer: LayerCost, result: Result, architecture: Architecture) -> Pair:
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
    found = Numbers(result.cycles, result.energy_pj, theirs)
    pair = Pair(layer.name, Numbers(cost.cycles, cost.energy_pj, ours), found, ())
    return replace(pair, reasons=tuple(_reasons(pair, layer, architecture)))


def _reasons(pair: Pair, layer: LayerCost, architecture: Architecture) -> Iterator[Reason]:
    """What explains the counts that differ, then cycles, then energy."""
    assert layer.chosen is not None and layer.problem is not None
    cost, problem = layer.chosen.cost, layer.problem
    leaving = drained(pair.differing, pair.theirs.words, layer, architecture)
    found = [Reason(DRAINS, _those(pair, leaving))] if leaving else []
    rest = [key for key in pair.differing if key not in leaving]
    if imperfect(layer) and rest:
        found.append(Reason(AVERAGES, tuple(rest)))
        rest = []
    by_operand = {operand: tuple(key for key in rest if key[1] == operand) for _, operand, _ in rest}
    for operand, keys in by_operand.items():
        if _latched(architecture, operand):
            shifted = any(hop.words for hop in cost.counts.hops)
            found.append(Reason(SHIFTS if shifted else LATCHES, keys))
        elif operand == "inputs" and max(problem.R, problem.S) > 1:
            found.append(Reason(WINDOWS, keys))
    found += unexplained(pair.differing, found)
    hidden = unhidden(cost, pair.theirs)
    found += hidden
    if not any(near(cycles, pair.theirs.cycles) for cycles in (pair.ours.cycles, overlapped(cost))):
        found.append(Reason(f"{AVERAGES} (cycles)" if imperfect(layer) else PACKED))
    assert pair.theirs.energy_pj is not None and pair.ours.energy_pj is not None
    if not same(pair.ours.energy_pj, pair.theirs.energy_pj):
        found += links(cost)
        if any(h.bits != _width(layer, h.operand) for h in cost.counts.holders if h.operand == "outputs"):
            found.append(Reason(WIDTHS))
    yield from found


def _those(pair: Pair, keys: set[Key]) -> tuple[Key, ...]:
    return tuple(key for key in pair.differing if key in keys)


def _latched(architecture: Architecture, operand: str) -> bool:
    return any(architecture.latches(operand, memory.name) for memory in architecture.memories)


def _width(layer: LayerCost, operand: str) -> int:
    assert layer.chosen is not None and layer.problem is not None
    return tensor_bits(layer.problem, layer.chosen.cost)[operand]
