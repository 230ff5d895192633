"""All mappings of a shape as paths through layered graphs, with what each edge adds to the logarithms of
counts.

A block is a dimension, or a pixel dimension with its kernel dimension where tiles of inputs overlap. A
choice of one path in each block is the tiles and PEs of a mapping. Counts are products over dimensions and
sections, so their logarithms are sums over edges: of the columns below, each in some of the sections.

    alone, shared    visits that a section's loops idle to an operand make; `shared`: PEs on one link are one
    kept_alone,      the same where the temporal loops do not count, since the operand stays
    kept_shared
    firm             the part of an operand that short passes do not walk: they may save visits
    related, idle    trips of loops that move an operand, and of those that do not
    tile             words of an operand's tile behind the section
    apart            PEs that each have other words of an operand, windows not counted
    trips            of all temporal loops, as many as the longest pass has
    busy, adders     PEs that have work, and those of them that add up for one output
    merged           PEs along pixels and kernels that may read one word of inputs together
    packed           words of a tile of inputs without the gaps of strides
    boxed, slid      words of inputs that come with each tile, or with a tile that slides, over what is
                     touched; hull_* and line_* the same of what PEs hold together that shift to each other
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dovetail.costmodel.halo import used
from dovetail.costmodel.mapper.chains import AxisOf, Chains, Layer, Step, chains, pairs
from dovetail.costmodel.mapper.mapspace import Mapspace, Shape
from dovetail.dsl.problem import OPERANDS, RELEVANT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Edges = NDArray[np.int32]

BY_OPERAND = ("alone", "shared", "kept_alone", "kept_shared", "firm", "related", "idle", "tile", "apart")
WINDOWS = {"rows": ("P", "R"), "columns": ("Q", "S")}
"""The two axes along which tiles of inputs overlap: `P` with `R`, `Q` with `S`."""
ONCE = (
    "trips",
    "busy",
    "adders",
    "merged",
    "packed",
    *(
        f"{hull}{how}_{axis}"
        for hull in ("", "hull_", "line_")
        for how in ("boxed", "slid")
        for axis in WINDOWS
    ),
)
AXES = len(BY_OPERAND) * len(OPERANDS) + len(ONCE)
"""The column of the first axis; the others follow."""
FIRMLY = 1 << len(OPERANDS)
"""Of the bits that say which operands an edge moves, the first of those that every PE sees in every pass."""
MOST_PAIRS = 40_000
"""Edges up to which a pixel and a kernel dimension are one block."""


def column(name: str, operand: str | None = None) -> int:
    """The number of a column."""
    if operand is None:
        return len(BY_OPERAND) * len(OPERANDS) + ONCE.index(name)
    return BY_OPERAND.index(name) * len(OPERANDS) + OPERANDS.index(operand)


@dataclass(frozen=True, slots=True)
class Block:
    """One or two dimensions; edges of section `s` are pairs of those of the dimensions' chains."""

    dimensions: tuple[str, ...]
    chains: tuple[Chains, ...]
    picks: tuple[tuple[NDArray[np.intp], ...], ...]
    """By section, then dimension: which edge of the dimension's own layer each edge is."""


class Graph:
    """The graph of one shape; nothing in it changes."""

    def __init__(
        self,
        space: Mapspace,
        shape: Shape,
        linked: list[frozenset[str]],
        shifted: list[frozenset[str]],
    ) -> None:
        self.space, self.shape, self.problem = space, shape, space.rules.problem
        self.sections = len(shape.sections)
        self.axes = [(at, rule) for at, section in enumerate(shape.sections) for rule in section.axes]
        self.linked, self.shifted = linked, shifted
        self.columns = AXES + len(self.axes)
        self.blocks = self._blocks()
        nodes, starts = [], [0]
        sources, targets, moves, columns = [], [], [], []
        for block in self.blocks:
            nodes.append(
                [int(np.prod([len(c.nodes[s]) for c in block.chains])) for s in range(self.sections + 1)]
            )
            for s in range(self.sections):
                source, target, moved, table = self._edges(block, s)
                sources.append(source)
                targets.append(target)
                moves.append(moved)
                columns.append(table)
                starts.append(starts[-1] + len(source))
        self.nodes = np.array(nodes, np.int32)
        self.edge_start = np.array(starts, np.int32)
        self.source, self.target = np.concatenate(sources), np.concatenate(targets)
        self.moves, self.column = np.concatenate(moves), np.ascontiguousarray(np.concatenate(columns))

        self.shaky = tuple(
            frozenset(
                operand
                for block in self.blocks
                for d, own in zip(block.dimensions, block.chains, strict=True)
                for operand in OPERANDS
                if d in RELEVANT[operand] and bool((own.layers[s].moves & own.layers[s].shaky).any())
            )
            for s in range(self.sections)
        )
        """Of each section the operands that it may move in some passes only, or for some PEs."""

    @cached_property
    def empty(self) -> bool:
        """Whether some dimension has no chain at all."""
        return bool((np.diff(self.edge_start) == 0).any())

    def _blocks(self) -> tuple[Block, ...]:
        own = {d: self._chains(d) for d in self.space.rules.dimensions}
        blocks, taken = [], set()
        for pixel, kernel in ("PR", "QS"):
            if pixel not in own or kernel not in own:
                continue
            edges = sum(
                len(a.source) * len(b.source)
                for a, b in zip(own[pixel].layers, own[kernel].layers, strict=True)
            )
            if edges <= MOST_PAIRS:
                picks = tuple(pairs(a, b) for a, b in zip(own[pixel].layers, own[kernel].layers, strict=True))
                blocks.append(Block((pixel, kernel), (own[pixel], own[kernel]), picks))
                taken |= {pixel, kernel}
        for d, single in own.items():
            if d not in taken:
                own_picks = tuple((np.argsort(layer.source, kind="stable"),) for layer in single.layers)
                blocks.append(Block((d,), (single,), own_picks))
        return tuple(blocks)

    def _chains(self, d: str) -> Chains:
        steps = []
        for at, section in enumerate(self.shape.sections):
            axes = []
            for rule in section.axes:
                sides = (*rule.first, *rule.then)
                axes.append(AxisOf(rule.size, d in sides, d in rule.first and sides[0] == d))
            steps.append(Step(tuple(axes), d in section.still, at == self.sections - 1))
        return chains(self.problem.bounds[d], tuple(steps))

    # ---------------------------------------------------------------------------------------- edges

    def _edges(self, block: Block, section: int) -> tuple[Edges, Edges, Edges, Floats]:
        layers = [own.layers[section] for own in block.chains]
        picks = block.picks[section]
        source, target = np.zeros(len(picks[0]), np.int32), np.zeros(len(picks[0]), np.int32)
        moves = np.zeros(len(picks[0]), np.int32)
        table = np.zeros((len(picks[0]), self.columns))
        for d, own, layer, pick in zip(block.dimensions, block.chains, layers, picks, strict=True):
            source = source * len(own.nodes[section]) + layer.source[pick]
            target = target * len(own.nodes[section + 1]) + layer.target[pick]
            moved, single = self._single(d, layer, section)
            moves |= moved[pick]
            table += single[pick]
        if len(layers) == 2:
            self._window(section, block.dimensions, layers, picks, table)
        return source, target, moves, table

    def _single(self, d: str, layer: Layer, section: int) -> tuple[NDArray[np.int32], Floats]:
        table = np.zeros((len(layer.source), self.columns))
        first = sum(at < section for at, _ in self.axes)
        pes = layer.pes.prod(axis=1)
        trips = np.log(-(-layer.left // (pes * layer.tile)))
        table[:, column("trips")] = trips
        moves = np.zeros(len(layer.source), np.int32)
        tile = np.log(layer.tile)
        for i in range(layer.pes.shape[1]):
            table[:, AXES + first + i] = np.log(layer.pes[:, i])
        spread = layer.left / layer.tile
        for which, operand in enumerate(OPERANDS):
            if d in RELEVANT[operand]:
                table[:, column("related", operand)] = trips
                table[:, column("firm", operand)] = layer.firm
                table[:, column("tile", operand)] = tile
                moves |= np.where(layer.moves, 1 << which, 0).astype(np.int32)
                firmly = layer.moves & ~layer.shaky
                moves |= np.where(firmly, FIRMLY << which, 0).astype(np.int32)
                continue
            shared = np.ones(len(pes), np.int64)
            for i in range(layer.pes.shape[1]):
                if operand in self.linked[first + i]:
                    shared = shared * layer.pes[:, i]
            apart = pes // shared
            table[:, column("idle", operand)] = trips
            table[:, column("alone", operand)] = np.log(np.maximum(spread, layer.steps))
            table[:, column("kept_alone", operand)] = np.log(np.minimum(pes, np.maximum(spread, 1)))
            visits = np.where(apart == 1, layer.steps, np.maximum(spread / shared, layer.steps))
            table[:, column("shared", operand)] = np.log(visits)
            table[:, column("kept_shared", operand)] = np.log(
                np.minimum(apart, np.maximum(spread / shared, 1))
            )
        busy = np.log(np.minimum(pes, -(-layer.left // layer.tile)))
        table[:, column("busy")] = busy
        if d in "CRS":
            table[:, column("adders")] = busy
        for operand in OPERANDS:
            if d in RELEVANT[operand] and not (operand == "inputs" and d in "PQRS"):
                table[:, column("apart", operand)] = busy
        if d in "PQ":
            stride = self.problem.stride["PQ".index(d)]
            table[:, column("tile", "inputs")] = np.log((layer.tile - 1) * stride + 1)
        if d in RELEVANT["inputs"]:
            table[:, column("packed")] = tile
            if d in "RS":
                table[:, column("tile", "inputs")] = 0.0
                table[:, column("packed")] = 0.0
                axis = "RS".index(d)
                if "PQ"[axis] not in self.space.rules.dimensions:
                    dilation = self.problem.dilation[axis]
                    table[:, column("tile", "inputs")] = np.log((layer.tile - 1) * dilation + 1)
                    table[:, column("packed")] = tile
            for i in range(layer.pes.shape[1]):
                own = self.shifted[first + i] if d not in "RS" else self.linked[first + i]
                if "inputs" in own:
                    table[:, column("merged")] += np.log(layer.pes[:, i])
        return moves, table

    def _window(
        self,
        section: int,
        dimensions: tuple[str, ...],
        layers: list[Layer],
        picks: tuple[NDArray[np.intp], ...],
        table: Floats,
    ) -> None:
        """The words along one axis of inputs, of which two dimensions walk."""
        pixel, _ = dimensions
        axis = "PQ".index(pixel)
        stride, dilation = self.problem.stride[axis], self.problem.dilation[axis]
        p, r = layers[0].tile[picks[0]], layers[1].tile[picks[1]]
        table[:, column("tile", "inputs")] += np.log((p - 1) * stride + (r - 1) * dilation + 1) - np.log(
            (p - 1) * stride + 1
        )
        table[:, column("packed")] += np.log(np.maximum(p, r)) - np.log(p)
        name = tuple(WINDOWS)[axis]
        boxed, slid = self._along(axis, p, r, self._apart(axis, layers, picks))
        table[:, column(f"boxed_{name}")], table[:, column(f"slid_{name}")] = boxed, slid
        never = np.zeros(len(p), bool)
        first = sum(at < section for at, _ in self.axes)
        hulls, lines = [], []
        for layer, pick in zip(layers, picks, strict=True):
            pes = np.ones(len(layer.source), np.int64)
            for i in range(layer.pes.shape[1]):
                if "inputs" in self.shifted[first + i]:
                    pes = pes * layer.pes[:, i]
            hulls.append(np.minimum(layer.left, pes * layer.tile)[pick])
            lines.append(np.minimum(layer.left, (pes - 1) * layer.tile + 1)[pick])
        for box, sizes in (("hull", hulls), ("line", lines)):
            boxed, slid = self._along(axis, sizes[0], sizes[1], never)
            table[:, column(f"{box}_boxed_{name}")], table[:, column(f"{box}_slid_{name}")] = boxed, slid

    def _apart(
        self, axis: int, layers: list[Layer], picks: tuple[NDArray[np.intp], ...]
    ) -> NDArray[np.bool_]:
        """Whether loops over pixels and over the kernel never lead back to where the tile was before.

        They do where the one sweeps as far back as the other steps on. Known where both are walked in this
        section alone, in whole passes.
        """
        bounds = self.problem.bounds["PQ"[axis]], self.problem.bounds["RS"[axis]]
        scale = self.problem.stride[axis], self.problem.dilation[axis]
        apart = np.ones(len(picks[0]), bool)
        moved, swept = [], []
        for layer, pick, bound, words in zip(layers, picks, bounds, scale, strict=True):
            left, step = layer.left[pick], (layer.pes.prod(axis=1) * layer.tile)[pick]
            apart &= (left == bound) & (left % step == 0)
            moved.append(step * words)
            swept.append((left - step) * words)
        apart &= (moved[0] != swept[1]) & (moved[1] != swept[0])
        return apart

    def _along(self, axis: int, p: Ints, r: Ints, apart: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Logarithms of words along one axis over what is touched: all boxes, and boxes that slide.

        Where pixels and kernel are not `apart`, a sweep may begin with the tile that the one before ended
        with.
        """
        stride, dilation = self.problem.stride[axis], self.problem.dilation[axis]
        pixels, kernels = self.problem.bounds["PQ"[axis]], self.problem.bounds["RS"[axis]]
        touched = used(pixels, kernels, stride, dilation)
        many_p, many_r = -(-pixels // p), -(-kernels // r)
        boxes = many_r * stride * (pixels - many_p) + many_p * dilation * (kernels - many_r) + many_p * many_r
        along_p = many_r * ((pixels - 1) * stride + 1) + dilation * (kernels - many_r)
        along_r = many_p * ((kernels - 1) * dilation + 1) + stride * (pixels - many_p)
        box = (p - 1) * stride + (r - 1) * dilation + 1
        along_p = along_p - np.where(apart, 0, (many_r - 1) * box)
        along_r = along_r - np.where(apart, 0, (many_p - 1) * box)
        slid = np.minimum(np.minimum(along_p, along_r), boxes)
        gaps = ((r - 1) * dilation + 1 < stride) | ((p - 1) * stride + 1 < dilation)

        def over(words: Ints) -> Floats:
            found: Floats = np.log(np.where(gaps, touched, np.maximum(words, touched)) / touched)
            return found

        return over(boxes), over(slid)

    # -------------------------------------------------------------------------------------- reading

    def tiles_and_pes(self, paths: NDArray[np.int32]) -> tuple[dict[str, Ints], dict[str, list[Ints]]]:
        """Tiles behind each section, `int64[paths, sections]`, and the PEs along each axis, by dimension.

        `paths: int32[paths, blocks, sections]`, edges.
        """
        tile: dict[str, Ints] = {}
        pes: dict[str, list[Ints]] = {}
        for b, block in enumerate(self.blocks):
            for at, d in enumerate(block.dimensions):
                tile[d] = np.empty((len(paths), self.sections), np.int64)
                pes[d] = []
                for s in range(self.sections):
                    begin = self.edge_start[b * self.sections + s]
                    own = block.picks[s][at][paths[:, b, s] - begin]
                    layer = block.chains[at].layers[s]
                    tile[d][:, s] = layer.tile[own]
                    pes[d] += list(layer.pes[own].T)
        return tile, pes
