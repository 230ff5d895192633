"""What exporters write as many nodes, or in other opsets in another way, is one layer here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dovetail.dsl.diagnostics import DovetailError
from dovetail.dsl.network import Network
from dovetail.dsl.onnx.importing import Imported, import_model
from tests.onnx.building import Building


def found(g: Building, *outputs: str) -> Imported:
    return import_model(g.model(*outputs), name="m")


def ops(g: Building, *outputs: str) -> list[str]:
    return [layer.op for layer in found(g, *outputs).network]


def image(opset: int = 17, channels: int = 8) -> tuple[Building, str]:
    g = Building(opset)
    return g, g.input("x", ["N", channels, 16, 16])


def tokens(opset: int = 17) -> tuple[Building, str]:
    g = Building(opset)
    return g, g.input("x", [1, 10, 32])


# --------------------------------------------------------------------------------------- activations


def silu(g: Building, x: str) -> str:
    return str(g.op("Mul", x, g.op("Sigmoid", x)))


def hswish(g: Building, x: str) -> str:
    clipped = g.op("Clip", g.op("Add", x, g.constant(3.0)), g.constant(0.0), g.constant(6.0))
    return str(g.op("Div", g.op("Mul", x, clipped), g.constant(6.0)))


def hswish_by_sigmoid(g: Building, x: str) -> str:
    return str(g.op("Mul", x, g.op("HardSigmoid", x, alpha=1 / 6)))


def gelu(g: Building, x: str) -> str:
    e = g.op("Add", g.op("Erf", g.op("Mul", x, g.constant(0.70710677))), g.constant(1.0))
    return str(g.op("Mul", g.op("Mul", g.constant(0.5), x), e))


def gelu_halved_inside(g: Building, x: str) -> str:
    e = g.op(
        "Mul",
        g.op("Add", g.op("Erf", g.op("Div", x, g.constant(1.4142135))), g.constant(1.0)),
        g.constant(0.5),
    )
    return str(g.op("Mul", x, e))


def gelu_by_tanh(g: Building, x: str) -> str:
    cube = g.op("Mul", g.op("Mul", x, x), x)
    inner = g.op("Mul", g.op("Add", x, g.op("Mul", cube, g.constant(0.044715))), g.constant(0.79788456))
    return str(
        g.op("Mul", g.op("Mul", x, g.constant(0.5)), g.op("Add", g.op("Tanh", inner), g.constant(1.0)))
    )


def softmax(g: Building, x: str) -> str:
    e = g.op("Exp", g.op("Sub", x, g.op("ReduceMax", x, axes=[-1])))
    return str(g.op("Div", e, g.op("ReduceSum", e, g.numbers([-1]))))


@pytest.mark.parametrize(
    ("write", "op"),
    [
        (silu, "silu"),
        (hswish, "hswish"),
        (hswish_by_sigmoid, "hswish"),
        (gelu, "gelu"),
        (gelu_halved_inside, "gelu"),
        (gelu_by_tanh, "gelu"),
        (softmax, "softmax"),
    ],
    ids=lambda p: getattr(p, "__name__", p),
)
def test_an_activation_in_small_nodes_is_one_layer(write: Callable[[Building, str], str], op: str) -> None:
    g, x = tokens()
    assert ops(g, write(g, g.dense(x, "a", 32, 32))) == ["linear", op]


def test_a_product_with_a_sigmoid_of_something_else_is_no_silu() -> None:
    g, x = tokens()
    a, b = g.dense(x, "a", 32, 32), g.dense(x, "b", 32, 32)
    assert sorted(ops(g, g.op("Mul", a, g.op("Sigmoid", b)))) == ["linear", "linear", "mul", "sigmoid"]


def test_what_is_read_on_the_way_stays_as_it_is() -> None:
    g, x = tokens()
    a = g.dense(x, "a", 32, 32)
    s = g.op("Sigmoid", a)
    assert sorted(ops(g, g.op("Mul", a, s), s)) == ["linear", "mul", "sigmoid"]


@pytest.mark.parametrize(
    ("low", "high", "op"),
    [(0.0, 6.0, "relu6"), (0.0, None, "relu"), (-1.0, 1.0, "relu6"), (0.0, 3.4e38, "relu")],
)
@pytest.mark.parametrize("opset", [6, 11, 13])
def test_clip_is_an_activation_in_every_opset(low: float, high: float | None, op: str, opset: int) -> None:
    g, x = image(opset)
    if opset < 11:
        limits = {"min": low} | ({} if high is None else {"max": high})
        y = g.op("Clip", x, **limits)
    else:
        y = g.op("Clip", x, g.constant(low), *([] if high is None else [g.numbers(high, np.float32)]))
    assert ops(g, y) == [op]


# ------------------------------------------------------------------------------------ normalisations


@pytest.mark.parametrize("root", ["Sqrt", "Pow"])
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("times", [1, 2])
def test_layer_normalisation_in_small_nodes_is_one_layer(root: str, scaled: bool, times: int) -> None:
    g, x = tokens()
    for _ in range(times):
        x = normalised(g, x, root, scaled)
    assert ops(g, x) == ["layernorm"] * times


def normalised(g: Building, x: str, root: str, scaled: bool) -> str:
    d = g.op("Sub", x, g.op("ReduceMean", x, axes=[-1]))
    v = g.op("Add", g.op("ReduceMean", g.op("Mul", d, d), axes=[-1]), g.constant(1e-5))
    y = g.op("Div", d, g.op("Sqrt", v) if root == "Sqrt" else g.op("Pow", v, g.constant(0.5)))
    if scaled:
        y = g.op(
            "Add", g.op("Mul", y, g.weight(f"norm{g.count}.weight", 32)), g.weight(f"norm{g.count}.bias", 32)
        )
    return str(y)


def test_two_normalisations_one_after_the_other_are_two() -> None:
    g, x = tokens()
    for name in ("a", "b"):
        x = g.op("LayerNormalization", x, g.weight(f"{name}.weight", 32), axis=-1)
    assert ops(g, x) == ["layernorm", "layernorm"]


def test_a_scale_and_a_shift_after_a_convolution_are_its_normalisation() -> None:
    g, x = image()
    y = g.conv(x, "conv", 8, 4, 3, bias=False)
    y = g.op("Add", g.op("Mul", y, g.weight("scale", 1, 4, 1, 1)), g.weight("shift", 1, 4, 1, 1))
    (layer,) = found(g, y).network
    assert (layer.op, layer.bias, layer.norm) == ("conv", 0, 8)


def test_an_offset_after_a_convolution_is_its_bias() -> None:
    g, x = image()
    y = g.op("Add", g.conv(x, "conv", 8, 4, 3, bias=False), g.weight("bias", 4, 1, 1))
    (layer,) = found(g, y).network
    assert (layer.bias, layer.norm) == (4, 0)


def test_a_normalisation_of_what_others_read_too_is_not_folded() -> None:
    g, x = image()
    y = g.conv(x, "conv", 8, 8, 3, pad=1)
    stored = [g.weight(f"bn.{p}", 8) for p in ("weight", "bias", "mean", "var")]
    z = g.op("Add", g.op("BatchNormalization", y, *stored), y)
    assert sorted(ops(g, z)) == ["add", "batchnorm", "conv"]


# ------------------------------------------------------------------------------------------ windows


def window(network: Network) -> tuple[object, ...]:
    facts = dict(network.layers[0].attributes)
    return facts["padding"], network.outputs[0].shape


@pytest.mark.parametrize("kind", ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (2, 1), (5, 3)])
def test_automatic_padding_is_that_of_the_onnx_package(kind: str, kernel: int, stride: int) -> None:
    g, x = image()
    w = g.weight("w", 4, 8, kernel, kernel)
    y = g.op("Conv", x, w, auto_pad=kind, strides=[stride] * 2, kernel_shape=[kernel] * 2)
    model = g.model(y)
    inferred = onnx.shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim
    padding, shape = window(import_model(model, name="m").network)
    assert shape == tuple(d.dim_value for d in inferred)[1:]
    if kind == "SAME_LOWER" and kernel == 2:
        assert padding == (1, 0, 1, 0)


def test_a_padding_of_its_own_goes_into_every_convolution_that_reads_it() -> None:
    g, x = image(13)
    p = g.op("Pad", x, g.numbers([0, 0, 0, 0, 0, 0, 1, 1]))
    a, b = g.conv(p, "a", 8, 4, 3, stride=2), g.conv(p, "b", 8, 4, 3, stride=2, pad=1)
    network = found(g, g.op("Relu", a), b).network
    assert sorted(layer.op for layer in network) == ["conv", "conv", "relu"]
    assert [dict(layer.attributes)["padding"] for layer in network if layer.macs] == [
        (0, 1, 0, 1),
        (1, 2, 1, 2),
    ]


def test_padding_that_nothing_takes_over_is_said() -> None:
    g, x = image(13)
    with pytest.raises(DovetailError, match=r"E1507.*padded"):
        found(g, g.op("Relu", g.op("Pad", x, g.numbers([0, 0, 1, 1, 0, 0, 1, 1]))))


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("size", [13, 14, 15])
def test_pools_that_round_up_have_as_many_places_as_in_pytorch(op: str, size: int) -> None:
    g = Building()
    x = g.input("x", [1, 4, size, size])
    y = g.op(op, x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    places = -(-(size + 2 - 3) // 2) + 1
    places -= (places - 1) * 2 >= size + 1
    assert found(g, y).network.outputs[0].shape == (4, places, places)


def test_a_convolution_with_a_group_for_each_channel_is_depthwise() -> None:
    g, x = image()
    network = found(g, g.conv(x, "dw", 8, 16, 3, pad=1, groups=8)).network
    assert [layer.layer_class for layer in network] == ["depthwise"]
    assert network.outputs[0].shape == (16, 16, 16)


def test_a_signal_of_one_row_is_an_image() -> None:
    g = Building()
    y = g.op("Conv", g.input("x", [1, 4, 100]), g.weight("w", 8, 4, 5), strides=[2], pads=[2, 2])
    assert found(g, y).network.outputs[0].shape == (8, 1, 50)


def test_channels_last_inside_costs_what_channels_first_does() -> None:
    g = Building(13)
    x = g.input("x", [1, 16, 16, 3])
    y = g.op("Transpose", g.conv(g.op("Transpose", x, perm=[0, 3, 1, 2]), "a", 3, 8, 3), perm=[0, 2, 3, 1])
    y = g.conv(g.op("Transpose", g.op("Relu", y), perm=[0, 3, 1, 2]), "b", 8, 8, 3)
    network = found(g, y).network
    assert network.inputs[0].shape == (3, 16, 16)
    assert network.macs == (3 * 14 * 14 + 8 * 12 * 12) * 8 * 9


# ------------------------------------------------------------------------------------------ products


def test_a_gemm_of_two_activations_is_a_product() -> None:
    g = Building()
    a, b = g.input("a", [5, 7]), g.input("b", [9, 7])
    (layer,) = found(g, g.op("Gemm", a, b, transB=1)).network
    assert (layer.op, layer.macs, layer.params) == ("matmul", 5 * 7 * 9, 0)


def test_heads_multiply_with_the_second_one_turned_where_it_was_turned_for_it() -> None:
    g, x = tokens()
    q, k = (g.op("Reshape", g.dense(x, n, 32, 32), g.numbers([1, 10, 4, 8])) for n in "qk")
    q, k = g.op("Transpose", q, perm=[0, 2, 1, 3]), g.op("Transpose", k, perm=[0, 2, 3, 1])
    network = found(g, g.op("MatMul", q, k)).network
    assert dict(network.layers[-1].attributes)["transpose_b"] is True
    assert network.outputs[0].shape == (4, 10, 10)


def test_an_einsum_loses_its_batch() -> None:
    g = Building()
    a, b = g.input("a", [1, 10, 4, 8]), g.input("b", [1, 12, 4, 8])
    (layer,) = found(g, g.op("Einsum", a, b, equation="bqhd,bkhd->bhqk")).network
    assert (layer.macs, layer.output.shape) == (4 * 10 * 12 * 8, (4, 10, 12))


def test_attention_as_one_operator_is_its_products() -> None:
    g = Building(23)
    q, k, v = (g.input(n, [1, 10, 32]) for n in "qkv")
    network = found(g, g.op("Attention", q, k, v, q_num_heads=4, kv_num_heads=4)).network
    assert network.macs == 2 * 10 * 10 * 32
    assert network.outputs[0].words == 10 * 32


def test_quantised_layers_count_as_what_they_stand_for() -> None:
    g, x = image()
    s, z = g.numbers(0.1, np.float32), g.numbers(0, np.int8)
    x = g.op("DequantizeLinear", g.op("QuantizeLinear", x, s, z), s, z)
    w = g.op("DequantizeLinear", g.weight("w", 4, 8, 3, 3), s, z)
    (layer,) = found(g, g.op("Conv", x, w)).network
    assert (layer.op, layer.weights) == ("conv", 4 * 8 * 9)


# ---------------------------------------------------------------------------------------- movements


def test_channels_dealt_out_by_reshapes_are_a_shuffle() -> None:
    g, x = image()
    y = g.op("Reshape", x, g.numbers([1, 2, 4, 16, 16]))
    y = g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1, 3, 4]), g.numbers([1, -1, 16, 16]))
    network = found(g, g.conv(y, "conv", 8, 4, 1)).network
    assert [layer.op for layer in network] == ["shuffle", "conv"]
    assert dict(network.layers[0].attributes)["groups"] == 2


def test_a_look_up_by_the_network_is_an_embedding_and_one_by_position_too() -> None:
    g = Building()
    ids = g.input("ids", ["batch", 10], TensorProto.INT64)
    words = g.op("Gather", g.weight("words", 100, 32), ids)
    places = g.op("Gather", g.weight("places", 64, 32), g.constant(np.arange(10)[None], np.int64))
    network = found(g, g.op("Add", words, places)).network
    assert network.params == (100 + 64) * 32
    assert [t.shape for t in network.inputs] == [(10,), (10,)]


def test_parts_by_index_slice_and_split_are_the_same_views() -> None:
    g, x = image()
    a = g.op("Gather", x, g.constant([0, 1, 2, 3], np.int64), axis=1)
    b = g.op("Slice", x, g.numbers([0]), g.numbers([4]), g.numbers([1]))
    c, _ = g.op("Split", x, axis=1, outputs=2)
    network = found(g, a, b, c).network
    assert {t.shape for t in network.outputs} == {(4, 16, 16)}
    assert all(network.free(layer) for layer in network)


def test_a_mean_over_tokens_is_a_pool() -> None:
    g, x = tokens()
    network = found(g, g.op("ReduceMean", x, axes=[1], keepdims=0)).network
    assert [layer.op for layer in network] == ["transpose", "reshape", "avgpool"]
    assert network.outputs[0].words == 32


# ------------------------------------------------------------------------------ sizes and what is missing


def test_a_size_left_open_is_asked_for_by_its_name() -> None:
    g = Building()
    model = g.model(g.op("Relu", g.input("x", ["batch", "tokens", 32])))
    with pytest.raises(DovetailError, match=r"E1506.*along axis 1 is left open, as `tokens`") as fault:
        import_model(model, name="m")
    assert "`--dim tokens=VALUE` gives it" in str(fault.value)
    assert import_model(model, {"tokens": 5}, name="m").network.outputs[0].shape == (5, 32)
    with pytest.raises(DovetailError, match="did you mean `tokens`"):
        import_model(model, {"token": 5}, name="m")


def test_a_batch_that_a_model_was_exported_for_is_taken_out() -> None:
    g = Building()
    y = g.op("Reshape", g.op("Relu", g.input("x", [16, 3, 4, 4])), g.numbers([16, 48]))
    network = found(g, g.gemm(y, "fc", 48, 10)).network
    assert network.inputs[0].shape == (3, 4, 4)
    assert network.macs == 480


def test_every_unsupported_operator_is_listed_with_its_places() -> None:
    g, x = image()
    a = g.op("NonMaxSuppression", x, name="boxes")
    b = g.op("ConvTranspose", x, g.weight("w", 8, 8, 2, 2), name="up1")
    c = g.op("ConvTranspose", b, g.weight("v", 8, 8, 2, 2), name="up2")
    with pytest.raises(DovetailError) as fault:
        found(g, g.op("Add", a, g.op("Relu", c)))
    text = str(fault.value)
    assert "`NonMaxSuppression` is no operator of ours (`boxes`)" in text
    assert "`ConvTranspose` is no operator of ours (`up1`, `up2`)" in text


def test_an_unsupported_operator_that_no_output_needs_does_not_matter() -> None:
    g, x = image()
    g.op("NonMaxSuppression", x)
    assert ops(g, g.op("Relu", x)) == ["relu"]


def test_in_part_what_is_unsupported_comes_in_as_an_input() -> None:
    g, x = image()
    up = g.op("ConvTranspose", g.conv(x, "a", 8, 8, 3, pad=1), g.weight("w", 8, 8, 2, 2), name="up")
    model = g.model(g.conv(up, "b", 8, 4, 1))
    model.graph.value_info.append(helper.make_tensor_value_info(up, TensorProto.FLOAT, ["N", 8, 32, 32]))
    network = import_model(model, name="m", partial=True).network
    assert [t.shape for t in network.inputs] == [(8, 32, 32)]
    assert network.macs == 32 * 32 * 8 * 4


def test_masks_and_lone_factors_are_noted() -> None:
    g, x = tokens()
    mask = g.op("Cast", g.input("mask", [1, 10], TensorProto.INT64), to=TensorProto.FLOAT)
    scores = g.op("MatMul", x, g.op("Transpose", x, perm=[0, 2, 1]))
    y = g.op("Softmax", g.op("Add", g.op("Div", scores, g.constant(8.0)), mask))
    result = found(g, y)
    assert [layer.op for layer in result.network] == ["matmul", "softmax"]
    notes = " ".join(w.message for w in result.warnings)
    assert "masks are left out" in notes
    assert "folded into the layers around them" in notes
    assert {w.code for w in result.warnings} == {"W1501"}
