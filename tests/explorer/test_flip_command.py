"""`dovetail explore --flip A B`, against designs whose text has the figure scaled, factor after factor."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

import dovetail as dt
from dovetail.accel.mapping import Mapping
from dovetail.cli import main
from dovetail.costmodel.components import price
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.network_cost import leakage_pj_per_cycle, problem_of
from dovetail.costmodel.price_table import energy_table
from dovetail.dsl.problem import Problem

NETWORKS = {
    "wide": "net wide\ninput x[8, 12, 12]\noutput x -> conv(96, 1) -> conv(8, 1)\n",
    "deep": "net deep\ninput x[8, 12, 12]\n"
    "output x -> conv(10, 3, pad = same) -> conv(10, 3, pad = same) -> conv(8, 1)\n",
}
MACHINE = """\
accel small
clock 100 MHz
precision {{ inputs, weights, outputs = 8 bit; sums = 16 bit }}
memory DRAM {{ bandwidth = {bandwidth} B/s shared; energy = {dram} pJ/bit }}
memory Buffer {{
    size = 2 KiB; width = 64 bit; energy = {buffer} pJ/bit; may_hold = [inputs, weights, outputs]
}}
array PE[row = 4, col = 4] {{
    along row: reduce sums
    along col: multicast inputs
    mac {{ rate = 1/cycle; energy = {mac} pJ }}
}}
"""
FIGURES = {"bandwidth": 400_000_000.0, "dram": 2.0, "buffer": 0.5, "mac": 0.7}
NAMED = {"energy of DRAM": "dram", "energy of Buffer": "buffer", "energy of mac": "mac"}


def machine(**scaled: float) -> str:
    found = {name: value * scaled.get(name, 1.0) for name, value in FIGURES.items()}
    return MACHINE.format(**{name: f"{value:.9f}" for name, value in found.items()})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in NETWORKS.items():
        (tmp_path / f"{name}.net").write_text(text)
    (tmp_path / "small.accel").write_text(machine())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def explore(*more: str) -> int:
    return main(["explore", "wide.net", "deep.net", "small.accel", "--minimize", "energy", *more])


@cache
def mapped(name: str, objective: str) -> list[tuple[Problem, Mapping]]:
    """The layers of a network, each with its mapping on the machine as it is."""
    found = dt.evaluate(dt.load_network(f"{name}.net"), dt.load_accelerator("small.accel"), objective)
    pairs = [(problem_of(layer.layer, 1), layer.mapping) for layer in found.cost.layers]
    return [(p, m) for p, m in pairs if p is not None and m is not None]


def value_at(name: str, objective: str, **scaled: float) -> float:
    """The design with a figure of its text scaled, by the mappings that it has with the figure as it is."""
    Path("scaled.accel").write_text(machine(**scaled))
    other = dt.load_accelerator("scaled.accel").architecture
    prices = price(other)
    cycles, pj = 0, 0.0
    for problem, mapping in mapped(name, objective):
        cost = evaluate_mapping(problem, other, mapping, energy_table(prices, problem.bits))
        cycles, pj = cycles + cost.cycles, pj + cost.energy_pj
    pj += cycles * leakage_pj_per_cycle(other, prices)
    return {"energy": pj, "latency": float(cycles), "edp": cycles * pj}[objective]


def flipped(capsys: pytest.CaptureFixture[str], *names: str, goal: str) -> dict[str, float | None]:
    capsys.readouterr()
    assert explore("--json", "--map-for", goal, "--flip", *names) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["schema"] == "dovetail.flips/1" and out["objective"] == goal
    return {flip["figure"]: flip["factor"] for flip in out["flips"]}


@pytest.mark.parametrize("goal", ["energy", "edp", "latency"])
def test_a_factor_is_where_a_scan_of_scaled_texts_sees_the_order_turn(
    goal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {name: value_at(name, goal) for name in NETWORKS}
    better, worse = sorted(values, key=values.__getitem__)
    points = {"wide": "#0", "deep": "#1"}
    found = flipped(capsys, points[better], points[worse], goal=goal)
    named = {**(NAMED if goal != "latency" else {}), "bandwidth of DRAM": "bandwidth"}
    turned = 0
    for figure, name in named.items():

        def lost(factor: float, name: str = name) -> bool:
            return value_at(better, goal, **{name: factor}) >= value_at(worse, goal, **{name: factor})

        steps = [1.3**power for power in range(-15, 16)]  # 1/51 to 51
        near = min((s for s in steps if lost(s)), key=lambda s: max(s, 1 / s), default=None)
        factor = found[figure]
        if near is None:
            assert factor is None or max(factor, 1 / factor) > 51
            continue
        turned += 1
        assert factor is not None, figure
        before = near / 1.3 if near > 1 else near * 1.3
        low, high = sorted((near, before))
        assert low * 0.999 <= factor <= high * 1.001, (figure, factor, near)
    if goal != "latency":
        assert turned, "no figure turns the order: the case tests nothing"


def test_the_table_names_designs_by_their_number_on_the_front(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("--flip", "1", "baseline", "--baseline", "deep.net", "small.accel") in (0, 2)
    first = capsys.readouterr()
    if "already" in first.err:  # the front is the baseline
        assert explore("--flip", "1", "baseline", "--baseline", "wide.net", "small.accel") == 0
        first = capsys.readouterr()
    assert "design 1 before baseline · energy better by" in first.out
    assert "baseline wins if it is really" in first.out


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("7", "#0"), "`--flip 7` is no design of this run"),
        (("#0", "#9"), "there is no point 9 in a space of 2"),
        (("best", "#0"), "a number from 1 to 1, as the front is printed"),
        (("#0", "#0"), "#0 is as good as #0 already"),
        (("baseline", "#0"), "there is no baseline"),
    ],
)
def test_what_is_no_design_or_no_question_is_said(
    names: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explore("--flip", *names) == 2
    assert said in capsys.readouterr().err


def test_a_stored_run_is_asked_without_running_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("--run", "here") == 0
    capsys.readouterr()
    by_energy = {name: value_at(name, "energy") for name in NETWORKS}
    order = ("#0", "#1") if by_energy["wide"] < by_energy["deep"] else ("#1", "#0")
    assert main(["explore", "--show", "here", "--flip", *order]) == 0
    out, err = capsys.readouterr()
    assert f"{order[0]} before {order[1]} · energy better" in out and err == ""
