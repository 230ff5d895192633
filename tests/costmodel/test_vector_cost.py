"""Operations without MACs: the traffic of their tensors, and the unit that does them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from dovetail.accel.architecture import Architecture, Array, Axis, Memory, PerBit, PerOperation, Ports, Unit
from dovetail.costmodel.components import price
from dovetail.costmodel.vector_cost import VectorCost, unit_for, vector_cost
from dovetail.dsl.layer import Layer
from dovetail.dsl.loading import network_from_text

DRAM = Memory(
    "DRAM",
    read_bits_per_cycle=Fraction(32),
    write_bits_per_cycle=Fraction(32),
    ports=Ports.SHARED,
    energy=PerBit(2.0),
)
BUFFER = Memory("Buffer", size_bits=2**20, energy=PerBit(0.25))
VECTOR = Unit("Vector", lanes=8, at="Buffer", does=frozenset({"pool", "add"}), energy=PerOperation(1.5))
CHIP = Architecture("chip", (DRAM, BUFFER, Array("PE", (Axis("row", 2),))), units=(VECTOR,))


def layer(stages: str) -> Layer:
    network = network_from_text(f"net n\ninput x[8, 12, 12]\noutput x -> {stages}\n").network
    return network.layers[-1]


def cost(stages: str, chip: Architecture = CHIP, batch: int = 1) -> VectorCost:
    return vector_cost(layer(stages), chip, price(chip), batch)


def test_a_pool_reads_its_input_once_and_writes_its_output_once() -> None:
    moved = {(h.memory, h.operand): (h.reads, h.fills, h.updates) for h in cost("maxpool(2)").holders}
    assert moved == {
        ("DRAM", "inputs"): (8 * 12 * 12, 0, 0),
        ("DRAM", "outputs"): (0, 0, 8 * 6 * 6),
        ("Buffer", "inputs"): (8 * 12 * 12, 8 * 12 * 12, 0),
        ("Buffer", "outputs"): (0, 0, 8 * 6 * 6),
    }


def test_a_pool_takes_the_longer_of_its_operations_and_its_traffic() -> None:
    operations, traffic = 8 * 6 * 6 * 4 // 8, (8 * 12 * 12 + 8 * 6 * 6) * 16 // 32
    assert operations < traffic
    assert (cost("maxpool(2)").cycles, cost("maxpool(2)").bound_by) == (traffic, "DRAM")
    slow = replace(CHIP, units=(replace(VECTOR, lanes=1),))
    assert (cost("maxpool(2)", slow).cycles, cost("maxpool(2)", slow).bound_by) == (operations * 8, "Vector")


def test_transfers_that_do_not_overlap_add_to_the_operations() -> None:
    waits = replace(CHIP, overlap_transfers=False)
    traffic = (8 * 12 * 12 + 8 * 6 * 6) * 16 // 32
    assert cost("maxpool(2)", waits).cycles == traffic + 8 * 6 * 6 * 4 // 8


def test_energy_is_traffic_and_operations() -> None:
    result = cost("maxpool(2)")
    words_in, words_out = 8 * 12 * 12, 8 * 6 * 6
    assert result.memories_pj["DRAM"] == {"inputs": words_in * 32.0, "outputs": words_out * 32.0}
    assert result.memories_pj["Buffer"] == {"inputs": 2 * words_in * 4.0, "outputs": words_out * 4.0}
    assert result.unit_pj == 8 * 6 * 6 * 4 * 1.5


def test_without_a_unit_for_it_there_is_the_traffic_alone() -> None:
    result = cost("softmax")
    assert result.unit is None
    assert {h.memory for h in result.holders} == {"DRAM"}
    assert (result.cycles, result.unit_pj) == (2 * 8 * 12 * 12 * 16 // 32, 0.0)


def test_what_only_moves_needs_no_unit() -> None:
    assert unit_for(layer("shift(3)"), CHIP) is None
    assert cost("shift(3)").cycles == 2 * 8 * 12 * 12 * 16 // 32


def test_an_addition_reads_each_of_its_tensors() -> None:
    text = "net n\ninput x[4, 5, 5]\na = x -> shift(3)\nb = x -> shift(5)\noutput a + b\n"
    add = network_from_text(text).network.layers[-1]
    result = vector_cost(add, CHIP, price(CHIP))
    reads = [h.reads for h in result.holders if (h.memory, h.operand) == ("DRAM", "inputs")]
    assert reads == [100, 100]
    assert result.memories_pj["DRAM"]["inputs"] == 200 * 32.0


def test_a_batch_moves_and_computes_so_many_times() -> None:
    one, three = cost("maxpool(2)"), cost("maxpool(2)", batch=3)
    assert [3 * h.reads for h in one.holders] == [h.reads for h in three.holders]
    assert three.unit_pj == 3 * one.unit_pj
    assert three.cycles == 3 * one.cycles


def test_a_unit_beside_the_outermost_memory_passes_nothing_through() -> None:
    chip = replace(CHIP, units=(replace(VECTOR, at="DRAM"),))
    assert {h.memory for h in cost("maxpool(2)", chip).holders} == {"DRAM"}
    assert cost("maxpool(2)", chip).unit == "Vector"
