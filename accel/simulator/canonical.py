"""The plain mapping of a dataflow: whole layer in the memories outside, folds in order, one word in each PE.

    weight stationary   rows = flat(C, R, S), columns = K, steps = flat(N, P, Q)
    input stationary    rows = flat(C, R, S), columns = flat(N, P, Q), steps = K
    output stationary   rows = flat(N, P, Q), columns = K, steps = flat(C, R, S)

for systolic arrays (rows are the axis along which sums, or weights, move); arrays that broadcast follow the
spatial rules of their dataflow, without flat dimensions.
"""

from __future__ import annotations

from itertools import combinations

from dovetail.accel.architecture import Architecture, Array, LinkKind, SpatialRule, Stationary
from dovetail.accel.legality import can_hold, must_hold, violations
from dovetail.accel.mapping import For, Holds, Mapping, Node, Spatial, flatten
from dovetail.accel.simulator.refusal import CannotSimulate
from dovetail.dsl.problem import DIMENSIONS, OPERANDS, RELEVANT, Problem

_STATIONARY = {
    "weight_stationary": "weights",
    "input_stationary": "inputs",
    "output_stationary": "outputs",
}


def canonical_mapping(problem: Problem, architecture: Architecture, dataflow: str) -> Mapping:
    """The mapping that `simulate` runs where none is given.

    `dataflow` is one of the architecture's, or `weight_stationary`, `input_stationary`, `output_stationary`.
    CannotSimulate where no such mapping is legal.
    """
    stationary = _stationary(architecture, dataflow)
    if len(architecture.arrays) != 1:
        raise CannotSimulate(f"{architecture.name} has {len(architecture.arrays)} arrays of PEs")
    array = architecture.arrays[0]
    systolic = any(link.kind is LinkKind.FORWARD for link in array.links)
    if systolic:
        flat, spatial = _systolic(problem, array, stationary)
    else:
        flat, spatial = (), _by_rules(architecture, dataflow)
    problem_walked = flatten(problem, flat)
    reason = ""
    for held in _holders(architecture, array, stationary):
        mapping = Mapping(_nodes(problem_walked, array, stationary, spatial, held), flat)
        found = violations(problem, architecture, mapping)
        if not found:
            return mapping
        reason = reason or found[0].message()
    raise CannotSimulate(f"the layer does not fit as a whole: {reason}; give a mapping that tiles it")


def _stationary(architecture: Architecture, dataflow: str) -> str:
    for known in architecture.dataflows:
        if known.name == dataflow:
            for rule in known.constraints:
                if isinstance(rule, Stationary):
                    return "outputs" if rule.tensor == "sums" else rule.tensor
    if dataflow in _STATIONARY:
        return _STATIONARY[dataflow]
    raise CannotSimulate(f"the dataflow {dataflow} keeps no tensor in the PEs: give a mapping")


def _systolic(
    problem: Problem, array: Array, stationary: str
) -> tuple[tuple[tuple[str, ...], ...], dict[str, str]]:
    """Flat dimensions, and the dimension along each axis."""
    window = ("C", "R", "S")
    pixels = ("N", "P", "Q") if problem.N > 1 else ("P", "Q")
    across = {"weights": "K", "inputs": pixels[0], "outputs": "K"}[stationary]
    down = pixels[0] if stationary == "outputs" else "C"
    moving, falling = {
        "weights": ("inputs", "sums"),
        "inputs": ("weights", "sums"),
        "outputs": ("inputs", "weights"),
    }[stationary]
    first, second = (axis.name for axis in array.axes)
    for row, column in ((first, second), (second, first)):
        if array.can(LinkKind.FORWARD, moving, column) and array.can(LinkKind.FORWARD, falling, row):
            return (window, pixels), {row: down, column: across}
    raise CannotSimulate(
        f"{array.name} cannot keep {stationary}: it needs to forward {moving} along one axis "
        f"and {falling} along the other"
    )


def _by_rules(architecture: Architecture, dataflow: str) -> dict[str, str]:
    spatial = {}
    for known in architecture.dataflows:
        for rule in known.constraints if known.name == dataflow else ():
            if isinstance(rule, SpatialRule) and rule.allowed and rule.allowed[0]:
                spatial[rule.axis] = rule.allowed[0][0]
    return spatial


def _holders(architecture: Architecture, array: Array, stationary: str) -> list[list[Holds]]:
    """What the memories may hold, best first: as much as possible near the array."""
    outside = [
        m for m in architecture.memories if architecture.levels.index(m) < architecture.levels.index(array)
    ]
    inside = [m for m in architecture.memories if m not in outside]
    register = next((m.name for m in inside if can_hold(architecture, m, stationary)), None)
    if register is None:
        raise CannotSimulate(f"no memory in the PEs of {array.name} holds {stationary}")
    top, *inner = outside
    free = [
        (memory.name, operand)
        for memory in inner
        for operand in OPERANDS
        if can_hold(architecture, memory, operand) and not must_hold(memory, operand)
    ]
    choices = []
    for number in range(len(free), -1, -1):
        for chosen in combinations(free, number):
            holds = [Holds(top.name, tuple(o for o in OPERANDS if can_hold(architecture, top, o)))]
            for memory in inner:
                held = tuple(o for o in OPERANDS if (memory.name, o) in chosen or must_hold(memory, o))
                if held:
                    holds.append(Holds(memory.name, held))
            choices.append([*holds, Holds(register, (stationary,))])
    return choices


def _nodes(
    problem: Problem, array: Array, stationary: str, along: dict[str, str], holds: list[Holds]
) -> tuple[Node, ...]:
    *outside, register = holds
    nodes: list[Node] = list(outside)
    left = problem.bounds
    sizes = {axis.name: axis.size for axis in array.axes}
    spread = {d: min(sizes[axis], left[d]) for axis, d in along.items()}
    stream = [d for d in "NPQCRSK" if d not in RELEVANT[stationary]]
    order = [d for d in ("G", "N", "P", "Q", "K", "C", "R", "S") if d not in stream]
    if stationary == "weights":
        order = ["G", "K", "C", "R", "S"]
    for d in order:
        step = spread.get(d, 1)
        if left[d] > step:
            nodes.append(For(d, left[d], step))
            left[d] = step
    for axis, d in along.items():
        nodes.append(Spatial(d, left[d], array.name, axis))
        left[d] = 1
    nodes.append(register)
    nodes.extend(For(d, left[d]) for d in stream if left[d] > 1)
    assert set(order) | set(stream) | set(along.values()) == set(DIMENSIONS)
    return tuple(nodes)
