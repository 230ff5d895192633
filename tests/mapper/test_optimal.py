"""The mapper's answer is the best of all mappings, as listed one by one and evaluated by the cost model."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Axis,
    Buffering,
    Constraint,
    Dataflow,
    Link,
    LinkKind,
    LoopOrder,
    LoopsInside,
    Mac,
    Memory,
    Ports,
    SpatialRule,
    Stationary,
    Timing,
)
from dovetail.accel.legality import violations
from dovetail.accel.mapping import Mapping
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.mapper import Mapspace, NoMapping
from dovetail.costmodel.mapper.bounds import Bounds
from dovetail.costmodel.mapper.choices import Block
from dovetail.costmodel.mapper.enumeration import mappings
from dovetail.costmodel.mapper.objective import Front, Least
from dovetail.costmodel.mapper.search import Search
from dovetail.dsl.problem import Bits, Problem

Cost = tuple[int, float]
CASES = 40
"""Random problems a test; the ordinary run has 8 such tests, the slow one 50."""
MOST = 150
"""Mappings that a random problem may have."""


class Case:
    """A random layer on a random architecture, and what each of its mappings costs."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        while True:
            self.problem = _problem(draw)
            self.architecture, self.prices = _architecture(draw)
            self.leakage = draw.choice([0.0, 0.0, 0.5])
            uneven = draw.random() < 0.6
            flow = "flow" if self.architecture.dataflows else None
            try:
                self.space = Mapspace.of(self.problem, self.architecture, flow, uneven=uneven)
            except NoMapping:
                continue
            if 1 < self.space.size() <= MOST:
                self.flow = flow
                return

    def cost(self, mapping: Mapping) -> Cost | None:
        """None where the mapping is not legal."""
        if violations(self.problem, self.architecture, mapping):
            return None
        cost = evaluate_mapping(self.problem, self.architecture, mapping, self.prices, self.flow)
        return cost.cycles, cost.energy_pj + self.leakage * cost.cycles

    def costs(self) -> list[Cost]:
        distinct = dict.fromkeys(mappings(self.space))
        return sorted(cost for mapping in distinct if (cost := self.cost(mapping)) is not None)

    def least(self, objective: str) -> Cost | None:
        goal: Least[Mapping] = Least(objective)
        Search(self.space, self.prices, goal, self.leakage).run()
        if goal.best is None:
            return None
        assert self.cost(goal.best.what) == (goal.best.cycles, goal.best.energy_pj)
        return goal.best.cycles, goal.best.energy_pj

    def front(self) -> list[Cost]:
        goal: Front[Mapping] = Front()
        Search(self.space, self.prices, goal, self.leakage).run()
        return [(point.cycles, point.energy_pj) for point in goal.points]


def _problem(draw: random.Random) -> Problem:
    names = "KC KCP CPR PR PQRS GKR GPR NKC KP KCPR NGKC PRK QSC KCQ KPQ".split()
    most = {"G": 3, "N": 3, "K": 6, "C": 6, "P": 7, "Q": 4, "R": 3, "S": 3}
    bounds = {d: draw.randint(2, most[d]) for d in draw.choice(names)}
    stride = draw.choice([1, 1, 2]), draw.choice([1, 1, 2])
    bits = Bits(8, draw.choice([8, 16]), 8, draw.choice([8, 16, 32]))
    return Problem(**bounds, stride=stride, dilation=(draw.choice([1, 1, 2]), 1), bits=bits, weight_zeros=0.5)


def _architecture(draw: random.Random) -> tuple[Architecture, EnergyTable]:
    rate = draw.choice([None, Fraction(16), Fraction(8), Fraction(64)])
    outermost = Memory(
        "DRAM",
        frozenset({"inputs", "weights", "outputs"}),
        width_bits=draw.choice([None, 32]),
        read_bits_per_cycle=rate,
        write_bits_per_cycle=rate,
        ports=draw.choice(list(Ports)),
        latency_cycles=draw.choice([0, 0, 10]),
    )
    shape = draw.choice("M A MA AM MAM MM MA AM MAM AMM".split())
    levels = [
        _array(draw, f"A{at}") if kind == "A" else _memory(draw, f"M{at}") for at, kind in enumerate(shape)
    ]
    lanes = draw.choice([1, 1, 1, 2])
    latch = draw.choice([(), (), ("weights",), ("inputs",), ("outputs",)])
    mac = Mac(
        lanes=lanes, lanes_dimension=draw.choice(["C", None]) if lanes > 1 else None, latch=frozenset(latch)
    )
    found = Architecture("random", (outermost, *levels), mac, overlap_transfers=draw.random() < 0.7)
    if draw.random() < 0.5:
        found = replace(found, dataflows=(Dataflow("flow", tuple(_constraints(draw, found))),))
    prices = {}
    for memory in found.memories:
        pj, width = draw.choice([0.1, 1.0, 5.0]), draw.choice([None, memory.width_bits])
        prices[memory.name] = MemoryPrice(pj * draw.choice([1, 2]), pj, pj * draw.choice([1, 2]), width)
    links = {
        (array.name, at): draw.choice([0.0, 0.3, 20.0])
        for array in found.arrays
        for at in range(len(array.links))
    }
    return found, EnergyTable(prices, 1.0, links)


def _memory(draw: random.Random, name: str) -> Memory:
    kept = {t: draw.random() for t in ("inputs", "weights", "outputs")}
    rate, width = draw.choice([None, Fraction(16), Fraction(32)]), draw.choice([None, 16, 32])
    return Memory(
        name,
        frozenset(t for t, chance in kept.items() if chance < 0.45),
        frozenset(t for t, chance in kept.items() if 0.45 <= chance < 0.65),
        size_bits=draw.choice([None, 32, 64, 128, 256, 512]),
        width_bits=width,
        read_bits_per_cycle=rate,
        write_bits_per_cycle=rate,
        ports=draw.choice(list(Ports)),
        accesses_per_cycle=draw.choice([None, None, Fraction(1)]) if width else None,
        buffering=draw.choice([Buffering.IDEAL, *Buffering]),
        drain_reads=draw.random() < 0.2,
        skip_gaps=draw.random() < 0.2,
        latency_cycles=draw.choice([0, 0, 0, 3]),
    )


def _array(draw: random.Random, name: str) -> Array:
    axes = tuple(Axis(axis, draw.choice([2, 3, 4])) for axis in ("row", "col")[: draw.choice([1, 1, 2])])
    names = tuple(axis.name for axis in axes)
    links = []
    for _ in range(draw.randint(0, 3)):
        tensor = draw.choice(["inputs", "weights", "sums"])
        usual = LinkKind.REDUCE if tensor == "sums" else LinkKind.MULTICAST
        kind = draw.choice([usual, usual, usual, LinkKind.FORWARD, LinkKind.SHIFT])
        rate = draw.choice([None, None, Fraction(8)])
        links.append(Link(draw.choice([names, names[:1], names[-1:]]), kind, tensor, bits_per_cycle=rate))
    load, drain = draw.choice([None, None, names[0]]), draw.choice([None, None, names[-1]])
    return Array(name, axes, tuple(links), Timing(load, drain, draw.random() < 0.2, draw.random() < 0.5))


def _constraints(draw: random.Random, architecture: Architecture) -> Iterator[Constraint]:
    for array in architecture.arrays[:1]:
        for axis in array.axes:
            kind = draw.choice(["one", "one", "any", "then", "flat", "full", "free"])
            allowed = {
                "one": ((draw.choice("KCPR"),),),
                "any": (tuple(draw.sample("KCPRQ", 2)),),
                "then": (("R",), ("K", "C")),
                "flat": (("C", "R", "S"),),
            }.get(kind, ())
            if kind != "free":
                yield SpatialRule(array.name, axis.name, allowed, flat=kind == "flat", full=kind == "full")
    held = [(m.name, t) for m in architecture.memories[1:] for t in sorted(m.holds | m.may_hold)]
    if held and draw.random() < 0.4:
        memory, tensor = draw.choice(held)
        yield Stationary("sums" if tensor == "outputs" else tensor, memory)
    if draw.random() < 0.2:
        yield LoopsInside(architecture.memories[-1].name, tuple(draw.sample("KCPQR", 3)))
    if draw.random() < 0.2:
        yield LoopOrder(draw.choice(architecture.levels).name, tuple(draw.sample("KCPQR", 2)))


# ------------------------------------------------------------------------------------------- comparison


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def _key(objective: str, cost: Cost) -> tuple[float, float]:
    cycles, energy = cost
    return {"energy": (energy, cycles), "latency": (cycles, energy), "edp": (cycles * energy, energy)}[
        objective
    ]


def differences(case: Case) -> list[str]:
    """Objectives for which the search and the list disagree."""
    costs = case.costs()
    wrong = []
    for objective in ("energy", "latency", "edp"):
        found = case.least(objective)
        keys = [_key(objective, cost) for cost in costs]
        if not keys or found is None:
            if bool(keys) != (found is not None):
                wrong.append(objective)
            continue
        first = min(key[0] for key in keys)
        second = min(key[1] for key in keys if _same(key[0], first))
        mine = _key(objective, found)
        if not (_same(mine[0], first) and _same(mine[1], second)):
            wrong.append(objective)
    front: list[Cost] = []
    for cost in costs:
        if not front or cost[1] < front[-1][1] * (1 - 1e-10):
            front.append(cost)
    found_front = case.front()
    equal = len(found_front) == len(front) and all(
        a[0] == b[0] and _same(a[1], b[1]) for a, b in zip(found_front, front, strict=True)
    )
    return wrong if equal else [*wrong, "front"]


@pytest.mark.parametrize("part", range(8))
def test_the_best_of_all_mappings_is_found(part: int) -> None:
    for seed in range(part * CASES, (part + 1) * CASES):
        assert differences(Case(seed)) == [], f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8, 58))
def test_the_best_of_all_mappings_is_found_in_a_long_run(part: int) -> None:
    for seed in range(part * CASES, (part + 1) * CASES):
        assert differences(Case(seed)) == [], f"seed {seed}"


def test_a_bound_that_is_too_high_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Bounds.of

    def greedy(self: Bounds, *arguments: Any) -> tuple[Any, ...]:
        time, top, energy, further = honest(self, *arguments)
        return time * 1.2, top * 1.2, energy * 1.2, further * 1.2

    monkeypatch.setattr(Bounds, "of", greedy)
    assert any(differences(Case(seed)) for seed in range(30))


# ----------------------------------------------------------------------------------------------- bounds


class _Everything:
    """A goal that follows everything."""

    points = ()

    def worth(self, cycles: np.ndarray, energy: np.ndarray) -> np.ndarray:
        return np.ones(len(cycles), bool)

    def rank(self, cycles: np.ndarray, energy: np.ndarray) -> np.ndarray:
        return cycles * energy

    def offer(self, cycles: int, energy: float, what: Mapping) -> bool:
        return False


class _Watched(Search):
    """Compares the bound of every complete row with its cost."""

    def watch(self, case: Case) -> int:
        self.case, self.seen = case, 0
        self.costs: dict[Mapping, Cost | None] = {}
        self.run()
        return self.seen

    def _finish(self, block: Block) -> None:
        inside, top, energy, _ = block.parts
        cycles, energy = block.bounds.together(inside, top, energy)
        for row in range(len(block.rows)):
            mapping = self.mapping(block, row)
            if mapping not in self.costs:
                self.costs[mapping] = self.case.cost(mapping)
            cost = self.costs[mapping]
            if cost is not None:
                self.seen += 1
                assert cycles[row] <= cost[0], mapping
                assert energy[row] <= cost[1] * (1 + 1e-9), mapping


def test_no_mapping_costs_less_than_its_bound() -> None:
    seen = 0
    for seed in range(5000, 5060):
        case = Case(seed)
        seen += _Watched(case.space, case.prices, _Everything(), case.leakage).watch(case)
    assert seen > 1000


def test_the_size_of_a_mapspace_is_how_many_mappings_it_lists() -> None:
    for seed in range(60):
        space = Case(seed).space
        if not any(
            rule.full for shape in space.shapes for section in shape.sections for rule in section.axes
        ):
            assert space.size() == sum(1 for _ in mappings(space))
