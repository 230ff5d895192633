"""One HTML file: its head, its styles and its script, nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from dovetail.explorer.report.html import Child, Html, join, tag

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M1 1h14v14H1z' fill='%230072b2'/%3E%3Cpath d='M5 1h6l2 8H3z' fill='%23e69f00'/%3E%3C/svg%3E"
)
"""A dovetail joint."""


def page(title: str, *body: Child, data: Mapping[str, Any] | None = None) -> str:
    """The whole file as text; `data` is what the script may ask for."""
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content="Dovetail"),
        tag("title", title),
        tag("link", rel="icon", href=ICON),
        tag("style", Html(_asset("report.css"))),
    ]
    scripts = [tag("script", Html(_json(data)), type="application/json", id="data")] if data else []
    scripts.append(tag("script", Html(_asset("report.js"))))
    whole = tag(
        "html",
        tag("head", head),
        "\n",
        tag("body", join(*body), tag("div", id="tip", role="tooltip", hidden=True), scripts),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{whole}\n"


def section(name: str, title: str, *body: Child, lead: Child = None, level: int = 2) -> Html:
    """A part of the page under a heading; `lead` is the sentence that says what is to be seen."""
    heading = tag(f"h{level}", title)
    said = tag("p", lead, cls="lead") if lead else None
    return tag("section", heading, said, *body, id=name)


def contents(entries: Sequence[tuple[str, str]]) -> Html:
    """Links to the sections."""
    return tag(
        "nav", [join(tag("a", title, href=f"#{name}"), " ") for name, title in entries], aria_label="Contents"
    )


def figures(items: Sequence[tuple[str, str, str]]) -> Html:
    """The few numbers that answer: name, value, and a word below it."""
    return tag(
        "dl",
        [
            tag("div", tag("dt", n), tag("dd", v, tag("small", note) if note else None))
            for n, v, note in items
        ],
        cls="figures",
    )


def _asset(name: str) -> str:
    return files("dovetail.explorer.report").joinpath(name).read_text(encoding="utf-8")


def _json(data: Mapping[str, Any]) -> str:
    """JSON that no HTML parser takes for the end of its element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
