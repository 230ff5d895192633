"""Frames: which memory holds what, and in which order, without loops.

    frame = place section [arrays] place section [arrays] ... place section [arrays] mac

A *place* is where a memory begins to hold tiles of some operands. The *section* after it are the temporal
loops that step through those tiles; the arrays between a place and the next one are unrolled directly outside
the latter. Bypass is the choice of places; uneven mappings give the operands of a memory places of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from dovetail.accel.architecture import Architecture, Array, Memory
from dovetail.accel.legality import can_hold, must_hold
from dovetail.dsl.problem import OPERANDS


@dataclass(frozen=True, slots=True)
class Place:
    """`MEMORY holds OPERANDS`."""

    memory: str
    operands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """Places, outer to inner, and the arrays directly outside the next place (or the MACs)."""

    places: tuple[Place, ...]
    arrays: tuple[tuple[Array, ...], ...]
    """Of each section."""

    def holders(self, operand: str) -> tuple[int, ...]:
        """Positions of the places that hold `operand`, outer to inner."""
        return tuple(at for at, place in enumerate(self.places) if operand in place.operands)

    def first_inside(self, memory: str, operand: str | None = None) -> int | None:
        """The outermost place of a memory (that holds `operand`), None where there is none."""
        for at, place in enumerate(self.places):
            if place.memory == memory and (operand is None or operand in place.operands):
                return at
        return None


def frames(
    architecture: Architecture, kept: frozenset[tuple[str, str]] = frozenset(), *, uneven: bool = True
) -> Iterator[Frame]:
    """All frames; `kept` lists (memory, operand) that a dataflow wants to be kept.

    Every inner memory keeps or lets pass each operand that it may hold; one that it always holds is kept.
    Places of different operands between the same two arrays come in any order that keeps each operand's own
    memories in the order of the architecture.
    """
    outermost = architecture.memories[0]
    top = tuple(operand for operand in OPERANDS if can_hold(architecture, outermost, operand))
    inner = list(architecture.memories[1:])
    choices = [_kept_sets(architecture, memory, kept) for memory in inner]
    for chosen in product(*choices):
        held = dict(zip((memory.name for memory in inner), chosen, strict=True))
        regions = _regions(architecture, held)
        for orders in product(*(_orders(region, uneven) for region in regions)):
            yield _frame(architecture, Place(outermost.name, top), orders)


def _kept_sets(
    architecture: Architecture, memory: Memory, kept: frozenset[tuple[str, str]]
) -> list[tuple[str, ...]]:
    sets: list[tuple[str, ...]] = [()]
    for operand in OPERANDS:
        if not can_hold(architecture, memory, operand):
            continue
        if must_hold(memory, operand) or (memory.name, operand) in kept:
            sets = [(*own, operand) for own in sets]
        else:
            sets = [(*own, operand) for own in sets] + sets
    return sets


def _regions(architecture: Architecture, held: dict[str, tuple[str, ...]]) -> list[list[Place]]:
    """Inner memories that hold something, cut at the arrays."""
    regions: list[list[Place]] = [[]]
    for level in architecture.levels[1:]:
        if isinstance(level, Array):
            regions.append([])
        elif held[level.name]:
            regions[-1].append(Place(level.name, held[level.name]))
    return regions


def _orders(region: list[Place], uneven: bool) -> list[tuple[Place, ...]]:
    if not uneven:
        return [tuple(region)]
    single = [Place(place.memory, (operand,)) for place in region for operand in place.operands]
    return list(_extensions(single))


def _extensions(left: list[Place]) -> Iterator[tuple[Place, ...]]:
    if not left:
        yield ()
        return
    for at, place in enumerate(left):
        if any(other.operands == place.operands for other in left[:at]):
            continue
        for rest in _extensions(left[:at] + left[at + 1 :]):
            yield (place, *rest)


def _frame(architecture: Architecture, top: Place, orders: tuple[tuple[Place, ...], ...]) -> Frame:
    places: list[Place] = [top]
    arrays: list[list[Array]] = [[]]
    for number, region in enumerate(orders):
        if number:
            arrays[-1].append(architecture.arrays[number - 1])
        for place in region:
            places.append(place)
            arrays.append([])
    arrays[-1].extend(architecture.spatial[len(architecture.arrays) :])
    return Frame(tuple(places), tuple(tuple(own) for own in arrays))
