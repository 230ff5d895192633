"""The words of the language by what they do, read off the grammar: highlighters and completion need no list.

A word that begins a statement is one only there; a word inside one (`by`, `at`) only behind a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from dovetail.dsl.parser import grammar

RULES_OF_KIND: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "net": ("shared", "network"),
        "accel": ("shared", "accelerator"),
        "study": ("shared", "study"),
        "map": ("shared", "mapping"),
    }
)
"""The rules whose statements a kind of file is made of."""


@cache
def terminals() -> Mapping[str, str]:
    """The regular expression or the word of each terminal, by name."""
    return MappingProxyType({t.name: t.pattern.value for t in grammar().terminals})


@cache
def keyword(terminal: str) -> str | None:
    """The word of a terminal that is one; None for signs, numbers and names."""
    pattern = next((t.pattern for t in grammar().terminals if t.name == terminal), None)
    return str(pattern.value) if pattern and pattern.type == "str" and pattern.value.isidentifier() else None


@cache
def _first() -> Mapping[str, frozenset[str]]:
    """The terminals that each rule can begin with; no rule of the grammar but `start` is ever empty."""
    first: dict[str, set[str]] = {}
    grows = True
    while grows:
        grows = False
        for rule in grammar().rules:
            if not rule.expansion:
                continue
            head = rule.expansion[0]
            found = {head.name} if head.is_term else first.get(head.name, set())
            known = first.setdefault(rule.origin.name, set())
            grows = grows or not found <= known
            known |= found
    return MappingProxyType({name: frozenset(found) for name, found in first.items()})


def leading(*rules: str) -> tuple[str, ...]:
    """The words that these rules can begin with, in alphabetical order."""
    found = {keyword(terminal) for rule in rules for terminal in _first()[rule]}
    return tuple(sorted(word for word in found if word is not None))


def following(*rules: str) -> tuple[str, ...]:
    """The words that stand inside these rules, not at their beginning."""
    found = {
        keyword(symbol.name)
        for rule in grammar().rules
        if rule.origin.name in rules
        for symbol in rule.expansion[1:]
        if symbol.is_term
    }
    return tuple(sorted(word for word in found if word is not None))


def every_word() -> tuple[str, ...]:
    """All words of the language."""
    return tuple(sorted(word for name in terminals() if (word := keyword(name)) is not None))


def statement_words(kind: str | None = None) -> tuple[str, ...]:
    """The words that begin a statement: of a kind of file, or of any."""
    return leading("statement") if kind is None else leading(*RULES_OF_KIND[kind])


def value_words() -> tuple[str, ...]:
    """The words that begin a value: `choose`, `if`, `not`, `zero`."""
    return leading("value", "item")


def inner_words() -> tuple[str, ...]:
    """The words that stand behind a value or a name: `then`, `by`, `at`, …"""
    inside = set(following(*(rule.origin.name for rule in grammar().rules)))
    qualifiers = set(leading("qualifier"))
    return tuple(sorted((inside | qualifiers | {"for"}) - set(value_words())))
