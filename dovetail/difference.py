"""What makes one evaluation another: terms that add up, exactly, to the difference of the two.

    found = difference(before, after)
    sum(t.change for t in found.cycles) == after.cycles - before.cycles
    sum(t.change for t in found.energy) == the exact difference of the energies

Cycles are integers. Energies are taken as the exact fractions that their floats are, so that sums are equal
and not close; `docs/report.md` says what each term means.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from dovetail.explorer.report.records import LEAKAGE, MAC, Evaluation, LayerRecord

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CycleTerm:
    """Cycles of one cause and kind, over all layers."""

    cause: str
    kind: str
    before: int
    after: int

    @property
    def change(self) -> int:
        """What it adds to the difference."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class EnergyTerm:
    """Energy of one part, for memories of one tensor, over all layers, in pJ.

    `by_amount` and `by_price` add up to the change: energy is an amount (MACs, words moved, seconds of
    leakage) times what one of it takes, and each factor's change counts at the mean of the other. None where
    the part has no such amount. The price is a mean over layers, reads and writes: it changes with their mix.
    """

    part: str
    tensor: str
    before: Fraction
    after: Fraction
    by_amount: Fraction | None
    by_price: Fraction | None

    @property
    def change(self) -> Fraction:
        """What it adds to the difference."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class LayerTerm:
    """A layer of either evaluation, by name; None on the side that does not have it."""

    name: str
    before: LayerRecord | None
    after: LayerRecord | None

    @property
    def cycles(self) -> int:
        """What it adds to the difference in cycles."""
        return (self.after.cycles if self.after else 0) - (self.before.cycles if self.before else 0)

    @property
    def energy_pj(self) -> Fraction:
        """What it adds to the difference in energy."""
        return _energy(self.after) - _energy(self.before)

    @property
    def changes(self) -> tuple[str, ...]:
        """What about it is another: the layer itself, its dataflow, its mapping, what holds it back."""
        if self.before is None or self.after is None:
            return ("is new",) if self.before is None else ("is gone",)
        found = []
        if (self.before.op, self.before.macs, self.before.params) != (
            self.after.op,
            self.after.macs,
            self.after.params,
        ):
            found.append(
                f"{self.before.op} of {self.before.macs} MACs, now {self.after.op} of {self.after.macs}"
            )
        if self.before.dataflow != self.after.dataflow:
            found.append(f"{self.before.dataflow or 'free'}, now {self.after.dataflow or 'free'}")
        elif _nest(self.before) != _nest(self.after):
            found.append("another mapping")
        if self.before.bound_by != self.after.bound_by:
            found.append(f"bound by {self.before.bound_by}, now by {self.after.bound_by}")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two evaluations and the terms between them."""

    before: Evaluation
    after: Evaluation
    cycles: tuple[CycleTerm, ...]
    energy: tuple[EnergyTerm, ...]
    layers: tuple[LayerTerm, ...]
    """Every layer of either, in the order of execution of the second, those that are gone at the end."""

    @property
    def latency_by_cycles(self) -> Fraction:
        """Seconds of the difference that are the cycles', at the mean clock period."""
        return (self.after.cycles - self.before.cycles) * (_period(self.before) + _period(self.after)) / 2

    @property
    def latency_by_clock(self) -> Fraction:
        """Seconds of the difference that are the clock's, at the mean number of cycles."""
        return (_period(self.after) - _period(self.before)) * (self.before.cycles + self.after.cycles) / 2


def difference(before: Evaluation, after: Evaluation) -> Difference:
    """The terms by which `after` differs from `before`."""
    return Difference(before, after, _cycles(before, after), _energies(before, after), _layers(before, after))


def _cycles(before: Evaluation, after: Evaluation) -> tuple[CycleTerm, ...]:
    first, second = _cycle_sums(before), _cycle_sums(after)
    keys = dict.fromkeys([*first, *second])
    return tuple(CycleTerm(*key, first.get(key, 0), second.get(key, 0)) for key in keys)


def _cycle_sums(evaluation: Evaluation) -> dict[Key, int]:
    sums: dict[Key, int] = {}
    for layer in evaluation.layers:
        for term in layer.time:
            key = (term.cause, term.kind)
            sums[key] = sums.get(key, 0) + term.cycles
    return sums


def _energies(before: Evaluation, after: Evaluation) -> tuple[EnergyTerm, ...]:
    first, second = _energy_sums(before), _energy_sums(after)
    amounts = _amounts(before), _amounts(after)
    terms = []
    for key in dict.fromkeys([*first, *second]):
        old, new = first.get(key, Fraction(0)), second.get(key, Fraction(0))
        by_amount, by_price = _split(old, new, amounts[0].get(key), amounts[1].get(key))
        terms.append(EnergyTerm(*key, old, new, by_amount, by_price))
    return tuple(terms)


def _energy_sums(evaluation: Evaluation) -> dict[Key, Fraction]:
    sums: dict[Key, Fraction] = {}
    for layer in evaluation.layers:
        for term in layer.energy:
            key = (term.part, term.tensor or "")
            sums[key] = sums.get(key, Fraction(0)) + Fraction(term.pj)
    return sums


def _amounts(evaluation: Evaluation) -> dict[Key, Fraction]:
    """MACs, words by memory and tensor, seconds that leak."""
    amounts = {
        (MAC, ""): Fraction(evaluation.macs),
        (LEAKAGE, ""): evaluation.cycles * _period(evaluation),
    }
    for layer in evaluation.layers:
        for memory, operand, words in layer.traffic_words:
            amounts[memory, operand] = amounts.get((memory, operand), Fraction(0)) + words
    return amounts


def _split(
    old: Fraction, new: Fraction, old_amount: Fraction | None, new_amount: Fraction | None
) -> tuple[Fraction | None, Fraction | None]:
    if old_amount is None and new_amount is None:
        return None, None
    first, second = old_amount or Fraction(0), new_amount or Fraction(0)
    if not first or not second:
        return new - old, Fraction(0)  # a price of nothing says nothing: the amount is all that changed
    price, now = old / first, new / second
    return (second - first) * (price + now) / 2, (now - price) * (first + second) / 2


def _layers(before: Evaluation, after: Evaluation) -> tuple[LayerTerm, ...]:
    first = {layer.name: layer for layer in before.layers}
    second = {layer.name: layer for layer in after.layers}
    names = dict.fromkeys([*second, *first])
    return tuple(LayerTerm(name, first.get(name), second.get(name)) for name in names)


def _energy(layer: LayerRecord | None) -> Fraction:
    return sum((Fraction(term.pj) for term in layer.energy), Fraction(0)) if layer else Fraction(0)


def _nest(layer: LayerRecord) -> str | None:
    """The mapping without the line that names the accelerator."""
    return layer.mapping.partition("\n")[2] if layer.mapping else None


def _period(evaluation: Evaluation) -> Fraction:
    return 1 / Fraction(evaluation.clock_hz)
