"""A lower bound of all mappings of a family, and the list of those that it leaves.

A cost of a family is a sum of products, each factor one dimension's doing. For any shares w that add up to 1

    sum of t_i  >=  product of (t_i / w_i) ** w_i                (arithmetic and geometric mean)

with equality where the shares are those of the terms, so that log cost is bounded by a linear function of
the logarithms; so is a maximum, by any average of its members, and a capacity enters by a multiplier
(Lagrange). A linear function of logarithms falls apart into one shortest path a block (`graph.py`): exact,
over all factors there are, imperfect ones included. Good shares and multipliers make the bound nearly as
high as the optimum; they are found by conditional gradients (Frank and Wolfe, 1956) on the averaged paths.
This is the dual of a geometric programme (Boyd et al., A tutorial on geometric programming, 2007) over
discrete factors.

What the bound leaves open is listed: all choices of paths whose linear cost is within the limit, those that
do not fit or whose own sums are above it left out.
"""

from __future__ import annotations

import ctypes
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from math import log

import numpy as np
from numpy.typing import NDArray

from dovetail.costmodel.mapper import kernel, pure
from dovetail.costmodel.mapper.family import Choice
from dovetail.costmodel.mapper.graph import FIRMLY, Graph
from dovetail.costmodel.mapper.terms import Costs, Entries, Term
from dovetail.dsl.problem import OPERANDS

Floats = NDArray[np.float64]
Edges = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a mapping has to be: weights of log pJ and log cycles, and their limit."""

    energy: float
    cycles: float
    limit: float
    most_energy: float = float("inf")
    most_cycles: float = float("inf")


@dataclass(frozen=True, slots=True)
class State:
    """Where a relaxation begins, or got to: averaged quantities and multipliers, by what they stand for."""

    average: dict[tuple[Entries, Entries | None], float]
    dual: Floats


@dataclass(frozen=True, slots=True)
class Bounded:
    """What a relaxation found."""

    bound: float
    """No mapping of the family has less of the weighted logarithm."""
    constant: float
    weight: Floats
    state: State
    candidates: Edges
    """Choices of paths that fit, better ones last: `int32[candidates, blocks, sections]`."""
    possible: bool
    iterations: int


PATHS = 200_000
"""Paths of a block at most."""


class TooMany(Exception):
    """The bound leaves more than can be listed."""


class Family:
    """A family in numbers."""

    def __init__(self, graph: Graph, choice: tuple[Choice | None, ...], costs: Costs, leakage: float) -> None:
        self.graph, self.costs, self.leakage = graph, costs, leakage
        self.still = _still(graph, choice)
        self.quantities: dict[tuple[Entries, Entries | None], int] = {}
        self.energy = self._terms(costs.energy)
        self.copies = [self._quantity(t.copies) if t.access_pj and t.copies else -1 for t in costs.energy]
        self.cycles = [self._terms(own) for own in costs.cycles]
        self.memories = [self._terms(own) for _, own in costs.capacities]
        self.loads = [[self._terms(own) for own in late.loads] for late in costs.lates]
        self.stores = [[self._terms(own) for own in late.stores] for late in costs.lates]
        self.steps = [self._terms(late.steps)[0] for late in costs.lates]
        self.axes = [self._quantity(entries) for _, entries in costs.axes]
        self.spills = self._terms(tuple(spill.words for spill in costs.spills))
        self.first = self._terms(tuple(spill.first for spill in costs.spills))
        self.low, self.high = 0.0, 0.0

    def of(self, choice: tuple[Choice | None, ...]) -> Family:
        """A family that costs the same."""
        assert self.template is not None  # made once for all of them
        other = copy(self)
        other.still = _still(self.graph, choice)
        return other

    def _quantity(self, entries: Entries, other: Entries | None = None) -> int:
        if other is not None:
            self._quantity(other)
        return self.quantities.setdefault((entries, other), len(self.quantities))

    def _terms(self, terms: tuple[Term, ...]) -> tuple[list[int], list[float]]:
        return [self._quantity(t.entries, t.other) for t in terms], [log(t.number) for t in terms]

    def between(self, low: float, high: float) -> Family:
        """The same, where all that is wanted takes between `low` and `high` pJ."""
        self.low = low + self.costs.returned
        self.high = max(high + self.costs.returned, self.low)
        return self

    @cached_property
    def arrays(self) -> dict[str, NDArray[np.int32] | Floats]:
        """What the kernel reads."""
        entries = [own for own, _ in self.quantities]
        other = [-1 if e is None else self.quantities[e, None] for _, e in self.quantities]
        flat = [entry for own in entries for entry in own]
        starts = np.cumsum([0, *(len(own) for own in entries)])

        def joined(groups: list[tuple[list[int], list[float]]]) -> tuple[list[int], list[int], list[float]]:
            begin, which, logs = [0], [], []
            for own, numbers in groups:
                which += own
                logs += numbers
                begin.append(len(which))
            return begin, which, logs

        a_start, a_quantity, a_log = joined(self.cycles)
        m_start, m_quantity, m_log = joined(self.memories)
        ports = [
            port for loads, stores in zip(self.loads, self.stores, strict=True) for port in (*loads, *stores)
        ]
        p_start, p_quantity, p_log = joined(ports)
        many = [len(loads) + len(stores) for loads, stores in zip(self.loads, self.stores, strict=True)]
        l_start = np.cumsum([0, *many])
        whole = {
            "q_start": starts,
            "q_section": [e[0] for e in flat],
            "q_column": [e[1] for e in flat],
            "other": other,
            "e_quantity": self.energy[0],
            "e_copies": self.copies,
            "a_start": a_start,
            "a_quantity": a_quantity,
            "a_late": self.costs.late,
            "l_start": l_start,
            "l_middle": [at + len(loads) for at, loads in zip(l_start, self.loads, strict=False)],
            "l_steps": np.cumsum([0, *(len(own) for own in self.steps)]),
            "l_step": [q for own in self.steps for q in own],
            "p_start": p_start,
            "p_quantity": p_quantity,
            "m_start": m_start,
            "m_quantity": m_quantity,
            "x_quantity": self.axes,
            "s_quantity": self.spills[0],
            "s_first": self.first[0],
        }
        real = {
            "q_factor": [e[2] for e in flat],
            "e_log": self.energy[1],
            "e_access": [term.access_pj for term in self.costs.energy],
            "a_log": a_log,
            "p_log": p_log,
            "m_log": m_log,
            "m_size": [size for size, _ in self.costs.capacities],
            "s_log": self.spills[1],
            "s_first_log": self.first[1],
            "s_pj": [spill.again_pj for spill in self.costs.spills],
            "s_wide": [spill.wider_pj for spill in self.costs.spills],
            "x_size": [log(size) for size, _ in self.costs.axes],
        }
        made: dict[str, NDArray[np.int32] | Floats] = {
            name: np.array(values, np.int32) for name, values in whole.items()
        }
        return made | {name: np.array(values, np.float64) for name, values in real.items()}

    @cached_property
    def template(self) -> kernel.FamilyArrays:
        """What the kernel is given, but for what is wanted and what must not move."""
        own: dict[str, object] = {
            name: kernel.doubles(a) if a.dtype == np.float64 else kernel.ints(a)
            for name, a in self.arrays.items()
        }
        return kernel.FamilyArrays(
            quantities=len(self.quantities),
            energies=len(self.energy[0]),
            spills=len(self.costs.spills),
            returned=self.costs.returned,
            leakage=self.leakage,
            alternatives=len(self.cycles),
            computing=self.costs.computing,
            lates=len(self.costs.lates),
            memories=len(self.memories),
            axes=len(self.axes),
            **own,
        )

    def begin(self, state: State | None) -> tuple[Floats, Floats, bool]:
        """Averaged quantities and multipliers to begin with, and whether they are known."""
        many = len(self.costs.capacities) + len(self.costs.axes)
        if state is None:
            dual = np.full(many, 0.3)
            dual[: len(self.costs.capacities)] = 0.0
            return np.zeros(len(self.quantities)), dual, False
        average = np.array([state.average.get(entries, 0.0) for entries in self.quantities])
        return average, state.dual.copy(), True


def _still(graph: Graph, choice: tuple[Choice | None, ...]) -> Edges:
    """Of each section a bit for each operand that must not move, or not firmly: `int32[sections]`."""
    still = np.zeros(graph.sections, np.int32)
    for s, own in enumerate(choice):
        if own is not None:
            for which, operand in enumerate(OPERANDS):
                still[s] |= (operand in own.still) << which
                still[s] |= (operand in own.shaky) * (FIRMLY << which)
    return still


class Relaxation:
    """Relaxes families of one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.library = kernel.library()
        g = graph
        self._kept = [g.nodes, g.edge_start, g.source, g.target, g.moves, g.column]
        self._graph = kernel.GraphArrays(
            len(g.blocks),
            g.sections,
            g.columns,
            *(kernel.ints(np.ascontiguousarray(a)) for a in self._kept[:5]),
            kernel.doubles(g.column),
        )

    def _family(self, family: Family, wish: Wish) -> kernel.FamilyArrays:
        made = kernel.FamilyArrays.from_buffer_copy(family.template)
        made.still = kernel.ints(family.still)
        made.energy_weight, made.cycles_weight, made.limit = wish.energy, wish.cycles, wish.limit
        made.low, made.high = family.low, family.high
        made.most_energy, made.most_cycles = wish.most_energy, wish.most_cycles
        return made

    def relax(
        self, family: Family, wish: Wish, iterations: int, state: State | None = None, candidates: int = 0
    ) -> Bounded:
        """Bound a family; stops early where the bound is above the wish's limit."""
        g = self.graph
        average, dual, warm = family.begin(state)
        if self.library is None:
            own = pure.relax(family, wish, iterations, average, dual, warm, candidates)
            return Bounded(
                own.bound if own.possible else float("inf"),
                own.constant,
                np.array(own.weight),
                State(dict(zip(family.quantities, own.average, strict=True)), np.array(own.dual)),
                np.array(own.candidates, np.int32).reshape(-1, len(g.blocks), g.sections),
                own.possible,
                own.iterations,
            )
        weight = np.zeros(len(family.quantities))
        found = kernel.FoundArrays()
        edges = np.zeros((max(candidates, 1), len(g.blocks), g.sections), np.int32)
        code = self.library.relax(
            ctypes.byref(self._graph),
            ctypes.byref(self._family(family, wish)),
            iterations,
            kernel.doubles(average),
            kernel.doubles(dual),
            int(warm),
            kernel.doubles(weight),
            ctypes.byref(found),
            kernel.ints(edges),
            candidates,
        )
        if code == kernel.NO_MEMORY:
            raise MemoryError
        if code == kernel.TOO_LARGE:
            self.library = None
            return self.relax(family, wish, iterations, state, candidates)
        reached = State(dict(zip(family.quantities, average.tolist(), strict=True)), dual)
        return Bounded(
            found.bound if code == 0 else float("inf"),
            found.constant,
            weight,
            reached,
            edges[: found.candidates],
            code == 0,
            found.iterations,
        )

    def _leave(
        self, family: Family, wish: Wish, bounded: Bounded, most: int, paths: int, patience: int
    ) -> tuple[int, Edges, Floats]:
        g = self.graph
        if self.library is None:
            return pure.leave(family, wish, bounded.weight, bounded.constant, most, paths, patience)
        edges = np.zeros((most, len(g.blocks), g.sections), np.int32)
        costs = np.zeros((most, 2))
        kept = ctypes.c_int()
        code = self.library.leave(
            ctypes.byref(self._graph),
            ctypes.byref(self._family(family, wish)),
            kernel.doubles(bounded.weight),
            ctypes.c_double(bounded.constant),
            kernel.ints(edges),
            kernel.doubles(costs),
            most,
            paths,
            ctypes.c_longlong(patience),
            ctypes.byref(kept),
        )
        if code == kernel.NO_MEMORY:
            raise MemoryError
        if code == kernel.TOO_LARGE:
            self.library = None
            return self._leave(family, wish, bounded, most, paths, patience)
        return code, edges[: kept.value], costs[: kept.value]

    def leave(
        self, family: Family, wish: Wish, bounded: Bounded, most: int, patience: int
    ) -> tuple[Edges, Floats]:
        """All choices of paths that may be as wished, and their least cycles and pJ, `[choices, 2]`."""
        room = min(most, 4096)
        while True:
            code, edges, costs = self._leave(family, wish, bounded, room, PATHS, patience)
            if code >= 0:
                return edges, costs
            if code != kernel.FULL or room >= most:
                raise TooMany(code)
            room = min(most, room * 8)

    def some(self, family: Family, wish: Wish, bounded: Bounded) -> Edges:
        """A few good choices of paths that fit; none where they are not found soon."""
        for slack in (0.1, 0.4, 1.5, 6.0):
            near = replace(wish, limit=min(wish.limit, bounded.bound + slack))
            _, edges, costs = self._leave(family, near, bounded, 256, PATHS, 200_000)
            if len(edges):
                rank = np.argsort(wish.energy * np.log(costs[:, 1]) + wish.cycles * np.log(costs[:, 0]))
                return edges[rank[:4]]
            if bounded.bound + slack > wish.limit:
                break
        return np.zeros((0, len(self.graph.blocks), self.graph.sections), np.int32)
