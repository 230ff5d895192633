"""Best first over families of mappings: a family is bounded, split by its next section, at last listed.

All mappings of a shape are the first family; choosing how loops matter in one more section, from the
innermost outward, splits it (`family.py`). A family whose bound is above what is known goes
(`relaxation.py`); of one that is chosen in all sections, the mappings that its bound leaves are listed and
evaluated by the cost model, best first. So the answer is never a bound's, and is the best of the mapspace
if the bounds are bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import product
from math import exp, inf, log
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from dovetail.accel.mapping import Mapping
from dovetail.costmodel.batch import evaluate_batch
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.mapper.family import Choice, Visits, choices, visits
from dovetail.costmodel.mapper.graph import WINDOWS
from dovetail.costmodel.mapper.mapspace import Mapspace, Shape, fullest
from dovetail.costmodel.mapper.objective import Least
from dovetail.costmodel.mapper.relaxation import Bounded, Edges, Family, Relaxation, State, TooMany, Wish
from dovetail.costmodel.mapper.terms import Name, Terms
from dovetail.costmodel.mapper.tiles import unrollings

ROOT, INNER, LEAF = 24, 12, 80
"""Steps of a relaxation: of a whole shape, of a family that will be split, of one that will be listed."""
DIVES = 4
"""Shapes, most promising first, of which a few mappings are evaluated before anything else."""
NEAR = 0.02
"""Logarithms as near as that: nothing much better is known to be possible."""
LISTED = 1 << 18
"""Mappings of one family that are listed at a time."""
PATIENCE = 200_000
"""Choices that are looked at before others are; eight times as many the next time."""
EVERYTHING = 1e6
"""No logarithm of a cost is as large as that."""
CHUNK = 64
"""Mappings that are evaluated together at first: the best of them make many others needless."""
MOST_CHUNK = 8192
SAME = 1e-10
"""Logarithms as far apart as that are one: what is found again is not followed."""

Family_ = tuple[Choice | None, ...]


@dataclass
class Progress:
    """What a search has done so far."""

    evaluated: int = 0
    bounded: int = 0
    stopped: bool = False
    open_value: float = inf
    """No mapping that was not looked at has less of what is to be least."""


class Stopped(Exception):
    """Time is over."""


class _Shape:
    """A shape with what is known of all its mappings."""

    def __init__(self, space: Mapspace, shape: Shape, prices: EnergyTable, leakage: float) -> None:
        self.space, self.shape, self.leakage = space, shape, leakage
        self.terms = Terms(space, shape, prices, leakage)
        self.relaxation = Relaxation(self.terms.graph)
        self.costs: dict[tuple[object, bytes], tuple[int, float, bool]] = {}
        self.families: dict[Name, Family] = {}
        self.nothing: Family_ = (None,) * self.terms.sections
        root = self.family(self.nothing)
        plain = Family(
            self.terms.graph, self.nothing, replace(self.terms.costs(self.nothing), returned=0.0), leakage
        )
        fastest = self.relaxation.relax(root, Wish(0.0, 1.0, inf), ROOT)
        least = self.relaxation.relax(plain, Wish(1.0, 0.0, inf), ROOT)
        self.possible = fastest.possible and least.possible
        self.cycles = exp(fastest.bound) * (1 - 1e-9) if self.possible else inf
        self.low = exp(least.bound) * (1 - 1e-9) if self.possible else inf

    def family(self, choice: Family_) -> Family:
        name = self.terms.name(choice)
        if name not in self.families:
            self.families[name] = Family(self.terms.graph, choice, self.terms.costs(choice), self.leakage)
        return self.families[name].of(choice)

    def choices(self, choice: Family_, section: int) -> Iterator[Choice]:
        """All choices of a section where the sections inside it are chosen."""
        windows = [pair for pair in WINDOWS.values() if set(pair) <= set(self.space.rules.dimensions)]
        paired = {block.dimensions for block in self.terms.graph.blocks}
        ahead = self._ahead(choice, section)
        inputs = [end for operand, end, _ in ahead if operand == "inputs"]
        return choices(
            self.shape.sections[section],
            frozenset(operand for operand, _, own in ahead if own.open),
            self.terms.graph.shaky[section],
            tuple(axis for axis, pair in WINDOWS.items() if pair in paired) if section + 1 in inputs else (),
            bool(windows and inputs) or not all(own.firm for _, _, own in ahead),
        )

    def _ahead(self, choice: Family_, section: int) -> list[tuple[str, int, Visits]]:
        """Tiles that are held behind a section: of which operand, where (the number of sections: at the
        MACs), and how the sections chosen bring them."""
        ends = [
            (t.operand, self.terms.sections if t.inner is None else t.inner)
            for t in self.terms.transfers
            if t.keeps
        ]
        return [(operand, end, visits(choice, operand, end)) for operand, end in ends if end > section]


class Search:
    """The search over one mapspace for one goal; `run` may be called once."""

    def __init__(
        self,
        space: Mapspace,
        prices: EnergyTable,
        goal: Least[Mapping],
        leakage_pj_per_cycle: float = 0.0,
        deadline: float | None = None,
        progress: Progress | None = None,
        on_better: Callable[[], None] | None = None,
        shapes: list[_Shape] | None = None,
    ) -> None:
        self.space, self.prices, self.goal, self.leakage = space, prices, goal, leakage_pj_per_cycle
        flow = space.rules.dataflow
        self.dataflow = flow.name if flow is not None else None
        self.deadline = deadline
        self.progress = progress if progress is not None else Progress()
        self.on_better = on_better
        self.shapes = shapes if shapes is not None else shapes_of(space, prices, leakage_pj_per_cycle)
        self.heap: list[tuple[int, float, int, _Shape, Family_, Family, Bounded]] = []
        """How often they were put off, their bounds, and the families; the numbers only order them."""
        self.number = 0

    def run(self) -> None:
        """Work until nothing is worth following, the deadline passes or Ctrl-C is pressed."""
        current = inf
        try:
            for shape in self.shapes:
                self._push(shape, shape.nothing, None, ROOT)
            for _, _, _, shape, choice, family, bounded in sorted(self.heap)[:DIVES]:
                self._dive(shape, choice, family, bounded)
            while self.heap:
                level, current, _, shape, choice, family, bounded = heappop(self.heap)
                if current <= self._limit():
                    if None in choice:
                        self._split(shape, choice, bounded.state)
                    else:
                        self._list(level, shape, choice, family, bounded)
                current = inf
        except (Stopped, KeyboardInterrupt):
            self.progress.stopped = True
            left = min([current, *(entry[1] for entry in self.heap)])
            if left < inf:
                self.progress.open_value = self.goal.value_at(left)

    # ------------------------------------------------------------------------------------- families

    def _limit(self) -> float:
        return self.goal.limit() - SAME

    def _wish(self) -> Wish:
        energy, cycles = self.goal.weights
        return Wish(energy, cycles, self._limit(), self.goal.most_energy, self.goal.most_cycles)

    def _ready(self, shape: _Shape, family: Family) -> Family:
        """A family that knows how much energy is too much."""
        most = min(self.goal.most_energy, exp(min(self._limit() - log(max(shape.cycles, 1.0)), 600.0)))
        energy, cycles = self.goal.weights
        if energy != 1.0 or cycles != 1.0:
            most = self.goal.most_energy
            if energy > 0.0:
                reached = (self._limit() - cycles * log(max(shape.cycles, 1.0))) / energy
                most = min(most, exp(min(reached, 600.0)))
        return family.between(shape.low - family.costs.returned, max(most, shape.low))

    def _push(self, shape: _Shape, choice: Family_, state: State | None, steps: int) -> None:
        self._look_at_the_clock()
        if not shape.possible:
            return
        family = self._ready(shape, shape.family(choice))
        bounded = shape.relaxation.relax(family, self._wish(), steps, state)
        self.progress.bounded += 1
        if bounded.possible:
            self._put(0, shape, choice, family, bounded)

    def _put(self, level: int, shape: _Shape, choice: Family_, family: Family, bounded: Bounded) -> None:
        if bounded.bound <= self._limit():
            self.number += 1
            heappush(self.heap, (level, bounded.bound, self.number, shape, choice, family, bounded))

    def _dive(self, shape: _Shape, choice: Family_, family: Family, bounded: Bounded) -> None:
        """Evaluate a few mappings that are nearly as good as the bound, to know something good soon."""
        self._evaluate(shape, choice, shape.relaxation.some(family, self._wish(), bounded))

    def _split(self, shape: _Shape, choice: Family_, state: State) -> None:
        section = max(s for s, own in enumerate(choice) if own is None)
        for own in shape.choices(choice, section):
            whole = (*choice[:section], own, *choice[section + 1 :])
            self._push(shape, whole, state, INNER)

    def _list(self, level: int, shape: _Shape, choice: Family_, family: Family, bounded: Bounded) -> None:
        """Evaluate what the bound of a family leaves.

        Where that is much, a few good mappings come first, those of other families before the rest: the list
        is the shorter the more is known.
        """
        self._look_at_the_clock()
        family = self._ready(shape, family)
        if level == 0:
            better = shape.relaxation.relax(family, self._wish(), LEAF, bounded.state)
            bounded = better if better.bound > bounded.bound else bounded
            if bounded.bound > self._limit():
                return
            if self._limit() - bounded.bound > NEAR:
                self._dive(shape, choice, family, bounded)
                self._put(1, shape, choice, family, bounded)
                return
        gap = min(self._limit() - bounded.bound, EVERYTHING)
        for part in (0.125, 1.0):
            wish = replace(self._wish(), limit=min(self._limit(), bounded.bound + part * gap))
            if wish.limit < bounded.bound:
                return
            try:
                edges, costs = shape.relaxation.leave(
                    family, wish, bounded, LISTED << level, PATIENCE << (3 * level)
                )
            except TooMany:
                self._put(level + 1, shape, choice, family, bounded)
                return
            self._evaluate(shape, choice, edges, costs)

    def _look_at_the_clock(self) -> None:
        if self.deadline is not None and monotonic() > self.deadline:
            raise Stopped

    # -------------------------------------------------------------------------------------- leaves

    def _evaluate(
        self, shape: _Shape, choice: Family_, edges: Edges, costs: NDArray[np.float64] | None = None
    ) -> None:
        """Evaluate choices of paths under all orders of a family, the most promising first."""
        if not len(edges):
            return
        if costs is not None:
            rank = np.argsort(self.goal.rank(costs[:, 0], costs[:, 1]), kind="stable")
            edges, costs = edges[rank], costs[rank]
        orders = [
            own.orders if own is not None else section.orders[:1]
            for own, section in zip(choice, shape.shape.sections, strict=True)
        ]
        first, many = 0, CHUNK
        while first < len(edges):
            some = edges[first : first + many]
            if costs is not None:
                own_costs = costs[first : first + many]
                some = some[self.goal.worth(own_costs[:, 0], own_costs[:, 1])]
                self._look_at_the_clock()
            if len(some):
                self._evaluate_some(shape, orders, some)
            first, many = first + many, min(4 * many, MOST_CHUNK)

    def _evaluate_some(self, shape: _Shape, orders: list[tuple[tuple[str, ...], ...]], edges: Edges) -> None:
        tile, pes = shape.terms.graph.tiles_and_pes(edges)
        rows = _allowed(shape, tile, pes)
        if not rows.all():
            tile = {d: own[rows] for d, own in tile.items()}
            pes = {d: [along[rows] for along in own] for d, own in pes.items()}
        if not rows.any():
            return
        for order in product(*orders):
            cycles, energy, fits = self._costs(shape, order, tile, pes)
            worth = np.flatnonzero(fits & self.goal.worth(cycles, energy))
            for row in worth[np.argsort(self.goal.rank(cycles[worth], energy[worth]), kind="stable")]:
                mapping = self._mapping(shape, order, tile, pes, int(row))
                if self.goal.offer(int(cycles[row]), float(energy[row]), mapping) and self.on_better:
                    self.on_better()

    def _costs(
        self,
        shape: _Shape,
        order: tuple[tuple[str, ...], ...],
        tile: dict[str, NDArray[np.int64]],
        pes: dict[str, list[NDArray[np.int64]]],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Cycles, pJ with leakage, and whether all fits, by the cost model; each mapping is asked for
        once."""
        bounds = _bounds(shape, order, tile, pes)
        names = [(order, row.tobytes()) for row in bounds]
        new = [at for at, name in enumerate(names) if name not in shape.costs]
        if new:
            structure = self.space.structure(shape.shape, order)
            found = evaluate_batch(self.space.problem, structure, bounds[new], self.prices, self.dataflow)
            self.progress.evaluated += len(new)
            energy = found.energy_pj + self.leakage * found.cycles
            for at, *own in zip(
                new, found.cycles.tolist(), energy.tolist(), found.fits.tolist(), strict=True
            ):
                shape.costs[names[at]] = (own[0], own[1], own[2])
        known = [shape.costs[name] for name in names]
        return (
            np.array([own[0] for own in known], np.float64),
            np.array([own[1] for own in known]),
            np.array([own[2] for own in known], bool),
        )

    def _mapping(
        self,
        shape: _Shape,
        order: tuple[tuple[str, ...], ...],
        tile: dict[str, NDArray[np.int64]],
        pes: dict[str, list[NDArray[np.int64]]],
        row: int,
    ) -> Mapping:
        unrolling = tuple(
            tuple(int(pes[d][number][row]) for d in (*rule.first, *rule.then))
            for number, (_, rule) in enumerate(shape.terms.axes)
        )
        tiles = {d: tuple(own[row].tolist()) for d, own in tile.items()}
        return self.space.mapping(shape.shape, order, unrolling, tiles)


def shapes_of(space: Mapspace, prices: EnergyTable, leakage: float) -> list[_Shape]:
    """All shapes of a mapspace, ready to be searched."""
    return [_Shape(space, shape, prices, leakage) for shape in space.shapes]


def _bounds(
    shape: _Shape,
    order: tuple[tuple[str, ...], ...],
    tile: dict[str, NDArray[np.int64]],
    pes: dict[str, list[NDArray[np.int64]]],
) -> NDArray[np.int64]:
    """What is left to each loop of a structure, `int64[mappings, loops]`."""
    rules = shape.space.rules
    many = len(next(iter(tile.values()))) if tile else 1
    left = {d: np.full(many, rules.problem.bounds[d], np.int64) for d in rules.dimensions}
    columns = []
    for at in range(shape.terms.sections):
        axes = [(number, rule) for number, (own, rule) in enumerate(shape.terms.axes) if own == at]
        todo = {d: np.ones(many, np.int64) for d in left}
        for number, rule in axes:
            for d in (*rule.first, *rule.then):
                todo[d] = todo[d] * pes[d][number]
        for d in order[at]:
            columns.append(left[d])
            left[d] = np.minimum(left[d], todo[d] * tile[d][:, at])
        for number, rule in axes:
            for d in (*rule.first, *rule.then):
                columns.append(left[d])
                todo[d] = todo[d] // pes[d][number]
                left[d] = np.minimum(left[d], todo[d] * tile[d][:, at])
    return np.array(columns, np.int64).reshape(len(columns), many).T


def _allowed(
    shape: _Shape, tile: dict[str, NDArray[np.int64]], pes: dict[str, list[NDArray[np.int64]]]
) -> NDArray[np.bool_]:
    """Which choices are in the mapspace: what depends on several dimensions of one axis."""
    many = len(next(iter(tile.values()))) if tile else 1
    allowed = np.ones(many, bool)
    for number, (_, rule) in enumerate(shape.terms.axes):
        used = np.ones(many, np.int64)
        for d in (*rule.first, *rule.then):
            used = used * pes[d][number]
        allowed &= used <= rule.size
    if not any(rule.full or len(rule.first) > 1 for _, rule in shape.terms.axes):
        return allowed
    bounds = shape.space.rules.problem.bounds
    for row in np.flatnonzero(allowed).tolist():
        allowed[row] = _in_mapspace(shape, bounds, tile, pes, row)
    return allowed


def _in_mapspace(
    shape: _Shape,
    bounds: dict[str, int],
    tile: dict[str, NDArray[np.int64]],
    pes: dict[str, list[NDArray[np.int64]]],
    row: int,
) -> bool:
    left, unspread = dict(bounds), dict(bounds)
    at = 0
    for number, (section, rule) in enumerate(shape.terms.axes):
        for s in range(at, section):
            left = {d: int(tile[d][row, s]) if d in tile else 1 for d in left}
        at = section
        numbers = {d: int(pes[d][number][row]) for d in (*rule.first, *rule.then)}
        if rule.full and int(np.prod(list(numbers.values()))) < fullest(rule, unspread):
            return False
        room = rule.size
        for d in rule.first:
            if numbers[d] != unrollings(left[d], room)[0]:
                return False
            room //= numbers[d]
        left = {d: -(-x // numbers.get(d, 1)) for d, x in left.items()}
        unspread = {d: -(-x // numbers.get(d, 1)) for d, x in unspread.items()}
    return True
