"""What a fan-out can share: Timeloop merges equal words of all its PEs, or (for an operand) of none.

Ours merges along the axes whose links say so. Where no axis in use has one, the operand goes alone there too;
where some have, Timeloop merges more than we do and a note says so. `shift` is nearest to its transfers
between neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dovetail.accel.architecture import Architecture, LinkKind
from dovetail.costmodel.timeloop.sections import Section, Way
from dovetail.dsl.problem import OPERANDS, RELEVANT, Problem


@dataclass(frozen=True, slots=True)
class Sharing:
    """For the way from one level to the next: operands that are not shared, operands that neighbours hand
    on.
    """

    alone: tuple[str, ...]
    neighbours: tuple[str, ...]
    notes: tuple[str, ...]


def sharing_of(architecture: Architecture, sections: Sequence[Section], at: int, problem: Problem) -> Sharing:
    """What the spatial loops of level `at` can share."""
    alone, neighbours, notes = [], [], []
    for operand in OPERANDS:
        loops = sections[at].spatial
        links = {way: _links(architecture, way, operand) for way in sections[at].used}
        if any(LinkKind.SHIFT in kinds for kinds in links.values()):
            neighbours.append(operand)
        same = {
            (loop.array, loop.axis) for loop in loops if loop.dimension not in RELEVANT[operand]
        }  # PEs along these need the same words
        if operand == "inputs":
            same |= _windows(sections[at], problem)
        without = {way for way in same if not links[way]}
        if without and without == same:
            alone.append(operand)
        elif without:
            names = ", ".join(sorted(f"{array}.{axis}" for array, axis in without))
            notes.append(f"{operand} are not shared along {names} here, there they are")
    return Sharing(tuple(alone), tuple(neighbours), tuple(notes))


def links_between(architecture: Architecture, between: frozenset[Way]) -> Sharing:
    """What the axes `between` two levels can share, whatever is spread along them."""
    alone, neighbours, notes = [], [], []
    for operand in OPERANDS:
        links = {way: _links(architecture, way, operand) for way in between}
        if any(LinkKind.SHIFT in kinds for kinds in links.values()):
            neighbours.append(operand)
        without = sorted(f"{array}.{axis}" for (array, axis), kinds in links.items() if not kinds)
        if without and len(without) == len(links):
            alone.append(operand)
        elif without:
            notes.append(f"{operand} are not shared along {', '.join(without)} here, there they are")
    return Sharing(tuple(alone), tuple(neighbours), tuple(notes))


def _links(architecture: Architecture, way: Way, operand: str) -> set[LinkKind]:
    """What PEs along an axis do for each other with an operand."""
    return {
        array.links[index].kind
        for array in architecture.spatial
        if array.name == way[0]
        for index in array.links_of(operand)
        if way[1] in array.links[index].axes
    }


def _windows(section: Section, problem: Problem) -> set[Way]:
    """Axes along which pixels and kernel are both spread: PEs on a diagonal need the same inputs."""
    found: set[Way] = set()
    for pair in (("P", "R"), ("Q", "S")):
        ways = [{(s.array, s.axis) for s in section.spatial if s.dimension == d} for d in pair]
        if all(ways) and all(problem.bounds[d] > 1 for d in pair):
            found |= ways[0] | ways[1]
    return found
