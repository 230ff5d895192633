"""How each operator of ours is said in ONNX. Tensors have the batch before their axes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from dovetail.dsl.layer import Layer

if TYPE_CHECKING:
    from dovetail.dsl.onnx.exporting import Writer


class Unsaid(Exception):
    """ONNX has no such operator; the message, if any, says of what kind it is."""


def _facts(layer: Layer) -> dict[str, Any]:
    return dict(layer.attributes)


def _names(layer: Layer) -> list[str]:
    return [t.name for t in layer.inputs]


def _window(facts: dict[str, Any]) -> dict[str, Any]:
    top, bottom, left, right = facts["padding"]
    return {
        "kernel_shape": list(facts["kernel"]),
        "strides": list(facts["stride"]),
        "pads": [top, left, bottom, right],
    }


def _conv(w: Writer, layer: Layer) -> None:
    facts = _facts(layer)
    channels = layer.inputs[0].shape[0] // facts["groups"]
    out = layer.output.shape[0]
    kernel = w.parameters(f"{layer.name}.weight", [out, channels, *facts["kernel"]])
    given = [layer.inputs[0].name, kernel]
    attributes = _window(facts) | {"dilations": list(facts["dilation"]), "group": facts["groups"]}
    op = "Conv"
    if layer.op == "deform_conv":
        given.append(layer.inputs[1].name)
        attributes["offset_group"] = facts["offset_groups"]
        op = "DeformConv"
    if facts["bias"]:
        given.append(w.parameters(f"{layer.name}.bias", [out]))
    made = f"{layer.name}.conv" if facts["norm"] else layer.output.name
    w.node(op, layer.name, given, [made], **attributes)
    if facts["norm"]:
        _batch_norm(w, layer.name, made, layer.output.name, out)


def _batch_norm(w: Writer, name: str, source: str, result: str, channels: int) -> None:
    given = [w.parameters(f"{name}.norm.{part}", [channels]) for part in ("scale", "shift", "mean")]
    given.append(w.parameters(f"{name}.norm.variance", [channels], positive=True))
    w.node("BatchNormalization", f"{name}.norm", [source, *given], [result])


def _scale_and_shift(w: Writer, name: str, source: str, result: str, features: int) -> None:
    """A normalisation of features, whose axis is not the one that BatchNormalization works along."""
    scale, shift = (w.parameters(f"{name}.norm.{part}", [features]) for part in ("scale", "shift"))
    w.node("Mul", f"{name}.norm.scaled", [source, scale], [f"{name}.scaled"])
    w.node("Add", f"{name}.norm.shifted", [f"{name}.scaled", shift], [result])


def _linear(w: Writer, layer: Layer) -> None:
    facts, source = _facts(layer), layer.inputs[0]
    shape, out, name = source.shape, facts["out"], layer.name
    image = len(shape) == 3
    features = shape[0] if image else shape[-1]
    norm, bias = facts["norm"], facts["bias"]
    done = f"{name}.features" if image else layer.output.name
    made = f"{name}.product" if norm else done
    if len(shape) == 2 or len(shape) > 3:
        product = f"{name}.unbiased" if bias else made
        weights = w.parameters(f"{name}.weight", [features, out])
        w.node("MatMul", name, [source.name, weights], [product])
        if bias:
            w.node("Add", f"{name}.biased", [product, w.parameters(f"{name}.bias", [out])], [made])
    else:
        vector = source.name
        if image:
            vector = f"{name}.flat"
            w.node("Flatten", f"{name}.flatten", [source.name], [vector], axis=1)
        given = [vector, w.parameters(f"{name}.weight", [out, features])]
        if bias:
            given.append(w.parameters(f"{name}.bias", [out]))
        w.node("Gemm", name, given, [made], transB=1)
    if norm:
        _scale_and_shift(w, name, made, done, out)
    if image:
        _reshaped(w, f"{name}.image", done, layer.output.name, w.shape(layer.output))


def _reshaped(w: Writer, name: str, source: str, result: str, shape: list[int]) -> None:
    w.node("Reshape", name, [source, w.numbers(f"{name}.shape", shape)], [result])


def _matmul(w: Writer, layer: Layer) -> None:
    a, b = layer.inputs
    name, other, shape = layer.name, b.name, w.shape(b)
    if _facts(layer)["transpose_b"]:
        order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
        w.node("Transpose", f"{name}.turned", [other], [f"{name}.b"], perm=order)
        other, shape = f"{name}.b", [shape[i] for i in order]
    first, own = a.name, w.shape(a)
    if len(shape) < len(own):
        wide = [w.batch, *(1,) * (len(own) - len(shape)), *shape[1:]]
        _reshaped(w, f"{name}.wide", other, f"{name}.stack", wide)
        other = f"{name}.stack"
    elif len(own) < len(shape):
        wide = [w.batch, *(1,) * (len(shape) - len(own)), *own[1:]]
        _reshaped(w, f"{name}.wide", first, f"{name}.stack", wide)
        first = f"{name}.stack"
    w.node("MatMul", name, [first, other], [layer.output.name])


def _einsum(w: Writer, layer: Layer) -> None:
    equation = str(_facts(layer)["equation"]).replace(" ", "")
    batch = next(c for c in "ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba" if c not in equation)
    left, _, result = equation.partition("->")
    a, b = left.split(",")
    spread = f"{batch}{a},{batch}{b}->{batch}{result}"
    w.node("Einsum", layer.name, _names(layer), [layer.output.name], equation=spread)


def _pool(kind: str, w: Writer, layer: Layer) -> None:
    facts = _facts(layer)
    if facts["global"]:
        w.node(f"Global{kind}Pool", layer.name, _names(layer), [layer.output.name])
        return
    attributes = _window(facts) | {"ceil_mode": int(facts["ceil"])}
    w.node(f"{kind}Pool", layer.name, _names(layer), [layer.output.name], **attributes)


def _norm(w: Writer, layer: Layer) -> None:
    shape, source = layer.inputs[0].shape, layer.inputs[0].name
    if len(shape) == 3:
        _batch_norm(w, layer.name, source, layer.output.name, shape[0])
    else:
        _scale_and_shift(w, layer.name, source, layer.output.name, shape[-1])


def _layer_norm(w: Writer, layer: Layer) -> None:
    features = [layer.inputs[0].shape[-1]]
    given = [w.parameters(f"{layer.name}.{part}", features) for part in ("weight", "bias")]
    w.node("LayerNormalization", layer.name, [*_names(layer), *given], [layer.output.name], axis=-1)


def _lrn(w: Writer, layer: Layer) -> None:
    w.node("LRN", layer.name, _names(layer), [layer.output.name], size=_facts(layer)["size"])


def _softmax(w: Writer, layer: Layer) -> None:
    axis = _facts(layer)["axis"]
    axis = axis + 1 if axis >= 0 else axis
    w.node("Softmax", layer.name, _names(layer), [layer.output.name], axis=axis)


def _one(op: str, w: Writer, layer: Layer) -> None:
    w.node(op, layer.name, _names(layer), [layer.output.name])


def _relu6(w: Writer, layer: Layer) -> None:
    limits = [w.scalar(f"{layer.name}.{name}", value) for name, value in (("min", 0.0), ("max", 6.0))]
    w.node("Clip", layer.name, [*_names(layer), *limits], [layer.output.name])


def _silu(w: Writer, layer: Layer) -> None:
    gate = f"{layer.name}.gate"
    w.node("Sigmoid", f"{layer.name}.sigmoid", _names(layer), [gate])
    w.node("Mul", layer.name, [*_names(layer), gate], [layer.output.name])


def _joined(op: str, w: Writer, layer: Layer) -> None:
    names = _names(layer)
    last = names[0]
    for turn, name in enumerate(names[1:], 1):
        made = layer.output.name if turn == len(names) - 1 else f"{layer.name}.{turn}"
        w.node(op, layer.name if made == layer.output.name else made, [last, name], [made])
        last = made


def _view(w: Writer, layer: Layer) -> None:
    _reshaped(w, layer.name, layer.inputs[0].name, layer.output.name, w.shape(layer.output))


def _transpose(w: Writer, layer: Layer) -> None:
    order = [0, *(axis + 1 for axis in _facts(layer)["order"])]
    w.node("Transpose", layer.name, _names(layer), [layer.output.name], perm=order)


def _concat(w: Writer, layer: Layer) -> None:
    w.node("Concat", layer.name, _names(layer), [layer.output.name], axis=_facts(layer)["axis"] + 1)


def _split(w: Writer, layer: Layer) -> None:
    facts = _facts(layer)
    sizes = w.numbers(f"{layer.name}.sizes", facts["sizes"])
    results = [t.name for t in layer.outputs]
    w.node("Split", layer.name, [*_names(layer), sizes], results, axis=facts["axis"] + 1)


def _slice(w: Writer, layer: Layer) -> None:
    facts = _facts(layer)
    values = {"starts": facts["start"], "ends": facts["stop"], "axes": facts["axis"] + 1}
    given = [w.numbers(f"{layer.name}.{name}", [value]) for name, value in values.items()]
    w.node("Slice", layer.name, [*_names(layer), *given], [layer.output.name])


def _shuffle(w: Writer, layer: Layer) -> None:
    facts, (channels, rows, cols) = _facts(layer), layer.inputs[0].shape
    name, groups = layer.name, facts["groups"]
    each = channels // groups
    if facts["kind"] == "rotate":
        parts = [f"{name}.first", f"{name}.rest"]
        sizes = w.numbers(f"{name}.sizes", [each, channels - each])
        if groups == 1:
            w.node("Identity", name, _names(layer), [layer.output.name])
            return
        w.node("Split", f"{name}.split", [*_names(layer), sizes], parts, axis=1)
        w.node("Concat", name, parts[::-1], [layer.output.name], axis=1)
        return
    _reshaped(
        w, f"{name}.grouped", layer.inputs[0].name, f"{name}.groups", [w.batch, groups, each, rows, cols]
    )
    w.node("Transpose", f"{name}.turned", [f"{name}.groups"], [f"{name}.dealt"], perm=[0, 2, 1, 3, 4])
    _reshaped(w, name, f"{name}.dealt", layer.output.name, w.shape(layer.output))


def _upsample(w: Writer, layer: Layer) -> None:
    facts = _facts(layer)
    sizes = w.numbers(f"{layer.name}.sizes", w.shape(layer.output))
    mode = "nearest" if facts["kind"] == "nearest" else "linear"
    w.node("Resize", layer.name, [*_names(layer), "", "", sizes], [layer.output.name], mode=mode)


def _embedding(w: Writer, layer: Layer) -> None:
    facts = _facts(layer)
    table = w.parameters(f"{layer.name}.weight", [facts["vocabulary"], facts["features"]])
    w.node("Gather", layer.name, [table, *_names(layer)], [layer.output.name], axis=0)


WRITERS: Final[dict[str, Callable[[Writer, Layer], None]]] = {
    **dict.fromkeys(("conv", "dwconv", "deform_conv", "offset_conv"), _conv),
    "linear": _linear,
    "matmul": _matmul,
    "einsum": _einsum,
    "maxpool": partial(_pool, "Max"),
    "avgpool": partial(_pool, "Average"),
    "batchnorm": _norm,
    "layernorm": _layer_norm,
    "lrn": _lrn,
    "softmax": _softmax,
    "relu": partial(_one, "Relu"),
    "relu6": _relu6,
    "leaky_relu": partial(_one, "LeakyRelu"),
    "hswish": partial(_one, "HardSwish"),
    "hsigmoid": partial(_one, "HardSigmoid"),
    "sigmoid": partial(_one, "Sigmoid"),
    "silu": _silu,
    "tanh": partial(_one, "Tanh"),
    "gelu": partial(_one, "Gelu"),
    "add": partial(_joined, "Add"),
    "mul": partial(_joined, "Mul"),
    "identity": partial(_one, "Identity"),
    "dropout": partial(_one, "Dropout"),
    "flatten": _view,
    "reshape": _view,
    "transpose": _transpose,
    "concat": _concat,
    "split": _split,
    "slice": _slice,
    "shuffle": _shuffle,
    "upsample": _upsample,
    "embedding": _embedding,
}
"""What has no entry, ONNX cannot say: `shift` (nothing moves channels), `cached` (state between calls)."""
