"""Which candidate each layer takes, so that the network as a whole is best.

Latencies and energies of layers add up, so for either of them each layer takes its own best. The
energy-delay product of a network is no sum: it is the product of two. A product of two positive sums has its
least value at a corner of the convex hull of all (latency, energy) totals, since it is quasi-concave, and the
corners are what layers choose that all agree on the price of a cycle. So all corners are met by lowering that
price step by step: exact, at the cost of a sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, assert_never


class Objective(StrEnum):
    """What is to be least."""

    EDP = "edp"
    ENERGY = "energy"
    LATENCY = "latency"

    def of(self, latency_s: float, energy_pj: float) -> float:
        """The number that is to be least: pJ s, pJ or s."""
        match self:
            case Objective.EDP:
                return latency_s * energy_pj
            case Objective.ENERGY:
                return energy_pj
            case Objective.LATENCY:
                return latency_s
            case _:
                assert_never(self)

    @property
    def unit(self) -> str:
        """The unit of `of`."""
        return {Objective.EDP: "pJ s", Objective.ENERGY: "pJ", Objective.LATENCY: "s"}[self]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run a layer: what it costs by one dataflow (None: by any mapping, or on a vector unit)."""

    dataflow: str | None
    cycles: int
    energy_pj: float
    """Leakage included."""
    outermost_bits: int
    """Bits over the edge of the chip."""
    utilization: float


Point: TypeAlias = tuple[int, float]
"""Cycles and pJ of a candidate."""


def select(candidates: Sequence[Sequence[Point]], objective: Objective) -> tuple[int, ...]:
    """For each layer the index of the candidate it takes; every layer has at least one.

    Ties go to the smaller of the other metric, then to the candidate that comes first.
    """
    match objective:
        case Objective.LATENCY:
            return tuple(min(range(len(c)), key=lambda i: (c[i], i)) for c in candidates)
        case Objective.ENERGY:
            return tuple(min(range(len(c)), key=lambda i: (c[i][1], c[i][0], i)) for c in candidates)
        case Objective.EDP:
            return _least_product(candidates)
        case _:
            assert_never(objective)


def _least_product(candidates: Sequence[Sequence[Point]]) -> tuple[int, ...]:
    known = {id(points): points for points in candidates}  # equal layers may share a list
    hull_of = {name: corners(points) for name, points in known.items()}
    hulls = [hull_of[id(points)] for points in candidates]
    steps = sorted(
        (-_saving(candidates[layer][hull[at]], candidates[layer][hull[at + 1]]), layer, at)
        for layer, hull in enumerate(hulls)
        for at in range(len(hull) - 1)
    )
    taken = [hull[0] for hull in hulls]
    cycles = sum(points[index][0] for points, index in zip(candidates, taken, strict=True))
    energy = sum(points[index][1] for points, index in zip(candidates, taken, strict=True))
    least, until = cycles * energy, 0
    for number, (_, layer, at) in enumerate(steps, start=1):
        before, after = candidates[layer][hulls[layer][at]], candidates[layer][hulls[layer][at + 1]]
        cycles += after[0] - before[0]
        energy += after[1] - before[1]
        if cycles * energy < least:
            least, until = cycles * energy, number
    for _, layer, at in steps[:until]:
        taken[layer] = hulls[layer][at + 1]
    return tuple(taken)


def corners(points: Sequence[Point]) -> list[int]:
    """The corners of the lower left side of the hull: from the fewest cycles to the least energy."""
    order = sorted(range(len(points)), key=lambda i: (points[i], i))
    hull: list[int] = []
    for index in order:
        if hull and points[index][1] >= points[hull[-1]][1]:
            continue
        while len(hull) > 1 and _saving(points[hull[-2]], points[hull[-1]]) <= _saving(
            points[hull[-1]], points[index]
        ):
            hull.pop()
        hull.append(index)
    return hull


def _saving(fast: Point, slow: Point) -> float:
    """pJ saved for each cycle more."""
    return (fast[1] - slow[1]) / (slow[0] - fast[0])
