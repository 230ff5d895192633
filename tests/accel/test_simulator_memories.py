"""Time around the array: tiles that are filled while others are used, and memories that are waited for."""

from __future__ import annotations

import pytest

from dovetail.accel.architecture import Architecture
from dovetail.accel.loading import accelerator_from_text
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.accel.simulator import SimulationResult, simulate
from dovetail.costmodel.analytic import tally_mapping
from dovetail.costmodel.evaluate import time_of
from dovetail.dsl.problem import Bits, Problem

TILES = 6
TILE_STEPS = 40
"""Compute steps of a tile: 40 pixels."""


def machine(buffering: str, bandwidth: str, *, latency: int = 0, overlap: str = "full") -> Architecture:
    return accelerator_from_text(f"""
accel machine
technology 45 nm
clock      1 GHz
precision  {{ inputs, weights, outputs, sums = 8 bit }}
memory DRAM {{
    {bandwidth}; latency = {latency} cycles; energy = 1 pJ/bit; holds = [inputs, weights, outputs]
}}
memory Buffer {{
    size = 64 KiB; buffering = {buffering}; energy = 1 pJ/bit; may_hold = [inputs, weights, outputs]
}}
array PE[row = 4, col = 4] {{
    along col: multicast inputs
    along row: reduce sums
    memory Register {{ depth = 1; width = 8 bit; energy = 1 pJ/bit; may_hold = [weights] }}
    mac {{ rate = 1/cycle }}
}}
transfers {{ overlap = {overlap} }}
""").architecture


PROBLEM = Problem(K=4, C=4, P=TILE_STEPS * TILES, bits=Bits(8, 8, 8, 8))
MAPPING = Mapping(
    (
        Holds("DRAM", ("weights", "inputs", "outputs")),
        For("P", TILE_STEPS * TILES, TILE_STEPS),
        Holds("Buffer", ("inputs", "outputs")),
        Spatial("C", 4, "PE", "row"),
        Spatial("K", 4, "PE", "col"),
        Holds("Register", ("weights",)),
        For("P", TILE_STEPS),
    )
)
LOAD = STORE = 4 * TILE_STEPS * 8
"""Bits of a tile of inputs, and of outputs."""


def run(architecture: Architecture) -> SimulationResult:
    return simulate(PROBLEM, architecture, mapping=MAPPING, numbers=False)


def test_a_fast_memory_hides_all_but_the_first_load_and_the_last_store() -> None:
    result = run(machine("double", "bandwidth = 32 B/cycle shared"))
    load, store = LOAD // 256, STORE // 256
    assert load + store <= TILE_STEPS
    assert result.cycles == load + TILES * TILE_STEPS + store
    assert result.phases.stall == load + store


def test_a_slow_memory_sets_the_pace_and_one_tile_of_work_shows() -> None:
    result = run(machine("double", "bandwidth = 2 B/cycle shared"))
    load, store = LOAD // 16, STORE // 16
    weights = (
        4 * 4 * 8 // 16
    )  # they come once, straight to the PEs: the memory is busy for longer than the tiles are
    first, rest = load + load, (TILES - 2) * (load + store)
    assert result.cycles == max(first + rest + store + store, TILES * (load + store) + weights)


def test_separate_ports_load_and_store_at_once() -> None:
    result = run(machine("double", "read_bandwidth = 2 B/cycle; write_bandwidth = 4 B/cycle"))
    load, store = LOAD // 16, STORE // 32
    assert load > TILE_STEPS
    # the last tile has no other to wait for: it takes what its steps take, or the store before it
    last = max(TILE_STEPS, store)
    assert result.cycles == load + (TILES - 1) * load + last + store


def test_a_single_buffer_waits_for_every_load_and_store() -> None:
    result = run(machine("single", "bandwidth = 32 B/cycle shared"))
    assert result.cycles == TILES * (LOAD // 256 + TILE_STEPS + STORE // 256)


@pytest.mark.parametrize("bandwidth", [2, 32])
def test_an_ideal_buffer_is_as_fast_as_the_slower_of_both(bandwidth: int) -> None:
    architecture = machine("ideal", f"bandwidth = {bandwidth} B/cycle shared")
    transfer = (TILES * (LOAD + STORE) + 16 * 8) // (8 * bandwidth)
    assert run(architecture).cycles == max(TILES * TILE_STEPS, -(-transfer // 1))


def test_transfers_that_do_not_overlap_add_up_and_each_waits_for_the_latency() -> None:
    result = run(machine("double", "bandwidth = 2 B/cycle shared", latency=25, overlap="none"))
    transfers = (TILES * (LOAD + STORE) + 16 * 8) // 16
    assert result.cycles == TILES * TILE_STEPS + transfers + TILES * 25
    assert result.phases.compute == TILES * TILE_STEPS


@pytest.mark.parametrize("buffering", ["double", "single", "ideal"])
@pytest.mark.parametrize("bandwidth", [1, 2, 3, 8, 32])
def test_the_model_never_promises_less_than_what_is_simulated_takes(buffering: str, bandwidth: int) -> None:
    architecture = machine(buffering, f"bandwidth = {bandwidth} B/cycle shared")
    model = time_of(tally_mapping(PROBLEM, architecture, MAPPING), architecture)
    simulated = run(architecture).cycles
    rounding = 2
    assert model.cycles <= simulated + rounding
    if buffering == "ideal":
        assert simulated == model.cycles


def test_phases_add_up_to_the_cycles() -> None:
    for buffering in ("double", "single", "ideal"):
        result = run(machine(buffering, "bandwidth = 3 B/cycle shared", latency=7))
        phases = result.phases
        assert phases.load + phases.compute + phases.drain + phases.stall == result.cycles
        assert min(phases.load, phases.compute, phases.drain, phases.stall) >= 0
