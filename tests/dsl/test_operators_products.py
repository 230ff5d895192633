import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.dsl.operators import OPERATORS, OperatorFault
from dovetail.dsl.problem import Problem

SEEDED = settings(derandomize=True, deadline=None)


def infer(op, *shapes, **values):
    return OPERATORS[op].infer(shapes, values)


def fault(op, *shapes, **values):
    with pytest.raises(OperatorFault) as caught:
        infer(op, *shapes, **values)
    return caught.value


def test_linear_on_tokens_runs_once_a_token():
    layer = infer("linear", (128, 768), out=3072)
    assert layer.outputs == ((128, 3072),)
    assert layer.loops == Problem(P=128, C=768, K=3072)
    assert (layer.weights, layer.bias) == (768 * 3072, 3072)


def test_linear_on_a_vector_and_on_an_image_of_one_place():
    assert infer("linear", (4096,), out=1000).outputs == ((1000,),)
    assert infer("linear", (1280, 1, 1), out=1000).outputs == ((1000, 1, 1),)
    assert infer("linear", (1280, 1, 1), out=1000).loops == infer("linear", (1280,), out=1000).loops


def test_linear_on_an_image_asks_for_flatten():
    e = fault("linear", (256, 6, 6), out=4096)
    assert e.message == "`linear` works on a vector or on tokens x features, and this tensor is 256 x 6 x 6"
    assert e.help == "`flatten` first makes one vector of 9216 features"


def test_matmul_by_head_puts_heads_in_groups():
    scores = infer("matmul", (12, 128, 64), (12, 384, 64), transpose_b=True)
    assert scores.outputs == ((12, 128, 384),)
    assert scores.loops == Problem(G=12, P=128, C=64, K=384)
    assert scores.weights == 0


def test_one_matrix_for_a_stack_lengthens_the_other_side():
    assert infer("matmul", (12, 128, 64), (64, 32)).loops == Problem(P=12 * 128, C=64, K=32)
    assert infer("matmul", (128, 64), (12, 64, 32)).outputs == ((12, 128, 32),)
    assert infer("matmul", (128, 64), (12, 64, 32)).loops == Problem(P=128, C=64, K=12 * 32)


def test_matrices_that_do_not_fit_are_told_to_turn():
    e = fault("matmul", (128, 64), (384, 64))
    assert e.message == (
        "the matrices multiplied here do not fit: 128 x 64 has rows of 64 words, 384 x 64 has columns of 384"
    )
    assert e.help == "`transpose_b = true` multiplies with the second one turned"
    assert fault("matmul", (3, 128, 64), (4, 64, 8)).kind == "joined"
    assert fault("matmul", (64,), (64, 8)).help == "`reshape([1, 64])` makes one row of it"


LABELS = "abcdef"


@st.composite
def einsums(draw):
    """An equation without a letter that one operand alone sums over."""
    first = draw(st.permutations(LABELS).map(lambda p: p[: draw(st.integers(1, 4))]))
    second = draw(st.permutations(LABELS).map(lambda p: p[: draw(st.integers(1, 4))]))
    shared = [c for c in first if c in second]
    alone = [c for c in [*first, *second] if c not in shared]
    kept = draw(st.lists(st.sampled_from(shared), unique=True)) if shared else []
    result = draw(st.permutations([*alone, *kept]))
    sizes = {c: draw(st.integers(1, 3)) for c in LABELS}
    return first, second, result, sizes


@SEEDED
@given(einsums())
def test_einsum_agrees_with_numpy_in_shape_and_in_products(case):
    first, second, result, sizes = case
    if not result:
        return
    a, b = (tuple(sizes[c] for c in labels) for labels in (first, second))
    equation = f"{''.join(first)},{''.join(second)}->{''.join(result)}"
    inferred = infer("einsum", a, b, equation=equation)
    product = np.einsum(equation, np.ones(a, int), np.ones(b, int))
    assert inferred.outputs == (product.shape,)
    # Of all-one operands, each element of the product counts the products that were added up in it.
    assert inferred.loops.macs == product.sum()
    assert inferred.loops.words("outputs") == product.size


def test_einsum_of_attention():
    scores = infer("einsum", (128, 12, 64), (384, 12, 64), equation="qhd, khd -> hqk")
    assert scores.outputs == ((12, 128, 384),)
    assert scores.loops == Problem(G=12, P=128, C=64, K=384)


@pytest.mark.parametrize(
    ("equation", "shapes", "message"),
    [
        ("ij jk ik", ((2, 3), (3, 4)), "the equation of an `einsum` has two tensors, `->` and a result"),
        (
            "ij, jk, kl -> il",
            ((2, 3), (3, 4)),
            "the equation of an `einsum` has two tensors, `->` and a result",
        ),
        ("i1, jk -> ik", ((2, 3), (3, 4)), "`1` is no letter in the equation of this `einsum`"),
        ("ii, ik -> ik", ((2, 2), (2, 4)), "`i` stands twice in `ii`"),
        ("ijk, jk -> i", ((2, 3), (3, 4)), "`ijk` of this `einsum` names 3 axes, and the tensor is 2 x 3"),
        (
            "ij, jk -> iz",
            ((2, 3), (3, 4)),
            "`z` is in the result of this `einsum` and in neither of its tensors",
        ),
        ("ij, ij ->", ((2, 3), (2, 3)), "this `einsum` sums over every axis"),
        (
            "ij, jk -> i",
            ((2, 3), (3, 4)),
            "`k` of this `einsum` is summed over in one tensor alone, which is no product",
        ),
        ("ij, jk -> ik", ((2, 3), (5, 4)), "`j` of this `einsum` is 3 in the first tensor, 5 in the second"),
    ],
)
def test_faults_of_an_equation(equation, shapes, message):
    assert fault("einsum", *shapes, equation=equation).message == message


def test_embedding_is_a_table_without_macs():
    words = infer("embedding", (128,), vocabulary=30522, features=768)
    assert words.outputs == ((128, 768),)
    assert (words.weights, words.loops, words.operations) == (30522 * 768, None, 0)
    assert fault("embedding", (128, 4), vocabulary=10, features=8).kind == "rank"
