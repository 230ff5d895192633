"""Prices of an architecture: what wins, and that every number says where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Axis,
    Component,
    Dram,
    Link,
    LinkKind,
    Mac,
    MacUnit,
    Memory,
    PerAccess,
    PerBit,
    PerOperation,
    Rate,
    RegisterFile,
    Sram,
    Unit,
    Wire,
)
from dovetail.costmodel.components import Prices, Unpriceable, price
from dovetail.costmodel.figures import Figure
from dovetail.costmodel.regfile import regfile
from dovetail.costmodel.sram import sram
from dovetail.dsl.problem import Bits

KIB = 8 * 1024

SQUEEZELERATOR = Architecture(
    name="squeezelerator",
    levels=(
        Memory("DRAM", frozenset({"inputs", "weights", "outputs"}), energy=Dram("LPDDR4")),
        Memory(
            "Buffer",
            may_hold=frozenset({"inputs", "outputs"}),
            size_bits=128 * KIB,
            width_bits=64,
            energy=Sram(),
        ),
        Array(
            "PE",
            (Axis("row", 32), Axis("col", 32)),
            (
                Link(("row",), LinkKind.REDUCE, "sums"),
                Link(("row", "col"), LinkKind.SHIFT, "inputs", energy=Wire(0.05)),
            ),
        ),
        Memory(
            "Register",
            may_hold=frozenset({"weights", "sums"}),
            size_bits=256,
            width_bits=16,
            energy=RegisterFile(),
        ),
    ),
    mac=Mac(energy=MacUnit()),
    units=(Unit("Vector", 32, "Buffer", frozenset({"relu"}), PerOperation(1.0)),),
)


def with_memory(memory: Memory) -> Architecture:
    """An architecture of one memory and one MAC."""
    return Architecture("one", (memory,))


def figures(prices: Prices) -> Iterator[Figure]:
    """Every figure that `price` hands out."""
    for memory in prices.memories.values():
        yield from (memory.read_pj, memory.fill_pj, memory.update_pj, memory.area_mm2, memory.leakage_mw)
    yield from (prices.mac.energy_pj(Bits()), prices.mac.area_mm2, prices.mac.leakage_mw)
    for link in prices.links:
        yield from (link.per_bit_pj, link.per_word_pj)
    yield from (unit.element_pj for unit in prices.units.values())
    yield from (prices.area_mm2, prices.leakage_mw)


def test_every_price_has_a_source() -> None:
    found = list(figures(price(SQUEEZELERATOR)))
    assert len(found) > 20
    assert all(figure.source and figure.unit for figure in found)


def test_component_models_price_their_memories() -> None:
    prices = price(SQUEEZELERATOR)
    macro, register = sram(16384, 64, 45.0), regfile(16, 16, 45.0)
    buffer = prices.memories["Buffer"]
    assert (buffer.read_pj, buffer.fill_pj, buffer.update_pj) == (
        macro.read_pj,
        macro.write_pj,
        macro.write_pj,
    )
    assert (buffer.area_mm2, buffer.leakage_mw) == (macro.area_mm2, macro.leakage_mw)
    assert (buffer.bits, buffer.instances) == (64, 1)
    assert prices.memories["Register"].read_pj == register.read_pj
    assert prices.memories["Register"].instances == 1024


def test_dram_without_a_width_is_priced_by_the_bit_and_is_off_chip() -> None:
    memory = price(SQUEEZELERATOR).memories["DRAM"]
    assert memory.bits is None
    assert (memory.read_pj.value, memory.read_pj.unit) == (8.0, "pJ/bit")
    assert (memory.area_mm2.value, memory.area_mm2.source) == (0.0, "off chip")


def test_dram_with_a_width_is_priced_by_the_access() -> None:
    memory = price(with_memory(Memory("DRAM", width_bits=64, energy=Dram("LPDDR4")))).memories["DRAM"]
    assert memory.bits == 64
    assert (memory.read_pj.value, memory.read_pj.unit) == (512.0, "pJ")
    per_bit = price(with_memory(Memory("DRAM", width_bits=64, energy=PerBit(8.0)))).memories["DRAM"]
    assert per_bit.read_pj == Figure(512.0, "pJ", "given in the text")


def test_explicit_numbers_win() -> None:
    memory = Memory(
        "Buffer",
        size_bits=128 * KIB,
        width_bits=64,
        energy=PerAccess(24.0, 26.0, 28.0),
        area_mm2=0.5,
        leakage_mw=0.25,
    )
    prices = price(with_memory(memory)).memories["Buffer"]
    values = (prices.read_pj, prices.fill_pj, prices.update_pj, prices.area_mm2, prices.leakage_mw)
    assert [figure.value for figure in values] == [24.0, 26.0, 28.0, 0.5, 0.25]
    assert {figure.source for figure in values} == {"given in the text"}
    assert {figure.error for figure in values} == {0.0}


def test_an_explicit_area_wins_over_the_model_beside_a_modelled_energy() -> None:
    memory = Memory("Buffer", size_bits=128 * KIB, width_bits=64, energy=Sram(), area_mm2=0.5)
    prices = price(with_memory(memory)).memories["Buffer"]
    assert prices.area_mm2.value == 0.5
    assert prices.read_pj == sram(16384, 64, 45.0).read_pj


def test_a_memory_without_energy_costs_nothing_and_says_so() -> None:
    prices = price(with_memory(Memory("Buffer", size_bits=1024, width_bits=16))).memories["Buffer"]
    assert (prices.read_pj.value, prices.read_pj.source) == (0.0, "none given")


def test_an_sram_without_width_moves_the_widest_word_it_holds() -> None:
    memory = Memory("Acc", frozenset({"sums", "inputs"}), size_bits=4 * 1024 * KIB, energy=Sram())
    architecture = replace(with_memory(memory), bits=Bits(8, 8, 8, 32))
    prices = price(architecture).memories["Acc"]
    assert prices.bits == 32
    assert prices.read_pj.value == sram(2**20, 32, 45.0).read_pj.value
    assert "width not given: 32 bit" in prices.read_pj.source


def test_mac_energy_follows_the_operands_of_the_layer() -> None:
    mac = price(SQUEEZELERATOR).mac
    assert mac.energy_pj(Bits(8, 8, 8, 32)).value == pytest.approx(0.3)
    assert mac.energy_pj(Bits(16, 16, 16, 32)).value == pytest.approx(0.8833, abs=1e-4)
    assert mac.energy_pj(Bits(4, 8, 8, 32)).value < 0.3
    assert mac.instances == 1024
    explicit = price(replace(SQUEEZELERATOR, mac=Mac(energy=PerOperation(1.5)))).mac
    assert explicit.energy_pj(Bits(8, 8, 8, 8)) == Figure(1.5, "pJ", "given in the text")


def test_a_mac_without_energy_is_priced_as_mac() -> None:
    mac = price(replace(SQUEEZELERATOR, mac=Mac())).mac
    assert mac.energy_pj(Bits(8, 8, 8, 32)).value == pytest.approx(0.3)
    assert mac.energy_pj(Bits(8, 8, 8, 32)).source.endswith("mac() unless given")


def test_lanes_and_rates_at_full_width_are_multipliers_of_their_own() -> None:
    dot = replace(SQUEEZELERATOR, mac=Mac(lanes=64, lanes_dimension="C"))
    assert price(dot).mac.instances == 64 * 1024
    split = Mac(rates=(Rate(Fraction(1), 8), Rate(Fraction(4), 4)))
    assert price(replace(SQUEEZELERATOR, mac=split)).mac.instances == 1024
    twice = Mac(rates=(Rate(Fraction(2)),))
    assert price(replace(SQUEEZELERATOR, mac=twice)).mac.instances == 2048


def test_links_cost_a_wire_a_hop() -> None:
    reduce, shift = price(SQUEEZELERATOR).links
    assert reduce.hop_pj(16) == 0.0
    assert (shift.array, shift.index) == ("PE", 1)
    assert shift.hop_pj(16) == pytest.approx(16 * 0.05 * 0.06237, rel=1e-3)
    assert shift.hop_pj(8) == pytest.approx(shift.hop_pj(16) / 2)


@pytest.mark.parametrize(("component", "hop_pj"), [(PerOperation(3.0), 3.0), (PerBit(0.5), 8.0)])
def test_links_take_explicit_prices(component: Component, hop_pj: float) -> None:
    array = Array("PE", (Axis("x", 2),), (Link(("x",), LinkKind.FORWARD, "inputs", component),))
    architecture = Architecture("a", (Memory("DRAM"), array))
    assert price(architecture).links[0].hop_pj(16) == hop_pj


def test_units_are_priced_by_the_element() -> None:
    assert price(SQUEEZELERATOR).units["Vector"].element_pj == Figure(1.0, "pJ", "given in the text")
    unit = Unit("Vector", 32, "Buffer", frozenset({"relu"}))
    assert price(replace(SQUEEZELERATOR, units=(unit,))).units["Vector"].element_pj.value == 0.0


def test_chip_area_and_leakage_are_sums_over_instances() -> None:
    prices = price(SQUEEZELERATOR)
    buffer, register, mac = prices.memories["Buffer"], prices.memories["Register"], prices.mac
    assert prices.area_mm2.value == pytest.approx(
        buffer.area_mm2.value + 1024 * (register.area_mm2.value + mac.area_mm2.value)
    )
    assert prices.leakage_mw.value == pytest.approx(
        buffer.leakage_mw.value + 1024 * (register.leakage_mw.value + mac.leakage_mw.value)
    )
    assert 0 < prices.area_mm2.error < 1


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        (Memory("Buffer", energy=Sram()), r"Buffer: sram\(\) needs a size"),
        (Memory("Buffer", size_bits=1024, energy=Wire(1.0)), r"Buffer: wire\(1 mm\) does not price a memory"),
        (Memory("Buffer", size_bits=1024, energy=MacUnit()), r"Buffer: mac\(\) does not price a memory"),
    ],
)
def test_a_component_in_the_wrong_place_is_refused(memory: Memory, message: str) -> None:
    with pytest.raises(Unpriceable, match=message):
        price(with_memory(memory))


def test_a_mac_priced_as_a_memory_is_refused() -> None:
    with pytest.raises(Unpriceable, match=r"mac: sram\(\) is not an energy per operation"):
        price(replace(SQUEEZELERATOR, mac=Mac(energy=Sram())))
