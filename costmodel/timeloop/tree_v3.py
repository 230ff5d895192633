"""A case as the tree of `in.yaml` in the v3 form, which `timeloop-model` and `timeloop-mapper` read
themselves.

One file has all: `architecture`, `ERT` (energies given, so that no Accelergy is needed), `problem` and
`mapping`, or `mapspace_constraints` and `mapper` in place of the mapping.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dovetail.costmodel.timeloop.case import DATASPACES, DIMENSIONS, Case, Compute, Factor, Level
from dovetail.costmodel.timeloop.mapspace import Freedom, Open
from dovetail.dsl.problem import Problem

Tree = dict[str, Any]

VERSION: Final = 0.3
PROBLEM_VERSION: Final = 0.4

MAPPER: Final[Tree] = {
    "optimization_metrics": ["edp"],
    "live_status": False,
    "num_threads": 1,
    "timeout": 20000,
    "victory_condition": 500,
    "search_size": 0,
    "algorithm": "random_pruned",
    "log_stats": True,
    "sync_interval": 0,
    "max_permutations_per_if_visit": 16,
}
"""How the mapper searches unless told otherwise."""


def model_tree(case: Case) -> Tree:
    """What `timeloop-model` reads."""
    mapping: list[Tree] = []
    for at, level in enumerate(case.levels):
        mapping.append(bypass_directive(level))
        mapping.append(directive(level, "temporal", level.temporal))
        if max(case.fanout(at)) > 1:
            mapping.append(spatial_directive(level))
    return common_tree(case) | {"mapping": mapping}


def mapper_tree(given: Open, metric: str = "edp") -> Tree:
    """What `timeloop-mapper` reads: the mapping is its own to choose, within what the text allows."""
    constraints = [bypass_constraint(*pair) for pair in _levels(given)]
    for level, freedom in _levels(given):
        spatial = spatial_constraint(freedom) | link_options(level)
        if max(given.case.fanout(given.case.levels.index(level))) > 1 and spatial:
            constraints.append({"target": level.name, "type": "spatial"} | spatial)
    for level, freedom in _levels(given):
        temporal = temporal_constraint(freedom)
        if temporal:
            constraints.append({"target": level.name, "type": "temporal"} | temporal)
    return common_tree(given.case) | {
        "mapspace_constraints": constraints,
        "mapper": MAPPER | {"optimization_metrics": [metric]},
    }


def _levels(given: Open) -> list[tuple[Level, Freedom]]:
    return list(zip(given.case.levels, given.freedoms, strict=True))


def common_tree(case: Case) -> Tree:
    """Architecture, energies and problem."""
    local = [storage(level) for level in case.levels] + [arithmetic(case.compute)]
    return {
        "architecture": {"version": VERSION, "subtree": [{"name": "sys", "local": local}]},
        "ERT": {"version": VERSION, "tables": energies(case)},
        "problem": problem_tree(case.problem),
    }


# ------------------------------------------------------------------------------------ architecture


def storage(level: Level) -> Tree:
    """A memory; what is unlimited is not said."""
    attributes: Tree = {
        "word_bits": level.word_bits,
        "block_size": level.block_size,
        "instances": level.instances,
        "meshX": level.mesh[0],
        "meshY": level.mesh[1],
    }
    for name in ("entries", "read_bandwidth", "write_bandwidth", "shared_bandwidth"):
        value = getattr(level, name)
        if value is not None:
            attributes[name] = value
    return {"name": level.name, "class": level.kind, "attributes": attributes}


def arithmetic(compute: Compute) -> Tree:
    """The MACs."""
    attributes = {
        "datawidth": compute.bits,
        "instances": compute.instances,
        "meshX": compute.mesh[0],
        "meshY": compute.mesh[1],
    }
    return {"name": compute.name, "class": "intmac", "attributes": attributes}


def energies(case: Case) -> list[Tree]:
    """The energy reference table: pJ of each action."""
    tables: list[Tree] = []
    for level in case.levels:
        actions = [
            {"name": name, "energy": float(pj)}
            for name, pj in zip(("read", "fill", "update"), level.energy_pj, strict=True)
        ]
        tables.append({"name": level.name, "actions": actions})
    compute = [{"name": "compute", "energy": float(case.compute.energy_pj)}]
    return [*tables, {"name": case.compute.name, "actions": compute}]


# ----------------------------------------------------------------------------------------- problem


def problem_tree(problem: Problem) -> Tree:
    """The loop nest: dimensions, projections of the three tensors, bounds and strides."""
    axes = {"weights": "GKCRS", "inputs": "NGC", "outputs": "NGKPQ"}

    def projection(operand: str) -> list[list[list[str]]]:
        plain = [[[DIMENSIONS[d]]] for d in axes[operand]]
        if operand != "inputs":
            return plain
        return [*plain, [["R", "Hdilation"], ["P", "Hstride"]], [["S", "Wdilation"], ["Q", "Wstride"]]]

    coefficients = ("Hstride", "Wstride", "Hdilation", "Wdilation")
    spaces: list[Tree] = [
        {"name": name, "projection": projection(operand)} for operand, name in DATASPACES.items()
    ]
    spaces[-1]["read_write"] = True
    instance = {DIMENSIONS[d]: bound for d, bound in _in_shape_order(problem).items()}
    instance |= dict(zip(coefficients, (*problem.stride, *problem.dilation), strict=True))
    return {
        "version": PROBLEM_VERSION,
        "shape": {
            "name": "GroupedConv",
            "dimensions": list(DIMENSIONS.values()),
            "coefficients": [{"name": name, "default": 1} for name in coefficients],
            "data_spaces": spaces,
        },
        "instance": instance,
    }


def _in_shape_order(problem: Problem) -> dict[str, int]:
    return {d: problem.bounds[d] for d in DIMENSIONS}


# ----------------------------------------------------------------------------------------- mapping


def bypass_directive(level: Level) -> Tree:
    """What a level keeps, and what goes past it."""
    keep = [name for operand, name in DATASPACES.items() if operand in level.keep]
    bypass = [name for name in DATASPACES.values() if name not in keep]
    return {"target": level.name, "type": "bypass", "keep": keep, "bypass": bypass}


def bypass_constraint(level: Level, freedom: Freedom) -> Tree:
    """What a level keeps whatever the mapping, and what always goes past it."""
    keep = [name for operand, name in DATASPACES.items() if operand in freedom.keep]
    bypass = [name for operand, name in DATASPACES.items() if operand in freedom.bypass]
    return {"target": level.name, "type": "bypass", "keep": keep, "bypass": bypass}


def spatial_constraint(freedom: Freedom) -> Tree:
    """What is not spread is 1; what is along X stands before the `split`, what is along Y behind it."""
    said: Tree = {}
    if freedom.along_x or freedom.along_y:
        order = permutation([*freedom.along_x, *freedom.along_y])
        said |= {"permutation": order, "split": len(freedom.along_x)}
    if freedom.alone:
        said["factors"] = ones(freedom.alone)
    return said


def temporal_constraint(freedom: Freedom) -> Tree:
    """What nothing walks over is 1; the innermost loops in their order."""
    said: Tree = {}
    if freedom.still:
        said["factors"] = ones(freedom.still)
    if freedom.innermost:
        said["permutation"] = "".join(DIMENSIONS[d] for d in freedom.innermost)
    return said


def ones(dimensions: Sequence[str]) -> str:
    """`P=1 Q=1`."""
    return " ".join(str(Factor(d, 1, 1)) for d in dimensions)


def directive(level: Level, kind: str, factors: Sequence[Factor]) -> Tree:
    """Loops of a level: factors in the order of the shape, permutation from the innermost outward."""
    return {
        "target": level.name,
        "type": kind,
        "factors": factors_text(factors),
        "permutation": permutation([factor.dimension for factor in reversed(factors)]),
    }


def spatial_directive(level: Level) -> Tree:
    """Loops along X, innermost first, then those along Y; `split` says how many are along X."""
    inward = [f.dimension for f in (*reversed(level.spatial_x), *reversed(level.spatial_y))]
    made = directive(level, "spatial", (*level.spatial_x, *level.spatial_y))
    made |= {"permutation": permutation(inward), "split": len(level.spatial_x)}
    return made | link_options(level)


def link_options(level: Level) -> Tree:
    """What the network to the next level does not do; transfers between neighbours are off unless ours has
    them.
    """
    silent = [name for operand, name in DATASPACES.items() if operand not in level.neighbours]
    options: Tree = {"no_link_transfer": silent} if silent else {}
    alone = [name for operand, name in DATASPACES.items() if operand in level.no_sharing]
    return options | ({"no_multicast_no_reduction": alone} if alone else {})


def factors_text(factors: Sequence[Factor]) -> str:
    """`G=1 N=1 M=4 …`: every dimension, those without a loop too."""
    known = {factor.dimension: factor for factor in factors}
    return " ".join(str(known.get(d, Factor(d, 1, 1))) for d in DIMENSIONS)


def permutation(inward: Sequence[str]) -> str:
    """Dimensions from the innermost loop outward, then those without a loop."""
    rest = [d for d in DIMENSIONS if d not in inward]
    return "".join(DIMENSIONS[d] for d in (*inward, *rest))
