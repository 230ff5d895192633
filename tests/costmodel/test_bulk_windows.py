"""Windows that move along both axes, in bulk: each mapping's counts are those of the interpreter."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from dovetail.accel.architecture import Architecture, Memory
from dovetail.accel.mapping import Holds
from dovetail.costmodel import reference
from dovetail.costmodel.batch import evaluate_batch
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.nest import Loop, Structure
from dovetail.dsl.problem import OPERANDS, Problem

CHIP = Architecture("chip", (Memory("DRAM"), Memory("Buffer", may_hold=frozenset(OPERANDS))))
BUFFER = 1


@pytest.mark.parametrize("outside", list(permutations("PQR")), ids="".join)
@pytest.mark.parametrize("stride", [(1, 1), (2, 1)], ids=str)
def test_bulk_counts_of_sliding_windows_are_the_interpreters(
    outside: tuple[str, ...], stride: tuple[int, int]
) -> None:
    layer = Problem(K=2, C=2, P=4, Q=4, R=3, S=3, stride=stride)
    loops = [*outside, "C", "P", "Q", "R", "S", "K"]
    nest = Structure(
        CHIP, [Holds("DRAM", OPERANDS), *map(Loop, outside), Holds("Buffer", OPERANDS), *map(Loop, loops[3:])]
    )
    tiles = [{"P": p, "Q": q, "R": r} for p, q, r in product((1, 2, 4), (1, 2, 4), (1, 3))]
    bounds = np.array(
        [
            [layer.bounds[d] if at < 3 else tile.get(d, layer.bounds[d]) for at, d in enumerate(loops)]
            for tile in tiles
        ]
    )
    found = evaluate_batch(layer, nest, bounds, EnergyTable())
    for row, own in enumerate(bounds):
        counts = reference.count(layer, CHIP, nest.mapping(own))
        for at, operand in enumerate(OPERANDS):
            holder = counts.of("Buffer", operand)
            in_bulk = (
                found.reads[row, BUFFER, at],
                found.fills[row, BUFFER, at],
                found.updates[row, BUFFER, at],
            )
            assert in_bulk == (holder.reads, holder.fills, holder.updates), (operand, own)
