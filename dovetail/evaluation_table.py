"""The table of `dovetail evaluate`: the answer first, then where the time and the energy go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from dovetail.accelerator_table import array_sizes, bits_text, clock_text
from dovetail.costmodel.held_back import held_back_by
from dovetail.costmodel.selection import Objective
from dovetail.numbers import percent, prefixed, significant
from dovetail.tables import PlainTable, plain_table

if TYPE_CHECKING:
    from dovetail.console import Signs
    from dovetail.costmodel.layer_cost import LayerCost, NetworkCost
    from dovetail.evaluation import Evaluation

SHORT = 12
"""Layers in the table unless all are asked for: those that take the most time."""
BAR = 10
OBJECTIVES = {Objective.EDP: "EDP", Objective.ENERGY: "energy", Objective.LATENCY: "latency"}


def evaluation_view(evaluation: Evaluation, signs: Signs, *, everything: bool) -> RenderableType:
    """Header, layers, energy, and what choosing a dataflow for each layer is worth."""
    cost = evaluation.cost
    parts: list[RenderableType] = [header(cost, signs), Text()]
    parts.append(Padding(_layers(cost, signs, everything=everything), (0, 0, 0, 2), expand=False))
    if cost.layers:
        parts.append(_energy_line(cost, signs))
    choosing = _choosing(cost)
    if choosing:
        parts.append(Text(f"  {choosing}"))
    return Group(*parts)


def header(cost: NetworkCost, signs: Signs) -> Text:
    """What was asked, and the answer."""
    chip = cost.architecture
    chip_name = " ".join([chip.name, *array_sizes(chip)])
    text = Text(f"{cost.network.name} on {chip_name}", style="bold")
    for fact in (clock_text(chip), network_bits(cost)):
        text.append(f" {signs.dot} {fact}", style="not bold")
    text.append(f"   batch {cost.batch}, least {OBJECTIVES[cost.objective]}", style="not bold")
    error = f" {signs.plus_minus}{100 * cost.energy_spread:.0f} %" if cost.energy_spread else ""
    answer = [
        prefixed(cost.latency_s, "s"),
        prefixed(cost.energy_pj * 1e-12, "J") + error,
        prefixed(cost.average_power_w, "W"),
        f"{percent(cost.utilization)} busy",
        f"{prefixed(cost.outermost_bytes, 'B')} {chip.memories[0].name}",
        f"{significant(cost.area_mm2.value)} mm{signs.square}",
    ]
    text.append("\n  " + "    ".join(answer), style="bold")
    text.append(f"\n  {_bound_text(cost, signs)}", style="not bold")
    if cost.architecture.keep_feature_maps_in is not None:
        text.append(f"\n  {_kept_text(cost)}", style="not bold")
    return text


def _kept_text(cost: NetworkCost) -> str:
    memory = cost.architecture.keep_feature_maps_in
    if not cost.kept:
        return f"no feature map stays in {memory}"
    count = len(cost.kept)
    return f"{count} feature map{'' if count == 1 else 's'} stay{'s' if count == 1 else ''} in {memory}"


def network_bits(cost: NetworkCost) -> str:
    """`16 bit`, or from the narrowest to the widest operand: `4 to 8 bit`."""
    widths = {
        width
        for layer in cost.layers
        if layer.problem is not None
        for width in (layer.problem.bits.weights, layer.problem.bits.inputs)
    }
    if not widths:
        return bits_text(cost.architecture)
    low, high = min(widths), max(widths)
    return f"{low} bit" if low == high else f"{low} to {high} bit"


def _bound_text(cost: NetworkCost, signs: Signs) -> str:
    if not cost.bound_value:
        return ""
    ratio = significant(cost.value / cost.bound_value)
    how = how_sure(cost)
    return f"{ratio}{signs.times} the lower bound of {OBJECTIVES[cost.objective]}   ({how})"


def how_sure(cost: NetworkCost) -> str:
    """`all 26 layers proved optimal`, or how many are, and how far from it the others may be."""
    mapped = [layer for layer in cost.layers if layer.chosen is not None]
    many = f"{len(mapped)} layer{'' if len(mapped) == 1 else 's'}"
    if not mapped:
        return "nothing to map"
    proved = sum(layer.proved for layer in mapped)
    if proved == len(mapped):
        return f"all {many} proved optimal" if proved > 1 else "proved optimal"
    searched = [layer.certificate for layer in mapped if layer.certificate is not None]
    if not searched:
        return f"{many} mapped greedily, none proved optimal"
    gaps = [c.gap for c in searched if not c.proved]
    rest = f", the others within {percent(max(gaps))}" if gaps and max(gaps) < 10 else ""
    greedy = len(mapped) - len(searched)
    beside = f", {greedy} mapped greedily" if greedy else ""
    return f"{proved} of {many} proved optimal{rest}{beside}"


def _layers(cost: NetworkCost, signs: Signs, *, everything: bool) -> PlainTable:
    table = plain_table(
        ("layer", "left"),
        ("share of time", "left"),
        ("ms", "right"),
        ("mJ", "right"),
        ("util", "right"),
        ("flow", "left"),
        ("held back by", "text"),
    )
    slowest = slowest_first(cost.layers)
    shown = cost.layers if everything else slowest[:SHORT]
    most = max((layer.cycles for layer in cost.layers), default=1)
    short = abbreviations([flow.name for flow in cost.architecture.dataflows])
    for layer in shown:
        table.row(
            layer.name,
            Text(signs.bar(layer.cycles / most, BAR), style="cyan"),
            significant(layer.latency_s * 1e3),
            significant(layer.energy_pj * 1e-9),
            percent(layer.utilization) if layer.macs else "",
            short.get(layer.dataflow or "", layer.dataflow or layer.unit or ""),
            held_back_by(layer, cost.architecture),
        )
    rest = [] if everything else slowest[SHORT:]
    if rest:
        time = sum(layer.latency_s for layer in rest)
        energy = sum(layer.energy_pj for layer in rest)
        table.row(
            f"{signs.dots} {len(rest)} more (--all)",
            "",
            significant(time * 1e3),
            significant(energy * 1e-9),
            style="dim",
        )
    return table


def abbreviations(names: Sequence[str]) -> dict[str, str]:
    """`output_stationary` as OS, where no other name has the same initials and the name has several words."""
    initials = {name: "".join(word[0] for word in name.split("_") if word).upper() for name in names}
    counts = list(initials.values())
    return {n: i if len(i) > 1 and counts.count(i) == 1 else n for n, i in initials.items()}


def _energy_line(cost: NetworkCost, signs: Signs) -> Text:
    parts: dict[str, float] = {}
    for layer in cost.layers:
        for name, pj in layer.energy.by_part().items():
            parts[name] = parts.get(name, 0.0) + pj
    total = sum(parts.values())
    text = Text("\n  energy   ", style="dim")
    if not total:
        return text.append("no part has a price", style="not dim")
    small = 0.0
    for name, pj in sorted(parts.items(), key=lambda item: -item[1]):
        share = pj / total
        if share < 0.01:
            small += share
            continue
        text.append(f"{name} ", style="not dim")
        text.append(signs.bar(share, 10), style="cyan not dim")
        text.append(f" {100 * share:.0f}   ", style="not dim")
    if small >= 0.005:
        text.append(f"rest {100 * small:.0f}   ", style="not dim")
    text.rstrip()
    return text.append(" %", style="not dim")


def _choosing(cost: NetworkCost) -> str:
    """What choosing a dataflow layer by layer gains over each alone, in the objective."""
    if len(cost.single) < 2 or not cost.value:
        return ""
    short = abbreviations([single.name for single in cost.single])
    clock = cost.architecture.clock_hz
    gains = []
    for single in cost.single:
        name = short[single.name]
        if single.missing:
            count = len(single.missing)
            gains.append(f"{name} alone cannot run {count} layer{'s' if count > 1 else ''}")
            continue
        value = cost.objective.of(single.cycles / clock, single.energy_pj)
        gains.append(f"{value / cost.value:.2f}x over {name} only")
    return f"choosing per layer ({OBJECTIVES[cost.objective]}): {', '.join(gains)}"


def matrix_view(evaluations: Sequence[Evaluation], signs: Signs) -> RenderableType:
    """A line for each network on each accelerator; the best accelerator for each network is marked."""
    first = evaluations[0].cost
    objective = first.objective
    text = Text(f"batch {first.batch}, least {OBJECTIVES[objective]}\n", style="bold")
    table = plain_table(
        ("network", "left"),
        ("accelerator", "left"),
        ("latency", "right"),
        ("energy", "right"),
        ("EDP", "right"),
        ("power", "right"),
        ("busy", "right"),
        ("DRAM", "right"),
        (f"area mm{signs.square}", "right"),
        ("over bound", "right"),
    )
    best: dict[str, float] = {}
    for evaluation in evaluations:
        name = evaluation.cost.network.name
        best[name] = min(best.get(name, float("inf")), evaluation.cost.value)
    previous = ""
    for evaluation in evaluations:
        cost = evaluation.cost
        name = cost.network.name
        several = sum(e.cost.network.name == name for e in evaluations) > 1
        table.row(
            name if name != previous else "",
            " ".join([cost.architecture.name, *array_sizes(cost.architecture)]),
            prefixed(cost.latency_s, "s"),
            prefixed(cost.energy_pj * 1e-12, "J"),
            prefixed(cost.energy_pj * 1e-12 * cost.latency_s, "Js"),
            prefixed(cost.average_power_w, "W"),
            percent(cost.utilization),
            prefixed(cost.outermost_bytes, "B"),
            significant(cost.area_mm2.value),
            f"{significant(cost.value / cost.bound_value)}{signs.times}" if cost.bound_value else "",
            style="bold" if several and cost.value == best[name] else "",
        )
        previous = name
    return Group(text, Padding(table, (0, 0, 0, 2), expand=False))


def slowest_first(layers: Sequence[LayerCost]) -> list[LayerCost]:
    """Those that take the most time first; equal ones in execution order."""
    return sorted(layers, key=lambda layer: -layer.cycles)
