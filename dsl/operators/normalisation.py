"""Normalisations: over a batch, over features, over neighbouring channels, to a sum of 1."""

from __future__ import annotations

from dovetail.dsl.operators.signature import (
    Arguments,
    Cost,
    Formulas,
    Inferred,
    Kind,
    Operator,
    Parameter,
    Shape,
    axis_of,
    image,
    words,
)


def _batchnorm(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    (shape,) = shapes
    # Channels of an image, features of tokens: the axis that a convolution or a linear layer makes.
    channels = shape[0] if len(shape) == 3 else shape[-1]
    return Inferred(outputs=(shape,), norm=2 * channels, operations=2 * words(shape))


def _layernorm(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    (shape,) = shapes
    return Inferred(outputs=(shape,), norm=2 * shape[-1], operations=7 * words(shape))


def _lrn(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    shape = image("lrn", shapes)
    size = given.whole("size")
    return Inferred(outputs=(shape,), attributes=(("size", size),), operations=(size + 4) * words(shape))


def _softmax(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    (shape,) = shapes
    axis = axis_of("softmax", shape, given.whole("axis"))
    return Inferred(outputs=(shape,), attributes=(("axis", axis),), operations=5 * words(shape))


NORMALISATIONS = (
    Operator(
        "batchnorm",
        (1, 1),
        (),
        "scale and shift of each channel, as trained: a product and a sum",
        Cost.POINTWISE,
        _batchnorm,
        Formulas(output="as its input", norm="2*channels", operations="2*words"),
    ),
    Operator(
        "layernorm",
        (1, 1),
        (),
        "features of each token to mean 0 and variance 1, then scaled and shifted: "
        "a sum, a difference, a square and its sum, three for scale and shift",
        Cost.UNIT,
        _layernorm,
        Formulas(output="as its input", norm="2*features", operations="7*words"),
    ),
    Operator(
        "lrn",
        (1, 1),
        (Parameter("size", Kind.INT, 5),),
        "each word divided by a power of the squares of `size` neighbouring channels: "
        "a square, `size` sums, a scale, a power, a division",
        Cost.UNIT,
        _lrn,
        Formulas(output="as its input", operations="(size + 4)*words"),
    ),
    Operator(
        "softmax",
        (1, 1),
        (Parameter("axis", Kind.AXIS, -1),),
        "exponentials along `axis`, divided by their sum: "
        "a maximum, a difference, an exponential, a sum, a division",
        Cost.UNIT,
        _softmax,
        Formulas(output="as its input", operations="5*words"),
    ),
)
