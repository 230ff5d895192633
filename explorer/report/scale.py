"""From values to places along an axis, and the values that are marked on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10


@dataclass(frozen=True, slots=True)
class Scale:
    """`low` is at 0, `high` at 1; logarithmic scales take positive values alone."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"an axis from {self.low} to {self.high} has no places")

    def at(self, value: float) -> float:
        """The place of a value, in [0, 1] between `low` and `high`."""
        if self.log:
            return (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int = 6) -> tuple[float, ...]:
        """At most about `most` round values within the scale."""
        return self._powers(most) if self.log else self._steps(most)

    def _steps(self, most: int) -> tuple[float, ...]:
        rough = (self.high - self.low) / most
        magnitude = 10.0 ** floor(log10(rough))
        step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= rough * 0.999)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return tuple(float(f"{i * step:.12g}") for i in range(first, last + 1))

    def _powers(self, most: int) -> tuple[float, ...]:
        first, last = floor(log10(self.low)), ceil(log10(self.high))
        for multiples in ((1, 2, 5), (1, 3), (1,)):
            found = [m * 10.0**e for e in range(first, last + 1) for m in multiples]
            inside = [
                float(f"{v:.12g}") for v in found if self.low <= v * 1.000001 and v <= self.high * 1.000001
            ]
            if len(inside) <= most or multiples == (1,):
                break
        if len(inside) < 2:
            return Scale(self.low, self.high)._steps(most)
        every = ceil(len(inside) / most)
        return tuple(inside[::every])


def scale_for(values: Sequence[float], *, margin: float = 0.05, log: bool | None = None) -> Scale:
    """An axis that shows all values, with a margin; logarithmic where they span more than a decade and a
    half, unless said."""
    low, high = min(values), max(values)
    if log is None:
        log = low > 0 and high / low > 30
    if log:
        span = max(log10(high / low), 0.1)
        return Scale(low / 10 ** (margin * span), high * 10 ** (margin * span), log=True)
    span = high - low or abs(high) or 1.0
    bottom = low - margin * span
    return Scale(0.0 if bottom < 0 <= low else bottom, high + margin * span)


def fraction(value: float) -> str:
    """A place as CSS and SVG take it: a percentage with two places, as short as it can be."""
    return f"{100 * value:.2f}".rstrip("0").rstrip(".") + "%"
