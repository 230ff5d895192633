"""`dovetail show` of an accelerator: its memories and arrays, priced, with the source of every price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, assert_never

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Constraint,
    LoopOrder,
    LoopsInside,
    Memory,
    Ports,
    SpatialRule,
    Stationary,
)
from dovetail.costmodel.components import LinkPrices, Prices
from dovetail.costmodel.figures import Figure
from dovetail.numbers import bits_as_bytes, prefixed, significant, thousands
from dovetail.tables import heading, plain_table

if TYPE_CHECKING:
    from dovetail.console import Signs


class Sources:
    """Numbers the sources of prices, in the order in which they are met."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, *figures: Figure) -> str:
        """`[1] [2]`: the sources of these figures; nothing where nothing is priced."""
        numbers = [self._numbers.setdefault(f.source, len(self._numbers) + 1) for f in figures if f.value]
        return " ".join(f"[{n}]" for n in dict.fromkeys(numbers))

    def lines(self) -> list[str]:
        """`[1] CACTI 7 …`."""
        return [f"[{number}] {source}" for source, number in self._numbers.items()]


def accelerator_view(
    architecture: Architecture, prices: Prices, parameters: Mapping[str, str], signs: Signs
) -> RenderableType:
    """Header, tree with sizes and prices, dataflows, sources."""
    sources = Sources()
    table = plain_table(
        ("part", "left"),
        ("instances", "right"),
        ("", "text"),
        ("read", "right"),
        ("write", "right"),
        ("an access of", "right"),
        ("area mm" + signs.square, "right"),
        ("from", "left"),
    )
    unicode = signs.dot == "·"
    depth = 0
    for level in architecture.levels:
        lead = _lead(depth, unicode)
        match level:
            case Memory():
                table.row(*_memory_row(lead, level, prices, signs, sources))
            case Array():
                size = " x ".join(f"{axis.size} {axis.name}" for axis in level.axes)
                table.row(lead + level.name, "", size, "", "", "", "", "")
                for row in _link_rows(level, prices, signs, sources):
                    table.row(" " * len(lead) + "  " + row[0], *row[1:], style="dim")
                depth += 1
            case _:
                assert_never(level)
    table.row(*_mac_row(_lead(depth, unicode), architecture, prices, signs, sources))
    for unit in architecture.units:
        element = prices.units[unit.name].element_pj
        does = (
            f"{unit.lanes} lane{'s' if unit.lanes > 1 else ''} at {unit.at}: {', '.join(sorted(unit.does))}"
        )
        table.row(unit.name, "", does, _pj(element, signs), "", "element", "", sources.mark(element))
    parts: list[RenderableType] = [_header(architecture, prices, parameters, signs), Text()]
    parts.append(Padding(table, (0, 0, 0, 2), expand=False))
    if architecture.dataflows:
        several = "dataflows: each layer takes the best for it"
        parts.append(Text(f"\n  {several if len(architecture.dataflows) > 1 else 'dataflow'}", style="dim"))
        for dataflow in architecture.dataflows:
            rules = ", ".join(constraint_text(c) for c in dataflow.constraints)
            parts.append(Text(f"  {dataflow.name}: {rules}"))
    else:
        parts.append(Text("\n  no dataflow: the mapper is free", style="dim"))
    lines = sources.lines()
    if lines:
        parts.append(Text("\n  where the numbers come from", style="dim"))
        parts.extend(Text(f"  {line}") for line in lines)
    return Group(*parts)


def _header(architecture: Architecture, prices: Prices, parameters: Mapping[str, str], signs: Signs) -> Text:
    bits = architecture.bits
    facts = [*array_sizes(architecture), clock_text(architecture), bits_text(architecture)]
    facts.append(f"{architecture.technology_nm:g} nm")
    text = heading(architecture.name, facts, signs)
    area, leakage = prices.area_mm2, prices.leakage_mw
    text.append(
        f"\n  {thousands(architecture.pes * architecture.mac.lanes)} MACs   "
        f"{significant(area.value)} mm{signs.square}{band(area, signs)}   "
        f"leakage {prefixed(leakage.value / 1e3, 'W')}{band(leakage, signs)}"
    )
    if bits.sums != bits.outputs:
        text.append(f"   sums {bits.sums} bit")
    if parameters:
        text.append("\n  set with --set: " + ", ".join(f"{n} = {v}" for n, v in parameters.items()), "dim")
    if architecture.metrics:
        published = ", ".join(f"{name} {value:g} ({source})" for name, value, source in architecture.metrics)
        text.append(f"\n  published: {published}", "dim")
    return text


def array_sizes(architecture: Architecture) -> list[str]:
    """`32x32`, or `4x4 of 16x16` for nested arrays."""
    sizes = ["x".join(str(axis.size) for axis in array.axes) for array in architecture.arrays]
    return [" of ".join(sizes)] if sizes else []


def clock_text(architecture: Architecture) -> str:
    """`500 MHz`."""
    return prefixed(architecture.clock_hz, "Hz").replace(".00 ", " ").replace(".0 ", " ")


def bits_text(architecture: Architecture) -> str:
    """`16 bit`, or what differs."""
    bits = architecture.bits
    widths = {"weights": bits.weights, "inputs": bits.inputs, "outputs": bits.outputs}
    if len(set(widths.values())) == 1:
        return f"{bits.weights} bit"
    return ", ".join(f"{name} {width} bit" for name, width in widths.items())


def band(figure: Figure, signs: Signs) -> str:
    """` ±18 %`; nothing where the figure has no error."""
    return f" {signs.plus_minus}{100 * figure.error:.0f} %" if figure.error and figure.value else ""


def _lead(depth: int, unicode: bool) -> str:
    if depth == 0:
        return ""
    return "   " * (depth - 1) + ("└─ " if unicode else "`- ")


def _pj(figure: Figure, signs: Signs) -> str:
    return f"{significant(figure.value)} pJ{band(figure, signs)}" if figure.value else "0"


def _memory_row(lead: str, memory: Memory, prices: Prices, signs: Signs, sources: Sources) -> list[str]:
    price = prices.memories[memory.name]
    writes = [_pj(price.fill_pj, signs)]
    if price.update_pj != price.fill_pj:
        writes.append(_pj(price.update_pj, signs))
    area = price.area_mm2.times(price.instances)
    return [
        lead + memory.name,
        thousands(price.instances),
        memory_text(memory),
        _pj(price.read_pj, signs),
        " / ".join(writes),
        "1 bit" if price.bits is None else f"{price.bits} bit",
        significant(area.value) + band(area, signs) if area.value else "",
        sources.mark(price.read_pj, price.fill_pj, price.update_pj, price.area_mm2),
    ]


def _mac_row(
    lead: str, architecture: Architecture, prices: Prices, signs: Signs, sources: Sources
) -> list[str]:
    mac, price = architecture.mac, prices.mac
    energy = price.energy_pj(architecture.bits)
    area = price.area_mm2.times(price.instances)
    rates = ", ".join(
        f"{float(rate.per_cycle):g}/cycle" + (f" at {rate.bits} bit" if rate.bits else "")
        for rate in mac.rates
    )
    lanes = f", {mac.lanes} lanes of {mac.lanes_dimension}" if mac.lanes > 1 else ""
    skip = (
        f", skips zero weights in {', '.join(sorted(mac.skip_zero_weights_in))}"
        if mac.skip_zero_weights_in
        else ""
    )
    return [
        lead + "mac",
        thousands(price.instances),
        rates + lanes + skip,
        _pj(energy, signs),
        "",
        "MAC",
        significant(area.value) + band(area, signs) if area.value else "",
        sources.mark(energy, price.area_mm2),
    ]


def _link_rows(array: Array, prices: Prices, signs: Signs, sources: Sources) -> list[list[str]]:
    """What neighbours do for each other: links along the same axes at the same price in one row."""
    rows: dict[tuple[object, ...], tuple[list[str], LinkPrices]] = {}
    for price in (p for p in prices.links if p.array == array.name):
        key = (price.link.axes, price.per_bit_pj, price.per_word_pj)
        texts, _ = rows.setdefault(key, ([], price))
        texts.append(f"{price.link.kind} {price.link.tensor}")
    result = []
    for texts, price in rows.values():
        hop, each = price.per_bit_pj, "bit a hop"
        if not hop.value:
            hop, each = price.per_word_pj, "word a hop"
        priced = [_pj(hop, signs), "", each, "", sources.mark(hop)] if hop.value else [""] * 5
        result.append([f"along {', '.join(price.link.axes)}", "", ", ".join(texts), *priced])
    return result


def memory_text(memory: Memory) -> str:
    """Size, rate, buffering, what it holds."""
    facts = [bits_as_bytes(memory.size_bits) if memory.size_bits is not None else "unlimited"]
    if memory.width_bits is not None:
        facts.append(f"{memory.width_bits} bit wide")
    read, write = memory.read_bits_per_cycle, memory.write_bits_per_cycle
    if read is not None and memory.ports is Ports.SHARED:
        facts.append(f"{float(read):.4g} bit/cycle shared")
    elif read is not None or write is not None:
        facts.append(
            "/".join(f"{float(rate):.4g}" if rate else "any" for rate in (read, write)) + " bit/cycle"
        )
    if memory.accesses_per_cycle is not None:
        facts.append(f"{float(memory.accesses_per_cycle):g} accesses/cycle")
    if memory.size_bits is not None:
        facts.append(f"{memory.buffering}")
    tensors = sorted(memory.holds) + [f"({tensor})" for tensor in sorted(memory.may_hold)]
    return ", ".join(facts) + ("; " + " ".join(tensors) if tensors else "")


def constraint_text(constraint: Constraint) -> str:
    """A constraint as an `.accel` text writes it."""
    match constraint:
        case SpatialRule(array, axis, allowed, flat, full):
            return f"{array}.{axis} {_spatial_text(allowed, flat, full)}"
        case Stationary(tensor, memory):
            return f"stationary {tensor} at {memory}"
        case LoopOrder(level, dimensions):
            return f"order in {level} = {', '.join(dimensions)}"
        case LoopsInside(memory, dimensions):
            return f"{memory} for [{', '.join(dimensions)}]"
        case _:
            assert_never(constraint)


def _spatial_text(allowed: tuple[tuple[str, ...], ...], flat: bool, full: bool) -> str:
    if full:
        return "full"
    if flat:
        return f"= flat({', '.join(allowed[0])})"
    if len(allowed) == 1 and len(allowed[0]) > 1:
        return f"in {_listed(allowed[0])}"
    return "= " + " then ".join(_listed(group) for group in allowed)


def _listed(names: Iterable[str]) -> str:
    items = tuple(names)
    return items[0] if len(items) == 1 else f"[{', '.join(items)}]"
