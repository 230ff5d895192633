"""Designs of a text, one elaboration each, and those of a recursion, spelled out: to compare the two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dovetail.dsl.diagnostics import DovetailError
from dovetail.dsl.layer import Layer
from dovetail.dsl.loading import load_network_design
from dovetail.dsl.network import Network
from dovetail.dsl.problem import Bits
from dovetail.explorer.exact.recursion import Recursion

Design = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, int], ...]]


def canonical(layer: Layer) -> Layer:
    """The layer named by its operator, its tensors by the order of their first use."""
    names = {tensor.name: f"input{i}" for i, tensor in enumerate(dict.fromkeys(layer.inputs))}
    count = len(layer.outputs)
    own = [layer.op] if count == 1 else [f"{layer.op}.{i}" for i in range(1, count + 1)]
    return replace(
        layer,
        name=layer.op,
        inputs=tuple(replace(t, name=names[t.name]) for t in layer.inputs),
        outputs=tuple(replace(t, name=n) for t, n in zip(layer.outputs, own, strict=True)),
    )


def costing(network: Network) -> Counter[Layer]:
    """The layers of a network that cost something."""
    return Counter(canonical(layer) for layer in network.layers if network.free(layer) is None)


def enumerated(path: Path, bits: Bits, settings: dict[str, object] | None = None) -> Iterator[Network]:
    """Every design with its choices, by answering every site in every way."""
    pending: list[dict[str, object]] = [dict(settings or {})]
    seen: set[tuple[tuple[str, str], ...]] = set()
    while pending:
        picks = pending.pop()
        try:
            design = load_network_design(path, picks)
        except DovetailError as fault:
            if {d.code for d in fault.diagnostics} <= {"E0704", "E0703"}:
                continue
            raise
        sites = [c.site for c in design.choices if not c.given]
        if sites:
            pending += [{**picks, sites[0].path: option} for option in sites[0].options]
            continue
        made = {path: str(option) for path, option in picks.items()}
        choices = tuple(sorted((made | {c.site.path: c.option for c in design.choices}).items()))
        if choices not in seen:
            seen.add(choices)
            yield replace(design.at(bits), metrics={"choices": choices})


def spelled(recursion: Recursion) -> Iterator[tuple[tuple[tuple[str, str], ...], Counter[int]]]:
    """Every design of a recursion: its choices, and how often it has each distinct layer."""

    def of(node: int) -> Iterator[tuple[dict[str, str], Counter[int]]]:
        for way in recursion.nodes[node]:
            partial: list[tuple[dict[str, str], Counter[int]]] = [
                ({p: o for p, o, _ in way.chosen}, Counter(dict(way.layers)))
            ]
            for part in way.parts:
                inner = list(of(part.node))
                partial = [
                    (choices | {part.rename(p): o for p, o in more.items()}, layers + others)
                    for choices, layers in partial
                    for more, others in inner
                ]
            yield from partial

    for choices, layers in of(len(recursion.nodes) - 1):
        yield tuple(sorted(choices.items())), layers
