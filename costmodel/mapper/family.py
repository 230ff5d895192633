"""Families: mappings of one shape whose loops matter in the same way.

Whether a section's loops idle to an operand bring its tile again depends on two things: whether they are
its innermost loops, and whether any loop that moves the operand is further in. A family says both for each
section, and with that its mappings' counts are products. Families are made section by section, from the
innermost outward.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, combinations

from dovetail.costmodel.mapper.mapspace import Section
from dovetail.costmodel.mapper.orders import IDLE

Order = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a family says of one section."""

    still: frozenset[str]
    """Operands that no loop of the section moves."""
    free: frozenset[str]
    """Of the others those whose idle loops are innermost: their tiles stay meanwhile."""
    known: frozenset[str]
    """Operands of which `still` says whether they move; it does not matter for the others."""
    shaky: frozenset[str]
    """Operands that are moved, but not for every PE in every pass: where loops do not divide."""
    orders: tuple[Order, ...]
    """The orders that are so."""
    slides: str | None = None
    """Of inputs that are held next: along which axis their tiles slide; None where that is open."""


def innermost(order: Order, operand: str) -> bool:
    """Whether the loops idle to an operand are inside all others."""
    idle = [d for d in order if d in IDLE[operand]]
    return not idle or order[-len(idle) :] == tuple(idle)


def slides_along(order: Order) -> str:
    """The axis of the innermost loop over pixels or kernels."""
    last = [d for d in order if d in "PQRS"][-1:]
    return "rows" if not last or last[0] in "PR" else "columns"


def choices(
    section: Section,
    known: frozenset[str],
    shaky: frozenset[str],
    windows: tuple[str, ...],
    every_order: bool,
) -> Iterator[Choice]:
    """All choices of a section. `known`: operands with a tile further in that no loop in between moves;
    `shaky`: operands that the section may move for some PEs only; `windows`: the axes along which tiles of
    inputs that are held next may slide.

    An order that is idle for an operand which no loop moves is never better than one that is idle for
    another: it is left out where there is another. Not so with `every_order`: where tiles further in
    overlap, each order may be the one along whose loops they slide; where short passes do not move a tile,
    loops outside of them may be idle for it too.
    """
    if section.demanded:
        yield Choice(frozenset(), frozenset(known), frozenset(), frozenset(), section.orders)
        return
    for still in _subsets(known):
        by_free: dict[frozenset[str], list[Order]] = {}
        for order in section.orders:
            free = frozenset(o for o in known - still if innermost(order, o))
            by_free.setdefault(free, []).append(order)
        for free, orders in by_free.items():
            if every_order or not any(free < other for other in by_free):
                for loose in _subsets((known - still) & shaky):
                    yield from _sliding(Choice(still, free, known, loose, tuple(orders)), windows)


def _subsets(operands: frozenset[str]) -> Iterator[frozenset[str]]:
    own = sorted(operands)
    return map(frozenset, chain.from_iterable(combinations(own, n) for n in range(len(own) + 1)))


def _sliding(choice: Choice, windows: tuple[str, ...]) -> Iterator[Choice]:
    """A choice for each axis along which tiles may slide, with the orders that make them."""
    if len(windows) < 2:
        yield replace(choice, slides=windows[0] if windows else None)
        return
    for axis in windows:
        orders = tuple(order for order in choice.orders if slides_along(order) == axis)
        if orders:
            yield replace(choice, orders=orders, slides=axis)


@dataclass(frozen=True, slots=True)
class Visits:
    """Of one tile, the sections outside it: in `counted` ones idle loops bring it again, in others they do
    not."""

    counted: tuple[bool, ...]
    moved: bool | None
    """Whether the tile ever moves; None where that is open."""
    open: bool
    """No loop further in than the family's outermost section moves it."""
    firm: bool
    """What moves it does so for every PE in every pass."""


def visits(family: tuple[Choice | None, ...], operand: str, inner: int) -> Visits:
    """How the idle loops outside place `inner` bring an operand's tile; sections not chosen yet bring nothing
    unless a loop inside them does."""
    counted = [False] * inner
    still_open = firm = True
    moved: bool | None = False
    for s in range(inner - 1, -1, -1):
        choice = family[s]
        if not still_open:
            counted[s] = True
        elif choice is None:
            moved = None
        elif operand in choice.still:
            continue
        elif not choice.known:
            moved = None  # the order is demanded: any loop may be the innermost
        else:
            still_open = False
            moved = True
            firm = operand not in choice.shaky
            counted[s] = operand not in choice.free
    return Visits(tuple(counted), moved, still_open, firm)
