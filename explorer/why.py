"""Why a network takes the time and energy that it does on an accelerator, and which one change would help.

Nothing here is an estimate: each change makes another design, and that design is mapped and evaluated as any
other, with its own prices. What a change costs in area is part of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dovetail.accel.architecture import Architecture
from dovetail.costmodel.components import Unpriceable, price
from dovetail.costmodel.figures import OutsideTable
from dovetail.costmodel.layer_cost import LayerCost, NetworkCost
from dovetail.costmodel.network_cost import Unmappable, evaluate_network
from dovetail.costmodel.selection import Objective
from dovetail.dsl.network import Network
from dovetail.dsl.problem import Bits
from dovetail.explorer.changes import layer_changes, machine_changes

KERNELS_OF = 3
"""So many layers, those that matter most, are tried with other kernels, where no layer is named."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one change does."""

    kind: str
    """`PEs`, `buffer`, `bandwidth`, `latency`, `MACs`, `overlap`, `units`, `precision`, `kernel`."""
    what: str
    cycles: int
    latency_s: float
    energy_pj: float
    area_mm2: float
    gain: float
    """The objective before over the objective after: above 1 is better."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Where time and energy go, and what would change them."""

    cost: NetworkCost
    """The layers in question (all, or the one that was named)."""
    time: Mapping[str, int]
    """Cycles by cause: compute, array fill and drain, the transfers of a memory …"""
    energy: Mapping[str, float]
    """pJ by part."""
    effects: tuple[Effect, ...]
    """The best first."""
    impossible: tuple[tuple[str, str], ...]
    """Changes that make no design, with the reason."""


def diagnose(
    network: Callable[[Bits | None], Network],
    architecture: Architecture,
    objective: Objective = Objective.EDP,
    batch: int = 1,
    layer: str | None = None,
) -> Diagnosis:
    """The diagnosis of a network (built at given default widths; None: its own), or of one of its layers.

    Raises Unmappable, Unpriceable or OutsideTable where the design as it is cannot be evaluated,
    UnknownLayer.
    """
    built = network(None)
    before = _evaluate(built, architecture, objective, batch, layer)
    effects: list[Effect] = []
    impossible: list[tuple[str, str]] = []
    for change in machine_changes(architecture):
        try:
            other = built if change.bits is None else network(change.bits)
            after = _evaluate(other, change.architecture, objective, batch, layer)
        except (Unmappable, Unpriceable, OutsideTable, ValueError) as fault:
            impossible.append((change.what, str(fault)))
            continue
        if _same(before, after):
            continue
        effects.append(_effect(change.kind, change.what, before, after.cycles, after.energy_pj, after))
    for cost in _worst(before, 1 if layer is not None else KERNELS_OF):
        for swap in layer_changes(cost.layer):
            try:
                instead = evaluate_network(
                    built, architecture, before.prices, objective, batch, layers=swap.layers
                )
            except Unmappable as fault:
                impossible.append((f"{swap.layer}: {swap.what}", str(fault)))
                continue
            cycles = before.cycles - cost.cycles + instead.cycles
            energy_pj = before.energy_pj - cost.energy_pj + instead.energy_pj
            effects.append(_effect("kernel", f"{swap.layer} {swap.what}", before, cycles, energy_pj, before))
    effects.sort(key=lambda effect: -effect.gain)
    return Diagnosis(
        before, time_by_cause(before.layers), _energy(before.layers), tuple(effects), tuple(impossible)
    )


def _evaluate(
    network: Network, architecture: Architecture, objective: Objective, batch: int, layer: str | None
) -> NetworkCost:
    only = None if layer is None else (network[layer],)
    return evaluate_network(network, architecture, price(architecture), objective, batch, layers=only)


def _effect(
    kind: str, what: str, before: NetworkCost, cycles: int, energy_pj: float, after: NetworkCost
) -> Effect:
    latency = cycles / after.architecture.clock_hz
    value = before.objective.of(latency, energy_pj)
    gain = before.value / value if value else 1.0
    return Effect(kind, what, cycles, latency, energy_pj, after.area_mm2.value, gain)


def _same(before: NetworkCost, after: NetworkCost) -> bool:
    return before.cycles == after.cycles and before.energy_pj == after.energy_pj


def _worst(cost: NetworkCost, count: int) -> Sequence[LayerCost]:
    """The layers with MACs that have the largest share of the objective."""

    def share(layer: LayerCost) -> float:
        time, energy = layer.cycles / cost.cycles, layer.energy_pj / cost.energy_pj
        return {Objective.LATENCY: time, Objective.ENERGY: energy, Objective.EDP: time + energy}[
            cost.objective
        ]

    return sorted((layer for layer in cost.layers if layer.macs), key=share, reverse=True)[:count]


def time_by_cause(layers: Sequence[LayerCost]) -> dict[str, int]:
    """The cycles of layers by what causes them, the most first; they add up to the whole."""
    causes: dict[str, int] = {}
    for layer in layers:
        if layer.chosen is None:
            name = f"{layer.bound_by}, layers without MACs"
            causes[name] = causes.get(name, 0) + layer.cycles
            continue
        for term in layer.chosen.cost.latency.terms:
            name = _TERMS.get(term.kind, "{}").format(term.cause)
            causes[name] = causes.get(name, 0) + term.cycles
    return dict(sorted(causes.items(), key=lambda item: -item[1]))


_TERMS = {
    "fold": "array fill and drain",
    "load": "{} loads",
    "first_load": "{} loads",
    "last_store": "{} stores",
    "transfer": "{} transfers",
    "latency": "{} latency",
}


def _energy(layers: Sequence[LayerCost]) -> dict[str, float]:
    parts: dict[str, float] = {}
    for layer in layers:
        for name, pj in layer.energy.by_part().items():
            parts[name] = parts.get(name, 0.0) + pj
    return dict(sorted(parts.items(), key=lambda item: -item[1]))
