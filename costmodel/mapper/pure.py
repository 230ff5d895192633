"""The inner loops of the mapper in plain Python: what `_kernel.c` computes, step by step, slower.

It is used where the kernel was not built, and the tests compare the two. Numbers are added in the kernel's
order, and with `math`, not NumPy, wherever rounding could decide which of two equal paths is taken: then both
walk the same way. `relaxation.py` says why the bounds are bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, inf, log, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dovetail.costmodel.mapper.graph import Graph
from dovetail.costmodel.mapper.kernel import FULL, IMPATIENT, TOO_MANY_PATHS

if TYPE_CHECKING:
    from dovetail.costmodel.mapper.relaxation import Family, Wish

Floats = NDArray[np.float64]
Edges = NDArray[np.int32]

NEVER = 1e300
"""Weight of an edge that a family forbids."""
COLD, WARM = 14, 6
"""Steps of conditional gradients, from nothing and from a relaxed family's state."""


class Term(NamedTuple):
    """exp(log + quantity)."""

    quantity: int
    log: float


class Entry(NamedTuple):
    """A part of a quantity."""

    section: int
    column: int
    factor: float


class Spill(NamedTuple):
    """Sums that are not final: words, first visits, pJ of a word that comes back and of each word."""

    words: Term
    first: Term
    again_pj: float
    wider_pj: float


@dataclass
class Relaxed:
    """What `relax` found."""

    average: list[float]
    dual: list[float]
    weight: list[float]
    bound: float = -NEVER
    constant: float = 0.0
    possible: bool = True
    iterations: int = 0
    candidates: tuple[Edges, ...] = ()
    """Of each `int32[blocks, sections]`."""

    def offer(self, bound: float, constant: float, weight: list[float]) -> None:
        """Keep the higher bound."""
        if bound > self.bound:
            self.bound, self.constant, self.weight = bound, constant, weight.copy()


def added(numbers: Iterable[float]) -> float:
    """The sum, one number after the other (`sum` compensates for rounding in newer Pythons)."""
    total = 0.0
    for number in numbers:
        total += number
    return total


def log_sum(logs: Sequence[float]) -> tuple[float, list[float]]:
    """The logarithm of the sum of exponentials, and each one's share."""
    if not logs:
        return -inf, []
    top = max(logs)
    parts = [exp(own - top) for own in logs]
    whole = added(parts)
    return top + log(whole), [part / whole for part in parts]


def entropy(shares: Iterable[float]) -> float:
    """Of shares that add up to 1."""
    return -added(share * log(share) for share in shares if share > 0.0)


def clipped(x: float, most: float) -> float:
    """`x` between `-most` and `most`."""
    return max(-most, min(most, x))


class Late(NamedTuple):
    """A double buffer's first load and last store, by port; quantities that say how many tiles come."""

    loads: list[list[Term]]
    stores: list[list[Term]]
    steps: list[int]


def _longest(ports: list[list[Term]], value: Sequence[float]) -> int:
    """Cycles of the port that works longest."""
    most = max((added(exp(t.log + value[t.quantity]) for t in port) for port in ports), default=0.0)
    return ceil(most * (1 - 1e-11))


class Costs:
    """The costs of a family at a point: `value` holds all quantities."""

    def __init__(self, family: Family, wish: Wish) -> None:
        a = {name: array.tolist() for name, array in family.arrays.items()}

        def terms(quantity: str, logs: str) -> list[Term]:
            return [Term(int(q), own) for q, own in zip(a[quantity], a[logs], strict=True)]

        entries = [Entry(*own) for own in zip(a["q_section"], a["q_column"], a["q_factor"], strict=True)]
        self.wish, self.leakage, self.returned = wish, family.leakage, family.costs.returned
        self.low, self.high = family.low, family.high
        self.quantities = [entries[i:j] for i, j in pairwise(a["q_start"])]
        self.other: list[int] = a["other"]
        self.still: list[int] = family.still.tolist()
        self.energy = terms("e_quantity", "e_log")
        self.access_pj: list[float] = a["e_access"]
        self.copies: list[int] = a["e_copies"]
        self.cycles = terms("a_quantity", "a_log")
        """All alternatives', one after the other."""
        self.alternatives = [range(i, j) for i, j in pairwise(a["a_start"])]
        self.late: list[int] = a["a_late"]
        self.computing = self.cycles[: family.costs.computing]
        ports = [terms("p_quantity", "p_log")[i:j] for i, j in pairwise(a["p_start"])]
        self.lates = [
            Late(ports[first:middle], ports[middle:last], a["l_step"][i:j])
            for (first, last), middle, (i, j) in zip(
                pairwise(a["l_start"]), a["l_middle"], pairwise(a["l_steps"]), strict=True
            )
        ]
        self.words = terms("m_quantity", "m_log")
        """All memories', one after the other."""
        self.memories = [range(i, j) for i, j in pairwise(a["m_start"])]
        self.sizes: list[float] = a["m_size"]
        self.axes = terms("x_quantity", "x_size")
        spills = zip(
            terms("s_quantity", "s_log"), terms("s_first", "s_first_log"), a["s_pj"], a["s_wide"], strict=True
        )
        self.spills = [Spill(*own) for own in spills]

    def larger(self, value: Sequence[float], q: int) -> float:
        """A quantity, or its other one where that is more."""
        other = self.other[q]
        return value[other] if other >= 0 and value[other] > value[q] else value[q]

    def lead(self, value: Sequence[float], q: int, sharp: float) -> float:
        """The share of a quantity against its other one; any share gives a bound."""
        other = self.other[q]
        if other < 0:
            return 1.0
        x = sharp * (value[q] - value[other])
        return 1.0 if x > 40 else 0.0 if x < -40 else 1.0 / (1.0 + exp(-x))

    def load(self, weight: list[float], q: int, more: float, own: float) -> None:
        """Add to the weight of a quantity, or to its and the other one's."""
        other = self.other[q]
        if other < 0:
            weight[q] += more
        else:
            weight[q] += more * own
            weight[other] += more * (1.0 - own)

    def fits(self, value: Sequence[float]) -> bool:
        """Whether tiles and PEs fit."""
        if any(value[axis.quantity] > axis.log + 1e-9 for axis in self.axes):
            return False
        return all(
            added(exp(self.words[i].log + value[self.words[i].quantity]) for i in memory) <= size * (1 + 1e-9)
            for memory, size in zip(self.memories, self.sizes, strict=True)
        )

    def spilled(self, value: Sequence[float]) -> float:
        """pJ of sums that are not final: words beyond the first visits, and all words being wider."""
        total = 0.0
        for spill in self.spills:
            words = exp(spill.words.log + self.larger(value, spill.words.quantity))
            again = words - exp(spill.first.log + value[spill.first.quantity])
            if again > 1e-9 * words:
                total += spill.again_pj * again + spill.wider_pj * words
        return total

    def exposed(self, value: Sequence[float]) -> list[float]:
        """Cycles of first loads and last stores, from each double buffer outward."""
        compute = added(exp(t.log + self.larger(value, t.quantity)) for t in self.computing)
        found = [0.0]
        for late in reversed(self.lates):
            steps = round(exp(max((value[q] for q in late.steps), default=0.0)))
            step = ceil(ceil(compute * (1 - 1e-11)) / max(steps, 1) * (1 - 1e-11))
            both = sum(min(_longest(ports, value), step) for ports in (late.loads, late.stores))
            found.insert(0, found[0] + both)
        return found

    def of(self, value: Sequence[float], complete: bool) -> tuple[float, float]:
        """Lower bounds of cycles and pJ; `complete`: of a choice of paths, not of a part of one."""
        cycles = 0.0
        exposed = self.exposed(value) if complete else [0.0] * (len(self.lates) + 1)
        for alternative, late in zip(self.alternatives, self.late, strict=True):
            terms = (self.cycles[i] for i in alternative)
            own = exposed[late] + added(exp(t.log + self.larger(value, t.quantity)) for t in terms)
            cycles = max(cycles, own)
        cycles = float(ceil(cycles * (1 - 1e-11)))  # a cycle is not made in part
        energy = -self.returned
        for term, access, copies in zip(self.energy, self.access_pj, self.copies, strict=True):
            own = exp(term.log + self.larger(value, term.quantity))
            if complete and access > 0.0:
                at_once = access if copies < 0 else access * round(exp(value[copies]))
                own = at_once * ceil(own / at_once * (1 - 1e-11))
            energy += own
        energy += self.leakage * cycles
        if complete:
            energy += self.spilled(value)
        return max(cycles, 1.0), max(energy, 1e-30)

    def logarithm(self, cycles: float, energy: float) -> float:
        """What the wish limits."""
        return self.wish.energy * log(energy) + self.wish.cycles * log(cycles)

    def wanted(self, cycles: float, energy: float) -> bool:
        """Whether the wish allows so much."""
        wish = self.wish
        within = cycles <= wish.most_cycles and energy <= wish.most_energy
        return within and self.logarithm(cycles, energy) <= wish.limit

    def secant(self) -> tuple[float, float]:
        """Slope and offset of a line in log(pJ), below log(pJ - returned) between `low` and `high`."""
        if not self.returned > 0.0:
            return 1.0, 0.0
        if self.low <= self.returned * (1 + 1e-12):
            return 0.0, log(1e-30)  # all may be returned: nothing is known
        if self.high <= self.low * (1 + 1e-9):
            return 1.0, log(1 - self.returned / self.low)
        low, high = log(self.low - self.returned), log(self.high - self.returned)
        slope = (high - low) / (log(self.high) - log(self.low))
        return slope, low - slope * log(self.low)


class Paths:
    """The graph under a family's weights, and its shortest paths."""

    def __init__(self, graph: Graph, costs: Costs, weight: Sequence[float]) -> None:
        self.graph = graph
        by_section = np.zeros((graph.sections, graph.columns))
        for own, entries in zip(weight, costs.quantities, strict=True):
            if own != 0.0:
                for entry in entries:
                    by_section[entry.section, entry.column] += own * entry.factor
        self.weight = np.zeros(len(graph.source))
        for _, s, edges in layers(graph):
            for c in np.flatnonzero(by_section[s]):
                self.weight[edges] += by_section[s, c] * graph.column[edges, c]
            self.weight[edges][graph.moves[edges] & costs.still[s] != 0] = NEVER
        self.ahead = [[np.full(n, NEVER) for n in nodes] for nodes in graph.nodes.tolist()]
        """By block and layer: the least weight from each node to the end."""
        self.edge = [[np.full(n, -1, np.int32) for n in nodes] for nodes in graph.nodes.tolist()]
        """The first edge on that way."""
        for b, s, edges in reversed(list(layers(graph))):
            if s == graph.sections - 1:
                self.ahead[b][graph.sections][:] = 0.0
            source = graph.source[edges]
            whole = self.weight[edges] + self.ahead[b][s + 1][graph.target[edges]]
            np.minimum.at(self.ahead[b][s], source, whole)
            best = np.flatnonzero((whole == self.ahead[b][s][source]) & (whole < NEVER))[::-1]
            self.edge[b][s][source[best]] = best + edges.start  # of equal ones the first is written last
        self.least = added(float(own[0][0]) for own in self.ahead)
        self.possible = self.least < NEVER / 2

    def follow(self) -> Edges:
        """The shortest path of each block: `int32[blocks, sections]`."""
        found = np.zeros((len(self.graph.blocks), self.graph.sections), np.int32)
        for b in range(len(self.graph.blocks)):
            node = 0
            for s in range(self.graph.sections):
                found[b, s] = self.edge[b][s][node]
                node = self.graph.target[found[b, s]]
        return found

    def near(self, b: int, slack: float, most: int) -> list[tuple[float, tuple[int, ...]]] | None:
        """All paths of a block that are above its best one by `slack` at most; None: more than `most`."""
        g = self.graph
        weight, target = self.weight, g.target
        found: list[tuple[float, tuple[int, ...]]] = []

        def walk(way: tuple[int, ...], node: int, over: float) -> None:
            s = len(way)
            if s == g.sections:
                found.append((over, way))
                return
            first, end = g.edge_start[b * g.sections + s], g.edge_start[b * g.sections + s + 1]
            begin, stop = np.searchsorted(g.source[first:end], (node, node + 1)) + first
            for e in range(begin, stop):
                to = int(target[e])
                more = float(weight[e] + self.ahead[b][s + 1][to] - self.ahead[b][s][node])
                if more < NEVER / 4 and over + more <= slack and len(found) <= most:
                    walk((*way, e), to, over + more)

        walk((), 0, 0.0)
        return sorted(found, key=lambda own: own[0]) if len(found) <= most else None


def layers(graph: Graph) -> Iterable[tuple[int, int, slice]]:
    """Block, section and edges of each layer."""
    starts = graph.edge_start.tolist()
    for at, (i, j) in enumerate(pairwise(starts)):
        yield at // graph.sections, at % graph.sections, slice(i, j)


def measure(graph: Graph, costs: Costs, path: Edges) -> list[float]:
    """All quantities of a choice of paths."""
    sums = graph.column[path].sum(axis=0).tolist()
    return [added(e.factor * sums[e.section][e.column] for e in own) for own in costs.quantities]


class _Ascent:
    """What both phases of a relaxation know."""

    def __init__(self, graph: Graph, costs: Costs, found: Relaxed) -> None:
        self.graph, self.costs, self.found = graph, costs, found
        self.slope, self.offset = costs.secant()
        self.energy_share: list[float] = []
        self.cycles_share: list[float] = []
        self.words_share: list[float] = []
        self.mix: list[float] = []
        """Of the alternatives."""

    def leaked(self) -> list[float]:
        """Logarithms by which the terms of cycles are more, or less, where they are leakage's."""
        logs = [0.0] * len(self.costs.cycles)
        for alternative, share in zip(self.costs.alternatives, self.mix, strict=True):
            for i in alternative:
                logs[i] = log(self.costs.leakage * share + 1e-300)
        return logs

    def quantities_of_energy(self) -> list[int]:
        """Of each term of energy; those of cycles are at the end where there is leakage."""
        leaking = self.costs.cycles if self.costs.leakage > 0.0 else []
        return [term.quantity for term in (*self.costs.energy, *leaking)]


def relax(
    family: Family, wish: Wish, iterations: int, average: Floats, dual: Floats, warm: bool, most: int
) -> Relaxed:
    """A bound on the weighted logarithm over all paths.

    `average: float64[quantities]` and `dual: float64[memories + axes]` to begin with, `warm` if they are
    known; `most` choices of paths met on the way are kept that fit.
    """
    costs = Costs(family, wish)
    found = Relaxed(average.tolist(), dual.tolist(), [0.0] * len(average))
    ascent = _Ascent(family.graph, costs, found)
    first = min(iterations, WARM if warm else COLD)
    best = NEVER
    for step in range(first):
        best = _conditional_gradient(ascent, step, warm, best, most)
        if not found.possible or found.bound > wish.limit:
            return found
    if iterations > first:
        _climb(ascent, iterations - first)
    return found


def _conditional_gradient(ascent: _Ascent, step: int, warm: bool, best: float, most: int) -> float:
    """Shares at the averaged point, the bound and shortest paths that they give, and a step towards these."""
    costs, found = ascent.costs, ascent.found
    wish, average, dual = costs.wish, found.average, found.dual
    blind = step == 0 and not warm
    found.iterations = step + 1
    sharp = min(4.0 + 0.7 * step, 40.0)

    def at(term: Term) -> float:
        return term.log + (0.0 if blind else costs.larger(average, term.quantity))

    def lead(q: int) -> float:
        return 0.5 if blind else costs.lead(average, q, sharp)

    cycles = [log_sum([at(costs.cycles[i]) for i in own]) for own in costs.alternatives]
    ascent.cycles_share = [share for _, own in cycles for share in own]
    ascent.mix = log_sum([sharp * value for value, _ in cycles])[1]
    logs = [at(term) for term in costs.energy]
    if costs.leakage > 0.0:
        leaked = ascent.leaked()
        logs += [at(term) + more for term, more in zip(costs.cycles, leaked, strict=True)]
    ascent.energy_share = log_sum(logs)[1]

    now = [0.0] * len(average)
    constant = 0.0
    if wish.energy > 0.0:
        weight = wish.energy * ascent.slope
        constant += wish.energy * ascent.offset + weight * entropy(ascent.energy_share)
        for term, share in zip(costs.energy, ascent.energy_share, strict=False):
            costs.load(now, term.quantity, weight * share, lead(term.quantity))
            constant += weight * share * term.log
        if costs.leakage > 0.0:
            shares = ascent.energy_share[len(costs.energy) :]
            for term, more, share in zip(costs.cycles, leaked, shares, strict=True):
                if share > 0.0:
                    costs.load(now, term.quantity, weight * share, lead(term.quantity))
                    constant += weight * share * (term.log + more)
    if wish.cycles > 0.0:
        for alternative, part in zip(costs.alternatives, ascent.mix, strict=True):
            weight = wish.cycles * part
            if weight <= 0.0:
                continue
            constant += weight * entropy(ascent.cycles_share[i] for i in alternative)
            for i in alternative:
                term, share = costs.cycles[i], ascent.cycles_share[i]
                costs.load(now, term.quantity, weight * share, lead(term.quantity))
                constant += weight * share * term.log
    ascent.words_share = []
    for m, memory in enumerate(costs.memories):
        terms = [costs.words[i] for i in memory]
        shares = log_sum([t.log + (0.0 if blind else average[t.quantity]) for t in terms])[1]
        ascent.words_share += shares
        if dual[m] > 0.0:
            constant += dual[m] * (entropy(shares) - log(costs.sizes[m]))
            for term, share in zip(terms, shares, strict=True):
                now[term.quantity] += dual[m] * share
                constant += dual[m] * share * term.log
    for axis, price in zip(costs.axes, dual[len(costs.memories) :], strict=True):
        now[axis.quantity] += price
        constant -= price * axis.log

    paths = Paths(ascent.graph, costs, now)
    if not paths.possible:
        found.possible = False
        return best
    found.offer(constant + paths.least, constant, now)
    path = paths.follow()
    value = measure(ascent.graph, costs, path)
    if most > 0 and costs.fits(value):
        reached = costs.of(value, complete=True)
        own = costs.logarithm(*reached)
        if own < best - 1e-12 and costs.wanted(*reached):
            best = own
            found.candidates = (*found.candidates, path)[-most:]
    if found.bound > wish.limit:
        return best
    _step(ascent, step, warm, value)
    return best


def _step(ascent: _Ascent, step: int, warm: bool, value: list[float]) -> None:
    """Average the quantities; a capacity costs more where it is not kept, and less where it is."""
    costs, dual = ascent.costs, ascent.found.dual
    if step == 0 and not warm:
        average = value
    else:
        part = max(2.0 / (step + 2 + (2 if warm else 0)), 0.06)
        average = [
            (1 - part) * old + part * new for old, new in zip(ascent.found.average, value, strict=True)
        ]
    ascent.found.average = average
    middle = [0.5 * (new + mean) for new, mean in zip(value, average, strict=True)]
    stride = 0.3 / sqrt(step + 1.0 + (8 if warm else 0))
    overs = []
    shares: list[float] = []
    for memory, size in zip(costs.memories, costs.sizes, strict=True):
        terms = [costs.words[i] for i in memory]
        words, own = log_sum([t.log + middle[t.quantity] for t in terms])
        overs.append(words - log(size))
        shares += own
    ascent.words_share = shares
    overs += [middle[axis.quantity] - axis.log for axis in costs.axes]
    for i, over in enumerate(overs):
        dual[i] = max(dual[i] + stride * clipped(over, 1.0), 0.0)


def _climb(ascent: _Ascent, iterations: int) -> None:
    """Ascend from shares and multipliers that are nearly right.

    Steps as long as Polyak's (1969), along the subgradient, in the geometry of the simplex for shares (mirror
    ascent); shorter ones from the best point where nothing is won.
    """
    costs, found, limit = ascent.costs, ascent.found, ascent.costs.wish.limit
    logs = [term.log for term in costs.energy]
    if costs.leakage > 0.0:
        logs += [t.log + more for t, more in zip(costs.cycles, ascent.leaked(), strict=True)]
    point = best = _begin(ascent)
    step, reached, idle, shorter = 1.0, -NEVER, 0, 0
    for _ in range(iterations):
        found.iterations += 1
        constant, now = _linear(ascent, logs, point)
        paths = Paths(ascent.graph, costs, now)
        bound = constant + paths.least
        idle = 0 if bound > reached + 1e-4 * (limit - reached) else idle + 1
        if bound > reached:
            reached, best = bound, point
        found.offer(bound, constant, now)
        if found.bound > limit:
            return
        if idle >= 5:
            step, idle, shorter = step * 0.5, 0, shorter + 1
            if shorter > 4:
                break
            point = best
        value = measure(ascent.graph, costs, paths.follow())
        point = _further(ascent, logs, point, value, step, limit - bound)
    found.dual = [added(best.words[i] for i in memory) for memory in costs.memories] + best.axes


class _Point(NamedTuple):
    """Shares, multipliers and leads, all of which give a bound."""

    energy: list[float]
    cycles: list[float]
    words: list[float]
    """Shares times multipliers."""
    axes: list[float]
    first: list[float]
    """Of each quantity against its other one."""


def _begin(ascent: _Ascent) -> _Point:
    costs, found = ascent.costs, ascent.found
    energy = [0.999 * share + 0.001 / len(ascent.energy_share) for share in ascent.energy_share]
    cycles = [
        0.999 * part * ascent.cycles_share[i] + 0.001 / len(costs.cycles)
        for alternative, part in zip(costs.alternatives, ascent.mix, strict=True)
        for i in alternative
    ]
    words = [
        price * ascent.words_share[i]
        for memory, price in zip(costs.memories, found.dual, strict=False)
        for i in memory
    ]
    first = [costs.lead(found.average, q, 20.0) for q in range(len(found.average))]
    return _Point(energy, cycles, words, found.dual[len(costs.memories) :], first)


def _linear(ascent: _Ascent, logs: list[float], point: _Point) -> tuple[float, list[float]]:
    """The bound's constant and weights of quantities."""
    costs = ascent.costs
    wish = costs.wish
    now = [0.0] * len(point.first)
    constant = 0.0
    if wish.energy > 0.0:
        weight = wish.energy * ascent.slope
        constant += wish.energy * ascent.offset
        for q, own, share in zip(ascent.quantities_of_energy(), logs, point.energy, strict=True):
            costs.load(now, q, weight * share, point.first[q])
            constant += weight * share * (own - log(share))
    if wish.cycles > 0.0:
        for alternative in costs.alternatives:
            whole = added(point.cycles[i] for i in alternative)
            for i in alternative:
                term, share = costs.cycles[i], point.cycles[i]
                costs.load(now, term.quantity, wish.cycles * share, point.first[term.quantity])
                constant += wish.cycles * share * (term.log - log(share / whole))
    for memory, size in zip(costs.memories, costs.sizes, strict=True):
        whole = added(point.words[i] for i in memory)
        if whole <= 0.0:
            continue
        for i in memory:
            term, own = costs.words[i], point.words[i]
            if own > 0.0:
                now[term.quantity] += own
                constant += own * (term.log - log(own / whole))
        constant -= whole * log(size)
    for axis, price in zip(costs.axes, point.axes, strict=True):
        now[axis.quantity] += price
        constant -= price * axis.log
    return constant, now


def _further(
    ascent: _Ascent, logs: list[float], point: _Point, value: list[float], step: float, gap: float
) -> _Point:
    """The next point, along the subgradient at `point`; `gap`: to the limit."""
    costs = ascent.costs
    wish, other, first = costs.wish, costs.other, point.first
    weight = wish.energy * ascent.slope

    def led(q: int) -> float:
        return value[q] if other[q] < 0 else first[q] * value[q] + (1 - first[q]) * value[other[q]]

    energy: list[float] = []
    if weight > 0.0:
        energy = [
            weight * (own + led(q) - log(share))
            for q, own, share in zip(ascent.quantities_of_energy(), logs, point.energy, strict=True)
        ]
    cycles: list[float] = []
    if wish.cycles > 0.0:
        for alternative in costs.alternatives:
            whole = added(point.cycles[i] for i in alternative)
            for i in alternative:
                term, share = costs.cycles[i], point.cycles[i] / whole
                cycles.append(wish.cycles * (term.log + led(term.quantity) - log(share)))
    words = []
    for memory, size in zip(costs.memories, costs.sizes, strict=True):
        whole = added(point.words[i] for i in memory)
        for i in memory:
            share = point.words[i] / whole if whole > 1e-9 else 1.0 / len(memory)
            term = costs.words[i]
            words.append(term.log + value[term.quantity] - log(share + 1e-6) - log(size))
    axes = [value[axis.quantity] - axis.log for axis in costs.axes]

    # shares add up to 1: only what is above their mean counts
    energy, cycles = _centred(point.energy, energy), _centred(point.cycles, cycles)
    length = 0.0
    for shares, slopes in ((point.energy, energy), (point.cycles, cycles)):
        for share, own in zip(shares, slopes, strict=False):
            length += share * own * own
    for prices, slopes in ((point.words, words), (point.axes, axes)):
        for price, own in zip(prices, slopes, strict=True):
            length += (price if price > 0.02 or own <= 0 else 0.02) * own * own
    stride = 0.5 if gap > 1e6 else step * gap / max(length, 1e-9)
    stride = min(stride, step)

    leads = first.copy()
    for q, rival in enumerate(other):
        if rival >= 0:
            odds = log((first[q] + 1e-9) / (1 - first[q] + 1e-9))
            odds = clipped(odds + 4 * stride * clipped(value[q] - value[rival], 3.0), 20.0)
            leads[q] = 1 / (1 + exp(-odds))
    return _Point(
        _mirrored(point.energy, energy, stride),
        _mirrored(point.cycles, cycles, stride),
        _priced(point.words, words, stride),
        _priced(point.axes, axes, stride),
        leads,
    )


def _centred(shares: list[float], slopes: list[float]) -> list[float]:
    """Slopes without their mean; none where there are none."""
    mean = added(share * own for share, own in zip(shares, slopes, strict=False))
    return [own - mean for own in slopes]


def _mirrored(shares: list[float], slopes: list[float], stride: float) -> list[float]:
    """Shares after a step of mirror ascent, none of them nothing; the same where there are no slopes."""
    if not slopes:
        return shares
    grown = [share * exp(clipped(stride * own, 2.0)) for share, own in zip(shares, slopes, strict=True)]
    whole = added(grown)
    return [0.9995 * own / whole + 0.0005 / len(grown) for own in grown]


def _priced(prices: list[float], slopes: list[float], stride: float) -> list[float]:
    """Multipliers after a step."""
    return [
        max(price + stride * (price if price > 0.02 else 0.02) * clipped(own, 3.0), 0.0)
        for price, own in zip(prices, slopes, strict=True)
    ]


# ------------------------------------------------------------------------------------------- listing


class _Enough(Exception):
    """The listing ends early, for the reason that `code` says."""

    def __init__(self, code: int) -> None:
        self.code = code


def leave(
    family: Family, wish: Wish, weight: Floats, constant: float, most: int, most_paths: int, patience: int
) -> tuple[int, Edges, Floats]:
    """All choices of paths that a bound leaves within the limit.

    How many, or a negative reason why not all are listed; `int32[choices, blocks, sections]`; their lower
    bounds of cycles and pJ, `float64[choices, 2]`.
    """
    g, costs = family.graph, Costs(family, wish)
    blocks = len(g.blocks)
    nothing = np.zeros((0, blocks, g.sections), np.int32), np.zeros((0, 2))
    paths = Paths(g, costs, weight.tolist())
    slack = wish.limit - constant - paths.least
    if not paths.possible or slack < 0.0:
        return 0, *nothing
    slack += 1e-9
    lists: list[list[tuple[float, tuple[int, ...]]]] = []
    values: list[Floats] = []
    for b in range(blocks):
        near = paths.near(b, slack, most_paths)
        if near is None:
            return TOO_MANY_PATHS, *nothing
        ways = np.array([way for _, way in near], np.int32)
        value = np.zeros((len(near), len(costs.quantities)))
        for q, entries in enumerate(costs.quantities):
            for entry in entries:
                value[:, q] += entry.factor * g.column[ways[:, entry.section], entry.column]
        lists.append(near)
        values.append(value)
    order = sorted(range(blocks), key=lambda b: len(lists[b]))  # short lists first
    rest = [np.zeros(len(costs.quantities))]
    for b in reversed(order):
        rest.insert(0, rest[0] + values[b].min(axis=0))
    """The least that blocks from here on add."""
    chosen: list[tuple[int, ...]] = [()] * blocks
    found: list[tuple[tuple[int, ...], ...]] = []
    reached: list[tuple[float, float]] = []
    seen = 0

    def join(depth: int, have: Floats, over: float) -> None:
        nonlocal seen
        if depth == blocks:
            value = have.tolist()
            own = costs.of(value, complete=True)
            if costs.wanted(*own) and costs.fits(value):
                if len(found) == most:
                    raise _Enough(FULL)
                found.append(tuple(chosen))
                reached.append(own)
            return
        b = order[depth]
        for i, (more, way) in enumerate(lists[b]):
            if over + more > slack:
                break
            seen += 1
            if seen > patience:
                raise _Enough(IMPATIENT)
            now = have + values[b][i]
            if depth + 1 < blocks:
                least = (now + rest[depth + 1]).tolist()
                if not (costs.fits(least) and costs.wanted(*costs.of(least, complete=False))):
                    continue
            chosen[b] = way
            join(depth + 1, now, over + more)

    try:
        join(0, np.zeros(len(costs.quantities)), 0.0)
        code = len(found)
    except _Enough as enough:
        code = enough.code
    if not found:
        return code, *nothing
    return code, np.array(found, np.int32), np.array(reached)
