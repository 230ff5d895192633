"""What a layer can cost: one point for every mapping that another one does not beat.

    layer_front(layer, machine, solver) -> (dataflow, cycles, energy, traffic) ...

A network that has time to spare takes a slower mapping of a layer where that saves energy, and which layer
should do so is a question about the whole network. So the search over networks is given all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dovetail.costmodel.bound import lower_bound
from dovetail.costmodel.latency import mac_rate
from dovetail.costmodel.network_cost import leakage_pj_per_cycle, problem_of
from dovetail.costmodel.price_table import energy_table
from dovetail.dsl.layer import Layer
from dovetail.explorer.layer_solver import Candidate, LayerSolver, Machine, by_dataflow, reasons


class NoPoint(Exception):
    """A layer that cannot run on a machine; `reasons` by dataflow."""

    def __init__(self, layer: Layer, why: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {reason}" for name, reason in why.items()))
        self.layer = layer
        self.reasons = dict(why)


def layer_front(
    layer: Layer, machine: Machine, solver: LayerSolver, batch: int = 1, dataflow: str | None = None
) -> tuple[Candidate, ...]:
    """The points of a layer that costs something (`Network.free`), in order of cycles; at least one.

    By one dataflow, or (None) by any. Points are dropped only where another is no worse in cycles, energy and
    traffic. Raises NoPoint.
    """
    problem = problem_of(layer, batch)
    if problem is not None:
        try:
            mac_rate(problem, machine.architecture.mac)
        except ValueError as fault:
            raise NoPoint(layer, {"the MACs": str(fault)}) from fault
    solution = solver.solution(layer, machine, batch)
    ways = by_dataflow(solution, dataflow)
    if not ways:
        raise NoPoint(layer, reasons(solution, dataflow))
    return front_of(ways)


def front_of(points: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The points that no other one is at least as good as, in order of cycles; of equal ones the first."""
    kept: list[Candidate] = []
    for point in sorted(points, key=lambda p: (p.cycles, p.energy_pj, p.outermost_bits)):
        if not any(k.energy_pj <= point.energy_pj and k.outermost_bits <= point.outermost_bits for k in kept):
            kept.append(point)
    return tuple(kept)


def layer_bound(layer: Layer, machine: Machine, solver: LayerSolver, batch: int = 1) -> Candidate:
    """A point that no mapping of the layer beats, without looking for one; raises NoPoint."""
    problem = problem_of(layer, batch)
    if problem is None:
        return layer_front(layer, machine, solver, batch)[0]
    architecture, prices = machine.architecture, machine.prices
    try:
        bound = lower_bound(
            problem,
            architecture,
            energy_table(prices, problem.bits),
            leakage_pj_per_cycle(architecture, prices),
        )
    except ValueError as fault:
        raise NoPoint(layer, {"the MACs": str(fault)}) from fault
    return Candidate(None, bound.cycles, bound.energy_pj, 0, 1.0)
