"""The page of a run: what was found, against what baseline, why, and the best designs in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dovetail.explorer.report import quantities as q
from dovetail.explorer.report.data_edge import edge_rows
from dovetail.explorer.report.data_run import (
    Effect,
    Goal,
    Run,
    best,
    differs,
    effects,
    knee,
    pairs,
    varying,
)
from dovetail.explorer.report.draw_front import draw_front
from dovetail.explorer.report.draw_parallel import MOST_AXES, axes_shown, draw_parallel, lines_shown
from dovetail.explorer.report.draw_tables import edge_table
from dovetail.explorer.report.evaluation_page import OBJECTIVES, folded
from dovetail.explorer.report.html import Child, Html, heads, join, number, row, table, tag
from dovetail.explorer.report.page import contents, page, section
from dovetail.explorer.report.records import Source
from dovetail.explorer.report.run_answer import answer, header
from dovetail.explorer.report.run_words import breakable, word
from dovetail.explorer.report.scale import fraction
from dovetail.explorer.report.script_data import script_data

MOST_ROWS: Final = 200
"""Designs of the front that have a line in the table."""
MOST_COLUMNS: Final = 10
MOST_EFFECTS: Final = 15
MOST_BYTES: Final = 9_000_000
"""Of the whole page: designs are shown in full as long as they fit into it."""
FEWEST_BYTES: Final = 3_000_000
"""What they may take however large the rest is."""


def run_page(run: Run, details: Mapping[int, Source]) -> str:
    """The whole report; `details` are designs of the front in full, by point."""
    entries = [
        ("front", "The front"),
        ("parallel", "Across all choices"),
        ("effects", "Which choices matter"),
        ("edge", "At the edge"),
        ("designs", "Designs of the front"),
        ("full", "In full"),
        ("from", "Assumptions and sources"),
    ]
    body: list[Html]
    full: dict[int, Html] = {}
    if run.front:
        words = {metric: word(metric) for metric in run.metrics}
        body = [_front(run, words)]
        if axes_shown(run):
            body.append(_parallel(run, words))
        else:
            entries.remove(("parallel", "Across all choices"))
        body.append(_effects(run))
        edge = edge_rows(run)
        if edge:
            lead = "The accelerator and its outermost memory alone; a device has more to feed."
            body.append(section("edge", "At the edge", edge_table(edge), lead=lead))
        else:
            entries.remove(("edge", "At the edge"))
        rest = join(*body, _designs(run, {}), str(script_data(run, ())))
        full = _in_full(run, details, max(FEWEST_BYTES, MOST_BYTES - len(rest.encode())))
        body.append(_designs(run, full))
        if full:
            body.append(section("full", "In full", list(full.values()), lead=_how_many(run, details, full)))
        else:
            entries.remove(("full", "In full"))
    else:
        entries = entries[-1:]
        body = []
    body.append(_sources(run))
    data = script_data(run, full) if run.front else None
    return page(
        run.name,
        header(run),
        answer(run),
        contents(entries),
        tag("main", body),
        data=data,
    )


def _front(run: Run, words: Mapping[str, str]) -> Html:
    drawn = [draw_front(run, x, y, words) for x, y in pairs(run.goals, run.metrics)]
    lead = "A point is a design: in colour on the front, the others grey. Choose one to see what it is."
    if run.conditions:
        lead += " Designs that fail a condition are never on the front."
    if not drawn:
        lead = "There is one metric alone: the table has its values."
    grid = tag("div", drawn, cls="fronts" if len(drawn) > 1 else None)
    pick = tag("div", cls="pick", id="pick", aria_live="polite", hidden=True)
    return section("front", "The front", grid, pick, lead=lead)


def _parallel(run: Run, words: Mapping[str, str]) -> Html:
    shown = len(lines_shown(run))
    drawn = "Each line is a design: the front in colour, some of the others grey. "
    if shown < len(run.front):
        drawn = (
            f"Each line is a design: {q.whole(shown)} along the front in colour, some of the others grey. "
        )
    lead = drawn + "Press an option to keep the lines that take it."
    if len(run.axes) > MOST_AXES:
        lead += f" Of {len(run.axes)} choices the {MOST_AXES} that matter most have an axis."
    return section("parallel", "Across all choices", draw_parallel(run, words), lead=lead)


def _effects(run: Run) -> Html:
    found = effects(run)
    if not found:
        same = (
            "All designs that were kept make the same choices."
            if run.axes
            else "There was nothing to choose."
        )
        return section("effects", "Which choices matter", tag("p", same))
    names = ("Choice", *(word(goal.metric).capitalize() for goal in run.goals))
    rows = [
        row(
            breakable(e.choice),
            *(
                _effect(effect, run.units.get(g.metric, ""), g)
                for effect, g in zip(e.effects, run.goals, strict=True)
            ),
            labels=names,
        )
        for e in found[:MOST_EFFECTS]
    ]
    lead = (
        "How much of the variation of each objective a choice explains by itself (η² over all designs that "
        f"were {'kept: the front' if run.winners_alone else 'evaluated'}), with the options that are best "
        "and worst on average."
    )
    more = len(found) - MOST_EFFECTS
    rest = tag("p", f"{more} more choices explain less.", cls="quiet") if more > 0 else None
    return section(
        "effects",
        "Which choices matter",
        table(heads(*names), rows, "Effects of choices", cls="effects stack"),
        rest,
        lead=lead,
    )


def _effect(effect: Effect, unit: str, goal: Goal) -> Html:
    first, last = effect.means[0], effect.means[-1]
    piece = tag("i", cls="c-mac s0", style=f"width:{fraction(effect.share)}")
    share = tag(
        "div",
        tag("span", q.percent(effect.share)),
        tag("div", piece, cls="bar", aria_hidden="true"),
        cls="ratio",
    )
    words = f"{first[0]}: {q.metric(first[1], unit)} · {last[0]}: {q.metric(last[1], unit)}"
    return tag("td", share, tag("small", words))


def _designs(run: Run, full: Mapping[int, Html]) -> Html:
    count = len(run.front)
    shown = run.front
    if count > MOST_ROWS:
        kept = {run.front[i * (count - 1) // (MOST_ROWS - 1)] for i in range(MOST_ROWS)}
        kept |= {knee(run), *(best(run, goal) for goal in run.goals), *full}
        shown = tuple(point for point in run.front if point in kept)
    differing = varying(run)[:MOST_COLUMNS]
    order = {point: i for i, point in enumerate(run.front)}
    names = (
        "Design",
        *(f"{word(g.metric).capitalize()}>" for g in run.goals),
        *(run.axes[i].name for i in differing),
    )
    rows = []
    for point in shown:
        own = run.choices(point)
        name = run.names[point]
        cells = [
            number(q.metric(float(run.column(g.metric)[point]), run.units.get(g.metric, "")))
            for g in run.goals
        ]
        cells += [tag("td", own.get(run.axes[i].name, "–")) for i in differing]
        anchor = tag(
            "a", name, href=f"#d{name}-design" if point in full else f"#design-{name}", data_pick=order[point]
        )
        rows.append(row(anchor, *cells, labels=names, id=f"design-{name}"))
    lead = f"{q.whole(len(shown))} of {q.whole(count)}, evenly along it." if count > MOST_ROWS else None
    return section(
        "designs",
        "Designs of the front",
        table(heads(*names), rows, "Designs of the front", cls="designs stack inline"),
        lead=lead,
    )


def _how_many(run: Run, details: Mapping[int, Source], full: Mapping[int, Html]) -> str:
    shown, front = q.whole(len(full)), q.whole(len(run.front))
    which = "Every design" if len(full) == len(run.front) else f"{shown} of {front} designs"
    why = ", as many as the page has room for" if len(full) < len(details) else ""
    return f"{which} of the front, evaluated again layer by layer{why}."


def _in_full(run: Run, details: Mapping[int, Source], most: int) -> dict[int, Html]:
    """As many designs as fit, those first that the first paragraph speaks of; in the order of the front."""
    if not run.front:
        return {}
    wanted = dict.fromkeys([*(best(run, goal) for goal in run.goals), knee(run), *run.front])
    made: dict[int, Html] = {}
    size = 0
    for point in wanted:
        if point not in details:
            continue
        made[point] = _design(run, point, details[point])
        size += len(made[point].encode())
        if size > most:
            del made[point]
            break
    return {point: made[point] for point in run.front if point in made}


def _design(run: Run, point: int, source: Source) -> Html:
    """A design to unfold, told from others by what it takes and by its choices."""
    own, e = run.choices(point), source.evaluation
    choices = [tag("div", tag("dt", n), tag("dd", option)) for n, option in own.items()]
    intro = [tag("dl", choices, cls="facts choices")]
    took = [
        q.metric(float(run.column(name)[point]), run.units.get(name, ""))
        for name in ("latency", "energy", "area")
        if name in run.metrics
    ]
    if differs(run, point, e.latency_s, e.energy_pj):
        note = (
            f"In the run this design takes {' and '.join(took[:2])}: some of its layers are mapped for less "
            f"time, others for less energy. Here each has its mapping of least {OBJECTIVES[e.objective]}."
        )
        intro.append(tag("p", note, cls="note-mixed"))
    differing = [run.axes[i].name for i in varying(run) if run.axes[i].name in own]
    short = " · ".join([*took, *filter(None, [", ".join(f"{n} {own[n]}" for n in differing[:4])])])
    name = run.names[point]
    return folded(source, f"d{name}-", opened=False, title=f"Design {name}", intro=intro, short=short)


def _sources(run: Run) -> Html:
    points: list[Child] = [f"{run.claim[:1].upper()}{run.claim[1:].rstrip('.')}."]
    if not run.finished:
        points.append(
            "The exploration was stopped before its end: the front is of what was evaluated so far."
        )
    points.append(
        "The knee is the design of the front that is nearest to the best of all objectives at once."
    )
    if run.refused:
        points.append(f"{q.whole(run.refused)} designs cannot run and are left out.")
    points.append(
        "Energies and areas carry the errors of their prices; each design in full names their sources."
    )
    rows = [row(file.name, tag("td", tag("code", file.sha256), cls="hash")) for file in run.inputs]
    files = table(heads("Input", "SHA-256"), rows, "Input files", cls="inputs")
    versions = ", ".join(f"{name} {version}" for name, version in run.versions)
    listed = tag("ul", [tag("li", point) for point in points])
    return section(
        "from", "Assumptions and sources", listed, files, tag("p", f"Computed by {versions}.", cls="quiet")
    )
