"""Expressions of a study over the metrics of a point: checked once with units, then computed in plain floats.

The checked evaluator of the language is too slow for a hundred thousand points, and it need not run for each:
which unit an expression has does not depend on the point. So it is evaluated once with example values, which
settles the dimensions, and compiled to functions on numbers in base units (bit, second, pJ, metre).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from dovetail.dsl import syntax as s
from dovetail.dsl import units
from dovetail.dsl.builtins import BUILTINS, Misuse
from dovetail.dsl.choices import DesignChooser
from dovetail.dsl.diagnostics import Collector, DovetailError
from dovetail.dsl.evaluator import Evaluator
from dovetail.dsl.scope import Scope
from dovetail.dsl.values import FnValue, RecordValue, Unknown, Value

Names: TypeAlias = Mapping[str, float]
"""Numbers in base units by name; those of a record by `Buffer.size`."""

Rule: TypeAlias = Callable[[Names], Any]


class Unmeasured(Exception):
    """An expression speaks of a metric that this point does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(f"`{name}` is not known here")
        self.name = name


class Uncomputable(Exception):
    """An expression has no value at this point, such as a division by zero."""


_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "^": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def names_in(node: s.Expr) -> set[str]:
    """The names that an expression speaks of; `Buffer` of `Buffer.size`."""
    match node:
        case s.Name():
            return {node.id}
        case s.Attribute():
            return names_in(node.value)
        case s.Unary():
            return names_in(node.operand)
        case s.Binary():
            return names_in(node.left) | names_in(node.right)
        case s.Conditional():
            return names_in(node.condition) | names_in(node.then) | names_in(node.otherwise)
        case s.Call():
            return set().union(*(names_in(a.value) for a in node.arguments))
        case _:
            return set()


def base_number(value: Value) -> float | None:
    """A number or quantity in base units; None for what is neither."""
    if units.is_quantity(value):
        return float(value.magnitude)
    if isinstance(value, bool | int | float):
        return value
    return None


def names_of(values: Mapping[str, Value]) -> dict[str, float]:
    """The numbers among values, in base units, with the entries of records."""
    found: dict[str, float] = {}
    for name, value in values.items():
        if isinstance(value, RecordValue):
            for entry, inner in value.entries:
                number = base_number(inner)
                if number is not None:
                    found[f"{name}.{entry}"] = number
            continue
        number = base_number(value)
        if number is not None:
            found[name] = number
    return found


class Expression:
    """An expression as a function of a point's numbers."""

    def __init__(self, node: s.Expr, definitions: Mapping[str, Value], examples: Mapping[str, Value]) -> None:
        """`definitions` are the study's own names, `examples` values of every name that points have.

        Raises DovetailError where the expression is wrong whatever the point.
        """
        self.text = " ".join(node.span.text.split())
        self._rule = _compile(node, definitions, {})
        self._sides: tuple[Rule, Rule, str] | None = None
        if isinstance(node, s.Binary) and node.operator in ("<", "<=", ">", ">="):
            left, right = (_compile(n, definitions, {}) for n in (node.left, node.right))
            self._sides = (left, right, node.operator)
        self.unit, self._factor = self._unit_of(node, definitions, examples)

    def __call__(self, names: Names) -> float:
        """Its value in `unit`; raises Unmeasured, Uncomputable."""
        return float(self._value(names)) / self._factor

    def holds(self, names: Names) -> bool:
        """Whether it is true; raises Unmeasured, Uncomputable."""
        return bool(self._value(names))

    def violation(self, names: Names) -> float:
        """By how much it does not hold, as a fraction of its right side; 0 or less where it holds."""
        holds = self.holds(names)
        if self._sides is None or holds:
            return 0.0 if holds else 1.0
        left, right, sign = self._sides
        over = float(left(names)) - float(right(names))
        over = over if sign in ("<", "<=") else -over
        return max(over / (abs(float(right(names))) or 1.0), 1e-12)

    def _value(self, names: Names) -> Any:
        try:
            return self._rule(names)
        except (ZeroDivisionError, OverflowError, Misuse) as fault:
            raise Uncomputable(f"`{self.text}` has no value: {fault}") from fault

    @staticmethod
    def _unit_of(
        node: s.Expr, definitions: Mapping[str, Value], examples: Mapping[str, Value]
    ) -> tuple[str, float]:
        """The unit in which its values are kept, and how many base units that is."""
        problems = Collector()
        evaluator = Evaluator(problems, DesignChooser())
        scope = Scope()
        for name, value in (*examples.items(), *definitions.items()):
            scope.define(name, value)
        value = evaluator.evaluate(node, scope)
        if isinstance(value, Unknown):
            # An example may divide by zero where no point does; anything else is wrong for all points.
            if {d.code for d in problems.diagnostics} - {"E0406", "E0404"}:
                raise DovetailError(problems.diagnostics)
            return "", 1.0
        if not units.is_quantity(value):
            return "", 1.0
        for unit in ("s", "pJ", "mm2", "W", "B", "cycles", "mm", "Hz", "bit/cycle", "pJ/bit"):
            whole = units.quantity(1, unit)
            if units.is_quantity(whole) and whole.units == value.units:
                return unit, float(whole.magnitude)
        return _spelled(f"{value.units}"), 1.0


_SPELLED: Final = {
    "picojoule": "pJ",
    "second": "s",
    "byte": "B",
    "millimeter": "mm",
    "watt": "W",
    "hertz": "Hz",
    " ** ": "^",
    " * ": " ",
    " / ": "/",
}


def _spelled(unit: str) -> str:
    """A compound unit as the language writes it: `pJ^2 s`."""
    for long, short in _SPELLED.items():
        unit = unit.replace(long, short)
    return unit


def _compile(node: s.Expr, definitions: Mapping[str, Value], local: Mapping[str, Rule]) -> Rule:
    """The function of a point that computes `node`; `local` are the parameters of the `fn` it stands in."""
    match node:
        case s.Number():
            return _constant(node.value)
        case s.Quantity():
            return _constant(base_number(units.quantity(node.value, node.unit)))
        case s.Name():
            return local.get(node.id) or _name(node.id, definitions)
        case s.Attribute(value=s.Name(id=owner)):
            return _lookup(f"{owner}.{node.name}")
        case s.Unary():
            inner = _compile(node.operand, definitions, local)
            if node.operator == "not":
                return lambda names: not inner(names)
            return lambda names: -inner(names)
        case s.Binary():
            return _binary(node, definitions, local)
        case s.Conditional():
            test, then, otherwise = (
                _compile(n, definitions, local) for n in (node.condition, node.then, node.otherwise)
            )
            return lambda names: then(names) if test(names) else otherwise(names)
        case s.Call(function=s.Name(id=called)):
            return _call(called, node, definitions, local)
        case _:
            return _constant(math.nan)


def _constant(value: float | None) -> Rule:
    return lambda names: value


def _lookup(name: str) -> Rule:
    def rule(names: Names) -> float:
        try:
            return names[name]
        except KeyError:
            raise Unmeasured(name) from None

    return rule


def _name(name: str, definitions: Mapping[str, Value]) -> Rule:
    if name in definitions:
        return _constant(base_number(definitions[name]))
    if name in ("true", "false"):
        return _constant(name == "true")
    return _lookup(name)


def _binary(node: s.Binary, definitions: Mapping[str, Value], local: Mapping[str, Rule]) -> Rule:
    left, right = _compile(node.left, definitions, local), _compile(node.right, definitions, local)
    if node.operator == "and":
        return lambda names: left(names) and right(names)
    if node.operator == "or":
        return lambda names: left(names) or right(names)
    rule = _OPERATORS[node.operator]
    return lambda names: rule(left(names), right(names))


def _call(called: str, node: s.Call, definitions: Mapping[str, Value], local: Mapping[str, Rule]) -> Rule:
    given = [_compile(a.value, definitions, local) for a in node.arguments]
    function = definitions.get(called)
    if isinstance(function, FnValue):
        inner: dict[str, Rule] = {}
        for number, parameter in enumerate(function.parameters):
            named = [r for a, r in zip(node.arguments, given, strict=True) if a.name == parameter.name]
            if named:
                inner[parameter.name] = named[0]
            elif number < len(given) and node.arguments[number].name is None:
                inner[parameter.name] = given[number]
            elif parameter.default is not None:
                inner[parameter.name] = _compile(parameter.default, definitions, inner)
        return _compile(function.value, definitions, inner)
    builtin = BUILTINS.get(called)
    if builtin is None:
        return _constant(math.nan)
    return lambda names: builtin(*(rule(names) for rule in given))
