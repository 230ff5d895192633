"""The reference networks as frameworks export them."""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto

from tests.onnx.building import Building

Style = Literal["folded", "unfolded"]
"""Batch normalisation inside the weights, as PyTorch exports for inference, or as nodes."""


def alexnet() -> onnx.ModelProto:
    """torchvision's, with a batch that is left open."""
    g = Building()
    x = g.input("input.1", ["batch", 3, 224, 224])
    layers = [(3, 64, 11, 4, 2, True), (64, 192, 5, 1, 2, True), (192, 384, 3, 1, 1, False)]
    layers += [(384, 256, 3, 1, 1, False), (256, 256, 3, 1, 1, True)]
    for index, (channels, out, kernel, stride, pad, pool) in enumerate(layers):
        x = g.op("Relu", g.conv(x, f"features.{2 * index}", channels, out, kernel, stride=stride, pad=pad))
        x = g.maxpool(x, 3, 2) if pool else x
    # An adaptive pool to the size that is there is a pool with windows of one word.
    x = g.op("AveragePool", x, kernel_shape=[1, 1], strides=[1, 1])
    x = g.op("Flatten", x, axis=1)
    for index, (features, out) in {1: (9216, 4096), 4: (4096, 4096)}.items():
        x = g.op("Relu", g.gemm(g.op("Dropout", x), f"classifier.{index}", features, out))
    return g.model(g.gemm(x, "classifier.6", 4096, 1000))


def alexnet_caffe() -> onnx.ModelProto:
    """Two towers and response normalisation, as converters of old write: stored tensors among the inputs."""
    g = Building(opset=7, inputs_too=True)
    x = g.input("data_0", [1, 3, 227, 227])
    for index, (channels, out, kernel, stride, pad, groups) in enumerate(
        [
            (3, 96, 11, 4, 0, 1),
            (96, 256, 5, 1, 2, 2),
            (256, 384, 3, 1, 1, 1),
            (384, 384, 3, 1, 1, 2),
            (384, 256, 3, 1, 1, 2),
        ],
        1,
    ):
        x = g.op(
            "Relu", g.conv(x, f"conv{index}", channels, out, kernel, stride=stride, pad=pad, groups=groups)
        )
        if index in (1, 2):
            x = g.op("LRN", x, size=5, alpha=1e-4, beta=0.75, bias=1.0)
        if index in (1, 2, 5):
            x = g.maxpool(x, 3, 2)
    x = g.op("Reshape", x, g.numbers([1, 9216]))
    for name, features, out in (("fc6", 9216, 4096), ("fc7", 4096, 4096), ("fc8", 4096, 1000)):
        x = g.gemm(x, name, features, out)
        x = x if name == "fc8" else g.op("Dropout", g.op("Relu", x), outputs=2, ratio=0.5)[0]
    return g.model(g.op("Softmax", x))


def squeezenet() -> onnx.ModelProto:
    """torchvision's 1.0; the pools round up."""
    g = Building(opset=11)
    x = g.op("Relu", g.conv(g.input("image", [1, 3, 224, 224]), "features.0", 3, 96, 7, stride=2))
    x, channels = g.maxpool(x, 3, 2, ceil=True), 96
    for index, squeeze in {3: 16, 4: 16, 5: 32, 7: 32, 8: 48, 9: 48, 10: 64, 12: 64}.items():
        expand = 4 * squeeze
        if index in (7, 12):
            x = g.maxpool(x, 3, 2, ceil=True)
        path = f"features.{index}"
        s = g.op("Relu", g.conv(x, f"{path}.squeeze", channels, squeeze, 1))
        a = g.op("Relu", g.conv(s, f"{path}.expand1x1", squeeze, expand, 1))
        b = g.op("Relu", g.conv(s, f"{path}.expand3x3", squeeze, expand, 3, pad=1))
        x, channels = g.op("Concat", a, b, axis=1), 2 * expand
    x = g.op("Relu", g.conv(g.op("Dropout", x), "classifier.1", 512, 1000, 1))
    return g.model(g.op("Flatten", g.op("GlobalAveragePool", x)))


def resnet18(style: Style = "unfolded") -> onnx.ModelProto:
    """torchvision's."""
    g = Building()
    norm = style == "unfolded"

    def conv(x: str, path: str, channels: int, out: int, kernel: int, stride: int, bn: str) -> str:
        pad = (kernel - 1) // 2
        return g.conv(
            x, path, channels, out, kernel, stride=stride, pad=pad, bias=not norm, norm=bn if norm else ""
        )

    x = g.op("Relu", conv(g.input("input.1", [1, 3, 224, 224]), "conv1", 3, 64, 7, 2, "bn1"))
    x, channels = g.maxpool(x, 3, 2, pad=1), 64
    for stage, out in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            path, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = g.op("Relu", conv(x, f"{path}.conv1", channels, out, 3, stride, f"{path}.bn1"))
            y = conv(y, f"{path}.conv2", out, out, 3, 1, f"{path}.bn2")
            if stride == 2:
                x = conv(x, f"{path}.downsample.0", channels, out, 1, 2, f"{path}.downsample.1")
            x, channels = g.op("Relu", g.op("Add", y, x)), out
    x = g.op("Flatten", g.op("GlobalAveragePool", x), axis=1)
    return g.model(g.gemm(x, "fc", 512, 1000))


BOTTLENECKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenet_v2() -> onnx.ModelProto:
    """torchvision's, its last mean as a reduction and its shape computed by the model."""
    g = Building()

    def conv(
        x: str, path: str, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> str:
        pad, norm = (kernel - 1) // 2, f"{path}_bn"
        return g.conv(
            x, path, channels, out, kernel, stride=stride, pad=pad, groups=groups, bias=False, norm=norm
        )

    x = g.input("input", ["N", 3, 224, 224])
    x, channels, index = g.relu6(conv(x, "features.0.0", 3, 32, 3, 2)), 32, 1
    for expansion, out, count, first in BOTTLENECKS:
        for turn in range(count):
            path, stride, mid = f"features.{index}.conv", first if turn == 0 else 1, expansion * channels
            y = x if expansion == 1 else g.relu6(conv(x, f"{path}.0.0", channels, mid, 1))
            y = g.relu6(conv(y, f"{path}.1.0", mid, mid, 3, stride, mid))
            y = conv(y, f"{path}.2", mid, out, 1)
            x = g.op("Add", x, y) if stride == 1 and channels == out else y
            channels, index = out, index + 1
    x = g.relu6(conv(x, "features.18.0", 320, 1280, 1))
    x = g.op("ReduceMean", x, axes=[2, 3], keepdims=1)
    batch = g.op("Gather", g.op("Shape", x), g.constant(0, np.int64), axis=0)
    shape = g.op("Concat", g.op("Unsqueeze", batch, g.numbers([0])), g.numbers([1280]), axis=0)
    return g.model(g.gemm(g.op("Reshape", x, shape), "classifier.1", 1280, 1000))


def mobilenet_v2_keras() -> onnx.ModelProto:
    """As converted from Keras: channels last outside, `same` padding or a padding node, MatMul and Add."""
    g = Building(opset=13)

    def conv(x: str, path: str, channels: int, out: int, kernel: int, groups: int = 1, **more: object) -> str:
        w = g.weight(f"{path}/ReadVariableOp:0", out, channels // groups, kernel, kernel)
        name = f"StatefulPartitionedCall/model/{path}/Conv2D"
        y = g.op("Conv", x, w, name=name, group=groups, kernel_shape=[kernel] * 2, **more)
        scale, shift, mean, variance = (
            g.weight(f"{path}/{p}", out) for p in ("gamma", "beta", "mean", "var")
        )
        return str(g.op("BatchNormalization", y, scale, shift, mean, variance, epsilon=1e-3))

    def clip(x: str) -> str:
        return str(g.op("Clip", x, g.numbers(0.0, np.float32), g.numbers(6.0, np.float32)))

    x = g.op("Transpose", g.input("input_1:0", ["unk__1", 224, 224, 3]), perm=[0, 3, 1, 2])
    x, channels, index = clip(conv(x, "Conv1", 3, 32, 3, auto_pad="SAME_UPPER", strides=[2, 2])), 32, 0
    for expansion, out, count, first in BOTTLENECKS:
        for turn in range(count):
            path, stride, mid = f"block_{index}", first if turn == 0 else 1, expansion * channels
            y = (
                x
                if expansion == 1
                else clip(conv(x, f"{path}_expand", channels, mid, 1, auto_pad="SAME_UPPER"))
            )
            if stride == 2:
                y = g.op("Pad", y, g.numbers([0, 0, 0, 0, 0, 0, 1, 1]), g.numbers(0.0, np.float32))
                y = conv(y, f"{path}_depthwise", mid, mid, 3, mid, auto_pad="VALID", strides=[2, 2])
            else:
                y = conv(y, f"{path}_depthwise", mid, mid, 3, mid, auto_pad="SAME_UPPER")
            y = conv(clip(y), f"{path}_project", mid, out, 1, auto_pad="SAME_UPPER")
            x = g.op("Add", x, y) if stride == 1 and channels == out else y
            channels, index = out, index + 1
    x = g.op("GlobalAveragePool", clip(conv(x, "Conv_1", 320, 1280, 1, auto_pad="VALID")))
    x = g.op("Squeeze", x, g.numbers([2, 3]))
    x = g.op(
        "MatMul",
        x,
        g.weight("predictions/MatMul/ReadVariableOp:0", 1280, 1000),
        name="model/predictions/MatMul",
    )
    x = g.op(
        "Add", x, g.weight("predictions/BiasAdd/ReadVariableOp:0", 1000), name="model/predictions/BiasAdd"
    )
    return g.model(g.op("Softmax", x, axis=-1))


def bert(
    style: Literal["torch", "torch_fused", "keras"], depth: int = 12, tokens: int = 128
) -> onnx.ModelProto:
    """The encoder of BERT base: reshapes computed, normalisations and GELU in small nodes or fused."""
    opset = {"torch": 12, "torch_fused": 20, "keras": 13}[style]
    g = Building(opset)
    x = g.input("embeddings", ["batch", "tokens" if style == "torch" else tokens, 768])
    mask = g.input("attention_mask", ["batch", "tokens" if style == "torch" else tokens], TensorProto.INT64)
    extended = g.op("Cast", _unsqueeze(g, _unsqueeze(g, mask, 1), 2), to=TensorProto.FLOAT)
    extended = g.op("Mul", g.op("Sub", g.constant(1.0), extended), g.constant(-10000.0))
    for index in range(depth):
        path = f"encoder.layer.{index}"
        a = _attention(g, x, extended, f"{path}.attention", style, tokens)
        x = _layer_norm(g, g.op("Add", a, x), f"{path}.attention.output.LayerNorm", style)
        y = _gelu(g, g.dense(x, f"{path}.intermediate.dense", 768, 3072), style)
        y = g.dense(y, f"{path}.output.dense", 3072, 768)
        x = _layer_norm(g, g.op("Add", y, x), f"{path}.output.LayerNorm", style)
    return g.model(x)


def _unsqueeze(g: Building, x: str, axis: int) -> str:
    return str(g.op("Unsqueeze", x, axes=[axis]) if g.opset < 13 else g.op("Unsqueeze", x, g.numbers([axis])))


def _attention(g: Building, x: str, mask: str, path: str, style: str, tokens: int) -> str:
    def heads(t: str) -> str:
        if style != "torch":
            return str(g.op("Reshape", t, g.numbers([-1, tokens, 12, 64])))
        sizes = [g.op("Gather", g.op("Shape", t), g.constant(i, np.int64), axis=0) for i in range(2)]
        parts = [_unsqueeze(g, s, 0) for s in sizes] + [
            g.constant([12], np.int64),
            g.constant([64], np.int64),
        ]
        return str(g.op("Reshape", t, g.op("Concat", *parts, axis=0)))

    q, k, v = (heads(g.dense(x, f"{path}.self.{name}", 768, 768)) for name in ("query", "key", "value"))
    if style == "keras":
        q, k, v = (g.op("Transpose", t, perm=[0, 2, 1, 3]) for t in (q, k, v))
        k = g.op("Transpose", k, perm=[0, 1, 3, 2])
    else:
        q, v = (g.op("Transpose", t, perm=[0, 2, 1, 3]) for t in (q, v))
        k = g.op("Transpose", k, perm=[0, 2, 3, 1])
    scores = g.op("Div", g.op("MatMul", q, k), g.constant(8.0))
    weights = g.op("Softmax", g.op("Add", scores, mask), axis=3 if style == "torch" else -1)
    context = g.op("Transpose", g.op("MatMul", weights, v), perm=[0, 2, 1, 3])
    joined = g.op("Reshape", context, g.numbers([0, 0, 768]))
    return g.dense(joined, f"{path}.output.dense", 768, 768)


def _layer_norm(g: Building, x: str, path: str, style: str) -> str:
    scale, shift = g.weight(f"{path}.weight", 768), g.weight(f"{path}.bias", 768)
    if style == "torch_fused":
        return str(g.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-12))
    mean = g.op("ReduceMean", x, axes=[-1])
    d = g.op("Sub", x, mean)
    if style == "torch":
        variance = g.op("ReduceMean", g.op("Pow", d, g.constant(2.0)), axes=[-1])
        root = g.op("Sqrt", g.op("Add", variance, g.constant(1e-12)))
        return str(g.op("Add", g.op("Mul", g.op("Div", d, root), scale), shift))
    # Keras: x * s - mean * s + shift, with s = scale / sqrt(variance + epsilon).
    variance = g.op("ReduceMean", g.op("Mul", d, d), axes=[2])
    s = g.op("Mul", g.op("Reciprocal", g.op("Sqrt", g.op("Add", variance, g.constant(1e-12)))), scale)
    return str(g.op("Add", g.op("Mul", x, s), g.op("Sub", shift, g.op("Mul", mean, s))))


def _gelu(g: Building, x: str, style: str) -> str:
    if style == "torch_fused":
        return str(g.op("Gelu", x))
    if style == "torch":
        e = g.op("Add", g.op("Erf", g.op("Div", x, g.constant(1.4142135))), g.constant(1.0))
        return str(g.op("Mul", g.op("Mul", x, e), g.constant(0.5)))
    cubic = g.op("Mul", g.op("Pow", x, g.constant(3.0)), g.constant(0.044715))
    t = g.op("Tanh", g.op("Mul", g.op("Add", x, cubic), g.constant(0.7978846)))
    return str(g.op("Mul", x, g.op("Mul", g.op("Add", t, g.constant(1.0)), g.constant(0.5))))


def vit(depth: int = 12) -> onnx.ModelProto:
    """torchvision's vit_b_16: a class token, learned positions, queries, keys and values from one product."""
    g = Building(opset=18)
    x = g.conv(g.input("image", ["batch", 3, 224, 224]), "conv_proj", 3, 768, 16, stride=16)
    x = g.op("Transpose", g.op("Reshape", x, g.numbers([1, 768, 196])), perm=[0, 2, 1])
    token = g.op("Expand", g.weight("class_token", 1, 1, 768), g.numbers([1, -1 + 2, 768]))
    x = g.op("Add", g.op("Concat", token, x, axis=1), g.weight("encoder.pos_embedding", 1, 197, 768))
    for index in range(depth):
        path = f"encoder.layers.encoder_layer_{index}"
        y = g.op(
            "LayerNormalization", x, g.weight(f"{path}.ln_1.weight", 768), g.weight(f"{path}.ln_1.bias", 768)
        )
        # Tokens come first inside: [197, 1, 768].
        y = g.op("Transpose", y, perm=[1, 0, 2])
        y = g.dense(y, f"{path}.self_attention", 768, 2304)
        y = g.op("Unsqueeze", g.op("Reshape", y, g.numbers([197, 1, 3, 768])), g.numbers([0]))
        y = g.op("Squeeze", g.op("Transpose", y, perm=[3, 1, 2, 0, 4]), g.numbers([3]))
        parts = [g.op("Gather", y, g.constant(i, np.int64), axis=0) for i in range(3)]
        parts = [
            g.op("Transpose", g.op("Reshape", p, g.numbers([197, 12, 64])), perm=[1, 0, 2]) for p in parts
        ]
        q, k, v = (g.op("Reshape", p, g.numbers([1, 12, 197, 64])) for p in parts)
        factor = g.op("Sqrt", g.constant(0.125))
        q, k = g.op("Mul", q, factor), g.op("Mul", g.op("Transpose", k, perm=[0, 1, 3, 2]), factor)
        y = g.op("MatMul", g.op("Softmax", g.op("MatMul", q, k), axis=-1), v)
        y = g.op("Reshape", g.op("Transpose", y, perm=[2, 0, 1, 3]), g.numbers([197, 768]))
        y = g.op("Reshape", g.gemm(y, f"{path}.self_attention.out_proj", 768, 768), g.numbers([197, 1, 768]))
        x = g.op("Add", g.op("Transpose", y, perm=[1, 0, 2]), x)
        y = g.op(
            "LayerNormalization", x, g.weight(f"{path}.ln_2.weight", 768), g.weight(f"{path}.ln_2.bias", 768)
        )
        y = _gelu(g, g.dense(y, f"{path}.mlp.0", 768, 3072), "torch")
        x = g.op("Add", x, g.dense(y, f"{path}.mlp.3", 3072, 768))
    x = g.op("LayerNormalization", x, g.weight("encoder.ln.weight", 768), g.weight("encoder.ln.bias", 768))
    x = g.op("Gather", x, g.constant(0, np.int64), axis=1)
    return g.model(g.gemm(x, "heads.head", 768, 1000))
