"""`--to onnx`: the network as an ONNX model, its weights zero or random."""

from __future__ import annotations

from dovetail.export_command import Export
from dovetail.faults import CommandLineFault
from dovetail.inputs import KIND_NAMES, kind_of, read_settings, share_settings
from dovetail.onnx_files import check_installed, export_onnx


def write(asked: Export) -> str:
    """Write the model; what was written, in words."""
    if len(asked.files) != 1 or kind_of(asked.files[0]) != "net":
        given = " and ".join(KIND_NAMES[kind_of(path)] for path in asked.files) or "nothing"
        raise CommandLineFault(
            f"an ONNX model is made of one network, not of {given}",
            ["dovetail export NET.net --to onnx -o NET.onnx"],
        )
    check_installed()
    from dovetail.dsl.loading import load_network_design

    (path,) = asked.files
    settings = share_settings(read_settings(asked.settings), [path])[path]
    network = load_network_design(path, settings).network
    random = asked.dialect == "random"
    try:
        export_onnx(network, asked.output, batch=asked.batch, weights="random" if random else "zero")
    except OSError as fault:
        raise CommandLineFault(f"`{asked.output}` cannot be written: {fault.strerror}") from fault
    kind = "random" if random else "zero"
    return f"wrote {asked.output}: {len(network)} layers of `{network.name}` with {kind} weights\n"
