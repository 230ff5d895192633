"""The page on the Squeezelerator: its scripts, its code, its tables."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from dovetail.accel.legality import violations


@pytest.fixture(scope="module")
def folder() -> Path:
    return Path(__file__).resolve().parent.parent.parent / "examples" / "squeezelerator"


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def study(folder: Path) -> Iterator[ModuleType]:
    """The script, which imports what stands beside it."""
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("study")
    finally:
        sys.path.remove(str(folder))
        for name in ("study", "assumptions"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def model(study: ModuleType) -> ModuleType:
    """What the script takes its numbers from."""
    return sys.modules["assumptions"]


def test_the_page_shows_what_the_first_order_script_prints(root: Path, folder: Path, page: str) -> None:
    run = [sys.executable, str(folder / "first_order.py")]
    printed = subprocess.run(run, capture_output=True, text=True, check=True, cwd=root).stdout
    assert printed in page


def test_the_code_of_the_page_runs(root: Path, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_the_page_has_a_place_for_every_table_and_shows_shares_as_printed(
    study: ModuleType, page: str
) -> None:
    assert study.written(page, {"shares": study.table("shares")}) == page
    places = re.findall(r"^```study (\w+)$", page, re.M)
    assert sorted(places) == sorted(study.TABLES)
    for name in places:
        assert f"\n{name}\n" in study.written(page, {name: f"{name}\n"})


def test_every_table_on_the_page_names_what_it_is_about(study: ModuleType, page: str) -> None:
    """Numbers depend on the mapper: `study.py --write` brings them up to date."""
    shown = dict(re.findall(r"^```study (\w+)\n(.*?)^```", page, re.M | re.S))
    for network in study.TARGETS:
        assert network in shown["reached"] and network in shown["shares"]
    for form in study.all_forms():
        assert form.name in shown["forms"]
    for step in (*study.STEPS, *study.STEP_TARGETS):
        assert step in shown["steps"]


def test_shares_of_macs_are_those_of_the_network(study: ModuleType) -> None:
    """SqueezeNet v1.0: conv1 is 173 873 952 of 861 339 936 MACs, expand3x3 layers 52 %."""
    shares = study.shares_of("squeezenet_v1_0")
    design = study.design("squeezenet_v1_0")
    assert shares["first"] == design["conv1"].macs / design.macs
    wide = sum(layer.macs for layer in design if layer.name.endswith("expand3x3"))
    assert shares["FxF"] == wide / design.macs
    assert shares["connected"] == shares["depthwise"] == 0
    assert sum(shares.values()) == pytest.approx(1)


@pytest.fixture(scope="module")
def quick(study: ModuleType) -> object:
    """The form from which assumptions are varied, by the mapper that takes milliseconds."""
    return study.base("greedy")


def test_the_hybrid_is_no_slower_than_either_dataflow_and_as_good_as_its_layers(
    study: ModuleType, quick: object
) -> None:
    outputs, weights, hybrid = study.totals("squeezenet_v1_1", quick)
    assert hybrid.cycles <= min(outputs.cycles, weights.cycles)
    ways = study.by_dataflow("squeezenet_v1_1", quick.machine)
    faster = [min(way[quick.outputs].cycles, way[quick.weights].cycles) for way in ways.values()]
    assert hybrid.cycles == sum(faster)
    assert hybrid.macs == study.design("squeezenet_v1_1").macs
    time = study.ratios("squeezenet_v1_1", quick)
    assert time == (outputs.cycles / hybrid.cycles, weights.cycles / hybrid.cycles)


def test_assumptions_change_what_they_are_about(study: ModuleType, model: ModuleType, quick: object) -> None:
    """Transfers behind the computation make nothing slower; a narrow port makes nothing faster."""
    hidden = replace(quick, machine=replace(quick.machine, overlap=True))
    waiting = study.totals("squeezenet_v1_1", quick)[2].cycles
    assert study.totals("squeezenet_v1_1", hidden)[2].cycles < waiting
    assert study.totals("squeezenet_v1_1", study.with_port(quick))[2].cycles > waiting
    assert model.architecture(study.sized(study.with_port(quick), 8).machine).pes == 64


def test_more_sums_in_a_pe_are_legal_mappings_that_read_fewer_inputs(
    study: ModuleType, model: ModuleType, quick: object
) -> None:
    built = model.architecture(quick.machine)
    layers = {layer.name: layer for layer in study.layers_on("squeezenet_v1_1", quick.machine)}
    layer = layers["fire6.expand3x3"]
    trial = next(t for t in layer.trials if t.dataflow == "output_stationary")
    found = [m for m in model.with_more_sums(trial.mapping, 16) if not violations(layer.problem, built, m)]
    assert found
    reads = [
        model.try_mapping(layer.problem, built, model.price(built), mapping, "output_stationary")
        .cost.counts.of("Buffer", "inputs")
        .reads
        for mapping in found
    ]
    assert max(reads) < trial.cost.counts.of("Buffer", "inputs").reads
    assert not list(model.with_more_sums(trial.mapping, 1))


def test_squeezenext_is_faster_than_what_it_came_from(study: ModuleType, quick: object) -> None:
    """Not how much faster: that is for the page, beside what is reported."""
    after = study.totals("squeezenext_1_0_23_v5", quick)[2]
    for before in study.STEP_TARGETS:
        old = study.totals(before, quick)[2]
        assert old.cycles > after.cycles and old.energy > after.energy
