"""A case in the v4 form, which only the Python front end (timeloopfe) reads.

Levels, fan-outs and what is kept are nodes of one tree; spatial fan-outs belong to a container between two
levels.
"""

from __future__ import annotations

from typing import Any, Final

from dovetail.costmodel.timeloop.case import DATASPACES, DIMENSIONS, Case, Factor, Level
from dovetail.costmodel.timeloop.tree_v3 import energies, problem_tree
from dovetail.costmodel.yaml_text import Tagged

VERSION: Final = 0.4


def model_tree_v4(case: Case) -> dict[str, Any]:
    """Architecture with constraints, energies, problem and mapping."""
    nodes: list[Any] = [Tagged("!Container", {"name": "system"})]
    for at, level in enumerate(case.levels):
        nodes.append(Tagged("!Component", _component(level)))
        x, y = case.fanout(at)
        if x * y > 1:
            spatial = {"name": f"{level.name}_fanout", "spatial": {"meshX": x, "meshY": y}}
            nodes.append(Tagged("!Container", spatial))
    compute = {
        "name": case.compute.name,
        "class": "intmac",
        "attributes": {"datawidth": case.compute.bits, "width": case.compute.bits},
    }
    nodes.append(Tagged("!Component", compute))
    return {
        "architecture": {"version": VERSION, "nodes": nodes},
        "ERT": {"version": VERSION, "tables": energies(case)},
        "problem": problem_tree(case.problem),
        "mapping": _mapping(case),
    }


def _component(level: Level) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "datawidth": level.word_bits,
        "block_size": level.block_size,
        "width": level.word_bits * level.block_size,
    }
    if level.entries is not None:
        attributes["depth"] = max(1, level.entries // level.block_size)
    for name in ("read_bandwidth", "write_bandwidth", "shared_bandwidth"):
        if getattr(level, name) is not None:
            attributes[name] = getattr(level, name)
    keep, bypass = _kept(level)
    return {
        "name": level.name,
        "class": level.kind,
        "attributes": attributes,
        "constraints": {"dataspace": {"keep": keep, "bypass": bypass}},
    }


def _kept(level: Level) -> tuple[list[str], list[str]]:
    keep = [name for operand, name in DATASPACES.items() if operand in level.keep]
    return keep, [name for name in DATASPACES.values() if name not in keep]


def _mapping(case: Case) -> list[dict[str, Any]]:
    directives: list[dict[str, Any]] = []
    for at, level in enumerate(case.levels):
        keep, bypass = _kept(level)
        directives.append({"target": level.name, "type": "dataspace", "keep": keep, "bypass": bypass})
        directives.append(_loops(level.name, "temporal", level.temporal))
        if max(case.fanout(at)) > 1:
            inward = (*reversed(level.spatial_x), *reversed(level.spatial_y))
            made = _loops(level.name, "spatial", tuple(reversed(inward)))
            silent = [name for operand, name in DATASPACES.items() if operand not in level.neighbours]
            directives.append(made | {"split": len(level.spatial_x), "no_link_transfer": silent})
    return directives


def _loops(target: str, kind: str, factors: tuple[Factor, ...]) -> dict[str, Any]:
    """Factors and the permutation as lists; the innermost loop comes first."""
    known = {factor.dimension: factor for factor in factors}
    inward = [factor.dimension for factor in reversed(factors)]
    order = [*inward, *(d for d in DIMENSIONS if d not in known)]
    return {
        "target": target,
        "type": kind,
        "factors": [str(known.get(d, Factor(d, 1, 1))) for d in DIMENSIONS],
        "permutation": [DIMENSIONS[d] for d in order],
    }
