"""Arguments: by position and by name, their kinds, and what is said about wrong ones."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.dsl.operators import OPERATORS, OperatorFault

SEEDED = settings(derandomize=True, deadline=None)

CONV = OPERATORS["conv"]


def fault(positional=(), named=None, shapes=((3, 9, 9),), op="conv"):
    with pytest.raises(OperatorFault) as caught:
        OPERATORS[op].infer(shapes, OPERATORS[op].bind(positional, named or {}))
    return caught.value


def test_positions_and_names_bind_alike():
    assert CONV.bind([64, 3, 2], {"pad": 1}) == {"out": 64, "kernel": 3, "stride": 2, "pad": 1}


def test_too_many_arguments_show_how_it_is_written():
    e = fault([1] * 6, op="linear", shapes=((8,),))
    assert e.message == "`linear` takes 3 arguments besides tensors, and 6 are given"
    assert e.help == "it is written `linear(x, out, bias = not norm, norm = false)`"


def test_an_argument_given_twice():
    e = fault([64, 3], {"kernel": 5})
    assert (e.kind, e.parameter, e.message) == ("arity", "kernel", "`kernel` of `conv` is given twice")


def test_an_unknown_name_suggests_a_close_one():
    e = fault([64, 3], {"strid": 2})
    assert (e.kind, e.message, e.help) == (
        "unknown",
        "`conv` has no parameter `strid`",
        "did you mean `stride`?",
    )


def test_a_missing_argument():
    e = fault([64])
    assert (e.kind, e.message) == ("missing", "`conv` needs `kernel`")


def test_a_tensor_too_many():
    e = fault([64, 3], shapes=((3, 9, 9), (3, 9, 9)))
    assert (e.kind, e.message) == ("arity", "`conv` takes 1 tensor, and 2 tensors are given")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"out": 0}, "`out` of `conv` is 0, and has to be at least 1"),
        ({"out": True}, "`out` of `conv` is `true`, and has to be a whole number"),
        ({"out": "many"}, '`out` of `conv` is "many", and has to be a whole number'),
        ({"out": 10**5000}, "`out` of `conv` is 10^5000, and has to be at most 10^18"),
        ({"kernel": 0}, "`kernel` of `conv` is 0, and has to be at least 1"),
        (
            {"kernel": [3, 3, 3]},
            "`kernel` of `conv` is [3, 3, 3], and has to be a whole number or [rows, cols]",
        ),
        ({"stride": -1}, "`stride` of `conv` is -1, and has to be at least 1"),
        ({"pad": -1}, "`pad` of `conv` is -1, and has to be at least 0"),
        (
            {"pad": "valid"},
            '`pad` of `conv` is "valid", and has to be a whole number, [rows, cols], '
            "[top, bottom, left, right] or `same`",
        ),
        ({"norm": 1}, "`norm` of `conv` is 1, and has to be `true` or `false`"),
    ],
)
def test_values_that_cannot_be(named, message):
    e = fault(named={"out": 8, "kernel": 3} | named)
    assert (e.kind, e.message) == ("value", message)
    assert e.parameter == next(iter(named))


def test_whole_numbers_from_a_width_multiplier():
    assert CONV.infer([(3, 9, 9)], {"out": 32.0, "kernel": 3}).outputs == ((32, 7, 7),)
    e = fault(named={"out": 22.4, "kernel": 3})
    assert e.help == "`round(…)`, `floor(…)` or `ceil(…)` make 22.4 a whole number"


def test_an_axis_beyond_all_sense_is_refused_rather_than_grown_for_ever():
    shape = (1, 10**17, 1)
    e = fault([100], op="upsample", shapes=(shape,))
    assert (e.kind, e.message) == ("size", "`upsample` makes a tensor with an axis of 10^19")


ANYTHING: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.integers()
    | st.floats()
    | st.sampled_from(["same", "global", "rotate", "ab, bc -> ac", ""]),
    lambda items: st.lists(items, max_size=5),
    max_leaves=6,
)


@SEEDED
@given(st.data())
def test_whatever_is_given_the_answer_is_shapes_or_a_fault(data):
    op = OPERATORS[data.draw(st.sampled_from(sorted(OPERATORS)))]
    shapes = data.draw(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple), max_size=3))
    positional = data.draw(st.lists(ANYTHING, max_size=4))
    named = data.draw(
        st.dictionaries(st.sampled_from([p.name for p in op.parameters] + ["no"]), ANYTHING, max_size=2)
    )
    try:
        inferred = op.infer(shapes, op.bind(positional, named))
    except OperatorFault as e:
        assert e.message and not e.message.endswith(".")
        assert e.operand is None or e.operand < len(shapes)
        assert len(e.message) < 300
    else:
        assert all(size >= 1 for shape in inferred.outputs for size in shape)


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_defaults_are_values_that_the_parameters_take(name):
    for p in OPERATORS[name].parameters:
        if not p.required and not hasattr(p.default, "text"):
            p.coerce(name, p.default)
