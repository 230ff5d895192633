"""The blocks that the language says in itself: `library/*.net`, known in every network."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from dovetail.dsl import syntax as s
from dovetail.dsl.diagnostics import Collector
from dovetail.dsl.parser import parse
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Source
from dovetail.dsl.values import BlockValue


@cache
def prelude_blocks() -> Mapping[str, BlockValue]:
    """Each block by name."""
    blocks: dict[str, BlockValue] = {}
    problems = Collector()
    for file in sorted(resources.files("dovetail.dsl").joinpath("library").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".net"):
            source = Source(file.read_text(encoding="utf-8"), f"<{file.name}>")
            scope = Scope()
            for statement in parse(source, problems, "net").statements:
                if isinstance(statement, s.Block):
                    value = BlockValue(
                        statement.name, statement.parameters, statement.body, scope, statement.span
                    )
                    scope.define(statement.name, value, statement.span)
                    blocks[statement.name] = value
    problems.check()
    return blocks
