"""Mappings evaluated per second, on one core: `python benchmarks/model.py [--mappings N]`.

A ResNet-18 3x3 layer (64 channels in and out, 56 x 56) on an Eyeriss-like three-level architecture (DRAM; a
buffer for inputs and outputs; 14 x 12 PEs with a scratchpad for each operand): all counts with the halo,
cycles and energy. Perfect factors, imperfect ones, singles, and the step-by-step interpreter on a small
layer.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dovetail.accel.architecture import Architecture, Array, Axis, Link, LinkKind, Memory
from dovetail.accel.mapping import Holds
from dovetail.costmodel import reference
from dovetail.costmodel.batch import evaluate_chunks
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.nest import Loop, Structure
from dovetail.dsl.problem import OPERANDS, Problem

LAYER = Problem(K=64, C=64, P=56, Q=56, R=3, S=3)

SMALL = Problem(K=4, C=2, P=7, Q=4, R=3, S=3)
"""A layer that the interpreter can run."""

EYERISS = Architecture(
    "eyeriss",
    (
        Memory("DRAM", width_bits=64, read_bits_per_cycle=Fraction(64), write_bits_per_cycle=Fraction(64)),
        Memory(
            "GLB",
            size_bits=55296 * 16,
            width_bits=64,
            read_bits_per_cycle=Fraction(128),
            write_bits_per_cycle=Fraction(128),
        ),
        Array(
            "PE",
            (Axis("col", 14), Axis("row", 12)),
            (
                Link(("row", "col"), LinkKind.MULTICAST, "inputs"),
                Link(("row", "col"), LinkKind.MULTICAST, "weights"),
                Link(("row", "col"), LinkKind.REDUCE, "sums"),
            ),
        ),
        Memory("ifmap", size_bits=12 * 16, width_bits=16),
        Memory("filter", size_bits=224 * 16, width_bits=16),
        Memory("psum", size_bits=24 * 16, width_bits=16),
    ),
)

PRICES = EnergyTable(
    {
        "DRAM": MemoryPrice(800, 800, 820, 64),
        "GLB": MemoryPrice(24, 26, 28, 64),
        "ifmap": MemoryPrice(0.5, 0.6, 0.7, 16),
        "filter": MemoryPrice(1.5, 1.6, 1.7, 16),
        "psum": MemoryPrice(0.8, 0.9, 1.0, 16),
    },
    mac_pj=1.0,
)


def row_stationary() -> Structure:
    """Every dimension that a three-level row-stationary mapping can tile, at every level."""

    def loops(dimensions: str, axis: str | None = None) -> list[Loop]:
        return [Loop(d, "PE" if axis else None, axis) for d in dimensions]

    return Structure(
        EYERISS,
        [
            Holds("DRAM", OPERANDS),
            *loops("KCPQ"),
            Holds("GLB", ("inputs", "outputs")),
            *loops("CKPQRS"),
            *loops("PK", "col"),
            *loops("RC", "row"),
            Holds("ifmap", ("inputs",)),
            *loops("C"),
            Holds("filter", ("weights",)),
            *loops("KS"),
            Holds("psum", ("outputs",)),
            *loops("CS"),
        ],
    )


def random_bounds(layer: Problem, structure: Structure, mappings: int, kind: str) -> NDArray[np.int64]:
    """Random chains of bounds, `int64[mappings, loops]`.

    `perfect`: every step divides; `imperfect`: steps divide each other but not the layer, so that last ones
    are short (kernels stay perfect); `wild`: any steps.
    """
    generator = np.random.default_rng(0)
    bounds = np.ones((mappings, len(structure.loops)), np.int64)
    for dimension, size in layer.bounds.items():
        own = [i for i, loop in enumerate(structure.loops) if loop.dimension == dimension]
        chains = []
        for _ in range(256):
            chain, left = [size], size
            for i in own[1:]:
                outer = structure.loops[own[own.index(i) - 1]]
                most = 14 if outer.axis == "col" else 12 if outer.axis == "row" else size
                whole = kind == "perfect" or (kind == "imperfect" and (len(chain) > 1 or dimension in "RS"))
                steps = [s for s in range(1, left + 1) if -(-left // s) <= most and not (whole and left % s)]
                left = int(generator.choice(steps))
                chain.append(left)
            chains.append(chain)
        bounds[:, own] = np.array(chains)[generator.integers(len(chains), size=mappings)]
    return bounds


def per_second(work: Callable[[], int]) -> float:
    """The best of three runs."""
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        done = work()
        best = max(best, done / (time.perf_counter() - start))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mappings", type=int, default=400_000)
    options = parser.parse_args()
    structure = row_stationary()

    def bulk(layer: Problem, bounds: NDArray[np.int64]) -> int:
        return sum(len(part.cycles) for _, part in evaluate_chunks(layer, structure, bounds, PRICES))

    bounds = random_bounds(LAYER, structure, options.mappings, "perfect")
    bulk(LAYER, bounds[:4096])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rate = per_second(lambda: bulk(LAYER, bounds))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    size = f"({len(structure.loops)} loops, +{grown:.0f} MiB)"
    print(f"perfect factors, in bulk   {rate:12,.0f} mappings/s   {size}")

    for kind, number in (("imperfect", options.mappings // 4), ("wild", 50)):
        imperfect = random_bounds(LAYER, structure, number, kind)
        bulk(LAYER, imperfect)
        slow = per_second(lambda bounds=imperfect: bulk(LAYER, bounds))
        print(f"{kind + ' factors, in bulk':26} {slow:12,.0f} mappings/s")

    some = [structure.mapping(row) for row in bounds[:200]]
    single = per_second(lambda: sum(evaluate_mapping(LAYER, EYERISS, m, PRICES).cycles > 0 for m in some))
    print(f"{'one by one':26} {single:12,.0f} mappings/s   ({1e6 / single:.0f} us each)")
    print(f"{'':26} {rate / single:12,.0f} x as fast in bulk as one by one")

    small = [structure.mapping(row) for row in random_bounds(SMALL, structure, 3, "perfect")]
    steps = per_second(lambda: sum(reference.count(SMALL, EYERISS, m).steps > 0 for m in small))
    print(
        f"{'interpreter, small layer':26} {steps:12,.3f} mappings/s   ({SMALL.macs:,} of {LAYER.macs:,} MACs)"
    )
    print(f"{'':26} {rate / steps:12,.0f} x as fast in bulk as interpreted")


if __name__ == "__main__":
    main()
