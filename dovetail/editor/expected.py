"""What the grammar can go on with at a place: the parser itself says so, from the text before it."""

from __future__ import annotations

from typing import Any, Final

from lark import Token
from lark.parsers.lalr_interactive_parser import InteractiveParser

from dovetail.dsl.diagnostics import Collector
from dovetail.dsl.layout import Layout, TooDeep
from dovetail.dsl.parser import _Feeder, grammar
from dovetail.dsl.source import Source

CURSOR: Final = "__cursor__"
"""A name that stands where the next one would: lines and brackets are read as if one had been begun."""


class _Looker(_Feeder):
    """Reads as always, and notes what can come where the cursor is."""

    accepted: frozenset[str] = frozenset()

    def _contextual(self, parser: InteractiveParser, tokens: list[Token], index: int) -> Token:
        if str(tokens[index]) == CURSOR:
            looking: Any = parser  # lark gives `accepts` no types
            self.accepted = frozenset(looking.accepts())
        return super()._contextual(parser, tokens, index)


def expected(before: str) -> frozenset[str]:
    """The terminals that can follow the text `before`; none where it cannot be read that far."""
    source = Source(before + CURSOR, "<text>")
    looker = _Looker(Collector())
    try:
        tokens = Layout(source, Collector()).run(grammar().lex(source.text))
    except TooDeep:
        return frozenset()
    looker.run(tokens)
    return looker.accepted
