"""The statements that all kinds of file share: parameters, names, functions, tables, imports, requirements.

A file is executed from top to bottom. Its functions, blocks and tables are there from the start, so that they
may stand in any order; parameters and `let` follow each other.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from dovetail.dsl import syntax as s
from dovetail.dsl import units
from dovetail.dsl.diagnostics import Diagnostic, DovetailError, Label, did_you_mean
from dovetail.dsl.evaluator import Evaluator
from dovetail.dsl.parser import parse_file, read_source
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Span
from dovetail.dsl.values import (
    UNKNOWN,
    BlockValue,
    FnValue,
    TableValue,
    TensorValue,
    Unknown,
    Value,
    describe,
    text_of,
)

MOST_FILES: Final = 200
DEEPEST_IMPORT: Final = 20

_HOMES: Final = {
    "net": (s.Block, s.Input, s.Output, s.Layers),
    "accel": (
        s.Properties,
        s.MemoryBlock,
        s.Along,
        s.ArrayBlock,
        s.UnitBlock,
        s.Path,
        s.Keep,
        s.DataflowBlock,
    ),
    "study": (s.Baseline,),
    "map": (s.HoldsLine, s.ForLine, s.MacLine),
}
"""The statements of which only one kind of file consists."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A published figure: `metric top5 = 80.3% from "arXiv:1602.07360"`."""

    name: str
    value: float
    source: str


@dataclass(frozen=True, slots=True)
class MetricTable:
    """`metric omega from "traces.csv" by (layer, weights)`: additive, a value a row."""

    name: str
    by: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], float], ...]
    source: str


class Declarations(Evaluator):
    """An evaluator that executes the shared statements of one file and of those it imports."""

    kind: str = ""

    def prepare(self, file: s.File, settings: Mapping[str, Value]) -> None:
        """Take the file and what is set from outside."""
        self.file = file
        self.settings = dict(settings)
        self.set_used: set[str] = set()
        self.figures: dict[str, Figure | MetricTable] = {}
        self.lost = file.broken
        self.files: dict[Path, s.File] = {}
        self.importing: list[tuple[Path, Span]] = []
        self.parameters: dict[str, Value] = {}
        self.ties: list[s.Tie] = []
        if file.source.path is not None:
            self.importing.append((file.source.path.resolve(), Span(file.source, 0, 0)))

    # ------------------------------------------------------------------------------- statements

    def hoist(self, statements: Iterable[s.Statement], scope: Scope) -> None:
        """Define what may be used before its place: functions, blocks, and what is tied."""
        later = dict(self.later)
        for statement in statements:
            match statement:
                case s.Fn():
                    value = FnValue(
                        statement.name, statement.parameters, statement.value, scope, statement.span
                    )
                    self.define(scope, statement.name, value, statement.span)
                case s.Block():
                    block = BlockValue(
                        statement.name, statement.parameters, statement.body, scope, statement.span
                    )
                    self.define(scope, statement.name, block, statement.span)
                case s.Tie():
                    self.ties.append(statement)
                    self.chooser.ties.add(statement.first, statement.second)
                case s.Param() | s.Let() | s.Table():
                    later[statement.name] = statement.span
                case s.Assign():
                    later |= dict.fromkeys(statement.names, statement.span)
                case _:
                    pass
        self.later = later

    def define(self, scope: Scope, name: str, value: Value, span: Span) -> None:
        """Bind a name once in a frame."""
        earlier = scope.define(name, value, span)
        if earlier is not None and earlier != span:
            tensor = isinstance(value, TensorValue)
            help = ["chain the stages by `->`, or give each tensor a name of its own"] if tensor else []
            self.fail("E0308", f"`{name}` is defined twice", span, "", [Label(earlier, "first here")], help)

    def declare(self, statement: s.Statement, scope: Scope) -> bool:
        """Execute a shared statement; False if it is none."""
        match statement:
            case s.Param():
                self._param(statement, scope)
            case s.Let():
                value = self.evaluate(statement.value, scope, statement.name)
                self.define(scope, statement.name, value, statement.span)
            case s.Table():
                self._table(statement, scope)
            case s.Require():
                self._require(statement, scope)
            case s.Metric():
                self._metric(statement, scope)
            case s.Import():
                self._import(statement, scope)
            case s.Fn() | s.Block() | s.Tie():
                pass  # hoisted
            case _:
                return False
        return True

    def misplaced(self, statement: s.Node) -> None:
        """A statement of another kind of file."""
        word = statement.span.text.split(maxsplit=1)[0] if statement.span.text else "this"
        home = next((kind for kind, nodes in _HOMES.items() if isinstance(statement, nodes)), self.kind)
        help = [f"it is said in a `.{home}` file"] if home != self.kind else []
        if isinstance(statement, s.Return):
            help = ["a block returns; `output x` says what a network gives"]
        self.fail("E0110", f"`{word}` has no place {self.where}", statement.span, help=help)

    @property
    def where(self) -> str:
        """For messages: in a `.net` file, …"""
        return f"in a `.{self.kind}` file"

    # ------------------------------------------------------------------------------------ each

    def _param(self, statement: s.Param, scope: Scope) -> None:
        value: Value
        if statement.name in self.settings:
            self.set_used.add(statement.name)
            value = self.settings[statement.name]
            default = self._silently(statement.value, scope)
            if isinstance(value, str) and not isinstance(default, str):
                value = self._outside(statement, value, scope)
            if not self._same_kind(value, default):
                self.fail(
                    "E0407",
                    f"the parameter `{statement.name}` is set to {describe(value)}, "
                    f"and its default is {describe(default)}",
                    statement.span,
                )
                value = UNKNOWN
        else:
            value = self.evaluate(statement.value, scope, statement.name)
        self.parameters[statement.name] = value
        self.define(scope, statement.name, value, statement.span)

    def _silently(self, node: s.Expr, scope: Scope) -> Value:
        """The default that a setting replaces: its first option where it is a choice."""
        match node:
            case s.Choose():
                return self.evaluate(node.options[0], scope)
            case s.ChooseRange():
                return self.evaluate(node.first, scope)
            case s.ChooseLabelled():
                return UNKNOWN
            case _:
                return self.evaluate(node, scope)

    def _outside(self, statement: s.Param, text: str, scope: Scope) -> Value:
        """A value written on the command line, read as an expression of the language."""
        from dovetail.dsl.parser import parse_text

        try:
            parsed = parse_text(f"net setting\nlet value = {text}\n", f"--set {statement.name}")
        except DovetailError:
            return self.fail(
                "E0408", f"`{text}` is no value for the parameter `{statement.name}`", statement.span
            )
        match parsed.statements:
            case (s.Let() as let,):
                return self.evaluate(let.value, scope)
            case _:
                return self.fail("E0408", f"`{text}` is no value for `{statement.name}`", statement.span)

    def _same_kind(self, value: Value, default: Value) -> bool:
        if isinstance(value, Unknown) or isinstance(default, Unknown):
            return True
        if units.is_quantity(value) or units.is_quantity(default):
            return (
                units.is_quantity(value)
                and units.is_quantity(default)
                and units.kind_of(value) == units.kind_of(default)
            )
        if isinstance(default, bool) or isinstance(value, bool):
            return isinstance(default, bool) and isinstance(value, bool)
        if isinstance(default, int | float):
            return isinstance(value, int | float)
        return isinstance(value, type(default)) or isinstance(default, type(value))

    def _table(self, statement: s.Table, scope: Scope) -> None:
        rows = []
        for row in statement.rows:
            if len(row.cells) != len(statement.columns):
                self.fail(
                    "E0309",
                    f"this row has {len(row.cells)} values, "
                    f"and `{statement.name}` has {len(statement.columns)} columns",
                    row.span,
                    others=[Label(statement.span, f"columns {', '.join(statement.columns)}")],
                )
                continue
            rows.append(tuple(self.evaluate(cell, scope) for cell in row.cells))
        self.define(
            scope, statement.name, TableValue(statement.name, statement.columns, tuple(rows)), statement.span
        )

    def _require(self, statement: s.Require, scope: Scope) -> bool:
        """Whether a requirement holds, or could not be checked."""
        holds = self.truth(statement.condition, scope, "a requirement")
        if holds is False:
            self.unmet(statement, scope)
        return holds is not False

    def unmet(self, statement: s.Require, scope: Scope) -> None:
        """A requirement that does not hold, with the values that break it."""
        why = f": {statement.why}" if statement.why else ""
        values = []
        for name in _names_in(statement.condition):
            value = scope.find(name.id)
            if isinstance(value, int | float | TensorValue) or units.is_quantity(value):
                values.append(f"{name.id} = {text_of(value)}")
        self.fail(
            "E0704",
            f"a requirement is not met{why}",
            statement.condition.span,
            "; ".join(dict.fromkeys(values)),
        )

    def _metric(self, statement: s.Metric, scope: Scope) -> None:
        if statement.value is not None:
            value = self.evaluate(statement.value, scope)
            if isinstance(value, Unknown):
                return
            if isinstance(value, bool) or not isinstance(value, int | float):
                self.fail(
                    "E0403", f"a metric is a number, and this is {describe(value)}", statement.value.span
                )
                return
            self.figures[statement.name] = Figure(statement.name, float(value), statement.source or "")
        elif statement.source is None:
            self.fail("E0104", "a metric needs a value, or `from` a table", statement.span)
        else:
            self._metric_table(statement, statement.source)

    def _metric_table(self, statement: s.Metric, source: str) -> None:
        path = self.inside(source, statement.span)
        if path is None:
            return
        try:
            text = read_source(path, source).text
            rows = list(csv.DictReader(text.splitlines()))
        except DovetailError as fault:
            for d in fault.diagnostics:
                self.problems.add(replace(d, primary=Label(statement.span)))
            return
        except csv.Error as fault:
            self.fail("E0803", f"`{source}` cannot be read: {fault}", statement.span)
            return
        wanted = (*statement.by, statement.name)
        missing = [w for w in wanted if not rows or w not in rows[0]]
        if missing:
            columns = ", ".join(rows[0]) if rows else "none"
            self.fail(
                "E0809", f"`{source}` has no column `{missing[0]}`", statement.span, f"its columns: {columns}"
            )
            return
        values = []
        for number, row in enumerate(rows, 2):
            try:
                values.append((tuple(row[b] or "" for b in statement.by), float(row[statement.name] or "")))
            except ValueError:
                cell = row[statement.name] or ""
                self.fail(
                    "E0809",
                    f"line {number} of `{source}` has `{cell}` where `{statement.name}` needs a number",
                    statement.span,
                )
                return
        self.figures[statement.name] = MetricTable(statement.name, statement.by, tuple(values), source)

    # --------------------------------------------------------------------------------- imports

    def inside(self, text: str, span: Span) -> Path | None:
        """A path of the text, which has to stay inside the folder of its file; None where reported."""
        path = span.source.path
        if path is None:
            self.fail("E0810", "a text that is no file has no folder to import from", span)
            return None
        folder = path.parent.resolve()
        try:
            target = (folder / text).resolve()
        except (OSError, RuntimeError) as fault:  # links that lead in a circle, names too long
            self.fail("E0803", f"`{text}` cannot be read: {fault}", span)
            return None
        if not target.is_relative_to(folder):
            self.fail(
                "E0810",
                f"`{text}` leads out of the folder of its file",
                span,
                help=["imports go down, never up"],
            )
            return None
        return target

    def load(self, statement: s.Import) -> s.File | None:
        """The syntax of an imported file; None where it cannot be had, which is reported."""
        path = self.inside(statement.path, statement.span)
        if path is None:
            return None
        cycle = [span for done, span in self.importing if done == path]
        if cycle:
            chain = " -> ".join([*(p.name for p, _ in self.importing), path.name])
            self.fail("E0811", f"files import each other: {chain}", statement.span)
            return None
        if path not in self.files:
            if len(self.files) >= MOST_FILES:
                self.fail("E0901", f"more than {MOST_FILES} files are imported", statement.span)
                return None
            if len(self.importing) > DEEPEST_IMPORT:
                self.fail("E0901", f"imports go more than {DEEPEST_IMPORT} files deep", statement.span)
                return None
            shown = str(Path(statement.span.source.name).parent / statement.path)
            try:
                self.files[path] = parse_file(path, self.problems, shown)
            except DovetailError as fault:
                for d in fault.diagnostics:
                    self.problems.add(Diagnostic(d.code, d.message, Label(statement.span), d.others, d.help))
                return None
        file = self.files[path]
        if file.header is not None and file.header.kind != self.kind:
            kinds = f"a `.{self.kind}` file imports files of its own kind, and `{statement.path}` is a"
            self.fail("E0808", f"{kinds} `.{path.suffix.removeprefix('.')}`", statement.span)
            return None
        return file

    def _import(self, statement: s.Import, scope: Scope) -> None:
        file = self.load(statement)
        if file is None:
            self.lost |= {statement.alias} if statement.alias else frozenset()
            self.guesses = self.guesses or statement.alias is None
            return
        path = file.source.path
        assert path is not None
        self.lost |= file.broken
        settings = self.settings
        self.importing.append((path.resolve(), statement.span))
        if statement.alias is not None:
            self.settings = dict(settings) | {
                a.name: self.evaluate(a.value, scope, a.name)
                for a in statement.arguments
                if a.name is not None
            }
            used, self.set_used = self.set_used, set()
            known, figures = dict(self.parameters), dict(self.figures)
            self.import_whole(file, statement, scope)
            if statement.arguments:  # what was published of a design does not hold for another one
                self.figures = figures
            self._check_arguments(file, statement, self.parameters.keys() - known.keys())
            self.set_used |= used
        else:
            self.import_names(file, scope)
        self.importing.pop()
        self.settings = settings

    def _check_arguments(self, file: s.File, statement: s.Import, more: Iterable[str]) -> None:
        """Arguments of `import … as` have to be parameters of the file, or (`more`) of those it imports."""
        known = {*self.set_used, *more, *(p.name for p in file.statements if isinstance(p, s.Param))}
        for argument in statement.arguments:
            if argument.name is None:
                self.fail("E0305", "parameters of an import are given by name", argument.span)
            elif argument.name not in known:
                self.fail(
                    "E0306",
                    f"`{statement.path}` has no parameter `{argument.name}`",
                    argument.span,
                    help=did_you_mean(argument.name, known),
                )
            else:
                self.set_used.add(argument.name)

    def import_names(self, file: s.File, scope: Scope) -> None:
        """Blocks, functions, tables and values of another file; not what it builds."""
        later = self.later
        self.hoist(file.statements, scope)
        for statement in file.statements:
            if isinstance(statement, s.Param | s.Let | s.Table | s.Import):
                self.declare(statement, scope)
        self.later = later

    def import_whole(self, file: s.File, statement: s.Import, scope: Scope) -> None:
        """`import … as base`: everything the other file builds; by kind of file."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------ at the end

    def check_settings(self, known_choices: Iterable[str] = ()) -> None:
        """Parameters given from outside that the text does not have."""
        known = {*self.parameters, *known_choices, *self.misses}
        for name in self.settings:
            if name not in self.set_used and name not in known:
                self.problems.add(
                    Diagnostic(
                        "E0306",
                        f"`{self.file.source.name}` has no parameter `{name}`",
                        None,
                        (),
                        did_you_mean(name, known),
                    )
                )

    def check_ties(self, choices: Collection[str]) -> None:
        """Lint: ties of choices that are not there, or are not met where every first option is taken."""
        for tie in self.ties:
            for path in (tie.first, tie.second):
                if not any(fnmatchcase(choice, path) for choice in choices):
                    message = f"no choice is called `{path}`"
                    help = did_you_mean(path, choices)
                    self.problems.add(Diagnostic("W1004", message, Label(tie.span), (), help))


def _names_in(node: s.Expr) -> Iterable[s.Name]:
    match node:
        case s.Name():
            yield node
        case s.Binary():
            yield from _names_in(node.left)
            yield from _names_in(node.right)
        case s.Unary():
            yield from _names_in(node.operand)
        case s.Call():
            for argument in node.arguments:
                yield from _names_in(argument.value)
        case _:
            return
