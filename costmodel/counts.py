"""What a mapping moves: the integer counts that every cost is made of.

All counts are words, summed over all instances of a memory (never means).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HolderCounts:
    """What one memory does for one operand.

    `reads`    words read out to serve the next inner holder or the MACs; for outputs, old partial sums read
               to be accumulated or sent inward (and what is sent outward, where the memory has `drain_reads`)
    `fills`    words written from the next outer holder; for outputs, old partial sums fetched back
    `updates`  partial sums that arrive from inside (outputs only)
    """

    memory: str
    operand: str
    reads: int
    fills: int
    updates: int
    instances: int
    """Copies of the memory that the mapping uses."""
    tile_words: int
    """Words of the (largest) tile held by one instance."""
    served_words: int
    """Words that one instance hands in or out at once: the tiles of all receivers that it serves in a
    step."""
    moves: bool
    """Whether the tile ever moves (a tile that stays is never doubled)."""
    bits: int
    """Width of a word here: outputs are `sums` wide where an element arrives more than once."""


@dataclass(frozen=True, slots=True)
class LinkHops:
    """Words that a link between neighbours delivers in place of the memory outside it."""

    array: str
    link: int
    """Position in `Array.links`."""
    operand: str
    words: int


@dataclass(frozen=True, slots=True)
class Counts:
    """All counts of one mapping: one `HolderCounts` for each memory and operand held, outer to inner."""

    holders: tuple[HolderCounts, ...]
    hops: tuple[LinkHops, ...]
    macs: int
    steps: int
    """Compute steps: the product of the trips of all temporal loops (a short pass costs a whole one)."""
    pes: int
    """MAC units that the mapping uses (the largest number in a step)."""

    def of(self, memory: str, operand: str) -> HolderCounts:
        """What `memory` does for `operand`; KeyError where it does not hold it."""
        for holder in self.holders:
            if holder.memory == memory and holder.operand == operand:
                return holder
        raise KeyError(f"{memory} does not hold {operand}")

    def at(self, memory: str) -> tuple[HolderCounts, ...]:
        """The operands that `memory` holds."""
        return tuple(holder for holder in self.holders if holder.memory == memory)
