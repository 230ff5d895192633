"""Numbers and quantities as a person writes them, which read back as the same value of the same type."""

from __future__ import annotations

from math import isinf
from typing import Final

_LONG_FLOAT: Final = 1e5
"""Whole floats from here on are written with an exponent: `1e6`, `2.5e9`."""


def number_text(value: int | float) -> str:
    """The shortest decimal that reads back as the same number of the same type."""
    if isinstance(value, int):
        return str(value)
    if isinf(value):
        return "1e999"
    plain = repr(value)
    mantissa, _, exponent = plain.partition("e")
    if exponent:
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    if value < _LONG_FLOAT:
        return plain
    whole, _, fraction = plain.partition(".")
    digits = (whole + fraction).rstrip("0")
    scientific = f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{len(whole) - 1}"
    return min(scientific, plain, key=len)


def quantity_text(value: int | float, unit: str) -> str:
    """`128 KiB`, `40%`, `1/cycle`."""
    return f"{number_text(value)}{'' if unit[0] in '%/' else ' '}{unit}"
