"""Energy and delay of repeated on-chip wires, from CACTI 7's wire reports.

The wires are those with repeaters spaced for 30 % delay over the optimum; energy is for random data, of which
a quarter of the bits charge the wire in a cycle. At 45 nm that is 0.062 pJ a bit and mm for `hp` and 0.094
for `lstp`; published figures are 0.08 (Dally) and 0.1 for a full charge (hwcomponents).
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, log
from typing import Final

import numpy as np

from dovetail.costmodel import datafiles
from dovetail.costmodel.figures import Figure, OutsideTable
from dovetail.costmodel.technology import supply_v

KIND: Final = "cacti7_30pct_overhead"
ERROR: Final = 0.3
"""Judged: the published figures at 45 nm lie within this of the two device types' mean."""


@lru_cache(maxsize=4096)
def wire(length_mm: float, nm: float, device: str = "hp") -> Figure:
    """Energy of one bit sent over `length_mm`, in pJ.

    Capacitance a millimetre hardly changes between nodes, so outside 22 to 90 nm the nearest node is scaled
    with the square of the nominal supply. Raises OutsideTable for an unknown device or node.
    """
    per_mm, _, note = _per_mm(nm, device)
    return Figure(length_mm * per_mm, "pJ/bit", f"{length_mm:.3g} mm of wire, random data, {note}", ERROR)


@lru_cache(maxsize=4096)
def wire_delay(length_mm: float, nm: float, device: str = "hp") -> Figure:
    """Delay over `length_mm`, in ns; outside 22 to 90 nm that of the nearest node."""
    _, per_mm, note = _per_mm(nm, device)
    return Figure(length_mm * per_mm, "ns", f"{length_mm:.3g} mm of wire, {note}", ERROR)


def _per_mm(nm: float, device: str) -> tuple[float, float, str]:
    """pJ a bit and mm, ns a mm, and where they come from."""
    rows = sorted(
        (float(row["tech_nm"]), float(row["pj_per_bit_mm_random"]), float(row["delay_ns_per_mm"]))
        for row in datafiles.rows("wires")
        if row["kind"] == KIND and row["device"] == device
    )
    if not rows:
        known = {row["device"] for row in datafiles.rows("wires") if row["kind"] == KIND}
        raise OutsideTable("wire", f"device {device!r}", ", ".join(sorted(known)))
    nodes = [row[0] for row in rows]
    nearest = min(max(nm, nodes[0]), nodes[-1])
    energy, delay = (
        exp(float(np.interp(log(nearest), np.log(nodes), np.log([row[i] for row in rows])))) for i in (1, 2)
    )
    note = f"CACTI 7, {nearest:g} nm {device}"
    if nearest not in nodes:
        note += " between nodes"
    if nearest != nm:
        note += f", scaled to {nm:g} nm by the square of the supply"
        supply = supply_v(nm) / _SUPPLY_V[nearest]
        # The nominal supply of 20 nm is above CACTI's at 22 nm: a finer node never costs more.
        energy *= min(1.0, supply**2) if nm < nearest else supply**2
    return energy, delay, note


_SUPPLY_V: Final = {22.0: 0.8, 90.0: 1.2}
"""CACTI's own supplies (hp) at the ends of its range."""
