"""The architecture graph: what the text of an `.accel` file means, with every name resolved.

    Architecture = levels, outer to inner: Memory | Array, ...; then one Mac
    Array        = axes (PEs along each), links between neighbours along them, the timing of a fold
    Memory       = one storage level; every Array outside it replicates it

Sizes are in bits, rates in bits per cycle, energies are *component models* that the cost model prices
(`costmodel/components.py`), so that a number can always be traced to its source.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from math import prod
from typing import Final, TypeAlias

from dovetail.dsl.problem import Bits

TENSORS: Final = ("inputs", "weights", "outputs", "sums")
"""What memories hold; `sums` are outputs before they are final, to a mapping the operand `outputs`."""

# ---------------------------------------------------------------------------------- component models
# `str()` of each is what the text of an `.accel` file has.

DRAM_TYPES: Final = tuple(
    "DDR3 DDR4 LPDDR LPDDR2 LPDDR3 LPDDR4 LPDDR5 GDDR5 GDDR6 HBM HBM2 HBM3 HBM4 generic".split()
)
SRAM_DEVICES: Final = ("lstp", "hp", "lop")


@dataclass(frozen=True, slots=True)
class Sram:
    """`sram()`: CACTI table, by depth and width; `device` is `lstp`, `hp` or `lop`."""

    device: str = "lstp"

    def __str__(self) -> str:
        return "sram()" if self.device == "lstp" else f"sram({self.device})"


@dataclass(frozen=True, slots=True)
class RegisterFile:
    """`regfile()`: flip-flop register file below 32 rows, the SRAM table from there."""

    def __str__(self) -> str:
        return "regfile()"


@dataclass(frozen=True, slots=True)
class Dram:
    """`dram(TYPE)`: energy per bit of a published DRAM interface."""

    type: str

    def __str__(self) -> str:
        return f"dram({self.type})"


@dataclass(frozen=True, slots=True)
class MacUnit:
    """`mac()`: multiplier and accumulator at the operands' bit widths."""

    def __str__(self) -> str:
        return "mac()"


@dataclass(frozen=True, slots=True)
class Wire:
    """`wire(LENGTH)`: a repeated on-chip wire of `length_mm`, energy per bit."""

    length_mm: float

    def __str__(self) -> str:
        return f"wire({self.length_mm:g} mm)"


@dataclass(frozen=True, slots=True)
class PerBit:
    """`8 pJ/bit`: the same for every action."""

    pj: float

    def __str__(self) -> str:
        return f"{self.pj:g} pJ/bit"


@dataclass(frozen=True, slots=True)
class PerAccess:
    """`{ read = 24 pJ; fill = 26 pJ; update = 28 pJ }`: pJ an access of the memory's width."""

    read_pj: float
    fill_pj: float
    update_pj: float

    def __str__(self) -> str:
        return f"{{ read = {self.read_pj:g} pJ; fill = {self.fill_pj:g} pJ; update = {self.update_pj:g} pJ }}"


@dataclass(frozen=True, slots=True)
class PerOperation:
    """`1 pJ`: pJ an operation (a MAC, an element of a unit, a word over a link)."""

    pj: float

    def __str__(self) -> str:
        return f"{self.pj:g} pJ"


Component: TypeAlias = Sram | RegisterFile | Dram | MacUnit | Wire | PerBit | PerAccess | PerOperation


# ------------------------------------------------------------------------------------------- levels


class Buffering(StrEnum):
    """How a tile is replaced: see `docs/model.md`, capacity and buffering."""

    SINGLE = "single"
    DOUBLE = "double"
    IDEAL = "ideal"
    AUTO = "auto"


class Ports(StrEnum):
    """Whether reads and writes share one port (and its rate) or have one each."""

    SEPARATE = "separate"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Memory:
    """A storage level. `None` as size or rate means unlimited, as width: one word of the tensor."""

    name: str
    holds: frozenset[str] = frozenset()
    """Tensors always kept here: a subset of `inputs`, `weights`, `outputs`, `sums`."""
    may_hold: frozenset[str] = frozenset()
    """Tensors that may be kept here or go past."""
    size_bits: int | None = None
    width_bits: int | None = None
    """Bits that one access moves."""
    read_bits_per_cycle: Fraction | None = None
    write_bits_per_cycle: Fraction | None = None
    """With shared ports both are the rate of the one port."""
    ports: Ports = Ports.SEPARATE
    accesses_per_cycle: Fraction | None = None
    """`access = 1/cycle`: so many accesses a cycle and port, whatever their width."""
    buffering: Buffering = Buffering.IDEAL
    banks: int = 1
    burst_bits: int | None = None
    latency_cycles: int = 0
    drain_reads: bool = False
    """Sending a partial or final sum outward costs a read here."""
    skip_gaps: bool = False
    """`gaps = skipped`: a strided tile holds only the words that are used."""
    energy: Component | None = None
    area_mm2: float | None = None
    leakage_mw: float | None = None

    @property
    def depth(self) -> int | None:
        """Rows of `width_bits`, rounded up."""
        if self.size_bits is None or self.width_bits is None:
            return None
        return -(-self.size_bits // self.width_bits)


class LinkKind(StrEnum):
    """What neighbours along an axis do for each other."""

    MULTICAST = "multicast"
    """One read serves every PE along the axis that needs the same words."""
    REDUCE = "reduce"
    """Partial sums of the PEs along the axis are added on the way out."""
    SHIFT = "shift"
    """A word moves on to the neighbour that needs it next: only what enters at the edge is read."""
    FORWARD = "forward"
    """Systolic: neighbour to neighbour, one cycle a hop; one read serves the whole line."""


@dataclass(frozen=True, slots=True)
class Link:
    """`along AXES: KIND TENSOR { energy; bandwidth; latency }`."""

    axes: tuple[str, ...]
    kind: LinkKind
    tensor: str
    """`inputs`, `weights` or `sums`."""
    energy: Component | None = None
    bits_per_cycle: Fraction | None = None
    latency_cycles: int = 0


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension of an array."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Timing:
    """What a fold of a real systolic array pays besides its compute steps."""

    load: str | None = None
    """Axis along which stationary operands are shifted in, one step a cycle."""
    drain: str | None = None
    """Axis along which results leave."""
    skew: bool = False
    overlap: bool = False
    """The next fold is loaded during this one."""


@dataclass(frozen=True, slots=True)
class Array:
    """Replicates everything inside it along its axes."""

    name: str
    axes: tuple[Axis, ...]
    links: tuple[Link, ...] = ()
    timing: Timing = Timing()

    @property
    def size(self) -> int:
        """Number of instances: the product of the axes."""
        return prod(axis.size for axis in self.axes)

    def can(self, kind: LinkKind, tensor: str, axis: str) -> bool:
        """Whether `axis` has a link of this kind for `tensor`."""
        return any(link.kind is kind and link.tensor == tensor and axis in link.axes for link in self.links)

    def links_of(self, operand: str) -> tuple[int, ...]:
        """Positions of the links that carry `operand` (`outputs` travel over links for `sums`)."""
        tensors = ("sums", "outputs") if operand == "outputs" else (operand,)
        useless = LinkKind.MULTICAST if operand == "outputs" else LinkKind.REDUCE
        return tuple(
            index
            for index, link in enumerate(self.links)
            if link.tensor in tensors and link.kind is not useless
        )


@dataclass(frozen=True, slots=True)
class Rate:
    """MACs a cycle of one PE, for operands of at most `bits` (any width where None)."""

    per_cycle: Fraction
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class Mac:
    """The innermost node: a multiply-accumulate unit, or a dot product of `lanes` along `lanes_dimension`."""

    rates: tuple[Rate, ...] = (Rate(Fraction(1)),)
    lanes: int = 1
    lanes_dimension: str | None = None
    latch: frozenset[str] = frozenset()
    """Operands kept at the unit while they do not change (no read then)."""
    skip_zero_weights_in: frozenset[str] = frozenset()
    """Dataflows in which a zero weight costs no step."""
    energy: Component | None = None
    area_mm2: float | None = None
    leakage_mw: float | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A vector unit for operations without MACs, beside the memory `at`."""

    name: str
    lanes: int
    at: str
    does: frozenset[str]
    energy: Component | None = None


# ---------------------------------------------------------------------------------------- dataflows


@dataclass(frozen=True, slots=True)
class SpatialRule:
    """What may be spread along one axis.

    `PE.row = C`           allowed ((C,),)            only C
    `PE.row in [C, R, S]`  allowed ((C, R, S),)       any of them, together or alone; any=True
    `PE.row = R then [C]`  allowed ((R,), (C,))       R first, what is left of the axis replicates over C
    `PE.row = flat(C, R)`  flat=True, allowed ((C, R),)  one flattened dimension
    `PE.row full`          allowed (), full=True      the fullest use of the axis
    """

    array: str
    axis: str
    allowed: tuple[tuple[str, ...], ...] = ()
    flat: bool = False
    full: bool = False


@dataclass(frozen=True, slots=True)
class Stationary:
    """`stationary T at M`: inside M's tile of T no loop that moves it; M keeps T."""

    tensor: str
    memory: str


@dataclass(frozen=True, slots=True)
class LoopOrder:
    """`order in M = K, C, S`: the temporal loops of level M, outer to inner."""

    level: str
    dimensions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoopsInside:
    """`M for [P, Q]`: only these temporal loops inside M's tile."""

    memory: str
    dimensions: tuple[str, ...]


Constraint: TypeAlias = SpatialRule | Stationary | LoopOrder | LoopsInside


@dataclass(frozen=True, slots=True)
class Dataflow:
    """A named set of constraints on mappings."""

    name: str
    constraints: tuple[Constraint, ...] = ()


# ------------------------------------------------------------------------------------- architecture


@dataclass(frozen=True, slots=True)
class Architecture:
    """An accelerator. Raises ValueError where names repeat or no memory is outermost."""

    name: str
    levels: tuple[Memory | Array, ...]
    mac: Mac = Mac()
    units: tuple[Unit, ...] = ()
    dataflows: tuple[Dataflow, ...] = ()
    clock_hz: float = 1e9
    technology_nm: float = 45.0
    bits: Bits = field(default_factory=Bits)
    overlap_transfers: bool = True
    """False (`transfers { overlap = none }`): DRAM time adds to compute time."""
    keep_feature_maps_in: str | None = None
    paths: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """`path` statements: a tensor and the memories that may hold it, outer to inner. `levels` are in that
    order already, and no other memory may hold that tensor."""
    metrics: tuple[tuple[str, float, str], ...] = field(default=())
    """Published figures `(name, value, source)` that no model computes."""

    def __post_init__(self) -> None:
        names = [level.name for level in self.levels]
        if len(set(names)) != len(names):
            raise ValueError(f"level names repeat: {names}")
        if not self.levels or not isinstance(self.levels[0], Memory):
            raise ValueError("the outermost level is a memory")

    def _repr_svg_(self) -> str:
        """The tree of memories and arrays, for notebooks; `dovetail.draw` adds what parts cost."""
        from dovetail.accel.architecture_picture import draw_architecture

        return draw_architecture(self)

    @property
    def memories(self) -> tuple[Memory, ...]:
        """Outer to inner."""
        return tuple(level for level in self.levels if isinstance(level, Memory))

    @property
    def arrays(self) -> tuple[Array, ...]:
        """Outer to inner."""
        return tuple(level for level in self.levels if isinstance(level, Array))

    @property
    def pes(self) -> int:
        """MAC units: the product of all arrays."""
        return prod(array.size for array in self.arrays)

    @property
    def spatial(self) -> tuple[Array, ...]:
        """All that a mapping may spread loops over: the arrays, then the lanes of the MAC as array `mac`.

        The lanes add up what they produce (`reduce sums`); each has its own operands.
        """
        if self.mac.lanes == 1:
            return self.arrays
        adder = Link(("lanes",), LinkKind.REDUCE, "sums")
        return (*self.arrays, Array("mac", (Axis("lanes", self.mac.lanes),), (adder,)))

    def arrays_between(self, outer: str, inner: str | None) -> tuple[Array, ...]:
        """What replicates `inner` (the MACs where None) inside `outer`, outer to inner."""
        names = [level.name for level in self.levels]
        first = names.index(outer)
        last = len(names) if inner is None else names.index(inner)
        arrays = tuple(level for level in self.levels[first:last] if isinstance(level, Array))
        return arrays if inner is not None else (*arrays, *self.spatial[len(self.arrays) :])

    def latches(self, operand: str, outer: str) -> bool:
        """Whether the MACs, served by `outer`, keep a word of `operand` while it does not change.

        Because the text says so (`latch`), or because it travels from neighbour to neighbour (`shift`), for
        which each PE has a register.
        """
        shifted = any(
            array.links[link].kind is LinkKind.SHIFT
            for array in self.arrays_between(outer, None)
            for link in array.links_of(operand)
        )
        return operand in self.mac.latch or (shifted and operand != "outputs")

    def memory(self, name: str) -> Memory:
        """The memory of that name; KeyError where there is none."""
        return next(m for m in self.memories if m.name == name)

    def instances(self, name: str) -> int:
        """How many copies of the level exist: the product of the arrays outside it."""
        outside = self.levels[: next(i for i, level in enumerate(self.levels) if level.name == name)]
        return prod(level.size for level in outside if isinstance(level, Array))
