"""`dovetail import MODEL.onnx -o MODEL.net`: a model of another tool as readable text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dovetail.console import complain, write
from dovetail.faults import GOOD, CommandLineFault
from dovetail.numbers import millions
from dovetail.onnx_files import import_onnx


def run(path: Path, output: Path | None, dims: Sequence[str], *, partial: bool) -> int:
    """Read the model, write the text (to standard output without `output`), return the exit status."""
    if output is not None and output.suffix != ".net":
        raise CommandLineFault(f"a network is called `.net`, not `{output.name}`", [f"-o {output.stem}.net"])
    if path.suffix in (".net", ".accel", ".study", ".map"):
        raise CommandLineFault(f"`{path}` is a file of Dovetail already", ["`import` reads ONNX models"])
    found = import_onnx(path, dims=_dims(dims), partial=partial)
    if found.warnings:
        from dovetail.dsl.diagnostics import render

        complain(render(found.warnings) + "\n")
    if output is None:
        write(found.text)
        return GOOD
    try:
        output.write_text(found.text, encoding="utf-8")
    except OSError as fault:
        raise CommandLineFault(f"`{output}` cannot be written: {fault.strerror}") from fault
    network = found.network
    facts = f"{len(network)} layers, {millions(network.macs)} M MACs, {millions(network.params)} M parameters"
    write(f"wrote {output}: network `{network.name}`, {facts}\n")
    return GOOD


def _dims(items: Sequence[str]) -> dict[str, int]:
    """`NAME=VALUE`, each name once."""
    dims: dict[str, int] = {}
    for item in items:
        name, equals, value = item.rpartition("=")
        if not equals or not name.strip() or not value.strip().isdecimal():
            raise CommandLineFault(
                f"`--dim {item}` is not of the form NAME=NUMBER", ["as in `--dim tokens=128`"]
            )
        if dims.setdefault(name.strip(), int(value)) != int(value):
            raise CommandLineFault(f"`{name}` is given twice: as {dims[name.strip()]} and as {int(value)}")
    return dims
