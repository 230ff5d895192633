"""What makes another tool's numbers differ: each reason with the counts, cycles or energy that it explains.

A difference of definition is only given as a reason where it is one: counts are counted again by the other
tool's rule, and cycles and energy that are ours alone are read off our own terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from dovetail.accel.architecture import Architecture
from dovetail.comparison import Key, Numbers, Reason, Words, same
from dovetail.costmodel import analytic
from dovetail.costmodel.evaluate import Cost
from dovetail.costmodel.layer_cost import LayerCost
from dovetail.costmodel.timeloop.regular import is_perfect

DRAINS = "a result that leaves a memory is a read of it there; here only with `drain_reads`"
AVERAGES = "tiles that do not divide are averaged there; here each is as large as it is"
NO_REASON = "no difference of definition that we know explains"
WORDS_OF_TERMS = {
    "fold": "fill and drain of folds",
    "load": "loads of single buffers",
    "first_load": "the first load",
    "last_store": "the last store",
    "tile_steps": "tile steps that wait",
    "transfer": "transfers that wait",
    "latency": "latency",
}


def with_drains(architecture: Architecture) -> Architecture:
    """The same with a read for each result that leaves a memory, but the outermost, which it never leaves."""
    top = architecture.memories[0].name
    levels = tuple(
        replace(level, drain_reads=True) if level in architecture.memories and level.name != top else level
        for level in architecture.levels
    )
    return replace(architecture, levels=levels)


def recounted(layer: LayerCost, architecture: Architecture) -> dict[Key, int]:
    """Reads of the layer's mapping by memory and operand on another architecture, by our model."""
    assert layer.problem is not None and layer.chosen is not None
    counts = analytic.count(layer.problem, architecture, layer.chosen.mapping)
    return {(holder.memory, holder.operand, "reads"): holder.reads for holder in counts.holders}


def drained(
    differing: Sequence[Key], theirs: Words, layer: LayerCost, architecture: Architecture
) -> set[Key]:
    """The counts that are those of the other tool once leaving results are read."""
    again = recounted(layer, with_drains(architecture))
    return {key for key in differing if key in again and same(again[key], theirs[key])}


def imperfect(layer: LayerCost) -> bool:
    """Whether a loop of the layer's mapping has a last pass that is shorter."""
    assert layer.problem is not None and layer.chosen is not None
    return not is_perfect(layer.problem, layer.chosen.mapping)


def unhidden(cost: Cost, theirs: Numbers) -> list[Reason]:
    """Cycles of ours that a tool in which everything overlaps does not have."""
    if near(cost.cycles, theirs.cycles):
        return []
    found = []
    terms = sorted((t for t in cost.latency.terms if t.kind != "throughput"), key=lambda t: t.kind)
    for kind, group in groupby(terms, key=lambda t: t.kind):
        cycles = sum(int(term.cycles) for term in group)
        if cycles:
            text = f"cycles of {WORDS_OF_TERMS.get(kind, kind)} are ours alone: there everything overlaps"
            found.append(Reason(text, cycles=cycles))
    return found


def near(ours: float, theirs: float) -> bool:
    """Whether cycles are the same; the other tool may print a fraction of one."""
    return abs(ours - theirs) < 1 or same(ours, theirs)


def overlapped(cost: Cost) -> float:
    """Cycles if everything overlapped: the compute steps, or the busiest port."""
    return float(max(cost.latency.compute_cycles, *(busy for _, busy in cost.latency.ports), 0))


def links(cost: Cost) -> list[Reason]:
    """Energy of words that move over the links of arrays."""
    pj = sum(cost.energy.links_pj.values())
    return [Reason("links between PEs cost energy here, none there", energy_pj=pj)] if pj else []


def unexplained(differing: Iterable[Key], found: Iterable[Reason]) -> list[Reason]:
    """A word for counts that no reason was found for."""
    known = {key for reason in found for key in reason.counts}
    rest = tuple(key for key in differing if key not in known)
    return [Reason(NO_REASON, rest)] if rest else []
