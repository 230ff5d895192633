"""Timeloop's counts from the text of `in.yaml` alone, by the rules that its runs are known to follow.

Nothing of ours is imported: the nest is walked iteration by iteration, tiles are sets of words. Rules:

- A level holds the box of all loops at and inside it. When it moves, what is not in the last box is new, as
  long as it moves by the same vector; after another move all of it is new and the last move is forgotten.
- What is new for one instance is read from the next level outside that keeps the tensor. Instances under one
  parent that need equal sets in one step are served by one read, unless the way there has no multicast.
- MACs keep nothing: each step needs its one word.
- Outputs go the other way: what is new is an update of the level outside; an update reads the old value but
  for the first of each word there; a level asks for old values but for the first time of each word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import yaml

SPACES = ("Weights", "Inputs", "Outputs")
Word = tuple[int, ...]


@dataclass(frozen=True)
class Loop:
    level: int
    dimension: str
    end: int
    spatial: bool


@dataclass(frozen=True)
class Nest:
    names: tuple[str, ...]
    keeps: tuple[frozenset[str], ...]
    loops: tuple[Loop, ...]
    alone: tuple[frozenset[str], ...]
    coefficients: dict[str, int]

    def inside(self, level: int) -> dict[str, int]:
        """Iterations of each dimension at a level and further in."""
        extent: dict[str, int] = {}
        for loop in self.loops:
            if loop.level >= level:
                extent[loop.dimension] = extent.get(loop.dimension, 1) * loop.end
        return extent

    def outside(self, level: int) -> tuple[Loop, ...]:
        return tuple(loop for loop in self.loops if loop.level < level)


def nest_of(text: str) -> Nest:
    tree = yaml.safe_load(text)
    names = [node["name"] for node in tree["architecture"]["subtree"][0]["local"][:-1]]
    said: dict[tuple[str, str], Any] = {(d["target"], d["type"]): d for d in tree["mapping"]}
    loops: list[Loop] = []
    for level, name in enumerate(names):
        for kind in ("temporal", "spatial"):
            directive = said.get((name, kind))
            if directive is None:
                continue
            ends = {d: int(end) for d, end in re.findall(r"([A-Z])=(\d+)(?!,)\b", directive["factors"])}
            assert "," not in directive["factors"], "perfect factors only"
            # The permutation is inner to outer; loops of one iteration are nothing.
            order = [d for d in reversed(directive["permutation"]) if ends[d] > 1]
            loops += [Loop(level, d, ends[d], kind == "spatial") for d in order]
    return Nest(
        tuple(names),
        tuple(frozenset(said[name, "bypass"]["keep"]) for name in names),
        tuple(loops),
        tuple(frozenset(said.get((n, "spatial"), {}).get("no_multicast_no_reduction", ())) for n in names),
        tree["problem"]["instance"],
    )


def box(nest: Nest, space: str, origin: dict[str, int], extent: dict[str, int]) -> tuple[range, ...]:
    def plain(d: str) -> range:
        return range(origin.get(d, 0), origin.get(d, 0) + extent.get(d, 1))

    def window(pixel: str, stride: str, kernel: str, dilation: str) -> range:
        s, d = nest.coefficients[stride], nest.coefficients[dilation]
        first = origin.get(pixel, 0) * s + origin.get(kernel, 0) * d
        return range(first, first + (extent.get(pixel, 1) - 1) * s + (extent.get(kernel, 1) - 1) * d + 1)

    if space == "Weights":
        return tuple(plain(d) for d in "GMCRS")
    if space == "Outputs":
        return tuple(plain(d) for d in "NGMPQ")
    rows, columns = window("P", "Hstride", "R", "Hdilation"), window("Q", "Wstride", "S", "Wdilation")
    return (plain("N"), plain("G"), plain("C"), rows, columns)


def steps_of(nest: Nest, level: int) -> Iterator[tuple[Word, Word, dict[str, int]]]:
    """For each time and place of a level: time, place (one number a spatial loop), where its tile begins."""
    loops = nest.outside(level)
    size: dict[str, int] = dict(nest.inside(level))
    steps = []
    for loop in reversed(loops):
        steps.append(size.get(loop.dimension, 1))
        size[loop.dimension] = size.get(loop.dimension, 1) * loop.end
    steps.reverse()
    times = [range(loop.end) for loop in loops if not loop.spatial]
    places = [range(loop.end) for loop in loops if loop.spatial]
    for time in product(*times):
        for place in product(*places):
            origin: dict[str, int] = {}
            at = {False: iter(time), True: iter(place)}
            for loop, step in zip(loops, steps, strict=True):
                origin[loop.dimension] = origin.get(loop.dimension, 0) + next(at[loop.spatial]) * step
            yield time, place, origin


def new_words(nest: Nest, space: str, level: int) -> dict[tuple[Word, Word], frozenset[Word]]:
    """What is new at each time in each place of a level; `len(names)` stands for the MACs."""
    extent = nest.inside(level)
    last: dict[Word, tuple[frozenset[Word], Word, Word | None]] = {}
    found: dict[tuple[Word, Word], frozenset[Word]] = {}
    for time, place, origin in steps_of(nest, level):
        ranges = box(nest, space, origin, extent)
        corner = tuple(r.start for r in ranges)
        words = frozenset(product(*ranges))
        if level == len(nest.names) or place not in last:
            found[time, place] = words
            last[place] = (words, corner, None)
            continue
        before, where, move = last[place]
        step = tuple(a - b for a, b in zip(corner, where, strict=True))
        if not any(step):
            found[time, place] = frozenset()
        elif move is None or step == move:
            found[time, place] = words - before
            last[place] = (words, corner, step)
        else:
            found[time, place] = words
            last[place] = (words, corner, None)
    return found


def seen(nest: Nest, level: int) -> int:
    """Words of the outputs that each instance of a level ever sees, over all instances."""
    extent = nest.inside(level)
    words: dict[Word, set[Word]] = {}
    for _, place, origin in steps_of(nest, level):
        words.setdefault(place, set()).update(product(*box(nest, "Outputs", origin, extent)))
    return sum(map(len, words.values()))


def counts(text: str) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Reads, fills and updates by level and data space, over all instances."""
    nest = nest_of(text)
    found: dict[tuple[str, str], tuple[int, int, int]] = {}
    for space in SPACES:
        chain = [level for level, keep in enumerate(nest.keeps) if space in keep]
        assert chain[0] == 0
        asked = {level: new_words(nest, space, level) for level in (*chain[1:], len(nest.names))}
        for level, inner in zip(chain, (*chain[1:], len(nest.names)), strict=True):
            served = _served(nest, space, level, inner, asked[inner])
            own = sum(map(len, asked[level].values())) if level else 0
            if space == "Outputs":
                first = seen(nest, level)
                found[nest.names[level], space] = (served - first, own - first if level else 0, served)
            else:
                found[nest.names[level], space] = (served, own, 0)
    return found


def _served(
    nest: Nest, space: str, level: int, inner: int, asked: dict[tuple[Word, Word], frozenset[Word]]
) -> int:
    """Words that leave a level for the next one inside: equal sets under one parent once."""
    outer = sum(loop.spatial for loop in nest.outside(level))
    ways = [nest.alone[at] for at in range(level, inner) if _fans(nest, at)]
    if any(space in alone for alone in ways):
        return sum(map(len, asked.values()))
    groups: dict[tuple[Word, Word], set[frozenset[Word]]] = {}
    for (time, place), words in asked.items():
        if words:
            groups.setdefault((time, place[:outer]), set()).add(words)
    return sum(len(words) for group in groups.values() for words in group)


def _fans(nest: Nest, level: int) -> bool:
    return any(loop.level == level and loop.spatial for loop in nest.loops)


def steps(text: str) -> int:
    """Compute steps: all temporal iterations."""
    return prod(loop.end for loop in nest_of(text).loops if not loop.spatial)
