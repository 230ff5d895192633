"""Fronts of spaces, against every design spelled out."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from random import Random

import numpy as np
import pytest

from dovetail.dsl.problem import Bits
from dovetail.explorer.exact.fronts import pareto_front
from dovetail.explorer.exact.pareto import Values, nondominated
from dovetail.explorer.exact.recursion import Recursion
from dovetail.explorer.exact.structure import find_recursion
from dovetail.explorer.exact.trimming import Limits
from tests.exact.designs import spelled

BITS = Bits()


def random_space(random: Random, stages: int, options: int) -> str:
    """A `.net` with choices of its own kind at each stage: shapes that couple, identities, residuals."""
    alternatives = [
        "x -> conv({out}, {kernel}, pad = same)",
        "x -> conv({out}, 1) -> relu -> dwconv({kernel}, pad = same)",
        "x -> conv({out}, {kernel}, pad = same) -> relu -> conv({out}, 1)",
        "x -> conv(choose({out}, 12), {kernel}, pad = same)",
    ]
    text = ["net random", "input image[4, 8, 8]"]
    for stage in range(stages):
        out = random.choice([4, 8])
        lines = []
        for label in range(random.randint(2, options)):
            if random.random() < 0.3 and "skip" not in "".join(lines):
                lines.append("        skip: x")
                continue
            body = random.choice(alternatives).format(out=out, kernel=random.choice([1, 3]))
            lines.append(f"        a{label}: {body}")
        residual = "if channels(y) == channels(x) then x + y else y" if random.random() < 0.5 else "y"
        text.append(f"block b{stage}(x) {{\n    y = choose {{\n" + "\n".join(lines) + "\n    }")
        text.append(f"    return {residual}\n}}")
    chain = " -> ".join(f"b{stage}()" for stage in range(stages))
    return "\n".join([*text, f"output image -> {chain} -> relu", ""])


def random_leaves(rng: np.random.Generator, recursion: Recursion, columns: int, high: int) -> list[Values]:
    """One to three points for each distinct layer, as mappings of it would give."""
    return [
        rng.integers(1, high, (int(rng.integers(1, 4)), columns)).astype(np.float64) for _ in recursion.layers
    ]


def brute_force(recursion: Recursion, leaves: list[Values]) -> set[tuple[float, ...]]:
    """Every design, with every point of each of its layers."""
    totals: list[Values] = []
    for _, layers in spelled(recursion):
        uses = [leaves[number] for number, count in layers.items() for _ in range(count)]
        sums = np.zeros((1, leaves[0].shape[1]))
        for use in uses:
            sums = (sums[:, None, :] + use[None, :, :]).reshape(-1, use.shape[1])
            sums = np.unique(sums, axis=0)
        totals.append(sums)
    values = np.concatenate(totals)
    return {tuple(row) for row in values[nondominated(values)].tolist()}


@pytest.mark.parametrize("seed", range(40))
def test_the_front_of_a_random_space_is_that_of_all_its_designs(seed: int, tmp_path: Path) -> None:
    random, rng = Random(seed), np.random.default_rng(seed)
    path = tmp_path / "space.net"
    path.write_text(random_space(random, random.randint(2, 4), 4), encoding="utf-8")
    recursion = find_recursion(path, BITS)
    leaves = random_leaves(rng, recursion, 2 + seed % 3, random.choice([5, 100]))
    front = pareto_front(recursion, leaves)
    assert front.epsilon == 0
    assert {tuple(row) for row in front.values.tolist()} == brute_force(recursion, leaves)


@pytest.mark.parametrize("seed", range(10))
def test_the_designs_of_a_front_cost_what_it_says(seed: int, tmp_path: Path) -> None:
    random, rng = Random(seed), np.random.default_rng(seed)
    path = tmp_path / "space.net"
    path.write_text(random_space(random, 4, 4), encoding="utf-8")
    recursion = find_recursion(path, BITS)
    leaves = random_leaves(rng, recursion, 2, 100)
    front = pareto_front(recursion, leaves)
    designs = front.designs(np.arange(len(front)))
    assert (designs.totals(leaves) == front.values).all()
    by_choices = dict(spelled(recursion))
    for number, choices in enumerate(designs.choices):
        layers = by_choices[tuple(sorted(choices.items()))]
        used = {layer: int((who == number).sum()) for layer, (who, _) in designs.layers.items()}
        assert {layer: count for layer, count in used.items() if count} == dict(layers)


def test_a_space_of_a_hundred_thousand_designs_has_the_front_of_them_all(tmp_path: Path) -> None:
    path = tmp_path / "space.net"
    stages = " -> ".join(
        f"conv({8 + i}, choose(1, 3, 5, 7, 9, 11, 13, 15, 17, 19), pad = same)" for i in range(5)
    )
    path.write_text(f"net five\ninput image[8, 32, 32]\noutput image -> {stages}\n", encoding="utf-8")
    recursion = find_recursion(path, BITS)
    assert recursion.size == 100_000
    rng = np.random.default_rng(5)
    values = rng.integers(1, 1000, (len(recursion.layers), 3)).astype(np.float64)
    groups = [
        [i for i, layer in enumerate(recursion.layers) if layer.output.shape[0] == 8 + k] for k in range(5)
    ]
    assert [len(group) for group in groups] == [10] * 5
    sums = np.array([values[list(layers)].sum(axis=0) for layers in product(*groups)])
    front = pareto_front(recursion, [row[None, :] for row in values])
    assert {tuple(row) for row in front.values} == {tuple(row) for row in sums[nondominated(sums)]}


def test_a_planted_optimum_is_found_among_a_million_million(tmp_path: Path) -> None:
    path = tmp_path / "space.net"
    stages = " -> ".join(
        f"s{i}: conv({8 + i}, choose(1, 3, 5, 7, 9, 11, 13, 15, 17, 19), pad = same)" for i in range(12)
    )
    path.write_text(f"net twelve\ninput image[8, 32, 32]\noutput image -> {stages}\n", encoding="utf-8")
    recursion = find_recursion(path, BITS)
    assert recursion.size == 10**12
    rng = np.random.default_rng(12)
    planted = [int(rng.integers(0, 10)) * 2 + 1 for _ in range(12)]
    leaves = []
    for layer in recursion.layers:
        stage, kernel = layer.output.shape[0] - 8, dict(layer.attributes)["kernel"]
        good = kernel == (planted[stage], planted[stage])
        leaves.append(
            rng.integers(100, 1000, (1, 3)).astype(np.float64) if not good else np.full((1, 3), 99.0)
        )
    front = pareto_front(recursion, leaves)
    assert front.values.tolist() == [[12 * 99.0] * 3]
    [choices] = front.designs(np.arange(1)).choices
    assert [choices[path] for path in sorted(choices, key=lambda p: (len(p), p))] == [str(k) for k in planted]


@pytest.mark.parametrize("seed", range(5))
def test_a_thinned_front_is_off_by_no_more_than_it_says(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "space.net"
    stages = " -> ".join(f"conv({8 + i}, choose(1, 3, 5, 7, 9, 11), pad = same)" for i in range(6))
    path.write_text(f"net six\ninput image[8, 32, 32]\noutput image -> {stages}\n", encoding="utf-8")
    recursion = find_recursion(path, BITS)
    rng = np.random.default_rng(seed)
    leaves = [rng.integers(1000, 100_000, (1, 3)) * np.array([1.0, 1.0, -1.0]) for _ in recursion.layers]
    exact = pareto_front(recursion, leaves)
    thin = pareto_front(recursion, leaves, limits=Limits(points=100, epsilon=0.05))
    assert exact.epsilon == 0 < thin.epsilon <= 0.05
    assert len(thin) < len(exact)
    for row in exact.values:
        assert (thin.values <= row + thin.epsilon * np.abs(row)).all(axis=1).any()


def test_sums_do_not_depend_on_their_order(tmp_path: Path) -> None:
    """Thirds have no exact float: the two orders of the same parts are still one total."""
    path = tmp_path / "space.net"
    path.write_text(
        "net two\ninput image[8, 8, 8]\nblock b(x) { return choose {\n"
        "one: x -> conv(8, 1) -> conv(8, 3, pad = same) -> conv(8, 5, pad = same)\n"
        "two: x -> conv(8, 5, pad = same) -> conv(8, 3, pad = same) -> conv(8, 1)\n"
        "} }\noutput image -> 3 * b()\n",
        encoding="utf-8",
    )
    recursion = find_recursion(path, BITS)
    leaves = [np.array([[1 / 3 + i, 1e9 / 7 * (3 - i)]]) for i in range(len(recursion.layers))]
    assert len(pareto_front(recursion, leaves)) == 1
