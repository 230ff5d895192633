"""Each dataflow of a layer by the mapper that is asked for, with what is known about the mapping."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dovetail.accel.loading import accelerator_from_text
from dovetail.costmodel import mapper, trials
from dovetail.costmodel.comparison import compare
from dovetail.costmodel.components import price
from dovetail.costmodel.effort import EXACT, QUICK, Effort, Mapper
from dovetail.costmodel.mapper import NoMapping as NoneInMapspace
from dovetail.costmodel.mapper import OutOfTime
from dovetail.costmodel.network_cost import evaluate_network
from dovetail.costmodel.selection import Objective
from dovetail.costmodel.trials import leakage_pj_per_cycle, solve
from dovetail.dsl.loading import network_from_text
from dovetail.dsl.problem import Problem

CHIP = accelerator_from_text("""\
accel chip
clock 1 GHz
technology 45 nm
memory DRAM { bandwidth = 64 bit/cycle shared; energy = 8 pJ/bit }
memory Buffer { size = 1 KiB; width = 64 bit; energy = sram(); may_hold = [inputs, outputs] }
array PE[row = 4, col = 4] {
    along row: reduce sums
    along col: multicast inputs
    memory Register { size = 16 B; width = 16 bit; energy = regfile(); may_hold = [weights, sums] }
    mac { rate = 1/cycle; energy = 2 pJ }
}
dataflow weight_stationary { PE.row = C; PE.col = K; stationary weights at Register }
dataflow output_stationary { PE.row = P; PE.col = Q; stationary sums at Register }
""").architecture
PRICES = price(CHIP)
LAYER = Problem(K=8, C=8, P=6, Q=6)
FRESH = replace(EXACT, cached=False, seconds=None)


def solved(effort: Effort, objective: Objective = Objective.EDP) -> trials.Solved:
    return solve(LAYER, CHIP, PRICES, CHIP.dataflows, objective, effort)


@pytest.mark.parametrize("objective", list(Objective))
def test_the_exact_mapping_is_no_worse_than_the_greedy_one(objective: Objective) -> None:
    exact, greedy = solved(FRESH, objective), solved(QUICK, objective)
    assert [t.dataflow for t in exact.trials] == ["weight_stationary", "output_stationary"]
    for best, quick in zip(exact.trials, greedy.trials, strict=True):
        mine = objective.of(best.cost.cycles, best.energy.total_pj)
        assert mine <= objective.of(quick.cost.cycles, quick.energy.total_pj) * (1 + 1e-12)
        assert quick.certificate is None
        assert best.certificate is not None
        assert best.certificate.proved
        assert best.certificate.objective == objective
        assert best.certificate.value == pytest.approx(mine, rel=1e-12)


def test_leakage_is_part_of_what_is_least() -> None:
    (trial, _) = solved(FRESH, Objective.ENERGY).trials
    leaks = leakage_pj_per_cycle(CHIP, PRICES) * trial.cost.cycles
    assert leaks > 0
    assert trial.certificate is not None
    assert trial.certificate.value == pytest.approx(trial.cost.energy_pj + leaks, rel=1e-12)


def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What every search begins with."""
    starts: list[Any] = []
    real = mapper.map_problem

    def watching(*arguments: Any, start: Any = (), **options: Any) -> Any:
        own = list(start)
        starts.append(own)
        return real(*arguments, start=own, **options)

    monkeypatch.setattr(mapper, "map_problem", watching)
    return starts


def test_a_search_begins_with_the_greedy_mapping_or_a_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = started(monkeypatch)
    first = solved(FRESH)
    greedy = [trial.mapping for trial in solved(QUICK).trials]
    assert starts == [[mapping] for mapping in greedy]
    starts.clear()
    near = {trial.dataflow: (trial.mapping,) for trial in first.trials}
    again = solved(replace(FRESH, neighbours=near))
    assert starts == [[trial.mapping] for trial in first.trials]
    assert [t.energy for t in again.trials] == [t.energy for t in first.trials]
    assert [t.cost.cycles for t in again.trials] == [t.cost.cycles for t in first.trials]


def test_a_neighbour_that_does_not_fit_is_passed_over() -> None:
    """The mapping of a larger layer is illegal here and does no harm."""
    larger = replace(LAYER, K=64)
    other = solve(larger, CHIP, PRICES, CHIP.dataflows, Objective.EDP, FRESH)
    near = {trial.dataflow: (trial.mapping,) for trial in other.trials}
    mine, alone = solved(replace(FRESH, neighbours=near)), solved(FRESH)
    assert [t.energy.total_pj for t in mine.trials] == pytest.approx(
        [t.energy.total_pj for t in alone.trials], rel=1e-9
    )


def refusing(fault: Exception) -> Any:
    def refuse(*_: Any, **__: Any) -> Any:
        raise fault

    return refuse


def test_without_an_answer_in_time_the_greedy_mapping_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapper, "map_problem", refusing(OutOfTime("no mapping was found in time")))
    hasty = solved(FRESH)
    assert [t.mapping for t in hasty.trials] == [t.mapping for t in solved(QUICK).trials]
    assert all(trial.certificate is None for trial in hasty.trials)


@pytest.mark.parametrize(
    ("fault", "undecided"), [(OutOfTime("late"), True), (NoneInMapspace("nothing fits"), False)]
)
def test_a_dataflow_is_refused_with_the_reason_that_says_more(
    fault: Exception, undecided: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapper, "map_problem", refusing(fault))
    monkeypatch.setattr(trials, "greedy_mapping", refusing(trials.NoMapping("`Register` is too small")))
    found = solved(FRESH)
    assert found.trials == ()
    assert {(r.reason, r.undecided) for r in found.refusals} == {("`Register` is too small", undecided)}


def test_the_time_of_a_layer_is_shared_by_its_dataflows(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def asked(*_: Any, seconds: float, **__: Any) -> Any:
        given.append(seconds)
        raise OutOfTime("late")

    monkeypatch.setattr(mapper, "map_problem", asked)
    solved(replace(FRESH, seconds=100.0))
    assert 49 < given[0] <= 50  # the first has half of it, the second what is left
    assert 99 < given[1] <= 100


def test_ctrl_c_ends_the_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    real = mapper.map_problem

    def interrupted(*arguments: Any, **options: Any) -> Any:
        return replace(real(*arguments, **options), interrupted=True)

    monkeypatch.setattr(mapper, "map_problem", interrupted)
    with pytest.raises(KeyboardInterrupt):
        solved(FRESH)


def test_a_network_is_proved_layer_by_layer() -> None:
    net = network_from_text("net n\ninput x[4, 8, 8]\noutput x -> 2 * conv(4, 1) -> maxpool(2)\n").network
    seen: list[tuple[str, int, int]] = []
    cost = evaluate_network(
        net,
        CHIP,
        PRICES,
        effort=FRESH,
        on_layer=lambda layer, done, all_: seen.append((layer.name, done, all_)),
    )
    assert seen == [(net.layers[0].name, 0, 1)]  # the second has the same shape
    assert [layer.proved for layer in cost.layers] == [True, True, True]
    assert cost.layers[0].certificate == cost.layers[1].certificate
    assert cost.layers[2].certificate is None


def test_a_comparison_has_a_row_for_each_part_of_either() -> None:
    weight, output = solved(QUICK).trials
    rows = compare(weight, output)
    assert sum(row.ours for row in rows.cycles) == weight.cost.cycles
    assert sum(row.theirs for row in rows.cycles) == output.cost.cycles
    assert rows.total(rows.energy).ours == pytest.approx(weight.energy.total_pj, rel=1e-12)
    assert rows.total(rows.energy).theirs == pytest.approx(output.energy.total_pj, rel=1e-12)
    parts = [(row.where, row.what) for row in rows.energy]
    assert len(set(parts)) == len(parts)
    assert ("Register", "weights") in parts  # kept by the one
    assert ("Register", "outputs") in parts  # and by the other


def test_an_effort_is_possible() -> None:
    assert Effort(seconds=None).seconds is None
    assert Effort(Mapper.EXACT).mapper == "exact"
    for wrong in ({"seconds": 0.0}, {"tolerance": 1.0}, {"tolerance": -0.1}):
        with pytest.raises(ValueError, match=r"second|tolerance"):
            replace(QUICK, **wrong)
