"""Operators word by word: activations, sums and products of whole tensors, and those that do nothing."""

from __future__ import annotations

from functools import partial

from dovetail.dsl.operators.signature import (
    Arguments,
    Cost,
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

ACTIVATIONS: dict[str, tuple[int, str]] = {
    "relu": (1, "max(x, 0): a comparison"),
    "relu6": (2, "min(max(x, 0), 6): two comparisons"),
    "leaky_relu": (2, "x, or a small part of it where negative: a product and a comparison"),
    "hswish": (5, "x * relu6(x + 3) / 6: a sum, two comparisons, two products"),
    "hsigmoid": (4, "relu6(x + 3) / 6: a sum, two comparisons, a product"),
    "sigmoid": (4, "1 / (1 + exp(-x)): a sign, an exponential, a sum, a division"),
    "silu": (5, "x * sigmoid(x): a sigmoid and a product"),
    "tanh": (1, "tanh(x): one function"),
    "gelu": (5, "x / 2 * (1 + erf(x / sqrt 2)): three products, a function, a sum"),
}
"""Elementary operations a word of each activation, and what they are."""


def _activation(each: int, shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    return Inferred(outputs=(shapes[0],), operations=each * words(shapes[0]))


def _same(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    return Inferred(outputs=(shapes[0],))


def _add(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    for i, shape in enumerate(shapes[1:], start=1):
        if shape != shapes[0]:
            raise _unequal("added", shapes, 0, i)
    return Inferred(outputs=(shapes[0],), operations=(len(shapes) - 1) * words(shapes[0]))


def _mul(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    # One value a channel scales an image (squeeze and excitation); the product is as large as the image.
    largest = max(range(len(shapes)), key=lambda i: words(shapes[i]))
    shape = shapes[largest]
    for i, other in enumerate(shapes):
        if other != shape and not (len(shape) == 3 and other == (shape[0], 1, 1)):
            raise _unequal("multiplied", shapes, largest, i)
    return Inferred(outputs=(shape,), operations=(len(shapes) - 1) * words(shape))


def _unequal(joined: str, shapes: tuple[Shape, ...], first: int, second: int) -> OperatorFault:
    a, b = shapes[first], shapes[second]
    message = f"the tensors {joined} here differ: {show(a)} and {show(b)}"
    way_out = None
    if len(a) == len(b) == 3 and a[0] != b[0] and a[1:] == b[1:]:
        way_out = f"`conv({a[0]}, 1)` on the second makes {a[0]} channels of its {b[0]}"
    elif joined == "multiplied" and len(a) == 3 and b == (a[0],):
        way_out = f"`reshape([{b[0]}, 1, 1])` on the second makes it one value a channel"
    elif words(a) == words(b):
        way_out = f"`reshape({list(a)})` gives the second the shape of the first"
    return OperatorFault("joined", message, operand=first, other=second, help=way_out)


def _pointwise(name: str, each: int, what: str) -> Operator:
    operations = "words" if each == 1 else f"{each}*words"
    formulas = Formulas(output="as its input", operations=operations)
    return Operator(name, (1, 1), (), what, Cost.POINTWISE, partial(_activation, each), formulas)


ELEMENTWISE = (
    *(_pointwise(name, each, what) for name, (each, what) in ACTIVATIONS.items()),
    Operator(
        "add",
        (2, None),
        (),
        "the sum of tensors of one shape; `a + b` is the same",
        Cost.UNIT,
        _add,
        Formulas(output="as its inputs", operations="(n - 1)*words"),
    ),
    Operator(
        "mul",
        (2, None),
        (),
        "the product of tensors of one shape, or of an image and one value a channel",
        Cost.UNIT,
        _mul,
        Formulas(output="as its largest input", operations="(n - 1)*words"),
    ),
    Operator(
        "identity",
        (1, 1),
        (),
        "its input",
        Cost.VIEW,
        _same,
        Formulas(output="as its input"),
    ),
    Operator(
        "dropout",
        (1, 1),
        (Parameter("rate", Kind.NUMBER, 0.5),),
        "its input: dropout acts in training only",
        Cost.VIEW,
        _same,
        Formulas(output="as its input"),
    ),
)
