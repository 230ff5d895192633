"""The network as a graph, top to bottom; every layer is a link to its mapping."""

from __future__ import annotations

from typing import Final

from dovetail.explorer.report import quantities as q
from dovetail.explorer.report.data_graph import Graph, Node
from dovetail.explorer.report.html import Html, tag
from dovetail.explorer.report.records import Evaluation

WIDTH: Final = 168
HEIGHT: Final = 38
ACROSS: Final = 188
DOWN: Final = 62
SLAB: Final = 6
"""Rows that are drawn in one piece."""
SMALLEST: Final = 0.72
"""A graph wider than its page is made smaller, but not by more than words can be read; then it scrolls."""


def draw_graph(data: Graph, evaluation: Evaluation, prefix: str) -> Html:
    """Nodes with a bar for their share of the slowest layer's time."""
    longest = max((node.cycles or 0 for node in data.nodes), default=0) or 1
    # Edges that pass rows bend out to the right of what they pass.
    bend = 26 * min(3, sum(1 for a, b in data.edges if data.nodes[b].row - data.nodes[a].row > 1))
    width = data.width * ACROSS + 24 + bend
    middle = (width - bend) / 2
    drawings = [
        _slab(data, start, min(start + SLAB, data.rows), width, middle, longest, evaluation, prefix)
        for start in range(0, data.rows, SLAB)
    ]
    label = f"The layers of {evaluation.network} as a graph"
    return tag("div", drawings, cls="scroll graph", tabindex=0, role="region", aria_label=label)


def _slab(
    data: Graph,
    start: int,
    end: int,
    width: float,
    middle: float,
    longest: int,
    evaluation: Evaluation,
    prefix: str,
) -> Html:
    """Rows from `start` to `end`: cut between rows, so that no page of paper is cut through a layer."""
    top = _cut(start) if start else 0
    bottom = _cut(end) if end < data.rows else data.rows * DOWN + 8
    edges = [
        _edge(data.nodes[a], data.nodes[b], data, middle)
        for a, b in data.edges
        if data.nodes[a].row < end and data.nodes[b].row >= start
    ]
    nodes = [
        _node(node, middle, longest, evaluation, prefix) for node in data.nodes if start <= node.row < end
    ]
    return tag(
        "svg",
        tag("g", edges, cls="edges"),
        nodes,
        viewBox=f"0 {top:g} {width:g} {bottom - top:g}",
        width=f"{width:g}",
        height=f"{bottom - top:g}",
        style=f"min-width:{SMALLEST * width:.0f}px",
    )


def _cut(row: int) -> float:
    """Half way between a row and the one above it."""
    return 6 + row * DOWN - (DOWN - HEIGHT) / 2


def _middle(node: Node, middle: float) -> tuple[float, float]:
    return middle + node.place * ACROSS, 6 + node.row * DOWN + HEIGHT / 2


def _edge(a: Node, b: Node, data: Graph, middle: float) -> Html:
    (ax, ay), (bx, by) = _middle(a, middle), _middle(b, middle)
    ay, by = ay + HEIGHT / 2, by - HEIGHT / 2
    passed = [n for n in data.nodes if a.row < n.row < b.row and abs(n.place - (a.place + b.place) / 2) < 1]
    if not passed:
        half = (by - ay) / 2
        return tag("path", d=f"M{ax:g} {ay:g}C{ax:g} {ay + half:g} {bx:g} {by - half:g} {bx:g} {by:g}")
    side = middle + max(n.place for n in passed) * ACROSS + WIDTH / 2 + 14
    turn = 22.0
    return tag(
        "path",
        d=f"M{ax:g} {ay:g}C{ax:g} {ay + turn:g} {side:g} {ay:g} {side:g} {ay + turn:g}"
        f"V{by - turn:g}C{side:g} {by:g} {bx:g} {by - turn:g} {bx:g} {by:g}",
    )


def _node(node: Node, middle: float, longest: int, evaluation: Evaluation, prefix: str) -> Html:
    x, y = _middle(node, middle)
    left, top = x - WIDTH / 2, y - HEIGHT / 2
    name = node.name if len(node.name) <= 24 else node.name[:10] + "…" + node.name[-13:]
    pieces = [
        tag("rect", x=f"{left:g}", y=f"{top:g}", width=WIDTH, height=HEIGHT, rx=5, cls="node"),
        tag("text", name, x=f"{left + 9:g}", y=f"{top + 15:g}", cls="title"),
        tag("text", f"{node.op} · {node.shape}", x=f"{left + 9:g}", y=f"{top + 28:g}", cls="sub"),
    ]
    if node.cycles is None:
        return tag("g", pieces, cls="source")
    long = (WIDTH - 18) * node.cycles / longest
    pieces.append(
        tag("rect", x=f"{left + 9:g}", y=f"{top + 32:g}", width=f"{long:.1f}", height=3, rx=1.5, cls="amount")
    )
    share = q.percent(node.cycles / evaluation.cycles)
    time = q.prefixed(node.cycles / evaluation.clock_hz, "s")
    tip = f"{node.name}\n{node.op} to {node.shape}\n{time}, {share} of the time"
    return tag("a", pieces, href=f"#{prefix}{node.name}", data_tip=tip)
