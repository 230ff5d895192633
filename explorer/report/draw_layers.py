"""The table of layers with its bars of time and energy, and the tables that are their legends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dovetail.explorer.report import quantities as q
from dovetail.explorer.report.data_evaluation import TENSORS, Bar, Segment, totals, wait_word
from dovetail.explorer.report.html import Html, heads, join, number, row, table, tag
from dovetail.explorer.report.records import LEAKAGE, MAC, Evaluation, Json, LayerRecord
from dovetail.explorer.report.scale import fraction

PART_WORDS: Final = {MAC: "MACs", LEAKAGE: "leakage"}


def part_word(part: str) -> str:
    """A part as a reader knows it."""
    return PART_WORDS.get(part, part)


def colours(order: Sequence[str], accelerator: Json) -> dict[str, str]:
    """A class for each part: a hue for the MACs, one for each memory from the outermost in, then the rest."""
    memories = [level["name"] for level in accelerator["levels"] if level["kind"] == "memory"]
    units = {unit["name"] for unit in accelerator["units"]}
    classes = {}
    for part in order:
        if part == MAC:
            classes[part] = "c-mac"
        elif part == LEAKAGE:
            classes[part] = "c-leak"
        elif part in memories:
            classes[part] = f"c-m{min(memories.index(part), 4)}"
        else:
            classes[part] = "c-unit" if part in units else "c-link"
    return classes


def tint(what: str) -> str:
    """A shade of the part's hue for a tensor, or for what is waited for."""
    if what in TENSORS:
        return f"s{TENSORS.index(what)}"
    if what in ("", "throughput"):
        return "s0"
    return "s1" if what in ("fold", "transfer") else "s2"


def bar(
    stack: Bar, most: float, classes: Mapping[str, str], words: Mapping[str, str], of: str | None = None
) -> Html:
    """A stacked bar, as long as its total is of `most`; for the script `of` is what a piece is a share of."""
    pieces = [
        tag(
            "i",
            # Where there is room a gap tells shades apart.
            cls=f"{classes[s.part]} {tint(s.what)}" + (" w" if s.amount / most > 0.03 else ""),
            style=f"width:{fraction(s.amount / most)}",
            data_tip=words[_key(s)],
        )
        for s in stack.segments
    ]
    return tag("div", pieces, cls="bar", aria_hidden="true", data_of=of)


def _key(segment: Segment) -> str:
    return f"{segment.part}/{segment.what}"


def layers_table(
    evaluation: Evaluation,
    time: Sequence[Bar],
    energy: Sequence[Bar],
    classes: Mapping[str, str],
    prefix: str,
) -> Html:
    """A line for every layer in execution order: what it takes, by cause and part, and what holds it back."""
    longest = max((b.total for b in time), default=0) or 1.0
    most = max((b.total for b in energy), default=0) or 1.0
    rows = [
        _layer_row(layer, t, e, longest, most, evaluation, classes, prefix)
        for layer, t, e in zip(evaluation.layers, time, energy, strict=True)
    ]
    head = tag(
        "thead",
        tag(
            "tr",
            tag("th", "Layer", scope="col"),
            tag("th", "Time", scope="col", colspan=2, cls="wide"),
            tag("th", "Energy", scope="col", colspan=2, cls="wide"),
            tag("th", "Busy", scope="col", cls="n"),
            tag("th", "Dataflow", scope="col"),
            tag("th", "Held back by", scope="col"),
        ),
    )
    return table(head, rows, "Layers", cls="layers")


def _layer_row(
    layer: LayerRecord,
    time: Bar,
    energy: Bar,
    longest: float,
    most: float,
    evaluation: Evaluation,
    classes: Mapping[str, str],
    prefix: str,
) -> Html:
    clock = evaluation.clock_hz
    time_words = {
        _key(s): f"{time_word(s)}: {q.prefixed(s.amount / clock, 's')}\n{q.percent(s.amount / layer.cycles)}"
        for s in time.segments
    }
    energy_words = {
        _key(s): f"{energy_word(s)}: {q.prefixed(s.amount * 1e-12, 'J')}\n"
        f"{q.percent(s.amount / (layer.energy_pj or 1.0))}"
        for s in energy.segments
    }
    name = join(tag("a", layer.name, href=f"#{prefix}{layer.name}"), " ", tag("small", layer.op))
    return tag(
        "tr",
        tag("th", name, scope="row"),
        tag("td", bar(time, longest, classes, time_words, "time"), cls="b"),
        number(q.prefixed(layer.latency_s, "s")),
        tag("td", bar(energy, most, classes, energy_words, "energy"), cls="b"),
        number(q.prefixed(layer.energy_pj * 1e-12, "J")),
        number(q.percent(layer.utilization)) if layer.macs else number("–", cls="n idle"),
        tag("td", (layer.dataflow or layer.unit or "").replace("_", " "), cls="flow"),
        tag("td", layer.held_back_by, cls="why"),
        data_time=layer.cycles,
        data_energy=f"{layer.energy_pj:.6g}",
    )


def time_word(segment: Segment) -> str:
    """`DRAM, transfers that nothing hides`."""
    if segment.part == MAC:
        return "computing" if segment.what == "throughput" else wait_word(segment.what)
    return f"{part_word(segment.part)} {wait_word(segment.what)}"


def energy_word(segment: Segment) -> str:
    """`DRAM, weights`."""
    name = part_word(segment.part)
    return f"{name}, {segment.what}" if segment.what else name


def time_legend(evaluation: Evaluation, time: Sequence[Bar], classes: Mapping[str, str]) -> Html:
    """What the colours of the time bars mean, with the sum over all layers of each."""
    rows = []
    for (part, what), cycles in sorted(totals(time).items(), key=lambda item: -item[1]):
        segment = Segment(part, what, cycles)
        swatch = tag("i", cls=f"swatch {classes[part]} {tint(what)}")
        share = cycles / evaluation.cycles
        rows.append(
            row(
                join(swatch, time_word(segment)),
                number(q.prefixed(cycles / evaluation.clock_hz, "s")),
                number(q.percent(share)),
                _share_bar(share, f"{classes[part]} {tint(what)}"),
            )
        )
    return table(heads("Cause", "Time>", "Share>", ""), rows, "Time by cause", cls="legend")


def energy_legend(evaluation: Evaluation, energy: Sequence[Bar], classes: Mapping[str, str]) -> Html:
    """Energy by memory and tensor: what the colours of the energy bars mean, with the sum over all layers."""
    names = ("Part", "Weights>", "Inputs>", "Outputs>", "Together>", "Share>", "")
    sums = totals(energy)
    everything = sum(sums.values()) or 1.0
    rows = []
    for part in classes:
        whole = sum(pj for (p, _), pj in sums.items() if p == part)
        if not whole:
            continue
        cells = []
        for tensor in TENSORS:
            pj = sums.get((part, tensor))
            swatch = tag("i", cls=f"swatch {classes[part]} {tint(tensor)}")
            cells.append(number(join(swatch, q.prefixed(pj * 1e-12, "J")) if pj else ""))
        plain = (part, "") in sums
        own = tag("i", cls=f"swatch {classes[part]} s0") if plain else None
        rows.append(
            row(
                join(own, part_word(part)),
                *cells,
                number(q.prefixed(whole * 1e-12, "J")),
                number(q.percent(whole / everything)),
                _share_bar(whole / everything, f"{classes[part]} s0"),
                labels=names,
            )
        )
    return table(heads(*names), rows, "Energy by memory and tensor", cls="legend stack inline")


def _share_bar(share: float, cls: str) -> Html:
    piece = tag("i", cls=cls, style=f"width:{fraction(share)}")
    return tag("td", tag("div", piece, cls="bar", aria_hidden="true"), cls="b")
