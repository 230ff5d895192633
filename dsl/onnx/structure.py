"""What repeats in a network, as blocks of the language.

The chain of segments is searched for the run that says most when it is said once: as many steps as possible,
as often as possible. Numbers that differ become parameters of the block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dovetail.dsl.onnx.blocks import Block, block_of
from dovetail.dsl.onnx.composites import common_path, with_attention
from dovetail.dsl.onnx.names import identifier
from dovetail.dsl.onnx.plan import Plan, Step
from dovetail.dsl.onnx.segments import Segment, segments
from dovetail.dsl.onnx.writing import Item, is_weighted, item_of
from dovetail.dsl.operators import OPERATORS, Cost

LONGEST_RUN: Final = 40
"""Segments in a block."""

MOST_TRIED: Final = 200_000
"""Runs that are looked at; longer networks are searched for shorter runs."""

LEAST_STEPS: Final = 3
MOST_BLOCKS: Final = 20
OVERHEAD: Final = 4
"""What a block costs a reader, in steps."""


@dataclass(frozen=True, slots=True)
class Structure:
    """Stages of the network, the texts of its blocks, and the names of those."""

    items: tuple[Item, ...]
    blocks: tuple[tuple[str, ...], ...] = ()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Run:
    """Segments that repeat: their first indices, and how many they are."""

    starts: tuple[int, ...]
    length: int


def plain_structure(plan: Plan) -> Structure:
    """Every step a stage."""
    taken: set[str] = set()
    return Structure(tuple(item_of(step, labelled(step, step.path, taken)) for step in plan.steps))


def labelled(step: Step, path: tuple[str, ...], taken: set[str]) -> str:
    """A label for a step with weights that the model names; others go by their operator."""
    if not path or not is_weighted(step.op):
        return ""
    label = identifier(path, taken)
    taken.add(label)
    return label


def repeated(plan: Plan) -> Structure:
    """Blocks for what repeats."""
    plan = with_attention(plan)
    chain = segments(plan)
    blocks: list[Block] = []
    owner: dict[int, tuple[Block, int]] = {}
    for _ in range(MOST_BLOCKS):
        run = _best(plan, chain, owner)
        if run is None:
            break
        uses = [chain[start : start + run.length] for start in run.starts]
        block = block_of(plan, uses, {b.name for b in blocks})
        if block is None:
            break
        blocks.append(block)
        for turn, start in enumerate(run.starts):
            owner |= {start + i: (block, turn) for i in range(run.length)}
    taken: set[str] = {b.name for b in blocks}
    items = tuple(_items(chain, owner, taken))
    return Structure(items, tuple(b.lines for b in blocks), frozenset(b.name for b in blocks))


# ------------------------------------------------------------------------------------------- search


def _best(plan: Plan, chain: Sequence[Segment], owner: dict[int, tuple[Block, int]]) -> Run | None:
    """The run most worth a block among segments that are in none."""
    numbers: dict[object, int] = {}
    ids = []
    for index, segment in enumerate(chain):
        free = index not in owner and segment.skeleton is not None
        ids.append(numbers.setdefault(segment.skeleton, len(numbers)) if free else -index - 1)
    best: tuple[float, Run] | None = None
    for length in range(1, min(LONGEST_RUN, len(ids) // 2, max(4, MOST_TRIED // max(1, len(ids)))) + 1):
        places: dict[tuple[int, ...], list[int]] = {}
        for start in range(len(ids) - length + 1):
            key = tuple(ids[start : start + length])
            found = places.setdefault(key, [])
            if min(key) >= 0 and (not found or start >= found[-1] + length):
                found.append(start)
        for starts in places.values():
            if len(starts) > 1:
                run = Run(tuple(starts), length)
                worth = _worth(chain, run)
                if worth > 0 and (best is None or worth > best[0] + 1e-9):
                    best = worth, run
    return best[1] if best is not None else None


def _worth(chain: Sequence[Segment], run: Run) -> float:
    """Steps that need not be said again, less what a block costs; more where the model has a module."""
    pattern = chain[run.starts[0] : run.starts[0] + run.length]
    first = [step for segment in pattern for step in segment.steps]
    branches = any(len(segment.steps) > 1 for segment in pattern)
    least = LEAST_STEPS if branches else LEAST_STEPS + 1
    if len(first) < least or sum(is_weighted(step.op) for step in first) < 2:
        return 0
    saved = float((len(run.starts) - 1) * len(first) - OVERHEAD)
    if saved <= 0:
        return 0
    if all(_is_module(chain, start, run.length) for start in run.starts):
        return 1.5 * saved
    after = run.starts[-1] + run.length
    if _cost(first[0]) is Cost.POINTWISE or (
        after < len(chain) and _cost(chain[after].steps[0]) is Cost.POINTWISE
    ):
        saved *= 0.9  # an activation belongs to the layer before it
    if len(pattern[0].steps) == 1 and not is_weighted(first[0].op):
        saved *= 0.95  # and so does a pool or a normalisation, if anything
    return saved


def _cost(step: Step) -> Cost | None:
    """What a step takes; None for a block of the language."""
    operator = OPERATORS.get(step.op)
    return operator.cost if operator is not None else None


def _is_module(chain: Sequence[Segment], start: int, length: int) -> bool:
    """Whether all named steps share a beginning of their names that those around them have not."""
    inside = [s.path for segment in chain[start : start + length] for s in segment.steps if s.path]
    prefix = common_path(inside) if inside else ()
    if not prefix:
        return False
    around = []
    if start > 0:
        around += [s.path for s in chain[start - 1].steps]
    if start + length < len(chain):
        around += [s.path for s in chain[start + length].steps]
    return not any(path[: len(prefix)] == prefix for path in around)


# -------------------------------------------------------------------------------------------- stages


def _items(chain: Sequence[Segment], owner: dict[int, tuple[Block, int]], taken: set[str]) -> list[Item]:
    found: list[Item] = []
    index = 0
    while index < len(chain):
        if index not in owner:
            for step in chain[index].steps:
                found.append(item_of(step, labelled(step, step.path, taken)))
            index += 1
            continue
        block, turn = owner[index]
        last = turn
        while _follows(owner, index, block, last + 1) and block.uses[last + 1] == block.uses[turn]:
            last += 1
        found.append(_use(chain, index, block, turn, last, taken))
        index += block.length * (last - turn + 1)
    return found


def _follows(owner: dict[int, tuple[Block, int]], index: int, block: Block, turn: int) -> bool:
    """Whether another use of the block begins where the one before ends."""
    first = owner[index][1]
    return owner.get(index + block.length * (turn - first)) == (block, turn)


def _use(chain: Sequence[Segment], index: int, block: Block, first: int, last: int, taken: set[str]) -> Item:
    count = last - first + 1
    paths = [block.paths[turn] for turn in range(first, last + 1)]
    path = common_path(paths) if count > 1 else paths[0]
    label = ""
    if path:
        label = identifier(path, taken)
        taken.add(label)
    call = f"{count} * {block.name}" if count > 1 else block.name
    source, result = chain[index].source, chain[index + block.length * count - 1].result
    return Item(call, block.uses[first], (source,), (result,), label)
