"""Timeloop beside our model: the same mapping through `timeloop-model`, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dovetail.comparison import Comparison, Numbers, Pair, Reason, Words
from dovetail.costmodel.evaluate import Cost
from dovetail.costmodel.external import ExternalFault
from dovetail.costmodel.timeloop.case import Inexpressible
from dovetail.costmodel.timeloop.prepare import BY_ITS_RULES, Prepared, left_open, prepare
from dovetail.costmodel.timeloop.program import (
    METRICS,
    Runner,
    extrapolates,
    model_runner,
    program,
    run_mapper,
    run_model,
)
from dovetail.costmodel.timeloop.results import cost_of
from dovetail.costmodel.timeloop.statistics import Unreadable
from dovetail.costmodel.timeloop.view import differing
from dovetail.evaluation import Evaluation
from dovetail.export_command import file_name
from dovetail.reasons import unexplained, unhidden
from dovetail.same_layers import with_macs

SEARCHED = "timeloop-mapper chose a mapping of its own{}: what differs is of another mapping"


def compare(evaluation: Evaluation, folder: Path, python: str | None, seconds: float) -> Comparison:
    """The same mappings in both, by `timeloop-model` or by pytimeloop in `python`. Raises ExternalFault."""
    return _compare(evaluation, folder, seconds, model_runner(python))


def compare_searched(evaluation: Evaluation, folder: Path, seconds: float) -> Comparison:
    """Our mappings beside those that `timeloop-mapper` finds; raises ExternalFault."""
    program("timeloop-mapper")
    return _compare(evaluation, folder, seconds, None)


def _compare(evaluation: Evaluation, folder: Path, seconds: float, runner: Runner | None) -> Comparison:
    """With a runner of mappings, else against what the mapper finds."""
    cost = evaluation.cost
    pairs, left_out = [], []
    for layer in with_macs(evaluation):
        try:
            prepared = prepare(layer, cost.architecture, cost.prices)
        except Inexpressible as reason:
            left_out.append((layer.name, str(reason)))
            continue
        place = folder / file_name(layer.name)
        case, reasons = prepared.case, notes(prepared)
        if runner is None:
            given = left_open(prepared, cost.architecture, cost.prices)
            under = f" under {given.dataflow}" if given.dataflow is not None else ""
            case, reasons = given.case, (SEARCHED.format(under), *given.notes, *reasons)
            ran = run_mapper(given, place, METRICS[str(cost.objective)], seconds)
        else:
            ran = run_model(case, place, seconds, runner)
        try:
            theirs = cost_of(ran.statistics, case, cost.architecture)
        except Unreadable as fault:
            raise ExternalFault(f"what Timeloop wrote cannot be read: {fault}", ran.command) from fault
        pair = Pair(layer.name, numbers(prepared.cost), numbers(theirs), ())
        pairs.append(replace(pair, reasons=tuple(_reasons(pair, prepared, reasons, searched=runner is None))))
    architecture = cost.architecture
    return Comparison(
        cost.network.name,
        architecture.name,
        architecture.clock_hz,
        "Timeloop",
        None,
        tuple(pairs),
        tuple(left_out),
    )


def _reasons(pair: Pair, prepared: Prepared, notes: Sequence[str], *, searched: bool) -> list[Reason]:
    """The notes; and where the mapping is the same, what explains counts and cycles that still differ."""
    if searched:
        return [Reason(note) for note in dict.fromkeys(notes)]
    # What is ours alone is said once, with how many cycles it is.
    found = [Reason(note) for note in dict.fromkeys(notes) if "are ours alone" not in note]
    moved = differing(prepared.case, prepared.cost.counts)
    keys = tuple(key for key in pair.differing if key[:2] in moved)
    if keys:
        found = [reason for reason in found if not reason.text.startswith(BY_ITS_RULES)]
        found.append(Reason(BY_ITS_RULES, keys))
    elif prepared.case.imperfect or extrapolates(prepared.case):
        return [*found, *unhidden(prepared.cost, pair.theirs)]
    return [*found, *unexplained(pair.differing, found), *unhidden(prepared.cost, pair.theirs)]


def numbers(cost: Cost) -> Numbers:
    """Words by memory, operand and action; dynamic energy."""
    words: Words = {}
    for holder in cost.counts.holders:
        for action in ("reads", "fills", "updates"):
            if action != "updates" or holder.operand == "outputs":
                words[holder.memory, holder.operand, action] = getattr(holder, action)
    return Numbers(cost.cycles, cost.energy_pj, words)


def notes(prepared: Prepared) -> tuple[str, ...]:
    """Differences of definition, that of extrapolation among them."""
    found = list(prepared.notes)
    if prepared.case.imperfect:
        found.append(
            "loops with a shorter last pass: Timeloop averages over passes, here each is counted as it is"
        )
    elif extrapolates(prepared.case):
        found.append(
            "a window slides in a loop inside that over its pixels: Timeloop extrapolates from two steps"
        )
    return tuple(found)
