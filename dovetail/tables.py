"""What all tables have in common: headings, columns, the tree in front of a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from rich.table import Table
from rich.text import Text

from dovetail.console import Signs

Justify: TypeAlias = Literal["left", "right"]


def heading(name: str, facts: Sequence[str], signs: Signs) -> Text:
    """`squeezenet_v1_0 · 66 layers, 26 with MACs · image 3 x 227 x 227`."""
    text = Text(name, style="bold")
    for fact in facts:
        text.append(f" {signs.dot} {fact}", style="not bold")
    return text


def plain_table(*columns: tuple[str, Justify]) -> Table:
    """A table without lines: a header, then rows; the columns are as wide as what they hold."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    for name, justify in columns:
        table.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis")
    return table
