"""Double buffers tile by tile: the cost model's sum over tile steps is what the simulator finds."""

from __future__ import annotations

import random

import pytest

from dovetail.accel.architecture import Architecture
from dovetail.accel.loading import accelerator_from_text
from dovetail.accel.mapping import For, Holds, Mapping, Node, Spatial
from dovetail.accel.simulator import simulate
from dovetail.costmodel.analytic import tally_mapping
from dovetail.costmodel.evaluate import time_of
from dovetail.costmodel.latency import Latency
from dovetail.dsl.problem import OPERANDS, Bits, Problem

NARROW = Bits(8, 8, 8, 8)
ROUNDING = 4
"""Each kind of step and each port is rounded up by itself."""

PORTS = (
    "bandwidth = 1 B/cycle shared",
    "bandwidth = 3 B/cycle shared",
    "bandwidth = 8 B/cycle shared",
    "read_bandwidth = 1 B/cycle; write_bandwidth = 3 B/cycle",
    "read_bandwidth = 2 B/cycle; write_bandwidth = 1 B/cycle",
    "read_bandwidth = 5 B/cycle; write_bandwidth = 1 B/cycle",
)


def machine(port: str, buffering: str = "double") -> Architecture:
    return accelerator_from_text(f"""
accel machine
technology 45 nm
clock      1 GHz
precision  {{ inputs, weights, outputs, sums = 8 bit }}
memory DRAM {{ {port}; energy = 1 pJ/bit; holds = [inputs, weights, outputs] }}
memory Buffer {{
    size = 64 MiB; buffering = {buffering}; energy = 1 pJ/bit; may_hold = [inputs, weights, outputs]
}}
array PE[row = 4, col = 4] {{
    along col: multicast inputs
    along row: reduce sums
    memory Register {{ depth = 1; width = 8 bit; energy = 1 pJ/bit; may_hold = [weights] }}
    mac {{ rate = 1/cycle }}
}}
""").architecture


def tiled(draw: random.Random) -> tuple[Problem, Mapping]:
    """Tiles of one size, their loops in any order."""
    tiles = {d: draw.choice((1, 2, 3, 4)) for d in "KCP"}
    size = {"K": draw.choice((4, 8)), "C": draw.choice((4, 8)), "P": draw.choice((4, 16, 30))}
    whole = {d: tiles[d] * size[d] for d in "KCP"}
    nodes: list[Node] = [Holds("DRAM", OPERANDS)]
    nodes += [For(d, whole[d], size[d]) for d in draw.sample("KCP", 3) if tiles[d] > 1]
    nodes.append(Holds("Buffer", OPERANDS))
    nodes += [For(d, size[d], 4) for d in "KC" if size[d] > 4]
    nodes += [Spatial("C", 4, "PE", "row"), Spatial("K", 4, "PE", "col"), Holds("Register", ("weights",))]
    nodes.append(For("P", size["P"]))
    return Problem(**whole, bits=NARROW), Mapping(tuple(nodes))


def modelled(problem: Problem, architecture: Architecture, mapping: Mapping) -> Latency:
    return time_of(tally_mapping(problem, architecture, mapping), architecture)


@pytest.mark.parametrize("port", PORTS)
def test_tiles_of_one_size_take_as_long_in_the_model_as_simulated(port: str) -> None:
    """In any order of loops: whatever changes together, old sums that come back, tiles that leave."""
    draw, architecture = random.Random(PORTS.index(port)), machine(port)
    missed = 0
    for _ in range(40):
        problem, mapping = tiled(draw)
        model = modelled(problem, architecture, mapping)
        taken = simulate(problem, architecture, mapping=mapping, numbers=False).cycles
        assert taken <= model.cycles <= taken + ROUNDING, mapping
        missed += model.cycles - model.term("tile_steps") < 0.9 * taken
    assert missed > 0  # the larger of the sums alone would have been short by a tenth or more


def test_where_the_outer_memory_sets_the_pace_the_last_tile_is_used_after_all_loads() -> None:
    """Four tiles of 240 words, 120 cycles a load, 60 of work each."""
    problem = Problem(K=4, C=4, P=240, bits=NARROW)
    nodes = [Holds("DRAM", OPERANDS), For("P", 240, 60), Holds("Buffer", ("inputs",))]
    nodes += [Spatial("C", 4, "PE", "row"), Spatial("K", 4, "PE", "col"), Holds("Register", ("weights",))]
    architecture = machine("read_bandwidth = 2 B/cycle; write_bandwidth = 99 B/cycle")
    model = modelled(problem, architecture, Mapping((*nodes, For("P", 60))))
    load = 4 * 60 // 2
    weights = 4 * 4 // 2  # straight to the PEs, once
    assert dict(model.ports)["DRAM"] == 4 * load + weights
    assert model.cycles == max(4 * load + 60, 4 * load + weights)
    assert model.term("tile_steps") == 60 - weights


@pytest.mark.parametrize("buffering", ["ideal", "single"])
def test_only_a_double_buffer_has_tile_steps(buffering: str) -> None:
    draw, architecture = random.Random(3), machine(PORTS[0], buffering)
    for _ in range(20):
        problem, mapping = tiled(draw)
        assert modelled(problem, architecture, mapping).term("tile_steps") == 0
