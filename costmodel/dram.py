"""DRAM: published energy per bit of an interface, off chip (no area or leakage of ours)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from dovetail.costmodel import datafiles
from dovetail.costmodel.figures import Figure, OutsideTable


@dataclass(frozen=True, slots=True)
class DramFigures:
    """Energy of one bit moved, and the usual bandwidth of one device or module where known."""

    read_pj_per_bit: Figure
    write_pj_per_bit: Figure
    bandwidth_gb_s: Figure | None


@cache
def dram_types() -> tuple[str, ...]:
    """The names that `dram` knows."""
    return tuple(row["type"] for row in datafiles.rows("dram_types"))


@cache
def dram(type: str) -> DramFigures:
    """Figures of a DRAM type by name, in any case; raises OutsideTable for one that is not in the table.

    The error is the distance to the farthest published figure for the type, since activates, termination and
    load differ between them by more than any model could repair.
    """
    row = next((row for row in datafiles.rows("dram_types") if row["type"].lower() == type.lower()), None)
    if row is None:
        raise OutsideTable("DRAM", repr(type), ", ".join(dram_types()))

    def energy(action: str) -> Figure:
        value = float(row[f"{action}_pj_per_bit"])
        low, high = float(row["low_pj_per_bit"]), float(row["high_pj_per_bit"])
        source = f"{row['type']}: {row['source']}"
        return Figure(value, "pJ/bit", source, max(1 - low / value, high / value - 1, LEAST_ERROR))

    bandwidth = row["bandwidth_gb_s"]
    return DramFigures(
        energy("read"),
        energy("write"),
        Figure(float(bandwidth), "GB/s", f"{row['type']}: {row['source']}") if bandwidth else None,
    )


LEAST_ERROR: Final = 0.2
"""Judged: for types of which all figures go back to one publication."""
