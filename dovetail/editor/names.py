"""Where names are defined: every definition of a file with the part of the text in which it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Final

from dovetail.dsl import syntax as s
from dovetail.dsl.diagnostics import Collector, DovetailError
from dovetail.dsl.parser import grammar, parse, read_source
from dovetail.dsl.source import Source, Span

WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DEEPEST: Final = 20
"""Imports behind imports: deeper ones are an error anyway."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A name, what it names, where: `place` is the name itself, `span` the whole, `scope` where it holds."""

    name: str
    kind: str
    span: Span
    place: Span
    scope: Span | None = None
    parameters: tuple[s.Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A name in the text; `owner` is the one before the dot."""

    text: str
    start: int
    owner: str | None = None


def word_at(source: Source, offset: int) -> Word | None:
    """The name under the cursor (or just before it); None in comments, strings and elsewhere."""
    previous: list[str] = ["", ""]
    for token in grammar().lex(source.text):
        start, end = token.start_pos or 0, token.end_pos or 0
        if start > offset:
            return None
        if start <= offset <= end and WORD.fullmatch(token):
            return Word(str(token), start, previous[0] if previous[1] == "." else None)
        previous = [previous[1], str(token)]
    return None


def string_at(source: Source, offset: int) -> str | None:
    """The string under the cursor, without its quotes."""
    for token in grammar().lex(source.text):
        if token.type == "STRING" and (token.start_pos or 0) <= offset < (token.end_pos or 0):
            return str(token)[1:-1]
    return None


def nodes(node: object) -> Iterator[s.Node]:
    """A node and all inside it, outer ones first."""
    if isinstance(node, tuple):
        for item in node:
            yield from nodes(item)
    elif isinstance(node, s.Node):
        yield node
        for part in fields(node):
            if part.name != "span":
                yield from nodes(getattr(node, part.name))


def definitions(file: s.File) -> tuple[Definition, ...]:
    """All of one file, in the order of the text."""
    found = [d for statement in file.statements for d in _of(statement, None)]
    return tuple(sorted(found, key=lambda d: d.place.start))


def _of(node: object, scope: Span | None) -> Iterator[Definition]:
    match node:
        case tuple():
            for item in node:
                yield from _of(item, scope)
            return
        case s.Block() | s.Fn():
            kind = "block" if isinstance(node, s.Block) else "function"
            yield _named(node.name, kind, node.span, scope, parameters=node.parameters)
            for parameter in node.parameters:
                yield _named(parameter.name, "parameter", parameter.span, node.span, skip=0)
            yield from _of(node.body if isinstance(node, s.Block) else node.value, node.span)
            return
        case s.Param() | s.Let() | s.Table() | s.Metric() | s.Input():
            yield _named(node.name, type(node).__name__.lower(), node.span, scope)
        case s.Import() if node.alias is not None:
            yield _named(node.alias, "import", node.span, scope)
        case s.MemoryBlock() | s.UnitBlock() | s.DataflowBlock():
            yield _named(node.name, type(node).__name__.removesuffix("Block").lower(), node.span, scope)
            return  # properties are no names
        case s.ArrayBlock():
            yield _named(node.name, "array", node.span, scope)
            for axis in node.axes:
                yield _named(axis.name, "axis", axis.span, scope, skip=0)
        case s.Properties() | s.Along() | s.Layers():
            return
        case s.Assign():
            for name in node.names:
                yield _named(name, "tensor", node.span, scope, skip=0)
        case s.Stage() if node.name is not None:
            yield _named(node.name, "label", node.span, scope, skip=0)
        case s.ForStage():
            for name in node.names:
                yield _named(name, "parameter", node.span, node.span)
            yield from _of(node.rows, scope)
            yield from _of(node.body, node.span)
            return
        case s.Record():
            return
        case _:
            pass
    if isinstance(node, s.Node):
        for part in fields(node):
            if part.name != "span":
                yield from _of(getattr(node, part.name), scope)


def _named(
    name: str,
    kind: str,
    span: Span,
    scope: Span | None,
    skip: int = 1,
    parameters: tuple[s.Parameter, ...] = (),
) -> Definition:
    """The definition of `name` in `span`; the first `skip` words are keywords."""
    words = list(WORD.finditer(span.text))[skip:]
    found = next((m for m in words if m[0] == name), None)
    start = span.start + (found.start() if found else 0)
    place = Span(span.source, start, start + len(name) if found else span.end)
    return Definition(name, kind, span, place, scope, parameters)


def imported(file: s.File, depth: int = 0) -> tuple[tuple[s.Import, s.File], ...]:
    """The files that a file imports and that can be read, with those that they import."""
    path = file.source.path
    if path is None or depth > DEEPEST:
        return ()
    found: list[tuple[s.Import, s.File]] = []
    for statement in file.statements:
        if isinstance(statement, s.Import):
            other = _read(path.parent / statement.path)
            if other is not None:
                found += [(statement, other), *imported(other, depth + 1)]
    return tuple(found)


def _read(path: Path) -> s.File | None:
    try:
        return parse(read_source(path), Collector())
    except DovetailError:
        return None


def library() -> tuple[Definition, ...]:
    """The blocks that every network knows."""
    found: list[Definition] = []
    for entry in resources.files("dovetail.dsl").joinpath("library").iterdir():
        path = Path(str(entry))
        if path.suffix == ".net" and (file := _read(path)) is not None:
            found += [d for d in definitions(file) if d.kind == "block"]
    return tuple(found)


def visible(file: s.File, offset: int) -> tuple[Definition, ...]:
    """What is known at a place: the innermost definitions first, then imported ones, then the library."""
    own = [d for d in definitions(file) if d.scope is None or d.scope.start <= offset < d.scope.end]
    own.sort(key=lambda d: (_size(d.scope), d.place.start))
    others = [d for _, other in imported(file) for d in definitions(other) if d.scope is None]
    shipped = library() if file.header is not None and file.header.kind == "net" else ()
    return (*own, *others, *shipped)


def _size(scope: Span | None) -> float:
    return float("inf") if scope is None else scope.end - scope.start


def find(file: s.File, offset: int) -> Definition | None:
    """The definition of the name at a place, where there is one."""
    word = word_at(file.source, offset)
    if word is None:
        return None
    argument = _argument(file, word)
    if argument is not None:
        return argument
    known = visible(file, offset)
    if word.owner is not None:
        axis = _axis(known, word.owner, word.text)
        known = (axis,) if axis is not None else known
    same = [d for d in known if d.name == word.text]
    innermost = [d for d in same if d.scope == same[0].scope and d.span.source is same[0].span.source]
    before = [d for d in innermost if d.place.start <= offset]
    return before[-1] if before else same[0] if same else None


def _argument(file: s.File, word: Word) -> Definition | None:
    """The parameter that a named argument is for."""
    for node in nodes(file.statements):
        if isinstance(node, s.Call) and isinstance(node.function, s.Name):
            for argument in node.arguments:
                if argument.name == word.text and argument.span.start == word.start:
                    return _parameter(visible(file, word.start), node.function.id, word.text)
    return None


def _parameter(known: Sequence[Definition], function: str, name: str) -> Definition | None:
    for definition in known:
        if definition.name == function and definition.kind in ("block", "function"):
            for parameter in definition.parameters:
                if parameter.name == name:
                    return _named(name, "parameter", parameter.span, definition.span, skip=0)
    return None


def _axis(known: Sequence[Definition], array: str, name: str) -> Definition | None:
    """`row` of `PE.row`: the axis of that array."""
    inside = [d.span for d in known if d.kind == "array" and d.name == array]
    axes = [d for d in known if d.kind == "axis" and d.name == name]
    return next((a for a in axes for i in inside if _within(a.span, i)), None)


def _within(inner: Span, outer: Span) -> bool:
    return inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end
