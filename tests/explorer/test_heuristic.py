"""The search: seeded, kept within the conditions, taken up again, and not blind."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import dovetail as dt
from dovetail.cli import main
from dovetail.dsl.diagnostics import DovetailError
from dovetail.explorer.choose_engine import MOST_SWEPT, choose_engine
from dovetail.explorer.engine import PointResult
from dovetail.explorer.explore import Outcome, Where, explore
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.space import StudySpace
from dovetail.explorer.store import Store
from dovetail.explorer.study import Options, make_study

pytest.importorskip("optuna")


def asked(designs: Path, **options: object) -> StudyRequest:
    given = {"minimize": ("latency", "energy"), "engine": "heuristic", "points": 96} | options
    return StudyRequest(
        None,
        (str(designs / "tiny.net"), str(designs / "other.net")),
        (str(designs / "small.accel"),),
        Options(**given),
    )


def stored(outcome: Outcome) -> list[PointResult]:
    store = Store(outcome.folder.results, list(outcome.folder.metrics), read_only=True)
    found = list(store.results())
    store.close()
    return found


def test_a_seed_gives_one_sequence_of_points_on_one_process_or_two(designs: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    one = explore(asked(designs, seed=5), Where(designs / "one", workers=1))
    with ThreadPoolExecutor(2) as threads:
        two = explore(asked(designs, seed=5), Where(designs / "two", workers=2, executor=threads))
    other = explore(asked(designs, seed=6), Where(designs / "other", workers=1))
    assert stored(one) == stored(two)
    assert {r.index for r in stored(one)} != {r.index for r in stored(other)}


def test_no_point_is_stored_twice_and_every_one_is_what_a_sweep_finds(designs: Path) -> None:
    drawn = stored(explore(asked(designs, bits=(4, 8)), Where(designs / "runs", workers=1)))
    swept = stored(explore(asked(designs, bits=(4, 8), engine="sweep"), Where(designs / "all", workers=1)))
    assert len({r.index for r in drawn}) == len(drawn) > 20
    everything = {r.index: r for r in swept}
    assert all(everything[r.index] == r for r in drawn)


def test_a_small_space_yields_its_front(designs: Path) -> None:
    options = {"where": ("Buffer.size <= 2 KiB",), "points": 480, "bits": (4, 8)}
    found = explore(asked(designs, **options), Where(designs / "runs", workers=1))
    whole = explore(asked(designs, **options, engine="sweep"), Where(designs / "all", workers=1))
    best = [min(r.metrics[name] for r in whole.front) for name in ("latency", "energy")]
    assert [min(r.metrics[name] for r in found.front) for name in ("latency", "energy")] == best
    assert not found.report.exact
    assert all(r.choices["Buffer.size"] != "8 KiB" for r in found.front)


def test_a_search_goes_on_with_the_population_it_had(designs: Path) -> None:
    where = Where(designs / "runs", workers=1)
    first = explore(asked(designs, points=48), where)
    folder = Where(designs / "runs", first.folder.path, workers=1)
    more = explore(asked(designs, points=96), folder)
    assert more.folder.path == first.folder.path
    assert more.report.details["drawn"] == 96
    before, after = stored(first), stored(more)
    assert after[: len(before)] == before
    assert len({r.index for r in after}) == len(after)
    with (first.folder.path / "hypervolume.csv").open() as file:
        history = list(csv.DictReader(file))
    assert [int(row["points"]) for row in history] == [24, 48, 72, 96]
    assert len({(row["corner0"], row["corner1"]) for row in history}) == 1
    values = [float(row["hypervolume"]) for row in history]
    assert values == sorted(values)


def test_the_hypervolume_never_shrinks(designs: Path) -> None:
    done = explore(asked(designs), Where(designs / "runs", workers=1))
    with (done.folder.path / "hypervolume.csv").open() as file:
        values = [float(row["hypervolume"]) for row in csv.DictReader(file)]
    assert values == sorted(values) and values[-1] == done.report.details["hypervolume"] > 0


def test_what_cannot_run_does_not_stop_a_search(designs: Path) -> None:
    text = (designs / "small.accel").read_text()
    (designs / "small.accel").write_text(
        text.replace("mac { rate = 1/cycle;", "mac { rate = 1/cycle at 8 bit;")
    )
    done = explore(asked(designs, bits=(8, 16)), Where(designs / "runs", workers=1))
    found = stored(done)
    assert any(r.refused for r in found) and done.front
    assert {r.choices["bits"] for r in done.front} == {"8"}


def test_engines_are_chosen_by_what_they_can_promise(designs: Path) -> None:
    space = StudySpace(
        make_study([designs / "tiny.net"], [designs / "small.accel"], Options(minimize=("area",)))
    )
    assert space.designs is not None and space.designs <= MOST_SWEPT
    assert choose_engine(space.study, space).name == "sweep"


def test_an_engine_without_its_package_names_the_extra(
    designs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(DovetailError, match=r"pip install 'dovetail-dse\[search\]'"):
        explore(asked(designs), Where(designs / "runs", workers=1))


def test_the_growth_of_the_front_and_the_gap_to_a_bound_are_printed(
    designs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(designs)
    asked = ["tiny.net", "small.accel", "--engine", "heuristic", "--points", "96", "--workers", "1"]
    assert main(["explore", *asked, "--minimize", "latency", "--minimize", "energy"]) == 0
    out = capsys.readouterr().out
    run = dt.explore(
        "tiny.net",
        "small.accel",
        minimize=["latency", "energy"],
        engine="heuristic",
        points=96,
        workers=1,
    )
    history = run.hypervolume()
    assert f"100 % after {history[-1][0]}" in out
    assert f"{100 * history[0][1] / history[-1][1]:.0f} % after {history[0][0]}," in out
    details = run.summary["details"]
    for goal in ("latency", "energy"):
        best = min(run.front, key=lambda row: row.metrics[goal])
        own = {name.removeprefix("network."): option for name, option in best.choices.items()}
        network = dt.load_network("tiny.net", **{k: v for k, v in own.items() if k not in MACHINE_CHOICES})
        chip = dt.load_accelerator("small.accel", **{k: v for k, v in own.items() if k in MACHINE_CHOICES})
        cost = dt.evaluate(network, chip, goal).cost
        ratio = best.metrics[goal] / cost.bound_value
        assert details[f"{goal}_over_bound"] == pytest.approx(ratio) and ratio >= 1
    assert f"latency {details['latency_over_bound']:.3g}" in out


MACHINE_CHOICES = ("n", "DRAM.bandwidth", "Buffer.size")
