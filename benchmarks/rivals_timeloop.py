"""Records of Timeloop's mapper: what each level keeps, temporal and spatial factors, outer to inner."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from rival import Json, Rival, Step, spread_over

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Axis,
    Dataflow,
    Link,
    LinkKind,
    LoopsInside,
    Memory,
    SpatialRule,
)
from dovetail.accel.mapping import For, Holds, Mapping, Node, Spatial
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.dsl.problem import DIMENSIONS, Bits, Problem

TIMELOOP: Final = {"Weights": "weights", "Inputs": "inputs", "Outputs": "outputs"}


def timeloop(record: Json, file: str) -> Iterator[Rival]:
    """The best of each run of its random search."""
    for run in record["runs"]:
        if not run.get("best_mapping"):
            continue
        workload, machine = record["workloads"][run["layer"]], record["architectures"][run["arch"]]
        bits = machine["levels"][0]["word_bits"]
        bounds = {_dimension(d): bound for d, bound in workload["dims"].items()}
        stride, dilation = tuple(workload["stride"]), tuple(workload["dilation"])
        problem = Problem(**bounds, stride=stride, dilation=dilation, bits=Bits(bits, bits, bits, bits))
        kept = {level["level"]: level["keep"] for level in run["best_mapping"]}
        flow = _timeloop_flow(run.get("mapspace_constraints", []), problem)
        networks = run["best_counts"]["networks"].values()
        linked = any(own["link_transfers"] for network in networks for own in network.values())
        yield Rival(
            "timeloop",
            file,
            f"{run['layer']} {run['constraints']}",
            problem,
            replace(_timeloop_architecture(machine, kept), dataflows=() if flow is None else (flow,)),
            _timeloop_prices(machine),
            Mapping(tuple(_timeloop_nodes(run["best_mapping"], problem))),
            run["best"]["energy_pJ"],
            run["best"]["cycles"],
            uneven=False,
            differs=(
                "moves words between neighbours for nothing (link transfers)" if linked else "",
                "rounds",
            ),
        )


def _dimension(name: str) -> str:
    return "K" if name == "M" else name


def _timeloop_architecture(machine: Json, kept: dict[str, list[str]]) -> Architecture:
    levels: list[Memory | Array] = []
    for level in machine["levels"]:
        bits = level["word_bits"]
        rates = [
            None if words is None else Fraction(words).limit_denominator(10**6) * bits
            for words in (level["read_bandwidth"], level["write_bandwidth"])
        ]
        levels.append(
            Memory(
                level["name"],
                frozenset(TIMELOOP[tensor] for tensor in kept[level["name"]]),
                size_bits=None if level["size_words"] is None else level["size_words"] * bits,
                width_bits=level["block_size"] * bits,
                read_bits_per_cycle=rates[0],
                write_bits_per_cycle=rates[1],
            )
        )
        axes = tuple(Axis(name, size) for name, size in level["fanout_to_next"].items())
        if all(axis.size == 1 for axis in axes):
            continue
        names = tuple(axis.name for axis in axes)
        links = [Link(names, LinkKind.MULTICAST, t) for t in ("inputs", "weights") if level["multicast"]]
        links += [Link(names, LinkKind.REDUCE, "sums")] if level["spatial_reduction"] else []
        levels.append(Array(f"{level['name']}_to_next", axes, tuple(links)))
    return Architecture(machine["name"], tuple(levels))


def _timeloop_prices(machine: Json) -> EnergyTable:
    memories = {}
    for level in machine["levels"]:
        pj = level["energy_pJ_per_vector_access"]
        width = level["block_size"] * level["word_bits"]
        memories[level["name"]] = MemoryPrice(pj["read"], pj["fill"], pj["update"], width)
    return EnergyTable(memories, machine["mac"]["energy_pJ"])


def _timeloop_flow(constraints: Sequence[Json], problem: Problem) -> Dataflow | None:
    rules: list[SpatialRule | LoopsInside] = []
    for rule in constraints:
        if rule["type"] == "bypass":
            continue
        ones = {_dimension(d) for d in re.findall(r"(\w)=1\b", rule.get("factors", ""))}
        if rule["type"] == "spatial":
            dimensions = [_dimension(d) for d in rule["permutation"]]
            split = rule["split"]
            allowed = {"X": dimensions[:split], "Y": dimensions[split:]}
            own = {axis: [d for d in listed if d not in ones] for axis, listed in allowed.items()}
            rules += spread_over(problem, f"{rule['target']}_to_next", own)
        elif rule["type"] == "temporal":
            rules.append(LoopsInside(rule["target"], tuple(d for d in DIMENSIONS if d not in ones)))
    return Dataflow("as_timeloop", tuple(rules)) if rules else None


def _timeloop_nodes(levels: Json, problem: Problem) -> Iterator[Node]:
    skeleton: list[Step] = []
    for level in levels:
        if level["keep"]:
            skeleton.append(Holds(level["level"], tuple(TIMELOOP[tensor] for tensor in level["keep"])))
        temporal = level["temporal"]
        loops = [(d, temporal["factors"][d], None) for d in temporal["order_outer_to_inner"]]
        spatial = level.get("spatial_to_next", {"factors": {}})
        array = f"{level['level']}_to_next"
        loops += [(d, spatial["factors"][d], (array, a)) for a in "XY" for d in spatial.get(a, [])]
        for d, factor, axis in loops:
            skeleton.append((_dimension(d), factor[0] if isinstance(factor, list) else factor, axis))
    steps = dict.fromkeys(DIMENSIONS, 1)
    nodes: list[Node] = []
    for node in reversed(skeleton):
        if isinstance(node, Holds):
            nodes.append(node)
            continue
        d, trips, axis = node
        step, steps[d] = steps[d], min(steps[d] * trips, problem.bounds[d])
        if step < steps[d]:
            nodes.append(For(d, steps[d], step) if axis is None else Spatial(d, steps[d], *axis, step))
    yield from reversed(nodes)
