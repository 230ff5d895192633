"""The statements of an `.accel` file, taken into drafts: what is nested in what, what replaces what.

A file that builds on another (`import … as base`) executes the other first; its own statements then override
properties of parts of the same name, or add parts.
"""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.accel.drafts import (
    ArrayDraft,
    Draft,
    Entry,
    Inside,
    LevelDraft,
    LinkDraft,
    MacDraft,
    MemoryDraft,
    UnitDraft,
    levels,
)
from dovetail.accel.properties import MAC, MEMORY, PRECISION, SETTINGS, TIMING, TRANSFERS, UNIT
from dovetail.accel.reading import Reading
from dovetail.dsl import syntax as s
from dovetail.dsl.diagnostics import Label
from dovetail.dsl.evaluator import OutOfBounds
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Span
from dovetail.dsl.values import UNKNOWN


class Collecting(Reading):
    """Executes an `.accel` file into drafts."""

    def start(self) -> None:
        """Nothing is known yet."""
        self.scope = Scope()
        self.scopes = [self.scope]
        """The names of each file that takes part."""
        self.tree: Inside = []
        self.mac: MacDraft | None = None
        self.machine = Draft("", Span(self.file.source, 0, 0))
        """Clock and technology."""
        self.precision = Draft("precision", self.machine.span)
        self.transfers = Draft("transfers", self.machine.span)
        self.units: dict[str, UnitDraft] = {}
        self.dataflows: dict[str, tuple[s.DataflowBlock, Scope]] = {}
        self.keeps: list[s.Keep] = []
        self.paths: dict[str, s.Path] = {}
        self.requirements: list[tuple[s.Require, Scope]] = []
        self.unreached: list[tuple[s.Import, str]] = []
        """Parameters of imported files that a parameter of the same name does not reach."""

    def top(self, statements: Sequence[s.Statement], scope: Scope) -> None:
        """The statements of a file, in order."""
        self.hoist(statements, scope)
        for statement in statements:
            nesting = self.budget.nesting
            try:
                self._execute(statement, scope)
            except OutOfBounds:
                if self.budget.steps < 0:
                    raise
                self.budget.nesting = nesting
                if isinstance(statement, s.Param | s.Let):
                    scope.define(statement.name, UNKNOWN)

    def _execute(self, statement: s.Statement, scope: Scope) -> None:
        match statement:
            case s.Setting() if statement.keyword in SETTINGS:
                self._setting(statement, scope)
            case s.Properties(keyword="precision"):
                self._group(self.precision, statement, scope)
            case s.Properties(keyword="transfers"):
                self._group(self.transfers, statement, scope)
            case s.Properties(keyword="mac") | s.MacLine():
                self._mac(statement, scope, None)
            case s.MemoryBlock():
                self._memory(statement, scope, self.tree)
            case s.ArrayBlock():
                self._array(statement, scope, self.tree)
            case s.UnitBlock():
                self._unit(statement, scope)
            case s.DataflowBlock():
                self._dataflow(statement, scope)
            case s.Keep():
                self.keeps = [k for k in self.keeps if not self._anew(k.span, statement.span)]
                self.keeps.append(statement)
            case s.Path():
                self._path(statement)
            case s.Require():
                self.requirements.append((statement, scope))
            case s.Along():
                self.fail(
                    "E0110",
                    "`along` has no place here",
                    statement.span,
                    help=["it says what the PEs of an array do for each other: put it in the array"],
                )
            case s.Assign():
                name = statement.names[0]
                help = f"`let {name} = …` names a value, `param {name} = …` one that can be set from outside"
                if name in SETTINGS:
                    help = f"it is written `{statement.span.text.replace(' = ', ' ', 1)}`, without `=`"
                self.fail("E0110", f"`{name} = …` has no place {self.where}", statement.span, help=[help])
            case _:
                if not self.declare(statement, scope):
                    self.misplaced(statement)

    def import_whole(self, file: s.File, statement: s.Import, scope: Scope) -> None:
        """Build on another accelerator; its names stand behind the alias."""
        inner = Scope(path="", shares=scope)
        self.scopes.append(inner)
        self.top(file.statements, inner)
        given = {a.name for a in statement.arguments if a.name is not None}
        for own in file.statements:
            if isinstance(own, s.Param) and own.name not in given:
                self.unreached.append((statement, own.name))
        self.define(scope, statement.alias or "", inner, statement.span)

    # ---------------------------------------------------------------------------------- settings

    @staticmethod
    def _anew(earlier: Span, later: Span) -> bool:
        """Whether the later statement is of another file than the earlier, and so overrides it."""
        return earlier.source is not later.source

    def _twice(self, name: str, earlier: Span, later: Span) -> bool:
        """Report a part that one file gives twice."""
        if self._anew(earlier, later):
            return False
        self.fail("E0308", f"`{name}` is defined twice", later, "", [Label(earlier, "first here")])
        return True

    def _setting(self, statement: s.Setting, scope: Scope) -> None:
        earlier = self.machine.entries.get(statement.keyword)
        if earlier is not None and self._twice(statement.keyword, earlier.span, statement.span):
            return
        values = tuple(s.Value(v.span, v) for v in statement.values)
        self.machine.entries[statement.keyword] = Entry(values, statement.span, scope)

    def _group(self, draft: Draft, statement: s.Properties, scope: Scope) -> None:
        schema = {"precision": PRECISION, "transfers": TRANSFERS}[statement.keyword]
        if draft.entries and self._twice(statement.keyword, draft.span, statement.span):
            return
        draft.span = statement.span
        self.give(draft, statement.body, scope, schema, f"`{statement.keyword}`", anew=True)

    # ------------------------------------------------------------------------------------ levels

    def find(self, name: str) -> LevelDraft | None:
        """The memory or array of that name."""
        return next((level for level in levels(self.tree) if level.name == name), None)

    def _place(self, level: LevelDraft, inside: Inside) -> bool:
        """Put a new level where it stands; False where it cannot."""
        array = next((x for x in inside if isinstance(x, ArrayDraft)), None)
        if array is None:
            inside.append(level)
            return True
        if isinstance(level, MemoryDraft) and self._anew(array.origin, level.span):
            inside.insert(inside.index(array), level)  # an overlay adds a memory outside the array
            return True
        self.lost |= {level.name}
        what = "memory" if isinstance(level, MemoryDraft) else "array"
        self.fail(
            "E0505",
            f"the {what} `{level.name}` stands behind the array `{array.name}`: neither inside nor outside",
            level.span,
            others=[Label(array.span, "the array")],
            help=["levels are listed from the outside in: put it before the array, or inside its braces"],
        )
        return False

    def _memory(self, statement: s.MemoryBlock, scope: Scope, inside: Inside) -> None:
        level = self.find(statement.name)
        if isinstance(level, ArrayDraft):
            self.fail(
                "E0308",
                f"`{statement.name}` is an array already",
                statement.span,
                others=[Label(level.span, "first here")],
            )
            return
        if level is not None and self._twice(statement.name, level.span, statement.span):
            return
        if level is None:
            level = MemoryDraft(statement.name, statement.span)
            if not self._place(level, inside):
                return
        level.span = statement.span
        self.give(level, statement.body, scope, MEMORY, "a memory", anew=True)

    def _array(self, statement: s.ArrayBlock, scope: Scope, inside: Inside) -> None:
        level = self.find(statement.name)
        if isinstance(level, MemoryDraft):
            self.fail(
                "E0308",
                f"`{statement.name}` is a memory already",
                statement.span,
                others=[Label(level.span, "first here")],
            )
            return
        if level is not None and self._twice(statement.name, level.span, statement.span):
            return
        if level is None:
            level = ArrayDraft(statement.name, statement.span)
            if not self._place(level, inside):
                return
        self._axes(level, statement, scope)
        for item in statement.body:
            self._in_array(item, scope, level)
        level.span = statement.span

    def _axes(self, array: ArrayDraft, statement: s.ArrayBlock, scope: Scope) -> None:
        before = dict(array.axes)
        for axis in statement.axes:
            entry = Entry((s.Value(axis.size.span, axis.size),), axis.span, scope)
            earlier = array.axes.get(axis.name)
            if before and not self.axis_of(array.name, axis.name, before, axis.span):
                continue
            if earlier is None or not self._twice(axis.name, earlier.span, axis.span):
                array.axes[axis.name] = entry

    def _in_array(self, item: s.Statement, scope: Scope, array: ArrayDraft) -> None:
        match item:
            case s.MemoryBlock():
                self._memory(item, scope, array.inside)
            case s.ArrayBlock():
                self._array(item, scope, array.inside)
            case s.Properties(keyword="mac") | s.MacLine():
                self._mac(item, scope, array)
            case s.Properties(keyword="timing"):
                self.give(array, item.body, scope, TIMING, "`timing`", anew=True)
            case s.Along():
                self._along(item, scope, array)
            case _:
                word = item.span.text.split(maxsplit=1)[0]
                self.fail("E0110", f"`{word}` has no place in an array", item.span)

    def _along(self, statement: s.Along, scope: Scope, array: ArrayDraft) -> None:
        for item in statement.links:
            link = LinkDraft(statement.axes, item, item.span, scope)
            array.links = [x for x in array.links if not self._replaces(link, x)]
            array.links.append(link)

    def _replaces(self, link: LinkDraft, earlier: LinkDraft) -> bool:
        same = (earlier.axes, earlier.item.kind, earlier.item.tensor) == (
            link.axes,
            link.item.kind,
            link.item.tensor,
        )
        return same and self._anew(earlier.span, link.span)

    def _mac(self, statement: s.Properties | s.MacLine, scope: Scope, home: ArrayDraft | None) -> None:
        body = statement.body if isinstance(statement, s.Properties) else ()
        if self.mac is None:
            self.mac = MacDraft("mac", statement.span, home=home)
        elif not self._anew(self.mac.span, statement.span):
            self.fail(
                "E0506",
                "an accelerator has one `mac`",
                statement.span,
                others=[Label(self.mac.span, "the first is here")],
                help=["arrays replicate it; a second kind of unit beside a memory is a `unit`"],
            )
            return
        self.mac.span = statement.span
        self.give(self.mac, body, scope, MAC, "a `mac`", anew=True)

    # -------------------------------------------------------------------------- what names levels

    def _unit(self, statement: s.UnitBlock, scope: Scope) -> None:
        unit = self.units.get(statement.name)
        if unit is not None and self._twice(statement.name, unit.span, statement.span):
            return
        if unit is None:
            unit = self.units[statement.name] = UnitDraft(statement.name, statement.span)
        unit.span, unit.at, unit.scope = statement.span, statement.at, scope
        unit.lanes = statement.lanes if statement.lanes is not None else unit.lanes
        self.give(unit, statement.body, scope, UNIT, "a unit", anew=True)

    def _dataflow(self, statement: s.DataflowBlock, scope: Scope) -> None:
        earlier = self.dataflows.get(statement.name)
        if earlier is None or not self._twice(statement.name, earlier[0].span, statement.span):
            self.dataflows[statement.name] = (statement, scope)

    def _path(self, statement: s.Path) -> None:
        earlier = self.paths.get(statement.tensor)
        if earlier is None or not self._twice(f"path {statement.tensor}", earlier.span, statement.span):
            self.paths[statement.tensor] = statement
