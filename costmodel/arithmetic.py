"""Integer adders, multipliers and multiply-accumulate units, at any pair of operand widths.

Energies and areas are Horowitz's (ISSCC 2014, 45 nm) at 8, 16 and 32 bit, and between and below:

    adder        log-log between the published widths, proportional to the bits outside
    multiplier   (2.3 b^2 + 0.8 b) / 768 pJ (qkeras' fit, through the two published points) for equal
                 operands; for unequal ones that of the wider times (narrower / wider)^1.5, which follows
                 EvoApproxLib's synthesised 8 x 2 to 8 x 7 bit multipliers (8 x 4: 0.35 measured and ruled,
                 where a product rule gives 0.5)
    area         log-log between the published widths, at the geometric mean of unequal operands (8 x 4:
                 0.48 measured, 0.5 ruled)
    leakage      Aladdin's 32 bit units at a 1 ns clock (40 nm): the adder's by bits, the multiplier's by
                 the product of the bits

    MAC = multiplier + adder of the accumulator's width
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from math import exp, log, sqrt
from typing import Final

import numpy as np

from dovetail.costmodel import datafiles
from dovetail.costmodel.figures import Figure, OutsideTable, combined
from dovetail.costmodel.technology import SOURCE as SCALING
from dovetail.costmodel.technology import area_factor, energy_factor, leakage_factor, scaling_error

PUBLISHED_NM: Final = 45.0
LEAKAGE_NM: Final = 40.0
ERROR: Final = 0.3
"""Judged: published 8 bit MACs near 45 nm lie from 5 % to 90 % above, tuned designs below."""
MULTIPLIER_FIT: Final = (2.3 / 768, 0.8 / 768, 0.0)
"""pJ over bits, at 45 nm."""
UNEQUAL_EXPONENT: Final = 1.5


@dataclass(frozen=True, slots=True)
class MacFigures:
    """One unit: energy of one operation, area, leakage."""

    energy_pj: Figure
    area_mm2: Figure
    leakage_mw: Figure


@lru_cache(maxsize=4096)
def mac(weight_bits: int, input_bits: int, sum_bits: int, nm: float) -> MacFigures:
    """A multiplier of the two operands and an adder of `sum_bits`; widths are 1 or more.

    Raises OutsideTable for another width, or a node that the scaling rules do not cover.
    """
    if min(weight_bits, input_bits, sum_bits) < 1:
        raise OutsideTable("MAC", f"{weight_bits} x {input_bits} + {sum_bits} bit", "1 bit and up")
    what = f"{weight_bits} x {input_bits} bit multiply + {sum_bits} bit add"
    energy = multiply_pj(weight_bits, input_bits) + add_pj(sum_bits)
    area = _area_um2("mult", sqrt(weight_bits * input_bits)) + _area_um2("add", sum_bits)
    leakage = (
        _aladdin_leakage_mw("mult") * weight_bits * input_bits / 32**2
        + _aladdin_leakage_mw("add") * sum_bits / 32
    )
    return MacFigures(
        _scaled(
            energy, "pJ", f"{what}, Horowitz ISSCC 2014", energy_factor(PUBLISHED_NM, nm), PUBLISHED_NM, nm
        ),
        _scaled(
            area * 1e-6,
            "mm2",
            f"{what}, Horowitz ISSCC 2014",
            area_factor(PUBLISHED_NM, nm),
            PUBLISHED_NM,
            nm,
        ),
        _scaled(
            leakage, "mW", f"{what}, Aladdin 40 nm tables", leakage_factor(LEAKAGE_NM, nm), LEAKAGE_NM, nm
        ),
    )


def multiply_pj(first_bits: int, second_bits: int) -> float:
    """Energy of an integer multiplication at 45 nm, in pJ."""
    wide, narrow = max(first_bits, second_bits), min(first_bits, second_bits)
    share: float = (narrow / wide) ** UNEQUAL_EXPONENT
    return float(np.polyval(MULTIPLIER_FIT, wide)) * share


def add_pj(bits: int) -> float:
    """Energy of an integer addition at 45 nm, in pJ."""
    return _between_published("add", "energy_pj", bits, beyond=1.0)


def _area_um2(operation: str, bits: float) -> float:
    """Area at 45 nm, in square micrometres."""
    return _between_published(operation, "area_um2", bits, beyond=2.0 if operation == "mult" else 1.0)


def _between_published(operation: str, quantity: str, bits: float, beyond: float) -> float:
    """Log-log between published widths; outside them a power law with exponent `beyond`."""
    widths, values = _published(operation, quantity)
    nearest = min(max(bits, widths[0]), widths[-1])
    inside = exp(float(np.interp(log(nearest), np.log(widths), np.log(values))))
    outside: float = (bits / nearest) ** beyond
    return inside * outside


@cache
def _published(operation: str, quantity: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Widths in bits and Horowitz's values of integer units."""
    points = sorted(
        (float(row["bits"]), float(row[quantity]))
        for row in datafiles.rows("arithmetic")
        if row["op"] == operation and row["type"] == "int" and row["source"].startswith("Horowitz")
    )
    return tuple(bits for bits, _ in points), tuple(value for _, value in points)


@cache
def _aladdin_leakage_mw(operation: str) -> float:
    """Leakage of Aladdin's 32 bit unit at a 1 ns clock, which its table gives as a note."""
    note = next(
        row["note"]
        for row in datafiles.rows("arithmetic")
        if (row["op"], row["type"], row["bits"]) == (operation, "int", "32")
        and row["source"].startswith("Aladdin")
        and row["note"].startswith("clock period 1 ns")
    )
    leakage = next(part for part in note.split("; ") if part.startswith("leakage"))
    return float(leakage.removeprefix("leakage").removesuffix("mW"))


def _scaled(value: float, unit: str, source: str, factor: float, from_nm: float, nm: float) -> Figure:
    if nm == from_nm:
        return Figure(value, unit, f"{source}, {from_nm:g} nm", ERROR)
    note = f"{source}, scaled from {from_nm:g} to {nm:g} nm by {SCALING}"
    return Figure(value * factor, unit, note, combined(ERROR, scaling_error(from_nm, nm)))
