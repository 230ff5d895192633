"""The CACTI 7 table as a function of device, node, depth and width, inside the range that it covers.

`sram.py` says what happens outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dovetail.costmodel import datafiles
from dovetail.costmodel.kriging import Array, Kriging, krige

QUANTITIES: Final = ("read_energy_pj", "write_energy_pj", "leakage_mw", "area_mm2", "access_ns")
DEVICES: Final = ("lstp", "hp", "lop")
NODES_NM: Final = (22.0, 32.0, 45.0, 65.0, 90.0)
LEAST_DEPTH: Final = 32
"""CACTI finds no organisation for fewer rows."""
WIDTHS: Final = (16, 512)
GREATEST_BITS: Final = 8 * 8 * 2**20

BAND: Final[Mapping[str, float]] = {
    "read_energy_pj": 0.125,
    "write_energy_pj": 0.075,
    "leakage_mw": 0.055,
    "area_mm2": 0.075,
    "access_ns": 0.065,
}
"""Error of nine in ten rows of the table when they are predicted from the others (five folds)."""


@dataclass(frozen=True, slots=True)
class SramRows:
    """Rows of the table, one entry a row in every array."""

    device: NDArray[np.str_]
    nm: Array
    depth: Array
    width: Array
    values: Array
    """float64[rows, quantities], in the order and units of `QUANTITIES`."""

    def __len__(self) -> int:
        return len(self.depth)

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> SramRows:
        """The rows at these indices, or where the mask is true."""
        return SramRows(
            self.device[chosen], self.nm[chosen], self.depth[chosen], self.width[chosen], self.values[chosen]
        )

    def at_node(self, nm: float) -> SramRows:
        """The rows of one node."""
        return self.take(self.nm == nm)

    @property
    def points(self) -> Array:
        """float64[rows, 3]: log2 of depth, width and nm."""
        return _points(self.depth, self.width, self.nm)


def rows_of(table: tuple[datafiles.Row, ...], ports: str = "1rw") -> SramRows:
    """The one-bank rows with these ports out of a table with the columns of `sram_cacti.csv`."""
    chosen = [row for row in table if row["banks"] == "1" and row["ports"] == ports]
    width = np.array([float(row["width_bits"]) for row in chosen])
    size_bytes = np.array([float(row["size_bytes"]) for row in chosen])
    return SramRows(
        np.array([row["device"] for row in chosen]),
        np.array([float(row["tech_nm"]) for row in chosen]),
        size_bytes * 8.0 / width,
        width,
        np.array([[float(row[quantity]) for quantity in QUANTITIES] for row in chosen]),
    )


@dataclass(frozen=True, slots=True)
class SramModel:
    """The memories of one device type, over depth, width and node."""

    kriging: Kriging

    def predict(self, depth: ArrayLike, width: ArrayLike, nm: ArrayLike) -> Array:
        """Estimates in the units of `QUANTITIES` at arrays of one shape [n]: float64[n, quantities].

        `nm` are nodes of the table; scalars count as arrays of one.
        """
        estimate: Array = np.exp(self.kriging.predict(_points(depth, width, nm)))
        return estimate


def fit(rows: SramRows) -> SramModel:
    """The model that passes through these rows, all of one device type."""
    return SramModel(krige(rows.points, np.log(rows.values)))


@cache
def shipped_rows(device: str, ports: str = "1rw") -> SramRows:
    """The one-bank rows of the shipped table with this device type and these ports."""
    rows = rows_of(datafiles.rows("sram_cacti"), ports)
    return rows.take(rows.device == device)


@cache
def shipped(device: str) -> SramModel:
    """The model of the shipped one-bank rows with one read-write port."""
    return fit(shipped_rows(device))


@cache
def port_ratios(device: str, ports: str) -> SramModel:
    """Rows with more ports over one-port estimates of the same memories."""
    rows = shipped_rows(device, ports)
    single = shipped(device).predict(rows.depth, rows.width, rows.nm)
    return fit(replace(rows, values=rows.values / single))


def _points(depth: ArrayLike, width: ArrayLike, nm: ArrayLike) -> Array:
    logs = [np.log2(np.atleast_1d(np.asarray(values, dtype=np.float64))) for values in (depth, width, nm)]
    return np.stack(np.broadcast_arrays(*logs), axis=-1)
