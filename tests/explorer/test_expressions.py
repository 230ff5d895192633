"""Compiled expressions against the language's own evaluator, which checks units at every step."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.dsl import syntax as s
from dovetail.dsl import units
from dovetail.dsl.choices import DesignChooser
from dovetail.dsl.diagnostics import Collector, DovetailError
from dovetail.dsl.evaluator import Evaluator
from dovetail.dsl.parser import parse_text
from dovetail.dsl.scope import Scope
from dovetail.dsl.values import RecordValue, Unknown
from dovetail.explorer.expressions import Expression, Uncomputable, Unmeasured, names_in, names_of

VALUES: dict[str, Any] = {
    "latency": units.quantity(3.5, "ms"),
    "energy": units.quantity(1.25, "mJ"),
    "area": units.quantity(4, "mm2"),
    "macs": 1e6,
    "n": 32,
    "Buffer": RecordValue((("size", units.quantity(128, "KiB")),)),
}


def node_of(text: str) -> s.Expr:
    match parse_text(f"net x\nlet value = {text}\n").statements:
        case (s.Let(value=node),):
            return node
    raise AssertionError(text)


def checked(text: str) -> object:
    evaluator = Evaluator(Collector(), DesignChooser())
    scope = Scope()
    for name, value in VALUES.items():
        scope.define(name, value)
    return evaluator.evaluate(node_of(text), scope)


def compiled(text: str) -> Expression:
    return Expression(node_of(text), {}, VALUES)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("latency", 3.5e-3, "s"),
        ("energy", 1.25e9, "pJ"),
        ("area", 4, "mm2"),
        ("energy / latency", 1.25e-3 / 3.5e-3, "W"),
        ("Buffer.size", 131072, "B"),
        ("10.35 Wh / energy", 10.35 * 3600 / 1.25e-3, ""),
        ("max(latency, 1 s)", 1, "s"),
        ("if n > 16 then macs / n else 0", 31250, ""),
        ("ceil(n / 3) + 40%", 11.4, ""),
    ],
)
def test_values_come_in_the_unit_of_their_kind(text: str, value: float, unit: str) -> None:
    expression = compiled(text)
    assert expression.unit == unit
    assert expression(names_of(VALUES)) == pytest.approx(value, rel=1e-12)


NUMBERS = st.sampled_from(["macs", "n", "2", "0.5", "40%", "7", "(energy / (1 pJ))", "(area / (1 mm2))"])


def numeric(depth: int) -> st.SearchStrategy[str]:
    if depth == 0:
        return NUMBERS
    inner = numeric(depth - 1)
    return st.one_of(
        NUMBERS,
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(lambda t: f"({' '.join(t)})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        inner.map(lambda t: f"(-{t})"),
        st.tuples(inner, inner, inner).map(lambda t: f"(if {t[0]} < {t[1]} then {t[1]} else {t[2]})"),
    )


@settings(max_examples=150, deadline=None)
@given(numeric(3))
def test_compiled_and_checked_evaluation_agree(text: str) -> None:
    expected = checked(text)
    if isinstance(expected, Unknown):  # a division by zero
        with pytest.raises(Uncomputable):
            compiled(text)(names_of(VALUES))
        return
    assert isinstance(expected, int | float)
    assert math.isclose(compiled(text)(names_of(VALUES)), expected, rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("text", "holds", "violation"),
    [
        ("latency < 4 ms", True, 0.0),
        ("latency < 1 ms", False, 2.5),
        ("area >= 8 mm2", False, 0.5),
        ("area >= 4 mm2 and n == 32", True, 0.0),
        ("not (n == 32)", False, 1.0),
        ("Buffer.size <= 128 KiB", True, 0.0),
    ],
)
def test_conditions_say_by_how_much_they_are_missed(text: str, holds: bool, violation: float) -> None:
    names = names_of(VALUES)
    assert compiled(text).holds(names) is holds
    assert compiled(text).violation(names) == pytest.approx(violation, rel=1e-9)


def test_a_name_that_a_point_lacks_is_named() -> None:
    names = {name: value for name, value in names_of(VALUES).items() if name != "macs"}
    with pytest.raises(Unmeasured, match="`macs`"):
        compiled("macs / n")(names)


def test_what_is_wrong_for_every_point_is_refused_at_once() -> None:
    with pytest.raises(DovetailError, match="E0402"):
        compiled("latency + energy")


def test_the_names_of_an_expression_are_found_in_all_its_parts() -> None:
    text = "if a < 2 then min(b, -c) else Buffer.size + 3 * (d ^ e)"
    assert names_in(node_of(text)) == {"a", "b", "c", "d", "e", "Buffer"}
