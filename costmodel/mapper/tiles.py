"""Tile sizes: how a dimension may be cut.

A section that walks `m` of a dimension leaves a tile that divides `m`. The outermost loop of a dimension may
be imperfect: for each number of passes the least tile, `ceil(m / passes)`. Spread over `u` PEs, what is left
to one PE is `ceil(x / u)`, and `u` is any least number of PEs for some number of passes: so 27 on 14 PEs are
14 and 13.
"""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=65536)
def divisors(m: int) -> tuple[int, ...]:
    """Divisors, descending."""
    small = [n for n in range(1, int(m**0.5) + 1) if m % n == 0]
    return tuple(sorted({d for n in small for d in (n, m // n)}, reverse=True))


@lru_cache(maxsize=65536)
def least(m: int) -> tuple[int, ...]:
    """The least tile for each number of passes over `m`, descending; the divisors are among them."""
    found = []
    tile = m
    while tile >= 1:
        passes = -(-m // tile)
        found.append(-(-m // passes))
        tile = found[-1] - 1
    return tuple(found)


@lru_cache(maxsize=65536)
def tiles(m: int, outermost: bool, still: bool, innermost: bool) -> tuple[int, ...]:
    """The tiles that a section may leave of `m`."""
    if innermost:
        return (1,) if m == 1 or not still else ()
    if still:
        return (m,)
    return least(m) if outermost else divisors(m)


@lru_cache(maxsize=65536)
def unrollings(bound: int, room: int) -> tuple[int, ...]:
    """Numbers of PEs over which `bound` iterations may be spread, descending."""
    return tuple(n for n in least(bound) if n <= room)
