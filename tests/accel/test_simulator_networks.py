"""Layers of published networks under the mappings that the cost model chooses, simulated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dovetail as dt
from dovetail.accel.simulator import convolution, random_data, simulate
from dovetail.costmodel.layer_cost import LayerCost

NETWORK = "examples/networks/squeezenet_v1_1.net"
MACHINES = ("squeezelerator", "tpu_v1", "gemmini")


def chosen(root: Path, machine: str) -> tuple[dt.Network, dt.Architecture, tuple[LayerCost, ...]]:
    network, accelerator = (
        dt.load_network(root / NETWORK),
        dt.load_accelerator(root / f"examples/accelerators/{machine}.accel"),
    )
    layers = dt.evaluate(network, accelerator).layers
    mapped = tuple(layer for layer in layers if layer.mapping is not None)
    return network.at(accelerator.architecture.bits), accelerator.architecture, mapped


@pytest.mark.parametrize("machine", MACHINES)
def test_what_the_model_expects_is_what_is_simulated(root: Path, machine: str) -> None:
    network, architecture, costs = chosen(root, machine)
    equal = 0
    for cost in costs:
        run = simulate(network[cost.name], architecture, cost.dataflow, cost.mapping, numbers=False)
        assert cost.chosen is not None
        counts = {
            (h.memory, h.operand): (h.reads, h.fills, h.updates) for h in cost.chosen.cost.counts.holders
        }
        assert {(a.memory, a.operand): (a.reads, a.fills, a.updates) for a in run.counts} == counts, cost.name
        # tiles of different size: the model averages over them
        assert run.cycles == pytest.approx(cost.cycles, rel=0.01), cost.name
        equal += run.cycles == cost.cycles
    assert equal >= 0.8 * len(costs)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_chosen_mapping_computes_the_layer(root: Path, machine: str) -> None:
    network, architecture, costs = chosen(root, machine)
    for cost in costs:
        if cost.name in ("fire4.expand1x1", "fire6.squeeze1x1", "fire8.expand3x3"):
            problem = network[cost.name].loops
            assert problem is not None
            data = random_data(problem, 5)
            run = simulate(network[cost.name], architecture, cost.dataflow, cost.mapping, data)
            assert run.output is not None
            assert np.array_equal(run.output, convolution(problem, data))
