"""`dovetail show` of a network: what it is in a line or two, then a table of its layers."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from dovetail.console import Signs
from dovetail.dsl.declarations import Figure
from dovetail.dsl.layer import Layer, Tensor
from dovetail.dsl.network import Network
from dovetail.dsl.network_picture import operation_text
from dovetail.numbers import millions, significant
from dovetail.tables import PlainTable, heading, plain_table

__all__ = ["network_view", "operation_text", "relative", "shape_text"]


def network_view(
    network: Network, parameters: Mapping[str, str], signs: Signs, *, everything: bool
) -> RenderableType:
    """Header, layers, totals. Layers that cost nothing of their own are left out unless `everything`."""
    shown = [layer for layer in network.layers if everything or network.free(layer) is None]
    parts: list[RenderableType] = [_header(network, parameters, signs), Text()]
    parts.append(Padding(_layers(network, shown), (0, 0, 0, 2), expand=False))
    left_out = len(network.layers) - len(shown)
    if left_out:
        parts.append(Text(f"  {left_out} more cost nothing of their own (--all)", style="dim"))
    return Group(*parts)


def shape_text(tensor: Tensor) -> str:
    """`64 x 55 x 55`."""
    return " x ".join(map(str, tensor.shape))


def _header(network: Network, parameters: Mapping[str, str], signs: Signs) -> Text:
    with_macs = sum(1 for layer in network.layers if layer.macs)
    facts = [f"{len(network.layers)} layers, {with_macs} with MACs"]
    facts += [f"{t.name} {shape_text(t)}" for t in network.inputs]
    text = heading(network.name, facts, signs)
    totals = [
        f"{millions(network.macs)} M MACs",
        f"{millions(network.params)} M parameters",
        f"{millions(network.weight_bytes)} MB weights",
    ]
    text.append("\n  " + "   ".join(totals))
    if parameters:
        text.append("\n  set with --set: " + ", ".join(f"{n} = {v}" for n, v in parameters.items()), "dim")
    published = [
        f"{figure.name} {figure.value:g} ({figure.source})"
        for figure in network.metrics.values()
        if isinstance(figure, Figure)
    ]
    if published:
        text.append("\n  published: " + ", ".join(published), "dim")
    return text


def _layers(network: Network, shown: list[Layer]) -> PlainTable:
    table = plain_table(
        ("layer", "left"),
        ("op", "left"),
        ("output", "right"),
        ("M MACs", "right"),
        ("M params", "right"),
        ("M words", "right"),
        ("weights KiB", "right"),
        ("in+out KiB", "right"),
        ("MAC/word", "right"),
        ("relative", "right"),
    )
    most = max((layer.arithmetic_intensity for layer in shown), default=0.0)
    for layer in shown:
        free = network.free(layer)
        table.row(
            layer.name,
            operation_text(layer),
            ", ".join(shape_text(t) for t in layer.outputs),
            millions(layer.macs) if layer.macs else "",
            millions(layer.params) if layer.params else "",
            millions(layer.words) if free is None else "free",
            significant(layer.weight_bytes / 1024) if layer.weight_bytes else "",
            significant(layer.activation_bytes / 1024) if free is None else "",
            significant(layer.arithmetic_intensity) if layer.macs else "",
            relative(layer.arithmetic_intensity, most) if layer.macs else "",
            style="dim" if free is not None else "",
        )
    costing = [layer for layer in shown if network.free(layer) is None]
    words = sum(layer.words for layer in costing)
    table.add_section()
    table.row(
        "total",
        "",
        "",
        millions(network.macs),
        millions(network.params),
        millions(words),
        significant(network.weight_bytes / 1024),
        significant(sum(layer.activation_bytes for layer in costing) / 1024),
        significant(network.macs / words) if words else "",
        "",
        style="bold",
    )
    return table


def relative(intensity: float, most: float) -> str:
    """An arithmetic intensity as a fraction of the highest: 1.0, 0.6, 0.02."""
    fraction = intensity / most if most else 0.0
    return f"{fraction:.1f}" if fraction >= 0.095 else f"{fraction:.2f}"
