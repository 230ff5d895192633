"""Systolic arrays: the output is NumPy's, cycles and accesses are those of the cost model."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest

from dovetail.accel.architecture import Architecture
from dovetail.accel.loading import accelerator_from_text
from dovetail.accel.simulator import (
    CannotSimulate,
    SimulationResult,
    canonical_mapping,
    convolution,
    random_data,
    simulate,
)
from dovetail.costmodel.analytic import tally_mapping
from dovetail.costmodel.evaluate import time_of
from dovetail.dsl.problem import Bits, Problem

DATAFLOWS = ("weight_stationary", "input_stationary", "output_stationary")
TIMINGS = (
    "load = row; skew = true",
    "load = row; drain = row; skew = true",
    "load = row; drain = col; skew = true; overlap = true",
    "load = col; skew = true; overlap = true",
)
KERNELS = ((1, 1), (3, 3), (1, 3), (5, 2), (2, 1))


@cache
def array(rows: int, columns: int, timing: str = TIMINGS[0], *, turned: bool = False) -> Architecture:
    """A systolic array; `turned`, sums move along its columns."""
    down, across = ("col", "row") if turned else ("row", "col")
    return accelerator_from_text(f"""
accel array
technology 45 nm
clock      1 GHz
precision  {{ inputs, weights, outputs = 8 bit; sums = 32 bit }}
memory SRAM {{ holds = [inputs, weights, outputs]; energy = 1 pJ/bit }}
array PE[row = {rows}, col = {columns}] {{
    along {across}: forward inputs, forward weights
    along {down}: forward sums, forward weights
    timing {{ {timing} }}
    memory Register {{ depth = 1; width = 32 bit; energy = 1 pJ/bit; may_hold = [weights, inputs, sums] }}
    mac {{ rate = 1/cycle }}
}}
""").architecture


def layer(seed: int) -> Problem:
    draw = random.Random(seed)
    height, width = draw.choice(KERNELS)
    kind = draw.choice(("dense", "dense", "grouped", "depthwise", "pointwise", "matmul"))
    groups = 1 if kind in ("dense", "pointwise", "matmul") else draw.randint(2, 5)
    if kind in ("pointwise", "matmul"):
        height = width = 1
    plain = kind == "matmul"
    return Problem(
        G=groups,
        N=draw.choice((1, 1, 1, 2)),
        K=1 if kind == "depthwise" else draw.randint(1, 9),
        C=1 if kind == "depthwise" else draw.randint(1, 7),
        P=draw.randint(1, 9),
        Q=1 if plain else draw.randint(1, 6),
        R=height,
        S=width,
        stride=(1, 1) if plain else (draw.randint(1, 3), draw.randint(1, 3)),
        dilation=(1, 1) if plain else (draw.randint(1, 2), draw.randint(1, 3)),
        bits=Bits(weights=draw.choice((2, 8)), inputs=8, outputs=8, sums=32),
    )


def random_array(seed: int) -> Architecture:
    draw = random.Random(1000 + seed)
    return array(draw.randint(1, 6), draw.randint(1, 6), draw.choice(TIMINGS), turned=draw.random() < 0.3)


def accesses(result: SimulationResult) -> dict[tuple[str, str], tuple[int, int, int]]:
    return {(a.memory, a.operand): (a.reads, a.fills, a.updates) for a in result.counts}


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("seed", range(120))
def test_output_cycles_and_accesses_of_random_layers(seed: int, dataflow: str) -> None:
    problem, architecture = layer(seed), random_array(seed)
    data = random_data(problem, seed)
    result = simulate(problem, architecture, dataflow, data=data)
    assert result.output is not None
    assert np.array_equal(result.output, convolution(problem, data))

    tallied = tally_mapping(problem, architecture, canonical_mapping(problem, architecture, dataflow))
    expected = {(h.memory, h.operand): (h.reads, h.fills, h.updates) for h in tallied.counts().holders}
    assert accesses(result) == expected
    assert result.cycles == time_of(tallied, architecture, dataflow).cycles
    assert result.macs == problem.macs


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_control_alone_counts_the_same(seed: int, dataflow: str) -> None:
    problem, architecture = layer(seed), random_array(seed)
    with_numbers = simulate(problem, architecture, dataflow)
    without = simulate(problem, architecture, dataflow, numbers=False)
    assert without.output is None
    assert (without.cycles, without.phases, without.counts) == (
        with_numbers.cycles,
        with_numbers.phases,
        with_numbers.counts,
    )


def test_weight_stationary_fold_takes_t_plus_2r_plus_c_minus_2() -> None:
    result = simulate(Problem(K=4, C=6, P=5, Q=7), array(6, 4), "weight_stationary")
    assert result.folds == 1
    assert result.cycles == 35 + 2 * 6 + 4 - 2
    assert (result.phases.load, result.phases.compute, result.phases.drain) == (6, 35, 8)


def test_output_stationary_fold_takes_t_plus_r_plus_c_minus_2() -> None:
    result = simulate(Problem(K=4, C=9, P=2, Q=3), array(6, 4), "output_stationary")
    assert result.folds == 1
    assert result.cycles == 9 + 6 + 4 - 2


def test_half_filled_fold_costs_as_much_as_a_full_one() -> None:
    full = simulate(Problem(K=8, C=6, P=5), array(6, 4), "weight_stationary")
    partial = simulate(Problem(K=5, C=6, P=5), array(6, 4), "weight_stationary")
    assert full.cycles == partial.cycles
    assert partial.macs == 5 * 6 * 5


def test_overlapping_folds_pay_fill_and_drain_once() -> None:
    problem = Problem(K=8, C=12, P=40)
    overlapping = array(6, 4, "load = row; skew = true; overlap = true")
    alone, together = (simulate(problem, a, "weight_stationary") for a in (array(6, 4), overlapping))
    assert alone.folds == together.folds == 4
    assert alone.cycles == 4 * (40 + 2 * 6 + 4 - 2)
    assert together.cycles == 4 * 40 + 2 * 6 + 4 - 2


def test_a_load_longer_than_the_fold_is_waited_for() -> None:
    overlapping = array(6, 4, "load = row; skew = true; overlap = true")
    result = simulate(Problem(K=8, C=12, P=2), overlapping, "weight_stationary")
    assert result.cycles == 6 + 3 * 6 + 2 + 6 + 4 - 2


def test_every_pe_of_a_full_fold_works_each_step() -> None:
    result = simulate(Problem(K=4, C=6, P=5), array(6, 4), "weight_stationary")
    assert np.array_equal(result.work, np.full((6, 4), 5))


def test_unused_rows_and_columns_do_nothing() -> None:
    result = simulate(Problem(K=3, C=2, P=5), array(6, 4), "weight_stationary")
    expected = np.zeros((6, 4), np.int64)
    expected[:2, :3] = 5
    assert np.array_equal(result.work, expected)


def test_an_array_without_the_links_is_refused_with_the_reason() -> None:
    text = """
accel one_way
technology 45 nm
clock 1 GHz
memory SRAM { holds = [inputs, weights, outputs]; energy = 1 pJ/bit }
array PE[row = 4, col = 4] {
    along col: forward inputs
    along row: forward sums
    memory Register { depth = 1; width = 16 bit; energy = 1 pJ/bit; may_hold = [weights, inputs, sums] }
    mac { rate = 1/cycle }
}
"""
    one_way = accelerator_from_text(text).architecture
    simulate(Problem(K=3, C=2, P=5), one_way, "weight_stationary")
    with pytest.raises(CannotSimulate, match="forward inputs along one axis and weights along the other"):
        simulate(Problem(K=3, C=2, P=5), one_way, "output_stationary")


def test_operands_of_another_shape_are_refused() -> None:
    data = random_data(Problem(K=3, C=2, P=5))
    with pytest.raises(ValueError, match="weights have the shape"):
        simulate(Problem(K=4, C=2, P=5), array(4, 4), "weight_stationary", data=data)
