"""The tables of an evaluation: dataflows, edge budget, the accelerator's parts, mappings, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dovetail.explorer.report import quantities as q
from dovetail.explorer.report.data_accelerator import PartRow, sources_of
from dovetail.explorer.report.data_edge import EdgeRow
from dovetail.explorer.report.data_evaluation import Budget, Choice
from dovetail.explorer.report.draw_layers import part_word
from dovetail.explorer.report.draw_nest import Nests
from dovetail.explorer.report.html import Html, heads, join, number, row, table, tag
from dovetail.explorer.report.records import Evaluation, LayerRecord, Source
from dovetail.explorer.report.scale import fraction

PARTS = ("Part", "Instances>", "", "Energy of one action", "Area mm²>", "", "Energy here>", "", "Sources")
"""Columns of the accelerator's table."""

CUT = 4.0
"""Ratios of a dataflow's cost are drawn up to so many times; the number beside it says the rest."""


def spoken(name: str) -> str:
    """`output_stationary` as words."""
    return name.replace("_", " ")


# ---------------------------------------------------------------------------------------- dataflows


def dataflow_table(choices: Sequence[Choice], objective: str) -> Html:
    """What every other dataflow would have cost each layer, as a ratio and a bar from 1×."""
    flows = list(dict.fromkeys(name for choice in choices for name, _ in choice.ratios))
    names = ("Layer", *(f"{spoken(flow)}, {objective}" for flow in flows))
    rows = []
    for choice in choices:
        ratios = dict(choice.ratios)
        cells = [_ratio(flow, ratios.get(flow), choice) for flow in flows]
        rows.append(row(choice.layer, cells, labels=[name.removesuffix(f", {objective}") for name in names]))
    return table(heads(*names), rows, "What each dataflow costs each layer", cls="flows stack")


def _ratio(flow: str, ratio: float | None, choice: Choice) -> Html:
    if ratio is None:
        return tag("td", "cannot run it", cls="quiet")
    if flow == choice.chosen:
        return tag("td", "taken", cls="strong")
    if flow == choice.alone:
        return tag("td", q.times(ratio), tag("span", " better for this layer alone", cls="quiet"))
    cut = min(max(ratio - 1, 0), CUT - 1) / (CUT - 1)
    piece = tag("i", cls="c-leak s1" if ratio <= CUT else "c-leak s1 cut", style=f"width:{fraction(cut)}")
    return tag(
        "td",
        tag(
            "div", tag("span", q.times(ratio)), tag("div", piece, cls="bar", aria_hidden="true"), cls="ratio"
        ),
    )


# --------------------------------------------------------------------------------------- edge budget


def budget_list(budget: Budget) -> Html:
    """What an inference means at the edge."""
    items = [
        ("Inferences a second", q.digits(budget.inferences_per_second)),
        ("Energy an inference", q.prefixed(budget.joules_per_inference, "J")),
        ("Power while it runs", q.prefixed(budget.power_w, "W")),
        (f"Inferences a charge of {budget.battery_wh:g}{q.NARROW}Wh", _count(budget.inferences_per_charge)),
        ("A charge lasts, running all the time", f"{q.digits(budget.hours_per_charge)}{q.NARROW}h"),
    ]
    for watts, keeps in budget.fits:
        share = budget.power_w / watts
        words = "within" if keeps else "above"
        items.append((f"Limit of {watts:g}{q.NARROW}W", f"{words}, {q.percent(share)} of it"))
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in items], cls="facts")


def edge_table(rows: Sequence[EdgeRow]) -> Html:
    """The same for several designs, a line each; a power above a limit stands out."""
    limits = [watts for watts, _ in rows[0].budget.fits]
    names = (
        "Design",
        "Inferences a second>",
        "Energy of one>",
        "Power>",
        *(f"Of {watts:g}{q.NARROW}W>" for watts in limits),
        f"Inferences a charge of {rows[0].budget.battery_wh:g}{q.NARROW}Wh>",
        "A charge lasts>",
    )
    written = []
    for edge in rows:
        b = edge.budget
        cells = [
            number(q.digits(b.inferences_per_second)),
            number(q.prefixed(b.joules_per_inference, "J")),
            number(q.prefixed(b.power_w, "W")),
            *(number(q.percent(b.power_w / w), cls="n" if keeps else "n over") for w, keeps in b.fits),
            number(_count(b.inferences_per_charge)),
            number(f"{q.digits(b.hours_per_charge)}{q.NARROW}h"),
        ]
        written.append(row(edge.name, *cells, labels=names, cls="quiet" if edge.point is None else None))
    return table(heads(*names), written, "Budget at the edge", cls="edge stack inline")


def _count(inferences: int) -> str:
    """As many digits as an energy deserves that carries an error."""
    return q.whole(int(float(f"{inferences:.2e}")))


# ------------------------------------------------------------------------------------- accelerator


def accelerator_table(rows: Sequence[PartRow], classes: Mapping[str, str]) -> Html:
    """The accelerator's parts as a tree, areas and energies as bars, and the numbers of their sources."""
    sources = sources_of(rows)
    most_area = max((r.area_mm2 for r in rows), default=0) or 1.0
    most_pj = max((r.energy_pj or 0 for r in rows), default=0) or 1.0
    return table(
        heads(*PARTS),
        [_part(r, classes, sources, most_area, most_pj) for r in rows],
        "The accelerator's parts",
        cls="parts stack",
    )


def _part(
    part: PartRow, classes: Mapping[str, str], sources: Sequence[str], most_area: float, most_pj: float
) -> Html:
    hue = classes.get(part.name) or classes.get(f"{part.name} links") or "c-link"
    actions = [
        tag("div", f"{words} {q.digits(value)}{q.NARROW}{unit}{band(error)}")
        for words, value, unit, error in part.actions
    ]
    marks = [
        join(" " if i else "", tag("span", f"[{sources.index(source) + 1}]", title=source))
        for i, source in enumerate(part.sources)
    ]
    area = q.digits(part.area_mm2) + band(part.area_error) if part.area_mm2 else ""
    energy = q.prefixed(part.energy_pj * 1e-12, "J") if part.energy_pj else ""
    name = tag("span", part_word(part.name), style=f"padding-left:{1.1 * part.depth:g}em", cls="branch")
    return row(
        name,
        number(q.whole(part.instances) if part.instances else ""),
        tag("td", part.what, cls="why"),
        tag("td", actions, cls="act"),
        number(area),
        _bar(part.area_mm2 / most_area, "c-leak s0"),
        number(energy),
        _bar((part.energy_pj or 0) / most_pj, f"{hue} s0"),
        tag("td", tag("span", marks) if marks else None, cls="marks"),
        labels=PARTS,
    )


def _bar(share: float, cls: str) -> Html:
    piece = tag("i", cls=cls, style=f"width:{fraction(share)}") if share else None
    return tag("td", tag("div", piece, cls="bar", aria_hidden="true"), cls="b")


def band(error: float) -> str:
    """` ±18 %`; nothing where there is no error."""
    return f" ±{100 * error:.0f}{q.NARROW}%" if error else ""


def source_list(rows: Sequence[PartRow]) -> Html:
    """The sources of prices under their numbers."""
    return tag("ol", [tag("li", source) for source in sources_of(rows)], cls="sources")


# ----------------------------------------------------------------------------------------- mappings


def mapping_details(source: Source, classes: Mapping[str, str], prefix: str) -> list[Html]:
    """A part to unfold for each layer: how it is mapped and how far that is from the bound."""
    nests = Nests(prefix, classes)
    return [_details(layer, source, nests, f"{prefix}layer-") for layer in source.evaluation.layers]


def _details(layer: LayerRecord, source: Source, nests: Nests, prefix: str) -> Html:
    evaluation = source.evaluation
    facts = [f"{q.prefixed(layer.latency_s, 's')}, {q.prefixed(layer.energy_pj * 1e-12, 'J')}"]
    if layer.macs:
        facts.append(f"{q.prefixed(layer.macs, 'MAC')}")
    if layer.params:
        facts.append(f"{q.whole(layer.params)} parameters")
    facts.append(f"{q.prefixed(layer.dram_bytes, 'B')} off the chip and back")
    if layer.mapping is None:
        body = [tag("p", f"Nothing to map: done by {layer.unit or layer.bound_by} as the words pass.")]
    else:
        text = tag("pre", layer.mapping.rstrip())
        drawn = nests.draw(layer.name, source.nests[layer.name])
        body = [tag("p", _proof(layer)), tag("div", drawn, text, cls="nest")]
        ways = _ways(layer, evaluation)
        body += [ways] if ways else []
    return tag(
        "details",
        tag("summary", tag("b", layer.name), " ", tag("span", " · ".join(facts), cls="quiet")),
        body,
        id=f"{prefix}{layer.name}",
        cls="mapping",
    )


def _proof(layer: LayerRecord) -> str:
    """How sure it is that no mapping is better, and how far this one is from what none can be below."""
    among = f" of {q.prefixed(layer.mapspace, '').strip(q.NARROW)} mappings" if layer.mapspace else ""
    said = f"Proved to be the best{among}."
    if not layer.proved:
        most = layer.value / layer.lower_bound if layer.lower_bound else None
        within = f": at most {q.times(most)} the best{among}" if most else ""
        said = f"Not proved to be the best{within}."
    if layer.compulsory_bound:
        said += f" {q.times(layer.value / layer.compulsory_bound)} the compulsory bound."
    return said


def _ways(layer: LayerRecord, evaluation: Evaluation) -> Html | None:
    if len(layer.ways) < 2:
        return None
    rows = []
    for way in layer.ways:
        name = spoken(way.dataflow or "any")
        if way.cycles is None or way.energy_pj is None:
            rows.append(row(name, tag("td", f"cannot run it: {way.impossible}", colspan=2)))
            continue
        time = q.prefixed(way.cycles / evaluation.clock_hz, "s")
        rows.append(row(name, number(time), number(q.prefixed(way.energy_pj * 1e-12, "J"))))
    return table(heads("Dataflow", "Time>", "Energy>"), rows, f"Ways to run {layer.name}")


# ------------------------------------------------------------------------------------- where it is from


def provenance(source: Source) -> Html:
    """Input files with their hashes and settings, and the versions that computed the numbers."""
    rows = [
        row(
            file.name,
            tag("td", ", ".join(f"{name} = {value}" for name, value in file.settings)),
            tag("td", tag("code", file.sha256), cls="hash"),
        )
        for file in source.inputs
    ]
    files = table(heads("Input", "Set in it", "SHA-256"), rows, "Input files", cls="inputs")
    versions = ", ".join(f"{name} {version}" for name, version in source.versions)
    options = ", ".join(f"{name} {value}" for name, value in source.options)
    asked = f" Asked for: {options}." if options else ""
    return join(files, tag("p", f"Computed by {versions}.{asked}", cls="quiet"))
