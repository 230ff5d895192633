"""The bound is what the definition says, and no mapping is below it."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dovetail.accel.architecture import Architecture, Array, Axis, Mac, Memory, Ports, Rate
from dovetail.costmodel.bound import lower_bound, transfer_cycles
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.dsl.problem import Bits, Problem

DRAM = Memory(
    "DRAM",
    read_bits_per_cycle=Fraction(64),
    write_bits_per_cycle=Fraction(64),
    ports=Ports.SHARED,
    latency_cycles=7,
)
BUFFER = Memory("Buffer", size_bits=2**20)
PE = Array("PE", (Axis("row", 4), Axis("col", 4)))
CHIP = Architecture("chip", (DRAM, BUFFER, PE), Mac())
PRICES = EnergyTable({"DRAM": MemoryPrice(2.0, 2.0, 3.0)}, mac_pj=0.5)
LAYER = Problem(K=8, C=4, P=6, Q=6, R=3, S=3)


def test_a_bound_is_compute_or_traffic_whichever_takes_longer() -> None:
    macs = 8 * 4 * 6 * 6 * 9
    words = 8 * 4 * 9 + 4 * 8 * 8 + 8 * 6 * 6
    assert lower_bound(LAYER, CHIP, PRICES).cycles == max(macs // 16, words * 16 // 64) + 7
    thin = Architecture("chip", (Memory("DRAM", read_bits_per_cycle=Fraction(1), ports=Ports.SHARED), PE))
    assert lower_bound(LAYER, thin, PRICES).cycles == words * 16


def test_transfers_that_do_not_overlap_add_to_the_bound() -> None:
    chip = Architecture("chip", (DRAM, BUFFER, PE), Mac(), overlap_transfers=False)
    words = 8 * 4 * 9 + 4 * 8 * 8 + 8 * 6 * 6
    assert lower_bound(LAYER, chip, PRICES).cycles == LAYER.macs // 16 + words * 16 // 64 + 7


def test_the_least_energy_is_macs_and_every_word_once() -> None:
    bits = Bits(weights=4, inputs=8, outputs=16, sums=32)
    layer = Problem(K=8, C=4, P=6, Q=6, R=3, S=3, bits=bits)
    per_bit = 2.0 * (8 * 4 * 9 * 4 + 4 * 8 * 8 * 8) + 3.0 * 8 * 6 * 6 * 16
    assert lower_bound(layer, CHIP, PRICES).energy_pj == 0.5 * layer.macs + per_bit


def test_leakage_runs_for_the_least_time() -> None:
    plain, leaking = lower_bound(LAYER, CHIP, PRICES), lower_bound(LAYER, CHIP, PRICES, 10.0)
    assert leaking.energy_pj == plain.energy_pj + 10.0 * plain.cycles


def test_a_wide_stride_need_not_read_the_gaps() -> None:
    """A 1x1 window with stride 2 touches 4 x 4 of the 7 x 7 words between its first and its last place."""
    layer = Problem(P=4, Q=4, stride=(2, 2))
    free = EnergyTable({"DRAM": MemoryPrice(1.0, 1.0, 0.0)})
    assert lower_bound(layer, CHIP, free).energy_pj == 16 * 16 + 1 * 16


def test_zero_weights_cost_no_step_where_some_dataflow_skips_them() -> None:
    layer = Problem(K=16, C=100, weight_zeros=0.25)
    chip = Architecture("chip", (Memory("DRAM"), PE), Mac(skip_zero_weights_in=frozenset({"os"})))
    assert lower_bound(layer, chip, PRICES).cycles == 75
    assert lower_bound(layer, Architecture("chip", (Memory("DRAM"), PE)), PRICES).cycles == 100


def test_lanes_and_rates_raise_the_peak() -> None:
    mac = Mac(rates=(Rate(Fraction(4), 4), Rate(Fraction(1), 16)), lanes=8)
    chip = Architecture("chip", (Memory("DRAM"), PE), mac)
    wide, narrow = Problem(K=64, C=64), Problem(K=64, C=64, bits=Bits(4, 4, 4, 16))
    assert lower_bound(wide, chip, PRICES).cycles == 64 * 64 // (16 * 8)
    assert lower_bound(narrow, chip, PRICES).cycles == 64 * 64 // (16 * 8 * 4)


@pytest.mark.parametrize(
    ("memory", "cycles"),
    [
        (Memory("M"), 0),
        (Memory("M", read_bits_per_cycle=Fraction(10), write_bits_per_cycle=Fraction(10)), 10),
        (
            Memory(
                "M",
                read_bits_per_cycle=Fraction(10),
                write_bits_per_cycle=Fraction(10),
                ports=Ports.SHARED,
            ),
            14,
        ),
        (Memory("M", write_bits_per_cycle=Fraction(1, 2)), 80),
    ],
)
def test_a_port_works_for_what_goes_through_it(memory: Memory, cycles: int) -> None:
    assert transfer_cycles(memory, read_bits=100, written_bits=40) == cycles
