"""The functions of the language: numbers, lists and the sizes of tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from dovetail.dsl import units
from dovetail.dsl.values import TableValue, TensorValue, Value, describe

MOST_COUNTED: Final = 100_000


class Misuse(Exception):
    """A function given what it cannot take; the message is a sentence for the user."""


def divisible(x: float, by: int) -> int:
    """The multiple of `by` nearest to `x`, at least `by` and not more than 10 % below `x`.

    The channel rounding of the MobileNet family (arXiv:1801.04381, reference implementation).
    """
    if by < 1:
        raise Misuse(f"`divisible` rounds to a multiple of a positive number, not of {by}")
    rounded = max(by, int(x + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * x else rounded


def _numbers(name: str, arguments: Sequence[Value]) -> list[Any]:
    values = (
        list(arguments[0]) if len(arguments) == 1 and isinstance(arguments[0], tuple) else list(arguments)
    )
    if not values:
        raise Misuse(f"`{name}` needs at least one number")
    for value in values:
        if isinstance(value, bool) or not (isinstance(value, int | float) or units.is_quantity(value)):
            raise Misuse(f"`{name}` works on numbers, not on {describe(value)}")
    return values


def _extreme(name: str, pick: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    def rule(*arguments: Value) -> Value:
        values = _numbers(name, arguments)
        try:
            return pick(values)
        except (ValueError, TypeError) as fault:
            raise Misuse(f"`{name}` compares things of one kind: {fault}") from fault

    return rule


def _one(name: str, rule: Callable[[Any], Any]) -> Callable[..., Any]:
    def checked(*arguments: Value) -> Value:
        if len(arguments) != 1:
            raise Misuse(f"`{name}` takes one number, and {len(arguments)} are given")
        value = arguments[0]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Misuse(f"`{name}` works on a plain number, not on {describe(value)}")
        try:
            return rule(value)
        except (ValueError, OverflowError) as fault:
            raise Misuse(f"`{name}` of {value} has no value") from fault

    return checked


def _log2(value: float) -> int | float:
    if isinstance(value, int) and value > 0 and value & (value - 1) == 0:
        return value.bit_length() - 1
    return math.log2(value)


def _divisible(*arguments: Value) -> int:
    if len(arguments) != 2:
        raise Misuse("`divisible` takes a number and what to make it a multiple of")
    x, by = arguments
    if isinstance(x, bool) or not isinstance(x, int | float) or not isinstance(by, int):
        raise Misuse(f"`divisible` takes a number and a whole number, not {describe(x)} and {describe(by)}")
    if not abs(x) < 10**15:
        raise Misuse(f"`divisible` of {describe(x)}")
    return divisible(x, by)


def _mod(*arguments: Value) -> int:
    match arguments:
        case (int() as a, int() as b) if b > 0:
            return a % b
    raise Misuse("`mod` takes two whole numbers, the second positive")


def _length(*arguments: Value) -> int:
    match arguments:
        case (tuple() as items,):
            return len(items)
        case (TableValue() as table,):
            return len(table.rows)
    raise Misuse("`len` takes a list or a table")


def _count(*arguments: Value) -> tuple[int, ...]:
    match arguments:
        case (int() as last,) if not isinstance(last, bool) and 0 <= last <= MOST_COUNTED:
            return tuple(range(1, last + 1))
    raise Misuse(f"`count` takes a whole number up to {MOST_COUNTED}, and makes 1, 2, … up to it")


def _axis(name: str, axis: int, rank: int | None) -> Callable[..., int]:
    def rule(*arguments: Value) -> int:
        match arguments:
            case (TensorValue() as tensor,) if rank is None or len(tensor.shape) == rank:
                return tensor.shape[axis]
            case (TensorValue() as tensor,):
                raise Misuse(f"`{name}` is a size of an image, and this is {describe(tensor)}")
        raise Misuse(f"`{name}` takes a tensor")

    return rule


def _shape(*arguments: Value) -> tuple[int, ...]:
    match arguments:
        case (TensorValue() as tensor,):
            return tensor.shape
    raise Misuse("`shape` takes a tensor")


BUILTINS: Final[dict[str, Callable[..., Value]]] = {
    "min": _extreme("min", min),
    "max": _extreme("max", max),
    "ceil": _one("ceil", math.ceil),
    "floor": _one("floor", math.floor),
    "round": _one("round", round),
    "abs": _one("abs", abs),
    "sqrt": _one("sqrt", math.sqrt),
    "log2": _one("log2", _log2),
    "divisible": _divisible,
    "mod": _mod,
    "len": _length,
    "count": _count,
    "channels": _axis("channels", 0, None),
    "height": _axis("height", 1, 3),
    "width": _axis("width", 2, 3),
    "features": _axis("features", -1, None),
    "shape": _shape,
}
"""Each takes positional arguments and raises Misuse."""
