"""Tables for other programs and for papers: CSV with full numbers, Markdown and LaTeX with three digits."""

from __future__ import annotations

import csv
import io
from enum import StrEnum
from typing import Final

from dovetail.faults import CommandLineFault
from dovetail.numbers import significant
from dovetail.table_data import Cell, Column, TableData

_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "²": r"$^2$",
    "µ": r"\textmu{}",
    "×": r"$\times$",
}


class Format(StrEnum):
    """How a table is written."""

    CSV = "csv"
    MARKDOWN = "markdown"
    LATEX = "latex"


def format_of(name: str) -> Format:
    """The format of that name; raises CommandLineFault."""
    try:
        return Format(name)
    except ValueError:
        known = ", ".join(f"`{f}`" for f in Format)
        raise CommandLineFault(f"there is no format `{name}`", [f"known are {known}"]) from None


def formatted(table: TableData, format: Format) -> str:
    """The table as text, ending with a line end."""
    match format:
        case Format.CSV:
            return to_csv(table)
        case Format.MARKDOWN:
            return to_markdown(table)
        case Format.LATEX:
            return to_latex(table)


def to_csv(table: TableData) -> str:
    """RFC 4180 with plain line ends; every number in full, in the unit that its column's name has."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow(["" if cell is None else cell for cell in row])
    return text.getvalue()


def to_markdown(table: TableData) -> str:
    """A pipe table, as GitHub and Pandoc read it; numbers stand right."""
    lines = [[column.heading for column in table.columns]]
    lines += [
        [said(cell, column) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]
    escaped = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    rule = ["---:" if _is_number(table, at) else "---" for at in range(len(table.columns))]
    return "".join(f"| {' | '.join(line)} |\n" for line in (escaped[0], rule, *escaped[1:]))


def to_latex(table: TableData) -> str:
    """A `tabular` with the rules of the package `booktabs`."""
    where = "".join("r" if _is_number(table, at) else "l" for at in range(len(table.columns)))
    head = " & ".join(_escaped(column.heading) for column in table.columns)
    rows = [
        " & ".join(_escaped(said(cell, column)) for cell, column in zip(row, table.columns, strict=True))
        for row in table.rows
    ]
    total = next((at for at, row in enumerate(table.rows) if row[0] == "total"), None)
    if total:
        rows[total] = f"\\midrule\n{rows[total]}"
    body = "".join(f"{row} \\\\\n" for row in rows)
    return (
        f"% \\usepackage{{booktabs}}\n\\begin{{tabular}}{{{where}}}\n\\toprule\n{head} \\\\\n\\midrule\n"
        f"{body}\\bottomrule\n\\end{{tabular}}\n"
    )


def said(cell: Cell, column: Column) -> str:
    """A cell for people: three digits that count, whole numbers in full."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) and column.scale == 1.0:
        return str(cell)
    return significant(cell * column.scale)


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in text)


def _is_number(table: TableData, at: int) -> bool:
    return any(isinstance(row[at], int | float) for row in table.rows)
