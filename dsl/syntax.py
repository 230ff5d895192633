"""The checked syntax of a file: names unresolved, every node with its place. Grammar: `grammar.lark`.

    file       = header statement ...
    expression = Number | Quantity | Text | Name | Attribute | Subscript | Call | Items | Unary | Binary
               | Conditional | Pipeline | Choose | ChooseRange | ChooseLabelled | Record
    statement  = the shared ones, and those of `.net`, `.accel`, `.study` and `.map` below

Two trees are equal if their texts mean the same: places do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from dovetail.dsl.source import Source, Span

KINDS: Final = ("net", "accel", "study", "map")


@dataclass(frozen=True, slots=True)
class Node:
    """Anything with a place."""

    span: Span = field(compare=False, repr=False)


# ------------------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Number(Node):
    """`3`, `0.5`, `1e6`: an int where it is written as one."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Quantity(Node):
    """`128 KiB`, `40%`: a number and a unit of the closed list in `units.py`."""

    value: int | float
    unit: str


@dataclass(frozen=True, slots=True)
class Text(Node):
    """`"a string"`."""

    value: str


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name; also `true`, `false`."""

    id: str


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """`PE.row`."""

    value: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Subscript(Node):
    """`shape[0]`."""

    value: Expr
    index: Expr


@dataclass(frozen=True, slots=True)
class Argument(Node):
    """One argument of a call; `name` is None for a positional one."""

    name: str | None
    value: Expr


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`f(a, b = 3)`."""

    function: Expr
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Items(Node):
    """`[a, b, c]`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`-a`, `not a`."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`a + b`: `+ - * / // % ^ == != < <= > >= and or`."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """`if c then a else b`."""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Stage(Node):
    """`[name:] [count *] call`."""

    name: str | None
    count: Expr | None
    call: Expr


@dataclass(frozen=True, slots=True)
class ForStage(Node):
    """`for t, c, n, s in stages { … }`: chains its body once a row."""

    names: tuple[str, ...]
    rows: Expr
    body: tuple[Stage | ForStage, ...]


@dataclass(frozen=True, slots=True)
class Pipeline(Node):
    """`x -> f(a) -> g`."""

    head: Expr
    stages: tuple[Stage | ForStage, ...]


@dataclass(frozen=True, slots=True)
class Choose(Node):
    """`choose(a, b, …)`."""

    options: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class ChooseRange(Node):
    """`choose(8..64 by 8)`, `choose(2^3..2^8)` (powers, where both ends are powers of one base)."""

    first: Expr
    last: Expr
    by: Expr | None


@dataclass(frozen=True, slots=True)
class Alternative(Node):
    """`label: pipeline when CONDITION`."""

    label: str
    value: Expr
    when: Expr | None


@dataclass(frozen=True, slots=True)
class ChooseLabelled(Node):
    """`choose { label: pipeline when CONDITION … }`."""

    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class Record(Node):
    """`{ read = 24 pJ; fill = 26 pJ }`."""

    entries: tuple[Assign, ...]


Expr: TypeAlias = (
    Number
    | Quantity
    | Text
    | Name
    | Attribute
    | Subscript
    | Call
    | Items
    | Unary
    | Binary
    | Conditional
    | Pipeline
    | Choose
    | ChooseRange
    | ChooseLabelled
    | Record
)


# ------------------------------------------------------------------------------- shared statements


@dataclass(frozen=True, slots=True)
class Param(Node):
    """`param NAME = EXPR`: settable from outside."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Let(Node):
    """`let NAME = EXPR`."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """A parameter of a `fn` or `block`, with its default if it has one."""

    name: str
    default: Expr | None


@dataclass(frozen=True, slots=True)
class Fn(Node):
    """`fn f(a, b) = EXPR`."""

    name: str
    parameters: tuple[Parameter, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class Row(Node):
    """One line of a table."""

    cells: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Table(Node):
    """`table NAME(a, b, c) { rows }`."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Tie(Node):
    """`tie A to B`: two choices are one."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Require(Node):
    """`require EXPR "why"`."""

    condition: Expr
    why: str | None


@dataclass(frozen=True, slots=True)
class Import(Node):
    """`import "file.net" [as base[(a = 1)]]`."""

    path: str
    alias: str | None
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Metric(Node):
    """`metric NAME = VALUE from "source"` or `metric NAME from "file.csv" by (a, b)`."""

    name: str
    value: Expr | None
    source: str | None
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Value(Node):
    """The right side of an assignment, with what may follow it.

    `shared` (a rate for reads and writes together), `at WIDTH` (a rate by precision), `reduce DIM` (lanes),
    `then [DIMS]` (what is left of an axis), `zero T in DATAFLOWS` (`qualifier` is then `zero`).
    """

    value: Expr
    qualifier: str | None = None
    detail: Expr | None = None


@dataclass(frozen=True, slots=True)
class Assign(Node):
    """`a, b = value, …`: a tensor, a property, or an entry of a record, by where it stands."""

    names: tuple[str, ...]
    values: tuple[Value, ...]


# ---------------------------------------------------------------------------------------- networks


@dataclass(frozen=True, slots=True)
class Block(Node):
    """`block NAME(x, a, b = 1) { statements; return EXPR }`."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Return(Node):
    """`return EXPR`; with several, the block has several results."""

    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Input(Node):
    """`input image[3, 227, 227]`."""

    name: str
    shape: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Output(Node):
    """`output EXPR, …`."""

    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Layers(Node):
    """`layers conv* except conv1 { weights = 4 bit }`: properties by name pattern."""

    patterns: tuple[str, ...]
    exceptions: tuple[str, ...]
    body: tuple[Assign, ...]


# ------------------------------------------------------------------------------------ accelerators


@dataclass(frozen=True, slots=True)
class Setting(Node):
    """`technology 45 nm`, `clock 500 MHz`; in a study `networks "a", "b"`, `minimize latency`, `seed 1`, …"""

    keyword: str
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Properties(Node):
    """`precision { … }`, `transfers { … }`, `timing { … }`, `mac { … }`."""

    keyword: str
    body: tuple[Assign, ...]


@dataclass(frozen=True, slots=True)
class MemoryBlock(Node):
    """`memory NAME { properties }`."""

    name: str
    body: tuple[Assign, ...]


@dataclass(frozen=True, slots=True)
class LinkItem(Node):
    """`multicast weights { energy = … }`."""

    kind: str
    tensor: str
    properties: Record | None


@dataclass(frozen=True, slots=True)
class Along(Node):
    """`along row, col: shift inputs, multicast weights`."""

    axes: tuple[str, ...]
    links: tuple[LinkItem, ...]


@dataclass(frozen=True, slots=True)
class AxisSize(Node):
    """`row = n` of an array's head."""

    name: str
    size: Expr


@dataclass(frozen=True, slots=True)
class ArrayBlock(Node):
    """`array PE[row = n, col = n] { … }`: replicates what is inside."""

    name: str
    axes: tuple[AxisSize, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class UnitBlock(Node):
    """`unit Vector[n] at Buffer { does = [relu, pool] }`."""

    name: str
    lanes: Expr | None
    at: str
    body: tuple[Assign, ...]


@dataclass(frozen=True, slots=True)
class Path(Node):
    """`path sums = PE.mac -> Acc -> Buffer`."""

    tensor: str
    stops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keep(Node):
    """`keep feature_maps in Buffer`."""

    what: str
    memory: str


@dataclass(frozen=True, slots=True)
class Spread(Node):
    """`PE.row = C`, `PE.row in [C, R]`, `PE.row = R then [C]`, `PE.row full`: what an axis is used for.

    `relation` is `=`, `in` or `full`.
    """

    array: str
    axis: str
    relation: str
    value: Value | None


@dataclass(frozen=True, slots=True)
class StationaryAt(Node):
    """`stationary weights at Register`."""

    tensor: str
    memory: str


@dataclass(frozen=True, slots=True)
class Order(Node):
    """`order in PE = K, C, S` (outer to inner)."""

    level: str
    dimensions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inside(Node):
    """`Register for [P, Q]`: only these loops inside."""

    memory: str
    dimensions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataflowBlock(Node):
    """`dataflow NAME { rules }`."""

    name: str
    body: tuple[Statement, ...]


# ---------------------------------------------------------------------------- studies and mappings


@dataclass(frozen=True, slots=True)
class Baseline(Node):
    """`baseline "a.net" on "b.accel"`."""

    network: str
    accelerator: str


@dataclass(frozen=True, slots=True)
class HoldsLine(Node):
    """`Buffer holds inputs, outputs`."""

    memory: str
    tensors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ForLine(Node):
    """`for K in 64 by 32`, `spatial C in 32 along PE.row` (then `along` names the axis)."""

    dimensions: tuple[str, ...]
    """One name, or the members of `flat(C, R, S)`."""
    bound: Expr
    by: Expr | None
    along: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class MacLine(Node):
    """`mac`, the innermost line of a mapping."""


Statement: TypeAlias = (
    Param
    | Let
    | Fn
    | Table
    | Tie
    | Require
    | Import
    | Metric
    | Assign
    | Block
    | Return
    | Input
    | Output
    | Layers
    | Setting
    | Properties
    | MemoryBlock
    | Along
    | ArrayBlock
    | UnitBlock
    | Path
    | Keep
    | Spread
    | StationaryAt
    | Order
    | Inside
    | DataflowBlock
    | Baseline
    | HoldsLine
    | ForLine
    | MacLine
)


# --------------------------------------------------------------------------------------- the file


@dataclass(frozen=True, slots=True)
class Header(Node):
    """`net NAME`, `accel NAME`, `study NAME`, `mapping for "LAYER" on ACCELERATOR`."""

    kind: str
    name: str
    on: str | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """`# text`; on a line of its own or behind code."""

    span: Span
    own_line: bool


@dataclass(frozen=True, slots=True)
class File:
    """A parsed file. Comments stay beside the tree, for the formatter, and do not count in equality."""

    source: Source = field(compare=False, repr=False)
    header: Header | None
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...] = field(compare=False, repr=False, default=())
    broken: frozenset[str] = field(compare=False, repr=False, default=frozenset())
    """Names that statements which could not be read would have defined."""
