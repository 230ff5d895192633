"""Random small layers on random small architectures, and what every one of their mappings costs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Axis,
    Buffering,
    Constraint,
    Dataflow,
    Link,
    LinkKind,
    LoopOrder,
    LoopsInside,
    Mac,
    Memory,
    Ports,
    SpatialRule,
    Stationary,
    Timing,
)
from dovetail.accel.legality import violations
from dovetail.accel.mapping import Mapping
from dovetail.costmodel.batch import evaluate_batch
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.mapper import MapResult, Mapspace, NoMapping, map_problem
from dovetail.costmodel.mapper.enumeration import Batch, batches
from dovetail.dsl.problem import Bits, Problem

Cost = tuple[int, float]
"""Cycles, and pJ with leakage."""
MOST = 200
"""Mappings that a random problem may have."""


class Case:
    """A random layer on a random architecture."""

    def __init__(self, seed: int, most: int = MOST) -> None:
        draw = random.Random(seed)
        while True:
            self.problem = _problem(draw)
            self.architecture, self.prices = _architecture(draw)
            self.leakage = draw.choice([0.0, 0.0, 0.5])
            self.uneven = draw.random() < 0.6
            self.flow = "flow" if self.architecture.dataflows else None
            try:
                self.space = Mapspace.of(self.problem, self.architecture, self.flow, uneven=self.uneven)
            except NoMapping:
                continue
            if 1 < self.space.size() <= most:
                return

    def cost(self, mapping: Mapping) -> Cost | None:
        """Of one mapping; None where it is not legal."""
        if violations(self.problem, self.architecture, mapping):
            return None
        cost = evaluate_mapping(self.problem, self.architecture, mapping, self.prices, self.flow)
        return cost.cycles, cost.energy_pj + self.leakage * cost.cycles

    def batches(
        self, *, every_order: bool = False
    ) -> Iterator[tuple[Batch, np.ndarray, np.ndarray, np.ndarray]]:
        """All mappings by shape and order, with their cycles, pJ, and whether they fit."""
        for batch in batches(self.space, every_order=every_order):
            found = evaluate_batch(self.problem, batch.structure, batch.bounds, self.prices, self.flow)
            yield batch, found.cycles, found.energy_pj + self.leakage * found.cycles, found.fits

    def costs(self) -> tuple[np.ndarray, np.ndarray]:
        """Cycles and pJ of every legal mapping of the mapspace."""
        cycles, energy = [np.zeros(0, np.int64)], [np.zeros(0)]
        for _, own_cycles, own_energy, fits in self.batches():
            cycles.append(own_cycles[fits])
            energy.append(own_energy[fits])
        return np.concatenate(cycles), np.concatenate(energy)

    def answer(self, objective: str) -> MapResult | None:
        """The mapper's; None where it says that there is no mapping."""
        try:
            return map_problem(
                self.problem,
                self.architecture,
                self.prices,
                objective,
                self.flow,
                leakage_pj_per_cycle=self.leakage,
                uneven=self.uneven,
                cached=False,
            )
        except NoMapping:
            return None


def _problem(draw: random.Random) -> Problem:
    names = "KC KCP CPR PR PQRS GKR GPR NKC KP KCPR NGKC PRK QSC KCQ KPQ".split()
    most = {"G": 3, "N": 3, "K": 6, "C": 6, "P": 7, "Q": 4, "R": 3, "S": 3}
    bounds = {d: draw.randint(2, most[d]) for d in draw.choice(names)}
    stride = draw.choice([1, 1, 2]), draw.choice([1, 1, 2])
    bits = Bits(8, draw.choice([8, 16]), 8, draw.choice([8, 16, 32]))
    return Problem(**bounds, stride=stride, dilation=(draw.choice([1, 1, 2]), 1), bits=bits, weight_zeros=0.5)


def _architecture(draw: random.Random) -> tuple[Architecture, EnergyTable]:
    rate = draw.choice([None, Fraction(16), Fraction(8), Fraction(64)])
    outermost = Memory(
        "DRAM",
        frozenset({"inputs", "weights", "outputs"}),
        width_bits=draw.choice([None, 32]),
        read_bits_per_cycle=rate,
        write_bits_per_cycle=rate,
        ports=draw.choice(list(Ports)),
        latency_cycles=draw.choice([0, 0, 10]),
    )
    shape = draw.choice("M A MA AM MAM MM MA AM MAM AMM".split())
    levels = [
        _array(draw, f"A{at}") if kind == "A" else _memory(draw, f"M{at}") for at, kind in enumerate(shape)
    ]
    lanes = draw.choice([1, 1, 1, 2])
    latch = draw.choice([(), (), ("weights",), ("inputs",), ("outputs",)])
    mac = Mac(
        lanes=lanes, lanes_dimension=draw.choice(["C", None]) if lanes > 1 else None, latch=frozenset(latch)
    )
    found = Architecture("random", (outermost, *levels), mac, overlap_transfers=draw.random() < 0.7)
    if draw.random() < 0.5:
        found = replace(found, dataflows=(Dataflow("flow", tuple(_constraints(draw, found))),))
    prices = {}
    for memory in found.memories:
        pj, width = draw.choice([0.1, 1.0, 5.0]), draw.choice([None, memory.width_bits])
        prices[memory.name] = MemoryPrice(pj * draw.choice([1, 2]), pj, pj * draw.choice([1, 2]), width)
    links = {
        (array.name, at): draw.choice([0.0, 0.3, 20.0])
        for array in found.arrays
        for at in range(len(array.links))
    }
    return found, EnergyTable(prices, 1.0, links)


def _memory(draw: random.Random, name: str) -> Memory:
    kept = {t: draw.random() for t in ("inputs", "weights", "outputs")}
    rate, width = draw.choice([None, Fraction(16), Fraction(32)]), draw.choice([None, 16, 32])
    return Memory(
        name,
        frozenset(t for t, chance in kept.items() if chance < 0.45),
        frozenset(t for t, chance in kept.items() if 0.45 <= chance < 0.65),
        size_bits=draw.choice([None, 32, 64, 128, 256, 512]),
        width_bits=width,
        read_bits_per_cycle=rate,
        write_bits_per_cycle=rate,
        ports=draw.choice(list(Ports)),
        accesses_per_cycle=draw.choice([None, None, Fraction(1)]) if width else None,
        buffering=draw.choice([Buffering.IDEAL, *Buffering]),
        drain_reads=draw.random() < 0.2,
        skip_gaps=draw.random() < 0.2,
        latency_cycles=draw.choice([0, 0, 0, 3]),
    )


def _array(draw: random.Random, name: str) -> Array:
    axes = tuple(Axis(axis, draw.choice([2, 3, 4])) for axis in ("row", "col")[: draw.choice([1, 1, 2])])
    names = tuple(axis.name for axis in axes)
    links = []
    for _ in range(draw.randint(0, 3)):
        tensor = draw.choice(["inputs", "weights", "sums"])
        usual = LinkKind.REDUCE if tensor == "sums" else LinkKind.MULTICAST
        kind = draw.choice([usual, usual, usual, LinkKind.FORWARD, LinkKind.SHIFT])
        rate = draw.choice([None, None, Fraction(8)])
        links.append(Link(draw.choice([names, names[:1], names[-1:]]), kind, tensor, bits_per_cycle=rate))
    load, drain = draw.choice([None, None, names[0]]), draw.choice([None, None, names[-1]])
    return Array(name, axes, tuple(links), Timing(load, drain, draw.random() < 0.2, draw.random() < 0.5))


def _constraints(draw: random.Random, architecture: Architecture) -> Iterator[Constraint]:
    for array in architecture.arrays[:1]:
        for axis in array.axes:
            kind = draw.choice(["one", "one", "any", "then", "flat", "full", "free"])
            allowed = {
                "one": ((draw.choice("KCPR"),),),
                "any": (tuple(draw.sample("KCPRQ", 2)),),
                "then": (("R",), ("K", "C")),
                "flat": (("C", "R", "S"),),
            }.get(kind, ())
            if kind != "free":
                yield SpatialRule(array.name, axis.name, allowed, flat=kind == "flat", full=kind == "full")
    held = [(m.name, t) for m in architecture.memories[1:] for t in sorted(m.holds | m.may_hold)]
    if held and draw.random() < 0.4:
        memory, tensor = draw.choice(held)
        yield Stationary("sums" if tensor == "outputs" else tensor, memory)
    if draw.random() < 0.2:
        yield LoopsInside(architecture.memories[-1].name, tuple(draw.sample("KCPQR", 3)))
    if draw.random() < 0.2:
        yield LoopOrder(draw.choice(architecture.levels).name, tuple(draw.sample("KCPQR", 2)))
