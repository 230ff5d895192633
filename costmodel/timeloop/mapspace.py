"""The mapping left open: an architecture's own levels, and what a dataflow of its text leaves to a mapper.

    open = open_case("conv1", problem, architecture, table, dataflow, prepared.case)

A level is a memory of the text, whatever the chosen mapping holds in it. What it always holds it keeps, what
it never holds goes past it, the rest is the mapper's to choose. The rules of a dataflow become constraints:

    PE.row in [C, R], PE.col = K    spatial: K before the split, C and R behind it, the rest 1
    stationary weights at Register  temporal, from Register inward: G K C R S are 1
    Inputs for [K, S]               temporal, from Inputs inward: all but K and S are 1
    order in GLB = K, C, S          temporal: S, C, K innermost first
    PE.row = flat(C, R, S)          the problem is the matrix product

What has no form there leaves its mapper more to choose than ours has, and a note says so: our mappings whose
factors divide are among its own.
"""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from dovetail.accel.architecture import (
    Architecture,
    Dataflow,
    LoopOrder,
    LoopsInside,
    Memory,
    SpatialRule,
    Stationary,
)
from dovetail.accel.legality import can_hold, must_hold
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.mapper.rules import AxisRule, Rules
from dovetail.costmodel.timeloop.case import Case, Compute, Factor, Level
from dovetail.costmodel.timeloop.levels import level_of, names_of, unused_name
from dovetail.costmodel.timeloop.mesh import Fanout, fanout_of, side_of
from dovetail.costmodel.timeloop.sections import Section, Way, ways
from dovetail.costmodel.timeloop.sharing import links_between
from dovetail.dsl.problem import OPERANDS, RELEVANT, Problem


@dataclass(frozen=True, slots=True)
class Freedom:
    """What a mapper may choose at one level; dimensions are ours."""

    keep: tuple[str, ...]
    """Operands that are always kept."""
    bypass: tuple[str, ...]
    """Operands that always go past; those in neither list are the mapper's to choose."""
    still: tuple[str, ...] = ()
    """Dimensions without a temporal loop."""
    innermost: tuple[str, ...] = ()
    """Dimensions of the innermost temporal loops, innermost first."""
    alone: tuple[str, ...] = ()
    """Dimensions that are not spread over the next level."""
    along_x: tuple[str, ...] = ()
    along_y: tuple[str, ...] = ()
    """Dimensions that are spread along one side only; both empty where each may go either way."""


@dataclass(frozen=True, slots=True)
class Open:
    """A problem for `timeloop-mapper`: `case` has all loops at the outermost level; a `Freedom` a level."""

    case: Case
    freedoms: tuple[Freedom, ...]
    dataflow: str | None
    notes: tuple[str, ...]


def open_case(
    name: str,
    problem: Problem,
    architecture: Architecture,
    table: EnergyTable,
    dataflow: Dataflow | None,
    chosen: Case,
) -> Open:
    """The layer with its mapping left open under `dataflow` (None leaves everything open).

    `chosen` is the case of the mapping that ours chose: word widths are the same, and a dimension that may be
    spread along two axes, which has no form there, is spread along the side that it takes in it.
    """
    rules = Rules.of(problem, dataflow)
    widths = {level.memory: level.word_bits for level in chosen.levels if level.memory is not None}
    sections = _sections(architecture)
    inner = [section.outside for section in sections[1:]] + [ways(architecture, None)]
    fanouts = [
        fanout_of(architecture, inside - section.outside, ())
        for section, inside in zip(sections, inner, strict=True)
    ]
    names = names_of(sections)
    levels: list[Level] = []
    freedoms: list[Freedom] = []
    notes: list[str] = []
    mesh = (1, 1)
    for at, (section, fanout) in enumerate(zip(sections, fanouts, strict=True)):
        bits = widths.get(section.memory or "") or _bits(problem, section)
        level = level_of(names[at], section, architecture, table, bits, rules.problem, outermost=at == 0)
        sharing = links_between(architecture, inner[at] - section.outside)
        fans = fanout.x * fanout.y > 1
        levels.append(
            replace(
                level,
                mesh=mesh,
                temporal=_everything(rules.problem) if at == 0 else (),
                no_sharing=sharing.alone if fans else (),
                neighbours=sharing.neighbours if fans else (),
            )
        )
        notes += sharing.notes
        here, said = _freedom(architecture, rules, sections, at, inner[at], _spread_in(chosen, names[at]))
        freedoms.append(here)
        notes += said
        mesh = (mesh[0] * fanout.x, mesh[1] * fanout.y)
    bits = max(problem.bits.weights, problem.bits.inputs)
    compute = Compute(unused_name("MAC", names), bits, mesh, chosen.compute.energy_pj)
    notes += _not_said(architecture, dataflow, fanouts)
    case = Case(name, rules.problem, tuple(levels), compute, ())
    label = dataflow.name if dataflow is not None else None
    return Open(case, tuple(freedoms), label, tuple(dict.fromkeys(notes)))


# ------------------------------------------------------------------------------------------ levels


def _sections(architecture: Architecture) -> list[Section]:
    """Each memory that can hold something, then the latches of the MACs."""
    sections = []
    for memory in architecture.memories:
        held = tuple(operand for operand in OPERANDS if can_hold(architecture, memory, operand))
        if held:
            sections.append(Section(memory.name, held, ways(architecture, memory.name)))
    latched = tuple(
        operand for operand in OPERANDS if architecture.latches(operand, _innermost(architecture, operand))
    )
    if latched:
        sections.append(Section(None, latched, ways(architecture, None)))
    return sections


def _innermost(architecture: Architecture, operand: str) -> str:
    """The innermost memory that may hold an operand."""
    return [m.name for m in architecture.memories if can_hold(architecture, m, operand)][-1]


def _bits(problem: Problem, section: Section) -> int:
    """The narrowest word that a memory may hold."""
    widths = {"weights": problem.bits.weights, "inputs": problem.bits.inputs, "outputs": problem.bits.sums}
    return min(widths[operand] for operand in section.tensors)


def _everything(problem: Problem) -> tuple[Factor, ...]:
    return tuple(Factor(d, bound, bound) for d, bound in problem.bounds.items() if bound > 1)


# ------------------------------------------------------------------------------------- constraints


def _freedom(
    architecture: Architecture,
    rules: Rules,
    sections: Sequence[Section],
    at: int,
    inside: frozenset[Way],
    taken: ReadOnly[str, bool],
) -> tuple[Freedom, list[str]]:
    """What may be chosen at a level, and what could not be said. `taken`: dimensions and whether along X."""
    section = sections[at]
    keep = tuple(o for o in OPERANDS if _always(architecture, rules, section, o, outermost=at == 0))
    bypass = tuple(o for o in OPERANDS if o not in section.tensors)
    alone, along_x, along_y, notes = _sides(architecture, rules, inside - section.outside, taken)
    freedom = Freedom(
        keep,
        bypass,
        _still(rules, sections, at),
        _innermost_loops(architecture, rules, section, inside),
        alone,
        along_x,
        along_y,
    )
    return freedom, notes


def _always(
    architecture: Architecture, rules: Rules, section: Section, operand: str, *, outermost: bool
) -> bool:
    if section.memory is None or outermost:
        return operand in section.tensors
    memory: Memory = architecture.memory(section.memory)
    return must_hold(memory, operand) or (memory.name, operand) in rules.kept


def _still(rules: Rules, sections: Sequence[Section], at: int) -> tuple[str, ...]:
    """Dimensions over which nothing walks at a level: those of rules that begin there or further out."""
    outside = {section.memory for section in sections[: at + 1]}
    still: set[str] = set()
    for rule in rules.dataflow.constraints if rules.dataflow is not None else ():
        match rule:
            case Stationary() if rule.memory in outside:
                still |= RELEVANT["outputs" if rule.tensor == "sums" else rule.tensor]
            case LoopsInside() if rule.memory in outside:
                still |= set(rules.problem.bounds) - set(rule.dimensions)
            case _:
                pass
    return tuple(d for d in rules.problem.bounds if d in still)


def _innermost_loops(
    architecture: Architecture, rules: Rules, section: Section, inside: frozenset[Way]
) -> tuple[str, ...]:
    arrays = {array for array, _ in inside - section.outside}
    for rule in rules.dataflow.constraints if rules.dataflow is not None else ():
        if isinstance(rule, LoopOrder) and rule.level in {section.memory, *arrays}:
            return tuple(reversed(rule.dimensions))
    return ()


def _sides(
    architecture: Architecture, rules: Rules, between: frozenset[Way], taken: ReadOnly[str, bool]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], list[str]]:
    """Dimensions that are not spread, those along X and those along Y; and what could not be said."""
    found: dict[bool, set[str]] = {True: set(), False: set()}
    sizes = {True: 1, False: 1}
    rule_of = {(rule.array, rule.axis): rule for rule in _axis_rules(architecture, rules, between)}
    for way, along_x in side_of(architecture, between).items():
        found[along_x] |= _allowed(rule_of[way])
        sizes[along_x] *= rule_of[way].size
    every = tuple(rules.problem.bounds)
    if not between:
        return (), (), (), []
    alone = tuple(d for d in every if d not in found[True] | found[False] and rules.problem.bounds[d] > 1)
    for along_x, size in sizes.items():
        if size == 1:
            found[along_x].clear()
    if found[True] == found[False]:
        return alone, (), (), []
    either = [d for d in every if d in found[True] & found[False]]
    for d in either:
        found[not taken.get(d, len(found[True]) <= len(found[False]))].discard(d)
    notes = [
        f"{d} may be spread along both axes of {'.'.join(sorted({a for a, _ in between}))} here, there along "
        f"{'X' if d in found[True] else 'Y'} only"
        for d in either
    ]
    return alone, _listed(every, found[True]), _listed(every, found[False]), notes


def _listed(every: Sequence[str], chosen: set[str]) -> tuple[str, ...]:
    return tuple(d for d in every if d in chosen)


def _axis_rules(architecture: Architecture, rules: Rules, between: frozenset[Way]) -> list[AxisRule]:
    found = [rule for array in architecture.spatial for rule in rules.axes(architecture, array)]
    return [rule for rule in found if (rule.array, rule.axis) in between]


def _allowed(rule: AxisRule) -> set[str]:
    return {*rule.first, *rule.then}


def _spread_in(case: Case, level: str) -> ReadOnly[str, bool]:
    """The dimensions that a case spreads inside a level, and whether along X."""
    taken: dict[str, bool] = {}
    for other in case.levels:
        if other.name == level:
            taken |= {f.dimension: False for f in other.spatial_y}
            taken |= {f.dimension: True for f in other.spatial_x}
    return MappingProxyType(taken)


def _not_said(architecture: Architecture, dataflow: Dataflow | None, fanouts: Sequence[Fanout]) -> list[str]:
    notes = []
    for rule in dataflow.constraints if dataflow is not None else ():
        if not isinstance(rule, SpatialRule):
            continue
        axis = f"{rule.array}.{rule.axis}"
        if rule.full:
            notes.append(f"`{axis} full` is not asked there: its mapper may use less of the axis")
        elif len(rule.allowed) > 1 or (rule.allowed and len(rule.allowed[0]) == 1):
            notes.append(f"{axis} is spread as far as it goes here; its mapper may use less of the axis")
    if any(fanout.x > 1 and fanout.y > 1 for fanout in fanouts):
        notes.append("its mapper spreads a dimension along one axis of a level, ours along several")
    if any(m.buffering.value in ("double", "auto") for m in architecture.memories):
        notes.append("double buffers take twice the room here, there each tile is counted once")
    notes.append("its mapper takes factors that divide; here a last pass may be shorter")
    return notes
