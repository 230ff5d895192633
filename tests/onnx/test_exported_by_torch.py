"""Models written by PyTorch's own exporters: totals as published, and what parameters PyTorch counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dovetail.dsl.network import Network
from dovetail.dsl.onnx.importing import import_file

EXPORTED = Path(__file__).parent / "exported"
REFERENCE = Path(__file__).parents[1] / "reference" / "networks"

TOTALS = {
    "alexnet": "alexnet_torchvision",
    "squeezenet1_0": "squeezenet_v1_0_torchvision",
    "mobilenet_v2": "mobilenet_v2",
    "resnet18": "resnet18",
}
PARAMETERS = {  # sum(p.numel() for p in model.parameters())
    "alexnet": 61_100_840,
    "squeezenet1_0": 1_248_424,
    "mobilenet_v2": 3_504_872,
    "resnet18": 11_689_512,
    "encoder": 14_175_744,
    "torch_encoder": 14_175_744,
}
NORMALISED = {"mobilenet_v2": 17_056, "resnet18": 4_800}
"""Channels with batch normalisation: folded into the weights, a bias stays of its two parameters."""
ENCODER_MACS = 2 * (4 * 128 * 768 * 768 + 2 * 12 * 128 * 128 * 64 + 2 * 128 * 768 * 3072)

MODELS = sorted(path.stem for path in EXPORTED.glob("*.onnx"))


@pytest.mark.parametrize("name", MODELS)
def test_totals_are_those_of_the_model_that_was_exported(name: str) -> None:
    model, _, exporter = name.partition(".")
    found = import_file(EXPORTED / f"{name}.onnx")
    folded = exporter in ("old", "new")  # both fold batch normalisation in inference
    assert found.network.params == PARAMETERS[model] - (NORMALISED.get(model, 0) if folded else 0)
    if model in TOTALS:
        totals = json.loads((REFERENCE / f"{TOTALS[model]}.json").read_text())["totals"]
        assert found.network.macs == totals["macs"]
        assert found.network.weights == totals["weights"]
    else:
        assert found.network.macs == ENCODER_MACS


@pytest.mark.parametrize("model", PARAMETERS)
def test_the_exporters_make_the_same_layers(model: str) -> None:
    """Names and what is folded differ; operators, shapes and MACs do not."""
    found = [import_file(path).network for path in sorted(EXPORTED.glob(f"{model}.*.onnx"))]

    def layers(network: Network) -> list[tuple[int, int]]:
        return sorted((layer.macs, layer.weights) for layer in network if layer.macs)

    assert all(layers(network) == layers(found[0]) for network in found)


@pytest.mark.parametrize("name", ["encoder.old", "torch_encoder.newraw"])
def test_an_encoder_that_repeats_is_a_block_with_attention(name: str) -> None:
    text = import_file(EXPORTED / f"{name}.onnx").text
    assert text.count("attention(") + text.count("matmul(") <= 2
    assert "2 * " in text


def test_a_bias_of_zeros_made_on_the_spot_is_none() -> None:
    """Without its optimiser PyTorch's new exporter writes one for every convolution without a bias."""
    network = import_file(EXPORTED / "mobilenet_v2.newraw.onnx").network
    assert sum(layer.bias for layer in network) == 1000  # the classifier's
    assert sum(layer.norm for layer in network) == 2 * 17_056


def test_nothing_but_the_model_is_there_to_be_read() -> None:
    assert not [path for path in EXPORTED.iterdir() if path.suffix not in (".onnx", ".md")]
