"""Access counts, cycles and energy of the reference runs of Timeloop, case by case.

`--reference DIR` runs the cases of another folder of the same format instead.
"""

from __future__ import annotations

import importlib.util
import sys
from math import ceil, prod
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dovetail.accel.architecture import Architecture
from dovetail.accel.legality import violations
from dovetail.costmodel import analytic, reference
from dovetail.costmodel.counts import Counts
from dovetail.costmodel.evaluate import Cost, evaluate_mapping

HERE = Path(__file__).parent

INTERPRETED = 20_000
"""Steps times PEs up to which a case is interpreted as well."""


def _loader() -> ModuleType:
    spec = importlib.util.spec_from_file_location("timeloop_loader", HERE / "timeloop_loader.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


loader = _loader()
OPERAND: dict[str, str] = loader.OPERAND


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    folder = metafunc.config.getoption("--reference")
    cases = loader.load(Path(folder) if folder else HERE / "timeloop")
    if metafunc.function.__name__ in ("test_counts_cycles_and_energy_are_those_of_timeloop",):
        cases = [case for case in cases if not case.imperfect and case.results is not None]
    if metafunc.function.__name__ == "test_interpreter_and_closed_form_agree":
        cases = [case for case in cases if prod(loop.trips for loop in case.mapping.loops) <= INTERPRETED]
    metafunc.parametrize("case", cases, ids=[case.name for case in cases])


def totals(counts: Counts) -> dict[tuple[str, str], dict[str, float]]:
    return {
        (h.memory, h.operand): {"reads": h.reads, "fills": h.fills, "updates": h.updates}
        for h in counts.holders
    }


def expected(case: Any) -> dict[tuple[str, str], dict[str, float]]:
    counts = {}
    for level, found in case.results["levels"].items():
        for tensor, operand in OPERAND.items():
            if tensor in found:
                entry = found[tensor]
                instances = entry["utilized_instances"]
                counts[level, operand] = {k: entry[k] * instances for k in ("reads", "fills", "updates")}
    return counts


def as_timeloop_rounds(cost: Cost, architecture: Architecture) -> int:
    """Our counts, put through the doubles in which Timeloop rounds a level's cycles up.

    It divides the compute cycles by a slowdown that is itself a quotient of quotients, so where a port needs
    a whole number of cycles the result can be a hair above it, and one cycle too many.
    """
    compute = cost.latency.compute_cycles
    cycles = compute
    for memory in architecture.memories:
        held = [h for h in cost.counts.holders if h.memory == memory.name]
        reads = [h.reads / h.instances for h in held]
        writes = [(h.fills + h.updates) / h.instances for h in held]
        slowdown = 1.0
        for words, rate in ((reads, memory.read_bits_per_cycle), (writes, memory.write_bits_per_cycle)):
            demand = sum(number / compute for number in words)
            if rate is not None and rate / held[0].bits < demand:
                slowdown = min(slowdown, float(rate / held[0].bits) / demand)
        cycles = max(cycles, ceil(compute / slowdown))
    return cycles


def test_counts_cycles_and_energy_are_those_of_timeloop(case: Any) -> None:
    cost = evaluate_mapping(case.problem, case.architecture, case.mapping, case.prices)
    ours, theirs = totals(cost.counts), expected(case)
    if case.but_inputs:
        ours = {key: count for key, count in ours.items() if key[1] != "inputs"}
        theirs = {key: count for key, count in theirs.items() if key[1] != "inputs"}
    assert ours == theirs
    if not case.but_inputs:
        assert as_timeloop_rounds(cost, case.architecture) == case.results["cycles"]
        assert cost.cycles in (case.results["cycles"], case.results["cycles"] - 1)
        assert cost.energy_pj == pytest.approx(case.results["energy_pJ"], rel=1e-9)
        busy = 100 * cost.utilization
        assert busy == pytest.approx(case.results["utilization_pct"], abs=0.00501)


def test_interpreter_and_closed_form_agree(case: Any) -> None:
    assert analytic.count(case.problem, case.architecture, case.mapping) == reference.count(
        case.problem, case.architecture, case.mapping
    )


def test_the_mapping_is_legal(case: Any) -> None:
    assert violations(case.problem, case.architecture, case.mapping) == ()
