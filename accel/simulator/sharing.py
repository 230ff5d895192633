"""What PEs of a broadcasting array do for each other: who is served by one read, whose sums become one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dovetail.accel.architecture import LinkKind
from dovetail.accel.simulator.plan import Bools, Inside, Ints, Plan
from dovetail.dsl.problem import RELEVANT, Problem


@dataclass(frozen=True, slots=True)
class Receivers:
    """PEs in one step, by who is served together."""

    group: Ints
    """`[R, C]`: PEs with equal numbers are one receiver."""

    def count(self, active: Bools) -> int:
        """How many receivers have a PE with work."""
        return len(np.unique(self.group[active]))


def kinds_along(plan: Plan, operand: str, axis: str) -> set[LinkKind]:
    """The links of an operand along an axis; sums that move are added on their way."""
    kinds = {
        plan.array.links[link].kind
        for link in plan.array.links_of(operand)
        if axis in plan.array.links[link].axes
    }
    return {LinkKind.REDUCE} if kinds and operand == "outputs" else kinds


def shifts(plan: Plan, operand: str) -> bool:
    """Whether an operand is shifted between neighbours along every axis that is in use."""
    axes = {loop.axis for _, loop in (*plan.rows, *plan.columns) if loop.trips > 1}
    return bool(axes) and all(LinkKind.SHIFT in kinds_along(plan, operand, axis) for axis in axes)


def receivers(plan: Plan, operand: str, inside: dict[str, Inside]) -> Receivers:
    """PEs along axes with a link, whose words begin at the same place, are one receiver.

    `inside` are indices of PEs in one step, the first.
    """
    rows, columns = plan.shape
    keys: list[Ints] = []
    shared: dict[str, Ints] = {}
    for loops, length, axis in ((plan.rows, rows, 0), (plan.columns, columns, 1)):
        every = np.arange(length, dtype=np.int64).reshape((-1, 1) if axis == 0 else (1, -1))
        inner = 1
        for _, loop in reversed(loops):
            number = every // inner % loop.trips
            inner *= loop.trips
            if not kinds_along(plan, operand, loop.axis):
                keys.append(np.broadcast_to(number, (rows, columns)))
            else:
                shared[loop.dimension] = shared.get(loop.dimension, np.int64(0)) + number * loop.step
    for place in _places(plan.problem, operand, shared):
        keys.append(np.broadcast_to(place, (rows, columns)))
    if not keys:
        return Receivers(np.zeros((rows, columns), np.int64))
    stacked = np.stack([key.reshape(-1) for key in keys])
    _, group = np.unique(stacked, axis=1, return_inverse=True)
    return Receivers(group.reshape(rows, columns).astype(np.int64))


def _places(problem: Problem, operand: str, shared: dict[str, Ints]) -> list[Ints]:
    """Where words begin along each axis of the operand."""
    if operand != "inputs":
        return [place for d, place in shared.items() if d in RELEVANT[operand]]
    places = [shared[d] for d in "NGC" if d in shared]
    for pixel, kernel, stride, dilation in (
        ("P", "R", problem.stride[0], problem.dilation[0]),
        ("Q", "S", problem.stride[1], problem.dilation[1]),
    ):
        if pixel in shared or kernel in shared:
            zero = np.zeros((1, 1), np.int64)
            places.append(shared.get(pixel, zero) * stride + shared.get(kernel, zero) * dilation)
    return places
