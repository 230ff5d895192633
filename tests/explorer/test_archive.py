"""The front that is kept equals the front by comparing all with all, whatever comes first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.dsl.parser import parse_text
from dovetail.explorer.archive import ParetoArchive
from dovetail.explorer.engine import Direction, Objective, PointResult
from dovetail.explorer.hypervolume import hypervolume

NODE = parse_text("net x\nlet v = 1\n").statements[0].value


def objectives(directions: Sequence[Direction]) -> list[Objective]:
    return [Objective(f"m{i}", NODE, direction) for i, direction in enumerate(directions)]


def beats(one: PointResult, other: PointResult, goals: Sequence[Objective]) -> bool:
    first, second = [[o.key(r.metrics) for o in goals] for r in (one, other)]
    return all(a <= b for a, b in zip(first, second, strict=True)) and first != second


def by_comparing_all(results: Sequence[PointResult], goals: Sequence[Objective]) -> set[int]:
    good = [r for r in results if r.meets and r.refused is None]
    front = [r for r in good if not any(beats(other, r, goals) for other in good)]
    least: dict[tuple[float, ...], int] = {}
    for r in front:
        key = tuple(o.key(r.metrics) for o in goals)
        least[key] = min(least.get(key, r.index), r.index)
    return set(least.values())


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.sampled_from(["minimize", "maximize"]), min_size=1, max_size=4).flatmap(
        lambda ways: st.tuples(
            st.just(ways),
            st.lists(
                st.tuples(st.tuples(*[st.integers(0, 4)] * len(ways)), st.booleans()), min_size=1, max_size=40
            ),
        )
    ),
    st.randoms(use_true_random=False),
)
def test_the_front_is_that_of_comparing_all_with_all(drawn: object, random: object) -> None:
    ways, rows = drawn
    goals = objectives(ways)
    results = [
        PointResult(i, {}, {f"m{k}": float(v) for k, v in enumerate(values)}, meets=meets)
        for i, (values, meets) in enumerate(rows)
    ]
    expected = by_comparing_all(results, goals)
    random.shuffle(results)
    archive = ParetoArchive(goals)
    for result in results:
        archive.add([result])
    assert {r.index for r in archive.front} == expected
    assert len(archive) == len(expected)


def test_what_cannot_run_is_on_no_front() -> None:
    archive = ParetoArchive(objectives(["minimize"]))
    assert not archive.add([PointResult(0, {}, {}, meets=False, refused="no room")])
    assert archive.front == ()


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
def test_hypervolume_is_the_share_of_a_grid_that_is_dominated(dimensions: int) -> None:
    random = np.random.default_rng(dimensions)
    size = 5
    for _ in range(20):
        keys = random.integers(0, size + 1, (6, dimensions)).astype(float)
        cells = np.stack(np.meshgrid(*[np.arange(size)] * dimensions, indexing="ij"), -1).reshape(
            -1, dimensions
        )
        covered = (keys[None] <= cells[:, None]).all(axis=2).any(axis=1)
        assert hypervolume(keys, [float(size)] * dimensions) == covered.sum()
