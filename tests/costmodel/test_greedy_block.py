"""Layers mapped on many accelerators at once, against each accelerator alone: equal to the last bit."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from dovetail.accel.architecture import Architecture, Axis, Memory
from dovetail.accel.legality import violations
from dovetail.accel.loading import accelerator_from_text, load_accelerator_design
from dovetail.costmodel.components import Prices, price
from dovetail.costmodel.effort import QUICK
from dovetail.costmodel.greedy import NoMapping, Room, attempts, layout, sizes_of
from dovetail.costmodel.greedy_block import GreedyBlocks, blocks
from dovetail.costmodel.latency import mac_rate
from dovetail.costmodel.selection import Candidate, Objective
from dovetail.costmodel.trials import solve
from dovetail.dsl.problem import Bits, Problem

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "accelerators").glob("*.accel"))

BUSY = """accel busy
clock 200 MHz
precision { inputs, weights, outputs = 8 bit; sums = 24 bit }
memory DRAM { bandwidth = 3 GB/s shared; latency = 40 cycles; energy = 8 pJ/bit }
memory Buffer {
    size = 6 KiB; width = 48 bit; access = 1/cycle; buffering = auto
    energy = { read = 3 pJ; fill = 4 pJ; update = 5 pJ }; leakage = 2 mW
    may_hold = [inputs, weights, outputs]
}
array PE[row = 6, col = 5] {
    along row: reduce sums { energy = 0.1 pJ }
    along col: forward inputs { energy = 0.2 pJ; bandwidth = 16 bit/cycle }
    timing { load = row; drain = col; skew = true; overlap = true }
    memory Local {
        size = 96 B; buffering = single; energy = 0.3 pJ/bit; may_hold = [weights, sums]; drain_reads = true
    }
    mac { rate = 2/cycle at 8 bit, 1/cycle at 16 bit; skip = zero weights in ws; energy = 0.5 pJ }
}
dataflow ws { PE.row in [C, R, S]; PE.col = K; stationary weights at Local }
dataflow os { PE.row = P; PE.col = Q then [K] }
dataflow im2col { PE.row = flat(C, R, S); PE.col = K; order in Buffer = K, C }
dataflow free { }
"""


def varied(random: Random, architecture: Architecture) -> Architecture:
    """The same kind of accelerator with other sizes, rates and numbers of PEs."""
    levels: list[Memory | object] = []
    for level in architecture.levels:
        if isinstance(level, Memory):
            changes: dict[str, object] = {}
            if level.size_bits is not None:
                changes["size_bits"] = max(8, int(level.size_bits * random.choice([0.1, 0.5, 1, 1, 3])))
            for name in ("read_bits_per_cycle", "write_bits_per_cycle"):
                rate = getattr(level, name)
                if rate is not None:
                    changes[name] = rate * Fraction(random.choice([1, 2, 5]), random.choice([1, 3, 7]))
            levels.append(replace(level, **changes))  # type: ignore[arg-type]
        else:
            axes = tuple(Axis(a.name, max(1, random.choice([a.size, 1, 3, 2 * a.size]))) for a in level.axes)
            levels.append(replace(level, axes=axes))
    return replace(architecture, levels=tuple(levels))  # type: ignore[arg-type]


def random_problem(random: Random, bits: Bits) -> Problem:
    return Problem(
        G=random.choice([1, 1, 1, 4]),
        K=random.choice([1, 6, 16, 33]),
        C=random.choice([1, 3, 16, 20]),
        P=random.choice([1, 7, 13, 28]),
        Q=random.choice([1, 7, 14]),
        R=random.choice([1, 3]),
        S=random.choice([1, 1, 3, 5]),
        stride=(random.choice([1, 2]), 1),
        bits=bits,
        weight_zeros=random.choice([0.0, 0.4]),
    )


def priced(random: Random, architecture: Architecture, prices: Prices) -> Prices:
    """The prices with the leakage and the MAC's energy changed: what differs need not follow from sizes."""
    leakage = replace(prices.leakage_mw, value=prices.leakage_mw.value * random.choice([0, 1, 3.3]))
    return replace(prices, leakage_mw=leakage)


def alone(problem: Problem, architecture: Architecture, prices: Prices) -> dict[str | None, Candidate]:
    solved = solve(problem, architecture, prices, architecture.dataflows or (None,), Objective.EDP, QUICK)
    outermost = architecture.memories[0].name
    return {
        t.dataflow: Candidate(
            t.dataflow,
            t.cost.cycles,
            t.energy.total_pj,
            t.cost.traffic_bits().get(outermost, 0),
            t.cost.utilization,
        )
        for t in solved.trials
    }


def load(name: str) -> Architecture:
    if name == "busy":
        return accelerator_from_text(BUSY).architecture
    return load_accelerator_design(next(p for p in EXAMPLES if p.stem == name)).architecture


@pytest.mark.parametrize("name", ["busy", *(path.stem for path in EXAMPLES)])
def test_a_block_gives_each_machine_what_it_gets_alone(name: str) -> None:
    random = Random(name)
    first = load(name)
    machines = []
    for _ in range(6):
        architecture = varied(random, first)
        machines.append((architecture, priced(random, architecture, price(architecture))))
    together = GreedyBlocks()
    compared = 0
    for _ in range(3):
        problem = random_problem(random, first.bits)
        try:
            mac_rate(problem, first.mac)
        except ValueError:
            continue
        for members, block in blocks(machines):
            for flow in first.dataflows or (None,):
                found = together.map(problem, block, flow)
                for at, mapped in zip(members, found or [None] * len(members), strict=True):
                    wanted = alone(problem, *machines[at]).get(flow.name if flow is not None else None)
                    if found is not None:
                        assert mapped == wanted
                        compared += 1
    assert compared >= 10


def test_what_is_remembered_of_one_block_serves_the_next() -> None:
    """Machines come in other blocks and other orders: what they get is the same."""
    random = Random(7)
    first = load("squeezelerator")
    machines = [(a, price(a)) for a in (varied(random, first) for _ in range(24))]
    problem = Problem(K=24, C=20, P=13, Q=13, R=3, S=3, bits=first.bits)
    [(_, whole)] = blocks(machines)
    wanted = GreedyBlocks().map(problem, whole, first.dataflows[0])
    assert wanted is not None and len(set(wanted)) > 5
    memory = GreedyBlocks()
    order = random.sample(range(24), 24)
    for at in range(0, 24, 4):
        some = order[at : at + 4]
        [(_, block)] = blocks([machines[i] for i in some])
        assert memory.map(problem, block, first.dataflows[0]) == [wanted[i] for i in some]


def test_what_is_forgotten_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(8)
    first = load("squeezelerator")
    machines = [(a, price(a)) for a in (varied(random, first) for _ in range(6))]
    problems = [Problem(K=8 + k, C=12, P=7, Q=7, R=3, S=3, bits=first.bits) for k in range(3)]
    [(_, block)] = blocks(machines)
    roomy = GreedyBlocks()
    wanted = [roomy.map(problem, block, first.dataflows[0]) for problem in problems]
    monkeypatch.setattr("dovetail.costmodel.greedy_block.MOST_KEPT", 1)
    narrow = GreedyBlocks()
    assert [narrow.map(problem, block, first.dataflows[0]) for problem in problems * 2] == wanted * 2


@pytest.mark.parametrize("seed", range(12))
def test_the_sizes_that_a_room_notes_give_the_same_attempts(seed: int) -> None:
    """Every size inside the noted bounds, and at their ends; one beyond an end changes an answer."""
    random = Random(seed)
    first = load(random.choice(["squeezelerator", "busy"]))
    problem = random_problem(random, first.bits)
    flow = random.choice(first.dataflows)
    try:
        plan = layout(problem, first, flow)
    except NoMapping:
        return
    room = Room(sizes_of(first))
    tried = attempts(problem, first, flow, plan, room)
    for at, memory in enumerate(first.memories):
        if memory.size_bits is None:
            continue
        ends = [room.least[at], min(room.below[at] - 1, 2 * memory.size_bits)]
        for size in (*ends, random.randint(int(ends[0]), int(ends[1]))):
            levels = tuple(
                replace(level, size_bits=int(size)) if level is memory else level for level in first.levels
            )
            other = replace(first, levels=levels)
            again = attempts(problem, other, flow, plan, Room(sizes_of(other)))
            assert again.mappings == tried.mappings
            assert all(not violations(problem, other, mapping) for mapping in again.mappings)
