"""What an operator finds wrong with its use: facts, for the elaborator to place in the source and render."""

from __future__ import annotations

from typing import Literal, TypeAlias

FaultKind: TypeAlias = Literal[
    "arity",  # too few or too many tensors or arguments
    "unknown",  # no parameter of that name
    "missing",  # a parameter without default is not given
    "value",  # an argument of the wrong type or out of its range
    "rank",  # a tensor with the wrong number of axes
    "shape",  # a tensor whose sizes the operator cannot take
    "joined",  # tensors that must agree with each other and do not
    "divisible",  # a size that must be a multiple of a number and is not
    "size",  # a result too large to be meant
]


class OperatorFault(Exception):
    """One problem in the use of an operator.

    `message` is one sentence in the user's words, without a full stop; `operand` and `other` are the indexes
    of the tensors it speaks of; `parameter` is the argument at fault; `help` the way out, where one is known.
    """

    def __init__(
        self,
        kind: FaultKind,
        message: str,
        *,
        operand: int | None = None,
        other: int | None = None,
        parameter: str | None = None,
        help: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: FaultKind = kind
        self.message = message
        self.operand = operand
        self.other = other
        self.parameter = parameter
        self.help = help
