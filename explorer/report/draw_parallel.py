"""Parallel coordinates: a line for each design, across its choices and its objectives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dovetail.explorer.report import quantities as q
from dovetail.explorer.report.data_run import NOT_MADE, Run, effects, places, sample
from dovetail.explorer.report.frame import path, stretched
from dovetail.explorer.report.html import Html, tag
from dovetail.explorer.report.run_words import breakable
from dovetail.explorer.report.scale import fraction, scale_for

MOST_AXES: Final = 9
"""So many choices have an axis, those that matter most."""
MOST_LABELS: Final = 12
LONGEST: Final = 13
"""Letters of an option that have room between two axes."""
OTHERS: Final = 300
FRONT: Final = 400
"""Lines that are drawn of dominated designs, and of the front."""


def axes_shown(run: Run) -> tuple[int, ...]:
    """Positions of the choices that have an axis, in the order of the run."""
    names = [e.choice for e in effects(run)][:MOST_AXES]
    return tuple(i for i, axis in enumerate(run.axes) if axis.name in names)


def lines_shown(run: Run) -> tuple[int, ...]:
    """Points of the front that have a line: all, or evenly along it."""
    count = len(run.front)
    if count <= FRONT:
        return run.front
    return tuple(run.front[i * (count - 1) // (FRONT - 1)] for i in range(FRONT))


def draw_parallel(run: Run, words: Mapping[str, str]) -> Html:
    """Options are buttons: the script dims the lines that do not take what is pressed."""
    axes = axes_shown(run)
    columns: list[tuple[float, ...]] = []
    points = [*lines_shown(run), *(int(i) for i in sample(run, OTHERS).tolist())]
    heads, labels = [], []
    count = len(axes) + len(run.goals)
    for place, i in enumerate(axes):
        x = _across(place, count)
        options = run.axes[i].options
        columns.append(tuple(_option(int(run.picks[p, i]), len(options)) for p in points))
        heads.append(_head(x, run.axes[i].name))
        labels.extend(_options(x, i, options))
    for place, goal in enumerate(run.goals, start=len(axes)):
        x = _across(place, count)
        values = run.column(goal.metric)[points]
        scale = scale_for([float(v) for v in values], margin=0.0)
        columns.append(tuple(float(v) for v in places(values, scale)))
        heads.append(_head(x, words[goal.metric] + q.axis_unit(run.units.get(goal.metric, ""))))
        for value in scale.ticks(5):
            at = f"left:{fraction(x)};top:{fraction(1 - scale.at(value))}"
            text = q.metric_tick(value, run.units.get(goal.metric, ""))
            labels.append(tag("span", text, cls="option", style=at))
    lines = _lines(run, points, columns, count)
    rules = [
        tag(
            "line",
            x1=fraction(_across(i, count)),
            x2=fraction(_across(i, count)),
            y1="0",
            y2="100%",
            cls="rule",
        )
        for i in range(count)
    ]
    drawing = tag("svg", stretched(lines), rules)
    plot = tag("div", drawing, heads, labels, cls="parallel", style=f"min-width:{6.2 * count:g}rem")
    return tag(
        "div",
        plot,
        cls="scroll wide",
        tabindex=0,
        role="region",
        aria_label="Designs across choices and objectives",
    )


def _across(place: int, count: int) -> float:
    return (place + 0.5) / count


def _option(pick: int, options: int) -> float:
    """The first option on top; what is not made runs along the bottom."""
    return 0.0 if pick == NOT_MADE else 1 - (pick + 0.5) / options


def _head(x: float, name: str) -> Html:
    return tag("span", breakable(name), cls="head", style=f"left:{fraction(x)}")


def _options(x: float, axis: int, options: Sequence[str]) -> list[Html]:
    step = -(-len(options) // MOST_LABELS)
    return [
        tag(
            "button",
            short(option),
            type="button",
            title=option,
            cls="option",
            style=f"left:{fraction(x)};top:{fraction(1 - _option(i, len(options)))}",
            data_axis=axis,
            data_option=i,
            aria_pressed="false",
        )
        for i, option in enumerate(options)
        if i % step == 0
    ]


def short(option: str) -> str:
    """An option with its middle left out where it is long: what tells names apart is often at their ends."""
    return option if len(option) <= LONGEST else f"{option[: LONGEST // 2 - 1]}…{option[-LONGEST // 2 :]}"


def _lines(run: Run, points: Sequence[int], columns: Sequence[Sequence[float]], count: int) -> list[Html]:
    shown = len(lines_shown(run))
    order = {point: i for i, point in enumerate(run.front)}
    across = [_across(i, count) for i in range(count)]
    others, front = [], []
    for line, point in enumerate(points):
        places_of = [(x, column[line]) for x, column in zip(across, columns, strict=True)]
        if line < shown:
            front.append(path(places_of, "line", data_front=order[point]))
        else:
            others.append("M" + "L".join(f"{1000 * x:.0f} {1000 * (1 - y):.0f}" for x, y in places_of))
    rest = [tag("path", d="".join(others), cls="lines")] if others else []
    return [*rest, *front]
