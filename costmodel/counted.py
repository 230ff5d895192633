"""Counts kept for later: a row for each mapping of a layer that was counted, to be priced on any accelerator.

Counts do not depend on rates, prices, or how much more would fit, so mappings that recur in a sweep are
counted once. Whole numbers in float64 columns, exact below 2**53 as in `batch.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from dovetail.accel.architecture import Architecture
from dovetail.accel.mapping import For, Holds, Mapping, Node, Spatial
from dovetail.costmodel.analytic import Nest, tally
from dovetail.costmodel.batch import EXACT, Floats
from dovetail.costmodel.columns import Number
from dovetail.costmodel.nest import Loop, Structure
from dovetail.costmodel.tally import HopTally, Tallied, Tally
from dovetail.dsl.problem import Problem

Link: TypeAlias = tuple[str, int, str]
Holder: TypeAlias = tuple[str, str, str | None, bool]

FIELDS: Final = 10
"""Numbers of a holder: see `_numbers`."""


class Inexact(Exception):
    """A number that float64 may not hold exactly."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Who serves whom: mappings with equal chains are columns of one calculation, whatever their loops."""

    holders: tuple[Holder, ...]
    """Memory, operand, what it serves, whether the MACs keep the operand."""
    hops: tuple[Link, ...]
    """Array, link, operand."""

    @classmethod
    def of(cls, tallied: Tallied) -> Chain:
        """The chain of what was counted."""
        return cls(
            tuple((t.memory, t.operand, t.serves, t.latched) for t in tallied.tallies),
            tuple((hop.array, hop.link, hop.operand) for hop in tallied.hops),
        )


class Counted:
    """The mappings of one layer, on architectures of one kind, that were counted so far."""

    def __init__(self, problem: Problem) -> None:
        """`problem` is flattened as the dataflow walks it."""
        self.problem = problem
        self.chains: list[Chain] = []
        self._tables: list[list[NDArray[np.float64]]] = []

    @property
    def rows(self) -> int:
        """How many mappings."""
        return sum(table.shape[1] for tables in self._tables for table in tables)

    def add(self, architecture: Architecture, mappings: Sequence[Mapping]) -> list[tuple[int, int]]:
        """Count mappings; the chain and the row of each. Raises Inexact."""
        places: list[tuple[int, int]] = [(0, 0)] * len(mappings)
        for structure, members, bounds in self._grouped(architecture, mappings):
            inner = [len(bounds[0]) if at is None else at for at in structure.next_inner]
            steps = np.append(bounds, np.ones((len(bounds), 1), np.int64), axis=1)[:, inner]
            perfect = (bounds % steps == 0).all(axis=1)
            for divides in (True, False):
                some = np.flatnonzero(perfect == divides)
                if len(some):
                    chain, first = self._count(structure, bounds[some], perfect=divides)
                    for row, which in enumerate(some.tolist(), start=first):
                        places[members[which]] = chain, row
        return places

    def _grouped(
        self, architecture: Architecture, mappings: Sequence[Mapping]
    ) -> Iterator[tuple[Structure, list[int], NDArray[np.int64]]]:
        """Structures, the mappings that are counted as theirs, and the bounds that make them these mappings.

        A loop of one trip changes no count: a mapping goes along with one that has the same loops and more.
        """
        groups: list[tuple[Structure, list[int], list[list[int]]]] = []
        for at in sorted(range(len(mappings)), key=lambda at: (-len(mappings[at].nodes), at)):
            for structure, members, bounds in groups:
                row = _fitted(mappings[at], structure, self.problem)
                if row is not None:
                    members.append(at)
                    bounds.append(row)
                    break
            else:
                own = [loop.bound for loop in mappings[at].loops]
                groups.append((Structure.of(architecture, mappings[at]), [at], [own]))
        return ((structure, members, np.array(bounds, np.int64)) for structure, members, bounds in groups)

    def _count(self, structure: Structure, bounds: NDArray[np.int64], *, perfect: bool) -> tuple[int, int]:
        """Count mappings of one structure; their chain and the row of the first."""
        kind = Floats(len(bounds))
        columns: list[Number] = [
            int(column[0]) if (column == column[0]).all() else column.astype(np.float64)
            for column in np.ascontiguousarray(bounds.T)
        ]
        tallied = tally(kind, self.problem, structure, Nest.of(kind, structure, columns), perfect=perfect)
        numbers = _numbers(tallied)
        table = np.empty((len(numbers), len(bounds)))
        for at, number in enumerate(numbers):
            table[at] = number
        if max(kind.largest, float(table.max())) >= EXACT:
            raise Inexact
        chain = Chain.of(tallied)
        if chain not in self.chains:
            self.chains.append(chain)
            self._tables.append([])
        which = self.chains.index(chain)
        first = sum(part.shape[1] for part in self._tables[which])
        self._tables[which].append(table)
        return which, first

    def take(self, chain: int, rows: NDArray[np.intp]) -> Tallied:
        """The counts of these rows of a chain, as columns."""
        parts = self._tables[chain]
        if len(parts) > 1:
            parts[:] = [np.concatenate(parts, axis=1)]
        columns: list[Number] = [
            int(column[0]) if (column == column[0]).all() else column for column in parts[0][:, rows]
        ]
        described = self.chains[chain]
        tallies = []
        for at, (memory, operand, serves, latched) in enumerate(described.holders):
            own = columns[2 + at * FIELDS : 2 + (at + 1) * FIELDS]
            tallies.append(_holder(memory, operand, serves, latched, own))
        words = columns[2 + len(tallies) * FIELDS :]
        hops = [
            HopTally(array, link, operand, number)
            for (array, link, operand), number in zip(described.hops, words, strict=True)
        ]
        return Tallied(self.problem, columns[0], columns[1], tallies, hops)


def _fitted(mapping: Mapping, structure: Structure, problem: Problem) -> list[int] | None:
    """The bounds that make this mapping of a structure, further loops having one trip; None: none do."""
    if mapping.flat != structure.flat:
        return None
    left = problem.bounds
    bounds: list[int] = []
    nodes = iter(mapping.nodes)
    node = next(nodes, None)
    for place in structure.nodes:
        if isinstance(place, Holds):
            if node != place:
                return None
        else:
            bounds.append(left[place.dimension])
            if not _is_at(node, place):
                continue
            left[place.dimension] = node.step
        node = next(nodes, None)
    return bounds if node is None else None


def _is_at(node: Node | None, place: Loop) -> TypeGuard[For | Spatial]:
    match node:
        case For():
            return place.array is None and node.dimension == place.dimension
        case Spatial():
            return (node.dimension, node.array, node.axis) == (place.dimension, place.array, place.axis)
        case _:
            return False


def _numbers(tallied: Tallied) -> list[Number]:
    numbers: list[Number] = [tallied.steps, tallied.pes]
    for t in tallied.tallies:
        numbers += [t.reads, t.fills, t.updates, t.instances, t.tile_words, t.served_words]
        numbers += [t.moves, t.bits, t.visits(), t.served_visits()]
    return numbers + [hop.words for hop in tallied.hops]


def _holder(memory: str, operand: str, serves: str | None, latched: bool, numbers: Sequence[Number]) -> Tally:
    reads, fills, updates, instances, tile_words, served_words, moves, bits, visits, served_visits = numbers
    return Tally(
        memory=memory,
        operand=operand,
        serves=serves,
        reads=reads,
        fills=fills,
        updates=updates,
        instances=instances,
        tile_words=tile_words,
        served_words=served_words,
        moves=moves,
        partial=reads > 0,
        bits=bits,
        latched=latched,
        visits=lambda: visits,
        served_visits=lambda: served_visits,
    )
