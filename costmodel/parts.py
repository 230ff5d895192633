"""What one axis of an operand's tile does while an imperfect nest runs, worked out apart from the other axes.

The dimensions that place a tile along one axis (`P` with `R`, for inputs) form a *part*. What a part does for
one receiver is a tree: each of its temporal loops is a list of runs of equal iterations; a leaf is the tile's
place and size along the axis, or None where the receiver has nothing to do. Equal subtrees are one object.
Dimensions that do not index the operand are parts as well, of which only the number of iterations matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from dovetail.costmodel.nest import Share

Used: TypeAlias = int | tuple[int, ...]
"""Words along an axis: how many in a row, or (without gaps) which, counted from the first."""
Leaf: TypeAlias = tuple[int, Used] | None
"""Where the tile begins along the axis, and its words."""
Indices: TypeAlias = tuple[int, ...]
"""The index of each spatial loop of a part; those of temporal loops are 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """The iterations of a temporal loop: so many equal ones, then so many of another kind."""

    runs: tuple[tuple[int, Runs | Leaf], ...]
    active: int
    """Steps at which the receiver has something to do, in all iterations."""


Tree: TypeAlias = Runs | Leaf


def active(tree: Tree) -> int:
    """Steps at which the receiver has something to do."""
    if tree is None:
        return 0
    return tree.active if isinstance(tree, Runs) else 1


def key(tree: Tree) -> object:
    """Equal trees of one part are one object, equal leaves are equal."""
    return id(tree) if isinstance(tree, Runs) else tree


@dataclass(frozen=True, slots=True)
class PartLoop:
    """A loop of a part; temporal where `share` is None."""

    dimension: str
    share: Share | None
    trips: int
    step: int


@dataclass(frozen=True, slots=True)
class _PE:
    """One dimension's share of a PE: those that differ only in another dimension are one entry."""

    group: int
    dimension: str
    indices: Indices


class Part:
    """The loops that walk one axis of an operand (or one dimension that does not index it)."""

    def __init__(
        self,
        bounds: dict[str, int],
        scale: dict[str, int],
        loops: Sequence[PartLoop],
        *,
        relevant: bool,
        skip_gaps: bool,
    ) -> None:
        self.bounds, self.scale, self.loops = bounds, scale, tuple(loops)
        self.relevant, self.skip_gaps = relevant, skip_gaps
        self._known: dict[object, Runs] = {}

    def receivers(self) -> list[tuple[Tree, int, int]]:
        """The different receivers, how many there are of each, and how many in the first outer instance.

        PEs that never have anything to do are none.
        """
        trees: dict[object, tuple[Tree, int, int]] = {}
        for first, groups in self._members():
            pes = [
                _PE(which, d, indices)
                for which, group in enumerate(groups)
                for d, every in group.items()
                for indices in every
            ]
            lengths = tuple(self.bounds[pe.dimension] for pe in pes)
            tree = self._grow(0, dict.fromkeys(self.bounds, 0), pes, lengths, (0,) * len(pes))
            if tree is not None:
                _, every, firsts = trees.get(key(tree), (tree, 0, 0))
                trees[key(tree)] = (tree, every + 1, firsts + first)
        return list(trees.values())

    def _members(self) -> Iterator[tuple[bool, list[dict[str, list[Indices]]]]]:
        """Of each receiver, its groups: the indices of the PEs that shift together, by dimension.

        And whether it is served by the first outer instance.
        """
        receivers: dict[tuple[bool, Indices, int], dict[Indices, list[Indices]]] = {}
        for indices in product(*(self._choices(loop) for loop in self.loops)):
            alone, multicast, begin, first = [], [], 0, True
            for loop, index in zip(self.loops, indices, strict=True):
                if loop.share in (Share.OUTSIDE, Share.ALONE):
                    alone.append(index)
                    first &= loop.share is Share.ALONE or index == 0
                elif loop.share is Share.MULTICAST:
                    multicast.append(index)
                    begin += index * loop.step * self.scale[loop.dimension]
            group = receivers.setdefault((first, tuple(alone), begin), {})
            group.setdefault(tuple(multicast), []).append(indices)
        places = {d: [at for at, loop in enumerate(self.loops) if loop.dimension == d] for d in self.bounds}
        for (first, _, _), groups in receivers.items():
            by_dimension = [
                {
                    d: list(dict.fromkeys(tuple(pe[at] for at in own) for pe in pes))
                    for d, own in places.items()
                }
                for pes in groups.values()
            ]
            yield first, by_dimension

    def _choices(self, loop: PartLoop) -> range:
        shared = loop.share in (Share.MULTICAST, Share.SHIFT)
        # PEs that share and differ by a dimension that does not index the operand: the first works longest
        return range(1 if loop.share is None or (shared and not self.relevant) else loop.trips)

    # ---------------------------------------------------------------------------------------- trees

    def _grow(
        self,
        at: int,
        seen: dict[str, int],
        pes: list[_PE],
        lengths: tuple[int, ...],
        begins: tuple[int, ...],
    ) -> Tree:
        """The tree from loop `at` on. `lengths`: what is left to each PE; `begins`: where, by spatial loops.

        `seen` counts the loops of each dimension so far.
        """
        while at < len(self.loops) and self.loops[at].share is not None:
            loop = self.loops[at]
            place = seen[loop.dimension]
            left, moved = list(lengths), list(begins)
            for number, pe in enumerate(pes):
                if pe.dimension == loop.dimension:
                    offset = pe.indices[place] * loop.step
                    left[number] = max(0, min(loop.step, lengths[number] - offset))
                    moved[number] += offset
            lengths, begins = tuple(left), tuple(moved)
            seen = seen | {loop.dimension: place + 1}
            at += 1
        if at == len(self.loops):
            return self._leaf(pes, lengths, begins)
        loop = self.loops[at]
        seen = seen | {loop.dimension: seen[loop.dimension] + 1}
        mine = [number for number, pe in enumerate(pes) if pe.dimension == loop.dimension]
        runs: list[tuple[int, Tree]] = []
        index = 0
        while index < loop.trips:
            again = min(_equal_iterations(lengths[number], index, loop.step) for number in mine)
            again = min(again, loop.trips - index)
            inner = list(lengths)
            for number in mine:
                inner[number] = max(0, min(loop.step, lengths[number] - index * loop.step))
            runs.append((again, self._grow(at + 1, seen, pes, tuple(inner), begins)))
            index += again
        steps = sum(again * active(tree) for again, tree in runs)
        if not steps:
            return None
        name = (at, tuple((again, key(tree)) for again, tree in runs))
        return self._known.setdefault(name, Runs(tuple(runs), steps))

    def _leaf(self, pes: list[_PE], lengths: tuple[int, ...], begins: tuple[int, ...]) -> Leaf:
        """The union of the groups' boxes; a group's box is the one around those of its PEs."""
        around: dict[int, dict[str, tuple[int, int]]] = {}
        for pe, length, begin in zip(pes, lengths, begins, strict=True):
            if length:
                box = around.setdefault(pe.group, {})
                first, end = box.get(pe.dimension, (begin, begin + length))
                box[pe.dimension] = (min(first, begin), max(end, begin + length))
        boxes = [self._box(box) for box in around.values() if len(box) == len(self.bounds)]
        if not boxes:
            return None
        if not self.relevant:
            return (0, 1)
        begin, longest = boxes[0]
        if isinstance(longest, int):
            return begin, max(used for _, used in boxes if isinstance(used, int))
        union = {word for _, used in boxes if isinstance(used, tuple) for word in used}
        return begin, tuple(sorted(union))

    def _box(self, around: dict[str, tuple[int, int]]) -> tuple[int, Used]:
        begin = sum(first * self.scale[d] for d, (first, _) in around.items())
        sizes = {d: end - first for d, (first, end) in around.items()}
        if self.skip_gaps and max(self.scale.values()) > 1:
            offsets = (range(0, size * self.scale[d], self.scale[d]) for d, size in sizes.items())
            return begin, tuple(sorted({sum(places) for places in product(*offsets)}))
        return begin, 1 + sum((size - 1) * self.scale[d] for d, size in sizes.items())


def _equal_iterations(length: int, index: int, step: int) -> int:
    """How many iterations from `index` on leave a PE the same: full ones, one short one, or none."""
    left = length - index * step
    return 1 << 62 if left <= 0 else max(1, left // step)


def number(used: Used) -> int:
    """How many words."""
    return used if isinstance(used, int) else len(used)


def common(used: Used, old: Used, moved: int) -> int:
    """Words that a tile shares with the one before it, which began `moved` words earlier."""
    if isinstance(used, int) and isinstance(old, int):
        return max(0, min(used + moved, old) - max(moved, 0))
    mine = range(used) if isinstance(used, int) else used
    theirs = set(range(old) if isinstance(old, int) else old)
    return sum(word + moved in theirs for word in mine)


def busy(bound: int, loops: Sequence[tuple[bool, int]]) -> int:
    """PEs of one dimension's loops `(spatial, step)` that ever have something to do.

    In the first step every PE has the most it ever has; of a line of PEs all have a whole step but the last.
    """
    pes = {bound: 1}
    for spatial, step in loops:
        inner: dict[int, int] = {}
        for left, copies in pes.items():
            whole, rest = divmod(left, step) if spatial else (int(left >= step), left if left < step else 0)
            for size, more in ((step, whole), (rest, 1)):
                if size and more:
                    inner[size] = inner.get(size, 0) + copies * more
        pes = inner
    return sum(pes.values())
