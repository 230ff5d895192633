"""Words of one transfer, exactly, whatever the bounds: the interpreter's walk, with equal passes walked once.

A pass over the nest is known by the subtrees of its parts (`parts.py`) and the state in which it is entered.
It is walked once for each such pair, and a run of equal iterations only until the state no longer changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from dovetail.costmodel.parts import Part, Runs, Tree, Used, common, key, number


def words(parts: Sequence[Part], temporal: Sequence[tuple[int, int]]) -> int:
    """Words that all receivers get.

    `temporal`: of each temporal loop, outer to inner, its part and the words by which it moves the tile.
    """
    walk = _Walk(parts, temporal)
    return sum(
        prod(copies for _, copies, _ in receivers) * walk.run(tuple(tree for tree, _, _ in receivers))
        for receivers in product(*(part.receivers() for part in parts))
    )


@dataclass(frozen=True, slots=True)
class _State:
    """The tile held, with places relative to the pass at hand, and the last vector (None: cleared)."""

    begins: tuple[int, ...]
    used: tuple[Used, ...]
    vector: tuple[int, ...] | None


class _Walk:
    """Walks receivers through the nest."""

    def __init__(self, parts: Sequence[Part], temporal: Sequence[tuple[int, int]]) -> None:
        self.axes = [which for which, part in enumerate(parts) if part.relevant]
        self.temporal = [
            (which, self.axes.index(which) if which in self.axes else None, stride)
            for which, stride in temporal
        ]
        self.passes: dict[object, tuple[int, _State | None]] = {}

    def run(self, trees: tuple[Tree, ...]) -> int:
        """Words that one receiver gets."""
        return self._pass(0, trees, None)[0]

    def _pass(self, at: int, trees: tuple[Tree, ...], state: _State | None) -> tuple[int, _State | None]:
        """All iterations of the loops from `at` on: words, and the state afterwards."""
        if any(tree is None for tree in trees):
            return 0, state
        if at == len(self.temporal):
            return self._step(trees, state)
        name = (at, tuple(map(key, trees)), state)
        known = self.passes.get(name)
        if known is not None:
            return known
        part, axis, stride = self.temporal[at]
        runs = trees[part]
        assert isinstance(runs, Runs)
        total, moved = 0, 0
        for again, tree in runs.runs:
            inner = (*trees[:part], tree, *trees[part + 1 :])
            left = again
            while left:
                before = state
                new, state = self._pass(at + 1, inner, state)
                total += new
                left -= 1
                state = _shifted(state, axis, -stride)
                moved += 1
                if state == before:
                    total += left * new
                    moved += left
                    left = 0
        state = _shifted(state, axis, moved * stride)
        self.passes[name] = total, state
        return total, state

    def _step(self, trees: tuple[Tree, ...], state: _State | None) -> tuple[int, _State | None]:
        """One step: the rule of the interpreter."""
        leaves = [trees[which] for which in self.axes]
        begins = tuple(leaf[0] for leaf in leaves if isinstance(leaf, tuple))
        used = tuple(leaf[1] for leaf in leaves if isinstance(leaf, tuple))
        if state is not None and state.begins == begins and state.used == used:
            return 0, state
        new = prod(map(number, used))
        if state is None:
            return new, _State(begins, used, None)
        vector = tuple(b - a for a, b in zip(state.begins, begins, strict=True))
        if state.vector is not None and vector != state.vector:
            return new, _State(begins, used, None)
        shared = zip(used, state.used, vector, strict=True)
        return new - prod(common(u, old, moved) for u, old, moved in shared), _State(begins, used, vector)


def _shifted(state: _State | None, axis: int | None, by: int) -> _State | None:
    """The same tile, seen from a pass that begins `-by` words further on."""
    if state is None or axis is None:
        return state
    begins = list(state.begins)
    begins[axis] += by
    return _State(tuple(begins), state.used, state.vector)
