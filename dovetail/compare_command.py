"""`dovetail compare NET ACCEL --with TOOL`: the same layers in another tool, side by side with our
numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from dovetail.comparison import Comparison
from dovetail.console import display, signs, write
from dovetail.evaluate_command import Request
from dovetail.evaluation import Evaluation
from dovetail.export_command import make_folder
from dovetail.faults import GOOD, CommandLineFault
from dovetail.same_layers import evaluated

Compare = Callable[[Evaluation, Path, str | None, float], Comparison]

TOOLS: Final = {
    "timeloop": "dovetail.compare_timeloop",
    "accelforge": "dovetail.compare_accelforge",
    "scalesim": "dovetail.compare_scalesim",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """What the command line asks."""

    request: Request
    tool: str
    python: str | None = None
    keep: Path | None = None
    seconds: float = 600
    as_json: bool = False
    search: bool = False
    """Let the other tool's mapper choose."""


def run(asked: Compared) -> int:
    """Compare, print, return the exit status."""
    if asked.tool not in TOOLS:
        from dovetail.dsl.diagnostics import did_you_mean

        known = f"known are {', '.join(TOOLS)}"
        raise CommandLineFault(
            f"there is no tool `{asked.tool}` to compare with",
            [*did_you_mean(asked.tool, list(TOOLS)), known],
        )
    python = asked.python
    if python is not None and "/" in python:
        python = str(Path(python).absolute())  # it is run in other folders
    evaluation = evaluated(asked.request)
    compare = _comparison(asked)
    if asked.keep is not None:
        comparison = compare(evaluation, make_folder(asked.keep).absolute(), python, asked.seconds)
    else:
        with TemporaryDirectory(prefix="dovetail-") as folder:
            comparison = compare(evaluation, Path(folder), python, asked.seconds)
    if asked.as_json:
        from dovetail.comparison_json import comparison_json
        from dovetail.jsonout import dump

        write(dump(comparison_json(comparison)))
    else:
        from dovetail.comparison_table import comparison_view

        one = len(comparison.pairs) == 1
        display(comparison_view(comparison, signs(), every_count=one))
    return GOOD


def _comparison(asked: Compared) -> Compare:
    """How to compare with the tool."""
    if not asked.search:
        compare: Compare = import_module(TOOLS[asked.tool]).compare
        return compare
    if asked.tool != "timeloop":
        raise CommandLineFault(f"`--search` is for Timeloop's mapper, not for {asked.tool}")
    from dovetail.compare_timeloop import compare_searched

    return lambda evaluation, folder, python, seconds: compare_searched(evaluation, folder, seconds)
