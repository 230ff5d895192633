"""What a point costs: network built, machine priced, layers solved, metrics and goals computed."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Final, TypeVar

from dovetail.accel.loading import AcceleratorDesign, load_accelerator_design
from dovetail.costmodel.components import Unpriceable, price
from dovetail.costmodel.effort import Effort, Mapper
from dovetail.costmodel.figures import OutsideTable
from dovetail.costmodel.latency import mac_rate
from dovetail.costmodel.network_cost import Unmappable, evaluate_network
from dovetail.costmodel.selection import Objective as MappedFor
from dovetail.costmodel.selection import select
from dovetail.dsl import units
from dovetail.dsl.declarations import Figure, MetricTable
from dovetail.dsl.layer import Layer
from dovetail.dsl.loading import NetworkDesign, load_network_design
from dovetail.dsl.network import Network
from dovetail.dsl.problem import Bits
from dovetail.dsl.values import Value
from dovetail.explorer.additive import Table, total_of
from dovetail.explorer.engine import PointResult
from dovetail.explorer.expressions import Expression, Names, Uncomputable, Unmeasured, names_of
from dovetail.explorer.function_metric import FunctionFault
from dovetail.explorer.layer_solver import (
    Candidate,
    LayerSolver,
    LayerStore,
    Machine,
    Signature,
    by_dataflow,
    reasons,
    signature,
)
from dovetail.explorer.side import Elaborated
from dovetail.explorer.space import Place, StudySpace
from dovetail.explorer.study import CHARGE_WH, METRICS, NUMBERS, Study, known_names

MOST_NETWORKS: Final = 128
MOST_MACHINES: Final = 1024
"""Built networks and priced machines that a process keeps at hand."""

CHARGE_PJ: Final = CHARGE_WH * 3.6e15

Built = TypeVar("Built")


class Refused(Exception):
    """A point that cannot run; the message says why."""


@dataclass(frozen=True, slots=True)
class Work:
    """A network at some widths: the layers that cost something, in order, and its own figures."""

    network: Network
    layers: tuple[Layer, ...]
    signatures: tuple[Signature, ...]
    """What machines notice of each layer."""
    alike: tuple[int, ...]
    """Of each layer the first one with the same signature."""
    macs: int
    params: int
    peak_bytes: float
    """NaN where nobody looked."""
    names: Mapping[str, float]
    """Its parameters and figures, in base units."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A machine with what expressions may ask of it, or why it has no cost."""

    machine: Machine | None
    refusal: str
    area_mm2: float
    names: Mapping[str, float]
    """Its parameters, sizes of memories and figures, in base units."""


def mapped_for(study: Study) -> MappedFor:
    """What layers are mapped for: as the study says, or the one objective that there is, else EDP."""
    if study.mapped_for != "auto":
        return MappedFor(study.mapped_for)
    words = {word for o in study.objectives for word in re.findall(r"\w+", o.name)}
    costs = words & _OF_MAPPINGS
    if costs and costs <= {"latency", "cycles"}:
        return MappedFor.LATENCY
    return MappedFor.ENERGY if costs and costs <= {"energy", "inferences_per_charge"} else MappedFor.EDP


def decided(study: Study) -> bool:
    """Whether one mapping a layer is enough: all goals and conditions ask for what layers are mapped for."""
    texts = [*(o.name for o in study.objectives), *(condition.text for condition in study.where)]
    costs = {word for text in texts for word in re.findall(r"\w+", text)} & _OF_MAPPINGS
    return costs <= _DECIDED_BY[mapped_for(study)]


_DECIDED_BY: Final = {
    MappedFor.LATENCY: {"latency", "cycles"},
    MappedFor.ENERGY: {"energy", "inferences_per_charge"},
    MappedFor.EDP: {"edp"},
}

_OF_MAPPINGS: Final = frozenset(
    {
        "latency",
        "cycles",
        "energy",
        "edp",
        "average_power",
        "dram_bytes",
        "utilization",
        "inferences_per_charge",
    }
)
"""Metrics that depend on how layers are mapped."""


class PointEvaluator:
    """Evaluates points of a space, one after the other; what they have in common is kept."""

    def __init__(self, space: StudySpace, store: LayerStore | None = None) -> None:
        """Raises DovetailError where an objective or condition is wrong for every point."""
        self.space = space
        self.solver = LayerSolver(store, mapped_for(space.study), Mapper(space.study.mapper))
        self.objective = mapped_for(space.study)
        examples = self._examples()
        study = space.study
        self._objectives = [
            (o.name, Expression(o.expression, study.definitions, examples)) for o in study.objectives
        ]
        self._conditions = [Expression(c.node, study.definitions, examples) for c in study.where]
        self._works: OrderedDict[tuple[int, int, Bits], Work] = OrderedDict()
        self._designs: OrderedDict[tuple[int, int], Elaborated[NetworkDesign]] = OrderedDict()
        self._ranges: OrderedDict[tuple[int, int, int], tuple[int, ...]] = OrderedDict()
        self._machine_ranges: OrderedDict[tuple[int, int, int], tuple[int, ...]] = OrderedDict()
        self._chips: OrderedDict[tuple[int, int], tuple[Chip, Elaborated[AcceleratorDesign]]] = OrderedDict()

    @property
    def units(self) -> dict[str, str]:
        """The unit of every metric that results have, in order."""
        named = {**METRICS, **dict.fromkeys(NUMBERS, "")}
        for name, expression in self._objectives:
            named.setdefault(name, expression.unit)
        return named

    def evaluate(self, index: int) -> PointResult | None:
        """The result of a point; None where the number stands for no design."""
        place = self.space.decode(index)
        network = self.network(place.network, place.network_number)
        _, accelerator = self.chip(place.accelerator, place.accelerator_number)
        if network.design is None or accelerator.design is None:
            return None
        return self.result(index, place, network, accelerator)

    def result(
        self,
        index: int,
        place: Place,
        network: Elaborated[NetworkDesign],
        accelerator: Elaborated[AcceleratorDesign],
    ) -> PointResult:
        """The result of a point whose two designs are at hand."""
        choices = self.space.choices(place, network.choices, accelerator.choices)
        try:
            metrics, names = self._measure(place)
            meets = self._meets(names)
        except Refused as why:
            return PointResult(index, choices, {}, meets=False, refused=str(why))
        return PointResult(index, choices, metrics, meets)

    def violations(self, place: Place) -> tuple[float, ...]:
        """By how much a point breaks each condition, as a fraction; 0 or less where it holds.

        One more, in front, is above 0 where the point cannot run at all.
        """
        try:
            _, names = self._measure(place)
            return (0.0, *(self._computed(condition.violation, names) for condition in self._conditions))
        except Refused:
            return (1.0, *(1.0 for _ in self._conditions))

    # ------------------------------------------------------------------------------- both sides

    def network(self, file: int, number: int) -> Elaborated[NetworkDesign]:
        """The network of a number, elaborated."""
        return _kept(
            self._designs, (file, number), MOST_NETWORKS, lambda: self.space.networks[file].elaborate(number)
        )

    def chip(self, file: int, number: int) -> tuple[Chip, Elaborated[AcceleratorDesign]]:
        """The accelerator of a number, elaborated and priced."""

        def build() -> tuple[Chip, Elaborated[AcceleratorDesign]]:
            return _priced(self.space.accelerators[file].elaborate(number))

        return _kept(self._chips, (file, number), MOST_MACHINES, build)

    def know_chip(self, file: int, number: int, found: Elaborated[AcceleratorDesign]) -> None:
        """Take an accelerator that was elaborated elsewhere."""
        _kept(self._chips, (file, number), MOST_MACHINES, partial(_priced, found))

    def machine_numbers(self, file: int, first: int, end: int) -> Sequence[int]:
        """The numbers of a file's accelerators in a range; ranges asked for again are not walked again."""

        def walk() -> tuple[int, ...]:
            numbers = []
            for number, found in self.space.accelerators[file].designs(first, end):
                numbers.append(number)
                _kept(self._chips, (file, number), MOST_MACHINES, partial(_priced, found))
            return tuple(numbers)

        return _kept(self._machine_ranges, (file, first, end), MOST_NETWORKS, walk)

    def prepare(self, file: int, numbers: Sequence[int], network: int, network_number: int) -> None:
        """Solve a network's layers on many accelerators together; `result` then finds them.

        Where feature maps stay on chip no layer is on its own: `_kept_totals` takes such machines one by one.
        """
        chips = [self.chip(file, number)[0].machine for number in numbers]
        machines = [m for m in chips if m is not None and m.architecture.keep_feature_maps_in is None]
        by_widths: dict[Bits, list[Machine]] = {}
        for bits in self.space.bits:
            for machine in machines:
                by_widths.setdefault(_widths(machine, bits), []).append(machine)
        for widths, some in by_widths.items():
            try:
                work = self.work(Place(network, file, network_number, 0, 0, 0), widths)
            except Refused:
                continue  # `result` says why
            self.solver.prepare([work.signatures[at] for at in dict.fromkeys(work.alike)], some)

    def network_numbers(self, file: int, first: int, end: int) -> Sequence[int]:
        """The numbers of a file's networks in a range; ranges asked for again are not walked again."""

        def walk() -> tuple[int, ...]:
            numbers = []
            for number, found in self.space.networks[file].designs(first, end):
                numbers.append(number)
                _kept(self._designs, (file, number), MOST_NETWORKS, partial(_same, found))
            return tuple(numbers)

        return _kept(self._ranges, (file, first, end), MOST_NETWORKS, walk)

    def work(self, place: Place, default: Bits) -> Work:
        """The network of a point at the widths of its machine."""

        def build() -> Work:
            design = self.network(place.network, place.network_number).design
            if design is None:
                raise Refused("this is no design")
            work = _work(design, default, self.space.study.batch)
            return replace(work, names={**work.names, **self._called(design, work.network)})

        return _kept(self._works, (place.network, place.network_number, default), MOST_NETWORKS, build)

    def _called(self, design: NetworkDesign, network: Network) -> dict[str, float]:
        """The metrics that Python computes; raises Refused."""
        made = {choice.site.path: str(choice.option) for choice in design.choices}
        try:
            return {metric.name: metric(network, made) for metric in self.space.study.functions}
        except FunctionFault as fault:
            raise Refused(str(fault)) from fault

    def _examples(self) -> dict[str, Value]:
        """A value for every name that expressions may use, from the first designs of the files."""
        networks = [load_network_design(side.path, side.settings) for side in self.space.networks]
        accelerators = [load_accelerator_design(side.path, side.settings) for side in self.space.accelerators]
        given: dict[str, Value] = dict.fromkeys((f.name for f in self.space.study.functions), 1.0)
        return given | known_names(networks, accelerators)

    # ---------------------------------------------------------------------------------- metrics

    def _measure(self, place: Place) -> tuple[dict[str, float], dict[str, float]]:
        """Its metrics, and every name that expressions may use, in base units."""
        chip, _ = self.chip(place.accelerator, place.accelerator_number)
        machine = chip.machine
        if machine is None:
            raise Refused(chip.refusal)
        work = self.work(place, _widths(machine, self.space.bits[place.bits]))
        return self._named(chip, self._totals(work, machine, place), work)

    def judged(
        self, chip: Chip, totals: tuple[int, float, int, float], work: Work
    ) -> tuple[dict[str, float], bool]:
        """All metrics and objectives of a network on a machine, and whether the conditions hold.

        `totals` are cycles, pJ, bytes over the edge of the chip, cycles times utilisation. Raises Refused.
        """
        metrics, names = self._named(chip, totals, work)
        return metrics, self._meets(names)

    def _meets(self, names: Names) -> bool:
        return all(self._computed(condition.holds, names) for condition in self._conditions)

    def _named(
        self, chip: Chip, totals: tuple[int, float, int, float], work: Work
    ) -> tuple[dict[str, float], dict[str, float]]:
        """All metrics and objectives, and every name that expressions may use, in base units."""
        cycles, energy_pj, outermost_bytes, busy = totals
        latency = cycles / chip.machine.architecture.clock_hz if chip.machine is not None else 0.0
        metrics = {
            "latency": latency,
            "energy": energy_pj,
            "area": chip.area_mm2,
            "average_power": energy_pj * 1e-12 / latency if cycles else 0.0,
            "peak_memory": float(work.peak_bytes),
            "dram_bytes": float(outermost_bytes),
            "edp": latency * energy_pj,
            "cycles": float(cycles),
            "utilization": busy / cycles if cycles else 0.0,
            "macs": float(work.macs),
            "params": float(work.params),
            "inferences_per_charge": CHARGE_PJ / energy_pj * self.space.study.batch if energy_pj else 0.0,
        }
        names = {**chip.names, **work.names, **_in_base_units(metrics)}
        for name, expression in self._objectives:
            metrics.setdefault(name, self._computed(expression, names))
        return metrics, names

    @staticmethod
    def _computed(rule: Callable[[Names], Built], names: Names) -> Built:
        try:
            return rule(names)
        except (Unmeasured, Uncomputable) as fault:
            raise Refused(str(fault)) from fault

    def _totals(self, work: Work, machine: Machine, place: Place) -> tuple[int, float, int, float]:
        """Cycles, pJ, bytes over the edge of the chip, and cycles times utilisation."""
        flow = self.space.dataflows[place.dataflow]
        flows = machine.architecture.dataflows
        if flow is not None and flow not in {f.name for f in flows}:
            raise Refused(f"`{machine.architecture.name}` has no dataflow `{flow}`")
        if machine.architecture.keep_feature_maps_in is not None:
            return self._kept_totals(work, machine, flow)
        candidates: list[Sequence[Candidate]] = []
        costs: list[list[tuple[int, float]]] = []
        for layer, noticed, alike in zip(work.layers, work.signatures, work.alike, strict=True):
            if alike < len(candidates):
                candidates.append(candidates[alike])
                costs.append(costs[alike])
                continue
            if layer.loops is not None:
                try:
                    mac_rate(layer.loops, machine.architecture.mac)
                except ValueError as fault:
                    raise Refused(f"`{layer.name}`: {fault}") from fault
            solution = self.solver.solution(layer, machine, self.space.study.batch, noticed)
            ways = by_dataflow(solution, flow)
            if not ways:
                why = "; ".join(f"{name}: {reason}" for name, reason in reasons(solution, flow).items())
                raise Refused(f"`{layer.name}` cannot be mapped ({why})")
            candidates.append(ways)
            costs.append([(c.cycles, c.energy_pj) for c in ways])
        taken = select(costs, self.objective)
        chosen = [ways[i] for ways, i in zip(candidates, taken, strict=True)]
        return (
            sum(c.cycles for c in chosen),
            sum(c.energy_pj for c in chosen),
            sum(-(-c.outermost_bits // 8) for c in chosen),
            sum(c.utilization * c.cycles for c in chosen),
        )

    def _kept_totals(self, work: Work, machine: Machine, flow: str | None) -> tuple[int, float, int, float]:
        """As `_totals`, where feature maps stay on chip: layers are no longer on their own."""
        architecture = machine.architecture
        flows = [f for f in architecture.dataflows if flow in (None, f.name)]
        batch, effort = self.space.study.batch, Effort(Mapper(self.space.study.mapper))
        try:
            cost = evaluate_network(
                work.network, architecture, machine.prices, self.objective, batch, flows, effort=effort
            )
        except Unmappable as fault:
            raise Refused(f"`{fault}` cannot be mapped") from fault
        except ValueError as fault:
            raise Refused(str(fault)) from fault
        return cost.cycles, cost.energy_pj, cost.outermost_bytes, cost.utilization * cost.cycles


Key = TypeVar("Key")


def _kept(kept: OrderedDict[Key, Built], key: Key, most: int, build: Callable[[], Built]) -> Built:
    if key in kept:
        kept.move_to_end(key)
        return kept[key]
    built = kept[key] = build()
    if len(kept) > most:
        kept.popitem(last=False)
    return built


def _same(thing: Built) -> Built:
    return thing


def _in_base_units(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: value * base_units(METRICS.get(name, "")) for name, value in metrics.items()}


@cache
def base_units(unit: str) -> float:
    """How many base units a unit is; 1 for none."""
    whole = units.quantity(1, unit) if unit else 1.0
    return float(whole.magnitude) if units.is_quantity(whole) else float(whole)


def _widths(machine: Machine, bits: int | None) -> Bits:
    """Widths where a network's text gives none: the machine's own, or those that are asked for."""
    own = machine.architecture.bits
    return own if bits is None else Bits(bits, bits, bits, max(bits, own.sums))


def _priced(found: Elaborated[AcceleratorDesign]) -> tuple[Chip, Elaborated[AcceleratorDesign]]:
    return _chip(found.design), found


def _chip(design: AcceleratorDesign | None) -> Chip:
    """A machine priced, or why it cannot be."""
    if design is None:
        return Chip(None, "this is no design", 0.0, {})
    architecture = design.architecture
    names: dict[str, float] = {name: value for name, value, _ in architecture.metrics}
    names |= names_of(design.parameters)
    for memory in architecture.memories:
        if memory.size_bits is not None:
            names.setdefault(f"{memory.name}.size", float(memory.size_bits))
    try:
        prices = price(architecture)
    except (Unpriceable, OutsideTable) as fault:
        return Chip(None, f"a part of `{architecture.name}` cannot be priced: {fault}", 0.0, names)
    return Chip(Machine(architecture, prices), "", prices.area_mm2.value, names)


def _work(design: NetworkDesign, default: Bits, batch: int) -> Work:
    network = design.at(default)
    names = names_of(design.parameters)
    for name, figure in design.figures.items():
        match figure:
            case Figure():
                names[name] = figure.value
            case MetricTable():
                names[name] = _sum_of(figure, design, network)
    layers = tuple(layer for layer in network.layers if network.free(layer) is None)
    first: dict[object, int] = {}
    signatures = tuple(signature(layer, batch) for layer in layers)
    alike = tuple(first.setdefault(noticed, at) for at, noticed in enumerate(signatures))
    return Work(
        network=network,
        layers=layers,
        signatures=signatures,
        alike=alike,
        macs=network.macs * batch,
        params=network.params,
        peak_bytes=peak_bytes(network) * batch,
        names=names,
    )


def _sum_of(table: MetricTable, design: NetworkDesign, network: Network) -> float:
    """What the choices and layers of a design add up to."""
    made = {choice.site.path: choice.option for choice in design.choices}
    return total_of(Table(table), made, ((layer.name, layer.weight_bits) for layer in network.layers))


def peak_bytes(network: Network) -> int:
    """Bytes of the feature maps that have to be kept at once, at most: a layer's inputs and outputs, and what
    later layers still need."""
    last: dict[str, int] = {}
    for number, layer in enumerate(network.layers):
        last |= {tensor.name: number for tensor in (*layer.inputs, *layer.outputs)}
    last |= {tensor.name: len(network.layers) for tensor in network.outputs}
    alive = {tensor.name: tensor.bytes for tensor in network.inputs}
    peak = sum(alive.values())
    for number, layer in enumerate(network.layers):
        alive |= {tensor.name: tensor.bytes for tensor in layer.outputs}
        peak = max(peak, sum(alive.values()))
        alive = {name: size for name, size in alive.items() if last.get(name, -1) > number}
    return peak
