"""Every reference network, layer by layer: shapes, MACs, weights, bias and normalisation parameters."""

import json
from pathlib import Path
from typing import Any

import pytest

from dovetail.dsl.network import Layer, Network, Tensor
from dovetail.dsl.operators import OPERATORS

REFERENCE = Path(__file__).parents[1] / "reference" / "networks"
FILES = sorted(REFERENCE.glob("*.json"))
SAME_NAME = {"maxpool", "avgpool", "add", "concat", "shift", "softmax", "layernorm", "gelu", "lrn"}


class Replay:
    """A reference file applied to the palette; its list leaves out what only prepares a layer (`flatten`)."""

    def __init__(self, data: dict[str, Any]) -> None:
        size = data["input"]
        image = (size["channels"], size["height"], size["width"])
        self.first = Tensor("input", image if image[0] > 1 else image[1:])
        self.tensors = {"input": self.first, "embeddings": self.first}
        self.layers: list[Layer] = []

    def use(self, name: str, op: str, inputs: list[Tensor], *positional: object, **named: object) -> Tensor:
        operator = OPERATORS[op]
        inferred = operator.infer([t.shape for t in inputs], operator.bind(positional, named))
        layer = Layer.of(name, op, tuple(inputs), inferred)
        self.layers.append(layer)
        return layer.output

    def apply(self, entry: dict[str, Any]) -> Layer:
        name, kind = entry["name"], entry["type"]
        inputs = [self.tensors[i] for i in entry["inputs"]]
        made = self._apply(name, kind, inputs, entry)
        self.tensors[name] = made
        return self.layers[-1] if kind != "matmul" else next(v for v in self.layers if v.name == name)

    def _apply(self, name: str, kind: str, x: list[Tensor], e: dict[str, Any]) -> Tensor:
        match kind:
            case "conv":
                settings = {
                    "stride": e["stride"],
                    "pad": e["padding"],
                    "bias": e["bias"],
                    "norm": e["batch_norm"],
                }
                if e["conv_kind"] == "depthwise":
                    return self.use(name, "dwconv", x, e["kernel"], **settings)
                return self.use(
                    name, "conv", x, e["out_channels"], e["kernel"], groups=e["groups"], **settings
                )
            case "fc":
                if x[0].shape[1:] != (1, 1) and len(x[0].shape) == 3:
                    x = [self.use(f"{name}.flatten", "flatten", x)]
                return self.use(name, "linear", x, e["out_features"], bias=e["bias"])
            case "matmul" if e["weights"]:
                return self.use(name, "linear", x, e["N"], bias=e["bias_params"] > 0)
            case "matmul":
                return self._attention(name, x, e)
            case "maxpool" | "avgpool":
                return self.use(
                    name, kind, x, e["kernel"], stride=e["stride"], pad=e["padding"], ceil=e["ceil_mode"]
                )
            case "global_avgpool":
                return self.use(name, "avgpool", x, "global")
            case "slice":
                return self.use(name, "slice", x, *e["channel_range"])
            case "shuffle":
                order = "transpose" if e["shuffle_kind"] == "transpose" else "rotate"
                return self.use(name, "shuffle", x, e["groups"], kind=order)
            case "shift":
                return self.use(name, "shift", x, e["kernel"], e["stride"], e["dilation"])
            case "lrn":
                return self.use(name, "lrn", x, e["local_size"])
        assert kind in SAME_NAME
        return self.use(name, kind, x)

    def _attention(self, name: str, x: list[Tensor], e: dict[str, Any]) -> Tensor:
        heads = e["batch"]

        def by_head(tensor: Tensor) -> Tensor:
            tokens, features = tensor.shape
            return self.use(f"{name}.{tensor.name}", "reshape", [tensor], [tokens, heads, features // heads])

        if name.endswith("scores"):
            return self.use(name, "einsum", [by_head(t) for t in x], "qhd, khd -> hqk")
        context = self.use(name, "einsum", [x[0], by_head(x[1])], "hqk, khd -> qhd")
        return self.use(f"{name}.join", "reshape", [context], [context.shape[0], -1])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_palette_reproduces_a_reference_network_layer_by_layer(path: Path) -> None:
    data = json.loads(path.read_text())
    replay = Replay(data)
    for entry in data["layers"]:
        layer = replay.apply(entry)
        counts = (layer.macs, layer.weights, layer.bias, layer.norm)
        assert counts == tuple(entry[k] for k in ("macs", "weights", "bias_params", "bn_params")), layer
        shape = replay.tensors[entry["name"]].shape
        if "output_hw" in entry:
            wanted = (entry["out_channels"], *entry["output_hw"])
            assert shape == wanted or (entry["type"] == "fc" and shape == wanted[:1]), layer
            assert layer.inputs[0].shape[1:] in (tuple(entry["input_hw"]), ()), layer
        elif "shape" in entry:
            assert shape == tuple(entry["shape"]), layer
        if entry["type"] == "matmul":
            assert layer.loops is not None
            loops = (layer.loops.G, layer.loops.P, layer.loops.C, layer.loops.K)
            assert loops == (entry["batch"], entry["M"], entry["K"], entry["N"])

    last = replay.tensors[data["layers"][-1]["name"]]
    network = Network(data["name"], tuple(replay.layers), (replay.first,), (last,))
    totals = data["totals"]
    assert network.macs == totals["macs"]
    assert network.weights == totals["weights"]
    assert network.params == totals["params_with_bias_and_bn"]
    assert network.unreachable == ()


@pytest.mark.parametrize("path", [p for p in FILES if "bert" not in p.stem], ids=lambda p: p.stem)
def test_layer_classes_add_up_to_the_reference_breakdown(path: Path) -> None:
    data = json.loads(path.read_text())
    replay = Replay(data)
    found: dict[str, int] = {}
    for entry in data["layers"]:
        layer = replay.apply(entry)
        found[layer.layer_class] = found.get(layer.layer_class, 0) + layer.macs
    wanted = data["totals"]["macs_by_layer_class"]
    assert found.get("depthwise", 0) == wanted["depthwise"]
    assert found.get("fc", 0) == wanted["fc"]
    # The reference keeps the first convolution apart and does not tell grouped ones from dense ones.
    dense = sum(found.get(k, 0) for k in ("spatial", "pointwise", "grouped"))
    assert dense == wanted["conv1"] + wanted["pointwise_1x1"] + wanted["spatial_FxF"]


def test_all_reference_networks_are_here() -> None:
    assert len(FILES) == 32
    assert sum(len(json.loads(path.read_text())["layers"]) for path in FILES) > 2000
