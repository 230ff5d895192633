"""What a layer and a network cost: results, with units in the names.

NetworkCost = LayerCost ..., what is free, what single dataflows would cost
LayerCost   = cycles, energy by part, traffic, what it is bound by, how it is mapped, its bound
"""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dovetail.accel.architecture import Architecture
from dovetail.accel.mapping import Mapping
from dovetail.costmodel.bound import Bound
from dovetail.costmodel.components import Prices
from dovetail.costmodel.evaluate import Cost
from dovetail.costmodel.figures import Figure
from dovetail.costmodel.selection import Objective
from dovetail.dsl.layer import Layer
from dovetail.dsl.network import Network
from dovetail.dsl.problem import Problem

if TYPE_CHECKING:
    from dovetail.costmodel.mapper.result import Certificate  # its package loads NumPy

Traffic = dict[str, dict[str, dict[str, int]]]
"""Words by memory, operand and action."""


@dataclass(frozen=True, slots=True)
class EnergyParts:
    """Where the energy of a layer goes, in pJ."""

    mac_pj: float
    memories_pj: ReadOnly[str, ReadOnly[str, float]]
    """By memory and operand."""
    links_pj: ReadOnly[str, float]
    """By array."""
    units_pj: ReadOnly[str, float]
    """By vector unit."""
    leakage_pj: float
    spread_pj: float
    """The `±` of the total: every price wrong by its own error, all in one direction."""

    @property
    def total_pj(self) -> float:
        """The sum of all parts."""
        memories = sum(sum(operands.values()) for operands in self.memories_pj.values())
        return (
            self.mac_pj
            + memories
            + sum(self.links_pj.values())
            + sum(self.units_pj.values())
            + self.leakage_pj
        )

    def by_part(self) -> dict[str, float]:
        """One number a memory, an array, a unit, the MACs and leakage."""
        parts = {name: sum(operands.values()) for name, operands in self.memories_pj.items()}
        for name, pj in (*self.links_pj.items(), *self.units_pj.items()):
            parts[name] = parts.get(name, 0.0) + pj
        return parts | {"mac": self.mac_pj, "leakage": self.leakage_pj}


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to run a layer with MACs: a dataflow (None where the text has none) and its mapping."""

    dataflow: str | None
    mapping: Mapping
    cost: Cost
    energy: EnergyParts
    certificate: Certificate | None = None
    """How sure it is that no mapping of the dataflow is better; None where nothing was searched."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A dataflow by which the layer cannot run, and why."""

    dataflow: str | None
    reason: str
    undecided: bool = False
    """The search ran out of time: there may be a mapping."""


@dataclass(frozen=True, slots=True)
class LayerCost:
    """A layer that costs something, for the whole batch."""

    layer: Layer
    macs: int
    cycles: int
    latency_s: float
    energy: EnergyParts
    traffic_words: Traffic
    outermost_bits: int
    """Bits that cross the edge of the chip, in both directions."""
    bound_by: str
    """`compute`, a memory, `ARRAY links` or a unit: what causes most of the cycles."""
    utilization: float
    """MACs over what all MAC units could do meanwhile, in [0, 1]; 0 for operations without MACs."""
    bound: Bound
    problem: Problem | None
    """The loop nest with the batch in it; None for operations without MACs, like the next two."""
    chosen: Trial | None
    trials: tuple[Trial, ...]
    refusals: tuple[Refusal, ...]
    unit: str | None
    """The vector unit that does it."""
    on_chip: tuple[str, ...] = ()
    """Of its inputs and outputs the tensors that stay on chip (`keep feature_maps in`)."""

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @property
    def energy_pj(self) -> float:
        """All of it, leakage included."""
        return self.energy.total_pj

    @property
    def dataflow(self) -> str | None:
        """The dataflow chosen; None where the text has none and for operations without MACs."""
        return self.chosen.dataflow if self.chosen is not None else None

    @property
    def mapping(self) -> Mapping | None:
        """The mapping chosen; None for operations without MACs."""
        return self.chosen.mapping if self.chosen is not None else None

    @property
    def certificate(self) -> Certificate | None:
        """What is known about the mapping chosen, under its dataflow; None where nothing was searched."""
        return self.chosen.certificate if self.chosen is not None else None

    @property
    def proved(self) -> bool:
        """Whether every dataflow has the best of its mappings, or there is nothing to choose from."""
        return all(t.certificate is not None and t.certificate.proved for t in self.trials) and not any(
            refusal.undecided for refusal in self.refusals
        )

    @property
    def outermost_bytes(self) -> int:
        """`outermost_bits` in bytes, rounded up."""
        return -(-self.outermost_bits // 8)


@dataclass(frozen=True, slots=True)
class SingleDataflow:
    """The network if every layer took one dataflow; `missing` names the layers that cannot."""

    name: str
    cycles: int
    energy_pj: float
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeptMap:
    """A feature map that stays on chip from the layer that writes it first to the one that reads it last."""

    name: str
    memory: str
    bits: int
    """Its size, for the whole batch."""
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class NetworkCost:
    """A network on an architecture, for the whole batch."""

    network: Network
    architecture: Architecture
    prices: Prices
    objective: Objective
    batch: int
    layers: tuple[LayerCost, ...]
    """Those that cost something, in execution order."""
    free: tuple[tuple[Layer, str], ...]
    """The others, with the reason why each is free."""
    single: tuple[SingleDataflow, ...]
    """What each dataflow alone would cost, where there are several to choose from."""
    kept: tuple[KeptMap, ...] = ()
    """Feature maps that stay on chip, in the order in which they are written."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all layers."""
        return sum(layer.macs for layer in self.layers)

    @property
    def cycles(self) -> int:
        """Cycles of all layers, one after the other."""
        return sum(layer.cycles for layer in self.layers)

    @property
    def latency_s(self) -> float:
        """Their time at the architecture's clock."""
        return self.cycles / self.architecture.clock_hz

    @property
    def energy_pj(self) -> float:
        """Energy of all layers, leakage included."""
        return sum(layer.energy_pj for layer in self.layers)

    @property
    def energy_spread(self) -> float:
        """Relative error band of the energy, from the errors of the prices."""
        energy = self.energy_pj
        return sum(layer.energy.spread_pj for layer in self.layers) / energy if energy else 0.0

    @property
    def utilization(self) -> float:
        """MACs over what the MAC units could do in the whole time, each layer at its widths' rate."""
        cycles = self.cycles
        return sum(layer.utilization * layer.cycles for layer in self.layers) / cycles if cycles else 0.0

    @property
    def outermost_bytes(self) -> int:
        """Bytes that cross the edge of the chip."""
        return sum(layer.outermost_bytes for layer in self.layers)

    @property
    def average_power_w(self) -> float:
        """Energy over latency."""
        return self.energy_pj * 1e-12 / self.latency_s if self.cycles else 0.0

    @property
    def area_mm2(self) -> Figure:
        """On chip, as far as it is priced."""
        return self.prices.area_mm2

    @property
    def value(self) -> float:
        """The objective: pJ s, pJ or s."""
        return self.objective.of(self.latency_s, self.energy_pj)

    @property
    def bound(self) -> Bound:
        """The sum of the layers' bounds."""
        return Bound(
            sum(layer.bound.cycles for layer in self.layers),
            sum(layer.bound.energy_pj for layer in self.layers),
        )

    @property
    def bound_value(self) -> float:
        """The objective at the bound."""
        bound = self.bound
        return self.objective.of(bound.cycles / self.architecture.clock_hz, bound.energy_pj)

    def layer(self, name: str) -> LayerCost:
        """The cost of the layer of that name; KeyError where it is free or not there."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)
