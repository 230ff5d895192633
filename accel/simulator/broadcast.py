"""An array whose PEs work in step: operands are broadcast or shifted between neighbours, sums are added up.

The Squeezelerator's two dataflows are mappings of it:

    output stationary   rows = P, columns = Q: a block of inputs lies over the PEs and is shifted between
    them,
                        one weight a cycle is broadcast to all; a zero weight costs no cycle
    weight stationary   rows = C, columns = K: each PE keeps a weight, an input is broadcast along its row,
    the
                        products of a column are added up and go to the memory outside

A step is a cycle. Zero weights that are skipped save cycles and multiplications; the words that pass the edge
of the array are counted as if they were not zero, as in the cost model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dovetail.accel.simulator.buffers import Box, Tile, box_of
from dovetail.accel.simulator.operands import Addresses, Ints
from dovetail.accel.simulator.passes import Pass, Words
from dovetail.accel.simulator.plan import Bools, Fold, Inside, Plan
from dovetail.accel.simulator.refusal import CannotSimulate
from dovetail.accel.simulator.sharing import receivers, shifts
from dovetail.accel.simulator.shifting import ShiftedBlock
from dovetail.accel.simulator.wavefront import Span
from dovetail.dsl.problem import DIMENSIONS, OPERANDS, REDUCED, RELEVANT

_ABREAST = 32
_Scalar = TypeVar("_Scalar", np.int64, np.bool_)
_CHUNK = 1 << 20
"""Products that are made at a time."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """Everything about a fold that depends only on what is left to it."""

    active: Ints
    """`[steps]`: PEs with work."""
    work: Ints
    """`[R, C]`: steps in which each PE has work."""
    streamed: dict[str, int]
    """Words that an operand which is not kept takes in all steps, by operand."""
    first_steps: int
    """Of the outputs, words that arrive in steps in which no sum has been made of them before."""
    tile: Ints
    """`[R, C]`: words of the stationary operand in each PE."""
    ever: Bools
    """`[R, C]`: PEs that ever have work."""
    group: Ints
    """`[R, C]`: PEs with equal numbers get the stationary operand, or send it, as one."""
    boxes: tuple[Box, ...]
    """Of each step, the box of inputs under the PEs, from the begin of the fold (where inputs shift)."""


class BroadcastArray:
    """`PeArray` with `multicast`, `shift` and `reduce` links. `weights` are those of the layer, for their
    zeros."""

    def __init__(self, plan: Plan, weights: Ints | None) -> None:
        self.plan = plan
        self.sums_stay = plan.stationary == "outputs"
        if plan.stationary == "inputs":
            raise CannotSimulate(
                f"{plan.array.name} broadcasts: inputs that stay in its PEs are not simulated"
            )
        if plan.architecture.latches("weights", plan.feeder("weights").name) and self.sums_stay:
            raise CannotSimulate("weights that the MACs latch are not simulated")
        timing = plan.array.timing
        sizes = {axis.name: axis.size for axis in plan.array.axes}
        self.overlap = timing.overlap
        self.load_cycles = 0 if self.sums_stay else sizes.get(timing.load or "", 0)
        self.drain_cycles = sizes.get(timing.drain or "", 0) if self.sums_stay else 0
        register = plan.register(plan.stationary)
        assert register is not None
        self.register = register
        self.shifted = plan.architecture.latches("inputs", plan.feeder("inputs").name)
        if self.shifted and not shifts(plan, "inputs") and self._spread():
            raise CannotSimulate("inputs are shifted along one axis only, or latched: not simulated")
        self.tile = Tile()
        self.addresses = Addresses(plan.layer, plan.mapping.flat)
        self.zeros = self._zero_weights(weights)
        self._shapes: dict[object, _Shape] = {}
        self._slides: dict[object, tuple[int, Box | None, tuple[int, ...] | None]] = {}
        self._nonzero: dict[object, Bools] = {}
        self._arrivals: dict[object, tuple[int, int]] = {}
        self._held = np.full(plan.shape, -1, np.int64)  # the tile that each PE has, by number

    def _spread(self) -> bool:
        return any(loop.trips > 1 for _, loop in (*self.plan.rows, *self.plan.columns))

    def _zero_weights(self, weights: Ints | None) -> Bools | None:
        """Which weights are zero, where the MACs skip them and a step has one weight for all PEs."""
        plan = self.plan
        if weights is None or plan.dataflow not in plan.architecture.mac.skip_zero_weights_in:
            return None
        for _, loop in (*plan.rows, *plan.columns):
            if loop.trips > 1 and loop.dimension in RELEVANT["weights"]:
                return None
        zeros: Bools = weights.reshape(-1) == 0
        return zeros

    # --------------------------------------------------------------------------------- control plane

    def run(self, fold: Fold, *, first: bool, last: bool) -> Pass:
        """See `PeArray`."""
        shape = self._shape(fold)
        new = all(fold.begin(d) == 0 for d in REDUCED)
        active, work, skipped = shape.active, shape.work, 0
        needed = self._needed(fold)
        if needed is not None:
            active, skipped = shape.active[needed], int(needed.size - needed.sum())
            work = self._work(fold, needed)
        steps = self.plan.steps - skipped
        return Pass(
            load=self.load_cycles if first else 0,
            steps=steps,
            drain=self.drain_cycles if last else 0,
            words=tuple(self._words(fold, shape, new=new)),
            spans=tuple(_runs(active)),
            work=work,
            macs=int(active.sum()),
            skipped=skipped,
        )

    def _needed(self, fold: Fold) -> Bools | None:
        """The steps whose weight is not zero; None where all are taken."""
        if self.zeros is None:
            return None
        key = fold.shape, tuple(fold.begin(d) for d in "GKCRS")
        known = self._nonzero.get(key)
        if known is None:
            at = self._addresses("weights", [fold])
            known = ~self.zeros[np.broadcast_to(at[0, :, 0, 0], (self.plan.steps,))]
            self._nonzero = {key: known}  # the last one only: memory stays flat
        return known

    def _work(self, fold: Fold, needed: Bools) -> Ints:
        active = self._active(self.plan.inside(fold))
        if active.shape[0] == 1:
            return np.broadcast_to(active[0], self.plan.shape) * int(needed.sum())
        work: Ints = np.broadcast_to(active[needed].sum(axis=0), self.plan.shape)
        return work

    def _active(self, inside: dict[str, Inside]) -> Bools:
        """`[steps or 1, R, C]`: which PEs have work."""
        rows, columns = self.plan.shape
        active = np.ones((1, rows, columns), np.bool_)
        if not self.plan.rows:
            active[:, 1:] = False
        if not self.plan.columns:
            active[:, :, 1:] = False
        for d in DIMENSIONS:
            active = active & inside[d].valid
        return active

    def _shape(self, fold: Fold) -> _Shape:
        known = self._shapes.get(fold.shape)
        if known is None:
            known = self._shapes[fold.shape] = self._make_shape(fold)
        return known

    def _make_shape(self, fold: Fold) -> _Shape:
        plan, inside = self.plan, self.plan.inside(fold)
        active = self._active(inside)
        patterns, which = np.unique(active.reshape(len(active), -1), axis=0, return_inverse=True)
        patterns = patterns.reshape(-1, *plan.shape)
        which = np.broadcast_to(which.reshape(-1), (plan.steps,))
        often = np.bincount(which, minlength=len(patterns))
        groups = {operand: receivers(plan, operand, inside) for operand in OPERANDS}
        streamed, first_words = {}, 0
        for operand in OPERANDS:
            served = [groups[operand].count(pattern) for pattern in patterns]
            streamed[operand] = int(np.dot(served, often))
            if operand == "outputs":
                begin = self._begins_sums(inside)
                first_words = int(np.dot(served, np.bincount(which[begin], minlength=len(patterns))))
        return _Shape(
            active=patterns.sum(axis=(1, 2))[which],
            work=np.tensordot(often, patterns.astype(np.int64), axes=1),
            streamed=streamed,
            first_steps=first_words,
            tile=self._tile_words(inside),
            ever=np.logical_or.reduce(patterns, axis=0),
            group=groups[plan.stationary].group,
            boxes=tuple(self._boxes(inside, active)) if self.shifted else (),
        )

    def _begins_sums(self, inside: dict[str, Inside]) -> Bools:
        """`[steps]`: no step of the fold before it has added to the same outputs."""
        begins = np.ones((1, 1, 1), np.bool_)
        for d in REDUCED:
            begins = begins & (inside[d].index[:, :1, :1] == 0)
        return np.broadcast_to(begins.reshape(-1), (self.plan.steps,))

    def _tile_words(self, inside: dict[str, Inside]) -> Ints:
        """`[R, C]`: words of the stationary operand in each PE: the indices that it meets, by dimension."""
        rows, columns = self.plan.shape
        words = np.ones((rows, columns), np.int64)
        for d in RELEVANT[self.plan.stationary]:
            index, valid = np.broadcast_arrays(inside[d].index, inside[d].valid)
            if index.shape[0] == 1:
                words = words * valid[0]
                continue
            met = [
                [len(np.unique(index[:, r, c][valid[:, r, c]])) for c in range(index.shape[2])]
                for r in range(index.shape[1])
            ]
            words = words * np.array(met, np.int64)
        return words

    def _boxes(self, inside: dict[str, Inside], active: Bools) -> Iterator[Box]:
        """Of each step, the box around the inputs of all PEs with work (none: an empty box)."""
        hull: dict[str, tuple[Ints, Ints]] = {}
        far = np.int64(1 << 40)
        for d in RELEVANT["inputs"]:
            index, _ = np.broadcast_arrays(inside[d].index, active)
            begin = np.where(active, index, far).min(axis=(1, 2))
            end = np.where(active, index, -far).max(axis=(1, 2)) + 1
            hull[d] = begin, end
        for step in range(self.plan.steps):
            begins, left = [], []
            for d in DIMENSIONS:
                if d not in hull:
                    begins.append(0)
                    left.append(1)
                    continue
                begin, end = (line[step if len(line) > 1 else 0] for line in hull[d])
                begins.append(int(begin))
                left.append(int(end - begin))
            yield box_of(self.plan.problem, "inputs", tuple(begins), tuple(left)) or ()

    def _slide(self, fold: Fold, shape: _Shape) -> int:
        """Words that are read as the block of inputs moves through the steps of a fold."""
        origin = box_of(self.plan.problem, "inputs", fold.begins, (1,) * len(DIMENSIONS))
        assert origin is not None
        start = tuple(begin for begin, _ in origin)
        key = fold.shape, _moved(self.tile.box, start, -1), self.tile.vector
        known = self._slides.get(key)
        if known is None:
            tile, words = Tile(key[1], key[2]), 0
            for box in shape.boxes:
                if box:
                    words += tile.move_to(box)
            known = self._slides[key] = words, tile.box, tile.vector
        words, box_then, vector = known
        self.tile = Tile(_moved(box_then, start, 1), vector)
        return words

    def _words(self, fold: Fold, shape: _Shape, *, new: bool) -> Iterator[Words]:
        feeder, register = self.plan.feeder, self.register
        words, served = self._arriving(fold, shape)
        work = int(shape.work.sum())
        inputs = self._slide(fold, shape) if self.shifted else shape.streamed["inputs"]
        yield Words(feeder("inputs").name, "inputs", reads=inputs)
        if self.sums_stay:
            yield Words(feeder("weights").name, "weights", reads=shape.streamed["weights"])
            old = 0 if new else 1
            sent = words if register.drain_reads else 0
            yield Words(register.name, "outputs", work - words * (1 - old) + sent, words * old, work)
            # what has come goes once: as one word where sums are added on their way
            yield Words(feeder("outputs").name, "outputs", served * old, 0, served)
            return
        yield Words(feeder("weights").name, "weights", reads=served)
        yield Words(register.name, "weights", work, words)
        arriving = shape.streamed["outputs"]
        begun = shape.first_steps if new else 0
        yield Words(feeder("outputs").name, "outputs", arriving - begun, 0, arriving)

    def _arriving(self, fold: Fold, shape: _Shape) -> tuple[int, int]:
        """Words of the stationary operand that come into PEs with a fold, and how many serve them.

        A PE that has had nothing to do since keeps the words that it has.
        """
        number = 0
        for d in RELEVANT[self.plan.stationary]:
            number = number * self.plan.problem.bounds[d] + fold.begin(d)
        here = shape.ever & (self._held != number)
        self._held[here] = number
        key = fold.shape, here.tobytes()
        known = self._arrivals.get(key)
        if known is None:
            known = int(shape.tile[here].sum()), _once(shape.group, shape.tile, here)
            self._arrivals[key] = known
        return known

    # ------------------------------------------------------------------------------------ data plane

    def _addresses(self, operand: str, folds: list[Fold]) -> Ints:
        """`[folds, steps, R, C]`, 1 where they do not change; any address where there is no work."""
        inside = self.plan.inside(folds[0])
        address = np.zeros((1, 1, 1, 1), np.int64)
        for at, d in enumerate(DIMENSIONS):
            if d in RELEVANT[operand]:
                begins = np.array([fold.begins[at] for fold in folds], np.int64).reshape(-1, 1, 1, 1)
                index = begins + inside[d].index
                address = address + self.addresses.of[operand][d][np.where(inside[d].valid, index, 0)]
        return address

    def compute(self, weights: Ints, inputs: Ints, outputs: Ints) -> None:
        """See `PeArray`."""
        numbers = {"weights": weights.reshape(-1), "inputs": inputs.reshape(-1)}
        if self._shifts_pixels():
            self._compute_shifting(weights, inputs, outputs)
        else:
            self._compute_steps(numbers, outputs)

    def _shifts_pixels(self) -> bool:
        """Whether PEs are pixels of one output map, each with one sum, under a block of inputs that
        shifts."""
        plan = self.plan
        rows, columns = ({loop.dimension for _, loop in loops} for loops in (plan.rows, plan.columns))
        one_sum = all(loop.dimension in REDUCED or loop.trips == 1 for _, loop in plan.stream)
        alone = len(plan.rows) == len(plan.columns) == 1
        return self.shifted and self.sums_stay and one_sum and alone and (rows, columns) == ({"P"}, {"Q"})

    def _compute_shifting(self, weights: Ints, inputs: Ints, outputs: Ints) -> None:
        """Output stationary, step by step; folds that differ in `K` alone see the same inputs and run
        abreast."""
        block = ShiftedBlock(inputs)
        flat = weights.reshape(-1)
        for folds in self._abreast():
            ever = self._shape(folds[0]).ever
            height, width = int(ever.any(axis=1).sum()), int(ever.any(axis=0).sum())
            origin = box_of(self.plan.problem, "inputs", folds[0].begins, (1,) * len(DIMENSIONS))
            assert origin is not None
            start = tuple(begin for begin, _ in origin)
            broadcast = flat[self._addresses("weights", folds)[:, :, 0, 0]]
            place = self._addresses("outputs", folds)[:, 0, :height, :width]
            sums = outputs[place]
            product = np.empty_like(sums)
            down, across = (
                stride * loops[0][1].step
                for stride, loops in zip(
                    self.plan.problem.stride, (self.plan.rows, self.plan.columns), strict=True
                )
            )
            for step, box in enumerate(self._shape(folds[0]).boxes):
                if not box:
                    continue
                words = block.move_to(_moved(box, start, 1) or ())
                column = broadcast[:, step if broadcast.shape[1] > 1 else 0]
                if column.any():
                    under = words[0, 0, 0, ::down, ::across]
                    np.multiply(column[:, None, None], under, out=product)
                    sums += product
            outputs[place] = sums

    def _abreast(self) -> Iterator[list[Fold]]:
        batch: list[Fold] = []
        for fold in self.plan.walk():
            if not self.plan.has_work(fold):
                continue
            alike = batch and fold.shape == batch[0].shape
            alike = alike and all(fold.begin(d) == batch[0].begin(d) for d in DIMENSIONS if d != "K")
            if batch and (not alike or len(batch) == _ABREAST):
                yield batch
                batch = []
            batch.append(fold)
        if batch:
            yield batch

    def _compute_steps(self, numbers: dict[str, Ints], outputs: Ints) -> None:
        """Every step by its addresses, many steps at a time."""
        steps = max(1, _CHUNK // prod(self.plan.shape))
        for fold in self.plan.walk():
            if not self.plan.has_work(fold):
                continue
            active = self._active(self.plan.inside(fold))
            place = self._addresses("outputs", [fold])[0]
            at = {operand: self._addresses(operand, [fold])[0] for operand in numbers}
            for begin in range(0, self.plan.steps, steps):
                part = slice(begin, begin + steps)
                length = min(begin + steps, self.plan.steps) - begin
                held = {o: numbers[o][_steps(address, part)] for o, address in at.items()}
                products = np.where(_steps(active, part), held["weights"] * held["inputs"], 0)
                products = np.broadcast_to(products, (length, *self.plan.shape))
                self._add(products, _steps(place, part), _steps(active, part), outputs)

    def _add(self, products: Ints, place: Ints, active: Bools, outputs: Ints) -> None:
        """Add up what goes to the same output: over the PEs of a line, over the steps that it stays."""
        alike = tuple(axis for axis in range(3) if place.shape[axis] == 1)
        sums = products.sum(axis=alike, keepdims=True)
        real = np.broadcast_to(active, products.shape).any(axis=alike, keepdims=True)
        np.add.at(outputs, np.broadcast_to(place, sums.shape)[real], sums[real])


def _steps(array: NDArray[_Scalar], part: slice) -> NDArray[_Scalar]:
    return array if array.shape[0] == 1 else array[part]


def _once(group: Ints, tile: Ints, ever: Bools) -> int:
    """Words of the tiles of PEs that have work, those of one receiver once."""
    largest: dict[int, int] = {}
    for number, words in zip(group[ever].tolist(), tile[ever].tolist(), strict=True):
        largest[number] = max(words, largest.get(number, 0))
    return sum(largest.values())


def _moved(box: Box | None, start: tuple[int, ...], sign: int) -> Box | None:
    if box is None:
        return None
    return tuple((begin + sign * by, size) for (begin, size), by in zip(box, start, strict=True))


def _runs(active: Ints) -> Iterator[Span]:
    if not active.size:
        return
    edges = np.flatnonzero(np.diff(active)) + 1
    starts = [0, *edges.tolist()]
    for start, end in zip(starts, [*edges.tolist(), int(active.size)], strict=True):
        yield Span(end - start, int(active[start]))
