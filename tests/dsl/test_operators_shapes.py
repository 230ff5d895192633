"""Views, movement, element-wise operators and normalisation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.dsl.operators import OPERATORS, Cost, OperatorFault

SEEDED = settings(derandomize=True, deadline=None)


def infer(op, *shapes, **values):
    return OPERATORS[op].infer(shapes, values)


def fault(op, *shapes, **values):
    with pytest.raises(OperatorFault) as caught:
        infer(op, *shapes, **values)
    return caught.value


SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)


@SEEDED
@given(SHAPES, st.data())
def test_transpose_agrees_with_numpy(shape, data):
    order = data.draw(st.permutations(range(len(shape))))
    signed = [axis - data.draw(st.sampled_from([0, len(shape)])) for axis in order]
    assert infer("transpose", shape, order=signed).outputs == (np.empty(shape).transpose(order).shape,)


@SEEDED
@given(SHAPES, st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(-1, 3))
def test_reshape_agrees_with_numpy_or_both_refuse(shape, wanted, open_axis):
    if 0 <= open_axis < len(wanted):
        wanted[open_axis] = -1
    try:
        expected = np.empty(shape).reshape(wanted).shape
    except ValueError:
        assert fault("reshape", shape, shape=wanted).kind == "shape"
    else:
        assert infer("reshape", shape, shape=wanted).outputs == (expected,)


def test_flatten_is_one_vector():
    assert infer("flatten", (256, 6, 6)).outputs == ((9216,),)


def test_reshape_faults_count_the_words():
    e = fault("reshape", (12, 10), shape=[7, -1])
    assert e.message == "`reshape` keeps the words: 12 x 10 are 120, no multiple of 7"
    e = fault("reshape", (12, 10), shape=[6, 10])
    assert e.message == "`reshape` keeps the words: 12 x 10 are 120, 6 x 10 are 60"
    assert e.help == "`reshape([6, -1])` makes the last axis 20"
    assert fault("reshape", (12, 10), shape=[-1, -1]).kind == "value"
    assert fault("reshape", (12, 10), shape=[0, 5]).kind == "value"


def test_transpose_names_each_axis_once():
    assert (
        fault("transpose", (3, 4, 5), order=[0, 1, 5]).help
        == "`transpose([2, 1, 0])` turns all of them around"
    )
    assert fault("transpose", (3, 4), order=[0, 0]).kind == "value"


def test_concat_adds_up_channels():
    assert infer("concat", (64, 55, 55), (32, 55, 55), (4, 55, 55)).outputs == ((100, 55, 55),)
    assert infer("concat", (5, 8), (5, 3), axis=-1).outputs == ((5, 11),)


def test_joined_tensors_that_differ_in_height_and_width():
    e = fault("concat", (64, 55, 55), (64, 53, 53))
    assert e.message == "the tensors joined here differ in height and width"
    assert (e.kind, e.operand, e.other) == ("joined", 0, 1)
    assert e.help == "1 more of `pad` where 64 x 53 x 53 is made keeps 55 x 55"
    assert fault("concat", (64, 55, 55), (64, 55, 53)).message.endswith("differ in width")
    assert fault("concat", (64, 55, 55), (64, 28, 28)).help is None
    assert fault("concat", (5, 8), (6, 8), axis=1).message.endswith("differ in axis 0")
    assert fault("concat", (5, 8), (5,)).message == "the tensors joined here differ in rank: 5 x 8 and 5"


def test_split_gives_equal_or_named_parts():
    assert infer("split", (116, 28, 28), parts=2).outputs == ((58, 28, 28),) * 2
    assert infer("split", (116, 28, 28), parts=[16, 100]).outputs == ((16, 28, 28), (100, 28, 28))
    assert infer("split", (5, 12), parts=3, axis=1).outputs == ((5, 4),) * 3


def test_split_faults():
    assert fault("split", (58, 5, 5), parts=3).help == "`split([20, 19, 19])` gives the sizes one by one"
    assert fault("split", (58, 5, 5), parts=[20, 20]).message == (
        "the parts of `split` add up to 40, and axis 0 of 58 x 5 x 5 has 58"
    )
    # Refused before a tensor is made for each.
    assert fault("split", (10**12, 5, 5), parts=10**12).message.startswith(
        "`split` makes at most 10000 tensors"
    )


def test_slice_takes_start_up_to_stop():
    assert infer("slice", (116, 28, 28), start=58, stop=116).outputs == ((58, 28, 28),)
    assert infer("slice", (5, 12), start=0, stop=1, axis=-1).outputs == ((5, 1),)
    assert fault("slice", (116, 28, 28), start=58, stop=117).message == (
        "`slice` goes up to 117, and axis 0 of 116 x 28 x 28 ends at 116"
    )
    assert fault("slice", (116, 28, 28), start=58, stop=58).kind == "value"
    assert fault("slice", (116, 28, 28), start=-1, stop=58).message == (
        "`start` of `slice` is -1, and has to be at least 0"
    )


def test_an_axis_that_is_not_there_lists_those_that_are():
    assert fault("softmax", (5, 8), axis=2).help == "its axes are 0 to 1, or -2 to -1 from the end"


@SEEDED
@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 4))
def test_shift_keeps_size_over_stride(height, width, stride):
    moved = infer("shift", (7, height, width), kernel=3, stride=stride)
    assert moved.outputs == ((7, len(range(0, height, stride)), len(range(0, width, stride))),)
    assert (moved.loops, moved.weights, moved.operations) == (None, 0, 0)


def test_a_shift_has_a_middle():
    assert fault("shift", (7, 8, 8), kernel=2).help == "`kernel = 3` has one"
    assert fault("shift", (7, 8, 8), kernel=[3, 4]).help == "`kernel = [3, 5]` has one"


def test_shuffle_deals_channels_out_evenly():
    assert infer("shuffle", (240, 28, 28), groups=3).outputs == ((240, 28, 28),)
    assert dict(infer("shuffle", (128, 28, 28), groups=4, kind="rotate").attributes)["kind"] == "rotate"
    assert fault("shuffle", (116, 28, 28), groups=3).kind == "divisible"
    assert fault("shuffle", (116, 28, 28), groups=2, kind="turn").message == (
        '`kind` of `shuffle` is "turn", and has to be "transpose" or "rotate"'
    )


def test_upsample_interpolates_only_where_asked():
    assert infer("upsample", (8, 5, 6), scale=[2, 3]).outputs == ((8, 10, 18),)
    assert infer("upsample", (8, 5, 6), scale=2).operations == 0
    assert infer("upsample", (8, 5, 6), scale=2, kind="bilinear").operations == 7 * 8 * 10 * 12


def test_add_takes_any_number_of_equal_tensors():
    assert infer("add", (64, 8, 8), (64, 8, 8), (64, 8, 8)).operations == 2 * 64 * 64
    e = fault("add", (64, 8, 8), (32, 8, 8))
    assert e.message == "the tensors added here differ: 64 x 8 x 8 and 32 x 8 x 8"
    assert e.help == "`conv(64, 1)` on the second makes 64 channels of its 32"
    assert fault("add", (64, 8, 8), (64, 1, 1)).kind == "joined"
    assert fault("add", (64, 8, 8)).message == "`add` takes at least 2 tensors, and 1 tensor is given"


def test_mul_scales_an_image_by_one_value_a_channel_on_either_side():
    assert infer("mul", (64, 8, 8), (64, 1, 1)).outputs == ((64, 8, 8),)
    assert infer("mul", (64, 1, 1), (64, 8, 8)).outputs == ((64, 8, 8),)
    assert infer("mul", (128, 768), (128, 768)).operations == 128 * 768
    assert fault("mul", (64, 8, 8), (64,)).help == (
        "`reshape([64, 1, 1])` on the second makes it one value a channel"
    )
    assert fault("mul", (64, 8, 8), (32, 1, 1)).kind == "joined"


def test_normalisations_count_a_scale_and_a_shift():
    assert infer("batchnorm", (64, 8, 8)).norm == 128
    assert infer("batchnorm", (10, 64)).norm == 128
    assert infer("layernorm", (128, 768)).norm == 1536
    assert infer("layernorm", (128, 768)).operations == 7 * 128 * 768
    assert infer("lrn", (96, 55, 55)).operations == 9 * 96 * 55 * 55
    assert infer("softmax", (12, 128, 128)).operations == 5 * 12 * 128 * 128


@SEEDED
@given(SHAPES)
def test_operators_that_keep_shapes(shape):
    for op in OPERATORS.values():
        if op.operands == (1, 1) and not any(p.required for p in op.parameters) and op.name != "flatten":
            if op.name == "lrn" and len(shape) != 3:
                continue
            inferred = op.infer([shape], {})
            assert inferred.outputs == (shape,)
            assert (inferred.operations > 0) == (op.cost in (Cost.UNIT, Cost.POINTWISE))
