"""A case in the v4 form, which only the Python front end (timeloopfe, now a part of pytimeloop) reads.

Levels, fan-outs and what is kept are nodes of one tree. A fan-out is a container between two levels, and
spatial loops are said of the container: the front end makes a level of its own of it.
"""

from __future__ import annotations

from typing import Any, Final

from dovetail.costmodel.timeloop.case import DATASPACES, DIMENSIONS, Case, Factor, Level
from dovetail.costmodel.timeloop.mapspace import Freedom, Open
from dovetail.costmodel.timeloop.tree_v3 import (
    MAPPER,
    bypass_constraint,
    bypass_directive,
    energies,
    problem_tree,
)
from dovetail.costmodel.yaml_text import Tagged

Tree = dict[str, Any]

VERSION: Final = 0.4


def model_tree_v4(case: Case) -> Tree:
    """Architecture, energies, problem and mapping."""
    return _common(case) | {"mapping": _mapping(case)}


def mapper_tree_v4(given: Open, metric: str = "edp") -> Tree:
    """The same with the mapping left open, within the constraints of the text."""
    targets: list[Tree] = []
    for at, (level, freedom) in enumerate(zip(given.case.levels, given.freedoms, strict=True)):
        targets.append(_dataspace(bypass_constraint(level, freedom)))
        temporal = _temporal(freedom)
        if temporal:
            targets.append({"target": level.name, "type": "temporal"} | temporal)
        spatial = _spatial(freedom) | _links(level)
        if max(given.case.fanout(at)) > 1 and spatial:
            targets.append({"target": _container(level), "type": "spatial"} | spatial)
    mapper = {"version": VERSION} | MAPPER | {"optimization_metrics": [metric]}
    constraints = {"version": VERSION, "targets": targets}
    return _common(given.case) | {"constraints": constraints, "mapper": mapper}


# ------------------------------------------------------------------------------------ architecture


def _common(case: Case) -> Tree:
    nodes: list[Any] = [Tagged("!Container", {"name": "system"})]
    for at, level in enumerate(case.levels):
        nodes.append(Tagged("!Component", _component(level)))
        x, y = case.fanout(at)
        if x * y > 1:
            nodes.append(
                Tagged("!Container", {"name": _container(level), "spatial": {"meshX": x, "meshY": y}})
            )
    compute = {
        "name": case.compute.name,
        "class": "intmac",
        "attributes": {"datawidth": case.compute.bits, "width": case.compute.bits},
    }
    nodes.append(Tagged("!Component", compute))
    return {
        "architecture": {"version": VERSION, "nodes": nodes},
        "ERT": {"version": VERSION, "tables": _energies(case)},
        "problem": problem_tree(case.problem),
    }


def _container(level: Level) -> str:
    return f"{level.name}_fanout"


def _component(level: Level) -> Tree:
    attributes: Tree = {
        "datawidth": level.word_bits,
        "block_size": level.block_size,
        "width": level.word_bits * level.block_size,
    }
    if level.entries is not None:
        # Rows of blocks are what its energy models ask for; where they do not come out even, words are.
        rows, rest = divmod(level.entries, level.block_size)
        attributes |= {"entries": level.entries} if rest else {"depth": rows}
    for name in ("read_bandwidth", "write_bandwidth", "shared_bandwidth"):
        if getattr(level, name) is not None:
            attributes[name] = getattr(level, name)
    return {"name": level.name, "class": level.kind, "attributes": attributes}


def _energies(case: Case) -> list[Tree]:
    """The energy reference table, whose actions have arguments in this form."""
    return [
        table | {"actions": [action | {"arguments": {}} for action in table["actions"]]}
        for table in energies(case)
    ]


# ----------------------------------------------------------------------------------------- mapping


def _mapping(case: Case) -> list[Tree]:
    directives: list[Tree] = []
    for at, level in enumerate(case.levels):
        directives.append(_dataspace(bypass_directive(level)))
        directives.append({"target": level.name, "type": "temporal"} | _loops(level.temporal))
        if max(case.fanout(at)) > 1:
            made = _loops((*level.spatial_y, *level.spatial_x))
            made |= {"split": len(level.spatial_x)} | _links(level)
            directives.append({"target": _container(level), "type": "spatial"} | made)
    return directives


def _dataspace(bypass: Tree) -> Tree:
    return bypass | {"type": "dataspace"}


def _loops(factors: tuple[Factor, ...]) -> Tree:
    """Factors, outer to inner, and the permutation as lists; in the permutation the innermost comes first."""
    known = {factor.dimension: factor for factor in factors}
    inward = [factor.dimension for factor in reversed(factors)]
    return {
        "factors": [str(known.get(d, Factor(d, 1, 1))) for d in DIMENSIONS],
        "permutation": _permutation(inward),
    }


def _permutation(inward: list[str]) -> list[str]:
    return [DIMENSIONS[d] for d in (*inward, *(d for d in DIMENSIONS if d not in inward))]


def _links(level: Level) -> Tree:
    silent = [name for operand, name in DATASPACES.items() if operand not in level.neighbours]
    alone = [name for operand, name in DATASPACES.items() if operand in level.no_sharing]
    options: Tree = {"no_link_transfer": silent} if silent else {}
    return options | ({"no_reuse": alone} if alone else {})


# ------------------------------------------------------------------------------------- constraints


def _temporal(freedom: Freedom) -> Tree:
    said: Tree = {"factors": _ones(freedom.still)} if freedom.still else {}
    if freedom.innermost:
        said["permutation"] = [DIMENSIONS[d] for d in freedom.innermost]
    return said


def _spatial(freedom: Freedom) -> Tree:
    said: Tree = {"factors": _ones(freedom.alone)} if freedom.alone else {}
    if freedom.along_x or freedom.along_y:
        order = _permutation([*freedom.along_x, *freedom.along_y])
        said |= {"permutation": order, "split": len(freedom.along_x)}
    return said


def _ones(dimensions: tuple[str, ...]) -> list[str]:
    return [str(Factor(d, 1, 1)) for d in dimensions]
