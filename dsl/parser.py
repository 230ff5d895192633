"""From a text to its syntax: lark's LALR parser, fed token by token, going on after each bad statement.

`parse_text` and `load` are the entry points; every problem of a file is found in one run.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lark import Lark, Token
from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_analysis import Shift

from dovetail.dsl.diagnostics import Collector, Diagnostic, DovetailError, Label, did_you_mean
from dovetail.dsl.layout import BROKEN, STATEMENT_WORDS, Layout, TooDeep
from dovetail.dsl.source import Source, Span
from dovetail.dsl.syntax import KINDS, File, Header
from dovetail.dsl.tree import TreeBuilder
from dovetail.dsl.units import UNIT_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lark.parsers.lalr_interactive_parser import InteractiveParser

LARGEST_FILE: Final = 16 * 2**20
"""Bytes; a text somebody wrote is far below."""


class _Extras:
    """Keeps the terminals that no rule uses; the layout pass takes them out."""

    always_accept = ("COMMENT", "NEWLINE", "BAD", "SEMICOLON")

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        return stream


@cache
def grammar() -> Lark:
    """The compiled grammar."""
    text = resources.files("dovetail.dsl").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        parser="lalr",
        lexer="basic",
        postlex=_Extras(),
        transformer=TreeBuilder(),
        keep_all_tokens=True,
        maybe_placeholders=False,
    )


@cache
def keywords() -> frozenset[str]:
    """The words of the language: terminals that are plain words."""
    words = {t.pattern.value for t in grammar().terminals if t.pattern.type == "str"}
    return frozenset(w for w in words if w.isidentifier())


def read_source(path: Path, shown: str | None = None) -> Source:
    """The text of a file; raises DovetailError where it cannot be one of ours."""
    name = shown or str(path)

    def refuse(code: str, message: str, *help: str) -> DovetailError:
        return DovetailError([Diagnostic(code, message, help=help)])

    if not path.exists():
        folder = path.parent
        siblings = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        near = did_you_mean(path.name, siblings) if len(siblings) < 5000 else ()
        raise refuse("E0801", f"there is no file `{name}`", *[h for h in near if h.startswith("did")])
    if path.is_dir():
        raise refuse("E0802", f"`{name}` is a folder, not a file")
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise refuse("E0803", f"`{name}` cannot be read: {fault.strerror}") from fault
    if len(data) > LARGEST_FILE:
        raise refuse(
            "E0804", f"`{name}` has {len(data)} bytes; a text of this language has at most {LARGEST_FILE}"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise refuse("E0805", f"`{name}` is not text: byte {fault.start} is not UTF-8") from fault
    if "\0" in text:
        raise refuse("E0805", f"`{name}` is not text: it has a NUL character at {text.index(chr(0))}")
    return Source(text, name, path)


def parse_file(path: Path, problems: Collector, shown: str | None = None) -> File:
    """Read and parse; the kind must be that of the file's suffix."""
    source = read_source(path, shown)
    kind = path.suffix.removeprefix(".")
    if kind not in KINDS:
        suffixes = ", ".join(f"`.{k}`" for k in KINDS)
        raise DovetailError([Diagnostic("E0806", f"`{source.name}` is none of {suffixes} by its name")])
    return parse(source, problems, kind)


def parse_text(text: str, name: str = "<text>") -> File:
    """Parse a text; raises DovetailError with every problem found."""
    problems = Collector()
    file = parse(Source(text, name), problems)
    problems.check()
    return file


def parse(source: Source, problems: Collector, kind: str | None = None) -> File:
    """The syntax of `source`: what could be read, with all problems added to `problems`."""
    layout = Layout(source, problems)
    try:
        tokens = layout.run(grammar().lex(source.text))
    except TooDeep:
        tokens = []
        if not problems.failed:
            raise
        return File(source, None, (), tuple(layout.comments), frozenset())
    feeder = _Feeder(problems)
    statements = feeder.run(tokens)
    header, rest = _split_header(source, statements, problems, kind, bool(tokens))
    return File(source, header, rest, tuple(layout.comments), frozenset(feeder.broken))


def _split_header(
    source: Source, statements: tuple[Any, ...], problems: Collector, kind: str | None, any_text: bool
) -> tuple[Header | None, tuple[Any, ...]]:
    headers = [s for s in statements if isinstance(s, Header)]
    for extra in headers[1:]:
        problems.add(
            Diagnostic(
                "E0109",
                "a file has one header",
                Label(extra.span),
                (Label(headers[0].span, "the first is here"),),
            )
        )
    rest = tuple(s for s in statements if not isinstance(s, Header))
    start = Span(source, 0, 0)
    if not headers:
        if not any_text:
            problems.add(Diagnostic("E0807", f"`{source.name}` is empty", help=(_header_help(kind),)))
        elif not problems.failed:
            problems.add(
                Diagnostic(
                    "E0108", "the file does not say what it is", Label(start), help=(_header_help(kind),)
                )
            )
        return None, rest
    header = headers[0]
    if statements and statements[0] is not header:
        problems.add(Diagnostic("E0109", "the header is the first statement of a file", Label(header.span)))
    if kind is not None and header.kind != {"map": "mapping"}.get(kind, kind):
        problems.add(
            Diagnostic("E0808", f"a `.{kind}` file that says it is a `{header.kind}`", Label(header.span))
        )
    return header, rest


def _header_help(kind: str | None) -> str:
    example = {
        None: "net NAME",
        "map": 'mapping for "LAYER" on ACCELERATOR',
    }.get(kind, f"{kind} NAME")
    return f"begin with `{example}`"


_NAMED: Final = {
    "SEP": "the end of the line",
    "NAME": "a name",
    "NUMBER": "a number",
    "QUANTITY": "a quantity",
    "STRING": "a string",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "EQUAL": "`=`",
    "DOT": "`.`",
    "ARROW": "`->`",
    "RANGE": "`..`",
}
_EXPRESSION: Final = frozenset({"NUMBER", "QUANTITY", "STRING", "LSQB", "LPAR"})
_OPERATORS: Final = frozenset(
    "PLUS MINUS STAR SLASH CARET COMPARE AND OR ARROW DOT LSQB LPAR SHARED AT REDUCE THEN QMARK".split()
)
# A word before one of these is a name, whatever else it could be.
_MAKES_A_NAME: Final = frozenset({"EQUAL", "COMMA", "DOT", "COLON", "RPAR", "RSQB", "ARROW"})
_BEGINS_EXPRESSION: Final = frozenset({"IF", "NOT", "CHOOSE"})


class _Feeder:
    """Feeds tokens to the parser; a bad statement is reported, dropped, and the next one is read."""

    def __init__(self, problems: Collector) -> None:
        self.problems = problems
        self.broken: set[str] = set()

    def run(self, tokens: list[Token]) -> tuple[Any, ...]:
        parser = grammar().parse_interactive("")
        index = statement = 0
        while index < len(tokens):
            token = tokens[index]
            try:
                parser.feed_token(self._contextual(parser, tokens, index))
            except UnexpectedToken:
                if token.type != BROKEN:
                    self._report(parser, tokens, index, statement)
                index = self._recover(parser, tokens, index, statement)
                statement = index
                continue
            index += 1
            if token.type in ("SEP", "LBRACE", "RBRACE"):
                statement = index
        result = parser.feed_token(Token("$END", ""))
        return tuple(result)

    def _contextual(self, parser: InteractiveParser, tokens: list[Token], index: int) -> Token:
        """A keyword where the grammar can go on with it, a name everywhere else."""
        token = tokens[index]
        if token.type in _NAMED or not str(token).isidentifier():
            return token
        following = tokens[index + 1].type if index + 1 < len(tokens) else "SEP"
        accepted = parser.parser_state.parse_conf.parse_table.states[parser.parser_state.position]
        named = following in _MAKES_A_NAME and token.type not in _BEGINS_EXPRESSION
        if token.type == "ZERO" and following not in ("NAME",):
            named = True
        if token.type == "MAC" and following == "SEP" and "NAME" in accepted and "MAC" in accepted:
            return token
        if token.type in accepted and not (named and "NAME" in accepted):
            return token
        if "NAME" not in accepted:
            return token
        name = Token("NAME", str(token))
        name.value = token.value
        return name

    def _recover(self, parser: InteractiveParser, tokens: list[Token], index: int, statement: int) -> int:
        """Unwind to the innermost list of statements and skip to the end of the broken one."""
        self.broken |= _names_defined(tokens[statement : statement + 8])
        state = parser.parser_state
        table = state.parse_conf.parse_table.states
        if index > statement:  # at its first token nothing of the statement is on the stack
            while len(state.state_stack) > 1 and not _is_list(table[state.position]):
                state.state_stack.pop()
                state.value_stack.pop()
        inside = sum(isinstance(v, Token) and v.type == "LBRACE" for v in state.value_stack)
        depth = _depth(tokens[:index])
        while index < len(tokens):
            kind = tokens[index].type
            if kind == "SEP" and depth == inside:
                return index + 1
            if kind == "LBRACE":
                depth += 1
            elif kind == "RBRACE":
                if depth == inside and inside > 0:
                    return index
                depth -= 1
            index += 1
        return index

    def _report(self, parser: InteractiveParser, tokens: list[Token], index: int, statement: int) -> None:
        token = tokens[index]
        span: Span = token.value
        before = tokens[index - 1] if index > statement else None
        expected = set(parser.parser_state.parse_conf.parse_table.states[parser.parser_state.position])
        word = str(token)
        if before is not None and before.type in ("NUMBER", "QUANTITY") and word[:1].isalpha():
            self.problems.add(
                Diagnostic(
                    "E0401",
                    f"`{word}` is no unit",
                    Label(span, f"after {before}"),
                    help=did_you_mean(word, UNIT_NAMES),
                )
            )
        elif index == statement + 1 and before is not None and before.type == "NAME" and word != "":
            close = [h for h in did_you_mean(str(before), STATEMENT_WORDS) if h.startswith("did")]
            self.problems.add(
                Diagnostic(
                    "E0104",
                    f"`{before}` begins no statement",
                    Label(before.value),
                    help=tuple(close) or ("a statement is `NAME = …` or begins with a word of the language",),
                )
            )
        elif token.type == "SEP":
            self.problems.add(
                Diagnostic("E0104", f"the statement stops early: {_wanted(expected)} is missing", Label(span))
            )
        elif word in keywords() and "NAME" in expected:
            self.problems.add(
                Diagnostic("E0104", f"`{word}` is a word of the language and no name", Label(span))
            )
        else:
            self.problems.add(
                Diagnostic(
                    "E0104",
                    f"`{word}` is not expected here",
                    Label(span, f"{_wanted(expected)} can stand here"),
                )
            )


def _is_list(actions: dict[str, Any]) -> bool:
    """A parser state in which an item of a list of statements may begin, or the list may end."""
    closes = actions.get("RBRACE")
    return (closes is not None and closes[0] is Shift) or ("$END" in actions and "PARAM" in actions)


def _depth(tokens: list[Token]) -> int:
    """How many `{` are open after these tokens."""
    return sum((t.type == "LBRACE") - (t.type == "RBRACE") for t in tokens)


def _wanted(expected: set[str]) -> str:
    """The terminals that could stand here, in words."""
    if expected >= _EXPRESSION:
        return "an expression"
    plain = [_NAMED.get(t, f"`{t.lower()}`") for t in sorted(expected - _OPERATORS) if t != "$END"]
    if not plain:
        plain = ["an operator"]
    if len(plain) > 6:
        return "something else"
    return " or ".join(plain)


def _names_defined(tokens: list[Token]) -> set[str]:
    """Names that a statement beginning with these tokens would have defined."""
    words = [str(t) for t in tokens]
    if not words:
        return set()
    if words[0] in STATEMENT_WORDS and len(words) > 1 and words[1].isidentifier():
        return {words[1]}
    names = set()
    for word in words:
        if word.isidentifier():
            names.add(word)
        elif word == "=":
            return names
        elif word != ",":
            break
    return set()
