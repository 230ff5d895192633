"""Whether a mapping is legal on an architecture, and exactly why not.

`violations` returns facts (`violations.py`), not exceptions. An empty tuple means that the cost model may
count the mapping.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from dovetail.accel.architecture import Architecture, Array, Buffering, Memory
from dovetail.accel.mapping import For, Holds, Mapping, Spatial, flatten
from dovetail.accel.violations import (
    AxisTooSmall,
    CannotBeFlat,
    CannotHold,
    HeldTwice,
    LanesTakeOneDimension,
    MustHold,
    NoRate,
    NotCovered,
    NotHeld,
    StepTooLarge,
    TileTooLarge,
    UnknownAxis,
    UnknownMemory,
    Violation,
    WrongOrder,
    WrongPlace,
)
from dovetail.dsl.problem import OPERANDS, REDUCED, RELEVANT, Problem

__all__ = [
    "AxisTooSmall",
    "CannotBeFlat",
    "CannotHold",
    "HeldTwice",
    "LanesTakeOneDimension",
    "MustHold",
    "NoRate",
    "NotCovered",
    "NotHeld",
    "StepTooLarge",
    "TileTooLarge",
    "UnknownAxis",
    "UnknownMemory",
    "Violation",
    "WrongOrder",
    "WrongPlace",
    "can_hold",
    "moves",
    "must_hold",
    "takes_partial_sums",
    "tiles_of",
    "violations",
]


def violations(
    problem: Problem, architecture: Architecture, mapping: Mapping, on_chip: frozenset[str] = frozenset()
) -> tuple[Violation, ...]:
    """Everything that makes `mapping` illegal on `architecture`.

    `on_chip` names operands that need not be in the outermost memory (feature maps kept in a buffer).
    """
    try:
        problem = flatten(problem, mapping.flat)
    except ValueError as error:
        return (CannotBeFlat(str(error)),)
    unknown = tuple(_unknown_names(architecture, mapping))
    if unknown:
        return unknown
    found = [*_coverage(problem, mapping), *_axes(architecture, mapping), *_places(architecture, mapping)]
    found += _holders(architecture, mapping, on_chip)
    wide = max(problem.bits.weights, problem.bits.inputs)
    if all(rate.bits is not None and rate.bits < wide for rate in architecture.mac.rates):
        found.append(NoRate(wide))
    if not found:
        found += _capacity(problem, architecture, mapping)
    return tuple(found)


def _unknown_names(architecture: Architecture, mapping: Mapping) -> Iterator[Violation]:
    memories = tuple(memory.name for memory in architecture.memories)
    axes = tuple(f"{array.name}.{axis.name}" for array in architecture.spatial for axis in array.axes)
    for node in mapping.nodes:
        match node:
            case Holds() if node.memory not in memories:
                yield UnknownMemory(node.memory, memories)
            case Spatial() if f"{node.array}.{node.axis}" not in axes:
                yield UnknownAxis(f"{node.array}.{node.axis}", axes)
            case _:
                pass


def _coverage(problem: Problem, mapping: Mapping) -> Iterator[Violation]:
    left = problem.bounds
    for at, node in enumerate(mapping.nodes):
        if isinstance(node, Holds):
            continue
        if node.bound != left[node.dimension]:
            yield NotCovered(node.dimension, at, left[node.dimension], node.bound)
        if not 1 <= node.step <= node.bound:
            yield StepTooLarge(node.dimension, at, node.bound, node.step)
        left[node.dimension] = node.step
    for dimension, size in left.items():
        if size > 1:
            yield NotCovered(dimension, -1, size, 1)


def _axes(architecture: Architecture, mapping: Mapping) -> Iterator[Violation]:
    for array in architecture.spatial:
        lanes = array not in architecture.arrays
        for axis in array.axes:
            needed = 1
            for node in mapping.loops:
                if isinstance(node, Spatial) and (node.array, node.axis) == (array.name, axis.name):
                    needed *= node.trips
                    allowed = architecture.mac.lanes_dimension
                    if lanes and allowed is not None and node.dimension != allowed and node.trips > 1:
                        yield LanesTakeOneDimension(node.dimension, allowed)
            if needed > axis.size:
                yield AxisTooSmall(array.name, axis.name, needed, axis.size)


def _places(architecture: Architecture, mapping: Mapping) -> Iterator[Violation]:
    order = {level.name: at for at, level in enumerate(architecture.levels)} | {
        "mac": len(architecture.levels)
    }
    seen: set[Violation] = set()
    for at, holder in enumerate(mapping.nodes):
        if not isinstance(holder, Holds):
            continue
        for where, loop in enumerate(mapping.nodes):
            if isinstance(loop, Spatial) and (order[loop.array] < order[holder.memory]) != (where < at):
                fact = WrongPlace(holder.memory, loop.array, order[loop.array] < order[holder.memory])
                if fact not in seen:
                    seen.add(fact)
                    yield fact


def _holders(architecture: Architecture, mapping: Mapping, on_chip: frozenset[str]) -> Iterator[Violation]:
    order = [memory.name for memory in architecture.memories]
    for operand in OPERANDS:
        chain = [
            node.memory for at in mapping.holders(operand) if isinstance(node := mapping.nodes[at], Holds)
        ]
        if not chain:
            yield NotHeld(operand, None)
        elif any(not isinstance(node, Holds) for node in mapping.nodes[: mapping.holders(operand)[0]]):
            yield NotHeld(operand, chain[0])
        for first, second in pairwise(chain):
            if first == second:
                yield HeldTwice(first, operand)
            elif order.index(first) > order.index(second):
                yield WrongOrder(operand, first, second)
        for memory in architecture.memories:
            held = memory.name in chain
            if held and not can_hold(architecture, memory, operand):
                yield CannotHold(memory.name, operand)
            waived = operand in on_chip and memory is architecture.memories[0]
            if not held and not waived and must_hold(memory, operand):
                yield MustHold(memory.name, operand)


def names_of(operand: str) -> frozenset[str]:
    """The tensors that are this operand in a memory: outputs are `sums` before they are final."""
    return frozenset({"outputs", "sums"}) if operand == "outputs" else frozenset({operand})


def must_hold(memory: Memory, operand: str) -> bool:
    """Whether `memory` always keeps `operand`."""
    return not memory.holds.isdisjoint(names_of(operand))


def can_hold(architecture: Architecture, memory: Memory, operand: str) -> bool:
    """Whether `memory` may keep `operand`; the outermost memory takes everything unless its text says
    what."""
    names = names_of(operand)
    listed = memory.holds | memory.may_hold
    if not listed and memory is architecture.memories[0]:
        return True
    return not listed.isdisjoint(names)


# ------------------------------------------------------------------------------------------- capacity


def _capacity(problem: Problem, architecture: Architecture, mapping: Mapping) -> Iterator[Violation]:
    for memory in architecture.memories:
        if memory.size_bits is None:
            continue
        tiles = tiles_of(problem, architecture, mapping, memory)
        needed = sum(bits * copies for _, bits, copies in tiles)
        if needed > memory.size_bits:
            fitting = tuple(_fitting(problem, architecture, mapping, memory))
            yield TileTooLarge(memory.name, tiles, needed, memory.size_bits, fitting)


def tiles_of(
    problem: Problem,
    architecture: Architecture,
    mapping: Mapping,
    memory: Memory,
    most: dict[str, int] | None = None,
) -> tuple[tuple[str, int, int], ...]:
    """What `memory` holds: `(operand, bits of its tile, copies)`, the problem being flattened already.

    `most` cuts the tiles to so much of a dimension.
    """
    tiles = []
    for at, node in enumerate(mapping.nodes):
        if not isinstance(node, Holds) or node.memory != memory.name:
            continue
        tile = mapping.tile(at, problem)
        tile |= {d: min(tile[d], size) for d, size in (most or {}).items()}
        for operand in node.tensors:
            width = getattr(problem.bits, operand)
            if operand == "outputs" and takes_partial_sums(architecture, mapping, at):
                width = problem.bits.sums
            words = problem.words(operand, tile, gaps=not memory.skip_gaps)
            doubled = memory.buffering is Buffering.DOUBLE and moves(mapping, at, operand)
            tiles.append((operand, words * width, 2 if doubled else 1))
    return tuple(tiles)


def moves(mapping: Mapping, at: int, operand: str) -> bool:
    """Whether the tile of `operand` held at node `at` ever moves."""
    outside = (node for node in mapping.nodes[:at] if isinstance(node, For))
    return any(node.dimension in RELEVANT[operand] and node.trips > 1 for node in outside)


def takes_partial_sums(architecture: Architecture, mapping: Mapping, at: int) -> bool:
    """Whether an output arrives more than once at the holder at node `at`: it is `sums` wide there."""
    node = mapping.nodes[at]
    assert isinstance(node, Holds)
    chain = mapping.holders("outputs")
    inner = next((i for i in chain if i > at), None)
    arrays = {array.name: array for array in architecture.spatial}
    inside = mapping.nodes[: len(mapping.nodes) if inner is None else inner]
    kept = inner is not None or architecture.latches("outputs", node.memory)
    moved_inside = not kept
    for where in range(len(inside) - 1, -1, -1):
        loop = inside[where]
        if isinstance(loop, Holds) or loop.trips == 1:
            continue
        reduced = loop.dimension in REDUCED
        if isinstance(loop, For):
            if reduced and moved_inside:
                return True
            moved_inside |= not reduced
        elif reduced and where > at and not _added_up(arrays[loop.array], loop.axis):
            return True
    return False


def _added_up(array: Array, axis: str) -> bool:
    return any(axis in array.links[link].axes for link in array.links_of("outputs"))


def _fitting(
    problem: Problem, architecture: Architecture, mapping: Mapping, memory: Memory
) -> Iterator[tuple[str, int]]:
    """Of each dimension in the tiles, the most that would fit."""
    assert memory.size_bits is not None
    largest: dict[str, int] = {}
    for at, node in enumerate(mapping.nodes):
        if isinstance(node, Holds) and node.memory == memory.name:
            for dimension, size in mapping.tile(at, problem).items():
                largest[dimension] = max(size, largest.get(dimension, 1))
    for dimension, size in largest.items():
        low, high = 0, size - 1
        while low < high:
            middle = (low + high + 1) // 2
            tiles = tiles_of(problem, architecture, mapping, memory, {dimension: middle})
            fits = sum(bits * copies for _, bits, copies in tiles) <= memory.size_bits
            low, high = (middle, high) if fits else (low, middle - 1)
        if low > 0:
            yield dimension, low
