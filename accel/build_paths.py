"""`path` statements: the memories that a tensor goes through, where the order of the text is not enough.

A path names every memory that may hold its tensor. `sums` and `outputs` come out of the `mac`, `inputs` and
`weights` go into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from dovetail.accel.architecture import TENSORS, Array, Memory
from dovetail.accel.build_dataflow import can_hold, operand
from dovetail.accel.reading import Reading
from dovetail.dsl import syntax as s
from dovetail.dsl.diagnostics import did_you_mean

Levels: TypeAlias = tuple[Memory | Array, ...]
Paths: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]


def follow_paths(reading: Reading, levels: Levels, statements: Mapping[str, s.Path]) -> tuple[Levels, Paths]:
    """The levels in the order that the paths demand, each memory holding what passes it; and the paths."""
    memories = {level.name: level for level in levels if isinstance(level, Memory)}
    paths: dict[str, tuple[str, ...]] = {}
    for tensor, statement in statements.items():
        stops = _stops(reading, statement, memories, [x.name for x in levels])
        if stops is not None:
            paths[tensor] = stops
    for tensor, stops in paths.items():
        for name, memory in memories.items():
            if name not in stops:
                memories[name] = replace(
                    memory, holds=memory.holds - {tensor}, may_hold=memory.may_hold - {tensor}
                )
    ordered: list[Memory | Array] = []
    run: list[Memory] = []
    for level in (*levels, None):
        if isinstance(level, Memory):
            run.append(memories[level.name])
            continue
        ordered += _sorted(run, tuple(paths.items()))
        run = []
        if level is not None:
            ordered.append(level)
    names = [level.name for level in ordered]
    for tensor, stops in paths.items():
        places = [names.index(stop) for stop in stops]
        if places != sorted(places):
            reading.fail(
                "E0517",
                f"no order of the memories gives `{tensor}` this path",
                statements[tensor].span,
                help=[f"from the outside in they are {', '.join(n for n in names if n in memories)}"],
            )
    return tuple(ordered), tuple(paths.items())


def _stops(
    reading: Reading, statement: s.Path, memories: Mapping[str, Memory], levels: Sequence[str]
) -> tuple[str, ...] | None:
    """The memories of a path, outer to inner; None where a problem was reported."""
    if statement.tensor not in TENSORS:
        help = did_you_mean(statement.tensor, TENSORS)
        reading.fail("E0504", f"`{statement.tensor}` is no tensor", statement.span, help=help)
        return None
    stops = [stop.rpartition(".")[2] for stop in statement.stops]
    for stop, written in zip(stops, statement.stops, strict=True):
        array = written.rpartition(".")[0]
        unknown = (
            stop
            if stop != "mac" and stop not in memories
            else array
            if array and array not in levels
            else None
        )
        if unknown is not None:
            reading.named("memory", unknown, [*memories, "mac"], statement.span)
            return None
    outward = operand(statement.tensor) == "outputs"
    if "mac" in stops and (
        stops.index("mac") != (0 if outward else len(stops) - 1) or stops.count("mac") > 1
    ):
        way = "begins at" if outward else "ends at"
        reading.fail("E0517", f"the path of `{statement.tensor}` {way} the `mac`", statement.span)
        return None
    named = [stop for stop in (reversed(stops) if outward else stops) if stop != "mac"]
    if len(set(named)) < len(named):
        reading.fail("E0517", "a path goes through a memory once", statement.span)
        return None
    for name in named:
        if not can_hold(memories[name], statement.tensor):
            reading.fail(
                "E0517",
                f"`{statement.tensor}` is to pass `{name}`, which does not hold it",
                statement.span,
                help=[f"add `{statement.tensor}` to what `{name}` may hold"],
            )
            return None
    return tuple(named)


def _sorted(memories: Sequence[Memory], paths: Paths) -> list[Memory]:
    """Memories between two arrays, in the order of the text but where a path says otherwise."""

    def outside(first: Memory, second: Memory) -> bool:
        for _, stops in paths:
            if first.name in stops and second.name in stops:
                return stops.index(first.name) < stops.index(second.name)
        return memories.index(first) < memories.index(second) and _share(first, second)

    left, ordered = list(memories), list[Memory]()
    while left:
        free = (m for m in left if not any(outside(other, m) for other in left if other is not m))
        following = next(free, left[0])
        left.remove(following)
        ordered.append(following)
    return ordered


def _share(first: Memory, second: Memory) -> bool:
    """Whether some operand may be held in both."""
    held = [{operand(t) for t in m.holds | m.may_hold} for m in (first, second)]
    return not held[0].isdisjoint(held[1])
