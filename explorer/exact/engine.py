"""The engine *exact*: the front of spaces too large to go through, by adding up the fronts of their parts.

Networks are not listed: their front on one machine comes from the recursion of the text (`structure.py`,
`fronts.py`). Machines are listed, and a machine is ruled out without mapping a layer where even a bound on
its front is beaten by what was found before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from dovetail.accel.loading import load_accelerator_design
from dovetail.dsl.diagnostics import Diagnostic, DovetailError
from dovetail.dsl.loading import load_network_design
from dovetail.dsl.problem import Bits
from dovetail.explorer.engine import Emit, EngineReport, Exploration, PointResult, Progress
from dovetail.explorer.exact.goals import NotExact
from dovetail.explorer.exact.machine_front import (
    Found,
    MachinePiece,
    additive_of,
    adopt,
    columns_for,
    machine_fronts,
    unbeaten,
)
from dovetail.explorer.exact.structure import NoStructure, find_recursion
from dovetail.explorer.exact.trimming import DEFAULT, Limits, TooLarge
from dovetail.explorer.space import StudySpace
from dovetail.explorer.study import Study

MOST_MACHINES: Final = 50_000
"""Machines that are looked at one by one."""

MACHINES_TOGETHER: Final = 32
"""Machines that a process is given at once: a layer is mapped for all of them together."""


def why_not(study: Study, space: StudySpace) -> str | None:
    """Why the exact engine cannot go through a space; None where it can."""
    machines = sum(side.size for side in space.accelerators)
    if machines > MOST_MACHINES:
        return f"its accelerators are up to {machines} machines, and {MOST_MACHINES} is the most"
    for chip in space.accelerators:
        if load_accelerator_design(chip.path, chip.settings).architecture.keep_feature_maps_in is not None:
            return f"`{chip.path.name}` keeps feature maps on chip, so that layers do not add up one by one"
    try:
        for side in space.networks:
            design = load_network_design(side.path, side.settings)
            columns_for(study, design)
            adopt(side, find_recursion(side.path, Bits(), side.settings, additive_of(design)))
    except (NotExact, NoStructure) as fault:
        return str(fault)
    return None


class Exact:
    """The front of all designs, proved."""

    name = "exact"

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self.limits = limits

    def run(self, exploration: Exploration, emit: Emit) -> EngineReport:
        """Go through all machines that are not stored; raises DovetailError where that cannot be done."""
        pieces = list(_pieces(exploration.space))
        left = _together(
            [piece for piece in pieces if piece.name not in exploration.finished], exploration.workers
        )
        notes = _Notes(exploration.folder)
        done = {
            p.name: notes.known[p.name]
            for p in pieces
            if p.name in exploration.finished and p.name in notes.known
        }
        best: list[tuple[float, ...]] = []
        flying: dict[Future[list[Found]], tuple[MachinePiece, ...]] = {}
        solved = 0
        while True:
            while len(flying) < exploration.workers and not exploration.stop():
                some = next(left, None)
                if some is None:
                    break
                future = exploration.executor.submit(
                    machine_fronts, exploration.request, exploration.layers, some, tuple(best), self.limits
                )
                flying[future] = some
            if not flying:
                break
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                some = flying.pop(future)
                try:
                    fronts = future.result()
                except (NoStructure, TooLarge) as fault:
                    message = f"the engine `exact` cannot go through this space: {fault}"
                    help = ("`--engine heuristic` searches it",)
                    raise DovetailError([Diagnostic("E1305", message, help=help)]) from fault
                for piece, found in zip(some, fronts, strict=True):
                    solved += found.solved
                    note = Note.of(found)
                    notes.write(piece.name, note)
                    done[piece.name] = note
                    best = self._better(exploration, best, found.results)
                    emit(found.results, piece.name)
                exploration.progress(Progress(len(done), len(pieces), solved))
        return self._report(list(done.values()), len(pieces), solved)

    @staticmethod
    def _better(
        exploration: Exploration, best: list[tuple[float, ...]], results: tuple[PointResult, ...]
    ) -> list[tuple[float, ...]]:
        """The goals that nothing found so far beats."""
        return unbeaten(best, results, exploration.study)

    def _report(self, notes: Sequence[Note], total: int, solved: int) -> EngineReport:
        finished = len(notes) == total
        designs = sum(note.designs for note in notes)
        epsilon = max((note.epsilon for note in notes), default=0.0)
        layers = max((note.layers for note in notes), default=0)
        claim = (
            f"the exact front of all {designs} designs: it adds up the fronts of {layers} distinct layers on "
            f"{total} machine{'s' if total > 1 else ''}, which drops only what another design beats"
        )
        if epsilon:
            claim = (
                f"of all {designs} designs none is better than this front by more than a factor of "
                f"{1 + epsilon:.6f}: fronts of more than {self.limits.points} points were thinned out"
            )
        if not finished:
            claim = f"the front of {len(notes)} of {total} machines: time ran out"
        return EngineReport(
            self.name,
            exact=finished and not epsilon,
            claim=claim,
            points=designs,
            layer_evaluations=solved,
            finished=finished,
            details={
                "epsilon": epsilon,
                "machines": float(len(notes)),
                "machines_ruled_out": float(sum(note.ruled_out for note in notes)),
                "distinct_layers": float(layers),
                "largest_front": float(max((note.largest for note in notes), default=0)),
            },
        )


@dataclass(frozen=True, slots=True)
class Note:
    """What has to be remembered of a piece beside its results."""

    designs: int
    layers: int
    largest: int
    epsilon: float
    ruled_out: bool

    @classmethod
    def of(cls, found: Found) -> Note:
        """That of a piece's front."""
        return cls(found.designs, found.layers, found.largest, found.epsilon, found.ruled_out)


class _Notes:
    """Notes in a file of the run, a line a piece; a line is written before the results it speaks of."""

    def __init__(self, folder: Path | None) -> None:
        self.path = folder / "exact.jsonl" if folder is not None else None
        self.known: dict[str, Note] = {}
        if self.path is not None and self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError, TypeError):  # a line cut short: its results are not stored either
                    name, *fields = json.loads(line)
                    self.known[name] = Note(*fields)

    def write(self, name: str, note: Note) -> None:
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([name, *astuple(note)]) + "\n")


def _together(pieces: Sequence[MachinePiece], workers: int) -> Iterator[tuple[MachinePiece, ...]]:
    """Pieces that differ in their machine alone, as many as are worked on at once; first machines first."""
    most = max(1, min(MACHINES_TOGETHER, len(pieces) // (4 * workers)))
    waiting: dict[tuple[int, ...], list[MachinePiece]] = {}
    for piece in pieces:
        alike = (piece.network, piece.accelerator, piece.bits, piece.dataflow)
        some = waiting.setdefault(alike, [])
        some.append(piece)
        if len(some) == most:
            yield tuple(waiting.pop(alike))
    yield from map(tuple, waiting.values())


def _pieces(space: StudySpace) -> Iterator[MachinePiece]:
    for file, side in enumerate(space.accelerators):
        for number, _ in side.designs(0, side.size):
            for network in range(len(space.networks)):
                for bits in range(len(space.bits)):
                    for flow in range(len(space.dataflows)):
                        yield MachinePiece(network, file, number, bits, flow)
