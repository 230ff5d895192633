"""A whole network on an architecture: each layer mapped by every dataflow, the best choice for the network.

    cost = evaluate_network(network, architecture, price(architecture), Objective.EDP)
    cost.cycles, cost.energy_pj, cost.layers[0].dataflow, cost.layers[0].mapping

Layers run one after the other, so that their cycles and energies add up. Layers of equal shape and width
are mapped once, by the mapper that `effort.py` names. Operations without MACs cost their traffic
(`vector_cost.py`); what is free (`Network.free`) costs nothing. Leakage is charged for the whole time, layer
by layer. Where the text says `keep feature_maps in`, those stay on chip that are worth it
(`kept_network.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dovetail.accel.architecture import Architecture, Dataflow
from dovetail.accel.mapping import Mapping
from dovetail.costmodel.bound import Bound, lower_bound
from dovetail.costmodel.components import Prices
from dovetail.costmodel.effort import Effort
from dovetail.costmodel.kept_network import Keeper
from dovetail.costmodel.layer_cost import (
    EnergyParts,
    KeptMap,
    LayerCost,
    NetworkCost,
    Refusal,
    SingleDataflow,
    Trial,
)
from dovetail.costmodel.on_chip import OnChip
from dovetail.costmodel.price_table import energy_table
from dovetail.costmodel.selection import Objective, select
from dovetail.costmodel.trials import Solved, leakage_pj_per_cycle, solve, try_mapping
from dovetail.costmodel.vector_cost import vector_cost
from dovetail.dsl.layer import Layer
from dovetail.dsl.network import Network
from dovetail.dsl.problem import Problem

__all__ = [
    "Solved",
    "Unmappable",
    "evaluate_given",
    "evaluate_network",
    "leakage_pj_per_cycle",
    "problem_of",
    "solve",
    "try_mapping",
]


class Unmappable(Exception):
    """Layers that no dataflow can run, each with the reason by dataflow."""

    def __init__(self, layers: Sequence[tuple[Layer, tuple[Refusal, ...]]]) -> None:
        super().__init__(", ".join(layer.name for layer, _ in layers))
        self.layers = tuple(layers)


def problem_of(layer: Layer, batch: int) -> Problem | None:
    """The loop nest of a layer for `batch` images; None where it has no MACs.

    The second operand of a product of two activations is different for each image, as weights are not: there
    the batch is one more group.
    """
    if layer.loops is None:
        return None
    if layer.weights:
        return replace(layer.loops, N=batch)
    return replace(layer.loops, G=layer.loops.G * batch)


def evaluate_network(
    network: Network,
    architecture: Architecture,
    prices: Prices,
    objective: Objective = Objective.EDP,
    batch: int = 1,
    dataflows: Sequence[Dataflow] | None = None,
    layers: Sequence[Layer] | None = None,
    effort: Effort | None = None,
    on_layer: Callable[[Layer, int, int], None] | None = None,
) -> NetworkCost:
    """Every layer (or those in `layers`) by the best of `dataflows` (all that the text has, unless given).

    `on_layer` is told the layer that is mapped next, how many were mapped, and how many there are to map.
    Raises Unmappable with every layer that cannot run, ValueError where the MAC has no rate for the operands'
    widths (`latency.mac_rate`).
    """
    wanted = network.layers if layers is None else layers
    costing = [layer for layer in wanted if network.free(layer) is None]
    free = [(layer, reason) for layer in wanted if (reason := network.free(layer)) is not None]
    known: dict[Problem, Solved] = {}
    flows: Sequence[Dataflow | None] = architecture.dataflows if dataflows is None else dataflows
    shapes: dict[Problem, Layer] = {}
    for layer in costing:
        problem = problem_of(layer, batch)
        if problem is not None:
            shapes.setdefault(problem, layer)
    for number, (problem, layer) in enumerate(shapes.items()):
        if on_layer is not None:
            on_layer(layer, number, len(shapes))
        known[problem] = solve(problem, architecture, prices, flows or (None,), objective, effort)
    stuck = [
        (layer, known[problem].refusals)
        for layer in costing
        if (problem := problem_of(layer, batch)) is not None and not known[problem].trials
    ]
    if stuck:
        raise Unmappable(stuck)

    ways = [
        [_without_macs(layer, architecture, prices, batch)]
        if (problem := problem_of(layer, batch)) is None
        else [
            _with_macs(layer, problem, known[problem], trial, architecture) for trial in known[problem].trials
        ]
        for layer in costing
    ]
    points = [[(way.cycles, way.energy_pj) for way in layer] for layer in ways]
    results = [layer[taken] for layer, taken in zip(ways, select(points, objective), strict=True)]
    names = [f.name for f in flows if f is not None]
    single = _single(results, names) if len(flows) > 1 else ()
    kept: tuple[KeptMap, ...] = ()
    if architecture.keep_feature_maps_in is not None and layers is None:

        def run(layer: Layer, on_chip: OnChip, tensors: tuple[str, ...]) -> Sequence[LayerCost]:
            problem = problem_of(layer, batch)
            if problem is None:
                return [_without_macs(layer, architecture, prices, batch, tensors)]
            solved = solve(problem, architecture, prices, flows or (None,), objective, effort, on_chip)
            return [_with_macs(layer, problem, solved, t, architecture, tensors) for t in solved.trials]

        def floor(layer: Layer, operands: frozenset[str]) -> Bound:
            problem = problem_of(layer, batch)
            assert problem is not None
            leakage = leakage_pj_per_cycle(architecture, prices)
            return lower_bound(problem, architecture, energy_table(prices, problem.bits), leakage, operands)

        keeper = Keeper(network, costing, architecture, batch, objective, ways, run, floor)
        results, kept = keeper.best()
        single = tuple(keeper.single(name) for name in names) if len(flows) > 1 else ()
    return NetworkCost(
        network=network,
        architecture=architecture,
        prices=prices,
        objective=objective,
        batch=batch,
        layers=tuple(results),
        free=tuple(free),
        single=single,
        kept=kept,
    )


def evaluate_given(
    network: Network,
    layer: Layer,
    architecture: Architecture,
    prices: Prices,
    mapping: Mapping,
    objective: Objective = Objective.EDP,
    batch: int = 1,
    dataflow: str | None = None,
) -> NetworkCost:
    """One layer with MACs under a given mapping, which has to be legal (`accel.legality`)."""
    problem = problem_of(layer, batch)
    if problem is None:
        raise ValueError(f"`{layer.name}` has no loops to map")
    trial = try_mapping(problem, architecture, prices, mapping, dataflow)
    bound = lower_bound(
        problem, architecture, energy_table(prices, problem.bits), leakage_pj_per_cycle(architecture, prices)
    )
    result = _with_macs(layer, problem, Solved((trial,), (), bound), trial, architecture)
    return NetworkCost(network, architecture, prices, objective, batch, (result,), (), ())


def _with_macs(
    layer: Layer,
    problem: Problem,
    solved: Solved,
    trial: Trial,
    architecture: Architecture,
    on_chip: tuple[str, ...] = (),
) -> LayerCost:
    cost = trial.cost
    return LayerCost(
        layer=layer,
        macs=problem.macs,
        cycles=cost.cycles,
        latency_s=cost.cycles / architecture.clock_hz,
        energy=trial.energy,
        traffic_words=cost.traffic_words(),
        outermost_bits=cost.traffic_bits().get(architecture.memories[0].name, 0),
        bound_by=cost.latency.bound_by,
        utilization=cost.utilization,
        bound=solved.bound,
        problem=problem,
        chosen=trial,
        trials=solved.trials,
        refusals=solved.refusals,
        unit=None,
        on_chip=on_chip,
    )


def _without_macs(
    layer: Layer, architecture: Architecture, prices: Prices, batch: int, on_chip: tuple[str, ...] = ()
) -> LayerCost:
    cost = vector_cost(layer, architecture, prices, batch, frozenset(on_chip))
    leakage = leakage_pj_per_cycle(architecture, prices) * cost.cycles
    parts = EnergyParts(
        mac_pj=0.0,
        memories_pj=cost.memories_pj,
        links_pj={},
        units_pj={cost.unit: cost.unit_pj} if cost.unit is not None else {},
        leakage_pj=leakage,
        spread_pj=cost.spread_pj + leakage * prices.leakage_mw.error,
    )
    traffic: dict[str, dict[str, dict[str, int]]] = {}
    for holder in cost.holders:
        words = traffic.setdefault(holder.memory, {}).setdefault(holder.operand, {"reads": 0, "fills": 0})
        words["reads"] += holder.reads
        words["fills"] += holder.fills
        if holder.operand == "outputs":
            words["updates"] = words.get("updates", 0) + holder.updates
    outermost = architecture.memories[0].name
    return LayerCost(
        layer=layer,
        macs=0,
        cycles=cost.cycles,
        latency_s=cost.cycles / architecture.clock_hz,
        energy=parts,
        traffic_words=traffic,
        outermost_bits=sum(
            (h.reads + h.fills + h.updates) * h.bits for h in cost.holders if h.memory == outermost
        ),
        bound_by=cost.bound_by,
        utilization=0.0,
        bound=Bound(cost.cycles, parts.total_pj),  # nothing is searched: what it costs is all it can cost
        problem=None,
        chosen=None,
        trials=(),
        refusals=(),
        unit=cost.unit,
        on_chip=on_chip,
    )


def _single(layers: Sequence[LayerCost], dataflows: Sequence[str]) -> tuple[SingleDataflow, ...]:
    """What the network costs if all layers take one dataflow, for each of them."""
    results = []
    for name in dataflows:
        cycles, pj, missing = 0, 0.0, []
        for layer in layers:
            if layer.chosen is None:
                cycles += layer.cycles
                pj += layer.energy_pj
                continue
            trial = next((t for t in layer.trials if t.dataflow == name), None)
            if trial is None:
                missing.append(layer.name)
                continue
            cycles += trial.cost.cycles
            pj += trial.energy.total_pj
        results.append(SingleDataflow(name, cycles, pj, tuple(missing)))
    return tuple(results)
