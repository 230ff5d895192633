import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.dsl.operators import OPERATORS, OperatorFault

SEEDED = settings(derandomize=True, deadline=None)


def pool(shape, op="maxpool", **values):
    return OPERATORS[op].infer([shape], values)


def fault(shape, **values):
    with pytest.raises(OperatorFault) as caught:
        pool(shape, **values)
    return caught.value


def test_squeezenet_pools_round_up():
    assert pool((96, 111, 111), kernel=3, stride=2, ceil=True).outputs == ((96, 55, 55),)
    assert pool((256, 54, 54), kernel=3, stride=2, ceil=True).outputs == ((256, 27, 27),)
    assert pool((256, 54, 54), kernel=3, stride=2).outputs == ((256, 26, 26),)


@SEEDED
@given(
    size=st.integers(1, 40),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 8),
    pad=st.integers(0, 2),
)
def test_rounding_up_adds_a_window_that_starts_inside_the_image_and_reaches_the_end(
    size, kernel, stride, pad
):
    if pad >= kernel or size + 2 * pad < kernel:
        return
    down = pool((1, size, size), kernel=kernel, stride=stride, pad=pad).outputs[0][1]
    up = pool((1, size, size), kernel=kernel, stride=stride, pad=pad, ceil=True).outputs[0][1]
    last = (up - 1) * stride - pad
    assert last < size
    assert up - down in (0, 1)
    if up == down:
        # Another window would start behind the image, or this one covers the padding to its end.
        assert up * stride - pad >= size or last + kernel >= size + pad
    else:
        assert (down - 1) * stride - pad + kernel < size + pad


def test_stride_is_the_kernel_unless_given():
    assert pool((8, 12, 12), kernel=[2, 3]).outputs == ((8, 6, 4),)


def test_global_pool_takes_the_whole_image():
    whole = pool((512, 7, 9), op="avgpool", kernel="global")
    assert whole.outputs == ((512, 1, 1),)
    assert whole.operations == 512 * 7 * 9
    assert dict(whole.attributes)["kernel"] == (7, 9)


def test_operations_are_a_window_for_each_output_word():
    pooled = pool((64, 28, 28), kernel=3, stride=2, pad=1)
    assert pooled.outputs == ((64, 14, 14),)
    assert pooled.operations == 64 * 14 * 14 * 9
    assert (pooled.loops, pooled.weights) == (None, 0)


def test_same_padding_of_a_pool():
    assert pool((64, 192, 624), kernel=3, stride=2, pad="same").outputs == ((64, 96, 312),)


def test_a_window_of_nothing_but_padding_is_refused():
    e = fault((8, 10, 10), kernel=2, pad=2)
    assert e.message == "the padding of `maxpool` leaves a 2x2 window nothing but padding"
    assert e.help == "`pad` is at most 1 for this window"
    assert fault((8, 10, 10), kernel=2, pad=[2, 0]).parameter == "pad"
    assert fault((8, 10, 10), kernel=2, pad=[0, 0, 0, 2]).parameter == "pad"


def test_a_global_pool_takes_no_stride():
    assert fault((8, 10, 10), kernel="global", stride=2).parameter == "stride"
    assert fault((8, 10, 10), kernel="global", pad=1).parameter == "pad"


def test_a_misspelt_name_for_the_window_says_what_there_is():
    e = fault((8, 10, 10), kernel="globl")
    assert e.message.endswith('is "globl", and has to be a whole number, [rows, cols] or `global`')


def test_a_window_larger_than_the_image_is_refused_with_either_rounding():
    assert fault((8, 2, 2), kernel=3).kind == "shape"
    assert fault((8, 2, 2), kernel=3, ceil=True).help == "`pad = 1` makes the input 4 x 4"
