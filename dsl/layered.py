"""A layered layout of an acyclic graph, after Sugiyama: edges go down, few cross, chains stand straight.

    sizes, edges -> Layout: the place of every node, the corners of every edge

Ranks are longest paths. An edge over several ranks passes a slot in each of them. Slots are ordered by the
mean place of their neighbours, in sweeps down and up; then places are the least squares distance to the
neighbours under the order (isotonic regression), so that nothing overlaps. Everything is deterministic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

SWEEPS: Final = 12
SLOT: Final = 10.0
"""Width of the slot in which a long edge passes a rank."""

Size = tuple[float, float]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Places in pixels: left and top of each node; each edge from the bottom of one to the top of another."""

    nodes: Mapping[str, Point]
    edges: Mapping[tuple[str, str], tuple[Point, ...]]
    width: float
    height: float


def ranks_of(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The rank of each node: the longest path to it. `nodes` are in topological order; ValueError if not."""
    rank = dict.fromkeys(nodes, 0)
    position = {node: at for at, node in enumerate(nodes)}
    if any(position[a] >= position[b] for a, b in edges):
        raise ValueError("the nodes are not in topological order")
    for a, b in sorted(edges, key=lambda edge: position[edge[0]]):
        rank[b] = max(rank[b], rank[a] + 1)
    return rank


def lay_out(
    sizes: Mapping[str, Size], edges: Sequence[tuple[str, str]], gap: float = 24.0, rise: float = 30.0
) -> Layout:
    """Place nodes of given (width, height), listed in topological order, `gap` and `rise` apart."""
    nodes = list(sizes)
    edges = list(dict.fromkeys(edges))
    rank = ranks_of(nodes, edges)
    widths = {node: size[0] for node, size in sizes.items()}
    rows: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node in nodes:
        rows[rank[node]].append(node)
    above: dict[str, list[str]] = {node: [] for node in nodes}
    below: dict[str, list[str]] = {node: [] for node in nodes}
    chains: dict[tuple[str, str], list[str]] = {}
    for number, (a, b) in enumerate(edges):
        chain = [a]
        for row in range(rank[a] + 1, rank[b]):
            slot = f"\0{number}.{row}"  # no name of a node begins like this
            widths[slot] = SLOT
            above[slot], below[slot] = [], []
            rows[row].append(slot)
            chain.append(slot)
        chain.append(b)
        for upper, lower in pairwise(chain):
            below[upper].append(lower)
            above[lower].append(upper)
        chains[a, b] = chain
    rows = _ordered(rows, above, below)
    middle = _placed(rows, above, below, widths, gap)
    tops = _tops(rows, sizes, rise)
    left = min((middle[n] - widths[n] / 2 for n in middle), default=0.0)
    heights = [max((sizes[n][1] for n in row if n in sizes), default=0.0) for row in rows]
    places = {
        node: (
            middle[node] - widths[node] / 2 - left,
            tops[rank[node]] + (heights[rank[node]] - sizes[node][1]) / 2,
        )
        for node in nodes
    }
    corners = {}
    for edge, chain in chains.items():
        points: list[Point] = []
        for slot in chain:
            x = middle[slot] - left
            if slot not in sizes:
                row = rank[edge[0]] + chain.index(slot)
                points += [(x, tops[row]), (x, tops[row] + heights[row])]
            elif slot == edge[0]:
                points.append((x, places[slot][1] + sizes[slot][1]))
            else:
                points.append((x, places[slot][1]))
        corners[edge] = tuple(points)
    width = max((places[n][0] + sizes[n][0] for n in nodes), default=0.0)
    width = max([width, *(x for points in corners.values() for x, _ in points)])
    height = tops[-1] + heights[-1] if rows else 0.0
    return Layout(places, corners, width, height)


def _tops(rows: Sequence[Sequence[str]], sizes: Mapping[str, Size], rise: float) -> list[float]:
    tops, y = [], 0.0
    for row in rows:
        tops.append(y)
        y += max((sizes[n][1] for n in row if n in sizes), default=0.0) + rise
    return tops


def crossings(rows: Sequence[Sequence[str]], below: Mapping[str, Sequence[str]]) -> int:
    """How many pairs of edges between neighbouring ranks cross."""
    count = 0
    for upper, lower in pairwise(rows):
        place = {node: at for at, node in enumerate(lower)}
        seen: list[int] = []
        for node in upper:
            ends = sorted(place[other] for other in below[node])
            count += sum(1 for end in ends for before in seen if before > end)
            seen += ends
    return count


def _ordered(
    rows: list[list[str]], above: Mapping[str, Sequence[str]], below: Mapping[str, Sequence[str]]
) -> list[list[str]]:
    """The rows reordered for few crossings; of equally good orders the first found."""
    rows = [list(row) for row in rows]
    best, fewest = [list(row) for row in rows], crossings(rows, below)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        down = sweep % 2 == 0
        order = range(1, len(rows)) if down else range(len(rows) - 2, -1, -1)
        for at in order:
            fixed = rows[at - 1] if down else rows[at + 1]
            neighbours = above if down else below
            place = {node: float(x) for x, node in enumerate(fixed)}
            own = {node: float(x) for x, node in enumerate(rows[at])}
            rows[at].sort(
                key=lambda node: (_mean([place[o] for o in neighbours[node]], own[node]), own[node])
            )
        count = crossings(rows, below)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    return best


def _placed(
    rows: Sequence[Sequence[str]],
    above: Mapping[str, Sequence[str]],
    below: Mapping[str, Sequence[str]],
    widths: Mapping[str, float],
    gap: float,
) -> dict[str, float]:
    """The middle of every slot: near its neighbours, in order, `gap` apart."""
    middle: dict[str, float] = {}
    for row in rows:
        x = -(sum(widths[node] + gap for node in row) - gap) / 2
        for node in row:
            middle[node] = x + widths[node] / 2
            x += widths[node] + gap
    for sweep in range(2 * SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            near = above if down else below
            wanted = [_mean([middle[o] for o in near[n]], middle[n]) for n in row]
            # What stands alone in its rank is the spine of the picture, and long edges make way for nodes.
            wanted = wanted if len(row) > 1 else [0.0]
            weights = [1.0 if n.startswith("\0") else 4.0 for n in row]
            for node, x in zip(row, _apart(row, wanted, weights, widths, gap), strict=True):
                middle[node] = x
    return middle


def _apart(
    row: Sequence[str],
    wanted: Sequence[float],
    weights: Sequence[float],
    widths: Mapping[str, float],
    gap: float,
) -> list[float]:
    """The places nearest to the wanted ones (weighted least squares) that keep order and distances."""
    offsets, x = [], 0.0
    for at, node in enumerate(row):
        x += (widths[row[at - 1]] + widths[node]) / 2 + gap if at else 0.0
        offsets.append(x)
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many: pool adjacent violators
    for want, offset, weight in zip(wanted, offsets, weights, strict=True):
        mean, total, count = want - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, heavy, many = pools.pop()
            mean = (mean * total + other * heavy) / (total + heavy)
            total, count = total + heavy, count + many
        pools.append((mean, total, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
