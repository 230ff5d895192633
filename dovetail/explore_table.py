"""What `dovetail explore` prints: the answer, how sure it is, the front with what its designs choose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from dovetail.console import Signs
from dovetail.numbers import percent, power_of_ten, prefixed, significant, thousands
from dovetail.tables import heading, plain_table

if TYPE_CHECKING:
    from dovetail.exploration import Run
    from dovetail.explorer.engine import PointResult
    from dovetail.explorer.runs import RunFolder

MOST_ROWS: Final = 20
"""Designs of the front that are shown unless all are asked for."""

STEPS_SHOWN: Final = 5
"""Moments of a search at which its hypervolume is shown."""

MOST_CHOICES: Final = 8
"""Columns of choices."""


def run_view(run: Run, signs: Signs, *, everything: bool) -> RenderableType:
    """Heading, claim, the front as a table; choices that are the same all over it are said once."""
    report = run.summary
    rows, designs = int(report.get("rows") or 0), report.get("designs")
    facts = [f"{report.get('engine', '?')} engine", f"{thousands(rows)} points evaluated"]
    if designs:
        facts.insert(0, f"{power_of_ten(int(designs))} designs")
    text = heading(run.study.name, facts, signs)
    goals = [f"least {name}" for name in run.study.minimize]
    goals += [f"most {name}" for name in run.study.maximize]
    asked = ", ".join(goals)
    if run.study.where:
        asked += f"   where {', '.join(condition.text for condition in run.study.where)}"
    text.append(f"\n  {asked}")
    claim = str(report.get("claim", ""))
    text.append(f"\n  {claim}", "" if report.get("exact") else "dim")
    for line in _search_lines(run, signs):
        text.append(f"\n  {line}", "dim")
    front = list(run.front)
    same, varying = _choices(front)
    if same:
        text.append(f"\n  all of the front: {', '.join(f'{n} = {o}' for n, o in same.items())}", "dim")
    text.append(f"\n  in {run.path}", "dim")
    parts: list[RenderableType] = [text, Text()]
    shown = front if everything else _spread(front, MOST_ROWS)
    columns = varying if everything else varying[:MOST_CHOICES]
    names = [o.name for o in run.study.objectives]
    extra = [n for n in ("latency", "energy", "area") if n not in names]
    table = plain_table(
        ("", "left"),
        *((name, "right") for name in (*names, *extra)),
        *((name, "left") for name in columns),
    )
    units = run.folder.metrics
    for number, result in enumerate(front, start=1):
        if result in shown:
            values = [shown_value(result.metrics[n], units.get(n, "")) for n in (*names, *extra)]
            table.row(str(number), *values, *(result.choices.get(name, "") for name in columns))
    if run.baseline is not None and run.baseline.metrics:
        metrics = run.baseline.metrics
        values = [shown_value(metrics[n], units.get(n, "")) if n in metrics else "" for n in (*names, *extra)]
        table.row("baseline", *values, style="dim")
    parts.append(Padding(table, (0, 0, 0, 2), expand=False))
    if len(shown) < len(front) or len(columns) < len(varying):
        rest = [f"{len(front) - len(shown)} more designs"] if len(shown) < len(front) else []
        rest += [f"{len(varying) - len(columns)} more choices"] if len(columns) < len(varying) else []
        parts.append(Text(f"  {' and '.join(rest)} (--all)", style="dim"))
    return Group(*parts)


def _search_lines(run: Run, signs: Signs) -> list[str]:
    """Of a search: how its front grew, and how far its best designs are from their own bounds."""
    lines = []
    history = run.hypervolume()
    if len(history) > 1 and history[-1][1] > 0:
        end = history[-1][1]
        at = dict.fromkeys(round(i * (len(history) - 1) / (STEPS_SHOWN - 1)) for i in range(STEPS_SHOWN))
        steps = [f"{percent(history[i][1] / end)} after {thousands(history[i][0])}" for i in at]
        lines.append(f"hypervolume by points drawn: {', '.join(steps)}")
    details = run.summary.get("details") or {}
    ratios = [
        f"{name} {significant(float(details[key]))}{signs.times}"
        for name in ("latency", "energy", "edp")
        if (key := f"{name}_over_bound") in details
    ]
    if ratios:
        lines.append(f"the best over what no mapping of that design beats: {', '.join(ratios)}")
    return lines


def _choices(front: Sequence[PointResult]) -> tuple[dict[str, str], list[str]]:
    """The choices that all of the front make alike, and the names of the others."""
    names = list(dict.fromkeys(name for result in front for name in result.choices))
    same, varying = {}, []
    for name in names:
        options = {result.choices.get(name) for result in front}
        if len(options) == 1:
            same[name] = str(options.pop())
        else:
            varying.append(name)
    return same, varying


def _spread(front: Sequence[PointResult], most: int) -> list[PointResult]:
    """Some of the front, from its one end to the other."""
    if len(front) <= most:
        return list(front)
    return [front[round(i * (len(front) - 1) / (most - 1))] for i in range(most)]


def shown_value(value: float, unit: str) -> str:
    """A metric as people read it."""
    match unit:
        case "pJ":
            return prefixed(value * 1e-12, "J")
        case "s" | "W" | "B":
            return prefixed(value, unit)
        case "mm2":
            return f"{significant(value)} mm2"
        case "":
            return thousands(int(value)) if float(value).is_integer() and abs(value) < 1e7 else f"{value:.4g}"
        case _:
            return f"{value:.4g} {unit}"


def runs_view(runs: Sequence[RunFolder], signs: Signs) -> RenderableType:
    """A line for each run."""
    table = plain_table(
        ("run", "left"), ("engine", "left"), ("points", "right"), ("front", "right"), ("", "text")
    )
    for run in runs:
        report = run.report()
        asked = ", ".join(f"{d} {name}" for d, name in run.specification.question["objectives"])
        if report is None:
            table.row(run.path.name, run.specification.engine, "", "", f"{asked}: was not ended")
            continue
        state = "" if report["finished"] else ": stopped early"
        table.row(
            run.path.name,
            run.specification.engine,
            thousands(int(report["rows"])),
            thousands(int(report["front"])),
            f"{asked}{state}",
        )
    return table
