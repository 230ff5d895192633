"""The feature maps of a network that could stay on chip: who writes and reads each, and how long it lives.

    for found in feature_maps(network, layers, batch):
        print(found.name, found.bits_at(3), found.first, found.last)

Views and what is applied on the way out of a layer (`Network.free`) make no words of their own: tensors that
are joined by them are one feature map, which stays on chip as a whole or not at all. So the two halves of a
concatenation are one feature map with two writers. Inputs of the network come from outside, and its outputs
go there: these never stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dovetail.dsl.layer import Layer
from dovetail.dsl.network import Network


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """Words that layers write and later ones read; layers are counted from 0 in execution order."""

    name: str
    """The tensor that is written first."""
    tensors: frozenset[str]
    """Every name that its words, or some of them, have."""
    written: tuple[tuple[int, int], ...]
    """Which layer writes how many bits of it."""
    last: int
    """The layer that reads it last."""

    @property
    def first(self) -> int:
        """The layer that writes it first."""
        return self.written[0][0]

    def bits_at(self, layer: int) -> int:
        """Bits that are there while a layer runs: what it and those before it write."""
        return sum(bits for at, bits in self.written if at <= layer)


def feature_maps(network: Network, layers: Sequence[Layer], batch: int) -> tuple[FeatureMap, ...]:
    """Those that one of `layers` (all that cost something) writes and a later one reads, in this order."""
    joined: dict[str, str] = {}

    def whole(name: str) -> str:
        while joined.get(name, name) != name:
            name = joined[name]
        return name

    for layer in network.layers:
        names = [tensor.name for tensor in (*layer.inputs, *layer.outputs)]
        for name in names:
            joined.setdefault(name, name)
        if network.free(layer) is not None:
            for name in names[1:]:
                joined[whole(name)] = whole(names[0])
    outside = {whole(t.name) for t in (*network.inputs, *network.outputs)}
    written: dict[str, dict[str, tuple[int, int]]] = {}
    last: dict[str, int] = {}
    for number, layer in enumerate(layers):
        for tensor in layer.inputs:
            last[whole(tensor.name)] = number
        for tensor in layer.outputs:
            bits = tensor.words * tensor.bits * batch
            written.setdefault(whole(tensor.name), {})[tensor.name] = (number, bits)
    names_of: dict[str, set[str]] = {}
    for name in joined:
        names_of.setdefault(whole(name), set()).add(name)
    return tuple(
        FeatureMap(next(iter(parts)), frozenset(names_of[key]), tuple(parts.values()), last[key])
        for key, parts in written.items()
        if key not in outside and last.get(key, -1) > next(iter(parts.values()))[0]
    )
