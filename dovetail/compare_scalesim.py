"""SCALE-Sim beside our model: the same layers on its systolic array, in its own Python."""

from __future__ import annotations

from pathlib import Path

from dovetail.accel.architecture import Architecture
from dovetail.comparison import Comparison, Numbers, Pair, Words
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

DEFINITIONS = (
    "windows that overlap are read again there for every row of the array (im2col without reuse)",
    "partial sums are written there and never read back; here they are",
    "each fold there pays its own fill and drain; here where `timing` says so",
    "its SRAMs are first-in first-out and half of each is active, whatever is tiled here",
    "its DRAM holds back the array word by word; energy it has none",
)


def compare(evaluation: Evaluation, folder: Path, python: str | None, seconds: float) -> Comparison:
    """Raises ExternalFault."""
    make_folder(folder)
    version = version_of("scalesim", "3.", python, folder)
    cost = evaluation.cost
    architecture = cost.architecture
    pairs, left_out = [], []
    notes: tuple[str, ...] = ()
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
        notes = (*configuration.notes, *DEFINITIONS)
        pairs.append(_pair(layer, row, report, architecture, notes))
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


def _pair(
    layer: LayerCost, row: Row, report: LayerReport, architecture: Architecture, notes: tuple[str, ...]
) -> Pair:
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
    return Pair(layer.name, own, Numbers(report.cycles * row.times, None, theirs), notes)
