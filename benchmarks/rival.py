"""A layer as another tool mapped it, in our words, and what it takes to say it in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from dovetail.accel.architecture import Architecture, SpatialRule
from dovetail.accel.mapping import For, Holds, Mapping, Node, Spatial
from dovetail.costmodel.energy import EnergyTable
from dovetail.dsl.problem import DIMENSIONS, Problem

Json = Any
Step: TypeAlias = Holds | tuple[str, int, tuple[str, str] | None]
"""A place, or a loop: dimension, step, and the (array, axis) that it is unrolled along."""


@dataclass(frozen=True)
class Rival:
    """One layer as another tool mapped it."""

    tool: str
    file: str
    layer: str
    problem: Problem
    architecture: Architecture
    """With the rival's own constraints as its only dataflow; without any where its mapper was free."""
    prices: EnergyTable
    mapping: Mapping
    energy_pj: float
    """By them, like `cycles`."""
    cycles: float
    uneven: bool
    """Whether its mapspace has places of their own for the operands of a memory."""
    differs: tuple[str, str]
    """Why our energy and our cycles for their mapping are not theirs, where they are not."""

    @property
    def dataflow(self) -> str | None:
        """The constraints of the rival."""
        return self.architecture.dataflows[0].name if self.architecture.dataflows else None


@dataclass(frozen=True)
class Unreadable:
    """A record that does not say enough, and what is missing."""

    tool: str
    file: str
    layer: str
    reason: str


def spread_over(problem: Problem, array: str, allowed: dict[str, Sequence[str]]) -> tuple[SpatialRule, ...]:
    """`ARRAY.axis in [...]`: any of these dimensions, or none."""
    rules = []
    for axis, dimensions in allowed.items():
        known = [d for d in dimensions if problem.bounds[d] > 1]
        # one dimension alone would have to take all it can: another that is not there leaves it free
        idle = [d for d in DIMENSIONS if problem.bounds[d] == 1]
        rules.append(SpatialRule(array, axis, ((*known, *idle),)))
    return tuple(rules)


def nest(problem: Problem, nodes: Sequence[Step]) -> Mapping:
    """A mapping of places and loops `(dimension, step, (array, axis))`, outer to inner."""
    left = problem.bounds
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Holds):
            found.append(node)
            continue
        d, step, axis = node
        if step < left[d]:
            found.append(For(d, left[d], step) if axis is None else Spatial(d, left[d], *axis, step))
            left[d] = step
    return Mapping(tuple(found))
