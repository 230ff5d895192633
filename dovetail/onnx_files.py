"""ONNX files in and out: `import_onnx`, `export_onnx`. The package `onnx` is an extra, imported late."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.faults import CommandLineFault

if TYPE_CHECKING:
    from typing import Literal

    from dovetail.dsl.network import Network
    from dovetail.dsl.onnx.importing import Imported

EXTRA = "pip install 'dovetail-dse[onnx]'"


def check_installed() -> None:
    """Raise CommandLineFault where the package `onnx` is not there."""
    if find_spec("onnx") is None:
        raise CommandLineFault("the package `onnx`, which reads and writes models, is missing", [EXTRA])


def import_onnx(
    path: str | Path, *, dims: Mapping[str, int] | None = None, partial: bool = False
) -> Imported:
    """The network in an ONNX file: its `text`, the `network` that the text builds, `warnings`.

    `dims` gives sizes that the model leaves open (batch apart, which is 1); with `partial` what unsupported
    operators make comes in as inputs. Raises DovetailError for a model that is refused, CommandLineFault
    where the package `onnx` is missing.
    """
    check_installed()
    from dovetail.dsl.onnx.importing import import_file

    return import_file(path, dims, partial=partial)


def export_onnx(
    network: Network,
    path: str | Path,
    *,
    batch: int = 1,
    weights: Literal["zero", "random"] = "zero",
    seed: int = 0,
) -> None:
    """Write a network as an ONNX model with zero or random weights.

    Raises DovetailError (E1508) for operators that ONNX has not, CommandLineFault where the package `onnx` is
    missing, OSError where the file cannot be written.
    """
    check_installed()
    from dovetail.dsl.onnx.exporting import export_network

    model = export_network(network, batch=batch, weights=weights, seed=seed)
    Path(path).write_bytes(model.SerializeToString())
