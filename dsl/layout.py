"""From a text to the tokens the grammar reads: comments apart, statement ends made plain, brackets paired.

Inside `(` and `[` lines go on; so does a line that ends with `,`, `=` or an operator, and a line that begins
with `->` continues the one before. Every statement ends with one SEP. A bracket that is never closed is
noticed at the next line that can only be a statement, so that it spoils one statement and not the rest of the
file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from re import match
from typing import Final

from lark import Token

from dovetail.dsl.diagnostics import Collector, Diagnostic, Label
from dovetail.dsl.source import Source, Span
from dovetail.dsl.syntax import Comment

DEEPEST: Final = 60
LONGEST_NUMBER: Final = 40

_CLOSES: Final = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE"}
_SIGNS: Final = {"LPAR": "(", "LSQB": "[", "LBRACE": "{", "RPAR": ")", "RSQB": "]", "RBRACE": "}"}
_ENDS_VALUE: Final = frozenset({"NAME", "NUMBER", "QUANTITY", "STRING", "RPAR", "RSQB", "RBRACE"})
_NEEDS_MORE: Final = frozenset(
    "COMMA EQUAL PLUS MINUS SLASH CARET COMPARE ARROW AND OR NOT THEN ELSE".split()
)
_OPERANDS: Final = frozenset({"NAME", "STRING", "NUMBER", "QUANTITY", "LBRACE"})
_GO_ON: Final = frozenset({"AND", "OR", "THEN", "ELSE", "BY"})
"""Words that go on with an expression: behind them `time and x` in brackets is no statement."""

STATEMENT_WORDS: Final = frozenset(
    "net accel study mapping param let fn table tie require import metric block return input output layers "
    "technology clock precision transfers timing memory array along unit path keep dataflow stationary order "
    "networks accelerators minimize maximize where engine seed time baseline".split()
)
"""Words that begin a statement; the keywords proper are in the grammar."""

_HEADED: Final = frozenset("block table array unit".split())
"""Statements whose brackets all close before their `{`."""

_ODD: Final = {
    "'": 'strings are written `"so"`',
    "“": 'strings are written `"so"`',
    "”": 'strings are written `"so"`',
    "→": "`->` hands a tensor on",
    "|": "`->` hands a tensor on, `or` joins conditions",
    "&": "`and` joins conditions",
    "!": "`not` turns a condition around, `!=` compares",
    "%": "`mod(a, b)` is the remainder; a percentage is written behind its number: `40%`",
    "×": "`*` multiplies",
    "·": "`*` multiplies",
    "−": "the minus sign is `-`",
    "–": "the minus sign is `-`",
    "≤": "it is written `<=`",
    "≥": "it is written `>=`",
    "≠": "it is written `!=`",
    "µ": "micro is written `u`: `50 um`",
    "μ": "micro is written `u`: `50 um`",
    "²": "square units are written `mm2`",
    "\\": "lines go on inside brackets, and where the next one begins with `->`",
}
"""Signs that people try, and what stands for them."""

BROKEN: Final = "BROKEN"
"""A token no rule accepts: it stands where a reported bracket makes the statement unreadable."""


class TooDeep(Exception):
    """Brackets nested deeper than anyone writes."""


class Layout:
    """One pass over the tokens of one source."""

    def __init__(self, source: Source, problems: Collector) -> None:
        self.source = source
        self.problems = problems
        self.comments: list[Comment] = []
        self._out: list[Token] = []
        self._open: list[Token] = []
        self._first: Token | None = None
        # What is wrong with the statement at hand was said: what follows from it is not said again.
        self._unbalanced = self._odd = False

    def run(self, raw: Iterable[Token]) -> list[Token]:
        """The tokens of the grammar, each with its Span as `value`."""
        tokens = list(raw)
        for index, token in enumerate(tokens):
            span = Span(self.source, token.start_pos or 0, token.end_pos or 0)
            match token.type:
                case "COMMENT":
                    before = tokens[index - 1].type if index else "NEWLINE"
                    self.comments.append(Comment(span, own_line=before == "NEWLINE"))
                case "NEWLINE":
                    self._line_end(tokens, index, span)
                case "SEMICOLON":
                    self._end_statement(span)
                case "BAD":
                    self._bad(span)
                case "LPAR" | "LSQB" | "LBRACE":
                    if token.type == "LBRACE" and self._head_is_open():
                        self._unclosed_parentheses()
                    self._open.append(token)
                    if len(self._open) > DEEPEST:
                        self._report("E0106", f"brackets are nested more than {DEEPEST} deep", span)
                        raise TooDeep
                    self._emit(token.type, str(token), span)
                case "RPAR" | "RSQB" | "RBRACE":
                    self._close(token.type, span)
                case "NUMBER" | "QUANTITY" if (digits := _digits(token)) > LONGEST_NUMBER:
                    self._report("E0107", f"a number of {digits} digits", span)
                    self._emit(BROKEN, "", span)
                case "NUMBER" | "QUANTITY" if not isfinite(_magnitude(token)):
                    self._report("E0107", f"`{token}` is larger than any number here", span)
                    self._emit(BROKEN, "", span)
                case _:
                    self._emit(token.type, str(token), span)
        end = Span(self.source, len(self.source.text), len(self.source.text))
        while self._open:
            if self._open[-1].type == "LBRACE":
                self._never_closed([self._open.pop()])
                self._end_statement(end)
                self._emit("RBRACE", "}", end)
            else:
                self._unclosed_parentheses()
        self._end_statement(end)
        return self._out

    def _emit(self, kind: str, text: str, span: Span) -> None:
        token = Token(kind, text)
        token.value = span
        if not self._out or self._out[-1].type in ("SEP", "LBRACE"):
            self._first = token
        if kind in ("SEP", "LBRACE", "RBRACE"):
            self._unbalanced = self._odd = False
        self._out.append(token)

    def _end_statement(self, span: Span) -> None:
        if self._out and self._out[-1].type not in ("SEP", "LBRACE"):
            self._emit("SEP", span.text, span)

    def _line_end(self, tokens: Sequence[Token], index: int, span: Span) -> None:
        if not self._out or self._out[-1].type in ("SEP", "LBRACE"):
            return  # nothing has begun since the last end
        if index + 1 < len(tokens) and tokens[index + 1].type in ("NEWLINE", "COMMENT") and self._open:
            return  # the last of several lines without code decides
        following = _code_behind(tokens, index)
        if self._open and self._open[-1].type != "LBRACE":
            if following and (
                following[0].type == "RBRACE" or _begins_statement(following) or self._cannot_go_on(following)
            ):
                self._unclosed_parentheses()
                self._end_statement(span)
        elif not (following and (following[0].type == "ARROW" or self._goes_on(following))):
            self._end_statement(span)

    def _goes_on(self, following: Sequence[Token]) -> bool:
        """A line that cannot end where it does, before one that does not begin a statement."""
        kinds = [t.type for t in following]
        begins = kinds[0] == "RBRACE" or kinds == ["NAME", "EQUAL"] or _begins_statement(following)
        return self._out[-1].type in _NEEDS_MORE and not begins

    def _cannot_go_on(self, following: Sequence[Token]) -> bool:
        """A line `NAME = …` behind a finished value: inside brackets a comma would have to stand between.

        Indented deeper than the statement at hand, it is taken for an argument whose comma is missing.
        """
        kinds = [t.type for t in following]
        if kinds != ["NAME", "EQUAL"] or self._out[-1].type not in _ENDS_VALUE or self._first is None:
            return False
        column = self.source.position(following[0].start_pos or 0)[1]
        return column <= self.source.position(self._first.value.start)[1]

    def _head_is_open(self) -> bool:
        """A `{` behind `block f(x`: the body begins, and the brackets of the head were not closed."""
        return (
            self._first is not None
            and str(self._first) in _HEADED
            and self._behind_first() == "NAME"
            and len([t for t in self._open if t.type != "LBRACE"]) == 1
            and bool(self._open)
            and self._open[-1].type != "LBRACE"
            and self._out[-1].type in _ENDS_VALUE
        )

    def _behind_first(self) -> str | None:
        """The kind of the second token of the statement: `table = …` is no head."""
        first = self._first
        for at in range(len(self._out) - 1, -1, -1):
            if self._out[at] is first:
                return self._out[at + 1].type if at + 1 < len(self._out) else None
        return None

    def _unclosed_parentheses(self) -> None:
        opened: list[Token] = []
        while self._open and self._open[-1].type != "LBRACE":
            opened.append(self._open.pop())
        if not self._unbalanced:
            self._never_closed(opened[::-1])
        end = Span(self.source, 0, 0) if not self._out else self._out[-1].value
        self._emit(BROKEN, "", end)

    def _close(self, kind: str, span: Span) -> None:
        wanted = _CLOSES[kind]
        if kind == "RBRACE" and any(t.type == "LBRACE" for t in self._open):
            if self._open[-1].type != "LBRACE":
                self._unclosed_parentheses()
            self._end_statement(span)
            self._open.pop()
            self._emit(kind, "}", span)
        elif self._open and self._open[-1].type == wanted:
            self._open.pop()
            self._emit(kind, _SIGNS[kind], span)
        elif self._open and self._open[-1].type != "LBRACE":
            opener = self._open[-1]
            inside = [t.type for t in self._open]
            inside = inside[len(inside) - inside[::-1].index("LBRACE") :] if "LBRACE" in inside else inside
            # `f([3, 3)`: the parenthesis closes what it can close; else it stands for the right one.
            closed = wanted in inside
            while closed and self._open[-1].type != wanted:
                self._open.pop()
            self._open.pop()
            self._unfit(f"`{_SIGNS[opener.type]}` is closed by `{_SIGNS[kind]}`", span, opener)
        else:
            self._unfit(f"`{_SIGNS[kind]}` closes nothing", span)

    def _unfit(self, message: str, span: Span, opener: Token | None = None) -> None:
        """A closing bracket in the wrong place."""
        if not self._unbalanced:
            others = (Label(self._span(opener), "opened here"),) if opener is not None else ()
            self.problems.add(Diagnostic("E0102", message, Label(span), others))
        self._emit(BROKEN, "", span)
        self._unbalanced = True

    def _span(self, token: Token) -> Span:
        return Span(self.source, token.start_pos or 0, token.end_pos or 0)

    def _never_closed(self, openers: Sequence[Token]) -> None:
        first, *more = openers
        self.problems.add(
            Diagnostic(
                "E0103",
                f"`{_SIGNS[first.type]}` is never closed",
                Label(self._span(first), "opened here"),
                tuple(Label(self._span(t), "nor is this one") for t in more),
            )
        )

    def _bad(self, span: Span) -> None:
        if span.text == '"' and not self._odd:
            self._report("E0105", "a string that does not end on its line", span, "begins here")
            self._unbalanced = True  # brackets behind it are part of the string
        elif not self._odd:
            help = (_ODD[span.text],) if span.text in _ODD else ()
            shown = f"`{span.text}`" if span.text.isprintable() else f"U+{ord(span.text):04X}"
            self._report("E0101", f"the character {shown} means nothing here", span, help=help)
        self._emit(BROKEN, "", span)
        self._odd = True

    def _report(
        self, code: str, message: str, span: Span, label: str = "", help: tuple[str, ...] = ()
    ) -> None:
        self.problems.add(Diagnostic(code, message, Label(span, label), (), help))


def _code_behind(tokens: Sequence[Token], index: int) -> list[Token]:
    """The next two tokens that are code."""
    found: list[Token] = []
    while len(found) < 2 and index + 1 < len(tokens):
        index += 1
        if tokens[index].type not in ("NEWLINE", "COMMENT"):
            found.append(tokens[index])
    return found


def _magnitude(token: Token) -> float:
    """The number of a number or quantity."""
    found = match(r"\d+(\.\d+)?([eE][+-]?\d+)?", token)
    return float(found[0]) if found else 0.0


def _digits(token: Token) -> int:
    """How long the number of a number or quantity is."""
    return len(token) - len(token.lstrip("0123456789."))


def _begins_statement(tokens: Sequence[Token]) -> bool:
    """Whether a line with these first tokens can only be a statement."""
    if len(tokens) < 2 or str(tokens[0]) not in STATEMENT_WORDS:
        return False
    return tokens[1].type in _OPERANDS or (str(tokens[1])[0].isalpha() and tokens[1].type not in _GO_ON)
