"""Random layers, accelerators and mappings: what is written for Timeloop, interpreted from its text alone."""

from __future__ import annotations

import importlib.util
import json
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

from dovetail.accel.architecture import Architecture, Array, Axis, Link, LinkKind, Mac, Memory
from dovetail.accel.legality import violations
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.cli import main
from dovetail.costmodel import analytic
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.timeloop.case import Inexpressible
from dovetail.costmodel.timeloop.lowering import lower
from dovetail.costmodel.timeloop.tree_v3 import model_tree
from dovetail.costmodel.timeloop.view import counts_of, totals
from dovetail.costmodel.yaml_text import yaml_text
from dovetail.dsl.problem import Problem

HERE = Path(__file__).parent
RECORDED = HERE.parent / "reference" / "timeloop_recorded"
OPERANDS = ("weights", "inputs", "outputs")
OURS = {"Weights": "weights", "Inputs": "inputs", "Outputs": "outputs"}


def _interpreter() -> ModuleType:
    spec = importlib.util.spec_from_file_location("v3_interpreter", HERE / "v3_interpreter.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


interpreter = _interpreter()


def random_layer(rng: random.Random) -> Problem:
    """A convolution, a matrix product, a depthwise or grouped convolution, strided or dilated, batched."""
    kind = rng.choice(["conv", "strided", "dilated", "grouped", "depthwise", "matmul"])
    small = (1, 2, 3, 4)
    bounds = {d: rng.choice(small) for d in "KCP"} | {"N": rng.choice([1, 1, 2])}
    if kind == "matmul":
        return Problem(**bounds | {"P": rng.choice([2, 4, 6])})
    bounds |= {"Q": rng.choice(small), "R": rng.choice([1, 2, 3]), "S": rng.choice([1, 2, 3])}
    if kind == "grouped":
        bounds |= {"G": 2}
    if kind == "depthwise":
        bounds |= {"G": rng.choice([2, 4]), "K": 1, "C": 1}
    stride = (2, rng.choice([1, 2])) if kind == "strided" else (1, 1)
    dilation = (rng.choice([1, 2]), 2) if kind == "dilated" else (1, 1)
    return Problem(**bounds, stride=stride, dilation=dilation)


def random_chip(rng: random.Random) -> Architecture:
    """Two to four memories, one or two arrays of one or two axes, links for every tensor or not for one."""
    silent = rng.choice([None, None, "weights", "inputs", "sums"])

    def array(name: str, axes: tuple[Axis, ...]) -> Array:
        named = tuple(axis.name for axis in axes)
        links = (
            Link(named, LinkKind.MULTICAST, "inputs"),
            Link(named, LinkKind.MULTICAST, "weights"),
            Link(named, LinkKind.REDUCE, "sums"),
        )
        return Array(name, axes, tuple(link for link in links if link.tensor != silent))

    held = frozenset({*OPERANDS, "sums"})
    levels: list[Memory | Array] = [Memory("DRAM", may_hold=held), Memory("Buffer", may_hold=held)]
    if rng.random() < 0.4:
        levels += [array("Chips", (Axis("chip", 2),)), Memory("Local", may_hold=held)]
    axes = (Axis("row", 4), Axis("col", 4)) if rng.random() < 0.7 else (Axis("col", 6),)
    levels.append(array("PE", axes))
    if rng.random() < 0.7:
        levels.append(Memory("Register", may_hold=held))
    latch = frozenset({rng.choice(["weights", "inputs"])}) if rng.random() < 0.2 else frozenset()
    return Architecture("chip", tuple(levels), Mac(latch=latch))


def random_mapping(rng: random.Random, problem: Problem, chip: Architecture) -> Mapping:
    """Perfect factors, loops in any order at each level, any of the tensors at each memory."""
    inside = dict.fromkeys(problem.bounds, 1)
    nodes: list[Holds | For | Spatial] = []
    for level in reversed(chip.levels):
        room = {axis.name: axis.size for axis in level.axes} if isinstance(level, Array) else {}
        dimensions = list(problem.bounds)
        rng.shuffle(dimensions)
        for d in dimensions:
            left = problem.bounds[d] // inside[d]
            axis = rng.choice(sorted(room)) if room else ""
            choices = [t for t in range(1, left + 1) if left % t == 0 and t <= (room[axis] if room else left)]
            trips = left if level is chip.levels[0] else rng.choice(choices)
            if trips == 1:
                continue
            step = inside[d]
            inside[d] *= trips
            if room:
                room[axis] //= trips
                nodes.insert(0, Spatial(d, inside[d], level.name, axis, step))
            else:
                nodes.insert(0, For(d, inside[d], step))
        if isinstance(level, Memory):
            top = level is chip.levels[0]
            kept = tuple(o for o in OPERANDS if top or rng.random() < 0.6)
            nodes[:0] = [Holds(level.name, kept)] if kept else []
    return Mapping(tuple(nodes))


@pytest.mark.parametrize("seed", range(100))
def test_the_text_says_what_our_model_counts(seed: int) -> None:
    rng = random.Random(seed)
    compared = 0
    while compared < 2:
        problem, chip = random_layer(rng), random_chip(rng)
        mapping = random_mapping(rng, problem, chip)
        if problem.macs > 1200 or violations(problem, chip, mapping):
            continue
        try:
            case = lower("layer", problem, chip, mapping, EnergyTable())
        except Inexpressible:
            continue
        text = yaml_text(model_tree(case))
        expected = {(name, OURS[space]): n for (name, space), n in interpreter.counts(text).items()}
        assert totals(counts_of(case)) == expected
        assert counts_of(case).steps == interpreter.steps(text)
        if not case.notes:  # it says all that ours says
            memories = {level.name: level.memory for level in case.levels}
            by_memory = {(memories[n], o): c for (n, o), c in expected.items() if memories[n] is not None}
            assert totals(analytic.count(problem, chip, mapping)) == by_memory
        compared += 1


TINY = """
net tiny
input image[4, 7, 7]
a = image -> c1: conv(6, 3, stride = 2, pad = 1) -> relu -> d1: dwconv(3, pad = 1)
          -> g1: conv(8, 3, groups = 2, pad = 2, dilation = 2) -> p1: conv(6, 1)
output a -> avgpool(global) -> fc: linear(5)
"""


@pytest.mark.parametrize("chip", ["squeezelerator", "eyeriss", "tpu_v1", "simba", "nvdla"])
def test_what_is_expected_beside_an_export_is_what_its_text_gives(chip: str, tmp_path: Path) -> None:
    """Strided, depthwise, dilated in groups, pointwise and linear, two images, on real accelerators."""
    (tmp_path / "tiny.net").write_text(TINY)
    accelerator = HERE.parent.parent / "examples" / "accelerators" / f"{chip}.accel"
    arguments = ("--to", "timeloop", "-o", tmp_path / "out", "--mapper", "greedy", "--batch", "2")
    assert main([str(a) for a in ("export", tmp_path / "tiny.net", accelerator, *arguments)]) == 0
    folders = sorted((tmp_path / "out").iterdir())
    assert [folder.name for folder in folders] == ["c1", "d1", "fc", "g1", "p1"]
    for folder in folders:
        expected = json.loads((folder / "expected.json").read_text())
        there = expected["traffic_words_there"]
        for (level, space), found in interpreter.counts((folder / "in.yaml").read_text()).items():
            said = there[level][OURS[space]]
            assert (said["reads"], said["fills"], said["updates"]) == found, (folder.name, level, space)
        if not any("other numbers of words move" in note for note in expected["notes"]):
            for memory, operands in expected["traffic_words"].items():
                for operand, counts in operands.items():
                    assert counts == {action: there[memory][operand][action] for action in counts}


SMALL = tuple(
    f"model__{run}"
    for run in ("a_glb_mac16__toy_conv3x3", "a_glb_mac16_bw__toy_conv3x3_s2", "e_rf16__toy_conv1d")
)


@pytest.mark.parametrize("name", SMALL)
def test_the_interpreter_gives_what_the_real_program_printed(name: str) -> None:
    """Words an instance, on recorded runs; our model is not asked."""
    folder = RECORDED / name
    found = interpreter.counts((folder / "in.yaml").read_text())
    printed = (folder / "timeloop-model.stats.txt").read_text().partition("\nNetworks\n")[0]
    checked = 0
    for block in printed.split("=== ")[1:]:
        level = block.split(" ===")[0]
        for space in interpreter.SPACES:
            if (level, space) not in found:
                continue
            part = block.split(f"    {space}:\n")[-1].split("    Weights:\n")[0]
            numbers = {}
            for line in part.splitlines():
                key, _, value = line.partition(":")
                numbers.setdefault(key.strip(), value.strip())
            instances = int(numbers["Utilized instances (max)"])
            each = [numbers[f"Scalar {a} (per-instance)"] for a in ("reads", "fills", "updates")]
            assert [float(n) * instances for n in each] == list(found[level, space]), (level, space)
            checked += 1
    assert checked >= 5


def test_words_of_random_layers_are_of_every_kind() -> None:
    """The sample has what it is meant to have."""
    layers = [random_layer(random.Random(seed)) for seed in range(200)]
    assert any(max(p.stride) > 1 for p in layers) and any(max(p.dilation) > 1 for p in layers)
    assert any(p.G > 1 and p.K == p.C == 1 for p in layers) and any(p.G > 1 and p.K * p.C > 1 for p in layers)
    assert any(p.N > 1 for p in layers) and any(p.Q == p.R == p.S == 1 and p.P > 4 for p in layers)
