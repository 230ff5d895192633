"""Cycles: throughput, ports, buffers, folds, and transfers that do not hide."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Axis,
    Buffering,
    Link,
    LinkKind,
    Mac,
    Memory,
    Ports,
    Rate,
    Timing,
)
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.evaluate import Cost, evaluate_mapping
from dovetail.dsl.problem import OPERANDS, Bits, Problem

FREE = EnergyTable()
LAYER = Problem(K=8, C=4, P=16, bits=Bits(8, 8, 8, 8))


def machine(buffer: dict[str, Any], dram: dict[str, Any] | None = None, **more: Any) -> Architecture:
    levels = Memory("DRAM", **(dram or {})), Memory("Buffer", may_hold=frozenset(OPERANDS), **buffer)
    return Architecture("machine", levels, **more)


def by_pixels(held: tuple[str, ...] = OPERANDS) -> Mapping:
    """Four pixels at a time in the buffer."""
    nodes = [
        Holds("DRAM", OPERANDS),
        For("P", 16, 4),
        Holds("Buffer", held),
        For("K", 8),
        For("C", 4),
        For("P", 4),
    ]
    return Mapping(tuple(nodes))


def cost(architecture: Architecture, problem: Problem = LAYER, **how: Any) -> Cost:
    found = evaluate_mapping(problem, architecture, by_pixels(), FREE, **how)
    assert found.cycles == sum(term.cycles for term in found.latency.terms)
    return found


def bits(number: int) -> Fraction:
    return Fraction(number)


def test_with_ideal_buffers_the_busiest_port_decides() -> None:
    """512 steps; the buffer reads 512 + 512 words and 480 old sums less 128 first ones, at 2 words a
    cycle."""
    fast = cost(machine({}))
    assert (fast.cycles, fast.latency.bound_by) == (512, "compute")
    reads = 512 + 512 + (512 - 128)
    slow = cost(machine({"read_bits_per_cycle": bits(16)}))
    assert (slow.cycles, slow.latency.bound_by) == (reads // 2, "Buffer")


def test_a_shared_port_serves_reads_and_writes() -> None:
    words = 512 + 512 + (512 - 128) + (32 + 64) + 512
    shared = cost(machine({"read_bits_per_cycle": bits(16), "ports": Ports.SHARED}))
    assert shared.cycles == words // 2


def test_one_access_a_cycle_whatever_its_width() -> None:
    """Two operands and the old sums, a word each step: the width of the port does not help."""
    cycles = cost(machine({"width_bits": 64, "accesses_per_cycle": Fraction(1)})).cycles
    assert cycles == 512 + 512 + (512 - 128)


def test_a_tile_is_packed_into_accesses() -> None:
    """Tiles of 16 inputs in accesses of 8 words: a fill takes 2 accesses; 4 tiles, and 32 weights in 4."""
    found = cost(machine({}, {"width_bits": 64, "accesses_per_cycle": Fraction(1)}))
    ports = dict(found.latency.ports)
    assert ports["DRAM"] == max(4 * 2 + 4, 4 * 4)


def test_a_single_buffer_waits_for_its_loads() -> None:
    dram = {"read_bits_per_cycle": bits(8), "write_bits_per_cycle": bits(8)}
    single = cost(machine({"buffering": Buffering.SINGLE}, dram))
    assert single.latency.term("load") == max(32 + 64, 128)
    assert single.cycles == 512 + 128


def test_a_double_buffer_hides_all_but_the_first_load_and_the_last_store() -> None:
    dram = {"read_bits_per_cycle": bits(8), "write_bits_per_cycle": bits(8)}
    double = cost(machine({"buffering": Buffering.DOUBLE}, dram))
    assert double.latency.term("first_load") == 32 + 16
    assert double.latency.term("last_store") == 32
    assert double.cycles == 512 + 48 + 32


def test_automatic_buffers_are_double_where_both_tiles_fit() -> None:
    dram = {"read_bits_per_cycle": bits(8), "write_bits_per_cycle": bits(8)}
    needed = 8 * (32 + 2 * 16 + 2 * 32)
    roomy = cost(machine({"buffering": Buffering.AUTO, "size_bits": needed}, dram))
    tight = cost(machine({"buffering": Buffering.AUTO, "size_bits": needed - 1}, dram))
    assert roomy.cycles == cost(machine({"buffering": Buffering.DOUBLE}, dram)).cycles
    assert tight.cycles == cost(machine({"buffering": Buffering.SINGLE}, dram)).cycles


def test_transfers_that_do_not_overlap_add_up() -> None:
    dram = {"read_bits_per_cycle": bits(8), "ports": Ports.SHARED, "latency_cycles": 10}
    apart = cost(machine({"buffering": Buffering.DOUBLE}, dram, overlap_transfers=False))
    words = 32 + 64 + 128
    assert apart.latency.term("transfer") == words
    assert apart.latency.term("latency") == 4 * 10
    assert apart.cycles == 512 + words + 40
    together = cost(machine({}, dram))
    assert together.cycles == max(512, words) + 10


def test_zero_weights_cost_no_step_where_the_dataflow_skips_them() -> None:
    mac = Mac(skip_zero_weights_in=frozenset({"output_stationary"}))
    sparse = Problem(K=8, C=4, P=16, bits=LAYER.bits, weight_zeros=0.4)
    assert cost(machine({}, mac=mac), sparse, dataflow="output_stationary").cycles == 308  # 512 * 0.6 = 307.2
    assert cost(machine({}, mac=mac), sparse, dataflow="weight_stationary").cycles == 512
    table = EnergyTable(mac_pj=1.0)
    skipped = evaluate_mapping(sparse, machine({}, mac=mac), by_pixels(), table, "output_stationary")
    assert skipped.energy_pj == pytest.approx(0.6 * 512)


def test_narrow_operands_run_at_their_own_rate() -> None:
    mac = Mac(rates=(Rate(Fraction(1), 8), Rate(Fraction(4), 4)))
    narrow = Problem(K=8, C=4, P=16, bits=Bits(4, 4, 8, 8))
    assert cost(machine({}, mac=mac)).cycles == 512
    assert cost(machine({}, mac=mac), narrow).cycles == 128
    assert cost(machine({}, mac=mac), narrow).utilization == 1.0
    with pytest.raises(ValueError, match="no rate for operands of 16 bit"):
        cost(machine({}, mac=mac), Problem(K=8, C=4, P=16))


def test_the_last_short_pass_costs_a_whole_one() -> None:
    nodes = [Holds("DRAM", OPERANDS), For("P", 16, 5), For("K", 8), For("C", 4), For("P", 5)]
    found = evaluate_mapping(LAYER, machine({}), Mapping(tuple(nodes)), FREE)
    assert found.cycles == 4 * 5 * 32


def systolic(n: int, **timing: Any) -> Architecture:
    links = Link(("row",), LinkKind.FORWARD, "sums"), Link(("col",), LinkKind.FORWARD, "inputs")
    array = Array("PE", (Axis("row", n), Axis("col", n)), links, Timing(skew=True, **timing))
    register = Memory("W", may_hold=frozenset({"weights", "sums"}))
    return Architecture("systolic", (Memory("DRAM"), array, register))


# Squared windows, pixels and filters of a 3x3 layer as a matrix product.
PRODUCT = Problem(K=64, C=288, P=196)


@pytest.mark.parametrize("n", [8, 16, 32])
def test_folds_of_a_weight_stationary_systolic_array_are_those_of_scale_sim(n: int) -> None:
    """Every fold takes T + 2R + C - 2 cycles: load, skewed streaming, drain."""
    nodes = [Holds("DRAM", OPERANDS), For("K", 64, n), For("C", 288, n), Spatial("C", n, "PE", "row")]
    nodes += [Spatial("K", n, "PE", "col"), Holds("W", ("weights",)), For("P", 196)]
    found = evaluate_mapping(PRODUCT, systolic(n, load="row"), Mapping(tuple(nodes)), FREE)
    folds = (64 // n) * (288 // n)
    assert found.cycles == folds * (196 + 2 * n + n - 2)
    assert found.latency.term("fold") == folds * (3 * n - 2)


@pytest.mark.parametrize("n", [8, 16, 32])
def test_folds_of_an_output_stationary_systolic_array_are_those_of_scale_sim(n: int) -> None:
    """Every fold takes T + R + C - 2 cycles; nothing stationary is loaded."""
    nodes = [Holds("DRAM", OPERANDS), For("P", 196, n), For("K", 64, n), Spatial("P", n, "PE", "row")]
    nodes += [Spatial("K", n, "PE", "col"), Holds("W", ("outputs",)), For("C", 288)]
    found = evaluate_mapping(PRODUCT, systolic(n, load="row"), Mapping(tuple(nodes)), FREE)
    assert found.cycles == -(-196 // n) * (64 // n) * (288 + n + n - 2)


def test_sums_that_stay_are_shifted_out_along_the_drain() -> None:
    nodes = [Holds("DRAM", OPERANDS), For("P", 196, 8), For("K", 64, 8), Spatial("P", 8, "PE", "row")]
    nodes += [Spatial("K", 8, "PE", "col"), Holds("W", ("outputs",)), For("C", 288)]
    mapping = Mapping(tuple(nodes))
    kept = evaluate_mapping(PRODUCT, systolic(8), mapping, FREE).cycles
    drained = evaluate_mapping(PRODUCT, systolic(8, drain="col"), mapping, FREE).cycles
    assert drained - kept == 25 * 8 * 8


def test_overlapping_folds_pay_once() -> None:
    nodes = [Holds("DRAM", OPERANDS), For("K", 64, 8), For("C", 288, 8), Spatial("C", 8, "PE", "row")]
    nodes += [Spatial("K", 8, "PE", "col"), Holds("W", ("weights",)), For("P", 196)]
    found = evaluate_mapping(PRODUCT, systolic(8, load="row", overlap=True), Mapping(tuple(nodes)), FREE)
    assert found.latency.term("fold") == 8 + 14


def test_a_narrow_link_holds_the_array_back() -> None:
    link = Link(("row",), LinkKind.SHIFT, "inputs", bits_per_cycle=Fraction(1))
    array = Array("PE", (Axis("row", 4),), (link,))
    architecture = Architecture("links", (Memory("DRAM"), array))
    nodes = [Holds("DRAM", OPERANDS), For("K", 8), For("C", 4), For("P", 16, 4), Spatial("P", 4, "PE", "row")]
    found = evaluate_mapping(LAYER, architecture, Mapping(tuple(nodes)), FREE)
    (words,) = (hop.words for hop in found.counts.hops if hop.operand == "inputs")
    assert dict(found.latency.ports)["PE links"] == words * 8 // 4
