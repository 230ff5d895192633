"""The frame of a chart with two axes.

Places are percentages and words are HTML, so that a chart is as wide as the page lets it be while its letters
keep their size, without a script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from dovetail.explorer.report.html import Html, join, tag
from dovetail.explorer.report.scale import Scale, fraction

NARROWEST: Final = (280.0, 300.0)
"""Pixels of the plot of the narrowest chart that a page has: words that do not meet there meet nowhere."""
LETTER: Final = 6.4
"""Pixels that a letter takes, about."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A point at a place in [0, 1], with a name that may be written beside it."""

    name: str
    x: float
    y: float
    radius: float


def frame(
    x: Scale,
    y: Scale,
    *,
    x_label: str,
    y_label: str,
    x_text: Callable[[float], str],
    y_text: Callable[[float], str],
    body: Iterable[Html],
    over: Iterable[Html] = (),
    cls: str = "",
    **attributes: object,
) -> Html:
    """`body` is SVG in percentages of the plot, `over` HTML above it; labels name the axes."""
    lines, words = [], []
    for value in x.ticks(_fitting(x, x_text)):
        at = fraction(x.at(value))
        lines.append(tag("line", x1=at, x2=at, y1="0", y2="100%", cls="grid"))
        words.append(tag("span", x_text(value), cls="tick x", style=f"left:{at}"))
    for value in y.ticks(6):
        at = fraction(1 - y.at(value))
        lines.append(tag("line", x1="0", x2="100%", y1=at, y2=at, cls="grid"))
        words.append(tag("span", y_text(value), cls="tick y", style=f"top:{at}"))
    drawing = tag("svg", lines, body, **{"aria-hidden": None})
    plot = tag("div", drawing, words, over, cls="plot")
    return tag(
        "div",
        tag("div", y_label, cls="axis y"),
        plot,
        tag("div", x_label, cls="axis x"),
        cls=f"chart {cls}".strip(),
        **attributes,
    )


def _fitting(scale: Scale, text: Callable[[float], str]) -> int:
    """So many marks along the bottom as have room on the narrowest page."""
    longest = max((len(text(value)) for value in scale.ticks(5)), default=1)
    return max(2, min(5, int(NARROWEST[0] / (LETTER * longest + 12))))


def stretched(paths: Iterable[Html], columns: int = 1000, rows: int = 1000) -> Html:
    """Paths in a box of `columns` by `rows` that is stretched over the plot; strokes keep their width."""
    box = f"0 0 {columns} {rows}"
    return tag("svg", join(*paths), viewBox=box, preserveAspectRatio="none", width="100%", height="100%")


def path(points: Sequence[tuple[float, float]], cls: str, **attributes: object) -> Html:
    """A line through places (x, y), both in [0, 1] with y upwards, for `stretched`."""
    places = [f"{1000 * px:.1f} {1000 * (1 - py):.1f}" for px, py in points]
    return tag("path", d="M" + "L".join(places), cls=cls, **attributes)


def dot(
    x: float, y: float, radius: float, cls: str, tip: str, tell: str | None = None, **attributes: object
) -> Html:
    """A point that says what it is when it is pointed at or reached by the arrow keys; `tell` is for those
    who listen, where it is not `tip`."""
    return tag(
        "circle",
        cx=fraction(x),
        cy=fraction(1 - y),
        r=f"{radius:g}",
        cls=cls,
        data_tip=tip or None,
        aria_label=tell or tip.replace("\n", ", "),
        role="img",
        **attributes,
    )


Box: TypeAlias = tuple[float, float, float, float]

SIDES: Final = ("right", "left", "above", "below")
GAP: Final = 5
UP: Final = 6
"""Pixels between a point and a name beside it, and how much more there are to the middle of one above."""


def names(marks: Sequence[Mark], named: Sequence[Mark], covered: int = 0) -> list[Html]:
    """The names of `named`, first ones first, each on that side of its point where it covers fewest marks.

    None covers another name, leaves the plot, or covers more than `covered` marks: it is left out then.
    """
    discs = [_disc(mark) for mark in marks]
    taken: list[Box] = []
    written = []
    for mark in named:
        fitting: list[tuple[int, int, Box]] = []
        for rank, side in enumerate(SIDES):
            box = _box(mark, side)
            inside = box[0] >= -0.01 and box[2] <= 1.01 and box[1] >= 0 and box[3] <= 1
            if inside and not any(_meet(box, other) for other in taken):
                fitting.append((sum(_meet(box, disc) for disc in discs), rank, box))
        least = min(fitting, default=None)
        if least is not None and least[0] <= covered:
            taken.append(least[2])
            written.append(tag("span", mark.name, cls="name", style=_style(mark, SIDES[least[1]])))
    return written


def _style(mark: Mark, side: str) -> str:
    away = f"{mark.radius + GAP:g}px"
    x, y = fraction(mark.x), fraction(1 - mark.y)
    match side:
        case "right":
            return f"top:{y};left:calc({x} + {away})"
        case "left":
            return f"top:{y};right:calc({fraction(1 - mark.x)} + {away})"
        case "above":
            return f"left:{x};top:calc({y} - {mark.radius + GAP + UP:g}px);transform:translate(-50%,-50%)"
        case _:
            return f"left:{x};top:calc({y} + {mark.radius + GAP + UP:g}px);transform:translate(-50%,-50%)"


def _disc(mark: Mark) -> Box:
    across, up = mark.radius / NARROWEST[0], mark.radius / NARROWEST[1]
    return mark.x - across, mark.y - up, mark.x + across, mark.y + up


def _box(mark: Mark, side: str) -> Box:
    width, half = LETTER * len(mark.name) / NARROWEST[0], 7 / NARROWEST[1]
    across, up = (mark.radius + GAP) / NARROWEST[0], (mark.radius + GAP + UP) / NARROWEST[1]
    match side:
        case "right":
            return mark.x + across, mark.y - half, mark.x + across + width, mark.y + half
        case "left":
            return mark.x - across - width, mark.y - half, mark.x - across, mark.y + half
        case "above":
            return mark.x - width / 2, mark.y + up - half, mark.x + width / 2, mark.y + up + half
        case _:
            return mark.x - width / 2, mark.y - up - half, mark.x + width / 2, mark.y - up + half


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
