"""The bounds of the search are bounds: no mapping costs less than all families that list its tiles say.

Families share tiles and PEs; which of them a mapping belongs to depends on its order of loops and on which
loops move. So each order of the loops of each choice of tiles and PEs has to find, among the families that
list the choice, one whose bound is not above its cost: the search may drop all others.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator
from itertools import product
from math import exp, inf, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dovetail.costmodel.mapper.family import Choice
from dovetail.costmodel.mapper.relaxation import Family, Relaxation, Wish
from dovetail.costmodel.mapper.search import shapes_of

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(Path(__file__).parent)
    Case: Any = importlib.import_module("random_cases").Case


SUBTLE = (170, 333, 379, 675, 1532)
"""Problems where windows sweep back, short passes move nothing, or some PEs add up in some passes only."""


def families(shape: Any, choice: tuple[Choice | None, ...]) -> Iterator[tuple[Choice | None, ...]]:
    """All families that are chosen in every section."""
    if None not in choice:
        yield choice
        return
    section = max(s for s, own in enumerate(choice) if own is None)
    for own in shape.choices(choice, section):
        yield from families(shape, (*choice[:section], own, *choice[section + 1 :]))


def leaves(shape: Any, choice: tuple[Choice | None, ...]) -> tuple[np.ndarray, np.ndarray]:
    """All choices of paths of a family with their lower bounds of cycles and pJ, its own bound below them."""
    relaxation: Relaxation = shape.relaxation
    family: Family = shape.family(choice).between(shape.low - shape.terms.costs(choice).returned, 1e12)
    wish = Wish(1.0, 1.0, 200.0)
    bounded = relaxation.relax(family, wish, 30)
    if not bounded.possible:
        return np.zeros((0, 1, 1), np.int32), np.zeros((0, 2))
    edges, costs = relaxation.leave(family, wish, bounded, 1 << 16, 10_000_000)
    values = np.log(costs).sum(axis=1)
    assert (values >= bounded.bound - 1e-9).all()
    return edges, costs


def test_no_mapping_costs_less_than_the_least_of_its_families() -> None:
    """Of all families that list a mapping, one has a bound that is not above its cost: the one it belongs to.

    So nothing is lost when a family goes whose bound is too high: the mapping is still in another one.
    """
    seen = 0
    cases = [*(Case(seed, 120) for seed in range(5000, 5040)), *map(Case, SUBTLE)]
    for case in cases:
        for shape in shapes_of(case.space, case.prices, case.leakage):
            if not shape.possible:
                continue
            least: dict[bytes, list[tuple[float, float, tuple[Any, ...]]]] = {}
            for choice in families(shape, shape.nothing):
                edges, costs = leaves(shape, choice)
                orders = tuple(own.orders for own in choice if own is not None)
                for path, (cycles, energy) in zip(edges, costs, strict=True):
                    least.setdefault(path.tobytes(), []).append((cycles, energy, orders))
            for path, found in least.items():
                edges = np.frombuffer(path, np.int32).reshape(1, len(shape.terms.graph.blocks), -1)
                seen += check(case, shape, edges, found)
    assert seen > 1000


def check(case: Any, shape: Any, edges: np.ndarray, found: list[tuple[float, float, tuple[Any, ...]]]) -> int:
    """Each order of the loops of one choice of paths costs no less than the least bound of all families."""
    tile, pes = shape.terms.graph.tiles_and_pes(edges)
    unrolling = tuple(
        tuple(int(pes[d][number][0]) for d in (*rule.first, *rule.then))
        for number, (_, rule) in enumerate(shape.terms.axes)
    )
    tiles = {d: tuple(own[0].tolist()) for d, own in tile.items()}
    costs = {
        order: case.cost(case.space.mapping(shape.shape, order, unrolling, tiles))
        for order in product(*(section.orders for section in shape.shape.sections))
    }
    legal = {order: cost for order, cost in costs.items() if cost is not None}
    listed = [
        cost
        for order, cost in legal.items()
        if any(all(own in each for own, each in zip(order, orders, strict=True)) for _, _, orders in found)
    ]
    for order, cost in legal.items():
        assert any(
            cycles <= cost[0] * (1 + 1e-9) and energy <= cost[1] * (1 + 1e-9) for cycles, energy, _ in found
        ), (order, cost, found)
        # an order that no family has is no better than one that some family has
        assert any(own[0] <= cost[0] and own[1] <= cost[1] * (1 + 1e-9) for own in listed), (order, cost)
    return len(legal)


def test_a_root_bounds_all_mappings_of_its_shape() -> None:
    draw = random.Random(11)
    seen = 0
    for seed in range(6000, 6060):
        case = Case(seed)
        cycles, energy = case.costs()
        if not len(cycles):
            continue
        shapes = [s for s in shapes_of(case.space, case.prices, case.leakage) if s.possible]
        weights = draw.choice([(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.3)])
        least = float((weights[0] * np.log(energy) + weights[1] * np.log(cycles)).min())
        most = float(energy.max()) * 1.001
        bounds = []
        for shape in shapes:
            family = shape.family(shape.nothing)
            family = family.between(shape.low - family.costs.returned, most)
            bounds.append(shape.relaxation.relax(family, Wish(*weights, inf), 60).bound)
            assert shape.cycles <= cycles.max()
        assert min(bounds) <= least + 1e-9, (seed, exp(min(bounds)), exp(least))
        seen += 1
    assert seen > 40


def test_the_least_bound_is_not_far_below_the_optimum() -> None:
    """Bounds that are always far too low would pass every other test here."""
    near = []
    for seed in range(7000, 7060):
        case = Case(seed)
        cycles, energy = case.costs()
        if not len(cycles):
            continue
        best = float((cycles * energy).min())
        bounds = []
        for shape in shapes_of(case.space, case.prices, case.leakage):
            for choice in families(shape, shape.nothing):
                family = shape.family(choice)
                family = family.between(shape.low - family.costs.returned, float(energy.max()))
                found = shape.relaxation.relax(family, Wish(1.0, 1.0, log(best)), 100)
                if found.possible:
                    bounds.append(found.bound)
        near.append(exp(min(bounds)) / best)
    assert np.median(near) > 0.6
