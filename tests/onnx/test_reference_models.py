"""Models as frameworks export them give the MACs and parameters of the published networks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from dovetail.dsl.network import Network
from dovetail.dsl.onnx.importing import import_model
from tests.onnx import models

REFERENCE = Path(__file__).parents[1] / "reference" / "networks"

EXPORTED: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "alexnet, PyTorch": (models.alexnet, "alexnet_torchvision"),
    "alexnet, Caffe": (models.alexnet_caffe, "alexnet_grouped"),
    "squeezenet, PyTorch": (models.squeezenet, "squeezenet_v1_0_torchvision"),
    "resnet18, PyTorch": (models.resnet18, "resnet18"),
    "mobilenet_v2, PyTorch": (models.mobilenet_v2, "mobilenet_v2"),
    "mobilenet_v2, Keras": (models.mobilenet_v2_keras, "mobilenet_v2"),
    "bert, PyTorch": (lambda: models.bert("torch"), "bert_base_encoder_s128"),
    "bert, PyTorch with fused operators": (lambda: models.bert("torch_fused"), "bert_base_encoder_s128"),
    "bert, Keras": (lambda: models.bert("keras"), "bert_base_encoder_s128"),
}


def imported(name: str) -> tuple[Network, dict[str, Any]]:
    build, reference = EXPORTED[name]
    model = build()
    dims = {"tokens": 128} if name == "bert, PyTorch" else {}
    totals = json.loads((REFERENCE / f"{reference}.json").read_text(encoding="utf-8"))["totals"]
    return import_model(model, dims, name="example").network, totals


@pytest.mark.parametrize("name", EXPORTED)
def test_totals_are_those_of_the_published_network(name: str) -> None:
    network, totals = imported(name)
    assert {
        "macs": network.macs,
        "weights": network.weights,
        "bias_params": sum(layer.bias for layer in network),
        "bn_params": sum(layer.norm for layer in network),
        "params_with_bias_and_bn": network.params,
    }.items() <= totals.items()


def test_normalisation_inside_the_weights_leaves_one_bias_a_channel() -> None:
    network = import_model(models.resnet18("folded"), name="example").network
    whole = import_model(models.resnet18(), name="example").network
    assert (network.macs, network.weights) == (whole.macs, whole.weights)
    assert [layer.bias for layer in network] == [layer.bias + layer.norm // 2 for layer in whole]
    assert sum(layer.norm for layer in network) == 0


def test_a_vision_transformer_counts_its_class_token_and_positions() -> None:
    network = import_model(models.vit(), name="vit").network
    assert network.params == 86_567_656  # torchvision, vit_b_16
    patches, tokens, f = 196, 197, 768
    layer = tokens * (4 * f * f + 8 * f * f) + 2 * tokens * tokens * f
    assert network.macs == patches * f * f + 12 * layer + f * 1000


def test_layers_keep_the_names_of_modules() -> None:
    network = import_model(models.resnet18(), name="resnet").network
    assert network["fc"].macs == 512_000
    assert network["conv1"].output.shape == (64, 112, 112)


def test_repeated_layers_of_a_transformer_are_one_block_with_the_attention_of_the_language() -> None:
    text = import_model(models.bert("torch"), {"tokens": 128}, name="bert").text
    assert "12 * encoder" in text
    assert "attention(heads = 12)" in text
    assert len(text.splitlines()) < 15


def test_fires_of_squeezenet_are_one_block_with_two_parameters() -> None:
    found = import_model(models.squeezenet(), name="squeezenet")
    assert "block fire(x, out, out2)" in found.text
    assert sum(layer.name.endswith(".squeeze") for layer in found.network) == 8


@pytest.mark.parametrize("name", EXPORTED)
def test_a_text_is_laid_out_as_the_formatter_does(name: str) -> None:
    from dovetail.dsl.formatter import format_text

    build, _ = EXPORTED[name]
    dims = {"tokens": 128} if name == "bert, PyTorch" else {}
    text = import_model(build(), dims, name="example").text
    assert format_text(text) == text
