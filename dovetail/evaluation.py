"""The Python API: load a network and an accelerator, evaluate one on the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dovetail.accel.architecture import Architecture, Dataflow
from dovetail.accel.legality import Violation, violations
from dovetail.accel.loading import AcceleratorDesign, load_accelerator_design
from dovetail.accel.mapping import Holds, Mapping
from dovetail.accel.mapping_text import format_mapping
from dovetail.costmodel.effort import DEFAULT_MAPPER, SECONDS_A_LAYER, Effort, Mapper
from dovetail.costmodel.latency import mac_rate
from dovetail.costmodel.layer_cost import LayerCost, NetworkCost
from dovetail.costmodel.network_cost import Unmappable, evaluate_given, evaluate_network, problem_of
from dovetail.costmodel.selection import Objective
from dovetail.dsl.choices import Choice
from dovetail.dsl.diagnostics import Diagnostic, DovetailError, Label, did_you_mean
from dovetail.dsl.layer import Layer
from dovetail.dsl.loading import NetworkDesign, load_network_design
from dovetail.dsl.network import Network
from dovetail.dsl.problem import OPERANDS, Bits
from dovetail.dsl.source import Span
from dovetail.pricing import priced


class UnknownName(LookupError):
    """A dataflow or an objective that is not there; `help` says what is."""

    def __init__(self, message: str, help: Sequence[str] = ()) -> None:
        super().__init__("; ".join([message, *help]))
        self.message = message
        self.help = tuple(help)


@dataclass(frozen=True, slots=True)
class Total:
    """A network on an accelerator in eight numbers."""

    macs: int
    cycles: int
    latency_s: float
    energy_pj: float
    utilization: float
    dram_bytes: int
    """Bytes over the edge of the chip: read from and written to the outermost memory."""
    area_mm2: float
    average_power_w: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `evaluate` found: `total`, `layers`, and `cost` with everything behind them."""

    cost: NetworkCost

    @property
    def total(self) -> Total:
        """All layers together."""
        cost = self.cost
        return Total(
            macs=cost.macs,
            cycles=cost.cycles,
            latency_s=cost.latency_s,
            energy_pj=cost.energy_pj,
            utilization=cost.utilization,
            dram_bytes=cost.outermost_bytes,
            area_mm2=cost.area_mm2.value,
            average_power_w=cost.average_power_w,
        )

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the texts say and the numbers do not take into account."""
        cost = self.cost
        kept = cost.architecture.keep_feature_maps_in
        if kept is None or len(cost.layers) + len(cost.free) == len(cost.network.layers):
            return ()
        name, outermost = cost.architecture.name, cost.architecture.memories[0].name
        message = (
            f"`{name}` keeps feature maps in {kept}; of a layer alone nobody knows which, "
            f"and all pass through {outermost}"
        )
        return (Diagnostic("W1201", message),)

    @property
    def layers(self) -> tuple[LayerCost, ...]:
        """The layers that cost something, in execution order."""
        return self.cost.layers

    def __getitem__(self, name: str) -> LayerCost:
        """The layer of that name; KeyError where it is free or not there."""
        return self.cost.layer(name)

    def to_json(self) -> dict[str, Any]:
        """What `dovetail evaluate --json` prints, as a dictionary."""
        from dovetail.evaluation_json import evaluation_json

        return evaluation_json(self)

    def __str__(self) -> str:
        from dovetail.console import text_of
        from dovetail.evaluation_table import evaluation_view

        return text_of(lambda signs: evaluation_view(self, signs, everything=False))

    def _repr_html_(self) -> str:
        from dovetail.console import html_of
        from dovetail.evaluation_table import evaluation_view

        return html_of(lambda signs: evaluation_view(self, signs, everything=True))


def load_network(path: str | Path, /, **parameters: object) -> NetworkDesign:
    """Read a `.net` file; parameters and choices by name, as in `load_network(path, classes=10)`.

    Raises DovetailError with every problem of the file; `str()` of it is what the command line prints.
    """
    return load_network_design(path, parameters)


def load_accelerator(path: str | Path, /, **parameters: object) -> AcceleratorDesign:
    """Read an `.accel` file, as `load_network`: `load_accelerator(path, n=16)`."""
    return load_accelerator_design(path, parameters)


def evaluate(
    network: Network | NetworkDesign,
    accelerator: Architecture | AcceleratorDesign,
    objective: str | Objective = "edp",
    batch: int = 1,
    dataflow: str | None = None,
    *,
    bits: int | None = None,
    layer: str | None = None,
    mapper: str | Mapper = DEFAULT_MAPPER,
    seconds: float | None = SECONDS_A_LAYER,
    cached: bool = True,
    on_layer: Callable[[Layer, int, int], None] | None = None,
) -> Evaluation:
    """The cost of a network on an accelerator, each layer with the best of the accelerator's dataflows.

    `objective` is `edp`, `energy` or `latency`; `dataflow` forces one by name; `layer` evaluates one alone. A
    `NetworkDesign` is taken at `bits`, or else the accelerator's precision, where its text gives no widths; a
    `Network` as it is. `mapper` is `exact`, which proves each mapping the best or stops after `seconds` a
    layer (None: never) with the best so far, or `greedy`, which is quick; exact answers are kept on disk
    unless `cached` is false. `on_layer` is told the layer that is mapped next, how many were, and how many
    there are. Raises DovetailError where a layer cannot run or a part has no price, UnknownName and
    UnknownLayer for names that are not there, ValueError for a batch below 1.
    """
    if batch < 1:
        raise ValueError(f"a batch is at least 1, not {batch}")
    goal = objective_of(objective)
    effort = Effort(mapper_of(mapper), seconds, cached)
    architecture = architecture_of(accelerator)
    built = network_of(network, architecture, bits)
    dataflows = None if dataflow is None else (dataflow_of(architecture, dataflow),)
    only = None if layer is None else (built[layer],)
    check_rates(built, architecture)
    prices = priced(architecture)
    try:
        cost = evaluate_network(built, architecture, prices, goal, batch, dataflows, only, effort, on_layer)
        return Evaluation(cost)
    except Unmappable as fault:
        raise DovetailError(unmappable(fault, architecture)) from fault


def evaluate_mapping(
    network: Network,
    layer: str,
    architecture: Architecture,
    mapping: Mapping,
    objective: str | Objective = "edp",
    batch: int = 1,
    dataflow: str | None = None,
) -> Evaluation:
    """One layer under a mapping of the user's own.

    Raises DovetailError with everything that makes the mapping illegal, UnknownLayer where there is no such
    layer. `dataflow` is the name under which it runs: some MACs skip zero weights in some dataflows.
    """
    chosen = network[layer]
    problem = problem_of(chosen, batch)
    if problem is None:
        message = f"`{layer}` is a `{chosen.op}`, which has no loops to map"
        raise DovetailError([Diagnostic("E1206", message, place_of(chosen))])
    found = violations(problem, architecture, mapping, _staying(mapping, architecture))
    if found:
        raise DovetailError([illegal(violation, mapping) for violation in found])
    goal = objective_of(objective)
    prices = priced(architecture)
    return Evaluation(evaluate_given(network, chosen, architecture, prices, mapping, goal, batch, dataflow))


def _staying(mapping: Mapping, architecture: Architecture) -> frozenset[str]:
    """The operands that a mapping leaves in the memory of `keep feature_maps in`."""
    kept = architecture.keep_feature_maps_in
    first = {operand: mapping.holders(operand)[:1] for operand in OPERANDS}
    nodes = {operand: mapping.nodes[at[0]] for operand, at in first.items() if at}
    return frozenset(o for o, node in nodes.items() if isinstance(node, Holds) and node.memory == kept)


def illegal(violation: Violation, mapping: Mapping) -> Diagnostic:
    """What is wrong with a mapping, with the line that it is wrong in, where there is one."""
    node = getattr(violation, "node", -1)
    line = format_mapping(mapping, "", "").splitlines()[node + 1].strip()  # the first line is the header
    where = f"`{line}`: " if node >= 0 else ""
    return Diagnostic("E1205", f"{where}{violation.message()}")


def objective_of(name: str | Objective) -> Objective:
    """The objective of that name; raises UnknownName."""
    try:
        return Objective(name)
    except ValueError:
        known = [str(o) for o in Objective]
        raise UnknownName(f"there is no objective `{name}`", [f"known are {', '.join(known)}"]) from None


def mapper_of(name: str | Mapper) -> Mapper:
    """The mapper of that name; raises UnknownName."""
    try:
        return Mapper(name)
    except ValueError:
        known = ", ".join(str(mapper) for mapper in Mapper)
        raise UnknownName(f"there is no mapper `{name}`", [f"known are {known}"]) from None


def dataflow_of(architecture: Architecture, name: str) -> Dataflow:
    """The dataflow of that name; raises UnknownName."""
    for dataflow in architecture.dataflows:
        if dataflow.name == name:
            return dataflow
    known = [dataflow.name for dataflow in architecture.dataflows]
    help = did_you_mean(name, known) if known else ("its text names none: the mapper is free",)
    raise UnknownName(f"`{architecture.name}` has no dataflow `{name}`", help)


def architecture_of(accelerator: Architecture | AcceleratorDesign) -> Architecture:
    """The architecture, which must not be one of many."""
    if isinstance(accelerator, Architecture):
        return accelerator
    refuse_space(accelerator.name, accelerator.open_choices)
    return accelerator.architecture


def network_of(network: Network | NetworkDesign, architecture: Architecture, bits: int | None) -> Network:
    """The network at the accelerator's precision (or at `bits`) where its text gives no widths."""
    if isinstance(network, Network):
        return network
    refuse_space(network.name, network.open_choices)
    if bits is None:
        return network.at(architecture.bits)
    return network.at(Bits(bits, bits, bits, max(bits, architecture.bits.sums)))


def refuse_space(name: str, choices: Sequence[Choice]) -> None:
    """A design space has no cost of its own: raises DovetailError where a choice is open."""
    if not choices:
        return
    sites = [choice.site for choice in choices]
    settings = " ".join(_setting(site.path, site.options[0]) for site in sites[:3])
    rest = f" and {len(sites) - 3} more" if len(sites) > 3 else ""
    count = f"{len(sites)} choices are" if len(sites) > 1 else "a choice is"
    raise DovetailError(
        [
            Diagnostic(
                "E1204",
                f"`{name}` is a design space, not a design: {count} open",
                Label(sites[0].span, f"`{sites[0].path}`: {', '.join(sites[0].options)}"),
                help=(f"make a design of it: `{settings}`{rest}", "`dovetail show` lists its choices"),
            )
        ]
    )


def _setting(name: str, value: str) -> str:
    """As a shell takes it."""
    return f'--set "{name}={value}"' if " " in value else f"--set {name}={value}"


def check_rates(network: Network, architecture: Architecture) -> None:
    """Every layer's operands must be no wider than the MACs take; raises DovetailError."""
    problems: list[Diagnostic] = []
    for layer in network.layers:
        try:
            check_rate(layer, architecture)
        except DovetailError as fault:
            problems += fault.diagnostics
    if problems:
        raise DovetailError(problems)


def check_rate(layer: Layer, architecture: Architecture) -> None:
    """The same for one layer."""
    if layer.loops is None:
        return
    try:
        mac_rate(layer.loops, architecture.mac)
    except ValueError:
        wide = max(layer.loops.bits.weights, layer.loops.bits.inputs)
        widest = max(rate.bits or 0 for rate in architecture.mac.rates)
        message = (
            f"`{layer.name}` has operands of {wide} bit, and the MACs of `{architecture.name}` take "
            f"at most {widest} bit"
        )
        help = (f"`rate = 1/cycle at {wide} bit` in its `mac`", f"`--bits {widest}` for the network")
        raise DovetailError([Diagnostic("E1203", message, place_of(layer), help=help)]) from None


def unmappable(fault: Unmappable, architecture: Architecture) -> list[Diagnostic]:
    """A problem for each layer that cannot run, with the reason for each dataflow."""
    problems = []
    for layer, refusals in fault.layers:
        reasons = [f"{r.dataflow or 'any mapping'}: {r.reason}" for r in refusals]
        message = f"`{layer.name}` cannot be mapped onto `{architecture.name}`"
        problems.append(Diagnostic("E1201", message, place_of(layer), help=tuple(reasons)))
    return problems


def place_of(layer: Layer) -> Label | None:
    """Where the text says a layer."""
    return Label(layer.place) if isinstance(layer.place, Span) else None
