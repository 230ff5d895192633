"""Many mappings at once cost what each of them costs alone."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from dovetail.accel.architecture import Architecture, Array, Axis, Buffering, Link, LinkKind, Memory, Ports
from dovetail.accel.legality import violations
from dovetail.accel.mapping import Holds
from dovetail.costmodel import batch
from dovetail.costmodel.batch import evaluate_batch, evaluate_chunks
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.nest import Loop, Structure
from dovetail.dsl.problem import OPERANDS, Bits, Problem

LAYER = Problem(N=2, K=12, C=8, P=14, Q=10, R=3, S=3, stride=(2, 1), bits=Bits(8, 8, 8, 24))

PRICES = EnergyTable(
    {
        "DRAM": MemoryPrice(200.0, 210.0, 220.0, 64),
        "Buffer": MemoryPrice(6.0, 6.5, 7.0, 32),
        "Register": MemoryPrice(0.25, 0.5, 0.75),
    },
    mac_pj=1.5,
    links={("PE", 2): 0.125},
)


def accelerator(buffering: Buffering = Buffering.IDEAL, *, overlap: bool = True) -> Architecture:
    return Architecture(
        "small",
        (
            Memory(
                "DRAM",
                read_bits_per_cycle=Fraction(24),
                write_bits_per_cycle=Fraction(24),
                ports=Ports.SHARED,
                latency_cycles=20,
            ),
            Memory(
                "Buffer",
                may_hold=frozenset({"inputs", "outputs"}),
                size_bits=9000,
                width_bits=32,
                accesses_per_cycle=Fraction(1),
                buffering=buffering,
            ),
            Array(
                "PE",
                (Axis("row", 4), Axis("col", 4)),
                (
                    Link(("row", "col"), LinkKind.MULTICAST, "weights"),
                    Link(("col",), LinkKind.REDUCE, "sums"),
                    Link(("row", "col"), LinkKind.SHIFT, "inputs", bits_per_cycle=Fraction(8)),
                ),
            ),
            Memory("Register", may_hold=frozenset({"weights", "sums"}), size_bits=400, buffering=buffering),
        ),
        overlap_transfers=overlap,
    )


def structure(architecture: Architecture) -> Structure:
    def loops(dimensions: str, axis: str | None = None) -> list[Loop]:
        return [Loop(d, "PE" if axis else None, axis) for d in dimensions]

    return Structure(
        architecture,
        [
            Holds("DRAM", OPERANDS),
            *loops("NKCPQ"),
            Holds("Buffer", ("inputs", "outputs")),
            *loops("CPQR"),
            *loops("PK", "row"),
            *loops("QC", "col"),
            Holds("Register", ("weights", "outputs")),
            *loops("KRSC"),
        ],
    )


def random_bounds(nest: Structure, mappings: int, *, perfect: bool, seed: int = 0) -> NDArray[np.int64]:
    generator = np.random.default_rng(seed)
    bounds = np.ones((mappings, len(nest.loops)), np.int64)
    for row in range(mappings):
        left = LAYER.bounds
        for at, loop in enumerate(nest.loops):
            bounds[row, at] = left[loop.dimension]
            inner = nest.next_inner[at]
            if inner is not None:
                most = 4 if loop.array else left[loop.dimension]
                steps = [
                    s for s in range(1, left[loop.dimension] + 1) if -(-left[loop.dimension] // s) <= most
                ]
                if perfect:
                    steps = [s for s in steps if left[loop.dimension] % s == 0]
                left[loop.dimension] = int(generator.choice(steps))
    return bounds


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("buffering", list(Buffering))
@pytest.mark.parametrize("perfect", [True, False])
def test_each_mapping_costs_what_it_costs_alone(buffering: Buffering, overlap: bool, perfect: bool) -> None:
    architecture = accelerator(buffering, overlap=overlap)
    nest = structure(architecture)
    bounds = random_bounds(nest, 60, perfect=perfect)
    costs = evaluate_batch(LAYER, nest, bounds, PRICES)
    for at, row in enumerate(bounds):
        mapping = nest.mapping(row)
        alone = evaluate_mapping(LAYER, architecture, mapping, PRICES)
        for holder in alone.counts.holders:
            place = at, nest.memories.index(holder.memory), OPERANDS.index(holder.operand)
            counts = holder.reads, holder.fills, holder.updates
            assert (costs.reads[place], costs.fills[place], costs.updates[place]) == counts
        assert costs.cycles[at] == alone.cycles
        assert costs.energy_pj[at] == pytest.approx(alone.energy_pj, rel=1e-12)
        assert costs.utilization[at] == pytest.approx(alone.utilization, rel=1e-12)
        assert costs.fits[at] == (not violations(LAYER, architecture, mapping))


def test_chunks_cover_all_mappings_in_order() -> None:
    nest = structure(accelerator())
    bounds = np.repeat(random_bounds(nest, 7, perfect=True), 3000, axis=0)
    whole = evaluate_batch(LAYER, nest, bounds, PRICES)
    rows = [rows for rows, _ in evaluate_chunks(LAYER, nest, bounds, PRICES)]
    assert [r.stop for r in rows[:-1]] == [r.start for r in rows[1:]]
    assert rows[-1].stop == len(bounds)
    assert (whole.cycles.reshape(7, 3000) == whole.cycles[::3000, None]).all()


def test_no_mappings_cost_nothing() -> None:
    nest = structure(accelerator())
    costs = evaluate_batch(LAYER, nest, np.ones((0, len(nest.loops)), np.int64), PRICES)
    assert costs.reads.shape == (0, 3, 3)


def test_bounds_that_do_not_chain_are_refused() -> None:
    nest = structure(accelerator())
    bounds = random_bounds(nest, 2, perfect=True)
    bounds[1, 0] = 3
    with pytest.raises(ValueError, match="does not walk"):
        evaluate_batch(LAYER, nest, bounds, PRICES)


def big(scale: int) -> tuple[Problem, Structure, NDArray[np.int64]]:
    """About 10**15 MACs and more: a matrix product on one PE."""
    layer = Problem(K=10**5 * scale, C=10**5, P=10**5)
    architecture = Architecture(
        "one", (Memory("DRAM"), Memory("Buffer", may_hold=frozenset({"inputs", "weights", "sums"})))
    )
    nest = Structure(
        architecture,
        [Holds("DRAM", OPERANDS), Loop("K"), Loop("P"), Loop("C"), Holds("Buffer", OPERANDS), Loop("K")],
    )
    return layer, nest, np.array([[layer.K, layer.P, layer.C, 10]], np.int64)


def test_a_layer_of_10_to_the_15_macs_is_counted_exactly() -> None:
    layer, nest, bounds = big(1)
    costs = evaluate_batch(layer, nest, bounds, PRICES)
    assert costs.reads[0, 1].tolist() == [10**15, 10**15, 10**15 - 10**10]
    assert costs.cycles[0] == 10**15


def test_counts_beyond_2_to_the_53_are_exact_in_bulk_and_alone() -> None:
    layer, nest, bounds = big(3 * 10**3 + 1)
    costs = evaluate_batch(layer, nest, bounds, PRICES)
    alone = evaluate_mapping(layer, nest.architecture, nest.mapping(bounds[0]), PRICES)
    assert costs.reads[0, 1, 0] == alone.counts.of("Buffer", "weights").reads == layer.macs > 2**53


def test_a_count_beyond_64_bits_is_refused_in_bulk_and_exact_alone() -> None:
    layer, nest, bounds = big(10**5)
    with pytest.raises(OverflowError, match="does not fit 64 bits"):
        evaluate_batch(layer, nest, bounds, PRICES)
    alone = evaluate_mapping(layer, nest.architecture, nest.mapping(bounds[0]), PRICES)
    assert alone.counts.of("Buffer", "weights").reads == 10**20


def test_integers_and_columns_agree_where_columns_would_not_be_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    nest = structure(accelerator())
    bounds = random_bounds(nest, 40, perfect=False, seed=1)
    columns = evaluate_batch(LAYER, nest, bounds, PRICES)
    monkeypatch.setattr(batch, "EXACT", 1.0)
    integers = evaluate_batch(LAYER, nest, bounds, PRICES)
    for field in dataclasses.fields(columns):
        if field.name not in ("memories", "energy_pj"):
            assert (getattr(columns, field.name) == getattr(integers, field.name)).all()
