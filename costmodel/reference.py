"""The definition of every count: an interpreter that runs a loop nest step by step (small problems only).

It walks the temporal loops in order and, at each step, looks at the box of words that every receiver needs:

* A *receiver* is what one read serves: the PEs inside one instance of the holder outside them that share a
  link. PEs that differ only along axes with `multicast`, `forward` or (sums) `reduce` are one receiver where
  their boxes begin at the same word; PEs along axes with `shift` are one receiver that holds the box around
  all their boxes.
* A tile that did not change costs nothing. One that moved costs its words, less those of the tile before it
  if it moved by the same vector as the last time. After any other move nothing is kept and the memory of the
  last move is cleared.
* MACs have no tile: they take a word at every step, unless they latch the operand.

Nothing here is clever; `analytic.py` has to give the same integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from math import prod
from typing import TypeAlias

from dovetail.accel.architecture import Architecture, Array, LinkKind
from dovetail.accel.mapping import For, Holds, Mapping, Spatial, flatten
from dovetail.costmodel.counts import Counts, HolderCounts, LinkHops
from dovetail.dsl.problem import DIMENSIONS, OPERANDS, Problem

Box: TypeAlias = tuple[frozenset[int], ...]
"""The words along each axis of an operand."""
Ranges: TypeAlias = dict[str, tuple[int, int]]
"""Of each dimension, the first index and how many."""
PE: TypeAlias = tuple[int, ...]
"""The index of each spatial loop."""
Links: TypeAlias = frozenset[tuple[str, int]]
"""Array name and position of a link."""


def count(problem: Problem, architecture: Architecture, mapping: Mapping) -> Counts:
    """Run `mapping` and count. The mapping must be legal (`accel/legality.py`)."""
    problem = flatten(problem, mapping.flat)
    holders: list[HolderCounts] = []
    hops: list[LinkHops] = []
    for operand in OPERANDS:
        chain: list[int | None] = [*mapping.holders(operand), None]
        fills = 0
        for outer, inner in pairwise(chain):
            assert outer is not None
            run = _Transfer(problem, architecture, mapping, operand, outer, inner)
            holder, fills = run.holder(fills)
            holders.append(holder)
            hops.extend(run.hops())
    order = [memory.name for memory in architecture.memories]
    holders.sort(key=lambda h: (order.index(h.memory), OPERANDS.index(h.operand)))
    steps = prod(loop.trips for loop in mapping.loops if isinstance(loop, For))
    pes = busy(problem, mapping, len(mapping.nodes))
    return Counts(tuple(holders), tuple(hops), problem.macs, steps, pes)


def busy(problem: Problem, mapping: Mapping, outside: int) -> int:
    """Instances behind node `outside` that ever have something to do: those that have it in the first
    step."""
    first = (0,) * len(mapping.loops)
    return sum(left_to(problem, mapping, first, pe, outside) is not None for pe in pes(mapping, outside))


def pes(mapping: Mapping, outside: int) -> Iterator[PE]:
    """Indices of the spatial loops outside node `outside`."""
    loops = (node for node in mapping.nodes[:outside] if isinstance(node, Spatial))
    return product(*(range(loop.trips) for loop in loops))


def left_to(problem: Problem, mapping: Mapping, step: tuple[int, ...], pe: PE, outside: int) -> Ranges | None:
    """What the loops outside node `outside` leave to one PE in one step; None where it has nothing to do."""
    time, place = iter(step), iter(pe)
    left = {d: (0, bound) for d, bound in problem.bounds.items()}
    for node in mapping.nodes[:outside]:
        if isinstance(node, Holds):
            continue
        index = next(time) if isinstance(node, For) else next(place)
        first, size = left[node.dimension]
        first, size = first + index * node.step, min(node.step, size - index * node.step)
        if size <= 0:
            return None
        left[node.dimension] = (first, size)
    return left


class _Transfer:
    """What passes between the holder at node `outer` and the next inner one at `inner` (None: the MACs)."""

    def __init__(
        self,
        problem: Problem,
        architecture: Architecture,
        mapping: Mapping,
        operand: str,
        outer: int,
        inner: int | None,
    ) -> None:
        self.problem, self.architecture, self.mapping, self.operand = problem, architecture, mapping, operand
        self.outer = outer
        self.inside = len(mapping.nodes) if inner is None else inner
        self.outer_memory = architecture.memory(_memory(mapping, outer))
        self.inner_memory = None if inner is None else architecture.memory(_memory(mapping, inner))
        inner_name = self.inner_memory.name if self.inner_memory else None
        self.arrays = architecture.arrays_between(self.outer_memory.name, inner_name)
        self.links: Links = frozenset((a.name, link) for a in self.arrays for link in a.links_of(operand))
        self.skip_gaps = (self.inner_memory or self.outer_memory).skip_gaps
        self.known: dict[Links, int] = {}
        self.keeps = self.inner_memory is not None or architecture.latches(operand, self.outer_memory.name)

    # ------------------------------------------------------------------------------- steps and PEs

    def steps(self) -> Iterator[tuple[int, ...]]:
        """Indices of the temporal loops outside the inner holder, in the order of time."""
        loops = (node for node in self.mapping.nodes[: self.inside] if isinstance(node, For))
        return product(*(range(loop.trips) for loop in loops))

    def ranges(self, step: tuple[int, ...], pe: PE) -> Ranges | None:
        """What the loops outside the inner holder leave to one PE in one step."""
        return left_to(self.problem, self.mapping, step, pe, self.inside)

    def box(self, left: Ranges) -> Box:
        """The words of the operand that a tile of the loops touches."""

        def along(dimension: str) -> frozenset[int]:
            first, size = left[dimension]
            return frozenset(range(first, first + size))

        def sliding(pixel: str, kernel: str, axis: int) -> frozenset[int]:
            stride, dilation = self.problem.stride[axis], self.problem.dilation[axis]
            used = {p * stride + r * dilation for p in along(pixel) for r in along(kernel)}
            return frozenset(used if self.skip_gaps else range(min(used), max(used) + 1))

        if self.operand == "inputs":
            plain = tuple(along(d) for d in "NGC")
            return (*plain, sliding("P", "R", 0), sliding("Q", "S", 1))
        return tuple(along(d) for d in ("GKCRS" if self.operand == "weights" else "NGKPQ"))

    # ----------------------------------------------------------------------------------- receivers

    def receivers(self, links: Links) -> list[list[list[PE]]]:
        """The receivers when these links are used: groups of PEs with equal boxes, of PEs that shift
        together."""
        loops = [
            (at, node)
            for at, node in enumerate(self.mapping.nodes[: self.inside])
            if isinstance(node, Spatial)
        ]
        receivers: dict[object, dict[object, list[PE]]] = {}
        for pe in pes(self.mapping, self.inside):
            if self.ranges((0,) * len(self.mapping.loops), pe) is None:
                continue  # it never has anything to do: in the first step each has the most it ever has
            alone: list[int] = []  # indices that set it apart from every other PE
            shared = dict.fromkeys(DIMENSIONS, 0)  # where its box begins, by the loops along shared axes
            multicast: list[int] = []
            for (at, loop), index in zip(loops, pe, strict=True):
                kinds = self.kinds(loop, links) if at > self.outer else set()
                if not kinds:
                    alone.append(index)
                elif LinkKind.SHIFT not in kinds:
                    shared[loop.dimension] += index * loop.step
                    multicast.append(index)
            begin = tuple(min(axis) for axis in self.box({d: (at, 1) for d, at in shared.items()}))
            groups = receivers.setdefault((tuple(alone), begin), {})
            groups.setdefault(tuple(multicast), []).append(pe)
        return [list(groups.values()) for groups in receivers.values()]

    def kinds(self, loop: Spatial, links: Links) -> set[LinkKind]:
        """What PEs along the loop's axis do for each other (sums that shift are added on their way)."""
        (array,) = [a for a in self.architecture.spatial if a.name == loop.array]
        kinds = {
            array.links[i].kind for name, i in links if name == array.name and _along(array, i, loop.axis)
        }
        return {LinkKind.REDUCE} if kinds and self.operand == "outputs" else kinds

    def receiver_box(self, receiver: list[list[PE]], step: tuple[int, ...]) -> Box | None:
        """The union of the groups' boxes; a group's box is the one around those of its PEs."""
        boxes: list[Box] = []
        for group in receiver:
            active = [left for pe in group if (left := self.ranges(step, pe))]
            if active:
                around: Ranges = {}
                for d in DIMENSIONS:
                    first = min(left[d][0] for left in active)
                    around[d] = (first, max(sum(left[d]) for left in active) - first)
                boxes.append(self.box(around))
        if not boxes:
            return None
        return tuple(frozenset[int]().union(*axes) for axes in zip(*boxes, strict=True))

    # -------------------------------------------------------------------------------------- counts

    def moved(self, receivers: list[list[list[PE]]]) -> Iterator[int]:
        """The new words that each receiver needs in each step."""
        tiles = [_Tile() for _ in receivers]
        for step in self.steps():
            for tile, receiver in zip(tiles, receivers, strict=True):
                box = self.receiver_box(receiver, step)
                if box is not None:
                    yield tile.move_to(box) if self.keeps else prod(map(len, box))

    def words(self, links: Links) -> int:
        """Words that leave (inputs, weights) or reach (sums) the outer holder when these links are used."""
        if links not in self.known:
            self.known[links] = sum(self.moved(self.receivers(links)))
        return self.known[links]

    def elements(self, outside: int) -> int:
        """Elements of the operand that each instance behind node `outside` ever touches, summed over them."""
        touched: set[object] = set()
        lines = sum(isinstance(node, Spatial) for node in self.mapping.nodes[:outside])
        for step in self.steps():
            for pe in pes(self.mapping, self.inside):
                left = self.ranges(step, pe)
                if left:
                    touched.update((pe[:lines], word) for word in product(*self.box(left)))
        return len(touched)

    def holder(self, fills: int) -> tuple[HolderCounts, int]:
        """Counts of the outer holder, given its own fills; and the fills of the inner one."""
        arriving = self.words(frozenset())
        served = self.words(self.links)
        reads, updates, inner_fills = served, 0, arriving
        if self.operand == "outputs":
            updates = served
            reads = updates - self.elements(self.outer)
            inner_fills = arriving - self.elements(self.inside) if self.inner_memory else 0
        bits = getattr(self.problem.bits, self.operand)
        if self.operand == "outputs" and reads > 0:
            bits = self.problem.bits.sums
        if self.operand == "outputs" and self.outer_memory.drain_reads:
            own_chain = self.mapping.holders("outputs")
            if own_chain.index(self.outer) > 0:
                reads += fills + self.elements(self.outer)  # every visit of a tile ends by sending it outward
        first = next(self.steps())
        outside = sum(isinstance(node, Spatial) for node in self.mapping.nodes[: self.outer])
        once = [r for r in self.receivers(self.links) if not any(r[0][0][:outside])]
        largest = max(prod(map(len, box)) for r in once if (box := self.receiver_box(r, first)))
        holder = HolderCounts(
            memory=self.outer_memory.name,
            operand=self.operand,
            reads=reads,
            fills=fills,
            updates=updates,
            instances=busy(self.problem, self.mapping, self.outer),
            tile_words=self._tile_words(self.mapping.tile(self.outer, self.problem)),
            served_words=len(once) * largest,
            moves=self._moves(),
            bits=bits,
        )
        return holder, inner_fills

    def hops(self) -> list[LinkHops]:
        """Links are used one after the other, buses first: each delivers what it saves the outer holder."""
        order = [LinkKind.MULTICAST, LinkKind.REDUCE, LinkKind.FORWARD, LinkKind.SHIFT]
        links = [(a, i) for a in self.arrays for i in a.links_of(self.operand)]
        links.sort(key=lambda link: order.index(link[0].links[link[1]].kind))
        used: Links = frozenset()
        before = self.words(used)
        hops = []
        for array, index in links:
            used |= {(array.name, index)}
            after = self.words(used)
            hops.append(LinkHops(array.name, index, self.operand, max(0, before - after)))
            before = after
        return hops

    def _tile_words(self, tile: dict[str, int]) -> int:
        skip_gaps, self.skip_gaps = self.skip_gaps, self.outer_memory.skip_gaps
        words = prod(map(len, self.box({d: (0, size) for d, size in tile.items()})))
        self.skip_gaps = skip_gaps
        return words

    def _moves(self) -> bool:
        relevant = {"weights": "GKCRS", "inputs": "NGCPQRS", "outputs": "NGKPQ"}[self.operand]
        outside = self.mapping.nodes[: self.outer]
        return any(isinstance(n, For) and n.dimension in relevant and n.trips > 1 for n in outside)


class _Tile:
    """The tile that one receiver remembers, and the last vector it moved by."""

    def __init__(self) -> None:
        self.box: Box | None = None
        self.vector: tuple[int, ...] | None = None

    def move_to(self, box: Box) -> int:
        """Words of `box` that have to be brought."""
        if box == self.box:
            return 0
        new = prod(map(len, box))
        if self.box is not None:
            vector = tuple(min(a) - min(b) for a, b in zip(box, self.box, strict=True))
            if self.vector is None or vector == self.vector:
                new -= prod(len(a & b) for a, b in zip(box, self.box, strict=True))
                self.vector = vector
            else:
                self.vector = None
        self.box = box
        return new


def _memory(mapping: Mapping, at: int) -> str:
    node = mapping.nodes[at]
    assert isinstance(node, Holds)
    return node.memory


def _along(array: Array, link: int, axis: str) -> bool:
    return axis in array.links[link].axes
