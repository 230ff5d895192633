"""Names of layers out of a model's own: the modules of PyTorch, the scopes of TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from dovetail.dsl.onnx.graph import Node

_PARAMETER: Final = re.compile(
    r"[./](weight|weights|bias|kernel|gamma|alpha|embeddings|w)(:\d+)?$", re.IGNORECASE
)
_READ: Final = re.compile(
    r"/(ReadVariableOp|Read|resource|Identity|Conv2D|MatMul|BiasAdd|depthwise)(_\d+)?(:\d+)?(/.*)?$"
)
_WRAPPERS: Final = frozenset(
    "StatefulPartitionedCall PartitionedCall model functional sequential model_1 functional_1 "
    "base_model net".split()
)
LONGEST: Final = 40


def path_of(node: Node, weights: str = "") -> tuple[str, ...]:
    """What a layer is called, from the outside in; empty where the model gives no telling name."""
    if _PARAMETER.search(weights):
        return _words(re.split(r"[./]", _PARAMETER.sub("", weights)))
    if "/" in node.name:
        parts = [p for p in node.name.split("/") if p and p not in _WRAPPERS]
        if parts and _operation(parts[-1], node.op):
            parts.pop()
        return _words(_modules(parts))
    if "/" in weights:
        return _words([p for p in _READ.sub("", weights).split("/") if p not in _WRAPPERS])
    if node.name and not _operation(node.name, node.op) and not re.search(r"\d{3,}$", node.name):
        return _words(node.name.split("."))
    return ()


def _operation(part: str, op: str) -> bool:
    """Whether the last part of a node's name only repeats its operation."""
    plain = re.sub(r"[_\d]+$", "", part).lower()
    bare = plain.removeprefix("node_").removeprefix("n_")
    return bare in (op.lower(), "", "node", "n", "op") or plain != bare or plain in _TENSORFLOW


_TENSORFLOW: Final = frozenset(
    "conv2d matmul biasadd depthwise depthwiseconv2d relu relu6 add addv2 fusedbatchnormv".split()
)


def _modules(parts: Sequence[str]) -> list[str]:
    """`layer1 / layer1.0 / conv1` as `layer1`, `0`, `conv1`: PyTorch repeats the list before its item."""
    found: list[str] = []
    before = ""
    for part in parts:
        item = part.removeprefix(f"{before}.") if before else part
        found += item.split(".")
        before = part
    return found


def _words(parts: Sequence[str]) -> tuple[str, ...]:
    words = [re.sub(r"\W+", "_", part, flags=re.ASCII).strip("_")[:LONGEST] for part in parts]
    return tuple(word for word in words if word)


def identifier(words: Sequence[str], taken: Collection[str]) -> str:
    """A name of the language made of words, other than those in `taken`."""
    kept = list(words)
    while len(kept) > 1 and len("_".join(kept)) > LONGEST:
        kept.pop(0)
    name = "_".join(kept)[:LONGEST].strip("_") or "x"
    if not (name[0].isalpha() or name[0] == "_"):
        name = f"l{name}"
    if name not in taken:
        return name
    number = 2
    joint = "_" if name[-1].isdigit() else ""
    while f"{name}{joint}{number}" in taken:
        number += 1
    return f"{name}{joint}{number}"
