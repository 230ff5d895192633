"""A network cut where one tensor carries everything: a chain of segments, each with one way in and one out.

What repeats along the chain can become a block. Two segments are alike if they have the same operators, wired
in the same way; numbers may differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dovetail.dsl.onnx.plan import Plan, Step

Skeleton: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Steps between two cuts; `skeleton` is None where they read something else than `source`."""

    steps: tuple[Step, ...]
    source: int
    result: int
    skeleton: Skeleton | None


def segments(plan: Plan) -> list[Segment]:
    """The chain of segments; steps in their order in the plan."""
    last: dict[int, int] = {}
    for index, step in enumerate(plan.steps):
        last |= dict.fromkeys(step.operands, index)
    last |= dict.fromkeys(plan.outputs, len(plan.steps))
    live: set[int] = set()
    found: list[Segment] = []
    begin, source = 0, next(iter(plan.inputs.values())) if len(plan.inputs) == 1 else -1
    for index, step in enumerate(plan.steps):
        live.update(step.operands, step.results)
        live = {n for n in live if last.get(n, -1) > index}
        if len(live) == 1:
            (result,) = live
            steps = tuple(plan.steps[begin : index + 1])
            found.append(Segment(steps, source, result, skeleton(steps, source, result)))
            begin, source = index + 1, result
    if begin < len(plan.steps):
        found.append(Segment(tuple(plan.steps[begin:]), source, -1, None))
    return found


def skeleton(steps: Sequence[Step], source: int, result: int) -> Skeleton | None:
    """Operators and wiring; texts among the arguments belong to it, numbers do not."""
    local = {source: -1}
    count = 0
    facts: list[object] = []
    for step in steps:
        if any(n not in local for n in step.operands):
            return None
        words = sorted((n, v if isinstance(v, str) else "") for n, v in step.arguments.items())
        facts.append((step.op, tuple(local[n] for n in step.operands), tuple(words)))
        for number in step.results:
            local[number] = count
            count += 1
    return (*facts, local[result]) if result in local else None
