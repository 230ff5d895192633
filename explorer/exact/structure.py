"""From a `.net` text to the recursion of its designs: the elaborator, executed on alternatives.

A use of a block, each stage of a pipeline and each statement of the file is executed once for each state that
reaches it, with every answer to the choices inside it. Alternatives that leave the same `Outcome` become ways
of one node. Nothing is assumed about the text: what a part can see of those before it is in the outcome,
shapes and open layers included, and if it is much there are many states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from dovetail.dsl import syntax as s
from dovetail.dsl.choices import Site, Ties
from dovetail.dsl.construction import Construction, Widths
from dovetail.dsl.diagnostics import Collector, DovetailError
from dovetail.dsl.elaborate_network import BaseValue, NetworkElaborator
from dovetail.dsl.evaluator import Budget, OutOfBounds
from dovetail.dsl.labels import labels
from dovetail.dsl.layer import Layer
from dovetail.dsl.loading import picks_of, settings_of
from dovetail.dsl.operators import Inferred, Operator, OperatorFault
from dovetail.dsl.parser import parse_file
from dovetail.dsl.problem import Bits
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Span
from dovetail.dsl.space import Replay, Undecided
from dovetail.dsl.values import UNKNOWN, BlockValue, TensorValue, Unknown, Value
from dovetail.explorer.additive import Additive
from dovetail.explorer.exact.frame import Frame, OpenTensor, Residue, _Closing, residue, resume
from dovetail.explorer.exact.naming import homes_of, names_in, schedule, uses
from dovetail.explorer.exact.outcome import (
    Outcome,
    decode,
    encode,
    kind_of,
    live,
    naming_of,
    rename,
    tensors_of,
)
from dovetail.explorer.exact.recursion import Chosen, Node, Part, Recursion, Way

MOST_TURNS: Final = 400_000
"""Executions of parts before the search for a structure gives up."""
MOST_STEPS: Final = 100_000_000


class NoStructure(Exception):
    """The designs of a text depend on each other in more ways than can be followed."""


@dataclass(slots=True)
class _Trail:
    """What one execution of a part did."""

    chosen: list[Chosen] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    metrics: list[float] = field(default_factory=list)


class _Turn(Replay):
    """Answers with a given sequence, and writes down what was chosen."""

    def __init__(self, answers: Sequence[int], picks: Mapping[str, str], ties: Ties, trail: _Trail) -> None:
        super().__init__(answers, picks, ties)
        self.trail = trail

    def pick(self, site: Site) -> int:
        """The next answer."""
        index = super().pick(site)
        if self.possible:
            self.trail.chosen.append((site.path, site.options[index], index))
        return index

    def pick_of(self, count: int) -> int:
        """One of several outcomes."""
        if count == 0:
            self.possible = False
            return -1
        return self._answer(count)


Ways = dict[Outcome, list[Way]]

COUNTS: Final = ("macs", "params")
"""Counts at batch 1 that every recursion has before the metrics that are asked for."""


class _Finder(NetworkElaborator):
    """Executes a `.net` file on open ends of networks."""

    def __init__(
        self, problems: Collector, picks: Mapping[str, str], default: Bits, metrics: Sequence[Additive]
    ) -> None:
        self._picks = dict(picks)
        self._ties = Ties()
        self._metrics = metrics
        self._trail = self._new_trail()
        self._asking = _Turn((), self._picks, self._ties, self._trail)
        super().__init__(problems, self._asking)
        self.budget = Budget(MOST_STEPS)
        self._default = default
        self._turns = MOST_TURNS
        self._nodes: list[Node] = []
        self._numbers: dict[Node, int] = {}
        self._layers: dict[Layer, int] = {}
        self._known: dict[object, tuple[str, tuple[int, ...], list[tuple[Outcome, int]]]] = {}
        self._captured: dict[object, tuple[str, ...]] = {}

    def find(self) -> Recursion:
        """The recursion of the whole file; raises NoStructure."""
        statements = self.file.statements
        # Of what an imported network says of its layers nothing is known yet, so it counts as something.
        overlays = [
            v
            for v in statements
            if isinstance(v, s.Layers) or (isinstance(v, s.Import) and v.alias is not None)
        ]
        self._fixed = not overlays
        self._by_path = any(isinstance(v, s.Tie) for v in statements) or bool(overlays) or bool(self._metrics)
        self._homes = homes_of(statements)
        ways = self._decided()
        if not ways:
            raise NoStructure("no design of it meets every requirement")
        root = self._node(ways)
        whole = Recursion(
            self.file.header.name if self.file.header else "",
            tuple(self._layers),
            tuple(self._nodes),
            (*COUNTS, *(metric.name for metric in self._metrics)),
        )
        return _pruned(whole, root)

    # ------------------------------------------------------------------------------- the whole file

    def _decided(self) -> list[Way]:
        """The ways of the whole, once for each answer to choices that others are tied to."""
        try:
            return self._whole()
        except Undecided as tied:
            path, options = tied.path, tied.options
        ways: list[Way] = []
        for option in options:
            self._picks[path] = option
            ways += self._decided()
        del self._picks[path]
        return ways

    def _whole(self) -> list[Way]:
        """The ways of the file under the picks at hand, statement after statement."""
        self._known.clear()
        self._frame = Frame(self._default, self._fixed)
        self._trail = self._new_trail()
        self._asking = self.chooser = _Turn((), self._picks, self._ties, self._trail)
        self.made = Construction()
        self.outputs: list[tuple[int, Span]] = []
        self.widths: dict[str, Widths] = {}
        self._base_outputs: list[tuple[int, Span]] = []
        self._overlaid: list[tuple[tuple[int, ...], s.Layers, Scope]] = []
        self._place: tuple[int, ...] = ()
        self._inferred = {}
        self.ties = []
        self.figures = {}
        scope = Scope(reserved=frozenset(labels(self.file.statements)))
        statements = schedule(self.file.statements)
        places = {id(v): (i,) for i, v in enumerate(self.file.statements)}
        self.hoist(self.file.statements, scope)
        for statement in statements:
            if isinstance(statement, s.Layers):
                self._overlaid.append((places[id(statement)], statement, scope))
        rest = [v for v in statements if not isinstance(v, s.Layers | s.Fn | s.Block | s.Tie)]
        states: dict[Outcome, int | None] = {
            Outcome(((), ()), None, Residue((), (), ()), naming_of(scope)): None
        }
        names: tuple[str, ...] = ()
        for number, statement in enumerate(rest):
            last = number + 1 == len(rest)
            wanted = uses(rest[number + 1 :], self._homes) | self._overlay_names
            after: Ways = {}
            reached: tuple[str, ...] = ()
            for state, node in states.items():
                step = partial(self._statement, statement, places[id(statement)], state, node, names, scope)
                found = self._outcomes(step, scope, last, wanted)
                for outcome, ways in found.items():
                    after.setdefault(outcome, []).extend(ways)
                reached = reached or live(scope, wanted)
            names = reached
            states = {outcome: self._node(ways) for outcome, ways in after.items()}
        return [Way((), (Part(node),), (), self._zeros) for node in states.values() if node is not None]

    @property
    def _overlay_names(self) -> dict[str, None]:
        return uses([statement for _, statement, _ in self._overlaid], self._homes)

    def _statement(
        self,
        statement: s.Statement,
        place: tuple[int, ...],
        state: Outcome,
        node: int | None,
        names: tuple[str, ...],
        scope: Scope,
    ) -> Value:
        """One statement of the file, in one of the states that reach it."""
        values, outputs = self._enter(state, node, scope)
        for name, value in zip(names, values, strict=True):
            scope.define(name, value)
        start = self.file.header.span if self.file.header else statement.span
        self.outputs = [(index, start) for index in tensors_of(outputs)]
        self._base_outputs = []
        self._place = place
        self._execute(statement, scope)
        self.outputs += self._base_outputs
        return scope

    # ------------------------------------------------------------------------------- parts of it

    def _new_trail(self) -> _Trail:
        return _Trail(metrics=[0.0] * (len(self._metrics) + len(COUNTS)))

    @property
    def _zeros(self) -> tuple[float, ...]:
        return (0.0,) * (len(self._metrics) + len(COUNTS))

    def _outcomes(
        self,
        part: Callable[[], Value],
        scope: Scope | None,
        last: bool = False,
        wanted: Mapping[str, object] | None = None,
    ) -> Ways:
        """Every outcome of `part`, with the ways that lead to it."""
        ways: Ways = {}
        answers: tuple[int, ...] | None = ()
        turn, frame, trail = self._asking, self._frame, self._trail
        naming = naming_of(scope)
        while answers is not None:
            self._turns -= 1
            if self._turns < 0:
                raise NoStructure(f"its choices depend on each other in more than {MOST_TURNS} ways")
            rename(scope, naming)
            self._frame, self._trail = frame.copy(), self._new_trail()
            self._asking = self.chooser = _Turn(answers, self._picks, self._ties, self._trail)
            value = part()
            if self._asking.possible and not isinstance(value, Unknown):
                outcome, way = self._leave(value, frame, scope, last, wanted)
                ways.setdefault(outcome, []).append(way)
            answers = self._asking.following()
        self._asking = self.chooser = turn
        self._frame, self._trail = frame, trail
        return ways

    def _leave(
        self,
        value: Value,
        before: Frame,
        scope: Scope | None,
        last: bool,
        wanted: Mapping[str, object] | None,
    ) -> tuple[Outcome, Way]:
        """The outcome of the part that was just executed, and the way that it is."""
        if wanted is not None:
            assert scope is not None
            names = live(scope, wanted)
            value = (
                tuple(scope.own()[name] for name in names),
                tuple(TensorValue((), index) for index, _ in self.outputs),
            )
        kept = dict.fromkeys(tensors_of(value))
        ours = range(len(before.tensors), len(self._frame.tensors))
        exposed: list[int] = [] if last else [*range(len(before.tensors)), *(i for i in kept if i in ours)]
        leaving = [index for index, _ in self.outputs] if wanted is not None else []
        closed = self._frame.close(exposed, leaving, len(before.layers))
        if last and self._frame.layers:
            raise ValueError("a layer is open at the end of a network")
        left, where = residue(self._frame, before, [] if last else kept)
        counts: dict[int, int] = {}
        for layer in closed:
            number = self._layers.setdefault(layer, len(self._layers))
            counts[number] = counts.get(number, 0) + 1
        trail = self._trail
        way = Way(
            tuple(sorted(counts.items())), tuple(trail.parts), tuple(trail.chosen), tuple(self._sensed(trail))
        )
        if last:
            return Outcome((), None, Residue((), (), ()), None), way
        code = encode(value, where.__getitem__)
        return Outcome(code, kind_of(value), left, naming_of(scope)), way

    def _sensed(self, trail: _Trail) -> Iterable[float]:
        """What the layers and choices of a way add to each additive metric."""
        yield from trail.metrics[len(self._metrics) :]
        for metric, layers in zip(self._metrics, trail.metrics[: len(self._metrics)], strict=True):
            yield layers + sum(metric.of_choice(path, option) for path, option, _ in trail.chosen)

    def _enter(
        self,
        outcome: Outcome,
        node: int | None,
        scope: Scope | None,
        others: Mapping[int, int] | None = None,
        names: tuple[str, str] = ("", ""),
    ) -> Value:
        """Go on behind a part with one of its outcomes; its value."""
        moved = others or {}
        start = resume(self._frame, outcome.residue, moved)
        if node is not None:
            self._trail.parts.append(Part(node, *names) if names[0] != names[1] else Part(node))
        rename(scope, outcome.naming)
        return decode(outcome.value, lambda i: start + i if i >= 0 else moved.get(-1 - i, -1 - i))

    def _node(self, ways: list[Way]) -> int:
        """The number of a node; equal ones have one."""
        node = tuple(ways)
        if len(node) == 1 and not (node[0].layers or node[0].chosen or any(node[0].metrics)):
            match node[0].parts:
                case (Part(number, old, new),) if old == new:
                    return number
                case _:
                    pass
        if node not in self._numbers:
            self._numbers[node] = len(self._nodes)
            self._nodes.append(node)
        return self._numbers[node]

    def chain(self, parts: Sequence[Callable[[Value], Value]], value: Value, scope: Scope) -> Value:
        """The ways through one part after the other, joined where they leave the same."""
        if isinstance(value, Unknown):
            return super().chain(parts, value, scope)
        start = Outcome(
            encode(value, lambda i: -1 - i), kind_of(value), Residue((), (), ()), naming_of(scope)
        )
        states: dict[Outcome, int | None] = {start: None}
        for part in parts:
            after: Ways = {}
            for state, node in states.items():
                step = partial(self._link, part, state, node, scope)
                for outcome, ways in self._outcomes(step, scope).items():
                    after.setdefault(outcome, []).extend(ways)
            states = {outcome: self._node(ways) for outcome, ways in after.items()}
        return self._go_on(list(states.items()), scope)

    def _link(self, part: Callable[[Value], Value], state: Outcome, node: int | None, scope: Scope) -> Value:
        return part(self._enter(state, node, scope))

    def _go_on(
        self,
        states: Sequence[tuple[Outcome, int | None]],
        scope: Scope | None,
        others: Mapping[int, int] | None = None,
        names: tuple[str, str] = ("", ""),
    ) -> Value:
        """One of the outcomes of a part."""
        index = self._asking.pick_of(len(states))
        if index < 0:
            return UNKNOWN
        outcome, node = states[index]
        return self._enter(outcome, node, scope, others, names)

    def use_block(
        self, block: BlockValue, node: s.Expr, scope: Scope, piped: Value | None, label: str | None
    ) -> Value:
        """A use of a block is executed once for equal parameters, shapes and surroundings."""
        arguments = node.arguments if isinstance(node, s.Call) else ()
        bound = self.bind(block, arguments, node, scope, piped)
        if bound is None or any(isinstance(v, Unknown) for v in bound.values()):
            return UNKNOWN
        name = self.instance(block.name, node, scope, label)
        alone = self._by_path or any(path.startswith(name) for path in self._picks)
        seen = self._seen(block)
        own = tuple(dict.fromkeys(index for value in bound.values() for index in tensors_of(value)))
        captured = tuple(dict.fromkeys(index for value in seen for index in tensors_of(value)))
        places = {index: number for number, index in enumerate(own)}
        key = (
            (block.span.source.name, block.span.start, id(block.scope)),
            tuple((p, encode(v, places.__getitem__), kind_of(v)) for p, v in bound.items()),
            tuple((v, kind_of(v)) for v in seen),
            tuple(self._state(index) for index in (*own, *captured)),
            tuple(captured.index(index) if index in captured else -1 for index in own),
            name if alone else "",
        )
        if key not in self._known:
            found = self._outcomes(partial(self.expand, block, bound, name, node), None)
            outcomes = [(outcome, self._node(ways)) for outcome, ways in found.items()]
            self._known[key] = (name, own, outcomes)
        first, before, outcomes = self._known[key]
        others = dict(zip(before, own, strict=True))
        return self._go_on(outcomes, None, others, (first, name))

    def _seen(self, block: BlockValue) -> tuple[Value, ...]:
        """What a block sees of its surroundings, in a fixed order."""
        where = (block.span.source.name, block.span.start)
        if where not in self._captured:
            found: dict[str, None] = {}
            pending = list(names_in(*block.body, *block.parameters))
            while pending:
                name = pending.pop()
                if name in found:
                    continue
                found[name] = None
                inner = block.scope.find(name)
                if isinstance(inner, BlockValue):
                    pending += names_in(*inner.body, *inner.parameters)
                elif inner is not None and hasattr(inner, "parameters") and hasattr(inner, "value"):
                    pending += names_in(inner.value, *inner.parameters)
            self._captured[where] = tuple(sorted(found))
        values = (block.scope.find(name) for name in self._captured[where])
        return tuple(value for value in values if value is not None)

    def _state(self, index: int) -> object:
        """All that can matter about a tensor of others."""
        closing = _Closing(self._frame, frozenset(range(len(self._frame.tensors))), frozenset())
        maker = closing.makers.get(index)
        return (self._frame.tensors[index], closing.computes(maker) if maker is not None else "closed")

    # --------------------------------------------------------------------------- what is built

    def made_value(self, shape: tuple[int, ...], index: int) -> TensorValue:
        """An input of the network."""
        return TensorValue(shape, self._frame.tensor(OpenTensor(shape, is_input=True)))

    def record(
        self, name: str, operator: Operator, tensors: Sequence[TensorValue], inferred: Inferred, node: s.Expr
    ) -> Value:
        """A layer goes to the open end of the network, with the properties that the text gives it."""
        for _, statement, scope in sorted(self._overlaid, key=lambda item: item[0]):
            if self.matches(statement, name):
                self._properties(name, statement, scope)
        own = self.widths.pop(name, Widths())
        if own.inputs or own.outputs:
            self._fixed_is_wrong(own)
        outputs = self._frame.layer(operator.name, [t.index for t in tensors], inferred, own)
        weights = own.weights or self._default.weights
        for number, metric in enumerate(self._metrics):
            if metric.by_layer:
                self._trail.metrics[number] += metric.of_layer(name, weights)
        for number, more in enumerate((_macs(inferred), inferred.weights + inferred.bias + inferred.norm)):
            self._trail.metrics[len(self._metrics) + number] += more
        values = tuple(TensorValue(shape, i) for shape, i in zip(inferred.outputs, outputs, strict=True))
        return values[0] if len(values) == 1 else values

    def _fixed_is_wrong(self, own: Widths) -> None:
        if self._frame.fixed:
            raise ValueError(f"a layer has widths of its own, {own}, in a text without `layers`")

    def top(self, statements: Sequence[s.Statement], scope: Scope) -> None:
        """The statements of an imported file: its `layers` are known from the start."""
        self.hoist(statements, scope)
        place = self._place
        for number, statement in enumerate(statements):
            if isinstance(statement, s.Layers):
                self._overlaid.append(((*place, number), statement, scope))
        for number, statement in enumerate(statements):
            if not isinstance(statement, s.Layers):
                self._place = (*place, number)
                self._execute(statement, scope)
        self._place = place

    def import_whole(self, file: s.File, statement: s.Import, scope: Scope) -> None:
        """Build the other network here; its names stand behind the alias."""
        inner = Scope(path="", shares=scope)
        outer_outputs, self.outputs = self.outputs, []
        overlaid = list(self._overlaid)
        self.top(file.statements, inner)
        self._overlaid = overlaid  # no later layer is spoken of by them
        self._base_outputs += self.outputs
        first = self.outputs[0][0] if self.outputs else -1
        self.outputs = outer_outputs
        value: Value = UNKNOWN
        if first >= 0:
            value = BaseValue(self._frame.tensors[first].shape, first, inner)
        self.define(scope, statement.alias or "", value, statement.span)

    def overlay(self) -> None:
        """Already done, layer by layer."""

    def unmet(self, statement: s.Require, scope: Scope) -> None:
        """A requirement prunes."""
        self._asking.possible = False

    def _fault(
        self,
        fault: OperatorFault,
        tensors: Sequence[TensorValue],
        node: s.Expr,
        places: Mapping[str, Span],
    ) -> Unknown:
        return super()._fault(fault, [TensorValue(t.shape) for t in tensors], node, places)

    def exhausted(self, span: Span) -> None:
        """More steps than can be taken."""
        raise NoStructure(f"its parts take more than {MOST_STEPS} steps to execute")


def _macs(inferred: Inferred) -> int:
    return inferred.loops.macs if inferred.loops is not None else 0


def _pruned(recursion: Recursion, root: int) -> Recursion:
    """Only the nodes that the root needs, which is the last, and only their layers."""
    needed = {root}
    for index in range(root, -1, -1):
        if index in needed:
            needed.update(part.node for way in recursion.nodes[index] for part in way.parts)
    nodes = sorted(needed)
    number = {old: new for new, old in enumerate(nodes)}
    used = sorted({layer for index in nodes for way in recursion.nodes[index] for layer, _ in way.layers})
    layer = {old: new for new, old in enumerate(used)}

    def moved(way: Way) -> Way:
        return Way(
            tuple((layer[index], count) for index, count in way.layers),
            tuple(Part(number[part.node], part.old, part.new) for part in way.parts),
            way.chosen,
            way.metrics,
        )

    return Recursion(
        recursion.name,
        tuple(recursion.layers[index] for index in used),
        tuple(tuple(moved(way) for way in recursion.nodes[index]) for index in nodes),
        recursion.metrics,
    )


def find_recursion(
    path: str | Path,
    default: Bits,
    settings: Mapping[str, object] | None = None,
    metrics: Sequence[Additive] = (),
) -> Recursion:
    """The recursion of the designs of a `.net` file, at these widths where its text gives none.

    Raises DovetailError where a design of it is faulty, NoStructure where it is too entangled.
    """
    problems = Collector()
    file = parse_file(Path(path), problems)
    given = settings or {}
    finder = _Finder(problems, picks_of(given), default, metrics)
    finder.prepare(file, settings_of(given))
    try:
        recursion = finder.find()
    except OutOfBounds:
        problems.check()
        raise NoStructure("it takes too many steps to execute") from None
    except NoStructure:
        problems.check()
        raise
    if problems.failed:
        raise DovetailError(problems.diagnostics)
    return recursion
