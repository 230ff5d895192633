"""One straightforward mapping: spread as the dataflow says, then the largest tiles that fit, found greedily.

From the inside out each memory's tile grows, dimension by dimension, as far as every memory still has room.
Two orders of growing and three orders of loops are tried, and the one with the least energy-delay product is
taken. The answer is legal and deterministic; it is not claimed to be the best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, prod
from typing import Final

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Axis,
    Buffering,
    Dataflow,
    LinkKind,
    LoopOrder,
    LoopsInside,
    Memory,
    SpatialRule,
    Stationary,
)
from dovetail.accel.legality import (
    AxisTooSmall,
    TileTooLarge,
    can_hold,
    must_hold,
    tiles_of,
    violations,
)
from dovetail.accel.mapping import For, Holds, Mapping, Node, Spatial, flatten
from dovetail.costmodel.columns import Number
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.on_chip import OnChip
from dovetail.dsl.problem import DIMENSIONS, OPERANDS, RELEVANT, Problem

Tile = dict[str, int]

GROWTH: Final = (("R", "S", "C", "K", "Q", "P", "N", "G"), ("R", "S", "Q", "P", "K", "C", "N", "G"))
"""Orders in which dimensions of a tile grow: whole reductions first, or whole feature maps."""

LOOPS: Final = (
    ("G", "K", "C", "R", "S", "N", "P", "Q"),  # weights stay while pixels pass
    ("G", "N", "P", "Q", "C", "R", "S", "K"),  # inputs stay
    ("G", "N", "K", "P", "Q", "C", "R", "S"),  # outputs stay
)
"""Orders of the loops between two memories, outer to inner."""


class NoMapping(Exception):
    """No tiles fit: the message says which memory is too small, or what contradicts what."""


@dataclass(frozen=True, slots=True)
class _Spread:
    """A loop over PEs: so many of one dimension along one axis."""

    array: str
    axis: str
    dimension: str
    trips: int


class Room:
    """Sizes that something has to fit into, noting which other sizes would have given the same answers."""

    def __init__(self, sizes: Sequence[int | None]) -> None:
        self._sizes = sizes
        self.least: list[int] = [0] * len(sizes)
        """The most that fitted: with so much room it still fits."""
        self.below: list[float] = [inf] * len(sizes)
        """The least that did not: with so much room it would."""

    def takes(self, at: int, need: int) -> bool:
        """Whether `need` fits into size number `at` (None: everything does)."""
        size = self._sizes[at]
        if size is None or need <= size:
            self.least[at] = max(self.least[at], need)
            return True
        self.below[at] = min(self.below[at], need)
        return False


def sizes_of(architecture: Architecture) -> tuple[int | None, ...]:
    """All that mappings have to fit into: bits of each memory, PEs along each axis."""
    axes = (axis.size for array in architecture.spatial for axis in array.axes)
    return (*(memory.size_bits for memory in architecture.memories), *axes)


@dataclass(frozen=True, slots=True)
class Attempts:
    """The mappings among which the greedy mapper chooses, legal, in order, each once."""

    mappings: tuple[Mapping, ...]
    reason: str
    """Why there is none."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What precedes all sizes of tiles: how dimensions are spread over PEs, and what each memory keeps.

    Two accelerators that differ in sizes, rates and prices alone, with equal layouts, differ for this mapper
    only in the answers of a `Room`.
    """

    whole: Problem
    """The layer as the dataflow walks it (flattened)."""
    flat: tuple[tuple[str, ...], ...]
    spread: tuple[_Spread, ...]
    held: tuple[tuple[tuple[str, ...], ...], ...]
    """Operands kept in each memory: whatever may be, then only what must."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A layer some of whose operands stay in a memory: tiles are made for what is left beside them."""

    on_chip: OnChip
    whole: Architecture
    """What mappings have to be legal on, and are priced on: with the room that the operands take."""


def layout(problem: Problem, architecture: Architecture, flow: Dataflow) -> Layout:
    """How a dataflow lays a layer out; raises NoMapping where it cannot."""
    flat = _flat(flow)
    try:
        whole = flatten(problem, flat)
    except ValueError as fault:
        raise NoMapping(f"`{flow.name}` cannot flatten this layer: {fault}") from fault
    held = tuple(
        tuple(_held(architecture, memory, flow, keep_all) for memory in architecture.memories)
        for keep_all in (True, False)
    )
    return Layout(whole, flat, tuple(_spread(whole, architecture, flow)), held)


def attempts(
    problem: Problem,
    architecture: Architecture,
    flow: Dataflow,
    plan: Layout,
    room: Room,
    beside: Beside | None = None,
) -> Attempts:
    """What the greedy mapper tries; `room` has the sizes of the architecture (`sizes_of`).

    With `beside`, `room` does not learn what the mappings take.
    """
    judge = architecture if beside is None else beside.whole
    stays = frozenset[str]() if beside is None else beside.on_chip.operands
    found: dict[Mapping, None] = {}
    reason = ""
    tried: set[Mapping] = set()
    for held in plan.held:
        for growth in GROWTH:
            tiles = _tiles(plan.whole, architecture, flow, plan.spread, held, growth, room)
            for order in LOOPS:
                nodes = _nodes(plan.whole, architecture, flow, plan.spread, held, tiles, order)
                mapping = Mapping(tuple(nodes), plan.flat)
                if beside is not None:
                    mapping = beside.on_chip.lift(mapping, architecture)
                if mapping in tried:
                    continue
                tried.add(mapping)
                broken = violations(problem, judge, mapping, stays)
                if beside is None and all(isinstance(fact, TileTooLarge | AxisTooSmall) for fact in broken):
                    _note(plan.whole, architecture, mapping, room)
                if broken:
                    reason = reason or broken[0].message()
                else:
                    found[mapping] = None
        if found:
            break
    return Attempts(tuple(found), reason)


def _note(problem: Problem, architecture: Architecture, mapping: Mapping, room: Room) -> None:
    """Let `room` know what the mapping takes of each size."""
    for at, memory in enumerate(architecture.memories):
        if memory.size_bits is not None:
            tiles = tiles_of(problem, architecture, mapping, memory)
            room.takes(at, sum(bits * copies for _, bits, copies in tiles))
    used: dict[tuple[str, str], int] = {}
    for loop in mapping.loops:
        if isinstance(loop, Spatial):
            used[loop.array, loop.axis] = used.get((loop.array, loop.axis), 1) * loop.trips
    axes = [(array.name, axis.name) for array in architecture.spatial for axis in array.axes]
    for at, axis in enumerate(axes, start=len(architecture.memories)):
        room.takes(at, used.get(axis, 1))


def greedy_mapping(
    problem: Problem,
    architecture: Architecture,
    dataflow: Dataflow | None,
    table: EnergyTable | None = None,
    on_chip: OnChip | None = None,
) -> Mapping:
    """A legal mapping under `dataflow` (None: any); the prices in `table` weigh memories against each other.

    With `on_chip` some operands stay whole in a memory, and the others have what is left of it. Raises
    NoMapping if not even tiles of one word fit, or the dataflow cannot be followed.
    """
    if on_chip is None:
        return _best(problem, architecture, dataflow, table)
    whole = on_chip.left_in(architecture)
    if whole is None:
        raise NoMapping(f"`{on_chip.memory}` is full of feature maps")
    reason = None
    # Outputs that stay are `sums` wide where partial ones arrive: less is left then, if that is wider.
    for sums in dict.fromkeys((problem.bits.outputs, problem.bits.sums)):
        room = on_chip.room_in(problem, architecture, sums)
        if room is None:
            continue
        try:
            return _best(problem, room, dataflow, table, Beside(on_chip, whole))
        except NoMapping as fault:
            reason = fault
    raise reason or NoMapping(f"`{on_chip.memory}` is too small for the feature maps of this layer")


def _best(
    problem: Problem,
    architecture: Architecture,
    dataflow: Dataflow | None,
    table: EnergyTable | None,
    beside: Beside | None = None,
) -> Mapping:
    """The best of what is tried on an architecture."""
    flow = dataflow or Dataflow("")
    plan = layout(problem, architecture, flow)
    judge = architecture
    if beside is not None:
        judge = beside.whole
        held = tuple(tuple(beside.on_chip.without(architecture, one)) for one in plan.held)
        plan = replace(plan, held=held)
    tried = attempts(problem, architecture, flow, plan, Room(sizes_of(architecture)), beside)
    best: tuple[float, Mapping] | None = None
    for mapping in tried.mappings:
        cost = evaluate_mapping(problem, judge, mapping, table or EnergyTable(), flow.name)
        worth = worth_of(cost.cycles, cost.energy_pj)
        if best is None or worth < best[0]:
            best = (worth, mapping)
    if best is None:
        raise NoMapping(tried.reason)
    return best[1]


def worth_of(cycles: Number, energy_pj: Number) -> Number:
    """What the mapping that is taken has least of; of equals the first is taken."""
    return cycles * (energy_pj + 1.0)


# ------------------------------------------------------------------------------------------ in space


def _flat(flow: Dataflow) -> tuple[tuple[str, ...], ...]:
    rules = [c for c in flow.constraints if isinstance(c, SpatialRule) and c.flat]
    return tuple(dict.fromkeys(rule.allowed[0] for rule in rules))


def _spread(problem: Problem, architecture: Architecture, flow: Dataflow) -> Iterator[_Spread]:
    """What is laid out along each axis: inner arrays first, each axis as full as its dimensions make it."""
    left = problem.bounds
    for array in reversed(architecture.spatial):
        for axis in array.axes:
            room = axis.size
            for group in _allowed(problem, architecture, flow, array, axis):
                for dimension in sorted(group, key=lambda d: (-min(left[d], room), group.index(d))):
                    trips = min(left[dimension], room)
                    if trips > 1:
                        room //= trips
                        left[dimension] = -(-left[dimension] // trips)
                        yield _Spread(array.name, axis.name, dimension, trips)


def _allowed(
    problem: Problem, architecture: Architecture, flow: Dataflow, array: Array, axis: Axis
) -> Sequence[tuple[str, ...]]:
    """Groups of dimensions for an axis, the first to be used up before the next."""
    for rule in flow.constraints:
        if (
            isinstance(rule, SpatialRule)
            and (rule.array, rule.axis) == (array.name, axis.name)
            and rule.allowed
        ):
            return [(group[0],) for group in rule.allowed] if rule.flat else rule.allowed
    if array.name == "mac":
        only = architecture.mac.lanes_dimension
        return [(only,)] if only is not None else [("C", "R", "S")]
    served = [d for d in DIMENSIONS if d != "N" and _serves(array, axis, d)]
    best = max(served, key=lambda d: min(problem.bounds[d], axis.size), default=None)
    return [(best,)] if best is not None else []


def _serves(array: Array, axis: Axis, dimension: str) -> bool:
    """Whether the axis hands on every operand that PEs along `dimension` share."""
    shared = [operand for operand in OPERANDS if dimension not in RELEVANT[operand]]
    kinds = (LinkKind.MULTICAST, LinkKind.FORWARD, LinkKind.REDUCE)
    names = {"outputs": "sums"}
    return bool(shared) and all(
        any(array.can(kind, names.get(operand, operand), axis.name) for kind in kinds) for operand in shared
    )


# ------------------------------------------------------------------------------------------ in memory


def _held(architecture: Architecture, memory: Memory, flow: Dataflow, keep_all: bool) -> tuple[str, ...]:
    """The operands kept in a memory: what it must hold, what stays there, and outside arrays what it may."""
    outermost = memory is architecture.memories[0]
    private = architecture.instances(memory.name) > 1
    pinned = {
        _operand(c.tensor) for c in flow.constraints if isinstance(c, Stationary) and c.memory == memory.name
    }
    return tuple(
        operand
        for operand in OPERANDS
        if can_hold(architecture, memory, operand)
        and (
            outermost
            or must_hold(memory, operand)
            or operand in pinned
            or (keep_all and not (private and flow.constraints))
        )
    )


def _operand(tensor: str) -> str:
    return "outputs" if tensor == "sums" else tensor


def _may_grow(architecture: Architecture, memory: Memory, flow: Dataflow) -> frozenset[str]:
    """Dimensions whose loops may stand inside the memory's tile."""
    order = [m.name for m in architecture.memories]
    allowed = set(DIMENSIONS)
    for constraint in flow.constraints:
        match constraint:
            case Stationary() if order.index(constraint.memory) <= order.index(memory.name):
                allowed -= RELEVANT[_operand(constraint.tensor)]
            case LoopsInside() if order.index(constraint.memory) <= order.index(memory.name):
                allowed &= set(constraint.dimensions)
            case _:
                pass
    return frozenset(allowed)


def _tiles(
    problem: Problem,
    architecture: Architecture,
    flow: Dataflow,
    spread: Sequence[_Spread],
    held: Sequence[tuple[str, ...]],
    growth: Sequence[str],
    room: Room,
) -> list[Tile]:
    """The tile of each memory, outer to inner: grown from the inside out while everything fits."""
    memories = architecture.memories
    least = [_least(problem, architecture, spread, memory) for memory in memories]
    tiles = [dict(tile) for tile in least]
    tiles[0] = problem.bounds
    for at in range(len(memories) - 1, 0, -1):
        may = _may_grow(architecture, memories[at], flow)
        for dimension in growth:
            if dimension in may:
                _grow(problem, architecture, held, tiles, least, at, dimension, room)
    return tiles


def _least(problem: Problem, architecture: Architecture, spread: Sequence[_Spread], memory: Memory) -> Tile:
    """The smallest tile of a memory: what the PEs inside it work on in one step."""
    names = [level.name for level in architecture.levels]
    inside = {*names[names.index(memory.name) :], "mac"}
    tile = dict.fromkeys(DIMENSIONS, 1)
    for loop in spread:
        if loop.array in inside:
            tile[loop.dimension] *= loop.trips
    return {d: min(size, problem.bounds[d]) for d, size in tile.items()}


def _grow(
    problem: Problem,
    architecture: Architecture,
    held: Sequence[tuple[str, ...]],
    tiles: list[Tile],
    least: Sequence[Tile],
    at: int,
    dimension: str,
    room: Room,
) -> None:
    """Make one dimension of memory `at` as large as fits; the tiles outside it grow along where they must."""
    unit = least[at][dimension]
    # What lies inside a memory is at most its share: PEs outside it take their parts at the same time.
    bounds = problem.bounds
    shares = [-(-bounds[dimension] * tile[dimension] // least[0][dimension]) for tile in least]
    bound = shares[at]
    parts = -(-bound // unit)
    sizes = sorted({min(bound, unit * -(-parts // n)) for n in _counts(parts)})
    before = [tile[dimension] for tile in tiles]
    memories = tuple(enumerate(architecture.memories))

    def take(size: int) -> bool:
        for outer in range(1, at + 1):
            # A PE's share of the tile outside it: as much more as there are PEs in between.
            copies = least[outer][dimension] // unit
            tiles[outer][dimension] = max(before[outer], min(shares[outer], size * copies))
        return all(
            memory.size_bits is None
            or room.takes(number, _needed(problem, bounds, memory, tiles[number], held[number]))
            for number, memory in memories
        )

    low, high = -1, len(sizes) - 1  # the largest size that fits, by bisection: a smaller tile needs less
    while low < high:
        middle = (low + high + 1) // 2
        if take(sizes[middle]):
            low = middle
        else:
            high = middle - 1
    if low < 0 or not take(sizes[low]):
        for tile, size in zip(tiles, before, strict=True):
            tile[dimension] = size


def _counts(parts: int) -> Iterator[int]:
    """Numbers of steps that give different step sizes."""
    count = 1
    while count <= parts:
        yield count
        step = -(-parts // count)
        count = count + 1 if step == 1 else max(count + 1, -(-parts // (step - 1)))


def _needed(problem: Problem, bounds: Tile, memory: Memory, tile: Tile, operands: Sequence[str]) -> int:
    """Bits that a memory keeps of a tile; a tile that moves is doubled where the next is filled meanwhile."""
    bits = 0
    for operand in operands:
        width = max(problem.bits.outputs, problem.bits.sums) if operand == "outputs" else 0
        width = width or getattr(problem.bits, operand)
        moves = any(tile[d] < bounds[d] for d in RELEVANT[operand])
        copies = 2 if memory.buffering is Buffering.DOUBLE and moves else 1
        bits += problem.words(operand, tile, gaps=not memory.skip_gaps) * width * copies
    return bits


# ----------------------------------------------------------------------------------------- as a nest


def _nodes(
    problem: Problem,
    architecture: Architecture,
    flow: Dataflow,
    spread: Sequence[_Spread],
    held: Sequence[tuple[str, ...]],
    tiles: Sequence[Tile],
    order: Sequence[str],
) -> Iterator[Node]:
    """The loop nest that walks the tiles, outer to inner."""
    left = problem.bounds
    memories = list(architecture.memories)
    levels = [*architecture.levels, *architecture.spatial[len(architecture.arrays) :]]
    for index, level in enumerate(levels):
        if isinstance(level, Memory):
            at = memories.index(level)
            for dimension in _order(flow, level.name, order):
                step = tiles[at][dimension] if at else left[dimension]
                if step < left[dimension]:
                    yield For(dimension, left[dimension], step)
                    left[dimension] = step
            if held[at]:
                yield Holds(level.name, held[at])
        else:
            inner = next((m for m in levels[index + 1 :] if isinstance(m, Memory)), None)
            for loop in [s for s in spread if s.array == level.name]:
                others = _inside(spread, levels[index + 1 :], loop, level.name)
                goal = tiles[memories.index(inner)][loop.dimension] if inner is not None else others
                step = min(left[loop.dimension], max(goal, others))
                step = max(step, -(-left[loop.dimension] // loop.trips))
                if step < left[loop.dimension]:
                    yield Spatial(loop.dimension, left[loop.dimension], loop.array, loop.axis, step)
                    left[loop.dimension] = step
    for dimension in _order(flow, "mac", order):
        if left[dimension] > 1:
            yield For(dimension, left[dimension], 1)


def _inside(spread: Sequence[_Spread], inner: Sequence[Memory | Array], loop: _Spread, array: str) -> int:
    """PEs that take parts of the same dimension inside this loop: along later axes, in inner arrays."""
    own = [s for s in spread if s.array == array and s.dimension == loop.dimension]
    later = own[own.index(loop) + 1 :]
    names = {level.name for level in inner}
    deeper = [s for s in spread if s.array in names and s.dimension == loop.dimension]
    return prod(s.trips for s in (*later, *deeper))


def _order(flow: Dataflow, level: str, order: Sequence[str]) -> Sequence[str]:
    for constraint in flow.constraints:
        if isinstance(constraint, LoopOrder) and constraint.level == level:
            return (*constraint.dimensions, *(d for d in order if d not in constraint.dimensions))
    return order
