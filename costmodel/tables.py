"""Imperfect mappings: what each part contributes, tabulated once for each chain of bounds.

Steps of different dimensions are independent, so a sum over all steps of products of the parts is a product
of sums over each part. Let `F(x)` be the words of all tiles at which every loop inside position `x` has one
trip, `V(x)` the iterations of the irrelevant dimensions outside `x`. A tile stays while only irrelevant loops
inside the innermost moving loop step, so the tiles that come one after the other have

    V(0) F(0) + sum over the relevant loops i of V(i) (F(inside i) - F(i))

words together. From this comes off what slides: at a transition carried by a loop of one part, with no other
part moving inside it, the words that the new tile shares with the old one, where the move is like the last.

Whether it is follows from the part alone as long as the part is *regular*: every pass that moves ends with a
credited move, and a pass is entered with no vector remembered or with its own first one. All chains in which
steps divide each other are regular. What is not, and can overlap, is left to `walk.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import prod

from dovetail.costmodel.nest import Share
from dovetail.costmodel.parts import Leaf, Part, PartLoop, Runs, Tree, common, number


@dataclass(frozen=True, slots=True)
class Shape:
    """A part without its bounds."""

    dimensions: tuple[str, ...]
    scale: tuple[int, ...]
    relevant: bool
    skip_gaps: bool
    loops: tuple[tuple[str, Share | None], ...]
    """Dimension and share of each loop, outer to inner; None for temporal ones."""

    @property
    def temporal(self) -> int:
        """The number of temporal loops."""
        return sum(share is None for _, share in self.loops)

    def part(self, whole: tuple[int, ...], steps: tuple[int, ...]) -> Part:
        """The part with the dimensions' sizes and the steps of its loops."""
        bounds = dict(zip(self.dimensions, whole, strict=True))
        left = dict(bounds)
        loops = []
        for (d, share), step in zip(self.loops, steps, strict=True):
            loops.append(PartLoop(d, share, -(-left[d] // step), step))
            left[d] = step
        return Part(
            bounds,
            dict(zip(self.dimensions, self.scale, strict=True)),
            loops,
            relevant=self.relevant,
            skip_gaps=self.skip_gaps,
        )


Row = tuple[int, ...]
"""A part's contributions, summed over its receivers.

Steps at which a receiver has something to do; whether the part is regular; whether tiles can overlap;
receivers in the first outer instance; then at each position, from outside all temporal loops to inside all,
(relevant parts) the words of first tiles where all loops inside have one trip, (others) the iterations; then
for each temporal loop the words that slide.
"""


@lru_cache(maxsize=1 << 18)
def row(shape: Shape, whole: tuple[int, ...], steps: tuple[int, ...]) -> Row:
    """Tabulate one part, given the sizes of its dimensions and the steps of its loops."""
    if len(shape.dimensions) == 1 and all(share is not Share.SHIFT for _, share in shape.loops):
        bounds = (whole[0], *steps[:-1])
        if all(bound % step == 0 for bound, step in zip(bounds, steps, strict=False)):
            return _perfect_row(shape, whole[0], [b // s for b, s in zip(bounds, steps, strict=False)])
    part = shape.part(whole, steps)
    depth = shape.temporal
    at_position, slides = [0] * (depth + 1), [0] * depth
    steps_active, first_receivers, regular, widest = 0, 0, True, 0
    for tree, copies, firsts in part.receivers():
        passes = _Passes(part)
        whole_pass = passes.of(tree, 0)
        if whole_pass is None:
            continue
        first_receivers += firsts
        steps_active += copies * (tree.active if isinstance(tree, Runs) else 1)
        regular &= passes.regular
        widest = max(widest, passes.widest)
        for position in range(depth + 1):
            at_position[position] += copies * _at(tree, position, shape.relevant)
        for loop in range(depth):
            slides[loop] += copies * whole_pass.slides[loop]
    sliding = len(shape.dimensions) == 2 and whole[1] > 1
    sliding |= any(share is Share.SHIFT for _, share in shape.loops)
    overlaps = shape.relevant and sliding and widest > 1 and _overlaps(part)
    return (steps_active, int(regular), int(overlaps), first_receivers, *at_position, *slides)


def _perfect_row(shape: Shape, whole: int, trips: list[int]) -> Row:
    """The row of one dimension whose loops divide it: its tiles are a partition, nothing overlaps."""
    temporal = [number for number, (_, share) in zip(trips, shape.loops, strict=True) if share is None]
    places = [(number, share) for number, (_, share) in zip(trips, shape.loops, strict=True)]
    outside = prod(number for number, share in places if share is Share.OUTSIDE)
    apart = prod(number for number, share in places if share is Share.ALONE)
    if shape.relevant:
        apart *= prod(number for number, share in places if share is Share.MULTICAST)
        still = [whole * all(number == 1 for number in temporal[at:]) for at in range(len(temporal) + 1)]
        return (prod(trips), 1, 0, apart, *still, *(0 for _ in temporal))
    iterations = [outside * apart * prod(temporal[:at]) for at in range(len(temporal) + 1)]
    return (iterations[-1], 1, 0, apart, *iterations, *(0 for _ in temporal))


def _overlaps(part: Part) -> bool:
    """Whether any two different tiles of a receiver share words (gaps counted as words)."""
    strides = [loop.step * part.scale[loop.dimension] for loop in part.loops if loop.share is None]

    def tiles(tree: Tree, at: int) -> set[tuple[int, int]]:
        if tree is None:
            return set()
        if isinstance(tree, tuple):
            used = tree[1]
            return {(tree[0], used if isinstance(used, int) else used[-1] + 1)}
        found: set[tuple[int, int]] = set()
        index = 0
        for again, inner in tree.runs:
            inside = tiles(inner, at + 1)
            for iteration in range(index, index + again):
                found.update((begin + iteration * strides[at], size) for begin, size in inside)
            index += again
        return found

    for tree, _, _ in part.receivers():
        places = sorted(tiles(tree, 0))
        if any(begin + size > later for (begin, size), (later, _) in pairwise(places)):
            return True
    return False


def _at(tree: Tree, position: int, relevant: bool) -> int:
    """Over all iterations of the first `position` loops: first tiles of single passes, or the iterations."""
    if tree is None:
        return 0
    if position == 0:
        return _single(tree) if relevant else 1
    assert isinstance(tree, Runs)
    return sum(again * _at(inner, position - 1, relevant) for again, inner in tree.runs)


def _single(tree: Tree) -> int:
    """Words of the tile, if all loops have one trip; else 0."""
    if tree is None:
        return 0
    if isinstance(tree, tuple):
        return number(tree[1])
    (again, inner), *others = tree.runs
    if again > 1 or any(rest is not None for _, rest in others):
        return 0
    return _single(inner)


@dataclass(frozen=True, slots=True)
class _Pass:
    """A pass over a tree that was entered with no vector remembered; places relative to its beginning."""

    first: tuple[int, int | tuple[int, ...]]
    last: tuple[int, int | tuple[int, ...]]
    first_vector: int | None
    """Of its first move; None where the tile never moves."""
    last_vector: int | None
    slides: tuple[int, ...]
    """Of each temporal loop of the part: words shared at the transitions it carries (all, if nothing
    moved)."""


class _Passes:
    """The passes of one receiver's tree."""

    def __init__(self, part: Part) -> None:
        self.strides = [loop.step * part.scale[loop.dimension] for loop in part.loops if loop.share is None]
        self.relevant = part.relevant
        self.regular = True
        self.widest = 0
        self.known: dict[int, _Pass | None] = {}

    def of(self, tree: Tree, at: int) -> _Pass | None:
        """The pass over a tree whose outermost loop is the part's temporal loop `at`; None if always idle."""
        if tree is None:
            return None
        if isinstance(tree, tuple):
            self.widest = max(self.widest, number(tree[1]))
            return _Pass(tree, tree, None, None, (0,) * len(self.strides))
        if id(tree) not in self.known:
            self.known[id(tree)] = self._run(tree, at)
        return self.known[id(tree)]

    def _run(self, tree: Runs, at: int) -> _Pass | None:
        stride = self.strides[at] if self.relevant else 0
        slides = [0] * len(self.strides)
        first: Leaf = None
        last: Leaf = None
        vector: int | None = None  # the last move, None if forgotten
        first_vector: int | None = None
        index = 0
        for again, inner in tree.runs:
            found = self.of(inner, at + 1)
            if found is None:
                index += again
                continue
            for loop, words in enumerate(found.slides):
                slides[loop] += again * words
            left = again
            while left:
                before = vector
                shared = 0
                if last is None:
                    first = (index * stride + found.first[0], found.first[1])
                else:
                    moved = index * stride + found.first[0] - last[0]
                    shared = common(found.first[1], last[1], moved)
                    if moved == 0 and found.first[1] == last[1]:
                        pass  # nothing is brought, nothing is remembered
                    elif vector is None or vector == moved:
                        vector = moved
                        first_vector = moved if first_vector is None else first_vector
                    else:
                        first_vector = moved if first_vector is None else first_vector
                        vector, shared = None, 0
                slides[at] += shared
                if found.first_vector is not None:
                    self.regular &= vector is None or vector == found.first_vector
                    vector = found.last_vector
                    first_vector = found.first_vector if first_vector is None else first_vector
                steady = last is not None and vector == before and left < again
                last = (index * stride + found.last[0], found.last[1])
                index += 1
                left -= 1
                if steady and left:
                    slides[at] += left * shared
                    index += left
                    last = ((index - 1) * stride + found.last[0], found.last[1])
                    left = 0
        if first is None or last is None:
            return None
        if first_vector is not None:
            self.regular &= vector is not None and vector > 0
        return _Pass(first, last, first_vector, vector, tuple(slides))
