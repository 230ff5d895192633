"""The TextMate grammar sees what the parser sees: on every example, token for token."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lark import Token

from dovetail.dsl import parser as parsing
from dovetail.dsl.diagnostics import Collector
from dovetail.dsl.parser import grammar, keywords
from dovetail.dsl.source import Source

ROOT = Path(__file__).resolve().parent.parent.parent
GRAMMAR = ROOT / "editor" / "dovetail.tmLanguage.json"
EXAMPLES = sorted(p for p in (ROOT / "examples").rglob("*") if p.suffix in (".net", ".accel", ".study"))
MAPPING = """\
mapping for "fire9.squeeze1x1" on squeezelerator
DRAM holds weights, inputs, outputs
for K in 64 by 32
Buffer holds inputs, outputs   # kept
spatial C in 32 along PE.row
  spatial flat(K, R) in 32 by 2 along PE.col
mac
"""


@dataclass(frozen=True)
class Painted:
    start: int
    end: int
    scope: str


def paint(text: str, rules: list[dict[str, Any]]) -> list[Painted]:
    """What an editor does with such a grammar: at each place the rule that matches first, then the next."""
    compiled = [(re.compile(rule["match"]), rule) for rule in rules]
    painted: list[Painted] = []
    begin = 0
    for line in text.splitlines(keepends=True):
        at = 0
        while at < len(line):
            found = [
                (m.start(), order, m, rule)
                for order, (r, rule) in enumerate(compiled)
                if (m := r.search(line, at))
            ]
            if not found:
                break
            _, _, match, rule = min(found, key=lambda f: f[:2])
            if match.end() == match.start():
                at = match.end() + 1
                continue
            if "name" in rule:
                painted.append(Painted(begin + match.start(), begin + match.end(), rule["name"]))
            for group, capture in rule.get("captures", {}).items():
                start, end = match.span(int(group))
                painted.append(Painted(begin + start, begin + end, capture["name"]))
            at = match.end()
        begin += len(line)
    return painted


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(GRAMMAR.read_text(encoding="utf-8"))["patterns"]
    return found


def places(painted: list[Painted], scope: str) -> set[tuple[int, int]]:
    return {(p.start, p.end) for p in painted if p.scope.startswith(scope)}


@pytest.fixture
def words_taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Token]]:
    """The words that the parser took as words of the language, not as names."""
    taken: list[Token] = []
    contextual = parsing._Feeder._contextual

    def spy(self: Any, parser: Any, tokens: list[Token], index: int) -> Token:
        token = contextual(self, parser, tokens, index)
        after_dot = index > 0 and tokens[index - 1].type == "DOT"
        if token.type != "NAME" and str(token) in keywords() and not after_dot:
            taken.append(token)
        return token

    monkeypatch.setattr(parsing._Feeder, "_contextual", spy)
    yield taken


def read(text: str, taken: list[Token]) -> set[tuple[int, int]]:
    problems = Collector()
    parsing.parse(Source(text, "example"), problems)
    assert not problems.diagnostics
    return {(token.value.start, token.value.end) for token in taken}


def shown(text: str, found: set[tuple[int, int]]) -> list[str]:
    return [f"{text.count(chr(10), 0, a) + 1}: {text[a:b]}" for a, b in sorted(found)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_words_of_the_language_are_painted_where_the_parser_takes_them(
    path: Path, rules: list[dict[str, Any]], words_taken: list[Token]
) -> None:
    text = path.read_text(encoding="utf-8")
    expected = read(text, words_taken)
    assert shown(text, places(paint(text, rules), "keyword.control")) == shown(text, expected)


CONTEXTUAL = [
    MAPPING,
    "net words\nparam time = 3\nlet path = time + 1\ninput x[3, 8, 8]\noutput x -> conv(path, time)\n",
    "net words\ninput image[3, 8, 8]\nlayers = image -> relu\noutput layers -> block: conv(4, 1)\n",
    "net words\ninput in[3, 8, 8]\nx = in -> conv(if 1 == 1 and not 2 > 3 then 4 else 5, 1); output x\n",
    "accel words\nmemory on { size = 1 KiB; holds = [inputs, outputs] }\nmac { rate = 2/cycle at 8 bit }\n",
    "study words\nnetworks \"a.net\"\naccelerators \"b.accel\"\nminimize energy\nseed 1; time 10 min\n",
]  # fmt: skip


@pytest.mark.parametrize("text", CONTEXTUAL)
def test_a_word_that_is_a_name_is_painted_as_one(
    text: str, rules: list[dict[str, Any]], words_taken: list[Token]
) -> None:
    expected = read(text, words_taken)
    assert shown(text, places(paint(text, rules), "keyword.control")) == shown(text, expected)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_comments_strings_and_numbers_are_those_of_the_lexer(path: Path, rules: list[dict[str, Any]]) -> None:
    text = path.read_text(encoding="utf-8")
    painted = paint(text, rules)
    lexed: dict[str, set[tuple[int, int]]] = {
        "COMMENT": set(),
        "STRING": set(),
        "NUMBER": set(),
        "QUANTITY": set(),
    }
    for token in grammar().lex(text):
        if token.type in lexed:
            lexed[token.type].add((token.start_pos or 0, token.end_pos or 0))
    assert places(painted, "comment") == lexed["COMMENT"]
    assert places(painted, "string") == lexed["STRING"]
    units = places(painted, "keyword.other.unit")
    digits = places(painted, "constant.numeric")
    whole = {(a, next((d for c, d in units if c == b), b)) for a, b in digits}
    assert whole == lexed["NUMBER"] | lexed["QUANTITY"]
    assert len(units) == len(lexed["QUANTITY"])


def test_definitions_stand_out(rules: list[dict[str, Any]]) -> None:
    text = "block fire(x) {\nmemory Buffer {\n  array PE[row = 2] {\ndataflow weight_stationary {\n"
    painted = paint(text, rules)
    assert {text[a:b] for a, b in places(painted, "entity.name.function.dovetail")} == {"fire"}
    types = {text[a:b] for a, b in places(painted, "entity.name.type")}
    assert types == {"Buffer", "PE", "weight_stationary"}


def test_stages_operators_and_labels_stand_out(rules: list[dict[str, Any]]) -> None:
    text = "y = x -> conv1: conv(96, 7, stride = 2) -> relu -> fire(3)\n"
    painted = paint(text, rules)
    assert {text[a:b] for a, b in places(painted, "entity.name.label")} == {"conv1"}
    assert {text[a:b] for a, b in places(painted, "support.function")} == {"conv", "relu"}
    assert {text[a:b] for a, b in places(painted, "variable.other.assigned")} == {"y", "stride"}
    assert {text[a:b] for a, b in places(painted, "entity.name.function.call")} == {"fire"}


def test_the_file_is_what_the_script_writes() -> None:
    """`python editor/make_grammar.py` writes it anew after a change of the language."""
    spec = importlib.util.spec_from_file_location("make_grammar", ROOT / "editor" / "make_grammar.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert GRAMMAR.read_text(encoding="utf-8") == script.text()


def test_every_suffix_is_a_language_of_the_extension() -> None:
    package = json.loads((ROOT / "editor" / "package.json").read_text(encoding="utf-8"))
    (language,) = package["contributes"]["languages"]
    assert set(language["extensions"]) == {f".{kind}" for kind in parsing.KINDS}
    (contributed,) = package["contributes"]["grammars"]
    assert (ROOT / "editor" / contributed["path"]).resolve() == GRAMMAR
    assert json.loads(GRAMMAR.read_text(encoding="utf-8"))["scopeName"] == contributed["scopeName"]
