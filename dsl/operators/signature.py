"""What an operator is: its parameters, the shapes it makes, the loops it runs and what it costs.

    Operator = name, how many tensors it takes, parameters, a rule
    rule     = (shapes, arguments) -> Inferred: output shapes, attributes, loops, parameter counts

A shape has no batch: `(channels, height, width)` is an image, `(tokens, features)` a matrix of tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import TypeAlias

from dovetail.dsl.diagnostics import did_you_mean
from dovetail.dsl.operators.fault import FaultKind, OperatorFault
from dovetail.dsl.operators.parameters import (
    LARGEST,
    REQUIRED,
    Arguments,
    Derived,
    Kind,
    Parameter,
    describe,
)
from dovetail.dsl.problem import Problem

__all__ = [
    "REQUIRED",
    "Arguments",
    "Branch",
    "Cost",
    "Derived",
    "FaultKind",
    "Formulas",
    "Inferred",
    "Kind",
    "Operator",
    "OperatorFault",
    "Parameter",
    "Rule",
    "Shape",
    "axis_of",
    "image",
    "show",
    "words",
]

Shape: TypeAlias = tuple[int, ...]


class Cost(StrEnum):
    """What running an operator takes; which operations are free follows from it (`Network.free`)."""

    MACS = "macs"
    """Multiply-accumulates on the array; `Inferred.loops` says which."""
    UNIT = "unit"
    """Operations on a vector unit, and the traffic of its tensors."""
    POINTWISE = "pointwise"
    """As UNIT on its own, free where it is applied on the way out of the operation before."""
    MOVE = "move"
    """The traffic of its tensors alone."""
    VIEW = "view"
    """Nothing: readers address the words where they are."""


@dataclass(frozen=True, slots=True)
class Inferred:
    """What a use of an operator comes to, at batch 1.

    `attributes` are the arguments in normal form: `kernel`, `stride`, `dilation` as (rows, cols), `padding`
    as (top, bottom, left, right). `weights`, `bias` and `norm` count parameters. `operations` counts
    elementary operations of a vector unit (one addition, comparison, multiplication, exponential …), 0 where
    `loops` is given and where words only move.
    """

    outputs: tuple[Shape, ...]
    attributes: tuple[tuple[str, object], ...] = ()
    loops: Problem | None = None
    weights: int = 0
    bias: int = 0
    norm: int = 0
    operations: int = 0


@dataclass(frozen=True, slots=True)
class Formulas:
    """The counts of an operator in the letters of the documentation, as Python expressions.

    Letters: the bounds `G K C P Q R S` of its loops (`R S` the window of a pool), `words` of its outputs,
    `n` tensors taken, `channels` and `features` (the first and last axis of the first tensor), and its
    parameters.
    """

    output: str
    macs: str = "0"
    weights: str = "0"
    bias: str = "0"
    norm: str = "0"
    operations: str = "0"


@dataclass(frozen=True, slots=True)
class Branch:
    """A layer of its own that an operator stands for, made before it from the same first tensor.

    A use `y: f(x, …)` that gives one tensor less than the most `f` takes becomes two layers: `y.<suffix>`,
    the operator named `operator` on `x` with the arguments named in `parameters`, and `y` on `x` and its
    output.
    """

    operator: str
    suffix: str
    parameters: tuple[str, ...]


Rule: TypeAlias = Callable[[tuple[Shape, ...], Arguments], Inferred]


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator of the palette. `operands`: the least and the most tensors it takes (None: any number)."""

    name: str
    operands: tuple[int, int | None]
    parameters: tuple[Parameter, ...]
    summary: str
    cost: Cost
    rule: Rule
    formulas: Formulas
    branch: Branch | None = None
    internal: bool = False
    """Made by a branch of another operator, not written by users."""

    def __post_init__(self) -> None:
        names = [p.name for p in self.parameters]
        if len(set(names)) != len(names):
            raise ValueError(f"`{self.name}` has two parameters of one name: {names}")

    @property
    def signature(self) -> str:
        """How a text writes it: `conv(x, out, kernel, stride = 1, …)`."""
        least, most = self.operands
        letters = ["x"] if most == 1 else list("abcdefgh"[: max(least, 2)])
        if most is None:
            letters.append("…")
        if self.branch is not None:
            letters = ["x"]
        return f"{self.name}({', '.join([*letters, *map(str, self.parameters)])})"

    def bind(self, positional: Sequence[object], named: Mapping[str, object]) -> dict[str, object]:
        """Arguments by name: `positional` (tensors left out) in the order of the parameters, then `named`.

        Raises OperatorFault ("arity", "unknown") for an argument too many, twice given or of no known name.
        """
        if len(positional) > len(self.parameters):
            count = len(self.parameters)
            wanted = _number(count, "argument")
            message = f"`{self.name}` takes {wanted} besides tensors, and {len(positional)} are given"
            raise OperatorFault("arity", message, help=f"it is written `{self.signature}`")
        values = {p.name: value for p, value in zip(self.parameters, positional, strict=False)}
        for name, value in named.items():
            self._known(name)
            if name in values:
                message = f"`{name}` of `{self.name}` is given twice"
                raise OperatorFault("arity", message, parameter=name)
            values[name] = value
        return values

    def infer(self, shapes: Sequence[Shape], values: Mapping[str, object]) -> Inferred:
        """What this operator makes of tensors of `shapes` with arguments `values` (defaults filled in here).

        Raises OperatorFault for anything a user can get wrong.
        """
        self._check_count(len(shapes))
        return self._limited(self.rule(tuple(shapes), Arguments(self._checked(values))))

    def _check_count(self, count: int) -> None:
        least, most = self.operands
        if count < least or (most is not None and count > most):
            wanted = _number(least, "tensor")
            if most is None:
                wanted = f"at least {wanted}"
            elif most != least:
                wanted = f"{least} to {most} tensors"
            given = f"{_number(count, 'tensor')} {'is' if count == 1 else 'are'} given"
            message = f"`{self.name}` takes {wanted}, and {given}"
            raise OperatorFault("arity", message, help=f"it is written `{self.signature}`")

    def _known(self, name: str) -> None:
        known = [p.name for p in self.parameters]
        if name not in known:
            help_lines = did_you_mean(name, known) or (f"it is written `{self.signature}`",)
            message = f"`{self.name}` has no parameter `{name}`"
            raise OperatorFault("unknown", message, parameter=name, help=help_lines[0])

    def _checked(self, values: Mapping[str, object]) -> dict[str, object]:
        for name in values:
            self._known(name)
        checked: dict[str, object] = {}
        for p in self.parameters:
            value = values.get(p.name)
            if value is None:
                if p.required:
                    message = f"`{self.name}` needs `{p.name}`"
                    raise OperatorFault("missing", message, help=f"it is written `{self.signature}`")
                value = None if isinstance(p.default, Derived) else p.default
            checked[p.name] = None if value is None else p.coerce(self.name, value)
        return checked

    def _limited(self, inferred: Inferred) -> Inferred:
        for shape in inferred.outputs:
            for size in shape:
                if size > LARGEST:
                    message = f"`{self.name}` makes a tensor with an axis of {describe(size)}"
                    raise OperatorFault("size", message, help="an axis has at most 10^18 words")
        return inferred


def words(shape: Shape) -> int:
    """The words of a tensor of `shape`."""
    return prod(shape)


def show(shape: Shape) -> str:
    """`64 x 55 x 55`, the way messages and tables print a shape."""
    return " x ".join(map(str, shape))


def image(operator: str, shapes: Sequence[Shape], operand: int = 0) -> tuple[int, int, int]:
    """(channels, height, width) of an operand; raises OperatorFault ("rank") if it is no image."""
    shape = shapes[operand]
    if len(shape) != 3:
        message = f"`{operator}` works on images, channels x height x width, and this tensor is {show(shape)}"
        way_out = None
        if len(shape) == 1:
            way_out = f"`reshape([{shape[0]}, 1, 1])` makes an image of 1 x 1"
        elif len(shape) == 2 and operator == "conv":
            way_out = f"`linear` works on {shape[0]} tokens of {shape[1]} features"
        raise OperatorFault("rank", message, operand=operand, help=way_out)
    channels, height, width = shape
    return channels, height, width


def axis_of(operator: str, shape: Shape, axis: int, operand: int = 0) -> int:
    """`axis` counted from the front; raises OperatorFault ("value") if `shape` has no such axis."""
    rank = len(shape)
    if not -rank <= axis < rank:
        message = f"`{operator}` works along axis {axis}, and this tensor is {show(shape)}"
        way_out = f"its axes are 0 to {rank - 1}, or -{rank} to -1 from the end"
        raise OperatorFault("value", message, operand=operand, parameter="axis", help=way_out)
    return axis % rank


def _number(count: int, noun: str) -> str:
    return f"{'no' if count == 0 else count} {noun}{'' if count == 1 else 's'}"
