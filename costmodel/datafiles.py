"""The tables in `data/`, read once: every number of the component models comes from one of them.

`data/SOURCES.md` says what each table is and where it comes from.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Row = Mapping[str, str]


@cache
def rows(name: str) -> tuple[Row, ...]:
    """The rows of `data/NAME.csv` in their order, each a mapping from column to text."""
    text = files("dovetail.costmodel").joinpath("data", f"{name}.csv").read_text(encoding="utf-8")
    return tuple(MappingProxyType(row) for row in csv.DictReader(text.splitlines()))


@cache
def column(name: str, field: str) -> NDArray[np.float64]:
    """One column of `data/NAME.csv`: float64[rows], read-only, NaN where the cell is empty."""
    values = np.array([float(row[field] or "nan") for row in rows(name)])
    values.flags.writeable = False
    return values


def texts(name: str, field: str) -> NDArray[np.str_]:
    """One column of `data/NAME.csv` as text: str[rows]."""
    return np.array([row[field] for row in rows(name)])
