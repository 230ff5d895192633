"""Pooling, with both roundings, and over the whole image."""

from __future__ import annotations

from functools import partial

from dovetail.dsl.operators.parameters import GLOBAL, Pair
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
    image,
)
from dovetail.dsl.operators.windows import by, slide


def _pool(operator: str, shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    channels, height, width = image(operator, shapes)
    whole = given.is_global("kernel")
    kernel: Pair = (height, width) if whole else given.pair("kernel")
    stride = given.pair("stride") if given.given("stride") else kernel
    padding = given.padding("pad")
    if whole and (given.given("stride") or padding is None or any(padding)):
        message = f"a `{operator}` over the whole image has one place, and takes neither `stride` nor `pad`"
        raise OperatorFault("value", message, parameter="stride" if given.given("stride") else "pad")
    if padding is not None and (max(padding[:2]) >= kernel[0] or max(padding[2:]) >= kernel[1]):
        message = f"the padding of `{operator}` leaves a {by(kernel)} window nothing but padding"
        way_out = f"`pad` is at most {min(kernel) - 1} for this window"
        raise OperatorFault("value", message, parameter="pad", help=way_out)
    ceil = given.flag("ceil")
    placed = slide(operator, (height, width), kernel, stride=stride, padding=padding, ceil=ceil)
    rows, cols = placed.places
    return Inferred(
        outputs=((channels, rows, cols),),
        attributes=(
            ("kernel", kernel),
            ("stride", stride),
            ("padding", placed.padding),
            ("ceil", ceil),
            (GLOBAL, whole),
        ),
        operations=channels * rows * cols * kernel[0] * kernel[1],
    )


def _pooling(name: str, what: str) -> Operator:
    return Operator(
        name,
        (1, 1),
        (
            Parameter("kernel", Kind.WINDOW),
            Parameter("stride", Kind.PAIR, Derived("kernel")),
            Parameter("pad", Kind.PADDING, 0, least=0),
            Parameter("ceil", Kind.BOOL, False),
        ),
        f"the {what} of each window, or of the whole image with `global`; `ceil` rounds its places up",
        Cost.UNIT,
        partial(_pool, name),
        Formulas(output="channels x P x Q", operations="words*R*S"),
    )


POOLS = (_pooling("maxpool", "largest value"), _pooling("avgpool", "mean"))
