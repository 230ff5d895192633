"""A run as one page: what it found, with designs of its front evaluated again, layer by layer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.console import complain
from dovetail.dsl.diagnostics import DovetailError
from dovetail.dsl.problem import Bits
from dovetail.evaluation import evaluate
from dovetail.explorer.explore import baseline_of
from dovetail.explorer.points import mapped_for
from dovetail.explorer.report.data_run import shown_in_full
from dovetail.explorer.report.run_page import run_page
from dovetail.explorer.report.run_source import read_run
from dovetail.explorer.space import StudySpace
from dovetail.report_source import Sides, source_of

if TYPE_CHECKING:
    from dovetail.explorer.report.data_run import Run
    from dovetail.explorer.report.records import Source
    from dovetail.explorer.runs import RunFolder

DESIGNS = 24
"""Designs of the front that are evaluated again, unless said."""


def report_page(folder: RunFolder, designs: int = DESIGNS, baseline: tuple[Path, Path] | None = None) -> str:
    """The HTML of a run; `baseline` takes the place of its study's.

    Raises ValueError for fewer than no designs, DovetailError where a file of the run cannot be read.
    """
    if designs < 0:
        raise ValueError(f"{designs} designs in full: there are not fewer than none")
    study = folder.request.load()
    if baseline is not None:
        study = replace(study, baseline=baseline)
    space = StudySpace(study)
    found = read_run(folder, study, space.designs, baseline_of(folder.request, study))
    return run_page(found, _details(found, space, designs))


def _details(found: Run, space: StudySpace, most: int) -> dict[int, Source]:
    """The designs that are shown in full, evaluated again; one that cannot be is left out, and said."""
    details = {}
    for point in shown_in_full(found, most) if found.front and most else ():
        try:
            details[point] = evaluated(int(found.names[point].partition(".")[0]), space)
        except DovetailError as fault:
            complain(f"warning: design {found.names[point]} is not shown in full: {fault}")
    return details


def evaluated(index: int, space: StudySpace) -> Source:
    """A point of a space, evaluated layer by layer as the study says."""
    place = space.decode(index)
    network_side, accelerator_side = space.networks[place.network], space.accelerators[place.accelerator]
    network = network_side.elaborate(place.network_number).design
    accelerator = accelerator_side.elaborate(place.accelerator_number).design
    if network is None or accelerator is None:
        raise ValueError(f"point {index} is no design")
    architecture = accelerator.architecture
    bits, dataflow = space.bits[place.bits], space.dataflows[place.dataflow]
    widths = architecture.bits if bits is None else Bits(bits, bits, bits, max(bits, architecture.bits.sums))
    study = space.study
    evaluation = evaluate(
        network.at(widths), architecture, mapped_for(study), study.batch, dataflow, mapper=study.mapper
    )
    asked = {"bits": bits, "dataflow": dataflow}
    options = tuple((name, str(value)) for name, value in asked.items() if value is not None)
    sides: Sides = [(network_side.path, network), (accelerator_side.path, accelerator)]
    return source_of(evaluation, sides, options)
