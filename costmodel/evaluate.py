"""One mapping, all its costs: what `dovetail evaluate` prints of a layer.

    cost = evaluate_mapping(problem, architecture, mapping, prices)
    cost.cycles, cost.latency.bound_by, cost.energy.total_pj, cost.utilization, cost.counts.of("Buffer",
    "inputs")

`evaluate_batch` (`batch.py`) gives the same numbers for many mappings of one structure at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.accel.architecture import Architecture
from dovetail.accel.mapping import Mapping
from dovetail.costmodel.analytic import tally_mapping
from dovetail.costmodel.columns import INTS
from dovetail.costmodel.counts import Counts
from dovetail.costmodel.energy import Energy, EnergyTable, energy
from dovetail.costmodel.latency import Latency, latency, mac_rate
from dovetail.costmodel.tally import Tallied
from dovetail.dsl.problem import Problem


@dataclass(frozen=True, slots=True)
class Cost:
    """What a layer costs under a mapping."""

    counts: Counts
    latency: Latency
    energy: Energy
    utilization: float
    """MACs over what all MAC units could do in `cycles` at the operands' widths, in [0, 1]; stalls
    included."""

    @property
    def cycles(self) -> int:
        """Cycles from the first load to the last store."""
        return self.latency.cycles

    @property
    def energy_pj(self) -> float:
        """Dynamic energy of MACs, memories and links."""
        return self.energy.total_pj

    def traffic_words(self) -> dict[str, dict[str, dict[str, int]]]:
        """Words by memory, operand and action (`reads`, `fills`, and `updates` for outputs)."""
        traffic: dict[str, dict[str, dict[str, int]]] = {}
        for holder in self.counts.holders:
            actions = {"reads": holder.reads, "fills": holder.fills}
            if holder.operand == "outputs":
                actions["updates"] = holder.updates
            traffic.setdefault(holder.memory, {})[holder.operand] = actions
        return traffic

    def traffic_bits(self) -> dict[str, int]:
        """Bits read and written at each memory."""
        traffic: dict[str, int] = {}
        for holder in self.counts.holders:
            bits = (holder.reads + holder.fills + holder.updates) * holder.bits
            traffic[holder.memory] = traffic.get(holder.memory, 0) + bits
        return traffic


def evaluate_mapping(
    problem: Problem,
    architecture: Architecture,
    mapping: Mapping,
    prices: EnergyTable,
    dataflow: str | None = None,
) -> Cost:
    """Counts, cycles and energy of one mapping, exact integers of any size.

    `dataflow` is the name under which the mapping runs: some MACs skip zero weights in some dataflows. The
    mapping must be legal: ask `accel.legality.violations` first. ValueError where the MAC has no rate for the
    operands' widths.
    """
    tallied = tally_mapping(problem, architecture, mapping)
    counts = tallied.counts()
    time = time_of(tallied, architecture, dataflow)
    used = counts.macs / (architecture.pes * architecture.mac.lanes * time.cycles)
    skipped = problem.weight_zeros if dataflow in architecture.mac.skip_zero_weights_in else 0.0
    return Cost(
        counts, time, energy(counts, prices, skipped), used / float(mac_rate(problem, architecture.mac))
    )


def time_of(tallied: Tallied, architecture: Architecture, dataflow: str | None = None) -> Latency:
    """The latency of one mapping that has been counted."""
    cycles, compute, ports, terms = latency(
        INTS,
        tallied.problem,
        architecture,
        tallied.steps,
        tallied.pes,
        tallied.tallies,
        tallied.hops,
        dataflow,
    )
    return Latency(cycles, compute, tuple(ports), tuple(term for term in terms if term.cycles))
