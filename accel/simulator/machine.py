"""The run: folds one after the other, the tiles they need, and the waiting in between.

`Machine.records()` walks the whole layer once and yields what happens when; totals build up on the way.
Nothing is kept of what is past, so memory does not grow with the length of a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from dovetail.accel.architecture import Buffering
from dovetail.accel.legality import takes_partial_sums
from dovetail.accel.mapping import Holds
from dovetail.accel.simulator.buffers import Moved, boundaries, tile_at
from dovetail.accel.simulator.clock import MemoryClock, Ticks, Traffic
from dovetail.accel.simulator.passes import Pass, PeArray, Words
from dovetail.accel.simulator.plan import Fold, Plan
from dovetail.accel.simulator.result import Accesses, Phases
from dovetail.accel.simulator.wavefront import Span
from dovetail.dsl.problem import OPERANDS


@dataclass(frozen=True, slots=True)
class FoldRecord:
    """A fold: begins at `start` (cycles), works for `load + steps + drain`."""

    start: float
    number: int
    load: int
    steps: int
    drain: int
    spans: tuple[Span, ...]
    macs: int


@dataclass(frozen=True, slots=True)
class StallRecord:
    """The array waits for a memory."""

    start: float
    cycles: float
    memory: str


@dataclass(frozen=True, slots=True)
class MoveRecord:
    """A tile moves between two memories."""

    start: float
    moved: Moved


Record: TypeAlias = FoldRecord | StallRecord | MoveRecord


class Machine:
    """One layer on one array. Use once."""

    def __init__(self, plan: Plan, array: PeArray) -> None:
        self.plan, self.array = plan, array
        architecture = plan.architecture
        self.memories = {memory.name: memory for memory in architecture.memories}
        self.top = architecture.memories[0]
        self.ticks = Ticks(architecture)
        inside = {memory.name for memory in plan.registers}
        self.clocks = [
            MemoryClock(self.ticks, memory)
            for memory in reversed(architecture.memories[1:])
            if memory.name not in inside and _is_used(plan, memory.name)
        ]
        self.by_name = {clock.memory.name: clock for clock in self.clocks}
        self.boundaries = boundaries(plan)
        self.accesses: dict[tuple[str, str], list[int]] = {}
        self.leaving: dict[str, list[Moved]] = {}
        """The tiles of each memory that leave while the next are used."""
        self.time = 0
        """Ticks that have passed."""
        self.top_traffic = Traffic()
        self.load, self.compute, self.drain = 0, 0, 0
        self.macs, self.folds, self.skipped = 0, 0, 0
        self.work = np.zeros(plan.shape, np.int64)
        self.partial = {name for name in self.memories if _takes_partial_sums(plan, name)}

    # ------------------------------------------------------------------------------------------ run

    def records(self) -> Iterator[Record]:
        """Run, and say what happens when."""
        before: int | None = None  # steps of the stay before this one
        streamed = 0
        folds = self.plan.stays()
        following: tuple[Fold, bool, bool] | None = next(folds)
        while following is not None:
            fold, first, last = following
            following = next(folds, None)
            moves = self._tiles(fold)
            yield from self._apply(moves)
            done = self.array.run(fold, first=first, last=last)
            yield from self._wait_for_top(moves, done.words)
            for clock in self.clocks:
                if not clock.used or any(moved.memory == clock.memory.name for moved in moves):
                    clock.begin(self.time)
            streamed = done.steps if first else streamed + done.steps
            if self.array.overlap:
                done = self._overlapped(done, first, before, following is None)
            yield self._fold(done)
            if last:
                before = streamed
        yield from self._finish()

    def _overlapped(self, done: Pass, first: bool, before: int | None, end: bool) -> Pass:
        """The next fold is loaded and begun while this one works: only what takes longer is waited for."""
        load = done.load
        if before is not None and first:
            load = max(0, load - before) + max(0, self.array.drain_cycles - done.steps)
        return replace(done, load=load, drain=done.drain if end else 0)

    def _fold(self, done: Pass) -> FoldRecord:
        start = self.now
        for words in done.words:
            self._count(words)
            self._ports(words)
        self.load += done.load
        self.compute += done.steps
        self.drain += done.drain
        self.skipped += done.skipped
        self.macs += done.macs
        self.work += done.work
        number, self.folds = self.folds, self.folds + 1
        self.time += (done.load + done.steps + done.drain) * self.ticks.per_cycle
        return FoldRecord(start, number, done.load, done.steps, done.drain, done.spans, done.macs)

    def _wait_for_top(self, moves: list[Moved], words: tuple[Words, ...]) -> Iterator[Record]:
        """Where transfers do not overlap: all that a fold needs from the outermost memory, in one go."""
        if self.plan.architecture.overlap_transfers:
            return
        traffic = Traffic()
        direct = [w for w in words if w.memory == self.top.name and (w.reads or w.updates)]
        tiles = [
            Words(m.source, m.operand, m.words_in, 0, m.words_out) for m in moves if m.source == self.top.name
        ]
        for own in (*direct, *tiles):
            self._traffic(traffic, own)
        # a stream to the MACs is asked for ahead, word after word: it waits once; a tile waits each time
        held = any(w.operand == self.plan.stationary for w in direct)
        asks = bool(words) and bool(tiles or held or (direct and self.folds == 0))
        latency = self.top.latency_cycles * self.ticks.per_cycle if asks else 0
        ticks = latency + self.ticks.busy(self.top, traffic)
        if ticks:
            yield StallRecord(self.now, ticks / self.ticks.per_cycle, self.top.name)
        self.time += ticks

    @property
    def now(self) -> float:
        """Cycles since the beginning."""
        return self.time / self.ticks.per_cycle

    # ---------------------------------------------------------------------------------------- tiles

    def _tiles(self, fold: Fold) -> list[Moved]:
        """The tiles that move before a fold."""
        moves = []
        for boundary in self.boundaries:
            if self.folds == 0 or fold.changed < boundary.loops:
                moved = boundary.change(*tile_at(self.plan, fold, boundary.loops))
                if moved is not None:
                    moves.append(moved)
        return moves

    def _finish(self) -> Iterator[Record]:
        moves = [moved for boundary in self.boundaries if (moved := boundary.flush())]
        yield from self._apply(moves, end=True)
        yield from self._wait_for_top(moves, ())
        for memory in self.memories.values():
            used = memory is self.top or memory.name in self.by_name
            if used and self.plan.architecture.overlap_transfers | (memory is not self.top):
                self.time += memory.latency_cycles * self.ticks.per_cycle
        if self.plan.architecture.overlap_transfers:
            self.time = max(self.time, self.time_with_top())

    def time_with_top(self) -> int:
        """The time if the outermost memory was busy all along."""
        return self.ticks.busy(self.top, self.top_traffic) + self.top.latency_cycles * self.ticks.per_cycle

    def _apply(self, moves: list[Moved], *, end: bool = False) -> Iterator[Record]:
        for moved in moves:
            self._count_move(moved)
            yield MoveRecord(self.now, moved)
        if self.folds == 0:
            yield from self._first_load(moves)
            return
        for clock in self.clocks:
            name = clock.memory.name
            own = [moved for moved in moves if moved.memory == name]
            if not own and not end:
                continue
            hidden, fills = self._hidden(own), self._fills(own)
            load, store = self._load(clock, hidden), self._transfer([], hidden)
            meanwhile = max(load, self._transfer(hidden, self.leaving.get(name, [])))
            self.leaving[name] = hidden
            if end:
                ready = clock.finish(self.time, store, meanwhile)
            else:
                ready = clock.change(self.time, load, store, meanwhile, fills)
            if ready > self.time:
                yield StallRecord(self.now, (ready - self.time) / self.ticks.per_cycle, name)
            self.time = ready

    def _first_load(self, moves: list[Moved]) -> Iterator[Record]:
        """Nothing is used yet: all memories that cannot hide it are filled, one behind the other."""
        waiting: list[Moved] = []
        load = 0
        for clock in self.clocks:
            own = [moved for moved in moves if moved.memory == clock.memory.name]
            if clock.memory.buffering is Buffering.IDEAL:
                clock.ports.add(self._fills(own))
                continue
            waiting += self._hidden(own)
            load = max(load, self._load(clock, self._hidden(own)))
            self.leaving[clock.memory.name] = []
        load = max(load, self._transfer(waiting, []))
        if load:
            yield StallRecord(self.now, load / self.ticks.per_cycle, waiting[0].memory)
        self.time += load

    def _hidden(self, moves: list[Moved]) -> list[Moved]:
        """Those that go on beside the computation, and are not waited for anyway."""
        if self.plan.architecture.overlap_transfers:
            return moves
        return [moved for moved in moves if moved.source != self.top.name]

    def _fills(self, moves: list[Moved]) -> Traffic:
        fills = Traffic()
        for moved in moves:
            bits = self._bits(moved.operand, moved.memory)
            fills.write(moved.words_in, bits, self.memories[moved.memory])
        return fills

    def _load(self, clock: MemoryClock, moves: list[Moved]) -> int:
        """How long these tiles take to come: the slower of the ports that they leave and enter."""
        own = self.ticks.busy(clock.memory, self._fills(moves))
        return max(own, self._transfer(moves, [])) if moves else 0

    def _transfer(self, coming: list[Moved], going: list[Moved]) -> int:
        """How long the memories outside work for tiles that come and tiles that go at the same time."""
        traffic: dict[str, Traffic] = {}
        for moved in coming:
            bits = self._bits(moved.operand, moved.source)
            own = traffic.setdefault(moved.source, Traffic())
            own.read(moved.words_in, bits, self.memories[moved.source])
        for moved in going:
            bits = self._bits(moved.operand, moved.source)
            own = traffic.setdefault(moved.source, Traffic())
            own.write(moved.words_out, bits, self.memories[moved.source])
        return max((self.ticks.busy(self.memories[name], own) for name, own in traffic.items()), default=0)

    # --------------------------------------------------------------------------------------- counts

    def _bits(self, operand: str, memory: str) -> int:
        bits = self.plan.problem.bits
        if operand == "outputs" and memory in self.partial:
            return bits.sums
        width: int = getattr(bits, operand)
        return width

    def _count_move(self, moved: Moved) -> None:
        drains = self.memories[moved.memory].drain_reads and moved.operand == "outputs"
        self._count(Words(moved.source, moved.operand, moved.words_in, 0, moved.words_out))
        self._count(Words(moved.memory, moved.operand, moved.words_out if drains else 0, moved.words_in, 0))
        self._ports(Words(moved.source, moved.operand, moved.words_in, 0, moved.words_out))

    def _count(self, words: Words) -> None:
        total = self.accesses.setdefault((words.memory, words.operand), [0, 0, 0])
        total[0] += words.reads
        total[1] += words.fills
        total[2] += words.updates

    def _ports(self, words: Words) -> None:
        """Account for the ports of a memory outside the array (its fills are accounted for where it
        changes)."""
        bits = self._bits(words.operand, words.memory)
        clock = self.by_name.get(words.memory)
        if clock is not None:
            clock.read(words.reads, bits)
            clock.write(words.updates, bits)
        elif words.memory == self.top.name:
            self._traffic(self.top_traffic, words)

    def _traffic(self, traffic: Traffic, words: Words) -> None:
        bits = self._bits(words.operand, words.memory)
        traffic.read(words.reads, bits, self.top)
        traffic.write(words.updates, bits, self.top)

    def counts(self) -> tuple[Accesses, ...]:
        """All accesses, memories outer to inner, operands in order."""
        order = list(self.memories)
        keys = sorted(self.accesses, key=lambda key: (order.index(key[0]), OPERANDS.index(key[1])))
        return tuple(Accesses(*key, *self.accesses[key]) for key in keys)

    def cycles(self) -> int:
        """All cycles so far, begun ones included."""
        return -(-self.time // self.ticks.per_cycle)

    def phases(self) -> Phases:
        """Where they went."""
        return Phases(
            self.load, self.compute, self.drain, self.cycles() - self.load - self.compute - self.drain
        )


def _is_used(plan: Plan, memory: str) -> bool:
    return any(isinstance(node, Holds) and node.memory == memory for node in plan.mapping.nodes)


def _takes_partial_sums(plan: Plan, memory: str) -> bool:
    return any(
        isinstance(node, Holds)
        and node.memory == memory
        and "outputs" in node.tensors
        and takes_partial_sums(plan.architecture, plan.mapping, at)
        for at, node in enumerate(plan.mapping.nodes)
    )
