"""A number with its source and its error band: what every component model returns.

Figure         = value, unit, source, error
StorageFigures = energy, leakage, area and access time of one memory macro
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from math import hypot
from typing import Final

GIVEN: Final = "given in the text"
NOT_GIVEN: Final = "none given"


class OutsideTable(ValueError):
    """A component that no table or scaling rule covers: what was asked, and what is known."""

    def __init__(self, component: str, asked: str, known: str) -> None:
        self.component = component
        self.asked = asked
        self.known = known
        super().__init__(f"no {component} data for {asked}: known are {known}")


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`; the truth of its model lies within `value * (1 ± error)` nine times in ten.

    `error` is measured where the source allows it (held-out rows of a table), judged from the spread of
    published figures where it does not, and 0 for numbers given in the text.
    """

    value: float
    unit: str
    source: str
    error: float = 0.0

    def times(self, factor: float, because: str = "", error: float = 0.0) -> Figure:
        """The figure scaled by `factor`; `because` joins the source, `error` (of the factor) the band."""
        source = f"{self.source}; {because}" if because else self.source
        return replace(self, value=self.value * factor, source=source, error=combined(self.error, error))

    def per(self, unit: str) -> Figure:
        """The same number under another unit, as when `pJ/bit` over so many bits becomes `pJ`."""
        return replace(self, unit=unit)


def given(value: float, unit: str) -> Figure:
    """A number of the user's own."""
    return Figure(value, unit, GIVEN)


def absent(unit: str, source: str = NOT_GIVEN) -> Figure:
    """Nothing said, nothing counted: zero, and the source says so."""
    return Figure(0.0, unit, source)


def combined(first: float, second: float) -> float:
    """Relative error of a product of two factors with independent relative errors."""
    return hypot(first, second)


def total(figures: Iterable[Figure], unit: str, source: str) -> Figure:
    """The sum; its band takes the errors as fully correlated, since most come from one table."""
    parts = tuple(figures)
    value = sum(part.value for part in parts)
    spread = sum(part.value * part.error for part in parts)
    return Figure(value, unit, source, spread / value if value else 0.0)


@dataclass(frozen=True, slots=True)
class StorageFigures:
    """One memory macro, or the banks of one memory: energies of one access of its full width."""

    read_pj: Figure
    write_pj: Figure
    leakage_mw: Figure
    area_mm2: Figure
    access_ns: Figure

    def noted(self, note: str) -> StorageFigures:
        """The same figures, with `note` added to every source."""
        return StorageFigures(*(getattr(self, field.name).times(1.0, note) for field in fields(self)))
