"""Scaling between technology nodes after A. Stillmaker and B. Baas, Integration 58 (2017).

Energy and delay of a node are polynomials of its supply voltage, fitted to inverter chains; area is a table.
A factor is the quotient of two nodes; nodes between are log-log in nm.

Supplies: from 45 nm up each node has its own nominal one, as its chips had. Below 45 nm energy is compared at
a constant 0.8 V (Accelergy's convention), because at nominal supplies the fits fall far below published
chips: an 8 bit multiply from 45 to 7 nm is 0.06 nominal, 0.12 at 0.8 V and 0.35 as published for TPUv4i.
Delay is at nominal supplies throughout.
"""

from __future__ import annotations

from functools import cache
from math import exp, log, log2
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dovetail.costmodel import datafiles
from dovetail.costmodel.figures import OutsideTable

SOURCE: Final = "Stillmaker & Baas 2017"
REFERENCE_NM: Final = 45.0
LOW_SUPPLY_V: Final = 0.8
ERROR_PER_OCTAVE: Final = 0.25
"""Judged: CACTI's steps between nodes differ by up to 20 %, TPUv4i's 45 to 7 nm by 67 % in 2.7 octaves."""


def energy_factor(from_nm: float, to_nm: float, variant: str = "hp") -> float:
    """Dynamic energy at `to_nm` over that at `from_nm`; `variant` is `hp` or `lp` (one from 65 nm up)."""
    return _factor("energy", from_nm, to_nm, variant)


def delay_factor(from_nm: float, to_nm: float, variant: str = "hp") -> float:
    """Delay at `to_nm` over that at `from_nm`, both at nominal supply."""
    return _factor("delay", from_nm, to_nm, variant)


def area_factor(from_nm: float, to_nm: float) -> float:
    """Area at `to_nm` over that at `from_nm`."""
    return _factor("area", from_nm, to_nm, "hp")


def leakage_factor(from_nm: float, to_nm: float, variant: str = "hp") -> float:
    """Leakage power, taken to scale as energy (Accelergy's rule): the fits have no leakage of their own."""
    return energy_factor(from_nm, to_nm, variant)


def scaling_error(from_nm: float, to_nm: float) -> float:
    """Relative error to allow for a step between two nodes."""
    return ERROR_PER_OCTAVE * abs(log2(to_nm / from_nm))


def supply_v(nm: float) -> float:
    """Nominal supply in volts, of high-performance logic."""
    nodes, supplies = _supplies("hp")
    _check(nm, nodes)
    return float(np.interp(log(nm), np.log(nodes), supplies))


def _factor(kind: str, from_nm: float, to_nm: float, variant: str) -> float:
    nodes, logs = _curve(kind, variant)
    for nm in (from_nm, to_nm):
        _check(nm, nodes)
    start, end = np.interp(np.log([from_nm, to_nm]), np.log(nodes), logs)
    return exp(end - start)


def _check(nm: float, nodes: NDArray[np.float64]) -> None:
    if not nodes[0] <= nm <= nodes[-1]:
        raise OutsideTable("technology", f"{nm:g} nm", f"{nodes[0]:g} to {nodes[-1]:g} nm")


@cache
def _curve(kind: str, variant: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes (ascending, nm) and the log of each node's factor relative to 45 nm: float64[nodes] each."""
    if kind == "area":
        row = next(row for row in datafiles.rows("tech_area") if float(row["from_nm"]) == REFERENCE_NM)
        areas = {float(name.removeprefix("to_")): float(row[name]) for name in row if name.startswith("to_")}
        nodes = np.array(sorted(areas))
        return nodes, np.log([areas[nm] for nm in nodes])
    nodes, supplies = _supplies(variant)
    factors = []
    for nm, nominal in zip(nodes, supplies, strict=True):
        low = kind == "energy" and nm < REFERENCE_NM
        own = _polynomial(kind, nm, variant, LOW_SUPPLY_V if low else nominal)
        factors.append(own / _polynomial(kind, REFERENCE_NM, variant, LOW_SUPPLY_V if low else 1.0))
    return nodes, np.log(factors)


@cache
def _supplies(variant: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes of a variant (the bulk ones from 65 nm up belong to both) and their nominal supplies."""
    supplies = {
        float(row["node_nm"]): float(row["assumed_vdd"])
        for row in datafiles.rows("tech_factors")
        if row["variant"] in (variant, "bulk")
    }
    nodes = np.array(sorted(supplies))
    return nodes, np.array([supplies[nm] for nm in nodes])


def _polynomial(kind: str, nm: float, variant: str, volts: float) -> float:
    """The fit of one node at a supply: `e2 V^2 + e1 V + e0`, or the cubic of the delay."""
    row = next(
        row
        for row in datafiles.rows("tech_coeffs")
        if float(row["node_nm"]) == nm and row["variant"] in (variant, "bulk")
    )
    terms = ("e2", "e1", "e0") if kind == "energy" else ("d3", "d2", "d1", "d0")
    return float(np.polyval([float(row[term]) for term in terms], volts))
