"""`dovetail diff A B`: two evaluations, or two designs, and the terms that explain their difference."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from dovetail.console import display, signs, write
from dovetail.difference import difference
from dovetail.difference_table import Changed, difference_json, difference_view
from dovetail.dsl.diagnostics import Diagnostic, DovetailError
from dovetail.evaluate_command import Request, load
from dovetail.evaluation import UnknownName, evaluate, objective_of
from dovetail.evaluation_json import evaluation_json
from dovetail.explorer.report.records import BadRecord, Evaluation, InputFile, read_evaluation
from dovetail.faults import GOOD, CommandLineFault
from dovetail.inputs import networks_and_accelerators, read_settings
from dovetail.jsonout import dump
from dovetail.report_source import input_file

HELP = (
    "`dovetail diff before.json after.json`, as written by `dovetail evaluate --json`",
    "`dovetail diff NET before.accel after.accel`, or two networks on one accelerator",
    "`dovetail diff NET ACCEL --to NAME=VALUE`",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks."""

    files: tuple[Path, ...]
    settings: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    """Settings of the second side alone."""
    objective: str = "edp"
    batch: int = 1
    everything: bool = False
    as_json: bool = False


def run(asked: Asked) -> int:
    """Compare, print, return the exit status."""
    before, after, changed = _read(asked) if _recorded(asked) else _evaluated(asked)
    found = difference(before, after)
    if asked.as_json:
        write(dump(difference_json(found, changed)))
    else:
        display(difference_view(found, changed, signs(), everything=asked.everything))
    return GOOD


def _recorded(asked: Asked) -> bool:
    """Whether evaluations are given, rather than designs."""
    recorded = [path for path in asked.files if path.suffix == ".json"]
    if not recorded:
        return False
    if len(recorded) != 2 or len(asked.files) != 2:
        raise CommandLineFault("`diff` compares two evaluations", HELP)
    if asked.settings or asked.changes:
        raise CommandLineFault("an evaluation that was written has nothing to set", HELP[2:])
    return True


def _read(asked: Asked) -> tuple[Evaluation, Evaluation, Changed]:
    before, after = (_evaluation(path) for path in asked.files)
    facts = (
        ("network", before.network, after.network),
        ("accelerator", before.accelerator, after.accelerator),
        ("mapped for", before.objective, after.objective),
        ("batch", str(before.batch), str(after.batch)),
        ("clock", f"{before.clock_hz / 1e6:g} MHz", f"{after.clock_hz / 1e6:g} MHz"),
    )
    return before, after, [fact for fact in facts if fact[1] != fact[2]]


def _evaluation(path: Path) -> Evaluation:
    """An evaluation in a file; raises DovetailError where it is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise BadRecord("it is no object")
        return read_evaluation(found)
    except OSError as fault:
        raise CommandLineFault(f"`{path}` cannot be read: {fault.strerror}") from fault
    except ValueError as fault:  # not UTF-8, not JSON, or not ours
        message = f"`{path}` is no evaluation: {fault}"
        help = ("`dovetail evaluate NET ACCEL --json` prints one",)
        raise DovetailError([Diagnostic("E1401", message, help=help)]) from fault


def _evaluated(asked: Asked) -> tuple[Evaluation, Evaluation, Changed]:
    networks, accelerators = networks_and_accelerators(asked.files)
    both = sorted((len(networks), len(accelerators)))
    if both != ([1, 1] if asked.changes else [1, 2]):
        raise CommandLineFault("`diff` compares two designs: two files of a kind, one of the other", HELP)
    pairs = [(n, a) for n in networks for a in accelerators]
    first = _sides(asked, pairs[0], asked.settings)
    second = _sides(asked, pairs[-1], (*_without(asked.settings, asked.changes), *asked.changes))
    changed = [fact for old, new in zip(first[1], second[1], strict=True) for fact in _changes(old, new)]
    return first[0], second[0], changed


def _without(settings: tuple[str, ...], changes: tuple[str, ...]) -> tuple[str, ...]:
    """What is set for both sides and not set anew for the second."""
    anew = read_settings(changes)
    return tuple(item for item in settings if item.partition("=")[0].strip() not in anew)


def _sides(
    asked: Asked, files: tuple[Path, Path], settings: tuple[str, ...]
) -> tuple[Evaluation, tuple[InputFile, InputFile]]:
    request = Request(files, settings=settings)
    try:
        objective = objective_of(asked.objective)
        [network], [accelerator] = load(request)
        found = evaluate(network, accelerator, objective, asked.batch)
    except UnknownName as fault:
        raise CommandLineFault(fault.message, fault.help) from fault
    inputs = input_file(files[0], network), input_file(files[1], accelerator)
    return read_evaluation(evaluation_json(found)), inputs


def _changes(old: InputFile, new: InputFile) -> Changed:
    before, after = dict(old.settings), dict(new.settings)
    names = dict.fromkeys([*before, *after])
    changed = [(n, before.get(n, "-"), after.get(n, "-")) for n in names if before.get(n) != after.get(n)]
    if old.name != new.name:
        changed.insert(0, ("file", old.name, new.name))
    elif not changed and replace(old, settings=()) != replace(new, settings=()):
        changed.insert(0, ("file", old.sha256[:12], new.sha256[:12]))
    return changed
