"""A bound on how deep the syntax of a file nests, so that everything that walks it may recurse.

Brackets are bounded while tokens are read; this is for what nests without them: `- - - x`, `if … else if …`,
`a.b.c.d`, and sums, which nest to the left as deep as they are long.
"""

from __future__ import annotations

from typing import Final

from dovetail.dsl import syntax as s
from dovetail.dsl.diagnostics import Diagnostic, Label
from dovetail.dsl.source import Span

DEEPEST_TREE: Final = 150

_LEAVES: Final = (s.Number, s.Quantity, s.Text, s.Name)


def too_deep(statement: s.Node) -> Diagnostic | None:
    """The problem with a statement that nests deeper than anyone writes; None where it does not."""
    if statement.span.end - statement.span.start < DEEPEST_TREE:
        return None  # each level takes a character at least
    pending: list[tuple[object, int]] = [(statement, 0)]
    while pending:
        node, depth = pending.pop()
        if isinstance(node, tuple):
            pending += [(child, depth) for child in node]
        elif isinstance(node, s.Node) and not isinstance(node, _LEAVES):
            if depth > DEEPEST_TREE:
                return Diagnostic(
                    "E0106",
                    f"this is nested more than {DEEPEST_TREE} deep",
                    Label(
                        Span(statement.span.source, statement.span.start, statement.span.start + 1),
                        "from here on",
                    ),
                    help=("`let NAME = …` names a part, `add(a, b, …)` adds up many tensors",),
                )
            pending += [(getattr(node, field), depth + 1) for field in type(node).__slots__]
    return None
