"""Dovetail: co-design of deep neural networks and the accelerators that run them.

import dovetail as dt

net = dt.load_network("examples/networks/squeezenet_v1_0.net")
accel = dt.load_accelerator("examples/accelerators/squeezelerator.accel", n=16)
result = dt.evaluate(net, accel, objective="edp")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dovetail.accel.architecture import Architecture
    from dovetail.accel.loading import AcceleratorDesign
    from dovetail.accel.mapping import Mapping
    from dovetail.drawing import Drawing, draw
    from dovetail.dsl.diagnostics import Diagnostic, DovetailError
    from dovetail.dsl.layer import Layer, Tensor
    from dovetail.dsl.loading import NetworkDesign
    from dovetail.dsl.network import Network
    from dovetail.dsl.problem import Bits, Problem
    from dovetail.evaluation import Evaluation, evaluate, load_accelerator, load_network
    from dovetail.exploration import Run, explore
    from dovetail.layer_mapping import LayerMapping, map_layer
    from dovetail.onnx_files import export_onnx, import_onnx

__version__ = "0.1.0"

__all__ = [
    "AcceleratorDesign",
    "Architecture",
    "Bits",
    "Diagnostic",
    "DovetailError",
    "Drawing",
    "Evaluation",
    "Layer",
    "LayerMapping",
    "Mapping",
    "Network",
    "NetworkDesign",
    "Problem",
    "Run",
    "Tensor",
    "draw",
    "evaluate",
    "explore",
    "export_onnx",
    "import_onnx",
    "load_accelerator",
    "load_network",
    "map_layer",
]

_HOMES = {
    "AcceleratorDesign": "dovetail.accel.loading",
    "Architecture": "dovetail.accel.architecture",
    "Bits": "dovetail.dsl.problem",
    "Diagnostic": "dovetail.dsl.diagnostics",
    "DovetailError": "dovetail.dsl.diagnostics",
    "Drawing": "dovetail.drawing",
    "Evaluation": "dovetail.evaluation",
    "Layer": "dovetail.dsl.layer",
    "LayerMapping": "dovetail.layer_mapping",
    "Mapping": "dovetail.accel.mapping",
    "Network": "dovetail.dsl.network",
    "NetworkDesign": "dovetail.dsl.loading",
    "Problem": "dovetail.dsl.problem",
    "Run": "dovetail.exploration",
    "Tensor": "dovetail.dsl.layer",
    "draw": "dovetail.drawing",
    "evaluate": "dovetail.evaluation",
    "explore": "dovetail.exploration",
    "export_onnx": "dovetail.onnx_files",
    "import_onnx": "dovetail.onnx_files",
    "load_accelerator": "dovetail.evaluation",
    "load_network": "dovetail.evaluation",
    "map_layer": "dovetail.layer_mapping",
}
"""Where each public name lives; it is imported when it is first asked for."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'dovetail' has no attribute '{name}'")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
