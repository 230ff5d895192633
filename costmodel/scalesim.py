"""SCALE-Sim: a network's layers as its topology file, a systolic array as its configuration, its reports read
back.

SCALE-Sim knows one array, three SRAMs, and convolutions without padding, dilation and groups at batch 1. A
layer becomes one group's convolution on the part of the padded input that windows touch; it runs `groups x
batch` times.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final

from dovetail.accel.architecture import Architecture, Array, Dataflow, Memory, Stationary
from dovetail.dsl.problem import Problem

DATAFLOWS: Final = {"weights": "ws", "inputs": "is", "outputs": "os", "sums": "os"}
"""SCALE-Sim's names of what is stationary."""

TOPOLOGY_HEADER: Final = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"
)

SCRIPT: Final = """\
import importlib.metadata
print("version", importlib.metadata.version("scalesim"))
from scalesim.scale_sim import scalesim
files = {"config": "scale.cfg", "topology": "topology.csv", "layout": "layout.csv"}
scalesim(save_disk_space=True, verbose=False, **files).run_scale(top_path="results")
"""
"""What its own Python runs in a folder with the three files."""

SRAM_KIB: Final = 1024
"""Size given to an SRAM that the text has none for: so large that everything fits."""


class Inexpressible(Exception):
    """A layer or an array that SCALE-Sim has no form for, and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the topology file."""

    name: str
    ifmap_h: int
    ifmap_w: int
    filter_h: int
    filter_w: int
    channels: int
    filters: int
    stride: int
    times: int
    """How often SCALE-Sim's layer is the layer's: groups times batch."""

    @property
    def text(self) -> str:
        """The line; SCALE-Sim drops what is behind the last comma."""
        numbers = (self.ifmap_h, self.ifmap_w, self.filter_h, self.filter_w, self.channels, self.filters)
        return ", ".join(map(str, (self.name, *numbers, self.stride))) + ","


@dataclass(frozen=True, slots=True)
class Configuration:
    """What `scale.cfg` says; sizes in KiB of words, since SCALE-Sim's word is a byte."""

    rows: int
    columns: int
    ifmap_kib: int
    filter_kib: int
    ofmap_kib: int
    dataflow: str
    bandwidth: int | None
    """Words a cycle from DRAM; None to have SCALE-Sim work out what it would take."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerReport:
    """What SCALE-Sim found for one line of the topology file."""

    cycles: int
    """From the first word into the array to the last out: one more than it prints, which counts from zero."""
    stall_cycles: int
    ifmap_reads: int
    filter_reads: int
    ofmap_writes: int
    dram_ifmap_reads: int
    dram_filter_reads: int
    dram_ofmap_writes: int


def row_of(name: str, problem: Problem) -> Row:
    """A layer with MACs as a line; raises Inexpressible."""
    if problem.stride[0] != problem.stride[1]:
        raise Inexpressible(
            f"it has one stride for rows and columns, not {problem.stride[0]} and {problem.stride[1]}"
        )
    if problem.dilation != (1, 1) and (problem.R > 1 or problem.S > 1):
        raise Inexpressible("it has no dilation")
    stride = problem.stride[0]
    return Row(
        name=row_name(name),
        ifmap_h=(problem.P - 1) * stride + problem.R,
        ifmap_w=(problem.Q - 1) * stride + problem.S,
        filter_h=problem.R,
        filter_w=problem.S,
        channels=problem.C,
        filters=problem.K,
        stride=stride,
        times=problem.G * problem.N,
    )


def row_name(name: str) -> str:
    """A name without commas, and without the letters that make SCALE-Sim split a layer by its channels."""
    return name.replace(",", "_").replace("DP", "D_P")


def topology_text(rows: Sequence[Row]) -> str:
    """The topology file."""
    return "\n".join([TOPOLOGY_HEADER, *(row.text for row in rows)]) + "\n"


def layout_text(rows: Sequence[Row]) -> str:
    """A layout file, which SCALE-Sim asks for even where no layout is used."""
    header = "Layer name, IFMAP Height Intraline Factor, IFMAP Width Intraline Factor, " + (
        "Filter Height Intraline Factor, Filter Width Intraline Factor, Channel Intraline Factor, "
        "Num Filter Intraline Factor, IFMAP Height Intraline Order, IFMAP Width Intraline Order, "
        "Channel Intraline Order, IFMAP Height Interline Order, IFMAP Width Interline Order, "
        "Channel Interline Order, Num Filter Intraline Order, Channel Intraline Order, "
        "Filter Height Intraline Order, Filter Width Intraline Order, Num Filter Interline Order, "
        "Channel Interline Order, Filter Height Interline Order, Filter Width Interline Order,"
    )
    ones = ", ".join("1" for _ in range(20))
    return "\n".join([header, *(f"{row.name}, {ones}," for row in rows)]) + "\n"


# ----------------------------------------------------------------------------------- configuration


def dataflow_name(architecture: Architecture, dataflow: str | None) -> str:
    """`ws`, `is` or `os`: by what the dataflow says is stationary; raises Inexpressible."""
    flows = {flow.name: flow for flow in architecture.dataflows}
    chosen = flows.get(dataflow or "")
    if chosen is None and len(flows) == 1:
        chosen = next(iter(flows.values()))
    kept = _stationary(chosen)
    if kept is None:
        name = f"`{dataflow}`" if dataflow else "the dataflow"
        raise Inexpressible(f"{name} does not say which tensor is stationary")
    return DATAFLOWS[kept]


def _stationary(flow: Dataflow | None) -> str | None:
    rules = [] if flow is None else [c for c in flow.constraints if isinstance(c, Stationary)]
    return rules[0].tensor if rules else None


def configuration_of(architecture: Architecture, dataflow: str) -> Configuration:
    """The innermost array of two axes with its SRAMs; raises Inexpressible where there is none."""
    array = next((a for a in reversed(architecture.arrays) if len(a.axes) == 2), None)
    if array is None:
        raise Inexpressible(f"`{architecture.name}` has no array of rows and columns")
    notes = []
    others = [a.name for a in architecture.spatial if a is not array and a.size > 1]
    if others:
        notes.append(f"only the array {array.name} is there: {', '.join(others)} is left out")
    sizes = {tensor: _kib(architecture, array, tensor) for tensor in ("inputs", "weights", "outputs")}
    shared = {memory for memory, _ in sizes.values() if memory}
    for memory in sorted(shared):
        holders = [tensor for tensor, (name, _) in sizes.items() if name == memory]
        if len(holders) > 1:
            notes.append(f"{memory} is cut into equal parts for {', '.join(holders)}")
    notes += [
        f"no memory on chip holds {tensor}: there {SRAM_KIB} KiB do"
        for tensor, (name, _) in sizes.items()
        if name is None
    ]
    top = architecture.memories[0]
    rate = top.read_bits_per_cycle or top.write_bits_per_cycle
    word = max(architecture.bits.inputs, architecture.bits.weights)
    return Configuration(
        rows=array.axes[0].size,
        columns=array.axes[1].size,
        ifmap_kib=sizes["inputs"][1],
        filter_kib=sizes["weights"][1],
        ofmap_kib=sizes["outputs"][1],
        dataflow=dataflow,
        bandwidth=None if rate is None else max(1, round(rate / word)),
        notes=tuple(notes),
    )


def _kib(architecture: Architecture, array: Array, tensor: str) -> tuple[str | None, int]:
    """The memory between DRAM and array that holds a tensor, and the KiB of words it has for it."""
    holders = [m for m in _between(architecture, array) if tensor in _held(m)]
    sized = [m for m in holders if m.size_bits is not None]
    if not sized:
        return None, SRAM_KIB
    memory = sized[-1]
    assert memory.size_bits is not None
    share = len(_held(memory) & {"inputs", "weights", "outputs"}) or 1
    return memory.name, max(1, memory.size_bits // getattr(architecture.bits, tensor) // share // 1024)


def _between(architecture: Architecture, array: Array) -> list[Memory]:
    levels = architecture.levels[1 : architecture.levels.index(array)]
    return [level for level in levels if isinstance(level, Memory)]


def _held(memory: Memory) -> frozenset[str]:
    held = memory.holds | memory.may_hold
    return held | {"outputs"} if "sums" in held else held


def configuration_text(configuration: Configuration, run_name: str = "dovetail") -> str:
    """`scale.cfg`."""
    c = configuration
    mode = "CALC" if c.bandwidth is None else "USER"
    words = 10 if c.bandwidth is None else c.bandwidth
    return f"""[general]
run_name = {run_name}

[architecture_presets]
ArrayHeight = {c.rows}
ArrayWidth = {c.columns}
IfmapSramSzkB = {c.ifmap_kib}
FilterSramSzkB = {c.filter_kib}
OfmapSramSzkB = {c.ofmap_kib}
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Bandwidth = {words}
Dataflow = {c.dataflow}
MemoryBanks = 1
ReadRequestBuffer = 32
WriteRequestBuffer = 32

[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2

[sparsity]
SparsitySupport = false
SparseRep = ellpack_block
OptimizedMapping = false
BlockSize = 8
RandomNumberGeneratorSeed = 40

[run_presets]
InterfaceBandwidth = {mode}
UseRamulatorTrace = False
"""


# ----------------------------------------------------------------------------------------- reports


def read_reports(compute: str, details: str) -> tuple[LayerReport, ...]:
    """`COMPUTE_REPORT.csv` and `DETAILED_ACCESS_REPORT.csv`, layer by layer; raises ValueError."""
    found = []
    for computed, moved in zip(_table(compute), _table(details), strict=True):
        found.append(
            LayerReport(
                cycles=_whole(computed, "Total Cycles") + 1,
                stall_cycles=_whole(computed, "Stall Cycles"),
                ifmap_reads=_whole(moved, "SRAM IFMAP Reads"),
                filter_reads=_whole(moved, "SRAM Filter Reads"),
                ofmap_writes=_whole(moved, "SRAM OFMAP Writes"),
                dram_ifmap_reads=_whole(moved, "DRAM IFMAP Reads"),
                dram_filter_reads=_whole(moved, "DRAM Filter Reads"),
                dram_ofmap_writes=_whole(moved, "DRAM OFMAP Writes"),
            )
        )
    return tuple(found)


def _table(text: str) -> list[dict[str, str]]:
    rows = csv.DictReader(StringIO(text), skipinitialspace=True)
    return [{(key or "").strip(): (value or "").strip() for key, value in row.items() if key} for row in rows]


def _whole(row: dict[str, str], column: str) -> int:
    if column not in row:
        raise ValueError(f"there is no column `{column}`")
    return int(float(row[column]))
