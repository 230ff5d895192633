"""The parts of an accelerator before their values are known: what the statements say.

Nothing is evaluated here, so that what an overlay replaces is never asked for, nor any choice in it made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from dovetail.accel.properties import RIVALS
from dovetail.dsl import syntax as s
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Span
from dovetail.dsl.values import Value


@dataclass(frozen=True, slots=True)
class Entry:
    """What the text gives one property, where, and the names in force there."""

    values: tuple[s.Value, ...]
    span: Span
    scope: Scope


@dataclass(slots=True)
class Draft:
    """A part with properties."""

    name: str
    span: Span
    """Where it was given last; `origin` is where it was given first."""
    entries: dict[str, Entry] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    """What the entries evaluated to, for names like `Buffer.size` in requirements."""
    origin: Span = field(init=False)
    flawed: bool = False
    """Some property was refused, so that what is missing may be what was meant."""

    def __post_init__(self) -> None:
        self.origin = self.span

    def put(self, name: str, entry: Entry, anew: bool) -> None:
        """Give a property; `anew` (an overlay) takes back what says the same in another way."""
        if anew:
            for rivals in RIVALS:
                if name in rivals:
                    for rival in rivals - {name}:
                        if rival in self.entries and self.entries[rival].span.source is not entry.span.source:
                            del self.entries[rival]
        self.entries[name] = entry


@dataclass(slots=True)
class MemoryDraft(Draft):
    """`memory NAME { … }`."""


@dataclass(slots=True)
class MacDraft(Draft):
    """`mac { … }` and the array it stands in."""

    home: ArrayDraft | None = None


@dataclass(slots=True)
class UnitDraft(Draft):
    """`unit NAME[lanes] at MEMORY { … }`."""

    lanes: s.Expr | None = None
    at: str = ""
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class LinkDraft:
    """One link of an `along` line."""

    axes: tuple[str, ...]
    item: s.LinkItem
    span: Span
    scope: Scope


@dataclass(slots=True)
class ArrayDraft(Draft):
    """`array NAME[axes] { … }`; its entries are those of `timing`."""

    axes: dict[str, Entry] = field(default_factory=dict)
    links: list[LinkDraft] = field(default_factory=list)
    inside: Inside = field(default_factory=list)


LevelDraft: TypeAlias = MemoryDraft | ArrayDraft
Inside: TypeAlias = list[LevelDraft]


def levels(inside: Inside) -> Iterator[LevelDraft]:
    """All levels, outer to inner."""
    for level in inside:
        yield level
        if isinstance(level, ArrayDraft):
            yield from levels(level.inside)
