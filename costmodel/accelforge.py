"""accelforge: a layer as its Einsum, an architecture and a mapping as its YAML, and what its model says of
them.

The form is that of accelforge 1.0: `workload` with one Einsum, `arch` with a node for each memory, array and
the MACs, `mapping` with the same nest as ours. Energies are pJ, rates are per cycle, so that its latency is
in cycles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Dataflow,
    LinkKind,
    LoopsInside,
    Memory,
    Ports,
    Stationary,
)
from dovetail.accel.mapping import Holds, Mapping, Spatial, flatten
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.evaluate import Cost
from dovetail.costmodel.mapper.rules import Rules
from dovetail.costmodel.yaml_text import Tagged
from dovetail.dsl.problem import DIMENSIONS, RELEVANT, Problem

Tree = dict[str, Any]

RENAMES: Final = {"inputs": "input", "weights": "weight", "outputs": "output"}
TENSORS: Final = {"inputs": "I", "weights": "W", "outputs": "O"}
COMPUTE: Final = "MAC"
SEPARATOR: Final = "<SEP>"
"""Between the parts of the names of its result columns."""

SCRIPT: Final = """\
import importlib.metadata, json, sys
print("version", importlib.metadata.version("accelforge"))
import accelforge
found = accelforge.Spec.from_yaml(sys.argv[1]).evaluate_mapping()
row = found.data.iloc[0].to_dict()
numbers = {k: float(v) for k, v in row.items() if isinstance(v, (int, float)) or hasattr(v, "__float__")}
open(sys.argv[2], "w").write(json.dumps(numbers))
"""
"""What its own Python runs: a specification in, a row of numbers out."""


@dataclass(frozen=True, slots=True)
class Result:
    """What accelforge says of a mapping: bits read and written by memory and operand."""

    cycles: float
    energy_pj: float
    reads_bits: dict[tuple[str, str], float]
    writes_bits: dict[tuple[str, str], float]
    energies_pj: dict[str, float]
    """By component."""


def specification(
    name: str,
    problem: Problem,
    architecture: Architecture,
    table: EnergyTable,
    mapping: Mapping | None,
    widths: dict[str, int],
    dataflow: Dataflow | None = None,
) -> Tree:
    """The whole specification of one layer; without `mapping` its mapper has to find one, under `dataflow`.

    `widths` are the bits of a word of each operand (`tensor_bits`).
    """
    rules = None if dataflow is None or mapping is not None else Rules.of(problem, dataflow)
    flat = flatten(problem, mapping.flat) if mapping is not None else rules.problem if rules else problem
    tree: Tree = {
        "workload": workload(name, flat, widths),
        "arch": {"nodes": nodes(architecture, table, flat, rules)},
    }
    if mapping is not None:
        tree["mapping"] = {"nodes": nest(name, mapping)}
    return tree


# ---------------------------------------------------------------------------------------- workload


def tensor_bits(problem: Problem, cost: Cost) -> dict[str, int]:
    """Bits of a word of each operand: one width each, for outputs that of the outermost memory."""
    outermost = next(holder for holder in cost.counts.holders if holder.operand == "outputs")
    return {"inputs": problem.bits.inputs, "weights": problem.bits.weights, "outputs": outermost.bits}


def workload(name: str, problem: Problem, widths: dict[str, int]) -> Tree:
    """One Einsum; strides and dilations are in the projection of the inputs, gaps of strides in its box."""
    rows = f"p * {problem.stride[0]} + r * {problem.dilation[0]}"
    columns = f"q * {problem.stride[1]} + s * {problem.dilation[1]}"
    accesses = [
        {"name": "I", "projection": {"G": "g", "N": "n", "C": "c", "H": rows, "W": columns}},
        {"name": "W", "projection": {d: d.lower() for d in "GKCRS"}},
        {"name": "O", "projection": {d: d.lower() for d in "GNKPQ"}, "output": True},
    ]
    return {
        "bits_per_value": {TENSORS[operand]: widths[operand] for operand in TENSORS},
        "einsums": [
            {
                "name": einsum_name(name),
                "tensor_accesses": accesses,
                "iteration_space_shape": [f"0 <= {d.lower()} < {b}" for d, b in problem.bounds.items()],
                "renames": {RENAMES[operand]: TENSORS[operand] for operand in RENAMES},
            }
        ],
    }


def einsum_name(layer: str) -> str:
    """A name of letters, digits and underscores."""
    return "".join(c if c.isalnum() else "_" for c in layer)


# ------------------------------------------------------------------------------------ architecture


def nodes(
    architecture: Architecture, table: EnergyTable, problem: Problem, rules: Rules | None = None
) -> list[Tagged]:
    """Memories, arrays and MACs, outer to inner, with what the rules of a dataflow leave to its mapper."""
    made = [
        _memory(level, table, problem, rules, outermost=at == 0)
        if isinstance(level, Memory)
        else _array(level, architecture, rules)
        for at, level in enumerate(architecture.levels)
    ]
    if architecture.mac.lanes > 1:
        made.append(_array(architecture.spatial[-1], architecture, rules))
    rates = [rate.per_cycle for rate in architecture.mac.rates]
    compute = {"name": "compute", "energy": float(table.mac_pj), "throughput": float(max(rates))}
    node = {"name": COMPUTE, "leak_power": 0, "area": 0, "actions": [compute]}
    return [*made, Tagged("!Compute", node)]


def _memory(
    memory: Memory, table: EnergyTable, problem: Problem, rules: Rules | None, *, outermost: bool
) -> Tagged:
    price = table.memories.get(memory.name, MemoryPrice(0.0, 0.0, 0.0))
    bits = price.bits or 1
    read, write = memory.read_bits_per_cycle, memory.write_bits_per_cycle
    actions: list[Tree] = []
    for action, pj, rate in (("read", price.read_pj, read), ("write", price.fill_pj, write)):
        throughput = "inf" if rate is None else float(rate)
        actions.append(
            {"name": action, "energy": float(pj) / bits, "throughput": throughput, "bits_per_action": 1}
        )
    node: Tree = {
        "name": memory.name,
        "size": "inf" if memory.size_bits is None else memory.size_bits,
        "leak_power": 0,
        "area": 0,
        "tensors": _tensors(memory, rules, outermost=outermost),
        "actions": actions,
    }
    if memory.ports is Ports.SEPARATE and (read is not None or write is not None):
        node["total_latency"] = "max(a.n_calls / a.throughput for a in actions)"
    return Tagged("!Memory", node)


def _tensors(memory: Memory, rules: Rules | None, *, outermost: bool) -> Tree:
    """What it always keeps and what it may keep; of a stationary tensor, a tile that nothing inside moves."""

    def operands(held: frozenset[str]) -> set[str]:
        return {"outputs" if tensor == "sums" else tensor for tensor in held}

    def names(held: set[str]) -> str:
        return " | ".join(RENAMES[o] for o in RENAMES if o in held)

    if outermost and not memory.holds | memory.may_hold:
        return {"keep": "All"}
    kept = operands(memory.holds)
    still: set[str] = set()
    for rule in rules.dataflow.constraints if rules is not None and rules.dataflow is not None else ():
        if isinstance(rule, Stationary) and rule.memory == memory.name:
            kept |= operands(frozenset({rule.tensor}))
            still |= RELEVANT["outputs" if rule.tensor == "sums" else rule.tensor]
        if isinstance(rule, LoopsInside) and rule.memory == memory.name:
            still |= set(RELEVANT["weights"] | RELEVANT["inputs"]) - set(rule.dimensions)
    may = operands(memory.may_hold) - kept
    said = {"keep": names(kept) or "Nothing"} | ({"may_keep": names(may)} if may else {})
    return said | ({"tile_shape": [_is_one(still)]} if still else {})


def _is_one(dimensions: set[str]) -> Tree:
    """A comparison that holds where loops over these dimensions (and tiles of them) are 1."""
    ranks = " | ".join(d.lower() for d in DIMENSIONS if d in dimensions)
    return {"expression": ranks, "operator": "==", "value": 1}


def _array(array: Array, architecture: Architecture, rules: Rules | None) -> Tagged:
    """Axes with what they share: a tensor with a link along an axis is sent (or added up) once."""
    spatial = []
    said = {rule.axis: rule for rule in rules.axes(architecture, array)} if rules is not None else {}
    for axis in array.axes:
        shared = [
            RENAMES[operand]
            for operand in RENAMES
            if any(
                axis.name in array.links[i].axes and array.links[i].kind is not LinkKind.SHIFT
                for i in array.links_of(operand)
            )
        ]
        node: Tree = {"name": axis.name, "fanout": axis.size, "may_reuse": " | ".join(shared) or "Nothing"}
        rule = said.get(axis.name)
        if rule is not None:
            alone = set(DIMENSIONS) - {*rule.first, *rule.then}
            node |= {"loop_bounds": [_is_one(alone)]} if alone else {}
            # `full` asks for the fullest use; a dimension of its own is spread as far as it goes.
            node |= {"min_usage": 1} if rule.full or rule.first else {}
        spatial.append(node)
    return Tagged("!Container", {"name": array.name, "spatial": spatial})


# ----------------------------------------------------------------------------------------- mapping


def nest(name: str, mapping: Mapping) -> list[Tagged]:
    """The same loops; a loop's `tile_shape` is its step.

    There a tile is fetched anew whenever a loop outside its place steps, here only when it moves: so each
    tensor is held outside the loops around its place that do not move it.
    """
    held: dict[int, list[Tagged]] = {}
    for at, node in enumerate(mapping.nodes):
        if isinstance(node, Holds):
            for operand in node.tensors:
                storage = Tagged("!Storage", {"tensors": [TENSORS[operand]], "component": node.memory})
                held.setdefault(_outward(mapping, at, operand), []).append(storage)
    made: list[Tagged] = []
    for at, node in enumerate(mapping.nodes):
        made += held.get(at, [])
        if isinstance(node, Holds) or node.trips == 1:
            continue
        loop: Tree = {"rank_variable": node.dimension.lower(), "tile_shape": node.step}
        if isinstance(node, Spatial):
            made.append(Tagged("!Spatial", loop | {"name": node.axis, "component": node.array}))
        else:
            made.append(Tagged("!Temporal", loop))
    return [*made, Tagged("!Compute", {"einsum": einsum_name(name), "component": COMPUTE})]


def _outward(mapping: Mapping, at: int, operand: str) -> int:
    """The place outside all temporal loops around place `at` that do not move the operand."""
    place = at
    for before in range(at - 1, -1, -1):
        node = mapping.nodes[before]
        if isinstance(node, Holds):
            if operand in node.tensors:
                break
            continue
        if isinstance(node, Spatial) or (node.trips > 1 and node.dimension in RELEVANT[operand]):
            break
        place = before
    return place


# ----------------------------------------------------------------------------------------- results


def read_result(row: dict[str, float]) -> Result:
    """The row of numbers that `SCRIPT` writes; raises ValueError where totals are missing."""
    for total in ("latency", "energy"):
        if f"Total{SEPARATOR}{total}" not in row:
            raise ValueError(f"there is no total {total}")
    operands = {short: operand for operand, short in TENSORS.items()}
    reads: dict[tuple[str, str], float] = {}
    writes: dict[tuple[str, str], float] = {}
    energies: dict[str, float] = {}
    for column, value in row.items():
        parts = column.split(SEPARATOR)
        if len(parts) == 5 and parts[1] == "action" and parts[3] in operands:
            kind = reads if parts[4] == "read" else writes
            kind[parts[2], operands[parts[3]]] = value
        elif len(parts) >= 4 and parts[1] == "energy":
            energies[parts[2]] = energies.get(parts[2], 0.0) + value
    return Result(row[f"Total{SEPARATOR}latency"], row[f"Total{SEPARATOR}energy"], reads, writes, energies)
