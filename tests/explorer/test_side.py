"""Numbers and designs: every design has one number, found without listing them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dovetail.dsl.choices import DesignChooser
from dovetail.dsl.diagnostics import Collector
from dovetail.explorer.side import AcceleratorSide, LateChoice, NetworkSide, Side


def listed(side: Side[Any]) -> list[dict[str, str]]:
    """Every design by its choices, as the elaborator meets them: a walk through all answers."""
    found = []
    answers: tuple[int, ...] | None = ()
    while answers is not None:
        chooser = DesignChooser({}, answers)
        if side.build(Collector(), chooser) is not None:
            found.append({choice.site.path: choice.option for choice in chooser.choices})
        answers = chooser.following()
    return found


def numbered(side: Side[Any]) -> list[tuple[int, dict[str, str]]]:
    return [(number, dict(found.choices)) for number, found in side.designs(0, side.size)]


def test_every_design_of_a_network_has_one_number(designs: Path) -> None:
    side = NetworkSide(designs / "tiny.net", {})
    found = numbered(side)
    assert [choices for _, choices in found] == listed(side)
    assert len({number for number, _ in found}) == len(found) == side.designs_counted == 2 * 4 * 4
    assert side.size == 2 * (3 * 2) * (3 * 2)


def test_requirements_leave_gaps_in_the_numbers_of_accelerators(designs: Path) -> None:
    side = AcceleratorSide(designs / "small.accel", {})
    found = numbered(side)
    assert [choices for _, choices in found] == listed(side)
    assert len(found) == side.designs_counted == 12 - 2
    assert side.size == 12


def test_parts_of_the_numbers_have_the_designs_of_the_whole(designs: Path) -> None:
    side = NetworkSide(designs / "tiny.net", {})
    whole = numbered(side)
    for step in (1, 5, 7, 32):
        parts = [
            (number, dict(found.choices))
            for first in range(0, side.size, step)
            for number, found in side.designs(first, min(side.size, first + step))
        ]
        assert parts == whole


def test_a_number_is_found_again_from_its_choices(designs: Path) -> None:
    side = NetworkSide(designs / "tiny.net", {})
    for number, choices in numbered(side):
        assert side.number_of(choices) == number
        assert side.encode(side.decode(number)) == number
    with pytest.raises(KeyError, match="none of the options"):
        side.number_of({"wide": "5"})


def test_any_digits_lead_to_a_design_of_the_space(designs: Path) -> None:
    side = NetworkSide(designs / "tiny.net", {})
    known = dict(numbered(side))
    for number in range(side.size):
        nearest, found = side.nearest(side.decode(number))
        assert known[nearest] == found.choices
        assert number not in known or nearest == number


def test_the_numbers_of_a_space_larger_than_any_list_are_walked_from_anywhere() -> None:
    side = NetworkSide(Path(__file__).parents[2] / "examples/spaces/fbnet.net", {})
    assert side.size == 9**22
    first = 9**21 + 12345678901234567
    walked = [number for number, _ in side.designs(first, first + 4)]
    assert walked == [first, first + 1, first + 2, first + 3]


def test_a_choice_made_by_hand_is_no_digit(designs: Path) -> None:
    side = AcceleratorSide(designs / "small.accel", {"n": "4"})
    assert [digit.path for digit in side.digits] == ["DRAM.bandwidth", "Buffer.size"]
    assert len(numbered(side)) == 4


def test_tied_choices_are_one_digit(tmp_path: Path) -> None:
    path = tmp_path / "tied.net"
    path.write_text(
        "net tied\ntie a.k to b.k\nblock f(x) { let k = choose(1, 3); return x -> conv(4, k, pad = same) }\n"
        "input image[3, 8, 8]\noutput image -> a: f -> b: f\n"
    )
    side = NetworkSide(path, {})
    assert [choices for _, choices in numbered(side)] == listed(side)
    assert len(numbered(side)) == 2


def test_a_choice_that_needs_many_others_is_refused_and_not_missed(tmp_path: Path) -> None:
    path = tmp_path / "late.net"
    names = "abcdefghij"
    lets = "\n".join(f"let {n} = choose({', '.join(map(str, range(1, 10)))})" for n in names)
    together = " and ".join(f"{n} == 9" for n in names)
    path.write_text(
        f"net late\n{lets}\nlet k = if {together} then choose(1, 3) else 1\n"
        "input image[3, 8, 8]\noutput image -> conv(4, k, pad = same)\n"
    )
    side = NetworkSide(path, {})
    assert side.size == 9**10
    with pytest.raises(LateChoice, match="only where several others meet"):
        list(side.designs(side.size - 1, side.size))


def block(depth: int) -> st.SearchStrategy[str]:
    """Pipelines of choices inside choices."""
    leaf = st.sampled_from(
        ["x -> relu", "x -> conv(2, choose(1, 3), pad = same)", "x -> conv(choose(2, 4), 1)", "x"]
    )
    if depth == 0:
        return leaf
    inner = block(depth - 1)
    labelled = st.lists(inner, min_size=2, max_size=3).map(
        lambda ways: "choose { " + "; ".join(f"w{i}: {way}" for i, way in enumerate(ways)) + " }"
    )
    return st.one_of(leaf, labelled)


def test_alternatives_that_each_choose_under_one_name_are_all_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dovetail.explorer.side.RANDOM_PROBES", 0)  # found by looking, not by luck
    path = tmp_path / "nested.net"
    path.write_text(
        """net nested
block b(x) { return choose {
    w0: choose { v0: x -> relu; v1: x -> conv(2, choose(1, 3), pad = same) }
    w1: choose { v0: x -> relu; v1: x -> relu; v2: x -> conv(choose(2, 4), 1) }
    w2: x -> relu
} }
input image[2, 4, 4]
output image -> b()
"""
    )
    side = NetworkSide(path, {})
    assert [choices for _, choices in numbered(side)] == listed(side)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(block(2), min_size=1, max_size=3), st.booleans())
def test_random_spaces_are_numbered_without_loss(tmp_path: Path, bodies: list[str], limit: bool) -> None:
    blocks = "\n".join(f"block b{i}(x) {{\n    return {body}\n}}" for i, body in enumerate(bodies))
    uses = " -> ".join(f"b{i}" for i in range(len(bodies)))
    lines = ["net random", "let a = choose(1, 2, 3)", "let b = choose(1, 2)"]
    lines += ["require a != 2 or b == 1"] if limit else []
    lines += [blocks, "input image[2, 4, 4]", f"output image -> {uses} -> relu"]
    path = tmp_path / "random.net"
    path.write_text("\n".join(lines) + "\n")
    side = NetworkSide(path, {})
    found = numbered(side)
    assert [choices for _, choices in found] == listed(side)
    numbers = [number for number, _ in found]
    assert numbers == sorted(set(numbers))
