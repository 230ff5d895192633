"""The terms between two evaluations add up to their difference, exactly."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from math import isclose
from pathlib import Path

import pytest

import dovetail as dt
from dovetail.cli import main
from dovetail.difference import Difference, difference
from dovetail.evaluation_json import evaluation_json
from dovetail.explorer.report.records import Evaluation, read_evaluation


def evaluated(network: Path, accelerator: Path, **settings: object) -> Evaluation:
    found = dt.evaluate(dt.load_network(network), dt.load_accelerator(accelerator, **settings))
    return read_evaluation(evaluation_json(found))


@pytest.fixture(scope="module")
def wider(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny network with one layer wider, one gone and one new."""
    text = (
        tiny.read_text(encoding="utf-8")
        .replace("inner: conv(32, 3", "core: conv(32, 5")
        .replace("pad = 1)\noutput", "pad = 2)\noutput")
    )
    path = tmp_path_factory.mktemp("wider") / "tiny.net"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=["smaller array", "other network", "other accelerator"])
def found(request: pytest.FixtureRequest, tiny: Path, wider: Path, squeezelerator: Path) -> Difference:
    before = evaluated(tiny, squeezelerator, n=16)
    match request.param:
        case "smaller array":
            after = evaluated(tiny, squeezelerator, n=8)
        case "other network":
            after = evaluated(wider, squeezelerator, n=16)
        case _:
            after = evaluated(tiny, squeezelerator.with_name("eyeriss.accel"))
    return difference(before, after)


def test_terms_of_cycles_add_up_to_the_difference(found: Difference) -> None:
    change = found.after.cycles - found.before.cycles
    assert sum(term.change for term in found.cycles) == change
    assert sum(term.cycles for term in found.layers) == change


def test_terms_of_energy_add_up_to_the_difference_exactly(found: Difference) -> None:
    sums = [
        sum((Fraction(term.pj) for layer in evaluation.layers for term in layer.energy), Fraction(0))
        for evaluation in (found.before, found.after)
    ]
    change = sums[1] - sums[0]
    assert sum(term.change for term in found.energy) == change
    assert sum(term.energy_pj for term in found.layers) == change
    assert isclose(float(sums[0]), found.before.energy_pj, rel_tol=1e-12)


def test_amount_and_price_add_up_to_the_change_of_a_part(found: Difference) -> None:
    split = [term for term in found.energy if term.by_amount is not None]
    assert {term.part for term in split} >= {"mac", "leakage", "DRAM"}
    for term in split:
        assert term.by_amount is not None and term.by_price is not None
        assert term.by_amount + term.by_price == term.change


def test_cycles_and_clock_add_up_to_the_latency(found: Difference) -> None:
    period = [1 / Fraction(e.clock_hz) for e in (found.before, found.after)]
    change = found.after.cycles * period[1] - found.before.cycles * period[0]
    assert found.latency_by_cycles + found.latency_by_clock == change


def test_an_evaluation_does_not_differ_from_itself(tiny: Path, squeezelerator: Path) -> None:
    same = evaluated(tiny, squeezelerator, n=8)
    found = difference(same, same)
    assert not any(term.change for term in (*found.cycles, *found.energy))
    assert not any(layer.changes for layer in found.layers)


def test_layers_that_are_gone_new_or_mapped_otherwise_say_so(
    tiny: Path, wider: Path, squeezelerator: Path
) -> None:
    found = difference(evaluated(tiny, squeezelerator), evaluated(wider, squeezelerator))
    changes = {term.name: term.changes for term in found.layers}
    assert changes["inner"] == ("is gone",)
    assert changes["core"] == ("is new",)
    assert changes["conv1"] == ()
    array = difference(evaluated(tiny, squeezelerator, n=16), evaluated(tiny, squeezelerator, n=8))
    assert any(term.changes for term in array.layers)


def test_what_holds_a_layer_back_is_said_for_both_sides(tiny: Path, squeezelerator: Path) -> None:
    before = evaluated(tiny, squeezelerator, n=16)
    layers = [replace(before.layers[0], bound_by="Buffer", dataflow="other"), *before.layers[1:]]
    first, *others = difference(before, replace(before, layers=tuple(layers))).layers
    was = before.layers[0]
    assert first.changes == (f"{was.dataflow}, now other", f"bound by {was.bound_by}, now by Buffer")
    assert not any(layer.changes for layer in others)


def test_a_price_that_is_all_that_changed_explains_the_part(
    tiny: Path, squeezelerator: Path, tmp_path: Path
) -> None:
    text = squeezelerator.read_text(encoding="utf-8").replace("dram(LPDDR4)", "16 pJ/bit")
    dear = tmp_path / "squeezelerator.accel"
    dear.write_text(text, encoding="utf-8")
    found = difference(evaluated(tiny, squeezelerator), evaluated(tiny, dear))
    terms = {(term.part, term.tensor): term for term in found.energy}
    for term in found.energy:
        if term.part == "DRAM" and not any(layer.changes for layer in found.layers):
            assert term.by_amount == 0 and term.after == 2 * term.before
    assert terms["DRAM", "weights"].change > 0


# ------------------------------------------------------------------------------------ command line


def test_diff_of_settings_prints_what_was_set_and_totals(
    tiny: Path, squeezelerator: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", str(tiny), str(squeezelerator), "--set", "n=16", "--to", "n=8"]) == 0
    printed = capsys.readouterr().out
    assert "n: 16 -> 8" in printed
    for word in ("latency", "energy", "by amount", "by price", "computing"):
        assert word in printed


def test_diff_of_files_and_of_designs_is_the_same(
    tiny: Path, wider: Path, squeezelerator: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for network in (tiny, wider):
        assert main(["evaluate", str(network), str(squeezelerator), "--json"]) == 0
        files.append(tmp_path / f"{network.parent.name}.json")
        files[-1].write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["diff", *map(str, files), "--json"]) == 0
    recorded = json.loads(capsys.readouterr().out)
    assert main(["diff", str(tiny), str(wider), str(squeezelerator), "--json"]) == 0
    evaluated_now = json.loads(capsys.readouterr().out)
    assert recorded["schema"] == "dovetail.difference/1"
    assert recorded["cycle_terms"] == evaluated_now["cycle_terms"]
    assert recorded["energy_terms"] == evaluated_now["energy_terms"]
    assert sum(term["change"] for term in recorded["cycle_terms"]) == recorded["cycles"]


def test_a_file_that_is_no_evaluation_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("a", "{}"), ("b", "no json"), ("c", "[1]")):
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
        file = str(tmp_path / f"{name}.json")
        assert main(["diff", file, file]) == 1
        assert f"{name}.json` is no evaluation" in capsys.readouterr().err


def test_what_cannot_be_compared_is_a_fault_of_the_command_line(
    tiny: Path, squeezelerator: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for files in (
        [str(tiny), str(squeezelerator)],
        ["a.json"],
        [str(tiny), str(tiny), str(squeezelerator), str(squeezelerator)],
    ):
        assert main(["diff", *files]) == 2
        assert "diff" in capsys.readouterr().err
