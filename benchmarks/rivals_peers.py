"""Records of accelforge and ZigZag: one form of architecture (pJ per bit), two of mappings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from rival import Json, Rival, Step, Unreadable, nest, spread_over

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Axis,
    Dataflow,
    Link,
    LinkKind,
    Mac,
    Memory,
    Ports,
)
from dovetail.accel.legality import violations
from dovetail.accel.mapping import Holds, Mapping
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.dsl.problem import DIMENSIONS, OPERANDS, Bits, Problem

TENSORS: Final = {"W": "weights", "F": "weights", "I": "inputs", "O": "outputs"}
RANKS: Final = dict(zip("mcpqrsgabn", "KCPQRSGPCK", strict=True))
"""accelforge's ranks of convolutions and of `O[a, n] = I[a, b] * F[b, n]`."""
LOOPS: Final = {"B": "N", "G": "G", "K": "K", "C": "C", "OY": "P", "OX": "Q", "FY": "R", "FX": "S"}
"""ZigZag's loops."""
LINKED: Final = {
    "I": (LinkKind.MULTICAST, "inputs"),
    "W": (LinkKind.MULTICAST, "weights"),
    "O": (LinkKind.REDUCE, "sums"),
}


def peer_architecture(
    record: Json, *, drain_reads: bool, skip_gaps: bool, latch: bool, linked: bool = False
) -> tuple[Architecture, EnergyTable]:
    """The architecture that accelforge and ZigZag share: pJ per bit, a shared or two separate ports a level.

    `linked`: every axis carries every tensor, as ZigZag has it where it chooses what to spread.
    """
    levels: list[Memory | Array] = []
    prices = {}
    axes = tuple(Axis(axis["name"], axis["size"]) for axis in record["pe_array"])
    links = tuple(Link((axis["name"],), *LINKED[axis["multicast"]]) for axis in record["pe_array"])
    if linked:
        names = tuple(axis.name for axis in axes)
        links = tuple(Link(names, *link) for link in LINKED.values())
    for level in record["levels"]:
        if level["per_pe"] and not any(isinstance(known, Array) for known in levels):
            levels.append(Array("PE", axes, links))
        rate = level["bw_bits_per_cycle"]
        rate = None if rate is None else Fraction(rate)
        levels.append(
            Memory(
                level["name"],
                frozenset(TENSORS[tensor] for tensor in level["holds"]),
                size_bits=level["size_bits"],
                read_bits_per_cycle=rate,
                write_bits_per_cycle=rate,
                ports=Ports(level["ports"]),
                drain_reads=drain_reads,
                skip_gaps=skip_gaps,
            )
        )
        prices[level["name"]] = MemoryPrice(*[level["pj_per_bit"]] * 3)
    mac = Mac(latch=frozenset(OPERANDS) if latch else frozenset())
    bits = {TENSORS[tensor]: width for tensor, width in record["bits"].items()}
    own = Bits(**bits, sums=bits["outputs"])
    return Architecture(record["name"], tuple(levels), mac, bits=own), EnergyTable(prices, record["mac_pj"])


# -------------------------------------------------------------------------------------------- accelforge


def accelforge(record: Json, file: str) -> Iterator[Rival]:
    """Its optimum: perfect factors, fullest use of the axes, each axis for the dimensions its links serve."""
    architecture, prices = peer_architecture(record["arch"], drain_reads=True, skip_gaps=False, latch=False)
    for layer in record["results"]:
        result = layer["result"]
        bounds = {RANKS[rank]: size for rank, size in result["rank_sizes"].items()}
        strides = re.findall(r"[HW]: \w \* (\d+)", result["einsum"])
        stride = (int(strides[0]), int(strides[1])) if strides else (1, 1)
        problem = Problem(**bounds, stride=stride, bits=architecture.bits)
        nodes: list[Step] = []
        for node in result["mapping"]:
            if node["kind"] == "storage":
                nodes.append(Holds(node["component"], tuple(TENSORS[t] for t in node["tensors"])))
            elif node["kind"] != "compute":
                axis = ("PE", node["dim"]) if node["kind"] == "spatial" else None
                nodes.append((RANKS[node["rank"]], round(node["tile"]), axis))
        free = {"I": "K", "W": "NPQ", "O": "CRS"}
        allowed = {axis["name"]: tuple(free[axis["multicast"]]) for axis in record["arch"]["pe_array"]}
        flow = Dataflow("as_accelforge", spread_over(problem, "PE", allowed))
        mapping = nest(problem, nodes)
        if violations(problem, architecture, mapping):
            mapping = nest(problem, _as_line_buffers(problem, nodes))
        yield Rival(
            "accelforge",
            file,
            f"{layer['network']} {layer['layer']}",
            problem,
            replace(architecture, dataflows=(flow,)),
            prices,
            mapping,
            result["energy_pj"],
            result["latency_cycles"],
            uneven=True,
            differs=(
                "fetches a tile again that only loops behind unrolled ones leave as it is",
                "takes the mean of short passes over the array",
            ),
        )


def _as_line_buffers(problem: Problem, nodes: Sequence[Step]) -> list[Step]:
    """A tile of inputs with a loop inside that slides its window needs room for one step of it: the rows that
    two steps share stay. That is the place inside the loop, where we credit the same rows.
    """
    slides = {d for both in ("PR", "QS") for d in both if min(problem.bounds[x] for x in both) > 1}
    found = list(nodes)
    at = 0
    while at < len(found):
        node = found[at]
        if isinstance(node, Holds) and "inputs" in node.tensors and at > 0:
            inside = next(
                (i for i in range(at + 1, len(found)) if not isinstance(found[i], Holds)), len(found)
            )
            step = found[inside] if inside < len(found) else None
            if step is not None and not isinstance(step, Holds) and step[0] in slides and step[2] is None:
                rest = tuple(t for t in node.tensors if t != "inputs")
                found.insert(inside + 1, Holds(node.memory, ("inputs",)))
                if rest:
                    found[at] = Holds(node.memory, rest)
                else:
                    del found[at]
                at = inside + (2 if rest else 1)
                continue
        at += 1
    return found


# ------------------------------------------------------------------------------------------------ ZigZag


def zigzag(record: Json, file: str) -> Iterator[Rival | Unreadable]:
    """The best of at most 720 loop orders for one to three spatial mappings."""
    for layer in record["results"]:
        name = f"{layer['network']} {layer['layer']}"
        if isinstance(record["arch"], str):
            yield Unreadable(
                "zigzag", file, name, f"the file names `{record['arch']}` and does not describe it"
            )
            continue
        fixed = record["options"]["spatial"].startswith("fixed")
        architecture, prices = peer_architecture(
            record["arch"], drain_reads=True, skip_gaps=True, latch=True, linked=not fixed
        )
        result = layer["result"]
        bounds = {LOOPS[loop]: size for loop, size in result["loop_sizes"].items()}
        stride = layer["true_layer"]["stride"]
        problem = Problem(**bounds, stride=(stride, stride), bits=architecture.bits)
        axes = [axis["name"] for axis in record["arch"]["pe_array"]]
        spread = [
            (LOOPS[loop], int(size), axes[int(number) - 1])
            for number, loops in re.findall(r"D(\d): \{([^}]*)\}", result["spatial_mapping"])
            for loop, size in re.findall(r"(\w+): (\d+)", loops)
        ]
        mapping = _zigzag_nest(problem, architecture, result["temporal_mapping_per_operand_level"], spread)
        if violations(problem, architecture, mapping):
            yield Unreadable(
                "zigzag",
                file,
                name,
                "a shared tile is smaller than one of a PE: our nests have no such place",
            )
            continue
        flows: tuple[Dataflow, ...] = ()
        if fixed:
            allowed = {axis: [d for d, _, own in spread if own == axis] for axis in axes}
            flows = (Dataflow("as_zigzag", spread_over(problem, "PE", allowed)),)
        yield Rival(
            "zigzag",
            file,
            name,
            problem,
            replace(architecture, dataflows=flows),
            prices,
            mapping,
            result["energy_pj"],
            result["latency_cycles"],
            uneven=True,
            differs=(
                "counts what stays at the MAC once and whole words of a port; fractions of short passes",
                "adds stalls of single-buffered registers, first load and last store",
            ),
        )


def _zigzag_nest(
    problem: Problem, architecture: Architecture, levels: Json, spread: Sequence[tuple[str, int, str]]
) -> Mapping:
    """Loops innermost first, and for each operand how many of them lie inside each of its memories."""
    order = [loop for level in levels["O"] for loop in level]
    trips = [(LOOPS[loop], size) for loop, size in order]
    array = next(at for at, level in enumerate(architecture.levels) if isinstance(level, Array))
    private = {level.name for level in architecture.levels[array:]}
    places: dict[int, list[tuple[str, str]]] = {}
    for short, own in levels.items():
        operand = TENSORS[short]
        path = [m.name for m in reversed(architecture.memories) if operand in m.holds]
        inside = 0
        for memory, level in zip(path, own, strict=True):
            inside += len(level)
            at = len(order) if memory == architecture.memories[0].name else inside
            places.setdefault(at, []).append((memory, operand))
    rank = {memory.name: at for at, memory in enumerate(architecture.memories)}
    steps = dict.fromkeys(DIMENSIONS, 1)
    nodes: list[Step] = []  # inner to outer
    outermost_private = max((at for at, own in places.items() for m, _ in own if m in private), default=0)
    for at in [at for at in places if at < outermost_private]:
        # PEs stand inside every shared tile: one that is smaller than a PE's grows to be outside
        shared = [p for p in places[at] if p[0] not in private]
        places[at] = [p for p in places[at] if p[0] in private]
        places.setdefault(outermost_private, []).extend(shared)

    def put(at: int, where: bool) -> None:
        own = sorted((p for p in places.get(at, []) if (p[0] in private) is where), key=lambda p: -rank[p[0]])
        nodes.extend(Holds(memory, (operand,)) for memory, operand in own)

    for at in range(len(trips) + 1):
        put(at, True)
        if at == outermost_private:
            for d, size, axis in reversed(spread):
                nodes.append((d, steps[d], ("PE", axis)))
                steps[d] = min(steps[d] * size, problem.bounds[d])
        put(at, False)
        if at < len(trips):
            d, size = trips[at]
            nodes.append((d, steps[d], None))
            steps[d] = min(steps[d] * size, problem.bounds[d])
    together: list[Step] = []
    for node in reversed(nodes):
        last = together[-1] if together else None
        if isinstance(node, Holds) and isinstance(last, Holds) and last.memory == node.memory:
            both = (*last.tensors, *node.tensors)
            together[-1] = Holds(node.memory, tuple(o for o in OPERANDS if o in both))
        else:
            together.append(node)
    return nest(problem, together)
