"""What a report is made from: an evaluation with both sides as JSON, the hashes of its files, versions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from dovetail import __version__
from dovetail.accel.mapping_picture import draw_data
from dovetail.console import complain
from dovetail.evaluation_json import evaluation_json
from dovetail.explorer.content import model_digest
from dovetail.explorer.report.records import InputFile, Source, read_evaluation
from dovetail.faults import CommandLineFault
from dovetail.jsonout import accelerator_json, network_json, parameters_json

if TYPE_CHECKING:
    from dovetail.accel.loading import AcceleratorDesign
    from dovetail.dsl.loading import NetworkDesign
    from dovetail.evaluation import Evaluation

Sides: TypeAlias = "Sequence[tuple[Path, NetworkDesign | AcceleratorDesign]]"


def source_of(evaluation: Evaluation, designs: Sides, options: Sequence[tuple[str, str]] = ()) -> Source:
    """Everything that the report of an evaluation needs; `designs` are its two sides with their files."""
    cost = evaluation.cost
    return Source(
        read_evaluation(evaluation_json(evaluation)),
        accelerator_json(cost.architecture, cost.prices, {}),
        network_json(cost.network, {}),
        {
            layer.name: draw_data(layer.mapping, layer.problem)
            for layer in cost.layers
            if layer.mapping is not None
        },
        tuple(input_file(path, design) for path, design in designs),
        (("Dovetail", __version__), ("its cost model", model_digest())),
        tuple(options),
    )


def input_file(path: Path, design: NetworkDesign | AcceleratorDesign) -> InputFile:
    """A file with its hash, its parameters and the choices made in it."""
    settings = {name: str(value) for name, value in parameters_json(design.parameters).items()}
    settings |= {choice.site.path: choice.option for choice in design.choices}
    return InputFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), tuple(settings.items()))


def write_page(path: Path, page: str) -> None:
    """Write a report, and say so; raises CommandLineFault where that is not possible."""
    try:
        path.write_bytes(page.encode("utf-8"))
    except OSError as fault:
        raise CommandLineFault(f"`{path}` cannot be written: {fault.strerror}") from fault
    complain(f"wrote {path}")
