"""accelforge: what it said of a mapping that we wrote for it, and the form of what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import dovetail as dt
from dovetail.accel.architecture import Architecture
from dovetail.accel.loading import accelerator_from_text
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.costmodel.accelforge import SEPARATOR, read_result, specification, tensor_bits
from dovetail.costmodel.components import price
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.price_table import energy_table
from dovetail.costmodel.yaml_text import yaml_text
from dovetail.dsl.loading import network_from_text
from dovetail.dsl.problem import Bits, Problem

RECORDED = Path(__file__).parent.parent / "reference" / "other_tools" / "accelforge"
PROBLEM = Problem(K=8, C=4, P=6, Q=6, R=3, S=3, bits=Bits(8, 8, 8, 8))
MAPPING = Mapping(
    (
        Holds("DRAM", ("weights", "inputs", "outputs")),
        For("K", 8, 4),
        Holds("GLB", ("inputs", "outputs")),
        For("R", 3, 1),
        For("S", 3, 1),
        Spatial("C", 4, "PE", "row", 1),
        Spatial("K", 4, "PE", "col", 1),
        Holds("WReg", ("weights",)),
        For("P", 6, 1),
        For("Q", 6, 1),
    )
)
TABLE = EnergyTable(
    {
        "DRAM": MemoryPrice(8, 8, 8),
        "GLB": MemoryPrice(0.5, 0.5, 0.5),
        "WReg": MemoryPrice(0.0125, 0.0125, 0.0125),
    },
    1.0,
)


def chip() -> Architecture:
    return accelerator_from_text((RECORDED / "ws.accel").read_text()).architecture


def tree() -> Any:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor(
        "!", lambda loader, tag, node: {"tag": tag} | loader.construct_mapping(node, deep=True)
    )
    cost = evaluate_mapping(PROBLEM, chip(), MAPPING, TABLE)
    widths = tensor_bits(PROBLEM, cost)
    return yaml.load(
        yaml_text(specification("conv.1", PROBLEM, chip(), TABLE, MAPPING, widths)), Loader=Loader
    )


def test_its_counts_cycles_and_energy_are_ours() -> None:
    cost = evaluate_mapping(PROBLEM, chip(), MAPPING, TABLE)
    found = read_result(json.loads((RECORDED / "ws_conv.json").read_text()))
    for holder in cost.counts.holders:
        place = (holder.memory, holder.operand)
        assert found.reads_bits[place] == 8 * holder.reads
        assert found.writes_bits[place] == 8 * (holder.fills + holder.updates)
    assert found.cycles == cost.cycles
    assert found.energy_pj == pytest.approx(cost.energy_pj, rel=1e-6)  # single precision there


def test_a_result_without_totals_is_refused() -> None:
    row = json.loads((RECORDED / "ws_conv.json").read_text())
    with pytest.raises(ValueError, match="latency"):
        read_result({k: v for k, v in row.items() if k != f"Total{SEPARATOR}latency"})


def test_the_einsum_has_strides_in_its_projection() -> None:
    problem = Problem(P=4, R=3, stride=(2, 1), dilation=(3, 1), bits=Bits(4, 8, 16, 32))
    made = specification("a", problem, chip(), TABLE, None, {"inputs": 8, "weights": 4, "outputs": 16})
    (einsum,) = made["workload"]["einsums"]
    assert einsum["tensor_accesses"][0]["projection"]["H"] == "p * 2 + r * 3"
    assert "0 <= r < 3" in einsum["iteration_space_shape"]
    assert made["workload"]["bits_per_value"] == {"I": 8, "W": 4, "O": 16}
    assert "mapping" not in made


def test_memories_arrays_and_macs_are_in_order() -> None:
    nodes = tree()["arch"]["nodes"]
    assert [(n["tag"], n["name"]) for n in nodes] == [
        ("Memory", "DRAM"),
        ("Memory", "GLB"),
        ("Container", "PE"),
        ("Memory", "WReg"),
        ("Compute", "MAC"),
    ]
    assert nodes[1]["size"] == 100_000
    assert nodes[2]["spatial"] == [
        {"name": "row", "fanout": 4, "may_reuse": "output"},
        {"name": "col", "fanout": 4, "may_reuse": "input"},
    ]
    assert nodes[3]["tensors"] == {"keep": "weight"}


def test_a_tensor_is_held_outside_the_loops_that_do_not_move_it() -> None:
    """The inputs' place in the GLB is outside the loop over output channels, the outputs' inside."""
    nodes = tree()["mapping"]["nodes"]
    names = [(n["tag"], *(n.get("tensors") or [n.get("rank_variable", "")])) for n in nodes]
    assert names.index(("Storage", "I")) < names.index(("Temporal", "k"))
    glb = [n for n in nodes if n.get("component") == "GLB"]
    assert [n["tensors"] for n in glb] == [["I"], ["O"]]
    assert nodes.index(glb[0]) < names.index(("Temporal", "k")) < nodes.index(glb[1])
    assert nodes[-1] == {"tag": "Compute", "einsum": "conv_1", "component": "MAC"}


def test_its_mapper_finds_our_optimum_under_the_dataflow_that_was_exported() -> None:
    """The recorded specification is what we write; what its mapper made of it is the best that ours finds,
    once results that leave the buffer are read there as in its model."""
    text = (RECORDED / "free.accel").read_text()
    network = network_from_text((RECORDED / "free.net").read_text()).network
    architecture = accelerator_from_text(text).architecture
    (layer,) = dt.evaluate(network, architecture, mapper="greedy").layers
    assert layer.problem is not None and layer.chosen is not None
    table = energy_table(price(architecture), layer.problem.bits)
    widths = tensor_bits(layer.problem, layer.chosen.cost)
    tree = specification("conv1", layer.problem, architecture, table, None, widths, architecture.dataflows[0])
    assert yaml_text(tree) == (RECORDED / "free.yaml").read_text()
    said = json.loads((RECORDED / "free.json").read_text())
    drained = accelerator_from_text(
        text.replace("holds = [inputs, outputs]", "holds = [inputs, outputs]; drain_reads = true")
    )
    best = dt.map_layer(network["conv1"], drained.architecture, cached=False)
    assert best.proved
    assert best.cycles == said["cycles"]
    # It knows no leakage, and counts in single precision.
    assert best.cost.energy_pj == pytest.approx(said["energy_pj"], rel=1e-6)
    free = specification("conv1", layer.problem, architecture, table, None, widths)
    assert yaml_text(free) != yaml_text(tree)
