"""What an exploration found, and what the charts of its report draw of it, as numbers.

run = Run(...)                 points as columns: picks of choices, values of metrics, the front
best(run, goal), knee(run)     the designs that the first paragraph speaks of
density(run, ...)              dominated points as counts on a grid
sample(run, most)              a few of them, the same ones each time
effects(run)                   how much each choice matters for each objective
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose

import numpy as np
from numpy.typing import NDArray

from dovetail.explorer.report.records import InputFile
from dovetail.explorer.report.scale import Scale

Picks = NDArray[np.int32]
Values = NDArray[np.float64]
Positions = NDArray[np.int64]

NOT_MADE = -1
"""A choice that a design does not have, since another one made it needless."""


@dataclass(frozen=True, slots=True)
class Goal:
    """An objective: the name of its metric, and whether more of it is better."""

    metric: str
    maximize: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """A choice and its options, as text."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The design that the others are compared with."""

    name: str
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Run:
    """Every design that was evaluated and could run. Raises ValueError where shapes do not agree."""

    name: str
    goals: tuple[Goal, ...]
    conditions: tuple[str, ...]
    axes: tuple[Axis, ...]
    picks: Picks
    """int32[points, axes]: positions in `Axis.options`, or NOT_MADE."""
    metrics: tuple[str, ...]
    units: Mapping[str, str]
    """By metric: `s`, `pJ`, `mm2` ...; plain numbers have none."""
    values: Values
    """float64[points, metrics]"""
    names: tuple[str, ...]
    """The number of each design in its space, as text (spaces outgrow 64 bit); in their order."""
    meets: NDArray[np.bool_]
    """bool[points]: whether all conditions hold; designs that fail one are drawn, but never on the front."""
    front: tuple[int, ...]
    """Positions of the points of the Pareto front, by the first objective from the best on."""
    space_size: int | None
    refused: int
    """Designs that cannot run at all."""
    claim: str
    """What the engine says of its front: proved, or how it was found."""
    exact: bool
    finished: bool
    inputs: tuple[InputFile, ...]
    versions: tuple[tuple[str, str], ...]
    baseline: Baseline | None = None

    def __post_init__(self) -> None:
        points = len(self.names)
        if self.picks.shape != (points, len(self.axes)) or self.values.shape != (points, len(self.metrics)):
            raise ValueError("picks and values have a row for every point, and a column for every name")
        if self.meets.shape != (points,) or any(not 0 <= p < points for p in self.front):
            raise ValueError("the front is made of points of the run")
        if not self.goals or any(goal.metric not in self.metrics for goal in self.goals):
            raise ValueError("every objective is a metric, and there is one at least")

    def column(self, metric: str) -> Values:
        """float64[points]: the values of a metric."""
        found: Values = self.values[:, self.metrics.index(metric)]
        return found

    def choices(self, point: int) -> dict[str, str]:
        """The choices of a point by name, those that it makes."""
        return {
            axis.name: axis.options[pick]
            for axis, pick in zip(self.axes, self.picks[point].tolist(), strict=True)
            if pick != NOT_MADE
        }

    @property
    def winners_alone(self) -> bool:
        """Whether the engine proved its front without looking at each design, and kept no others."""
        return self.exact and self.space_size is not None and self.space_size > len(self.names) + self.refused

    @property
    def considered(self) -> int:
        """How many designs the front is the best of."""
        if self.winners_alone and self.space_size is not None:
            return self.space_size
        return len(self.names)

    @property
    def dominated(self) -> Positions:
        """int64[...]: positions of all points that are not on the front, in order."""
        mask = np.ones(len(self.names), dtype=bool)
        mask[list(self.front)] = False
        found: Positions = np.flatnonzero(mask)
        return found


# ------------------------------------------------------------------------------------- chosen designs


def best(run: Run, goal: Goal) -> int:
    """The point of the front that is best in one objective; the first one of equals."""
    values = run.column(goal.metric)[list(run.front)]
    at = np.argmax(values) if goal.maximize else np.argmin(values)
    return run.front[int(at)]


def knee(run: Run) -> int:
    """The point of the front that is nearest to the best of all objectives at once.

    Each objective runs from 0 at its best on the front to 1 at its worst (the logarithm does, where it spans
    more than a decade); the distance is Euclidean. The first one of equals.
    """
    front = list(run.front)
    total = np.zeros(len(front))
    for goal in run.goals:
        values = run.column(goal.metric)[front]
        if values.min() > 0 and values.max() > 10 * values.min():
            values = np.log(values)
        span = values.max() - values.min()
        if span:
            away = values.max() - values if goal.maximize else values - values.min()
            total += (away / span) ** 2
    return front[int(np.argmin(total))]


def ratio(run: Run, point: int, goal: Goal) -> float | None:
    """How many times better than the baseline a point is in an objective; None where that says nothing."""
    if run.baseline is None:
        return None
    base = run.baseline.metrics.get(goal.metric)
    value = float(run.column(goal.metric)[point])
    if not base or not value or base < 0 or value < 0:
        return None
    return value / base if goal.maximize else base / value


def shown_in_full(run: Run, most: int) -> tuple[int, ...]:
    """Points of the front to show in full: the best of each objective, the knee, then evenly along it."""
    chosen = dict.fromkeys([knee(run), *(best(run, goal) for goal in run.goals)])
    if len(run.front) <= most:
        chosen |= dict.fromkeys(run.front)
    else:
        places = np.linspace(0, len(run.front) - 1, most).round().astype(int)
        chosen |= dict.fromkeys(run.front[i] for i in places.tolist())
    kept = set(list(chosen)[:most])
    return tuple(point for point in run.front if point in kept)


def common(run: Run) -> dict[str, str]:
    """Choices that are the same on the whole front, though there were others."""
    picks = run.picks[list(run.front)]
    return {
        axis.name: axis.options[int(picks[0, i])]
        for i, axis in enumerate(run.axes)
        if (picks[:, i] == picks[0, i]).all()
        and picks[0, i] != NOT_MADE
        and (run.winners_alone or (run.picks[:, i] != picks[0, i]).any())
    }


def differs(run: Run, point: int, latency_s: float, energy_pj: float) -> bool:
    """Whether a design cost the run something else than these: it mixes mappings of its layers."""
    given = {"latency": latency_s, "energy": energy_pj}
    return any(
        not isclose(float(run.column(name)[point]), value, rel_tol=1e-6)
        for name, value in given.items()
        if name in run.metrics
    )


def varying(run: Run) -> tuple[int, ...]:
    """Positions of the choices that differ on the front."""
    picks = run.picks[list(run.front)]
    return tuple(i for i in range(len(run.axes)) if (picks[:, i] != picks[0, i]).any())


# ------------------------------------------------------------------------------------------ density


@dataclass(frozen=True, slots=True)
class Density:
    """Counts of points on a grid over a chart: `cells` are (column, row, count), rows from the bottom."""

    columns: int
    rows: int
    cells: tuple[tuple[int, int, int], ...]
    outside: int
    """Points that the chart does not show."""


def density(
    run: Run, points: Positions, x: str, y: str, scales: tuple[Scale, Scale], grid: tuple[int, int]
) -> Density:
    """How many of `points` fall into each cell of `grid` (columns, rows); every one is counted once."""
    columns, rows = grid
    across = places(run.column(x)[points], scales[0])
    up = places(run.column(y)[points], scales[1])
    inside = (across >= 0) & (across <= 1) & (up >= 0) & (up <= 1)
    column = np.minimum((across[inside] * columns).astype(np.int64), columns - 1)
    row = np.minimum((up[inside] * rows).astype(np.int64), rows - 1)
    counts = np.bincount(row * columns + column, minlength=columns * rows)
    filled = np.flatnonzero(counts)
    cells = tuple((int(i % columns), int(i // columns), int(counts[i])) for i in filled.tolist())
    return Density(columns, rows, cells, len(points) - int(inside.sum()))


def places(values: Values, scale: Scale) -> Values:
    """float64[points]: where values stand on an axis; what a logarithm does not have is nowhere (-1)."""
    if not scale.log:
        return (values - scale.low) / (scale.high - scale.low)
    logs = np.log10(np.where(values > 0, values, 1.0))
    span = np.log10(scale.high) - np.log10(scale.low)
    return np.where(values > 0, (logs - np.log10(scale.low)) / span, -1.0)


def sample(run: Run, most: int) -> Positions:
    """At most `most` dominated points, in order: those that come first when they are shuffled.

    The shuffle multiplies by the golden ratio modulo 2^32 (Knuth's multiplicative hash), so that it is the
    same in every run and blind to the order in which choices are enumerated.
    """
    rest = run.dominated
    if len(rest) <= most:
        return rest
    keys = (rest.astype(np.uint64) * np.uint64(2654435769)) % np.uint64(2**32)
    chosen = np.argsort(keys, kind="stable")[:most]
    found: Positions = np.sort(rest[chosen])
    return found


# ------------------------------------------------------------------------------------------ effects


@dataclass(frozen=True, slots=True)
class Effect:
    """What a choice does to an objective, over all designs that can run."""

    share: float
    """Of the objective's variance, what the choice alone explains (η², in [0, 1])."""
    means: tuple[tuple[str, float, int], ...]
    """By option: the mean of the objective and the number of designs, best first."""


@dataclass(frozen=True, slots=True)
class ChoiceEffects:
    """A choice with its effect on each objective, in the order of the goals."""

    choice: str
    effects: tuple[Effect, ...]

    @property
    def largest(self) -> float:
        """The largest of its shares."""
        return max(effect.share for effect in self.effects)


def effects(run: Run) -> tuple[ChoiceEffects, ...]:
    """Every choice that was made in more than one way, those that matter most first.

    η² is the sum of squares between the options over that of all designs: 1 where the choice alone decides,
    0 where it does not matter. It is of the designs that were evaluated; a search does not try them evenly.
    """
    found = []
    for i, axis in enumerate(run.axes):
        picks = run.picks[:, i].astype(np.int64) + 1
        counts = np.bincount(picks, minlength=len(axis.options) + 1)
        if (counts > 0).sum() < 2:
            continue
        own = tuple(_effect(run.column(goal.metric), picks, counts, axis, goal) for goal in run.goals)
        found.append(ChoiceEffects(axis.name, own))
    return tuple(sorted(found, key=lambda e: -e.largest))


def _effect(values: Values, picks: Positions, counts: Positions, axis: Axis, goal: Goal) -> Effect:
    mean = values.mean()
    sums = np.bincount(picks, weights=values - mean, minlength=len(counts))
    total = float(((values - mean) ** 2).sum())
    filled = np.flatnonzero(counts)
    offsets = sums[filled] / counts[filled]
    between = float((counts[filled] * offsets**2).sum())
    names = ["not made", *axis.options]
    means = [
        (names[i], float(mean + offset), int(counts[i]))
        for i, offset in zip(filled.tolist(), offsets.tolist(), strict=True)
    ]
    means.sort(key=lambda m: -m[1] if goal.maximize else m[1])
    return Effect(min(1.0, between / total) if total else 0.0, tuple(means))


def pairs(goals: Sequence[Goal], metrics: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The pairs of metrics that are drawn against each other: all objectives, or the only one and another."""
    names = [goal.metric for goal in goals]
    if len(names) == 1:
        others = [m for m in ("energy", "latency", "area", *metrics) if m in metrics and m not in names]
        return ((names[0], others[0]),) if others else ()
    return tuple((a, b) for i, a in enumerate(names) for b in names[i + 1 :])[:6]
