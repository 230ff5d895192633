"""The reference page: every production of the grammar has an example, and the parser reads it as that."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from lark import Lark, Token, Tree

from dovetail.dsl.diagnostics import Collector
from dovetail.dsl.layout import Layout
from dovetail.dsl.parser import _Extras, _Feeder, parse
from dovetail.dsl.source import Source

ROOT = Path(__file__).resolve().parent.parent.parent


def load() -> ModuleType:
    path = ROOT / "docs" / "reference_from_grammar.py"
    spec = importlib.util.spec_from_file_location("reference_from_grammar", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


REFERENCE = load()
GRAMMAR = (ROOT / "dsl" / "grammar.lark").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def plain() -> Lark:
    """The same grammar, leaving the tree of its productions."""
    return Lark(
        GRAMMAR,
        parser="lalr",
        lexer="basic",
        postlex=_Extras(),
        keep_all_tokens=True,
        maybe_placeholders=False,
    )


def productions_used(text: str, plain: Lark) -> set[str]:
    tokens = Layout(Source(text, "example"), Collector()).run(plain.lex(text))
    parser = plain.parse_interactive("")
    feeder = _Feeder(Collector())
    for index in range(len(tokens)):
        parser.feed_token(feeder._contextual(parser, tokens, index))
    tree = parser.feed_token(Token("$END", ""))
    assert isinstance(tree, Tree)
    return {str(found.data) for found in tree.iter_subtrees()}


@pytest.mark.parametrize("example", REFERENCE.EXAMPLES, ids=lambda e: f"{e.production}: {e.text[:30]}")
def test_an_example_is_read_as_the_production_it_stands_for(example: object, plain: Lark) -> None:
    text, production = getattr(example, "file"), getattr(example, "production")  # noqa: B009
    problems = Collector()
    parse(Source(text, "example"), problems)
    assert [d.render() for d in problems.diagnostics] == []
    assert production in productions_used(text, plain)


def test_every_production_has_an_example(plain: Lark) -> None:
    own = [rule for rule in plain.rules if not rule.origin.name.startswith("__")]
    named = {str(rule.alias or rule.origin.name) for rule in own if rule.alias or not rule.options.expand1}
    assert {e.production for e in REFERENCE.EXAMPLES} == named - {"start"}


def test_the_page_is_what_the_script_writes() -> None:
    """`python docs/reference_from_grammar.py` writes it anew after a change of the grammar."""
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == REFERENCE.page()
