"""`dovetail diff` on a terminal: the totals, then the terms that explain them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dovetail.explorer.report.data_evaluation import wait_word
from dovetail.numbers import prefixed
from dovetail.tables import plain_table

if TYPE_CHECKING:
    from dovetail.console import Signs
    from dovetail.difference import CycleTerm, Difference, EnergyTerm, LayerTerm

SHORT = 8
"""Layers and terms that are shown unless all are asked for."""
NOISE = Fraction(1, 10**9)
"""Of a part's energy: less is the rounding of its floats."""

Changed = Sequence[tuple[str, str, str]]
"""What was set otherwise: name, before, after."""


def difference_view(found: Difference, changed: Changed, signs: Signs, *, everything: bool) -> RenderableType:
    """Header, totals, and tables of terms, the largest change first."""
    a, b = found.before, found.after
    text = Text()
    text.append(f"{a.network} on {a.accelerator}", style="bold")
    if (a.network, a.accelerator) != (b.network, b.accelerator):
        text.append(f"  ->  {b.network} on {b.accelerator}", style="bold")
    for name, before, after in changed:
        text.append(f"\n  {name}: {before} -> {after}")
    parts: list[RenderableType] = [text, Text(), _indented(_totals(found))]
    parts += _titled("cycles, by what causes them", _cycles(found, everything), found.cycles)
    parts += _titled("energy, by part and tensor", _energy(found, everything), found.energy)
    parts += _titled("layers", _layers(found, everything), found.layers)
    return Group(*parts)


def _titled(title: str, table: Table, terms: Sequence[object]) -> list[RenderableType]:
    if not table.rows:
        return [Text(f"\n  {title}: no change", style="dim")]
    more = len([t for t in terms if _matters(t)]) - len(table.rows)
    rest = [Text(f"  {more} more (--all)", style="dim")] if more > 0 else []
    return [Text(f"\n  {title}", style="dim"), _indented(table), *rest]


def _matters(term: object) -> bool:
    change = getattr(term, "change", None)
    if change is not None:
        return bool(change)
    return bool(getattr(term, "cycles", 0) or getattr(term, "energy_pj", 0))


def _indented(table: Table) -> RenderableType:
    return Padding(table, (0, 0, 0, 2), expand=False)


def _totals(found: Difference) -> Table:
    a, b = found.before, found.after
    table = plain_table(
        ("", "left"), ("before", "right"), ("after", "right"), ("change", "right"), ("", "right")
    )
    rows = (
        ("latency", a.latency_s, b.latency_s, "s"),
        ("energy", a.energy_pj * 1e-12, b.energy_pj * 1e-12, "J"),
        ("EDP", a.energy_pj * 1e-12 * a.latency_s, b.energy_pj * 1e-12 * b.latency_s, "Js"),
        ("power", a.average_power_w, b.average_power_w, "W"),
        ("DRAM", a.dram_bytes, b.dram_bytes, "B"),
        ("area", a.area_mm2, b.area_mm2, "mm2"),
    )
    for name, before, after, unit in rows:
        table.row(
            name,
            _amount(before, unit),
            _amount(after, unit),
            _signed(after - before, unit),
            _relative(before, after),
        )
    if a.clock_hz != b.clock_hz:
        table.row("", "", "by cycles", _signed(float(found.latency_by_cycles), "s"), "")
        table.row("", "", "by the clock", _signed(float(found.latency_by_clock), "s"), "")
    return table


def _cycles(found: Difference, everything: bool) -> Table:
    table = plain_table(("cause", "left"), ("before", "right"), ("after", "right"), ("change", "right"))
    terms = sorted((t for t in found.cycles if t.change), key=lambda t: (-abs(t.change), t.cause, t.kind))
    for term in terms if everything else terms[:SHORT]:
        table.row(_cause(term), f"{term.before}", f"{term.after}", f"{term.change:+d}")
    return table


def _cause(term: CycleTerm) -> str:
    if term.cause == "compute":
        return "computing" if term.kind == "throughput" else wait_word(term.kind)
    return f"{term.cause} {wait_word(term.kind)}"


def _energy(found: Difference, everything: bool) -> Table:
    table = plain_table(
        ("part", "left"),
        ("before", "right"),
        ("after", "right"),
        ("change", "right"),
        ("by amount", "right"),
        ("by price", "right"),
    )
    terms = sorted((t for t in found.energy if t.change), key=lambda t: (-abs(t.change), t.part, t.tensor))
    for term in terms if everything else terms[:SHORT]:
        table.row(
            f"{term.part} {term.tensor}".rstrip(),
            _joules(term.before),
            _joules(term.after),
            _change(term.change),
            _change(_seen(term.by_amount, term)),
            _change(_seen(term.by_price, term)),
        )
    return table


def _seen(share: Fraction | None, term: EnergyTerm) -> Fraction | None:
    """Nothing in place of what the rounding of energies leaves."""
    if share is None or abs(share) > max(term.before, term.after) * NOISE:
        return share
    return Fraction(0)


def _layers(found: Difference, everything: bool) -> Table:
    table = plain_table(("layer", "left"), ("time", "right"), ("energy", "right"), ("what changed", "left"))
    terms = sorted((t for t in found.layers if t.cycles or t.energy_pj), key=_layer_rank)
    for term in terms if everything else terms[:SHORT]:
        before = term.before.latency_s if term.before else 0.0
        after = term.after.latency_s if term.after else 0.0
        table.row(term.name, _signed(after - before, "s"), _change(term.energy_pj), ", ".join(term.changes))
    return table


def _layer_rank(term: LayerTerm) -> tuple[float, float, str]:
    return -abs(term.cycles), -float(abs(term.energy_pj)), term.name


def _joules(pj: Fraction) -> str:
    return _amount(float(pj) * 1e-12, "J")


def _change(pj: Fraction | None) -> str:
    return "" if pj is None else _signed(float(pj) * 1e-12, "J")


def _amount(value: float, unit: str) -> str:
    return f"{value:.3g} mm2" if unit == "mm2" else prefixed(value, unit)


def _signed(value: float, unit: str) -> str:
    if value == 0:
        return "0"
    return ("+" if value > 0 else "-") + _amount(abs(value), unit)


def _relative(before: float, after: float) -> str:
    return f"{100 * (after / before - 1):+.0f} %" if before else ""


def difference_json(found: Difference, changed: Changed) -> dict[str, object]:
    """`dovetail.difference/1`."""
    a, b = found.before, found.after
    return {
        "schema": "dovetail.difference/1",
        "before": {"network": a.network, "accelerator": a.accelerator},
        "after": {"network": b.network, "accelerator": b.accelerator},
        "settings": [{"name": name, "before": old, "after": new} for name, old, new in changed],
        "cycles": b.cycles - a.cycles,
        "latency_s": b.latency_s - a.latency_s,
        "latency_by_cycles_s": float(found.latency_by_cycles),
        "latency_by_clock_s": float(found.latency_by_clock),
        "energy_pj": b.energy_pj - a.energy_pj,
        "area_mm2": b.area_mm2 - a.area_mm2,
        "cycle_terms": [
            {"cause": t.cause, "kind": t.kind, "before": t.before, "after": t.after, "change": t.change}
            for t in found.cycles
        ],
        "energy_terms": [_energy_json(t) for t in found.energy],
        "layers": [
            {
                "name": t.name,
                "cycles": t.cycles,
                "energy_pj": float(t.energy_pj),
                "changes": list(t.changes),
            }
            for t in found.layers
        ],
    }


def _energy_json(term: EnergyTerm) -> dict[str, object]:
    return {
        "part": term.part,
        "tensor": term.tensor or None,
        "before_pj": float(term.before),
        "after_pj": float(term.after),
        "change_pj": float(term.change),
        "by_amount_pj": None if term.by_amount is None else float(term.by_amount),
        "by_price_pj": None if term.by_price is None else float(term.by_price),
    }
