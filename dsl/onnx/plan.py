"""The network under construction: steps of our operators on tensors without batch, shapes known at once.

A view (reshape, transpose) is made only when somebody needs the words in that shape, once, and views of views
are views of the first tensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Final

from dovetail.dsl.onnx.axes import Unreadable
from dovetail.dsl.operators import OPERATORS, OperatorFault, Shape

WEIGHTED: Final = frozenset({"conv", "dwconv", "deform_conv", "linear"})
"""Operators into which a bias or a normalisation after them is folded."""


@dataclass(slots=True, eq=False)
class Step:
    """One use of an operator; `path` is what its name comes from: modules from the outside in."""

    op: str
    operands: tuple[int, ...]
    arguments: dict[str, object]
    results: tuple[int, ...]
    path: tuple[str, ...] = ()


@dataclass(slots=True)
class Plan:
    """Steps in execution order; tensors are numbers, `shapes[number]` has no batch."""

    steps: list[Step] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    inputs: dict[str, int] = field(default_factory=dict)
    outputs: list[int] = field(default_factory=list)
    makers: dict[int, Step] = field(default_factory=dict)
    _views: dict[tuple[int, Shape], int] = field(default_factory=dict)

    def input(self, name: str, shape: Shape) -> int:
        """An input of the network."""
        number = self._tensor(shape)
        self.inputs[name] = number
        return number

    def _tensor(self, shape: Shape) -> int:
        self.shapes.append(shape)
        return len(self.shapes) - 1

    def add(
        self,
        op: str,
        operands: Sequence[int],
        arguments: Mapping[str, object] | None = None,
        path: tuple[str, ...] = (),
    ) -> tuple[int, ...]:
        """A step; raises Unreadable with the operator's own sentence for what it cannot take."""
        given = dict(arguments or {})
        try:
            inferred = OPERATORS[op].infer([self.shapes[i] for i in operands], given)
        except OperatorFault as fault:
            raise Unreadable(str(fault)) from fault
        results = tuple(self._tensor(shape) for shape in inferred.outputs)
        step = Step(op, tuple(operands), given, results, path)
        self.steps.append(step)
        self.makers |= dict.fromkeys(results, step)
        return results

    def shaped(self, number: int, shape: Shape) -> int:
        """The same words in another shape."""
        if self.shapes[number] == shape:
            return number
        if prod(self.shapes[number]) != prod(shape):
            raise Unreadable(f"{list(self.shapes[number])} and {list(shape)} are not as many words")
        maker = self.makers.get(number)
        if maker is not None and maker.op in ("reshape", "flatten"):
            return self.shaped(maker.operands[0], shape)
        key = (number, shape)
        if key not in self._views:
            shuffled = self._shuffled(number, shape)
            if shuffled is not None:
                self._views[key] = shuffled
            elif len(shape) == 1:
                (self._views[key],) = self.add("flatten", [number])
            else:
                (self._views[key],) = self.add("reshape", [number], {"shape": shape})
        return self._views[key]

    def turned(self, number: int, order: Sequence[int]) -> int:
        """The same words with the axes in another order."""
        maker = self.makers.get(number)
        if maker is not None and maker.op == "transpose":
            before = maker.arguments["order"]
            assert isinstance(before, tuple)
            return self.turned(maker.operands[0], [before[axis] for axis in order])
        if list(order) == sorted(order):
            return number
        shape = self.shapes[number]
        moved = [axis for axis in order if shape[axis] != 1]
        if moved == sorted(moved):  # only axes of one word move
            return self.shaped(number, tuple(shape[axis] for axis in order))
        key = (-number - 1, tuple(order))
        if key not in self._views:
            (self._views[key],) = self.add("transpose", [number], {"order": tuple(order)})
        return self._views[key]

    def _shuffled(self, number: int, shape: Shape) -> int | None:
        """Channels as groups, groups and channels exchanged, channels again: that is `shuffle`."""
        maker = self.makers.get(number)
        if maker is None or maker.op != "transpose" or len(shape) != 3:
            return None
        order, parts = maker.arguments["order"], self.shapes[maker.operands[0]]
        assert isinstance(order, tuple)
        if order[:2] != (1, 0) or order[2:] != tuple(range(2, len(parts))) or parts[2:] != shape[1:]:
            return None
        source = self.shaped(maker.operands[0], shape)
        return self.add("shuffle", [source], {"groups": parts[0]})[0]

    def prune(self) -> None:
        """Drop steps and inputs that no output needs."""
        needed = set(self.outputs)
        kept = []
        for step in reversed(self.steps):
            if needed.intersection(step.results):
                needed.update(step.operands)
                kept.append(step)
        self.steps = kept[::-1]
        self.inputs = {name: number for name, number in self.inputs.items() if number in needed}

    def readers(self) -> dict[int, list[Step]]:
        """The steps that read each tensor, once for each operand."""
        found: dict[int, list[Step]] = {}
        for step in self.steps:
            for number in step.operands:
                found.setdefault(number, []).append(step)
        return found


def without_ones(shape: Iterable[int]) -> Shape:
    """The axes of more than one word."""
    return tuple(size for size in shape if size != 1)
