"""A network's cost is its layers' costs, each with the dataflow that is best for the whole."""

from __future__ import annotations

import pytest

from dovetail.accel.architecture import Architecture, Dataflow
from dovetail.accel.loading import accelerator_from_text
from dovetail.accel.mapping import Mapping
from dovetail.costmodel import trials
from dovetail.costmodel.components import price
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.layer_cost import NetworkCost
from dovetail.costmodel.network_cost import Unmappable, evaluate_network, leakage_pj_per_cycle, problem_of
from dovetail.costmodel.selection import Objective
from dovetail.dsl.loading import network_from_text
from dovetail.dsl.network import Network
from dovetail.dsl.problem import Problem

ACCEL = """\
accel chip
clock 1 GHz
technology 45 nm
memory DRAM { bandwidth = 64 bit/cycle shared; energy = 8 pJ/bit }
array PE[row = 4, col = 4] {
    along row: reduce sums
    along col: multicast inputs
    memory Register { size = 16 B; width = 16 bit; energy = regfile(); may_hold = [weights, sums] }
    mac { rate = 1/cycle; energy = 2 pJ }
}
dataflow weight_stationary { PE.row = C; PE.col = K; stationary weights at Register }
dataflow output_stationary { PE.row = P; PE.col = Q; stationary sums at Register }
"""
CHIP = accelerator_from_text(ACCEL).architecture


def network(stages: str) -> Network:
    return network_from_text(f"net n\ninput x[4, 8, 8]\noutput x -> {stages}\n").network


def cost(
    stages: str, chip: Architecture = CHIP, objective: Objective = Objective.EDP, batch: int = 1
) -> NetworkCost:
    return evaluate_network(network(stages), chip, price(chip), objective, batch)


def test_layers_of_equal_shape_are_mapped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    solved: list[tuple[Problem, str]] = []
    real = trials.greedy_mapping

    def counting(
        problem: Problem, architecture: Architecture, dataflow: Dataflow | None, table: EnergyTable
    ) -> Mapping:
        solved.append((problem, dataflow.name if dataflow else ""))
        return real(problem, architecture, dataflow, table)

    monkeypatch.setattr(trials, "greedy_mapping", counting)
    result = cost("5 * conv(4, 1) -> conv(8, 1)")
    assert len(result.layers) == 6
    assert len(solved) == len(set(solved)) == 2 * 2
    assert len({(layer.cycles, layer.energy_pj) for layer in result.layers[:5]}) == 1


def test_what_is_free_costs_nothing_and_says_why() -> None:
    result = cost("conv(8, 1) -> relu -> flatten -> linear(4)")
    assert [layer.layer.op for layer in result.layers] == ["conv", "linear"]
    assert [layer.op for layer, _ in result.free] == ["relu", "flatten"]
    assert all(reason for _, reason in result.free)


def test_totals_are_sums() -> None:
    result = cost("conv(8, 3) -> maxpool(2) -> conv(4, 1)")
    assert result.macs == 8 * 4 * 9 * 36 + 4 * 8 * 9
    assert result.cycles == sum(layer.cycles for layer in result.layers)
    assert result.latency_s == result.cycles / 1e9
    assert result.energy_pj == sum(layer.energy_pj for layer in result.layers)
    assert result.utilization == pytest.approx(result.macs / (16 * result.cycles))
    assert result.bound.cycles == sum(layer.bound.cycles for layer in result.layers)


def test_leakage_is_charged_for_the_whole_time() -> None:
    result = cost("conv(8, 3) -> maxpool(2)")
    leaks = sum(layer.energy.leakage_pj for layer in result.layers)
    prices = price(CHIP)
    assert leaks == pytest.approx(prices.leakage_mw.value * 1e-3 * result.latency_s * 1e12)
    assert leakage_pj_per_cycle(CHIP, prices) * result.cycles == pytest.approx(leaks)


def test_the_error_of_the_energy_is_that_of_its_parts() -> None:
    """DRAM and MACs are given in the text, so only registers and leakage have a band."""
    result = cost("conv(8, 3)")
    prices = price(CHIP)
    register = prices.memories["Register"]
    assert register.read_pj.error == register.fill_pj.error > 0
    parts = result.layers[0].energy
    uncertain = sum(parts.memories_pj["Register"].values()) * register.read_pj.error
    uncertain += parts.leakage_pj * prices.leakage_mw.error
    assert parts.spread_pj == pytest.approx(uncertain)
    assert result.energy_spread == pytest.approx(uncertain / result.energy_pj)


@pytest.mark.parametrize("objective", list(Objective))
def test_choosing_is_no_worse_than_any_single_dataflow(objective: Objective) -> None:
    result = cost("conv(16, 3) -> conv(4, 1) -> conv(4, 1) -> conv(8, 3)", objective=objective)
    assert [single.name for single in result.single] == ["weight_stationary", "output_stationary"]
    for single in result.single:
        assert single.missing == ()
        alone = objective.of(single.cycles / 1e9, single.energy_pj)
        assert result.value <= alone * (1 + 1e-12)


def test_without_dataflows_the_mapper_is_free() -> None:
    free = accelerator_from_text(ACCEL.split("dataflow")[0]).architecture
    result = cost("conv(8, 3)", free)
    assert result.layers[0].chosen is not None
    assert result.layers[0].dataflow is None
    assert result.single == ()


def test_layers_that_no_dataflow_can_run_are_all_named() -> None:
    tight = ACCEL.replace("size = 16 B", "size = 2 B").replace(
        "may_hold = [weights, sums]", "holds = [weights, sums]"
    )
    chip = accelerator_from_text(tight).architecture
    with pytest.raises(Unmappable) as caught:
        cost("a: conv(8, 3) -> b: conv(4, 1) -> maxpool(2)", chip)
    assert [layer.name for layer, _ in caught.value.layers] == ["a", "b"]
    assert all(len(refusals) == 2 and all(r.reason for r in refusals) for _, refusals in caught.value.layers)


def test_a_batch_multiplies_images_and_leaves_weights() -> None:
    conv = network("conv(8, 3)").layers[0]
    problem = problem_of(conv, 3)
    assert problem is not None
    assert (problem.N, problem.words("weights")) == (3, 8 * 4 * 9)


def test_a_batch_of_products_has_so_many_second_operands() -> None:
    text = "net n\ninput a[2, 4, 8]\ninput b[2, 8, 4]\noutput matmul(a, b)\n"
    problem = problem_of(network_from_text(text).network.layers[0], 3)
    assert problem is not None
    assert (problem.N, problem.G, problem.words("weights")) == (1, 6, 6 * 32)
