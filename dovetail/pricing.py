"""Prices of an accelerator, with what cannot be priced as a diagnostic."""

from __future__ import annotations

from dovetail.accel.architecture import Architecture
from dovetail.costmodel.components import Prices, Unpriceable, price
from dovetail.costmodel.figures import OutsideTable
from dovetail.dsl.diagnostics import Diagnostic, DovetailError


def priced(architecture: Architecture) -> Prices:
    """Energy, area and leakage of every part; raises DovetailError where one has none."""
    try:
        return price(architecture)
    except (Unpriceable, OutsideTable) as fault:
        raise DovetailError(
            [
                Diagnostic(
                    "E1202",
                    f"a part of `{architecture.name}` cannot be priced: {fault}",
                    help=("give the number itself, as in `energy = 8 pJ/bit` or `energy = 1 pJ`",),
                )
            ]
        ) from fault
