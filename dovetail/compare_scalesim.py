"""SCALE-Sim beside our model: the same layers on its systolic array, in its own Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dovetail.accel.architecture import Architecture, Timing
from dovetail.comparison import Comparison, Numbers, Pair, Reason, Words, same
from dovetail.costmodel.external import ExternalFault, read_output
from dovetail.costmodel.foreign_python import run_script, version_of
from dovetail.costmodel.layer_cost import LayerCost
from dovetail.costmodel.scalesim import (
    SCRIPT,
    Inexpressible,
    LayerReport,
    Row,
    configuration_of,
    configuration_text,
    dataflow_name,
    layout_text,
    read_reports,
    row_of,
    topology_text,
)
from dovetail.evaluation import Evaluation
from dovetail.export_command import file_name, make_folder
from dovetail.same_layers import with_macs

WINDOWS = "windows that overlap are read again there for every row of the array (im2col without reuse)"
NEVER_BACK = "partial sums are written there and never read back; here they are"
OTHER_TILES = "its SRAMs are first-in first-out and half of each is active, whatever is tiled here"
FOLDS = "each fold there pays its own fill and drain; here where `timing` says so"
WORD_BY_WORD = "its DRAM holds back the array word by word; here the slowest memory sets the pace"
AROUND = (
    "before the first and after the last fold its clock stands still; here loads, stores and latency count"
)
ONE_BY_ONE = "groups and images are runs of their own there, one after another"
NO_ENERGY = "it has no energy"


def compare(evaluation: Evaluation, folder: Path, python: str | None, seconds: float) -> Comparison:
    """Raises ExternalFault."""
    make_folder(folder)
    version = version_of("scalesim", "3.", python, folder)
    cost = evaluation.cost
    architecture = cost.architecture
    pairs, left_out = [], []
    for layer in with_macs(evaluation):
        assert layer.problem is not None
        try:
            row = row_of(layer.name, layer.problem)
            name = dataflow_name(architecture, layer.dataflow)
            configuration = configuration_of(architecture, name)
        except Inexpressible as reason:
            left_out.append((layer.name, str(reason)))
            continue
        place = make_folder(folder / file_name(layer.name))
        (place / "topology.csv").write_text(topology_text([row]), encoding="utf-8")
        (place / "layout.csv").write_text(layout_text([row]), encoding="utf-8")
        (place / "scale.cfg").write_text(configuration_text(configuration), encoding="utf-8")
        report = _run(place, python, seconds)
        pair = _pair(layer, row, report, architecture)
        notes = [Reason(note) for note in configuration.notes]
        pairs.append(replace(pair, reasons=(*notes, *_reasons(pair, layer, architecture))))
    return Comparison(
        cost.network.name,
        architecture.name,
        architecture.clock_hz,
        "SCALE-Sim",
        version,
        tuple(pairs),
        tuple(left_out),
    )


def _run(place: Path, python: str | None, seconds: float) -> LayerReport:
    ran = run_script("SCALE-Sim", SCRIPT, (), python, place, seconds)
    reports = place / "results" / "dovetail"
    compute = read_output(reports / "COMPUTE_REPORT.csv", "SCALE-Sim", ran)
    details = read_output(reports / "DETAILED_ACCESS_REPORT.csv", "SCALE-Sim", ran)
    try:
        (report,) = read_reports(compute, details)
    except ValueError as fault:
        raise ExternalFault(
            f"SCALE-Sim's reports cannot be read: {fault}", ran.command, ran.output
        ) from fault
    return report


def _reasons(pair: Pair, layer: LayerCost, architecture: Architecture) -> Iterator[Reason]:
    """What explains the counts and cycles that differ."""
    assert layer.chosen is not None
    top = architecture.memories[0].name
    outermost = tuple(key for key in pair.differing if key[0] == top)
    if outermost:
        yield Reason(OTHER_TILES, outermost)
    for operand, text in (("inputs", WINDOWS), ("weights", OTHER_TILES), ("outputs", NEVER_BACK)):
        keys = tuple(key for key in pair.differing if key[0] != top and key[1] == operand)
        if keys:
            yield Reason(text, keys)
    if not same(pair.ours.cycles, pair.theirs.cycles):
        yield Reason(WORD_BY_WORD)
        if all(array.timing == Timing() for array in architecture.arrays):
            yield Reason(FOLDS)
        around = ("first_load", "last_store", "latency")
        cycles = sum(int(t.cycles) for t in layer.chosen.cost.latency.terms if t.kind in around)
        if cycles:
            yield Reason(AROUND, cycles=cycles)
    if layer.problem is not None and layer.problem.G * layer.problem.N > 1:
        yield Reason(ONE_BY_ONE)
    yield Reason(NO_ENERGY)


def _pair(layer: LayerCost, row: Row, report: LayerReport, architecture: Architecture) -> Pair:
    """DRAM's words, and those between the memory outside the array and the array."""
    assert layer.chosen is not None
    cost = layer.chosen.cost
    top = architecture.memories[0].name
    theirs: Words = {
        (top, "weights", "reads"): report.dram_filter_reads * row.times,
        (top, "inputs", "reads"): report.dram_ifmap_reads * row.times,
        (top, "outputs", "updates"): report.dram_ofmap_writes * row.times,
    }
    found = {"weights": report.filter_reads, "inputs": report.ifmap_reads, "outputs": report.ofmap_writes}
    ours: Words = {}
    for holder in cost.counts.holders:
        action = "updates" if holder.operand == "outputs" else "reads"
        ours[holder.memory, holder.operand, action] = getattr(holder, action)
        if holder.memory != top and architecture.instances(holder.memory) == 1:
            theirs[holder.memory, holder.operand, action] = found[holder.operand] * row.times
    own = Numbers(cost.cycles, cost.energy_pj, ours)
    return Pair(layer.name, own, Numbers(report.cycles * row.times, None, theirs), ())
