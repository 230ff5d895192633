"""Timeloop's statistics as our result types, so that tables, JSON and comparisons print them like our own."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from dovetail.accel.architecture import Architecture
from dovetail.costmodel.counts import Counts, HolderCounts
from dovetail.costmodel.energy import Energy
from dovetail.costmodel.evaluate import Cost
from dovetail.costmodel.latency import COMPUTE, Latency, Term
from dovetail.costmodel.timeloop.case import Case, Level
from dovetail.costmodel.timeloop.statistics import (
    LevelStatistics,
    SpaceStatistics,
    Statistics,
    Unreadable,
)
from dovetail.dsl.problem import OPERANDS


def cost_of(statistics: Statistics, case: Case, architecture: Architecture) -> Cost:
    """A run of `case` as a `Cost`; levels that stand for no memory of ours are left out.

    Raises Unreadable where a level of the case is not in the statistics.
    """
    found = {level.name: level for level in statistics.levels}
    holders: list[HolderCounts] = []
    energies: dict[str, dict[str, float]] = {}
    for level in case.levels:
        if level.name not in found:
            raise Unreadable(f"there is no level `{level.name}`")
        if level.memory is None:
            continue
        for space in found[level.name].spaces:
            if space.operand not in level.keep:
                continue
            energies.setdefault(level.memory, {})[space.operand] = space.energy_pj
            holders.append(
                HolderCounts(
                    memory=level.memory,
                    operand=space.operand,
                    reads=space.total("reads"),
                    fills=space.total("fills"),
                    updates=space.total("updates"),
                    instances=space.instances,
                    tile_words=space.tile_words,
                    served_words=space.tile_words,
                    moves=space.fills > 0,
                    bits=level.word_bits,
                )
            )
    order = [memory.name for memory in architecture.memories]
    holders.sort(key=lambda h: (order.index(h.memory), OPERANDS.index(h.operand)))
    counts = Counts(tuple(holders), (), case.problem.macs, statistics.compute_cycles, statistics.used_pes)
    return Cost(
        counts,
        _latency(statistics, case),
        Energy(statistics.compute_energy_pj, energies, {}),
        statistics.utilization,
    )


def priced(statistics: Statistics, case: Case) -> Statistics:
    """The statistics with the energies of the case: counts times pJ, by Timeloop's own rule."""
    energies = {level.name: level for level in case.levels}
    levels = []
    for found in statistics.levels:
        level = energies.get(found.name)
        spaces = found.spaces if level is None else tuple(_priced(space, level) for space in found.spaces)
        levels.append(replace(found, spaces=spaces))
    compute = statistics.computes * case.compute.energy_pj
    return replace(statistics, levels=tuple(levels), compute_energy_pj=compute)


def _priced(space: SpaceStatistics, level: Level) -> SpaceStatistics:
    """Blocks of each action, rounded up in each instance, times their price, over all instances."""
    counts = (space.reads, space.fills, space.updates)
    blocks = (ceil(count / level.block_size) for count in counts)
    each = sum(number * pj for number, pj in zip(blocks, level.energy_pj, strict=True))
    return replace(space, energy_pj=each * space.instances)


def _latency(statistics: Statistics, case: Case) -> Latency:
    """All is throughput there: the compute steps, or the level whose bandwidth is least."""
    slowest = min(statistics.levels, key=lambda level: level.throttling)
    cause = COMPUTE
    if statistics.cycles > statistics.compute_cycles:
        cause = _memory(slowest, case)
    term = Term("throughput", cause, statistics.cycles)
    return Latency(statistics.cycles, statistics.compute_cycles, (), (term,))


def _memory(level: LevelStatistics, case: Case) -> str:
    memories = {own.name: own.memory for own in case.levels}
    return memories.get(level.name) or level.name
