"""What expressions evaluate to.

value = bool | int | float | str | Symbol | pint.Quantity | list (tuple) | TensorValue
      | FnValue | BlockValue | OperatorValue | BuiltinValue | TableValue | RecordValue | UNKNOWN
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dovetail.dsl import units
from dovetail.dsl.source import Span
from dovetail.dsl.syntax import Expr, Parameter, Statement

if TYPE_CHECKING:
    from dovetail.dsl.operators import Operator
    from dovetail.dsl.scope import Scope


class Unknown:
    """Stands where an error was reported, and makes no second one."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


class Symbol(str):
    """A word that stands for itself where a property expects one: `same`, `global`, `shared`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TensorValue:
    """A tensor: its shape, and which one it is in the network under construction (-1: only a shape)."""

    shape: tuple[int, ...]
    index: int = -1


@dataclass(frozen=True, slots=True)
class FnValue:
    """`fn f(a, b) = EXPR` with the scope it was written in."""

    name: str
    parameters: tuple[Parameter, ...]
    value: Expr
    scope: Scope = field(repr=False, compare=False)
    span: Span = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class BlockValue:
    """`block f(x, a) { … }` with the scope it was written in."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    scope: Scope = field(repr=False, compare=False)
    span: Span = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class OperatorValue:
    """An operator of the palette."""

    operator: Operator


@dataclass(frozen=True, slots=True)
class BuiltinValue:
    """`min`, `channels`, …"""

    name: str


@dataclass(frozen=True, slots=True)
class TableValue:
    """A paper's table: rows of values under column names."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class RecordValue:
    """`{ read = 24 pJ; … }`, evaluated."""

    entries: tuple[tuple[str, Value], ...]


Value: TypeAlias = Any
"""One of the kinds above; pint's quantities keep this from being a closed union."""


def describe(value: Value) -> str:
    """What a value is, for messages: `a size`, `the number 3`, `a tensor of 64 x 55 x 55`."""
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case Symbol():
            return f"the word `{value}`"
        case int() | float():
            return f"the number {value:g}" if isinstance(value, float) else f"the number {shorten(value)}"
        case str():
            return "a string"
        case tuple():
            return f"a list of {len(value)}"
        case TensorValue():
            return f"a tensor of {' x '.join(map(str, value.shape))}"
        case FnValue():
            return f"the function `{value.name}`"
        case BlockValue():
            return f"the block `{value.name}`"
        case OperatorValue():
            return f"the operator `{value.operator.name}`"
        case BuiltinValue():
            return f"the function `{value.name}`"
        case TableValue():
            return f"the table `{value.name}`"
        case RecordValue():
            return "a record"
        case _ if units.is_quantity(value):
            kind = units.kind_of(value)
            return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
        case _:
            return "something unknown"


def shorten(value: int) -> str:
    """An integer in full, or its magnitude where nobody could read it."""
    return str(value) if abs(value) < 10**18 else f"about 10^{int(value.bit_length() * 0.30103)}"


def text_of(value: Value) -> str:
    """A value as an option of a choice is written: `3`, `4 bit`, `relu`."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case tuple():
            return f"[{', '.join(text_of(v) for v in value)}]"
        case OperatorValue():
            return value.operator.name
        case FnValue() | BlockValue() | BuiltinValue():
            return value.name
        case TensorValue():
            return " x ".join(map(str, value.shape))
        case _ if units.is_quantity(value):
            return units.text_of(value)
        case _:
            return str(value)
