"""The page of an evaluation: the answer, then where it comes from, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dovetail.explorer.report import quantities as q
from dovetail.explorer.report.data_accelerator import accelerator_rows
from dovetail.explorer.report.data_evaluation import (
    Facts,
    budget,
    dataflow_choices,
    energy_bars,
    facts,
    parts_in_order,
    roofline,
    time_bars,
    winners,
)
from dovetail.explorer.report.data_graph import graph
from dovetail.explorer.report.draw_graph import draw_graph
from dovetail.explorer.report.draw_layers import colours, energy_legend, layers_table, part_word, time_legend
from dovetail.explorer.report.draw_roofline import draw_roofline
from dovetail.explorer.report.draw_tables import (
    accelerator_table,
    band,
    budget_list,
    dataflow_table,
    mapping_details,
    provenance,
    source_list,
    spoken,
)
from dovetail.explorer.report.html import Child, Html, heads, number, row, table, tag
from dovetail.explorer.report.page import contents, figures, page, section
from dovetail.explorer.report.records import Evaluation, Json, Source

OBJECTIVES = {"edp": "energy-delay product", "energy": "energy", "latency": "latency"}

MAPPINGS: Final = (
    "A layer unfolds to its loop nest: a frame is a memory with the words of the tiles that it holds, and "
    "what is inside walks within them; round marks are loops in time, square ones in space. The text beside "
    "it parses."
)


def evaluation_page(sources: Sequence[Source]) -> str:
    """One evaluation as a page; several as a table and a part for each."""
    if len(sources) == 1:
        source = sources[0]
        entries, parts = article(source, "")
        title = f"{source.evaluation.network} on {source.evaluation.accelerator}"
        return page(
            title, header("Evaluation", source), answer(source), contents(entries), tag("main", parts)
        )
    title = "Evaluations: " + ", ".join(dict.fromkeys(s.evaluation.network for s in sources))
    designs = [folded(source, f"e{i + 1}-", opened=False) for i, source in enumerate(sources)]
    first = sources[0].evaluation
    head = tag(
        "header",
        tag("p", "Dovetail · evaluations", cls="kicker"),
        tag(
            "h1",
            _count([s.evaluation.network for s in sources], "network")
            + " on "
            + _count([s.evaluation.accelerator for s in sources], "accelerator"),
        ),
        tag("p", f"Batch {first.batch}, mapped for the least {OBJECTIVES[first.objective]}.", cls="under"),
        tag("p", [_winner(n, ordered) for n, ordered in winners(sources).items()], cls="answer"),
    )
    return page(
        title,
        head,
        tag(
            "main",
            section("matrix", "All of them", _matrix(sources)),
            section("each", "Each of them", designs),
        ),
    )


def _winner(network: str, ordered: Sequence[Evaluation]) -> list[Child]:
    """Which accelerator is best for a network, and by how much."""
    best = ordered[0]
    time, energy = q.prefixed(best.latency_s, "s"), q.prefixed(best.energy_pj * 1e-12, "J")
    said: list[Child] = [f"{network} takes ", tag("strong", time), " and ", tag("strong", energy)]
    if len(ordered) == 1:
        return [*said, f" on {best.accelerator}. "]
    others = ", ".join(f"on {e.accelerator} {q.times(e.value / best.value)}" for e in ordered[1:4])
    more = f", and {len(ordered) - 4} more are behind" if len(ordered) > 4 else ""
    said += [" on ", tag("b", best.accelerator), f", the best of {len(ordered)}; "]
    return [*said, f"the {OBJECTIVES[best.objective]} is {others} as much{more}. "]


def _count(names: Sequence[str], noun: str) -> str:
    """The name where it is one, `3 networks` where there are several."""
    different = list(dict.fromkeys(names))
    return different[0] if len(different) == 1 else f"{len(different)} {noun}s"


def _matrix(sources: Sequence[Source]) -> Html:
    names = ("Network", "Accelerator", "Latency>", "Energy>", "EDP>", "Power>", "Busy>", "DRAM>", "Area mm²>")
    best = {network: ordered[0].value for network, ordered in winners(sources).items()}
    rows = []
    for i, source in enumerate(sources):
        e = source.evaluation
        rows.append(
            row(
                tag("a", e.network, href=f"#e{i + 1}-design"),
                tag("td", e.accelerator),
                number(q.prefixed(e.latency_s, "s")),
                number(q.prefixed(e.energy_pj * 1e-12, "J")),
                number(q.prefixed(e.energy_pj * 1e-12 * e.latency_s, "J·s")),
                number(q.prefixed(e.average_power_w, "W")),
                number(q.percent(e.utilization)),
                number(q.prefixed(e.dram_bytes, "B")),
                number(q.digits(e.area_mm2)),
                labels=("", "", *names[2:]),
                cls="best" if e.value == best[e.network] else None,
            )
        )
    return table(heads(*names), rows, "Networks on accelerators", cls="stack inline")


def folded(
    source: Source, prefix: str, *, opened: bool, title: Child = None, intro: Child = None, short: str = ""
) -> Html:
    """A design in full, to unfold; `short` says what it takes, unless the evaluation does."""
    e = source.evaluation
    name = title or f"{e.network} on {e.accelerator}"
    time, energy = q.prefixed(e.latency_s, "s"), q.prefixed(e.energy_pj * 1e-12, "J")
    short = short or f"{time} · {energy} · {q.digits(e.area_mm2)}{q.NARROW}mm²"
    _, parts = article(source, prefix, level=3)
    return tag(
        "details",
        tag("summary", tag("b", name), " ", tag("span", short, cls="quiet")),
        intro,
        answer(source),
        parts,
        id=f"{prefix}design",
        cls="design",
        open=opened,
    )


def header(kind: str, source: Source) -> Html:
    """Whose page it is."""
    e = source.evaluation
    return tag(
        "header",
        tag("p", f"Dovetail · {kind.lower()}", cls="kicker"),
        tag("h1", e.network, tag("span", " on ", cls="on"), e.accelerator),
        tag("p", " · ".join(accelerator_words(e, source.accelerator)), cls="under"),
    )


def accelerator_words(evaluation: Evaluation, accelerator: Json) -> list[str]:
    """`32 × 32`, `500 MHz`, `16 bit`, `45 nm`, `batch 1`."""
    arrays = [level for level in accelerator["levels"] if level["kind"] == "array"]
    words = (
        [" of ".join(" × ".join(str(size) for size in a["axes"].values()) for a in arrays)] if arrays else []
    )
    words.append(f"{evaluation.clock_hz / 1e6:g}{q.NARROW}MHz")
    bits = accelerator["precision_bits"]
    widths = {name: bits[name] for name in ("weights", "inputs", "outputs")}
    if len(set(widths.values())) == 1:
        words.append(f"{bits['weights']}{q.NARROW}bit")
    else:
        words.append(", ".join(f"{name} {width}{q.NARROW}bit" for name, width in widths.items()))
    words.append(f"{accelerator['technology_nm']:g}{q.NARROW}nm")
    words.append(f"batch {evaluation.batch}")
    return [*words, f"least {OBJECTIVES[evaluation.objective]}"]


def answer(source: Source) -> Html:
    """The paragraph that answers, and its numbers."""
    e = source.evaluation
    order = parts_in_order(e, source.accelerator)
    found = facts(e, order)
    what = "An inference" if e.batch == 1 else f"A batch of {e.batch}"
    strong = [
        tag("strong", q.prefixed(e.latency_s, "s")),
        tag("strong", q.prefixed(e.energy_pj * 1e-12, "J")),
    ]
    said: list[Child] = [
        f"{what} takes ",
        strong[0],
        " and ",
        strong[1],
        f". {_time(found)} {_energy(found)}",
    ]
    slow = found.slowest
    said.append(" The slowest layer, ")
    said.append(tag("b", slow.name))
    said.append(
        f", takes {q.percent(found.slowest_share)} of the time; what holds it back: {slow.held_back_by}."
    )
    if len(found.gains) > 1:
        gains = " and ".join(f"{q.times(ratio)} over {spoken(flow)} alone" for flow, ratio in found.gains)
        said.append(f" Choosing the dataflow layer by layer gains {gains} in {OBJECTIVES[e.objective]}.")
    items = [
        ("Latency", q.prefixed(e.latency_s, "s"), f"{q.whole(e.cycles)} cycles"),
        ("Energy", q.prefixed(e.energy_pj * 1e-12, "J"), band(e.energy_error).strip()),
        ("Power", q.prefixed(e.average_power_w, "W"), "average"),
        ("MACs busy", q.percent(e.utilization), "of the whole time"),
        (
            "Off-chip traffic",
            q.prefixed(e.dram_bytes, "B"),
            f"{q.digits(e.macs / e.dram_bytes)} MAC/B" if e.dram_bytes else "",
        ),
        ("Area", f"{q.digits(e.area_mm2)}{q.NARROW}mm²", band(e.area_error).strip()),
    ]
    if found.over_bound:
        items.append(
            ("Over the bound", q.times(found.over_bound), f"{found.proved} of {len(e.layers)} layers proved")
        )
    return tag("section", tag("p", *said, cls="answer"), figures(items), cls="opening")


def _time(found: Facts) -> str:
    name, share = found.time_part
    words = "computing" if name == "mac" else f"waiting for {part_word(name)}"
    return f"{q.percent(share)} of the time goes into {words},"


def _energy(found: Facts) -> str:
    name, share = found.energy_part
    words = "the MACs" if name == "mac" else part_word(name)
    return f"{q.percent(share)} of the energy into {words}."


def article(source: Source, prefix: str, level: int = 2) -> tuple[list[tuple[str, str]], list[Html]]:
    """The parts of an evaluation, with their names and titles; `prefix` keeps several of them apart."""
    e = source.evaluation
    layer = f"{prefix}layer-"
    order = parts_in_order(e, source.accelerator)
    classes = colours(order, source.accelerator)
    time, energy = time_bars(e, order), energy_bars(e, order)
    choices = dataflow_choices(e)
    rows = accelerator_rows(source)
    edge = budget(e)
    parts: list[tuple[str, str, Child, Child]] = [
        (
            "layers",
            "Layers",
            "Every layer in the order in which it runs. Colours are the parts of the accelerator, here and "
            "in the two tables below.",
            [_order_buttons(), layers_table(e, time, energy, classes, layer), _free(e)],
        ),
        (
            "where",
            "Where time and energy go",
            None,
            tag("div", time_legend(e, time, classes), energy_legend(e, energy, classes), cls="pair"),
        ),
        (
            "roofline",
            "Roofline",
            "Below the slope a layer waits for the outermost memory, below the level part for the MACs. The "
            "area of a point is the layer's share of the time, its colour what it is bound by.",
            draw_roofline(roofline(e, source.accelerator), classes),
        ),
    ]
    if choices:
        parts.append(
            (
                "dataflows",
                "Dataflow of each layer",
                f"What the other dataflows would have cost, as a multiple of the {OBJECTIVES[e.objective]} "
                "of the one that was taken.",
                dataflow_table(choices, "EDP" if e.objective == "edp" else e.objective),
            )
        )
    if edge is not None:
        lead = "The accelerator and its outermost memory alone; a device has more to feed."
        parts.append(("edge", "At the edge", lead, budget_list(edge)))
    parts.append(
        (
            "network",
            "The network",
            "Layers that cost something; what is applied on the way is left out.",
            draw_graph(graph(e, source.network), e, layer),
        )
    )
    parts.append(
        ("accelerator", "The accelerator", None, [accelerator_table(rows, classes), source_list(rows)])
    )
    parts.append(("mappings", "Mappings", MAPPINGS, mapping_details(source, classes, prefix)))
    parts.append(("from", "Assumptions and sources", None, [assumptions(source), provenance(source)]))
    entries = [(prefix + name, title) for name, title, _, _ in parts]
    made = [section(prefix + name, title, body, lead=lead, level=level) for name, title, lead, body in parts]
    return entries, made


def _order_buttons() -> Html:
    """Shown by the script, which does the sorting."""
    buttons = [
        tag("button", words, type="button", data_sort=key, aria_pressed="true" if key == "order" else "false")
        for key, words in (("order", "in order"), ("time", "slowest first"), ("energy", "most energy first"))
    ]
    return tag("p", "Sort: ", buttons, cls="sort", hidden=True)


def _free(evaluation: Evaluation) -> Html | None:
    if not evaluation.free:
        return None
    rows = [row(name, tag("td", op), tag("td", because)) for name, op, because in evaluation.free]
    return tag(
        "details",
        tag("summary", f"{len(evaluation.free)} operations that cost nothing of their own"),
        table(heads("Operation", "", "Because"), rows, "Operations that are free"),
    )


def assumptions(source: Source) -> Html:
    """What the numbers take for granted."""
    e, accelerator = source.evaluation, source.accelerator
    overlap = "overlap with computing" if accelerator["overlap_transfers"] else "add to the time of computing"
    points = [
        "Layers run one after the other, each on the whole chip; time and energy of the network are sums.",
        f"Transfers of the outermost memory {overlap}, as the accelerator's text says.",
        f"Energy carries an error of {band(e.energy_error).strip() or 'none'}: every price wrong by its own "
        "error, all in one direction. Prices given in the text have none.",
        "The bound counts each MAC once at the full rate and each word over the edge of the chip once; no "
        "mapping can do with less.",
    ]
    published = [
        f"{name} = {figure['value']:g} ({figure['source']})"
        for side in (source.network, accelerator)
        for name, figure in side["metrics"].items()
    ]
    if published:
        points.append("Published, not computed: " + "; ".join(published) + ".")
    points.extend(e.warnings)
    return tag("ul", [tag("li", point) for point in points])
