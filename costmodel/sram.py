"""SRAM macros: energy, leakage, area and access time, from a table of CACTI 7 runs.

depth < 32 rows          flip-flops (`flipflops.py`)
22 .. 90 nm              the table: kriging in depth, width and node; nodes between log-log in nm,
                         leakage from the nearest node (the devices of two nodes leak by different rules)
< 22 nm, > 90 nm         22 or 90 nm, scaled by `technology.py`
width < 16 bit,          the same kriging beyond the table; measured by leaving out the last octaves,
up to 64 MiB             its error is at most 2.5 times that inside
width > 512 bit          macros of equal width side by side
banks, above 64 MiB      banks of equal depth, each with its own ports, and a wire from the ports of the
                         memory across the square that the banks fill
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log, log2, sqrt
from typing import Final

import numpy as np

from dovetail.costmodel import datafiles, sram_table
from dovetail.costmodel.figures import Figure, OutsideTable, StorageFigures, combined, total
from dovetail.costmodel.flipflops import flip_flops
from dovetail.costmodel.kriging import Array
from dovetail.costmodel.sram_table import BAND, DEVICES, LEAST_DEPTH, NODES_NM, QUANTITIES, WIDTHS
from dovetail.costmodel.technology import SOURCE as SCALING
from dovetail.costmodel.technology import (
    area_factor,
    delay_factor,
    energy_factor,
    leakage_factor,
    scaling_error,
)
from dovetail.costmodel.wires import wire, wire_delay

PORTS: Final = ("1rw", "1r1w", "2rw")
UNITS: Final = dict(zip(QUANTITIES, ("pJ", "pJ", "mW", "mm2", "ns"), strict=True))
GREATEST_MACRO_BITS: Final = 8 * sram_table.GREATEST_BITS
"""64 MiB: three octaves beyond the table, as far as the extension was measured."""

EXTENSION: Final = 2.5
"""Error beyond the table over error inside it."""
BETWEEN_NODES: Final = dict(zip(QUANTITIES, (0.19, 0.21, 2.4, 0.08, 0.15), strict=True))
"""Error of nodes between two of the table: measured by leaving a node out (leakage: taking the nearest)."""
PORT_ERROR: Final = {"1rw": 0.0, "1r1w": 0.13, "2rw": 0.27}
"""Error of the ratio to one port: nine in ten of the held-out rows (ten folds)."""
SMALLEST_SCALED_NM: Final = 20.0
"""The node of the scaling rules that CACTI's 22 nm stands for."""


@lru_cache(maxsize=65536)
def sram(
    depth_rows: int,
    width_bits: int,
    nm: float,
    device: str = "lstp",
    ports: str = "1rw",
    banks: int = 1,
    temperature_k: float = 300.0,
) -> StorageFigures:
    """An SRAM of `depth_rows` rows (all banks together) of `width_bits`.

    `device` is `lstp`, `hp` or `lop`, `ports` is `1rw`, `1r1w` or `2rw`. Energies are of one access of the
    full width, leakage and area of the whole. Raises OutsideTable for an unknown device, ports, node or
    temperature.
    """
    if min(depth_rows, width_bits, banks) < 1:
        raise OutsideTable("SRAM", f"{depth_rows} x {width_bits} bit in {banks} banks", "at least 1 of each")
    if device not in DEVICES:
        raise OutsideTable("SRAM", f"device {device!r}", ", ".join(DEVICES))
    if ports not in PORTS:
        raise OutsideTable("SRAM", f"ports {ports!r}", ", ".join(PORTS))

    columns = ceil(width_bits / WIDTHS[1])
    width = width_bits / columns
    banks = max(banks, ceil(depth_rows * width / GREATEST_MACRO_BITS))
    macro = _macro(ceil(depth_rows / banks), width, nm, device, ports, temperature_k)
    if columns > 1:
        macro = _side_by_side(macro, columns)
    return macro if banks == 1 else _banked(macro, banks, width_bits, nm, device)


def _side_by_side(macro: StorageFigures, columns: int) -> StorageFigures:
    note = f"{columns} macros side by side"
    return StorageFigures(
        macro.read_pj.times(columns, note),
        macro.write_pj.times(columns, note),
        macro.leakage_mw.times(columns, note),
        macro.area_mm2.times(columns, note),
        macro.access_ns,
    )


def _banked(bank: StorageFigures, banks: int, width_bits: int, nm: float, device: str) -> StorageFigures:
    """Banks with ports of their own cost an access of one bank, and the way to it."""
    note = f"{banks} banks"
    area = bank.area_mm2.times(banks, note)
    side_mm = sqrt(area.value)
    energy = wire(side_mm, nm, device).times(width_bits).per("pJ")

    def routed(figure: Figure, way: Figure) -> Figure:
        return total((figure, way), figure.unit, f"{figure.source}; one of {note}; + {way.source}")

    return StorageFigures(
        routed(bank.read_pj, energy),
        routed(bank.write_pj, energy),
        bank.leakage_mw.times(banks, note),
        area,
        routed(bank.access_ns, wire_delay(side_mm, nm, device)),
    )


def _macro(
    depth: int, width: float, nm: float, device: str, ports: str, temperature_k: float
) -> StorageFigures:
    """One macro of at most 512 bits a row and 64 MiB."""
    if depth < LEAST_DEPTH:
        energy, leakage, area = flip_flops(depth, width, nm)
        access = _from_table(LEAST_DEPTH, width, nm, device, "1rw").access_ns
        access = access.times(1.0, f"an upper bound for the flip-flops of {depth} rows")
        return StorageFigures(energy, energy, leakage, area, access)
    figures = _from_table(depth, width, nm, device, ports)
    if temperature_k == 300.0:
        return figures
    hotter = leakage_at(temperature_k, nm, device)
    leakage = figures.leakage_mw.times(hotter, f"at {temperature_k:g} K")
    return StorageFigures(figures.read_pj, figures.write_pj, leakage, figures.area_mm2, figures.access_ns)


def _from_table(depth: int, width: float, nm: float, device: str, ports: str) -> StorageFigures:
    node = min(max(nm, NODES_NM[0]), NODES_NM[-1])
    below = max(known for known in NODES_NM if known <= node)
    above = min(known for known in NODES_NM if known >= node)
    part = log(node / below) / log(above / below) if above > below else 0.0

    low = np.log(_at_node(depth, width, below, device, ports))
    high = np.log(_at_node(depth, width, above, device, ports)) if above > below else low
    values = np.exp(low + part * (high - low))
    leakage = QUANTITIES.index("leakage_mw")
    nearest = below if part <= 0.5 else above
    values[leakage] = np.exp((low if nearest == below else high)[leakage])

    place, inside = _place(depth, width, nearest, device)
    if ports != "1rw":
        place += f", times the ratio of {ports} to one port"
    factors, scaling = _scaling(node, nm, device)
    figures = {}
    for i, quantity in enumerate(QUANTITIES):
        error = BAND[quantity] if inside else EXTENSION * BAND[quantity]
        nodes = f"{nearest:g} nm"
        if below < above:
            error = max(error, BETWEEN_NODES[quantity])
            if quantity == "leakage_mw":
                nodes += f" (the nearest to {node:g} nm)"
            else:
                nodes = f"{node:g} nm between {below:g} and {above:g} nm"
        error = combined(error, PORT_ERROR[ports])
        if scaling:
            error = combined(error, scaling_error(node, nm))
        source = f"CACTI 7, {nodes} {device}, {depth} x {width:g} bit, {place}{scaling}"
        figures[quantity] = Figure(float(values[i] * factors[quantity]), UNITS[quantity], source, error)
    return StorageFigures(*(figures[quantity] for quantity in QUANTITIES))


def _at_node(depth: float, width: float, nm: float, device: str, ports: str) -> Array:
    """Estimates at a node of the table: float64[quantities]."""
    values: Array = sram_table.shipped(device).predict(depth, width, nm)[0]
    if ports != "1rw":
        # No `lop` memories with more ports were run, and few sizes: take the ratio at the nearest of them.
        known = "lstp" if device == "lop" else device
        rows = sram_table.shipped_rows(known, ports)
        at = (
            np.clip(depth, rows.depth.min(), rows.depth.max()),
            np.clip(width, rows.width.min(), rows.width.max()),
        )
        values = values * sram_table.port_ratios(known, ports).predict(*at, nm)[0]
    return values


def _scaling(node: float, nm: float, device: str) -> tuple[dict[str, float], str]:
    """Factors from the nearest node of the table to `nm`, and a note (empty where there is nothing to do)."""
    start = SMALLEST_SCALED_NM if nm < node else node
    if nm == node or (nm < node and nm >= start):
        return dict.fromkeys(QUANTITIES, 1.0), ""
    variant = "hp" if device == "hp" else "lp"
    energy = energy_factor(start, nm, variant)
    factors = (
        energy,
        energy,
        leakage_factor(start, nm, variant),
        area_factor(start, nm),
        delay_factor(start, nm, variant),
    )
    return dict(zip(QUANTITIES, factors, strict=True)), f", scaled to {nm:g} nm by {SCALING}"


def _place(depth: int, width: float, nm: float, device: str) -> tuple[str, bool]:
    """Where the point lies among the rows of the table, in words, and whether they surround it."""
    rows = sram_table.shipped_rows(device).at_node(nm)
    if width < WIDTHS[0] or depth * width > sram_table.GREATEST_BITS:
        return "extended beyond the table (16 bit and up, to 8 MiB)", False
    left = rows.width[rows.width <= width].max()
    right = rows.width[rows.width >= width].min()
    shallow = rows.take((rows.width == left) & (rows.depth <= depth)).depth.max()
    deep = rows.take((rows.width == right) & (rows.depth >= depth)).depth.min(initial=np.inf)
    if np.isinf(deep):  # the corner of the grid: 8 MiB of the wider rows are fewer rows
        deep = rows.take(rows.width == left).depth.max()
    if left == right and shallow == deep:
        return "a row of the table", True
    return f"interpolated between {shallow:g} x {left:g} and {deep:g} x {right:g} bit", True


def leakage_at(temperature_k: float, nm: float, device: str) -> float:
    """Leakage at a temperature in kelvin over that at 300 K, of the nearest node of the table.

    Log-linear between the temperatures of the table. Raises OutsideTable outside 300 to 400 K.
    """
    node = min(NODES_NM, key=lambda known: abs(log2(known / nm)))
    curve = [
        (float(row["temp_k"]), float(row["leakage_vs_300k"]))
        for row in datafiles.rows("sram_leakage_temp")
        if row["device"] == device
        and float(row["tech_nm"]) == node
        and (device, node, float(row["temp_k"])) not in _OUTLIERS
    ]
    if not curve[0][0] <= temperature_k <= curve[-1][0]:
        raise OutsideTable("SRAM leakage", f"{temperature_k:g} K", f"{curve[0][0]:g} to {curve[-1][0]:g} K")
    kelvins, multiples = zip(*curve, strict=True)
    return float(np.exp(np.interp(temperature_k, kelvins, np.log(multiples))))


_OUTLIERS: Final = frozenset({("lop", 90.0, 360.0), ("lstp", 22.0, 340.0)})
"""Kinks of CACTI's own tables, left out."""
