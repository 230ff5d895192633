"""The accelerators of `examples/` are the machines of their papers, each on a page, without a warning."""

from pathlib import Path

import pytest

from dovetail.accel.architecture import SpatialRule
from dovetail.accel.loading import load_accelerator_design
from dovetail.costmodel.components import price

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
FILES = sorted(EXAMPLES.glob("*/*.accel"))


def machine(name, **settings):
    return load_accelerator_design(EXAMPLES / "accelerators" / f"{name}.accel", settings).architecture


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_example_loads_without_a_warning_and_fits_on_a_page(path):
    design = load_accelerator_design(path)
    assert [w.render() for w in design.warnings] == []
    assert design.name == path.stem
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60
    assert lines[0].startswith("#"), "it says what it is and where its numbers come from"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_part_of_an_example_has_a_price(path):
    prices = price(load_accelerator_design(path).architecture)
    assert prices.area_mm2.value > 0
    assert all(memory.read_pj.value > 0 for memory in prices.memories.values())


@pytest.mark.parametrize("n", [8, 16, 32])
def test_squeezelerator_has_n_by_n_pes(n):
    made = machine("squeezelerator", n=n)
    assert made.pes == n * n
    assert [d.name for d in made.dataflows] == ["weight_stationary", "output_stationary"]
    assert made.memory("DRAM").read_bits_per_cycle == 256
    assert made.mac.skip_zero_weights_in == {"output_stationary"}
    assert not made.overlap_transfers


def test_eyeriss_has_the_scratchpads_of_the_chip():
    made = machine("eyeriss")
    assert made.pes == 168
    words = {m.name: m.size_bits // 16 for m in made.memories if m.size_bits is not None}
    assert words == {"GLB": 108 * 1024 // 2, "Weights": 224, "Inputs": 12, "Sums": 24}
    (dataflow,) = made.dataflows
    assert SpatialRule("PE", "row", (("R",), ("C", "K"))) in dataflow.constraints


def test_tpu_has_the_peak_rate_and_the_memories_of_the_paper():
    made = machine("tpu_v1")
    assert round(2 * made.pes * made.clock_hz / 1e12) == 92
    sizes = {m.name: m.size_bits // 8 for m in made.memories if m.size_bits is not None}
    assert sizes == {"UB": 24 * 2**20, "FIFO": 4 * 2**16, "Acc": 4 * 2**20, "W": 2}
    assert machine("tpu_v1", n=32).pes == 1024


def test_gemmini_has_both_dataflows_on_one_array():
    made = machine("gemmini")
    assert made.pes == 256
    assert made.memory("Scratchpad").size_bits == 2**21
    assert made.memory("Accumulator").size_bits == 2**19
    assert len(made.dataflows) == 2


def test_nvdla_makes_1024_products_a_cycle_at_16_bit_and_2048_at_8_bit():
    made = machine("nvdla")
    assert made.pes * made.mac.lanes == 1024
    assert {rate.bits: made.pes * made.mac.lanes * rate.per_cycle for rate in made.mac.rates} == {
        16: 1024,
        8: 2048,
    }
    assert made.memory("CBUF").size_bits == 2**22


@pytest.mark.parametrize("chiplets", [1, 2, 36])
def test_simba_scales_by_chiplets(chiplets):
    made = machine("simba", chiplets=chiplets)
    assert made.instances("Global") == chiplets
    assert made.instances("Weights") == 16 * chiplets
    assert made.pes * made.mac.lanes == 1024 * chiplets
    assert made.arrays[0].links[0].bits_per_cycle == made.arrays[0].links[2].bits_per_cycle


def test_two_chiplets_are_simba_with_another_dram():
    small, all_of_it = machine("simba_two_chiplets"), machine("simba", chiplets=2)
    assert small.levels[1:] == all_of_it.levels[1:]
    assert small.dataflows == all_of_it.dataflows
    assert 2 * small.memory("DRAM").read_bits_per_cycle == all_of_it.memory("DRAM").read_bits_per_cycle


def test_squeezelerator_family_has_more_than_ten_thousand_members():
    design = load_accelerator_design(EXAMPLES / "spaces" / "squeezelerator_family.accel")
    counts = {c.site.path: len(c.site.options) for c in design.open_choices}
    assert counts == {"rows": 8, "cols": 8, "DRAM.bandwidth": 8, "Buffer.size": 6, "Register.depth": 4}
    largest = {"rows": 64, "cols": 64, "Register.depth": 32}
    largest |= {"Buffer.size": "512 KiB", "DRAM.bandwidth": "32 GB/s"}
    chosen = load_accelerator_design(EXAMPLES / "spaces" / "squeezelerator_family.accel", largest)
    assert chosen.open_choices == ()
    assert (chosen.architecture.pes, chosen.architecture.memory("Buffer").size_bits) == (4096, 2**22)
