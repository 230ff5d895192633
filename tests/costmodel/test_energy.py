"""Accesses are packed into a memory's width, instance by instance, and multiplied by their price."""

from __future__ import annotations

import pytest

from dovetail.costmodel.columns import INTS
from dovetail.costmodel.counts import Counts, HolderCounts, LinkHops
from dovetail.costmodel.energy import EnergyTable, MemoryPrice, accesses, energy


def holder(**counts: int) -> HolderCounts:
    numbers = {"reads": 0, "fills": 0, "updates": 0, "instances": 1, "bits": 16} | counts
    return HolderCounts("Buffer", "inputs", tile_words=1, served_words=1, moves=True, **numbers)


@pytest.mark.parametrize(
    ("words", "instances", "bits", "width", "expected"),
    [
        (10, 1, 16, 64, 3),  # four words an access: 4 + 4 + 2
        (10, 2, 16, 64, 4),  # five words in each of two instances, two accesses each
        (9, 2, 16, 64, 4),  # four and a half on average
        (10, 1, 16, 40, 5),  # two whole words an access
        (10, 1, 32, 16, 20),  # a word takes two accesses
        (10, 1, 16, None, 160),  # by the bit
        (0, 3, 16, 64, 0),
    ],
)
def test_words_are_packed_into_accesses(
    words: int, instances: int, bits: int, width: int | None, expected: int
) -> None:
    assert accesses(INTS, words, instances, bits, width) == expected


def test_each_action_has_its_price_and_each_part_its_share() -> None:
    counts = Counts(
        (holder(reads=8, fills=4, updates=5),),
        (LinkHops("PE", 0, "inputs", 7), LinkHops("PE", 1, "weights", 9)),
        macs=100,
        steps=100,
        pes=1,
    )
    table = EnergyTable({"Buffer": MemoryPrice(2.0, 3.0, 5.0, 64)}, mac_pj=0.5, links={("PE", 0): 0.25})
    found = energy(counts, table)
    assert found.mac_pj == 50
    assert found.memories_pj == {"Buffer": {"inputs": 2 * 2.0 + 1 * 3.0 + 2 * 5.0}}
    assert found.links_pj == {"PE": 7 * 0.25}
    assert found.total_pj == 50 + 17 + 1.75


def test_a_memory_without_a_price_costs_nothing() -> None:
    counts = Counts((holder(reads=8),), (), macs=1, steps=1, pes=1)
    assert energy(counts, EnergyTable()).total_pj == 0
