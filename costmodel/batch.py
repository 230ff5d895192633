"""Many mappings of one structure at once: the formulas of `analytic.py` on columns of bounds.

Mappings are taken in chunks that stay in a core's cache. Perfect ones go through the columns; the others are
walked one by one. Columns are float64, exact below 2**53: a layer that could exceed that is evaluated in
Python ints instead, and refused where a result does not fit int64. Nothing ever wraps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dovetail.accel.architecture import Architecture, Buffering
from dovetail.accel.mapping import flatten
from dovetail.costmodel.analytic import Nest, tally
from dovetail.costmodel.columns import INTS, Kind, Number
from dovetail.costmodel.energy import EnergyTable, total_pj
from dovetail.costmodel.latency import latency, mac_rate
from dovetail.costmodel.nest import Structure
from dovetail.costmodel.tally import Tallied
from dovetail.dsl.problem import OPERANDS, Problem

CHUNK = 8192
"""Mappings at once: a column is 64 KiB."""
EXACT = 2.0**52
"""Whole numbers up to here are exact in float64, and so is a quotient of two rounded up."""


class Floats:
    """float64 columns of one chunk, mixed with Python ints where a number is the same in all mappings."""

    def __init__(self, mappings: int) -> None:
        self.mappings = mappings
        self.largest = 0.0
        """Of the numbers watched."""
        self.known: dict[object, tuple[list[Number], NDArray[np.intp], NDArray[np.intp]]] = {}

    def where(self, condition: Number, yes: Number, no: Number) -> Number:
        """`yes` where the condition holds, else `no`."""
        if isinstance(condition, bool):
            return yes if condition else no
        return np.where(condition, yes, no)

    def maximum(self, a: Number, b: Number) -> Number:
        """The larger of two."""
        return max(a, b) if isinstance(a, int) and isinstance(b, int) else np.maximum(a, b)

    def minimum(self, a: Number, b: Number) -> Number:
        """The smaller of two."""
        return min(a, b) if isinstance(a, int) and isinstance(b, int) else np.minimum(a, b)

    def ceil_div(self, a: Number, b: Number) -> Number:
        """`a / b`, rounded up."""
        if isinstance(b, int):
            if b == 1:
                return a
            if isinstance(a, int):
                return -(-a // b)
        return np.ceil(a / b)

    def floor_div(self, a: Number, b: Number) -> Number:
        """`a / b`, rounded down."""
        if isinstance(b, int):
            if b == 1:
                return a
            if isinstance(a, int):
                return a // b
        return np.floor(a / b)

    def gcd(self, a: Number, b: Number) -> Number:
        """The greatest common divisor."""
        return np.gcd(np.asarray(a, np.int64), np.asarray(b, np.int64)).astype(np.float64)

    def negate(self, condition: Number) -> Number:
        """Whether the condition does not hold."""
        return not condition if isinstance(condition, bool) else np.logical_not(condition)

    def all_one(self, a: Number) -> bool:
        """Whether the number is 1 everywhere."""
        return bool(a == 1) if isinstance(a, int) else False

    def look_up(self, function: Callable[..., int], *arguments: Number) -> Number:
        """A function of few distinct arguments, called once for each."""
        (value,) = self.tabulate(lambda numbers: (function(*numbers),), arguments)
        return value

    def tabulate(
        self, function: Callable[[tuple[int, ...]], tuple[int, ...]], arguments: Sequence[Number]
    ) -> Sequence[Number]:
        """The same for a function with several results."""
        varying = [a for a in arguments if not isinstance(a, int)]
        if not varying:
            return function(tuple(arguments))
        first, inverse = self._distinct(varying)
        rows = []
        for at in first:
            rows.append(function(tuple(a if isinstance(a, int) else int(a[at]) for a in arguments)))
        table = np.array(rows, np.float64).T
        return [int(values[0]) if (values == values[0]).all() else values[inverse] for values in table]

    def _distinct(self, columns: list[Number]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Where each different row of the columns stands first, and which of them each row is."""
        name = tuple(map(id, columns))
        if name not in self.known:
            code = np.zeros(len(columns[0]))
            size = 1.0
            for column in columns:
                span = float(column.max()) + 1
                code = code * span + column
                size *= span
            if size < EXACT:
                _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
            else:
                rows = np.stack(columns, axis=-1)
                _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
            self.known[name] = columns, first, inverse.reshape(-1)
        _, first, inverse = self.known[name]
        return first, inverse

    def replace(self, where: Number, number: Number, value: Callable[[int], int]) -> Number:
        """`number`, but `value(mapping)` where the condition holds."""
        where = np.broadcast_to(where, self.mappings)
        if not where.any():
            return number
        number = np.broadcast_to(np.asarray(number, np.float64), self.mappings).copy()
        for mapping in np.flatnonzero(where):
            number[mapping] = value(int(mapping))
        return number

    def watch(self, number: Number) -> Number:
        """The number, noted if it is the largest so far."""
        self.largest = max(self.largest, float(np.max(number)))
        return number

    def pick(self, numbers: Sequence[Number], mapping: int) -> Sequence[int]:
        """The numbers of one mapping."""
        return [n if isinstance(n, int) else int(n[mapping]) for n in numbers]


@dataclass(frozen=True, slots=True)
class BatchCost:
    """Costs of mappings, `[mappings]` or `[mappings, memories, operands]`; operands in the order of
    `OPERANDS`."""

    memories: tuple[str, ...]
    reads: NDArray[np.int64]
    fills: NDArray[np.int64]
    updates: NDArray[np.int64]
    """Words over all instances, `int64[mappings, memories, operands]`; 0 where a memory does not hold one."""
    cycles: NDArray[np.int64]
    utilization: NDArray[np.float64]
    tile_bits: NDArray[np.int64]
    """What an instance of each memory has to hold, doubled where it is filled meanwhile: `[mappings,
    memories]`."""
    fits: NDArray[np.bool_]
    """Whether all tiles fit and every axis has PEs enough."""
    energy_pj: NDArray[np.float64]

    @property
    def edp(self) -> NDArray[np.float64]:
        """Energy times cycles."""
        return self.energy_pj * self.cycles


def evaluate_batch(
    problem: Problem,
    structure: Structure,
    bounds: NDArray[np.int64],
    prices: EnergyTable,
    dataflow: str | None = None,
) -> BatchCost:
    """Costs of the mappings that `structure` makes with each row of `bounds: int64[mappings, loops]`.

    Loops must chain: the bound of a dimension's outermost loop is the layer's, each further bound is at most
    the one before. ValueError where they do not; OverflowError where a count does not fit int64.
    """
    _check(problem, structure, bounds)
    parts = [part for _, part in evaluate_chunks(problem, structure, bounds, prices, dataflow)]
    if not parts:
        parts = [_empty(structure, 0)]

    def join(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    names = ("reads", "fills", "updates", "cycles", "utilization", "tile_bits", "fits", "energy_pj")
    return BatchCost(structure.memories, **{name: join(name) for name in names})


def evaluate_chunks(
    problem: Problem,
    structure: Structure,
    bounds: NDArray[np.int64],
    prices: EnergyTable,
    dataflow: str | None = None,
) -> Iterator[tuple[slice, BatchCost]]:
    """The same, chunk by chunk, so that the memory needed does not grow with the mappings."""
    problem = flatten(problem, structure.flat)
    exact = _largest(problem, structure) < EXACT
    for first in range(0, len(bounds), CHUNK):
        rows = slice(first, min(first + CHUNK, len(bounds)))
        yield rows, _chunk(problem, structure, bounds[rows], prices, dataflow, exact)


def _check(problem: Problem, structure: Structure, bounds: NDArray[np.int64]) -> None:
    if bounds.ndim != 2 or bounds.shape[1] != len(structure.loops):
        raise ValueError(f"bounds are [mappings, {len(structure.loops)} loops], not {bounds.shape}")
    whole = flatten(problem, structure.flat).bounds
    seen: dict[str, int] = {}
    for at, loop in enumerate(structure.loops):
        outer = bounds[:, seen[loop.dimension]] if loop.dimension in seen else whole[loop.dimension]
        chained = bounds[:, at] <= outer if loop.dimension in seen else bounds[:, at] == outer
        if not (chained & (bounds[:, at] >= 1)).all():
            raise ValueError(
                f"loop {at} over {loop.dimension} does not walk what the loops outside leave to it"
            )
        seen[loop.dimension] = at
    for dimension, bound in whole.items():
        if bound > 1 and dimension not in seen:
            raise ValueError(f"no loop walks {dimension}")


def _largest(problem: Problem, structure: Structure) -> float:
    """An upper bound, in float64, of every whole number that a formula can meet."""
    architecture = structure.architecture
    return most_counted(problem, largest_rate(architecture), architecture.pes * architecture.mac.lanes)


def most_counted(problem: Problem, rate: int, pes: int) -> float:
    """The same, of a layer on so many PEs with rates of such numbers."""
    gaps = prod(float(s + d) for s, d in zip(problem.stride, problem.dilation, strict=True))
    width = max(problem.bits.weights, problem.bits.inputs, problem.bits.outputs, problem.bits.sums)
    return float(problem.macs) * gaps * width * rate * 2 + float(pes) * rate


def largest_rate(architecture: Architecture) -> int:
    """The largest number in the fractions that its rates are."""
    rates = [r for m in architecture.memories for r in (m.read_bits_per_cycle, m.write_bits_per_cycle) if r]
    rates += [
        link.bits_per_cycle for array in architecture.spatial for link in array.links if link.bits_per_cycle
    ]
    return max((max(rate.numerator, rate.denominator) for rate in rates), default=1)


def _chunk(
    problem: Problem,
    structure: Structure,
    bounds: NDArray[np.int64],
    prices: EnergyTable,
    dataflow: str | None,
    exact: bool,
) -> BatchCost:
    result = _empty(structure, len(bounds))
    steps = np.ones_like(bounds)
    for at, inner in enumerate(structure.next_inner):
        if inner is not None:
            steps[:, at] = bounds[:, inner]
    perfect = (bounds % steps == 0).all(axis=1)
    if not exact:
        for at, numbers in enumerate(bounds.tolist()):
            _fill(result, at, problem, structure, INTS, numbers, prices, dataflow, bool(perfect[at]))
        return result
    for rows, divides in ((perfect, True), (~perfect, False)):
        if rows.all():
            rows = slice(None)
        elif not rows.any():
            continue
        some = bounds[rows]
        columns = Floats(len(some))
        _fill(result, rows, problem, structure, columns, _columns(some), prices, dataflow, divides)
        if columns.largest >= EXACT:
            return _chunk(problem, structure, bounds, prices, dataflow, exact=False)
    return result


def _columns(bounds: NDArray[np.int64]) -> list[Number]:
    """A column a loop, contiguous; a plain int where all mappings agree."""
    columns: list[Number] = []
    for column in np.ascontiguousarray(bounds.T):
        same = int(column[0])
        columns.append(same if (column == same).all() else column.astype(np.float64))
    return columns


def _empty(structure: Structure, mappings: int) -> BatchCost:
    memories = len(structure.memories)

    def counts() -> NDArray[np.int64]:
        return np.zeros((memories, len(OPERANDS), mappings), np.int64).transpose(2, 0, 1)

    return BatchCost(
        structure.memories,
        counts(),
        counts(),
        counts(),
        np.zeros(mappings, np.int64),
        np.zeros(mappings),
        np.zeros((memories, mappings), np.int64).T,
        np.zeros(mappings, np.bool_),
        np.zeros(mappings),
    )


def _fill(
    result: BatchCost,
    rows: Any,
    problem: Problem,
    structure: Structure,
    kind: Kind,
    bounds: list[Number],
    prices: EnergyTable,
    dataflow: str | None,
    perfect: bool,
) -> None:
    """Evaluate mappings and write their costs into `rows` of `result`."""
    architecture = structure.architecture
    nest = Nest.of(kind, structure, bounds)
    tallied = tally(kind, problem, structure, nest, perfect=perfect)
    cycles, _, _, _ = latency(
        kind, problem, architecture, tallied.steps, tallied.pes, tallied.tallies, tallied.hops, dataflow
    )
    held: dict[str, Number] = {}
    for t in tallied.tallies:
        at = structure.memories.index(t.memory), OPERANDS.index(t.operand)
        result.reads[rows, *at] = _whole(t.reads)
        result.fills[rows, *at] = _whole(t.fills)
        if t.operand == "outputs":
            result.updates[rows, *at] = _whole(t.updates)
        doubled = architecture.memory(t.memory).buffering is Buffering.DOUBLE
        bits = t.tile_words * t.bits * (1 + t.moves if doubled else 1)
        held[t.memory] = held.get(t.memory, 0) + bits
    result.cycles[rows] = _whole(cycles)
    result.energy_pj[rows] = total_pj(kind, tallied, prices, _skipped(problem, structure, dataflow))
    peak = architecture.pes * architecture.mac.lanes * float(mac_rate(problem, architecture.mac))
    result.utilization[rows] = problem.macs / (peak * cycles)
    fits: Number = _axes_fit(kind, structure, nest, tallied)
    for level, memory in enumerate(architecture.memories):
        bits = held.get(memory.name, 0)
        result.tile_bits[rows, level] = _whole(bits)
        if memory.size_bits is not None:
            fits = fits & (bits <= memory.size_bits)
    result.fits[rows] = fits


def _axes_fit(kind: Kind, structure: Structure, nest: Nest, tallied: Tallied) -> Number:
    """Whether every axis has as many PEs as its loops use."""
    fits: Number = True
    for array in structure.architecture.spatial:
        for axis in array.axes:
            used: Number = 1
            for i in structure.spatial:
                loop = structure.loops[i]
                if (loop.array, loop.axis) == (array.name, axis.name):
                    used = used * nest.trips[i]
            fits = fits & (used <= axis.size)
    return fits


def _skipped(problem: Problem, structure: Structure, dataflow: str | None) -> float:
    skips = dataflow in structure.architecture.mac.skip_zero_weights_in
    return problem.weight_zeros if skips else 0.0


def _whole(number: Number) -> Number:
    """A result for an int64 array; OverflowError where it does not fit."""
    if isinstance(number, int) and number >= 2**63:
        raise OverflowError(f"a count of {number} words does not fit 64 bits")
    return number
