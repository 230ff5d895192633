"""Dataflow rules become constraints, and those that nothing can satisfy are refused."""

import pytest

from dovetail.accel.architecture import LoopOrder, LoopsInside, SpatialRule, Stationary
from dovetail.accel.loading import accelerator_from_text
from dovetail.dsl.diagnostics import DovetailError

TEXT = """accel x
clock 500 MHz
memory DRAM { energy = dram(LPDDR4) }
memory Buffer { size = 64 KiB; energy = sram(); may_hold = [inputs, outputs] }
array PE[row = 8, col = 8] {
    memory Register { size = 2 B; energy = regfile(); may_hold = [weights, sums] }
    mac { rate = 1/cycle; lanes = 4 reduce C }
}
"""


def constraints(*rules):
    text = TEXT + "dataflow d {\n" + "".join(f"    {rule}\n" for rule in rules) + "}\n"
    (dataflow,) = accelerator_from_text(text).architecture.dataflows
    return dataflow.constraints


def codes(*rules):
    with pytest.raises(DovetailError) as refused:
        constraints(*rules)
    return [d.code for d in refused.value.diagnostics]


@pytest.mark.parametrize(
    ("rule", "constraint"),
    [
        ("PE.row = C", SpatialRule("PE", "row", (("C",),))),
        ("PE.row in [C, R, S]", SpatialRule("PE", "row", (("C", "R", "S"),))),
        ("PE.row in C", SpatialRule("PE", "row", (("C",),))),
        ("PE.col = R then [C, K]", SpatialRule("PE", "col", (("R",), ("C", "K")))),
        ("PE.col = R then K", SpatialRule("PE", "col", (("R",), ("K",)))),
        ("PE.row = flat(C, R, S)", SpatialRule("PE", "row", (("C", "R", "S"),), flat=True)),
        ("PE.row full", SpatialRule("PE", "row", full=True)),
        ("PE.row = choose(C, K)", SpatialRule("PE", "row", (("C",),))),
        ("mac.lanes = C", SpatialRule("mac", "lanes", (("C",),))),
        ("stationary weights at Register", Stationary("weights", "Register")),
        ("order in PE = K, C, S", LoopOrder("PE", ("K", "C", "S"))),
        ("order in Buffer = P, Q", LoopOrder("Buffer", ("P", "Q"))),
        ("Register for [P, Q]", LoopsInside("Register", ("P", "Q"))),
        ("Register for []", LoopsInside("Register", ())),
    ],
)
def test_each_rule_is_one_constraint(rule, constraint):
    assert constraints(rule) == (constraint,)


def test_axis_may_have_a_dimension_and_be_full():
    assert constraints("PE.row = C", "PE.row full") == (
        SpatialRule("PE", "row", (("C",),)),
        SpatialRule("PE", "row", full=True),
    )


def test_choice_in_a_dataflow_is_named_by_its_axis():
    text = TEXT + "dataflow d { PE.row = choose(C, flat(C, R)) }\n"
    (choice,) = accelerator_from_text(text).open_choices
    assert (choice.site.path, choice.site.options) == ("d.PE.row", ("C", "flat(C, R)"))
    made = accelerator_from_text(text, settings={"d.PE.row": "flat(C, R)"}).architecture
    assert made.dataflows[0].constraints == (SpatialRule("PE", "row", (("C", "R"),), flat=True),)


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (["PE.row = M"], "E0511"),
        (["PE.row = [C, K]"], "E0511"),
        (["PE.row in [C, C]"], "E0511"),
        (["PE.row in []"], "E0511"),
        (["order in PE = K, K"], "E0511"),
        (["PE.depth = C"], "E0507"),
        (["Lane.row = C"], "E0507"),
        (["stationary weights at Registers"], "E0507"),
        (["order in Cache = K"], "E0507"),
        (["Array for [K]"], "E0507"),
        (["PE.row = C", "PE.row = K"], "E0512"),
        (["PE.row full", "PE.row full"], "E0512"),
        (["stationary weights at Buffer"], "E0513"),
        (["stationary inputs at Register"], "E0513"),
        (["stationary bias at Register"], "E0504"),
        (["stationary weights at Register", "stationary sums at Register"], "E0514"),
        (["stationary weights at Register", "Register for [K, C]"], "E0514"),
        (["PE.row = flat(K, C)"], "E0515"),
        (["PE.row = flat(R, C)"], "E0515"),
        (["PE.row = flat(C, R)", "PE.col in [K, R]"], "E0515"),
        (["PE.row = flat(C, R)", "PE.col = flat(C, R, S)"], "E0515"),
        (["PE.row = flat(C, R) then [K]"], "E0515"),
        (["stationary weights at Register", "stationary weights at Register"], "E0502"),
    ],
)
def test_rule_that_nothing_can_satisfy_is_refused(rules, code):
    assert code in codes(*rules)


def test_sums_and_outputs_are_one_operand_where_they_stay():
    assert constraints("stationary outputs at Register", "stationary sums at Buffer") == (
        Stationary("outputs", "Register"),
        Stationary("sums", "Buffer"),
    )


def test_one_flat_dimension_may_lie_along_two_axes():
    assert len(constraints("PE.row = flat(C, R)", "PE.col = flat(C, R)")) == 2
