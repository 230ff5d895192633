"""A reader of Timeloop's v3 input that shares nothing with the writer: YAML to our problem, architecture,
mapping.

It holds the input to the program's own rules and fails where the program would: meshes that divide, a spatial
directive exactly where a level fans out, each dimension once in a permutation, factors that multiply up to
the bounds, loops that fit the mesh.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import yaml

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Axis,
    Link,
    LinkKind,
    Mac,
    Memory,
    PerOperation,
    Ports,
)
from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.dsl.problem import Bits, Problem

FACTOR = re.compile(r"([A-Za-z]+)[ ]*=*[ ]*([0-9]+)(?:,([0-9]+))?")
ATTRIBUTES = {
    "word_bits", "block_size", "instances", "meshX", "meshY", "entries",
    "read_bandwidth", "write_bandwidth", "shared_bandwidth",
}  # fmt: skip


@dataclass(frozen=True)
class Read:
    problem: Problem
    architecture: Architecture
    mapping: Mapping
    prices: EnergyTable
    link_transfers: frozenset[tuple[str, str]]
    """Levels and data spaces with transfers between neighbours."""


def read(text: str) -> Read:
    tree = yaml.safe_load(text)
    problem = _problem(tree["problem"])
    (system,) = tree["architecture"]["subtree"]
    *storage, arithmetic = system["local"]
    assert arithmetic["class"] == "intmac"
    energies = {table["name"]: table["actions"] for table in tree["ERT"]["tables"]}
    directives = _directives(tree["mapping"], [level["name"] for level in storage])
    meshes = [_mesh(level) for level in (*storage, arithmetic)]
    levels: list[Memory | Array] = []
    transfers = set()
    for level, mesh, inner in zip(storage, meshes[:-1], meshes[1:], strict=True):
        assert set(level["attributes"]) <= ATTRIBUTES, level
        assert level["class"] in ("DRAM", "SRAM", "regfile")
        assert level["class"] == "DRAM" or level["attributes"]["entries"] > 0
        levels.append(_memory(level))
        assert inner[0] % mesh[0] == 0 and inner[1] % mesh[1] == 0
        x, y = inner[0] // mesh[0], inner[1] // mesh[1]
        spatial = directives[level["name"]].get("spatial")
        assert (spatial is not None) == (x * y > 1), (
            "a spatial directive where and only where a level fans out"
        )
        if spatial is not None:
            silent = spatial.get("no_link_transfer", [])
            transfers |= {(level["name"], s) for s in ("Weights", "Inputs", "Outputs") if s not in silent}
            levels.append(_array(level["name"], x, y, spatial.get("no_multicast_no_reduction", [])))
    mac_pj = energies[arithmetic["name"]][0]["energy"]
    architecture = Architecture("read", tuple(levels), Mac(energy=PerOperation(mac_pj)))
    names = [level["name"] for level in storage]
    mapping = _mapping(problem, architecture, names, directives)
    return Read(problem, architecture, mapping, _prices(storage, energies, mac_pj), frozenset(transfers))


def _problem(tree: Any) -> Problem:
    shape, instance = tree["shape"], dict(tree["instance"])
    spaces = {space["name"]: space for space in shape["data_spaces"]}
    assert list(spaces) == ["Weights", "Inputs", "Outputs"] and spaces["Outputs"]["read_write"] is True
    dimensions = shape["dimensions"]
    assert all(len(d) == 1 for d in dimensions) and set(dimensions) <= set(instance)
    rows, columns = spaces["Inputs"]["projection"][-2:]
    assert rows == [["R", "Hdilation"], ["P", "Hstride"]] and columns == [
        ["S", "Wdilation"],
        ["Q", "Wstride"],
    ]
    relevant = {"Weights": "GMCRS", "Outputs": "NGMPQ"}
    for name, letters in relevant.items():
        assert spaces[name]["projection"] == [[[d]] for d in letters if d in dimensions]
    bounds = {"K" if d == "M" else d: instance[d] for d in dimensions}
    return Problem(
        **bounds,
        stride=(instance["Hstride"], instance["Wstride"]),
        dilation=(instance["Hdilation"], instance["Wdilation"]),
        bits=Bits(16, 16, 16, 16),
    )


def _mesh(level: Any) -> tuple[int, int]:
    attributes = level["attributes"]
    assert attributes["meshX"] * attributes["meshY"] == attributes["instances"]
    return attributes["meshX"], attributes["meshY"]


def _memory(level: Any) -> Memory:
    attributes = level["attributes"]

    def rate(*names: str) -> Fraction | None:
        found = next((attributes[name] for name in names if name in attributes), None)
        return None if found is None else Fraction(found).limit_denominator(10**6) * 16

    return Memory(
        level["name"],
        may_hold=frozenset({"inputs", "weights", "outputs", "sums"}),
        size_bits=attributes["entries"] * 16 if "entries" in attributes else None,
        width_bits=attributes["block_size"] * 16,
        read_bits_per_cycle=rate("read_bandwidth", "shared_bandwidth"),
        write_bits_per_cycle=rate("write_bandwidth", "shared_bandwidth"),
        ports=Ports.SHARED if "shared_bandwidth" in attributes else Ports.SEPARATE,
    )


def _array(name: str, x: int, y: int, alone: list[str]) -> Array:
    links = [
        Link(("X", "Y"), LinkKind.MULTICAST, tensor)
        for tensor, space in (("weights", "Weights"), ("inputs", "Inputs"))
        if space not in alone
    ]
    if "Outputs" not in alone:
        links.append(Link(("X", "Y"), LinkKind.REDUCE, "sums"))
    return Array(f"{name}_children", (Axis("X", x), Axis("Y", y)), tuple(links))


def _prices(storage: Any, energies: Any, mac_pj: float) -> EnergyTable:
    memories = {}
    for level in storage:
        pj = {action["name"]: action["energy"] for action in energies[level["name"]]}
        width = level["attributes"]["block_size"] * 16
        memories[level["name"]] = MemoryPrice(pj["read"], pj["fill"], pj["update"], width)
    return EnergyTable(memories, mac_pj)


def _directives(mapping: Any, names: list[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for directive in mapping:
        kind = directive["type"]
        assert kind in ("bypass", "temporal", "spatial") and kind not in found[directive["target"]]
        found[directive["target"]][kind] = directive
    assert all({"bypass", "temporal"} <= set(said) for said in found.values())
    return found


def _mapping(
    problem: Problem, architecture: Architecture, names: list[str], directives: dict[str, dict[str, Any]]
) -> Mapping:
    """Nodes; a loop's last passes are short by its residual, which must be those of the bounds."""
    skeleton: list[Holds | tuple[str, int, int, str | None, str]] = []
    for name in names:
        said = directives[name]
        keep, bypass = said["bypass"]["keep"], said["bypass"]["bypass"]
        assert sorted(keep + bypass) == ["Inputs", "Outputs", "Weights"]
        if keep:
            skeleton.append(Holds(name, tuple(space.lower() for space in keep)))
        skeleton += [(d, e, r, None, name) for d, e, r in _loops(said["temporal"])]
        if "spatial" in said:
            array = next(a for a in architecture.arrays if a.name == f"{name}_children")
            loops, split = _loops(said["spatial"]), said["spatial"]["split"]
            inward = [d for d, _, _ in reversed(loops)]
            for d, e, r in loops:
                axis = "X" if inward.index(d) < split else "Y"
                skeleton.append((d, e, r, axis, array.name))
            for axis in array.axes:
                used = [e for d, e, _, a, n in skeleton_loops(skeleton) if (a, n) == (axis.name, array.name)]
                assert _product(used) <= axis.size, "loops fit the mesh"
    last = dict.fromkeys(problem.bounds, 0)
    for d, e, r, _, _ in skeleton_loops(skeleton):
        last[d] = last[d] * e + r - 1
    assert {d: n + 1 for d, n in last.items()} == problem.bounds, "factors multiply up to the bounds"
    steps = dict.fromkeys(problem.bounds, 1)
    nodes: list[Holds | For | Spatial] = []
    for node in reversed(skeleton):
        if isinstance(node, Holds):
            nodes.insert(0, node)
            continue
        d, e, _, axis, array = node
        step = steps[d]
        steps[d] *= e
        bound = min(steps[d], problem.bounds[d])
        if e > 1:
            nodes.insert(0, For(d, bound, step) if axis is None else Spatial(d, bound, array, axis, step))
    return Mapping(tuple(nodes))


def skeleton_loops(skeleton: list[Any]) -> list[tuple[str, int, int, str | None, str]]:
    return [node for node in skeleton if not isinstance(node, Holds)]


def _loops(directive: Any) -> list[tuple[str, int, int]]:
    """Dimension, end and residual of each loop, outer to inner; every dimension is there once."""
    factors = {name: (int(end), int(last or end)) for name, end, last in FACTOR.findall(directive["factors"])}
    inward = directive["permutation"]
    assert sorted(inward) == sorted(factors)
    assert all(1 <= last <= end for end, last in factors.values())
    return [("K" if d == "M" else d, *factors[d]) for d in reversed(inward)]


def _product(numbers: list[int]) -> int:
    total = 1
    for number in numbers:
        total *= number
    return total
