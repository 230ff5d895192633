"""What Timeloop reads, as data: one layer on one architecture under one mapping.

    Case    = problem, levels outer to inner, compute
    Level   = a memory with its place in the nest: what it keeps, temporal loops, then spatial loops to the
    next level Factor  = dimension, iterations, iterations of the last pass

Timeloop's nest is even and regular: each level has one place, below it at most one temporal and one spatial
loop for each dimension, and a step of a loop is the product of all iterations inside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Final

from dovetail.dsl.problem import Problem

DIMENSIONS: Final = {"G": "G", "N": "N", "K": "M", "C": "C", "P": "P", "Q": "Q", "R": "R", "S": "S"}
"""Our dimensions and the names they have there, in the order of the shape."""
DATASPACES: Final = {"weights": "Weights", "inputs": "Inputs", "outputs": "Outputs"}
"""Our operands and the names they have there, in the order of the shape."""


class Inexpressible(Exception):
    """A mapping that Timeloop's nest has no form for, and why."""


@dataclass(frozen=True, slots=True)
class Factor:
    """`P=3,2`: a loop of 3 iterations, of 2 in the last iteration of all loops over `P` outside it."""

    dimension: str
    """Ours: `K`, not `M`."""
    end: int
    residual: int

    def __str__(self) -> str:
        name = DIMENSIONS[self.dimension]
        return f"{name}={self.end}" if self.residual == self.end else f"{name}={self.end},{self.residual}"


@dataclass(frozen=True, slots=True)
class Level:
    """A storage level; `mesh` is how many there are along X and Y, rates are words a cycle of one
    instance.
    """

    name: str
    memory: str | None
    """Ours; None for a level that only makes room for loops, or stands for the latches of the MACs."""
    kind: str
    """The class: `DRAM`, `SRAM` or `regfile`."""
    word_bits: int
    block_size: int
    """Words of an access."""
    entries: int | None
    """Words of an instance; None for unlimited."""
    mesh: tuple[int, int]
    energy_pj: tuple[float, float, float]
    """Of a read, a fill and an update of a block."""
    read_bandwidth: float | None = None
    write_bandwidth: float | None = None
    shared_bandwidth: float | None = None
    keep: tuple[str, ...] = ()
    """Operands."""
    temporal: tuple[Factor, ...] = ()
    """Outer to inner."""
    spatial_x: tuple[Factor, ...] = ()
    spatial_y: tuple[Factor, ...] = ()
    no_sharing: tuple[str, ...] = ()
    """Operands without multicast (reduction, for outputs) on the way to the next level."""
    neighbours: tuple[str, ...] = ()
    """Operands that instances of the next level may take from their neighbours."""

    @property
    def instances(self) -> int:
        """All copies."""
        return self.mesh[0] * self.mesh[1]


@dataclass(frozen=True, slots=True)
class Compute:
    """The multiply-accumulate units."""

    name: str
    bits: int
    mesh: tuple[int, int]
    energy_pj: float

    @property
    def instances(self) -> int:
        """All copies."""
        return self.mesh[0] * self.mesh[1]


@dataclass(frozen=True, slots=True)
class Case:
    """A layer for `timeloop-model`; the constructor checks that factors multiply up to the problem's
    bounds.
    """

    name: str
    problem: Problem
    levels: tuple[Level, ...]
    compute: Compute
    notes: tuple[str, ...] = ()
    """What was given up in making it, in words."""

    def __post_init__(self) -> None:
        for dimension, bound in self.problem.bounds.items():
            if covered(self.factors(dimension)) != bound:
                raise ValueError(f"the factors of {dimension} do not make {bound}: {self.factors(dimension)}")

    def factors(self, dimension: str) -> tuple[Factor, ...]:
        """All loops over a dimension, outer to inner."""
        return tuple(
            factor
            for level in self.levels
            for factor in (*level.temporal, *level.spatial_x, *level.spatial_y)
            if factor.dimension == dimension
        )

    def fanout(self, at: int) -> tuple[int, int]:
        """Along X and Y, the instances of the next level for each instance of level `at`."""
        inner = self.levels[at + 1].mesh if at + 1 < len(self.levels) else self.compute.mesh
        outer = self.levels[at].mesh
        return inner[0] // outer[0], inner[1] // outer[1]

    @property
    def imperfect(self) -> bool:
        """Whether a loop has a last pass that is shorter than the others."""
        return any(f.end != f.residual for d in DIMENSIONS for f in self.factors(d))


def covered(factors: tuple[Factor, ...]) -> int:
    """How far loops over one dimension go, by Timeloop's own rule: residuals are digits, ends their radix."""
    last = 0
    for factor in factors:
        last = last * factor.end + factor.residual - 1
    return last + 1


def residuals(ends: tuple[int, ...], bound: int) -> tuple[int, ...]:
    """For loops of `ends` iterations, outer to inner, over `bound`: the iterations of their last passes."""
    return tuple((bound - 1) // prod(ends[at + 1 :]) % end + 1 for at, end in enumerate(ends))
