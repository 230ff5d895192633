"""A network under construction: tensors and layers as they are made; bit widths are settled at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dovetail.dsl.layer import Layer, Tensor
from dovetail.dsl.operators import OPERATORS, Cost, Inferred, padding_that_gives
from dovetail.dsl.problem import Bits
from dovetail.dsl.source import Span
from dovetail.dsl.values import TensorValue


@dataclass(frozen=True, slots=True)
class MadeTensor:
    """A tensor without its width: who made it and where the text says so."""

    name: str
    shape: tuple[int, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class MadeLayer:
    """A layer without widths; `inputs` and `outputs` index the tensors."""

    name: str
    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    inferred: Inferred
    span: Span


@dataclass(frozen=True, slots=True)
class Widths:
    """What a `layers` statement gives one layer; None where it leaves the default."""

    weights: int | None = None
    inputs: int | None = None
    outputs: int | None = None
    sums: int | None = None
    weight_zeros: float = 0.0


@dataclass(slots=True)
class Construction:
    """The parts, in the order in which they are made."""

    tensors: list[MadeTensor] = field(default_factory=list)
    layers: list[MadeLayer] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)

    def tensor(self, name: str, shape: tuple[int, ...], span: Span) -> int:
        """A new tensor; its index."""
        self.tensors.append(MadeTensor(name, shape, span))
        return len(self.tensors) - 1

    def layer(
        self, name: str, op: str, inputs: tuple[int, ...], inferred: Inferred, span: Span
    ) -> tuple[int, ...]:
        """A new layer; the indexes of its outputs."""
        count = len(inferred.outputs)
        names = [name] if count == 1 else [f"{name}.{i}" for i in range(1, count + 1)]
        outputs = tuple(self.tensor(n, shape, span) for n, shape in zip(names, inferred.outputs, strict=True))
        self.layers.append(MadeLayer(name, op, inputs, outputs, inferred, span))
        return outputs


def padding_help(made: Construction, wrong: TensorValue, right: TensorValue) -> str | None:
    """Which `pad` makes the rows and columns of the tensor `wrong` those of `right`; None if none does.

    The convolution or pool at fault may lie behind activations.
    """
    makers = {index: layer for layer in made.layers for index in layer.outputs}
    layer = makers.get(wrong.index)
    while layer is not None and OPERATORS[layer.op].cost is Cost.POINTWISE:
        layer = makers.get(layer.inputs[0])
    if layer is None or len(wrong.shape) != 3 or len(right.shape) != 3:
        return None
    source = made.tensors[layer.inputs[0]].shape
    what = "window" if "pool" in layer.op else "convolution"
    return padding_that_gives(layer.inferred.attributes, source, (right.shape[1], right.shape[2]), what)


def tensor_bits(made: Construction, widths: Mapping[str, Widths], default: Bits) -> list[int]:
    """The width of each tensor.

    What its maker's `outputs` says; else the widest that its readers' `inputs` ask for; a view or a pointwise
    operation asks for the width of what it makes; the default where nobody says anything.
    """
    asked: list[int] = [0] * len(made.tensors)
    given: list[int] = [0] * len(made.tensors)
    for layer in made.layers:
        outputs = widths.get(layer.name, Widths()).outputs
        for index in layer.outputs:
            given[index] = outputs or 0
    bits = [0] * len(made.tensors)
    for layer in reversed(made.layers):
        for index in layer.outputs:
            bits[index] = given[index] or asked[index] or default.outputs
        wish = widths.get(layer.name, Widths()).inputs
        if wish is None and OPERATORS[layer.op].cost in (Cost.VIEW, Cost.POINTWISE):
            wish = max((asked[index] or given[index]) for index in layer.outputs) or None
        for index in layer.inputs:
            asked[index] = max(asked[index], wish or 0)
    for index in made.inputs:
        bits[index] = asked[index] or default.inputs
    return bits


def build_layers(
    made: Construction, widths: Mapping[str, Widths], default: Bits
) -> tuple[tuple[Layer, ...], tuple[Tensor, ...]]:
    """The layers with their widths, and all tensors by index."""
    bits = tensor_bits(made, widths, default)
    tensors = tuple(Tensor(t.name, t.shape, b) for t, b in zip(made.tensors, bits, strict=True))
    layers = []
    for layer in made.layers:
        own = widths.get(layer.name, Widths())
        layers.append(
            Layer.of(
                layer.name,
                layer.op,
                tuple(tensors[i] for i in layer.inputs),
                layer.inferred,
                output_bits=bits[layer.outputs[0]],
                weight_bits=own.weights or default.weights,
                sum_bits=own.sums or max(default.sums, bits[layer.outputs[0]]),
                weight_zeros=own.weight_zeros,
                output_names=tuple(tensors[i].name for i in layer.outputs),
                place=layer.span,
            )
        )
    return tuple(layers), tensors
