"""`--to timeloop`: a folder for each layer, with everything that `timeloop-model` and `timeloop-mapper`
read.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from dovetail.accel.mapping_text import format_mapping
from dovetail.costmodel.layer_cost import NetworkCost
from dovetail.costmodel.timeloop.case import Case, Inexpressible
from dovetail.costmodel.timeloop.mapspace import Open
from dovetail.costmodel.timeloop.prepare import Prepared, left_open, prepare
from dovetail.costmodel.timeloop.program import HOW_TO_GET, METRICS, VARIABLES, environment
from dovetail.costmodel.timeloop.tree_v3 import mapper_tree, model_tree
from dovetail.costmodel.timeloop.tree_v4 import mapper_tree_v4, model_tree_v4
from dovetail.costmodel.timeloop.view import cost_there
from dovetail.costmodel.yaml_text import yaml_text
from dovetail.export_command import Export, file_name, make_folder
from dovetail.jsonout import dump
from dovetail.same_layers import evaluated, with_macs


def write(asked: Export) -> str:
    """Write the folders; what was written, in words."""
    evaluation = evaluated(asked.request)
    cost = evaluation.cost
    output = make_folder(asked.output)
    lines, written, nearest = [], 0, 0
    for layer in with_macs(evaluation):
        try:
            prepared = prepare(
                layer,
                cost.architecture,
                cost.prices,
                perfect=not asked.imperfect,
                neighbours=False,
            )
        except Inexpressible as reason:
            lines.append(f"{layer.name} is left out: {reason}")
            continue
        folder = make_folder(output / file_name(layer.name))
        given = left_open(prepared, cost.architecture, cost.prices)
        _write_layer(folder, prepared, given, cost.architecture.name, asked)
        if asked.request.dataflow is None and len(cost.architecture.dataflows) > 1:
            _write_mappers(folder, prepared, cost, asked)
        written += 1
        nearest += not prepared.own
    lines.insert(0, f"{written} {'layer' if written == 1 else 'layers'} for Timeloop in {output}")
    if nearest:
        why = "that has a form there" if asked.imperfect else "whose factors divide"
        lines.append(f"{nearest} of them with the nearest mapping {why}")
    lines.append(_how_to_run(asked))
    return "\n".join(lines) + "\n"


def _write_layer(folder: Path, prepared: Prepared, given: Open, accelerator: str, asked: Export) -> None:
    """`in.yaml`, `mapper.yaml`, the mapping as ours, and what our model expects."""
    case = prepared.case
    tree = model_tree_v4(case) if asked.dialect == "v4" else model_tree(case)
    _put(folder / "in.yaml", yaml_text(tree))
    _put_mapper(folder / "mapper.yaml", given, asked)
    _put(folder / "mapping.map", format_mapping(prepared.mapping, case.name, accelerator))
    _put(folder / "expected.json", dump(expected(prepared, given)))
    if asked.dialect != "v4":
        _put(folder / "run.sh", _script(prepared.case))
        (folder / "run.sh").chmod(0o755)


def _write_mappers(folder: Path, prepared: Prepared, cost: NetworkCost, asked: Export) -> None:
    """A mapper's input for each dataflow of the text that the layer can take."""
    for flow in cost.architecture.dataflows:
        with suppress(Inexpressible):
            given = left_open(prepared, cost.architecture, cost.prices, flow.name)
            _put_mapper(folder / f"mapper.{file_name(flow.name)}.yaml", given, asked)


def _script(case: Case) -> str:
    """Runs the case by the rules that come nearest to ours."""
    settings = "".join(f"{name}={value} \\\n    " for name, value in environment(case).items())
    return f'#!/bin/sh\ncd "$(dirname "$0")" || exit\n{settings}timeloop-model in.yaml\n'


def _put_mapper(path: Path, given: Open, asked: Export) -> None:
    metric = METRICS[asked.request.objective]
    v4 = asked.dialect == "v4"
    _put(path, yaml_text(mapper_tree_v4(given, metric) if v4 else mapper_tree(given, metric)))


def expected(prepared: Prepared, given: Open) -> dict[str, Any]:
    """`dovetail.expected/1`: what our model says of the exported mapping, and of it by Timeloop's rules."""
    case, cost = prepared.case, prepared.cost
    there = cost_there(case)
    counts = there.counts
    levels: dict[str, dict[str, dict[str, int]]] = {}
    for holder in counts.holders:
        actions = {"reads": holder.reads, "fills": holder.fills, "updates": holder.updates}
        levels.setdefault(holder.memory, {})[holder.operand] = actions
    return {
        "schema": "dovetail.expected/1",
        "layer": case.name,
        "own_mapping": prepared.own,
        "environment": environment(case),
        "macs": case.problem.macs,
        "steps": counts.steps,
        "pes": counts.pes,
        "traffic_words_there": levels,
        "cycles_there": there.cycles,
        "energy_pj_there": there.energy_pj,
        "cycles": cost.cycles,
        "energy_pj": cost.energy_pj,
        "traffic_words": cost.traffic_words(),
        "notes": list(prepared.notes),
        "dataflow": given.dataflow,
        "mapper_notes": list(given.notes),
    }


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _how_to_run(asked: Export) -> str:
    from dovetail.costmodel.external import find

    if asked.dialect == "v4":
        return "they are for the Python front end (timeloopfe); the programs themselves read `--dialect v3`"
    if find("timeloop-model", VARIABLES["timeloop-model"]) is None:
        return f"Timeloop is not installed here: {HOW_TO_GET[0]}"
    return "run in each folder: ./run.sh (timeloop-model in.yaml), or timeloop-mapper mapper.yaml"
