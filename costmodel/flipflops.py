"""Register files of flip-flops, for memories of fewer rows than CACTI can organise.

With W bits a row, D rows and L = max(1, ceil(log2 D)) address bits, at 40 nm (Aladdin's coefficients):

    energy  = 0.009 W + 0.02947 D L/32 + 0.21 L/32 pJ      W flip-flops, a comparator a row, an address adder
    area    = 5.98 W D + 71 D L/32 + 2 * 278 L/32 um2
    leakage = 7e-5 W D mW

For 16 bit it meets CACTI at 32 rows; above that it climbs too fast.
"""

from __future__ import annotations

from typing import Final

from dovetail.costmodel.figures import Figure, combined
from dovetail.costmodel.technology import (
    SOURCE as SCALING,
)
from dovetail.costmodel.technology import (
    area_factor,
    energy_factor,
    leakage_factor,
    scaling_error,
)

COEFFICIENTS_NM: Final = 40.0
ERROR: Final = 0.5
"""Judged: published register files of one size differ by more (see `data/regfile.csv`)."""


def flip_flops(depth: int, width_bits: float, nm: float) -> tuple[Figure, Figure, Figure]:
    """Energy of one access (pJ; read and write alike), leakage (mW) and area (mm2).

    Raises OutsideTable for a node that the scaling rules do not cover.
    """
    address_bits = max(1, (depth - 1).bit_length())
    share = address_bits / 32
    energy_pj = 0.009 * width_bits + 0.02947 * depth * share + 0.21 * share
    area_um2 = 5.98 * width_bits * depth + 71 * depth * share + 2 * 278 * share
    leakage_mw = 7e-5 * width_bits * depth

    source = f"flip-flops, {depth} x {width_bits:g} bit, Aladdin 40 nm coefficients"
    error = ERROR
    if nm != COEFFICIENTS_NM:
        source += f", scaled to {nm:g} nm by {SCALING}"
        error = combined(ERROR, scaling_error(COEFFICIENTS_NM, nm))
    return (
        Figure(energy_pj * energy_factor(COEFFICIENTS_NM, nm), "pJ", source, error),
        Figure(leakage_mw * leakage_factor(COEFFICIENTS_NM, nm), "mW", source, error),
        Figure(area_um2 * 1e-6 * area_factor(COEFFICIENTS_NM, nm), "mm2", source, error),
    )
