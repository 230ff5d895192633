"""The layers that another tool is given: those with MACs, as `dovetail evaluate` maps them."""

from __future__ import annotations

from dovetail.costmodel.layer_cost import LayerCost
from dovetail.dsl.network import UnknownLayer
from dovetail.evaluate_command import Request, evaluate_all, load
from dovetail.evaluation import Evaluation, UnknownName
from dovetail.faults import CommandLineFault


def evaluated(request: Request) -> Evaluation:
    """The evaluation of one network on one accelerator; raises CommandLineFault and DovetailError."""
    networks, accelerators = load(request)
    if len(networks) != 1 or len(accelerators) != 1:
        raise CommandLineFault("one network and one accelerator are taken here")
    try:
        (evaluation,) = evaluate_all(request, networks, accelerators)
    except UnknownName as fault:
        raise CommandLineFault(fault.message, fault.help) from fault
    except UnknownLayer as fault:
        raise CommandLineFault(str(fault)) from fault
    return evaluation


def with_macs(evaluation: Evaluation) -> tuple[LayerCost, ...]:
    """The layers that other tools know; raises CommandLineFault where there is none."""
    layers = tuple(layer for layer in evaluation.layers if layer.chosen is not None)
    if not layers:
        raise CommandLineFault("no layer has MACs: other tools know no other layers")
    return layers
