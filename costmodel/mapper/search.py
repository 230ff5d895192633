"""Best first, section by section: partial mappings in blocks, pruned by their lower bounds.

A block holds partial mappings of one shape with the same loop orders so far. Working on it chooses, for the
next section, one order, then numbers of PEs axis by axis, then tiles dimension by dimension; after each
choice every row is bounded and dropped where the goal says so. The most promising rows of a block go first,
so that a good mapping is known early. A complete row is evaluated by the cost model itself: its cost is never
the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from dovetail.accel.architecture import Architecture
from dovetail.accel.legality import violations
from dovetail.accel.mapping import Mapping
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.mapper.ahead import Ahead
from dovetail.costmodel.mapper.bounds import Bounds
from dovetail.costmodel.mapper.choices import Block, choose, some
from dovetail.costmodel.mapper.mapspace import Mapspace
from dovetail.costmodel.mapper.objective import Goal
from dovetail.costmodel.mapper.rows import Floats

FIRST = 16
"""Rows that go on at once, so that a good mapping is found early."""
DIVES = 2
"""Shapes, most promising first, that are searched greedily before anything else."""
BLOCK = 2048
"""Rows that are worked on together later."""


@dataclass
class Progress:
    """What a search has done so far."""

    evaluated: int = 0
    bounded: int = 0
    stopped: bool = False
    open_bounds: list[tuple[float, float]] = field(default_factory=list)
    """Bounds of what was left when the search stopped."""


class Search:
    """The search over one mapspace; `run` may be called once."""

    def __init__(
        self,
        space: Mapspace,
        prices: EnergyTable,
        goal: Goal[Mapping],
        leakage_pj_per_cycle: float = 0.0,
        deadline: float | None = None,
        progress: Progress | None = None,
        on_better: Callable[[], None] | None = None,
    ) -> None:
        self.space, self.prices, self.goal, self.leakage = space, prices, goal, leakage_pj_per_cycle
        self.architecture: Architecture = space.architecture
        flow = space.rules.dataflow
        self.dataflow = flow.name if flow is not None else None
        self.deadline = deadline
        self.progress = progress if progress is not None else Progress()
        self.on_better = on_better
        self.known: set[Mapping] = set()
        self.ahead: dict[int, Ahead] = {}

    def run(self) -> None:
        """Work until nothing is worth following, the deadline passes or Ctrl-C is pressed."""
        stack: list[Block] = []
        block: Block | None = None
        try:
            for shape in self.space.shapes:
                bounds = Bounds(self.space, shape, self.prices, self.leakage)
                ahead = Ahead(bounds)
                self.ahead[id(bounds)] = ahead
                rows = bounds.start(0)
                stack.append(Block(bounds, (), 0, rows, bounds.of(rows, 0, 0)))
            stack.sort(key=lambda block: -self._rank(block))
            for number, block in enumerate(reversed(stack)):
                if number < DIVES or not self.goal.points:
                    self._dive(block)
            while stack:
                if self.deadline is not None and monotonic() > self.deadline:
                    self._stop(stack)
                    return
                block = self._prune(stack.pop())
                if len(block.rows) > BLOCK:
                    ranked = np.argsort(self._ranks(block), kind="stable")
                    stack.append(some(block, ranked[BLOCK:]))
                    block = some(block, ranked[:BLOCK])
                if len(block.rows):
                    stack.extend(sorted(self._next(block), key=lambda made: -self._rank(made)))
                block = None
        except KeyboardInterrupt:
            self._stop(stack if block is None else [*stack, block])

    def _dive(self, block: Block) -> None:
        """Follow only the most promising rows, to know something good soon."""
        level = [block]
        while level:
            if self.goal.points and self.deadline is not None and monotonic() > self.deadline:
                return
            made = [further for block in level for further in self._next(block)]
            ranks = [_product(self._bounds(b)) for b in made]
            limit = np.inf
            if sum(map(len, ranks)) > FIRST:
                limit = np.partition(np.concatenate(ranks), FIRST - 1)[FIRST - 1]
            level = []
            for b, own in zip(made, ranks, strict=True):
                which = np.flatnonzero(own <= limit)[:FIRST]
                if len(which):
                    level.append(some(b, which))

    def _stop(self, stack: list[Block]) -> None:
        self.progress.stopped = True
        for block in stack:
            left = self._prune(block)
            for cycles, energy in self._bounds(left):
                self.progress.open_bounds += zip(cycles.tolist(), energy.tolist(), strict=True)

    def _bounds(self, block: Block) -> Iterator[tuple[Floats, Floats]]:
        """Cycles and pJ of the rows, once for each way in which what is further in may trade one for the
        other."""
        inside, top, energy, further = block.parts
        for cycles, least in self.ahead[id(block.bounds)].front(block.behind):
            yield block.bounds.together(np.maximum(inside, cycles), top, energy + np.maximum(further, least))

    def _ranks(self, block: Block) -> Floats:
        ranks = None
        for cycles, energy in self._bounds(block):
            own = self.goal.rank(cycles, energy)
            ranks = own if ranks is None else np.minimum(ranks, own)
        assert ranks is not None
        return ranks

    def _rank(self, block: Block) -> float:
        return float(self._ranks(block).min())

    def _prune(self, block: Block) -> Block:
        worth = np.zeros(len(block.rows), bool)
        for cycles, energy in self._bounds(block):
            worth |= self.goal.worth(cycles, energy)
        return block if worth.all() else some(block, np.flatnonzero(worth))

    # ------------------------------------------------------------------------------------- choices

    def _next(self, block: Block) -> list[Block]:
        """Make the next choice: blocks with one choice more, pruned; complete rows are evaluated."""
        if block.step == 0 and len(block.order) == len(block.bounds.shape.sections):
            self._finish(block)
            return []
        made = (self._prune(further) for further in choose(block))
        found = [further for further in made if len(further.rows)]
        self.progress.bounded += sum(len(further.rows) for further in found)
        return found

    # -------------------------------------------------------------------------------------- leaves

    def _finish(self, block: Block) -> None:
        """Evaluate complete mappings, most promising first, until none is worth it."""
        ((cycles, energy),) = self._bounds(block)
        for row in np.argsort(self.goal.rank(cycles, energy), kind="stable").tolist():
            if self.deadline is not None and monotonic() > self.deadline:
                self._stop([block])
                return
            if self.goal.worth(cycles[row : row + 1], energy[row : row + 1])[0]:
                self._evaluate(block, row)

    def _evaluate(self, block: Block, row: int) -> None:
        mapping = self.mapping(block, row)
        if mapping in self.known:
            return
        self.known.add(mapping)
        problem = self.space.problem
        self.progress.evaluated += 1
        if violations(problem, self.architecture, mapping):
            return
        cost = evaluate_mapping(problem, self.architecture, mapping, self.prices, self.dataflow)
        energy = cost.energy_pj + self.leakage * cost.cycles
        if self.goal.offer(cost.cycles, energy, mapping) and self.on_better is not None:
            self.on_better()

    def mapping(self, block: Block, row: int) -> Mapping:
        """The mapping that a complete row stands for."""
        bounds, rows = block.bounds, block.rows
        unrolling = tuple(
            tuple(int(rows.axis(number)[bounds.at[d], row]) for d in (*rule.first, *rule.then))
            for number, (_, rule) in enumerate(bounds.axes)
        )
        tile = {
            d: tuple(int(rows.tile(s)[i, row]) for s in range(len(block.order))) for d, i in bounds.at.items()
        }
        return self.space.mapping(bounds.shape, block.order, unrolling, tile)


def _product(bounds: Iterator[tuple[Floats, Floats]]) -> Floats:
    """The least energy-delay product of each row: what is good in it is not bad in anything."""
    products = [cycles * energy for cycles, energy in bounds]
    least = products[0]
    for product in products[1:]:
        least = np.minimum(least, product)
    return least
