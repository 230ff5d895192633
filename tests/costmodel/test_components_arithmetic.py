"""MACs, DRAM, wires and the scaling between nodes."""

from __future__ import annotations

import pytest

from dovetail.costmodel import datafiles
from dovetail.costmodel.arithmetic import add_pj, mac, multiply_pj
from dovetail.costmodel.dram import dram, dram_types
from dovetail.costmodel.figures import Figure, OutsideTable, total
from dovetail.costmodel.technology import (
    area_factor,
    delay_factor,
    energy_factor,
    scaling_error,
    supply_v,
)
from dovetail.costmodel.wires import wire, wire_delay


@pytest.mark.parametrize(
    ("operand_bits", "energy_pj"),
    [(8, 0.30), (16, 0.8833), (32, 3.2)],
)
def test_horowitz_macs_at_45nm_with_32_bit_sums(operand_bits: int, energy_pj: float) -> None:
    figure = mac(operand_bits, operand_bits, 32, 45.0).energy_pj
    assert figure.value == pytest.approx(energy_pj, abs=1e-4)
    assert "Horowitz" in figure.source


@pytest.mark.parametrize(("bits", "energy_pj"), [(8, 0.03), (16, 0.05), (32, 0.1), (4, 0.015), (64, 0.2)])
def test_adders_pass_through_the_published_points(bits: int, energy_pj: float) -> None:
    assert add_pj(bits) == pytest.approx(energy_pj)


@pytest.mark.parametrize(("bits", "energy_pj"), [(4, 0.0521), (8, 0.2), (16, 0.7834), (32, 3.1)])
def test_multipliers_pass_through_the_published_points(bits: int, energy_pj: float) -> None:
    assert multiply_pj(bits, bits) == pytest.approx(energy_pj, abs=1e-4)


def test_multipliers_with_unequal_operands_follow_the_synthesised_ones() -> None:
    power = {
        int(row["bits"].removeprefix("8x")): float(row["note"].split("power_mw=")[1].split(";")[0])
        for row in datafiles.rows("arithmetic")
        if row["bits"].startswith("8x")
    }
    assert sorted(power) == [2, 3, 4, 5, 6, 7]
    for bits in (4, 5, 6, 7):
        assert multiply_pj(8, bits) / multiply_pj(8, 8) == pytest.approx(power[bits] / 0.391, rel=0.06)
    assert multiply_pj(4, 8) == multiply_pj(8, 4)


def test_narrower_operands_never_cost_more() -> None:
    for wide in range(1, 33):
        energies = [multiply_pj(wide, narrow) for narrow in range(1, 33)]
        assert energies == sorted(energies)


def test_mac_area_is_that_of_published_outputs() -> None:
    # Accelergy prints 417 um2 for an 8 bit MAC at 45 nm.
    assert mac(8, 8, 32, 45.0).area_mm2.value * 1e6 == pytest.approx(282 + 137)
    assert mac(8, 8, 32, 45.0).leakage_mw.value == pytest.approx((0.08 / 16 + 0.0023) * energy_factor(40, 45))


def test_mac_scales_with_its_node() -> None:
    at_45, at_7 = mac(8, 8, 32, 45.0), mac(8, 8, 32, 7.0)
    assert at_7.energy_pj.value == pytest.approx(at_45.energy_pj.value * energy_factor(45, 7))
    assert at_7.energy_pj.error > at_45.energy_pj.error
    assert abs(at_7.energy_pj.value / 0.084 - 1) < at_7.energy_pj.error  # TPUv4i's 8 bit MAC
    with pytest.raises(OutsideTable):
        mac(0, 8, 32, 45.0)


def test_energy_factors_are_those_of_stillmaker_and_baas() -> None:
    assert energy_factor(45, 45) == 1.0
    assert energy_factor(45, 32) == pytest.approx(0.6434, abs=1e-4)
    assert energy_factor(45, 32, "lp") == pytest.approx(0.6593, abs=1e-4)
    assert energy_factor(45, 7) == pytest.approx(0.1174, abs=1e-4)
    assert energy_factor(45, 65) == pytest.approx(1.547, abs=1e-3)
    assert energy_factor(65, 7) == pytest.approx(energy_factor(65, 45) * energy_factor(45, 7))
    assert delay_factor(45, 7) == pytest.approx(0.2591, abs=1e-4)
    assert area_factor(45, 7) == pytest.approx(0.059)
    assert supply_v(7) == 0.7


def test_factors_between_nodes_lie_between_and_outside_are_refused() -> None:
    assert energy_factor(45, 32) > energy_factor(45, 28) > energy_factor(45, 20)
    assert scaling_error(45, 45) == 0.0
    with pytest.raises(OutsideTable, match="technology data for 250 nm"):
        energy_factor(45, 250)


def test_every_dram_type_is_priced() -> None:
    for name in dram_types():
        figures = dram(name)
        assert figures.read_pj_per_bit.value > 0
        assert figures.read_pj_per_bit.error >= 0.2
        assert figures.read_pj_per_bit.source.startswith(name)


def test_dram_figures_are_accelergys() -> None:
    assert dram("LPDDR4").read_pj_per_bit.value == 8.0
    assert dram("ddr3").write_pj_per_bit.value == 70.0
    assert dram("HBM2").read_pj_per_bit.value == 3.9
    bandwidth = dram("HBM2").bandwidth_gb_s
    assert bandwidth is not None
    assert bandwidth.value == 256.0
    assert dram("LPDDR").bandwidth_gb_s is None


def test_an_unknown_dram_is_refused_with_the_known_ones() -> None:
    with pytest.raises(OutsideTable, match=r"'DDR9'.*LPDDR4") as refusal:
        dram("DDR9")
    assert refusal.value.component == "DRAM"


def test_wires_cost_in_proportion_to_their_length() -> None:
    assert wire(1.0, 45.0).value == pytest.approx(0.0624, abs=1e-4)
    assert wire(1.0, 45.0, "lstp").value == pytest.approx(0.0939, abs=1e-4)
    assert wire(0.05, 45.0).value == pytest.approx(0.05 * wire(1.0, 45.0).value)
    assert wire_delay(1.0, 45.0).value == pytest.approx(0.2072)
    assert wire(1.0, 32.0).value < wire(1.0, 40.0).value < wire(1.0, 45.0).value


def test_wires_outside_the_table_scale_with_the_square_of_the_supply() -> None:
    assert wire(1.0, 7.0).value == pytest.approx(wire(1.0, 22.0).value * (0.7 / 0.8) ** 2)
    assert wire(1.0, 180.0).value == pytest.approx(wire(1.0, 90.0).value * (1.8 / 1.2) ** 2)
    assert wire(1.0, 20.0).value == wire(1.0, 22.0).value
    with pytest.raises(OutsideTable, match="hp, lop, lstp"):
        wire(1.0, 45.0, "fast")


def test_a_sum_carries_the_weighted_band() -> None:
    parts = (Figure(3.0, "pJ", "a", 0.1), Figure(1.0, "pJ", "b", 0.5))
    both = total(parts, "pJ", "a and b")
    assert (both.value, both.unit, both.source) == (4.0, "pJ", "a and b")
    assert both.error == pytest.approx(0.2)
    assert total((), "pJ", "nothing") == Figure(0.0, "pJ", "nothing")
