"""The closed form: all counts of a mapping from its bounds, without running it.

Perfect mappings, in which every loop divides what it walks, need formulas only (`halo.py`, `multicast.py`),
written for one mapping and for columns of mappings alike (`columns.py`; `batch.py` evaluates columns).
Others combine tables, one a dimension (`imperfect.py`, `tables.py`, `walk.py`). Both equal `reference.py`
exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod

from dovetail.accel.architecture import Architecture
from dovetail.accel.mapping import Mapping, flatten
from dovetail.costmodel import imperfect, parts
from dovetail.costmodel.columns import INTS, Kind, Number
from dovetail.costmodel.counts import Counts
from dovetail.costmodel.halo import Move, Slide, brought, used, used_again, visits
from dovetail.costmodel.multicast import PAIRS, receivers
from dovetail.costmodel.nest import Share, Structure, Transfer
from dovetail.costmodel.tally import HopTally, Tallied, Tally
from dovetail.dsl.problem import OPERANDS, RELEVANT, Problem

AXES = {
    "weights": ("G", "K", "C", "R", "S"),
    "inputs": ("N", "G", "C", "PR", "QS"),
    "outputs": ("N", "G", "K", "P", "Q"),
}
"""The dimensions that walk each axis of an operand."""

_PLACES = {operand: {d: at for at, axis in enumerate(axes) for d in axis} for operand, axes in AXES.items()}


@dataclass(frozen=True, slots=True)
class Nest:
    """The numbers of all loops: of one mapping, or columns of many."""

    bounds: Sequence[Number]
    steps: Sequence[Number]
    trips: Sequence[Number]
    before: Sequence[Number]
    """Of each loop, the trips of all temporal loops outside it, multiplied."""
    total: Number
    """All temporal trips, multiplied: the compute steps."""
    idle: Sequence[bool]
    """Loops that have one trip everywhere: they are skipped."""

    @classmethod
    def of(cls, kind: Kind, structure: Structure, bounds: Sequence[Number]) -> Nest:
        """Work out steps and trips; a loop steps by the bound of the next inner one of its dimension."""
        steps = [1 if inner is None else bounds[inner] for inner in structure.next_inner]
        trips = [kind.ceil_div(bound, step) for bound, step in zip(bounds, steps, strict=True)]
        idle = [kind.all_one(number) for number in trips]
        total: Number = 1
        before = []
        for at, loop in enumerate(structure.loops):
            before.append(total)
            if loop.array is None and not idle[at]:
                total = total * trips[at]
        return cls(bounds, steps, trips, before, total, idle)


def count(problem: Problem, architecture: Architecture, mapping: Mapping) -> Counts:
    """All counts of one legal mapping, as exact integers of any size."""
    return tally_mapping(problem, architecture, mapping).counts()


def tally_mapping(problem: Problem, architecture: Architecture, mapping: Mapping) -> Tallied:
    """Count one legal mapping, in Python ints."""
    structure = Structure.of(architecture, mapping)
    bounds = [loop.bound for loop in mapping.loops]
    nest = Nest.of(INTS, structure, bounds)
    return tally(INTS, flatten(problem, mapping.flat), structure, nest, perfect=is_perfect(nest))


def is_perfect(nest: Nest) -> bool:
    """Whether every loop of one mapping divides what it walks."""
    return all(bound % step == 0 for bound, step in zip(nest.bounds, nest.steps, strict=True))


@dataclass(frozen=True, slots=True)
class _Busy:
    """`parts.busy` of one dimension, as a function of its steps."""

    bound: int
    spatial: tuple[bool, ...]

    def __call__(self, *steps: int) -> int:
        return parts.busy(self.bound, tuple(zip(self.spatial, steps, strict=True)))


def busy(
    kind: Kind,
    problem: Problem,
    structure: Structure,
    nest: Nest,
    outer_loops: int,
    without: str = "",
    *,
    perfect: bool,
) -> Number:
    """PEs behind so many loops that ever have something to do, those along dimensions in `without` apart."""
    number: Number = 1
    if perfect:
        for i in structure.spatial:
            if i < outer_loops and structure.loops[i].dimension not in without and not nest.idle[i]:
                number = number * nest.trips[i]
        return number
    for dimension, bound in problem.bounds.items():
        if dimension not in without:
            own = [i for i in range(outer_loops) if structure.loops[i].dimension == dimension]
            spread = tuple(i in structure.spatial for i in own)
            if any(spread):
                number = number * kind.look_up(_Busy(bound, spread), *(nest.steps[i] for i in own))
    return number


def tally(kind: Kind, problem: Problem, structure: Structure, nest: Nest, *, perfect: bool) -> Tallied:
    """Counts of every holder (memories outer to inner, operands in order) and of every link.

    `problem` is flattened already.
    """
    tallies: list[Tally] = []
    hops: list[HopTally] = []
    arriving: Number = 0
    for transfer in structure.transfers:
        passed = Passed(kind, problem, structure, nest, transfer, perfect)
        if transfer.outermost:
            arriving = 0
        own, arriving, links = passed.tally(arriving)
        tallies.append(own)
        hops.extend(links)
    order = {name: at for at, name in enumerate(structure.memories)}
    tallies.sort(key=lambda t: (order[t.memory], OPERANDS.index(t.operand)))
    pes = busy(kind, problem, structure, nest, len(structure.loops), perfect=perfect)
    return Tallied(problem, nest.total, pes, tallies, hops)


class Passed:
    """One transfer, with numbers."""

    def __init__(
        self,
        kind: Kind,
        problem: Problem,
        structure: Structure,
        nest: Nest,
        transfer: Transfer,
        perfect: bool,
    ) -> None:
        self.kind, self.problem, self.structure, self.nest = kind, problem, structure, nest
        self.transfer, self.perfect = transfer, perfect
        self._tables: dict[tuple[Share, ...], imperfect.Tabulated] = {}
        self.operand = transfer.operand
        self.memory = structure.architecture.memory(transfer.outer)
        self.inner_tile = {
            d: 1 if at is None else nest.bounds[at]
            for d, at in structure.tile_loops(transfer.inner_loops).items()
        }

    def tally(self, fills: Number) -> tuple[Tally, Number, list[HopTally]]:
        """Counts of the outer holder, given its fills; fills of the inner one; words over links."""
        transfer, nest = self.transfer, self.nest
        served, hops = self._served()
        reads, updates, partial = served, 0, False
        inner_fills = 0 if transfer.inner is None else self._words(transfer.alone)
        if self.operand == "outputs":
            updates = served
            reads = served - self._elements(transfer.outer_loops)
            partial = reads > 0
            if transfer.inner is not None:
                inner_fills = inner_fills - self._elements(transfer.inner_loops)
            if self.memory.drain_reads and not transfer.outermost:
                reads = reads + fills + self._elements(transfer.outer_loops)
        bits: Number = getattr(self.problem.bits, self.operand)
        if self.operand == "outputs" and self.problem.bits.sums != bits:
            bits = self.kind.where(partial, self.problem.bits.sums, bits)
        own_tile = {
            d: 1 if at is None else nest.bounds[at]
            for d, at in self.structure.tile_loops(transfer.outer_loops).items()
        }
        receiver_sizes = self._sizes(self._hull(transfer.shares), transfer.skip_gaps)
        own = Tally(
            memory=transfer.outer,
            operand=self.operand,
            serves=transfer.inner,
            reads=reads,
            fills=fills,
            updates=updates,
            instances=self._busy(transfer.outer_loops, ""),
            tile_words=prod(self._sizes(own_tile, self.memory.skip_gaps)),
            served_words=self._receivers_of_one() * prod(receiver_sizes),
            moves=self._moves(),
            partial=partial,
            bits=bits,
            latched=transfer.inner is None and transfer.keeps,
            visits=lambda: self._visits(transfer.outer_loops),
            served_visits=lambda: self._visits(transfer.inner_loops),
        )
        return own, inner_fills, hops

    # -------------------------------------------------------------------------------------- words

    def _served(self) -> tuple[Number, list[HopTally]]:
        """Words that leave or reach the outer holder, and what each link delivers in its place."""
        stages = self.transfer.stages
        before = self._words(self.transfer.alone)
        hops = []
        for at, stage in enumerate(stages):
            previous = stages[at - 1].shares if at else self.transfer.alone
            after = before if stage.shares == previous else self._words(stage.shares)
            saved = self.kind.maximum(before - after, 0)
            hops.append(HopTally(stage.array, stage.link, self.operand, saved))
            before = after
        return before, hops

    def _words(self, shares: tuple[Share, ...]) -> Number:
        """Words that all receivers get when the spatial loops share like this."""
        if not self.perfect:
            found = self._tabulated(shares)
            return imperfect.words(self.kind, self.structure, self.nest.steps, self.transfer, found)
        number = self._receivers(shares)
        if not self.transfer.keeps:
            return number * self.nest.total
        hull = self._hull(shares)
        sizes = self._sizes(hull, self.transfer.skip_gaps)
        return number * brought(
            self.kind,
            sizes,
            self._temporal_moves(self.transfer.inner_loops),
            self._slides(hull, sizes, shares),
        )

    def _tabulated(self, shares: tuple[Share, ...]) -> imperfect.Tabulated:
        if shares not in self._tables:
            self._tables[shares] = imperfect.tabulated(
                self.kind, self.problem, self.structure, self.nest.steps, self.transfer, shares
            )
        return self._tables[shares]

    def _receivers(self, shares: tuple[Share, ...]) -> Number:
        loops = [
            (self.structure.loops[i], share, self.nest.trips[i], self.nest.steps[i])
            for i, share in zip(self.transfer.spatial, shares, strict=True)
            if not self.nest.idle[i]
        ]
        return receivers(self.kind, self.problem, self.operand, loops)

    def _receivers_of_one(self) -> Number:
        """How many receivers one instance of the outer holder serves (the first, which has the most)."""
        shares = self.transfer.shares
        if not self.perfect:
            return imperfect.first_receivers(self._tabulated(shares))
        lines = self._product(i for i in self.structure.spatial if i < self.transfer.outer_loops)
        return self.kind.floor_div(self._receivers(shares), lines)

    def _elements(self, outer_loops: int) -> Number:
        """Output elements that the instances behind so many loops touch, summed over them."""
        return self.problem.words("outputs") * self._busy(outer_loops, "NGKPQ")

    def _busy(self, outer_loops: int, without: str) -> Number:
        perfect = self.perfect
        return busy(self.kind, self.problem, self.structure, self.nest, outer_loops, without, perfect=perfect)

    # -------------------------------------------------------------------------------------- boxes

    def _hull(self, shares: tuple[Share, ...]) -> dict[str, Number]:
        """The part of each dimension inside the box around PEs that shift to each other."""
        hull = dict(self.inner_tile)
        if not self.perfect:
            return self._short_hull(shares)
        for i, share in zip(self.transfer.spatial, shares, strict=True):
            if share is Share.SHIFT and not self.nest.idle[i]:
                d = self.structure.loops[i].dimension
                hull[d] = hull[d] + (self.nest.trips[i] - 1) * self.nest.steps[i]
        return hull

    def _short_hull(self, shares: tuple[Share, ...]) -> dict[str, Number]:
        """The same in the first step of an imperfect mapping, where the last PE of a line may have less."""
        begin = dict.fromkeys(self.problem.bounds, 0)
        left: dict[str, Number] = dict(self.problem.bounds)
        share_of = dict(zip(self.transfer.spatial, shares, strict=True))
        for i in range(self.transfer.inner_loops):
            d, step = self.structure.loops[i].dimension, self.nest.steps[i]
            if share_of.get(i) is Share.SHIFT:
                last = (self.kind.ceil_div(left[d], step) - 1) * step
                begin[d], left[d] = begin[d] + last, left[d] - last
            else:
                left[d] = self.kind.minimum(step, left[d])
        return {d: begin[d] + left[d] for d in left}

    def _sizes(self, tile: dict[str, Number], skip_gaps: bool) -> list[Number]:
        """The box of the operand along each of its axes."""
        sizes: list[Number] = []
        for axis in AXES[self.operand]:
            if len(axis) == 1:
                sizes.append(tile[axis])
                continue
            which = PAIRS.index((axis[0], axis[1]))
            stride, dilation = self.problem.stride[which], self.problem.dilation[which]
            pixels, kernel = tile[axis[0]], tile[axis[1]]
            if skip_gaps and (stride > 1 or dilation > 1):
                sizes.append(self.kind.look_up(used, pixels, kernel, stride, dilation))
            else:
                sizes.append((pixels - 1) * stride + (kernel - 1) * dilation + 1)
        return sizes

    def _slides(self, hull: dict[str, Number], sizes: list[Number], shares: tuple[Share, ...]) -> list[Slide]:
        """The axes along which tiles overlap: windows, and boxes around PEs that shift."""
        shifted = {
            self.structure.loops[i].dimension
            for i, share in zip(self.transfer.spatial, shares, strict=True)
            if share is Share.SHIFT and not self.nest.idle[i]
        }
        slides = []
        for at, axis in enumerate(AXES[self.operand]):
            kernel = self.problem.bounds[axis[1]] if len(axis) == 2 else 1
            if kernel > 1 or not shifted.isdisjoint(axis):
                slides.append(Slide(at, self._overlap(axis, hull, sizes[at]), len(axis) == 2 and kernel > 1))
        return slides

    def _overlap(self, axis: str, hull: dict[str, Number], size: Number) -> Callable[[Number], Number]:
        if len(axis) == 2 and self.transfer.skip_gaps:
            which = PAIRS.index((axis[0], axis[1]))
            stride, dilation = self.problem.stride[which], self.problem.dilation[which]
            if stride > 1 or dilation > 1:
                pixels, kernel = hull[axis[0]], hull[axis[1]]
                return lambda moved: self.kind.look_up(used_again, pixels, kernel, stride, dilation, moved)
        return lambda moved: self.kind.maximum(size - moved, 0)

    def _visits(self, outer_loops: int) -> Number:
        """How many tiles come one after the other behind so many loops."""
        return visits(self.kind, self._temporal_moves(outer_loops))

    def _temporal_moves(self, outer_loops: int) -> list[Move]:
        moves = []
        places = _PLACES[self.operand]
        stride_of, dilation_of = self.problem.stride, self.problem.dilation
        scales = {"P": stride_of[0], "Q": stride_of[1], "R": dilation_of[0], "S": dilation_of[1]}
        for i in self.structure.temporal:
            if i >= outer_loops:
                break
            if self.nest.idle[i]:
                continue
            d = self.structure.loops[i].dimension
            stride = self.nest.steps[i]
            if self.operand == "inputs" and d in scales:
                stride = stride * scales[d]
            moves.append(Move(places.get(d), self.nest.trips[i], stride, self.nest.before[i]))
        return moves

    def _moves(self) -> Number:
        """Whether the outer holder's tile ever moves."""
        moves: Number = False
        for i in self.structure.temporal:
            loop = self.structure.loops[i]
            if i < self.transfer.outer_loops and loop.dimension in RELEVANT[self.operand]:
                moves = moves | (self.nest.trips[i] > 1)
        return moves

    def _product(self, loops: Iterable[int]) -> Number:
        number: Number = 1
        for i in loops:
            if not self.nest.idle[i]:
                number = number * self.nest.trips[i]
        return number
