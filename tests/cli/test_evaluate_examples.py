"""SqueezeNet v1.0 on the Squeezelerator: what its paper says of the two dataflows shows in the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

import dovetail as dt

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


@pytest.fixture(scope="module")
def result() -> dt.Evaluation:
    net = dt.load_network(EXAMPLES / "networks" / "squeezenet_v1_0.net")
    return dt.evaluate(net, dt.load_accelerator(EXAMPLES / "accelerators" / "squeezelerator.accel"))


def test_all_work_is_done(result: dt.Evaluation) -> None:
    assert result.total.macs == 861_339_936
    assert len([layer for layer in result.layers if layer.macs]) == 26
    assert len([layer for layer in result.layers if not layer.macs]) == 4
    assert len(result.cost.free) + len(result.layers) == len(result.cost.network)


def test_the_first_layer_is_output_stationary_and_most_others_weight_stationary(
    result: dt.Evaluation,
) -> None:
    """Three input channels cannot fill an array that spreads them along its rows."""
    assert result["conv1"].dataflow == "output_stationary"
    flows = [layer.dataflow for layer in result.layers if layer.dataflow is not None]
    assert flows.count("weight_stationary") > len(flows) / 2


def test_choosing_layer_by_layer_beats_either_dataflow(result: dt.Evaluation) -> None:
    for single in result.cost.single:
        assert single.missing == ()
        assert result.cost.objective.of(single.cycles / 500e6, single.energy_pj) > 1.1 * result.cost.value


def test_every_layer_is_within_what_the_chip_can_do(result: dt.Evaluation) -> None:
    for layer in result.layers:
        assert layer.macs <= layer.cycles * 32 * 32
        assert layer.cycles >= layer.bound.cycles
        assert layer.energy_pj >= layer.bound.energy_pj * (1 - 1e-12)
        if layer.problem is not None:
            weights = layer.traffic_words["DRAM"]["weights"]["reads"]
            assert weights >= layer.layer.weights
