"""The mapper's inner loops, compiled and in Python: both walk the same way, and list what they should."""

from __future__ import annotations

import importlib
import importlib.util
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from math import exp, inf, log
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from dovetail.costmodel.mapper import kernel, pure
from dovetail.costmodel.mapper.relaxation import Bounded, Family, Relaxation, TooMany, Wish
from dovetail.costmodel.mapper.search import _Shape, shapes_of

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(Path(__file__).parent)
    Case: Any = importlib.import_module("random_cases").Case

CASES = 60
STEPS = 40
MOST = 4096


class Drawn(NamedTuple):
    """A random family of a random problem, and a random wish."""

    compiled: Relaxation
    plain: Relaxation
    family: Family
    wish: Wish


def without_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kernel.PURE, "1")
    kernel.library.cache_clear()


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    kernel.library.cache_clear()


def chosen(draw: random.Random, shape: _Shape) -> tuple[Any, ...]:
    """Choices of some of the innermost sections, as the search makes them."""
    own = shape.nothing
    for section in range(shape.terms.sections - 1, draw.randint(-1, shape.terms.sections - 1), -1):
        found = list(shape.choices(own, section))
        own = (*own[:section], draw.choice(found), *own[section + 1 :])
    return own


def drawn(seed: int) -> Drawn | None:
    """None where the problem has no mapping at all."""
    draw, case = random.Random(seed), Case(seed)
    shape = draw.choice(shapes_of(case.space, case.prices, case.leakage))
    if not shape.possible:
        return None
    family = shape.family(chosen(draw, shape))
    energy, cycles = draw.choice([(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.4)])
    within = energy * log(shape.low) + cycles * log(shape.cycles) + draw.uniform(0.0, 2.0)
    most_cycles = draw.choice([inf, shape.cycles * draw.uniform(1, 3)])
    most_energy = draw.choice([inf, shape.low * draw.uniform(1, 3)])
    wish = Wish(energy, cycles, draw.choice([within, within, 1e3]), most_energy, most_cycles)
    family.between(shape.low - family.costs.returned, draw.uniform(1, 5) * shape.low)
    plain = Relaxation(shape.terms.graph)
    plain.library = None
    return Drawn(shape.relaxation, plain, family, wish)


def all_drawn() -> Iterator[Drawn]:
    return (own for own in map(drawn, range(CASES)) if own is not None)


def near(a: float, b: float) -> bool:
    return a == b or abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))


def listed(relaxation: Relaxation, own: Drawn, bounded: Bounded) -> set[tuple[int, ...]] | None:
    """The choices that a bound leaves; None where there are too many."""
    try:
        edges, _ = relaxation.leave(own.family, own.wish, bounded, MOST, 20_000)
    except TooMany:
        return None
    return {tuple(path.ravel().tolist()) for path in edges}


def test_the_kernel_is_built() -> None:
    assert importlib.util.find_spec("dovetail.costmodel.mapper._kernel") is not None, "pip install -e . again"
    assert kernel.library() is not None


def test_both_find_the_same_bounds() -> None:
    climbed = stopped = 0
    for own in all_drawn():
        state = None
        for steps in (STEPS, STEPS // 2):
            fast = own.compiled.relax(own.family, own.wish, steps, state, 3)
            slow = own.plain.relax(own.family, own.wish, steps, state, 3)
            assert near(fast.bound, slow.bound)
            assert near(fast.constant, slow.constant)
            assert (fast.possible, fast.iterations) == (slow.possible, slow.iterations)
            np.testing.assert_allclose(fast.weight, slow.weight, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(fast.state.dual, slow.state.dual, rtol=1e-9, atol=1e-9)
            assert fast.state.average == pytest.approx(slow.state.average, rel=1e-9, abs=1e-9)
            np.testing.assert_array_equal(fast.candidates, slow.candidates)
            climbed += fast.iterations > pure.COLD
            stopped += fast.bound > own.wish.limit
            state = fast.state
    assert climbed > 20
    assert stopped > 5


def test_all_of_the_energy_known_to_be_needed_may_be_returned() -> None:
    seen = 0
    for own in all_drawn():
        if not own.family.costs.returned or not own.wish.energy:
            continue
        possible = own.compiled.relax(own.family, own.wish, 10).possible
        own.family.low = own.family.costs.returned / 2
        fast, slow = (one.relax(own.family, own.wish, STEPS) for one in (own.compiled, own.plain))
        assert (fast.possible, slow.possible) == (possible, possible)
        assert near(fast.bound, slow.bound)
        seen += possible
    assert seen > 5


def test_both_leave_the_same_choices() -> None:
    some = 0
    for own in all_drawn():
        bounded = own.compiled.relax(own.family, own.wish, 10)
        if not bounded.possible:
            continue
        fast, slow = listed(own.compiled, own, bounded), listed(own.plain, own, bounded)
        assert fast == slow
        some += bool(fast)
    assert some > 20


def test_lists_end_early_for_the_same_reason() -> None:
    for own in list(all_drawn())[:20]:
        bounded = own.compiled.relax(own.family, own.wish, 5)
        for limits in ((3, 10_000, 10_000), (MOST, 2, 10_000), (MOST, 10_000, 7)):
            fast = own.compiled._leave(own.family, own.wish, bounded, *limits)
            slow = own.plain._leave(own.family, own.wish, bounded, *limits)
            assert fast[0] == slow[0]
            np.testing.assert_array_equal(fast[1], slow[1])
            np.testing.assert_allclose(fast[2], slow[2], rtol=1e-9)


def every_path(own: Drawn) -> list[list[list[int]]]:
    """Of each block all paths: edges that begin where the one before ends, allowed by the family."""
    graph, still = own.family.graph, own.family.still
    starts = graph.edge_start.tolist()
    found = []
    for b in range(len(graph.blocks)):
        paths: list[tuple[int, list[int]]] = [(0, [])]
        for s in range(graph.sections):
            first, end = starts[b * graph.sections + s], starts[b * graph.sections + s + 1]
            paths = [
                (int(graph.target[e]), [*path, e])
                for node, path in paths
                for e in range(first, end)
                if graph.source[e] == node and not graph.moves[e] & still[s]
            ]
        found.append([path for _, path in paths])
    return found


class Listed(NamedTuple):
    """All choices of paths, one after the other, with quantities as the terms say them."""

    must: set[tuple[int, ...]]
    """What `leave` must list."""
    may: set[tuple[int, ...]]
    """What it may: rounding decides of those at the limit."""
    least: float
    """The least weighted logarithm of those that fit and take the energy that the family is for."""


def as_listed(own: Drawn, bounded: Bounded, paths: list[list[list[int]]]) -> Listed:
    family, wish, column = own.family, own.wish, own.family.graph.column
    must, may, least = set(), set(), inf
    for choice in product(*paths):
        sums = column[np.array(choice)].sum(axis=0)
        value = [sum(f * sums[s, c] for s, c, f in entries) for entries, _ in family.quantities]
        known = {name: value[at] for at, name in enumerate(family.quantities)}

        def size(term: Any, known: dict[Any, float] = known) -> float:
            other = -inf if term.other is None else known[term.other, None]
            return float(term.number * exp(max(known[term.entries, term.other], other)))

        costs = family.costs
        cycles = max(1.0, *(np.ceil(sum(map(size, terms)) * (1 - 1e-11)) for terms in costs.cycles))
        energy = -costs.returned + family.leakage * cycles
        for term in costs.energy:
            access = term.access_pj
            energy += access * np.ceil(size(term) / access * (1 - 1e-11)) if access else size(term)
        for spill in costs.spills:
            words = size(spill.words)
            if words - size(spill.first) > 1e-9 * words:
                energy += spill.again_pj * (words - size(spill.first)) + spill.wider_pj * words
        logarithm = wish.energy * log(max(energy, 1e-30)) + wish.cycles * log(cycles)
        over = [
            logarithm - wish.limit,
            bounded.constant + float(np.dot(bounded.weight, value)) - wish.limit,
            cycles / wish.most_cycles - 1,
            energy / wish.most_energy - 1,
        ]
        fit = [
            *(known[entries, None] - log(most) for most, entries in costs.axes),
            *(sum(map(size, terms)) / most - 1 for most, terms in costs.capacities),
        ]
        if max(fit, default=-inf) <= 1e-9 and family.low <= energy + costs.returned <= family.high:
            least = min(least, logarithm)
        over += fit
        path = tuple(e for way in choice for e in way)
        if max(over) <= -1e-8:
            must.add(path)
        if max(over) <= 1e-8:
            may.add(path)
    return Listed(must, may, least)


def test_bounds_are_bounds_and_leave_all_that_fits_and_is_wanted() -> None:
    some = pruned = bounded_well = 0
    for own in all_drawn():
        paths = every_path(own)
        many = int(np.prod([len(block) for block in paths]))
        if not 0 < many <= 3000:
            continue
        bounded = own.compiled.relax(own.family, own.wish, 20)
        left = listed(own.compiled, own, bounded)
        if left is None or not bounded.possible:
            continue
        must, may, least = as_listed(own, bounded, paths)
        assert must <= left <= may
        for steps in (1, 5):
            assert own.compiled.relax(own.family, own.wish, steps).bound <= least + 1e-9
        assert bounded.bound <= least + 1e-9
        bounded_well += least - 0.5 < bounded.bound < inf
        some += bool(left)
        pruned += len(left) < many
    assert some > 10
    assert pruned > 10
    assert bounded_well > 10


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    asks = "from dovetail.costmodel.mapper import kernel; print(kernel.library() is None)"
    for value, answer in (("1", "True"), ("", "False")):
        environment = {**os.environ, kernel.PURE: value}
        done = subprocess.run(
            [sys.executable, "-c", asks], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == answer
    calls: list[int] = []
    honest = pure.relax

    def counted(*arguments: Any) -> pure.Relaxed:
        calls.append(1)
        return honest(*arguments)

    monkeypatch.setattr(pure, "relax", counted)
    Case(3).answer("edp")
    assert not calls
    without_kernel(monkeypatch)
    Case(3).answer("edp")
    assert calls


def test_answers_are_the_same_without_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = (0, 1, 2, 3, 5, 8, 10, 11, 12, 13)
    compiled = [Case(seed).answer(objective) for seed in seeds for objective in ("edp", "latency")]
    without_kernel(monkeypatch)
    plain = [Case(seed).answer(objective) for seed in seeds for objective in ("edp", "latency")]
    assert any(answer is not None for answer in compiled)
    assert plain == compiled
