"""A network as an ONNX model, and back: the same layers, shapes, MACs and parameters."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from dovetail.dsl.diagnostics import DovetailError
from dovetail.dsl.layer import Layer
from dovetail.dsl.loading import load_network_design, network_from_text
from dovetail.dsl.network import Network
from dovetail.dsl.onnx.exporting import export_network
from dovetail.dsl.onnx.importing import import_model

EXAMPLES = Path(__file__).parents[2] / "examples" / "networks"
WITHOUT_SHIFTS = sorted(
    path for path in EXAMPLES.glob("*.net") if not path.stem.startswith(("shift", "diracdelta"))
)
SHIFTS = sorted(path for path in EXAMPLES.glob("*.net") if path not in WITHOUT_SHIFTS)


def facts(layer: Layer) -> tuple[object, ...]:
    shapes = tuple(t.shape for t in (*layer.inputs, *layer.outputs))
    counts = (layer.macs, layer.weights, layer.bias, layer.norm, layer.operations)
    return (layer.op, shapes, counts, layer.attributes)


@pytest.mark.parametrize("path", WITHOUT_SHIFTS, ids=lambda p: p.stem)
def test_an_example_network_comes_back_layer_for_layer(path: Path) -> None:
    network = load_network_design(path).network
    back = import_model(export_network(network), name=network.name).network
    assert Counter(map(facts, back)) == Counter(map(facts, network))
    assert (back.macs, back.params, back.weights) == (network.macs, network.params, network.weights)
    assert [t.shape for t in back.inputs] == [t.shape for t in network.inputs]
    assert [t.shape for t in back.outputs] == [t.shape for t in network.outputs]


@pytest.mark.parametrize("path", SHIFTS, ids=lambda p: p.stem)
def test_shifts_have_no_operator_in_onnx_and_are_named(path: Path) -> None:
    network = load_network_design(path).network
    first = next(layer.name for layer in network if layer.op == "shift")
    with pytest.raises(DovetailError, match=r"E1508.*no operator for `shift`") as fault:
        export_network(network)
    assert f"`{first}`" in str(fault.value)


ALL = """
net everything
input image[8, 12, 12]
input ids[5]
input other[5, 16]
a = image -> c1: conv(16, 3, stride = 2, pad = [0, 1, 0, 1], norm = true) -> relu6
          -> dwconv(3, pad = same, multiplier = 2) -> leaky_relu
          -> maxpool(3, stride = 2, pad = 1, ceil = true) -> lrn(5) -> batchnorm
b = a -> shuffle(4) -> hswish -> shuffle(4, kind = "rotate") -> upsample(2, kind = "bilinear") -> hsigmoid
l, r = b -> split([12, 20])
c = concat(l -> silu, r -> tanh) -> slice(2, 30) -> sigmoid -> conv(8, [3, 1], dilation = 2, groups = 4)
output c * (c -> avgpool(global)) -> avgpool(2) -> flatten -> linear(10, bias = false, norm = true) -> softmax
t = ids -> embedding(100, 16) -> layernorm
output t + other -> linear(32, norm = true) -> gelu -> linear(16) -> batchnorm
output einsum(t -> reshape([5, 4, 4]), other -> reshape([5, 4, 4]), "qhd, khd -> hqk")
output image -> deform_conv(8, 3, pad = 1)
m = other -> reshape([10, 8])
output t -> reshape([5, 2, 8]) -> transpose([1, 0, 2]) -> matmul(m, transpose_b = true)
p = image -> avgpool(global)
output p -> linear(4) -> add(p -> conv(4, 1)) -> dropout -> identity
"""


def everything() -> Network:
    return network_from_text(ALL).network


def test_every_operator_comes_back_with_its_macs_and_parameters() -> None:
    network = everything()
    back = import_model(export_network(network), name="everything").network
    assert (back.macs, back.params) == (network.macs, network.params)
    assert [t.words for t in back.outputs] == [t.words for t in network.outputs]

    def with_macs(layers: Network) -> Counter[object]:
        return Counter((layer.loops, layer.weights) for layer in layers if layer.macs)

    assert with_macs(back) == with_macs(network)


@pytest.mark.parametrize("weights", ["zero", "random"])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_model_is_valid_and_runs_with_the_shapes_of_the_network(weights: str, batch: int) -> None:
    network = everything()
    model = export_network(network, batch=batch, weights="random" if weights == "random" else "zero")
    onnx.checker.check_model(model, full_check=True)
    # The package's own interpreter has no deformable convolution, so the layer is left out there.
    (deformed,) = (i for i, t in enumerate(network.outputs) if t.shape == (8, 12, 12))
    kept = [t for i, t in enumerate(network.outputs) if i != deformed]
    del model.graph.output[deformed]
    nodes = [n for n in model.graph.node if n.op_type != "DeformConv"]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    random = np.random.default_rng(1)
    feeds = {
        t.name: random.integers(0, 100, (batch, *t.shape))
        if t.name == "ids"
        else random.standard_normal((batch, *t.shape)).astype(np.float32)
        for t in network.inputs
    }
    made = ReferenceEvaluator(model).run(None, feeds)
    assert [m.shape for m in made] == [(batch, *t.shape) for t in kept]


def test_zero_weights_are_shapes_alone_and_random_ones_the_same_for_one_seed() -> None:
    network = load_network_design(EXAMPLES / "squeezenet_v1_1.net").network
    assert export_network(network).ByteSize() < 100_000
    a, b, c = (export_network(network, weights="random", seed=s).SerializeToString() for s in (1, 1, 2))
    assert a == b != c
    assert len(a) > 4 * network.params


def test_a_network_too_large_for_one_file_is_refused_with_the_way_out() -> None:
    network = network_from_text("net t\ninput x[50000]\noutput x -> linear(50000)").network
    with pytest.raises(DovetailError, match="E1503"):
        export_network(network, weights="random")
    assert import_model(export_network(network), name="t").network.params == network.params
