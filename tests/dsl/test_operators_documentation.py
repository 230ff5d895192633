"""`docs/operations.md` says what the operators do."""

from pathlib import Path

import pytest

from dovetail.dsl.operators import OPERATORS, Cost
from dovetail.dsl.operators.document import with_palette

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"

SAMPLES = [
    (
        "conv",
        [(12, 20, 30)],
        {"out": 8, "kernel": [3, 5], "stride": 2, "groups": 4, "norm": True, "bias": True},
    ),
    ("dwconv", [(12, 20, 30)], {"kernel": 3, "multiplier": 2}),
    ("deform_conv", [(12, 20, 30), (18, 18, 28)], {"out": 8, "kernel": 3, "groups": 2}),
    ("offset_conv", [(12, 20, 30)], {"kernel": 3, "offset_groups": 3}),
    ("linear", [(5, 12)], {"out": 7, "norm": True, "bias": True}),
    ("matmul", [(3, 5, 7), (3, 7, 11)], {}),
    ("einsum", [(5, 3, 7), (11, 3, 7)], {"equation": "qhd,khd->hqk"}),
    ("maxpool", [(12, 20, 30)], {"kernel": [3, 2], "stride": 2, "ceil": True}),
    ("avgpool", [(12, 20, 30)], {"kernel": "global"}),
    ("batchnorm", [(12, 20, 30)], {}),
    ("batchnorm", [(20, 12)], {}),
    ("layernorm", [(20, 12)], {}),
    ("lrn", [(12, 20, 30)], {"size": 7}),
    ("softmax", [(20, 12)], {}),
    ("add", [(20, 12)] * 3, {}),
    ("mul", [(12, 1, 1), (12, 5, 5)], {}),
    ("upsample", [(12, 20, 30)], {"scale": 2, "kind": "bilinear"}),
    ("upsample", [(12, 20, 30)], {"scale": 2}),
    ("embedding", [(20,)], {"vocabulary": 100, "features": 12}),
    *((op.name, [(20, 12)], {}) for op in OPERATORS.values() if op.cost is Cost.POINTWISE),
]


def test_the_tables_are_those_of_the_operators():
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_palette(page), "run python -m dovetail.dsl.operators.document docs/operations.md"


@pytest.mark.parametrize(("name", "shapes", "values"), SAMPLES)
def test_formulas_of_the_table_give_the_counts(name, shapes, values):
    operator = OPERATORS[name]
    inferred = operator.infer(shapes, values)
    letters = {p.name: p.default for p in operator.parameters} | values | dict(inferred.attributes)
    letters["n"] = len(shapes)
    letters["features"] = letters.get("features", shapes[0][-1])
    letters["channels"] = shapes[0][0] if len(shapes[0]) == 3 else shapes[0][-1]
    letters["words"] = 1
    for size in inferred.outputs[0]:
        letters["words"] *= size
    if inferred.loops is not None:
        letters |= inferred.loops.bounds
    elif "kernel" in letters:
        letters["R"], letters["S"] = letters["kernel"]

    def value(formula):
        return eval(formula, {"__builtins__": {}}, letters)

    f = operator.formulas
    assert value(f.macs) == (inferred.loops.macs if inferred.loops else 0)
    assert value(f.weights) == inferred.weights
    if inferred.bias or not inferred.loops:
        assert value(f.bias) == inferred.bias
    if inferred.norm or not inferred.loops:
        assert value(f.norm) == inferred.norm
    assert value(f.operations) == inferred.operations


def test_every_count_is_sampled():
    counting = {o.name for o in OPERATORS.values() if o.formulas.macs != "0" or o.formulas.operations != "0"}
    assert counting <= {name for name, _, _ in SAMPLES}


def test_the_table_of_free_operations_names_every_operator():
    free = PAGE.read_text(encoding="utf-8").partition("## Which operations are free")[2]
    for operator in OPERATORS.values():
        if operator.cost is not Cost.POINTWISE and not operator.internal:
            assert f"`{operator.name}`" in free, operator.name


def test_summaries_fit_a_line_of_an_editor():
    for operator in OPERATORS.values():
        assert operator.summary and "\n" not in operator.summary and not operator.summary.endswith(".")
        assert len(operator.summary) <= 170
