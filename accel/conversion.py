"""From values of the language to what the architecture keeps: bits, bits per cycle, pJ, mm.

Rates and sizes are exact: 16 GB/s at 500 MHz are 256 bits per cycle as a Fraction, not nearly so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from types import MappingProxyType
from typing import Final, TypeAlias, get_args

from dovetail.accel.architecture import Component, PerAccess, PerBit, PerOperation
from dovetail.accel.properties import ACCESSES, Kind
from dovetail.dsl import units
from dovetail.dsl.diagnostics import did_you_mean
from dovetail.dsl.values import RecordValue, Value
from dovetail.dsl.values import describe as describe_value

_COMPONENTS: Final = get_args(Component)


class Unfit(Exception):
    """A value that is not what a property has to be; `str()` goes behind "`size` has to be …"."""

    def __init__(self, code: str, message: str, help: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.help = help


@dataclass(frozen=True, slots=True)
class Clock:
    """What bandwidths in bytes a second and delays in seconds are converted by."""

    hz: Fraction


def exact(value: float) -> Fraction:
    """The decimal that somebody wrote, without what binary floating point added to it."""
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value)).limit_denominator(10**12)


def describe(value: Value) -> str:
    """What a value is, for messages; components too."""
    if isinstance(value, _COMPONENTS):
        return f"the component `{value}`"
    return "a number of cycles" if units.kind_of(value) == "cycles" else describe_value(value)


def text_of_clock(clock: Clock) -> str:
    """`500 MHz`."""
    return units.text_of(units.registry().Quantity(float(clock.hz), "1/second"))


def _wrong(kind: Kind, value: Value) -> Unfit:
    return Unfit("E0402", f"{kind}, and this is {describe(value)}")


def _magnitude(value: Value, kind: Kind, *dimensions: str) -> float:
    """The number of base units of a quantity that has to be of one of these kinds."""
    if not units.is_quantity(value) or units.kind_of(value) not in dimensions:
        raise _wrong(kind, value)
    magnitude: float = value.magnitude
    if magnitude != magnitude or abs(magnitude) == float("inf"):
        raise Unfit("E0404", f"{kind}, and this is no finite one")
    return magnitude


def _positive(value: Value, kind: Kind, *dimensions: str) -> float:
    magnitude = _magnitude(value, kind, *dimensions)
    if magnitude <= 0:
        raise Unfit("E0404", f"above zero, and this is {units.text_of(value)}")
    return magnitude


def bits(value: Value, clock: Clock) -> int:
    """A size in whole bits."""
    magnitude = _positive(value, Kind.SIZE, "size")
    if magnitude != int(magnitude):
        raise Unfit("E0404", f"a whole number of bits, and this is {magnitude:g} bit")
    return int(magnitude)


def whole(value: Value, clock: Clock) -> int:
    """A whole number from 1."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit("E0403", f"{Kind.WHOLE}, and this is {describe(value)}")
    if value < 1:
        raise Unfit("E0404", f"at least 1, and this is {value}")
    return value


def bits_per_cycle(value: Value, clock: Clock) -> Fraction:
    """A bandwidth, in bits a cycle as it stands or in bytes a second by the clock."""
    magnitude = exact(_positive(value, Kind.BANDWIDTH, "bandwidth"))
    return magnitude if "cycle" in f"{value.units}" else magnitude / clock.hz


def per_cycle(value: Value, clock: Clock) -> Fraction:
    """So many a cycle."""
    return exact(_positive(value, Kind.RATE, "rate per cycle"))


def cycles(value: Value, clock: Clock) -> int:
    """A delay in cycles; a time is rounded up to them."""
    magnitude = exact(_magnitude(value, Kind.DELAY, "cycles", "time"))
    if magnitude < 0:
        raise Unfit("E0404", "at least zero, and this is negative")
    return ceil(magnitude if units.kind_of(value) == "cycles" else magnitude * clock.hz)


def flag(value: Value, clock: Clock) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Unfit("E0403", f"{Kind.FLAG}, and this is {describe(value)}")
    return value


def picojoules(value: Value, clock: Clock) -> float:
    """An energy in pJ."""
    magnitude = _magnitude(value, Kind.ENERGY, "energy")
    if magnitude < 0:
        raise Unfit("E0404", "at least zero, and this is negative")
    return float(magnitude)


def component(value: Value, clock: Clock) -> Component:
    """A component as it stands, or an energy that makes one."""
    if isinstance(value, RecordValue):
        return _per_access(value, clock)
    if isinstance(value, _COMPONENTS):
        made: Component = value
        return made
    magnitude = _magnitude(value, Kind.COMPONENT, "energy", "energy per bit")
    if magnitude < 0:
        raise Unfit("E0404", "at least zero, and this is negative")
    return PerOperation(float(magnitude)) if units.kind_of(value) == "energy" else PerBit(float(magnitude))


def _per_access(value: RecordValue, clock: Clock) -> PerAccess:
    entries = dict(value.entries)
    for name in entries:
        if name not in ACCESSES:
            raise Unfit(
                "E0501",
                f"given for `read`, `fill` and `update`, not for `{name}`",
                did_you_mean(name, ACCESSES)[:1],
            )
    if "read" not in entries:
        raise Unfit("E0501", "given for `read` too")
    read = picojoules(entries["read"], clock)
    fill = picojoules(entries.get("fill", entries["read"]), clock)
    update = picojoules(entries["update"], clock) if "update" in entries else fill
    return PerAccess(read, fill, update)


def square_millimetres(value: Value, clock: Clock) -> float:
    """An area in mm2."""
    return _rounded(_positive(value, Kind.AREA, "area") * 1e6)


def milliwatts(value: Value, clock: Clock) -> float:
    """A power in mW."""
    magnitude = _magnitude(value, Kind.POWER, "power")
    if magnitude < 0:
        raise Unfit("E0404", "at least zero, and this is negative")
    return _rounded(magnitude * 1e-9)


def nanometres(value: Value, clock: Clock) -> float:
    """A length in nm."""
    return _rounded(_positive(value, Kind.LENGTH, "length") * 1e9)


def hertz(value: Value, clock: Clock) -> Fraction:
    """A frequency in Hz."""
    return exact(_positive(value, Kind.FREQUENCY, "frequency"))


def _rounded(value: float) -> float:
    """To the digits that somebody wrote: 45 nm, not 45.00000000000001 nm."""
    return float(f"{value:.12g}")


Converter: TypeAlias = Callable[[Value, Clock], object]

CONVERTERS: Final[Mapping[Kind, Converter]] = MappingProxyType(
    {
        Kind.SIZE: bits,
        Kind.WHOLE: whole,
        Kind.BANDWIDTH: bits_per_cycle,
        Kind.RATE: per_cycle,
        Kind.DELAY: cycles,
        Kind.FLAG: flag,
        Kind.COMPONENT: component,
        Kind.ENERGY: picojoules,
        Kind.AREA: square_millimetres,
        Kind.POWER: milliwatts,
        Kind.LENGTH: nanometres,
        Kind.FREQUENCY: hertz,
    }
)
"""By kind; words are looked up in the property itself. Each raises Unfit."""
