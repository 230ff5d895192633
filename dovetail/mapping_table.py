"""What `dovetail map` prints: the loop nest, how sure it is, the alternatives, and why it is better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from dovetail.accel.mapping_text import format_mapping
from dovetail.numbers import percent, power_of_ten, prefixed, significant, thousands
from dovetail.tables import PlainTable, heading, plain_table

if TYPE_CHECKING:
    from dovetail.console import Signs
    from dovetail.costmodel.comparison import Comparison, Row
    from dovetail.layer_mapping import Choice, LayerMapping

OBJECTIVES = {"edp": "EDP", "energy": "energy", "latency": "latency", "front": "EDP of the front"}


def mapping_view(
    found: LayerMapping, signs: Signs, beside: tuple[str, Comparison] | None = None
) -> RenderableType:
    """Everything about one layer's mapping."""
    parts: list[RenderableType] = [_header(found, signs), Text()]
    if found.objective == "front":
        parts += [_inset(_front(found)), Text()]
    if len(found.ways) + len(found.refusals) > 1:
        parts += [_inset(_ways(found)), Text()]
    parts.append(_inset(Text(format_mapping(found.mapping, found.name, found.architecture.name).rstrip())))
    if beside is not None:
        parts += [Text(), *_why(*beside, signs)]
    return Group(*parts)


def _inset(part: RenderableType) -> RenderableType:
    return Padding(part, (0, 0, 0, 2), expand=False)


def _header(found: LayerMapping, signs: Signs) -> Text:
    goal = (
        "front of latency and energy"
        if found.objective == "front"
        else f"least {OBJECTIVES[found.objective]}"
    )
    facts = [goal, *([found.dataflow] if found.dataflow else [])]
    text = heading(f"{found.name} on {found.architecture.name}", facts, signs)
    answer = [
        prefixed(found.latency_s, "s"),
        f"{thousands(found.cycles)} cycles",
        prefixed(found.energy_pj * 1e-12, "J"),
        f"{percent(found.cost.utilization)} busy",
        f"bound by {found.cost.latency.bound_by}",
    ]
    text.append("\n  " + "    ".join(answer), style="bold")
    text.append(f"\n  {certificate_text(found)}", style="not bold")
    over = f"{significant(found.over_bound)}{signs.times} the bound of {OBJECTIVES[found.objective]}"
    text.append(f"\n  {over} that compute and compulsory traffic set", style="not bold")
    return text


def certificate_text(found: LayerMapping) -> str:
    """`proved optimal: none of 1.40 x 10^10 mappings is better (312 evaluated)`, or how far it may be off."""
    certificate = found.certificate
    size, evaluated = power_of_ten(certificate.mapspace), thousands(certificate.evaluated)
    if certificate.proved:
        return f"proved optimal: none of {size} mappings is better ({evaluated} evaluated)"
    stopped = "stopped by Ctrl-C" if found.interrupted else "not proved"
    gap = (
        f"at most {percent(certificate.gap)} above the optimum"
        if certificate.gap < 100
        else "far from proved"
    )
    return f"{stopped}: {gap} of {size} mappings ({evaluated} evaluated)"


def _front(found: LayerMapping) -> PlainTable:
    table = plain_table(
        ("front", "left"), ("cycles", "right"), ("energy", "right"), ("busy", "right"), ("dataflow", "left")
    )
    for number, point in enumerate(found.front, start=1):
        chosen = point is found.best or point.mapping == found.mapping
        table.row(
            f"{number}",
            thousands(point.cycles),
            prefixed(point.energy_pj * 1e-12, "J", 4),
            percent(point.cost.utilization),
            (point.dataflow or "free") + (", least EDP" if chosen else ""),
            style="bold" if chosen else "",
        )
    return table


def _ways(found: LayerMapping) -> PlainTable:
    table = plain_table(
        ("dataflow", "left"), ("cycles", "right"), ("energy", "right"), ("busy", "right"), ("", "text")
    )

    def row(way: Choice) -> None:
        taken = way.dataflow == found.dataflow
        table.row(
            way.dataflow or "free",
            thousands(way.cycles),
            prefixed(way.energy_pj * 1e-12, "J"),
            percent(way.cost.utilization),
            "taken" if taken else "",
            style="bold" if taken else "",
        )

    for way in found.ways:
        row(way)
    for refusal in found.refusals:
        label = "undecided" if refusal.undecided else "impossible"
        table.row(refusal.dataflow or "free", "", "", "", f"{label}: {refusal.reason}", style="dim")
    return table


def _why(name: str, comparison: Comparison, signs: Signs) -> list[RenderableType]:
    """Part by part, the largest differences first, and sums that are the totals."""
    energy = plain_table(
        ("energy", "left"),
        ("", "left"),
        ("this", "right"),
        (name, "right"),
        ("difference", "right"),
        ("words", "right"),
        ("words there", "right"),
    )
    for row in [*_largest(comparison.energy), comparison.total(comparison.energy)]:
        energy.row(
            row.where,
            row.what,
            prefixed(row.ours * 1e-12, "J"),
            prefixed(row.theirs * 1e-12, "J"),
            _signed(row.ours - row.theirs, prefixed(abs(row.ours - row.theirs) * 1e-12, "J")),
            thousands(row.our_words) if row.our_words else "",
            thousands(row.their_words) if row.their_words else "",
            style="bold" if row.where == "total" else "",
        )
    cycles = plain_table(
        ("cycles", "left"), ("", "left"), ("this", "right"), (name, "right"), ("difference", "right")
    )
    for row in [*_largest(comparison.cycles), comparison.total(comparison.cycles)]:
        cycles.row(
            row.where,
            row.what.replace("_", " "),
            thousands(round(row.ours)),
            thousands(round(row.theirs)),
            _signed(row.ours - row.theirs, thousands(round(abs(row.ours - row.theirs)))),
            style="bold" if row.where == "total" else "",
        )
    total_cycles, total_energy = comparison.total(comparison.cycles), comparison.total(comparison.energy)
    ratios = [
        f"{significant(total.theirs / total.ours)}{signs.times} the {what}"
        for total, what in ((total_cycles, "cycles"), (total_energy, "energy"))
        if total.ours
    ]
    return [Text(f"  {name} takes {', '.join(ratios)}:"), Text(), _inset(energy), Text(), _inset(cycles)]


def _largest(rows: tuple[Row, ...]) -> list[Row]:
    return sorted(rows, key=lambda row: -abs(row.difference))


def _signed(number: float, text: str) -> str:
    return text if number == 0 else f"{'+' if number > 0 else '-'}{text}"
