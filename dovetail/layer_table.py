"""One layer in detail: the ways to run it, where its cycles and energy go, what moves, and the mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from dovetail.accel.mapping_text import format_mapping
from dovetail.costmodel.held_back import held_back_by
from dovetail.evaluation_table import OBJECTIVES
from dovetail.network_table import operation_text, shape_text
from dovetail.numbers import millions, percent, prefixed, significant, thousands
from dovetail.tables import PlainTable, heading, plain_table

if TYPE_CHECKING:
    from dovetail.console import Signs
    from dovetail.costmodel.layer_cost import LayerCost, NetworkCost


def layer_view(layer: LayerCost, cost: NetworkCost, signs: Signs) -> RenderableType:
    """Everything about one layer."""
    parts: list[RenderableType] = [_header(layer, cost, signs), Text()]
    if len(layer.trials) + len(layer.refusals) > 1:
        parts += [_inset(_ways(layer, cost)), Text()]
    parts += [_inset(_traffic(layer)), Text()]
    if layer.chosen is not None:
        cycles = ", ".join(
            f"{thousands(term.cycles)} {term.cause} ({term.kind})" for term in layer.chosen.cost.latency.terms
        )
        parts.append(Text(f"  cycles: {cycles}"))
        parts.append(Text())
        text = format_mapping(layer.chosen.mapping, layer.name, cost.architecture.name)
        parts.append(_inset(Text(text.rstrip())))
    return Group(*parts)


def _inset(part: RenderableType) -> RenderableType:
    return Padding(part, (0, 0, 0, 2), expand=False)


def _header(layer: LayerCost, cost: NetworkCost, signs: Signs) -> Text:
    shapes = f"{', '.join(shape_text(t) for t in layer.layer.inputs)} -> {shape_text(layer.layer.outputs[0])}"
    facts = [operation_text(layer.layer), shapes, f"batch {cost.batch}, least {OBJECTIVES[cost.objective]}"]
    text = heading(f"{layer.name} on {cost.architecture.name}", facts, signs)
    answer = [
        prefixed(layer.latency_s, "s"),
        f"{thousands(layer.cycles)} cycles",
        prefixed(layer.energy_pj * 1e-12, "J"),
        f"{percent(layer.utilization)} busy",
        f"{prefixed(layer.outermost_bytes, 'B')} {cost.architecture.memories[0].name}",
    ]
    text.append("\n  " + "    ".join(answer), style="bold")
    least = cost.objective.of(layer.bound.cycles / cost.architecture.clock_hz, layer.bound.energy_pj)
    value = cost.objective.of(layer.latency_s, layer.energy_pj)
    over = f"{significant(value / least)}{signs.times} the lower bound" if least else ""
    macs = (
        f"{millions(layer.macs)} M MACs" if layer.macs else f"{thousands(layer.layer.operations)} operations"
    )
    held = f"held back by {held_back_by(layer, cost.architecture)}"
    text.append("\n  " + "    ".join(part for part in (macs, over, held) if part), style="not bold")
    if layer.chosen is not None and layer.chosen.dataflow is not None:
        text.append(f"    {layer.chosen.dataflow}", style="not bold")
    return text


def _ways(layer: LayerCost, cost: NetworkCost) -> PlainTable:
    table = plain_table(
        ("dataflow", "left"), ("cycles", "right"), ("energy", "right"), ("busy", "right"), ("", "text")
    )
    for trial in layer.trials:
        table.row(
            trial.dataflow or "free",
            thousands(trial.cost.cycles),
            prefixed(trial.energy.total_pj * 1e-12, "J"),
            percent(trial.cost.utilization),
            "taken" if trial is layer.chosen else "",
            style="bold" if trial is layer.chosen else "",
        )
    for refusal in layer.refusals:
        table.row(refusal.dataflow or "free", "", "", "", f"impossible: {refusal.reason}", style="dim")
    return table


def _traffic(layer: LayerCost) -> PlainTable:
    """Words and energy by memory and operand, then the other parts of the energy."""
    table = plain_table(
        ("where", "left"),
        ("what", "left"),
        ("reads", "right"),
        ("fills", "right"),
        ("updates", "right"),
        ("energy", "right"),
        ("", "right"),
    )
    total = layer.energy_pj
    energy = layer.energy

    def row(where: str, what: str, pj: float, *counts: str) -> None:
        counts = counts or ("", "", "")
        share = percent(pj / total) if total else ""
        table.row(where, what, *counts, prefixed(pj * 1e-12, "J"), share)

    for memory, operands in layer.traffic_words.items():
        for index, (operand, words) in enumerate(operands.items()):
            pj = energy.memories_pj.get(memory, {}).get(operand, 0.0)
            counts = [thousands(words[a]) if words.get(a) else "" for a in ("reads", "fills", "updates")]
            row(memory if index == 0 else "", operand, pj, *counts)
    for name, pj in energy.links_pj.items():
        if pj:
            row(name, "links", pj)
    for name, pj in energy.units_pj.items():
        row(name, f"{thousands(layer.layer.operations)} operations", pj)
    if layer.macs:
        row("mac", thousands(layer.macs), energy.mac_pj)
    row("leakage", "", energy.leakage_pj)
    return table
