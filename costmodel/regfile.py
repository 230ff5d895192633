"""Register files: flip-flops below 32 rows, the SRAM table from there."""

from __future__ import annotations

from dovetail.costmodel.figures import StorageFigures
from dovetail.costmodel.sram import sram


def regfile(depth: int, width_bits: int, nm: float) -> StorageFigures:
    """A register file of `depth` rows of `width_bits`, of low-leakage devices.

    Raises OutsideTable for a node that the scaling rules do not cover.
    """
    return sram(depth, width_bits, nm, device="lstp")
