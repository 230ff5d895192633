"""An accelerator as a picture with what its parts cost: energy of an access, against a MAC, and area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dovetail.accel.architecture_picture import Note, draw_architecture
from dovetail.console import UNICODE
from dovetail.numbers import prefixed, significant

if TYPE_CHECKING:
    from dovetail.accel.architecture import Architecture
    from dovetail.costmodel.components import Prices
    from dovetail.costmodel.figures import Figure


@dataclass(frozen=True, slots=True)
class PartCost:
    """A part in numbers: energy of a word of inputs in pJ, that in MACs, area of all instances in mm2."""

    name: str
    word_pj: float
    word_macs: float
    area_mm2: float
    area_share: float
    """Of all that is priced on the chip."""


def part_costs(architecture: Architecture, prices: Prices) -> tuple[PartCost, ...]:
    """Memories from the outside in, then the MACs."""
    word = architecture.bits.inputs
    mac_pj = prices.mac.energy_pj(architecture.bits).value
    whole = prices.area_mm2.value
    found = []
    for memory in architecture.memories:
        price = prices.memories[memory.name]
        bits = price.bits or 1
        pj = price.read_pj.value * word / bits
        area = price.area_mm2.value * price.instances
        found.append(
            PartCost(memory.name, pj, pj / mac_pj if mac_pj else 0.0, area, area / whole if whole else 0.0)
        )
    area = prices.mac.area_mm2.value * prices.mac.instances
    found.append(PartCost("mac", mac_pj, 1.0, area, area / whole if whole else 0.0))
    return tuple(found)


def accelerator_picture(architecture: Architecture, prices: Prices) -> str:
    """The picture, as SVG."""
    notes = {cost.name: _note(cost, architecture, prices) for cost in part_costs(architecture, prices)}
    for unit in architecture.units:
        notes[unit.name] = Note((f"{_pj(prices.units[unit.name].element_pj)} an element",))
    area = prices.area_mm2
    facts = [
        f"{prefixed(architecture.clock_hz, 'Hz')}",
        f"{architecture.technology_nm:g} nm",
        f"{architecture.pes * architecture.mac.lanes:,} MACs".replace(",", " "),
        f"{significant(area.value)} mm²{_band(area)}",
        f"leakage {prefixed(prices.leakage_mw.value / 1e3, 'W')}",
    ]
    return draw_architecture(architecture, notes, " · ".join(facts))


def _note(cost: PartCost, architecture: Architecture, prices: Prices) -> Note:
    """Two lines for a memory, one for the MACs; parts without area (off the chip) have no bar."""
    share = cost.area_share if cost.area_mm2 else None
    area = (
        f"{significant(cost.area_mm2)} mm², {100 * cost.area_share:.0f} % of the area"
        if cost.area_mm2
        else ""
    )
    if cost.name == "mac":
        energy = f"{_pj(prices.mac.energy_pj(architecture.bits))} a MAC"
        return Note(tuple(filter(None, (energy, area))), share)
    price = prices.memories[cost.name]
    access = "bit" if price.bits is None else f"{price.bits} bit"
    energy = f"read {_pj(price.read_pj)}, write {_pj(price.fill_pj)} / {access}"
    word = f"{significant(cost.word_pj)} pJ a word of {architecture.bits.inputs} bit"
    relative = f" = {significant(cost.word_macs)} MACs" if cost.word_macs else ""
    return Note(tuple(filter(None, (energy, word + relative, area))), share)


def _pj(figure: Figure) -> str:
    return f"{significant(figure.value)} pJ{_band(figure)}"


def _band(figure: Figure) -> str:
    return f" {UNICODE.plus_minus}{100 * figure.error:.0f} %" if figure.error and figure.value else ""
