"""Timeloop reference cases as Dovetail's problem, architecture, mapping and prices.

The format is described beside the data (`timeloop/README.md`): levels outer to inner, `keep` lists, temporal
factors with their order, spatial factors on the mesh's X and Y; a factor `[e, r]` is imperfect.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from dovetail.accel.architecture import Architecture, Array, Axis, Link, LinkKind, Mac, Memory, PerOperation
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.dsl.problem import DIMENSIONS, Bits, Problem

Json = Any

OPERAND = {"Weights": "weights", "Inputs": "inputs", "Outputs": "outputs"}


@dataclass(frozen=True)
class Case:
    name: str
    problem: Problem
    architecture: Architecture
    mapping: Mapping
    prices: EnergyTable
    imperfect: bool
    results: Json | None
    """The variant that is exact; None where none was run."""
    but_inputs: bool
    """The only variant at hand extrapolates: inputs are not comparable."""


def load(folder: Path) -> list[Case]:
    """All model cases of a folder."""
    return [
        case(record)
        for path in sorted(folder.glob("model_*.json"))
        for record in json.loads(path.read_text())["cases"]
    ]


def case(record: Json) -> Case:
    problem = workload(record["workload"], record["arch"])
    results, but_inputs = variant(record)
    nodes, imperfect = nest(record, problem)
    return Case(
        record["id"],
        problem,
        architecture(record["arch"]),
        Mapping(nodes),
        prices(record["arch"]),
        imperfect,
        results,
        but_inputs,
    )


def variant(record: Json) -> tuple[Json | None, bool]:
    """The results to compare with: those of a walk of all steps, else those without link transfers."""
    results = record["results"]
    for name in ("no_extrapolation", "no_link_transfers"):
        found = results[name]
        if isinstance(found, str) and found.startswith("same_as:"):
            found = results[found.removeprefix("same_as:")]
        if not isinstance(found, str):
            return found, name == "no_link_transfers" and record["extrapolation_risk"]
    return None, False


def workload(record: Json, arch: Json) -> Problem:
    dims = {dimension_name(d): bound for d, bound in record["dims"].items()}
    bits = arch["mac"]["word_bits"]
    return Problem(
        **{d: dims.get(d, 1) for d in DIMENSIONS},
        stride=tuple(record.get("stride_HW", (1, 1))),
        dilation=tuple(record.get("dilation_HW", (1, 1))),
        bits=Bits(bits, bits, bits, bits),
    )


def dimension_name(name: str) -> str:
    return "K" if name == "M" else name


def architecture(arch: Json) -> Architecture:
    levels: list[Memory | Array] = []
    for level in arch["levels"]:
        bits = level["word_bits"]

        def rate(words: float | None, bits: int = bits) -> Fraction | None:
            return None if words is None else Fraction(words).limit_denominator(10**6) * bits

        levels.append(
            Memory(
                level["name"],
                may_hold=frozenset(OPERAND.values()),
                size_bits=None if level["size_words"] is None else level["size_words"] * bits,
                width_bits=level["block_size"] * bits,
                read_bits_per_cycle=rate(level["read_bandwidth"]),
                write_bits_per_cycle=rate(level["write_bandwidth"]),
            )
        )
        fanout = level["fanout_to_next"]
        axes = tuple(Axis(name, size) for name, size in fanout.items())
        links = []
        if level.get("multicast", True):
            links += [Link(tuple(fanout), LinkKind.MULTICAST, tensor) for tensor in ("inputs", "weights")]
        if level.get("spatial_reduction", True):
            links.append(Link(tuple(fanout), LinkKind.REDUCE, "sums"))
        levels.append(Array(f"{level['name']}_to_next", axes, tuple(links)))
    return Architecture(arch["name"], tuple(levels), Mac(energy=PerOperation(arch["mac"]["energy_pJ"])))


def prices(arch: Json) -> EnergyTable:
    memories = {}
    for level in arch["levels"]:
        pj = level["energy_pJ_per_vector_access"]
        width = level["block_size"] * level["word_bits"]
        memories[level["name"]] = MemoryPrice(pj["read"], pj["fill"], pj["update"], width)
    return EnergyTable(memories, arch["mac"]["energy_pJ"])


def nest(record: Json, problem: Problem) -> tuple[tuple[Holds | For | Spatial, ...], bool]:
    """The nodes; and whether a factor is imperfect."""
    skeleton: list[Holds | tuple[str, int, str | None, str]] = []
    imperfect = False
    for level in record["mapping"]:
        skeleton.append(Holds(level["level"], tuple(OPERAND[tensor] for tensor in level["keep"])))
        temporal = level["temporal"]
        order = temporal["order_outer_to_inner"]
        loops = [(d, temporal["factors"][d], None) for d in order]
        assert all(d in order or trips(factor) == 1 for d, factor in temporal["factors"].items())
        spatial = level.get("spatial_to_next", {"factors": {}})
        for axis in ("X", "Y"):
            loops += [(d, spatial["factors"][d], axis) for d in spatial.get(axis, [])]
        for d, factor, axis in loops:
            imperfect |= isinstance(factor, list) and factor[0] != factor[-1]
            skeleton.append((dimension_name(d), trips(factor), axis, f"{level['level']}_to_next"))
    steps = dict.fromkeys(DIMENSIONS, 1)
    nodes: list[Holds | For | Spatial] = []
    for node in reversed(skeleton):
        if isinstance(node, Holds):
            nodes.insert(0, node)
            continue
        d, number, axis, array = node
        step = steps[d]
        steps[d] *= number
        bound = min(steps[d], problem.bounds[d])
        nodes.insert(0, For(d, bound, step) if axis is None else Spatial(d, bound, array, axis, step))
    return tuple(nodes), imperfect


def trips(factor: int | list[int]) -> int:
    return factor[0] if isinstance(factor, list) else factor
