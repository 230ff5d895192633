"""From our problem, architecture, mapping and prices to what Timeloop reads.

    case = lower("conv1", problem, architecture, mapping, table)

What a level keeps, its loops and its mesh say the same as our mapping. What has no form there is either
refused (`Inexpressible`: loops whose steps do not divide) or written down in `Case.notes` (widths that differ
within one memory, links between neighbours, rates).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from dovetail.accel.architecture import Architecture
from dovetail.accel.legality import takes_partial_sums
from dovetail.accel.mapping import For, Holds, Mapping, Spatial, flatten
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.timeloop.case import (
    Case,
    Compute,
    Factor,
    Inexpressible,
    Level,
    residuals,
)
from dovetail.costmodel.timeloop.levels import level_of, names_of, unused_name
from dovetail.costmodel.timeloop.mesh import Fanout, fanout_of
from dovetail.costmodel.timeloop.sections import Section, sections_of, ways
from dovetail.costmodel.timeloop.sharing import Sharing, sharing_of
from dovetail.dsl.problem import OPERANDS, Problem


def lower(
    name: str,
    problem: Problem,
    architecture: Architecture,
    mapping: Mapping,
    table: EnergyTable,
    skipped: float = 0.0,
) -> Case:
    """The case of a layer whose mapping is legal; the fraction `skipped` of the MACs costs no energy.

    Raises Inexpressible.
    """
    _check_outermost(mapping)
    widths = _Widths(architecture, mapping, problem)
    flat = flatten(problem, mapping.flat)
    sections = [*sections_of(architecture, mapping)]
    latched = tuple(o for o in OPERANDS if architecture.latches(o, _last_holder(mapping, o)))
    if latched:
        sections.append(Section(None, latched, ways(architecture, None)))
    inner = [section.outside for section in sections[1:]] + [ways(architecture, None)]
    fanouts = [
        fanout_of(architecture, inside - section.outside, section.spatial)
        for section, inside in zip(sections, inner, strict=True)
    ]
    walked = _factors(flat, sections, fanouts)
    levels: list[Level] = []
    notes: list[str] = list(widths.notes)
    mesh = (1, 1)
    names = names_of(sections)
    for at, (section, fanout) in enumerate(zip(sections, fanouts, strict=True)):
        sharing = sharing_of(architecture, sections, at, flat)
        notes += sharing.notes
        level = level_of(
            names[at], section, architecture, table, widths.of(section.memory), flat, outermost=at == 0
        )
        levels.append(_with_loops(level, mesh, walked[at], fanout, sharing))
        mesh = (mesh[0] * fanout.x, mesh[1] * fanout.y)
    compute = Compute(
        name=unused_name("MAC", names),
        bits=max(problem.bits.weights, problem.bits.inputs),
        mesh=mesh,
        energy_pj=table.mac_pj * (1 - skipped),
    )
    places = [section.memory for section in sections if section.memory is not None]
    notes += [
        f"{memory} holds tensors at {places.count(memory)} places: each is a level of its full size and rate"
        for memory in dict.fromkeys(places)
        if places.count(memory) > 1
    ]
    return Case(name, flat, tuple(levels), compute, tuple(dict.fromkeys(notes)))


def _check_outermost(mapping: Mapping) -> None:
    """Timeloop's outermost level keeps everything: a tensor that never leaves the chip has no form there."""
    top = mapping.nodes[0]
    assert isinstance(top, Holds)
    for operand in OPERANDS:
        first = mapping.nodes[mapping.holders(operand)[0]]
        if not isinstance(first, Holds) or first.memory != top.memory:
            raise Inexpressible(f"{operand} are not held in {top.memory}, which keeps everything there")


# ------------------------------------------------------------------------------------------- loops


def _factors(
    problem: Problem, sections: Sequence[Section], fanouts: Sequence[Fanout]
) -> list[dict[str, tuple[Factor, ...]]]:
    """For each level its `temporal`, `x` and `y` factors; raises Inexpressible where steps do not divide."""
    places: list[tuple[int, str, For | Spatial]] = []
    for at, (section, fanout) in enumerate(zip(sections, fanouts, strict=True)):
        places += [(at, "temporal", loop) for loop in section.temporal]
        places += [(at, "x", loop) for loop in fanout.loops_x]
        places += [(at, "y", loop) for loop in fanout.loops_y]
    made: list[dict[str, tuple[Factor, ...]]] = [{"temporal": (), "x": (), "y": ()} for _ in sections]
    for dimension, bound in problem.bounds.items():
        loops = [place for place in places if place[2].dimension == dimension]
        ends = tuple(loop.trips for _, _, loop in loops)
        for at, (_, _, loop) in enumerate(loops):
            inside = prod(ends[at + 1 :])
            if loop.step != inside:
                raise Inexpressible(
                    f"`{dimension} in {loop.bound} by {loop.step}` takes steps of {loop.step}, and the loops "
                    f"inside it walk {inside}: Timeloop's steps are products of the loops inside"
                )
        for (at, way, loop), last in zip(loops, residuals(ends, bound), strict=True):
            made[at][way] = (*made[at][way], Factor(dimension, loop.trips, last))
    # Within a level the loops keep their order; they were made dimension by dimension.
    order = {(at, way, loop.dimension): place for place, (at, way, loop) in enumerate(places)}
    return [
        {way: tuple(sorted(fs, key=lambda f: order[at, way, f.dimension])) for way, fs in level.items()}
        for at, level in enumerate(made)
    ]


def _with_loops(
    level: Level,
    mesh: tuple[int, int],
    walked: dict[str, tuple[Factor, ...]],
    fanout: Fanout,
    sharing: Sharing,
) -> Level:
    return replace(
        level,
        mesh=mesh,
        temporal=walked["temporal"],
        spatial_x=walked["x"],
        spatial_y=walked["y"],
        no_sharing=sharing.alone,
        neighbours=sharing.neighbours if fanout.x * fanout.y > 1 else (),
    )


def _last_holder(mapping: Mapping, operand: str) -> str:
    node = mapping.nodes[mapping.holders(operand)[-1]]
    assert isinstance(node, Holds)
    return node.memory


# ------------------------------------------------------------------------------------------ widths


class _Widths:
    """How wide the words are that each memory holds, and what differs within one."""

    def __init__(self, architecture: Architecture, mapping: Mapping, problem: Problem) -> None:
        held: dict[str, dict[str, int]] = {}
        for at, node in enumerate(mapping.nodes):
            if not isinstance(node, Holds):
                continue
            for operand in node.tensors:
                width = getattr(problem.bits, operand)
                if operand == "outputs" and takes_partial_sums(architecture, mapping, at):
                    width = problem.bits.sums
                held.setdefault(node.memory, {})[operand] = width
        self.held = held
        self.default = max(problem.bits.weights, problem.bits.inputs)
        self.notes = [
            f"{memory} holds words of {_several(widths)} bit: there all are {min(widths.values())} bit, "
            "so that capacity, rates and energy are not what they are here"
            for memory, widths in held.items()
            if len(set(widths.values())) > 1
        ]

    def of(self, memory: str | None) -> int:
        """The narrowest: what fits here then fits there; that of the operands where there is no memory."""
        return self.default if memory is None else min(self.held[memory].values())


def _several(widths: dict[str, int]) -> str:
    return " and ".join(str(width) for width in sorted(set(widths.values())))
