"""From a path to an ONNX model, and nothing else: no other file is opened, whatever the model names."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

import onnx
from google.protobuf.message import DecodeError, Message

from dovetail.dsl.onnx.faults import refuse, shown

LARGEST_MODEL: Final = 2**31
"""Bytes; protobuf has no larger messages."""

DEEPEST: Final = 40
"""Graphs inside graphs; exporters nest two or three."""


def read_model(path: Path) -> onnx.ModelProto:
    """The model in a file; raises DovetailError (E0801 … E0804, E1501, E1505) where there is none to be had.

    Weights in files of their own stay unread; a place outside the model's folder is refused (E1505).
    """
    name = str(path)
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise refuse("E0802", f"`{name}` is a folder, not a file")
        if not stat.S_ISREG(path.stat().st_mode):
            raise refuse("E0803", f"`{name}` cannot be read: it is no regular file")
        if path.stat().st_size > LARGEST_MODEL:
            raise refuse(
                "E0804",
                f"`{name}` has more than {LARGEST_MODEL} bytes, and no ONNX model is as long",
                "exporters put large weights into a file of their own",
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise refuse("E0801", f"there is no file `{name}`") from None
    except OSError as fault:
        raise refuse("E0803", f"`{name}` cannot be read: {fault.strerror}") from fault
    model = parse_model(data, name)
    for tensor in tensors(model):
        _check_place(tensor)
    return model


def parse_model(data: bytes, name: str) -> onnx.ModelProto:
    """The model in bytes; raises DovetailError (E1501) if they are none or only a part of one."""
    way_out = "`python -m onnx.checker` of the onnx package says more about a file"
    try:
        model = onnx.ModelProto()
        model.ParseFromString(data)
    except DecodeError:
        message = f"`{name}` is no ONNX model: it is cut short, or of another kind"
        raise refuse("E1501", message, "was the whole file copied?") from None
    if not model.HasField("graph") or not model.graph.output:
        raise refuse("E1501", f"`{name}` is no ONNX model: it has no graph with an output", way_out)
    if not model.ir_version:
        raise refuse("E1501", f"`{name}` is no ONNX model: it does not say its version", way_out)
    if not _is_text(model):
        raise refuse("E1501", f"`{name}` is no ONNX model: its names are not UTF-8", way_out)
    return model


def _is_text(message: Message) -> bool:
    """Whether every name inside is text; protobuf hands over bytes where it is not."""
    waiting: list[Message] = [message]
    while waiting:
        for field, value in waiting.pop().ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting += [value] if isinstance(value, Message) else list(value)
            elif field.type == field.TYPE_STRING:
                names = [value] if isinstance(value, str | bytes) else value
                if not all(isinstance(name, str) for name in names):
                    return False
    return True


def tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every tensor that is stored in a model, in its functions and inner graphs too."""
    yield from _of_graph(model.graph, 0)
    for function in model.functions:
        for node in function.node:
            yield from _of_node(node, 0)


def _of_graph(graph: onnx.GraphProto, depth: int) -> Iterator[onnx.TensorProto]:
    if depth > DEEPEST:
        raise refuse("E1504", f"the model has graphs inside graphs, more than {DEEPEST} deep")
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in graph.node:
        yield from _of_node(node, depth)


def _of_node(node: onnx.NodeProto, depth: int) -> Iterator[onnx.TensorProto]:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        if attribute.HasField("g"):
            yield from _of_graph(attribute.g, depth + 1)
        for graph in attribute.graphs:
            yield from _of_graph(graph, depth + 1)


def _check_place(tensor: onnx.TensorProto) -> None:
    """External data lie beside the model or below it, as the format demands (nobody else's files)."""
    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        return
    location = next((e.value for e in tensor.external_data if e.key == "location"), "")
    posix, windows = PurePosixPath(location), PureWindowsPath(location)
    outside = (
        not location
        or posix.is_absolute()
        or bool(windows.anchor)
        or ".." in posix.parts
        or ".." in windows.parts
    )
    if outside:
        raise refuse(
            "E1505",
            f"the tensor {shown(tensor.name)} says that its data lie in {shown(location)}, outside the "
            "folder of the model",
            "data of a model lie in its own folder; this one is not to be trusted",
        )
