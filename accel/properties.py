"""What the parts of an accelerator can be given: every property by name, with what it has to be.

The tables are all there is: an unknown property, a bandwidth where a size is due and a word that means
nothing here are found against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from dovetail.accel.architecture import DRAM_TYPES, SRAM_DEVICES, TENSORS, Buffering, LinkKind, Ports
from dovetail.dsl.operators import OPERATORS
from dovetail.dsl.problem import DIMENSIONS


class Kind(StrEnum):
    """What a property has to be, in the words of messages."""

    SIZE = "a size"
    WHOLE = "a whole number"
    BANDWIDTH = "a bandwidth"
    RATE = "a rate per cycle"
    DELAY = "a number of cycles or a time"
    FLAG = "true or false"
    WORD = "a word"
    WORDS = "a list of words"
    COMPONENT = "an energy or a component"
    AREA = "an area"
    POWER = "a power"
    ENERGY = "an energy"
    LENGTH = "a length"
    FREQUENCY = "a frequency"


@dataclass(frozen=True, slots=True)
class Property:
    """One property; `words` are those it knows, `qualifiers` what may follow a value (`shared`, `at`, …)."""

    kind: Kind
    words: tuple[str, ...] = ()
    qualifiers: tuple[str, ...] = ()
    several: bool = False
    """Takes a list of values, apart by commas."""


NONE: Final = "none"
"""Whatever need not be there can be `none`."""

_SIZE = Property(Kind.SIZE)
_FLAG = Property(Kind.FLAG)
_BANDWIDTH = Property(Kind.BANDWIDTH)
_ENERGY = Property(Kind.COMPONENT)
_AREA = Property(Kind.AREA)
_POWER = Property(Kind.POWER)
_DELAY = Property(Kind.DELAY)
_TENSORS = Property(Kind.WORDS, TENSORS, several=True)

Schema = Mapping[str, Property]

MEMORY: Final[Schema] = MappingProxyType(
    {
        "size": _SIZE,
        "depth": Property(Kind.WHOLE),
        "width": _SIZE,
        "bandwidth": Property(Kind.BANDWIDTH, qualifiers=("shared",)),
        "read_bandwidth": _BANDWIDTH,
        "write_bandwidth": _BANDWIDTH,
        "ports": Property(Kind.WORD, tuple(Ports)),
        "access": Property(Kind.RATE),
        "buffering": Property(Kind.WORD, tuple(Buffering)),
        "banks": Property(Kind.WHOLE),
        "burst": _SIZE,
        "latency": _DELAY,
        "drain_reads": _FLAG,
        "gaps": Property(Kind.WORD, ("kept", "skipped")),
        "holds": _TENSORS,
        "may_hold": _TENSORS,
        "energy": _ENERGY,
        "area": _AREA,
        "leakage": _POWER,
    }
)

MAC: Final[Schema] = MappingProxyType(
    {
        "rate": Property(Kind.RATE, qualifiers=("at",), several=True),
        "lanes": Property(Kind.WHOLE, qualifiers=("reduce",)),
        "latch": _TENSORS,
        "skip": Property(Kind.WORDS, TENSORS, qualifiers=("zero",), several=True),
        "energy": _ENERGY,
        "area": _AREA,
        "leakage": _POWER,
    }
)

LINK: Final[Schema] = MappingProxyType({"energy": _ENERGY, "bandwidth": _BANDWIDTH, "latency": _DELAY})

TIMING: Final[Schema] = MappingProxyType(
    {"load": Property(Kind.WORD), "drain": Property(Kind.WORD), "skew": _FLAG, "overlap": _FLAG}
)
"""The words of `load` and `drain` are the axes of the array."""

DOES: Final = ("pool", *(name for name, operator in OPERATORS.items() if not operator.internal))
"""What a unit can do: the operators of the palette; `pool` is every kind of pooling."""

UNIT: Final[Schema] = MappingProxyType({"does": Property(Kind.WORDS, DOES, several=True), "energy": _ENERGY})

PRECISION: Final[Schema] = MappingProxyType(dict.fromkeys(TENSORS, _SIZE))

TRANSFERS: Final[Schema] = MappingProxyType({"overlap": Property(Kind.WORD, ("full",))})

ACCESSES: Final[Schema] = MappingProxyType(dict.fromkeys(("read", "fill", "update"), Property(Kind.ENERGY)))
"""`energy = { read = 24 pJ; fill = 26 pJ; update = 28 pJ }`."""

SETTINGS: Final[Schema] = MappingProxyType(
    {"clock": Property(Kind.FREQUENCY), "technology": Property(Kind.LENGTH)}
)

RIVALS: Final = (
    frozenset({"size", "depth"}),
    frozenset({"bandwidth", "read_bandwidth", "write_bandwidth"}),
    frozenset({"holds", "may_hold"}),
)
"""Properties that say the same in other ways: giving one anew in an overlay takes back the others."""

COMPONENT_FUNCTIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"sram": SRAM_DEVICES, "regfile": (), "dram": DRAM_TYPES, "mac": (), "wire": ()}
)
"""The functions that make components, with the words that each takes."""

LINK_KINDS: Final = tuple(LinkKind)

WORDS: Final = frozenset(
    {
        NONE,
        *DIMENSIONS,
        *(word for words in COMPONENT_FUNCTIONS.values() for word in words),
        *(word for schema in (MEMORY, MAC, UNIT, TRANSFERS) for p in schema.values() for word in p.words),
    }
)
"""Words that stand for themselves in an `.accel` file, where no name hides them."""

FOREIGN_DIMENSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "M": "output channels are `K` here",
        "B": "the batch is `N` here",
        "E": "output rows are `P` here",
        "F": "output columns are `Q` here",
        "H": "rows are `P` (of outputs) or `R` (of the kernel) here",
        "W": "columns are `Q` (of outputs) or `S` (of the kernel) here",
        "X": "columns are `Q` (of outputs) or `S` (of the kernel) here",
        "Y": "rows are `P` (of outputs) or `R` (of the kernel) here",
        "OY": "output rows are `P` here",
        "OX": "output columns are `Q` here",
        "FY": "kernel rows are `R` here",
        "FX": "kernel columns are `S` here",
    }
)
"""Names that other tools have for dimensions."""
