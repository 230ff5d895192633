"""`dovetail report RUN`: the run as one page of HTML that opens offline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dovetail.explorer.runs import open_run
from dovetail.faults import GOOD, CommandLineFault
from dovetail.report_source import write_page
from dovetail.run_report import DESIGNS, report_page


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks."""

    run: Path
    output: Path
    designs: int = DESIGNS
    baseline: tuple[Path, Path] | None = None


def run(asked: Asked) -> int:
    """Read the run, evaluate the designs that are shown in full, write the page, return the exit status."""
    if asked.designs < 0:
        raise CommandLineFault(f"`--designs {asked.designs}`: designs in full are not fewer than none")
    write_page(asked.output, report_page(open_run(asked.run), asked.designs, asked.baseline))
    return GOOD
