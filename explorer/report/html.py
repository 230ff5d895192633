"""HTML as text that is escaped once, where it is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, TypeAlias

VOID: Final = frozenset({"br", "col", "hr", "input", "link", "meta", "wbr"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = "str | int | float | Iterable[Child] | None"
"""Html as it is, other text escaped, None as nothing, many one after the other."""


def join(*children: Child) -> Html:
    """Children one after the other."""
    pieces: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, Html):
            pieces.append(child)
        elif isinstance(child, str | int | float):
            pieces.append(escape(str(child), quote=False))
        else:
            pieces.append(join(*child))
    return Html("".join(pieces))


def tag(name: str, /, *children: Child, **attributes: object) -> Html:
    """`tag("td", 3, cls="number")`. `cls` is class, `_` in a name is `-`; None and False leave one out."""
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = "class" if key == "cls" else key.strip("_").replace("_", "-")
        # Line ends are written out: a parser may take them for blanks in an attribute.
        quoted = escape(str(value), quote=True).replace("\n", "&#10;")
        written.append(f" {key}" if value is True else f' {key}="{quoted}"')
    opened = f"<{name}{''.join(written)}>"
    return Html(opened) if name in VOID else Html(f"{opened}{join(*children)}</{name}>")


def row(*cells: Child, labels: Sequence[str] = (), **attributes: object) -> Html:
    """A table row: cells that are no `td` or `th` yet become one, the first of them the row's header.

    `labels` are the names of the columns, as `heads` takes them: a page too narrow for the table writes them
    before the cells (class `stack`).
    """
    written: list[Html] = []
    for position, cell in enumerate(flat(cells)):
        text = join(cell)
        if not text.startswith(("<td", "<th")):
            text = tag("th", text, scope="row") if position == 0 else tag("td", text)
        label = labels[position].rstrip(">") if position < len(labels) else ""
        if label and text.startswith("<td"):
            text = Html(f'<td data-label="{escape(label)}"{text[3:]}')
        written.append(text)
    return tag("tr", written, **attributes)


def flat(cells: Iterable[Child]) -> list[Child]:
    """Cells one after the other; a list among them is several."""
    return [c for cell in cells for c in (cell if isinstance(cell, list | tuple) else (cell,))]


def number(text: Child, cls: str = "n") -> Html:
    """A cell with a number: to the right, figures of equal width."""
    return tag("td", text, cls=cls)


def heads(*names: str) -> Html:
    """The head of a table; a name that ends with `>` stands to the right, over numbers."""
    cells = [
        tag("th", name.rstrip(">"), scope="col", cls="n" if name.endswith(">") else None) for name in names
    ]
    return tag("thead", tag("tr", cells))


def table(head: Html, rows: Iterable[Html], label: str, cls: str | None = None) -> Html:
    """A table in a box that scrolls sideways, by keyboard too, where it is wider than the page."""
    whole = tag("table", head, tag("tbody", rows), cls=cls)
    return tag("div", whole, cls="scroll", tabindex=0, role="region", aria_label=label)
