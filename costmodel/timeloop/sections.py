"""A mapping cut into the levels of Timeloop's nest: each with its loops, and with what the array holds inside
it.

Where our nest says more than one level can (a temporal loop inside a spatial one over the same dimension, two
loops over one dimension in a row), a level that keeps nothing makes room. Where a memory holds tensors at
several places, each place becomes a level.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from dovetail.accel.architecture import Architecture, Array
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.costmodel.timeloop.case import Inexpressible

Way: TypeAlias = tuple[str, str]
"""An axis: the names of its array and of itself."""


@dataclass(slots=True)
class Section:
    """A level to be: what is held, then loops outer to inner; spatial ones stand inside the temporal ones."""

    memory: str | None
    tensors: tuple[str, ...]
    outside: frozenset[Way]
    """The axes that replicate this level."""
    temporal: list[For] = field(default_factory=list)
    spatial: list[Spatial] = field(default_factory=list)

    @property
    def loops(self) -> bool:
        """Whether anything walks at this level."""
        return bool(self.temporal or self.spatial)

    @property
    def used(self) -> frozenset[Way]:
        """The axes that its spatial loops spread along."""
        return frozenset((loop.array, loop.axis) for loop in self.spatial)


def sections_of(architecture: Architecture, mapping: Mapping) -> tuple[Section, ...]:
    """The levels, outer to inner; raises Inexpressible."""
    sections: list[Section] = []
    for node in mapping.nodes:
        if isinstance(node, Holds):
            _hold(sections, node, ways(architecture, node.memory))
        elif node.trips > 1:
            _walk(sections, node)
    return tuple(sections)


def ways(architecture: Architecture, memory: str | None) -> frozenset[Way]:
    """The axes outside a memory (of all that is spatial, outside the MACs, for None)."""
    arrays: list[Array] = list(architecture.spatial)
    if memory is not None:
        names = [level.name for level in architecture.levels]
        arrays = [a for a in architecture.arrays if names.index(a.name) < names.index(memory)]
    return frozenset((array.name, axis.name) for array in arrays for axis in array.axes)


def _hold(sections: list[Section], node: Holds, outside: frozenset[Way]) -> None:
    at = len(sections)
    while at and not sections[at - 1].loops:
        if sections[at - 1].memory == node.memory:
            sections[at - 1].tensors += node.tensors
            return
        at -= 1
    # Levels between which nothing walks change places freely: the less often replicated one goes outside.
    while at < len(sections) and sections[at].outside <= outside:
        at += 1
    if at and not sections[at - 1].outside | sections[at - 1].used <= outside:
        inner = sorted(f"{array}.{axis}" for array, axis in sections[at - 1].outside - outside)
        raise Inexpressible(
            f"{node.memory} is held inside loops of {', '.join(inner)}, which it is outside of"
        )
    sections.insert(at, Section(node.memory, node.tensors, outside))


def _walk(sections: list[Section], node: For | Spatial) -> None:
    here = sections[-1]
    if isinstance(node, For):
        walked: list[For | Spatial] = [*here.temporal, *here.spatial]
        if any(loop.dimension == node.dimension for loop in walked):
            here = Section(None, (), here.outside | here.used)
            sections.append(here)
        here.temporal.append(node)
        return
    if (node.array, node.axis) in here.outside:
        raise Inexpressible(f"a temporal loop stands between the loops along {node.array}.{node.axis}")
    here.spatial.append(node)
