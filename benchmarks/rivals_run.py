"""accelforge and ZigZag in environments of their own, and ours, on the same layers and architecture.

The architecture is the weight-stationary 32x32 array that their records in `against.py` are about. Each tool
runs in a process of its own, says its own version, and times its search by its own CPU clock, start left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Any

from rivals_peers import peer_architecture

from dovetail.accel.architecture import Architecture
from dovetail.costmodel.accelforge import specification
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.mapper import map_problem
from dovetail.costmodel.yaml_text import yaml_text
from dovetail.dsl.problem import Problem

MACHINE: dict[str, Any] = {
    "name": "ws32",
    "bits": {"I": 8, "W": 8, "O": 8},
    "levels": [
        {"name": "DRAM", "size_bits": None, "pj_per_bit": 8.0, "bw_bits_per_cycle": 128, "ports": "shared"}
        | {"holds": "IWO", "per_pe": False},
        {"name": "GLB", "size_bits": 2097152, "pj_per_bit": 0.125, "bw_bits_per_cycle": 512}
        | {"ports": "separate", "holds": "IO", "per_pe": False},
        {"name": "WReg", "size_bits": 8, "pj_per_bit": 0.0125, "bw_bits_per_cycle": None}
        | {"ports": "separate", "holds": "W", "per_pe": True},
    ],
    "pe_array": [
        {"name": "cols", "size": 32, "multicast": "I"},
        {"name": "rows", "size": 32, "multicast": "O"},
    ],
    "mac_pj": 0.5,
}
LAYERS = {
    "256x256x256": {"P": 256, "K": 256, "C": 256},
    "fire2.squeeze1x1": {"K": 16, "C": 96, "P": 55, "Q": 55},
    "layer4 3x3": {"K": 512, "C": 512, "P": 7, "Q": 7, "R": 3, "S": 3},
    "pw 128": {"K": 128, "C": 128, "P": 56, "Q": 56},
    "fire2.expand3x3": {"K": 64, "C": 16, "P": 55, "Q": 55, "R": 3, "S": 3},
    "layer1 3x3": {"K": 64, "C": 64, "P": 56, "Q": 56, "R": 3, "S": 3},
}

ACCELFORGE = """\
import importlib.metadata, json, sys, time
import accelforge
spec = accelforge.Spec.from_yaml(sys.argv[1])
metrics = type(spec.mapper.metrics)
spec.mapper.metrics = metrics.ENERGY | metrics.LATENCY
from accelforge.mapper.FFM.mappings import Mappings
Mappings.render = lambda *_, **__: ""  # a picture of the mapping, by Graphviz
if hasattr(accelforge, "set_n_parallel_jobs"):
    accelforge.set_n_parallel_jobs(1)
begun = time.process_time()
found = spec.map_workload_to_arch(print_progress=False)
taken = time.process_time() - begun
rows = [row for _, row in found.data.iterrows()]
edp = min(float(row["Total<SEP>energy"]) * float(row["Total<SEP>latency"]) for row in rows)
version = "accelforge " + importlib.metadata.version("accelforge")
json.dump({"tool": version, "cpu_s": taken, "edp": edp}, open(sys.argv[2], "w"))
"""

ZIGZAG = """\
import importlib.metadata, json, sys, time
from zigzag.api import get_hardware_performance_zigzag
workload, machine, mapping, folder = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4]
begun = time.process_time()
energy, cycles, *_ = get_hardware_performance_zigzag(
    workload, machine, mapping, opt="EDP", dump_folder=folder, lpf_limit=6, loma_show_progress_bar=False)
taken = time.process_time() - begun
version = "ZigZag " + importlib.metadata.version("zigzag-dse")
json.dump({"tool": version, "cpu_s": taken, "edp": float(energy) * float(cycles)}, open(sys.argv[5], "w"))
"""


def run_beside(accelforge: Path | None, zigzag: Path | None, seconds: float | None, limit: int) -> int:
    """A line for each tool and layer, with how many times our CPU time it takes; 1 where one did not run."""
    architecture, prices = peer_architecture(MACHINE, drain_reads=True, skip_gaps=False, latch=False)
    print(f"{'layer':<20}{'tool':<22}{'CPU s':>10}{'EDP pJ cycles':>16}{'times our CPU':>16}")
    failed = 0
    for name, bounds in list(LAYERS.items())[:limit]:
        problem = Problem(**bounds, bits=architecture.bits)
        begun = process_time()
        ours = map_problem(problem, architecture, prices, "edp", uneven=True, seconds=seconds, cached=False)
        own = process_time() - begun
        proof = "proved" if ours.proved else f"within {ours.gap:.0%}"
        print(f"{name:<20}{'Dovetail, free':<22}{own:>10.3f}{ours.value:>16.5g}   {proof}", flush=True)
        for python, asked in ((accelforge, _accelforge), (zigzag, _zigzag)):
            if python is None:
                continue
            found = asked(python, name, problem, architecture, prices)
            if found is None:
                failed += 1
                continue
            print(
                f"{'':<20}{found['tool']:<22}{found['cpu_s']:>10.3f}{found['edp']:>16.5g}"
                f"{found['cpu_s'] / own:>15.1f}x",
                flush=True,
            )
    return 1 if failed else 0


def _accelforge(
    python: Path, name: str, problem: Problem, architecture: Architecture, prices: EnergyTable
) -> Any:
    widths = {"inputs": 8, "weights": 8, "outputs": 8}
    tree = specification(f"layer {name}", problem, architecture, prices, None, widths)
    with tempfile.TemporaryDirectory() as folder:
        asked, answer = Path(folder) / "spec.yaml", Path(folder) / "answer.json"
        asked.write_text(yaml_text(tree), encoding="utf-8")
        return _run([str(python), "-c", ACCELFORGE, str(asked), str(answer)], answer)


def _zigzag(
    python: Path, name: str, problem: Problem, architecture: Architecture, prices: EnergyTable
) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{part}.yaml" for part in ("workload", "machine", "mapping")]
        trees = (_zigzag_workload(problem), _zigzag_machine(architecture, prices), _zigzag_mapping(problem))
        for file, tree in zip(files, trees, strict=True):
            file.write_text(yaml_text(tree), encoding="utf-8")
        answer = Path(folder) / "answer.json"
        return _run([str(python), "-c", ZIGZAG, *map(str, files), folder, str(answer)], answer)


def _run(command: Sequence[str], answer: Path) -> Any:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=answer.parent)
    if done.returncode or not answer.exists():
        print(f"{command[0]} did not answer:\n{done.stderr[:3000]}", file=sys.stderr)
        return None
    return json.loads(answer.read_text(encoding="utf-8"))


# ---------------------------------------------------------------------------- ZigZag's three files


def _zigzag_workload(problem: Problem) -> list[dict[str, Any]]:
    names = {"B": "N", "G": "G", "K": "K", "C": "C", "OY": "P", "OX": "Q", "FY": "R", "FX": "S"}
    bounds = problem.bounds
    return [
        {
            "id": 0,
            "name": "layer",
            "operator_type": "Conv",
            "equation": "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]",
            "dimension_relations": ["iy=1*oy+1*fy", "ix=1*ox+1*fx"],
            "loop_dims": list(names),
            "loop_sizes": [bounds[d] for d in names.values()],
            "operand_precision": {"W": 8, "I": 8, "O": 8, "O_final": 8},
            "operand_source": {"I": 0, "W": 0},
        }
    ]


def _zigzag_mapping(problem: Problem) -> list[dict[str, Any]]:
    """K over the columns, C over the rows."""
    return [
        {
            "name": "default",
            "spatial_mapping": {"D1": [f"K, {min(32, problem.K)}"], "D2": [f"C, {min(32, problem.C)}"]},
            "memory_operand_links": {"O": "O", "W": "I2", "I": "I1"},
        }
    ]


def _zigzag_machine(architecture: Architecture, prices: EnergyTable) -> dict[str, Any]:
    operands = {"inputs": "I1", "weights": "I2", "outputs": "O"}
    memories: dict[str, Any] = {}
    for memory in reversed(architecture.memories):
        held = [operands[o] for o in ("inputs", "weights", "outputs") if o in memory.holds]
        width = int(memory.read_bits_per_cycle or 8)
        pj = prices.memories[memory.name].read_pj * width
        moves = [(o, way) for o in held for way in (("fh", "tl", "fl", "th") if o == "O" else ("fh", "tl"))]
        shared = memory.name == architecture.memories[0].name
        ports = []
        for name, kind, ways in (
            [("rw_port_1", "read_write", ("fh", "tl", "fl", "th"))]
            if shared
            else [("r_port_1", "read", ("tl", "th")), ("w_port_1", "write", ("fh", "fl"))]
        ):
            ports.append(
                {
                    "name": name,
                    "type": kind,
                    "bandwidth_min": 8 if not shared else width,
                    "bandwidth_max": width,
                    "allocation": [f"{o}, {way}" for o, way in moves if way in ways],
                }
            )
        private = architecture.instances(memory.name) > 1
        memories[memory.name.lower()] = {
            "size": memory.size_bits or 10**12,
            "r_cost": pj,
            "w_cost": pj,
            "area": 0,
            "latency": 1,
            "operands": held,
            "ports": ports,
            "served_dimensions": [] if private else ["D1", "D2"],
        }
    return {
        "name": architecture.name,
        "memories": memories,
        "operational_array": {
            "unit_energy": prices.mac_pj,
            "unit_area": 1,
            "dimensions": ["D1", "D2"],
            "sizes": [axis.size for axis in architecture.arrays[0].axes],
        },
    }
