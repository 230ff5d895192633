"""The numbers that the charts of a run draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dovetail.explorer.report.data_run import (
    NOT_MADE,
    Axis,
    Baseline,
    Goal,
    Run,
    best,
    common,
    density,
    differs,
    effects,
    knee,
    pairs,
    ratio,
    sample,
    shown_in_full,
    varying,
)
from dovetail.explorer.report.scale import Scale, scale_for

Make = Callable[..., Run]


def small() -> Run:
    """Five designs: four on the front of latency and energy, the knee third; `b` is not made by one."""
    return Run(
        name="small",
        goals=(Goal("latency"), Goal("energy")),
        conditions=(),
        axes=(Axis("a", ("x", "y")), Axis("b", ("1", "2")), Axis("c", ("only",)), Axis("d", ("p", "q"))),
        picks=np.array(
            [[0, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [1, NOT_MADE, 0, 0], [1, 1, 0, 1]], dtype=np.int32
        ),
        metrics=("latency", "energy"),
        units={"latency": "s", "energy": "pJ"},
        values=np.array([[1.0, 9.0], [1.5, 7.0], [2.0, 3.0], [8.0, 2.0], [9.0, 9.0]]),
        names=("10", "20", "30", "40", "50"),
        meets=np.ones(5, dtype=np.bool_),
        front=(0, 1, 2, 3),
        space_size=None,
        refused=0,
        claim="",
        exact=True,
        finished=True,
        inputs=(),
        versions=(),
        baseline=Baseline("base", {"latency": 4.0, "energy": 6.0}),
    )


def test_the_best_of_an_objective_is_on_the_front() -> None:
    run = small()
    assert best(run, Goal("latency")) == 0
    assert best(run, Goal("energy")) == 3
    assert best(run, Goal("latency", maximize=True)) == 3


def test_the_knee_is_nearest_to_the_best_of_all() -> None:
    assert knee(small()) == 2


def test_a_ratio_of_more_than_one_is_better_than_the_baseline() -> None:
    run = small()
    assert ratio(run, 0, Goal("latency")) == 4.0
    assert ratio(run, 0, Goal("energy")) == 6 / 9
    assert ratio(run, 3, Goal("latency", maximize=True)) == 2.0
    assert ratio(replace(run, baseline=None), 0, Goal("latency")) is None


def test_a_choice_is_common_where_the_front_agrees_and_the_run_tried_others() -> None:
    assert common(small()) == {"d": "p"}
    assert varying(small()) == (0, 1)


def test_a_choice_that_a_design_does_not_make_is_not_among_its_choices() -> None:
    assert small().choices(3) == {"a": "y", "c": "only", "d": "p"}


def test_designs_in_full_begin_with_those_of_the_first_paragraph(make_run: Make) -> None:
    run = make_run(2000)
    named = {best(run, goal) for goal in run.goals} | {knee(run)}
    for most in (3, 5, 10):
        shown = shown_in_full(run, most)
        assert len(shown) <= most and named <= set(shown)
        assert list(shown) == [point for point in run.front if point in shown]
    assert shown_in_full(run, 10_000) == run.front


def test_the_field_counts_every_dominated_point_once(make_run: Make) -> None:
    run = make_run(5000)
    rest = run.dominated
    assert len(rest) + len(run.front) == 5000
    scales = tuple(scale_for(run.column(name).tolist()) for name in ("latency", "energy"))
    found = density(run, rest, "latency", "energy", (scales[0], scales[1]), (40, 30))
    assert sum(count for _, _, count in found.cells) == len(rest)
    assert found.outside == 0
    assert all(0 <= c < 40 and 0 <= r < 30 for c, r, _ in found.cells)


def test_the_field_agrees_with_counting_by_hand() -> None:
    run = replace(small(), front=())
    scales = Scale(0.0, 10.0), Scale(0.0, 10.0)
    found = density(run, run.dominated, "latency", "energy", scales, (2, 2))
    assert found.cells == ((0, 0, 1), (1, 0, 1), (0, 1, 2), (1, 1, 1))
    narrow = density(run, run.dominated, "latency", "energy", (Scale(0.0, 5.0), scales[1]), (2, 2))
    assert narrow.outside == 2
    assert sum(count for _, _, count in narrow.cells) == 3


def test_a_sample_is_the_same_each_time_and_blind_to_the_order_of_choices(make_run: Make) -> None:
    run = make_run(30_000)
    first = sample(run, 1000)
    assert first.tolist() == sample(run, 1000).tolist()
    assert len(set(first.tolist())) == 1000
    assert not set(first.tolist()) & set(run.front)
    # Positions modulo any small number, as choices are enumerated, are spread evenly.
    for radix in (2, 3, 8):
        counts = np.bincount(first % radix, minlength=radix)
        assert counts.max() - counts.min() < 0.2 * 1000 / radix + 20


def test_a_choice_that_alone_decides_explains_everything() -> None:
    run = replace(small(), goals=(Goal("latency"),), front=(0,))
    values = run.values.copy()
    values[:, 0] = [1, 1, 3, 3, 3]
    found = {e.choice: e for e in effects(replace(run, values=values))}
    assert found["a"].effects[0].share == 1.0
    assert found["a"].effects[0].means == (("x", 1.0, 2), ("y", 3.0, 3))
    assert set(found) == {"a", "b", "d"}  # `c` was never chosen otherwise


def test_effects_agree_with_the_sums_of_squares(make_run: Make) -> None:
    run = make_run(3000)
    values = run.column("energy")
    total = ((values - values.mean()) ** 2).sum()
    found = {e.choice: e.effects[1].share for e in effects(run)}
    for i, axis in enumerate(run.axes):
        groups = [values[run.picks[:, i] == pick] for pick in range(len(axis.options))]
        between = sum(len(g) * (g.mean() - values.mean()) ** 2 for g in groups)
        assert found[axis.name] == pytest.approx(between / total, rel=1e-9)
    assert list(found) == [e.choice for e in sorted(effects(run), key=lambda e: -e.largest)]


def test_a_choice_not_made_is_an_option_of_its_own() -> None:
    found = {e.choice: e for e in effects(small())}
    assert [name for name, _, _ in found["b"].effects[0].means] == ["1", "2", "not made"]


def test_more_of_a_maximised_objective_comes_first() -> None:
    run = replace(small(), goals=(Goal("latency", maximize=True),), front=(4,))
    means = effects(run)[0].effects[0].means
    assert [m for _, m, _ in means] == sorted((m for _, m, _ in means), reverse=True)


def test_all_pairs_of_objectives_are_drawn_and_a_single_one_finds_a_partner() -> None:
    goals = (Goal("latency"), Goal("energy"), Goal("top1", maximize=True))
    assert pairs(goals, ()) == (("latency", "energy"), ("latency", "top1"), ("energy", "top1"))
    assert pairs(goals[:1], ("latency", "area")) == (("latency", "area"),)
    assert pairs(goals[:1], ("latency",)) == ()


def test_an_exact_front_is_of_the_whole_space_though_nothing_else_was_kept() -> None:
    proved = replace(small(), exact=True, space_size=10**20)
    assert proved.winners_alone and proved.considered == 10**20
    whole = replace(proved, space_size=len(proved.names) + proved.refused)
    assert not whole.winners_alone and whole.considered == len(whole.names)
    searched = replace(proved, exact=False)
    assert not searched.winners_alone and searched.considered == len(searched.names)


def test_a_choice_that_the_whole_front_makes_alike_is_common_if_there_were_others() -> None:
    run = small()
    front = run.picks[list(run.front)]
    alike = {axis.name for i, axis in enumerate(run.axes) if len(set(front[:, i])) == 1 and front[0, i] >= 0}
    tried = {axis.name for i, axis in enumerate(run.axes) if len(set(run.picks[:, i])) > 1}
    assert set(common(run)) == alike & tried
    assert set(common(replace(run, exact=True, space_size=10**20))) == alike


def test_a_design_that_mixes_mappings_is_told_from_one_that_does_not() -> None:
    run = small()
    point = run.front[0]
    latency = float(run.column("latency")[point])
    energy = float(run.column("energy")[point]) if "energy" in run.metrics else 1.0
    assert not differs(run, point, latency * (1 + 1e-9), energy)
    assert differs(run, point, latency * 1.01, energy)


def test_a_front_is_made_of_points_of_the_run() -> None:
    with pytest.raises(ValueError, match="front"):
        replace(small(), front=(5,))


def test_scales_put_the_low_end_at_nothing_and_the_high_end_at_one() -> None:
    assert [Scale(2, 6).at(v) for v in (2, 4, 6)] == [0, 0.5, 1]
    assert Scale(1, 100, log=True).at(10) == 0.5
    with pytest.raises(ValueError, match="no places"):
        Scale(0, 1, log=True)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (3, 17), (0.00021, 0.00022), (0, 123456)])
def test_marks_of_an_axis_are_round_and_few(low: float, high: float) -> None:
    ticks = Scale(low, high).ticks(6)
    assert 2 <= len(ticks) <= 8
    assert all(low <= t <= high for t in ticks)
    steps = np.diff(ticks)
    assert np.allclose(steps, steps[0])


def test_marks_of_a_logarithmic_axis_are_ones_twos_threes_and_fives() -> None:
    for ticks in (Scale(0.0008, 0.3, log=True).ticks(6), Scale(1, 10**9, log=True).ticks(5)):
        assert {f"{t:e}"[0] for t in ticks} <= set("1235")
        assert 2 <= len(ticks) <= 6
