"""A network as an ONNX model: the same layers, shapes and parameters, its weights zero or random.

Zero weights are made by the model itself as it runs (`ConstantOfShape`), so that the file holds shapes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dovetail.dsl.layer import Tensor
from dovetail.dsl.network import Network
from dovetail.dsl.onnx.export_layers import WRITERS, Unsaid
from dovetail.dsl.onnx.faults import refuse
from dovetail.dsl.onnx.reading import LARGEST_MODEL

Weights: TypeAlias = Literal["zero", "random"]

OPSET: Final = 20
"""The first with GELU as one operator."""

IR_VERSION: Final = 9


class Writer:
    """Collects the nodes and stored tensors of a model."""

    def __init__(self, batch: int, weights: Weights, seed: int) -> None:
        self.batch = batch
        self.weights = weights
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[onnx.TensorProto] = []

    def shape(self, tensor: Tensor) -> list[int]:
        """The shape of a tensor with batch."""
        return [self.batch, *tensor.shape]

    def node(
        self, op: str, name: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> None:
        """One operation."""
        self.nodes.append(helper.make_node(op, list(inputs), list(outputs), name=name, **attributes))

    def numbers(self, name: str, values: Sequence[int]) -> str:
        """A stored list of whole numbers."""
        self.stored.append(numpy_helper.from_array(np.asarray(values, dtype=np.int64), name))
        return name

    def scalar(self, name: str, value: float) -> str:
        """A stored number."""
        self.stored.append(numpy_helper.from_array(np.asarray(value, dtype=np.float32), name))
        return name

    def parameters(self, name: str, shape: Sequence[int], *, positive: bool = False) -> str:
        """A stored tensor of weights; `positive` for variances."""
        if self.weights == "zero":
            value = helper.make_tensor("", TensorProto.FLOAT, [1], [1.0 if positive else 0.0])
            sizes = self.numbers(f"{name}.shape", shape)
            self.node("ConstantOfShape", f"{name}.zeros", [sizes], [name], value=value)
            return name
        fan_in = max(1, int(np.prod(shape[1:])))
        drawn = self.random.standard_normal(shape, dtype=np.float32) / np.float32(np.sqrt(fan_in))
        self.stored.append(numpy_helper.from_array(np.abs(drawn) + 0.5 if positive else drawn, name))
        return name


def export_network(
    network: Network, *, batch: int = 1, weights: Weights = "zero", seed: int = 0
) -> onnx.ModelProto:
    """The model; raises DovetailError (E1508) with every layer for whose operator ONNX has none."""
    if weights == "random" and 4 * network.params > LARGEST_MODEL * 0.98:
        raise refuse(
            "E1503",
            f"a model with {network.params} random weights has more than {LARGEST_MODEL} bytes",
            "`--dialect zero` writes their shapes alone",
        )
    writer = Writer(batch, weights, seed)
    missing: dict[str, list[str]] = {}
    for layer in network:
        try:
            WRITERS.get(layer.op, _none)(writer, layer)
        except Unsaid as fault:
            missing.setdefault(f"`{layer.op}`{fault}", []).append(layer.name)
    if missing:
        raise refuse("E1508", _sentence(missing), "a network without these layers can be exported")
    indices = {t.name for layer in network if layer.op == "embedding" for t in layer.inputs}
    inputs = [
        helper.make_tensor_value_info(
            t.name, TensorProto.INT64 if t.name in indices else TensorProto.FLOAT, writer.shape(t)
        )
        for t in network.inputs
    ]
    outputs = [
        helper.make_tensor_value_info(t.name, TensorProto.FLOAT, writer.shape(t)) for t in network.outputs
    ]
    graph = helper.make_graph(writer.nodes, network.name, inputs, outputs, writer.stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name = "dovetail"
    return model


def _none(writer: Writer, layer: object) -> None:
    raise Unsaid


def _sentence(missing: dict[str, list[str]]) -> str:
    parts = []
    for op, names in missing.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        parts.append(f"{op} ({', '.join(f'`{n}`' for n in names[:3])}{more})")
    return f"ONNX has no operator for {', '.join(parts)}"
