"""The roofline of an evaluation's layers."""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.explorer.report import quantities as q
from dovetail.explorer.report.data_evaluation import Roofline, part_of_cause
from dovetail.explorer.report.draw_layers import part_word
from dovetail.explorer.report.frame import Mark, dot, frame, names, path, stretched
from dovetail.explorer.report.html import Html, join, tag
from dovetail.explorer.report.scale import Scale, fraction, scale_for

NAMED = 5
"""So many of the layers that take the most time are named in the chart, where there is room."""


def draw_roofline(data: Roofline, classes: Mapping[str, str]) -> Html:
    """Points by layer, as large as their share of the time; the roof above them."""
    if not data.points:
        return tag("p", "No layer has MACs and traffic over the edge of the chip.")
    corner = [data.peaks[-1] / data.bandwidth] if data.bandwidth else []
    x = scale_for([p.intensity for p in data.points] + corner, log=True)
    y = scale_for([p.rate for p in data.points] + list(data.peaks), log=True, margin=0.08)
    lines = [path(_roof(x, y, peak, data.bandwidth), "roof") for peak in data.peaks]
    dots = []
    # Large ones first, so that the small ones stay within reach of a pointer.
    for point in sorted(data.points, key=lambda p: (-p.share, p.layer)):
        tip = (
            f"{point.layer}\n{q.prefixed(point.rate, 'MAC/s')} at {q.digits(point.intensity)} MAC/B"
            f"\n{q.percent(point.share)} of the time, bound by {part_word(point.bound_by)}"
        )
        cls = f"dot {classes.get(part_of_cause(point.bound_by), 'c-link')}"
        dots.append(dot(x.at(point.intensity), y.at(point.rate), _radius(point.share), cls, tip, tabindex=-1))
    marks = [
        Mark(p.layer, x.at(p.intensity), y.at(p.rate), _radius(p.share))
        for p in sorted(data.points, key=lambda p: (-p.share, p.layer))
    ]
    roofs = [
        tag(
            "span",
            f"{q.prefixed(peak, 'MAC/s')}",
            cls="note right",
            style=f"right:0;top:{fraction(1 - y.at(peak))}",
        )
        for peak in data.peaks
    ]
    if data.bandwidth:
        # Above the slope, ending at it: that is clear of the line at every width.
        level = x.at(data.peaks[-1] / data.bandwidth)
        end = max(0.26, 0.55 * level)
        height = y.at(x.low * (x.high / x.low) ** end * data.bandwidth)
        if end < level and 0 < height < 1:
            style = f"right:{fraction(1 - end)};top:{fraction(1 - height)}"
            roofs.append(tag("span", q.prefixed(data.bandwidth, "B/s"), cls="note right", style=style))
    causes = dict.fromkeys(part_of_cause(point.bound_by) for point in data.points)
    key = [
        tag("span", tag("i", cls=f"swatch {classes.get(part, 'c-link')} s0"), part_word(part))
        for part in (part for part in [*classes, *causes] if part in causes)
    ]
    chart = frame(
        x,
        y,
        x_label="MACs for each byte over the edge of the chip",
        y_label="MACs a second",
        x_text=q.plain,
        y_text=lambda v: q.tick(v, ""),
        body=[stretched(lines), tag("g", dots, data_roving=True)],
        over=[*roofs, *names(marks, marks[:NAMED])],
        cls="roofline",
    )
    return join(tag("p", "Bound by ", list(dict.fromkeys(key)), cls="key"), chart)


def _radius(share: float) -> float:
    """Area by share of time, and never so small that it cannot be hit."""
    return float(f"{max(4.0, 28 * share**0.5):.1f}")


def _roof(x: Scale, y: Scale, peak: float, bandwidth: float | None) -> list[tuple[float, float]]:
    """The line that no layer can be above, cut at the edges of the chart."""
    top = y.at(peak)
    if bandwidth is None:
        return [(0.0, top), (1.0, top)]
    left = y.at(x.low * bandwidth)
    corner = x.at(peak / bandwidth)
    start = (0.0, left)
    if left < 0:
        start = (x.at(y.low / bandwidth), 0.0)
    return [start, (corner, top), (1.0, top)] if corner > 0 else [(0.0, top), (1.0, top)]
