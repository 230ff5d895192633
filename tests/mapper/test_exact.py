"""The mapper's answer is the best of all mappings, listed and evaluated by the model: 2,000 random problems.

Every mapping is evaluated in columns (`evaluate_batch`); each optimum, and a sample of the list, one by one
as well, with counts by the interpreter.
"""

from __future__ import annotations

import importlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dovetail.accel.mapping import Mapping
from dovetail.costmodel import analytic, reference
from dovetail.costmodel.mapper.enumeration import batches, mappings
from dovetail.costmodel.mapper.terms import Costs, Terms

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(Path(__file__).parent)
    Case: Any = importlib.import_module("random_cases").Case

CASES, PARTS = 40, 50
"""2,000 random problems, in parts that several processes may share."""
OBJECTIVES = ("energy", "latency", "edp")
STEPS = 500
"""Steps times PEs up to which the interpreter runs a mapping."""


def break_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the search prune what it must not: its bounds are a fifth too high."""
    honest = Terms.costs

    def too_high(self: Terms, family: Any) -> Costs:
        found = honest(self, family)
        return replace(
            found,
            energy=tuple(term.times(1.2) for term in found.energy),
            cycles=tuple(tuple(term.times(1.2) for term in own) for own in found.cycles),
        )

    monkeypatch.setattr(Terms, "costs", too_high)


def keys(objective: str, cycles: Any, energy: Any) -> tuple[Any, Any]:
    """What is to be least, and what decides between equals."""
    return {"energy": (energy, cycles), "latency": (cycles, energy), "edp": (cycles * energy, energy)}[
        objective
    ]


def same(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def front_of(cycles: np.ndarray, energy: np.ndarray) -> list[tuple[int, float]]:
    front: list[tuple[int, float]] = []
    for at in np.lexsort((energy, cycles)):
        if not front or energy[at] < front[-1][1] * (1 - 1e-10):
            front.append((int(cycles[at]), float(energy[at])))
    return front


def differences(case: Any) -> list[str]:
    """Objectives for which the mapper and the list disagree."""
    cycles, energy = case.costs()
    wrong = []
    for objective in OBJECTIVES:
        found = case.answer(objective)
        if found is None or not len(cycles):
            if (found is None) != (len(cycles) == 0):
                wrong.append(objective)
            continue
        first, second = keys(objective, cycles, energy)
        least = float(first.min())
        other = float(second[np.abs(first - least) <= 1e-9 * least].min())
        mine = keys(objective, found.cost.cycles, found.best.energy_pj)
        if not (same(mine[0], least) and same(mine[1], other) and found.proved):
            wrong.append(objective)
        elif not agrees(case, found.mapping):
            wrong.append(f"{objective}: the interpreter counts otherwise")
    points = case.answer("front")
    mine_front = [] if points is None else [(p.cost.cycles, p.energy_pj) for p in points.front]
    listed = front_of(cycles, energy)
    equal = len(mine_front) == len(listed) and all(
        a[0] == b[0] and same(a[1], b[1]) for a, b in zip(mine_front, listed, strict=True)
    )
    return wrong if equal else [*wrong, "front"]


def agrees(case: Any, mapping: Mapping) -> bool:
    """Whether the interpreter counts what the closed form counts; large mappings are taken as they are."""
    counts = analytic.count(case.problem, case.architecture, mapping)
    if counts.steps * counts.pes > STEPS:
        return True
    return bool(counts == reference.count(case.problem, case.architecture, mapping))


@pytest.mark.parametrize("part", range(PARTS))
def test_the_best_of_all_mappings_is_found(part: int) -> None:
    for seed in range(part * CASES, (part + 1) * CASES):
        assert differences(Case(seed)) == [], f"seed {seed}"


def test_a_bound_that_is_too_high_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    break_a_bound(monkeypatch)
    assert any(differences(Case(seed)) for seed in range(30))


def test_the_columns_say_what_each_mapping_costs() -> None:
    """A seeded sample of the list, one by one: legal where the columns fit, as dear, counted the same."""
    draw = random.Random(7)
    seen = interpreted = 0
    for seed in range(0, 2000, 20):
        case = Case(seed)
        for batch, cycles, energy, fits in case.batches():
            for row in draw.sample(range(len(cycles)), min(2, len(cycles))):
                mapping = case.space.mapping(batch.shape, batch.order, *batch.fillings[row])
                cost = case.cost(mapping)
                assert (cost is not None) == fits[row], mapping
                if cost is None:
                    continue
                seen += 1
                assert cost[0] == cycles[row]
                assert same(cost[1], energy[row])
                if draw.random() < 0.2:
                    assert agrees(case, mapping)
                    interpreted += 1
    assert seen > 150
    assert interpreted > 25


def test_the_columns_list_all_mappings_and_no_others() -> None:
    for seed in range(60):
        case = Case(seed)
        listed = set(mappings(case.space))
        rows = {
            case.space.mapping(batch.shape, batch.order, *filling)
            for batch in batches(case.space)
            for filling in batch.fillings
        }
        assert rows == listed


def test_the_size_of_a_mapspace_is_how_many_mappings_it_lists() -> None:
    for seed in range(60):
        space = Case(seed).space
        if not any(
            rule.full for shape in space.shapes for section in shape.sections for rule in section.axes
        ):
            assert space.size() == sum(1 for _ in mappings(space))


def test_orders_that_are_not_listed_never_win() -> None:
    """All permutations of every section's loops, where loops divide: none is better than all orders listed.

    Where they do not, PEs that idle in a short last pass keep their tiles meanwhile, so that a loop outside
    of the short one can be idle for them: then an order beside the mapspace may be better by a little.
    """
    tried = 0
    for seed in range(20_000, 20_150):
        case = Case(seed, 60)
        if len(case.space.rules.dimensions) > 3 or max(len(s.sections) for s in case.space.shapes) > 3:
            continue
        cycles, energy = case.costs()
        front = front_of(cycles, energy)
        for batch, own_cycles, own_energy, fits in case.batches(every_order=True):
            for at in np.flatnonzero(fits & divides(batch)):
                tried += 1
                known = min((pj for c, pj in front if c <= own_cycles[at]), default=np.inf)
                if known <= own_energy[at] * (1 + 1e-9):
                    continue
                mapping = case.space.mapping(batch.shape, batch.order, *batch.fillings[at])
                pytest.fail(f"seed {seed}: {mapping}")
    assert tried > 5_000


def divides(batch: Any) -> np.ndarray:
    """Rows whose loops all have whole last steps."""
    steps = np.ones_like(batch.bounds)
    for at, inner in enumerate(batch.structure.next_inner):
        if inner is not None:
            steps[:, at] = batch.bounds[:, inner]
    return np.asarray((batch.bounds % steps == 0).all(axis=1))
