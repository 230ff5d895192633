"""What is assumed of the Squeezelerator, and what networks take under each assumption, by our own model.

Each layer with MACs is mapped by every dataflow of `squeezelerator_paper.accel` for the least energy x time;
the hybrid takes the faster of the two dataflows that a form has. `study.py` makes tables of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from math import exp, log
from pathlib import Path

import dovetail as dt
from dovetail.accel.architecture import Architecture, Memory
from dovetail.accel.legality import violations
from dovetail.accel.mapping import For, Holds
from dovetail.accel.mapping import Mapping as Nest
from dovetail.costmodel.components import price
from dovetail.costmodel.effort import Effort, Mapper
from dovetail.costmodel.layer_cost import LayerCost
from dovetail.costmodel.network_cost import evaluate_network, try_mapping

HERE = Path(__file__).resolve().parent
NETWORKS = HERE.parent / "networks"

TARGETS = {
    "alexnet_grouped": (1.00, 1.19),
    "mobilenet_v1": (1.91, 6.35),
    "tiny_darknet": (1.14, 1.32),
    "squeezenet_v1_0": (1.26, 2.06),
    "squeezenet_v1_1": (1.34, 1.18),
    "squeezenext_2_0_23_v5": (1.26, 2.44),
}
"""Reported: time of output stationary alone, and of weight stationary alone, over the hybrid's."""

STEPS = {
    "squeezenext_1_0_23_v1": {},
    "squeezenext_1_0_23_v2": {},
    "v3, 4 + 8 + 8 + 1 units": {"first": 5, "units": [4, 8, 8, 1]},
    "squeezenext_1_0_23_v4": {},
    "squeezenext_1_0_23_v5": {},
}
"""From v1 to v5 the first kernel shrinks, and units move from early stages to later ones."""

STEP_TARGETS = {"squeezenet_v1_0": (2.59, 2.25), "alexnet_grouped": (8.26, 7.5)}
"""Reported: time and energy of these over those of SqueezeNext 1.0 v5."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What is assumed of the machine and of its data."""

    n: int = 32
    registers: int = 16
    overlap: bool = False
    """Transfers go on behind the computation."""
    port: int | None = None
    """Words a cycle that the buffer reads; None: as many as are wanted."""
    batch: int = 1
    zeros: float = 0.4
    """Of the weights, skipped in output stationary."""
    mapper: str | None = None
    """`greedy` or `exact`; None: as `dovetail evaluate` has it."""


@dataclass(frozen=True, slots=True)
class Form:
    """Which two dataflows the hybrid chooses from, and on what."""

    weights: str = "weight_stationary"
    outputs: str = "output_stationary"
    machine: Machine = Machine()

    @property
    def name(self) -> str:
        """What it assumes, in the order of the table's head."""
        memory = "overlaps" if self.machine.overlap else "waits"
        outputs = "side by side" if self.outputs.endswith("filled") else "one map"
        port = "any" if self.machine.port is None else f"{self.machine.port}"
        return f"{memory:<10}{port:<7}{outputs:<14}{WEIGHTS[self.weights]:<8}"


WEIGHTS = {
    "weight_stationary": "alone",
    "weight_stationary_groups": "groups",
    "weight_stationary_im2col": "im2col",
}
HEAD = f"{'DRAM':<10}{'port':<7}{'OS':<14}{'WS':<8}"
"""The head of `Form.name`."""
OUTPUTS = ("output_stationary", "output_stationary_filled")


def sized(form: Form, n: int) -> Form:
    """The same on `n x n` PEs, with a port as wide as a row of them."""
    port = None if form.machine.port is None else n
    return replace(form, machine=replace(form.machine, n=n, port=port))


@dataclass(frozen=True, slots=True)
class Sum:
    """Time, energy and MACs of some layers."""

    cycles: int = 0
    energy: float = 0.0
    macs: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.cycles + other.cycles, self.energy + other.energy, self.macs + other.macs)


@cache
def architecture(machine: Machine) -> Architecture:
    """The paper's machine under these assumptions."""
    parameters = {"n": machine.n, "registers": machine.registers}
    built = dt.load_accelerator(HERE / "squeezelerator_paper.accel", **parameters).architecture
    levels = built.levels
    if machine.port is not None:
        rate = Fraction(16 * machine.port)
        levels = tuple(
            replace(level, read_bits_per_cycle=rate, write_bits_per_cycle=rate)
            if isinstance(level, Memory) and level.name == "Buffer"
            else level
            for level in levels
        )
    return replace(built, levels=levels, overlap_transfers=machine.overlap)


@cache
def design(network: str) -> dt.NetworkDesign:
    """A network of the examples, or a step of SqueezeNext that has no file."""
    parameters = STEPS.get(network)
    if parameters:
        return dt.load_network(NETWORKS / "shared" / "squeezenext.net", **parameters)
    return dt.load_network(NETWORKS / f"{network}.net")


@cache
def layers_on(network: str, machine: Machine) -> tuple[LayerCost, ...]:
    """The layers with MACs, each by every dataflow."""
    effort = None if machine.mapper is None else Effort(Mapper(machine.mapper))
    built = architecture(machine)
    net = design(network).at(built.bits)
    layers = [
        replace(layer, loops=replace(layer.loops, weight_zeros=machine.zeros))
        for layer in net.layers
        if layer.loops is not None
    ]
    return evaluate_network(
        net, built, price(built), batch=machine.batch, layers=layers, effort=effort
    ).layers


@cache
def by_dataflow(network: str, machine: Machine) -> dict[str, dict[str, Sum]]:
    """What each layer costs by each dataflow that can run it."""
    built = architecture(machine)
    prices = price(built)
    found: dict[str, dict[str, Sum]] = {}
    for layer in layers_on(network, machine):
        assert layer.problem is not None
        ways = found[layer.name] = {}
        for trial in layer.trials:
            best = trial
            for mapping in with_more_sums(trial.mapping, machine.registers):
                if not violations(layer.problem, built, mapping):
                    other = try_mapping(layer.problem, built, prices, mapping, trial.dataflow)
                    best = min(best, other, key=lambda t: t.cost.cycles * t.energy.total_pj)
            ways[trial.dataflow or ""] = Sum(best.cost.cycles, best.energy.total_pj, layer.macs)
    return found


def with_more_sums(mapping: Nest, registers: int) -> Iterator[Nest]:
    """Where sums stay in the PEs: the same with several output channels in each PE, one after the other.

    An input then serves all of them before it is shifted on. A dataflow cannot say so: with `stationary sums`
    a PE has one.
    """
    nodes, kept = mapping.nodes, Holds("Register", ("outputs",))
    outside = nodes[: nodes.index(kept)] if kept in nodes else ()
    loops = [(i, node) for i, node in enumerate(outside) if isinstance(node, For) and node.dimension == "K"]
    if not loops:
        return
    at, loop = loops[-1]
    for sums in (2, 4, 6, 8, 12, 16):
        if sums > min(registers, loop.trips):
            return
        chain = [
            node
            if i < at or isinstance(node, Holds) or node.dimension != "K"
            else replace(node, bound=node.bound * (sums if i > at else 1), step=node.step * sums)
            for i, node in enumerate(nodes)
        ]
        yield Nest((*chain, For("K", sums)), mapping.flat)


def totals(network: str, form: Form, *, connected: bool = True) -> tuple[Sum, Sum, Sum]:
    """A network by output stationary, by weight stationary, and by the faster of both layer by layer.

    `connected`: its fully connected layers as well.
    """
    outputs, weights, hybrid = Sum(), Sum(), Sum()
    costs = by_dataflow(network, form.machine)
    for layer in layers_on(network, form.machine):
        if layer.layer.layer_class == "fc" and not connected:
            continue
        ways = costs[layer.name]
        one, other = ways[form.outputs], ways[form.weights]
        outputs, weights = outputs + one, weights + other
        hybrid += min(one, other, key=lambda way: way.cycles)
    return outputs, weights, hybrid


def ratios(network: str, form: Form, *, connected: bool = True, energy: bool = False) -> tuple[float, float]:
    """Output stationary alone, and weight stationary alone, over the hybrid: time, or energy."""
    *alone, hybrid = totals(network, form, connected=connected)
    if energy:
        return alone[0].energy / hybrid.energy, alone[1].energy / hybrid.energy
    return alone[0].cycles / hybrid.cycles, alone[1].cycles / hybrid.cycles


def utilization(total: Sum, machine: Machine) -> float:
    """MACs (of zero weights too) over what all PEs could have done."""
    return total.macs / (machine.n**2 * total.cycles)


def apart(reached: Sequence[float], target: Sequence[float]) -> float:
    """By what factor the worst of some figures is off."""
    return exp(max(abs(log(a / b)) for a, b in zip(reached, target, strict=True)))


@cache
def all_forms(mapper: str | None = None) -> tuple[Form, ...]:
    """What the paper leaves open, each with each, on 32 x 32 PEs."""
    return tuple(
        Form(weights, outputs, Machine(overlap=overlap, port=port, mapper=mapper))
        for overlap in (False, True)
        for port in (None, 32)
        for outputs in OUTPUTS
        for weights in WEIGHTS
    )


def closest(network: str, mapper: str | None = None) -> Form:
    """The form whose two ratios are nearest to those reported."""
    return min(all_forms(mapper), key=lambda form: apart(ratios(network, form), TARGETS[network]))


def off_by(form: Form) -> float:
    """By what factor a form is off: the worse ratio of each network, their geometric mean."""
    return exp(sum(log(apart(ratios(net, form), goal)) for net, goal in TARGETS.items()) / len(TARGETS))


def base(mapper: str | None = None) -> Form:
    """Where single assumptions are changed: DRAM is waited for, maps lie side by side, no port holds back."""
    return Form(outputs="output_stationary_filled", machine=Machine(mapper=mapper))


def with_port(form: Form) -> Form:
    """The same with a buffer that reads as many words a cycle as a row has PEs."""
    return replace(form, machine=replace(form.machine, port=form.machine.n))
