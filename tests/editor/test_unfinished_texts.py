"""An editor asks about texts that are being written: nothing fails on them, and what fits is suggested."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from lark import Token

from dovetail.check_command import check_file
from dovetail.dsl import parser as parsing
from dovetail.dsl.parser import grammar, keywords
from dovetail.editor.analysis import analyse, diagnose, kind_of_text
from dovetail.editor.completion import complete
from dovetail.editor.hover import hover
from dovetail.editor.names import definitions, find
from dovetail.editor.words import every_word, inner_words, statement_words, value_words

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = sorted(p for p in (ROOT / "examples").rglob("*") if p.suffix in (".net", ".accel", ".study"))
SOME = [p for p in EXAMPLES if p.name in {
    "squeezenet_v1_0.net", "fbnet.net", "resnet18_mixed.net", "squeezelerator.accel", "tpu_v1.accel",
    "simba_two_chiplets.accel", "phone.study",
}]  # fmt: skip


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_an_editor_says_what_check_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [d.code for d in diagnose(text, path)] == [d.code for d in check_file(path).diagnostics]


GOLDEN = sorted(p for p in (ROOT / "tests" / "golden").rglob("*") if p.suffix in (".net", ".accel", ".map"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_an_editor_says_what_check_says_of_bad_files_too(path: Path) -> None:
    text = path.read_text(encoding="utf-8-sig")
    checked = check_file(path).diagnostics
    assert [d.render() for d in diagnose(text, path)] == [d.render() for d in checked]


@pytest.mark.parametrize("path", SOME, ids=lambda p: p.name)
def test_half_a_text_is_no_trouble(path: Path) -> None:
    whole = path.read_text(encoding="utf-8")
    chance = random.Random(path.name)
    for _ in range(6):
        end = chance.randrange(len(whole))
        again = chance.randrange(end, len(whole))
        for text in (whole[:end], whole[:end] + whole[again:]):
            diagnose(text, path)
            analysis = analyse(text, path)
            for offset in (0, end // 2, end, len(text)):
                hover(analysis, offset)
                find(analysis.file, offset)
                complete(analysis, offset)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Where the parser took a word as a word of the language."""
    places: set[int] = set()
    contextual = parsing._Feeder._contextual

    def spy(self: Any, parser: Any, tokens: list[Token], index: int) -> Token:
        token = contextual(self, parser, tokens, index)
        if token.type != "NAME" and str(token) in keywords():
            places.add(token.value.start)
        return token

    monkeypatch.setattr(parsing._Feeder, "_contextual", spy)
    return places


@pytest.mark.parametrize("path", SOME, ids=lambda p: p.name)
def test_what_stands_in_an_example_would_have_been_suggested(path: Path, taken: set[int]) -> None:
    text = path.read_text(encoding="utf-8")
    analysis = analyse(text, path)
    words = set(taken)
    defined = {d.place.start for d in definitions(analysis.file)}
    missing = []
    for token in grammar().lex(text):
        at = token.start_pos or 0
        if not str(token).isidentifier() or at in defined:
            continue
        if (at in words or find(analysis.file, at) is not None) and str(token) not in {
            s.label for s in complete(analysis, at)
        }:
            missing.append(f"{text.count(chr(10), 0, at) + 1}: {token}")
    assert missing == []


def test_nothing_is_suggested_where_a_new_name_is_due_or_in_a_comment() -> None:
    head = "net a\ninput image[3, 8, 8]\n"
    for tail in ("param ", "block ", "# conv", 'require true "con', "output image # -> "):
        text = head + tail
        assert complete(analyse(text, None), len(text)) == (), tail


def labels(text: str) -> set[str]:
    at = text.index("|")
    return {s.label for s in complete(analyse(text.replace("|", ""), None), at)}


def test_a_memory_takes_its_properties_and_a_property_its_words() -> None:
    assert {"size", "bandwidth", "energy", "may_hold"} <= labels("accel a\nmemory Buffer {\n  |")
    assert labels("accel a\nmemory Buffer { buffering = |") == {
        "single",
        "double",
        "ideal",
        "auto",
        "choose",
        "if",
        "not",
        "zero",
    }
    assert {"sram", "regfile", "dram"} <= labels("accel a\nmemory Buffer { energy = |")
    assert labels("accel a\nmemory Buffer { may_hold = [|") >= {"inputs", "weights", "outputs", "sums"}


def test_a_dataflow_takes_its_statements_and_the_axes_of_the_array() -> None:
    chip = "accel a\nmemory M { size = 1 KiB }\narray PE[row = 2, col = 3] { mac { rate = 1/cycle } }\n"
    assert labels(chip + "dataflow d {\n |") == {"order", "stationary", "PE", "M"}
    assert labels(chip + "dataflow d {\n PE.|") == {"row", "col"}
    assert {"K", "C", "P", "flat"} <= labels(chip + "dataflow d {\n PE.row = |")
    assert labels(chip + "dataflow d {\n stationary weights at |") == {"PE", "M"}


def test_a_block_is_left_by_return_and_a_file_is_not() -> None:
    text = "net a\nblock f(x) {\n  |\n}\n"
    assert "return" in labels(text)
    assert "return" not in labels("net a\n|")


def test_every_word_of_the_language_has_its_place() -> None:
    assert {*statement_words(), *inner_words(), *value_words()} == set(every_word())
    assert set(value_words()) == {"choose", "if", "not", "zero"}
    assert {"input", "output", "block"} <= set(statement_words("net"))
    assert "memory" not in statement_words("net")


def test_a_text_without_a_file_says_its_kind_itself() -> None:
    assert kind_of_text("# a chip\n\naccel a\n", None) == "accel"
    assert kind_of_text('mapping for "a" on b\n', None) == "map"
    assert kind_of_text("accel a\n", Path("a.net")) == "net"
    assert kind_of_text("", None) == "net"
