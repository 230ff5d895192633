"""The Squeezelerator's array: the output is NumPy's, cycles and accesses are those of the cost model.

Layers run under random mappings: tiles in the buffer or past it, folds in any order, short tiles in space and
in time. One thing differs by definition: a pass that is short in time costs a whole one in the model, and a
DRAM latency and its share of skipped zeros with it; the simulator asks for nothing in a fold without work.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from dovetail.accel.architecture import Architecture
from dovetail.accel.legality import violations
from dovetail.accel.loading import accelerator_from_text
from dovetail.accel.mapping import For, Holds, Mapping, Node, Spatial
from dovetail.accel.simulator import (
    CannotSimulate,
    Data,
    canonical_mapping,
    convolution,
    random_data,
    simulate,
)
from dovetail.costmodel.analytic import tally_mapping
from dovetail.costmodel.evaluate import time_of
from dovetail.dsl.problem import DIMENSIONS, Problem

DATAFLOWS = ("weight_stationary", "output_stationary")
KERNELS = ((1, 1), (3, 3), (1, 3), (5, 2), (2, 1))
AXES = {"weight_stationary": ("C", "K"), "output_stationary": ("P", "Q")}
STEPS = {"weight_stationary": ("N", "P", "Q"), "output_stationary": ("C", "R", "S")}


@cache
def squeezelerator(
    rows: int,
    columns: int,
    timing: str = "",
    dram: str = "bandwidth = 16 GB/s shared; latency = 100 cycles",
    weights_in_buffer: bool = False,
    overlap: str = "none",
    buffering: str = "double",
) -> Architecture:
    held = "inputs, outputs, sums" + (", weights" if weights_in_buffer else "")
    return accelerator_from_text(f"""
accel squeezelerator
technology 45 nm
clock      500 MHz
precision  {{ inputs, weights, outputs = 16 bit; sums = 16 bit }}
memory DRAM   {{ {dram}; energy = dram(LPDDR4) }}
memory Buffer {{
    size = 128 KiB; width = 64 bit; ports = separate; buffering = {buffering}; energy = sram()
    may_hold = [{held}]
}}
array PE[row = {rows}, col = {columns}] {{
    along row: reduce sums, multicast weights
    along col: multicast inputs, multicast weights
    along row, col: shift inputs {{ energy = wire(50 um) }}
    timing {{ {timing} }}
    memory Register {{ depth = 16; width = 16 bit; energy = regfile(); may_hold = [weights, sums] }}
    mac {{ rate = 1/cycle; skip = zero weights in output_stationary }}
}}
transfers {{ overlap = {overlap} }}
dataflow weight_stationary {{ PE.row = C; PE.col = K; stationary weights at Register }}
dataflow output_stationary {{ PE.row = P; PE.col = Q; stationary sums at Register }}
""").architecture


def layer(draw: random.Random) -> Problem:
    height, width = draw.choice(KERNELS)
    problem = Problem(
        G=draw.choice((1, 1, 2, 5)),
        N=draw.choice((1, 1, 1, 2)),
        K=draw.randint(1, 9),
        C=draw.randint(1, 7),
        P=draw.randint(1, 9),
        Q=draw.randint(1, 9),
        R=height,
        S=width,
        stride=(draw.randint(1, 3), draw.randint(1, 3)),
        dilation=(draw.randint(1, 2), draw.randint(1, 3)),
    )
    weights = problem.words("weights")
    # a fraction that the model can say exactly
    zeros = draw.randint(0, weights // 2) if weights < 5000 and draw.random() < 0.5 else 0
    return replace(problem, weight_zeros=zeros / weights)


def array(draw: random.Random) -> Architecture:
    return squeezelerator(
        draw.randint(1, 6),
        draw.randint(1, 6),
        draw.choice(("", "load = row", "load = col; drain = row")),
        draw.choice(("bandwidth = 16 GB/s shared; latency = 100 cycles", "bandwidth = 3 GB/s shared")),
        draw.random() < 0.5,
    )


def random_mapping(
    draw: random.Random, problem: Problem, architecture: Architecture, dataflow: str
) -> Mapping:
    """Any legal loop nest of a dataflow, with one word or a sum in each PE."""
    left = problem.bounds
    nodes: list[Node] = [Holds("DRAM", ("weights", "inputs", "outputs"))]

    def loops(number: int, dimensions: tuple[str, ...]) -> None:
        for d in draw.sample(dimensions, number):
            step = draw.randint(1, left[d])
            if step < left[d]:
                nodes.append(For(d, left[d], step))
                left[d] = step

    buffer = architecture.memory("Buffer")
    if draw.random() < 0.85:
        loops(draw.randint(0, 5), DIMENSIONS)
        held = [o for o in ("weights", "inputs", "outputs") if o in buffer.may_hold and draw.random() < 0.8]
        nodes.append(Holds("Buffer", tuple(held) or ("inputs",)))
    loops(draw.randint(0, 5), DIMENSIONS)
    for axis, d in zip(architecture.arrays[0].axes, AXES[dataflow], strict=True):
        step = max(1, -(-left[d] // draw.randint(1, axis.size)))
        nodes.append(Spatial(d, left[d], "PE", axis.name, step))
        left[d] = step
    inner = STEPS[dataflow]
    for d in draw.sample([d for d in DIMENSIONS if d not in inner], 5):
        if left[d] > 1:
            nodes.append(For(d, left[d]))
    loops(draw.randint(0, 2), inner)
    nodes.append(Holds("Register", ("weights" if dataflow == "weight_stationary" else "outputs",)))
    nodes.extend(For(d, left[d]) for d in draw.sample(inner, 3) if left[d] > 1)
    return Mapping(tuple(nodes))


def short_in_time(mapping: Mapping) -> bool:
    """Whether some loop has nothing left in some pass."""
    loops = mapping.loops
    for at, loop in enumerate(loops):
        later = [k for k in loops[at + 1 :] if k.dimension == loop.dimension and isinstance(k, For)]
        if loop.bound % loop.step and any(k.trips > 1 for k in later):
            return True
    return False


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("seed", range(100))
def test_output_cycles_and_accesses_under_random_mappings(seed: int, dataflow: str) -> None:
    draw = random.Random(seed)
    problem, architecture = layer(draw), array(draw)
    mapping = random_mapping(draw, problem, architecture, dataflow)
    assert violations(problem, architecture, mapping) == ()
    data = random_data(problem, seed)
    result = simulate(problem, architecture, dataflow, mapping, data)
    assert result.output is not None
    assert np.array_equal(result.output, convolution(problem, data))

    tallied = tally_mapping(problem, architecture, mapping)
    counts = {(h.memory, h.operand): (h.reads, h.fills, h.updates) for h in tallied.counts().holders}
    assert {(a.memory, a.operand): (a.reads, a.fills, a.updates) for a in result.counts} == counts
    expected = time_of(tallied, architecture, dataflow).cycles
    if not short_in_time(mapping):
        assert result.cycles == expected
    elif not problem.weight_zeros:
        assert result.cycles <= expected


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("seed", range(40))
def test_plain_mappings_of_the_dataflows(seed: int, dataflow: str) -> None:
    draw = random.Random(500 + seed)
    problem, architecture = layer(draw), array(draw)
    data = random_data(problem, seed)
    result = simulate(problem, architecture, dataflow, data=data)
    assert result.output is not None
    assert np.array_equal(result.output, convolution(problem, data))
    tallied = tally_mapping(problem, architecture, canonical_mapping(problem, architecture, dataflow))
    assert result.cycles == time_of(tallied, architecture, dataflow).cycles


def test_output_stationary_skips_each_zero_weight_once_a_tile() -> None:
    problem = Problem(K=4, C=5, P=8, Q=8, R=3, S=3, weight_zeros=0.4)
    architecture = squeezelerator(4, 4)
    result = simulate(problem, architecture, "output_stationary")
    tiles, weights = 2 * 2, 4 * 5 * 9
    assert result.skipped_steps == tiles * round(0.4 * weights)
    assert result.phases.compute == tiles * weights - result.skipped_steps
    assert result.macs == 8 * 8 * (weights - round(0.4 * weights))


def test_weight_stationary_skips_nothing() -> None:
    problem = Problem(K=4, C=5, P=8, Q=8, R=3, S=3, weight_zeros=0.4)
    result = simulate(problem, squeezelerator(4, 4), "weight_stationary")
    assert result.skipped_steps == 0
    assert result.macs == problem.macs


def test_the_zeros_that_are_skipped_are_those_of_the_data() -> None:
    problem = Problem(K=1, C=1, P=4, Q=4, R=2, S=2)
    weights = np.array([[[[[3, 0], [0, 0]]]]], np.int64)
    inputs = np.arange(25, dtype=np.int64).reshape(1, 1, 1, 5, 5)
    result = simulate(problem, squeezelerator(4, 4), "output_stationary", data=Data(weights, inputs))
    assert result.phases.compute == 1
    assert result.output is not None
    assert np.array_equal(result.output[0, 0, 0], 3 * inputs[0, 0, 0, :4, :4])


def test_shifting_reads_only_the_edge_of_the_block() -> None:
    """1 x 3 kernel on 4 x 4 PEs: a block of 16 words, then two columns of 4."""
    problem = Problem(P=4, Q=4, R=1, S=3)
    result = simulate(problem, squeezelerator(4, 4), "output_stationary")
    assert result.of("Buffer", "inputs").reads == 16 + 4 + 4


def test_weight_stationary_adds_up_its_columns() -> None:
    """Four input channels in four rows: one sum a column and pixel leaves the array, not four."""
    problem = Problem(K=4, C=4, P=3, Q=3)
    result = simulate(problem, squeezelerator(4, 4), "weight_stationary")
    assert result.of("Buffer", "outputs").updates == 4 * 9
    assert result.of("Buffer", "outputs").reads == 0


def test_inputs_that_stay_in_broadcasting_pes_are_refused() -> None:
    with pytest.raises(CannotSimulate):
        simulate(Problem(K=4, C=4, P=3, Q=3), squeezelerator(4, 4), "input_stationary")


def test_a_layer_larger_than_the_buffer_needs_a_mapping() -> None:
    architecture = squeezelerator(4, 4, weights_in_buffer=True)
    illegal = Mapping(
        (Holds("DRAM", ("weights", "inputs", "outputs")), Holds("Register", ("weights",)), For("K", 4))
    )
    with pytest.raises(CannotSimulate, match="loop"):
        simulate(Problem(K=8), architecture, "weight_stationary", illegal)
