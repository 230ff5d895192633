"""What can be wrong with a mapping: facts, each with its sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class UnknownMemory:
    """A `holds` names no memory of the architecture."""

    memory: str
    known: tuple[str, ...]

    def message(self) -> str:
        """The sentence."""
        return f"there is no memory `{self.memory}` (there are {_listed(self.known)})"


@dataclass(frozen=True, slots=True)
class UnknownAxis:
    """A spatial loop names no axis of the architecture."""

    axis: str
    known: tuple[str, ...]

    def message(self) -> str:
        """The sentence."""
        there = f"there are {_listed(self.known)}" if self.known else "there is no array"
        return f"there is no axis `{self.axis}` ({there})"


@dataclass(frozen=True, slots=True)
class CannotBeFlat:
    """The dimensions of a flat one do not make a matrix product."""

    reason: str

    def message(self) -> str:
        """The sentence."""
        return self.reason


@dataclass(frozen=True, slots=True)
class NotCovered:
    """The loops over a dimension do not walk exactly what there is to walk."""

    dimension: str
    node: int
    """Position in `Mapping.nodes`; -1 for the end of the nest."""
    left: int
    """What the loops outside leave to walk."""
    bound: int
    """What the loop walks (at the end of the nest: 1)."""

    def message(self) -> str:
        """The sentence."""
        if self.node < 0:
            return f"the loops over {self.dimension} leave {self.left} of it to the mac, which takes one"
        walks = f"this loop over {self.dimension} walks {self.bound}"
        return f"{walks}, but the loops outside leave {self.left} to it"


@dataclass(frozen=True, slots=True)
class StepTooLarge:
    """A loop steps further than it walks."""

    dimension: str
    node: int
    bound: int
    step: int

    def message(self) -> str:
        """The sentence."""
        walks = f"this loop over {self.dimension} walks {self.bound} by {self.step}"
        return f"{walks}: its step is at most {self.bound}"


@dataclass(frozen=True, slots=True)
class AxisTooSmall:
    """Spatial loops spread over more PEs than an axis has."""

    array: str
    axis: str
    needed: int
    size: int

    def message(self) -> str:
        """The sentence."""
        return f"`{self.array}.{self.axis}` has {self.size} PEs, the loops along it need {self.needed}"


@dataclass(frozen=True, slots=True)
class LanesTakeOneDimension:
    """The lanes of a dot-product unit add along one dimension only."""

    dimension: str
    allowed: str

    def message(self) -> str:
        """The sentence."""
        return f"the lanes of the mac reduce {self.allowed}; {self.dimension} cannot be spread along them"


@dataclass(frozen=True, slots=True)
class WrongPlace:
    """A spatial loop is on the wrong side of a memory: nesting in the mapping is nesting in the hardware."""

    memory: str
    array: str
    memory_inside: bool
    """Whether the hardware has the memory inside the array."""

    def message(self) -> str:
        """The sentence."""
        where, move = ("inside", "before") if self.memory_inside else ("outside", "after")
        return (
            f"`{self.memory}` is {where} `{self.array}`: loops along `{self.array}` come {move} "
            f"`{self.memory} holds …`"
        )


@dataclass(frozen=True, slots=True)
class NotHeld:
    """No memory holds an operand, or its outermost holder is not outside all loops."""

    operand: str
    memory: str | None

    def message(self) -> str:
        """The sentence."""
        if self.memory is None:
            return f"no memory holds the {self.operand}"
        return f"loops come before `{self.memory}`, the outermost memory that holds the {self.operand}"


@dataclass(frozen=True, slots=True)
class MustHold:
    """A memory that always keeps a tensor goes without it."""

    memory: str
    operand: str

    def message(self) -> str:
        """The sentence."""
        return f"`{self.memory}` always holds {self.operand}, but this mapping lets them go past it"


@dataclass(frozen=True, slots=True)
class CannotHold:
    """A memory keeps a tensor that it does not take."""

    memory: str
    operand: str

    def message(self) -> str:
        """The sentence."""
        return f"`{self.memory}` does not hold {self.operand}"


@dataclass(frozen=True, slots=True)
class HeldTwice:
    """A memory holds one operand at two places of the nest."""

    memory: str
    operand: str

    def message(self) -> str:
        """The sentence."""
        return f"`{self.memory}` holds the {self.operand} twice"


@dataclass(frozen=True, slots=True)
class WrongOrder:
    """The holders of an operand are not listed from the outside in."""

    operand: str
    first: str
    second: str

    def message(self) -> str:
        """The sentence."""
        return f"`{self.second}` is outside `{self.first}`, so it has to hold the {self.operand} first"


@dataclass(frozen=True, slots=True)
class TileTooLarge:
    """The tiles that a memory holds do not fit."""

    memory: str
    tiles: tuple[tuple[str, int, int], ...]
    """Operand, bits of its tile, and how many copies of it are held (2 where the next is filled
    meanwhile)."""
    needed_bits: int
    size_bits: int
    fitting: tuple[tuple[str, int], ...]
    """Dimensions of which less in the tile would fit, all else being equal, and how much."""

    def message(self) -> str:
        """The sentence."""
        tiles = ", ".join(
            f"{operand} {_bytes(bits)}{' twice' if copies == 2 else ''}"
            for operand, bits, copies in self.tiles
        )
        over = self.needed_bits - self.size_bits
        text = (
            f"the tile needs {_bytes(self.needed_bits)} ({tiles}), `{self.memory}` has "
            f"{_bytes(self.size_bits)}: {_bytes(over)} too many"
        )
        if self.fitting:
            (dimension, most), *others = self.fitting
            either = f" (or {', or '.join(f'{d} {size}' for d, size in others)})" if others else ""
            return f"{text}; the largest {dimension} that fits is {most}{either}"
        return f"{text}; no smaller tile along one dimension fits"


@dataclass(frozen=True, slots=True)
class NoRate:
    """The MAC does not take operands as wide as these."""

    bits: int

    def message(self) -> str:
        """The sentence."""
        return f"the mac has no rate for operands of {self.bits} bit"


Violation: TypeAlias = (
    UnknownMemory
    | UnknownAxis
    | CannotBeFlat
    | NotCovered
    | StepTooLarge
    | AxisTooSmall
    | LanesTakeOneDimension
    | WrongPlace
    | NotHeld
    | MustHold
    | CannotHold
    | HeldTwice
    | WrongOrder
    | TileTooLarge
    | NoRate
)


def _bytes(bits: int) -> str:
    number = bits / 8
    text = f"{bits // 8:,}" if bits % 8 == 0 else f"{number:,.3f}".rstrip("0")
    return text.replace(",", " ") + " B"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
