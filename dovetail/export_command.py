"""`dovetail export NET [ACCEL] --to TARGET -o PATH`: the same problem for another tool.

A target is one entry of `TARGETS`; its module has `write(Export) -> str`, which says what it wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from dovetail.console import write
from dovetail.evaluate_command import Request
from dovetail.faults import GOOD, CommandLineFault


@dataclass(frozen=True, slots=True)
class Export:
    """What the command line asks."""

    request: Request
    """Files, and how each layer is mapped."""
    to: str
    output: Path
    dialect: str | None = None
    imperfect: bool = False
    """Timeloop: mappings as they are; otherwise only factors that divide, for which its counts are exact."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The network, and the accelerator where there is one."""
        return self.request.files

    @property
    def settings(self) -> tuple[str, ...]:
        """`NAME=VALUE` as given."""
        return self.request.settings

    @property
    def batch(self) -> int:
        """Images at once."""
        return self.request.batch


@dataclass(frozen=True, slots=True)
class Target:
    """Another tool's input: what is written, where the code is, and its dialects (the first is taken unless
    named)."""

    name: str
    writes: str
    module: str
    dialects: tuple[str, ...] = ()


TARGETS: Final = (
    Target("timeloop", "a folder for each layer", "dovetail.export_timeloop", ("v3", "v4")),
    Target("accelforge", "a specification for each layer", "dovetail.export_accelforge"),
    Target("scalesim", "a topology and configurations", "dovetail.export_scalesim"),
    Target("onnx", "a model with zero or random weights", "dovetail.export_model", ("zero", "random")),
)


def run(asked: Export) -> int:
    """Write the files, say what was written, return the exit status."""
    target = next((t for t in TARGETS if t.name == asked.to), None)
    if target is None:
        from dovetail.dsl.diagnostics import did_you_mean

        names = [t.name for t in TARGETS]
        raise CommandLineFault(
            f"there is no target `{asked.to}`",
            [*did_you_mean(asked.to, names), f"known are {', '.join(names)}"],
        )
    if asked.dialect is not None and asked.dialect not in target.dialects:
        known = f"known are {', '.join(target.dialects)}" if target.dialects else "it has only one form"
        raise CommandLineFault(f"`{target.name}` has no dialect `{asked.dialect}`", [known])
    write(import_module(target.module).write(asked))
    return GOOD


def make_folder(path: Path) -> Path:
    """A folder to write into; raises CommandLineFault where there cannot be one."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise CommandLineFault(f"`{path}` cannot be a folder: {fault.strerror or fault}") from fault
    return path


def file_name(layer: str) -> str:
    """A layer's name as the name of a file or folder."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in layer).lstrip(".") or "_"
