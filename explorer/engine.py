"""What engines share: goals, results of points, the task they are given and the report they make.

    report = engine.run(exploration, emit)

An engine evaluates points of `exploration.space` and hands them to `emit` in blocks, as they come; whoever
called it stores them and keeps the front. A point that was emitted is safe; one that was not is lost when the
process dies, so blocks are small. Which engine a study takes is decided in `choose_engine.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from dovetail.dsl import syntax as s

if TYPE_CHECKING:
    from dovetail.explorer.request import StudyRequest
    from dovetail.explorer.space import StudySpace
    from dovetail.explorer.study import Study

Direction: TypeAlias = Literal["minimize", "maximize"]


@dataclass(frozen=True, slots=True)
class Objective:
    """Something to minimise or maximise; `name` is its text: `latency`, `energy * area`."""

    name: str
    expression: s.Expr
    direction: Direction

    def key(self, metrics: Mapping[str, float]) -> float:
        """Its value in `metrics`, turned so that less is better."""
        value = metrics[self.name]
        return value if self.direction == "minimize" else -value


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on results; `text` as written, `node` for evaluation with the metrics as names."""

    text: str
    node: s.Expr


@dataclass(frozen=True, slots=True)
class PointResult:
    """A point of a space and what it costs.

    `choices` are options by name: `network`, `accelerator`, `bits`, `dataflow`, where a study has several of
    them, and the path of every choice that the texts of both sides make at this point. `metrics` has a number
    for every metric (units: `study.METRICS`) and for every objective by its name; it is empty where the point
    is `refused`: why it cannot run at all. `meets` says whether all conditions hold. A point may have several
    results, of mappings that trade latency for energy: `variant` counts them, and number 0 stands for it.
    """

    index: int
    choices: Mapping[str, str]
    metrics: Mapping[str, float]
    meets: bool = True
    refused: str | None = None
    variant: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an engine is: points done, out of how many (None: not known), and evaluations of layers."""

    done: int
    total: int | None
    layer_evaluations: int


@dataclass(frozen=True, slots=True)
class Exploration:
    """A task for an engine."""

    study: Study
    space: StudySpace
    request: StudyRequest
    """The study in plain words, for other processes (`workspace.py`)."""
    layers: str | None
    """The file of layers' solutions that all processes share."""
    executor: Executor
    """Where blocks of work are evaluated: what is submitted has to be picklable."""
    workers: int
    stored: Callable[[int], PointResult | None]
    """The result of a point that is in the store already, from an earlier part of this run."""
    finished: Container[str]
    """The pieces of work whose results are all in the store: names that were handed to `emit`."""
    stop: Callable[[], bool]
    """Whether to stop as soon as possible: the time is up."""
    progress: Callable[[Progress], None]
    folder: Path | None
    """Where an engine may keep what it needs to go on after being killed; None where nothing is kept."""


@dataclass(frozen=True, slots=True)
class EngineReport:
    """What an engine did, and what its front is worth."""

    name: str
    exact: bool
    """Whether the front is proved to be that of the whole space."""
    claim: str
    """A sentence for the user: what is guaranteed, and why."""
    points: int
    """Designs that were evaluated, or ruled out one by one."""
    layer_evaluations: int
    """Layers that were mapped, each once for equal shape and machine."""
    finished: bool = True
    """False where time ran out."""
    details: Mapping[str, float] = field(default_factory=dict)
    """Further figures by name: `epsilon`, `hypervolume`, `states`, …"""


class Emit(Protocol):
    """Takes results; with the name of the piece of work that they finish, if that is to be remembered."""

    def __call__(self, results: Sequence[PointResult], piece: str | None = None) -> None:
        """Keep `results`, and `piece` with them: both or neither survive a crash."""
        ...


class Engine(Protocol):
    """A way to go through a space."""

    name: str

    def run(self, exploration: Exploration, emit: Emit) -> EngineReport:
        """Go through the space (but for what is stored already), handing results to `emit`."""
        ...
