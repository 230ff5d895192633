"""A layer of an evaluation, ready for Timeloop: its case, the mapping it says, and what our model makes of
that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from dovetail.accel.architecture import Architecture
from dovetail.accel.legality import violations
from dovetail.accel.mapping import Mapping
from dovetail.costmodel import analytic
from dovetail.costmodel.components import Prices
from dovetail.costmodel.evaluate import Cost, evaluate_mapping
from dovetail.costmodel.layer_cost import LayerCost
from dovetail.costmodel.price_table import energy_table
from dovetail.costmodel.timeloop.case import Case, Inexpressible
from dovetail.costmodel.timeloop.lowering import lower
from dovetail.costmodel.timeloop.mapspace import Open, open_case
from dovetail.costmodel.timeloop.regular import regular
from dovetail.costmodel.timeloop.reorder import temporal_first
from dovetail.costmodel.timeloop.view import differing, totals
from dovetail.dsl.problem import Problem

BY_ITS_RULES: Final = "by its rules other numbers of words move"


@dataclass(frozen=True, slots=True)
class Prepared:
    """`case` says `mapping`, which is the layer's own or, where Timeloop has no form for that, the
    nearest.
    """

    layer: LayerCost
    case: Case
    mapping: Mapping
    own: bool
    """Whether it is the mapping that the evaluation chose."""
    cost: Cost
    """Of `mapping`, by our model."""
    notes: tuple[str, ...]
    """Differences of definition that make numbers differ, in words."""


def prepare(
    layer: LayerCost,
    architecture: Architecture,
    prices: Prices,
    *,
    perfect: bool = False,
    neighbours: bool = True,
) -> Prepared:
    """The layer with its mapping, or with the nearest that Timeloop can say (of `perfect` factors only).

    Where operands shift from PE to PE and `neighbours` is set, Timeloop may hand them on by its own rule,
    which is another than ours; otherwise each PE is served from outside, and its counts are known.

    Raises Inexpressible where even the nearest mapping has no form, ValueError for a layer without
    MACs.
    """
    if layer.problem is None or layer.chosen is None:
        raise ValueError(f"`{layer.name}` has no loops")
    problem, chosen = layer.problem, layer.chosen
    table = energy_table(prices, problem.bits)
    mapping = regular(problem, architecture, chosen.mapping, perfect=perfect)
    own = mapping is chosen.mapping
    cost = chosen.cost
    if not own:
        cost = evaluate_mapping(problem, architecture, mapping, table, chosen.dataflow)
    mapping = _simplest(problem, architecture, mapping, cost)
    skips = chosen.dataflow in architecture.mac.skip_zero_weights_in
    skipped = problem.weight_zeros if skips else 0.0
    case = lower(layer.name, problem, architecture, mapping, table, skipped)
    moved = differing(case, cost.counts)
    shifting = sorted({o for level in case.levels for o in level.neighbours if o in {m[1] for m in moved}})
    case = _without_neighbours(case, set(shifting) if neighbours else set())
    notes = [*case.notes, *_definitions(architecture, cost, skipped)]
    there = (
        "a PE may take what one beside it had a step before" if neighbours else "each PE is served for itself"
    )
    notes += [f"{operand} shift from PE to PE here; there {there}" for operand in shifting]
    if moved:
        names = ", ".join(f"{operand} at {memory}" for memory, operand in moved)
        notes.append(f"{BY_ITS_RULES}: {names}")
    if not own:
        notes.insert(
            0, "its mapping has no form there (or not with perfect factors): the nearest one is taken instead"
        )
    return Prepared(layer, case, mapping, own, cost, tuple(notes))


def left_open(
    prepared: Prepared, architecture: Architecture, prices: Prices, dataflow: str | None = None
) -> Open:
    """The same layer for Timeloop's mapper, under `dataflow` (that of its mapping unless named).

    Raises Inexpressible where the dataflow does not fit the layer.
    """
    layer = prepared.layer
    assert layer.problem is not None
    name = dataflow or layer.dataflow
    flow = next((flow for flow in architecture.dataflows if flow.name == name), None)
    table = energy_table(prices, layer.problem.bits)
    try:
        return open_case(layer.name, layer.problem, architecture, table, flow, prepared.case)
    except ValueError as reason:
        raise Inexpressible(str(reason)) from reason


def _simplest(problem: Problem, architecture: Architecture, mapping: Mapping, cost: Cost) -> Mapping:
    """The mapping with temporal loops outside spatial ones, where it is legal and nothing that is counted
    changes.
    """
    other = temporal_first(problem, mapping)
    if violations(problem, architecture, other):
        return mapping
    counts = analytic.count(problem, architecture, other)
    same = totals(counts) == totals(cost.counts)
    return other if same and (counts.steps, counts.pes) == (cost.counts.steps, cost.counts.pes) else mapping


def _without_neighbours(case: Case, needed: set[str]) -> Case:
    """The case with transfers between neighbours only for operands whose counts are not ours without them."""
    levels = tuple(
        replace(level, neighbours=tuple(o for o in level.neighbours if o in needed)) for level in case.levels
    )
    return replace(case, levels=levels)


def _definitions(architecture: Architecture, cost: Cost, skipped: float) -> list[str]:
    """What our model charges for this run and Timeloop does not know."""
    notes = []
    hidden = sorted({term.kind.replace("_", " ") for term in cost.latency.terms} - {"throughput"})
    if hidden:
        notes.append(f"cycles of {', '.join(hidden)} are ours alone: there everything overlaps")
    if any(hop.words for hop in cost.counts.hops) and any(cost.energy.links_pj.values()):
        notes.append("links cost energy here, networks there cost none")
    rates = {rate.per_cycle for rate in architecture.mac.rates}
    if rates != {1}:
        notes.append("a MAC there does one operation a cycle, whatever its rate here")
    if skipped:
        notes.append("zero weights are skipped here; there they cost their cycles")
    return notes
