"""The layout of graphs: edges go down, nothing overlaps, few edges cross, chains stand straight."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.dsl.layered import Layout, crossings, lay_out, ranks_of

GAP, RISE = 24.0, 30.0
Edges = list[tuple[str, str]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, tuple[float, float]], Edges]:
    count = draw(st.integers(1, 14))
    nodes = [f"n{i}" for i in range(count)]
    sizes = {n: (draw(st.integers(10, 120)) * 1.0, draw(st.integers(10, 60)) * 1.0) for n in nodes}
    pairs = [(a, b) for i, a in enumerate(nodes) for b in nodes[i + 1 :]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=24)) if pairs else []
    return sizes, edges


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    (ax, ay, aw, ah), (bx, by, bw, bh) = a, b
    return ax < bx + bw - 1e-6 and bx < ax + aw - 1e-6 and ay < by + bh - 1e-6 and by < ay + ah - 1e-6


@given(graphs())
@settings(max_examples=80, deadline=None)
def test_no_two_nodes_overlap_and_all_are_inside(graph: tuple[dict[str, tuple[float, float]], Edges]) -> None:
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    boxes = [(*layout.nodes[n], *sizes[n]) for n in sizes]
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :] if overlap(a, b)]
    assert all(x >= -1e-6 and y >= -1e-6 for x, y, _, _ in boxes)
    assert all(x + w <= layout.width + 1e-6 and y + h <= layout.height + 1e-6 for x, y, w, h in boxes)


@given(graphs())
@settings(max_examples=80, deadline=None)
def test_edges_go_down_from_the_bottom_of_one_node_to_the_top_of_the_other(
    graph: tuple[dict[str, tuple[float, float]], Edges],
) -> None:
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    for (a, b), points in layout.edges.items():
        assert points[0] == pytest.approx(
            (layout.nodes[a][0] + sizes[a][0] / 2, layout.nodes[a][1] + sizes[a][1])
        )
        assert points[-1] == pytest.approx((layout.nodes[b][0] + sizes[b][0] / 2, layout.nodes[b][1]))
        assert all(one[1] <= other[1] for one, other in pairwise(points))


@given(graphs())
@settings(max_examples=80, deadline=None)
def test_an_edge_over_several_ranks_goes_between_the_nodes_of_each(
    graph: tuple[dict[str, tuple[float, float]], Edges],
) -> None:
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    for (a, b), points in layout.edges.items():
        for x, y in points[1:-1]:
            for node, (left, top) in layout.nodes.items():
                width, height = sizes[node]
                inside = left < x < left + width and top < y < top + height
                assert node in (a, b) or not inside


@given(graphs())
@settings(max_examples=30, deadline=None)
def test_the_same_graph_gives_the_same_places(graph: tuple[dict[str, tuple[float, float]], Edges]) -> None:
    sizes, edges = graph
    assert lay_out(sizes, edges) == lay_out(dict(sizes), list(edges))


def test_a_chain_stands_straight_whatever_the_widths() -> None:
    sizes = {f"n{i}": (40.0 + 17 * (i % 3), 20.0) for i in range(9)}
    layout = lay_out(sizes, list(pairwise(sizes)))
    middles = {round(layout.nodes[n][0] + sizes[n][0] / 2, 6) for n in sizes}
    assert len(middles) == 1
    tops = [layout.nodes[n][1] for n in sizes]
    assert tops == [50.0 * i for i in range(9)]


def test_residuals_do_not_drift() -> None:
    """A hundred shortcuts in a row, each beside its layers: the additions stay below each other."""
    sizes: dict[str, tuple[float, float]] = {"in": (60.0, 20.0)}
    edges: Edges = []
    previous = "in"
    for turn in range(100):
        conv, add = f"conv{turn}", f"add{turn}"
        sizes |= {conv: (80.0, 20.0), add: (60.0, 20.0)}
        edges += [(previous, conv), (conv, add), (previous, add)]
        previous = add
    layout = lay_out(sizes, edges)
    assert len({round(layout.nodes[f"add{turn}"][0], 6) for turn in range(100)}) == 1
    assert layout.width < 200


def test_ranks_are_the_longest_paths() -> None:
    edges = [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("a", "d")]
    assert ranks_of(list("abcd"), edges) == {"a": 0, "b": 1, "c": 2, "d": 3}
    with pytest.raises(ValueError, match="topological"):
        ranks_of(list("ba"), [("a", "b")])


def test_crossings_are_counted_as_by_hand() -> None:
    below = {"a": ["y"], "b": ["x"], "c": ["x", "z"], "x": [], "y": [], "z": []}
    assert crossings([["a", "b", "c"], ["x", "y", "z"]], below) == 2
    assert crossings([["b", "c", "a"], ["x", "y", "z"]], below) == 1


def test_crossings_that_can_be_avoided_are() -> None:
    """A perfect matching in a shuffled order can be drawn without any."""
    chance = random.Random(7)
    uppers, lowers = [f"u{i}" for i in range(8)], [f"l{i}" for i in range(8)]
    shuffled = list(lowers)
    chance.shuffle(shuffled)
    edges = list(zip(uppers, shuffled, strict=True))
    layout = lay_out(dict.fromkeys([*uppers, *lowers], (30.0, 20.0)), edges)
    assert straight(layout, edges) == 0


def straight(layout: Layout, edges: Edges) -> int:
    """Pairs of edges whose ends are in a different order than their beginnings."""
    ends = [(layout.edges[e][0][0], layout.edges[e][-1][0]) for e in edges]
    return sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for i, a in enumerate(ends) for b in ends[i + 1 :])


def test_nothing_to_draw_is_no_trouble() -> None:
    assert lay_out({}, []) == Layout({}, {}, 0.0, 0.0)
