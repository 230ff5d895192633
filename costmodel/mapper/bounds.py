"""Lower bounds of energy and cycles for partial mappings, in closed form on columns.

For an operand without halo, the words that reach a holder are, dimension by dimension,

    relevant    the bound
    idle        bound / (tile x iterations inside every loop that moves the operand)

rounded up, where PEs that share a link count once on the way out of the outer holder. Until the holder is
placed, the same expression at the section at hand bounds its words from below: loops further in can only add
visits. For complete perfect mappings the expression is the model's own count (a window's credit included),
and everywhere it is at most that, which is all that the search relies on: tests compare the two on random
mappings.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import prod

import numpy as np

from dovetail.accel.architecture import Architecture, Buffering, LinkKind, Memory, Ports
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.halo import used
from dovetail.costmodel.latency import mac_rate
from dovetail.costmodel.mapper.mapspace import Mapspace, Shape
from dovetail.costmodel.mapper.orders import IDLE
from dovetail.costmodel.mapper.rows import BESIDE, LOOSE, Bools, Floats, Ints, Layout, Rows
from dovetail.dsl.problem import OPERANDS, RELEVANT

IDLE_TO = {d: operand for operand, dimensions in IDLE.items() for d in dimensions}
PIXELS = "PQRS"
PARTNER = {"P": "R", "R": "P", "Q": "S", "S": "Q"}


@dataclass(frozen=True, slots=True)
class Transfer:
    """What passes between two places of an operand, or a place and the MACs (`inner` None)."""

    operand: str
    outer: int
    inner: int | None
    keeps: bool
    shifts: bool
    """Some link on the way shifts words from neighbour to neighbour."""
    skip_gaps: bool
    hop_pj: float
    """What the cheapest link on the way takes for a word."""


class Bounds:
    """The lower bound for one shape; nothing in it changes."""

    def __init__(
        self,
        space: Mapspace,
        shape: Shape,
        prices: EnergyTable,
        leakage_pj_per_cycle: float = 0.0,
    ) -> None:
        self.shape, self.prices, self.leakage = shape, prices, leakage_pj_per_cycle
        self.architecture: Architecture = space.architecture
        self.problem = space.rules.problem
        self.dataflow = space.rules.dataflow.name if space.rules.dataflow is not None else None
        self.dimensions = space.rules.dimensions
        self.at = {d: i for i, d in enumerate(self.dimensions)}
        self.bounds = np.array([self.problem.bounds[d] for d in self.dimensions], np.int64)
        self.memories = self.architecture.memories
        self.memory_at = {memory.name: i for i, memory in enumerate(self.memories)}
        self.axes = [(at, rule) for at, section in enumerate(shape.sections) for rule in section.axes]
        self.sides = [(*rule.first, *rule.then) for _, rule in self.axes]
        self.layout = Layout(len(self.dimensions), len(shape.sections), len(self.axes), len(self.memories))
        self.transfers = {operand: self._transfers(operand) for operand in OPERANDS}
        self.useful = [
            min(rule.size, prod(self.problem.bounds[d] for d in (*rule.first, *rule.then)))
            for _, rule in self.axes
        ]
        self.linked = [self._linked(rule.array, rule.axis) for _, rule in self.axes]
        self.shifted = [self._linked(rule.array, rule.axis, LinkKind.SHIFT) for _, rule in self.axes]
        self.idle = {o: [self.at[d] for d in dims if d in self.at] for o, dims in IDLE.items()}
        self.relevant = {o: [self.at[d] for d in RELEVANT[o] if d in self.at] for o in OPERANDS}
        self.once = {o: float(self.problem.words(o)) for o in OPERANDS}
        whole = self.problem
        touched = [
            used(getattr(whole, pixel), getattr(whole, kernel), whole.stride[axis], whole.dilation[axis])
            for axis, (pixel, kernel) in enumerate((("P", "R"), ("Q", "S")))
        ]
        self.once["inputs"] = float(whole.N * whole.G * whole.C * prod(touched))
        flow = self.dataflow is not None and self.dataflow in self.architecture.mac.skip_zero_weights_in
        kept = 1 - Fraction(self.problem.weight_zeros).limit_denominator(10_000) if flow else Fraction(1)
        self.per_step = float(kept / mac_rate(self.problem, self.architecture.mac))
        skipped = self.problem.weight_zeros if flow else 0.0
        self.mac_pj = self.problem.macs * (1 - skipped) * prices.mac_pj
        self.waits = not self.architecture.overlap_transfers
        # a tile that the outermost memory loads while everything waits does not occupy the port it goes to
        self.hidden_fills = [
            self.waits and memory.buffering in (Buffering.SINGLE, Buffering.AUTO) for memory in self.memories
        ]
        self.widths = {o: self._width(o) for o in OPERANDS}

    def _width(self, operand: str) -> int:
        bits = self.problem.bits
        return min(bits.outputs, bits.sums) if operand == "outputs" else int(getattr(bits, operand))

    def _linked(self, array: str, axis: str, kind: LinkKind | None = None) -> frozenset[str]:
        """Operands that a link (of a kind) along the axis carries."""
        (own,) = [a for a in self.architecture.spatial if a.name == array]
        links = {
            o: [own.links[i] for i in own.links_of(o) if kind is None or own.links[i].kind is kind]
            for o in OPERANDS
        }
        return frozenset(o for o, found in links.items() if any(axis in link.axes for link in found))

    def _transfers(self, operand: str) -> tuple[Transfer, ...]:
        chain: list[int | None] = [*self.shape.frame.holders(operand), None]
        places = self.shape.frame.places
        found = []
        for outer, inner in pairwise(chain):
            assert outer is not None
            name = places[outer].memory
            inside = None if inner is None else places[inner].memory
            arrays = self.architecture.arrays_between(name, inside)
            links = [(array, i) for array in arrays for i in array.links_of(operand)]
            hop = min((self.prices.links.get((array.name, i), 0.0) for array, i in links), default=0.0)
            found.append(
                Transfer(
                    operand,
                    outer,
                    inner,
                    inner is not None or self.architecture.latches(operand, name),
                    operand != "outputs" and any(a.links[i].kind is LinkKind.SHIFT for a, i in links),
                    self.architecture.memory(inside or name).skip_gaps,
                    hop,
                )
            )
        return tuple(found)

    def most(self, dimension: str, section: int) -> int | None:
        """The largest tile that a section may leave where no section further in has a loop over the
        dimension."""
        further = range(section + 1, len(self.shape.sections))
        if not all(dimension in self.shape.sections[s].still for s in further):
            return None
        return prod(
            rule.size
            for (at, rule), sides in zip(self.axes, self.sides, strict=True)
            if at > section and dimension in sides
        )

    def carries(self, axis: int, operand: str, section: int) -> bool:
        """Whether a link along an axis carries what the last holder at or before a section serves."""
        holder = max((at for at in self.shape.frame.holders(operand) if at <= section), default=0)
        return operand in self.linked[axis] and self.axes[axis][0] >= holder

    def start(self, section: int) -> Rows:
        """The partial mapping in which nothing is chosen before a section, and nothing counted."""
        rows = Rows.start(self.layout, self.bounds)
        for index, place in enumerate(self.shape.frame.places[: section + 1]):
            outside = [rule for at, rule in self.axes if at < index]
            rows.copies[self.memory_at[place.memory]] = prod((rule.size for rule in outside), start=1.0)
            if "outputs" in place.operands:
                rows.repeated[:] = prod(
                    (rule.size for rule in outside if set("CRS") & {*rule.first, *rule.then}), start=1.0
                )
        return rows

    def axes_before(self, section: int) -> int:
        """How many axes are outside a section."""
        return sum(at < section for at, _ in self.axes)

    # --------------------------------------------------------------------------------------- words

    def _idle_visits(self, rows: Rows, operand: str, *, shared: bool) -> Floats:
        """Visits that loops idle to the operand make, PEs that share a link counted once if `shared`."""
        number = np.ones(len(rows))
        for i in self.idle[operand]:
            inside = -(-rows.left[i] // rows.pes[i]) * rows.free[i]
            if shared:
                inside = inside * rows.shared[i]
            number *= -(-self.bounds[i] // inside)
        return number - self._saved(rows, operand, number)

    def _saved(self, rows: Rows, operand: str, visits: Floats) -> Floats:
        """Visits that short passes may save (on average over the operand's words)."""
        loose = np.zeros(len(rows), bool)
        for i in self.idle[operand]:
            loose |= rows.loose[i] > 0
        if not loose.any():
            return np.zeros(len(rows))
        part = np.zeros(len(rows))
        for i in self.relevant[operand]:
            part += rows.short[i]
        return np.where(loose, np.minimum(part, 1.0) * (visits - 1), 0.0)

    def least_words(self, rows: Rows, operand: str, *, shared: bool) -> Floats:
        """What any holder further in takes at least."""
        return self.once[operand] * self._idle_visits(rows, operand, shared=shared)

    def words(self, rows: Rows, transfer: Transfer) -> tuple[Floats, Floats]:
        """Words of a transfer that ends at the section at hand: without links, and with them."""
        operand = transfer.operand
        if not transfer.keeps:
            alone = np.full(len(rows), float(self.problem.macs))
            served = np.full(len(rows), float(self.problem.macs))
            for i in self.idle[operand]:
                served = served / self.bounds[i] * -(-self.bounds[i] // rows.shared[i])
            if operand == "inputs":
                served = served / (rows.diagonal[0] * rows.diagonal[1])
            return alone, served
        alone = self._idle_visits(rows, operand, shared=False)
        served = self._idle_visits(rows, operand, shared=True)
        if operand != "inputs":
            return self.once[operand] * alone, self.once[operand] * served
        plain = self.problem.N * self.problem.G * self.problem.C
        each = self._along(rows, 0, transfer, False) * self._along(rows, 1, transfer, False)
        together = each
        if transfer.shifts:
            together = self._along(rows, 0, transfer, True) * self._along(rows, 1, transfer, True)
        together = plain * together / (rows.diagonal[0] * rows.diagonal[1])
        return alone * plain * each, served * np.maximum(together, self.once["inputs"])

    def _tile(self, rows: Rows, dimension: str) -> Ints | int:
        return rows.left[self.at[dimension]] if dimension in self.at else 1

    def _hull(self, rows: Rows, dimension: str, transfer: Transfer) -> Ints | int:
        """What PEs that shift to each other hold of a dimension together."""
        size = self._tile(rows, dimension)
        for number, (at, _) in enumerate(self.axes):
            inside = at >= transfer.outer and (transfer.inner is None or at < transfer.inner)
            if dimension in self.at and inside and transfer.operand in self.shifted[number]:
                size = size * rows.axis(number)[self.at[dimension]]
        return size

    def _along(self, rows: Rows, axis: int, transfer: Transfer, together: bool) -> Floats:
        """Words of inputs along their rows (axis 0) or columns, over all tiles and loops along them.

        PEs that shift to each other are one receiver if `together`.
        """
        pixel, kernel = "PQ"[axis], "RS"[axis]
        problem = self.problem
        stride, dilation = problem.stride[axis], problem.dilation[axis]
        pixels, kernels = problem.bounds[pixel], problem.bounds[kernel]
        touched = float(used(pixels, kernels, stride, dilation))
        if pixels == 1 and kernels == 1:
            return np.ones(len(rows))
        if transfer.skip_gaps and (stride > 1 or dilation > 1):
            simple = pixels == 1 or kernels == 1
            return np.full(len(rows), float(pixels * kernels) if simple else touched)
        p, r = self._tile(rows, pixel), self._tile(rows, kernel)
        if together:
            p, r = self._hull(rows, pixel, transfer), self._hull(rows, kernel, transfer)
        many_p, many_r = -(-pixels // p), -(-kernels // r)
        total = many_r * stride * (pixels - many_p) + many_p * dilation * (kernels - many_r) + many_p * many_r
        total = total + np.zeros(len(rows))
        if kernels > 1:
            box = (p - 1) * stride + (r - 1) * dilation + 1
            which, trips, step, doubt = rows.slide
            moves = np.zeros(len(rows))
            saved = np.zeros(len(rows))
            for d, scale, many, other in (
                (pixel, stride, many_p, many_r),
                (kernel, dilation, many_r, many_p),
            ):
                if d in self.at:
                    slides = which == 1 + PIXELS.index(d)
                    overlap = np.maximum(box - step * scale, 0)
                    credited = np.where(slides, (many - -(-many // np.maximum(trips, 1))) * other, 0)
                    saved = saved + credited * overlap
                    moves = moves + credited
            # a sweep that begins beside where another dimension left off may find its first tile there
            beside = (doubt & BESIDE > 0) & (moves > 0)
            total = total - saved - np.where(beside, (many_p * many_r - moves) * box, 0)
            total = np.where(self._unsure(rows, pixel, kernel, p, r), np.minimum(total, touched), total)
            total = total * self._regular(rows)
        else:
            exact = rows.exact[self.at[pixel]] if pixel in self.at else 1
            total = np.where(exact, total, np.minimum(total, touched))
        return np.maximum(total, touched)

    def _regular(self, rows: Rows) -> Floats | float:
        """The part of the inputs that is walked in passes of which the formula of a window is sure."""
        loose = rows.slide[3] >= LOOSE
        if not loose.any():
            return 1.0
        part = np.zeros(len(rows))
        for i in self.relevant["inputs"]:
            part += rows.short[i]
        return np.where(loose, np.maximum(1.0 - part, 0.0), 1.0)

    def _unsure(self, rows: Rows, pixel: str, kernel: str, p: Ints | int, r: Ints | int) -> Bools:
        """Where the formula of a window is not proved: gaps between tiles that are not all as large."""
        unsure = np.zeros(len(rows), bool)
        axis = "PQ".index(pixel)
        gaps = ((r - 1) * self.problem.dilation[axis] + 1 < self.problem.stride[axis]) | (
            (p - 1) * self.problem.stride[axis] + 1 < self.problem.dilation[axis]
        )
        for d in (pixel, kernel):
            if d in self.at:
                unsure = unsure | ((rows.exact[self.at[d]] == 0) & gaps)
        return unsure

    # --------------------------------------------------------------------------------------- energy

    def _word_pj(self, price_pj: float, price: MemoryPrice, bits: int) -> float:
        """pJ of a word among many: packed as tightly as can be."""
        if price.bits is None:
            return price_pj * bits
        if bits > price.bits:
            return price_pj * -(-bits // price.bits)
        return price_pj / (price.bits // bits)

    def _price(self, memory: str) -> MemoryPrice:
        return self.prices.memories.get(memory, MemoryPrice(0.0, 0.0, 0.0))

    def _pj(self, memory: str, action: str, operand: str, partial: Floats | None = None) -> Floats | float:
        """pJ of a word; outputs where `partial` are as wide as sums."""
        price = self._price(memory)
        pj = {"read": price.read_pj, "fill": price.fill_pj, "update": price.update_pj}[action]
        narrow = self._word_pj(pj, price, self.widths[operand])
        if operand != "outputs" or partial is None:
            return narrow
        return np.where(partial > 0, self._word_pj(pj, price, self.problem.bits.sums), narrow)

    def settle(self, rows: Rows, section: int, own: list[int]) -> None:
        """Account for what ends behind a section, all its tiles being chosen: words, energy, bits held."""
        last = section + 1 == len(self.shape.sections)
        operands = OPERANDS if last else self.shape.frame.places[section + 1].operands
        self._note_diagonals(rows, section, own)
        for operand in operands:
            (transfer,) = [t for t in self.transfers[operand] if t.inner == (None if last else section + 1)]
            self._settle(rows, transfer)
        if last:
            return
        place = self.shape.frame.places[section + 1]
        memory = self.memory_at[place.memory]
        rows.copies[memory] = rows.instances
        for operand in place.operands:
            for i in self.idle[operand]:
                rows.shared[i] = 1
            if operand == "inputs":
                rows.diagonal[:] = 1.0
            if operand == "outputs":
                rows.repeated[:] = rows.reducing
        rows.held[memory] += self.tile_bits(rows, section + 1)

    def _settle(self, rows: Rows, transfer: Transfer) -> None:
        operand = transfer.operand
        places = self.shape.frame.places
        outer = places[transfer.outer].memory
        at = self.memory_at[outer]
        alone, served = self.words(rows, transfer)
        reads, width = served, float(self.widths[operand])
        partial = None
        wide: Floats | float = width
        if operand == "outputs":
            partial = np.maximum(served - self.once[operand] * rows.repeated, 0.0)
            reads = partial
            wide = np.where(partial > 0, float(self.problem.bits.sums), width)
            rows.energy[:] += served * self._pj(outer, "update", operand, partial)
            rows.writes[at] += served * wide
        rows.energy[:] += reads * self._pj(outer, "read", operand, partial)
        if transfer.hop_pj > 0.0:
            saved = transfer.hop_pj * np.maximum(alone - served, 0.0)
            if transfer.shifts:
                saved[:] = 0.0
            elif not self._hops(transfer):
                saved = np.where((rows.exact == 1).all(axis=0) & (rows.slide[3] == 0), saved, 0.0)
            rows.energy[:] += saved
        rows.reads[at] += reads * wide
        if transfer.outer == 0 and transfer.inner is not None and self.waits:
            visits = rows.steps.copy()
            for i in self.idle[operand]:
                visits = visits / rows.free[i]
            rows.loads[:] = np.maximum(rows.loads, visits * (1 - 1e-12))
        if transfer.inner is not None:
            inner = places[transfer.inner].memory
            fills = alone
            filled = None
            wide = width
            if operand == "outputs":
                fills = np.maximum(alone - self.once[operand] * rows.reducing, 0.0)
                filled = fills
                wide = np.where(fills > 0, float(self.problem.bits.sums), width)
            rows.energy[:] += fills * self._pj(inner, "fill", operand, filled)
            if not self.hidden_fills[self.memory_at[inner]]:
                rows.writes[self.memory_at[inner]] += fills * wide

    def _hops(self, transfer: Transfer) -> bool:
        """Whether a word over a link is cheaper than one out of the memory, so that less of both is
        cheaper."""
        outer = self.shape.frame.places[transfer.outer].memory
        action = "update" if transfer.operand == "outputs" else "read"
        pj = self._pj(outer, action, transfer.operand)
        return transfer.hop_pj <= float(np.min(pj))

    def _note_diagonals(self, rows: Rows, section: int, own: list[int]) -> None:
        """Rows of inputs that PEs along pixels and kernel have in common, on linked axes of the section."""
        linked = [a for a in own if self.carries(a, "inputs", section) and "inputs" not in self.shifted[a]]
        for axis, (pixel, kernel) in enumerate((("P", "R"), ("Q", "S"))):
            if not linked or pixel not in self.at or kernel not in self.at:
                continue
            own_pes = [
                prod((rows.axis(a)[self.at[d]] for a in linked), start=np.ones(len(rows), np.int64))
                for d in (pixel, kernel)
            ]
            split = [
                sum((rows.axis(a)[self.at[d]] > 1).astype(np.int64) for a in linked) for d in (pixel, kernel)
            ]
            a = rows.left[self.at[pixel]] * self.problem.stride[axis]
            b = rows.left[self.at[kernel]] * self.problem.dilation[axis]
            common = np.gcd(a, b)
            again = np.maximum(own_pes[0] - b // common, 0) * np.maximum(own_pes[1] - a // common, 0)
            both = own_pes[0] * own_pes[1]
            simple = (split[0] <= 1) & (split[1] <= 1) & (rows.diagonal[axis] == 1.0)
            ratio = np.where(simple, both / (both - again), np.minimum(own_pes[0], own_pes[1]))
            rows.diagonal[axis] *= np.where((own_pes[0] > 1) & (own_pes[1] > 1), ratio, 1.0)

    # ------------------------------------------------------------------------------------- capacity

    def tile_bits(self, rows: Rows, place: int, chosen: frozenset[str] | None = None) -> Floats:
        """Bits that a place holds, at least; of dimensions that are not `chosen` yet, one iteration."""
        own = self.shape.frame.places[place]
        memory = self.architecture.memory(own.memory)
        bits = np.zeros(len(rows))
        for operand in own.operands:
            words = self._tile_words(rows, operand, memory, chosen)
            if memory.buffering is Buffering.DOUBLE:
                moved = np.zeros(len(rows), bool)
                for i in self.relevant[operand]:
                    moved |= rows.uncut[i] == 0
                words = words * (1 + moved)
            bits += words * self.widths[operand]
        return bits

    def _tile_words(self, rows: Rows, operand: str, memory: Memory, chosen: frozenset[str] | None) -> Floats:
        def size(d: str) -> Ints | int:
            known = d in self.at and (chosen is None or d in chosen)
            return rows.left[self.at[d]] if known else 1

        words = np.ones(len(rows))
        if operand != "inputs":
            for d in RELEVANT[operand]:
                words *= size(d)
            return words
        for d in "NGC":
            words *= size(d)
        for axis, (pixel, kernel) in enumerate((("P", "R"), ("Q", "S"))):
            stride, dilation = self.problem.stride[axis], self.problem.dilation[axis]
            if memory.skip_gaps and (stride > 1 or dilation > 1):
                words *= np.maximum(size(pixel), size(kernel))
            else:
                words *= (size(pixel) - 1) * stride + (size(kernel) - 1) * dilation + 1
        return words

    # ----------------------------------------------------------------------------------- both bounds

    def of(
        self, rows: Rows, section: int, unrolled: int, room: Ints | None = None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """What no completion in or behind `section` beats; all settled: `section` = number of sections.

        Cycles of everything inside the outermost memory, cycles of that memory, pJ of the transfers that end
        before or behind this section, pJ of those that end further in. `unrolled` axes are chosen (counted
        from the outside); of the one at hand, `room` PEs are left.
        """
        energy = rows.energy + self.mac_pj
        further = np.zeros(len(rows))
        reads, writes = rows.reads, rows.writes
        if section < len(self.shape.sections):
            reads, writes = reads.copy(), writes.copy()
            for operand in OPERANDS:
                here, inside = self._to_come(rows, operand, section, unrolled, reads, writes)
                energy = energy + here
                further = further + inside
        time = self._inner_cycles(rows, section, unrolled, room, reads, writes)
        top = self._port(self.memories[0], 0, rows, reads, writes)
        if self.waits:
            top = top + self.memories[0].latency_cycles * rows.loads
        return time, top, energy, further

    def together(self, inside: Floats, top: Floats, energy: Floats) -> tuple[Floats, Floats]:
        """Cycles and pJ of the whole, leakage included."""
        if self.waits:
            cycles = inside + top
        else:
            cycles = np.maximum(inside, top) + self.memories[0].latency_cycles
        return cycles, energy + self.leakage * cycles

    def _to_come(
        self, rows: Rows, operand: str, section: int, unrolled: int, reads: Floats, writes: Floats
    ) -> tuple[Floats, Floats]:
        left = [t for t in self.transfers[operand] if t.inner is None or t.inner > section]
        places = self.shape.frame.places
        here, further = np.zeros(len(rows)), np.zeros(len(rows))
        ends = section + 1 if section + 1 < len(self.shape.sections) else None
        served = self.least_words(rows, operand, shared=True)
        alone = self.least_words(rows, operand, shared=False)
        for number, transfer in enumerate(left):
            outer = places[transfer.outer].memory
            least = served if number == 0 else alone
            energy = here if transfer.inner == ends else further
            if transfer.inner is None and not transfer.keeps and not transfer.shifts:
                least = np.maximum(least, self._mac_words(rows, transfer, unrolled, number == 0))
            if operand == "outputs":
                repeated = rows.repeated if number == 0 else None
                again = np.zeros(len(rows))
                if repeated is not None:
                    again = np.maximum(least - self.once[operand] * repeated, 0.0)
                energy += least * self._pj(outer, "update", operand, again)
                energy += again * self._pj(outer, "read", operand, again)
            else:
                energy += least * self._pj(outer, "read", operand)
            if number == 0:
                at = self.memory_at[outer]
                if operand == "outputs":
                    writes[at] += least * self.widths[operand]
                else:
                    reads[at] += least * self.widths[operand]
            if transfer.inner is not None:
                fills = alone
                if operand == "outputs":
                    fills = np.maximum(alone - self.once[operand] * rows.reducing, 0.0)
                energy += fills * self._pj(places[transfer.inner].memory, "fill", operand)
        return here, further

    def _mac_words(self, rows: Rows, transfer: Transfer, unrolled: int, current: bool) -> Floats:
        """Words that the MACs take, all links that are still to come being used to the full."""
        room = prod(
            rule.size
            for number, (at, rule) in enumerate(self.axes)
            if number >= unrolled and at >= transfer.outer and transfer.operand in self.linked[number]
        )
        words = np.full(len(rows), self.problem.macs / room)
        if current:
            for i in self.idle[transfer.operand]:
                words /= rows.shared[i]
            if transfer.operand == "inputs":
                words /= rows.diagonal[0] * rows.diagonal[1]
        return words

    def _inner_cycles(
        self,
        rows: Rows,
        section: int,
        unrolled: int,
        room: Ints | None,
        reads: Floats,
        writes: Floats,
    ) -> Floats:
        steps = rows.steps
        if section < len(self.shape.sections):
            pes = np.ones(len(rows)) if room is None else room.astype(np.float64)
            for number in range(unrolled + (room is not None), len(self.axes)):
                pes = pes * self.useful[number]
            ahead = np.ones(len(rows))
            for i in range(self.layout.d):
                ahead *= -(-rows.left[i] // rows.pes[i])
            steps = steps * np.maximum(ahead / pes, 1.0)
        time = np.ceil(steps * self.per_step * (1 - 1e-12))
        for at in range(len(self.memories) - 1, 0, -1):
            memory = self.memories[at]
            if self.shape.frame.first_inside(memory.name) is not None:
                time = np.maximum(time, self._port(memory, at, rows, reads, writes)) + memory.latency_cycles
        return time

    def _port(self, memory: Memory, at: int, rows: Rows, reads: Floats, writes: Floats) -> Floats:
        copies = np.maximum(rows.copies[at], 1.0)
        groups = [(reads[at] + writes[at], memory.read_bits_per_cycle or memory.write_bits_per_cycle)]
        if memory.ports is Ports.SEPARATE:
            groups = [(reads[at], memory.read_bits_per_cycle), (writes[at], memory.write_bits_per_cycle)]
        busy = np.zeros(len(rows))
        for bits, rate in groups:
            if rate is not None:
                busy = np.maximum(busy, bits / (copies * float(rate)))
            if memory.accesses_per_cycle is not None and memory.width_bits is not None:
                per_cycle = float(memory.accesses_per_cycle) * memory.width_bits
                busy = np.maximum(busy, bits / (copies * per_cycle))
        return np.ceil(busy * (1 - 1e-12))
