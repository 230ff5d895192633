"""The cost of a family of mappings as sums of exponentials of linear quantities, from below.

Words that pass between two places are a tensor's words times the visits of idle loops (`graph.py`); pJ are
prices times words; cycles are at least the compute steps, and at least what each port works. Left out is
what can only cost more, as links with a bandwidth. What cannot be bounded by its parts (packing of last
words, first loads and last stores, sums that come back) is known of complete choices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

from dovetail.accel.architecture import Architecture, Array, Buffering, LinkKind, Memory, Ports
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.halo import used
from dovetail.costmodel.latency import mac_rate
from dovetail.costmodel.mapper.family import Choice, visits
from dovetail.costmodel.mapper.graph import AXES, WINDOWS, Graph, column
from dovetail.costmodel.mapper.mapspace import Mapspace, Shape
from dovetail.costmodel.mapper.orders import IDLE
from dovetail.dsl.problem import OPERANDS

Name = tuple[tuple[tuple[bool, ...], bool, bool | None, str | None], ...]
Entries = tuple[tuple[int, int, float], ...]
"""A quantity: section, column, factor."""


@dataclass(frozen=True, slots=True)
class Term:
    """exp(quantity) times a number; the larger one where there is another quantity."""

    number: float
    entries: Entries = ()
    other: Entries | None = None
    access_pj: float = 0.0
    """Of pJ: what one access takes, which is not made in part; 0 where that is not known."""
    copies: Entries = ()
    """How many memories share the accesses evenly."""

    def times(self, factor: float, more: Entries = ()) -> Term:
        """The same, so many times as much."""
        other = None if self.other is None else (*self.other, *more)
        return Term(self.number * factor, (*self.entries, *more), other)


@dataclass(frozen=True, slots=True)
class Spill:
    """Sums that are not final when they leave: they come back, and are wider."""

    words: Term
    first: Term
    """First visits, for which nothing comes back."""
    again_pj: float
    """Of a word that comes back, more than `energy` says."""
    wider_pj: float
    """Of each word."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one transfer costs; `reads` and `writes` in bits, by memory."""

    energy: tuple[Term, ...]
    returned: float
    spills: tuple[Spill, ...]
    reads: tuple[tuple[str, Term], ...]
    writes: tuple[tuple[str, Term], ...]


@dataclass(frozen=True, slots=True)
class Transfer:
    """What passes between two places of an operand, or a place and the MACs (`inner` None)."""

    operand: str
    outer: int
    inner: int | None
    keeps: bool
    shifts: bool
    """Some link on the way shifts words from neighbour to neighbour."""
    meets: bool
    """PEs along pixels and kernels may read one word together."""
    skip_gaps: bool
    hop_pj: float
    """What the cheapest link on the way takes for a word."""
    shift_pj: float
    """The same of links that shift."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Cycles that each fold of a systolic array pays."""

    skew: int
    shifted: int
    """To load what stays in the PEs, or to bring sums out."""
    stays: Transfer | None
    """A fold is one stay of it; None where only one fold is sure."""
    overlap: bool
    """Folds overlap: all but one pay only what is longer than their compute steps."""


@dataclass(frozen=True, slots=True)
class Late:
    """What a double buffer exposes: its first load and its last store, each a step of its tiles at most."""

    loads: tuple[tuple[Term, ...], ...]
    """Cycles of each port at work."""
    stores: tuple[tuple[Term, ...], ...]
    steps: tuple[Term, ...]
    """Tiles of each operand, one after the other."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Of a family: all mappings of it cost at least this."""

    energy: tuple[Term, ...]
    """pJ, without leakage."""
    returned: float
    """pJ that `energy` counts too many."""
    spills: tuple[Spill, ...]
    cycles: tuple[tuple[Term, ...], ...]
    """Cycles are at least each of these sums."""
    computing: int
    """So many terms of the first sum are compute steps."""
    lates: tuple[Late, ...]
    """Double buffers, the innermost first."""
    late: tuple[int, ...]
    """Of each sum, the first double buffer whose exposed transfers are paid besides."""
    capacities: tuple[tuple[float, tuple[Term, ...]], ...]
    """Bits of each memory with a size, and what is held."""
    axes: tuple[tuple[int, Entries], ...]
    """PEs along each axis, and how many are used."""


class Terms:
    """The terms of one shape; nothing in it changes."""

    def __init__(
        self, space: Mapspace, shape: Shape, prices: EnergyTable, leakage_pj_per_cycle: float = 0.0
    ) -> None:
        self.space, self.shape, self.prices, self.leakage = space, shape, prices, leakage_pj_per_cycle
        self.problem = space.rules.problem
        self.architecture: Architecture = space.architecture
        self.memories = self.architecture.memories
        self.sections = len(shape.sections)
        self.axes = [(at, rule) for at, section in enumerate(shape.sections) for rule in section.axes]
        self.linked = [self._linked(rule.array, rule.axis) for _, rule in self.axes]
        self.shifted = [self._linked(rule.array, rule.axis, LinkKind.SHIFT) for _, rule in self.axes]
        self.graph = Graph(space, shape, self.linked, self.shifted)
        self.transfers = tuple(t for operand in OPERANDS for t in self._transfers(operand))
        flow = space.rules.dataflow
        skips = flow is not None and flow.name in self.architecture.mac.skip_zero_weights_in
        zeros = self.problem.weight_zeros if skips else 0.0
        self.steps_each = (1 - zeros) * (1 - 1e-12) / float(mac_rate(self.problem, self.architecture.mac))
        self.mac_pj = self.problem.macs * (1 - zeros) * prices.mac_pj
        self.waits = not self.architecture.overlap_transfers
        bits = self.problem.bits
        self.widths = {
            "weights": bits.weights,
            "inputs": bits.inputs,
            "outputs": min(bits.outputs, bits.sums),
        }
        self.once = {operand: float(self.problem.words(operand)) for operand in OPERANDS}
        whole = self.problem
        rows, columns = (
            used(pixels, kernels, whole.stride[axis], whole.dilation[axis])
            for axis, (pixels, kernels) in enumerate(((whole.P, whole.R), (whole.Q, whole.S)))
        )
        self.once["inputs"] = float(whole.N * whole.G * whole.C * rows * columns)
        self._parts: dict[object, Part] = {}
        self.repeated = {operand: prod(self.problem.bounds[d] for d in IDLE[operand]) for operand in OPERANDS}

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
                    operand == "inputs" and self._meet(outer, inner),
                    self.architecture.memory(inside or name).skip_gaps,
                    hop,
                    min(
                        (
                            self.prices.links.get((array.name, i), 0.0)
                            for array, i in links
                            if array.links[i].kind is LinkKind.SHIFT
                        ),
                        default=0.0,
                    ),
                )
            )
        return tuple(found)

    def _meet(self, outer: int, inner: int | None) -> bool:
        """Whether pixels and kernels can both be unrolled along links that carry inputs."""
        end = self.sections if inner is None else inner
        sides = {
            d
            for (at, rule), linked in zip(self.axes, self.linked, strict=True)
            if outer <= at < end and "inputs" in linked
            for d in (*rule.first, *rule.then)
        }
        return {"P", "R"} <= sides or {"Q", "S"} <= sides

    # --------------------------------------------------------------------------------------- prices

    def _word_pj(self, price_pj: float, price: MemoryPrice, bits: int) -> float:
        """pJ of a word among many: packed as tightly as can be."""
        if price.bits is None:
            return price_pj * bits
        if bits > price.bits:
            return price_pj * -(-bits // price.bits)
        return price_pj / (price.bits // bits)

    def _pj(self, memory: str, action: str, operand: str, bits: int | None = None) -> float:
        price = self.prices.memories.get(memory, MemoryPrice(0.0, 0.0, 0.0))
        pj = {"read": price.read_pj, "fill": price.fill_pj, "update": price.update_pj}[action]
        return self._word_pj(pj, price, self.widths[operand] if bits is None else bits)

    def _packed(self, words: Term, place: int, action: str, operand: str, word_pj: float) -> Term:
        """pJ of words that a place's memories read or write, packed where nothing else is in their price."""
        priced = words.times(word_pj)
        price = self.prices.memories.get(self.shape.frame.places[place].memory)
        if price is None or price.bits is None or self.widths[operand] > price.bits:
            return priced
        if word_pj != self._pj(self.shape.frame.places[place].memory, action, operand):
            return priced
        if operand == "outputs" and self.problem.bits.sums != self.problem.bits.outputs:
            return priced  # how wide a word is depends on whether the sums are final
        access_pj = {"read": price.read_pj, "fill": price.fill_pj, "update": price.update_pj}[action]
        return replace(priced, access_pj=access_pj, copies=self._copies(place))

    def _copies(self, place: int) -> Entries:
        """How many instances of a place's memory are used."""
        return tuple((s, column("busy"), 1.0) for s in range(place) if any(at == s for at, _ in self.axes))

    # -------------------------------------------------------------------------------------- counts

    def _words(self, family: tuple[Choice | None, ...], t: Transfer) -> tuple[Term, Term]:
        """Words of a transfer: as the receivers get them, and as they leave what serves them.

        Short passes may save visits: then there are fewer words, but never fewer than if nothing came again.
        """
        o = t.operand
        if not t.keeps:
            each = self.problem.macs / self.repeated[o]
            shared = [
                (s, column("shared" if s >= t.outer else "alone", o), 1.0) for s in range(self.sections)
            ]
            if o == "inputs" and (t.meets or t.shifts):
                shared += [(s, column("merged"), -1.0) for s in range(t.outer, self.sections)]
            return Term(float(self.problem.macs)), Term(each, tuple(shared))
        inner = self.sections if t.inner is None else t.inner
        own = visits(family, o, inner)
        counted = own.counted

        def words(served: bool, hull: str | None) -> Term:
            names = ["shared" if served and s >= t.outer else "alone" for s in range(inner)]
            once = [(s, column("kept_" + name, o), 1.0) for s, name in enumerate(names)]
            again = [
                (s, column(name if counted[s] else "kept_" + name, o), 1.0) for s, name in enumerate(names)
            ]
            firm = [] if own.firm else [(s, column("firm", o), 1.0) for s in range(inner)]
            window = self._window(family, t, inner, hull) if o == "inputs" and hull is not None else []
            if not firm or not any(counted):
                return Term(self.once[o], (*again, *window))
            return Term(self.once[o], (*again, *window, *firm), tuple(once))

        if t.skip_gaps:
            return words(False, None), words(True, None)
        if t.shifts:
            return words(False, ""), words(True, "hull_")
        return words(False, ""), words(True, None if t.meets else "")

    def _window(
        self, family: tuple[Choice | None, ...], t: Transfer, inner: int, hull: str
    ) -> list[tuple[int, int, float]]:
        """What tiles of inputs that overlap bring again: only along one axis do they slide."""
        at = inner - 1
        if hull:
            sections = {
                s
                for (s, _), shifted in zip(self.axes, self.shifted, strict=True)
                if t.outer <= s < inner and t.operand in shifted
            }
            if t.inner is None and len(sections) == 1:
                (at,), hull = sections, "line_"
            elif sections - {at}:
                return []
        choice = family[inner - 1]
        slides = None if choice is None else choice.slides
        return [
            (at, column(f"{hull}{'slid' if slides in (None, axis) else 'boxed'}_{axis}"), 1.0)
            for axis in WINDOWS
        ]

    def _before_shifts(self, family: tuple[Choice | None, ...], t: Transfer) -> Term:
        """Words that PEs would get if they did not shift to each other."""
        if not t.keeps:
            return self._words(family, t)[1]
        return self._words(family, replace(t, shifts=False, meets=False))[1]

    def _loads(self, family: tuple[Choice | None, ...], operand: str, place: int | None) -> Term:
        """Tiles that come to a place (None: to the MACs) one after the other."""
        inner = self.sections if place is None else place
        counted = visits(family, operand, inner).counted
        entries = [(s, column("related", operand), 1.0) for s in range(inner)]
        entries += [(s, column("idle", operand), 1.0) for s in range(inner) if counted[s]]
        return Term(1.0 - 1e-12, tuple(entries))

    def _spreads(self, operand: str, place: int) -> bool:
        """Whether loops idle to an operand can be unrolled outside a place."""
        return any(at < place and set(IDLE[operand]) & {*rule.first, *rule.then} for at, rule in self.axes)

    def _again(self, t: Transfer, shared: Term, alone: Term) -> tuple[float, float, list[Spill]]:
        """pJ of a word of sums read, and filled, again; and what is known of complete choices only.

        Nothing comes back for the first visit: of each PE that adds up for itself, so that the words are
        known only where none do.
        """
        bits, o = self.problem.bits, t.operand
        outer = self.shape.frame.places[t.outer].memory
        ends = [(shared, outer, "read", t.outer)]
        if t.inner is not None:
            ends.append((alone, self.shape.frame.places[t.inner].memory, "fill", t.inner))
        pj, spills = [0.0, 0.0], []
        for which, (words, memory, action, place) in enumerate(ends):
            wide = self._pj(memory, action, o, bits.sums)
            if not self._spreads(o, place):
                pj[which] = min(wide, self._pj(memory, action, o))
            wider = 0.0
            if action == "read":
                wider = self._pj(memory, "update", o, bits.sums) - self._pj(memory, "update", o)
            first = tuple((s, column("adders"), 1.0) for s in range(place))
            spills.append(Spill(words, Term(self.once[o], first), wide - pj[which], max(wider, 0.0)))
        return pj[0], pj[1], spills

    # --------------------------------------------------------------------------------------- costs

    def name(self, family: tuple[Choice | None, ...]) -> Name:
        """What the costs of a family depend on: families of one name cost the same."""
        parts = []
        for t in self.transfers:
            inner = self.sections if t.inner is None else t.inner
            own, last = visits(family, t.operand, inner), family[inner - 1]
            parts.append((own.counted, own.firm, own.moved, None if last is None else last.slides))
        return tuple(parts)

    def costs(self, family: tuple[Choice | None, ...]) -> Costs:
        """Of all mappings of a family."""
        parts = []
        for t, name in zip(self.transfers, self.name(family), strict=True):
            if (t, name) not in self._parts:
                self._parts[t, name] = self._part(family, t)
            parts.append(self._parts[t, name])
        reads: dict[str, list[Term]] = {}
        writes: dict[str, list[Term]] = {}
        for part in parts:
            for own, ports in ((part.reads, reads), (part.writes, writes)):
                for memory, term in own:
                    ports.setdefault(memory, []).append(term)
        cycles, computing, lates, late = self._cycles(family, reads, writes)
        return Costs(
            (Term(self.mac_pj), *(term for part in parts for term in part.energy))[self.mac_pj <= 0.0 :],
            sum(part.returned for part in parts),
            tuple(spill for part in parts for spill in part.spills),
            cycles,
            computing,
            lates,
            late,
            self._capacities(family),
            tuple((rule.size, ((at, AXES + number, 1.0),)) for number, (at, rule) in enumerate(self.axes)),
        )

    def _part(self, family: tuple[Choice | None, ...], t: Transfer) -> Part:
        """What one transfer costs."""
        places, o, width = self.shape.frame.places, t.operand, self.widths[t.operand]
        alone, shared = self._words(family, t)
        outer = places[t.outer].memory
        energy, returned = [], 0.0
        spills: list[Spill] = []
        ports = [(outer, shared.times(width))]
        fills = []
        action = "update" if o == "outputs" else "read"
        served_pj = self._pj(outer, action, o)
        if 0.0 < t.hop_pj <= served_pj and not t.shifts:
            energy.append(alone.times(t.hop_pj))
            served_pj -= t.hop_pj
        if 0.0 < t.shift_pj <= served_pj and t.shifts:
            energy.append(self._before_shifts(family, t).times(t.shift_pj))
            served_pj -= t.shift_pj
        energy.append(self._packed(shared, t.outer, action, o, served_pj))
        if o == "outputs":
            again_pj, fill_pj, spills = self._again(t, shared, alone)
            energy += [shared.times(again_pj), alone.times(fill_pj)]
            returned = (again_pj + fill_pj) * self.once[o]
        elif t.inner is not None:
            inner = places[t.inner].memory
            fill_pj = self._pj(inner, "fill", o)
            energy.append(self._packed(alone, t.inner, "fill", o, fill_pj))
            # what the outermost memory loads while everything waits does not occupy the port it goes to
            buffering = self.architecture.memory(inner).buffering
            if not (self.waits and buffering in (Buffering.SINGLE, Buffering.AUTO)):
                fills = [(inner, alone.times(width))]
        return Part(
            tuple(term for term in energy if term.number > 0.0),
            returned,
            tuple(spills),
            () if o == "outputs" else tuple(ports),
            tuple(ports) if o == "outputs" else tuple(fills),
        )

    def _cycles(
        self, family: tuple[Choice | None, ...], reads: dict[str, list[Term]], writes: dict[str, list[Term]]
    ) -> tuple[tuple[tuple[Term, ...], ...], int, tuple[Late, ...], tuple[int, ...]]:
        """Sums that cycles are at least, how many terms are compute steps, and what double buffers add."""
        inside = self._computing(family)
        late = [0] * len(inside)
        lates: list[Late] = []
        for memory in reversed(self.memories[1:]):
            own = self._ports(memory, reads.get(memory.name, []), writes.get(memory.name, []))
            waiting = (Term(float(memory.latency_cycles)),) if memory.latency_cycles else ()
            inside += [(*port, *waiting) for port in own]
            late += [len(lates)] * len(own)
            exposed = self._late(family, memory)
            if exposed is not None:
                lates.append(exposed)
        top = self._ports(
            self.memories[0], reads.get(self.memories[0].name, []), writes.get(self.memories[0].name, [])
        )
        latency = float(self.memories[0].latency_cycles)
        computing = len(inside[0])
        if not self.waits:
            waiting = (Term(latency),) if latency else ()
            sums = tuple((*own, *waiting) for own in (*inside, *top))
            return sums, computing, tuple(lates), (*late, *[len(lates)] * len(top))
        if latency:
            # a stream to the MACs waits once
            loads = [
                Term(1.0) if t.inner is None else self._loads(family, t.operand, t.inner)
                for t in self.transfers
                if t.outer == 0
            ]
            top = [(*port, load.times(latency)) for port in top or [()] for load in loads]
        ends = top or [()]
        sums = tuple((*a, *b) for a in inside for b in ends)
        return sums, computing, tuple(lates), tuple(own for own in late for _ in ends)

    def _late(self, family: tuple[Choice | None, ...], memory: Memory) -> Late | None:
        """What a double buffer exposes; None where that is not known."""
        places = [(at, own) for at, own in enumerate(self.shape.frame.places) if own.memory == memory.name]
        held = [(o, at) for at, own in places for o in own.operands]
        if not held or memory.buffering is not Buffering.DOUBLE:
            return None
        if None in family or any(visits(family, o, at).moved is None for o, at in held):
            return None
        sources: dict[str, list[Transfer]] = {}
        for t in self.transfers:
            if t.inner in [at for at, _ in places] and not (self.waits and t.outer == 0):
                sources.setdefault(self.shape.frame.places[t.outer].memory, []).append(t)
        loaded = [t for own in sources.values() for t in own if t.operand != "outputs"]
        loads = [self._tiles(loaded, memory, "write", together=False)]
        stores = []
        for name, own in sources.items():
            source = self.architecture.memory(name)
            loads.append(self._tiles([t for t in own if t in loaded], source, "read"))
            stores.append(self._tiles([t for t in own if t not in loaded], source, "write"))
        return Late(
            tuple(port for port in loads if port),
            tuple(port for port in stores if port),
            tuple(self._loads(family, o, at) for o, at in held),
        )

    def _tiles(
        self, transfers: list[Transfer], memory: Memory, action: str, *, together: bool = True
    ) -> tuple[Term, ...]:
        """Cycles that a port of one instance takes for a tile of each transfer, or of all that it serves."""
        rate = self._rate(memory, action)
        if rate is None:
            return ()
        found = []
        for t in transfers:
            assert t.inner is not None
            apart = tuple((s, column("apart", t.operand), 1.0) for s in range(t.outer, t.inner) if together)
            words = Term(self.widths[t.operand], (*self._tile(t.operand, t.inner), *apart))
            found.append(words.times((1 - 1e-12) / rate))
        return tuple(found)

    def _rate(self, memory: Memory, action: str) -> float | None:
        """Bits that a port moves in a cycle; None where any number."""
        rates = []
        both = memory.ports is Ports.SHARED
        rate = memory.write_bits_per_cycle if action == "write" and not both else memory.read_bits_per_cycle
        if both and rate is None:
            rate = memory.write_bits_per_cycle
        if rate is not None:
            rates.append(float(rate))
        if memory.accesses_per_cycle is not None and memory.width_bits is not None:
            rates.append(float(memory.accesses_per_cycle) * memory.width_bits)
        return min(rates, default=None)

    def _computing(self, family: tuple[Choice | None, ...]) -> list[tuple[Term, ...]]:
        """Compute steps, with what folds of systolic arrays pay besides (`latency.py`)."""
        compute = Term(self.steps_each, tuple((s, column("trips"), 1.0) for s in range(self.sections)))
        folds = [fold for array in self.architecture.arrays if (fold := self._fold(array)) is not None]
        once = sum(fold.skew + fold.shifted for fold in folds)

        def sums(*terms: Term, paid: int = 0) -> tuple[Term, ...]:
            return (*terms, Term(float(once - paid))) if once > paid else terms

        found = [sums(compute)]
        for fold in folds:
            if fold.stays is None:
                continue
            number = self._loads(family, fold.stays.operand, fold.stays.inner)
            if fold.overlap:
                # a fold takes as long as the next one's load; written so, it is never too much, as the larger
                # of the two sums rises with compute steps and with folds
                shared = tuple((s, name, -factor) for s, name, factor in number.entries)
                found.append(
                    sums(compute.times(1 - 1e-12, shared), number.times(fold.shifted), paid=fold.shifted)
                )
            else:
                each = fold.skew + fold.shifted
                found.append(sums(compute, number.times(each), paid=each))
        return found

    def _fold(self, array: Array) -> Fold | None:
        """What the folds of an array pay, None for nothing."""
        timing = array.timing
        size = {axis.name: axis.size for axis in array.axes}
        skew = sum(own - 1 for own in size.values()) if timing.skew else 0
        load, drain = size.get(timing.load or "", 0), size.get(timing.drain or "", 0)
        stays = self._stay(array)
        shifted = min((drain if t.operand == "outputs" else load for t in stays), default=0)
        if not skew + shifted:
            return None
        known = len(stays) == 1 and (shifted > 0 or not timing.overlap)
        return Fold(skew, shifted, stays[0] if known else None, timing.overlap)

    def _stay(self, array: Array) -> list[Transfer]:
        """What crosses an array and stays in its PEs for a fold: in a memory there, else at the MACs."""
        levels = [level.name for level in self.architecture.levels]
        places = self.shape.frame.places
        at = levels.index(array.name)
        crossing = [
            t
            for t in self.transfers
            if levels.index(places[t.outer].memory) < at
            and (t.inner is None or levels.index(places[t.inner].memory) > at)
        ]
        return [t for t in crossing if t.inner is not None] or [t for t in crossing if t.keeps]

    def _ports(self, memory: Memory, reads: list[Term], writes: list[Term]) -> list[tuple[Term, ...]]:
        """Cycles that each port works."""
        place = max(
            (p for p, own in enumerate(self.shape.frame.places) if own.memory == memory.name), default=0
        )
        copies = tuple((at, name, -factor) for at, name, factor in self._copies(place))
        groups = [([*reads, *writes], "read")]
        if memory.ports is Ports.SEPARATE:
            groups = [(reads, "read"), (writes, "write")]
        found = []
        for bits, action in groups:
            rate = self._rate(memory, action)
            if bits and rate is not None:
                found.append(tuple(term.times(1 / rate, copies) for term in bits))
        return found

    def _tile(self, operand: str, place: int) -> Entries:
        """Words of a tile that a place holds."""
        packed = self.architecture.memory(self.shape.frame.places[place].memory).skip_gaps
        if packed and operand == "inputs" and max(*self.problem.stride, *self.problem.dilation) > 1:
            return ((place - 1, column("packed"), 1.0),)
        return ((place - 1, column("tile", operand), 1.0),)

    def _capacities(self, family: tuple[Choice | None, ...]) -> tuple[tuple[float, tuple[Term, ...]], ...]:
        held: dict[str, list[Term]] = {}
        for at, place in enumerate(self.shape.frame.places):
            memory = self.architecture.memory(place.memory)
            if at == 0 or memory.size_bits is None:
                continue
            for o in place.operands:
                moved = memory.buffering is Buffering.DOUBLE and visits(family, o, at).moved
                bits = self.widths[o] * (2.0 if moved else 1.0)
                held.setdefault(place.memory, []).append(Term(bits, self._tile(o, at)))
        return tuple(
            (float(self.architecture.memory(name).size_bits or 0), tuple(terms))
            for name, terms in held.items()
        )
