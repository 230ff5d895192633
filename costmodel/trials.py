"""A loop nest by each dataflow: its mapping by the mapper that was asked for, and what that costs.

solved = solve(problem, architecture, price(architecture), architecture.dataflows, Objective.EDP)
solved.trials[0].mapping, solved.trials[0].certificate, solved.refusals
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING

from dovetail.accel.architecture import Architecture, Dataflow
from dovetail.accel.legality import violations
from dovetail.accel.mapping import Mapping
from dovetail.costmodel.bound import Bound, lower_bound
from dovetail.costmodel.components import Prices
from dovetail.costmodel.effort import Effort, Mapper
from dovetail.costmodel.energy import energy
from dovetail.costmodel.evaluate import Cost, evaluate_mapping
from dovetail.costmodel.greedy import NoMapping, greedy_mapping
from dovetail.costmodel.layer_cost import EnergyParts, Refusal, Trial
from dovetail.costmodel.on_chip import OnChip
from dovetail.costmodel.price_table import energy_table, spread_table
from dovetail.costmodel.selection import Objective
from dovetail.dsl.problem import Problem

if TYPE_CHECKING:
    from dovetail.costmodel.mapper import MapResult


@dataclass(frozen=True, slots=True)
class Solved:
    """A loop nest by every dataflow that can run it."""

    trials: tuple[Trial, ...]
    refusals: tuple[Refusal, ...]
    bound: Bound


def solve(
    problem: Problem,
    architecture: Architecture,
    prices: Prices,
    dataflows: Sequence[Dataflow | None],
    objective: Objective = Objective.EDP,
    effort: Effort | None = None,
    on_chip: OnChip | None = None,
) -> Solved:
    """A loop nest by each dataflow (None: by any mapping), each with its best for `objective`.

    With `on_chip` some operands stay in a memory; no claim is made that such a mapping is the best.

    One mapping for each dataflow today; a front of them would be several trials of one dataflow, and
    `selection.py` would choose among them as it does among dataflows. KeyboardInterrupt where Ctrl-C ends a
    search: what was finished before is on disk.
    """
    effort = effort or Effort()
    deadline = None if effort.seconds is None else monotonic() + effort.seconds
    trials, refusals = [], []
    for number, dataflow in enumerate(dataflows):
        if on_chip is not None:
            found = _on_chip(problem, architecture, prices, dataflow, objective, effort, on_chip)
        elif effort.mapper is Mapper.GREEDY:
            found = _greedy(problem, architecture, prices, dataflow)
        else:
            # what one dataflow leaves of the layer's time is for those after it
            left = None if deadline is None else (deadline - monotonic()) / (len(dataflows) - number)
            timed = replace(effort, seconds=None if left is None else max(left, 1e-3))
            found = _exact(problem, architecture, prices, dataflow, objective, timed)
        if isinstance(found, Trial):
            trials.append(found)
        else:
            refusals.append(found)
    table = energy_table(prices, problem.bits)
    stays = frozenset[str]() if on_chip is None else on_chip.operands
    leakage = leakage_pj_per_cycle(architecture, prices)
    bound = lower_bound(problem, architecture, table, leakage, stays)
    return Solved(tuple(trials), tuple(refusals), bound)


def _greedy(
    problem: Problem, architecture: Architecture, prices: Prices, dataflow: Dataflow | None
) -> Trial | Refusal:
    name = dataflow.name if dataflow else None
    try:
        mapping = greedy_mapping(problem, architecture, dataflow, energy_table(prices, problem.bits))
    except NoMapping as fault:
        return Refusal(name, str(fault))
    return try_mapping(problem, architecture, prices, mapping, name)


def _exact(
    problem: Problem,
    architecture: Architecture,
    prices: Prices,
    dataflow: Dataflow | None,
    objective: Objective,
    effort: Effort,
) -> Trial | Refusal:
    from dovetail.costmodel.mapper import NoMapping as NoneInMapspace
    from dovetail.costmodel.mapper import OutOfTime

    try:
        result = search(problem, architecture, prices, dataflow, objective, effort)
    except NoneInMapspace as fault:
        # greedy tiles need not divide: there may be a mapping beside the mapspace, or a better reason
        greedy = _greedy(problem, architecture, prices, dataflow)
        return (
            greedy if isinstance(greedy, Trial) else replace(greedy, undecided=isinstance(fault, OutOfTime))
        )
    if result.interrupted:
        raise KeyboardInterrupt
    trial = try_mapping(
        problem, architecture, prices, result.mapping, dataflow.name if dataflow is not None else None
    )
    return replace(trial, certificate=result.certificate)


def _on_chip(
    problem: Problem,
    architecture: Architecture,
    prices: Prices,
    dataflow: Dataflow | None,
    objective: Objective,
    effort: Effort,
    on_chip: OnChip,
) -> Trial | Refusal:
    """The better of the greedy mapping and what the exact mapper's becomes when the operands stay.

    The exact mapper is given the memory without them, and with the room that they leave. Its answer is legal
    then, yet its goal was another: it counted the operands as coming from the outermost memory.
    """
    name = dataflow.name if dataflow else None
    found: list[Trial] = []
    reason = ""
    try:
        table = energy_table(prices, problem.bits)
        mapping = greedy_mapping(problem, architecture, dataflow, table, on_chip)
        found.append(try_mapping(problem, architecture, prices, mapping, name))
    except NoMapping as fault:
        reason = str(fault)
    whole = on_chip.left_in(architecture)
    room = on_chip.room_in(problem, architecture, max(problem.bits.outputs, problem.bits.sums))
    if effort.mapper is Mapper.EXACT and whole is not None and room is not None:
        trial = _exact(problem, on_chip.barred_in(room), prices, dataflow, objective, effort)
        if isinstance(trial, Trial):
            lifted = on_chip.lift(trial.mapping, architecture)
            if not violations(problem, whole, lifted, on_chip.operands):
                found.append(try_mapping(problem, architecture, prices, lifted, name))
    if not found:
        return Refusal(name, reason or "no mapping fits beside the feature maps that stay")
    hz = architecture.clock_hz
    return min(found, key=lambda t: objective.of(t.cost.cycles / hz, t.energy.total_pj))


def search(
    problem: Problem,
    architecture: Architecture,
    prices: Prices,
    dataflow: Dataflow | None,
    objective: Objective,
    effort: Effort,
) -> MapResult:
    """The exact mapper's answer. It begins with the neighbours of `effort`, or else the greedy mapping.

    Raises what `map_problem` raises.
    """
    from dovetail.costmodel.mapper import map_problem

    name = dataflow.name if dataflow is not None else None
    table = energy_table(prices, problem.bits)

    def start() -> Iterator[Mapping]:
        """Looked at only where the answer is not on disk."""
        near = effort.neighbours.get(name, ())
        yield from near
        if not near:
            try:
                yield greedy_mapping(problem, architecture, dataflow, table)
            except NoMapping:
                return

    return map_problem(
        problem,
        architecture,
        table,
        str(objective),
        name,
        leakage_pj_per_cycle=leakage_pj_per_cycle(architecture, prices),
        uneven=effort.uneven,
        tolerance=effort.tolerance,
        seconds=effort.seconds,
        cached=effort.cached,
        start=start(),
    )


def try_mapping(
    problem: Problem, architecture: Architecture, prices: Prices, mapping: Mapping, dataflow: str | None
) -> Trial:
    """One mapping with all its costs; it has to be legal."""
    cost = evaluate_mapping(problem, architecture, mapping, energy_table(prices, problem.bits), dataflow)
    return Trial(dataflow, mapping, cost, _energy_parts(problem, architecture, prices, cost))


def leakage_pj_per_cycle(architecture: Architecture, prices: Prices) -> float:
    """What leaks in one clock cycle."""
    return prices.leakage_mw.value * 1e9 / architecture.clock_hz


def _energy_parts(problem: Problem, architecture: Architecture, prices: Prices, cost: Cost) -> EnergyParts:
    spread = energy(cost.counts, spread_table(prices, problem.bits)).total_pj
    leakage = leakage_pj_per_cycle(architecture, prices) * cost.cycles
    return EnergyParts(
        mac_pj=cost.energy.mac_pj,
        memories_pj=cost.energy.memories_pj,
        links_pj=cost.energy.links_pj,
        units_pj={},
        leakage_pj=leakage,
        spread_pj=spread + leakage * prices.leakage_mw.error,
    )
