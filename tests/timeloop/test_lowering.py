"""What is written for Timeloop says the mapping that it was made from: read back, it moves the same words."""

from __future__ import annotations

import importlib.util
import random
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import pytest

import dovetail as dt
from dovetail.accel.architecture import Architecture, Array, Axis, Link, LinkKind, Mac, Memory, Ports
from dovetail.accel.legality import violations
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.costmodel import analytic
from dovetail.costmodel.counts import Counts
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.timeloop.case import Factor, Inexpressible, covered, residuals
from dovetail.costmodel.timeloop.lowering import lower
from dovetail.costmodel.timeloop.prepare import prepare
from dovetail.costmodel.timeloop.regular import is_perfect, is_regular, regular
from dovetail.costmodel.timeloop.reorder import temporal_first
from dovetail.costmodel.timeloop.tree_v3 import factors_text, model_tree
from dovetail.costmodel.timeloop.tree_v4 import model_tree_v4
from dovetail.costmodel.timeloop.view import totals
from dovetail.costmodel.yaml_text import yaml_text
from dovetail.dsl.problem import Bits, Problem

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
ALL = ("weights", "inputs", "outputs")


def _reader() -> ModuleType:
    spec = importlib.util.spec_from_file_location("v3_reader", HERE / "v3_reader.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


reader = _reader()


def chip(*, size: int | None = None, links: tuple[Link, ...] | None = None, **memory: object) -> Architecture:
    shared = (
        Link(("row", "col"), LinkKind.MULTICAST, "inputs"),
        Link(("row", "col"), LinkKind.MULTICAST, "weights"),
        Link(("row", "col"), LinkKind.REDUCE, "sums"),
    )
    held = frozenset({*ALL, "sums"})
    return Architecture(
        "chip",
        (
            Memory("DRAM", may_hold=held),
            replace(Memory("Buffer", may_hold=held, size_bits=size), **memory),
            Array("PE", (Axis("row", 4), Axis("col", 8)), shared if links is None else links),
            Memory("Register", may_hold=held),
        ),
    )


def written_and_read(
    problem: Problem, architecture: Architecture, mapping: Mapping
) -> dict[tuple[str, str], object]:
    """Counts by the reader of these tests, without levels that stand for no memory of ours."""
    case = lower("layer", problem, architecture, mapping, EnergyTable())
    found = reader.read(yaml_text(model_tree(case)))
    counts: Counts = analytic.count(found.problem, found.architecture, found.mapping)
    return totals(counts, case)


def ours(problem: Problem, architecture: Architecture, mapping: Mapping) -> dict[tuple[str, str], object]:
    return totals(analytic.count(problem, architecture, mapping))


def random_mapping(rng: random.Random, problem: Problem) -> Mapping:
    """Regular loops in any order at three levels, with spatial ones between the last two, perfect or not."""
    room = {"row": 4, "col": 8}
    inside = dict.fromkeys(problem.bounds, 1)
    nodes: list[Holds | For | Spatial] = []
    for level in ("Register", "PE", "Buffer", "DRAM"):
        dimensions = list(problem.bounds)
        rng.shuffle(dimensions)
        for d in dimensions:
            left = -(-problem.bounds[d] // inside[d])
            axis = rng.choice(["row", "col"])
            most = min(left, room[axis]) if level == "PE" else left
            trips = left if level == "DRAM" else rng.randint(1, most)
            step = inside[d]
            if trips == 1:
                continue
            inside[d] *= trips
            bound = min(inside[d], problem.bounds[d])
            if level == "PE":
                room[axis] //= trips
                nodes.insert(0, Spatial(d, bound, "PE", axis, step))
            else:
                nodes.insert(0, For(d, bound, step))
        if level != "PE":
            kept = ALL if level == "DRAM" else tuple(o for o in ALL if rng.random() < 0.7)
            if kept:
                nodes.insert(0, Holds(level, kept))
    return Mapping(tuple(nodes))


def random_problem(rng: random.Random) -> Problem:
    bounds = {d: rng.choice([1, 1, 2, 3, 4, 5, 6]) for d in "GNKCPQ"} | {
        d: rng.choice([1, 2, 3]) for d in "RS"
    }
    strides = (rng.choice([1, 2]), rng.choice([1, 2]))
    return Problem(**bounds, stride=strides, dilation=(rng.choice([1, 1, 2]), 1))


@pytest.mark.parametrize("seed", range(60))
def test_random_mappings_read_back_to_the_same_counts(seed: int) -> None:
    rng = random.Random(seed)
    problem, architecture = random_problem(rng), chip()
    mapping = random_mapping(rng, problem)
    assert violations(problem, architecture, mapping) == ()
    assert written_and_read(problem, architecture, mapping) == ours(problem, architecture, mapping)


@pytest.mark.parametrize("name", ["tpu_v1", "gemmini", "eyeriss", "squeezelerator", "simba"])
def test_examples_read_back_to_the_same_counts_but_for_what_the_notes_say(name: str) -> None:
    accelerator = dt.load_accelerator(EXAMPLES / "accelerators" / f"{name}.accel")
    evaluation = dt.evaluate(
        dt.load_network(EXAMPLES / "networks" / "squeezenet_v1_0.net"), accelerator, mapper="greedy"
    )
    cost = evaluation.cost
    seen = set()
    for layer in cost.layers:
        if layer.problem is None or layer.problem in seen:
            continue
        seen.add(layer.problem)
        prepared = prepare(layer, cost.architecture, cost.prices)
        assert is_regular(layer.problem, prepared.mapping)
        assert violations(layer.problem, cost.architecture, prepared.mapping) == ()
        found = reader.read(yaml_text(model_tree(prepared.case)))
        counts = analytic.count(found.problem, found.architecture, found.mapping)
        theirs, mine = totals(counts, prepared.case), totals(prepared.cost.counts)
        differing = {
            f"{operand} at {memory}"
            for memory, operand in mine
            if mine[memory, operand] != theirs[memory, operand]
        }
        said = [note for note in prepared.notes if "other numbers of words move" in note]
        assert differing == set(said[0].partition(": ")[2].split(", ") if said else ())
    assert len(seen) > 10


def test_a_temporal_loop_inside_a_spatial_one_gets_a_level_of_its_own() -> None:
    problem = Problem(P=12, C=2)
    mapping = Mapping(
        (
            Holds("DRAM", ALL),
            For("C", 2, 1),
            Holds("Buffer", ALL),
            Spatial("P", 12, "PE", "row", 3),
            For("P", 3, 1),
        )
    )
    case = lower("layer", problem, chip(), mapping, EnergyTable())
    assert [level.name for level in case.levels] == ["DRAM", "Buffer", "room"]
    assert case.levels[2].keep == () and case.levels[2].instances == 4
    assert written_and_read(problem, chip(), mapping) == ours(problem, chip(), mapping)


def test_one_dimension_along_two_axes_makes_the_mesh_a_line() -> None:
    problem = Problem(K=32, C=3)
    mapping = Mapping(
        (
            Holds("DRAM", ALL),
            For("C", 3, 1),
            Spatial("K", 32, "PE", "row", 8),
            Spatial("K", 8, "PE", "col", 1),
            Holds("Register", ("weights",)),
        )
    )
    case = lower("layer", problem, chip(), mapping, EnergyTable())
    assert case.levels[-1].mesh == (32, 1)
    assert case.levels[0].spatial_x == (Factor("K", 32, 32),)
    assert written_and_read(problem, chip(), mapping) == ours(problem, chip(), mapping)


def test_rows_are_along_y_and_columns_along_x() -> None:
    problem = Problem(K=8, C=4)
    mapping = Mapping(
        (
            Holds("DRAM", ALL),
            Spatial("C", 4, "PE", "row", 1),
            Spatial("K", 8, "PE", "col", 1),
            Holds("Register", ("weights",)),
        )
    )
    case = lower("layer", problem, chip(), mapping, EnergyTable())
    assert case.levels[-1].mesh == (8, 4)
    spatial = [d for d in model_tree(case)["mapping"] if d["type"] == "spatial"]
    assert [d["permutation"] for d in spatial] == ["MCGNPQRS"]
    assert [d["split"] for d in spatial] == [1]


def test_tensors_held_at_two_places_of_a_memory_make_two_levels() -> None:
    problem = Problem(K=4, C=4, P=4)
    mapping = Mapping(
        (
            Holds("DRAM", ALL),
            Holds("Buffer", ("outputs",)),
            For("C", 4, 1),
            Holds("Buffer", ("inputs",)),
            For("K", 4, 1),
            For("P", 4, 1),
        )
    )
    case = lower("layer", problem, chip(size=4096), mapping, EnergyTable())
    assert [level.name for level in case.levels] == ["DRAM", "Buffer", "Buffer_2"]
    assert any("2 places" in note for note in case.notes)
    assert written_and_read(problem, chip(), mapping) == ours(problem, chip(), mapping)


def test_without_multicast_an_operand_goes_alone() -> None:
    reduce = Link(("row", "col"), LinkKind.REDUCE, "sums")
    architecture = chip(links=(Link(("row", "col"), LinkKind.MULTICAST, "inputs"), reduce))
    problem = Problem(P=4, K=8, C=3)
    mapping = Mapping(
        (
            Holds("DRAM", ALL),
            For("C", 3, 1),
            Spatial("P", 4, "PE", "row", 1),
            Spatial("K", 8, "PE", "col", 1),
            Holds("Register", ("weights",)),
        )
    )
    case = lower("layer", problem, architecture, mapping, EnergyTable())
    assert case.levels[0].no_sharing == ("weights",)
    assert written_and_read(problem, architecture, mapping) == ours(problem, architecture, mapping)


def test_walking_first_and_spreading_inside_needs_no_room_where_the_counts_are_the_same() -> None:
    problem = Problem(K=8, P=4)
    mapping = Mapping((Holds("DRAM", ALL), Spatial("K", 8, "PE", "col", 2), For("K", 2, 1), For("P", 4, 1)))
    assert lower("layer", problem, chip(), mapping, EnergyTable()).levels[-1].name == "room"
    other = temporal_first(problem, mapping)
    assert other.loops == (For("K", 8, 4), For("P", 4, 1), Spatial("K", 4, "PE", "col", 1))
    assert lower("layer", problem, chip(), other, EnergyTable()).levels[-1].name == "DRAM"
    assert ours(problem, chip(), mapping) == ours(problem, chip(), other)


def test_operands_latched_at_the_macs_get_a_register_of_one_word() -> None:
    architecture = replace(chip(), mac=Mac(latch=frozenset({"weights"})))
    problem = Problem(P=5, K=2)
    mapping = Mapping((Holds("DRAM", ALL), For("K", 2, 1), For("P", 5, 1)))
    case = lower("layer", problem, architecture, mapping, EnergyTable())
    assert [level.name for level in case.levels] == ["DRAM", "latch"]
    assert case.levels[1].keep == ("weights",) and case.levels[1].memory is None
    found = written_and_read(problem, architecture, mapping)
    assert found == ours(problem, architecture, mapping)
    assert found["DRAM", "weights"] == (2, 0, 0)


def test_flat_dimensions_are_exported_as_the_matrix_product_that_they_make() -> None:
    problem = Problem(K=4, C=3, R=3, S=3, P=4, Q=4)
    mapping = Mapping(
        (
            Holds("DRAM", ALL),
            For("C", 27, 4),
            For("P", 4, 1),
            For("Q", 4, 1),
            For("K", 4, 1),
            Spatial("C", 4, "PE", "row", 1),
        ),
        flat=(("C", "R", "S"),),
    )
    case = lower("layer", problem, chip(), mapping, EnergyTable())
    assert case.problem.C == 27 and case.problem.R == 1
    assert written_and_read(problem, chip(), mapping) == ours(problem, chip(), mapping)


def test_widths_rates_and_prices_are_those_of_words() -> None:
    architecture = chip(
        size=1 << 16, width_bits=64, read_bits_per_cycle=Fraction(128), write_bits_per_cycle=Fraction(24)
    )
    problem = Problem(K=4, bits=Bits(8, 8, 8, 8))
    mapping = Mapping((Holds("DRAM", ALL), Holds("Buffer", ALL), For("K", 4, 1)))
    table = EnergyTable({"Buffer": MemoryPrice(6.0, 7.0, 8.0, 64), "DRAM": MemoryPrice(2.0, 2.0, 2.0)}, 1.0)
    dram, buffer = lower("layer", problem, architecture, mapping, table).levels
    assert (dram.kind, dram.entries, dram.block_size, dram.energy_pj) == ("DRAM", None, 1, (16.0, 16.0, 16.0))
    assert (buffer.kind, buffer.entries, buffer.word_bits, buffer.block_size) == ("SRAM", 8192, 8, 8)
    assert (buffer.read_bandwidth, buffer.write_bandwidth) == (16, 3)
    assert buffer.energy_pj == (6.0, 7.0, 8.0)


def test_one_port_is_a_shared_bandwidth() -> None:
    rate = Fraction(48)
    architecture = chip(read_bits_per_cycle=rate, write_bits_per_cycle=rate, ports=Ports.SHARED)
    mapping = Mapping((Holds("DRAM", ALL), Holds("Buffer", ALL), For("K", 4, 1)))
    buffer = lower("layer", Problem(K=4), architecture, mapping, EnergyTable()).levels[1]
    assert (buffer.shared_bandwidth, buffer.read_bandwidth) == (3, None)


def test_steps_that_do_not_divide_are_refused_and_the_nearest_that_do_are_found() -> None:
    problem = Problem(P=27)
    mapping = Mapping(
        (Holds("DRAM", ALL), For("P", 27, 14), Holds("Buffer", ALL), For("P", 14, 4), For("P", 4, 1))
    )
    with pytest.raises(Inexpressible, match="steps of 14"):
        lower("layer", problem, chip(), mapping, EnergyTable())
    near = regular(problem, chip(), mapping)
    assert is_regular(problem, near) and violations(problem, chip(), near) == ()
    assert near.loops == (For("P", 27, 12), For("P", 12, 4), For("P", 4, 1))


def test_perfect_factors_divide_and_fit() -> None:
    problem = Problem(P=27, K=10)
    mapping = Mapping(
        (
            Holds("DRAM", ALL),
            For("P", 27, 14),
            Holds("Buffer", ALL),
            For("P", 14, 1),
            Spatial("K", 10, "PE", "col", 2),
            For("K", 2, 1),
        )
    )
    near = regular(problem, chip(), mapping, perfect=True)
    assert is_perfect(problem, near) and violations(problem, chip(), near) == ()
    assert near.loops == (For("P", 27, 9), For("P", 9, 1), Spatial("K", 10, "PE", "col", 2), For("K", 2, 1))
    assert not lower("layer", problem, chip(), near, EnergyTable()).imperfect


def test_a_regular_mapping_is_its_own_nearest() -> None:
    problem = Problem(P=27, K=4)
    mapping = Mapping(
        (
            Holds("DRAM", ALL),
            For("P", 27, 14),
            Holds("Buffer", ALL),
            For("P", 14, 7),
            For("P", 7, 1),
            For("K", 4, 1),
        )
    )
    assert regular(problem, chip(), mapping) is mapping


@pytest.mark.parametrize(
    ("ends", "bound", "expected"),
    [((2, 14), 27, (2, 13)), ((3, 2), 5, (3, 1)), ((2, 2, 7), 27, (2, 2, 6)), ((4,), 4, (4,))],
)
def test_residuals_are_the_digits_of_the_last_index(
    ends: tuple[int, ...], bound: int, expected: tuple[int, ...]
) -> None:
    found = residuals(ends, bound)
    assert found == expected
    factors = tuple(Factor("P", end, last) for end, last in zip(ends, found, strict=True))
    assert covered(factors) == bound


def test_an_imperfect_factor_has_its_residual_behind_a_comma() -> None:
    assert factors_text([Factor("K", 3, 3), Factor("P", 14, 13)]) == "G=1 N=1 M=3 C=1 P=14,13 Q=1 R=1 S=1"


def test_the_fourth_form_has_the_same_factors_and_fan_outs() -> None:
    problem = Problem(K=8, C=4, P=5)
    mapping = Mapping(
        (
            Holds("DRAM", ALL),
            Spatial("C", 4, "PE", "row", 1),
            Spatial("K", 8, "PE", "col", 1),
            Holds("Register", ("weights",)),
            For("P", 5, 1),
        )
    )
    tree = model_tree_v4(lower("layer", problem, chip(), mapping, EnergyTable()))
    text = yaml_text(tree)
    assert "!Container" in text and "!Component" in text
    assert "spatial: {meshX: 8, meshY: 4}" in text
    temporal = [d for d in tree["mapping"] if d["type"] == "temporal"]
    assert [d["factors"][4] for d in temporal] == ["P=1", "P=5"]
    assert temporal[1]["permutation"][0] == "P"


def test_what_never_leaves_the_chip_is_refused() -> None:
    mapping = Mapping((Holds("DRAM", ("weights", "inputs")), Holds("Buffer", ALL), For("K", 4, 1)))
    with pytest.raises(Inexpressible, match="outputs are not held in DRAM"):
        lower("layer", Problem(K=4), chip(), mapping, EnergyTable())
