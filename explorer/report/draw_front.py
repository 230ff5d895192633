"""Two metrics of all designs against each other: dominated ones as a grey field, the front on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dovetail.explorer.report import quantities as q
from dovetail.explorer.report.data_run import Density, Run, best, density, knee, places, sample
from dovetail.explorer.report.frame import Mark, dot, frame, names, path, stretched
from dovetail.explorer.report.html import Html, tag
from dovetail.explorer.report.scale import Scale, fraction, scale_for

GRID: Final = (120, 80)
SINGLY: Final = 3000
"""Up to so many dominated points are drawn one by one; more of them as a field of counts."""
SHADES: Final = 5
SHORT: Final = {"edp": "EDP", "average_power": "power", "dram_bytes": "traffic"}
"""Metrics in a word, where there is little room."""
SPOKEN: Final = 2000
"""So many points of the front can be reached by keys and are told to those who listen."""
OBSTACLES: Final = 2000
"""So many points of the front keep names away from them."""
FAR: Final = 30
"""The chart shows dominated points up to so many times beyond the worst of the front; the rest is counted."""


def scales(run: Run, x: str, y: str) -> tuple[Scale, Scale]:
    """Axes that show the whole front and the baseline, and dominated points as far as they are not absurd."""
    return _scale(run, x), _scale(run, y)


def _scale(run: Run, metric: str) -> Scale:
    values = run.column(metric)
    front = values[list(run.front)]
    shown = [float(front.min()), float(front.max())]
    if run.baseline is not None and metric in run.baseline.metrics:
        shown.append(float(run.baseline.metrics[metric]))
    near = values[(values <= FAR * max(shown)) & (values >= min(shown) / FAR)] if min(shown) > 0 else values
    if len(near):
        shown += [float(near.min()), float(near.max())]
    return scale_for(shown)


def draw_front(run: Run, x: str, y: str, words: Mapping[str, str]) -> Html:
    """A chart; the script tells what is at each point, from the data that the page carries."""
    across, up = scales(run, x, y)
    rest = run.dominated
    field: list[Html] = []
    points: list[Html] = []
    note = ""
    if len(rest) <= SINGLY:
        points = [_points(run, rest.tolist(), x, y, across, up)] if len(rest) else []
    else:
        cells = density(run, rest, x, y, (across, up), GRID)
        field = _field(cells)
        note = f"{q.whole(len(rest))} designs that others beat as a grey field, darker where there are more"
        if cells.outside:
            note += f"; {q.whole(cells.outside)} lie beyond the edges"
        note += "."
    line = _staircase(run, x, y, across, up)
    dots = []
    radius = 4.5 if len(run.front) <= 200 else 3.0 if len(run.front) <= 2000 else 2.0
    for order, point in enumerate(run.front):
        place = across.at(float(run.column(x)[point])), up.at(float(run.column(y)[point]))
        if order < SPOKEN:
            said = tell(run, point, x, y)
            dots.append(dot(*place, radius, "front", "", said, tabindex=-1, data_front=order))
        else:
            cx, cy = fraction(place[0]), fraction(1 - place[1])
            dots.append(tag("circle", cx=cx, cy=cy, r=radius, cls="front", data_front=order))
    named = _named(run, x, y, across, up, radius)
    marks = [*named, *(_mark(run, point, x, y, across, up, radius) for point in run.front[:OBSTACLES])]
    over = names(marks, named, covered=3)
    if run.baseline is not None and x in run.baseline.metrics and y in run.baseline.metrics:
        at = across.at(run.baseline.metrics[x]), up.at(run.baseline.metrics[y])
        dots.append(
            _diamond(*at, f"baseline\n{run.baseline.name}\n{tell_values(run, run.baseline.metrics, x, y)}")
        )
    chart = frame(
        across,
        up,
        x_label=words[x] + q.axis_unit(run.units.get(x, "")),
        y_label=words[y] + q.axis_unit(run.units.get(y, "")),
        x_text=lambda v: q.metric_tick(v, run.units.get(x, "")),
        y_text=lambda v: q.metric_tick(v, run.units.get(y, "")),
        body=[stretched(field, *GRID), stretched([*points, *line]), tag("g", dots, data_roving=True)],
        over=over,
        cls="pareto",
        data_x=x,
        data_y=y,
        data_scale=f"{across.low!r} {across.high!r} {int(across.log)} {up.low!r} {up.high!r} {int(up.log)}",
    )
    return tag("div", chart, tag("p", note, cls="quiet small") if note else None)


def tell(run: Run, point: int, x: str, y: str) -> str:
    """A design in a line, for those who listen."""
    metrics = {name: float(run.column(name)[point]) for name in (x, y)}
    return f"design {run.names[point]}: {tell_values(run, metrics, x, y)}"


def tell_values(run: Run, metrics: Mapping[str, float], x: str, y: str) -> str:
    """`latency 4.10 ms, energy 9.73 mJ`."""
    return ", ".join(f"{name} {q.metric(metrics[name], run.units.get(name, ''))}" for name in (x, y))


def _points(run: Run, points: list[int], x: str, y: str, across: Scale, up: Scale) -> Html:
    """Dots as lines of no length with round ends: these stay round however the drawing is stretched."""
    px = places(run.column(x)[points], across).tolist()
    py = places(run.column(y)[points], up).tolist()
    moves = [
        f"M{1000 * a:.0f} {1000 * (1 - b):.0f}h0"
        for a, b in zip(px, py, strict=True)
        if 0 <= a <= 1 and 0 <= b <= 1
    ]
    return tag("path", d="".join(dict.fromkeys(moves)), cls="others")


def _field(cells: Density) -> list[Html]:
    """One path for each shade, a cell being a unit square; shades are steps of the count's logarithm."""
    most = max((count for _, _, count in cells.cells), default=1)
    shades: list[list[str]] = [[] for _ in range(SHADES)]
    for column, row, count in cells.cells:
        # bit lengths, so that no rounding of a logarithm decides
        shade = min(SHADES - 1, (SHADES * (count.bit_length() - 1)) // max(1, most.bit_length()))
        shades[shade].append(f"M{column} {cells.rows - row - 1}h1v1h-1z")
    return [tag("path", d="".join(p), cls=f"field f{i}") for i, p in enumerate(shades) if p]


def _staircase(run: Run, x: str, y: str, across: Scale, up: Scale) -> list[Html]:
    """The line between what can be had and what cannot, where these two objectives are all there are."""
    goals = {goal.metric: goal for goal in run.goals}
    if set(goals) != {x, y} or len(run.front) < 2:
        return []
    ordered = sorted(run.front, key=lambda point: float(run.column(x)[point]))
    if goals[x].maximize:
        ordered.reverse()
    corners: list[tuple[float, float]] = []
    for point in ordered:
        place = across.at(float(run.column(x)[point])), up.at(float(run.column(y)[point]))
        if corners:
            corners.append((place[0], corners[-1][1]))
        corners.append(place)
    return [path(corners, "stairs")]


def _mark(
    run: Run, point: int, x: str, y: str, across: Scale, up: Scale, radius: float, name: str = ""
) -> Mark:
    return Mark(name, across.at(float(run.column(x)[point])), up.at(float(run.column(y)[point])), radius)


def _named(run: Run, x: str, y: str, across: Scale, up: Scale, radius: float) -> list[Mark]:
    """The points that have a name in the chart."""
    found = {
        best(run, goal): f"{'most' if goal.maximize else 'least'} {SHORT.get(goal.metric, goal.metric)}"
        for goal in run.goals
    }
    found.setdefault(knee(run), "knee")
    marks = [_mark(run, point, x, y, across, up, radius, name) for point, name in found.items()]
    if run.baseline is not None and x in run.baseline.metrics and y in run.baseline.metrics:
        metrics = run.baseline.metrics
        marks.insert(0, Mark("baseline", across.at(metrics[x]), up.at(metrics[y]), 6.0))
    return marks


def _diamond(x: float, y: float, tip: str) -> Html:
    """The baseline: another shape, not another colour alone."""
    shape = tag(
        "path",
        d="M0-6.5L6.5 0L0 6.5L-6.5 0Z",
        cls="baseline",
        data_tip=tip,
        tabindex=-1,
        role="img",
        aria_label=tip.replace("\n", ", "),
    )
    return tag(
        "svg", shape, x=f"{100 * x:.2f}%", y=f"{100 * (1 - y):.2f}%", overflow="visible", width=1, height=1
    )


def cells_for_script(run: Run, x: str, y: str) -> list[list[int]]:
    """Counts by cell, as the script takes them; empty where points are drawn one by one."""
    rest = run.dominated
    if len(rest) <= SINGLY:
        return []
    found = density(run, rest, x, y, scales(run, x, y), GRID)
    return [list(cell) for cell in found.cells]


def sampled(run: Run, most: int = SINGLY) -> list[int]:
    """The dominated points that the script knows one by one."""
    return [int(i) for i in sample(run, most).tolist()]
