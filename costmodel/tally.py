"""Counts on their way from the formulas to a result: numbers of one mapping, or columns of many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dovetail.costmodel.columns import Number
from dovetail.costmodel.counts import Counts, HolderCounts, LinkHops
from dovetail.dsl.problem import Problem


@dataclass(frozen=True, slots=True)
class Tally:
    """What one memory does for one operand (`counts.HolderCounts`), and what latency needs besides."""

    memory: str
    operand: str
    serves: str | None
    """The next inner memory that holds the operand; None for the MACs."""
    reads: Number
    fills: Number
    updates: Number
    instances: Number
    tile_words: Number
    served_words: Number
    moves: Number
    partial: Number
    """Outputs of which an element arrives more than once."""
    bits: Number
    latched: bool
    """The MACs that this serves keep the operand while it does not change."""
    visits: Callable[[], Number]
    """How many tiles come one after the other here."""
    served_visits: Callable[[], Number]
    """How many come one after the other in what this serves."""


@dataclass(frozen=True, slots=True)
class HopTally:
    """`counts.LinkHops`."""

    array: str
    link: int
    operand: str
    words: Number


@dataclass(frozen=True, slots=True)
class Tallied:
    """Everything counted about one mapping, or columns of many."""

    problem: Problem
    """The layer as it is walked (flattened)."""
    steps: Number
    pes: Number
    tallies: Sequence[Tally]
    hops: Sequence[HopTally]

    def counts(self) -> Counts:
        """The counts of one mapping."""
        return Counts(
            tuple(_holder(t) for t in self.tallies),
            tuple(LinkHops(h.array, h.link, h.operand, h.words) for h in self.hops),
            self.problem.macs,
            self.steps,
            self.pes,
        )


def _holder(t: Tally) -> HolderCounts:
    return HolderCounts(
        t.memory,
        t.operand,
        t.reads,
        t.fills,
        t.updates,
        t.instances,
        t.tile_words,
        t.served_words,
        bool(t.moves),
        t.bits,
    )
