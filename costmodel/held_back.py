"""What holds a layer back, in words: the memory it waits for, or what leaves its array empty.

DRAM bandwidth (weights)      3 input channels      array fill and drain      compute, DRAM transfers 31 %
"""

from __future__ import annotations

from math import prod
from typing import Final

from dovetail.accel.architecture import Architecture
from dovetail.accel.mapping import Mapping, Spatial, flatten
from dovetail.costmodel.latency import COMPUTE
from dovetail.costmodel.layer_cost import LayerCost, Trial
from dovetail.dsl.problem import Problem

NOUNS: Final = {
    "G": "group",
    "N": "image",
    "K": "output channel",
    "C": "input channel",
    "P": "output row",
    "Q": "output column",
    "R": "kernel row",
    "S": "kernel column",
}
WAITS: Final = {
    "fold": "array fill and drain",
    "load": "loads",
    "first_load": "loads",
    "last_store": "stores",
    "tile_steps": "loads",
    "transfer": "transfers",
    "latency": "latency",
}
"""The terms of a latency that add to the throughput, in words."""
FULL: Final = 0.85
"""An axis filled so far, or an array used so far, is not what holds a layer back."""


def held_back_by(layer: LayerCost, architecture: Architecture) -> str:
    """The reason why the layer is not faster, in a few words."""
    if layer.chosen is None or layer.problem is None:
        if layer.bound_by == layer.unit:
            return f"{layer.unit} lanes"
        return f"{layer.bound_by} bandwidth"
    if layer.bound_by != COMPUTE:
        return _memory(layer, layer.chosen)
    latency = layer.chosen.cost.latency
    if latency.term("fold") > latency.term("throughput"):
        return "array fill and drain"
    if layer.utilization >= FULL:
        return COMPUTE
    idle = emptiest_axis(layer.problem, architecture, layer.chosen.mapping) or COMPUTE
    return idle + _waiting(layer, layer.chosen)


def _waiting(layer: LayerCost, trial: Trial) -> str:
    """What else takes time and is not hidden, where it is a good part: `, DRAM transfers 31 %`."""
    waits: dict[str, int] = {}
    for term in trial.cost.latency.terms:
        if term.kind != "throughput":
            cause = WAITS["fold"] if term.kind == "fold" else f"{term.cause} {WAITS[term.kind]}"
            waits[cause] = waits.get(cause, 0) + term.cycles
    longest = max(waits, key=lambda cause: waits[cause], default="")
    share = waits.get(longest, 0) / layer.cycles
    return f", {longest} {100 * share:.0f} %" if share >= 1 - FULL else ""


def _memory(layer: LayerCost, trial: Trial) -> str:
    causes: dict[str, int] = {}
    for term in trial.cost.latency.terms:
        if term.cause == layer.bound_by:
            causes[term.kind] = causes.get(term.kind, 0) + term.cycles
    kind = max(causes, key=lambda name: causes[name], default="throughput")
    if kind == "latency":
        return f"{layer.bound_by} latency"
    operands = layer.traffic_words.get(layer.bound_by)
    if not operands:
        return layer.bound_by
    operand = max(operands, key=lambda name: sum(operands[name].values()))
    return f"{layer.bound_by} bandwidth ({operand})"


def emptiest_axis(problem: Problem, architecture: Architecture, mapping: Mapping) -> str | None:
    """What the least used axis has too few of: `3 input channels`; None where all axes are well used."""
    flat = flatten(problem, mapping.flat)
    worst, reason = FULL, None
    for array in architecture.spatial:
        for axis in array.axes:
            loops = [
                node
                for node in mapping.nodes
                if isinstance(node, Spatial) and (node.array, node.axis) == (array.name, axis.name)
            ]
            used = prod(_used(flat.bounds[loop.dimension], loop) for loop in loops)
            if used / axis.size < worst:
                worst = used / axis.size
                reason = _too_few(flat, mapping, loops, f"{array.name}.{axis.name}")
    return reason


def _used(size: int, loop: Spatial) -> float:
    """PEs that a spatial loop uses on average: its last pass may be short."""
    return -(-size // loop.step) / -(-size // (loop.bound))


def _too_few(problem: Problem, mapping: Mapping, loops: list[Spatial], axis: str) -> str:
    if not loops:
        return f"nothing along {axis}"
    parts = []
    for loop in loops:
        size = problem.bounds[loop.dimension]
        group = next((g for g in mapping.flat if g[0] == loop.dimension), (loop.dimension,))
        plural = "" if size == 1 else "s"
        parts.append(f"{size} " + " and ".join(f"{NOUNS[dimension]}{plural}" for dimension in group))
    return " x ".join(parts)
