"""`simulate`: one layer on one array, cycle by cycle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dovetail.accel.architecture import Architecture, LinkKind
from dovetail.accel.legality import violations
from dovetail.accel.mapping import Mapping
from dovetail.accel.simulator.broadcast import BroadcastArray
from dovetail.accel.simulator.canonical import canonical_mapping
from dovetail.accel.simulator.machine import Machine
from dovetail.accel.simulator.occupancy import strip
from dovetail.accel.simulator.operands import Data, padding_of, random_data
from dovetail.accel.simulator.passes import PeArray
from dovetail.accel.simulator.plan import Plan
from dovetail.accel.simulator.refusal import CannotSimulate
from dovetail.accel.simulator.result import SimulationResult
from dovetail.accel.simulator.systolic import SystolicArray
from dovetail.accel.simulator.trace import write_trace
from dovetail.dsl.layer import Layer
from dovetail.dsl.problem import Problem


def simulate(
    layer: Layer | Problem,
    architecture: Architecture,
    dataflow: str | None = None,
    mapping: Mapping | None = None,
    data: Data | None = None,
    seed: int = 0,
    *,
    numbers: bool = True,
) -> SimulationResult:
    """Run a layer. `mapping` says how (without one, the plain mapping of `dataflow`: `canonical.py`).

    `data` are the operands (random ones of the layer's precision from `seed`, unless given); `numbers=False`
    runs the control alone and gives cycles and counts without an output. Raises CannotSimulate where the
    array is of a kind that is not simulated, or the mapping is not legal; ValueError where `data` does not
    fit.
    """
    if isinstance(layer, Layer):
        if layer.loops is None:
            raise CannotSimulate(f"{layer.name} ({layer.op}) has no MACs: it runs on a vector unit")
        problem = layer.loops
        padding = padding_of(layer, problem)
    else:
        problem, padding = layer, (0, 0, 0, 0)
    if mapping is None:
        if dataflow is None:
            raise CannotSimulate("give a mapping or a dataflow")
        mapping = canonical_mapping(problem, architecture, dataflow)
    wrong = violations(problem, architecture, mapping)
    if wrong:
        raise CannotSimulate("; ".join(violation.message() for violation in wrong))
    plan = Plan(problem, architecture, mapping, dataflow)
    skips = bool(problem.weight_zeros) and dataflow in architecture.mac.skip_zero_weights_in
    if data is None and (numbers or skips):
        data = random_data(problem, seed, padding)
    if data is not None:
        data.check(problem)

    def start() -> Machine:
        return Machine(plan, _array(plan, data))

    machine = start()
    for _ in machine.records():
        pass
    output = None
    if numbers and data is not None:
        output = np.zeros(problem.extents(problem.bounds)["outputs"], np.int64)
        machine.array.compute(data.weights, data.inputs, output.reshape(-1))

    def trace(path: Path) -> None:
        write_trace(path, start(), plan)

    def occupancy(width: int) -> str:
        return strip(start().records(), machine.cycles(), plan.array.size, width)

    return SimulationResult(
        output=output,
        cycles=machine.cycles(),
        phases=machine.phases(),
        counts=machine.counts(),
        macs=machine.macs,
        folds=machine.folds,
        skipped_steps=machine.skipped,
        work=machine.work,
        _trace=trace,
        _strip=occupancy,
    )


def _array(plan: Plan, data: Data | None) -> PeArray:
    if any(link.kind is LinkKind.FORWARD for link in plan.array.links):
        return SystolicArray(plan)
    return BroadcastArray(plan, None if data is None else data.weights)
