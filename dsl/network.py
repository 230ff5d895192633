"""A network: layers and the tensors between them, every shape known.

    Network = layers in execution order, the tensors that come in and go out
    Layer   = an operator applied to tensors, its loops, its parameter counts
    Tensor  = a name, a shape without batch, a bit width

The constructor checks what the elaborator must guarantee and raises ValueError: users never see that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from dovetail.dsl.diagnostics import did_you_mean
from dovetail.dsl.layer import Layer, LayerClass, Tensor
from dovetail.dsl.operators import Cost

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Layer", "LayerClass", "Network", "Tensor", "UnknownLayer"]

COMPUTES = frozenset({Cost.MACS, Cost.UNIT})
"""Operators on whose way out a pointwise operation costs nothing more."""

UNEVEN = frozenset({"split", "slice", "cached"})
"""Views of a part of what their source writes, or of more: what is applied to one is not applied there."""


class UnknownLayer(KeyError):
    """There is no layer of that name; says which names are close."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, repr=False)
class Network:
    """Layers in execution order. Not slotted: what is derived from them is computed once, when asked for.

    `metrics` are published figures that no model computes, by name.
    """

    name: str
    layers: tuple[Layer, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metrics: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        known = {tensor.name: tensor for tensor in self.inputs}
        names: set[str] = set()
        if len(known) != len(self.inputs):
            raise ValueError(f"network {self.name}: two inputs of one name")
        for layer in self.layers:
            if layer.name in names:
                raise ValueError(f"network {self.name}: two layers named {layer.name}")
            names.add(layer.name)
            for tensor in layer.inputs:
                if known.get(tensor.name) != tensor:
                    raise ValueError(f"network {self.name}: {layer.name} reads {tensor} before it is made")
            for tensor in layer.outputs:
                if tensor.name in known:
                    raise ValueError(f"network {self.name}: {tensor.name} is made twice")
                known[tensor.name] = tensor
        for tensor in self.outputs:
            if known.get(tensor.name) != tensor:
                raise ValueError(f"network {self.name}: nothing makes its output {tensor}")

    def __repr__(self) -> str:
        return f"<Network {self.name}: {len(self.layers)} layers, {self.macs} MACs, {self.params} parameters>"

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Layer:
        """The layer of that name; raises UnknownLayer, which names a close one."""
        try:
            return self._by_name[name]
        except KeyError:
            close = did_you_mean(name, self._by_name)
            hint = f": {close[0]}" if close else ""
            raise UnknownLayer(f"network `{self.name}` has no layer `{name}`{hint}") from None

    def layer(self, name: str) -> Layer:
        """As `network[name]`."""
        return self[name]

    # ----------------------------------------------------------------------------------------- totals

    def _repr_svg_(self) -> str:
        """The network as a graph, for notebooks."""
        from dovetail.dsl.network_picture import draw_network

        return draw_network(self)

    @property
    def macs(self) -> int:
        """Multiply-accumulates at batch 1."""
        return sum(layer.macs for layer in self.layers)

    @property
    def weights(self) -> int:
        """Weights of all layers, without bias and normalisation."""
        return sum(layer.weights for layer in self.layers)

    @property
    def params(self) -> int:
        """Parameters of all layers: weights, bias, normalisation."""
        return sum(layer.params for layer in self.layers)

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights, each layer's at its bit width."""
        return sum(layer.weight_bytes for layer in self.layers)

    @property
    def activation_words(self) -> int:
        """Words of the inputs and of every tensor that a layer writes; layers that are free write none."""
        written = sum(
            layer.output_words
            for layer in self.layers
            if layer.cost is not Cost.VIEW and layer.name not in self._hosts
        )
        return sum(tensor.words for tensor in self.inputs) + written

    # ---------------------------------------------------------------------------------------- tensors

    def consumers(self, tensor: Tensor) -> tuple[Layer, ...]:
        """The layers that read `tensor`, in execution order."""
        return self._consumers.get(tensor.name, ())

    def producer(self, tensor: Tensor) -> Layer | None:
        """The layer that makes `tensor`; None for an input of the network."""
        return self._producers.get(tensor.name)

    def predecessors(self, layer: Layer) -> tuple[Layer, ...]:
        """The layers whose outputs `layer` reads, in the order of its operands, each once."""
        found = {maker.name: maker for t in layer.inputs if (maker := self.producer(t)) is not None}
        return tuple(found.values())

    def successors(self, layer: Layer) -> tuple[Layer, ...]:
        """The layers that read outputs of `layer`, each once."""
        found = {reader.name: reader for t in layer.outputs for reader in self.consumers(t)}
        return tuple(found.values())

    @cached_property
    def unreachable(self) -> tuple[Layer, ...]:
        """Layers from which no path leads to an output of the network, in execution order."""
        needed = {tensor.name for tensor in self.outputs}
        dead: list[Layer] = []
        for layer in reversed(self.layers):
            if any(tensor.name in needed for tensor in layer.outputs):
                needed.update(tensor.name for tensor in layer.inputs)
            else:
                dead.append(layer)
        return tuple(reversed(dead))

    @cached_property
    def graph(self) -> nx.DiGraph[str]:
        """Layers by name as nodes (attribute `layer`); an edge's `tensors` are those that go along it."""
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph(name=self.name)
        for layer in self.layers:
            graph.add_node(layer.name, layer=layer)
            for maker in self.predecessors(layer):
                shared = tuple(t for t in dict.fromkeys(layer.inputs) if t in maker.outputs)
                graph.add_edge(maker.name, layer.name, tensors=shared)
        return graph

    # ----------------------------------------------------------------------------- what costs nothing

    def free(self, layer: Layer) -> str | None:
        """Why `layer` costs neither time nor traffic of its own; None if it costs (docs/operations.md)."""
        if layer.cost is Cost.VIEW:
            return "its readers address the words where they are"
        hosts = self.fused_into(layer)
        if not hosts:
            return None
        if len(hosts) > 1:
            return f"applied as `{hosts[0].name}` and {len(hosts) - 1} more write their outputs"
        return f"applied as `{hosts[0].name}` writes its outputs"

    def fused_into(self, layer: Layer) -> tuple[Layer, ...]:
        """The layers on whose way out a pointwise `layer` is applied; empty if it runs by itself.

        These are several where it stands behind a concatenation.
        """
        return self._hosts.get(layer.name, ())

    @cached_property
    def _hosts(self) -> dict[str, tuple[Layer, ...]]:
        """The layers into which each fused layer is fused, by its name."""
        hosts: dict[str, tuple[Layer, ...]] = {}
        for layer in self.layers:
            if layer.cost is not Cost.POINTWISE or layer.inputs[0].name not in self._ready:
                continue
            found: dict[str, Layer] = {}
            pending = [layer.inputs[0]]
            while pending:
                maker = self._producers[pending.pop().name]
                if maker.cost is Cost.VIEW:
                    pending.extend(reversed(maker.inputs))
                else:
                    found.update((host.name, host) for host in hosts.get(maker.name, (maker,)))
            hosts[layer.name] = tuple(found.values())
        return hosts

    @cached_property
    def _ready(self) -> frozenset[str]:
        """Tensors to which a pointwise operation can be applied before they are written at all.

        Such a tensor comes from a layer that computes, perhaps through views of the whole of it and other
        pointwise operations, and nobody but one layer needs it: neither another one nor an output.
        """
        kept = {tensor.name for tensor in self.outputs}
        ready: set[str] = set()
        for layer in self.layers:
            if layer.cost is Cost.VIEW:
                computed = layer.op not in UNEVEN and all(t.name in ready for t in layer.inputs)
            else:
                # A pointwise layer that is not fused runs by itself: the next one is applied on its way out.
                computed = layer.cost in COMPUTES or layer.cost is Cost.POINTWISE
            if computed:
                ready.update(
                    t.name for t in layer.outputs if t.name not in kept and len(self.consumers(t)) == 1
                )
        return frozenset(ready)

    # ---------------------------------------------------------------------------------------- indexes

    @cached_property
    def _by_name(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def _producers(self) -> dict[str, Layer]:
        return {tensor.name: layer for layer in self.layers for tensor in layer.outputs}

    @cached_property
    def _consumers(self) -> dict[str, tuple[Layer, ...]]:
        readers: dict[str, list[Layer]] = {}
        for layer in self.layers:
            for name in dict.fromkeys(tensor.name for tensor in layer.inputs):
                readers.setdefault(name, []).append(layer)
        return {name: tuple(layers) for name, layers in readers.items()}
