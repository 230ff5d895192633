"""What the mapper answers: mappings with their costs, and how sure it is that none is better."""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.accel.mapping import Mapping
from dovetail.costmodel.evaluate import Cost


@dataclass(frozen=True, slots=True)
class Found:
    """A mapping and what it costs by the cost model."""

    mapping: Mapping
    cost: Cost
    energy_pj: float
    """Leakage included, which `cost` leaves out."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is known about a mapping among all of its mapspace, without the mapping."""

    objective: str
    mapspace: int
    evaluated: int
    value: float
    """pJ, cycles, or pJ x cycles, leakage included."""
    lower_bound: float
    proved: bool

    @property
    def gap(self) -> float:
        """How much better another mapping might be: value / lower bound - 1; 0 where it is proved."""
        return self.value / self.lower_bound - 1 if self.lower_bound > 0 else float("inf")


@dataclass(frozen=True, slots=True)
class MapResult:
    """The best mapping, or the front, with its certificate."""

    objective: str
    dataflow: str | None
    best: Found
    front: tuple[Found, ...]
    """The Pareto front of (cycles, energy) where that was asked for, with rising cycles; else the best
    alone."""
    mapspace: int
    """Mappings to choose from, those that fit no memory included."""
    evaluated: int
    """Mappings that the cost model was asked about; bounds ruled out all others."""
    bounded: int
    """Partial mappings that were bounded."""
    value: float
    """What was to be least: pJ, cycles, or pJ x cycles (of the front: the least product)."""
    lower_bound: float
    """No mapping of the mapspace has less; equal to `value` where that is proved."""
    proved: bool
    cached: bool = False
    interrupted: bool = False
    """Ctrl-C ended the search, not its end or the time."""

    @property
    def mapping(self) -> Mapping:
        """The best mapping."""
        return self.best.mapping

    @property
    def cost(self) -> Cost:
        """Its cost."""
        return self.best.cost

    @property
    def certificate(self) -> Certificate:
        """How sure the answer is."""
        return Certificate(
            self.objective, self.mapspace, self.evaluated, self.value, self.lower_bound, self.proved
        )

    @property
    def gap(self) -> float:
        """How much better the best mapping might be: value / lower bound - 1; 0 where it is proved."""
        return self.certificate.gap
