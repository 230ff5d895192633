"""Numbers as people read them: three digits that count, a prefix, a unit."""

from __future__ import annotations

from typing import Final

_PREFIXES: Final = (
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "u"),
    (1e-9, "n"),
    (1e-12, "p"),
)
_BINARY: Final = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def significant(value: float, digits: int = 3) -> str:
    """`value` with so many digits that count, never as a power of ten: 0.0123, 4.10, 97.3, 1234."""
    if value == 0:
        return "0"
    decimals = digits - 1 - _magnitude(value, digits)
    return f"{value:.{max(0, decimals)}f}"


def _magnitude(value: float, digits: int) -> int:
    """The power of ten of `value` once it is rounded."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])


def prefixed(value: float, unit: str, digits: int = 3) -> str:
    """`4.10 ms`, `9.73 mJ`, `31.0 MB`: the prefix that leaves one to three digits before the point."""
    if value == 0:
        return f"0 {unit}"
    rounded = float(f"{value:.{digits - 1}e}")
    for factor, prefix in _PREFIXES:
        if abs(rounded) >= factor:
            return f"{significant(value / factor, digits)} {prefix}{unit}"
    return f"{value:.{digits - 1}e} {unit}"


def millions(count: float) -> str:
    """A count in millions, as papers print it: 462.4, 2.560, 0.903, 1 234.5."""
    value = count / 1e6
    if 0 < value < 0.0005:
        return f"{value:.1g}" if value >= 5e-6 else f"{value:.0e}"
    return f"{value:,.3f}".replace(",", " ") if value < 10 else f"{value:,.1f}".replace(",", " ")


def thousands(count: int) -> str:
    """A whole number in groups of three digits: 1 248 424."""
    return f"{count:,}".replace(",", " ")


def bits_as_bytes(bits: int) -> str:
    """A size as an `.accel` text gives it: 128 KiB, 64 B, 12 bit."""
    if bits % 8:
        return f"{bits} bit"
    for factor, unit in _BINARY:
        if bits // 8 >= factor:
            return f"{float(f'{bits / 8 / factor:.4g}'):g} {unit}"
    return f"{bits // 8} B"


def percent(fraction: float) -> str:
    """19 %; below ten percent with a digit behind the point, where that one is not zero."""
    value = 100 * fraction
    if 0 < value < 9.95:
        text = f"{value:.1f}"
        return f"{text.removesuffix('.0')} %" if text != "0.0" else "<0.1 %"
    return f"{value:.0f} %"


def power_of_ten(count: int) -> str:
    """A large number by its size: `1.04 x 10^21`; small ones in full."""
    if count < 10**7:
        return thousands(count)
    digits = str(count)
    mantissa = int(digits[:4]) / 1000
    exponent = len(digits) - 1
    text = f"{mantissa:.2f}"
    if text == "10.00":
        text, exponent = "1.00", exponent + 1
    return f"{text} x 10^{exponent}"
