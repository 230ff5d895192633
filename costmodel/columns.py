"""One source of formulas for one mapping and for many: numbers that are Python ints or float64 columns.

A formula is written with the operators `+ - * == > & |` and the few functions of a `Kind`. With `INTS` it
works on Python ints, which never overflow; with `batch.FLOATS` on float64 columns `[mappings]`, which are
exact for integers below 2**53 (`batch.py` guards that bound).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd
from typing import Any, Protocol, TypeAlias

Number: TypeAlias = Any
"""A Python int, or a float64 column of whole numbers; conditions are bools or bool columns."""


class Kind(Protocol):
    """What a formula needs besides operators."""

    def where(self, condition: Number, yes: Number, no: Number) -> Number:
        """`yes` where the condition holds, else `no`."""

    def maximum(self, a: Number, b: Number) -> Number:
        """The larger of two."""

    def minimum(self, a: Number, b: Number) -> Number:
        """The smaller of two."""

    def ceil_div(self, a: Number, b: Number) -> Number:
        """`a / b`, rounded up."""

    def floor_div(self, a: Number, b: Number) -> Number:
        """`a / b`, rounded down (exact where `b` divides `a`)."""

    def gcd(self, a: Number, b: Number) -> Number:
        """The greatest common divisor."""

    def negate(self, condition: Number) -> Number:
        """Whether the condition does not hold."""

    def all_one(self, a: Number) -> bool:
        """Whether the number is 1 everywhere."""

    def look_up(self, function: Callable[..., int], *arguments: Number) -> Number:
        """A function of few distinct arguments, called once for each."""

    def tabulate(
        self, function: Callable[[tuple[int, ...]], tuple[int, ...]], arguments: Sequence[Number]
    ) -> Sequence[Number]:
        """The same for a function with several results."""

    def replace(self, where: Number, number: Number, value: Callable[[int], int]) -> Number:
        """`number`, but `value(mapping)` where the condition holds."""

    def pick(self, numbers: Sequence[Number], mapping: int) -> Sequence[int]:
        """The numbers of one mapping."""

    def watch(self, number: Number) -> Number:
        """The number, which may be larger than the counts it leads to: columns note it."""


class Ints:
    """Python ints."""

    def where(self, condition: Number, yes: Number, no: Number) -> Number:
        """`yes` where the condition holds, else `no`."""
        return yes if condition else no

    def maximum(self, a: Number, b: Number) -> Number:
        """The larger of two."""
        return a if a > b else b

    def minimum(self, a: Number, b: Number) -> Number:
        """The smaller of two."""
        return a if a < b else b

    def ceil_div(self, a: Number, b: Number) -> Number:
        """`a / b`, rounded up."""
        return -(-a // b)

    def floor_div(self, a: Number, b: Number) -> Number:
        """`a / b`, rounded down."""
        return a // b

    def gcd(self, a: Number, b: Number) -> Number:
        """The greatest common divisor."""
        return gcd(a, b)

    def negate(self, condition: Number) -> Number:
        """Whether the condition does not hold."""
        return not condition

    def all_one(self, a: Number) -> bool:
        """Whether the number is 1."""
        return bool(a == 1)

    def look_up(self, function: Callable[..., int], *arguments: Number) -> Number:
        """The function's value."""
        return function(*arguments)

    def tabulate(
        self, function: Callable[[tuple[int, ...]], tuple[int, ...]], arguments: Sequence[Number]
    ) -> Sequence[Number]:
        """The function's values."""
        return function(tuple(arguments))

    def replace(self, where: Number, number: Number, value: Callable[[int], int]) -> Number:
        """The one or the other."""
        return value(0) if where else number

    def pick(self, numbers: Sequence[Number], mapping: int) -> Sequence[int]:
        """The numbers."""
        return numbers

    def watch(self, number: Number) -> Number:
        """The number."""
        return number


INTS = Ints()
