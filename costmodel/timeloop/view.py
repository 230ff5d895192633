"""A case back in our own terms: what Timeloop's rules make of it, counted by our own model.

Its networks share whatever is equal, each level holds its tile once, nothing shifts. Where these counts are
those of the mapping that the case came from, Timeloop's are expected to be too; where not, `differing` names
the tensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import prod

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Axis,
    Link,
    LinkKind,
    Mac,
    Memory,
    PerOperation,
    Ports,
)
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.costmodel import analytic
from dovetail.costmodel.counts import Counts
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.evaluate import Cost, evaluate_mapping
from dovetail.costmodel.timeloop.case import Case, Factor, Level


def architecture_of(case: Case) -> Architecture:
    """The levels as memories, with an array of axes `X` and `Y` after each that fans out."""
    levels: list[Memory | Array] = []
    for at, level in enumerate(case.levels):
        levels.append(_memory(level))
        x, y = case.fanout(at)
        if x * y > 1:
            levels.append(Array(_array(level), (Axis("X", x), Axis("Y", y)), _links(level)))
    return Architecture(case.name, tuple(levels), Mac(energy=PerOperation(case.compute.energy_pj)))


def mapping_of(case: Case) -> Mapping:
    """The nest as one of our mappings."""
    nodes: list[Holds | For | Spatial] = []
    for level, dimension, factor, axis in _loops(case):
        if dimension is None or factor is None:
            operands = tuple(operand for operand in level.keep)
            if operands:
                nodes.append(Holds(level.name, operands))
            continue
        inside = prod(f.end for f in _inside(case, level, factor))
        bound = min(case.problem.bounds[dimension], factor.end * inside)
        if axis is None:
            nodes.append(For(dimension, bound, inside))
        else:
            nodes.append(Spatial(dimension, bound, _array(level), axis, inside))
    return Mapping(tuple(nodes))


def prices_of(case: Case) -> EnergyTable:
    """The energy reference table."""
    memories = {
        level.name: MemoryPrice(*level.energy_pj, bits=level.block_size * level.word_bits)
        for level in case.levels
    }
    return EnergyTable(memories, case.compute.energy_pj)


def counts_of(case: Case) -> Counts:
    """What moves in the case, by our model."""
    return analytic.count(case.problem, architecture_of(case), mapping_of(case))


def cost_there(case: Case) -> Cost:
    """Counts, cycles and energy of the case, by our model."""
    return evaluate_mapping(case.problem, architecture_of(case), mapping_of(case), prices_of(case))


def totals(counts: Counts, case: Case | None = None) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Reads, fills and updates by memory and operand; levels of a case count for the memory they stand
    for.
    """
    memories = {level.name: level.memory for level in case.levels} if case is not None else {}
    found: dict[tuple[str, str], tuple[int, int, int]] = {}
    for holder in counts.holders:
        memory = memories.get(holder.memory, holder.memory)
        if memory is not None:
            found[memory, holder.operand] = (holder.reads, holder.fills, holder.updates)
    return found


def differing(case: Case, ours: Counts) -> tuple[tuple[str, str], ...]:
    """Memories and operands that move other numbers of words in the case than in `ours`."""
    theirs = totals(counts_of(case), case)
    mine = totals(ours)
    return tuple(key for key in mine if mine[key] != theirs.get(key))


# ------------------------------------------------------------------------------------------- parts


def _memory(level: Level) -> Memory:
    def rate(words: float | None) -> Fraction | None:
        return None if words is None else Fraction(words).limit_denominator(10**6) * level.word_bits

    shared = level.shared_bandwidth is not None
    return Memory(
        level.name,
        may_hold=frozenset({*level.keep, "sums"} if "outputs" in level.keep else level.keep),
        size_bits=None if level.entries is None else level.entries * level.word_bits,
        width_bits=level.block_size * level.word_bits,
        read_bits_per_cycle=rate(level.shared_bandwidth if shared else level.read_bandwidth),
        write_bits_per_cycle=rate(level.shared_bandwidth if shared else level.write_bandwidth),
        ports=Ports.SHARED if shared else Ports.SEPARATE,
    )


def _links(level: Level) -> tuple[Link, ...]:
    shared = [
        Link(("X", "Y"), LinkKind.MULTICAST, operand)
        for operand in ("weights", "inputs")
        if operand not in level.no_sharing
    ]
    if "outputs" not in level.no_sharing:
        shared.append(Link(("X", "Y"), LinkKind.REDUCE, "sums"))
    return tuple(shared)


def _array(level: Level) -> str:
    return f"{level.name}_fanout"


def _loops(case: Case) -> Iterator[tuple[Level, str | None, Factor | None, str | None]]:
    """Levels (without a factor) and their loops that iterate, outer to inner, with the axis of spatial
    ones.
    """
    for level in case.levels:
        yield level, None, None, None
        for axis, factors in ((None, level.temporal), ("X", level.spatial_x), ("Y", level.spatial_y)):
            for factor in factors:
                if factor.end > 1:
                    yield level, factor.dimension, factor, axis


def _inside(case: Case, level: Level, factor: Factor) -> tuple[Factor, ...]:
    """The loops over the same dimension inside this one."""
    loops = case.factors(factor.dimension)
    at = next(i for i, other in enumerate(loops) if other is factor)
    return loops[at + 1 :]
