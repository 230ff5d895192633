"""From a text to the tokens the grammar reads: comments apart, statement ends made plain, brackets paired.

Inside `(` and `[` lines go on; a line that begins with `->` continues the one before; every statement ends
with one SEP. A bracket that is never closed is noticed at the next line that can only be a statement, so that
it spoils one statement and not the rest of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
_OPERANDS: Final = frozenset({"NAME", "STRING", "NUMBER", "QUANTITY", "LBRACE"})

STATEMENT_WORDS: Final = frozenset(
    "net accel study mapping param let fn table tie require import metric block return input output layers "
    "technology clock precision transfers timing memory array along unit path keep dataflow stationary order "
    "networks accelerators minimize maximize where engine seed time baseline".split()
)
"""Words that begin a statement; the keywords proper are in the grammar."""

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
                    self._open.append(token)
                    if len(self._open) > DEEPEST:
                        self._report("E0106", f"brackets are nested more than {DEEPEST} deep", span)
                        raise TooDeep
                    self._emit(token.type, str(token), span)
                case "RPAR" | "RSQB" | "RBRACE":
                    self._close(token.type, span)
                case "NUMBER" if len(token) > LONGEST_NUMBER:
                    self._report("E0107", f"a number of {len(token)} digits", span)
                    self._emit("NUMBER", "0", span)
                case _:
                    self._emit(token.type, str(token), span)
        end = Span(self.source, len(self.source.text), len(self.source.text))
        while self._open:
            self._never_closed(self._open[-1])
            if self._open.pop().type == "LBRACE":
                self._end_statement(end)
                self._emit("RBRACE", "}", end)
            else:
                self._emit(BROKEN, "", end)
        self._end_statement(end)
        return self._out

    def _emit(self, kind: str, text: str, span: Span) -> None:
        token = Token(kind, text)
        token.value = span
        self._out.append(token)

    def _end_statement(self, span: Span) -> None:
        if self._out and self._out[-1].type not in ("SEP", "LBRACE"):
            self._emit("SEP", span.text, span)

    def _line_end(self, tokens: Sequence[Token], index: int, span: Span) -> None:
        following = _code_behind(tokens, index)
        if self._open and self._open[-1].type != "LBRACE":
            if following and (
                following[0].type == "RBRACE" or _begins_statement(following) or self._cannot_go_on(following)
            ):
                self._unclosed_parentheses()
                self._end_statement(span)
        elif not (following and following[0].type == "ARROW"):
            self._end_statement(span)

    def _cannot_go_on(self, following: Sequence[Token]) -> bool:
        """A line `NAME = …` behind a finished value: inside brackets a comma would have to stand between."""
        kinds = [t.type for t in following]
        return kinds == ["NAME", "EQUAL"] and self._out[-1].type in _ENDS_VALUE

    def _unclosed_parentheses(self) -> None:
        while self._open and self._open[-1].type != "LBRACE":
            self._never_closed(self._open.pop())
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
            opener = self._open.pop()
            self.problems.add(
                Diagnostic(
                    "E0102",
                    f"`{_SIGNS[opener.type]}` is closed by `{_SIGNS[kind]}`",
                    Label(span),
                    (Label(self._span(opener), "opened here"),),
                )
            )
            self._emit(BROKEN, "", span)
        else:
            self._report("E0102", f"`{_SIGNS[kind]}` closes nothing", span)
            self._emit(BROKEN, "", span)

    def _span(self, token: Token) -> Span:
        return Span(self.source, token.start_pos or 0, token.end_pos or 0)

    def _never_closed(self, opener: Token) -> None:
        self._report("E0103", f"`{_SIGNS[opener.type]}` is never closed", self._span(opener), "opened here")

    def _bad(self, span: Span) -> None:
        if span.text == '"':
            self._report("E0105", "a string that does not end on its line", span, "begins here")
        else:
            self._report("E0101", f"the character {span.text!r} means nothing here", span)
        self._emit(BROKEN, "", span)

    def _report(self, code: str, message: str, span: Span, label: str = "") -> None:
        self.problems.add(Diagnostic(code, message, Label(span, label)))


def _code_behind(tokens: Sequence[Token], index: int) -> list[Token]:
    """The next two tokens that are code."""
    found: list[Token] = []
    while len(found) < 2 and index + 1 < len(tokens):
        index += 1
        if tokens[index].type not in ("NEWLINE", "COMMENT"):
            found.append(tokens[index])
    return found


def _begins_statement(tokens: Sequence[Token]) -> bool:
    """Whether a line with these first tokens can only be a statement."""
    if len(tokens) < 2 or str(tokens[0]) not in STATEMENT_WORDS:
        return False
    return tokens[1].type in _OPERANDS or str(tokens[1])[0].isalpha()
