"""What leaves an array empty, in words."""

from __future__ import annotations

import pytest

from dovetail.accel.architecture import Architecture, Array, Axis, Memory
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.costmodel.held_back import emptiest_axis
from dovetail.dsl.problem import Problem

PE = Array("PE", (Axis("row", 8), Axis("col", 8)))
CHIP = Architecture("chip", (Memory("DRAM"), PE))
DRAM = Holds("DRAM", ("weights", "inputs", "outputs"))


def along(row: tuple[str, int] | None, col: tuple[str, int] | None) -> Mapping:
    loops = []
    for name, loop in (("row", row), ("col", col)):
        if loop is not None:
            loops.append(Spatial(loop[0], loop[1], "PE", name))
    return Mapping((DRAM, *loops))


@pytest.mark.parametrize(
    ("problem", "mapping", "reason"),
    [
        (Problem(C=3, K=8), along(("C", 3), ("K", 8)), "3 input channels"),
        (Problem(C=1, K=8), along(("C", 1), ("K", 8)), "1 input channel"),
        (Problem(C=8, K=8), along(("C", 8), ("K", 8)), None),
        (Problem(C=7, K=8), along(("C", 7), ("K", 8)), None),
        (Problem(C=8, K=8), along(None, ("K", 8)), "nothing along PE.row"),
        (Problem(C=2, K=3), along(("C", 2), ("K", 3)), "2 input channels"),
        (
            Problem(P=9, Q=8),
            Mapping((DRAM, For("P", 9, 8), Spatial("P", 8, "PE", "row"), Spatial("Q", 8, "PE", "col"))),
            "9 output rows",
        ),
        (
            Problem(C=2, R=3, K=8),
            Mapping(
                (
                    DRAM,
                    *(Spatial(d, n, "PE", "row") for d, n in (("C", 2), ("R", 3))),
                    along(None, ("K", 8)).nodes[1],
                )
            ),
            "2 input channels x 3 kernel rows",
        ),
    ],
)
def test_the_emptiest_axis_says_what_it_has_too_few_of(
    problem: Problem, mapping: Mapping, reason: str | None
) -> None:
    assert emptiest_axis(problem, CHIP, mapping) == reason


def test_flat_dimensions_are_named_together() -> None:
    mapping = Mapping((DRAM, Spatial("C", 6, "PE", "row"), Spatial("K", 8, "PE", "col")), flat=(("C", "R"),))
    problem = Problem(C=2, R=3, K=8)
    assert emptiest_axis(problem, CHIP, mapping) == "6 input channels and kernel rows"
