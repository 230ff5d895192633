import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.dsl.operators import OPERATORS, OperatorFault, padding_that_gives
from dovetail.dsl.problem import Problem

SEEDED = settings(derandomize=True, deadline=None)


def infer(op, *shapes, **values):
    return OPERATORS[op].infer(shapes, values)


def fault(op, *shapes, **values):
    with pytest.raises(OperatorFault) as caught:
        infer(op, *shapes, **values)
    return caught.value


def windows(size, kernel, stride, dilation, before, after):
    """Places of a window, counted one by one."""
    extent = (kernel - 1) * dilation + 1
    padded = np.zeros(before + size + after)
    return sum(1 for start in range(0, len(padded), stride) if start + extent <= len(padded))


def test_first_layer_of_alexnet():
    conv = infer("conv", (3, 227, 227), out=96, kernel=11, stride=4)
    assert conv.outputs == ((96, 55, 55),)
    assert conv.loops == Problem(K=96, C=3, P=55, Q=55, R=11, S=11, stride=(4, 4))
    assert (conv.weights, conv.bias, conv.norm) == (34848, 96, 0)
    assert conv.loops.macs == 105_415_200
    assert dict(conv.attributes)["padding"] == (0, 0, 0, 0)


@SEEDED
@given(
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pad=st.tuples(*[st.integers(0, 3)] * 4),
)
def test_output_size_is_the_number_of_window_places(size, kernel, stride, dilation, pad):
    places = tuple(
        windows(size[i], kernel[i], stride[i], dilation[i], pad[2 * i], pad[2 * i + 1]) for i in range(2)
    )
    values = {"out": 4, "kernel": kernel, "stride": stride, "dilation": dilation, "pad": pad}
    if 0 in places:
        assert fault("conv", (2, *size), **values).kind == "shape"
    else:
        assert infer("conv", (2, *size), **values).outputs == ((4, *places),)


@SEEDED
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 4), st.integers(1, 3))
def test_same_keeps_size_over_stride_and_pads_no_more_than_needed(size, kernel, stride, dilation):
    conv = infer("conv", (1, size, size), out=1, kernel=kernel, stride=stride, dilation=dilation, pad="same")
    assert conv.outputs == ((1, -(-size // stride), -(-size // stride)),)
    top, bottom, left, right = dict(conv.attributes)["padding"]
    assert (top, bottom) == (left, right)
    assert 0 <= bottom - top <= 1
    if top + bottom:
        assert windows(size, kernel, stride, dilation, top, bottom - 1 if bottom else 0) < -(-size // stride)


def test_four_paddings_are_top_bottom_left_right():
    conv = infer("conv", (1, 10, 10), out=1, kernel=1, pad=[1, 2, 3, 4])
    assert conv.outputs == ((1, 13, 17),)


def test_rectangular_kernels():
    assert infer("conv", (16, 20, 30), out=8, kernel=[3, 1], pad=[1, 0]).outputs == ((8, 20, 30),)
    assert infer("conv", (16, 20, 30), out=8, kernel=[1, 3], pad=[0, 1]).weights == 8 * 16 * 3


def test_groups_divide_channels_among_themselves():
    grouped = infer("conv", (96, 27, 27), out=256, kernel=5, pad=2, groups=2)
    assert grouped.weights == 256 * 48 * 25
    assert (grouped.loops.G, grouped.loops.K, grouped.loops.C) == (2, 128, 48)
    dense = infer("conv", (96, 27, 27), out=256, kernel=5, pad=2)
    assert dense.loops.macs == 2 * grouped.loops.macs


def test_depthwise_is_a_convolution_with_a_group_a_channel():
    depthwise = infer("dwconv", (32, 112, 112), kernel=3, pad=1, norm=True, multiplier=2)
    grouped = infer("conv", (32, 112, 112), out=64, kernel=3, pad=1, groups=32, norm=True)
    assert depthwise == grouped


def test_norm_takes_the_place_of_the_bias_unless_both_are_asked_for():
    counts = [
        (c.bias, c.norm)
        for c in (
            infer("conv", (3, 9, 9), out=8, kernel=1),
            infer("conv", (3, 9, 9), out=8, kernel=1, norm=True),
            infer("conv", (3, 9, 9), out=8, kernel=1, norm=True, bias=True),
            infer("conv", (3, 9, 9), out=8, kernel=1, bias=False),
        )
    ]
    assert counts == [(8, 0), (0, 16), (8, 16), (0, 0)]


def test_deformable_convolution_is_an_offset_branch_and_a_convolution():
    operator = OPERATORS["deform_conv"]
    branch = operator.branch
    assert (branch.operator, branch.suffix) == ("offset_conv", "offset")
    values = {"out": 64, "kernel": 3, "stride": 2, "pad": 1, "offset_groups": 2}
    offsets = infer(
        branch.operator, (32, 20, 20), **{k: v for k, v in values.items() if k in branch.parameters}
    )
    assert offsets.outputs == ((2 * 9 * 2, 10, 10),)
    assert offsets.weights == 36 * 32 * 9
    deformed = operator.infer([(32, 20, 20), offsets.outputs[0]], values)
    assert deformed.outputs == ((64, 10, 10),)
    assert deformed.loops == infer("conv", (32, 20, 20), out=64, kernel=3, stride=2, pad=1).loops
    assert OPERATORS["offset_conv"].internal


def test_depthwise_deformable_convolution_and_its_bounds_change_no_count():
    free = infer("deform_conv", (32, 20, 20), out=32, kernel=3, pad=1, depthwise=True)
    bounded = infer("deform_conv", (32, 20, 20), out=32, kernel=3, pad=1, depthwise=True, bounded=True)
    assert free.weights == 32 * 9 and free.loops.G == 32
    assert (bounded.loops, bounded.weights) == (free.loops, free.weights)
    assert dict(bounded.attributes)["bounded"] is True


def test_offsets_of_another_convolution_are_refused():
    e = fault("deform_conv", (32, 20, 20), (18, 10, 10), out=64, kernel=3, pad=1)
    assert (e.kind, e.operand, e.other) == ("joined", 1, 0)
    assert (
        e.message
        == "the offsets of this `deform_conv` are 18 x 20 x 20, and the tensor given is 18 x 10 x 10"
    )


def test_sizes_are_not_limited_by_machine_words():
    conv = infer("conv", (10**9, 10**9, 10**9), out=10**9, kernel=3, pad=1)
    assert conv.loops.macs == 9 * 10**36


def test_groups_that_do_not_divide_name_the_nearest_that_do():
    e = fault("conv", (64, 8, 8), out=128, kernel=1, groups=3)
    assert e.message == "`groups = 3` of `conv` does not divide its 64 input channels"
    assert (e.kind, e.parameter, e.help) == ("divisible", "groups", "2 and 4 do")
    assert fault("conv", (64, 8, 8), out=100, kernel=1, groups=64).message.endswith("its 100 output channels")
    assert fault("conv", (10**17 + 3, 8, 8), out=10**17 + 3, kernel=1, groups=10**16).help is None


def test_a_kernel_larger_than_its_input_names_the_padding_it_needs():
    e = fault("conv", (3, 5, 6), out=8, kernel=7)
    assert e.message == "the 7x7 kernel of `conv` is larger than its input, 5 x 6"
    assert e.help == "`pad = 1` makes the input 7 x 8"
    e = fault("conv", (3, 4, 4), out=8, kernel=3, dilation=3, pad=1)
    assert e.message == (
        "the 3x3 kernel of `conv`, 7x7 with its dilation, is larger than its input, 6 x 6 after padding"
    )
    assert infer("conv", (3, 4, 4), out=8, kernel=3, dilation=3, pad=2).outputs == ((8, 2, 2),)
    assert e.help == "`pad = 2` makes the input 8 x 8"


def test_tokens_are_sent_to_linear():
    e = fault("conv", (128, 768), out=8, kernel=1)
    assert e.kind == "rank"
    assert e.message == "`conv` works on images, channels x height x width, and this tensor is 128 x 768"
    assert e.help == "`linear` works on 128 tokens of 768 features"


@SEEDED
@given(st.integers(1, 60), st.integers(1, 7), st.integers(1, 3), st.integers(1, 3), st.integers(1, 60))
def test_the_padding_that_help_names_gives_what_was_wanted(size, kernel, stride, dilation, wanted):
    facts = (("kernel", (kernel, kernel)), ("stride", (stride, stride)), ("dilation", (dilation, dilation)))
    text = padding_that_gives(facts, (3, size, size), (wanted, wanted))
    fits = {pad for pad in range(260) if windows(size, kernel, stride, dilation, pad, pad) == wanted}
    if text is None:
        assert not fits
    else:
        assert text.startswith(f"`pad = {min(fits)}` on the {kernel}x{kernel} convolution ")


def test_help_for_the_forgotten_padding_of_an_expand_layer():
    conv = infer("conv", (64, 55, 55), out=64, kernel=3)
    assert padding_that_gives(conv.attributes, (64, 55, 55), (55, 55)) == (
        "`pad = 1` on the 3x3 convolution keeps 55 x 55"
    )
    padded = infer("conv", (64, 55, 55), out=64, kernel=3, pad=1)
    assert padding_that_gives(padded.attributes, (64, 55, 55), (55, 55)) is None
