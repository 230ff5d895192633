"""Which designs `--flip A B` means, and what would turn them round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dovetail.costmodel.selection import Objective
from dovetail.explorer.flip import flips
from dovetail.explorer.point_cost import baseline_cost, cost_of
from dovetail.explorer.points import Refused, mapped_for
from dovetail.explorer.space import StudySpace
from dovetail.faults import CommandLineFault
from dovetail.flip_view import GOALS, Flips

if TYPE_CHECKING:
    from dovetail.costmodel.layer_cost import NetworkCost
    from dovetail.exploration import Run


def flips_of(run: Run, a: str, b: str, objective: str | None) -> Flips:
    """As `Run.flips`."""
    goal = mapped_for(run.study) if objective in (None, "auto") else Objective(objective)
    space = StudySpace(run.study)
    first, second = (_named(run, space, name, goal) for name in (a, b))
    if not first.value < second.value:
        equal = "as good as" if first.value == second.value else "better than"
        raise CommandLineFault(
            f"`--flip {a} {b}`: by {GOALS[str(goal)]} {_said(b)} is {equal} {_said(a)} already",
            [f"`--flip {b} {a}` asks the reverse", "`--map-for latency` (or energy, edp) says by what"],
        )
    return Flips((_said(a), _said(b)), first, second, flips(first, second, goal))


def _said(name: str) -> str:
    return f"design {name}" if name.isdigit() else name


def _named(run: Run, space: StudySpace, name: str, goal: Objective) -> NetworkCost:
    try:
        if name == "baseline":
            if run.study.baseline is None:
                raise CommandLineFault("`--flip`: there is no baseline", ["`--baseline NET ACCEL` gives one"])
            return baseline_cost(run.study, goal)
        return cost_of(space, _index(run, name), goal)
    except Refused as fault:
        raise CommandLineFault(f"`--flip`: {_said(name)} cannot run: {fault}") from fault
    except IndexError as fault:
        raise CommandLineFault(f"`--flip {name}`: {fault}") from fault


def _index(run: Run, name: str) -> int:
    """The number of the point that a name stands for."""
    if name.removeprefix("#").isdecimal():
        number = int(name.removeprefix("#"))
        if name.startswith("#"):
            return number
        if 1 <= number <= len(run.front):
            return int(run.front[number - 1].index)
    few = f"a number from 1 to {len(run.front)}, as the front is printed"
    raise CommandLineFault(
        f"`--flip {name}` is no design of this run",
        [few if run.front else "its front has no design", "`#` and the number of a point, or `baseline`"],
    )
