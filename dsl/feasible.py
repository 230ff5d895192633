"""The first design of a space: the first options, unless a requirement refuses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from dovetail.dsl.choices import DesignChooser
from dovetail.dsl.diagnostics import Collector, Severity
from dovetail.dsl.evaluator import MOST_STEPS

MOST_ATTEMPTS: Final = 1_000

Design = TypeVar("Design")


def first_feasible(
    attempt: Callable[[Collector, DesignChooser], Design | None], parsed: Collector, picks: Mapping[str, str]
) -> tuple[Design | None, Collector]:
    """The first design, in the order of its options, that meets every requirement, with what was found on it.

    Where none of the first `MOST_ATTEMPTS` does, or something else is wrong, what the first attempt found;
    all attempts together may take about as many steps as a single design.
    """
    problems, chooser = parsed.copy(), DesignChooser(picks)
    design = attempt(problems, chooser)
    refused, steps = problems, chooser.steps
    for _ in range(MOST_ATTEMPTS):
        answers = chooser.following()
        if design is not None or not only_unmet(problems) or answers is None or steps > MOST_STEPS:
            break
        problems, chooser = parsed.copy(), DesignChooser(picks, answers)
        design = attempt(problems, chooser)
        steps += chooser.steps
    return design, refused if design is None else problems


def only_unmet(problems: Collector) -> bool:
    """Whether requirements that are not met are all that is wrong."""
    errors = [d.code for d in problems.diagnostics if d.severity is Severity.ERROR]
    return bool(errors) and set(errors) == {"E0704"}
