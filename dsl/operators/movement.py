"""Operators that compute nothing and still move every word: shift, shuffle, upsampling, table look-up."""

from __future__ import annotations

from dovetail.dsl.operators.parameters import Pair
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
    image,
    show,
    words,
)
from dovetail.dsl.operators.windows import by


def _shift(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    channels, height, width = image("shift", shapes)
    kernel, stride, dilation = given.pair("kernel"), given.pair("stride"), given.pair("dilation")
    if kernel[0] % 2 == 0 or kernel[1] % 2 == 0:
        message = f"a `shift` moves as far up as down, and a {by(kernel)} neighbourhood has no middle"
        odd: Pair = (kernel[0] | 1, kernel[1] | 1)
        way_out = f"`kernel = {odd[0] if odd[0] == odd[1] else list(odd)}` has one"
        raise OperatorFault("value", message, parameter="kernel", help=way_out)
    return Inferred(
        outputs=((channels, -(-height // stride[0]), -(-width // stride[1])),),
        attributes=(("kernel", kernel), ("stride", stride), ("dilation", dilation)),
    )


def _shuffle(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    channels, height, width = image("shuffle", shapes)
    groups = given.whole("groups")
    if channels % groups:
        message = (
            f"`shuffle` deals its {channels} channels into {groups} groups, which does not come out even"
        )
        raise OperatorFault("divisible", message, operand=0, parameter="groups")
    return Inferred(
        outputs=((channels, height, width),),
        attributes=(("groups", groups), ("kind", given.text("kind"))),
    )


def _upsample(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    channels, height, width = image("upsample", shapes)
    rows, cols = given.pair("scale")
    shape = (channels, height * rows, width * cols)
    kind = given.text("kind")
    return Inferred(
        outputs=(shape,),
        attributes=(("scale", (rows, cols)), ("kind", kind)),
        operations=7 * words(shape) if kind == "bilinear" else 0,
    )


def _embedding(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    (tokens,) = shapes
    if len(tokens) != 1:
        message = f"`embedding` looks up a list of tokens, one number each, and this tensor is {show(tokens)}"
        raise OperatorFault("rank", message, operand=0, help=f"`input tokens[{tokens[0]}]` is such a list")
    vocabulary, features = given.whole("vocabulary"), given.whole("features")
    return Inferred(
        outputs=((*tokens, features),),
        attributes=(("vocabulary", vocabulary), ("features", features)),
        weights=vocabulary * features,
    )


MOVES = (
    Operator(
        "shift",
        (1, 1),
        (
            Parameter("kernel", Kind.PAIR),
            Parameter("stride", Kind.PAIR, 1),
            Parameter("dilation", Kind.PAIR, 1),
        ),
        "each channel moved by one place of a `kernel` neighbourhood; keeps ceil(size / stride)",
        Cost.MOVE,
        _shift,
        Formulas(output="channels x ceil(height / stride) x ceil(width / stride)"),
    ),
    Operator(
        "shuffle",
        (1, 1),
        (
            Parameter("groups", Kind.INT),
            Parameter("kind", Kind.STRING, "transpose", options=("transpose", "rotate")),
        ),
        'channels dealt out across groups ("transpose"), or turned by one group of them ("rotate")',
        Cost.MOVE,
        _shuffle,
        Formulas(output="as its input"),
    ),
    Operator(
        "upsample",
        (1, 1),
        (
            Parameter("scale", Kind.PAIR),
            Parameter("kind", Kind.STRING, "nearest", options=("nearest", "bilinear")),
        ),
        "an image `scale` times as high and wide, each word repeated or interpolated between four",
        Cost.UNIT,
        _upsample,
        Formulas(
            output="channels x scale*height x scale*width", operations='7*words if kind == "bilinear" else 0'
        ),
    ),
    Operator(
        "embedding",
        (1, 1),
        (Parameter("vocabulary", Kind.INT), Parameter("features", Kind.INT)),
        "the row of a learned table for each token; reads the rows, not the table",
        Cost.MOVE,
        _embedding,
        Formulas(output="tokens x features", weights="vocabulary*features"),
    ),
)
