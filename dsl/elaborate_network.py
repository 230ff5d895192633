"""From the syntax of a `.net` file to a network: blocks expanded, shapes inferred, choices made.

`NetworkElaborator` executes the statements; every layer gets the path of the blocks around it as its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from dovetail.dsl import syntax as s
from dovetail.dsl.choices import Site
from dovetail.dsl.construction import Construction, Widths, padding_help
from dovetail.dsl.diagnostics import Diagnostic, Label, did_you_mean
from dovetail.dsl.evaluator import OutOfBounds, _Deeper
from dovetail.dsl.labels import defines, labels, source_text, stem
from dovetail.dsl.operators import OPERATORS, Inferred, Operator, OperatorFault
from dovetail.dsl.operators.parameters import LARGEST
from dovetail.dsl.overlays import Overlaying
from dovetail.dsl.prelude import prelude_blocks
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Span
from dovetail.dsl.values import (
    UNKNOWN,
    BlockValue,
    OperatorValue,
    TableValue,
    TensorValue,
    Unknown,
    Value,
    describe,
    text_of,
)

MOST_LAYERS: Final = 50_000
MOST_REPEATS: Final = 100_000
MOST_AXES: Final = 64

_FAULT_CODES: Final = {
    "shape": "E0201",
    "rank": "E0202",
    "joined": "E0203",
    "divisible": "E0204",
    "value": "E0205",
    "arity": "E0206",
    "missing": "E0206",
    "unknown": "E0306",
    "size": "E0902",
}


@dataclass(frozen=True, slots=True)
class BaseValue(TensorValue):
    """What `import … as base` binds: the first output of the other network, with its names behind the dot."""

    scope: Scope | None = None


class NetworkElaborator(Overlaying):
    """Executes a `.net` file."""

    kind = "net"
    symbols = frozenset({"same", "global", "none"})
    naming = "`let NAME = …` gives a value a name, `NAME = x -> …` a tensor"

    def run(self) -> None:
        """Execute the whole file; what it built is in `made`, `outputs` and `widths`."""
        self.made = Construction()
        self.outputs: list[tuple[int, Span]] = []
        self.widths: dict[str, Widths] = {}
        self._base_outputs: list[tuple[int, Span]] = []
        self._overlays: list[tuple[s.Layers, Scope]] = []
        self._inferred: dict[object, Inferred] = {}
        scope = Scope(reserved=frozenset(labels(self.file.statements)))
        try:
            self.top(self.file.statements, scope)
            self.outputs = self.outputs or self._base_outputs
            self._check_ends()
            self.overlay()
        except OutOfBounds:
            pass

    def top(self, statements: Sequence[s.Statement], scope: Scope) -> None:
        """The statements of a file, in order."""
        self.hoist(statements, scope)
        for statement in statements:
            nesting = self.budget.nesting
            try:
                self._execute(statement, scope)
            except OutOfBounds:
                if self.budget.steps < 0 or len(self.made.layers) >= MOST_LAYERS:
                    raise
                self.budget.nesting = nesting
                for name in defines(statement):
                    scope.define(name, UNKNOWN)

    def _execute(self, statement: s.Statement, scope: Scope) -> None:
        match statement:
            case s.Input():
                self._input(statement, scope)
            case s.Assign():
                self._assign(statement, scope)
            case s.Output():
                self._output(statement, scope)
            case s.Layers():
                self._overlays.append((statement, scope))
            case _:
                if not self.declare(statement, scope):
                    self.misplaced(statement)

    def predefined(self, name: str) -> Value | None:
        """Operators, then the blocks that the language ships, then functions."""
        if name in OPERATORS and not OPERATORS[name].internal:
            return OperatorValue(OPERATORS[name])
        blocks = prelude_blocks()
        return blocks[name] if name in blocks else super().predefined(name)

    def known(self, scope: Scope) -> set[str]:
        """Operators are known too."""
        return {
            *super().known(scope),
            *(n for n, o in OPERATORS.items() if not o.internal),
            *prelude_blocks(),
        }

    # ------------------------------------------------------------------------------ statements

    def _input(self, statement: s.Input, scope: Scope) -> None:
        # layers and inputs share their names: a label has to be another one
        stage = scope.label(statement.name, statement.span)
        if stage is not None:
            message = f"the name `{statement.name}` is taken"
            self.fail("E0308", message, statement.span, "", [Label(stage, "first here")])
        if len(statement.shape) > MOST_AXES:
            self.fail("E0404", f"a tensor has at most {MOST_AXES} axes", statement.span)
            self.define(scope, statement.name, UNKNOWN, statement.span)
            return
        shape = [
            self.integer(size, scope, f"{statement.name}[{i}]") for i, size in enumerate(statement.shape)
        ]
        for i, (size, node) in enumerate(zip(shape, statement.shape, strict=True)):
            if size is not None and size > LARGEST:
                self.fail("E0902", f"`{statement.name}[{i}]` is more than 10^18", node.span)
                shape[i] = None
        sizes = tuple(size for size in shape if size is not None)
        if len(sizes) < len(shape):
            self.define(scope, statement.name, UNKNOWN, statement.span)
            return
        index = self.made.tensor(statement.name, sizes, statement.span)
        self.made.inputs.append(index)
        self.define(scope, statement.name, self.made_value(sizes, index), statement.span)

    def made_value(self, shape: tuple[int, ...], index: int) -> TensorValue:
        """A tensor of the network under construction as a value."""
        return TensorValue(shape, index)

    def _assign(self, statement: s.Assign, scope: Scope) -> None:
        if len(statement.values) != 1 or statement.values[0].qualifier is not None:
            self.fail("E0104", "a tensor is one pipeline", statement.span)
            values: Value = UNKNOWN
        else:
            values = self.evaluate(statement.values[0].value, scope, statement.names[0])
        if len(statement.names) == 1:
            self.define(scope, statement.names[0], values, statement.span)
            return
        if isinstance(values, Unknown):
            values = (UNKNOWN,) * len(statement.names)
        if not isinstance(values, tuple) or len(values) != len(statement.names):
            have = len(values) if isinstance(values, tuple) else 1
            tensors = "1 tensor" if have == 1 else f"{have} tensors"
            self.fail("E0311", f"{len(statement.names)} names for {tensors}", statement.span)
            values = (UNKNOWN,) * len(statement.names)
        for name, value in zip(statement.names, values, strict=True):
            self.define(scope, name, value, statement.span)

    def _output(self, statement: s.Output, scope: Scope) -> None:
        for node in statement.values:
            value = self.evaluate(node, scope)
            for tensor in value if isinstance(value, tuple) else (value,):
                if isinstance(tensor, Unknown):
                    self.outputs.append((-1, node.span))
                elif isinstance(tensor, TensorValue):
                    self.outputs.append((tensor.index, node.span))
                else:
                    self.fail("E0310", f"an output is a tensor, and this is {describe(tensor)}", node.span)
                    self.outputs.append((-1, node.span))

    def _check_ends(self) -> None:
        if _is_collection(self.file):
            return
        start = Span(self.file.source, 0, 0)
        header = self.file.header.span if self.file.header else start
        if not self.made.inputs and not self.problems.failed:
            self.fail(
                "E0207", "the network has no input", header, help=["`input image[3, 224, 224]` names one"]
            )
        if not self.outputs and not self.problems.failed:
            self.fail("E0207", "the network has no output", header, help=["`output x` says what comes out"])

    def import_whole(self, file: s.File, statement: s.Import, scope: Scope) -> None:
        """Build the other network here; its names stand behind the alias."""
        inner = Scope(path="", shares=scope)
        outer_outputs, self.outputs = self.outputs, []
        self.top(file.statements, inner)
        self._base_outputs += self.outputs
        first = self.outputs[0][0] if self.outputs else -1
        self.outputs = outer_outputs
        alias = statement.alias or ""
        value: Value = UNKNOWN
        if first >= 0:
            value = BaseValue(self.made.tensors[first].shape, first, inner)
        self.define(scope, alias, value, statement.span)

    def attributes(self, value: Value) -> Mapping[str, Value]:
        """Also the names of a whole imported network."""
        if isinstance(value, BaseValue) and value.scope is not None:
            return value.scope.own()
        return super().attributes(value)

    # ------------------------------------------------------------------------------- pipelines

    def _pipeline(self, node: s.Pipeline, scope: Scope, hint: str) -> Value:
        head = self.evaluate(node.head, scope)
        return self.chain([partial(self.stage, stage, scope) for stage in node.stages], head, scope)

    def chain(self, parts: Sequence[Callable[[Value], Value]], value: Value, scope: Scope) -> Value:
        """`value` through one part of a pipeline after the other."""
        for part in parts:
            value = part(value)
        return value

    def _inspect(self, stage: s.Stage | s.ForStage, scope: Scope) -> None:
        """The names of a stage that nothing reaches are looked up all the same."""
        if isinstance(stage, s.Stage) and isinstance(stage.call, s.Call | s.Name):
            call = stage.call
            self.evaluate(call.function if isinstance(call, s.Call) else call, scope)
            for argument in call.arguments if isinstance(call, s.Call) else ():
                self.evaluate(argument.value, scope, argument.name or "choice")

    def stage(self, stage: s.Stage | s.ForStage, scope: Scope, value: Value) -> Value:
        """What comes out of a stage that `value` goes into."""
        self.spend(stage.span)
        if isinstance(value, Unknown):
            self._inspect(stage, scope)
            return UNKNOWN
        self.deeper(stage.span, 2)
        result = self._stage(stage, value, scope)
        self.budget.nesting -= 2
        return result

    def _stage(self, stage: s.Stage | s.ForStage, value: Value, scope: Scope) -> Value:
        if isinstance(value, tuple) and len(value) == 1:
            value = value[0]
        if not isinstance(value, TensorValue | tuple):
            return self.fail("E0310", f"a pipeline carries tensors, not {describe(value)}", stage.span)
        if isinstance(stage, s.ForStage):
            return self._rows(stage, value, scope)
        if stage.count is None:
            return self._apply(stage, stage.call, value, scope, stage.name)
        count = self.integer(stage.count, scope, "the count", 0)
        if count is None:
            return UNKNOWN
        if count > MOST_REPEATS:
            return self.fail("E0901", f"{count} times is more than {MOST_REPEATS}", stage.span)
        # In a loop the row comes before the turn: `unit.2.1` is the first turn of the second row.
        base = f"{stage.name}{scope.suffix}" if stage.name else scope.fresh(stem(stage.call))
        bare = Scope(scope, scope.path, shares=scope) if scope.suffix else scope
        turns = [partial(self._turn, stage, bare, f"{base}.{turn}") for turn in range(1, count + 1)]
        return self.chain(turns, value, bare)

    def _turn(self, stage: s.Stage, scope: Scope, label: str, value: Value) -> Value:
        """One turn of `count * call`."""
        return UNKNOWN if isinstance(value, Unknown) else self._apply(stage, stage.call, value, scope, label)

    def _rows(self, stage: s.ForStage, value: Value, scope: Scope) -> Value:
        rows = self.evaluate(stage.rows, scope)
        if isinstance(rows, Unknown):
            return UNKNOWN
        columns: tuple[str, ...] = ()
        if isinstance(rows, TableValue):
            columns = (f"`{rows.name}` has the columns {', '.join(rows.columns)}",)
            rows = rows.rows
        if not isinstance(rows, tuple):
            help = [f"`count({rows})` is the list 1, 2, … {rows}"] if type(rows) is int else []
            return self.fail(
                "E0310",
                f"`for` goes over a table or a list, not {describe(rows)}",
                stage.rows.span,
                help=help,
            )
        steps = []
        for turn, row in enumerate(rows, 1):
            cells = row if isinstance(row, tuple) else (row,)
            if len(cells) != len(stage.names):
                names = "1 name" if len(stage.names) == 1 else f"{len(stage.names)} names"
                message = f"`for` has {names}, and row {turn} has {len(cells)} values"
                return self.fail("E0309", message, stage.rows.span, help=columns)
            inner = Scope(scope, scope.path, shares=scope, suffix=f"{scope.suffix}.{turn}")
            for name, cell in zip(stage.names, cells, strict=True):
                inner.define(name, cell)
            facts = ", ".join(f"{n} = {text_of(c)}" for n, c in zip(stage.names, cells, strict=True))
            use = Label(stage.rows.span, f"row {turn}: {facts}")
            steps += [partial(self._step, step, inner, use) for step in stage.body]
        return self.chain(steps, value, scope)

    def _step(self, stage: s.Stage | s.ForStage, scope: Scope, use: Label, value: Value) -> Value:
        """One stage of the body of a `for`, in one row."""
        if isinstance(value, Unknown):
            return UNKNOWN
        self.uses.append(use)
        value = self.stage(stage, scope, value)
        self.uses.pop()
        return value

    def _apply(self, stage: s.Stage, node: s.Expr, value: Value, scope: Scope, label: str | None) -> Value:
        """A call to which the pipeline hands its tensor; a choice among calls is made first."""
        while isinstance(node, s.ChooseLabelled | s.Choose | s.Conditional):
            taken = self._alternative(node, scope, label)
            if taken is None:
                return UNKNOWN
            node = taken
        match node:
            case s.Pipeline():
                self.deeper(node.span)
                value = self._apply(stage, node.head, value, scope, None)
                self.budget.nesting -= 1
                return self.chain([partial(self.stage, step, scope) for step in node.stages], value, scope)
            case s.Call():
                function = self.evaluate(node.function, scope)
            case _:
                function = self.evaluate(node, scope, label or "choice")
        if isinstance(function, Unknown):
            return UNKNOWN
        if isinstance(function, TensorValue):
            return self.fail(
                "E0304",
                "a stage is something to apply, and this is a tensor",
                node.span,
                help=["`add`, `mul` and `concat` join tensors: `x -> add(y)`"],
            )
        return self.call(function, node, scope, value, label)

    def _alternative(
        self, node: s.ChooseLabelled | s.Choose | s.Conditional, scope: Scope, label: str | None
    ) -> s.Expr | None:
        """The one of several calls that is taken; None where that cannot be said, which is reported."""
        if isinstance(node, s.Conditional):
            condition = self.truth(node.condition, scope, "a condition")
            return None if condition is None else node.then if condition else node.otherwise
        if isinstance(node, s.Choose):
            options = [(source_text(o), o) for o in node.options]
        else:
            options = []
            for alternative in node.alternatives:
                when = True if alternative.when is None else self.truth(alternative.when, scope, "`when`")
                if when is None:
                    return None
                if when:
                    options.append((alternative.label, alternative.value))
        texts = tuple(text for text, _ in options)
        if not texts and isinstance(node, s.ChooseLabelled):
            self.impossible(node)
            return None
        twice = next((t for t in texts if texts.count(t) > 1), None)
        if twice is not None:
            self.fail("E0701", f"the option `{twice}` stands twice in one choice", node.span)
            return None
        path = scope.path + label + scope.suffix if label is not None else scope.choice("choice")
        index = self.pick(Site(path, texts, node.span))
        return None if index is None else options[index][1]

    # ----------------------------------------------------------------------------------- calls

    def call(
        self, function: Value, node: s.Expr, scope: Scope, piped: Value | None, label: str | None
    ) -> Value:
        """Blocks and operators; the rest as anywhere."""
        match function:
            case BlockValue():
                return self.use_block(function, node, scope, piped, label)
            case OperatorValue():
                return self._use_operator(function.operator, node, scope, piped, label)
            case _:
                return super().call(function, node, scope, piped, label)

    def combine(self, node: s.Binary, left: Value, right: Value, scope: Scope) -> Value:
        """`a + b` and `a * b` of tensors are layers."""
        if isinstance(left, TensorValue) and isinstance(right, TensorValue) and node.operator in "+*":
            operator = OPERATORS["add" if node.operator == "+" else "mul"]
            return self._layer(operator, [left, right], {}, node, scope, None)
        return super().combine(node, left, right, scope)

    def use_block(
        self, block: BlockValue, node: s.Expr, scope: Scope, piped: Value | None, label: str | None
    ) -> Value:
        """Execute the block's body in a frame of its own."""
        arguments = node.arguments if isinstance(node, s.Call) else ()
        bound = self.bind(block, arguments, node, scope, piped)
        if bound is None or any(isinstance(v, Unknown) for v in bound.values()):
            return UNKNOWN
        name = self.instance(block.name, node, scope, label)
        return self.expand(block, bound, name, node)

    def expand(self, block: BlockValue, bound: Mapping[str, Value], name: str, node: s.Expr) -> Value:
        """The results of a block whose parameters are bound, used under `name`."""
        inner = Scope(block.scope, f"{name}.", frozenset(labels(block.body)))
        for parameter, value in bound.items():
            inner.define(parameter, value, block.span)
        with _Deeper(self, block.name, node.span):
            later = self.later
            self.hoist(block.body, inner)
            result = self._body(block, inner)
            self.later = later
        return result

    def _body(self, block: BlockValue, inner: Scope) -> Value:
        for index, statement in enumerate(block.body):
            match statement:
                case s.Return():
                    if index + 1 < len(block.body):
                        self._lint_unused(block.body[index + 1], statement)
                    values = tuple(self.evaluate(v, inner) for v in statement.values)
                    return values[0] if len(values) == 1 else values
                case s.Assign():
                    self._assign(statement, inner)
                case s.Require():
                    if not self._require(statement, inner):
                        return UNKNOWN
                case s.Let() | s.Table() | s.Fn() | s.Block():
                    self.declare(statement, inner)
                case _:
                    word = statement.span.text.split(maxsplit=1)[0]
                    self.fail("E0110", f"`{word}` has no place in a block", statement.span)
        if self.problems.blames(block.span):
            return UNKNOWN  # the return may be what could not be read
        return self.fail(
            "E0312", f"the block `{block.name}` returns nothing", block.span, help=["add `return x`"]
        )

    def _lint_unused(self, statement: s.Statement, after: s.Return) -> None:
        self.problems.add(
            Diagnostic(
                "W1003",
                "nothing behind a `return` has an effect",
                Label(statement.span),
                (Label(after.span, "the block ends here"),),
            )
        )

    def _use_operator(
        self, operator: Operator, node: s.Expr, scope: Scope, piped: Value | None, label: str | None
    ) -> Value:
        arguments = node.arguments if isinstance(node, s.Call) else ()
        tensors: list[TensorValue] = list(piped) if isinstance(piped, tuple) else []
        if isinstance(piped, TensorValue):
            tensors = [piped]
        positional: list[Value] = []
        named: dict[str, Value] = {}
        places: dict[str, Span] = {}
        good = True
        for argument in arguments:
            index = len(positional)
            names = [p.name for p in operator.parameters]
            hint = argument.name or (names[index] if index < len(names) else "choice")
            value = self.evaluate(argument.value, scope, hint)
            if isinstance(value, Unknown):
                good = False
            elif argument.name is not None:
                if argument.name not in names:
                    self._no_parameter(operator, argument, names)
                    good = False
                elif argument.name in named:
                    message = f"`{argument.name}` of `{operator.name}` is given twice"
                    self.fail("E0206", message, argument.span)
                    good = False
                named[argument.name] = value
                places[argument.name] = argument.span
            elif isinstance(value, TensorValue):
                tensors.append(value)
            elif isinstance(value, tuple) and value and all(isinstance(v, TensorValue) for v in value):
                tensors += value
            else:
                if index < len(names):
                    places.setdefault(names[index], argument.span)
                positional.append(value)
        if not good:
            return UNKNOWN
        try:
            values = operator.bind(positional, named)
        except OperatorFault as fault:
            return self._fault(fault, tensors, node, places)
        return self._layer(operator, tensors, values, node, scope, label, places)

    def _no_parameter(self, operator: Operator, argument: s.Argument, names: Sequence[str]) -> None:
        close = [h for h in did_you_mean(argument.name or "", names) if h.startswith("did")]
        help = close or [f"it is written `{operator.signature}`"]
        self.fail("E0306", f"`{operator.name}` has no parameter `{argument.name}`", argument.span, help=help)

    def _layer(
        self,
        operator: Operator,
        tensors: Sequence[TensorValue],
        values: Mapping[str, Value],
        node: s.Expr,
        scope: Scope,
        label: str | None,
        places: Mapping[str, Span] = MappingProxyType({}),
    ) -> Value:
        """One more layer (two, where the operator has a branch); `places` are those of its arguments."""
        name = self.instance(operator.name, node, scope, label)
        branch = operator.branch
        operands = list(tensors)
        if branch is not None and operator.operands[1] == len(operands) + 1:
            given = {p: values[p] for p in branch.parameters if p in values}
            made = self._make(
                f"{name}.{branch.suffix}", OPERATORS[branch.operator], operands[:1], given, node, places
            )
            if isinstance(made, Unknown):
                return UNKNOWN
            operands.append(made)
        return self._make(name, operator, operands, values, node, places)

    def _make(
        self,
        name: str,
        operator: Operator,
        tensors: Sequence[TensorValue],
        values: Mapping[str, Value],
        node: s.Expr,
        places: Mapping[str, Span],
    ) -> Value:
        if len(self.made.layers) >= MOST_LAYERS:
            self.fail("E0901", f"the network has more than {MOST_LAYERS} layers", node.span, "stopped here")
            raise OutOfBounds
        shapes = tuple(t.shape for t in tensors)
        # Written out because 1 and `true` are not the same argument; what cannot be written is inferred anew.
        plain = all(isinstance(v, int | float | str) for v in values.values())
        key = (operator.name, shapes, repr(sorted(values.items()))) if plain else None
        inferred = self._inferred.get(key)
        if inferred is None:
            self.spend(node.span, sum(len(v) for v in values.values() if isinstance(v, tuple)))
            try:
                inferred = operator.infer(shapes, values)
            except OperatorFault as fault:
                return self._fault(fault, tensors, node, places)
            if key is not None:
                self._inferred[key] = inferred
        self.spend(node.span, len(tensors) + len(inferred.outputs))
        return self.record(name, operator, tensors, inferred, node)

    def record(
        self, name: str, operator: Operator, tensors: Sequence[TensorValue], inferred: Inferred, node: s.Expr
    ) -> Value:
        """Add the layer to the network under construction."""
        inputs = tuple(t.index for t in tensors)
        outputs = self.made.layer(name, operator.name, inputs, inferred, node.span)
        values = tuple(TensorValue(shape, i) for shape, i in zip(inferred.outputs, outputs, strict=True))
        return values[0] if len(values) == 1 else values

    def _fault(
        self,
        fault: OperatorFault,
        tensors: Sequence[TensorValue],
        node: s.Expr,
        places: Mapping[str, Span],
    ) -> Unknown:
        span = places.get(fault.parameter or "", node.span)
        others = []
        for index in (fault.operand, fault.other):
            if index is not None and index < len(tensors) and tensors[index].index >= 0:
                made = self.made.tensors[tensors[index].index]
                others.append(Label(made.span, " x ".join(map(str, made.shape))))
        help = [fault.help] if fault.help else []
        if fault.kind == "joined" and fault.operand is not None and fault.other is not None:
            pair = (tensors[fault.operand], tensors[fault.other])
            padding = padding_help(self.made, pair[0], pair[1]) or padding_help(self.made, pair[1], pair[0])
            help = [padding] if padding else help
        return self.fail(_FAULT_CODES[fault.kind], fault.message, span, "", others, help)


def _is_collection(file: s.File) -> bool:
    """Whether a file only has parts for others to import: blocks, functions, tables, and nothing built."""
    builds = any(
        isinstance(v, s.Input | s.Output | s.Assign) or (isinstance(v, s.Import) and v.alias is not None)
        for v in file.statements
    )
    return not builds and any(isinstance(v, s.Block | s.Fn | s.Table) for v in file.statements)
