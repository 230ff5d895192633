"""SRAM and register files: the table, and what happens outside it."""

from __future__ import annotations

import numpy as np
import pytest

from dovetail.costmodel import sram_table
from dovetail.costmodel.figures import OutsideTable
from dovetail.costmodel.flipflops import flip_flops
from dovetail.costmodel.regfile import regfile
from dovetail.costmodel.sram import leakage_at, sram
from dovetail.costmodel.technology import area_factor, energy_factor
from dovetail.costmodel.wires import wire

KIB = 8 * 1024


def test_128_kib_64_bit_45nm_lstp_reads_at_32_3_pj() -> None:
    macro = sram(128 * KIB // 64, 64, 45.0)
    assert macro.read_pj.value == pytest.approx(32.286, rel=1e-6)
    assert macro.write_pj.value == pytest.approx(26.065, rel=1e-6)
    assert macro.leakage_mw.value == pytest.approx(0.0033405, rel=1e-6)
    assert macro.area_mm2.value == pytest.approx(0.42959, rel=1e-6)
    assert macro.access_ns.value == pytest.approx(2.1132, rel=1e-6)
    assert macro.read_pj.source == "CACTI 7, 45 nm lstp, 16384 x 64 bit, a row of the table"
    assert macro.read_pj.unit == "pJ"


@pytest.mark.parametrize(
    ("depth", "width", "read_pj", "write_pj", "address_adder_pj"),
    [(16384, 64, 32.377775, 26.156875, 0.0919), (2048, 256, 51.870888, 66.310888, 0.0722)],
)
def test_accelergy_outputs_are_reproduced_but_for_their_address_adder(
    depth: int, width: int, read_pj: float, write_pj: float, address_adder_pj: float
) -> None:
    macro = sram(depth, width, 45.0)
    assert macro.read_pj.value + address_adder_pj == pytest.approx(read_pj, rel=1e-5)
    assert macro.write_pj.value + address_adder_pj == pytest.approx(write_pj, rel=1e-5)


def test_accelergy_area_at_32nm_is_reproduced() -> None:
    assert sram(16384, 64, 32.0).area_mm2.value * 1e6 == pytest.approx(217363, rel=1e-3)


@pytest.mark.parametrize("device", sram_table.DEVICES)
def test_every_row_of_the_table_is_returned_as_it_stands(device: str) -> None:
    rows = sram_table.shipped_rows(device)
    predicted = sram_table.shipped(device).predict(rows.depth, rows.width, rows.nm)
    assert len(rows) == {"lstp": 827, "hp": 815, "lop": 797}[device]
    np.testing.assert_allclose(predicted, rows.values, rtol=1e-6)


def test_devices_differ_in_leakage_by_decades() -> None:
    lstp, lop, hp = (sram(16384, 64, 45.0, device).leakage_mw.value for device in ("lstp", "lop", "hp"))
    assert (lstp, lop, hp) == pytest.approx((0.00334, 2.80, 62.2), rel=2e-3)


def test_a_point_off_the_grid_lies_between_its_neighbours_and_names_them() -> None:
    macro = sram(12345, 48, 45.0)
    low, high = sram(12288, 32, 45.0), sram(16384, 64, 45.0)
    assert low.read_pj.value < macro.read_pj.value < high.read_pj.value
    assert low.area_mm2.value < macro.area_mm2.value < high.area_mm2.value
    assert macro.read_pj.source.endswith("interpolated between 12288 x 32 and 16384 x 64 bit")


def test_figures_carry_the_band_of_the_table() -> None:
    macro = sram(12345, 48, 45.0)
    assert macro.read_pj.error == sram_table.BAND["read_energy_pj"]
    assert macro.leakage_mw.error == sram_table.BAND["leakage_mw"]
    assert sram(2**21, 64, 45.0).read_pj.error > macro.read_pj.error  # 16 MiB
    assert sram(12345, 48, 28.0).read_pj.error > macro.read_pj.error
    assert sram(12345, 48, 7.0).read_pj.error > sram(12345, 48, 16.0).read_pj.error


def test_a_node_between_two_is_log_log_and_leaks_as_the_nearest() -> None:
    between = sram(16384, 64, 28.0)
    part = np.log(28 / 22) / np.log(32 / 22)
    ends = np.log([sram(16384, 64, nm).read_pj.value for nm in (22.0, 32.0)])
    assert between.read_pj.value == pytest.approx(float(np.exp(ends @ [1 - part, part])))
    assert between.leakage_mw.value == sram(16384, 64, 32.0).leakage_mw.value
    assert "28 nm between 22 and 32 nm" in between.read_pj.source
    assert "32 nm (the nearest to 28 nm)" in between.leakage_mw.source


def test_below_22nm_the_22nm_macro_is_scaled() -> None:
    base, scaled = sram(16384, 64, 22.0), sram(16384, 64, 7.0)
    assert scaled.read_pj.value == pytest.approx(base.read_pj.value * energy_factor(20, 7, "lp"))
    assert scaled.area_mm2.value == pytest.approx(base.area_mm2.value * area_factor(20, 7))
    assert scaled.read_pj.source.endswith("scaled to 7 nm by Stillmaker & Baas 2017")


def test_widths_above_512_bit_are_macros_side_by_side() -> None:
    wide, one = sram(2048, 2048, 45.0), sram(2048, 512, 45.0)
    assert wide.read_pj.value == pytest.approx(4 * one.read_pj.value)
    assert wide.area_mm2.value == pytest.approx(4 * one.area_mm2.value)
    assert wide.access_ns == one.access_ns
    assert wide.read_pj.source.endswith("4 macros side by side")


def test_banks_cost_one_bank_and_the_way_to_it() -> None:
    banked, bank = sram(16384, 64, 45.0, banks=16), sram(1024, 64, 45.0)
    side_mm = banked.area_mm2.value**0.5
    assert banked.area_mm2.value == pytest.approx(16 * bank.area_mm2.value)
    assert banked.leakage_mw.value == pytest.approx(16 * bank.leakage_mw.value)
    assert banked.read_pj.value == pytest.approx(bank.read_pj.value + 64 * wire(side_mm, 45.0, "lstp").value)
    assert bank.read_pj.value < banked.read_pj.value < sram(16384, 64, 45.0).read_pj.value


def test_beyond_64_mib_memories_are_built_of_banks() -> None:
    assert "one of 2 banks" in sram(2**24, 64, 45.0).read_pj.source


def test_larger_memories_beyond_the_table_keep_growing() -> None:
    reads = [sram(mib * 2**20 * 8 // 64, 64, 45.0).read_pj.value for mib in (8, 16, 32, 64)]
    steps = np.diff(np.log2(reads))
    assert (steps > 0.4).all()
    assert (steps < 0.7).all()


def test_two_ports_cost_area_and_energy() -> None:
    one, two = sram(16384, 64, 45.0), sram(16384, 64, 45.0, ports="1r1w")
    assert 1.9 < two.area_mm2.value / one.area_mm2.value < 2.2
    assert 1.15 < two.read_pj.value / one.read_pj.value < 1.96


def test_port_rows_of_the_table_are_returned_as_they_stand() -> None:
    rows = sram_table.shipped_rows("lstp", "1r1w").at_node(45.0)
    assert len(rows) == 19
    for depth, width, values in zip(rows.depth, rows.width, rows.values, strict=True):
        macro = sram(int(depth), int(width), 45.0, ports="1r1w")
        assert macro.read_pj.value == pytest.approx(values[0], rel=1e-6)
        assert macro.area_mm2.value == pytest.approx(values[3], rel=1e-6)


def test_hotter_memories_leak_more_and_the_outliers_are_left_out() -> None:
    assert leakage_at(360, 45.0, "hp") == pytest.approx(2.222)
    assert 1.199 < leakage_at(360, 90.0, "lop") < 1.517  # the table has a kink of 5.5 here
    hot = sram(16384, 64, 45.0, "hp", temperature_k=360.0)
    assert hot.leakage_mw.value == pytest.approx(2.222 * sram(16384, 64, 45.0, "hp").leakage_mw.value)
    with pytest.raises(OutsideTable, match="300 to 400 K"):
        leakage_at(250, 45.0, "hp")


def test_what_no_table_covers_is_refused_with_what_is_known() -> None:
    with pytest.raises(OutsideTable, match="device 'sram': known are lstp, hp, lop"):
        sram(1024, 64, 45.0, device="sram")
    with pytest.raises(OutsideTable, match="ports '3rw': known are 1rw, 1r1w, 2rw"):
        sram(1024, 64, 45.0, ports="3rw")
    with pytest.raises(OutsideTable, match="5 nm: known are 7 to 180 nm"):
        sram(1024, 64, 5.0)
    with pytest.raises(OutsideTable, match="at least 1"):
        sram(0, 64, 45.0)


@pytest.mark.parametrize(("depth", "energy_pj"), [(8, 0.1858), (16, 0.2292), (32, 0.3242)])
def test_flip_flops_of_16_bit_at_40nm(depth: int, energy_pj: float) -> None:
    energy, leakage, area = flip_flops(depth, 16, 40.0)
    assert energy.value == pytest.approx(energy_pj, abs=1e-4)
    assert leakage.value == pytest.approx(7e-5 * 16 * depth)
    assert area.value * 1e6 == pytest.approx({8: 870.8, 16: 1742.4, 32: 3503.6}[depth], abs=0.1)


def test_register_files_are_flip_flops_below_32_rows_and_the_table_from_there() -> None:
    shallow, deep = regfile(16, 16, 45.0), regfile(32, 16, 45.0)
    assert shallow.read_pj == flip_flops(16, 16, 45.0)[0]
    assert shallow.write_pj == shallow.read_pj
    assert deep == sram(32, 16, 45.0)
    assert deep.read_pj.value == pytest.approx(0.329, abs=5e-4)


def test_a_single_register_has_every_figure() -> None:
    one = regfile(1, 8, 45.0)
    assert one.read_pj.value > 0.009 * 8
    assert min(one.leakage_mw.value, one.area_mm2.value, one.access_ns.value) > 0
    assert "upper bound" in one.access_ns.source
