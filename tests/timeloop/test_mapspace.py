"""What an accelerator's text leaves open is what Timeloop's mapper may choose: read from the YAML alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import dovetail as dt
from dovetail.accel.architecture import Architecture
from dovetail.accel.loading import accelerator_from_text
from dovetail.costmodel.layer_cost import LayerCost
from dovetail.costmodel.timeloop.case import DATASPACES, DIMENSIONS
from dovetail.costmodel.timeloop.prepare import Prepared, left_open, prepare
from dovetail.costmodel.timeloop.tree_v3 import mapper_tree, model_tree
from dovetail.costmodel.timeloop.tree_v4 import mapper_tree_v4
from dovetail.costmodel.yaml_text import yaml_text
from dovetail.dsl.loading import network_from_text

EXAMPLES = Path(__file__).parent.parent.parent / "examples"

CHIP = """
accel chip
clock 1 GHz
memory DRAM { bandwidth = 16 B/cycle shared; energy = 8 pJ/bit }
memory Buffer { size = 64 KiB; width = 64 bit; energy = 1 pJ/bit; holds = [inputs]; may_hold = [outputs] }
array PE[row = 8, col = 4] {
    along row, col: multicast inputs, multicast weights
    along row, col: reduce sums
    memory Register { depth = 16; width = 16 bit; energy = 0.1 pJ/bit; may_hold = [weights, sums] }
    mac { rate = 1/cycle }
}
"""
LAYER = """
net one
input image[16, 12, 12]
output image -> conv1: conv(32, 3)
"""


def layers_of(accelerator: str, network: str = LAYER) -> tuple[dt.Evaluation, tuple[LayerCost, ...]]:
    evaluation = dt.evaluate(
        network_from_text(network, "one.net"),
        accelerator_from_text(accelerator, "chip.accel"),
        mapper="greedy",
    )
    return evaluation, tuple(layer for layer in evaluation.cost.layers if layer.chosen is not None)


def constraints(accelerator: str, dataflow: str | None = None) -> dict[tuple[str, str], Any]:
    """By target and type, from the YAML."""
    evaluation, (layer,) = layers_of(accelerator)
    cost = evaluation.cost
    given = left_open(
        prepare(layer, cost.architecture, cost.prices), cost.architecture, cost.prices, dataflow
    )
    tree = yaml.safe_load(yaml_text(mapper_tree(given)))
    return {(c["target"], c["type"]): c for c in tree["mapspace_constraints"]}


def test_what_a_text_always_holds_is_kept_and_what_it_may_hold_is_left_to_the_mapper() -> None:
    found = constraints(CHIP)
    assert found["DRAM", "bypass"]["keep"] == ["Weights", "Inputs", "Outputs"]
    assert (found["Buffer", "bypass"]["keep"], found["Buffer", "bypass"]["bypass"]) == (
        ["Inputs"],
        ["Weights"],
    )
    assert (found["Register", "bypass"]["keep"], found["Register", "bypass"]["bypass"]) == ([], ["Inputs"])


def test_without_a_dataflow_loops_are_free() -> None:
    found = constraints(CHIP)
    assert set(found["Buffer", "spatial"]) == {"target", "type", "no_link_transfer"}
    assert not [key for key in found if key[1] == "temporal"]


def test_rows_are_behind_the_split_columns_before_it_and_the_rest_is_1() -> None:
    found = constraints(CHIP + "dataflow d { PE.row in [C, R]; PE.col = K }")["Buffer", "spatial"]
    assert found["permutation"][:3] == "MCR" and sorted(found["permutation"]) == sorted("GNMCPQRS")
    assert found["split"] == 1
    assert found["factors"].split() == ["P=1", "Q=1", "S=1"]


def test_stationary_weights_are_kept_and_nothing_that_moves_them_is_walked_inside() -> None:
    found = constraints(CHIP + "dataflow d { stationary weights at Register }")
    assert found["Register", "bypass"]["keep"] == ["Weights"]
    assert found["Register", "temporal"]["factors"].split() == ["G=1", "M=1", "C=1", "R=1", "S=1"]
    assert ("Buffer", "temporal") not in found


def test_stationary_sums_are_outputs() -> None:
    found = constraints(CHIP + "dataflow d { stationary sums at Register }")
    assert found["Register", "bypass"]["keep"] == ["Outputs"]
    assert found["Register", "temporal"]["factors"].split() == ["G=1", "N=1", "M=1", "P=1", "Q=1"]


def test_only_these_loops_inside_means_no_others_there_and_further_in() -> None:
    found = constraints(CHIP + "dataflow d { Buffer for [P, Q, K] }")
    said = ["G=1", "N=1", "C=1", "R=1", "S=1"]
    assert found["Buffer", "temporal"]["factors"].split() == said
    assert found["Register", "temporal"]["factors"].split() == said


def test_an_order_is_the_innermost_loops_from_the_innermost_outward() -> None:
    found = constraints(CHIP + "dataflow d { order in Buffer = K, C, S }")
    assert found["Buffer", "temporal"]["permutation"] == "SCM"


def test_a_line_of_pes_is_along_x_alone() -> None:
    line = CHIP.replace("PE[row = 8, col = 4]", "PE[col = 32]").replace("row, col", "col")
    found = constraints(line + "dataflow d { PE.col in [C, K] }")["Buffer", "spatial"]
    assert found["permutation"][:2] == "MC" and found["split"] == 2


def test_flat_dimensions_are_one_dimension_of_the_problem() -> None:
    evaluation, (layer,) = layers_of(CHIP + "dataflow d { PE.row = flat(C, R, S); PE.col = K }")
    cost = evaluation.cost
    given = left_open(prepare(layer, cost.architecture, cost.prices), cost.architecture, cost.prices)
    instance = yaml.safe_load(yaml_text(mapper_tree(given)))["problem"]["instance"]
    assert (instance["C"], instance["R"], instance["S"]) == (16 * 9, 1, 1)
    assert instance["M"] * instance["C"] * instance["P"] * instance["Q"] == layer.macs


def test_a_dimension_that_may_go_both_ways_takes_one_and_a_note_says_so() -> None:
    evaluation, (layer,) = layers_of(CHIP + "dataflow d { PE.row in [C, K]; PE.col = K }")
    cost = evaluation.cost
    given = left_open(prepare(layer, cost.architecture, cost.prices), cost.architecture, cost.prices)
    (freedom,) = [f for f in given.freedoms if f.along_x or f.along_y]
    assert ("K" in freedom.along_x) != ("K" in freedom.along_y)
    assert any("K may be spread along both axes" in note for note in given.notes)


@pytest.mark.parametrize(
    ("chip", "net"),
    [
        ("squeezelerator", "squeezenet_v1_0"),
        ("squeezelerator", "mobilenet_v2"),
        ("tpu_v1", "mobilenet_v2"),
        ("eyeriss", "squeezenet_v1_0"),
        ("gemmini", "mobilenet_v2"),
    ],
)
def test_the_mapping_that_was_found_is_one_that_the_constraints_allow(chip: str, net: str) -> None:
    """For every dataflow of the text, perfect factors, from the two files as written."""
    network = dt.load_network(EXAMPLES / "networks" / f"{net}.net")
    evaluation = dt.evaluate(
        network, dt.load_accelerator(EXAMPLES / "accelerators" / f"{chip}.accel"), mapper="greedy"
    )
    cost = evaluation.cost
    seen, checked = set(), 0
    for layer in cost.layers:
        for trial in layer.trials:
            if (layer.problem, trial.dataflow) in seen or len(seen) == 16:
                continue
            seen.add((layer.problem, trial.dataflow))
            prepared = prepare(replace(layer, chosen=trial), cost.architecture, cost.prices, perfect=True)
            checked += allowed(prepared, cost.architecture, cost.prices)
    assert checked >= 8


def allowed(prepared: Prepared, architecture: Architecture, prices: Any) -> bool:
    """Whether the mapping was held against the constraints; not where it has levels of its own."""
    case = prepared.case
    given = left_open(prepared, architecture, prices)
    if not {level.name for level in case.levels} <= {level.name for level in given.case.levels}:
        return False
    fans = {level.name: given.case.fanout(at) for at, level in enumerate(given.case.levels)}
    if any(case.fanout(at) != fans[level.name] for at, level in enumerate(case.levels)):
        return False
    said = yaml.safe_load(yaml_text(mapper_tree(given)))
    asked = {(c["target"], c["type"]): c for c in said["mapspace_constraints"]}
    mapping = yaml.safe_load(yaml_text(model_tree(case)))["mapping"]
    for directive in mapping:
        target, kind = directive["target"], directive["type"]
        constraint = asked.get((target, kind), {})
        if kind == "bypass":
            assert set(constraint["keep"]) <= set(directive["keep"]), (prepared.case.name, target)
            assert not set(constraint["bypass"]) & set(directive["keep"]), (prepared.case.name, target)
            continue
        loops = {d: n for d, n in factors(directive["factors"]).items() if n > 1}
        for d, n in factors(constraint.get("factors", "")).items():
            assert loops.get(d, 1) == n, (prepared.case.name, target, kind, loops)
        if kind == "spatial" and "split" in constraint:
            ours = set(directive["permutation"][: directive["split"]]) & set(loops)
            theirs = set(constraint["permutation"][: constraint["split"]])
            assert ours <= theirs and not (set(loops) - ours) & theirs, (prepared.case.name, target)
        if kind == "temporal" and "permutation" in constraint:
            inner = [d for d in directive["permutation"] if d in loops]
            demanded = [d for d in constraint["permutation"] if d in loops]
            assert inner[: len(demanded)] == demanded
    # A memory in which the mapping holds nothing is a level of the mapper's all the same.
    missing = {level.name for level in given.case.levels} - {level.name for level in case.levels}
    assert all(asked[name, "bypass"]["keep"] == [] for name in missing)
    return True


def factors(text: str) -> dict[str, int]:
    return {d: int(n) for d, n in re.findall(r"([A-Z])=(\d+)", text)}


def test_both_dialects_say_the_same() -> None:
    rules = (
        "dataflow d { PE.row in [C, R]; PE.col = K; stationary weights at Register; order in Buffer = K, C }"
    )
    evaluation, (layer,) = layers_of(CHIP + rules)
    cost = evaluation.cost
    given = left_open(prepare(layer, cost.architecture, cost.prices), cost.architecture, cost.prices)
    old = yaml.safe_load(yaml_text(mapper_tree(given)))["mapspace_constraints"]
    loader: Any = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", lambda load, tag, node: load.construct_mapping(node, deep=True))
    new = yaml.load(yaml_text(mapper_tree_v4(given)), Loader=loader)
    nodes = {node["name"]: node for node in new["architecture"]["nodes"]}
    assert nodes["Buffer_fanout"]["spatial"] == {"meshX": 4, "meshY": 8}
    said = {}
    for target in new["constraints"]["targets"]:
        assert target["target"] in nodes
        kind = {"dataspace": "bypass"}.get(target["type"], target["type"])
        name = target["target"].removesuffix("_fanout")
        assert (kind == "spatial") == ("spatial" in nodes[target["target"]])
        said[name, kind] = target
    for constraint in old:
        other = said.pop((constraint["target"], constraint["type"]))
        for key in set(constraint) - {"target", "type"}:
            value = constraint[key]
            if key == "factors":
                value = value.split()
            if key == "permutation":
                value = list(value)
            assert other[key] == value
    assert said == {}


def test_names_of_dimensions_and_data_spaces_are_those_of_the_shape() -> None:
    assert "".join(DIMENSIONS.values()) == "GNMCPQRS"
    assert list(DATASPACES.values()) == ["Weights", "Inputs", "Outputs"]


def test_a_memory_larger_than_timeloop_can_say_is_as_large_as_it_can_say() -> None:
    large = CHIP.replace("size = 64 KiB", "size = 16 GiB")
    evaluation, (layer,) = layers_of(large)
    cost = evaluation.cost
    case = prepare(layer, cost.architecture, cost.prices).case
    buffer = next(level for level in case.levels if level.name == "Buffer")
    assert buffer.entries == 2**32 - 1


def test_a_memory_called_wire_does_not_price_the_networks() -> None:
    evaluation, (layer,) = layers_of(CHIP.replace("memory Buffer", "memory Wire"))
    cost = evaluation.cost
    tree = yaml.safe_load(yaml_text(model_tree(prepare(layer, cost.architecture, cost.prices).case)))
    names = [table["name"] for table in tree["ERT"]["tables"]]
    assert "Wire_memory" in names and "Wire" not in names
    assert names == [node["name"] for node in tree["architecture"]["subtree"][0]["local"]]
