"""How many accelerators an `.accel` text describes: counted, not enumerated.

Choices that no requirement and no other choice can see multiply. The others, found by following names from
each `require` to the definitions it uses, are enumerated together, each combination elaborated and judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import fields
from math import prod
from pathlib import Path
from typing import Final

from dovetail.accel.loading import elaborate_accelerator
from dovetail.dsl import syntax as s
from dovetail.dsl.choices import DesignChooser, Site
from dovetail.dsl.diagnostics import Collector, Diagnostic, DovetailError, Label
from dovetail.dsl.feasible import first_feasible, only_unmet
from dovetail.dsl.loading import picks_of
from dovetail.dsl.parser import parse_file
from dovetail.dsl.source import Span
from dovetail.dsl.space import Space

MOST_COMBINATIONS: Final = 20_000
"""Elaborations of one file before counting gives up."""


def measure_accelerator_space(path: str | Path, settings: Mapping[str, object] | None = None) -> Space:
    """The size of the space an `.accel` file describes (1 for a design); raises DovetailError."""
    problems = Collector()
    file = parse_file(Path(path), problems)
    given = settings or {}
    design, problems = first_feasible(
        lambda found, chooser: elaborate_accelerator(file, found, given, chooser), problems, picks_of(given)
    )
    if design is None:
        raise DovetailError(problems.diagnostics)
    sites = tuple(c.site for c in design.choices if not c.given)
    seen = _seen(file, sites)
    alone = prod(len(site.options) for site in sites if site.span not in seen)
    return Space(design.name, alone * _judged(file, given, seen), sites)


def _judged(file: s.File, given: Mapping[str, object], seen: Set[Span]) -> int:
    """The combinations of the choices at these places that meet every requirement."""
    good = 0
    answers: tuple[int, ...] = ()
    for _ in range(MOST_COMBINATIONS):
        problems = Collector()
        chooser = DesignChooser(picks_of(given), answers, lambda site: site.span in seen)
        elaborate_accelerator(file, problems, given, chooser)
        if problems.failed and not only_unmet(problems):
            raise DovetailError(problems.diagnostics)
        good += not problems.failed
        following = chooser.following()
        if following is None:
            return good
        answers = following
    start = file.header.span if file.header is not None else Span(file.source, 0, 0)
    message = f"requirements tie together more than {MOST_COMBINATIONS} combinations of choices"
    raise DovetailError([Diagnostic("E0904", message, Label(start))])


def _seen(file: s.File, sites: Sequence[Site]) -> set[Span]:
    """The places of the sites on which a requirement, a condition or another choice depends."""
    users: list[s.Node] = []
    homes: dict[str, list[s.Node]] = {}
    whole = False
    for statement in file.statements:
        whole = whole or isinstance(statement, s.Import)
        for node in _walk(statement):
            match node:
                case s.Require():
                    users.append(node)
                case s.Conditional():
                    users.append(node.condition)
                case s.Choose() | s.ChooseRange() | s.ChooseLabelled():
                    users += [n for n in _walk(node) if n is not node and isinstance(n, s.Name)]
                case s.Param() | s.Let() | s.Fn() | s.Table() | s.MemoryBlock() | s.ArrayBlock():
                    homes.setdefault(node.name, []).append(node)
                case _:
                    pass
    if whole:  # what an imported file requires is not followed: judge everything together
        return {site.span for site in sites}
    used: list[s.Node] = []
    names: set[str] = set()
    pending = list(users)
    while pending:
        node = pending.pop()
        used.append(node)
        for name in {n.id for n in _walk(node) if isinstance(n, s.Name)} - names:
            names.add(name)
            pending += homes.get(name, [])
    return {site.span for site in sites if any(_inside(site.span, node.span) for node in used)}


def _inside(inner: Span, outer: Span) -> bool:
    return outer.source is inner.source and outer.start <= inner.start and inner.end <= outer.end


def _walk(node: s.Node) -> Iterator[s.Node]:
    """The node and all nodes below it."""
    pending: list[object] = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, s.Node):
            yield item
            pending += [getattr(item, f.name) for f in fields(item) if f.name != "span"]
        elif isinstance(item, tuple):
            pending += item
