"""The example networks against published layer lists: each layer in order, its wiring, and the totals.

What a list folds into the layer before (activations, normalisation) or leaves out because nothing is computed
(views that only address words in another way) is not compared; such layers have no MACs and no weights here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dovetail.dsl.layer import Layer, Tensor
from dovetail.dsl.loading import load_network_design
from dovetail.dsl.network import Network

EXAMPLES = Path(__file__).parents[2] / "examples" / "networks"
REFERENCE = Path(__file__).parent / "networks"
FORMAT = "neutral network definition, version 1"

KINDS = {
    "conv": "conv",
    "dwconv": "conv",
    "linear": "fc",
    "avgpool": "avgpool",
    "split": "slice",
    **{op: op for op in "matmul maxpool slice concat shuffle shift add softmax layernorm gelu lrn".split()},
}
"""The kind of an operator in a layer list; others are not listed."""

ACTIVATIONS = {"relu": "relu", "relu6": "relu6", "leaky": "leaky_relu"}
SHUFFLES = {"transpose": "transpose", "rotate by a quarter of the channels": "rotate"}


@dataclass(frozen=True)
class Entry:
    """One layer as a layer list has it; `makers` are the indices of the entries it reads (-1: the input)."""

    kind: str
    layer: Layer
    output: Tensor
    makers: tuple[int, ...]
    part: int = 0

    @property
    def facts(self) -> dict[str, Any]:
        return dict(self.layer.attributes)


def entries(network: Network) -> list[Entry]:
    """The layers that a layer list has, a `split` as one entry for each of its parts."""
    found: list[Entry] = []
    maker = {tensor.name: -1 for tensor in network.inputs}
    for layer in network:
        makers = tuple(maker[tensor.name] for tensor in layer.inputs)
        if layer.op not in KINDS:
            assert (layer.macs, layer.params, len(makers)) == (0, 0, 1), f"{layer.name} hides something"
            maker |= {tensor.name: makers[0] for tensor in layer.outputs}
            continue
        for part, tensor in enumerate(layer.outputs):
            maker[tensor.name] = len(found)
            found.append(Entry(KINDS[layer.op], layer, tensor, makers, part))
    return found


def references(config: pytest.Config) -> Iterator[Path]:
    """Layer lists: our copies, and those of `--reference` for which there is an example."""
    yield from sorted(REFERENCE.glob("*.json"))
    folder = config.getoption("--reference")
    if folder is not None:
        for path in sorted({*Path(folder).glob("*.json"), *Path(folder).glob("networks/*.json")}):
            if (EXAMPLES / f"{path.stem}.net").exists() and _is_layer_list(path):
                yield path


def _is_layer_list(path: Path) -> bool:
    data = json.loads(path.read_text(encoding="utf-8"))
    return isinstance(data, dict) and data.get("format") == FORMAT


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "reference" in metafunc.fixturenames:
        paths = list(references(metafunc.config))
        metafunc.parametrize("reference", paths, ids=[f"{p.parent.name}/{p.stem}" for p in paths])


@cache
def example(name: str) -> Network:
    return load_network_design(EXAMPLES / f"{name}.net").network


@cache
def listed(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def test_every_layer_equals_its_published_one(reference: Path) -> None:
    wanted = listed(reference)["layers"]
    have = entries(example(reference.stem))
    assert [kind_of(e) for e in have] == [w["type"] for w in wanted]
    for entry, layer in zip(have, wanted, strict=True):
        assert described(entry, layer) == described_in(layer), f"{entry.layer.name} is {layer['name']}"


def test_layers_are_wired_as_published(reference: Path) -> None:
    wanted = listed(reference)["layers"]
    index = {w["name"]: i for i, w in enumerate(wanted)}
    for entry, layer in zip(entries(example(reference.stem)), wanted, strict=True):
        makers = [index.get(name, -1) for name in layer["inputs"]]
        if entry.kind == "add":
            assert sorted(entry.makers) == sorted(makers), entry.layer.name
        else:
            assert list(entry.makers) == makers, entry.layer.name


def test_activations_follow_the_layers_that_have_them(reference: Path) -> None:
    network = example(reference.stem)
    for entry, layer in zip(entries(network), listed(reference)["layers"], strict=True):
        if "activation" in layer:
            after = {reader.op for reader in network.consumers(entry.output)} & set(ACTIVATIONS.values())
            wanted = ACTIVATIONS.get(layer["activation"])
            assert after == ({wanted} if wanted else set()), entry.layer.name


def test_totals_are_the_published_ones(reference: Path) -> None:
    network, totals = example(reference.stem), listed(reference)["totals"]
    bias = sum(layer.bias for layer in network)
    norm = sum(layer.norm for layer in network)
    listed_entries = entries(network)
    convolutions = [e for e in listed_entries if e.kind == "conv"]
    assert {
        "weights": network.weights,
        "bias_params": bias,
        "bn_params": norm,
        "params_with_bias": network.weights + bias,
        "params_with_bias_and_bn": network.params,
        "macs": network.macs,
        "macs_conv": sum(e.layer.macs for e in convolutions),
        "n_conv": len(convolutions),
        "n_layers": len(listed_entries),
    }.items() <= totals.items()


def test_inputs_are_the_published_ones(reference: Path) -> None:
    size = listed(reference)["input"]
    (tensor,) = example(reference.stem).inputs
    shape = (size["channels"], size["height"], size["width"])
    assert tensor.shape == (shape[1:] if len(tensor.shape) == 2 else shape)


def test_every_published_network_is_an_example() -> None:
    missing = [p.stem for p in REFERENCE.glob("*.json") if not (EXAMPLES / f"{p.stem}.net").exists()]
    assert missing == []


def kind_of(entry: Entry) -> str:
    """The kind in the layer list; a mean over the whole image and a linear layer on tokens have their own."""
    if entry.kind == "avgpool" and entry.facts["global"]:
        return "global_avgpool"
    if entry.kind == "fc" and len(entry.output.shape) == 2:
        return "matmul"
    return entry.kind


def described_in(layer: dict[str, Any]) -> dict[str, Any]:
    """What is compared, as the layer list says it."""
    same = {key: layer[key] for key in ("weights", "macs", "bias_params", "bn_params")}
    match layer["type"]:
        case "matmul":
            return same | {key: layer[key] for key in ("batch", "M", "K", "N")}
        case "softmax" | "layernorm" | "gelu":
            return same | {"shape": layer["shape"]}
        case "add" if "shape" in layer:
            return same | {"shape": layer["shape"]}
        case "fc":
            return same | {key: layer[key] for key in ("in_features", "out_features")}
    out = [layer["out_channels"], *layer["output_hw"]]
    same |= {"in": [layer["in_channels"], *layer["input_hw"]], "out": out}
    match layer["type"]:
        case "conv":
            keys = ("kernel", "stride", "padding", "groups")
        case "maxpool" | "avgpool":
            keys = ("kernel", "stride", "padding", "ceil_mode")
        case "shift":
            keys = ("kernel", "stride", "dilation")
        case "shuffle":
            return same | {"groups": layer["groups"], "kind": SHUFFLES[layer["shuffle_kind"]]}
        case "lrn":
            keys = ("local_size",)
        case "slice":
            keys = ("channel_range",)
        case _:
            keys = ()
    return same | {key: layer[key] for key in keys}


def described(entry: Entry, like: dict[str, Any]) -> dict[str, Any]:
    """The same of a layer of ours."""
    layer, facts = entry.layer, entry.facts
    first = layer.inputs[0].shape
    same: dict[str, Any] = {
        "weights": layer.weights,
        "macs": layer.macs,
        "bias_params": layer.bias,
        "bn_params": layer.norm,
    }
    match kind_of(entry):
        case "matmul":
            assert layer.loops is not None
            loops = layer.loops
            return same | {"batch": loops.G, "M": loops.P, "K": loops.C, "N": loops.K}
        case "softmax" | "layernorm" | "gelu":
            return same | {"shape": list(entry.output.shape)}
        case "add" if "shape" in like:
            return same | {"shape": list(entry.output.shape)}
        case "fc":
            return same | {"in_features": layer.inputs[0].words, "out_features": entry.output.words}
        case "concat":
            first = (sum(t.shape[0] for t in layer.inputs), *first[1:])
    same |= {"in": list(first), "out": list(entry.output.shape)}
    match kind_of(entry):
        case "conv":
            return same | window(entry, like) | {"groups": facts["groups"]}
        case "maxpool" | "avgpool":
            return same | window(entry, like) | {"ceil_mode": facts["ceil"]}
        case "shift":
            one = facts["dilation"]
            return same | {
                "kernel": list(facts["kernel"]),
                "stride": list(facts["stride"]),
                "dilation": one[0] if one[0] == one[1] else one,
            }
        case "shuffle":
            return same | {"groups": facts["groups"], "kind": facts["kind"]}
        case "lrn":
            return same | {"local_size": facts["size"]}
        case "slice":
            return same | {"channel_range": channels_of(entry)}
    return same


def window(entry: Entry, like: dict[str, Any]) -> dict[str, Any]:
    top, bottom, left, right = entry.facts["padding"]
    stride = list(entry.facts["stride"])
    padding: Any = [top, left] if (top, left) == (bottom, right) else [top, bottom, left, right]
    if like["padding"] == "same":
        # `same` is what it keeps: a place for each `stride` words, the border as even as it can be.
        sizes = zip(entry.layer.inputs[0].shape[1:], stride, strict=True)
        kept = [-(-size // step) for size, step in sizes] == list(entry.output.shape[1:])
        padding = "same" if kept and bottom - top in (0, 1) and right - left in (0, 1) else padding
    return {"kernel": list(entry.facts["kernel"]), "stride": stride, "padding": padding}


def channels_of(entry: Entry) -> list[int]:
    if entry.layer.op == "slice":
        return [entry.facts["start"], entry.facts["stop"]]
    sizes = entry.facts["sizes"]
    start = sum(sizes[: entry.part])
    return [start, start + sizes[entry.part]]
