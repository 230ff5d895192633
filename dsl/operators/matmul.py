"""Products: fully connected layers, matrix products and einsums of two tensors, all as one loop nest.

    in both operands and the result    -> G (batch, heads)
    in both operands, not the result   -> C (summed over)
    in the first and the result        -> P
    in the second and the result       -> K

so `M x K` times `K x N` is `P = M`, `C = K`, `K = N`, and the second operand takes the place of weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from dovetail.dsl.operators.fault import FaultKind
from dovetail.dsl.operators.signature import (
    Arguments,
    Cost,
    Derived,
    Formulas,
    Inferred,
    Kind,
    Operator,
    OperatorFault,
    Parameter,
    Shape,
    show,
    words,
)
from dovetail.dsl.problem import Problem

LONGEST_EQUATION = 200


def _linear(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    (shape,) = shapes
    out = given.whole("out")
    result: Shape
    if len(shape) == 3:
        # An image is a vector only where it is 1 x 1; flattening one silently has surprised too many.
        features, height, width = shape
        if (height, width) != (1, 1):
            message = f"`linear` works on a vector or on tokens x features, and this tensor is {show(shape)}"
            way_out = f"`flatten` first makes one vector of {words(shape)} features"
            raise OperatorFault("rank", message, operand=0, help=way_out)
        rows, result = 1, (out, 1, 1)
    else:
        features, rows, result = shape[-1], prod(shape[:-1]), (*shape[:-1], out)
    norm = given.flag("norm")
    bias = given.flag("bias") if given.given("bias") else not norm
    return Inferred(
        outputs=(result,),
        attributes=(("out", out), ("bias", bias), ("norm", norm)),
        loops=Problem(P=rows, C=features, K=out),
        weights=features * out,
        bias=out if bias else 0,
        norm=2 * out if norm else 0,
    )


def _matmul(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    a, b = shapes
    for i, shape in enumerate(shapes):
        if len(shape) < 2:
            message = f"`matmul` multiplies matrices, and this tensor is a vector of {show(shape)}"
            raise OperatorFault(
                "rank", message, operand=i, help=f"`reshape([1, {shape[0]}])` makes one row of it"
            )
    transposed = given.flag("transpose_b")
    inner, columns = (b[-1], b[-2]) if transposed else (b[-2], b[-1])
    if a[-1] != inner:
        message = f"the matrices multiplied here do not fit: {show(a)} has rows of {a[-1]} words, "
        message += f"{show(b)} has {'rows' if transposed else 'columns'} of {inner}"
        way_out = None
        if not transposed and a[-1] == b[-1]:
            way_out = "`transpose_b = true` multiplies with the second one turned"
        raise OperatorFault("joined", message, operand=0, other=1, help=way_out)
    heads_a, heads_b = a[:-2], b[:-2]
    if heads_a and heads_b and heads_a != heads_b:
        message = f"the stacks of matrices multiplied here differ: {show(a)} and {show(b)}"
        raise OperatorFault("joined", message, operand=0, other=1)
    attributes = (("transpose_b", transposed),)
    rows = a[-2]
    if heads_a and heads_b:
        loops = Problem(G=prod(heads_a), P=rows, C=inner, K=columns)
    else:
        # One matrix for a whole stack: the stack lengthens the rows of one side.
        loops = Problem(P=prod(heads_a) * rows, C=inner, K=prod(heads_b) * columns)
    return Inferred(outputs=((*(heads_a or heads_b), rows, columns),), attributes=attributes, loops=loops)


def _einsum(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    a, b, result = _labels(given.text("equation"), shapes)
    sizes: dict[str, int] = {}
    owner: dict[str, int] = {}
    for i, (labels, shape) in enumerate(zip((a, b), shapes, strict=True)):
        for label, size in zip(labels, shape, strict=True):
            if sizes.setdefault(label, size) != size:
                message = (
                    f"`{label}` of this `einsum` is {sizes[label]} in the first tensor, {size} in the second"
                )
                raise OperatorFault("joined", message, operand=i, other=owner[label])
            owner[label] = i
    alone = [label for label in a + b if (label in a) != (label in b) and label not in result]
    if alone:
        message = f"`{alone[0]}` of this `einsum` is summed over in one tensor alone, which is no product"
        raise _fault(message, help=f"keep `{alone[0]}` in the result, or give it to both tensors")

    def bound(labels: Iterable[str]) -> int:
        return prod(sizes[label] for label in labels)

    both = [label for label in a if label in b]
    loops = Problem(
        G=bound(label for label in both if label in result),
        C=bound(label for label in both if label not in result),
        P=bound(label for label in a if label not in b),
        K=bound(label for label in b if label not in a),
    )
    equation = f"{a}, {b} -> {result}"
    shape = tuple(sizes[label] for label in result)
    return Inferred(outputs=(shape,), attributes=(("equation", equation),), loops=loops)


def _labels(equation: str, shapes: tuple[Shape, ...]) -> tuple[str, str, str]:
    """The labels of both operands and the result; every label is checked against the ranks."""
    example = (
        'it is written like "hqd, hkd -> hqk": a letter an axis, what is left out of the result is summed'
    )
    if len(equation) > LONGEST_EQUATION:
        raise _fault(f"the equation of this `einsum` has {len(equation)} characters", help=example)
    left, arrow, result = equation.replace(" ", "").partition("->")
    operands = left.split(",")
    if not arrow or len(operands) != 2:
        raise _fault("the equation of an `einsum` has two tensors, `->` and a result", help=example)
    a, b = operands
    for labels in (a, b, result):
        odd = next((c for c in labels if not c.isalpha()), None)
        if odd is not None:
            raise _fault(f"`{odd}` is no letter in the equation of this `einsum`", help=example)
        twice = next((c for c in labels if labels.count(c) > 1), None)
        if twice is not None:
            raise _fault(
                f"`{twice}` stands twice in `{labels}`", help="each axis of a tensor has its own letter"
            )
    for i, (labels, shape) in enumerate(zip((a, b), shapes, strict=True)):
        if len(labels) != len(shape):
            message = f"`{labels}` of this `einsum` names {len(labels)} axes, and the tensor is {show(shape)}"
            raise _fault(message, kind="rank", operand=i)
    new = next((c for c in result if c not in a + b), None)
    if new is not None:
        raise _fault(f"`{new}` is in the result of this `einsum` and in neither of its tensors")
    if not result:
        raise _fault("this `einsum` sums over every axis", help="a result keeps at least one")
    return a, b, result


def _fault(
    message: str, *, kind: FaultKind = "value", operand: int | None = None, help: str | None = None
) -> OperatorFault:
    return OperatorFault(kind, message, operand=operand, parameter="equation", help=help)


PRODUCTS = (
    Operator(
        "linear",
        (1, 1),
        (
            Parameter("out", Kind.INT),
            Parameter("bias", Kind.BOOL, Derived("not norm")),
            Parameter("norm", Kind.BOOL, False),
        ),
        "fully connected layer: on a vector, an image of 1 x 1, or the features of each token",
        Cost.MACS,
        _linear,
        Formulas(output="its input, the last axis `out`", macs="P*C*K", weights="C*K", bias="K", norm="2*K"),
    ),
    Operator(
        "matmul",
        (2, 2),
        (Parameter("transpose_b", Kind.BOOL, False),),
        "product of two matrices, or of two stacks of them (heads)",
        Cost.MACS,
        _matmul,
        Formulas(output="G x P x K", macs="G*P*C*K"),
    ),
    Operator(
        "einsum",
        (2, 2),
        (Parameter("equation", Kind.STRING),),
        'product of two tensors by the letters of their axes, as in "hqd, hkd -> hqk"',
        Cost.MACS,
        _einsum,
        Formulas(output="the letters of the result", macs="G*P*C*K"),
    ),
)
