"""What all tables have in common: headings, columns, the tree in front of a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from dovetail.console import Signs

Justify: TypeAlias = Literal["left", "right", "text"]
"""`text` is left too, and may be broken into lines where a terminal is narrow; numbers are never cut."""
NARROWEST = 16


def heading(name: str, facts: Sequence[str], signs: Signs) -> Text:
    """`squeezenet_v1_0 · 66 layers, 26 with MACs · image 3 x 227 x 227`."""
    text = Text(name, style="bold")
    for fact in facts:
        text.append(f" {signs.dot} {fact}", style="not bold")
    return text


class PlainTable(Table):
    """A table without lines: columns are as wide as what they hold, `text` ones may be narrower."""

    def __init__(self, columns: Sequence[tuple[str, Justify]]) -> None:
        super().__init__(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
        for name, justify in columns:
            if justify == "text":
                self.add_column(name, overflow="fold", min_width=NARROWEST)
            else:
                self.add_column(name, justify=justify, no_wrap=True, min_width=cell_len(name))

    def row(self, *cells: str | Text, style: str = "") -> None:
        """Add a row; the columns grow with it."""
        for column, cell in zip(self.columns, cells, strict=False):
            if column.no_wrap:
                width = cell.cell_len if isinstance(cell, Text) else cell_len(cell)
                column.min_width = max(width, column.min_width or 0)
        self.add_row(*cells, style=style)


def plain_table(*columns: tuple[str, Justify]) -> PlainTable:
    """A table without lines: a header, then rows."""
    return PlainTable(columns)
