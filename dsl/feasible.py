"""The first design of a space: the first options, unless a requirement refuses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from dovetail.dsl.choices import DesignChooser
from dovetail.dsl.diagnostics import Collector, Diagnostic, Severity
from dovetail.dsl.evaluator import MOST_STEPS

MOST_ATTEMPTS: Final = 1_000

Design = TypeVar("Design")


def first_feasible(
    attempt: Callable[[Collector, DesignChooser], Design | None], parsed: Collector, picks: Mapping[str, str]
) -> tuple[Design | None, Collector]:
    """The first design, in the order of its options, that meets every requirement, with what was found on it.

    Where none of the first `MOST_ATTEMPTS` does, every requirement that refused one; where something else is
    wrong, what the first attempt found. All attempts together may take about as many steps as a single
    design.
    """
    problems, chooser = parsed.copy(), DesignChooser(picks)
    design = attempt(problems, chooser)
    refused, steps, tried = problems, chooser.steps, [problems]
    answers: tuple[int, ...] | None = None
    for _ in range(MOST_ATTEMPTS):
        answers = chooser.following()
        if design is not None or not only_unmet(problems) or answers is None or steps > MOST_STEPS:
            break
        problems, chooser = parsed.copy(), DesignChooser(picks, answers)
        design = attempt(problems, chooser)
        tried.append(problems)
        steps += chooser.steps
    if design is not None:
        return design, problems
    if len(tried) > 1 and only_unmet(problems):
        return None, _contradiction(parsed, tried, every=answers is None)
    return None, refused


def _contradiction(parsed: Collector, tried: Sequence[Collector], *, every: bool) -> Collector:
    """Every requirement that refused a design, once, and that together they leave none."""
    which = f"each of the {len(tried)} designs" if every else f"each of the first {len(tried)} designs"
    help = f"{which} breaks a requirement named here"
    unmet: dict[object, Diagnostic] = {}
    found = parsed.copy()
    for problems in tried:
        for d in problems.diagnostics:
            if d.code == "E0704":
                span = d.primary.span if d.primary is not None else None
                unmet.setdefault(span, replace(d, help=(*d.help, help)))
    for diagnostic in unmet.values():
        found.add(diagnostic)
    return found


def only_unmet(problems: Collector) -> bool:
    """Whether requirements that are not met are all that is wrong."""
    errors = [d.code for d in problems.diagnostics if d.severity is Severity.ERROR]
    return bool(errors) and set(errors) == {"E0704"}
