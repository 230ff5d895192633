"""Part of a network: which of its layers' costs are settled, and what is still open.

What a layer costs depends on its shapes, on the widths of its tensors and on whether it is applied on the
way out of another one (`Network.free`). The last two depend on who reads its tensors: a width may be what a
reader asks for, and an operation is free only where nobody else needs its input. As long as somebody may
still read a tensor, it is *exposed*, and layers that depend on that stay open. All others are *closed*: they
become a layer to be priced, and are forgotten. What is left of a part is all that the rest of the network
can see, so that two alternatives that leave the same need not be told apart any more.

The rules are those of `dsl/construction.tensor_bits` and `dsl/network.Network.free`; the tests compare.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from dovetail.dsl.construction import Widths
from dovetail.dsl.layer import Layer, Tensor
from dovetail.dsl.network import COMPUTES, UNEVEN
from dovetail.dsl.operators import OPERATORS, Cost, Inferred
from dovetail.dsl.problem import Bits

MANY: Final = 2
"""Readers beyond the first are not told apart."""


@dataclass(frozen=True, slots=True)
class OpenTensor:
    """A tensor that something may still depend on."""

    shape: tuple[int, ...]
    given: int = 0
    """The width its maker gives it; 0 where it gives none."""
    is_input: bool = False
    computed: bool = False
    """Where its maker is closed: whether a pointwise operation could be applied as it is made."""
    readers: int = 0
    """Layers that read it, up to `MANY`."""
    asked: int = 0
    """The widest that its closed readers ask for."""


@dataclass(frozen=True, slots=True)
class OpenLayer:
    """A layer whose cost is not settled; `inputs` and `outputs` index the tensors."""

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    inferred: Inferred
    own: Widths

    @property
    def cost(self) -> Cost:
        """What running it takes."""
        return OPERATORS[self.op].cost

    @property
    def passes_wishes(self) -> bool:
        """Whether it asks of its inputs what is asked of its outputs."""
        return self.own.inputs is None and self.cost in (Cost.VIEW, Cost.POINTWISE)


@dataclass(slots=True)
class Frame:
    """Tensors and open layers, in the order in which they were made."""

    default: Bits
    fixed: bool
    """Whether no width depends on a reader: then every width is known at once."""
    tensors: list[OpenTensor] = field(default_factory=list)
    layers: list[OpenLayer] = field(default_factory=list)

    def copy(self) -> Frame:
        """One to go on with, leaving this one as it is."""
        return Frame(self.default, self.fixed, list(self.tensors), list(self.layers))

    def tensor(self, tensor: OpenTensor) -> int:
        """A new tensor; its index."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def layer(self, op: str, inputs: Sequence[int], inferred: Inferred, own: Widths) -> tuple[int, ...]:
        """A new layer; the indexes of its outputs."""
        for index in dict.fromkeys(inputs):
            self.read(index, 1)
        outputs = tuple(self.tensor(OpenTensor(shape, own.outputs or 0)) for shape in inferred.outputs)
        self.layers.append(OpenLayer(op, tuple(inputs), outputs, inferred, own))
        return outputs

    def read(self, index: int, more: int, asked: int = 0) -> None:
        """Somebody reads a tensor."""
        tensor = self.tensors[index]
        readers = min(MANY, tensor.readers + more)
        self.tensors[index] = replace(tensor, readers=readers, asked=max(tensor.asked, asked))

    def close(self, exposed: Collection[int], outputs: Collection[int] = (), others: int = 0) -> list[Layer]:
        """Take out every layer that is settled; those that cost something, in their order.

        `exposed` may get more readers; `outputs` leave the network; the first `others` layers are not ours.
        """
        closing = _Closing(self, frozenset(exposed), frozenset(outputs))
        found: list[Layer] = []
        left = self.layers[:others]
        ours = self.layers[others:]
        settled = [closing.settled(layer) for layer in ours]
        changes: dict[int, OpenTensor] = {}
        for layer, done in zip(ours, settled, strict=True):
            if not done:
                left.append(layer)
                continue
            if not closing.free(layer):
                found.append(closing.priced(layer))
            computed = closing.computes(layer)
            for index in layer.outputs:
                changes[index] = replace(changes.get(index, self.tensors[index]), computed=computed is True)
            wish = closing.wish(layer)
            for index in dict.fromkeys(layer.inputs):
                before = changes.get(index, self.tensors[index])
                changes[index] = replace(before, asked=max(before.asked, wish or 0))
        for index, tensor in changes.items():
            self.tensors[index] = tensor
        self.layers = left
        return found


class _Closing:
    """What is settled about the layers and tensors of a frame; None where it is not."""

    def __init__(self, frame: Frame, exposed: frozenset[int], outputs: frozenset[int]) -> None:
        self.frame = frame
        self.exposed = exposed
        self.outputs = outputs
        self.makers = {index: layer for layer in frame.layers for index in layer.outputs}
        self.readers: dict[int, list[OpenLayer]] = {}
        for layer in frame.layers:
            for index in dict.fromkeys(layer.inputs):
                self.readers.setdefault(index, []).append(layer)
        self._asked: dict[int, int | None] = {}
        self._ready: dict[int, bool | None] = {}

    # ------------------------------------------------------------------------------------ widths

    def asked(self, index: int) -> int | None:
        """The widest that the readers of a tensor ask for, 0 where none does."""
        if index not in self._asked:
            self._asked[index] = self._asks(index)
        return self._asked[index]

    def _asks(self, index: int) -> int | None:
        if self.frame.fixed:
            return 0
        if index in self.exposed:
            return None
        widest = self.frame.tensors[index].asked
        for layer in self.readers.get(index, ()):
            wish = self.wish(layer)
            if wish is None:
                return None
            widest = max(widest, wish)
        return widest

    def wish(self, layer: OpenLayer) -> int | None:
        """The width that a layer asks of its inputs, 0 for none."""
        if not layer.passes_wishes:
            return layer.own.inputs or 0
        widest = 0
        for index in layer.outputs:
            asked = self.asked(index)
            if asked is None:
                return None
            widest = max(widest, asked or self.frame.tensors[index].given)
        return widest

    def bits(self, index: int) -> int | None:
        """The width of a tensor."""
        tensor = self.frame.tensors[index]
        if tensor.given:
            return tensor.given
        asked = self.asked(index)
        if asked is None:
            return None
        return asked or (self.frame.default.inputs if tensor.is_input else self.frame.default.outputs)

    # -------------------------------------------------------------------------- what costs nothing

    def ready(self, index: int) -> bool | None:
        """Whether a pointwise operation can be applied to a tensor before it is written at all."""
        if index not in self._ready:
            self._ready[index] = self._is_ready(index)
        return self._ready[index]

    def _is_ready(self, index: int) -> bool | None:
        tensor = self.frame.tensors[index]
        maker = self.makers.get(index)
        computed = tensor.computed if maker is None else self.computes(maker)
        if computed is False or tensor.readers >= MANY or index in self.outputs:
            return False
        if computed is None or index in self.exposed:
            return None
        return tensor.readers == 1

    def computes(self, layer: OpenLayer) -> bool | None:
        """Whether what a layer makes comes out of a computation."""
        if layer.cost is not Cost.VIEW:
            return layer.cost in COMPUTES or layer.cost is Cost.POINTWISE
        if layer.op in UNEVEN:
            return False
        found = [self.ready(index) for index in layer.inputs]
        if False in found:
            return False
        return None if None in found else True

    def free(self, layer: OpenLayer) -> bool | None:
        """Whether a layer costs nothing of its own."""
        if layer.cost is Cost.VIEW:
            return True
        if layer.cost is not Cost.POINTWISE:
            return False
        return self.ready(layer.inputs[0])

    # ------------------------------------------------------------------------------------- the end

    def settled(self, layer: OpenLayer) -> bool:
        """Whether nothing about a layer can change any more."""
        tensors = (*layer.inputs, *layer.outputs)
        return (
            self.computes(layer) is not None
            and self.free(layer) is not None
            and self.wish(layer) is not None
            and all(self.bits(index) is not None for index in tensors)
        )

    def priced(self, layer: OpenLayer) -> Layer:
        """The layer with its widths; named by its operator, its tensors by the order of their first use."""
        names: dict[int, str] = {}
        for index in layer.inputs:
            names.setdefault(index, f"input{len(names)}")

        def width(index: int) -> int:
            bits = self.bits(index)
            assert bits is not None
            return bits

        default, own = self.frame.default, layer.own
        out = width(layer.outputs[0])
        return Layer.of(
            layer.op,
            layer.op,
            tuple(Tensor(names[i], self.frame.tensors[i].shape, width(i)) for i in layer.inputs),
            layer.inferred,
            output_bits=out,
            weight_bits=own.weights or default.weights,
            sum_bits=own.sums or max(default.sums, out),
            weight_zeros=own.weight_zeros,
        )


@dataclass(frozen=True, slots=True)
class Residue:
    """What is left of a part: tensors of its own, open layers, and what it did to tensors of others.

    Tensors of the part are counted from 0; those of others keep their index, as -1 - index.
    """

    tensors: tuple[OpenTensor, ...]
    layers: tuple[OpenLayer, ...]
    read: tuple[tuple[int, int, int], ...]
    """Of tensors of others: index, more readers, the widest that the closed ones ask for."""


def residue(frame: Frame, before: Frame, kept: Iterable[int]) -> tuple[Residue, Mapping[int, int]]:
    """What `frame` has beyond `before`, and where its tensors went; `kept` are those that have a name."""
    start = len(before.tensors)
    fresh = frame.layers[len(before.layers) :]
    if frame.layers[: len(before.layers)] != before.layers:
        raise ValueError("layers of others stay open while a part is executed")
    used = {i for layer in fresh for i in (*layer.inputs, *layer.outputs)} | set(kept)
    where = {index: number for number, index in enumerate(sorted(i for i in used if i >= start))}
    where |= {index: -1 - index for index in range(start)}
    read = tuple(
        (index, now.readers - was.readers, now.asked if now.asked != was.asked else 0)
        for index, (now, was) in enumerate(zip(frame.tensors[:start], before.tensors, strict=True))
        if now != was
    )
    layers = tuple(
        replace(
            layer,
            inputs=tuple(where[i] for i in layer.inputs),
            outputs=tuple(where[i] for i in layer.outputs),
        )
        for layer in fresh
    )
    tensors = tuple(frame.tensors[index] for index in sorted(i for i in used if i >= start))
    return Residue(tensors, layers, read), where


def resume(frame: Frame, left: Residue, others: Mapping[int, int]) -> int:
    """Put what is left of a part into a frame; the index of its first tensor.

    `others` says where tensors of others are in this frame, if not where they were.
    """
    start = len(frame.tensors)

    def place(index: int) -> int:
        return start + index if index >= 0 else others.get(-1 - index, -1 - index)

    frame.tensors.extend(left.tensors)
    frame.layers.extend(
        replace(
            layer,
            inputs=tuple(place(i) for i in layer.inputs),
            outputs=tuple(place(i) for i in layer.outputs),
        )
        for layer in left.layers
    )
    for index, readers, asked in left.read:
        frame.read(others.get(index, index), readers, asked)
    return start
