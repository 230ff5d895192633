"""Tables as data, for `--format`: numbers are numbers, and the names of columns have the units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from dovetail.accel.architecture import Array, Memory
from dovetail.costmodel.held_back import held_back_by
from dovetail.dsl.network_picture import operation_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dovetail.accel.architecture import Architecture
    from dovetail.costmodel.components import Prices
    from dovetail.costmodel.layer_cost import LayerCost, NetworkCost
    from dovetail.dsl.layer import Tensor
    from dovetail.dsl.network import Network
    from dovetail.dsl.space import Space

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is the column's in CSV; `heading` is for people, who read the numbers times `scale`."""

    name: str
    heading: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class TableData:
    """Rows of cells; None where there is nothing to say. Raises ValueError where a row does not fit."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"{self.title}: a row does not have {len(self.columns)} cells")

    def column(self, name: str) -> tuple[Cell, ...]:
        """All cells under `name`; KeyError where there is no such column."""
        for at, column in enumerate(self.columns):
            if column.name == name:
                return tuple(row[at] for row in self.rows)
        raise KeyError(name)


def network_data(network: Network, *, everything: bool) -> TableData:
    """A row a layer; those that cost nothing of their own are left out unless `everything`."""
    columns = (
        Column("layer", "layer"),
        Column("op", "op"),
        Column("class", "class"),
        Column("output", "output"),
        Column("macs", "M MACs", 1e-6),
        Column("params", "M params", 1e-6),
        Column("words", "M words", 1e-6),
        Column("weight_bytes", "weights KiB", 1 / 1024),
        Column("activation_bytes", "in+out KiB", 1 / 1024),
        Column("macs_per_word", "MAC/word"),
    )
    rows = tuple(
        (
            layer.name,
            operation_text(layer),
            layer.layer_class,
            ", ".join(map(_shape, layer.outputs)),
            layer.macs,
            layer.params,
            layer.words,
            layer.weight_bytes,
            layer.activation_bytes,
            layer.arithmetic_intensity if layer.macs else None,
        )
        for layer in network.layers
        if everything or network.free(layer) is None
    )
    return TableData(network.name, columns, rows)


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape))


def accelerator_data(architecture: Architecture, prices: Prices) -> TableData:
    """A row a part, from the outside in; area and leakage of all instances; energies of one access."""
    columns = (
        Column("part", "part"),
        Column("kind", "kind"),
        Column("instances", "instances"),
        Column("size_bits", "KiB", 1 / 8192),
        Column("access_bits", "access bit"),
        Column("read_pj", "read pJ"),
        Column("fill_pj", "fill pJ"),
        Column("update_pj", "update pJ"),
        Column("energy_error", "± %", 100),
        Column("area_mm2", "area mm²"),
        Column("leakage_mw", "leakage mW"),
        Column("source", "source"),
    )
    rows: list[tuple[Cell, ...]] = []
    for level in architecture.levels:
        if isinstance(level, Array):
            size = " x ".join(f"{axis.size} {axis.name}" for axis in level.axes)
            rows.append((level.name, f"array {size}", level.size, *[None] * 9))
        elif isinstance(level, Memory):
            price = prices.memories[level.name]
            rows.append(
                (
                    level.name,
                    "memory",
                    price.instances,
                    level.size_bits,
                    price.bits or 1,
                    price.read_pj.value,
                    price.fill_pj.value,
                    price.update_pj.value,
                    price.read_pj.error,
                    price.area_mm2.times(price.instances).value or None,
                    price.leakage_mw.times(price.instances).value or None,
                    price.read_pj.source,
                )
            )
    mac = prices.mac
    energy = mac.energy_pj(architecture.bits)
    area, leakage = (f.times(mac.instances).value or None for f in (mac.area_mm2, mac.leakage_mw))
    rows.append(
        (
            "mac",
            "mac",
            mac.instances,
            None,
            None,
            energy.value,
            None,
            None,
            energy.error,
            area,
            leakage,
            energy.source,
        )
    )
    for unit in architecture.units:
        element = prices.units[unit.name].element_pj
        cells = (element.value, None, None, element.error, None, None, element.source)
        rows.append((unit.name, f"unit of {unit.lanes} lanes", 1, None, None, *cells))
    return TableData(architecture.name, columns, tuple(rows))


def space_data(space: Space) -> TableData:
    """A row a choice."""
    columns = (Column("choice", "choice"), Column("count", "options"), Column("options", "which"))
    rows = tuple((site.path, len(site.options), ", ".join(site.options)) for site in space.sites)
    return TableData(space.name, columns, rows)


LAYER_COLUMNS = (
    Column("layer", "layer"),
    Column("op", "op"),
    Column("macs", "M MACs", 1e-6),
    Column("cycles", "k cycles", 1e-3),
    Column("latency_s", "ms", 1e3),
    Column("energy_pj", "mJ", 1e-9),
    Column("utilization", "util %", 100),
    Column("dram_bytes", "DRAM KiB", 1 / 1024),
    Column("dataflow", "dataflow"),
    Column("held_back_by", "held back by"),
)


def evaluation_data(cost: NetworkCost) -> TableData:
    """A row a layer that costs something, in execution order, and the total; energy by part behind."""
    parts = tuple(dict.fromkeys(part for layer in cost.layers for part in layer.energy.by_part()))
    columns = (*LAYER_COLUMNS, *(Column(f"{part}_pj", f"{part} mJ", 1e-9) for part in parts))
    rows = [_layer_row(layer, cost, parts) for layer in cost.layers]
    totals = [sum(layer.energy.by_part().get(part, 0.0) for layer in cost.layers) for part in parts]
    rows.append(
        (
            "total",
            None,
            cost.macs,
            cost.cycles,
            cost.latency_s,
            cost.energy_pj,
            cost.utilization,
            cost.outermost_bytes,
            None,
            None,
            *totals,
        )
    )
    return TableData(f"{cost.network.name} on {cost.architecture.name}", columns, tuple(rows))


def _layer_row(layer: LayerCost, cost: NetworkCost, parts: Sequence[str]) -> tuple[Cell, ...]:
    by_part: Mapping[str, float] = layer.energy.by_part()
    return (
        layer.name,
        operation_text(layer.layer),
        layer.macs,
        layer.cycles,
        layer.latency_s,
        layer.energy_pj,
        layer.utilization if layer.macs else None,
        layer.outermost_bytes,
        layer.dataflow or layer.unit,
        held_back_by(layer, cost.architecture),
        *(by_part.get(part, 0.0) for part in parts),
    )


def matrix_data(costs: Sequence[NetworkCost]) -> TableData:
    """A row for each network on each accelerator."""
    columns = (
        Column("network", "network"),
        Column("accelerator", "accelerator"),
        Column("macs", "M MACs", 1e-6),
        Column("cycles", "k cycles", 1e-3),
        Column("latency_s", "ms", 1e3),
        Column("energy_pj", "mJ", 1e-9),
        Column("edp_js", "EDP µJs", 1e6),
        Column("average_power_w", "W"),
        Column("utilization", "util %", 100),
        Column("dram_bytes", "DRAM MB", 1e-6),
        Column("area_mm2", "area mm²"),
    )
    rows = tuple(
        (
            cost.network.name,
            cost.architecture.name,
            cost.macs,
            cost.cycles,
            cost.latency_s,
            cost.energy_pj,
            cost.energy_pj * 1e-12 * cost.latency_s,
            cost.average_power_w,
            cost.utilization,
            cost.outermost_bytes,
            cost.area_mm2.value,
        )
        for cost in costs
    )
    return TableData("networks on accelerators", columns, rows)


def traffic_data(layer: LayerCost) -> TableData:
    """Words and energy of one layer by memory and operand."""
    columns = (
        Column("memory", "memory"),
        Column("operand", "operand"),
        Column("reads", "k reads", 1e-3),
        Column("fills", "k fills", 1e-3),
        Column("updates", "k updates", 1e-3),
        Column("energy_pj", "µJ", 1e-6),
    )
    rows = tuple(
        (
            memory,
            operand,
            actions.get("reads"),
            actions.get("fills"),
            actions.get("updates"),
            layer.energy.memories_pj.get(memory, {}).get(operand),
        )
        for memory, operands in layer.traffic_words.items()
        for operand, actions in operands.items()
    )
    return TableData(layer.name, columns, rows)
