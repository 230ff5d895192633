"""The palette as Markdown: the tables of `docs/operations.md`, written from `OPERATORS`.

    python -m dovetail.dsl.operators.document docs/operations.md

writes them anew between the marks of the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dovetail.dsl.operators import OPERATORS, Operator

START: Final = "<!-- palette: written from OPERATORS -->"
END: Final = "<!-- end of palette -->"


def palette() -> str:
    """Both tables: what each operator takes and makes, and what it counts."""
    operators = OPERATORS.values()
    takes = [(f"`{o.signature}`", o.formulas.output, o.summary) for o in operators]
    counts = [
        (f"`{o.name}`", *(_formula(text) for text in _counted(o)), str(o.cost))
        for o in operators
        if any(text != "0" for text in _counted(o))
    ]
    return "\n\n".join(
        (
            _table(("operator", "makes", "is"), takes),
            _table(("operator", "MACs", "weights", "bias", "norm", "operations", "cost"), counts),
        )
    )


def with_palette(page: str) -> str:
    """`page` with its tables as they are now."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{palette()}\n\n{END}{after}"


def _counted(operator: Operator) -> tuple[str, str, str, str, str]:
    f = operator.formulas
    return f.macs, f.weights, f.bias, f.norm, f.operations


def _formula(text: str) -> str:
    return "" if text == "0" else f"`{text}`"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(with_palette(path.read_text(encoding="utf-8")), encoding="utf-8")
