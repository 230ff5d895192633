"""A process's own copy of a study: what comes in is the request, what is built stays for the next piece."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from dovetail.dsl.diagnostics import Diagnostic, DovetailError
from dovetail.explorer.content import fingerprint
from dovetail.explorer.engine import PointResult
from dovetail.explorer.layer_solver import LayerStore
from dovetail.explorer.points import PointEvaluator
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.runs import inputs_of
from dovetail.explorer.space import StudySpace


class Workspace:
    """A study read, with an evaluator and its caches; one thread at a time."""

    def __init__(self, request: StudyRequest, layers: str | None) -> None:
        self.lock = threading.Lock()
        study = request.load()
        if request.inputs and fingerprint(inputs_of(study)) != request.inputs:
            message = "an input changed while the run was at work"
            raise DovetailError(
                [Diagnostic("E1302", message, help=("the same command begins a new run with it",))]
            )
        self.space = StudySpace(study)
        self.evaluator = PointEvaluator(self.space, LayerStore(None if layers is None else Path(layers)))


@lru_cache(maxsize=2)
def _made(request: StudyRequest, layers: str | None) -> Workspace:
    return Workspace(request, layers)


_making = threading.Lock()


def workspace(request: StudyRequest, layers: str | None) -> Workspace:
    """The workspace of this process for a request; made once. `layers` is the file of shared solutions."""
    with _making:
        return _made(request, layers)


def evaluate_points(
    request: StudyRequest, layers: str | None, indices: Sequence[int]
) -> tuple[list[PointResult | None], int]:
    """The results of points (None: the number is no design), and how many layers had to be solved."""
    here = workspace(request, layers)
    with here.lock:
        before = here.evaluator.solver.solved
        results = [here.evaluator.evaluate(index) for index in indices]
        here.evaluator.solver.flush()
        return results, here.evaluator.solver.solved - before
