"""Mappings of other tools, read as ours, cost here what they cost there where definitions agree."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from dovetail.accel.legality import violations
from dovetail.costmodel.evaluate import Cost, evaluate_mapping

HERE = Path(__file__).parent
RECORDS = HERE / "mappers"

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(HERE.parent.parent / "benchmarks")
    rivals: Any = importlib.import_module("rivals")
    against: Any = importlib.import_module("against")

ALL = list(rivals.rivals(RECORDS))
READ = [one for one in ALL if isinstance(one, rivals.Rival)]
AGREE = [
    one
    for one in READ
    if one.tool == "accelforge" and "imperfect" not in one.file and one.layer != "mobilenet_v1 conv1"
]


def named(one: Any) -> str:
    return f"{one.tool} {one.architecture.name} {one.layer}"


def cost(rival: Any) -> Cost:
    return evaluate_mapping(rival.problem, rival.architecture, rival.mapping, rival.prices)


@pytest.mark.parametrize("rival", READ, ids=named)
def test_their_mappings_are_legal_here(rival: Any) -> None:
    assert violations(rival.problem, rival.architecture, rival.mapping) == ()


@pytest.mark.parametrize("rival", [r for r in READ if r.tool == "timeloop"], ids=named)
def test_timeloops_best_costs_here_what_it_costs_there(rival: Any) -> None:
    own = cost(rival)
    assert own.energy_pj == pytest.approx(rival.energy_pj, rel=1e-12)
    assert own.cycles == rival.cycles


@pytest.mark.parametrize("rival", AGREE, ids=named)
def test_accelforges_best_costs_here_what_it_costs_there(rival: Any) -> None:
    """Its numbers carry the noise of single precision; its cycles are no whole numbers."""
    own = cost(rival)
    assert own.energy_pj == pytest.approx(rival.energy_pj, rel=1e-6)
    assert own.cycles == pytest.approx(rival.cycles, rel=1e-6, abs=1)


def test_weights_that_stay_are_fetched_once_here_and_four_times_there() -> None:
    """All of MobileNet's first weights lie on the array, and four passes over the rows leave them there."""
    (rival,) = [one for one in READ if one.layer == "mobilenet_v1 conv1" and one.tool == "accelforge"]
    own = cost(rival)
    weights = 32 * 3 * 3 * 3
    assert own.traffic_words()["DRAM"]["weights"]["reads"] == weights
    fetched_again = 3 * weights * 8
    assert rival.energy_pj - own.energy_pj == pytest.approx(fetched_again * (8 + 0.0125), rel=1e-2)


def test_a_short_last_pass_takes_a_whole_one_here() -> None:
    (rival,) = [one for one in READ if "imperfect" in one.file]
    own = cost(rival)
    assert own.energy_pj == pytest.approx(rival.energy_pj, rel=1e-6)
    assert own.cycles == 8 * 8 * 250  # 250 on 32 PEs: 8 passes along either axis
    assert rival.cycles == pytest.approx(15_625)


@pytest.mark.parametrize("rival", [r for r in READ if r.tool == "zigzag"], ids=named)
def test_zigzags_energy_is_near_and_its_cycles_have_their_own_terms(rival: Any) -> None:
    own = cost(rival)
    assert own.energy_pj == pytest.approx(rival.energy_pj, rel=0.01)
    assert own.cycles <= rival.cycles


def test_what_is_not_described_is_not_read() -> None:
    reasons = {one.layer: one.reason for one in ALL if isinstance(one, rivals.Unreadable)}
    assert "does not describe it" in reasons["resnet18 l4_3x3"]
    assert "shared tile" in reasons["alexnet conv1"]


def test_ours_is_no_worse_than_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    assert against.main([str(RECORDS), "--only", "256x256x256", "--time", "60"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("accelforge")]
    assert line.endswith("proved")


def test_a_worse_mapping_than_theirs_is_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def beaten(rival: Any, seconds: float | None, *, free: bool = False) -> Any:
        line = compare(rival, seconds, free=free)
        return against.Line(line.rival, line.energy_pj / 2, line.cycles, line.ours, line.seconds)

    compare = against.compare
    monkeypatch.setattr(against, "compare", beaten)
    assert against.main([str(RECORDS), "--only", "256x256x256", "--time", "60"]) == 1
    assert "WORSE" in capsys.readouterr().out


def test_the_table_replaces_the_one_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{against.BEGIN}\nold\n{against.END}\nafter\n")
    arguments = [str(RECORDS), "--only", "fc8", "--time", "1", "--write", str(page)]
    assert against.main(arguments) in (0, 1)
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| accelforge | eyeriss | alexnet fc8 |" in text
    written = text
    assert against.main(arguments) in (0, 1)
    assert len(page.read_text().splitlines()) == len(written.splitlines())


def test_a_folder_without_records_is_a_fault_of_the_command_line(tmp_path: Path) -> None:
    assert against.main([str(tmp_path)]) == 2
