"""A layer: an operator applied to tensors, with its loops, its parameter counts and what they come to.

The constructors check what the elaborator must guarantee and raise ValueError: users never see that.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import Literal, TypeAlias

from dovetail.dsl.operators import OPERATORS, Cost, Inferred, Shape
from dovetail.dsl.problem import Bits, Problem

LayerClass: TypeAlias = Literal["spatial", "pointwise", "depthwise", "grouped", "fc", "matmul", "other"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A feature map, a matrix of tokens …; `shape` has no batch, `bits` is the width of a word."""

    name: str
    shape: Shape
    bits: int = 16

    def __post_init__(self) -> None:
        if not self.shape or min(self.shape) < 1 or self.bits < 1:
            raise ValueError(f"a tensor has at least one word of at least one bit: {self}")

    @property
    def words(self) -> int:
        """How many words it has, without padding."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """Its size at its bit width, rounded up."""
        return _bytes(self.words, self.bits)


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation. `loops` (with its bit widths, batch 1) where it has MACs, None where it has none.

    `weights`, `bias` and `norm` count parameters; `operations` those of a vector unit (see `Inferred`).
    `weight_zeros` is the fraction of weights that are zero. `place` is where the text says it, for messages.
    """

    name: str
    op: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    attributes: tuple[tuple[str, object], ...] = ()
    loops: Problem | None = None
    weights: int = 0
    bias: int = 0
    norm: int = 0
    weight_bits: int = 16
    operations: int = 0
    weight_zeros: float = 0.0
    place: object | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.op not in OPERATORS:
            raise ValueError(f"layer {self.name}: no operator `{self.op}`")
        if not self.name or not self.inputs or not self.outputs:
            raise ValueError(f"a layer has a name, inputs and outputs: {self.name} ({self.op})")
        if min(self.weights, self.bias, self.norm, self.operations) < 0 or self.weight_bits < 1:
            raise ValueError(f"layer {self.name}: counts are not negative, weights have at least one bit")
        if not 0 <= self.weight_zeros < 1:
            raise ValueError(f"layer {self.name}: weight_zeros is in [0, 1), not {self.weight_zeros}")
        if (self.loops is not None) != (self.cost is Cost.MACS):
            raise ValueError(
                f"layer {self.name}: `{self.op}` {'has' if self.loops is None else 'has no'} loops"
            )
        if self.loops is not None:
            self._check_loops(self.loops)

    @classmethod
    def of(
        cls,
        name: str,
        op: str,
        inputs: tuple[Tensor, ...],
        inferred: Inferred,
        *,
        output_bits: int = 16,
        weight_bits: int = 16,
        sum_bits: int | None = None,
        weight_zeros: float = 0.0,
        output_names: tuple[str, ...] | None = None,
        place: object | None = None,
    ) -> Layer:
        """The layer that `OPERATORS[op].infer` found, at given bit widths (`sum_bits`: as outputs).

        Outputs are named like the layer, or `name.1`, `name.2` … where there are several, unless named here.
        """
        if output_names is None:
            count = len(inferred.outputs)
            output_names = (name,) if count == 1 else tuple(f"{name}.{i}" for i in range(1, count + 1))
        outputs = tuple(
            Tensor(n, shape, output_bits) for n, shape in zip(output_names, inferred.outputs, strict=True)
        )
        loops = inferred.loops
        if loops is not None:
            product = not inferred.weights
            loops = replace(
                loops,
                bits=Bits(
                    weights=inputs[1].bits if product else weight_bits,
                    inputs=inputs[0].bits,
                    outputs=output_bits,
                    sums=output_bits if sum_bits is None else sum_bits,
                ),
                weight_zeros=0.0 if product else weight_zeros,
            )
        return cls(
            name,
            op,
            inputs,
            outputs,
            attributes=inferred.attributes,
            loops=loops,
            weights=inferred.weights,
            bias=inferred.bias,
            norm=inferred.norm,
            weight_bits=weight_bits,
            operations=inferred.operations,
            weight_zeros=weight_zeros,
            place=place,
        )

    def _check_loops(self, loops: Problem) -> None:
        if loops.N != 1 or loops.words("outputs") != self.outputs[0].words:
            raise ValueError(f"layer {self.name}: {loops} does not write {self.outputs[0]} at batch 1")
        if not self.weights and len(self.inputs) < 2:
            raise ValueError(f"layer {self.name}: a product needs weights or a second tensor")
        held = self.weight_bits if self.weights else self.inputs[1].bits
        widths = (loops.bits.weights, loops.bits.inputs, loops.bits.outputs)
        if widths != (held, self.inputs[0].bits, self.outputs[0].bits):
            raise ValueError(f"layer {self.name}: the widths of {loops.bits} are not those of its tensors")

    @property
    def cost(self) -> Cost:
        """What running it takes."""
        return OPERATORS[self.op].cost

    @property
    def output(self) -> Tensor:
        """Its only output; raises ValueError if it has several."""
        if len(self.outputs) != 1:
            raise ValueError(f"layer {self.name} has {len(self.outputs)} outputs")
        return self.outputs[0]

    @property
    def macs(self) -> int:
        """Multiply-accumulates at batch 1; bias, normalisation and activation are none."""
        return self.loops.macs if self.loops is not None else 0

    @property
    def params(self) -> int:
        """All parameters: weights, bias, normalisation."""
        return self.weights + self.bias + self.norm

    @property
    def weights_read(self) -> int:
        """Weights that one pass at batch 1 touches: all of them, or the rows that an embedding looks up."""
        return self.output.words if self.op == "embedding" else self.weights

    @property
    def input_words(self) -> int:
        """Words of the tensors it reads, without padding; a tensor read twice counts once."""
        return sum(tensor.words for tensor in set(self.inputs))

    @property
    def output_words(self) -> int:
        """Words of the tensors it writes."""
        return sum(tensor.words for tensor in self.outputs)

    @property
    def input_bytes(self) -> int:
        """Bytes of the tensors it reads, each rounded up."""
        return sum(tensor.bytes for tensor in set(self.inputs))

    @property
    def output_bytes(self) -> int:
        """Bytes of the tensors it writes, each rounded up."""
        return sum(tensor.bytes for tensor in self.outputs)

    @property
    def activation_bytes(self) -> int:
        """Bytes of the tensors it reads and writes."""
        return self.input_bytes + self.output_bytes

    @property
    def weight_bytes(self) -> int:
        """Bytes of its weights at their bit width, rounded up; bias and normalisation are not among them."""
        return _bytes(self.weights, self.weight_bits)

    @property
    def words(self) -> int:
        """Words that have to move at least: inputs, weights, outputs."""
        return self.input_words + self.weights_read + self.output_words

    @property
    def arithmetic_intensity(self) -> float:
        """MACs per word of input, weight and output, each moved once and without padding."""
        return self.macs / self.words

    @property
    def layer_class(self) -> LayerClass:
        """Its member of the palette, by what its loops look like."""
        if self.loops is None:
            return "other"
        if self.op == "linear":
            return "fc"
        if self.op in ("matmul", "einsum"):
            return "matmul"
        if self.loops.G > 1:
            return "depthwise" if self.loops.C == 1 else "grouped"
        return "pointwise" if self.loops.R == self.loops.S == 1 else "spatial"


def _bytes(words: int, bits: int) -> int:
    return -(-words * bits // 8)
