"""From a text to its syntax: lark's LALR parser, fed token by token, going on after each bad statement.

`parse_text` and `load` are the entry points; every problem of a file is found in one run.
"""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from importlib import resources
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lark import Lark, Token
from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_analysis import Shift

from dovetail.dsl.cache_folder import cache_folder
from dovetail.dsl.diagnostics import Collector, Diagnostic, DovetailError, Label, did_you_mean
from dovetail.dsl.layout import BROKEN, Layout, TooDeep
from dovetail.dsl.nesting import too_deep
from dovetail.dsl.parse_faults import NAMED, fault
from dovetail.dsl.source import Source, Span
from dovetail.dsl.syntax import KINDS, File, Header
from dovetail.dsl.tree import TreeBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lark.parsers.lalr_interactive_parser import InteractiveParser

LARGEST_FILE: Final = 4 * 2**20
"""Bytes; a text somebody wrote is far below."""

MOST_FAULTS: Final = 1000
"""A text with more bad statements than this is none of ours: reading on would only take time."""


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
        cache=_tables(text) or False,
        lexer="basic",
        postlex=_Extras(),
        transformer=TreeBuilder(),
        keep_all_tokens=True,
        maybe_placeholders=False,
    )


def _tables(text: str) -> str | None:
    """The file that keeps the parser's tables from one run to the next: making them takes half a second.

    Lark looks whether they belong to this grammar, and makes them anew where it cannot read the file.
    """
    try:
        folder = cache_folder() / "grammar"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return str(folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.tables")


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

    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise refuse("E0801", f"there is no file `{name}`", *_neighbours(path)) from None
    except IsADirectoryError:
        raise refuse("E0802", f"`{name}` is a folder, not a file") from None
    except OSError as fault:
        raise refuse("E0803", f"`{name}` cannot be read: {fault.strerror}") from fault
    if len(data) > LARGEST_FILE:
        raise refuse(
            "E0804", f"`{name}` has more than {LARGEST_FILE} bytes, and no text of this language is as long"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise refuse("E0805", f"`{name}` is not text: byte {fault.start} is not UTF-8") from fault
    if "\0" in text:
        raise refuse("E0805", f"`{name}` is not text: it has a NUL character at {text.index(chr(0))}")
    return Source(text, name, path)


def _neighbours(path: Path) -> tuple[str, ...]:
    """Help for a file that is not there: one of nearly the same name in its folder."""
    try:
        names = [p.name for p in path.parent.iterdir()]
    except OSError:
        return ()
    return tuple(h for h in did_you_mean(path.name, names) if h.startswith("did"))


def parse_file(path: Path, problems: Collector, shown: str | None = None) -> File:
    """Read and parse; the kind must be that of the file's suffix."""
    source = read_source(path, shown)
    kind = path.suffix.removeprefix(".")
    if kind not in KINDS:
        suffixes = ", ".join(f"`.{k}`" for k in KINDS)
        raise DovetailError([Diagnostic("E0806", f"`{source.name}` is none of {suffixes} by its name")])
    file, found = _parsed(source.text, source.name, path, kind)
    for problem in found:
        problems.add(problem)
    return file


@lru_cache(maxsize=32)
def _parsed(text: str, name: str, path: Path, kind: str) -> tuple[File, tuple[Diagnostic, ...]]:
    """A file that was read, with its problems: several of those who ask in a run read the same one."""
    problems = Collector()
    return parse(Source(text, name, path), problems, kind), problems.diagnostics


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
        return File(source, None, (), tuple(layout.comments), frozenset())
    feeder = _Feeder(problems)
    statements = feeder.run(tokens)
    deep = [fault for fault in map(too_deep, statements) if fault is not None]
    if deep:
        for problem in deep:
            problems.add(problem)
        return File(source, None, (), tuple(layout.comments), frozenset())
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
        article = "an" if header.kind == "accel" else "a"
        problems.add(
            Diagnostic(
                "E0808",
                f"the file is a `.{kind}` by its name, and says it is {article} `{header.kind}`",
                Label(header.span),
                help=("give the file the other suffix, or " + _header_help(kind),),
            )
        )
        return header, ()
    return header, rest


def _header_help(kind: str | None) -> str:
    example = {
        None: "net NAME",
        "map": 'mapping for "LAYER" on ACCELERATOR',
    }.get(kind, f"{kind} NAME")
    return f"begin with `{example}`"


# A word before one of these is a name, whatever else it could be.
_MAKES_A_NAME: Final = frozenset({"EQUAL", "COMMA", "DOT", "COLON", "RPAR", "RSQB", "ARROW"})
# These could be read as nothing else where a name may stand.
_BEGINS_EXPRESSION: Final = frozenset({"IF", "NOT", "CHOOSE"})


class _Feeder:
    """Feeds tokens to the parser; a bad statement is reported, dropped, and the next one is read."""

    def __init__(self, problems: Collector) -> None:
        self.problems = problems
        self.broken: set[str] = set()

    def run(self, tokens: list[Token]) -> tuple[Any, ...]:
        parser = grammar().parse_interactive("")
        index = statement = 0
        depths = list(accumulate(((t.type == "LBRACE") - (t.type == "RBRACE") for t in tokens), initial=0))
        while index < len(tokens):
            token = tokens[index]
            try:
                parser.feed_token(self._contextual(parser, tokens, index))
            except UnexpectedToken:
                if token.type != BROKEN:
                    self.problems.add(fault(parser.parser_state, tokens, index, statement, keywords()))
                if self.problems.count > MOST_FAULTS:
                    return ()
                index = self._recover(parser, tokens, index, statement, depths[index])
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
        if token.type in NAMED or token.type in _BEGINS_EXPRESSION or not str(token).isidentifier():
            return token
        following = tokens[index + 1].type if index + 1 < len(tokens) else "SEP"
        accepted = parser.parser_state.parse_conf.parse_table.states[parser.parser_state.position]
        named = following in _MAKES_A_NAME
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

    def _recover(
        self, parser: InteractiveParser, tokens: list[Token], index: int, statement: int, depth: int
    ) -> int:
        """Unwind to the innermost list of statements and skip to the end of the broken one."""
        self.broken |= _names_defined(tokens[statement : statement + 8])
        state = parser.parser_state
        table = state.parse_conf.parse_table.states
        inside = _open_braces(state.value_stack)
        if index and tokens[index - 1].type != "SEP":  # behind that nothing of the statement is on the stack
            # Behind a `}` that the statement closed, its body is on the stack still: out of that, too.
            while len(state.state_stack) > 1 and (inside > depth or not _is_list(table[state.position])):
                state.state_stack.pop()
                inside -= _open_braces([state.value_stack.pop()])
            inside = _open_braces(state.value_stack)
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


def _open_braces(values: list[Any]) -> int:
    """How many `{` are on the stack."""
    return sum(isinstance(value, Token) and value.type == "LBRACE" for value in values)


def _is_list(actions: dict[str, Any]) -> bool:
    """A parser state in which an item of a list of statements may begin, or the list may end."""
    closes = actions.get("RBRACE")
    return (closes is not None and closes[0] is Shift) or ("$END" in actions and "PARAM" in actions)


def _names_defined(tokens: list[Token]) -> set[str]:
    """Names that a statement beginning with these tokens would have defined; its keyword may be misspelt."""
    words = [str(t) for t in tokens]
    if not words:
        return set()
    if len(words) > 1 and words[0].isidentifier() and words[1].isidentifier():
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
