"""Which engine goes through a space: what the study asks for, or the strongest one that can."""

from __future__ import annotations

from typing import Final

from dovetail.dsl.diagnostics import Diagnostic, DovetailError
from dovetail.explorer.engine import Engine
from dovetail.explorer.space import StudySpace
from dovetail.explorer.study import Study

MOST_SWEPT: Final = 200_000
"""Designs up to which `auto` looks at every one."""


def choose_engine(study: Study, space: StudySpace) -> Engine:
    """The engine of `study.engine`; `auto` takes the first that promises most for this space.

    Raises DovetailError where the one asked for cannot go through this space.
    """
    match study.engine:
        case "sweep":
            return _sweep(space)
        case "heuristic":
            return _heuristic()
        case "exact":
            return _exact(study, space)
        case _:
            designs = space.designs
            if designs is not None and designs <= MOST_SWEPT:
                return _sweep(space)
            from dovetail.explorer.exact.engine import why_not

            return _exact(study, space) if why_not(study, space) is None else _heuristic()


def _sweep(space: StudySpace) -> Engine:
    from dovetail.explorer.sweep import Sweep

    if space.designs is None:
        message = "the designs of this space cannot be counted, so that it cannot be swept"
        raise DovetailError([Diagnostic("E1305", message, help=("`--engine heuristic` draws from it",))])
    return Sweep()


def _exact(study: Study, space: StudySpace) -> Engine:
    from dovetail.explorer.exact.engine import Exact, why_not

    reason = why_not(study, space)
    if reason is not None:
        message = f"the engine `exact` cannot go through this space: {reason}"
        raise DovetailError([Diagnostic("E1305", message, help=("`--engine heuristic` searches it",))])
    return Exact()


def _heuristic() -> Engine:
    from dovetail.explorer.heuristic import Heuristic

    return Heuristic()
