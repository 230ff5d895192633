"""Names beside points: never over one another, never outside, rather left out."""

from __future__ import annotations

from dovetail.explorer.report.frame import Mark, names


def test_names_at_one_place_take_different_sides_and_the_fifth_is_left_out() -> None:
    marks = [Mark(f"point {i}", 0.5, 0.5, 4.0) for i in range(5)]
    written = names(marks, marks, covered=10)
    assert len(written) == 4
    assert len({text.partition("style=")[2].partition(">")[0] for text in written}) == 4


def test_a_name_keeps_away_from_other_points() -> None:
    point = Mark("here", 0.5, 0.5, 4.0)
    to_the_right = Mark("", 0.55, 0.5, 4.0)
    [alone] = names([point], [point])
    [beside] = names([point, to_the_right], [point])
    assert "left:calc(50% + " in alone
    assert "right:calc(50% + " in beside


def test_a_name_that_would_cover_points_is_left_out() -> None:
    point = Mark("surrounded", 0.5, 0.5, 4.0)
    crowd = [Mark("", 0.5 + dx / 10, 0.5 + dy / 15, 4.0) for dx in range(-3, 4) for dy in range(-2, 3)]
    assert names([point, *crowd], [point]) == []
    assert len(names([point, *crowd], [point], covered=100)) == 1


def test_a_name_at_the_edge_stays_inside() -> None:
    [right] = names([Mark("name", 0.99, 0.5, 4.0)], [Mark("name", 0.99, 0.5, 4.0)])
    assert "right:calc(1% + " in right
