"""How many designs a text describes: counted, not enumerated.

The choices of a block matter outside it only through the shape of what it returns. So a use of a block, and
each stage of a pipeline, is counted once for each shape that goes in, giving {shape out: number of ways};
stages are chained by adding up the ways that lead to the same shape. A chain of 22 layers of 9 candidates
costs 22 small counts, not 9^22. Choices at the top of a file, which everything may depend on, are enumerated
around that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from dovetail.dsl import syntax as s
from dovetail.dsl.choices import NoSuchOption, Site, Ties, following
from dovetail.dsl.diagnostics import Collector, DovetailError
from dovetail.dsl.elaborate_network import NetworkElaborator
from dovetail.dsl.evaluator import MOST_STEPS, OutOfBounds
from dovetail.dsl.feasible import first_feasible
from dovetail.dsl.loading import elaborate_network, picks_of, settings_of
from dovetail.dsl.operators import Inferred, Operator
from dovetail.dsl.parser import parse_file
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Span
from dovetail.dsl.values import UNKNOWN, BlockValue, FnValue, TensorValue, Unknown, Value

MOST_TURNS: Final = 200_000
"""Evaluations of one file's parts before counting gives up."""


@dataclass(frozen=True, slots=True)
class Space:
    """A design space: its size, and the sites of the design that takes every first option."""

    name: str
    size: int
    sites: tuple[Site, ...]


class Undecided(Exception):
    """A tied choice is met for the first time: it has to be decided for the whole design."""

    def __init__(self, path: str, options: tuple[str, ...]) -> None:
        super().__init__(path)
        self.path = path
        self.options = options


class Replay:
    """A chooser that answers with a given sequence, then with firsts, and finds the next sequence."""

    def __init__(self, answers: Sequence[int], picks: Mapping[str, str], ties: Ties) -> None:
        self.ties = ties
        self._answers = answers
        self._picks = picks
        self._trace: list[tuple[int, int]] = []
        self.weight = 1
        self.possible = True

    def _answer(self, count: int) -> int:
        turn = len(self._trace)
        index = self._answers[turn] if turn < len(self._answers) else 0
        self._trace.append((index, count))
        return index

    def pick(self, site: Site) -> int:
        """The next answer; where the user gave one or a tie demands one, that."""
        leader = self.ties.leader(site.path)
        wanted = self._picks.get(site.path) if leader is None else self._picks.get(leader)
        if wanted is None:
            if leader is not None:
                raise Undecided(leader, site.options)
            return self._answer(len(site.options))
        if wanted in site.options:
            return site.options.index(wanted)
        if leader is None:
            raise NoSuchOption(site, wanted)
        self.possible = False
        return 0

    def pick_weighted(self, ways: Mapping[Value, int]) -> Value:
        """One of the outcomes of a part that was counted by itself, with its number of ways."""
        if not ways:
            self.possible = False
            return UNKNOWN
        value = list(ways)[self._answer(len(ways))]
        self.weight *= ways[value]
        return value

    def following(self) -> tuple[int, ...] | None:
        """The answers of the next sequence in order; None behind the last."""
        return following(self._trace)


class SpaceCounter(NetworkElaborator):
    """Executes a `.net` file on shapes alone, adding up ways."""

    def __init__(self, problems: Collector, picks: Mapping[str, str]) -> None:
        self._picks = dict(picks)
        self._ties = Ties()
        self._replay = Replay((), self._picks, self._ties)
        super().__init__(problems, self._replay)
        self._known: dict[object, dict[Value, int]] = {}
        self._reads: dict[tuple[str, int], tuple[str, ...]] = {}
        self._turns = MOST_TURNS

    def count(self) -> int:
        """The number of designs."""
        self._by_path = any(isinstance(t, s.Tie) or _chooses(t) for t in self.file.statements)
        try:
            return sum(self._ways(self._whole, None).values())
        except Undecided as tied:
            return sum(self._decided(tied.path, option) for option in tied.options)

    def _decided(self, path: str, option: str) -> int:
        """The designs in which the choices tied to `path` take `option`."""
        self._picks[path] = option
        self._known.clear()
        self._replay = self.chooser = Replay((), self._picks, self._ties)
        count = self.count()
        del self._picks[path]
        return count

    def _whole(self) -> Value:
        self.figures = {}
        self.run()
        return True

    def _ways(self, part: Callable[[], Value], scope: Scope | None) -> dict[Value, int]:
        """Every outcome of `part` with the number of choice sequences that lead to it."""
        ways: dict[Value, int] = {}
        answers: tuple[int, ...] | None = ()
        outer = self._replay
        naming = scope.naming() if scope is not None else None
        while answers is not None:
            self._turns -= 1
            if self._turns < 0:
                self._give_up()
            if scope is not None and naming is not None:
                scope.rename(naming)
            self._replay = self.chooser = Replay(answers, self._picks, self._ties)
            value = part()
            if self._replay.possible and not isinstance(value, Unknown):
                ways[value] = ways.get(value, 0) + self._replay.weight
            answers = self._replay.following()
        self._replay = self.chooser = outer
        return ways

    def exhausted(self, span: Span) -> None:
        """The steps of a single design, used up by counting many."""
        start = self.file.header.span if self.file.header else span
        self.fail("E0904", f"counting the designs takes more than {MOST_STEPS} steps", start)

    def _give_up(self) -> None:
        start = self.file.header.span if self.file.header else Span(self.file.source, 0, 0)
        self.fail("E0904", f"counting the designs takes more than {MOST_TURNS} steps", start)
        raise OutOfBounds

    # ------------------------------------------------------------------- parts counted by themselves

    def chain(self, parts: Sequence[Callable[[Value], Value]], value: Value, scope: Scope) -> Value:
        """The ways through one part after the other, added up by what comes out."""
        ways: dict[Value, int] = {value: 1}
        for part in parts:
            after: dict[Value, int] = {}
            naming = scope.naming()
            for reached, count in ways.items():
                scope.rename(naming)
                for result, more in self._ways(partial(part, reached), scope).items():
                    after[result] = after.get(result, 0) + count * more
            ways = after
        return self._replay.pick_weighted(ways)

    def made_value(self, shape: tuple[int, ...], index: int) -> TensorValue:
        """Only the shape tells tensors apart."""
        return TensorValue(shape)

    def use_block(
        self, block: BlockValue, node: s.Expr, scope: Scope, piped: Value | None, label: str | None
    ) -> Value:
        """A use of a block is counted once for the same parameters, shapes and numbers that it can see."""
        arguments = node.arguments if isinstance(node, s.Call) else ()
        bound = self.bind(block, arguments, node, scope, piped)
        if bound is None or any(isinstance(v, Unknown) for v in bound.values()):
            return UNKNOWN
        name = self.instance(block.name, node, scope, label)
        alone = self._by_path or any(path.startswith(f"{name}") for path in self._picks)
        seen = tuple((word, block.scope.find(word)) for word in self._read(block))
        key = (block.span.start, block.span.source.name, tuple(bound.items()), seen, name if alone else "")
        if key not in self._known:
            self._known[key] = self._ways(partial(self.expand, block, bound, name, node), None)
        return self._replay.pick_weighted(self._known[key])

    def _read(self, block: BlockValue) -> tuple[str, ...]:
        """Words of a block, and of the blocks and functions it uses, that may be numbers around it."""
        place = (block.span.source.name, block.span.start)
        if place not in self._reads:
            words: dict[str, None] = {}
            texts = [block.span.text]
            while texts:
                for word in re.findall(r"[^\W\d]\w*", texts.pop()):
                    value = block.scope.find(word)
                    if word not in words and isinstance(value, BlockValue | FnValue):
                        texts.append(value.span.text)
                    words[word] = None
            values = ((word, block.scope.find(word)) for word in words)
            ignored = BlockValue | FnValue | TensorValue
            self._reads[place] = tuple(word for word, value in values if not isinstance(value, ignored))
        return self._reads[place]

    def record(
        self, name: str, operator: Operator, tensors: Sequence[TensorValue], inferred: Inferred, node: s.Expr
    ) -> Value:
        """Only shapes; but properties that are chosen for this layer are choices here."""
        for statement, scope in self._overlays:
            if _chooses(statement) and self.matches(statement, name):
                self._properties(name, statement, scope)
        values = tuple(TensorValue(shape) for shape in inferred.outputs)
        return values[0] if len(values) == 1 else values

    def top(self, statements: Sequence[s.Statement], scope: Scope) -> None:
        """Overlays with choices are known from the start: they are applied as layers are made."""
        super().top([t for t in statements if isinstance(t, s.Layers)], scope)
        super().top([t for t in statements if not isinstance(t, s.Layers)], scope)

    def overlay(self) -> None:
        """Already done, layer by layer."""

    def unmet(self, statement: s.Require, scope: Scope) -> None:
        """A requirement prunes."""
        self._replay.possible = False


def _chooses(statement: s.Statement) -> bool:
    return isinstance(statement, s.Layers) and any(
        isinstance(v.value, s.Choose | s.ChooseRange | s.ChooseLabelled)
        for a in statement.body
        for v in a.values
    )


def measure_network_space(path: str | Path, settings: Mapping[str, object] | None = None) -> Space:
    """The size of the space a `.net` file describes (1 for a design); raises DovetailError."""
    problems = Collector()
    file = parse_file(Path(path), problems)
    given = settings or {}
    design, problems = first_feasible(
        lambda found, chooser: elaborate_network(file, found, given, chooser), problems, picks_of(given)
    )
    if design is None:
        raise DovetailError(problems.diagnostics)
    sites = tuple(c.site for c in design.choices if not c.given)
    if not sites:
        return Space(design.name, 1, ())
    counter = SpaceCounter(problems, picks_of(given))
    counter.prepare(file, settings_of(given))
    try:
        size = counter.count()
    except OutOfBounds:
        size = 0
    problems.check()
    return Space(design.name, size, sites)
