"""Recorded runs of the real programs: their statistics are read, their input is written again."""

from __future__ import annotations

import importlib.util
import sys
from math import ceil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from dovetail.accel.architecture import Architecture
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.timeloop.case import Case
from dovetail.costmodel.timeloop.lowering import lower
from dovetail.costmodel.timeloop.mapspace import Freedom, Open
from dovetail.costmodel.timeloop.program import run_mapper
from dovetail.costmodel.timeloop.results import cost_of
from dovetail.costmodel.timeloop.statistics import OPERAND_OF, Statistics, Unreadable, read_statistics
from dovetail.costmodel.timeloop.tree_v3 import mapper_tree, model_tree
from dovetail.costmodel.timeloop.view import architecture_of
from dovetail.costmodel.yaml_text import yaml_text
from dovetail.dsl.problem import OPERANDS

HERE = Path(__file__).parent
RECORDED = HERE.parent / "reference" / "timeloop_recorded"
MODEL = sorted(RECORDED.glob("model__*"))
MAPPER = sorted(RECORDED.glob("mapper__*"))


def _reader() -> ModuleType:
    spec = importlib.util.spec_from_file_location("v3_reader", HERE / "v3_reader.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


reader = _reader()


def statistics(folder: Path) -> Statistics:
    (path,) = folder.glob("*.stats.txt")
    return read_statistics(path.read_text())


def recorded_case(folder: Path) -> tuple[Any, Case]:
    """The run's input as we read it, and what we make of that for Timeloop."""
    found = reader.read((folder / "in.yaml").read_text())
    case = lower(folder.name, found.problem, found.architecture, found.mapping, found.prices)
    return found, case


def folders(paths: list[Path]) -> Any:
    return pytest.mark.parametrize("folder", paths, ids=[path.name for path in paths])


def test_there_are_recorded_runs() -> None:
    assert len(MODEL) == 8 and len(MAPPER) == 4


@folders(MODEL)
def test_our_model_gives_the_counts_cycles_and_energy_that_the_program_printed(folder: Path) -> None:
    found, printed = reader.read((folder / "in.yaml").read_text()), statistics(folder)
    cost = evaluate_mapping(found.problem, found.architecture, found.mapping, found.prices)
    theirs = {
        (level.name, space.operand): tuple(space.total(a) for a in ("reads", "fills", "updates"))
        for level in printed.levels
        for space in level.spaces
    }
    assert {(h.memory, h.operand): (h.reads, h.fills, h.updates) for h in cost.counts.holders} == theirs
    assert cost.cycles in (printed.cycles, printed.cycles - 1)  # it rounds a quotient of doubles up
    assert cost.energy_pj == pytest.approx(printed.energy_pj, rel=1e-9)
    assert cost.counts.macs == printed.computes and cost.counts.pes == printed.used_pes


@folders(MODEL)
def test_the_written_input_says_what_the_recorded_one_says(folder: Path) -> None:
    """But for two things: neighbours hand on nothing, and how levels without loops are permuted."""
    _, case = recorded_case(folder)
    ours = yaml.safe_load(yaml_text(model_tree(case)))
    theirs = yaml.safe_load((folder / "in.yaml").read_text())
    for directive in ours["mapping"]:
        silent = directive.pop("no_link_transfer", None)
        assert silent == (["Weights", "Inputs", "Outputs"] if directive["type"] == "spatial" else None)
    for tree in (ours, theirs):
        for directive in tree["mapping"]:
            if not any(int(end) > 1 for _, end, _ in reader.FACTOR.findall(directive.get("factors", ""))):
                directive.pop("permutation", None)
    assert ours == theirs


@folders(MODEL)
def test_what_is_written_reads_back_to_the_same_counts(folder: Path) -> None:
    found, case = recorded_case(folder)
    again = reader.read(yaml_text(model_tree(case)))
    first = evaluate_mapping(found.problem, found.architecture, found.mapping, found.prices)
    second = evaluate_mapping(again.problem, again.architecture, again.mapping, again.prices)
    assert first.counts == second.counts
    assert (first.cycles, first.energy_pj) == (second.cycles, second.energy_pj)
    assert again.link_transfers == frozenset()


@folders(MODEL)
def test_statistics_become_our_result(folder: Path) -> None:
    found, case = recorded_case(folder)
    printed = statistics(folder)
    cost = cost_of(printed, case, found.architecture)
    ours = evaluate_mapping(found.problem, found.architecture, found.mapping, found.prices)
    assert cost.traffic_words() == ours.traffic_words()
    assert cost.cycles == printed.cycles
    assert cost.energy_pj == pytest.approx(ours.energy_pj, rel=1e-9)
    assert cost.latency.compute_cycles == ours.latency.compute_cycles
    if ours.cycles > ours.latency.compute_cycles:
        assert cost.latency.bound_by == ours.latency.bound_by


@folders(MAPPER)
def test_the_mapper_is_asked_as_it_was_asked(folder: Path) -> None:
    """The recorded runs leave out dimensions of one iteration, and let the neighbours hand on."""
    asked = yaml.safe_load((folder / "in.yaml").read_text())
    case = _of_constraints(asked)
    ours = yaml.safe_load(yaml_text(mapper_tree(left_to_the_mapper(case))))
    ours["mapspace_constraints"] = [
        said for said in ours["mapspace_constraints"] if said["type"] != "spatial"
    ]
    assert ours["mapspace_constraints"] == asked["mapspace_constraints"]
    assert ours["mapper"] == asked["mapper"]
    assert ours["architecture"] == asked["architecture"]
    assert ours["ERT"] == asked["ERT"]
    bounds = ours["problem"]["instance"]
    assert {d: bounds[d] for d in asked["problem"]["instance"]} == asked["problem"]["instance"]
    assert all(bounds[d] == 1 for d in bounds if d not in asked["problem"]["instance"])


def left_to_the_mapper(case: Case) -> Open:
    """Each level keeps what it keeps in the case, the rest of the mapping is open."""
    freedoms = [
        Freedom(level.keep, tuple(o for o in OPERANDS if o not in level.keep)) for level in case.levels
    ]
    return Open(case, tuple(freedoms), None, ())


def _of_constraints(asked: Any) -> Case:
    """A case with the architecture and bypasses of a mapper's input: everything is walked at the outermost
    level.
    """
    names = [level["name"] for level in asked["architecture"]["subtree"][0]["local"][:-1]]
    said = {c["target"]: c for c in asked["mapspace_constraints"]}
    dimensions = asked["problem"]["shape"]["dimensions"]
    ones = " ".join(f"{d}=1" for d in dimensions)
    everything = " ".join(f"{d}={asked['problem']['instance'][d]}" for d in dimensions)
    mapping = []
    meshes = [level["attributes"]["instances"] for level in asked["architecture"]["subtree"][0]["local"]]
    for at, name in enumerate(names):
        mapping.append({"target": name, "type": "bypass"} | {k: said[name][k] for k in ("keep", "bypass")})
        factors = everything if at == 0 else ones
        order = "".join(dimensions)
        mapping.append({"target": name, "type": "temporal", "factors": factors, "permutation": order})
        if meshes[at] != meshes[at + 1]:
            mapping.append(
                {"target": name, "type": "spatial", "factors": ones, "permutation": order, "split": 0}
            )
    found = reader.read(yaml.safe_dump(asked | {"mapping": mapping}))
    return lower("asked", found.problem, found.architecture, found.mapping, found.prices)


@folders(MAPPER)
def test_statistics_of_the_mapper_are_read(folder: Path) -> None:
    printed = statistics(folder)
    asked = yaml.safe_load((folder / "in.yaml").read_text())
    instance = asked["problem"]["instance"]
    macs = 1
    for dimension in asked["problem"]["shape"]["dimensions"]:
        macs *= instance[dimension]
    assert printed.computes == macs
    assert printed.energy_pj * 1e-6 == pytest.approx(printed.energy_uj, abs=0.005)
    assert printed.cycles >= ceil(macs / printed.used_pes)
    kept = {(said["target"], space) for said in asked["mapspace_constraints"] for space in said["keep"]}
    spaces = {operand: name for name, operand in OPERAND_OF.items()}
    assert {(level.name, spaces[s.operand]) for level in printed.levels for s in level.spaces} == kept


@pytest.mark.parametrize("text", ["", "Segmentation fault", "\x00\xff" * 100, "=== GLB ===\n"])
def test_what_are_no_statistics_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_statistics(text)


def test_statistics_cut_anywhere_are_refused_or_read_the_same() -> None:
    whole = (MODEL[0] / "timeloop-model.stats.txt").read_text()
    expected = read_statistics(whole)
    lines = whole.splitlines(keepends=True)
    end = next(at for at, line in enumerate(lines) if line.startswith("Energy: "))
    for cut in range(0, end, 7):
        with pytest.raises(Unreadable):
            read_statistics("".join(lines[:cut]))
    assert read_statistics("".join(lines[: end + 1])) == expected


def test_a_level_that_is_missing_is_named() -> None:
    found, case = recorded_case(MODEL[0])
    printed = statistics(MODEL[0])
    short = Statistics(
        printed.levels[:1],
        printed.computes,
        printed.compute_cycles,
        printed.compute_energy_pj,
        printed.used_pes,
        printed.cycles,
        printed.energy_uj,
        printed.utilization,
    )
    architecture: Architecture = found.architecture
    with pytest.raises(Unreadable, match="DRAM"):
        cost_of(short, case, architecture)


@folders(MAPPER)
def test_a_run_of_the_mapper_becomes_our_result(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program is one that writes the recorded statistics, if its input is what was recorded."""
    asked = yaml.safe_load((folder / "in.yaml").read_text())
    case = _of_constraints(asked)
    program = tmp_path / "timeloop-mapper"
    program.write_text(
        f"#!/bin/sh\ngrep -q random_pruned in.yaml && cp {folder}/timeloop-mapper.stats.txt .\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("DOVETAIL_TIMELOOP_MAPPER", str(program))
    ran = run_mapper(left_to_the_mapper(case), tmp_path / "run")
    assert ran.statistics == statistics(folder)
    cost = cost_of(ran.statistics, case, architecture_of(case))
    assert cost.counts.macs == ran.statistics.computes
    assert set(cost.traffic_words()) == {level.name for level in case.levels}
