"""How wrong a figure has to be before one design beats another.

    for flip in flips(a, b): print(flip.figure, flip.factor, flip.error)

A and B are evaluated designs, A the better one. Each energy figure (of a memory, the MACs, links, units,
leakage) and each bandwidth is scaled in both designs at once, as a wrong table would be wrong for both, and
the factor nearest to 1 is found at which B is as good as A. Mappings stay as they are, so that energies are
linear in the figure and the factor is exact; `remapped` says whether B still wins there when both designs are
mapped anew. A factor well outside the figure's own error band means that the order of A and B can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import exp, log
from typing import Final

from dovetail.accel.architecture import Architecture, Memory
from dovetail.costmodel.components import Unpriceable, price
from dovetail.costmodel.energy import EnergyTable
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.figures import Figure, OutsideTable
from dovetail.costmodel.layer_cost import LayerCost, NetworkCost
from dovetail.costmodel.network_cost import Unmappable, evaluate_network
from dovetail.costmodel.selection import Objective
from dovetail.costmodel.vector_cost import vector_cost

FARTHEST: Final = 64.0
"""Factors beyond this, or below its inverse, are not looked for."""
GRID: Final = 12
HALVINGS: Final = 24


@dataclass(frozen=True, slots=True)
class Flip:
    """One figure, and how wrong it has to be."""

    figure: str
    """`energy of DRAM`, `bandwidth of DRAM`."""
    factor: float | None
    """True figure over assumed figure at which B is as good as A; None where no factor makes it so."""
    error: float | None
    """The figure's own relative error, as its source gives it; None for bandwidths, which are a choice."""
    remapped: bool | None
    """Whether B is as good as A there, if both are mapped anew; None where this cannot be evaluated."""

    @property
    def within_error(self) -> bool:
        """Whether the figure may well be as wrong as that."""
        if self.factor is None or self.error is None:
            return False
        return abs(self.factor - 1) <= self.error


def flips(a: NetworkCost, b: NetworkCost, objective: Objective | None = None) -> tuple[Flip, ...]:
    """Every figure of the two designs, the one that has to be least wrong first.

    `objective` is what makes A better than B (that of A unless given); raises ValueError where A is not.
    """
    goal = objective or a.objective
    if not _value(a, goal) < _value(b, goal):
        raise ValueError(f"by {goal} the first design is not better than the second")
    found = [*_energies(a, b, goal), *_bandwidths(a, b, goal)]
    return tuple(sorted(found, key=lambda f: abs(log(f.factor)) if f.factor else float("inf")))


def _value(cost: NetworkCost, objective: Objective) -> float:
    return objective.of(cost.latency_s, cost.energy_pj)


# ------------------------------------------------------------------------------------------ energies


def _energies(a: NetworkCost, b: NetworkCost, objective: Objective) -> Iterator[Flip]:
    if objective is Objective.LATENCY:
        return
    shares_a, shares_b = _shares(a), _shares(b)
    weight_a = a.latency_s if objective is Objective.EDP else 1.0
    weight_b = b.latency_s if objective is Objective.EDP else 1.0
    for name in dict.fromkeys((*shares_a, *shares_b)):
        slope = weight_a * shares_a.get(name, 0.0) - weight_b * shares_b.get(name, 0.0)
        gap = weight_b * b.energy_pj - weight_a * a.energy_pj
        factor = 1 + gap / slope if slope else None
        if factor is not None and not 1 / FARTHEST <= factor <= FARTHEST:
            factor = None
        yield Flip(f"energy of {name}", factor, _error(name, a, b), None)


def _shares(cost: NetworkCost) -> dict[str, float]:
    """pJ by figure."""
    parts: dict[str, float] = {}
    for layer in cost.layers:
        for name, pj in layer.energy.by_part().items():
            parts[name] = parts.get(name, 0.0) + pj
    return parts


def _error(name: str, *costs: NetworkCost) -> float | None:
    """The larger relative error of a figure in the two designs."""
    errors = [figure.error for cost in costs for figure in _figures(name, cost)]
    return max(errors) if errors else None


def _figures(name: str, cost: NetworkCost) -> Iterator[Figure]:
    prices = cost.prices
    if name == "leakage":
        yield prices.leakage_mw
    if name == "mac":
        for bits in {layer.problem.bits for layer in cost.layers if layer.problem is not None}:
            yield prices.mac.energy_pj(bits)
    if name in prices.memories:
        yield prices.memories[name].read_pj
    if name in prices.units:
        yield prices.units[name].element_pj
    for link in prices.links:
        if link.array == name:
            yield link.per_word_pj if link.per_word_pj.value else link.per_bit_pj


# ---------------------------------------------------------------------------------------- bandwidths


def _bandwidths(a: NetworkCost, b: NetworkCost, objective: Objective) -> Iterator[Flip]:
    names = [m.name for m in (*a.architecture.memories, *b.architecture.memories) if _has_bandwidth(m)]
    for name in dict.fromkeys(names):

        def lead(factor: float, name: str = name) -> float:
            return log(_at(a, name, factor, objective) / _at(b, name, factor, objective))

        factor = _crossing(lead)
        remapped = None if factor is None else _remapped(a, b, name, factor, objective)
        yield Flip(f"bandwidth of {name}", factor, None, remapped)


def _has_bandwidth(memory: Memory) -> bool:
    return memory.read_bits_per_cycle is not None or memory.write_bits_per_cycle is not None


def _scaled(architecture: Architecture, name: str, factor: float) -> Architecture:
    """The architecture with another bandwidth of one memory."""
    exact = Fraction(factor).limit_denominator(10**6)

    def change(memory: Memory) -> Memory:
        read, write = memory.read_bits_per_cycle, memory.write_bits_per_cycle
        return replace(
            memory,
            read_bits_per_cycle=None if read is None else read * exact,
            write_bits_per_cycle=None if write is None else write * exact,
        )

    levels = tuple(
        change(level) if isinstance(level, Memory) and level.name == name else level
        for level in architecture.levels
    )
    return replace(architecture, levels=levels)


def _at(cost: NetworkCost, name: str, factor: float, objective: Objective) -> float:
    """The objective with another bandwidth of one memory, every mapping as it is; leakage goes with time."""
    if all(memory.name != name for memory in cost.architecture.memories):
        return _value(cost, objective)
    architecture = _scaled(cost.architecture, name, factor)
    cycles = sum(_cycles(layer, architecture, cost) for layer in cost.layers)
    leaking = sum(layer.energy.leakage_pj for layer in cost.layers)
    energy = cost.energy_pj - leaking + leaking * cycles / cost.cycles
    return objective.of(cycles / architecture.clock_hz, energy)


def _cycles(layer: LayerCost, architecture: Architecture, cost: NetworkCost) -> int:
    if layer.chosen is None or layer.problem is None:
        return vector_cost(layer.layer, architecture, cost.prices, cost.batch).cycles
    found = evaluate_mapping(
        layer.problem, architecture, layer.chosen.mapping, EnergyTable(), layer.chosen.dataflow
    )
    return found.cycles


def _crossing(lead: Callable[[float], float]) -> float | None:
    """The factor nearest to 1 at which `lead`, negative at 1, is no longer so."""
    best: float | None = None
    for direction in (1, -1):
        before = 0.0
        for step in range(1, GRID + 1):
            here = direction * log(FARTHEST) * step / GRID
            if lead(exp(here)) >= 0:
                low, high = before, here
                for _ in range(HALVINGS):
                    middle = (low + high) / 2
                    low, high = (low, middle) if lead(exp(middle)) >= 0 else (middle, high)
                if best is None or abs(high) < abs(log(best)):
                    best = exp(high)
                break
            before = here
    return best


def _remapped(a: NetworkCost, b: NetworkCost, name: str, factor: float, objective: Objective) -> bool | None:
    """Whether B is as good as A with that bandwidth, both mapped for it."""
    values = []
    for cost in (a, b):
        architecture = _scaled(cost.architecture, name, factor)
        try:
            again = evaluate_network(
                cost.network, architecture, price(architecture), cost.objective, cost.batch
            )
        except (Unmappable, Unpriceable, OutsideTable):
            return None
        values.append(_value(again, objective))
    return values[1] <= values[0]
