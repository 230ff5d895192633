"""A mapping that is not legal is told exactly why."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dovetail.accel.architecture import Architecture, Array, Axis, Buffering, Mac, Memory, Rate
from dovetail.accel.legality import (
    AxisTooSmall,
    CannotBeFlat,
    CannotHold,
    HeldTwice,
    LanesTakeOneDimension,
    MustHold,
    NoRate,
    NotCovered,
    NotHeld,
    StepTooLarge,
    TileTooLarge,
    UnknownAxis,
    UnknownMemory,
    Violation,
    WrongOrder,
    WrongPlace,
    violations,
)
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.accel.mapping_text import format_mapping
from dovetail.dsl.problem import OPERANDS, Bits, Problem

Node = Holds | For | Spatial

LAYER = Problem(K=8, C=6, P=5)

CHIP = Architecture(
    "chip",
    (
        Memory("DRAM"),
        Memory("Buffer", holds=frozenset({"inputs"}), may_hold=frozenset({"outputs"}), size_bits=60 * 16),
        Array("PE", (Axis("row", 4),)),
        Memory("Register", may_hold=frozenset({"weights", "sums"}), size_bits=32),
    ),
    Mac(rates=(Rate(Fraction(1), 16),), lanes=2, lanes_dimension="C"),
)


def nest(*nodes: Node) -> Mapping:
    return Mapping(nodes)


TOP = Holds("DRAM", OPERANDS)
KEPT = Holds("Buffer", ("inputs",))
LOOPS = (For("K", 8), For("C", 6), For("P", 5))


def found(*nodes: Node) -> tuple[Violation, ...]:
    return violations(LAYER, CHIP, nest(*nodes))


def test_a_legal_mapping_has_nothing_against_it() -> None:
    register = Holds("Register", ("weights",))
    outer = For("K", 8, 3), For("C", 6), Spatial("K", 3, "PE", "row")
    assert found(TOP, KEPT, *outer, register, For("P", 5)) == ()


@pytest.mark.parametrize(
    ("nodes", "fact"),
    [
        ((TOP, Holds("Cache", ()), *LOOPS), UnknownMemory("Cache", ("DRAM", "Buffer", "Register"))),
        ((TOP, KEPT, Spatial("K", 8, "PE", "col")), UnknownAxis("PE.col", ("PE.row", "mac.lanes"))),
        ((TOP, KEPT, For("K", 7), For("C", 6), For("P", 5)), NotCovered("K", 2, 8, 7)),
        ((TOP, KEPT, For("K", 8, 2), For("C", 6), For("P", 5)), NotCovered("K", -1, 2, 1)),
        ((TOP, KEPT, For("K", 8), For("P", 5)), NotCovered("C", -1, 6, 1)),
        ((TOP, KEPT, For("K", 8, 9), For("C", 6), For("P", 5)), StepTooLarge("K", 2, 8, 9)),
        ((TOP, KEPT, *LOOPS[1:], Spatial("K", 8, "PE", "row")), AxisTooSmall("PE", "row", 8, 4)),
        (
            (TOP, KEPT, For("K", 8, 2), *LOOPS[1:], Spatial("K", 2, "mac", "lanes")),
            LanesTakeOneDimension("K", "C"),
        ),
        (
            (TOP, For("K", 8, 4), Spatial("K", 4, "PE", "row"), KEPT, *LOOPS[1:]),
            WrongPlace("Buffer", "PE", memory_inside=False),
        ),
        (
            (
                TOP,
                KEPT,
                Holds("Register", ("weights",)),
                For("K", 8, 4),
                Spatial("K", 4, "PE", "row"),
                *LOOPS[1:],
            ),
            WrongPlace("Register", "PE", memory_inside=True),
        ),
        ((Holds("DRAM", ("inputs", "outputs")), KEPT, *LOOPS), NotHeld("weights", None)),
        ((LOOPS[0], TOP, KEPT, *LOOPS[1:]), NotHeld("weights", "DRAM")),
        ((TOP, *LOOPS), MustHold("Buffer", "inputs")),
        ((TOP, Holds("Buffer", ("inputs", "weights")), *LOOPS), CannotHold("Buffer", "weights")),
        ((TOP, KEPT, LOOPS[0], KEPT, *LOOPS[1:]), HeldTwice("Buffer", "inputs")),
        (
            (TOP, KEPT, Holds("Register", ("outputs",)), *LOOPS, Holds("Buffer", ("outputs",))),
            WrongOrder("outputs", "Register", "Buffer"),
        ),
    ],
)
def test_what_is_wrong_is_found(nodes: tuple[Node, ...], fact: Violation) -> None:
    facts = found(*nodes)
    assert fact in facts
    assert all(len(fact.message()) > 20 for fact in facts)


def test_a_tile_that_does_not_fit_says_by_how_much_and_what_would() -> None:
    layer = Problem(K=64, C=16, P=8)
    mapping = nest(
        TOP, For("P", 8, 4), Holds("Buffer", ("inputs", "outputs")), For("C", 16), For("P", 4), For("K", 64)
    )
    (fact,) = violations(layer, CHIP, mapping)
    assert fact == TileTooLarge("Buffer", (("inputs", 1024, 1), ("outputs", 4096, 1)), 5120, 960, ())
    assert fact.message() == (
        "the tile needs 640 B (inputs 128 B, outputs 512 B), `Buffer` has 120 B: 520 B too many; "
        "no smaller tile along one dimension fits"
    )
    mapping = nest(TOP, KEPT, For("K", 64), For("C", 16), For("P", 8))
    (fact,) = violations(layer, CHIP, mapping)
    assert isinstance(fact, TileTooLarge)
    assert fact.fitting == (("C", 7), ("P", 3))
    assert fact.message().endswith("136 B too many; the largest C that fits is 7 (or P 3)")


def test_a_double_buffer_needs_room_for_the_next_tile_if_there_is_one() -> None:
    def fact(outer: tuple[Node, ...]) -> tuple[Violation, ...]:
        buffer = Memory(
            "Buffer", may_hold=frozenset({"inputs"}), size_bits=30 * 16, buffering=Buffering.DOUBLE
        )
        chip = Architecture("chip", (Memory("DRAM"), buffer))
        inner = [For("C", 6), For("P", 5 if not outer else 3)]
        return violations(LAYER, chip, nest(TOP, *outer, KEPT, *inner, For("K", 8)))

    assert fact(()) == ()
    (too_large,) = fact((For("P", 5, 3),))
    assert isinstance(too_large, TileTooLarge)
    assert (too_large.needed_bits, too_large.fitting) == (2 * 18 * 16, (("C", 5), ("P", 2)))


def test_sums_take_their_own_width_where_they_are_partial() -> None:
    layer = Problem(C=4, P=10, bits=Bits(8, 8, 8, 32))
    chip = Architecture(
        "chip", (Memory("DRAM"), Memory("Buffer", may_hold=frozenset({"outputs"}), size_bits=80))
    )
    final = nest(TOP, Holds("Buffer", ("outputs",)), For("P", 10), Holds("Buffer", ()), For("C", 4))
    (fact,) = violations(layer, chip, final)
    assert isinstance(fact, TileTooLarge)
    assert fact.needed_bits == 320
    latching = Architecture("chip", chip.levels, Mac(latch=frozenset({"outputs"})))
    assert violations(layer, latching, final) == ()


def test_operands_wider_than_any_rate_are_refused() -> None:
    wide = Problem(K=8, C=6, P=5, bits=Bits(32, 16, 16, 16))
    assert NoRate(32) in violations(wide, CHIP, nest(TOP, KEPT, *LOOPS))


def test_a_kept_feature_map_need_not_be_in_the_outermost_memory() -> None:
    chip = Architecture(
        "chip", (Memory("DRAM", holds=frozenset(OPERANDS)), Memory("Buffer", may_hold=frozenset({"inputs"})))
    )
    mapping = nest(Holds("DRAM", ("weights", "outputs")), KEPT, *LOOPS)
    assert violations(LAYER, chip, mapping) == (MustHold("DRAM", "inputs"),)
    assert violations(LAYER, chip, mapping, on_chip=frozenset({"inputs"})) == ()


def test_what_cannot_be_flat_is_said() -> None:
    mapping = Mapping((TOP, KEPT, *LOOPS), (("K", "C"),))
    (fact,) = violations(LAYER, CHIP, mapping)
    assert isinstance(fact, CannotBeFlat)
    assert fact.message() == "cannot walk K, C as one dimension"


def test_a_mapping_is_printed_in_the_look_of_the_language() -> None:
    nodes = (
        TOP,
        For("C", 54, 27),
        Holds("Buffer", ("inputs", "outputs")),
        Spatial("C", 27, "PE", "row"),
        For("P", 5),
    )
    text = format_mapping(Mapping(nodes, (("C", "R", "S"),)), "conv1", "chip")
    assert text == (
        'mapping for "conv1" on chip\n'
        "DRAM holds weights, inputs, outputs\n"
        "for flat(C, R, S) in 54 by 27\n"
        "  Buffer holds inputs, outputs\n"
        "  spatial flat(C, R, S) in 27 along PE.row\n"
        "  for P in 5\n"
        "    mac\n"
    )
