"""Which feature maps stay on chip, so that the network as a whole is best.

    choice = choose(count, maps, room_bits, points, Objective.EDP)
    choice.kept, choice.taken

Layers run in their order. What a layer costs depends on which of the feature maps that are alive meanwhile
stay: on its own, which it then finds and leaves on chip, and on the others, whose place it does not have. So
the state between two layers is the set of those that stay and are still to be read, and the recursion over
layers keeps for each state the corners of the hull of all (cycles, pJ) that lead there. That loses nothing:
latency and energy have their least value at a corner, and so has their product (`selection.py`); a corner of
a sum of sets is a sum of corners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Final, TypeAlias

from dovetail.costmodel.feature_maps import FeatureMap
from dovetail.costmodel.selection import Objective, Point, corners

MOST_STATES: Final = 4096
"""States between two layers that are followed; beyond, those that are best so far."""

Kept: TypeAlias = frozenset[int]
"""Feature maps by number."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What stays, and the point that each layer takes."""

    kept: Kept
    here: tuple[Kept, ...]
    """For each layer those of `kept` that are alive while it runs."""
    taken: tuple[int, ...]
    exact: bool
    """Whether all states were followed: no other choice is better."""


@dataclass(frozen=True, slots=True)
class _Path:
    """One way to run the layers so far."""

    cycles: int
    pj: float
    before: _Path | None
    here: Kept
    taken: int


def choose(
    count: int,
    maps: Sequence[FeatureMap],
    room_bits: int | None,
    points: Callable[[int, Kept], Sequence[Point]],
    objective: Objective,
) -> Choice:
    """The best choice for `count` layers; `room_bits` is the size of the memory (None: unlimited).

    `points(layer, kept)` are the ways to run a layer while these are kept, with none where it cannot run;
    with nothing kept every layer can. Of equal choices the one that keeps less is taken.
    """
    start = _Path(0, 0.0, None, frozenset(), -1)
    states: dict[Kept, list[_Path]] = {frozenset(): [start]}
    exact = True
    for layer in range(count):
        new = [number for number, found in enumerate(maps) if found.first == layer]
        reached: dict[Kept, list[_Path]] = {}
        for state, paths in states.items():
            for added in _subsets(new):
                here = state | added
                if room_bits is not None and sum(maps[m].bits_at(layer) for m in here) > room_bits:
                    continue
                after = frozenset(m for m in here if maps[m].last > layer)
                longer = [
                    _Path(path.cycles + cycles, path.pj + pj, path, here, index)
                    for index, (cycles, pj) in enumerate(points(layer, here))
                    for path in paths
                ]
                if longer:
                    reached.setdefault(after, []).extend(longer)
        states = {state: _best(paths) for state, paths in reached.items()}
        if len(states) > MOST_STATES:
            exact = False
            states = _fewer(states, objective)
    path = min(states[frozenset()], key=lambda p: _worth(p, objective))
    trail: list[_Path] = []
    at: _Path | None = path
    while at is not None and at.taken >= 0:
        trail.append(at)
        at = at.before
    trail.reverse()
    alive = tuple(step.here for step in trail)
    return Choice(frozenset().union(*alive), alive, tuple(step.taken for step in trail), exact)


def _subsets(maps: Sequence[int]) -> Iterable[Kept]:
    """From nothing to everything."""
    return map(frozenset, chain.from_iterable(combinations(maps, n) for n in range(len(maps) + 1)))


def _best(paths: Sequence[_Path]) -> list[_Path]:
    return [paths[index] for index in corners([(path.cycles, path.pj) for path in paths])]


def _worth(path: _Path, objective: Objective) -> tuple[float, float]:
    other = path.pj if objective is Objective.LATENCY else float(path.cycles)
    return objective.of(path.cycles, path.pj), other


def _fewer(states: dict[Kept, list[_Path]], objective: Objective) -> dict[Kept, list[_Path]]:
    """The best states, and the one that keeps nothing: no choice may be worse than that."""
    ranked = sorted(states, key=lambda s: (bool(s), min(_worth(p, objective) for p in states[s])))
    return {state: states[state] for state in ranked[:MOST_STATES]}
