"""What no mapping can beat: the work at full rate, and every word once over the edge of the chip.

    cycles >= max(compute, compulsory traffic / bandwidth)      (their sum where transfers do not overlap)
    energy >= MACs + compulsory traffic of the outermost memory + leakage over that time

The compulsory words are those that the loops touch: weights, the rows and columns of inputs under some
window, outputs once. No search is needed, and no mapping of any dataflow is excluded.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from dovetail.accel.architecture import Architecture, Memory, Ports
from dovetail.costmodel.counts import Counts, HolderCounts
from dovetail.costmodel.energy import EnergyTable, energy
from dovetail.costmodel.latency import mac_rate
from dovetail.dsl.problem import Problem


@dataclass(frozen=True, slots=True)
class Bound:
    """Least cycles and least pJ. They need not be reached by one mapping."""

    cycles: int
    energy_pj: float


def lower_bound(
    problem: Problem,
    architecture: Architecture,
    table: EnergyTable,
    leakage_pj_per_cycle: float = 0.0,
    on_chip: frozenset[str] = frozenset(),
) -> Bound:
    """The bound of one layer with MACs; ValueError where the MAC has no rate for the operands' widths.

    Operands in `on_chip` stay there and do not cross its edge.
    """
    outermost = architecture.memories[0]
    skippable = problem.weight_zeros if architecture.mac.skip_zero_weights_in else 0.0
    peak = architecture.pes * architecture.mac.lanes * mac_rate(problem, architecture.mac)
    kept = 1 - Fraction(skippable).limit_denominator(10_000)
    compute = ceil(problem.macs * kept / peak)
    moved = _compulsory(problem, outermost, on_chip)
    read = sum(holder.reads * holder.bits for holder in moved)
    written = sum(holder.updates * holder.bits for holder in moved)
    transfer = transfer_cycles(outermost, read, written)
    together = max(compute, transfer) if architecture.overlap_transfers else compute + transfer
    cycles = max(1, together) + (outermost.latency_cycles if moved else 0)
    least = energy(Counts(moved, (), macs=problem.macs, steps=0, pes=0), table, skippable)
    return Bound(cycles, least.total_pj + leakage_pj_per_cycle * cycles)


def _compulsory(problem: Problem, outermost: Memory, on_chip: frozenset[str]) -> tuple[HolderCounts, ...]:
    """What has to cross the edge: each word of the operands that the outermost memory holds, once."""
    bits = problem.bits
    words = {
        "weights": (problem.words("weights"), bits.weights),
        "inputs": (problem.words("inputs", gaps=False), bits.inputs),
        "outputs": (problem.words("outputs"), min(bits.outputs, bits.sums)),
    }
    held = outermost.holds | outermost.may_hold
    return tuple(
        HolderCounts(
            memory=outermost.name,
            operand=operand,
            reads=0 if operand == "outputs" else count,
            fills=0,
            updates=count if operand == "outputs" else 0,
            instances=1,
            tile_words=count,
            served_words=1,
            moves=False,
            bits=width,
        )
        for operand, (count, width) in words.items()
        if operand not in on_chip and (not held or operand in held)
    )


def transfer_cycles(memory: Memory, read_bits: int, written_bits: int, instances: int = 1) -> int:
    """How long the busier port of each instance works, at the memory's bandwidth; 0 where none is given."""
    read, write = memory.read_bits_per_cycle, memory.write_bits_per_cycle
    if memory.ports is Ports.SHARED:
        groups = [(read_bits + written_bits, read or write)]
    else:
        groups = [(read_bits, read), (written_bits, write)]
    return max(ceil(Fraction(bits, instances) / rate) if rate else 0 for bits, rate in groups)
