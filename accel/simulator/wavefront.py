"""A systolic array, cycle by cycle: operands enter at the edges, a cycle later in each line, and move on.

    weight stationary   PE[r, c] keeps weights[r, c]; inputs enter row r at the left; sums move down
    input stationary    the same with weights and inputs exchanged
    output stationary   PE[r, c] keeps its sum; inputs enter at the left, weights at the top

Two planes. The *control plane* moves what is valid, bit by bit, and says how long a fold takes and what
passes the edges in each cycle; folds of the same shape run alike, so each shape runs once, and cycles in
which nothing changes are counted, not repeated. The *data plane* moves the numbers themselves, for several
folds at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dovetail.accel.simulator.registers import kernels

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Span:
    """So many cycles that are alike: what enters, leaves and works in each of them."""

    cycles: int
    busy: int
    """PEs that multiply."""
    left: int = 0
    """Words that enter at the left edge."""
    top: int = 0
    """Words that enter at the top edge."""
    out: int = 0
    """Sums that leave at the bottom."""


@dataclass(frozen=True, slots=True)
class Wave:
    """What the control plane found: the cycles from the first word that enters to the last that arrives."""

    spans: tuple[Span, ...]
    work: tuple[int, ...]
    """Multiplications of each PE, row by row."""

    @property
    def cycles(self) -> int:
        """How long it takes."""
        return sum(span.cycles for span in self.spans)

    def total(self, what: str) -> int:
        """All words of one kind: `busy`, `left`, `top` or `out`."""
        return sum(span.cycles * getattr(span, what) for span in self.spans)


class _Recorder:
    """Joins equal cycles to spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def add(self, cycles: int, busy: int, left: int, top: int, out: int) -> None:
        last = self.spans[-1] if self.spans else None
        if last is not None and (last.busy, last.left, last.top, last.out) == (busy, left, top, out):
            self.spans[-1] = Span(last.cycles + cycles, busy, left, top, out)
        else:
            self.spans.append(Span(cycles, busy, left, top, out))


def stationary_wave(stream: Bools, rows: Bools, columns: Bools) -> Wave:
    """Weight or input stationary: `stream[steps]`, `rows[R]`, `columns[C]` say where there is work.

    Takes `steps + R + C - 2` cycles: the last word enters the last row R - 1 cycles late, and meets the last
    column after C - 1 hops.
    """
    height, width = len(rows), len(columns)
    moving = np.zeros((height, width), np.bool_)  # the word that a PE has now is a real one
    sums = np.zeros((height, width), np.bool_)  # so is the sum that leaves it
    keeps = rows[:, None] & columns[None, :]
    work = np.zeros((height, width), np.int64)
    recorder = _Recorder()
    edge = _Edge(stream, rows)
    cycle, end = 0, len(stream) + height + width - 2
    while cycle < end:
        entering = edge.at(cycle)
        before = moving.copy(), sums.copy()
        moving[:, 1:] = before[0][:, :-1]
        moving[:, 0] = entering
        active = moving & keeps
        sums[1:] = before[1][:-1]
        sums[0] = active[0]
        counted = int(active.sum()), int(entering.sum()), 0, int(sums[-1].sum())
        settled = np.array_equal(before[0], moving) and np.array_equal(before[1], sums)
        again = min(edge.unchanged(cycle), end - cycle) if settled else 1
        recorder.add(again, *counted)
        work += again * active
        cycle += again
    return Wave(tuple(recorder.spans), tuple(work.reshape(-1).tolist()))


def output_wave(stream: Bools, rows: Bools, columns: Bools) -> Wave:
    """Output stationary: both operands enter skewed and move on. Takes `steps + R + C - 2` cycles."""
    height, width = len(rows), len(columns)
    across = np.zeros((height, width), np.bool_)
    down = np.zeros((height, width), np.bool_)
    work = np.zeros((height, width), np.int64)
    recorder = _Recorder()
    left, top = _Edge(stream, rows), _Edge(stream, columns)
    cycle, end = 0, len(stream) + height + width - 2
    while cycle < end:
        from_left, from_top = left.at(cycle), top.at(cycle)
        before = across.copy(), down.copy()
        across[:, 1:] = before[0][:, :-1]
        across[:, 0] = from_left
        down[1:] = before[1][:-1]
        down[0] = from_top
        active = across & down
        counted = int(active.sum()), int(from_left.sum()), int(from_top.sum()), 0
        settled = np.array_equal(before[0], across) and np.array_equal(before[1], down)
        again = min(left.unchanged(cycle), top.unchanged(cycle), end - cycle) if settled else 1
        recorder.add(again, *counted)
        work += again * active
        cycle += again
    return Wave(tuple(recorder.spans), tuple(work.reshape(-1).tolist()))


class _Edge:
    """The skewed feed of one edge: line `i` gets step `t` in cycle `t + i`."""

    def __init__(self, stream: Bools, lines: Bools) -> None:
        self.lines = lines
        skew = len(lines)
        self.padded = np.concatenate([np.zeros(skew, np.bool_), stream, np.zeros(skew + 1, np.bool_)])
        self.skew = skew
        self.changes = np.flatnonzero(self.padded[1:] != self.padded[:-1]) + 1 - skew
        self.offsets = skew - np.arange(skew)
        self.length = len(self.padded)

    def at(self, cycle: int) -> Bools:
        """What is valid of the words that enter in this cycle."""
        places = np.minimum(cycle + self.offsets, self.length - 1)
        entering: Bools = self.padded[places] & self.lines
        return entering

    def unchanged(self, cycle: int) -> int:
        """For how many cycles from this one on the same lines are fed."""
        oldest = cycle - self.skew + 1
        place = int(np.searchsorted(self.changes, oldest, side="right"))
        if place == len(self.changes):
            return len(self.padded) + self.skew
        change = int(self.changes[place])
        return change - cycle if change > cycle else 1


# ---------------------------------------------------------------------------------------- data plane


def load(words: Ints) -> tuple[Ints, int]:
    """Shift `words[folds, R, C]` in from the top, a row a cycle: what the PEs then hold, and the cycles."""
    height = words.shape[1]
    held = np.zeros_like(words)
    for cycle in range(height):
        held[:, 1:] = held[:, :-1].copy()
        held[:, 0] = words[:, height - 1 - cycle]
    return held, height


def stream_through(held: Ints, stream: Ints) -> tuple[Ints, int]:
    """Weight or input stationary: stream `[folds, steps, R]` past `held[folds, R, C]`.

    Returns the sums that leave at the bottom, `[folds, steps, C]`, and the cycles of one fold.
    """
    compiled = kernels()
    if compiled is None:
        return stream_through_in_numpy(held, stream)
    (folds, height, width), steps = held.shape, stream.shape[1]
    out = np.zeros((folds, steps, width), np.int64)
    compiled.stream_through(held, stream, out)
    return out, steps + height + width - 2


def stream_through_in_numpy(held: Ints, stream: Ints) -> tuple[Ints, int]:
    """The same, all PEs at once, cycle by cycle."""
    folds, height, width = held.shape
    steps = stream.shape[1]
    feed = _skewed(stream, width)
    moving, arriving = np.zeros_like(held), np.zeros_like(held)
    sums, leaving = np.zeros_like(held), np.zeros_like(held)
    cycles = steps + height + width - 2
    bottom = np.empty((cycles, folds, width), np.int64)
    for cycle in range(cycles):
        arriving[:, :, 1:] = moving[:, :, :-1]
        arriving[:, :, 0] = feed[:, cycle]
        np.multiply(held, arriving, out=leaving)
        leaving[:, 1:] += sums[:, :-1]
        bottom[cycle] = leaving[:, -1]
        moving, arriving = arriving, moving
        sums, leaving = leaving, sums
    out = np.empty((folds, steps, width), np.int64)
    for column in range(width):  # the sum of step t leaves column c in cycle t + R - 1 + c
        first = height - 1 + column
        out[:, :, column] = bottom[first : first + steps, :, column].T
    return out, cycles


def meet(left: Ints, top: Ints, before: Ints) -> tuple[Ints, int]:
    """Output stationary: `left[folds, steps, R]` meets `top[folds, steps, C]` in PEs that hold `before`.

    Returns the sums `[folds, R, C]` and the cycles of one fold.
    """
    compiled = kernels()
    if compiled is None:
        return meet_in_numpy(left, top, before)
    sums = np.array(before, order="C")
    compiled.meet(left, top, sums)
    return sums, left.shape[1] + left.shape[2] + top.shape[2] - 2


def meet_in_numpy(left: Ints, top: Ints, before: Ints) -> tuple[Ints, int]:
    """The same, all PEs at once, cycle by cycle."""
    _, steps, height = left.shape
    width = top.shape[2]
    from_left, from_top = _skewed(left, width), _skewed(top, height)
    sums = before.copy()
    across, next_across = np.zeros_like(sums), np.zeros_like(sums)
    down, next_down = np.zeros_like(sums), np.zeros_like(sums)
    product = np.empty_like(sums)
    cycles = steps + height + width - 2
    for cycle in range(cycles):
        next_across[:, :, 1:] = across[:, :, :-1]
        next_across[:, :, 0] = from_left[:, cycle]
        next_down[:, 1:] = down[:, :-1]
        next_down[:, 0] = from_top[:, cycle]
        np.multiply(next_across, next_down, out=product)
        sums += product
        across, next_across = next_across, across
        down, next_down = next_down, down
    return sums, cycles


def _skewed(stream: Ints, hops: int) -> Ints:
    """`[folds, cycles, lines]`: line `i` of `stream[folds, steps, lines]` begins `i` cycles late."""
    folds, steps, lines = stream.shape
    feed = np.zeros((folds, steps + lines + hops - 2, lines), np.int64)
    for line in range(lines):
        feed[:, line : line + steps, line] = stream[:, :, line]
    return feed
