"""The units that the grammar reads are exactly those that have a meaning."""

from __future__ import annotations

from itertools import product

import pytest

from dovetail.dsl.parser import grammar, parse_text
from dovetail.dsl.syntax import Quantity
from dovetail.dsl.units import UNIT_NAMES, is_quantity, quantity


def split_alternatives(pattern: str) -> list[str]:
    """The parts of `a|b(c|d)` between the bars that stand outside of parentheses."""
    parts, depth = [""], 0
    for char in pattern:
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def closing(pattern: str) -> int:
    """Where the parenthesis closes that a pattern begins with."""
    depth = 0
    for place, char in enumerate(pattern):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return place
    raise AssertionError(f"never closed: {pattern}")


def spelled_out(pattern: str) -> set[str]:
    """Every string that a pattern of letters, `[…]`, `(…)`, `|` and `?` stands for."""
    found = set()
    for alternative in split_alternatives(pattern):
        pieces: list[set[str]] = []
        rest = alternative
        while rest:
            if rest[0] == "[":
                inside, _, rest = rest[1:].partition("]")
                pieces.append(set(inside))
            elif rest[0] == "(":
                end = closing(rest)
                pieces.append(spelled_out(rest[1:end]))
                rest = rest[end + 1 :]
            elif rest[0] == "?":
                pieces[-1] |= {""}
                rest = rest[1:]
            else:
                rest = rest.removeprefix("\\")
                pieces.append({rest[0]})
                rest = rest[1:]
        found |= {"".join(choice) for choice in product(*pieces)}
    return found


def test_the_grammar_reads_exactly_the_units_that_are_defined() -> None:
    (terminal,) = [t for t in grammar().terminals if t.name == "QUANTITY"]
    pattern = terminal.pattern.value.replace("[ \t]*", "")
    unit = pattern[pattern.index("(%") : pattern.index("(?![A-Za-z0-9")]
    assert spelled_out(unit) == set(UNIT_NAMES)


@pytest.mark.parametrize("unit", UNIT_NAMES)
@pytest.mark.parametrize("number", ["3", "2.5", "1e6", "1.5e-3"])
@pytest.mark.parametrize("blank", ["", " ", "\t "])
def test_every_unit_reads_back(unit: str, number: str, blank: str) -> None:
    (statement,) = parse_text(f"net x\nlet a = {number}{blank}{unit}").statements
    value = int(number) if number.isdigit() else float(number)
    assert statement.value == Quantity(statement.span, value, unit)
    assert type(statement.value.value) is type(value)


@pytest.mark.parametrize("unit", UNIT_NAMES)
def test_every_unit_has_a_meaning(unit: str) -> None:
    assert is_quantity(quantity(1, unit)) == (unit != "%")


@pytest.mark.parametrize(("text", "value"), [("4 / s", "/"), ("4 / cycle", "/"), ("4 // s", "//")])
def test_a_division_with_blanks_is_no_unit(text: str, value: str) -> None:
    (statement,) = parse_text(f"net x\nlet a = {text}").statements
    assert statement.value.operator == value
