"""The choice of a candidate for each layer is the best of all combinations."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.costmodel.selection import Objective, select

points = st.tuples(st.integers(1, 60), st.integers(1, 60).map(float))
networks = st.lists(st.lists(points, min_size=1, max_size=4), min_size=1, max_size=5)


def totals(candidates: list[list[tuple[int, float]]], taken: tuple[int, ...]) -> tuple[int, float]:
    chosen = [layer[index] for layer, index in zip(candidates, taken, strict=True)]
    return sum(c for c, _ in chosen), sum(pj for _, pj in chosen)


def every_combination(candidates: list[list[tuple[int, float]]]) -> list[tuple[int, float]]:
    return [totals(candidates, taken) for taken in product(*(range(len(c)) for c in candidates))]


@given(networks)
def test_the_energy_delay_product_of_a_network_is_the_least_of_all_combinations(
    candidates: list[list[tuple[int, float]]],
) -> None:
    cycles, pj = totals(candidates, select(candidates, Objective.EDP))
    assert cycles * pj == min(c * e for c, e in every_combination(candidates))


@given(networks)
def test_latency_and_energy_are_least_with_ties_to_the_other(
    candidates: list[list[tuple[int, float]]],
) -> None:
    assert totals(candidates, select(candidates, Objective.LATENCY)) == min(every_combination(candidates))
    cycles, pj = totals(candidates, select(candidates, Objective.ENERGY))
    assert (pj, cycles) == min((e, c) for c, e in every_combination(candidates))


def test_a_layer_may_take_more_than_its_own_least_product() -> None:
    """Alone, the first layer is better off with (10, 10.0); beside a slow second one, with fewer cycles."""
    alone = [[(5, 21.0), (10, 10.0)]]
    assert select(alone, Objective.EDP) == (1,)
    beside = [[(5, 21.0), (10, 10.0)], [(1, 1000.0)]]
    assert select(beside, Objective.EDP) == (0, 0)


@pytest.mark.parametrize("objective", list(Objective))
def test_equal_candidates_leave_the_first(objective: Objective) -> None:
    assert select([[(4, 4.0), (4, 4.0)], [(2, 8.0), (2, 8.0)]], objective) == (0, 0)


def test_an_objective_knows_its_unit() -> None:
    assert [o.of(2.0, 3.0) for o in Objective] == [6.0, 3.0, 2.0]
    assert [o.unit for o in Objective] == ["pJ s", "pJ", "s"]
