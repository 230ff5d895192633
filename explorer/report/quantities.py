"""Numbers as a printed page has them: three digits that count, a prefix, a narrow blank before the unit."""

from __future__ import annotations

from math import floor, log10
from typing import Final

NARROW: Final = "\u202f"
"""A narrow blank that no line is broken at."""

PREFIXES: Final = (
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
    (1e-12, "p"),
)

UNITS: Final = {
    "s": (1.0, "s"),
    "pJ": (1e-12, "J"),
    "pJ s": (1e-12, "J·s"),
    "W": (1.0, "W"),
    "B": (1.0, "B"),
    "bit": (1.0, "bit"),
    "Hz": (1.0, "Hz"),
}
"""Units that take a prefix: what their numbers are multiplied by, and the unit that then stands behind."""


def digits(value: float, count: int = 3) -> str:
    """`value` with so many digits that count, thousands apart, never as a power of ten."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{count - 1}e}")
    places = max(0, count - 1 - floor(log10(abs(rounded))))
    return f"{rounded:,.{places}f}".replace(",", NARROW).replace("-", "\u2212")


def plain(value: float) -> str:
    """A value marked on an axis: round already, so without zeros behind it."""
    return f"{value:.6g}" if abs(value) < 1e4 else digits(value)


def tick(value: float, unit: str) -> str:
    """A value marked on an axis, with prefix and unit: `20 ms`, `500 G`."""
    if value == 0:
        return "0"
    factor, prefix = next(((f, p) for f, p in PREFIXES if abs(value) >= f * 0.9999), PREFIXES[-1])
    return f"{plain(value / factor)}{NARROW}{prefix}{unit}" if prefix + unit else plain(value)


def prefixed(value: float, unit: str, count: int = 3) -> str:
    """`4.10 ms`, `9.73 mJ`, `31.1 MB`."""
    if value == 0:
        return f"0{NARROW}{unit}"
    rounded = abs(float(f"{value:.{count - 1}e}"))
    factor, prefix = next(((f, p) for f, p in PREFIXES if rounded >= f), PREFIXES[-1])
    return f"{digits(value / factor, count)}{NARROW}{prefix}{unit}"


def whole(count: int) -> str:
    """1 248 424."""
    return f"{count:,}".replace(",", NARROW)


def percent(fraction: float) -> str:
    """61 %; one place below ten percent."""
    value = 100 * fraction
    if value == 0:
        return f"0{NARROW}%"
    if value < 0.1:
        return f"<0.1{NARROW}%"
    return f"{value:.1f}{NARROW}%" if value < 9.95 else f"{value:.0f}{NARROW}%"


def times(ratio: float) -> str:
    """1.26×, 12.5×: three digits that count; below 1, two places."""
    return f"{digits(ratio)}×" if ratio >= 1 else f"{ratio:.2f}×"


def metric(value: float, unit: str) -> str:
    """A metric of a study in its unit (`%` for a fraction): `metric(4.7e9, "pJ")` is `4.70 mJ`."""
    if unit == "%":
        return percent(value)
    if unit in UNITS:
        factor, shown = UNITS[unit]
        return prefixed(value * factor, shown)
    if float(value).is_integer() and abs(value) < 1e6:
        text = whole(int(value))
    else:
        text = digits(value) if abs(value) < 1e5 else prefixed(value, "").strip(NARROW)
    return f"{text}{NARROW}{unit.replace('mm2', 'mm²')}" if unit else text


def axis_unit(unit: str) -> str:
    """What an axis says of the unit where its marks do not: `, mm²`."""
    return f", {unit.replace('mm2', 'mm²')}" if unit and unit != "%" and unit not in UNITS else ""


def metric_tick(value: float, unit: str) -> str:
    """The same, marked on an axis."""
    if unit == "%":
        return f"{plain(100 * value)}{NARROW}%"
    factor, shown = UNITS.get(unit, (1.0, ""))
    if unit in UNITS:
        return tick(value * factor, shown)
    return plain(value) if abs(value) < 1e5 else tick(value, "")


def objective(name: str, value: float) -> str:
    """An objective's value as `evaluate --json` has it (pJ s, pJ or s)."""
    match name:
        case "edp":
            return prefixed(value * 1e-12, "J·s")
        case "energy":
            return prefixed(value * 1e-12, "J")
        case _:
            return prefixed(value, "s")
