"""Cycles and SRAM accesses of SCALE-Sim's runs, layer by layer: of the simulator and of the cost model.

Three differences of definition: SCALE-Sim prints the number of the last cycle, counted from zero (one less);
output-stationary writes hold two null slots for each line and fold (2N a fold); partial sums that it writes
in weight- and input-stationary runs are never read back, here they are.

`--reference DIR` runs the cases of another folder of the same format instead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dovetail.accel.architecture import Architecture
from dovetail.accel.loading import accelerator_from_text
from dovetail.accel.simulator import SimulationResult, canonical_mapping, simulate
from dovetail.costmodel.analytic import tally_mapping
from dovetail.costmodel.evaluate import time_of
from dovetail.dsl.problem import Problem

HERE = Path(__file__).parent
DATAFLOWS = {"ws": "weight_stationary", "is": "input_stationary", "os": "output_stationary"}


@dataclass(frozen=True)
class Case:
    name: str
    rows: int
    columns: int
    dataflow: str
    problem: Problem
    record: dict[str, Any]

    @property
    def folds(self) -> int:
        closed: dict[str, int] = self.record["closed_form"]
        return closed["row_folds"] * closed["col_folds"]

    @property
    def cycles(self) -> int:
        found: dict[str, int] = self.record["result"]
        return found["total_cycles"] - found["stall_cycles"] + 1

    @property
    def sram(self) -> dict[str, int]:
        accesses: dict[str, int] = self.record["result"]["sram"]
        return accesses

    @property
    def output_writes(self) -> int:
        null_slots = 2 * self.rows * self.folds if self.dataflow == "os" else 0
        return self.sram["ofmap_writes"] - null_slots


def cases(folder: Path) -> list[Case]:
    found = []
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text())
        if not isinstance(document, dict) or document.get("tool") != "SCALE-Sim":
            continue
        for record in document["results"]:
            rows, columns = record["array"]
            name = f"{path.stem}-{record['layer']}-{record['dataflow']}"
            problem = problem_of(record["topology_row"])
            found.append(Case(name, rows, columns, record["dataflow"], problem, record))
    return found


def problem_of(row: dict[str, int]) -> Problem:
    """A row of SCALE-Sim's topology file: no padding, no groups, one stride."""
    stride, height, width = row["stride"], row["filter_h"], row["filter_w"]
    return Problem(
        K=row["num_filter"],
        C=row["channels"],
        P=-(-(row["ifmap_h"] - height + stride) // stride),
        Q=-(-(row["ifmap_w"] - width + stride) // stride),
        R=height,
        S=width,
        stride=(stride, stride),
    )


@cache
def scalesim_array(rows: int, columns: int) -> Architecture:
    """What SCALE-Sim assumes: folds that do not overlap, outputs that leave as they are made, memory of any
    size."""
    return accelerator_from_text(f"""
accel scalesim
technology 45 nm
clock      1 GHz
precision  {{ inputs, weights, outputs, sums = 16 bit }}
memory SRAM {{ holds = [inputs, weights, outputs]; energy = 1 pJ/bit }}
array PE[row = {rows}, col = {columns}] {{
    along col: forward inputs, forward weights
    along row: forward sums, forward weights
    timing {{ load = row; skew = true; overlap = false }}
    memory Register {{ depth = 1; width = 16 bit; energy = 1 pJ/bit; may_hold = [weights, inputs, sums] }}
    mac {{ rate = 1/cycle }}
}}
""").architecture


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        folder = metafunc.config.getoption("--reference")
        found = cases(Path(folder) if folder else HERE / "scalesim")
        metafunc.parametrize("case", found, ids=[case.name for case in found])


def run(case: Case) -> SimulationResult:
    array = scalesim_array(case.rows, case.columns)
    return simulate(case.problem, array, DATAFLOWS[case.dataflow], numbers=False)


def test_simulated_cycles_and_accesses_are_those_of_scale_sim(case: Case) -> None:
    result = run(case)
    assert result.cycles == case.cycles
    assert result.folds == case.folds
    assert result.of("SRAM", "inputs").reads == case.sram["ifmap_reads"]
    assert result.of("SRAM", "weights").reads == case.sram["filter_reads"]
    assert result.of("SRAM", "outputs").updates == case.output_writes
    assert result.macs == case.problem.macs


def test_partial_sums_are_read_back_here(case: Case) -> None:
    outputs = run(case).of("SRAM", "outputs")
    assert outputs.reads == case.output_writes - case.problem.words("outputs")


def test_the_cost_model_gives_the_same_cycles_and_accesses(case: Case) -> None:
    array, dataflow = scalesim_array(case.rows, case.columns), DATAFLOWS[case.dataflow]
    tallied = tally_mapping(case.problem, array, canonical_mapping(case.problem, array, dataflow))
    counts = tallied.counts()
    assert time_of(tallied, array, dataflow).cycles == case.cycles
    assert counts.of("SRAM", "inputs").reads == case.sram["ifmap_reads"]
    assert counts.of("SRAM", "weights").reads == case.sram["filter_reads"]
    assert counts.of("SRAM", "outputs").updates == case.output_writes
