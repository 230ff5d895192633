"""What the inner sections of a shape cost at least, whatever is chosen outside them.

Merging all sections outside section `k` into it, with the memories there holding everything, never costs the
transfers that end behind `k` anything: a tile that stays longer is fetched no more often. So the best
(cycles, pJ) of this smaller problem, found by the same search on bounds alone, bound every mapping of the
whole; and the smaller problem is bounded by the next smaller one.
"""

from __future__ import annotations

import numpy as np

from dovetail.costmodel.mapper.bounds import Bounds
from dovetail.costmodel.mapper.choices import Block, choose, some
from dovetail.costmodel.mapper.objective import Front
from dovetail.costmodel.mapper.rows import Floats

MOST = 4_000
"""Rows after which the smaller problem is given up: no bound is better than a late one."""


class Ahead:
    """The bounds of one shape, worked out when they are first needed."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.known: dict[int, tuple[tuple[float, float], ...]] = {0: ((0.0, 0.0),)}

    def front(self, section: int) -> tuple[tuple[float, float], ...]:
        """Pairs of cycles and pJ of what ends behind `section` or further in, one of which is not beaten."""
        if section not in self.known:
            last = section >= len(self.bounds.shape.sections)
            self.known[section] = ((0.0, 0.0),) if last else self._solve(section)
        return self.known[section]

    def _solve(self, section: int) -> tuple[tuple[float, float], ...]:
        bounds = self.bounds
        outside = len({at for at, _ in bounds.axes if at < section})
        within = any(at == section for at, _ in bounds.axes)
        if outside + within > 1 and not bounds.shape.sections[section].innermost:
            return ((0.0, 0.0),)
        goal: Front[None] = Front()
        rows = bounds.start(section)
        parts = bounds.of(rows, section, 0)
        prefix = bounds.shape.sections[0].orders[:1] * section
        stack = [Block(bounds, prefix, 0, rows, (parts[0], parts[1], 0.0 * parts[2], parts[3]), section)]
        worked = 0
        while stack:
            block = stack.pop()
            if block.step == 0 and len(block.order) == len(bounds.shape.sections):
                cycles, energy = block.parts[0], block.rows.energy
                for row in np.argsort(cycles * energy, kind="stable").tolist():
                    goal.offer(int(cycles[row]), float(energy[row]), None)
                continue
            made = []
            for further in choose(block):
                kept = self._prune(goal, further, section)
                worked += len(kept.rows)
                if len(kept.rows):
                    made.append(kept)
            if worked > MOST:
                return ((0.0, 0.0),)
            for further in made:
                if len(further.rows) > 256:
                    ranked = np.argsort(further.parts[0] * further.parts[2], kind="stable")
                    stack.append(some(further, ranked[256:]))
                    further = some(further, ranked[:256])
                stack.append(further)
        return tuple((float(p.cycles), p.energy_pj * (1 - 1e-9)) for p in goal.points) or ((0.0, 0.0),)

    def _prune(self, goal: Front[None], block: Block, start: int) -> Block:
        inside, _, energy, further = block.parts
        energy = energy - self.bounds.mac_pj
        worth = np.zeros(len(block.rows), bool)
        fronts: tuple[tuple[float, float], ...] = ((0.0, 0.0),)
        if block.behind > start:
            fronts = self.front(block.behind)
        for cycles, least in fronts:
            bound: Floats = energy + np.maximum(further, least)
            worth |= goal.worth(np.maximum(inside, cycles), bound)
        return block if worth.all() else some(block, np.flatnonzero(worth))
