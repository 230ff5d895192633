"""Why one mapping is better than another: every part of energy, words and cycles beside its counterpart.

rows = compare(ours, theirs)
sum(row.ours for row in rows.energy) is all the energy of ours; likewise for cycles
"""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from math import fsum

from dovetail.costmodel.layer_cost import EnergyParts, Trial

Part = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One part of a sum, by both mappings; 0 where one of them does not have it."""

    where: str
    what: str
    ours: float
    theirs: float
    our_words: int = 0
    """Words moved, of energy rows of memories."""
    their_words: int = 0

    @property
    def difference(self) -> float:
        """What ours saves; negative where it costs more."""
        return self.theirs - self.ours


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two mappings of one layer, part by part."""

    energy: tuple[Row, ...]
    """pJ, by memory and operand, `ARRAY links`, `mac`, `leakage`."""
    cycles: tuple[Row, ...]
    """By what causes them and the kind of term."""

    def total(self, rows: tuple[Row, ...]) -> Row:
        """The sum of all rows."""
        return Row("total", "", fsum(row.ours for row in rows), fsum(row.theirs for row in rows))


def compare(ours: Trial, theirs: Trial) -> Comparison:
    """Part by part, those that neither has left out."""
    our_words, their_words = _words(ours), _words(theirs)
    energy = tuple(
        Row(*part, mine, other, our_words.get(part, 0), their_words.get(part, 0))
        for part, mine, other in _beside(_energy(ours.energy), _energy(theirs.energy))
    )
    cycles = tuple(Row(*part, mine, other) for part, mine, other in _beside(_cycles(ours), _cycles(theirs)))
    return Comparison(energy, cycles)


def _beside(ours: ReadOnly[Part, float], theirs: ReadOnly[Part, float]) -> list[tuple[Part, float, float]]:
    parts = dict.fromkeys((*ours, *theirs))
    both = [(part, ours.get(part, 0), theirs.get(part, 0)) for part in parts]
    return [row for row in both if row[1] or row[2]]


def _energy(energy: EnergyParts) -> dict[Part, float]:
    parts = {
        (memory, operand): pj for memory, own in energy.memories_pj.items() for operand, pj in own.items()
    }
    parts |= {(array, "links"): pj for array, pj in energy.links_pj.items()}
    parts |= {(unit, "operations"): pj for unit, pj in energy.units_pj.items()}
    return parts | {("mac", ""): energy.mac_pj, ("leakage", ""): energy.leakage_pj}


def _words(trial: Trial) -> dict[Part, int]:
    traffic = trial.cost.traffic_words()
    return {
        (memory, operand): sum(actions.values())
        for memory, own in traffic.items()
        for operand, actions in own.items()
    }


def _cycles(trial: Trial) -> dict[Part, float]:
    parts: dict[Part, float] = {}
    for term in trial.cost.latency.terms:
        part = (term.cause, term.kind)
        parts[part] = parts.get(part, 0) + term.cycles
    return parts
