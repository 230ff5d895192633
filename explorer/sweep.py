"""The engine *sweep*: every point, in pieces that any process can take, each solved layer shared by all.

A piece is a range of one accelerator file's numbers with ranges of networks' numbers. Pieces depend on the
space alone, so that a run that was stopped finds the same ones again and leaves out those that are stored. A
network meets all accelerators of a piece together: its layers are mapped for all of them at once, where the
mapper can (`layer_solver.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from math import ceil
from typing import Final

from dovetail.costmodel.effort import Mapper
from dovetail.costmodel.selection import Objective
from dovetail.explorer.engine import Emit, EngineReport, Exploration, PointResult, Progress
from dovetail.explorer.executors import MOST_FAILURES
from dovetail.explorer.points import decided, mapped_for
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.side import AcceleratorSide, NetworkSide
from dovetail.explorer.space import Place, StudySpace
from dovetail.explorer.workspace import workspace

POINTS_A_PIECE: Final = 32
"""About as many: few enough to lose little, enough to outweigh the way to another process."""

POINTS_TOGETHER: Final = 1024
"""As many at most where layers are mapped for many accelerators at once: a second or two of work."""

PIECES: Final = 32
"""At least as many, if they are not to be smaller than `POINTS_A_PIECE`: all cores have some to the end."""

NETWORKS_TOGETHER: Final = 8
"""Networks that a piece has, rather than more accelerators."""

MOST_MEETING: Final = 32
"""Networks of a piece: they have to stay in memory."""

MAPPED_FOR_WORDS: Final = {
    Objective.EDP: "least EDP",
    Objective.LATENCY: "least latency",
    Objective.ENERGY: "least energy",
}

Range = tuple[int, int, int]
"""A file by position, and the first and the end of its numbers."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Accelerators times networks."""

    accelerators: Range
    networks: tuple[Range, ...]

    @property
    def name(self) -> str:
        """Unique in its space."""
        return "+".join(f"{file}:{first}-{end}" for file, first, end in (self.accelerators, *self.networks))


def pieces(space: StudySpace) -> Iterator[Piece]:
    """The pieces of a space, in order: for each part of the accelerators, each part of the networks."""
    modes = len(space.bits) * len(space.dataflows)
    networks = sum(_designs(side) for side in space.networks)
    most = POINTS_A_PIECE if space.study.mapper == Mapper.EXACT else POINTS_TOGETHER
    for file, side in enumerate(space.accelerators):
        machines = _designs(side)
        aim = max(POINTS_A_PIECE, min(most, networks * machines * modes // PIECES))
        together = max(1, min(machines, aim // (modes * min(networks, NETWORKS_TOGETHER))))
        meeting = max(1, min(MOST_MEETING, aim // (modes * together)))
        for part in _parts(side.size, together * max(1, side.size // machines)):
            if networks <= meeting:
                yield Piece((file, *part), tuple((i, 0, n.size) for i, n in enumerate(space.networks)))
                continue
            for i, network in enumerate(space.networks):
                step = ceil(meeting * network.size / _designs(network))
                yield from (Piece((file, *part), ((i, *own),)) for own in _parts(network.size, step))


def _designs(side: NetworkSide | AcceleratorSide) -> int:
    """How many designs a side has, as far as counting goes."""
    return max(1, side.designs_counted if side.size > 1 else 1)


def _parts(size: int, step: int) -> Iterator[tuple[int, int]]:
    return ((first, min(size, first + step)) for first in range(0, size, step))


def evaluate_piece(request: StudyRequest, layers: str | None, piece: Piece) -> tuple[list[PointResult], int]:
    """The results of a piece, and how many layers had to be solved for it."""
    here = workspace(request, layers)
    with here.lock:
        space, evaluator = here.space, here.evaluator
        before = evaluator.solver.solved
        results = []
        file, first, end = piece.accelerators
        machines = evaluator.machine_numbers(file, first, end)
        for i, low, high in piece.networks:
            for network_number in evaluator.network_numbers(i, low, high):
                evaluator.prepare(file, machines, i, network_number)
                network = evaluator.network(i, network_number)
                for number in machines:
                    _, chip = evaluator.chip(file, number)
                    for bits in range(len(space.bits)):
                        for flow in range(len(space.dataflows)):
                            place = Place(i, file, network_number, number, bits, flow)
                            results.append(evaluator.result(space.encode(place), place, network, chip))
        evaluator.solver.flush()
        return results, evaluator.solver.solved - before


class Sweep:
    """Every point of a space."""

    name = "sweep"

    def run(self, exploration: Exploration, emit: Emit) -> EngineReport:
        """Go through all pieces that are not stored."""
        space, total = exploration.space, exploration.space.designs
        done = solved = 0
        failures: dict[Piece, int] = {}
        flying: dict[Future[tuple[list[PointResult], int]], Piece] = {}
        ahead = 1 if exploration.workers == 1 else 2 * exploration.workers
        left = (piece for piece in pieces(space) if piece.name not in exploration.finished)
        again: list[Piece] = []
        finished = True

        def submit(piece: Piece) -> None:
            future = exploration.executor.submit(
                evaluate_piece, exploration.request, exploration.layers, piece
            )
            flying[future] = piece

        while True:
            while len(flying) < ahead and not exploration.stop():
                piece = again.pop() if again else next(left, None)
                if piece is None:
                    break
                submit(piece)
            if not flying:
                finished = not again and next(left, None) is None
                break
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                piece = flying.pop(future)
                try:
                    results, count = future.result()
                except BrokenExecutor:
                    failures[piece] = failures.get(piece, 0) + 1
                    if failures[piece] > MOST_FAILURES:
                        raise
                    again.append(piece)
                    continue
                emit(results, piece.name)
                done += len(results)
                solved += count
                exploration.progress(Progress(done, total, solved))
        study = exploration.study
        goal = None if decided(study) else MAPPED_FOR_WORDS[mapped_for(study)]
        claim = (
            f"every design was evaluated{f', its layers mapped for {goal}' if goal else ''}: "
            f"the front is that of the whole space{' under these mappings' if goal else ''}"
            if finished
            else "the front is that of the designs that were evaluated"
        )
        return EngineReport(self.name, finished, claim, done, solved, finished)
