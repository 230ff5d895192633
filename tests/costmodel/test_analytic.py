"""What is known of access counts, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dovetail.accel.architecture import Architecture, Array, Axis, Link, LinkKind, Mac, Memory
from dovetail.accel.mapping import For, Holds, Mapping, Spatial, flatten
from dovetail.costmodel import analytic, reference
from dovetail.costmodel.counts import Counts
from dovetail.dsl.problem import OPERANDS, Problem

TOY = Problem(K=4, C=3, P=8, Q=8, R=3, S=3)

MULTICAST = Link(("row", "col"), LinkKind.MULTICAST, "inputs")
REDUCE = Link(("row", "col"), LinkKind.REDUCE, "sums")
SHIFT = Link(("row", "col"), LinkKind.SHIFT, "inputs")

Nodes = list[Holds | For | Spatial]

COUNTERS: list[Callable[[Problem, Architecture, Mapping], Counts]] = [analytic.count, reference.count]

both = pytest.mark.parametrize("count", COUNTERS, ids=["closed_form", "interpreter"])


def machine(*links: Link, mac: Mac | None = None, register: bool = False, **buffer: bool) -> Architecture:
    levels: list[Memory | Array] = [
        Memory("DRAM"),
        Memory("Buffer", may_hold=frozenset(OPERANDS), **buffer),
        Array("PE", (Axis("row", 4), Axis("col", 4)), links),
    ]
    if register:
        levels.append(Memory("Register", may_hold=frozenset(OPERANDS)))
    return Architecture("machine", tuple(levels), mac or Mac())


def tiled(outer: Nodes, inner: Nodes) -> Mapping:
    return Mapping((Holds("DRAM", OPERANDS), *outer, Holds("Buffer", OPERANDS), *inner))


def rest(*loops: tuple[str, int]) -> Nodes:
    return [For(d, bound) for d, bound in loops]


@both
def test_everything_in_the_buffer_is_fetched_once(count: Callable[..., Counts]) -> None:
    nest = tiled([], rest(("K", 4), ("P", 8), ("Q", 8), ("C", 3), ("R", 3), ("S", 3)))
    counts = count(TOY, machine(), nest)
    assert [counts.of("DRAM", operand).reads for operand in OPERANDS] == [108, 300, 0]
    assert counts.of("DRAM", "outputs").updates == 256
    assert [counts.of("Buffer", operand).reads for operand in OPERANDS] == [6912, 6912, 6912 - 256]


@both
def test_a_window_that_slides_brings_only_its_new_rows(count: Callable[..., Counts]) -> None:
    """Output channels outside, rows by 2 inside: 4 x 10 x 3 inputs first, then 2 x 10 x 3 three times."""
    inner = rest(("P", 2), ("Q", 8), ("C", 3), ("R", 3), ("S", 3))
    counts = count(TOY, machine(), tiled([For("K", 4), For("P", 8, 2)], inner))
    assert counts.of("Buffer", "inputs").fills == 4 * (120 + 3 * 60) == 1200


@both
def test_a_window_that_wraps_is_fetched_anew(count: Callable[..., Counts]) -> None:
    """Rows outside, columns inside: nothing is kept from one row of tiles to the next."""
    inner = rest(("P", 2), ("Q", 4), ("K", 4), ("C", 3), ("R", 3), ("S", 3))
    counts = count(TOY, machine(), tiled([For("P", 8, 2), For("Q", 8, 4)], inner))
    assert counts.of("Buffer", "inputs").fills == 4 * (72 + 48)


@both
def test_a_kernel_loop_that_undoes_a_row_step_moves_nothing(count: Callable[..., Counts]) -> None:
    """Rows p, kernel rows r of 2: after r steps by +1, p steps by +1 - 1 = 0, so the tile stays."""
    layer = Problem(P=5, R=2)
    counts = count(layer, machine(), tiled([For("P", 5), For("R", 2)], []))
    assert counts.of("Buffer", "inputs").fills == 6


@both
def test_short_last_tiles_are_as_small_as_they_are(count: Callable[..., Counts]) -> None:
    """Rows by 3, 3, 2: 5 rows of inputs, then 3 and 2 new ones: each once."""
    inner = rest(("P", 3), ("Q", 8), ("K", 4), ("C", 3), ("R", 3), ("S", 3))
    counts = count(TOY, machine(), tiled([For("P", 8, 3)], inner))
    assert counts.of("Buffer", "inputs").fills == 300
    assert counts.of("Buffer", "outputs").fills == 0
    assert counts.of("DRAM", "outputs").updates == 256
    assert counts.steps == 3 * 3 * 8 * 4 * 3 * 3 * 3


@both
def test_a_spilled_partial_sum_is_fetched_back_but_not_the_first_time(count: Callable[..., Counts]) -> None:
    inner = rest(("P", 2), ("Q", 8), ("K", 4), ("R", 3), ("S", 3))
    counts = count(TOY, machine(), tiled([For("C", 3), For("P", 8, 2)], inner))
    assert counts.of("DRAM", "outputs").updates == 3 * 256
    assert counts.of("DRAM", "outputs").reads == counts.of("Buffer", "outputs").fills == 2 * 256


@both
def test_sending_sums_outward_costs_reads_where_the_text_says_so(count: Callable[..., Counts]) -> None:
    nest = tiled([], rest(("K", 4), ("P", 8), ("Q", 8), ("C", 3), ("R", 3), ("S", 3)))
    free, charged = (count(TOY, machine(drain_reads=drain), nest) for drain in (False, True))
    assert charged.of("Buffer", "outputs").reads == free.of("Buffer", "outputs").reads + 256


@both
def test_gaps_of_a_strided_tile_are_held_unless_skipped(count: Callable[..., Counts]) -> None:
    layer = Problem(P=4, Q=4, stride=(2, 2))
    boxes, used = (
        count(layer, machine(skip_gaps=skip), tiled([], rest(("P", 4), ("Q", 4)))) for skip in (0, 1)
    )
    assert boxes.of("Buffer", "inputs").fills == 7 * 7
    assert used.of("Buffer", "inputs").fills == 4 * 4
    assert boxes.of("Buffer", "inputs").reads == used.of("Buffer", "inputs").reads == 16


@both
def test_weight_stationary_reads_each_weight_once(count: Callable[..., Counts]) -> None:
    layer = Problem(K=8, C=8, P=6)
    nodes: Nodes = [Holds("DRAM", OPERANDS), Holds("Buffer", OPERANDS), For("K", 8, 4), For("C", 8, 4)]
    nodes += [
        Spatial("C", 4, "PE", "row"),
        Spatial("K", 4, "PE", "col"),
        Holds("Register", ("weights",)),
        For("P", 6),
    ]
    links = Link(("col",), LinkKind.MULTICAST, "inputs"), Link(("row",), LinkKind.REDUCE, "sums")
    counts = count(layer, machine(*links, register=True), Mapping(tuple(nodes)))
    assert counts.of("Buffer", "weights").reads == counts.of("Register", "weights").fills == 64
    assert counts.of("Register", "weights").reads == layer.macs
    assert counts.of("Buffer", "inputs").reads == layer.macs // 4
    assert counts.of("Buffer", "outputs").updates == layer.macs // 4


@both
def test_a_diagonal_of_pes_shares_its_input_row(count: Callable[..., Counts]) -> None:
    """Rows on one axis, kernel rows on the other: 4 x 3 PEs need 6 different rows."""
    layer = Problem(P=4, R=3)
    nest = tiled([], [Spatial("P", 4, "PE", "row"), Spatial("R", 3, "PE", "col")])
    assert count(layer, machine(MULTICAST), nest).of("Buffer", "inputs").reads == 6
    assert count(layer, machine(), nest).of("Buffer", "inputs").reads == 12
    one_axis = Link(("row",), LinkKind.MULTICAST, "inputs")
    assert count(layer, machine(one_axis), nest).of("Buffer", "inputs").reads == 12


@both
def test_pes_that_shift_read_only_what_enters_at_the_edge(count: Callable[..., Counts]) -> None:
    """Four outputs side by side, three kernel rows one after the other: 4 rows, then one and one."""
    layer = Problem(P=4, R=3)
    nest = tiled([], [For("R", 3), Spatial("P", 4, "PE", "row")])
    counts = count(layer, machine(SHIFT), nest)
    assert counts.of("Buffer", "inputs").reads == 6
    assert [hop.words for hop in counts.hops if hop.operand == "inputs"] == [12 - 6]
    assert count(layer, machine(MULTICAST), nest).of("Buffer", "inputs").reads == 12


@both
def test_sums_are_added_up_along_axes_that_reduce(count: Callable[..., Counts]) -> None:
    layer = Problem(C=4, P=3)
    nest = tiled([], [For("P", 3), Spatial("C", 4, "PE", "row")])
    added, apart = count(layer, machine(REDUCE), nest), count(layer, machine(), nest)
    assert (added.of("Buffer", "outputs").updates, added.of("Buffer", "outputs").reads) == (3, 0)
    assert (apart.of("Buffer", "outputs").updates, apart.of("Buffer", "outputs").reads) == (12, 9)
    assert [hop.words for hop in added.hops if hop.operand == "outputs"] == [9]


@both
def test_a_mac_that_latches_reads_what_changes(count: Callable[..., Counts]) -> None:
    layer = Problem(K=2, P=5)
    nest = tiled([], rest(("K", 2), ("P", 5)))
    assert count(layer, machine(), nest).of("Buffer", "weights").reads == 10
    latch = Mac(latch=frozenset({"weights"}))
    assert count(layer, machine(mac=latch), nest).of("Buffer", "weights").reads == 2


@both
def test_pes_without_work_in_a_short_step_read_nothing(count: Callable[..., Counts]) -> None:
    """Ten outputs on four PEs: 4 + 4 + 2."""
    layer = Problem(K=10, C=3)
    nest = tiled([], [For("K", 10, 4), For("C", 3), Spatial("K", 4, "PE", "row")])
    counts = count(layer, machine(MULTICAST), nest)
    assert counts.of("Buffer", "weights").reads == 30
    assert counts.of("Buffer", "inputs").reads == 9
    assert (counts.steps, counts.pes) == (9, 4)


@both
def test_flat_windows_are_read_again_where_they_overlap(count: Callable[..., Counts]) -> None:
    layer = Problem(C=2, P=4, R=3)
    nest = Mapping((Holds("DRAM", OPERANDS), For("P", 4), For("C", 6)), (("C", "R"),))
    sliding = Mapping(
        (Holds("DRAM", OPERANDS), Holds("Buffer", OPERANDS), For("P", 4), For("C", 2), For("R", 3))
    )
    assert count(layer, machine(), nest).of("DRAM", "inputs").reads == 24
    assert count(layer, machine(), sliding).of("Buffer", "inputs").fills == 12


def test_a_flat_problem_is_a_matrix_product() -> None:
    layer = Problem(N=2, K=5, C=3, P=4, Q=6, R=3, S=2, stride=(2, 2), dilation=(1, 2))
    product = flatten(layer, (("C", "R", "S"), ("N", "P", "Q")))
    assert (product.C, product.K, product.N, product.P, product.R, product.stride) == (
        18,
        5,
        48,
        1,
        1,
        (1, 1),
    )
    assert product.macs == layer.macs
    assert flatten(layer, ()) == layer


@pytest.mark.parametrize("flat", [(("K", "C"),), (("R", "S"),), (("P", "Q"),), (("C", "R"), ("C", "S"))])
def test_dimensions_that_make_no_matrix_product_cannot_be_flat(flat: tuple[tuple[str, ...], ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        flatten(Problem(K=2, C=2, P=3, Q=3, R=2, S=2), flat)


@both
def test_a_dot_product_unit_adds_its_lanes(count: Callable[..., Counts]) -> None:
    layer = Problem(K=3, C=8)
    nest = tiled([], [For("K", 3), For("C", 8, 4), Spatial("C", 4, "mac", "lanes")])
    counts = count(layer, machine(mac=Mac(lanes=4, lanes_dimension="C")), nest)
    assert counts.steps == 6
    assert counts.of("Buffer", "outputs").updates == 6
    assert counts.of("Buffer", "weights").reads == 24
