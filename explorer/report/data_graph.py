"""The network as a graph to draw: the layers that cost something, with what is free between them left out."""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.explorer.report.records import Evaluation, Json


@dataclass(frozen=True, slots=True)
class Node:
    """A layer, or an input of the network (`cycles` None), at a row and a place in it."""

    name: str
    op: str
    shape: str
    cycles: int | None
    row: int
    place: float
    """Centre of the node from the middle of its row, in nodes."""


@dataclass(frozen=True, slots=True)
class Graph:
    """`edges` are pairs of positions in `nodes`."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...]
    rows: int
    width: int
    """Nodes in the fullest row."""


def graph(evaluation: Evaluation, network: Json) -> Graph:
    """Rows by the longest path from an input, places by the middle of what a node reads."""
    costing = {layer.name: layer for layer in evaluation.layers}
    origin: dict[str, tuple[str, ...]] = {}
    names: list[str] = []
    shapes: dict[str, str] = {}
    ops: dict[str, str] = {}
    reads: dict[str, tuple[str, ...]] = {}
    for tensor in network["inputs"]:
        names.append(tensor["name"])
        origin[tensor["name"]] = (tensor["name"],)
        shapes[tensor["name"]], ops[tensor["name"]] = _shape(tensor), "input"
        reads[tensor["name"]] = ()
    for layer in network["layers"]:
        made_of = tuple(dict.fromkeys(n for t in layer["inputs"] for n in origin.get(t["name"], ())))
        if layer["name"] in costing:
            name = layer["name"] if layer["name"] not in reads else f"{layer['name']} (layer)"
            names.append(name)
            shapes[name], ops[name] = _shape(layer["outputs"][0]), layer["op"]
            reads[name] = made_of
            made_of = (name,)
        for tensor in layer["outputs"]:
            origin[tensor["name"]] = made_of

    rows: dict[str, int] = {}
    for name in names:
        rows[name] = 1 + max((rows[n] for n in reads[name]), default=-1)
    places = _places(names, rows, reads)
    index = {name: i for i, name in enumerate(names)}
    nodes = tuple(
        Node(
            name,
            ops[name],
            shapes[name],
            costing[name].cycles if name in costing and ops[name] != "input" else None,
            rows[name],
            places[name],
        )
        for name in names
    )
    edges = tuple((index[n], index[name]) for name in names for n in reads[name])
    counts = [list(rows.values()).count(row) for row in range(max(rows.values(), default=-1) + 1)]
    return Graph(nodes, edges, len(counts), max(counts, default=0))


def _places(names: list[str], rows: dict[str, int], reads: dict[str, tuple[str, ...]]) -> dict[str, float]:
    """Nodes of a row side by side around the middle, ordered by the mean place of what they read."""
    places: dict[str, float] = {}
    by_row: dict[int, list[str]] = {}
    for name in names:
        by_row.setdefault(rows[name], []).append(name)
    for row in sorted(by_row):
        own = by_row[row]
        wish = {n: sum(places[r] for r in reads[n]) / len(reads[n]) if reads[n] else 0.0 for n in own}
        for position, name in enumerate(sorted(own, key=lambda n: wish[n])):
            places[name] = position - (len(own) - 1) / 2
    return places


def _shape(tensor: Json) -> str:
    return " × ".join(str(size) for size in tensor["shape"])
