"""What the charts of one evaluation draw, as numbers: stacks of time and energy, roofline, edge budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from dovetail.explorer.report.records import COMPUTE, LEAKAGE, MAC, Evaluation, Json, LayerRecord, Source

TENSORS: Final = ("weights", "inputs", "outputs")
WAITS: Final = {
    "throughput": "busy",
    "fold": "array fill and drain",
    "load": "loads of a single buffer",
    "first_load": "first load",
    "last_store": "last store",
    "transfer": "transfers that nothing hides",
    "latency": "latency",
    "tile_steps": "wait at every tile",
}
"""Kinds of terms of a latency, in words."""

EDGE_WATTS: Final = (2.0, 5.0)
BATTERY_WH: Final = 10.35
"""The battery of a phone, and what a chip in one may take: the usual constraints of the edge."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a stacked bar: which part, what of it (a tensor, a kind of waiting), how much."""

    part: str
    what: str
    amount: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A layer's stacked bar."""

    layer: str
    segments: tuple[Segment, ...]

    @property
    def total(self) -> float:
        """The sum of the segments."""
        return sum(s.amount for s in self.segments)


def parts_in_order(evaluation: Evaluation, accelerator: Json) -> tuple[str, ...]:
    """All that takes time or energy: MACs, memories from the inside out, then links, units, leakage."""
    memories = [level["name"] for level in accelerator["levels"] if level["kind"] == "memory"]
    known = [MAC, *reversed(memories)]
    seen = dict.fromkeys(term.part for layer in evaluation.layers for term in layer.energy)
    seen |= dict.fromkeys(t.cause for layer in evaluation.layers for t in layer.time if t.cause != COMPUTE)
    others = [name for name in seen if name not in known and name != LEAKAGE]
    return (*known, *others, LEAKAGE)


def wait_rank(kind: str) -> int:
    """Kinds in the order of `WAITS`, others after them."""
    return list(WAITS).index(kind) if kind in WAITS else len(WAITS)


def wait_word(kind: str) -> str:
    """A kind of term in words."""
    return WAITS.get(kind, kind.replace("_", " "))


def part_of_cause(cause: str) -> str:
    """What computes has the colour of the MACs."""
    return MAC if cause == COMPUTE else cause


def time_bars(evaluation: Evaluation, order: Sequence[str]) -> tuple[Bar, ...]:
    """Cycles of every layer by cause and kind, in execution order; they sum to the layer's cycles."""
    bars = []
    for layer in evaluation.layers:
        amounts: dict[tuple[str, str], int] = {}
        for term in layer.time:
            key = (part_of_cause(term.cause), term.kind)
            amounts[key] = amounts.get(key, 0) + term.cycles
        ranked = sorted(amounts, key=lambda key: (order.index(key[0]), wait_rank(key[1])))
        bars.append(Bar(layer.name, tuple(Segment(*key, amounts[key]) for key in ranked if amounts[key])))
    return tuple(bars)


def energy_bars(evaluation: Evaluation, order: Sequence[str]) -> tuple[Bar, ...]:
    """Picojoules of every layer by part and tensor, in execution order; they sum to the layer's energy."""
    bars = []
    for layer in evaluation.layers:
        terms = [Segment(t.part, t.tensor or "", t.pj) for t in layer.energy if t.pj]
        terms.sort(key=lambda s: (order.index(s.part), _tensor_rank(s.what)))
        bars.append(Bar(layer.name, tuple(terms)))
    return tuple(bars)


def _tensor_rank(tensor: str) -> int:
    return TENSORS.index(tensor) if tensor in TENSORS else -1


def totals(bars: Iterable[Bar]) -> dict[tuple[str, str], float]:
    """The sum over all layers by part and what of it, in the order in which they are met."""
    sums: dict[tuple[str, str], float] = {}
    for bar in bars:
        for segment in bar.segments:
            key = (segment.part, segment.what)
            sums[key] = sums.get(key, 0.0) + segment.amount
    return sums


# ------------------------------------------------------------------------------------------ roofline


@dataclass(frozen=True, slots=True)
class RooflinePoint:
    """A layer with MACs: MACs a byte over the edge of the chip, and MACs a second that it reaches."""

    layer: str
    intensity: float
    rate: float
    share: float
    """Of the network's time."""
    bound_by: str


@dataclass(frozen=True, slots=True)
class Roofline:
    """`peaks` in MACs a second, one for each rate that a layer's widths run at; `bandwidth` in bytes a
    second, None where the outermost memory has no limit."""

    peaks: tuple[float, ...]
    bandwidth: float | None
    points: tuple[RooflinePoint, ...]


def roofline(evaluation: Evaluation, accelerator: Json) -> Roofline:
    """Every layer with MACs, against the MACs' rate and the outermost memory's bandwidth.

    A layer's peak is what its utilisation is a fraction of (S. Williams et al., Roofline, CACM 2009).
    """
    points, peaks = [], set()
    for layer in evaluation.layers:
        if not layer.macs or not layer.dram_bytes or not layer.utilization:
            continue
        rate = layer.macs / layer.latency_s
        peaks.add(float(f"{rate / layer.utilization:.6e}"))
        share = layer.cycles / evaluation.cycles
        points.append(RooflinePoint(layer.name, layer.macs / layer.dram_bytes, rate, share, layer.bound_by))
    return Roofline(tuple(sorted(peaks)), _bandwidth(accelerator), tuple(points))


def _bandwidth(accelerator: Json) -> float | None:
    outermost = accelerator["levels"][0]
    read, write = outermost["read_bits_per_cycle"], outermost["write_bits_per_cycle"]
    if read is None or write is None:
        return None
    bits = read if outermost["ports"] == "shared" else read + write
    return float(bits) / 8 * float(accelerator["clock_hz"])


def winners(sources: Sequence[Source]) -> dict[str, tuple[Evaluation, ...]]:
    """The evaluations of each network, best first; the first one of equals."""
    found: dict[str, list[Evaluation]] = {}
    for source in sources:
        found.setdefault(source.evaluation.network, []).append(source.evaluation)
    return {network: tuple(sorted(own, key=lambda e: e.value)) for network, own in found.items()}


# --------------------------------------------------------------------------------------- edge budget


@dataclass(frozen=True, slots=True)
class Budget:
    """What an inference means at the edge; the chip and its DRAM alone, running all the time."""

    inferences_per_second: float
    joules_per_inference: float
    power_w: float
    battery_wh: float
    inferences_per_charge: int
    hours_per_charge: float
    fits: tuple[tuple[float, bool], ...]
    """Limits in watts, and whether the average power keeps them."""


def budget(evaluation: Evaluation, battery_wh: float = BATTERY_WH) -> Budget | None:
    """None where nothing has a price."""
    joules = evaluation.energy_pj * 1e-12 / evaluation.batch
    power = evaluation.average_power_w
    return budget_of(joules, power, battery_wh) if joules and power else None


def budget_of(joules: float, power_w: float, battery_wh: float = BATTERY_WH) -> Budget:
    """What so much energy for an inference, and so much power meanwhile, mean on a battery."""
    return Budget(
        inferences_per_second=power_w / joules,
        joules_per_inference=joules,
        power_w=power_w,
        battery_wh=battery_wh,
        inferences_per_charge=int(battery_wh * 3600 / joules),
        hours_per_charge=battery_wh / power_w,
        fits=tuple((watts, power_w <= watts) for watts in EDGE_WATTS),
    )


# ---------------------------------------------------------------------------------------- dataflows


@dataclass(frozen=True, slots=True)
class Choice:
    """A layer with several dataflows to choose from."""

    layer: str
    chosen: str
    ratios: tuple[tuple[str, float | None], ...]
    """By dataflow: the objective over that of the dataflow chosen; None where the layer cannot run by it."""
    alone: str | None
    """The dataflow that is best for the layer taken alone, where it is another than the one chosen."""


def dataflow_choices(evaluation: Evaluation) -> tuple[Choice, ...]:
    """What the other dataflows would have cost each layer that had a choice, in execution order."""
    choices = []
    for layer in evaluation.layers:
        if layer.dataflow is None or len(layer.ways) < 2:
            continue
        values = {w.dataflow or "": _value(evaluation, w.cycles, w.energy_pj) for w in layer.ways}
        own = values.get(layer.dataflow)
        if not own:
            continue
        ratios = tuple((name, v / own if v is not None else None) for name, v in values.items())
        best = min((r for r in ratios if r[1] is not None), key=lambda r: (r[1], r[0] != layer.dataflow))
        alone = best[0] if best[0] != layer.dataflow else None
        choices.append(Choice(layer.name, layer.dataflow, ratios, alone))
    return tuple(choices)


def _value(evaluation: Evaluation, cycles: int | None, energy_pj: float | None) -> float | None:
    if cycles is None or energy_pj is None:
        return None
    seconds = cycles / evaluation.clock_hz
    return {"edp": seconds * energy_pj, "energy": energy_pj, "latency": seconds}[evaluation.objective]


# -------------------------------------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True)
class Facts:
    """What the first paragraph says."""

    slowest: LayerRecord
    slowest_share: float
    time_part: tuple[str, float]
    """What most of the time goes to, and how much of it."""
    energy_part: tuple[str, float]
    over_bound: float | None
    proved: int
    """Layers whose mapping is proved to be the best."""
    gains: tuple[tuple[str, float], ...]
    """By dataflow: the objective with it alone over the objective with the choice."""


def facts(evaluation: Evaluation, order: Sequence[str]) -> Facts:
    """The evaluation in a few numbers; ValueError where no layer costs anything."""
    if not evaluation.layers:
        raise ValueError("an evaluation without a layer that costs anything has nothing to tell")
    slowest = max(evaluation.layers, key=lambda layer: layer.cycles)
    time = _largest(time_bars(evaluation, order))
    energy = _largest(energy_bars(evaluation, order))
    return Facts(
        slowest=slowest,
        slowest_share=slowest.cycles / evaluation.cycles,
        time_part=time,
        energy_part=energy,
        over_bound=evaluation.value / evaluation.lower_bound if evaluation.lower_bound else None,
        proved=sum(layer.proved for layer in evaluation.layers),
        gains=tuple((s.dataflow, s.value / evaluation.value) for s in evaluation.single if s.value),
    )


def _largest(bars: Sequence[Bar]) -> tuple[str, float]:
    parts: dict[str, float] = {}
    for (part, _), amount in totals(bars).items():
        parts[part] = parts.get(part, 0.0) + amount
    name = max(parts, key=lambda part: parts[part], default="")
    whole = sum(parts.values())
    return name, parts[name] / whole if whole else 0.0
