"""The greedy mapping is legal, follows its dataflow, fills the array, and says why there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.accel.architecture import Architecture, Dataflow
from dovetail.accel.legality import violations
from dovetail.accel.loading import accelerator_from_text, load_accelerator_design
from dovetail.accel.mapping import Holds, Mapping, Spatial
from dovetail.costmodel.greedy import NoMapping, greedy_mapping
from dovetail.dsl.problem import RELEVANT, Problem

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples" / "accelerators"
MACHINES = {
    path.stem: load_accelerator_design(path).architecture for path in sorted(EXAMPLES.glob("*.accel"))
}
FLOWS = [(name, flow) for name, machine in MACHINES.items() for flow in machine.dataflows or (None,)]

bound = st.integers(1, 70)
problems = st.builds(
    Problem,
    G=st.sampled_from([1, 1, 1, 2, 32]),
    N=st.sampled_from([1, 1, 4]),
    K=bound,
    C=bound,
    P=bound,
    Q=bound,
    R=st.integers(1, 5),
    S=st.integers(1, 5),
    stride=st.sampled_from([(1, 1), (2, 2), (1, 2)]),
)


@pytest.mark.parametrize(("name", "flow"), FLOWS, ids=lambda p: getattr(p, "name", p))
@settings(max_examples=25, deadline=None, derandomize=True)
@given(problem=problems)
def test_the_mapping_is_legal_or_refused_with_a_reason(
    name: str, flow: Dataflow | None, problem: Problem
) -> None:
    machine = MACHINES[name]
    problem = replace(problem, bits=machine.bits)
    try:
        mapping = greedy_mapping(problem, machine, flow)
    except NoMapping as refusal:
        assert str(refusal)
        return
    assert violations(problem, machine, mapping) == ()


def squeezelerator() -> Architecture:
    return MACHINES["squeezelerator"]


def used(mapping: Mapping) -> dict[str, int]:
    return {f"{n.array}.{n.axis}.{n.dimension}": n.trips for n in mapping.nodes if isinstance(n, Spatial)}


LAYER = Problem(K=128, C=48, P=27, Q=27, R=3, S=3)


def test_weight_stationary_spreads_channels_and_walks_pixels_inside_the_register() -> None:
    machine = squeezelerator()
    mapping = greedy_mapping(LAYER, machine, machine.dataflows[0])
    assert used(mapping) == {"PE.row.C": 32, "PE.col.K": 32}
    at = next(i for i, n in enumerate(mapping.nodes) if isinstance(n, Holds) and n.memory == "Register")
    inside = {n.dimension for n in mapping.nodes[at:] if not isinstance(n, Holds)}
    assert inside <= {"N", "P", "Q"}
    assert mapping.nodes[at] == Holds("Register", ("weights",))


def test_output_stationary_spreads_pixels_and_reduces_inside_the_register() -> None:
    machine = squeezelerator()
    mapping = greedy_mapping(LAYER, machine, machine.dataflows[1])
    assert used(mapping) == {"PE.row.P": 27, "PE.col.Q": 27}
    at = next(i for i, n in enumerate(mapping.nodes) if isinstance(n, Holds) and n.memory == "Register")
    inside = {n.dimension for n in mapping.nodes[at:] if not isinstance(n, Holds)}
    assert inside.isdisjoint(RELEVANT["outputs"])
    assert inside == {"C", "R", "S"}


def test_several_dimensions_fill_an_axis_together() -> None:
    text = """accel wide
clock 1 GHz
memory DRAM { energy = dram(DDR4) }
array PE[row = 16] { along row: reduce sums; mac { rate = 1/cycle } }
dataflow window { PE.row in [C, R, S] }
"""
    machine = accelerator_from_text(text).architecture
    mapping = greedy_mapping(Problem(C=4, R=2, S=2, K=8), machine, machine.dataflows[0])
    assert used(mapping) == {"PE.row.C": 4, "PE.row.R": 2, "PE.row.S": 2}


def test_a_flat_dimension_is_spread_as_one() -> None:
    text = """accel im2col
clock 1 GHz
memory DRAM { energy = dram(DDR4) }
array PE[row = 27, col = 8] { along row: reduce sums; along col: multicast inputs; mac { rate = 1/cycle } }
dataflow ws { PE.row = flat(C, R, S); PE.col = K }
"""
    machine = accelerator_from_text(text).architecture
    mapping = greedy_mapping(Problem(C=3, R=3, S=3, K=8, P=5, Q=5), machine, machine.dataflows[0])
    assert mapping.flat == (("C", "R", "S"),)
    assert used(mapping) == {"PE.row.C": 27, "PE.col.K": 8}


def test_what_cannot_fit_is_refused_with_the_memory_and_the_bytes() -> None:
    text = """accel tiny
clock 1 GHz
memory DRAM { energy = dram(DDR4) }
memory Buffer { size = 2 B; holds = [inputs, weights, outputs]; energy = sram() }
array PE[row = 1] { mac { rate = 1/cycle } }
"""
    machine = accelerator_from_text(text).architecture
    with pytest.raises(NoMapping, match=r"6 B.*`Buffer` has 2 B"):
        greedy_mapping(Problem(K=4, C=4), machine, None)


def test_the_answer_is_the_same_each_time() -> None:
    machine = squeezelerator()
    first = [greedy_mapping(LAYER, machine, flow) for flow in machine.dataflows]
    assert first == [greedy_mapping(LAYER, machine, flow) for flow in machine.dataflows]


def test_a_path_for_sums_leaves_final_outputs_their_memories() -> None:
    text = """accel with_path
clock 1 GHz
memory DRAM { energy = dram(DDR4); holds = [inputs, weights, outputs] }
memory Buffer { size = 64 KiB; energy = sram(); holds = [inputs, outputs, sums] }
memory Acc { size = 16 KiB; energy = sram(); holds = [sums] }
array PE[row = 4, col = 4] { along row: reduce sums; along col: multicast inputs; mac { rate = 1/cycle } }
path sums = PE.mac -> Acc -> Buffer
dataflow ws { PE.row = C; PE.col = K }
"""
    machine = accelerator_from_text(text).architecture
    mapping = greedy_mapping(LAYER, machine, machine.dataflows[0])
    holders = [n.memory for n in mapping.nodes if isinstance(n, Holds) and "outputs" in n.tensors]
    assert holders == ["DRAM", "Buffer", "Acc"]
