"""The programs themselves: where they are, a run of one case, and how to get them.

`timeloop-model` and `timeloop-mapper` are looked for on the PATH, or where `DOVETAIL_TIMELOOP_MODEL` and
`DOVETAIL_TIMELOOP_MAPPER` say. Without `timeloop-model`, pytimeloop does the same in a Python: the one that
is named, that of `DOVETAIL_TIMELOOP_PYTHON`, or this one.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from dovetail.costmodel.external import ExternalFault, find, read_output, run
from dovetail.costmodel.timeloop.case import Case
from dovetail.costmodel.timeloop.mapspace import Open
from dovetail.costmodel.timeloop.results import priced
from dovetail.costmodel.timeloop.statistics import Statistics, Unreadable, read_statistics
from dovetail.costmodel.timeloop.tree_v3 import mapper_tree, model_tree
from dovetail.costmodel.yaml_text import yaml_text

VARIABLES: Final = {
    "timeloop-model": "DOVETAIL_TIMELOOP_MODEL",
    "timeloop-mapper": "DOVETAIL_TIMELOOP_MAPPER",
}

HOW_TO_GET: Final = (
    "Timeloop is built from source: github.com/NVlabs/timeloop, or taken from the container "
    "timeloopaccelergy/accelergy-timeloop-infrastructure",
    "pytimeloop in a Python that --python names (or DOVETAIL_TIMELOOP_PYTHON) does as well",
    "`dovetail export NET ACCEL --to timeloop -o DIR` writes its input without it",
)

PYTHON_VARIABLE: Final = "DOVETAIL_TIMELOOP_PYTHON"

PYTIMELOOP: Final = """\
import sys
from pathlib import Path
from pytimeloop.app import ModelApp
text = Path(sys.argv[1]).read_text()
try:
    app = ModelApp(text, default_out_dir=".")
except TypeError:
    app = ModelApp(text, ".")
result = app.run()
if not hasattr(result, "pretty_print_stats"):
    sys.exit("this pytimeloop evaluates the mapping but prints no statistics: its model says " + repr(result))
Path("timeloop-model.stats.txt").write_text(result.pretty_print_stats())
"""
"""What a Python with pytimeloop runs: the same input as the program's, the same statistics."""

METRICS: Final = {"edp": "edp", "energy": "energy", "latency": "delay"}
"""What the mapper calls our objectives."""

EVERY_STEP: Final = 200_000
"""Steps up to which a case that Timeloop extrapolates wrongly is walked in full instead."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a program found for a case, and the folder with everything that it read and wrote."""

    statistics: Statistics
    folder: Path
    command: tuple[str, ...]


def program(name: str) -> str:
    """The path of `timeloop-model` or `timeloop-mapper`; raises ExternalFault that says how to get it."""
    found = find(name, VARIABLES[name])
    if found is None:
        help = (*HOW_TO_GET, f"{VARIABLES[name]} may name it where it is not on the PATH")
        raise ExternalFault(f"`{name}` is not installed, or not on the PATH", help=help)
    return found


@dataclass(frozen=True, slots=True)
class Runner:
    """What evaluates a case: the command before the name of the input, and a script that it needs."""

    command: tuple[str, ...]
    script: str | None = None


def model_runner(python: str | None = None) -> Runner:
    """`timeloop-model`, else pytimeloop in `python`; raises ExternalFault that says how to get one."""
    found = find("timeloop-model", VARIABLES["timeloop-model"])
    if found is not None:
        return Runner((found,))
    python = python or os.environ.get(PYTHON_VARIABLE)
    if python is None and find_spec("pytimeloop") is not None:
        python = sys.executable
    if python is not None:
        return Runner((python, "run_pytimeloop.py"), PYTIMELOOP)
    return Runner((program("timeloop-model"),))


def run_model(case: Case, folder: Path, seconds: float = 600, runner: Runner | None = None) -> Run:
    """Evaluate the mapping of `case` with `timeloop-model` in `folder`, which is made; raises
    ExternalFault.
    """
    runner = runner or model_runner()
    ran = _run("timeloop-model", yaml_text(model_tree(case)), case, folder, seconds, runner)
    if runner.script is None:
        return ran
    # pytimeloop takes no energies from outside.
    return Run(priced(ran.statistics, case), ran.folder, ran.command)


def run_mapper(given: Open, folder: Path, metric: str = "edp", seconds: float = 600) -> Run:
    """Let `timeloop-mapper` find a mapping; raises ExternalFault."""
    runner = Runner((program("timeloop-mapper"),))
    text = yaml_text(mapper_tree(given, metric))
    return _run("timeloop-mapper", text, given.case, folder, seconds, runner)


def environment(case: Case) -> dict[str, str]:
    """Its rules that come nearest to ours: no free transfers between neighbours, and where its extrapolation
    of
    repeated steps is wrong, all steps walked."""
    settings = {}
    if not any(level.neighbours for level in case.levels):
        settings["TIMELOOP_DISABLE_LINK_TRANSFERS"] = "1"
    if extrapolates(case) and steps(case) <= EVERY_STEP:
        settings["TIMELOOP_DISABLE_TEMPORAL_EXTRAPOLATION"] = "1"
    return settings


def steps(case: Case) -> int:
    """Temporal iterations of the whole nest."""
    total = 1
    for level in case.levels:
        for factor in level.temporal:
            total *= factor.end
    return total


def extrapolates(case: Case) -> bool:
    """Whether Timeloop's extrapolation may be off: imperfect factors, or a kernel loop inside one over
    pixels.
    """
    if case.imperfect:
        return True
    for pixel, kernel in (("P", "R"), ("Q", "S")):
        loops = [(f.dimension, f.end) for level in case.levels for f in level.temporal]
        pixels = [at for at, (d, end) in enumerate(loops) if d == pixel and end > 1]
        kernels = [at for at, (d, end) in enumerate(loops) if d == kernel and end > 2]
        if pixels and kernels and min(pixels) < max(kernels):
            return True
    return False


def _run(name: str, text: str, case: Case, folder: Path, seconds: float, runner: Runner) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "in.yaml").write_text(text, encoding="utf-8")
    if runner.script is not None:
        (folder / runner.command[-1]).write_text(runner.script, encoding="utf-8")
    written = folder / f"{name}.stats.txt"
    written.unlink(missing_ok=True)  # of a run before this one in the same folder
    help = ("`--keep DIR` keeps everything that it read and wrote",)
    ran = run((*runner.command, "in.yaml"), "Timeloop", folder, seconds, environment(case), help)
    printed = read_output(written, "Timeloop", ran, help)
    try:
        return Run(read_statistics(printed), folder, ran.command)
    except Unreadable as fault:
        raise ExternalFault(
            f"what Timeloop wrote into `{name}.stats.txt` cannot be read: {fault}",
            ran.command,
            ran.output,
            help,
        ) from fault
