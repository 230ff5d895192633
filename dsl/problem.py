"""A layer as a loop nest: what mappings tile and what the cost model counts.

    for g in G: for n in N: for k in K: for c in C: for p in P: for q in Q: for r in R: for s in S:
        y, x = p * stride[0] + r * dilation[0], q * stride[1] + s * dilation[1]
        outputs[n, g, k, p, q] += weights[g, k, c, r, s] * inputs[n, g, c, y, x]

`G` groups, `N` batch, `K` output and `C` input channels of a group, `P`/`Q` output rows/columns, `R`/`S`
kernel rows/columns. A matrix product `M x K` times `K x N` is `P = M`, `C = K`, `K = N`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Final

DIMENSIONS: Final[tuple[str, ...]] = ("G", "N", "K", "C", "P", "Q", "R", "S")
OPERANDS: Final[tuple[str, ...]] = ("weights", "inputs", "outputs")

RELEVANT: Final[dict[str, frozenset[str]]] = {
    "weights": frozenset("GKCRS"),
    "inputs": frozenset("NGCPQRS"),
    "outputs": frozenset("NGKPQ"),
}
"""The dimensions that index each operand."""

REDUCED: Final[frozenset[str]] = frozenset("CRS")
"""The dimensions that are summed over."""


@dataclass(frozen=True, slots=True)
class Bits:
    """Bit widths of the four tensors; `sums` are outputs before they are final."""

    weights: int = 16
    inputs: int = 16
    outputs: int = 16
    sums: int = 16

    def __post_init__(self) -> None:
        if min(self.weights, self.inputs, self.outputs, self.sums) < 1:
            raise ValueError(f"bit widths are at least 1: {self}")


@dataclass(frozen=True, slots=True)
class Problem:
    """The bounds of the loop nest, its strides and dilations `(rows, columns)`, and the bit widths."""

    G: int = 1
    N: int = 1
    K: int = 1
    C: int = 1
    P: int = 1
    Q: int = 1
    R: int = 1
    S: int = 1
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    bits: Bits = Bits()
    weight_zeros: float = 0.0
    """Fraction of weights that are zero, in [0, 1)."""

    def __post_init__(self) -> None:
        if min(*self.bounds.values(), *self.stride, *self.dilation) < 1:
            raise ValueError(f"bounds, strides and dilations are at least 1: {self}")
        if not 0 <= self.weight_zeros < 1:
            raise ValueError(f"weight_zeros is a fraction in [0, 1), not {self.weight_zeros}")

    @property
    def bounds(self) -> dict[str, int]:
        """The bound of each dimension, in the order of `DIMENSIONS`."""
        return {
            "G": self.G,
            "N": self.N,
            "K": self.K,
            "C": self.C,
            "P": self.P,
            "Q": self.Q,
            "R": self.R,
            "S": self.S,
        }

    @property
    def macs(self) -> int:
        """Multiply-accumulates: the product of all bounds."""
        return prod(self.bounds.values())

    def extents(self, tile: dict[str, int]) -> dict[str, tuple[int, ...]]:
        """The box of each operand that a tile of the loops touches (words along each of its axes).

        An input box holds the gaps of a strided window: `(p - 1) * stride + (r - 1) * dilation + 1` rows.
        """
        t = {d: tile.get(d, 1) for d in DIMENSIONS}
        rows = (t["P"] - 1) * self.stride[0] + (t["R"] - 1) * self.dilation[0] + 1
        cols = (t["Q"] - 1) * self.stride[1] + (t["S"] - 1) * self.dilation[1] + 1
        return {
            "weights": (t["G"], t["K"], t["C"], t["R"], t["S"]),
            "inputs": (t["N"], t["G"], t["C"], rows, cols),
            "outputs": (t["N"], t["G"], t["K"], t["P"], t["Q"]),
        }

    def words(self, operand: str, tile: dict[str, int] | None = None, *, gaps: bool = True) -> int:
        """Words of `operand` in a tile (in the whole problem unless given), padding included.

        Without `gaps` an input tile has only the rows and columns that a window touches.
        """
        tile = self.bounds if tile is None else tile
        size = tile.get
        if operand == "weights":
            return size("G", 1) * size("K", 1) * size("C", 1) * size("R", 1) * size("S", 1)
        if operand == "outputs":
            return size("N", 1) * size("G", 1) * size("K", 1) * size("P", 1) * size("Q", 1)
        if operand != "inputs":
            raise KeyError(operand)
        number = size("N", 1) * size("G", 1) * size("C", 1)
        for pixels, kernel, stride, dilation in (
            (size("P", 1), size("R", 1), self.stride[0], self.dilation[0]),
            (size("Q", 1), size("S", 1), self.stride[1], self.dilation[1]),
        ):
            if gaps:
                number *= (pixels - 1) * stride + (kernel - 1) * dilation + 1
            else:
                number *= _touched(pixels, kernel, stride, dilation)
        return number


@lru_cache(maxsize=65536)
def _touched(pixels: int, kernel: int, stride: int, dilation: int) -> int:
    return len({p * stride + r * dilation for p in range(pixels) for r in range(kernel)})
