"""Energies from Accelergy and hwcomponents: what they are asked, what they answer, what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from dovetail.accel.architecture import Architecture, PerAccess, PerOperation
from dovetail.accel.loading import accelerator_from_text
from dovetail.costmodel.accelergy import description, read_tables
from dovetail.costmodel.components import price
from dovetail.costmodel.external import ExternalFault
from dovetail.costmodel.hwcomponents import read_energies
from dovetail.costmodel.part_energies import Part, PartEnergy, parts_of, with_energies
from dovetail.costmodel.yaml_text import yaml_text
from dovetail.dsl.problem import Bits

RECORDED = Path(__file__).parent.parent / "reference" / "other_tools" / "accelergy"
ERT, ART = (RECORDED / "ERT.yaml").read_text(), (RECORDED / "ART.yaml").read_text()


def chip() -> Architecture:
    return accelerator_from_text("""
accel chip

technology 45 nm
clock 1 GHz
precision { inputs, weights, outputs, sums = 16 bit }
memory DRAM { width = 64 bit; energy = dram(LPDDR4) }
memory GLB { size = 64 KiB; width = 64 bit; banks = 2; energy = sram() }
array PE[row = 4, col = 4] {
    memory WReg { depth = 8; width = 16 bit; energy = regfile(); holds = [weights] }
    mac { rate = 1/cycle }
}
""").architecture


def test_the_parts_are_what_has_an_energy() -> None:
    assert parts_of(chip()) == (
        Part("DRAM", "dram", "LPDDR4", 64),
        Part("GLB", "sram", "", 64, 8192, 2),
        Part("WReg", "regfile", "", 16, 8),
        Part("MAC", "mac", width=16),
    )


def test_the_description_names_each_part_once() -> None:
    tree = yaml.safe_load(yaml_text(description(chip())))
    (system,) = tree["architecture"]["subtree"]
    assert system["attributes"] == {"technology": "45nm", "global_cycle_seconds": 1e-9}
    assert [(c["name"], c["class"]) for c in system["local"]] == [
        ("DRAM", "DRAM"),
        ("GLB", "SRAM"),
        ("WReg", "regfile"),
        ("MAC", "intmac"),
    ]
    assert system["local"][1]["attributes"]["depth"] == 8192


def test_tables_are_read_by_the_costliest_arguments_of_an_action() -> None:
    found = read_tables(ERT, ART, parts_of(chip())[1:])
    assert found["WReg"] == PartEnergy(0.253, 0.26, pytest.approx(358.18e-6))
    assert found["GLB"].read_pj == 3.918 and found["MAC"].read_pj == 2.2


def test_energies_take_the_place_of_those_in_the_text() -> None:
    changed = with_energies(chip(), read_tables(ERT, ART, parts_of(chip())[1:]))
    assert changed.memory("GLB").energy == PerAccess(3.918, 3.605, 3.605)
    assert changed.memory("DRAM") == chip().memory("DRAM")
    assert changed.mac.energy == PerOperation(2.2)
    prices = price(changed)
    assert prices.memories["GLB"].read_pj.value == 3.918
    assert prices.memories["GLB"].bits == 64
    assert prices.mac.energy_pj(Bits()).value == 2.2


@pytest.mark.parametrize(
    "text", ["", "ERT: 3", "- a\n- b", "ERT: {tables: [{name: a}]}", "ERT: [", "{ERT: {tables: 7}}"]
)
def test_tables_that_say_something_else_are_refused(text: str) -> None:
    with pytest.raises(ExternalFault, match="cannot be read"):
        read_tables(text, ART, parts_of(chip()))


def test_a_part_without_an_energy_is_named() -> None:
    with pytest.raises(ExternalFault, match="no energy for `DRAM`"):
        read_tables(ERT, ART, parts_of(chip()))


def test_energies_of_hwcomponents_are_read() -> None:
    parts = (Part("MAC", "mac", width=16),)
    said = {"MAC": {"read_pj": 3.77, "write_pj": 3.77, "area_mm2": 0.0025, "leakage_mw": 0.024}}
    assert read_energies(json.dumps(said), parts) == {"MAC": PartEnergy(3.77, 3.77, 0.0025, 0.024)}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"MAC": 3}', '{"MAC": {"energy": 1}}'])
def test_what_hwcomponents_never_says_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_energies(text, (Part("MAC", "mac", width=16),))
