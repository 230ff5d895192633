"""The table of `dovetail compare`: layers side by side, then what the differences come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from dovetail.comparison import label
from dovetail.numbers import prefixed, significant, thousands
from dovetail.tables import PlainTable, plain_table

if TYPE_CHECKING:
    from dovetail.comparison import Comparison, Key, Pair, Reason
    from dovetail.console import Signs


MOST_LABELS: Final = 4
"""Counts that a reason lists by name."""


def comparison_view(comparison: Comparison, signs: Signs, *, every_count: bool) -> RenderableType:
    """Totals, layers, every count of a single layer, and the reasons for differences."""
    parts: list[RenderableType] = [_header(comparison, signs), Text()]
    parts.append(Padding(_layers(comparison, signs), (0, 0, 0, 2), expand=False))
    if every_count:
        for pair in comparison.pairs:
            parts += [Text(), Padding(_counts(pair, signs), (0, 0, 0, 2), expand=False)]
    reasons = _reasons(comparison)
    if reasons:
        parts += [Text(), Text("  where they differ, it is because")]
        parts += [Text(f"    {reason}") for reason in reasons]
    for layer, reason in comparison.left_out:
        parts.append(Text(f"  {layer} is left out: {reason}"))
    return Group(*parts)


def _header(comparison: Comparison, signs: Signs) -> Text:
    tool = comparison.tool + (f" {comparison.version}" if comparison.version else "")
    text = Text(f"{comparison.network} on {comparison.accelerator}", style="bold")
    count = len(comparison.pairs)
    text.append(
        f" {signs.dot} {count} layer{'' if count == 1 else 's'}, ours beside {tool}", style="not bold"
    )
    equal = sum(not pair.differing for pair in comparison.pairs)
    shared = sum(len(pair.shared) for pair in comparison.pairs)
    wrong = sum(len(pair.differing) for pair in comparison.pairs)
    text.append(
        f"\n  {thousands(shared - wrong)} of {thousands(shared)} counts equal; all of them in ", style="bold"
    )
    text.append(f"{equal} of {count} layers", style="bold")
    return text


def _layers(comparison: Comparison, signs: Signs) -> PlainTable:
    theirs = comparison.tool
    table = plain_table(
        ("layer", "text"),
        ("cycles", "right"),
        (theirs, "right"),
        (signs.times, "right"),
        ("energy", "right"),
        (theirs, "right"),
        (signs.times, "right"),
        ("time", "right"),
        (theirs, "right"),
        ("counts", "left"),
    )
    for pair in comparison.pairs:
        table.row(*_row(pair, comparison, signs))
    if len(comparison.pairs) > 1:
        table.row("all", *_sums(comparison), style="bold")
    return table


def _row(pair: Pair, comparison: Comparison, signs: Signs) -> list[str]:
    differ = len(pair.differing)
    counts = "equal" if not differ else f"{differ} of {len(pair.shared)} differ, most {_worst(pair, signs)}"
    return [
        pair.layer,
        *_numbers(
            pair.ours.cycles,
            pair.theirs.cycles,
            pair.ours.energy_pj,
            pair.theirs.energy_pj,
            comparison.clock_hz,
        ),
        counts,
    ]


def _sums(comparison: Comparison) -> list[str]:
    energies = [pair.theirs.energy_pj for pair in comparison.pairs]
    known = [energy for energy in energies if energy is not None]
    return [
        *_numbers(
            sum(pair.ours.cycles for pair in comparison.pairs),
            sum(pair.theirs.cycles for pair in comparison.pairs),
            sum(pair.ours.energy_pj or 0.0 for pair in comparison.pairs),
            sum(known) if len(known) == len(energies) else None,
            comparison.clock_hz,
        ),
        "",
    ]


def _numbers(
    cycles: float, their_cycles: float, energy: float | None, their_energy: float | None, clock: float
) -> list[str]:
    """Cycles, energy and time of both, with what theirs is of ours."""
    return [
        thousands(round(cycles)),
        thousands(round(their_cycles)),
        _ratio(their_cycles, cycles),
        _joules(energy),
        _joules(their_energy),
        _ratio(their_energy, energy),
        prefixed(cycles / clock, "s"),
        prefixed(their_cycles / clock, "s"),
    ]


def _joules(energy_pj: float | None) -> str:
    return "" if energy_pj is None else prefixed(energy_pj * 1e-12, "J")


def _ratio(theirs: float | None, ours: float | None) -> str:
    return "" if theirs is None or not ours else significant(theirs / ours)


def _worst(pair: Pair, signs: Signs) -> str:
    """The count that differs by the largest factor."""

    def factor(key: Key) -> float:
        ours, theirs = pair.ours.words[key], pair.theirs.words[key]
        return max(ours, theirs) / max(min(ours, theirs), 1e-9)

    key = max(pair.differing, key=factor)
    return label(key)


def _energy(pj: float) -> str:
    return prefixed(pj * 1e-12, "J") if pj >= 1000 else f"{significant(pj)} pJ"


def _counts(pair: Pair, signs: Signs) -> PlainTable:
    table = plain_table(("words", "text"), ("ours", "right"), ("theirs", "right"), (signs.times, "right"))
    for key in pair.shared:
        memory, operand, action = key
        ours, theirs = pair.ours.words[key], pair.theirs.words[key]
        ratio = "" if key not in pair.differing else _ratio(theirs, ours)
        name = f"{memory} {operand} {action}"
        table.row(name, thousands(round(ours)), thousands(round(theirs)), ratio)
    return table


def _reasons(comparison: Comparison) -> list[str]:
    """Each difference of definition once, with what it explains, and in how many layers where not in all."""
    found: dict[str, list[Reason]] = {}
    for pair in comparison.pairs:
        for reason in pair.reasons:
            found.setdefault(reason.text, []).append(reason)
    return [_sentence(text, reasons, len(comparison.pairs)) for text, reasons in found.items()]


def _sentence(text: str, reasons: list[Reason], layers: int) -> str:
    counts = list(dict.fromkeys(label(key) for reason in reasons for key in reason.counts))
    said = counts[:MOST_LABELS]
    if len(counts) > MOST_LABELS:
        said.append(f"{len(counts) - MOST_LABELS} more")
    cycles = sum(reason.cycles for reason in reasons)
    energy = sum(reason.energy_pj for reason in reasons)
    said += [f"{thousands(cycles)} cycles"] if cycles else []
    said += [_energy(energy)] if energy else []
    where = "" if len(reasons) == layers else f" ({len(reasons)} of {layers} layers)"
    return text + where + (f": {', '.join(said)}" if said else "")
