"""Fronts of arrays, against the definition of dominance applied to every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.explorer.exact.pareto import Values, merge, nondominated
from dovetail.explorer.exact.trimming import thinned


def front_by_definition(values: Values) -> list[tuple[float, ...]]:
    points = sorted({tuple(row) for row in values.tolist()})
    return [
        p
        for p in points
        if not any(q != p and all(a <= b for a, b in zip(q, p, strict=True)) for q in points)
    ]


@st.composite
def clouds(draw: st.DrawFn, most: int = 60) -> Values:
    objectives = draw(st.integers(1, 5))
    high = draw(st.sampled_from([2, 5, 50]))  # small ranges have many ties
    count = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.integers(-high, high, (count, objectives)).astype(np.float64)


@given(clouds())
@settings(max_examples=300, deadline=None)
def test_what_is_left_is_what_no_point_dominates(values: Values) -> None:
    kept = nondominated(values)
    assert [tuple(row) for row in values[kept].tolist()] == front_by_definition(values)


@given(clouds())
@settings(max_examples=100, deadline=None)
def test_of_equal_points_the_first_is_kept(values: Values) -> None:
    for index in nondominated(values):
        assert index == next(i for i, row in enumerate(values) if (row == values[index]).all())


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_fronts_larger_than_a_block_are_the_same(objectives: int) -> None:
    rng = np.random.default_rng(objectives)
    sphere = np.abs(rng.standard_normal((3000, objectives)))
    values = np.round(1000 * (1 - sphere / np.linalg.norm(sphere, axis=1, keepdims=True)))
    kept = nondominated(values)
    assert len(kept) > 100
    beaten = np.ones(len(values), dtype=bool)
    for i, row in enumerate(values):
        beaten[i] = bool(((values <= row).all(axis=1) & (values < row).any(axis=1)).any())
    assert {tuple(r) for r in values[kept]} == {tuple(r) for r in values[~beaten]}


@given(clouds(12), st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_the_front_of_sums_is_the_sum_of_fronts(left: Values, seed: int) -> None:
    rng = np.random.default_rng(seed)
    right = rng.integers(-5, 5, (int(rng.integers(1, 9)), left.shape[1])).astype(np.float64)
    merged = merge(left[nondominated(left)], right[nondominated(right)])
    sums = (left[:, None, :] + right[None, :, :]).reshape(-1, left.shape[1])
    assert [tuple(row) for row in merged.values.tolist()] == front_by_definition(sums)
    whole = left[nondominated(left)][merged.left] + right[nondominated(right)][merged.right]
    assert (whole == merged.values).all()


@given(clouds(40), st.integers(1, 10))
@settings(max_examples=100, deadline=None)
def test_whatever_is_thinned_out_has_something_at_most_a_cell_worse(values: Values, limit: int) -> None:
    allowed = np.full(values.shape[1], 6.0)
    allowed[0] = 0.0  # exact in one column
    kept, cell = thinned(values, allowed, limit)
    assert (cell <= allowed).all()
    for row in values:
        assert ((values[kept] <= row + cell).all(axis=1)).any()
