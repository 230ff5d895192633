"""The accelerator as the rows of a tree: prices with their errors and sources, areas, energies spent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from dovetail.explorer.report.records import MAC, Evaluation, Json, Source


@dataclass(frozen=True, slots=True)
class PartRow:
    """A line of the accelerator's tree; energies of one action in words, areas of all instances."""

    depth: int
    name: str
    instances: int | None
    what: str
    actions: tuple[tuple[str, float, str, float], ...]
    """Action, value, unit, relative error."""
    area_mm2: float
    area_error: float
    energy_pj: float | None
    """What it takes in this evaluation; None for what has no energy of its own."""
    sources: tuple[str, ...]


def sources_of(rows: Iterable[PartRow]) -> tuple[str, ...]:
    """Every source of a price, once, in the order in which they are met."""
    return tuple(dict.fromkeys(source for row in rows for source in row.sources))


def accelerator_rows(source: Source) -> tuple[PartRow, ...]:
    """The accelerator as a tree, outermost first, then its vector units."""
    json = source.accelerator
    spent = _energy_by_part(source.evaluation)
    rows, depth = [], 0
    for level in json["levels"]:
        if level["kind"] == "array":
            axes = " × ".join(f"{size} {name}" for name, size in level["axes"].items())
            rows.append(_array_row(level, depth, axes, spent))
            depth += 1
            continue
        actions = [(name, level[name]) for name in ("read", "fill", "update")]
        rows.append(
            PartRow(
                depth,
                level["name"],
                level["instances"],
                _memory_words(level),
                _actions(actions, level["access_bits"]),
                level["area_mm2"]["value"] * level["instances"],
                level["area_mm2"]["error"],
                spent.get(level["name"], 0.0),
                _sources([figure for _, figure in actions] + [level["area_mm2"]]),
            )
        )
    mac = json["mac"]
    rates = ", ".join(
        f"{r['rate']:g}/cycle" + (f" at {r['at_most_bits']} bit" if r["at_most_bits"] else "")
        for r in mac["macs_per_cycle"]
    )
    lanes = f", {mac['lanes']} lanes" if mac["lanes"] > 1 else ""
    rows.append(
        PartRow(
            depth,
            MAC,
            mac["instances"],
            rates + lanes,
            _actions([("MAC", mac["energy_pj"])], None),
            mac["area_mm2"]["value"] * mac["instances"],
            mac["area_mm2"]["error"],
            spent.get(MAC, 0.0),
            _sources([mac["energy_pj"], mac["area_mm2"]]),
        )
    )
    for unit in json["units"]:
        what = f"{unit['lanes']} lanes at {unit['at']}: {', '.join(unit['does'])}"
        actions = [("element", unit["element_pj"])]
        own = spent.get(unit["name"], 0.0)
        rows.append(
            PartRow(
                0, unit["name"], None, what, _actions(actions, None), 0.0, 0.0, own, _sources([actions[0][1]])
            )
        )
    return tuple(rows)


def _array_row(level: Json, depth: int, axes: str, spent: dict[str, float]) -> PartRow:
    hops, figures = [], []
    for link in level["links"]:
        for key in ("hop_pj_per_bit", "hop_pj_per_word"):
            if link[key]["value"]:
                hops.append((f"{link['kind']} {link['tensor']}", link[key]))
                figures.append(link[key])
    links = [
        f"{kind} {', '.join(dict.fromkeys(link['tensor'] for link in own))}"
        for kind, own in _by_kind(level["links"])
    ]
    what = axes + (": " + "; ".join(links) if links else "")
    name = level["name"]
    energy = spent.get(f"{name} links")
    return PartRow(depth, name, None, what, _actions(hops, None), 0.0, 0.0, energy, _sources(figures))


def _by_kind(links: Sequence[Json]) -> list[tuple[str, list[Json]]]:
    ordered = sorted(links, key=lambda link: str(link["kind"]))
    return [(kind, list(own)) for kind, own in groupby(ordered, key=lambda link: str(link["kind"]))]


def _energy_by_part(evaluation: Evaluation) -> dict[str, float]:
    sums: dict[str, float] = {}
    for layer in evaluation.layers:
        for term in layer.energy:
            sums[term.part] = sums.get(term.part, 0.0) + term.pj
    return sums


def _actions(
    figures: Sequence[tuple[str, Json]], access_bits: int | None
) -> tuple[tuple[str, float, str, float], ...]:
    """Those that cost something; equal ones under one name."""
    merged: dict[tuple[float, str, float], list[str]] = {}
    for name, figure in figures:
        if figure["value"]:
            merged.setdefault((figure["value"], figure["unit"], figure["error"]), []).append(name)
    width = f" of {access_bits} bit" if access_bits else ""
    return tuple((", ".join(names), v, unit + width, error) for (v, unit, error), names in merged.items())


def _sources(figures: Sequence[Json]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f["source"] for f in figures if f["value"]))


def _memory_words(level: Json) -> str:
    bits = level["size_bits"]
    facts = []
    if bits is not None:
        facts.append(f"{bits / 8192:g} KiB" if bits >= 8192 else f"{bits / 8:g} B")
    if level["width_bits"]:
        facts.append(f"{level['width_bits']} bit wide")
    if level["read_bits_per_cycle"]:
        facts.append(f"{level['read_bits_per_cycle']:.4g} bit/cycle")
    if bits is not None:
        facts.append(str(level["buffering"]))
    return ", ".join(facts)
