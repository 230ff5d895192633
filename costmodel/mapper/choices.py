"""One choice more for many partial mappings: numbers of PEs, tiles, and what follows from a whole section.

The choices of a section, in order: for each axis and dimension the PEs along it; for each dimension,
innermost loop first, the tile; then the section is closed, and what it moves is counted (`Bounds.settle`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from dovetail.costmodel.mapper.bounds import IDLE_TO, PARTNER, PIXELS, Bounds
from dovetail.costmodel.mapper.mapspace import fullest
from dovetail.costmodel.mapper.rows import BESIDE, LOOSE, Bools, Floats, Ints, Rows
from dovetail.costmodel.mapper.tiles import divisors, least, tiles, unrollings
from dovetail.dsl.problem import RELEVANT


@dataclass(frozen=True, slots=True)
class Block:
    """Partial mappings of one shape with equal orders, all at the same choice."""

    bounds: Bounds
    order: tuple[tuple[str, ...], ...]
    """Of the sections so far, that at hand included."""
    step: int
    """Which choice of the section at hand comes next: see `steps_of`."""
    rows: Rows
    parts: tuple[Floats, Floats, Floats, Floats]
    """What `Bounds.of` says of them."""
    start: int = 0
    """The section with which the partial mappings begin; those outside it are not looked at."""

    @property
    def behind(self) -> int:
        """The section such that what ends behind it or further in is the last of `parts`."""
        return len(self.order)

    @property
    def own(self) -> list[int]:
        """Axes that are unrolled in the section at hand."""
        section = len(self.order) - 1
        first = section == self.start
        return [n for n, (at, _) in enumerate(self.bounds.axes) if at == section or (first and at < section)]


def choose(block: Block) -> list[Block]:
    """All blocks with one choice more."""
    bounds = block.bounds
    if block.step == 0:
        return [_first(block, order) for order in _orders(block)]
    section = len(block.order) - 1
    order = block.order[-1]
    own = block.own
    spatial = [(axis, k) for axis in own for k in range(len(bounds.sides[axis]))]
    step = block.step - 1
    rows = block.rows
    unrolled = bounds.axes_before(section + 1)
    room = None
    if step < len(spatial):
        axis, k = spatial[step]
        rows = _unroll(bounds, rows, section, axis, k, merged=0 < block.start == section)
        unrolled = axis
        room = bounds.axes[axis][1].size // np.maximum(rows.axis(axis).prod(axis=0), 1)
    elif step - len(spatial) < len(order):
        d = order[-1 - (step - len(spatial))]
        rows = _cut(bounds, rows, section, order, d, block.start)
        rows = _fits(bounds, rows, section, order, d)
    else:
        rows = rows.take(np.arange(len(rows)))
        _close(bounds, rows, section, order, own)
        bounds.settle(rows, section, own)
        time, top, energy, further = bounds.of(rows, section + 1, unrolled)
        settled = rows.energy + bounds.mac_pj
        parts = time, top, settled, energy - settled + further
        return [Block(bounds, block.order, 0, rows, parts, block.start)]
    if not len(rows):
        return []
    parts = bounds.of(rows, section, unrolled, room)
    return [Block(bounds, block.order, block.step + 1, rows, parts, block.start)]


def _orders(block: Block) -> tuple[tuple[str, ...], ...]:
    """Orders of the next section, and of those merged into it where a dataflow demands some order."""
    sections = block.bounds.shape.sections[: len(block.order) + 1]
    if 0 < block.start == len(block.order) and any(section.demanded for section in sections):
        return tuple(dict.fromkeys(order for section in sections for order in section.orders))
    return sections[-1].orders


def _first(block: Block, order: tuple[str, ...]) -> Block:
    rows = block.rows.take(np.arange(len(block.rows)))
    rows.before[:] = rows.free
    rows.outside[:] = rows.exact
    rows.pes[:] = 1
    rows.trips[:] = 1
    made = Block(block.bounds, (*block.order, order), 1, rows, block.parts, block.start)
    section = len(block.order)
    parts = block.bounds.of(rows, section, made.own[0] if made.own else block.bounds.axes_before(section))
    return replace(made, parts=parts)


def _fits(bounds: Bounds, rows: Rows, section: int, order: tuple[str, ...], d: str) -> Rows:
    """Drop what already holds too much."""
    if section + 1 == len(bounds.shape.sections):
        return rows
    memory = bounds.architecture.memory(bounds.shape.frame.places[section + 1].memory)
    if memory.size_bits is None:
        return rows
    chosen = frozenset(order[order.index(d) :])
    held = rows.held[bounds.memory_at[memory.name]]
    return _keep(rows, held + bounds.tile_bits(rows, section + 1, chosen) <= memory.size_bits)


def _unroll(bounds: Bounds, rows: Rows, section: int, axis: int, k: int, *, merged: bool) -> Rows:
    """Choose how many PEs along an axis a dimension gets.

    Where sections outside are `merged` into this one, they may have left less: nothing is forced then.
    """
    rule = bounds.axes[axis][1]
    d = bounds.sides[axis][k]
    i = bounds.at[d]
    forced = k < len(rule.first)
    bound = int(bounds.bounds[i])
    room = rule.size // rows.axis(axis).prod(axis=0)

    def choices(key: tuple[int, int]) -> tuple[int, ...]:
        if merged:
            return _merged_unrollings(bound, *key)
        found = unrollings(*key)
        return found[:1] if forced else found

    part = -(-rows.left[i] // rows.pes[i])
    which, pes = _expand(np.stack([part, room]), choices)
    before = rows
    rows = rows.take(which)
    rows.axis(axis)[i] = pes
    rows.unspread[i] = -(-rows.unspread[i] // pes)
    rows.pes[i] *= pes
    rows.instances[:] *= pes
    if d in "CRS":
        rows.reducing[:] *= pes
    if d in IDLE_TO and bounds.carries(axis, IDLE_TO[d], section):
        rows.shared[i] *= pes
    if rule.full and not merged and k == len(bounds.sides[axis]) - 1:
        used = rows.axis(axis).prod(axis=0)
        rows = _keep(rows, used >= _fullest(bounds, before, axis)[which])
    return rows


def _fullest(bounds: Bounds, rows: Rows, axis: int) -> Ints:
    rule = bounds.axes[axis][1]
    known: dict[tuple[int, ...], int] = {}
    most = []
    # what was left before the axis: its own numbers are divided out by walking the choice again
    for column in _whole(bounds, rows, axis).T.tolist():
        key = tuple(column)
        if key not in known:
            known[key] = fullest(rule, dict(zip(bounds.dimensions, key, strict=True)))
        most.append(known[key])
    return np.array(most, np.int64)


def _whole(bounds: Bounds, rows: Rows, axis: int) -> Ints:
    """What the axes outside `axis` leave of each bound."""
    left = np.repeat(bounds.bounds[:, None], len(rows), axis=1)
    for number in range(axis):
        left = -(-left // rows.axis(number))
    return left


def _cut(bounds: Bounds, rows: Rows, section: int, order: tuple[str, ...], d: str, start: int) -> Rows:
    """Choose the tile that the section leaves of a dimension."""
    i = bounds.at[d]
    own = bounds.shape.sections[section]
    # sections outside the first one looked at are merged into it
    among = bounds.shape.sections[:section] if section == start else ()
    still = d in own.still and all(d in outer.still for outer in among)
    part = -(-rows.left[i] // rows.pes[i])
    if start and section == start and not own.innermost:
        bound = int(bounds.bounds[i])

        def choices(key: tuple[int, int]) -> tuple[int, ...]:
            return (key[0],) if still else reachable(bound, key[1])

        which, tile = _expand(np.stack([part, rows.pes[i]]), _at_most(choices, bounds.most(d, section)))
    else:

        def choices(key: tuple[int, int]) -> tuple[int, ...]:
            return tiles(key[0], key[1] == 1, still, own.innermost)

        which, tile = _expand(np.stack([part, rows.uncut[i]]), _at_most(choices, bounds.most(d, section)))
    rows, part = rows.take(which), part[which]
    rows.trips[i] = -(-part // tile)
    rows.uncut[i] &= rows.trips[i] == 1
    divides = rows.left[i] % (rows.pes[i] * tile) == 0
    if not divides.all():
        rows.exact[i] &= divides
        rows.short[i] = np.minimum(
            1.0, rows.short[i] + _short(rows.left[i], rows.pes[i], rows.trips[i], tile)
        )
    rows.steps[:] *= rows.trips[i]
    rows.left[i] = tile
    rows.tile(section)[i] = tile
    inside = _moved(bounds, rows, d, order[order.index(d) + 1 :])
    rows.free[i] = np.where(inside, 1, rows.before[i] * rows.trips[i])
    rows.before[i] = np.where(inside, -rows.before[i], rows.before[i])  # a mark for `_close`
    rows.pes[i] = 1
    return rows


def _moved(bounds: Bounds, rows: Rows, d: str, among: tuple[str, ...]) -> Bools:
    """Whether a loop `among` those of the section moves the operand to which `d` is idle."""
    moved = np.zeros(len(rows), bool)
    operand = IDLE_TO.get(d)
    if operand is not None:
        for e in among:
            if e in RELEVANT[operand]:
                moved |= rows.trips[bounds.at[e]] > 1
    return moved


def _close(bounds: Bounds, rows: Rows, section: int, order: tuple[str, ...], own: list[int]) -> None:
    """What is known once all tiles of a section are chosen."""
    sure = None if rows.exact.all() else _sure(bounds, rows, order, own)
    for d in order:
        i = bounds.at[d]
        moved = _moved(bounds, rows, d, order)
        if sure is not None and d in IDLE_TO:
            _loosen(bounds, rows, order, d, moved, sure)
        rows.free[i] = np.where(moved & (rows.before[i] > 0), rows.trips[i], rows.free[i])
    if bounds.problem.R > 1 or bounds.problem.S > 1:
        _slide(bounds, rows, order, own, sure)
    if sure is not None:
        _idle_pes(bounds, rows, order, own)
    else:
        rows.rest[:] = rows.left


def _sure(bounds: Bounds, rows: Rows, order: tuple[str, ...], own: list[int]) -> dict[str, Bools]:
    """Whether the section's loop over a dimension moves in every pass, a short one too.

    So unless a loop outside it over the same dimension is imperfect, or some PE may be left without a
    second iteration.
    """
    sure = {}
    for e in order:
        j = bounds.at[e]
        one = _pes(rows, own, j) == 1
        again = one & (rows.rest[j] > rows.left[j])
        firm = (rows.outside[j] == 1) & (one | (rows.exact[j] == 1))
        sure[e] = (rows.trips[j] > 1) & (firm | again)
    return sure


def _pes(rows: Rows, own: list[int], i: int) -> Ints:
    pes = np.ones(len(rows), np.int64)
    for axis in own:
        pes = pes * rows.axis(axis)[i]
    return pes


def _loosen(
    bounds: Bounds,
    rows: Rows,
    order: tuple[str, ...],
    d: str,
    moved: Bools,
    sure: dict[str, Bools],
) -> None:
    """Note visits by loops over `d` that count only for loops which may have one iteration in a short
    pass."""
    operand, i = IDLE_TO[d], bounds.at[d]
    firm = np.zeros(len(rows), bool)
    firm_inside = np.zeros(len(rows), bool)
    for e in order:
        if e in RELEVANT[operand]:
            firm |= sure[e]
            if order.index(e) > order.index(d):
                firm_inside |= sure[e]
    inside = rows.before[i] < 0
    within = inside & ~firm_inside & (rows.trips[i] > 1)
    before = moved & ~firm & (np.abs(rows.before[i]) > 1)
    rows.loose[i] |= within | before


def _slide(
    bounds: Bounds,
    rows: Rows,
    order: tuple[str, ...],
    own: list[int],
    sure: dict[str, Bools] | None,
) -> None:
    """How the section's loops move inputs last."""
    which, trips, step, doubt = rows.slide
    for d in order:
        if d not in RELEVANT["inputs"]:
            continue
        i = bounds.at[d]
        moves = rows.trips[i] > 1
        loose = np.zeros(len(rows), np.int64) if sure is None else np.where(sure[d], 0, LOOSE)
        if d not in PIXELS:
            which[:] = np.where(moves, 0, which)
            doubt[:] = np.where(moves, loose, doubt)
            continue
        code = 1 + PIXELS.index(d)
        again = which == code
        partner = (which == 1 + PIXELS.index(PARTNER[d])) | (doubt >= LOOSE)
        beside = np.where(again, doubt & BESIDE, np.where(partner, BESIDE, 0))
        doubt[:] = np.where(moves, beside | loose, doubt)
        trips[:] = np.where(moves, np.where(again, trips * rows.trips[i], rows.trips[i]), trips)
        step[:] = np.where(moves, rows.left[i] * _pes(rows, own, i), step)
        which[:] = np.where(moves, code, which)


def _idle_pes(bounds: Bounds, rows: Rows, order: tuple[str, ...], own: list[int]) -> None:
    """PEs that have nothing to do in a short pass keep their tiles meanwhile."""
    for d in order:
        i = bounds.at[d]
        pes = _pes(rows, own, i)
        busy = np.minimum(-(-rows.rest[i] // rows.left[i]), pes)
        # with three passes or more, a PE that is idle in the last one still moves between the others
        passes = -(-rows.unspread[i] // (rows.left[i] * rows.trips[i]))
        idle = (busy < pes) & (rows.outside[i] == 0) & (passes <= 2)
        if idle.any():
            rows.short[i] = np.where(idle, np.minimum(1.0, rows.short[i] + 1 - busy / pes), rows.short[i])
            for operand in (o for o in RELEVANT if d in RELEVANT[o]):
                for j in bounds.idle[operand]:
                    rows.loose[j] |= idle
                if operand == "inputs":
                    rows.slide[3] |= np.where(idle, LOOSE, 0)
        rest = rows.rest[i] % (pes * rows.left[i])
        rest = np.where(rest == 0, pes * rows.left[i], rest)
        last = rest % rows.left[i]
        rows.rest[i] = np.where(last == 0, rows.left[i], last)


def _at_most(
    choices: Callable[[tuple[int, int]], tuple[int, ...]], most: int | None
) -> Callable[[tuple[int, int]], tuple[int, ...]]:
    if most is None:
        return choices
    return lambda key: tuple(tile for tile in choices(key) if tile <= most)


@lru_cache(maxsize=65536)
def reachable(bound: int, pes: int) -> tuple[int, ...]:
    """All tiles that several sections can leave of a bound spread over so many PEs."""
    outside = {tile for first in least(bound) for tile in divisors(first)}
    left = {-(-tile // pes) for tile in outside} | set(least(-(-bound // pes)))
    return tuple(sorted({tile for first in left for tile in divisors(first)}, reverse=True))


@lru_cache(maxsize=65536)
def _merged_unrollings(bound: int, most: int, room: int) -> tuple[int, ...]:
    """All numbers of PEs for any tile of `bound` that sections outside can leave, up to `most`."""
    found = {pes for tile in reachable(bound, 1) for pes in unrollings(tile, room)}
    return tuple(sorted((pes for pes in found if pes <= most), reverse=True))


def _short(left: Ints, pes: Ints, trips: Ints, tile: Ints) -> Floats:
    """The part of `left` in passes, or at PEs, that have less to walk than the others."""
    missing = trips * pes * tile - left
    tail = np.where(missing > 0, tile - missing % tile, 0) % np.maximum(tile, 1)
    last = np.where(pes == 1, left - (trips - 1) * tile, tail)
    idle = np.where((trips == 2) & (pes > 1), missing // tile * tile, 0)
    return np.where(missing > 0, (last + idle) / left, 0.0)


def _keep(rows: Rows, which: Bools) -> Rows:
    return rows if which.all() else rows.take(np.flatnonzero(which))


def some(block: Block, which: Ints) -> Block:
    """A block with only these rows."""
    parts = block.parts
    kept = (parts[0][which], parts[1][which], parts[2][which], parts[3][which])
    return replace(block, rows=block.rows.take(which), parts=kept)


def _expand(keys: Ints, choices: Callable[[tuple[int, int]], tuple[int, ...]]) -> tuple[Ints, Ints]:
    """Each row once for each of its choices: positions of the rows, and the choices.

    `keys: int64[2, rows]`: what the choices depend on.
    """
    packed = keys[0] * (1 << 24) + keys[1]
    distinct, inverse = np.unique(packed, return_inverse=True)
    lists = [choices((int(key) >> 24, int(key) & 0xFFFFFF)) for key in distinct]
    lengths = np.array([len(own) for own in lists], np.int64)
    flat = np.array([value for own in lists for value in own], np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    many = lengths[inverse]
    which = np.repeat(np.arange(len(inverse)), many)
    begin = np.cumsum(many) - many
    within = np.arange(len(which)) - np.repeat(begin, many)
    return which, flat[np.repeat(starts[inverse], many) + within]
