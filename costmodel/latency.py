"""Cycles: compute steps, memory ports, and what a real array pays on top, each term on its own.

From the MACs outward. `time` starts as compute (with the fill and drain of every fold); then, memory by
memory,

    ideal   time = max(time, port)                       a tile is filled while the one before it is used
    double  the same, but the first load and the last store cannot hide, nor a tile that takes longer to load
            than the one before it to use (`tile_steps.py`)
    single  time = max(time, port without fills) + load  a tile is not filled while it is used

and the outermost memory either overlaps (`max`) or adds (`transfers { overlap = none }`). Latencies of
memories and links come last. With ideal buffers and nothing else this is Timeloop's rule; with `timing` it is
SCALE-Sim's; with `overlap = none` the Squeezelerator's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from dovetail.accel.architecture import Architecture, Array, Buffering, Mac, Memory, Ports
from dovetail.costmodel.columns import Kind, Number
from dovetail.costmodel.tally import HopTally, Tally
from dovetail.costmodel.tile_steps import tile_by_tile
from dovetail.dsl.problem import Problem

COMPUTE = "compute"


@dataclass(frozen=True, slots=True)
class Term:
    """Cycles that nothing hides, and the memory (or `compute`) that causes them."""

    kind: str
    """`throughput`, `fold`, `load` (of a single buffer), `first_load`, `last_store`, `tile_steps` (of a
    double one), `transfer`, `latency`."""
    cause: str
    cycles: Number


@dataclass(frozen=True, slots=True)
class Latency:
    """Cycles of a layer. `cycles` is the sum of `terms`.

    `ports` lists how long each memory's busiest port (and each link) works, whether or not that is hidden.
    """

    cycles: int
    compute_cycles: int
    """Compute steps at the MACs' rate (zero weights skipped where the dataflow can)."""
    ports: tuple[tuple[str, int], ...]
    terms: tuple[Term, ...]

    @property
    def bound_by(self) -> str:
        """What causes most of the cycles: `compute`, a memory, or `ARRAY links`."""
        causes: dict[str, int] = {}
        for term in self.terms:
            causes[term.cause] = causes.get(term.cause, 0) + term.cycles
        return max(causes, key=lambda cause: (causes[cause], cause == COMPUTE))

    def term(self, kind: str) -> int:
        """Cycles of all terms of one kind."""
        return sum(term.cycles for term in self.terms if term.kind == kind)


Words: TypeAlias = tuple[Number, Number, Number]
"""How many words an instance moves over the whole run, how many at once, and how wide each is."""


def latency(
    kind: Kind,
    problem: Problem,
    architecture: Architecture,
    steps: Number,
    pes: Number,
    tallies: Sequence[Tally],
    hops: Sequence[HopTally],
    dataflow: str | None,
) -> tuple[Number, Number, list[tuple[str, Number]], list[Term]]:
    """Cycles, compute cycles, port cycles and terms of one mapping (or of columns of them)."""
    clock = _Clock(kind, architecture, tallies)
    compute = compute_cycles(kind, problem, architecture.mac, steps, dataflow)
    clock.base(COMPUTE, compute)
    for array in architecture.arrays:
        clock.add("fold", COMPUTE, _fold_cycles(kind, array, tallies, architecture, compute))
    for name, cycles in _link_cycles(kind, problem, architecture, pes, hops):
        clock.at_least(name, cycles)
    for memory in reversed(architecture.memories[1:]):
        clock.pass_through(memory)
    clock.outermost(architecture.memories[0])
    clock.tile_steps()
    total = clock.time
    return total, compute, clock.ports, clock.terms


def compute_cycles(kind: Kind, problem: Problem, mac: Mac, steps: Number, dataflow: str | None) -> Number:
    """Compute steps at the rate for the operands' widths; zero weights cost none where the MAC skips them.

    ValueError where the MAC has no rate for these widths.
    """
    per_step = 1 / mac_rate(problem, mac)
    if dataflow is not None and dataflow in mac.skip_zero_weights_in:
        per_step *= 1 - Fraction(problem.weight_zeros).limit_denominator(10_000)
    return kind.ceil_div(steps * per_step.numerator, per_step.denominator)


def mac_rate(problem: Problem, mac: Mac) -> Fraction:
    """MACs a cycle of one unit for operands as wide as these; ValueError where there is none."""
    wide = max(problem.bits.weights, problem.bits.inputs)
    rates = [rate.per_cycle for rate in mac.rates if rate.bits is None or rate.bits >= wide]
    if not rates:
        raise ValueError(f"the MAC has no rate for operands of {wide} bit")
    return max(rates)


class _Clock:
    """The running time, from the MACs outward, with the terms it is made of."""

    def __init__(self, kind: Kind, architecture: Architecture, tallies: Sequence[Tally]) -> None:
        self.kind, self.architecture, self.tallies = kind, architecture, tallies
        self.time: Number = 0
        self.terms: list[Term] = []
        self.ports: list[tuple[str, Number]] = []
        self.top = architecture.memories[0].name
        self.waits = not architecture.overlap_transfers
        self.floors: list[tuple[str, Number]] = []
        """How long it takes tile by tile, by double buffer; what is added later is added here too."""

    # --------------------------------------------------------------------------------- arithmetic

    def base(self, cause: str, cycles: Number) -> None:
        self.time = cycles
        self.terms = [Term("throughput", cause, cycles)]

    def at_least(self, cause: str, cycles: Number) -> None:
        """A port that works so long: what is inside hides behind it, or it behind what is inside."""
        self.ports.append((cause, cycles))
        hidden = cycles > self.time
        if hidden is False:
            return
        where = self.kind.where
        self.terms = [
            Term(t.kind, t.cause, where(hidden, 0, t.cycles)) for t in self.terms if not _nothing(t.cycles)
        ]
        self.terms.append(Term("throughput", cause, where(hidden, cycles, 0)))
        self.time = self.kind.maximum(self.time, cycles)

    def add(self, name: str, cause: str, cycles: Number) -> None:
        if not _nothing(cycles):
            self.terms.append(Term(name, cause, cycles))
            self.time = self.time + cycles
            self.floors = [(memory, floor + cycles) for memory, floor in self.floors]

    def tile_steps(self) -> None:
        """What the sum over tiles takes longer than the larger of the sums."""
        for memory, floor in self.floors:
            self.add("tile_steps", memory, self.kind.maximum(floor - self.time, 0))

    # ----------------------------------------------------------------------------------- memories

    def pass_through(self, memory: Memory) -> None:
        """Account for a memory between the MACs and the outermost one."""
        held = [t for t in self.tallies if t.memory == memory.name]
        if not held:
            return
        if memory.buffering is Buffering.IDEAL:
            self.at_least(memory.name, self._port(memory, held, fills=True))
        else:
            inside, terms, floors = self.time, list(self.terms), self.floors
            doubled = self._doubled(memory, held)
            by_tile: Number = 0
            if doubled is not False:
                by_tile = self._double(memory, held, inside)
            if doubled is not True:
                time, doubled_terms, doubled_floors = self.time, self.terms, self.floors
                self.time, self.terms, self.floors = inside, terms, floors
                self._single(memory, held)
                if doubled is not False:
                    pick, drop = doubled, self.kind.negate(doubled)
                    self.terms = [
                        Term(t.kind, t.cause, t.cycles * choice)
                        for choice, some in ((pick, doubled_terms), (drop, self.terms))
                        for t in some
                    ]
                    self.floors = [
                        (name, self.kind.where(doubled, one, other))
                        for (name, one), (_, other) in zip(doubled_floors, self.floors, strict=True)
                    ]
                    self.time = self.kind.where(doubled, time, self.time)
                    by_tile = self.kind.where(doubled, by_tile, 0)
            if not _nothing(by_tile):
                self.floors.append((memory.name, by_tile))
        self.add("latency", memory.name, memory.latency_cycles)

    def outermost(self, memory: Memory) -> None:
        """Account for the memory that everything comes from."""
        held = [t for t in self.tallies if t.memory == memory.name]
        port = self._port(memory, held, fills=True)
        if not self.waits:
            self.at_least(memory.name, port)
            self.add("latency", memory.name, memory.latency_cycles)
            return
        self.ports.append((memory.name, port))
        self.add("transfer", memory.name, port)
        if not _nothing(memory.latency_cycles):
            loads: Number = 0
            for t in held:
                # A stream to the MACs is asked for ahead, word after word: it waits once. A tile waits each
                # time.
                loads = self.kind.maximum(loads, 1 if t.serves is None else t.served_visits())
            self.add("latency", memory.name, memory.latency_cycles * loads)

    def _double(self, memory: Memory, held: list[Tally], inside: Number) -> Number:
        """Account for a double buffer; how long it takes tile by tile (0 where nothing loads it)."""
        self.at_least(memory.name, self._port(memory, held, fills=True))
        steps: Number = 1
        for t in held:
            steps = self.kind.maximum(steps, t.visits())
        one_step = self.kind.ceil_div(inside, steps)
        use = self.time
        load, store = self._tile_load(memory, held), self._tile_store(memory, held)
        for name, cycles in (("first_load", load), ("last_store", store)):
            if not _nothing(cycles):
                self.add(name, memory.name, self.kind.minimum(cycles, one_step))
        by_tile = self._steps(memory, held, use, steps)
        return 0 if _nothing(by_tile) else load + by_tile + store

    def _single(self, memory: Memory, held: list[Tally]) -> None:
        self.at_least(memory.name, self._port(memory, held, fills=False))
        self.add("load", memory.name, self._all_loads(memory, held))

    def _doubled(self, memory: Memory, held: list[Tally]) -> Number:
        """Whether the memory's tiles are filled while they are used."""
        if memory.buffering is not Buffering.AUTO or memory.size_bits is None:
            return memory.buffering is not Buffering.SINGLE
        bits: Number = 0
        for t in held:
            bits = bits + t.tile_words * t.bits * (1 + t.moves)
        return bits <= memory.size_bits

    # -------------------------------------------------------------------------------------- ports

    def _port(self, memory: Memory, held: list[Tally], *, fills: bool) -> Number:
        """How long the busiest port of one instance works over the whole run."""
        reads = [_words(t.reads, t.served_words, t) for t in held]
        writes = [_words(t.updates, t.served_words, t) for t in held if t.operand == "outputs"]
        if fills:
            writes += [_words(t.fills, t.tile_words, t) for t in held]
        return self._busy(memory, held[0].instances if held else 1, reads, writes)

    def _busy(self, memory: Memory, instances: Number, reads: list[Words], writes: list[Words]) -> Number:
        shared = memory.ports is Ports.SHARED
        groups = [(reads + writes, memory.read_bits_per_cycle or memory.write_bits_per_cycle)]
        if not shared:
            groups = [(reads, memory.read_bits_per_cycle), (writes, memory.write_bits_per_cycle)]
        busy: Number = 0
        for words, rate in groups:
            if rate is not None:
                bits: Number = 0
                for number, _, width in words:
                    bits = bits + number * width
                cycles = self.kind.ceil_div(bits * rate.denominator, instances * rate.numerator)
                busy = self.kind.maximum(busy, cycles)
            if memory.accesses_per_cycle is not None and memory.width_bits is not None:
                accesses: Number = 0
                for number, at_once, width in words:
                    packed = self.kind.ceil_div(at_once * width, memory.width_bits)
                    accesses = accesses + self.kind.ceil_div(number * packed, at_once * instances)
                per_cycle = memory.accesses_per_cycle
                cycles = self.kind.ceil_div(accesses * per_cycle.denominator, per_cycle.numerator)
                busy = self.kind.maximum(busy, cycles)
        return busy

    def _sources(self, memory: Memory, held: list[Tally]) -> list[tuple[Memory, list[Tally]]]:
        """The memories that fill this one, and what they do for it; not one that all transfers wait for."""
        sources: dict[str, list[Tally]] = {}
        for t in self.tallies:
            if t.serves == memory.name and not (self.waits and t.memory == self.top):
                sources.setdefault(t.memory, []).append(t)
        return [(self.architecture.memory(name), tallies) for name, tallies in sources.items()]

    def _all_loads(self, memory: Memory, held: list[Tally]) -> Number:
        """How long all loads and stores of the memory take, one after the other with its use."""
        sources = self._sources(memory, held)
        loaded = {t.operand for _, tallies in sources for t in tallies}
        own = [t for t in held if t.operand in loaded]
        load = self._busy(memory, held[0].instances, [], [_words(t.fills, t.tile_words, t) for t in own])
        for source, tallies in sources:
            reads = [_words(t.reads, t.served_words, t) for t in tallies]
            writes = [_words(t.updates, t.served_words, t) for t in tallies if t.operand == "outputs"]
            load = self.kind.maximum(load, self._busy(source, tallies[0].instances, reads, writes))
        return load

    def _steps(self, memory: Memory, held: list[Tally], use: Number, steps: Number) -> Number:
        """How long all tiles take, from the first that is used to the end of the last one's use.

        0 where no tile is loaded. `use` is how long all are used, `steps` how many there are.
        """
        floor_div, maximum = self.kind.floor_div, self.kind.maximum
        sources = self._sources(memory, held)
        visits = {t.operand: t.served_visits() for _, tallies in sources for t in tallies}
        if not visits:
            return 0
        often = dict(visits)
        for t in (t for _, tallies in sources for t in tallies if t.operand == "outputs"):
            # old sums come along where there are some: not with the first visit of a tile
            often["outputs"] = floor_div(t.reads, maximum(floor_div(t.updates, visits["outputs"]), 1))

        def words(number: Number, t: Tally, times: Number, visits: Number) -> Words:
            tile = floor_div(number, maximum(visits, 1))
            return tile * times, maximum(tile, 1), t.bits

        def busy(changes: Mapping[str, Number], stores: Number) -> Number:
            own = [t for t in held if t.operand in visits]
            fills = [words(t.fills, t, changes[t.operand], often[t.operand]) for t in own]
            longest = self._busy(memory, held[0].instances, [], fills)
            for source, tallies in sources:
                reads = [words(t.reads, t, changes[t.operand], often[t.operand]) for t in tallies]
                out = [t for t in tallies if t.operand == "outputs"]
                writes = [words(t.updates, t, stores, visits["outputs"]) for t in out]
                longest = maximum(longest, self._busy(source, tallies[0].instances, reads, writes))
            return longest

        return tile_by_tile(self.kind, visits, often.get("outputs", 0), use, steps, busy)

    def _tile_load(self, memory: Memory, held: list[Tally]) -> Number:
        """How long the first tiles take to arrive."""
        sources = self._sources(memory, held)
        loaded = {t.operand for _, tallies in sources for t in tallies} - {"outputs"}
        own = [_words(t.tile_words, t.tile_words, t) for t in held if t.operand in loaded]
        load = self._busy(memory, 1, [], own)
        for source, tallies in sources:
            reads = [_words(t.served_words, t.served_words, t) for t in tallies if t.operand in loaded]
            load = self.kind.maximum(load, self._busy(source, 1, reads, []))
        return load

    def _tile_store(self, memory: Memory, held: list[Tally]) -> Number:
        """How long the last tile of outputs takes to leave."""
        store: Number = 0
        for source, tallies in self._sources(memory, held):
            writes = [_words(t.served_words, t.served_words, t) for t in tallies if t.operand == "outputs"]
            store = self.kind.maximum(store, self._busy(source, 1, [], writes))
        return store


def _nothing(cycles: Number) -> bool:
    """Whether there is nothing to account for in any mapping."""
    return isinstance(cycles, int) and cycles == 0


def _words(number: Number, at_once: Number, tally: Tally) -> Words:
    return number, at_once, tally.bits


def _fold_cycles(
    kind: Kind, array: Array, tallies: Sequence[Tally], architecture: Architecture, compute: Number
) -> Number:
    """What the folds of a systolic array pay: a fold is one stay of the stationary operand in the PEs.

    Per fold: weights or inputs are shifted in along `load`; operands that enter `skew`ed need the sum of the
    axes less one each to reach the last PE; sums that stayed are shifted out along `drain`. SCALE-Sim's
    `T + 2R + C - 2` (weight-, input-stationary) and `T + R + C - 2` (output-stationary, nothing drained).
    With `overlap` the next fold is loaded and begun during this one, so that all is paid once.
    """
    timing = array.timing
    sizes = {axis.name: axis.size for axis in array.axes}
    if not (timing.skew or timing.load or timing.drain):
        return 0
    skew = sum(size - 1 for size in sizes.values()) if timing.skew else 0
    load = sizes.get(timing.load or "", 0)
    drain = sizes.get(timing.drain or "", 0)
    levels = [level.name for level in architecture.levels]
    crossing = [
        t
        for t in tallies
        if levels.index(t.memory) < levels.index(array.name)
        and (t.serves is None or levels.index(t.serves) > levels.index(array.name))
    ]
    # what a memory in the PEs holds is stationary; what neighbours shift past it is not, however long it
    # stays
    staying = [t for t in crossing if t.serves is not None] or [t for t in crossing if t.latched]
    stays = [(t.served_visits(), t.operand == "outputs") for t in staying]
    folds: Number = 1
    per_fold: Number = skew
    if stays:
        folds = stays[0][0]
        sums: Number = stays[0][1]
        for visits, output in stays[1:]:
            fewer = visits < folds
            folds, sums = kind.where(fewer, visits, folds), kind.where(fewer, output, sums)
        per_fold = skew + kind.where(sums, drain, load)
    if timing.overlap:
        # a fold shorter than its load still waits for it
        exposed = kind.maximum(per_fold - skew - kind.floor_div(compute, folds), 0)
        return per_fold + (folds - 1) * exposed
    return folds * per_fold


def _link_cycles(
    kind: Kind, problem: Problem, architecture: Architecture, pes: Number, hops: Sequence[HopTally]
) -> list[tuple[str, Number]]:
    """How long links with a bandwidth work: their words, spread over the PEs in use."""
    cycles = []
    for hop in hops:
        array = next(a for a in architecture.spatial if a.name == hop.array)
        rate = array.links[hop.link].bits_per_cycle
        if rate is not None:
            tensor = "sums" if hop.operand == "outputs" else hop.operand
            bits = getattr(problem.bits, tensor) * rate.denominator
            cycles.append((f"{array.name} links", kind.ceil_div(hop.words * bits, pes * rate.numerator)))
    return cycles
