"""The structure of a design space: alternatives of layers and parts, each part described once.

    Recursion = Node ..., the last of which is the whole network
    Node      = Way | Way | ...          one of these
    Way       = Layer & ... & Part & ... all of these, by these choices
    Part      = an earlier Node, its choices renamed for this use

What a design costs is the sum over the layers of the ways taken, so that a front of a node is the union over
its ways of the sums of its parts' fronts. The constructor checks what the elaborator must guarantee and
raises ValueError.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias

from dovetail.dsl.layer import Layer

Chosen: TypeAlias = tuple[str, str, int]
"""A choice's path, the option taken, the option's number."""


@dataclass(frozen=True, slots=True)
class Part:
    """A use of a node: choices whose path begins with `old` begin with `new` here."""

    node: int
    old: str = ""
    new: str = ""

    def rename(self, path: str) -> str:
        """The path of one of the node's choices, here."""
        if self.old == self.new or not path.startswith(self.old):
            return path
        rest = path[len(self.old) :]
        return self.new + rest if not rest or rest[0] == "." else path


@dataclass(frozen=True, slots=True)
class Way:
    """One alternative: distinct layers by index with how often they occur, parts, the choices that lead here.

    `chosen` has of each choice its path, the option taken and the option's number. `metrics` are what the
    layers and choices add to each additive metric.
    """

    layers: tuple[tuple[int, int], ...]
    parts: tuple[Part, ...]
    chosen: tuple[Chosen, ...]
    metrics: tuple[float, ...] = ()


Node = tuple[Way, ...]
"""Alternatives; at least one."""


@dataclass(frozen=True)
class Recursion:
    """The distinct layers of a space, and its nodes, each after the nodes it uses."""

    name: str
    layers: tuple[Layer, ...]
    """Canonical: named by their operator, tensors by their order."""
    nodes: tuple[Node, ...]
    metrics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for index, node in enumerate(self.nodes):
            if not node:
                raise ValueError(f"node {index} of {self.name} has no alternative")
            for way in node:
                if any(not 0 <= part.node < index for part in way.parts):
                    raise ValueError(f"node {index} of {self.name} uses a node that is not before it")
                if any(not 0 <= layer < len(self.layers) for layer, _ in way.layers):
                    raise ValueError(f"node {index} of {self.name} has a layer that is not there")
                if len(way.metrics) != len(self.metrics):
                    raise ValueError(f"node {index} of {self.name} does not give every metric")

    @property
    def size(self) -> int:
        """The number of designs: products over parts, sums over alternatives."""
        sizes: list[int] = []
        for node in self.nodes:
            sizes.append(sum(prod(sizes[part.node] for part in way.parts) for way in node))
        return sizes[-1] if sizes else 0

    @property
    def ways(self) -> int:
        """Alternatives of all nodes: what is evaluated instead of the designs."""
        return sum(len(node) for node in self.nodes)

    @property
    def options(self) -> dict[str, int]:
        """Every choice of any design by path, with how many of its options there are."""
        found: list[dict[str, int]] = []
        for node in self.nodes:
            here: dict[str, int] = {}
            for way in node:
                for path, _, number in way.chosen:
                    here[path] = max(here.get(path, 0), number + 1)
                for part in way.parts:
                    for path, count in found[part.node].items():
                        path = part.rename(path)
                        here[path] = max(here.get(path, 0), count)
            found.append(here)
        return found[-1] if found else {}

    def without(self, layers: Collection[int]) -> tuple[Recursion | None, tuple[int, ...]]:
        """The designs that have none of these layers (None: there is none), and which layers are left."""
        if not layers:
            return self, tuple(range(len(self.layers)))
        left = [number for number in range(len(self.layers)) if number not in layers]
        place = {number: i for i, number in enumerate(left)}
        nodes: list[Node] = []
        where: dict[int, int] = {}
        for index, node in enumerate(self.nodes):
            ways = tuple(
                replace(
                    way,
                    layers=tuple((place[layer], count) for layer, count in way.layers),
                    parts=tuple(replace(part, node=where[part.node]) for part in way.parts),
                )
                for way in node
                if all(layer in place for layer, _ in way.layers)
                and all(part.node in where for part in way.parts)
            )
            if ways:
                where[index] = len(nodes)
                nodes.append(ways)
        if len(self.nodes) - 1 not in where:
            return None, tuple(left)
        kept = tuple(self.layers[number] for number in left)
        return Recursion(self.name, kept, tuple(nodes), self.metrics), tuple(left)
