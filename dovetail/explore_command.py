"""`dovetail explore`: carry a study out, go on with it, list and show runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.console import display, signs, write
from dovetail.faults import GOOD, INPUT_AT_FAULT, INTERRUPTED, CommandLineFault
from dovetail.inputs import kind_of, read_settings

if TYPE_CHECKING:
    from dovetail.exploration import Run
    from dovetail.explorer.explore import Where
    from dovetail.explorer.request import StudyRequest
    from dovetail.explorer.study import Options


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks."""

    files: tuple[Path, ...]
    minimize: tuple[str, ...] = ()
    maximize: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    baseline: tuple[Path, Path] | None = None
    engine: str | None = None
    seed: int | None = None
    time: str | None = None
    points: int | None = None
    bits: str | None = None
    dataflows: tuple[str, ...] = ()
    batch: int | None = None
    settings: tuple[str, ...] = ()
    mapped_for: str | None = None
    mapper: str | None = None
    runs: Path = Path("runs")
    run: Path | None = None
    resume: str | None = None
    show: str | None = None
    list_runs: bool = False
    workers: int | None = None
    scheduler: str | None = None
    export: Path | None = None
    everything: bool = False
    flip: tuple[str, str] | None = None
    metrics: tuple[str, ...] = ()
    as_json: bool = False


def run(request: Request) -> int:
    """Do what is asked, print, return the exit status."""
    if request.list_runs:
        return _list(request)
    if request.show is not None:
        from dovetail.exploration import Run

        return _print(Run.open(_named(request, request.show)), request)
    from dovetail.explorer.explore import Where

    where = Where(request.runs, request.run, request.workers, request.scheduler)
    return _carry_out(request, where)


def _carry_out(request: Request, where: Where) -> int:
    from dovetail import __version__
    from dovetail.exploration import Run
    from dovetail.explore_progress import Line
    from dovetail.explorer.explore import explore, resume

    with Line() as line:
        if request.resume is not None:
            if request.files:
                raise CommandLineFault("`--resume` takes what is asked from the run: no files beside it")
            folder = _named(request, request.resume)
            outcome = resume(folder, where, __version__, say=_say, watch=line.show)
        else:
            study = study_request(request.files, options_of(request))
            outcome = explore(study, where, __version__, say=_say, watch=line.show)
    found = Run.of(outcome)
    status = _print(found, request)
    if outcome.interrupted:
        _say(f"stopped: {outcome.rows} results are kept in {outcome.folder.path}; the same command goes on")
        return INTERRUPTED
    return status


def study_request(files: Sequence[Path], options: Options) -> StudyRequest:
    """A study's file, or networks and accelerators; latency and energy unless goals are given."""
    from dovetail.explorer.request import StudyRequest

    studies = [path for path in files if kind_of(path) == "study"]
    if studies:
        if len(files) > 1:
            raise CommandLineFault(
                "a study names its networks and accelerators itself",
                [f"`dovetail explore {studies[0]}`, or networks and accelerators without a study"],
            )
        return StudyRequest(str(studies[0]), (), (), options)
    for path in files:
        if kind_of(path) == "map":
            raise CommandLineFault(f"`{path}` is a mapping; what is explored is networks on accelerators")
    networks = tuple(str(path) for path in files if path.suffix == ".net")
    accelerators = tuple(str(path) for path in files if path.suffix == ".accel")
    if not networks or not accelerators:
        missing = "a network (`.net`)" if not networks else "an accelerator (`.accel`)"
        raise CommandLineFault(
            f"{missing} is missing", ["`dovetail explore STUDY` or `dovetail explore NET... ACCEL...`"]
        )
    if not options.minimize and not options.maximize:
        options = replace(options, minimize=("latency", "energy"))
    name = f"{Path(networks[0]).stem}-on-{Path(accelerators[0]).stem}"
    return StudyRequest(None, networks, accelerators, options, _word(name))


def _word(name: str) -> str:
    """As a name of the language."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name)


def options_of(request: Request) -> Options:
    """The goals and limits of a command line."""
    from dovetail.explorer.study import ENGINES, MAPPED_FOR, Options

    for name, value, known in (
        ("--engine", request.engine, ENGINES),
        ("--map-for", request.mapped_for, MAPPED_FOR),
        ("--mapper", request.mapper, ("greedy", "exact")),
    ):
        if value is not None and value not in known:
            raise CommandLineFault(f"`{name} {value}` is none of {', '.join(known)}")
    return Options(
        minimize=request.minimize,
        maximize=request.maximize,
        where=request.where,
        baseline=request.baseline,
        engine=request.engine,
        seed=request.seed,
        time_s=None if request.time is None else seconds_of(request.time),
        bits=() if request.bits is None else widths_of(request.bits),
        dataflows=request.dataflows,
        batch=request.batch,
        settings=tuple(read_settings(request.settings).items()),
        mapped_for=request.mapped_for,
        points=request.points,
        mapper=request.mapper,
        metrics=tuple(functions_of(request.metrics).items()),
    )


def functions_of(items: Sequence[str]) -> dict[str, str]:
    """`NAME=FILE.py:FUNCTION`, each name once."""
    found: dict[str, str] = {}
    for item in items:
        name, equals, source = item.partition("=")
        if not equals or not name.strip().isidentifier() or not source.strip():
            raise CommandLineFault(
                f"`--metric {item}` is not of the form NAME=FILE.py:FUNCTION",
                ["as in `--metric top1=accuracy.py:predicted`"],
            )
        if found.setdefault(name.strip(), source.strip()) != source.strip():
            raise CommandLineFault(f"`--metric {name}` is given twice")
    return found


def seconds_of(text: str) -> float:
    """`10 min`, `90 s`, `90`."""
    number, _, unit = text.strip().partition(" ")
    factors = {"": 1.0, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
    try:
        seconds = float(number) * factors[unit.strip()]
    except (ValueError, KeyError):
        raise CommandLineFault(f"`--time {text}` is no time", ["as in `--time '10 min'`"]) from None
    if not seconds > 0:
        raise CommandLineFault(f"`--time {text}` is no time to do anything in")
    return seconds


def widths_of(text: str) -> tuple[int, ...]:
    """`4,8,16`."""
    try:
        widths = tuple(int(part.strip().removesuffix("bit")) for part in text.split(","))
    except ValueError:
        raise CommandLineFault(f"`--bits {text}` is no list of widths", ["as in `--bits 4,8`"]) from None
    if any(not 1 <= width <= 256 for width in widths):
        raise CommandLineFault(f"`--bits {text}`: a width is 1 to 256 bits")
    return tuple(dict.fromkeys(widths))


def _named(request: Request, name: str) -> Path:
    """A run by its folder, or by its name below `--runs`."""
    direct = Path(name)
    return direct if direct.is_dir() else request.runs / name


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _list(request: Request) -> int:
    from dovetail.exploration_json import runs_json
    from dovetail.explore_table import runs_view
    from dovetail.explorer.runs import runs_in
    from dovetail.jsonout import dump

    found = runs_in(request.runs)
    if request.as_json:
        write(dump(runs_json(found)))
    elif found:
        display(runs_view(found, signs()))
    else:
        _say(f"there are no runs in {request.runs}")
    return GOOD


def _print(found: Run, request: Request) -> int:
    from dovetail.exploration_json import run_json
    from dovetail.explore_table import run_view
    from dovetail.jsonout import dump

    if request.export is not None:
        found.export(request.export)
    if request.flip is not None:
        return _print_flips(found, request, *request.flip)
    if request.as_json:
        write(dump(run_json(found)))
    else:
        display(run_view(found, signs(), everything=request.everything))
    if found.front:
        return GOOD
    for line in found.why_empty():
        _say(line)
    return INPUT_AT_FAULT


def _print_flips(found: Run, request: Request, a: str, b: str) -> int:
    from dovetail.flip_view import flips_json, flips_view
    from dovetail.jsonout import dump

    flips = found.flips(a, b, request.mapped_for)
    if request.as_json:
        write(dump(flips_json(flips)))
    else:
        display(flips_view(flips, signs()))
    return GOOD
