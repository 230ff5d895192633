"""Whether a mapping is legal on an architecture, and exactly why not.

`violations` returns facts, not exceptions; each knows its sentence. An empty tuple means that the cost model
may count the mapping.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from dovetail.accel.architecture import Architecture, Array, Buffering, Memory
from dovetail.accel.mapping import For, Holds, Mapping, Spatial, flatten
from dovetail.dsl.problem import OPERANDS, REDUCED, RELEVANT, Problem


@dataclass(frozen=True, slots=True)
class UnknownMemory:
    """A `holds` names no memory of the architecture."""

    memory: str
    known: tuple[str, ...]

    def message(self) -> str:
        """The sentence."""
        return f"there is no memory `{self.memory}` (there are {_listed(self.known)})"


@dataclass(frozen=True, slots=True)
class UnknownAxis:
    """A spatial loop names no axis of the architecture."""

    axis: str
    known: tuple[str, ...]

    def message(self) -> str:
        """The sentence."""
        there = f"there are {_listed(self.known)}" if self.known else "there is no array"
        return f"there is no axis `{self.axis}` ({there})"


@dataclass(frozen=True, slots=True)
class CannotBeFlat:
    """The dimensions of a flat one do not make a matrix product."""

    reason: str

    def message(self) -> str:
        """The sentence."""
        return self.reason


@dataclass(frozen=True, slots=True)
class NotCovered:
    """The loops over a dimension do not walk exactly what there is to walk."""

    dimension: str
    node: int
    """Position in `Mapping.nodes`; -1 for the end of the nest."""
    left: int
    """What the loops outside leave to walk."""
    bound: int
    """What the loop walks (at the end of the nest: 1)."""

    def message(self) -> str:
        """The sentence."""
        if self.node < 0:
            return f"the loops over {self.dimension} leave {self.left} of it to the mac, which takes one"
        return f"this loop over {self.dimension} walks {self.bound}, but the loops outside leave {self.left} to it"


@dataclass(frozen=True, slots=True)
class StepTooLarge:
    """A loop steps further than it walks."""

    dimension: str
    node: int
    bound: int
    step: int

    def message(self) -> str:
        """The sentence."""
        return f"this loop over {self.dimension} walks {self.bound} by {self.step}: its step is at most {self.bound}"


@dataclass(frozen=True, slots=True)
class AxisTooSmall:
    """Spatial loops spread over more PEs than an axis has."""

    array: str
    axis: str
    needed: int
    size: int

    def message(self) -> str:
        """The sentence."""
        return f"`{self.array}.{self.axis}` has {self.size} PEs, the loops along it need {self.needed}"


@dataclass(frozen=True, slots=True)
class LanesTakeOneDimension:
    """The lanes of a dot-product unit add along one dimension only."""

    dimension: str
    allowed: str

    def message(self) -> str:
        """The sentence."""
        return f"the lanes of the mac reduce {self.allowed}; {self.dimension} cannot be spread along them"


@dataclass(frozen=True, slots=True)
class WrongPlace:
    """A spatial loop is on the wrong side of a memory: nesting in the mapping is nesting in the hardware."""

    memory: str
    array: str
    memory_inside: bool
    """Whether the hardware has the memory inside the array."""

    def message(self) -> str:
        """The sentence."""
        where, move = ("inside", "before") if self.memory_inside else ("outside", "after")
        return (
            f"`{self.memory}` is {where} `{self.array}`: loops along `{self.array}` come {move} "
            f"`{self.memory} holds …`"
        )


@dataclass(frozen=True, slots=True)
class NotHeld:
    """No memory holds an operand, or its outermost holder is not outside all loops."""

    operand: str
    memory: str | None

    def message(self) -> str:
        """The sentence."""
        if self.memory is None:
            return f"no memory holds the {self.operand}"
        return f"loops come before `{self.memory}`, the outermost memory that holds the {self.operand}"


@dataclass(frozen=True, slots=True)
class MustHold:
    """A memory that always keeps a tensor goes without it."""

    memory: str
    operand: str

    def message(self) -> str:
        """The sentence."""
        return f"`{self.memory}` always holds {self.operand}, but this mapping lets them go past it"


@dataclass(frozen=True, slots=True)
class CannotHold:
    """A memory keeps a tensor that it does not take."""

    memory: str
    operand: str

    def message(self) -> str:
        """The sentence."""
        return f"`{self.memory}` does not hold {self.operand}"


@dataclass(frozen=True, slots=True)
class HeldTwice:
    """A memory holds one operand at two places of the nest."""

    memory: str
    operand: str

    def message(self) -> str:
        """The sentence."""
        return f"`{self.memory}` holds the {self.operand} twice"


@dataclass(frozen=True, slots=True)
class WrongOrder:
    """The holders of an operand are not listed from the outside in."""

    operand: str
    first: str
    second: str

    def message(self) -> str:
        """The sentence."""
        return f"`{self.second}` is outside `{self.first}`, so it has to hold the {self.operand} first"


@dataclass(frozen=True, slots=True)
class TileTooLarge:
    """The tiles that a memory holds do not fit."""

    memory: str
    tiles: tuple[tuple[str, int, int], ...]
    """Operand, bits of its tile, and how many copies of it are held (2 where the next is filled meanwhile)."""
    needed_bits: int
    size_bits: int
    fitting: tuple[tuple[str, int], ...]
    """Dimensions of which less in the tile would fit, all else being equal, and how much."""

    def message(self) -> str:
        """The sentence."""
        tiles = ", ".join(
            f"{operand} {_bytes(bits)}{' twice' if copies == 2 else ''}"
            for operand, bits, copies in self.tiles
        )
        over = self.needed_bits - self.size_bits
        text = (
            f"the tile needs {_bytes(self.needed_bits)} ({tiles}), `{self.memory}` has "
            f"{_bytes(self.size_bits)}: {_bytes(over)} too many"
        )
        if self.fitting:
            (dimension, most), *others = self.fitting
            either = f" (or {', or '.join(f'{d} {size}' for d, size in others)})" if others else ""
            return f"{text}; the largest {dimension} that fits is {most}{either}"
        return f"{text}; no smaller tile along one dimension fits"


@dataclass(frozen=True, slots=True)
class NoRate:
    """The MAC does not take operands as wide as these."""

    bits: int

    def message(self) -> str:
        """The sentence."""
        return f"the mac has no rate for operands of {self.bits} bit"


Violation: TypeAlias = (
    UnknownMemory
    | UnknownAxis
    | CannotBeFlat
    | NotCovered
    | StepTooLarge
    | AxisTooSmall
    | LanesTakeOneDimension
    | WrongPlace
    | NotHeld
    | MustHold
    | CannotHold
    | HeldTwice
    | WrongOrder
    | TileTooLarge
    | NoRate
)


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
    """Whether `memory` may keep `operand`; the outermost memory takes everything unless its text says what."""
    names = names_of(operand)
    listed = memory.holds | memory.may_hold
    if not listed and memory is architecture.memories[0]:
        return True
    paths = [memories for tensor, memories in architecture.paths if tensor in names]
    return not listed.isdisjoint(names) and (not paths or any(memory.name in path for path in paths))


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


def _bytes(bits: int) -> str:
    number = bits / 8
    text = f"{bits // 8:,}" if bits % 8 == 0 else f"{number:,.3f}".rstrip("0")
    return text.replace(",", " ") + " B"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
