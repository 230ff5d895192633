"""A layer on a systolic array: which numbers enter where, fold by fold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dovetail.accel.mapping import Spatial
from dovetail.accel.simulator.operands import Addresses, Ints
from dovetail.accel.simulator.passes import Pass, Words
from dovetail.accel.simulator.plan import Bools, Fold, Inside, Plan
from dovetail.accel.simulator.refusal import CannotSimulate
from dovetail.accel.simulator.wavefront import Wave, load, meet, output_wave, stationary_wave, stream_through
from dovetail.dsl.problem import DIMENSIONS, REDUCED, RELEVANT

_BATCH_WORDS = 1 << 21
"""Words of the streams that are gathered at a time, at most."""
_BATCH_FOLDS = 32


@dataclass(frozen=True, slots=True)
class _Shape:
    """Everything about a fold that depends only on what is left to it."""

    wave: Wave
    stationary_words: int
    work: Ints


class SystolicArray:
    """`PeArray` with `forward` links. Raises CannotSimulate where operands cannot move as the mapping
    asks."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        plan.check_one_word()
        self.sums_stay = plan.stationary == "outputs"
        self.moving = {"weights": "inputs", "inputs": "weights", "outputs": "inputs"}[plan.stationary]
        self.transposed = self._transposed()
        timing = plan.array.timing
        sizes = {axis.name: axis.size for axis in plan.array.axes}
        self.overlap = timing.overlap
        self.load_cycles = 0 if self.sums_stay else sizes.get(timing.load or "", 0)
        self.drain_cycles = sizes.get(timing.drain or "", 0) if self.sums_stay else 0
        self._shapes: dict[object, _Shape] = {}
        self._passes: dict[object, Pass] = {}
        register = plan.register(plan.stationary)
        assert register is not None
        self.register = register

    # ------------------------------------------------------------------------------------- structure

    def _transposed(self) -> bool:
        """Whether the array lies on its side: what the text calls columns is the way of the sums."""
        plan = self.plan
        wrong = ""
        for transposed in (False, True):
            rows, columns = (plan.columns, plan.rows) if transposed else (plan.rows, plan.columns)
            down, across = plan.row_axis.name, plan.column_axis.name
            if transposed:
                down, across = across, down
            needs = [(self.moving, columns, across)]
            needs.append(("weights" if self.sums_stay else "outputs", rows, down))
            wrong = self._wrong(needs)
            if not wrong:
                return transposed
        raise CannotSimulate(wrong)

    def _wrong(self, needs: list[tuple[str, tuple[tuple[int, Spatial], ...], str]]) -> str:
        for operand, loops, axis in needs:
            moves = "sums" if operand == "outputs" else operand
            if axis not in self.plan.forwards(operand):
                return f"{self.plan.array.name} does not forward {moves} along {axis}"
            for _, loop in loops:
                if loop.dimension in RELEVANT[operand] and loop.trips > 1:
                    return f"{loop.dimension} along {axis} needs other {moves} in each PE, they are forwarded"
        return ""

    def _lines(self, inside: dict[str, Inside]) -> tuple[Bools, Bools, Bools]:
        """Where there is work: of each step, row, column (the dimensions of each are different ones)."""
        rows, columns = self.plan.shape
        found = []
        for axis, length in ((0, self.plan.steps), (1, rows), (2, columns)):
            line = np.ones(length, np.bool_)
            for d in DIMENSIONS:
                valid = inside[d].valid
                if valid.shape[axis] > 1:
                    line &= valid.reshape(-1)
            if axis and not (self.plan.rows if axis == 1 else self.plan.columns):
                line[1:] = False  # an axis without loops: its first line of PEs works
            found.append(line)
        steps, down, across = found
        return (steps, across, down) if self.transposed else (steps, down, across)

    # --------------------------------------------------------------------------------- control plane

    def run(self, fold: Fold, *, first: bool, last: bool) -> Pass:
        """See `PeArray`."""
        new = all(fold.begin(d) == 0 for d in REDUCED)
        key = fold.shape, first, last, new
        known = self._passes.get(key)
        if known is None:
            known = self._passes[key] = self._pass(fold, first=first, last=last, new=new)
        return known

    def _pass(self, fold: Fold, *, first: bool, last: bool, new: bool) -> Pass:
        """`new`: no partial sums have been made of these outputs before."""
        shape = self._shapes.get(fold.shape)
        if shape is None:
            shape = self._shapes[fold.shape] = self._shape(fold)
        tail = shape.wave.cycles - self.plan.steps
        return Pass(
            load=self.load_cycles if first else 0,
            steps=self.plan.steps,
            drain=tail + self.drain_cycles if last else 0,
            words=tuple(self._words(shape, first=first, last=last, new=new)),
            spans=shape.wave.spans,
            work=shape.work,
            macs=int(shape.work.sum()),
        )

    def _shape(self, fold: Fold) -> _Shape:
        steps, rows, columns = self._lines(self.plan.inside(fold))
        if not self.plan.has_work(fold):
            steps = np.zeros_like(steps)
        wave = output_wave(steps, rows, columns) if self.sums_stay else stationary_wave(steps, rows, columns)
        work = np.array(wave.work, np.int64).reshape(len(rows), len(columns))
        held = int(rows.sum()) * int(columns.sum()) if self.plan.has_work(fold) else 0
        return _Shape(wave, held, work.T if self.transposed else work)

    def _words(self, shape: _Shape, *, first: bool, last: bool, new: bool) -> Iterator[Words]:
        feeder, wave, register = self.plan.feeder, shape.wave, self.register
        held, busy = shape.stationary_words, wave.total("busy")
        drains = register.drain_reads
        if self.sums_stay:
            yield Words(feeder("inputs").name, "inputs", reads=wave.total("left"))
            yield Words(feeder("weights").name, "weights", reads=wave.total("top"))
            fetched = held if first and not new else 0
            begun = held if first and new else 0
            sent = held if last else 0
            yield Words(register.name, "outputs", busy - begun + (sent if drains else 0), fetched, busy)
            yield Words(feeder("outputs").name, "outputs", reads=fetched, updates=sent)
            return
        if first:
            yield Words(feeder(self.plan.stationary).name, self.plan.stationary, reads=held)
        yield Words(register.name, self.plan.stationary, reads=busy, fills=held if first else 0)
        yield Words(feeder(self.moving).name, self.moving, reads=wave.total("left"))
        out = wave.total("out")
        yield Words(feeder("outputs").name, "outputs", reads=0 if new else out, updates=out)

    # ------------------------------------------------------------------------------------ data plane

    def compute(self, weights: Ints, inputs: Ints, outputs: Ints) -> None:
        """See `PeArray`."""
        numbers = {"weights": weights.reshape(-1), "inputs": inputs.reshape(-1)}
        addresses = Addresses(self.plan.layer, self.plan.mapping.flat)
        for folds in self._batches():
            if self.plan.has_work(folds[0]):
                self._compute(folds, addresses, numbers, outputs)

    def _batches(self) -> Iterator[list[Fold]]:
        """Folds of one shape that write different outputs, or that only add to them on their way out."""
        steps, (rows, columns) = self.plan.steps, self.plan.shape
        most = max(1, min(_BATCH_FOLDS, _BATCH_WORDS // ((steps + rows + columns) * (rows + columns))))
        batch: list[Fold] = []
        for fold in self.plan.walk():
            if batch and (len(batch) == most or not self._together(batch[0], fold)):
                yield batch
                batch = []
            batch.append(fold)
        yield batch

    def _together(self, one: Fold, other: Fold) -> bool:
        if one.shape != other.shape:
            return False
        return not self.sums_stay or all(one.begin(d) == other.begin(d) for d in REDUCED)

    def _addresses(self, operand: str, folds: list[Fold], addresses: Addresses) -> Ints:
        """Addresses `[folds, steps, R, C]` of an operand, 1 where it does not change; any where there is no
        work."""
        inside = self.plan.inside(folds[0])
        address = np.zeros((1, 1, 1, 1), np.int64)
        for at, d in enumerate(DIMENSIONS):
            if d in RELEVANT[operand]:
                begins = np.array([fold.begins[at] for fold in folds], np.int64).reshape(-1, 1, 1, 1)
                index = begins + inside[d].index
                address = address + addresses.of[operand][d][np.where(inside[d].valid, index, 0)]
        return np.swapaxes(address, 2, 3) if self.transposed else address

    def _compute(
        self, folds: list[Fold], addresses: Addresses, numbers: dict[str, Ints], outputs: Ints
    ) -> None:
        entering, down, across = self._lines(self.plan.inside(folds[0]))
        steps, rows, columns = len(entering), len(down), len(across)
        at = self._addresses("outputs", folds, addresses)

        def words(operand: str, shape: tuple[int, int, int], real: Bools) -> Ints:
            address = self._addresses(operand, folds, addresses)
            values = np.where(real, numbers[operand][address], 0)
            return np.ascontiguousarray(np.broadcast_to(values, (len(folds), *shape)))

        in_rows, in_columns = down[:, None], across[None, :]
        if self.sums_stay:
            left = words("inputs", (steps, rows, 1), entering[:, None, None] & in_rows)[..., 0]
            top = words("weights", (steps, 1, columns), entering[:, None, None] & in_columns)[:, :, 0]
            place = np.broadcast_to(at[:, 0], (len(folds), rows, columns))
            real = in_rows & in_columns
            sums, _ = meet(left, top, np.where(real, outputs[place], 0))
            for one, where in zip(sums, place, strict=True):
                outputs[where[real]] = one[real]
            return
        held, _ = load(words(self.plan.stationary, (1, rows, columns), in_rows & in_columns)[:, 0])
        stream = words(self.moving, (steps, rows, 1), entering[:, None, None] & in_rows)[..., 0]
        sums, _ = stream_through(held, stream)
        place = np.broadcast_to(at[:, :, 0], (len(folds), steps, columns))
        real = entering[:, None] & in_columns
        for one, where in zip(sums, place, strict=True):
            outputs[where[real]] += one[real]
