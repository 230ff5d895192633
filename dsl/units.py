"""Units: a closed list, checked by dimension. A bandwidth where a size is due is an error that names both.

The arithmetic is pint's, on a registry that holds these units and no others. Base units are the bit, second,
clock cycle, picojoule, metre; `128 KiB` is exactly 1048576 bit.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, TypeGuard

if TYPE_CHECKING:
    import pint

_PREFIXES: Final = {
    "": "1",
    "k": "1000",
    "K": "1000",
    "M": "1000000",
    "G": "1000000000",
    "T": "1000000000000",
}
_BINARY: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_SMALL: Final = {"f": "1e-3", "p": "1", "n": "1e3", "u": "1e6", "m": "1e9", "": "1e12"}


def _definitions() -> dict[str, str]:
    """Each unit name with what it is, in names that pint reads."""
    units = {"bit": "bit", "B": "8 * bit", "cycle": "cycle", "cycles": "cycle", "%": "0.01"}
    units |= {f"{p}bit": f"{f} * bit" for p, f in _PREFIXES.items() if p not in ("", "k")}
    units |= {f"{p}B": f"{8 * int(f)} * bit" for p, f in _PREFIXES.items() if p not in ("", "K")}
    units |= {f"{p}B": f"{8 * f} * bit" for p, f in _BINARY.items()}
    units |= {f"{u}/s": f"{d} / second" for u, d in list(units.items()) if u.endswith(("B", "bit"))}
    units |= {
        "bit/cycle": "bit / cycle",
        "B/cycle": "8 * bit / cycle",
        "/cycle": "1 / cycle",
        "/s": "1 / second",
    }
    units |= {f"{p}Hz": f"{f} / second" for p, f in _PREFIXES.items() if p not in ("K", "T")}
    units |= {"s": "second", "ms": "1e-3 * second", "us": "1e-6 * second", "ns": "1e-9 * second"}
    units |= {"ps": "1e-12 * second", "min": "60 * second", "h": "3600 * second"}
    units |= {f"{p}J": f"{f} * picojoule" for p, f in _SMALL.items()}
    units |= {"kJ": "1e15 * picojoule", "Wh": "3.6e15 * picojoule"}
    units |= {f"{p}J/bit": f"{f} * picojoule / bit" for p, f in _SMALL.items()}
    units |= {f"{p}J/B": f"{f} / 8 * picojoule / bit" for p, f in _SMALL.items()}
    units |= {"W": "1e12 * picojoule / second", "mW": "1e9 * picojoule / second"}
    units |= {"uW": "1e6 * picojoule / second", "kW": "1e15 * picojoule / second"}
    units |= {"m": "metre", "mm": "1e-3 * metre", "um": "1e-6 * metre", "nm": "1e-9 * metre"}
    units |= {"m2": "metre ** 2", "mm2": "1e-6 * metre ** 2", "um2": "1e-12 * metre ** 2"}
    return units


DEFINITIONS: Final = _definitions()
UNIT_NAMES: Final = tuple(DEFINITIONS)

DIMENSIONS: Final = {
    "size": "bit",
    "bandwidth": "bit/cycle",
    "frequency": "Hz",
    "time": "s",
    "cycles": "cycle",
    "rate per cycle": "/cycle",
    "energy": "pJ",
    "energy per bit": "pJ/bit",
    "power": "mW",
    "length": "mm",
    "area": "mm2",
}
"""What a quantity can be, with the unit in which the project keeps it. A bandwidth in B/s is one too."""


@cache
def registry() -> pint.UnitRegistry[float]:
    """Pint with our base units and nothing else."""
    import pint

    units: pint.UnitRegistry[float] = pint.UnitRegistry(None)
    for base in ("bit", "second", "cycle", "picojoule", "metre"):
        units.define(f"{base} = [{base}]")
    return units


@cache
def _unit(name: str) -> pint.Quantity[float]:
    if name == "%":
        return registry().Quantity(0.01)
    whole = registry().parse_expression(DEFINITIONS[name])
    return registry().Quantity(whole)


def quantity(value: float, unit: str) -> float | pint.Quantity[float]:
    """`value` in base units; a plain number where the unit is `%`."""
    if unit == "%":
        return value / 100
    base = _unit(unit)
    return registry().Quantity(value * base.magnitude, base.units)


def is_quantity(value: object) -> TypeGuard[pint.Quantity[float]]:
    """Whether `value` carries a unit (without importing pint to find out)."""
    return type(value).__module__.startswith("pint") and hasattr(value, "magnitude")


def kind_of(value: object) -> str:
    """What a value is, for messages: `a size`, `a bandwidth`, …"""
    if not is_quantity(value):
        return ""
    for name, unit in (*DIMENSIONS.items(), ("bandwidth", "B/s"), ("rate", "/s")):
        if value.units == _unit(unit).units:
            return name
    return str(value.dimensionality)


def text_of(value: pint.Quantity[float]) -> str:
    """A quantity in the largest unit that leaves a whole number, as a text would give it: `128 KiB`."""
    for name in _PRINTED:
        unit = _unit(name)
        if value.units == unit.units:
            number = value.magnitude / unit.magnitude
            if number >= 1 and abs(number - round(number)) < 1e-9:
                return f"{round(number)} {name}" if not name.startswith("/") else f"{round(number)}{name}"
    for _name, base in DIMENSIONS.items():
        if value.units == _unit(base).units:
            return f"{value.magnitude / _unit(base).magnitude:g} {base}"
    return f"{value:~}"


_PRINTED: Final = tuple(
    "GiB MiB KiB B bit bit/cycle GB/s MB/s B/s GHz MHz kHz Hz h min s ms us ns ps cycles /cycle "
    "J mJ uJ nJ pJ fJ pJ/bit fJ/bit W mW uW m mm um nm mm2 um2".split()
)
"""Units by which quantities are printed, larger before smaller."""
