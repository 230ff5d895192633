"""Which names a piece of text uses, and in which order its statements have to be executed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Final

from dovetail.dsl import syntax as s
from dovetail.dsl.builtins import BUILTINS
from dovetail.dsl.evaluator import CONSTANTS
from dovetail.dsl.labels import defines

Uses = dict[str, None]
"""Names in a fixed order."""


def walk(node: s.Node) -> Iterator[s.Node]:
    """The node and all nodes below it."""
    pending: list[object] = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, s.Node):
            yield item
            pending += [getattr(item, f.name) for f in fields(item) if f.name != "span"]
        elif isinstance(item, tuple):
            pending += item


def names_in(*nodes: s.Node) -> Uses:
    """Every name that stands somewhere below, whether it is bound there or outside."""
    return {n.id: None for node in nodes for n in walk(node) if isinstance(n, s.Name)}


def uses(statements: Sequence[s.Statement], homes: Mapping[str, Uses]) -> Uses:
    """The names that statements use, with those that the functions and blocks among them use in turn."""
    found: Uses = {}
    pending = list(names_in(*statements))
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = None
            pending += homes.get(name, {})
    return found


def homes_of(statements: Sequence[s.Statement]) -> dict[str, Uses]:
    """The names that each function and block of a file uses."""
    return {v.name: names_in(v) for v in statements if isinstance(v, s.Fn | s.Block)}


def schedule(statements: Sequence[s.Statement]) -> list[s.Statement]:
    """The statements of a file, parameters and other plain values as late as they can stand.

    A value that only one statement uses is then forgotten right behind it. Values follow from each other
    alone, so that their order against what is built does not matter; those whose choices are named by where
    they stand keep their place. `layers` statements speak of every layer, so what they use comes before all
    that is built. A requirement stands where its last name is known.
    """
    homes = homes_of(statements)
    values = {v.name: v for v in statements if isinstance(v, s.Param | s.Let | s.Table) and _moves(v)}
    requirements = [v for v in statements if isinstance(v, s.Require)]
    later = {name: None for v in statements for name in defines(v)} | dict.fromkeys(values)
    ordered: list[s.Statement] = [v for v in statements if isinstance(v, s.Fn | s.Block | s.Tie | s.Layers)]
    known = {*homes, *BUILTINS, *CONSTANTS} - later.keys()

    def need(names: Uses) -> None:
        for name, value in values.items():
            if name in names and name not in known:
                known.add(name)
                need(uses([value], homes))
                ordered.append(value)

    def check(last: bool) -> None:
        for requirement in list(requirements):
            names = uses([requirement], homes)
            if last or all(name in known for name in names):
                requirements.remove(requirement)
                ordered.append(requirement)

    overlays = uses([v for v in statements if isinstance(v, s.Layers)], homes)
    for statement in statements:
        moved = isinstance(statement, s.Param | s.Let | s.Table) and _moves(statement)
        if moved or isinstance(statement, s.Require | s.Fn | s.Block | s.Tie | s.Layers):
            continue
        if isinstance(statement, s.Input | s.Assign | s.Output | s.Import):
            need(overlays)
        need(uses([statement], homes))
        check(last=False)
        ordered.append(statement)
        known.update(defines(statement))
        known.update({statement.name} if isinstance(statement, s.Input | s.Table) else ())
        check(last=False)
    need(later)
    check(last=True)
    return ordered


def _moves(statement: s.Param | s.Let | s.Table) -> bool:
    """Whether a value is the same wherever it stands: it builds nothing, its choice is named after it."""
    nodes = list(walk(statement))
    chooses = [n for n in nodes if isinstance(n, _CHOICES)]
    if any(isinstance(n, s.Pipeline | s.Call) for n in nodes if n not in chooses) and chooses:
        return False
    if any(isinstance(n, s.Pipeline) for n in nodes):
        return False
    return not chooses or (not isinstance(statement, s.Table) and chooses == [statement.value])


_CHOICES: Final = (s.Choose, s.ChooseRange, s.ChooseLabelled)
