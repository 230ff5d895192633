"""Graphs in the idioms of exporters, built node by node; weights have shapes, and data that lie nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LARGE = 512
"""Words from which on a weight is kept elsewhere, as exporters do."""


class Building:
    """A graph under construction. Every method returns the name of what it makes."""

    def __init__(self, opset: int = 17, *, inputs_too: bool = False) -> None:
        self.opset = opset
        self.inputs_too = inputs_too
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.count = 0

    def input(self, name: str, shape: Sequence[int | str | None], kind: int = TensorProto.FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def op(
        self, op: str, *inputs: str, outputs: int = 1, name: str = "", domain: str = "", **attributes: Any
    ) -> Any:
        self.count += 1
        made = [f"{name or op}_out{self.count}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        node = helper.make_node(
            op, list(inputs), made, name=name or f"{op}_{self.count}", domain=domain, **attributes
        )
        self.nodes.append(node)
        return made[0] if outputs == 1 else made

    def weight(self, name: str, *shape: int) -> str:
        if int(np.prod(shape)) > LARGE:
            tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="weights.bin")
        else:
            tensor = numpy_helper.from_array(np.ones(shape, np.float32), name)
        self.stored.append(tensor)
        return name

    def numbers(self, values: Any, dtype: Any = np.int64) -> str:
        """A stored constant."""
        self.count += 1
        name = f"const_{self.count}"
        self.stored.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """A constant made by a node, as PyTorch writes it."""
        return str(self.op("Constant", value=numpy_helper.from_array(np.asarray(values, dtype))))

    def model(self, *outputs: str, functions: Sequence[onnx.FunctionProto] = ()) -> onnx.ModelProto:
        inputs = list(self.inputs)
        if self.inputs_too:
            inputs += [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in self.stored]
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "main_graph", inputs, results, self.stored)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        opsets += [helper.make_opsetid(f.domain, 1) for f in functions]
        return helper.make_model(graph, opset_imports=opsets, functions=functions, producer_name="pytorch")

    # ------------------------------------------------------------------------------ PyTorch's layers

    def conv(
        self,
        x: str,
        path: str,
        channels: int,
        out: int,
        kernel: int,
        *,
        stride: int = 1,
        pad: int = 0,
        groups: int = 1,
        bias: bool = True,
        norm: str = "",
    ) -> str:
        """A convolution, followed by a normalisation of its own where `norm` names one."""
        given = [x, self.weight(f"{path}.weight", out, channels // groups, kernel, kernel)]
        if bias:
            given.append(self.weight(f"{path}.bias", out))
        y = self.op(
            "Conv",
            *given,
            name=node_name(path, "Conv"),
            dilations=[1, 1],
            group=groups,
            kernel_shape=[kernel, kernel],
            pads=[pad] * 4,
            strides=[stride, stride],
        )
        if norm:
            parts = ("weight", "bias", "running_mean", "running_var")
            stored = [self.weight(f"{norm}.{part}", out) for part in parts]
            y = self.op(
                "BatchNormalization", y, *stored, name=node_name(norm, "BatchNormalization"), epsilon=1e-5
            )
        return str(y)

    def gemm(self, x: str, path: str, features: int, out: int) -> str:
        w, b = self.weight(f"{path}.weight", out, features), self.weight(f"{path}.bias", out)
        return str(self.op("Gemm", x, w, b, name=node_name(path, "Gemm"), alpha=1.0, beta=1.0, transB=1))

    def dense(self, x: str, path: str, features: int, out: int) -> str:
        """A linear layer on tokens: the weights lie turned, under a name that says nothing."""
        self.count += 1
        y = self.op(
            "MatMul",
            x,
            self.weight(f"onnx::MatMul_{self.count}", features, out),
            name=node_name(path, "MatMul"),
        )
        return str(self.op("Add", self.weight(f"{path}.bias", out), y, name=node_name(path, "Add")))

    def relu6(self, x: str) -> str:
        return str(self.op("Clip", x, self.constant(0.0), self.constant(6.0)))

    def maxpool(self, x: str, kernel: int, stride: int, *, pad: int = 0, ceil: bool = False) -> str:
        return str(
            self.op(
                "MaxPool",
                x,
                kernel_shape=[kernel] * 2,
                strides=[stride] * 2,
                pads=[pad] * 4,
                ceil_mode=int(ceil),
            )
        )


def node_name(path: str, op: str) -> str:
    """`layer1.0.conv1` as PyTorch calls the node: `/layer1/layer1.0/conv1/Conv`."""
    words = path.split(".")
    parts: list[str] = []
    for i, word in enumerate(words):
        parts.append(f"{words[i - 1]}.{word}" if word.isdigit() and i else word)
    return "/" + "/".join([*parts, op])
