"""Convolutions: dense, grouped, depthwise and deformable.

All of them are the loop nest of `Problem` with `G` groups of `K` output and `C` input channels. Bias and
normalisation are counted as parameters and applied on the way out: they add no MACs.
"""

from __future__ import annotations

from math import gcd

from dovetail.dsl.operators.parameters import Padding, Pair
from dovetail.dsl.operators.signature import (
    Arguments,
    Branch,
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
    show,
)
from dovetail.dsl.operators.windows import by, covered, slide
from dovetail.dsl.problem import Problem

KERNEL = Parameter("kernel", Kind.PAIR)
STRIDE = Parameter("stride", Kind.PAIR, 1)
PAD = Parameter("pad", Kind.PADDING, 0, least=0)
DILATION = Parameter("dilation", Kind.PAIR, 1)
BIAS = Parameter("bias", Kind.BOOL, Derived("not norm"))
NORM = Parameter("norm", Kind.BOOL, False)

_NEAREST = 4096
"""How far from the groups given a divisor is looked for; sizes may be huge."""


def _conv(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    channels, _, _ = image("conv", shapes)
    out, groups = given.whole("out"), given.whole("groups")
    _check_groups("conv", channels, out, groups)
    return _convolve("conv", shapes, given, out, groups)


def _dwconv(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    channels, _, _ = image("dwconv", shapes)
    return _convolve("dwconv", shapes, given, channels * given.whole("multiplier"), channels)


def _deform_conv(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    channels, _, _ = image("deform_conv", shapes)
    out, groups = given.whole("out"), given.whole("groups")
    if given.flag("depthwise"):
        if groups != 1:
            message = (
                f"`depthwise` makes every channel of `deform_conv` a group, and `groups = {groups}` is given"
            )
            raise OperatorFault("value", message, parameter="groups", help="leave one of the two out")
        if out % channels:
            message = (
                f"a depthwise `deform_conv` makes a multiple of its {channels} input channels, not {out}"
            )
            nearest = max(1, round(out / channels)) * channels
            raise OperatorFault(
                "divisible", message, operand=0, parameter="out", help=f"`out = {nearest}` is one"
            )
        groups = channels
    _check_groups("deform_conv", channels, out, groups)
    kernel, parts = given.pair("kernel"), given.whole("offset_groups")
    if channels % parts:
        message = f"`offset_groups = {parts}` does not divide the {channels} input channels"
        raise OperatorFault(
            "divisible", message, operand=0, parameter="offset_groups", help=_divisors(parts, channels)
        )
    plain = _convolve("deform_conv", shapes, given, out, groups)
    wanted = (2 * kernel[0] * kernel[1] * parts, *plain.outputs[0][1:])
    if len(shapes) > 1 and shapes[1] != wanted:
        message = (
            f"the offsets of this `deform_conv` are {show(wanted)}, and the tensor given is {show(shapes[1])}"
        )
        way_out = "a row and a column offset for each tap of the kernel, at each place of the output"
        raise OperatorFault("joined", message, operand=1, other=0, help=way_out)
    extra = (
        ("offset_groups", parts),
        ("bounded", given.flag("bounded")),
        ("depthwise", given.flag("depthwise")),
    )
    return Inferred(
        plain.outputs, plain.attributes + extra, plain.loops, plain.weights, plain.bias, plain.norm
    )


def _offset_conv(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    rows, cols = given.pair("kernel")
    return _convolve("offset_conv", shapes, given, 2 * rows * cols * given.whole("offset_groups"), 1)


def _convolve(operator: str, shapes: tuple[Shape, ...], given: Arguments, out: int, groups: int) -> Inferred:
    channels, height, width = image(operator, shapes)
    kernel, stride, dilation = given.pair("kernel"), given.pair("stride"), given.pair("dilation")
    placed = slide(
        operator, (height, width), kernel, stride=stride, dilation=dilation, padding=given.padding("pad")
    )
    norm = given.flag("norm")
    bias = given.flag("bias") if given.given("bias") else not norm
    loops = Problem(
        G=groups,
        K=out // groups,
        C=channels // groups,
        P=placed.places[0],
        Q=placed.places[1],
        R=kernel[0],
        S=kernel[1],
        stride=stride,
        dilation=dilation,
    )
    return Inferred(
        outputs=((out, *placed.places),),
        attributes=(
            ("out", out),
            ("kernel", kernel),
            ("stride", stride),
            ("padding", placed.padding),
            ("dilation", dilation),
            ("groups", groups),
            ("bias", bias),
            ("norm", norm),
        ),
        loops=loops,
        weights=out * (channels // groups) * kernel[0] * kernel[1],
        bias=out if bias else 0,
        norm=2 * out if norm else 0,
    )


def _check_groups(operator: str, channels: int, out: int, groups: int) -> None:
    for count, what in ((channels, "input"), (out, "output")):
        if count % groups:
            message = f"`groups = {groups}` of `{operator}` does not divide its {count} {what} channels"
            way_out = _divisors(groups, gcd(channels, out))
            raise OperatorFault("divisible", message, operand=0, parameter="groups", help=way_out)


def _divisors(wanted: int, common: int) -> str | None:
    """The divisors of `common` next to `wanted`, as help."""
    low, high = max(1, wanted - _NEAREST), min(common, wanted + _NEAREST)
    below = next((d for d in range(min(wanted, common), low - 1, -1) if common % d == 0), None)
    above = next((d for d in range(wanted, high + 1) if common % d == 0), None)
    near = [str(d) for d in (below, above) if d is not None]
    return f"{' and '.join(near)} {'does' if len(near) == 1 else 'do'}" if near else None


def padding_that_gives(
    attributes: tuple[tuple[str, object], ...], source: Shape, wanted: Pair, what: str = "convolution"
) -> str | None:
    """Help for tensors that differ in size: which `pad` of their maker makes them agree.

    `attributes` are those of the layer with the window, `source` the shape of its input, `wanted` rows and
    columns of its output. None if no equal padding on both sides does it, or the present one does.

    >>> padding_that_gives((("kernel", (3, 3)), ("stride", (1, 1))), (64, 55, 55), (55, 55))
    '`pad = 1` on the 3x3 convolution keeps 55 x 55'
    """
    facts = dict(attributes)
    kernel, stride, dilation = (_pair(facts.get(name, (1, 1))) for name in ("kernel", "stride", "dilation"))
    if kernel is None or stride is None or dilation is None or len(source) != 3:
        return None
    sides: list[int] = []
    for i in range(2):
        size = source[1 + i]
        # The least padding of both sides together that reaches the last place wanted, made even.
        extent = covered(kernel, dilation)[i]
        total = max(0, (wanted[i] - 1) * stride[i] + extent - size)
        total += total % 2
        if (size + total - extent) // stride[i] + 1 != wanted[i]:
            return None
        sides.append(total // 2)
    padding: Padding = (sides[0], sides[0], sides[1], sides[1])
    if facts.get("padding") == padding:
        return None
    text = str(sides[0]) if sides[0] == sides[1] else f"[{sides[0]}, {sides[1]}]"
    verb = "keeps" if tuple(source[1:]) == wanted else "gives"
    return f"`pad = {text}` on the {by(kernel)} {what} {verb} {wanted[0]} x {wanted[1]}"


def _pair(value: object) -> Pair | None:
    match value:
        case (int() as rows, int() as cols):
            return rows, cols
        case _:
            return None


_COUNTS = Formulas(
    output="G*K x P x Q",
    macs="G*K*C*P*Q*R*S",
    weights="G*K*C*R*S",
    bias="G*K",
    norm="2*G*K",
)

CONVOLUTIONS = (
    Operator(
        "conv",
        (1, 1),
        (
            Parameter("out", Kind.INT),
            KERNEL,
            STRIDE,
            PAD,
            DILATION,
            Parameter("groups", Kind.INT, 1),
            BIAS,
            NORM,
        ),
        "convolution to `out` channels, in `groups` independent groups of channels",
        Cost.MACS,
        _conv,
        _COUNTS,
    ),
    Operator(
        "dwconv",
        (1, 1),
        (KERNEL, STRIDE, PAD, DILATION, Parameter("multiplier", Kind.INT, 1), BIAS, NORM),
        "depthwise convolution: each channel by itself, into `multiplier` channels",
        Cost.MACS,
        _dwconv,
        _COUNTS,
    ),
    Operator(
        "deform_conv",
        (1, 2),
        (
            Parameter("out", Kind.INT),
            KERNEL,
            STRIDE,
            PAD,
            DILATION,
            Parameter("groups", Kind.INT, 1),
            BIAS,
            NORM,
            Parameter("bounded", Kind.BOOL, False),
            Parameter("depthwise", Kind.BOOL, False),
            Parameter("offset_groups", Kind.INT, 1),
        ),
        "deformable convolution: each tap at an offset that a branch of its own computes from the input",
        Cost.MACS,
        _deform_conv,
        _COUNTS,
        branch=Branch("offset_conv", "offset", ("kernel", "stride", "pad", "dilation", "offset_groups")),
    ),
    Operator(
        "offset_conv",
        (1, 1),
        (
            KERNEL,
            STRIDE,
            PAD,
            DILATION,
            Parameter("offset_groups", Kind.INT, 1),
            Parameter("bias", Kind.BOOL, True),
            NORM,
        ),
        "the offset branch of `deform_conv`: a row and a column offset for each tap of its kernel",
        Cost.MACS,
        _offset_conv,
        _COUNTS,
        internal=True,
    ),
)
