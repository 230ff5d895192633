"""`dovetail fmt`: one canonical layout, which keeps every comment and never changes what a text means.

    parse(format(x)) == x        format(parse(format(x))) == format(x)

What the writer decides: single empty lines between statements, a body on one line if it fits there, and where
a pipeline is broken that is too long for a line. Everything else follows from the syntax.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import unified_diff as difference
from typing import Final, assert_never

from dovetail.dsl import syntax as s
from dovetail.dsl.diagnostics import Diagnostic, DovetailError, Label
from dovetail.dsl.format_comments import Comments
from dovetail.dsl.format_document import (
    Align,
    Break,
    Document,
    Fill,
    Group,
    Indent,
    Text,
    flat_text,
    join,
    render,
    separate,
)
from dovetail.dsl.format_expressions import ExpressionFormatter, Level, is_numeric
from dovetail.dsl.parser import grammar, parse_text
from dovetail.dsl.source import Span

MAP_INDENT: Final = 2
"""Blanks by which a `holds` line of a mapping indents what is inside its tiles."""


def format_text(text: str, name: str = "<text>") -> str:
    """The canonical layout of a text; raises DovetailError where it cannot be parsed."""
    return format_file(parse_text(text, name))


def format_file(file: s.File) -> str:
    """The canonical layout of a parsed file, its comments included; ends with one line end.

    Raises DovetailError (E0903) for expressions nested beyond what Python can follow.
    """
    try:
        return _Formatter(file).run()
    except RecursionError:
        start = Label(Span(file.source, 0, 0))
        message = "an expression is nested too deeply to follow"
        raise DovetailError([Diagnostic("E0903", message, start)]) from None


def unified_diff(before: str, after: str, name: str) -> str:
    """What formatting changes, as `diff -u` prints it; empty where nothing does."""
    lines = []
    for line in difference(_lines(before), _lines(after), f"{name} (as it is)", f"{name} (formatted)"):
        lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(lines)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + [line for line in lines[-1:] if line]


class _Formatter(ExpressionFormatter):
    """Documents for statements."""

    def __init__(self, file: s.File) -> None:
        super().__init__(Comments(file.source, file.comments))
        self.file = file

    def run(self) -> str:
        nodes: list[s.Statement | s.Header] = [*self.file.statements]
        if self.file.header is not None:
            nodes.insert(0, self.file.header)
        indents = [0]
        for node in nodes:
            indents.append(indents[-1] + MAP_INDENT * isinstance(node, s.HoldsLine))
        ranges = [(n.span.start, n.span.end) for n in nodes]
        end = len(self.file.source.text)
        listing = self.comments.listing(ranges, lambda i: self._top(nodes[i]), end, top=True)
        documents = [entry.made for entry in listing.entries]
        return render(listing.lines(documents, indents=indents)).lstrip("\n") + "\n"

    def _top(self, node: s.Statement | s.Header) -> Document:
        return self._header(node) if isinstance(node, s.Header) else self.statement(node)

    def _header(self, node: s.Header) -> Document:
        if node.kind == "mapping":
            return Text(f'mapping for "{node.name}" on {node.on}')
        return Text(f"{node.kind} {node.name}")

    def statement(self, node: s.Statement) -> Document:
        """One statement, without the comment behind it."""
        match node:
            case s.Param() | s.Let():
                word = "param" if isinstance(node, s.Param) else "let"
                return join(f"{word} {node.name} = ", self.expression(node.value))
            case s.Fn():
                parameters = self.parameters(node.parameters, node.span.start)
                return join(f"fn {node.name}", parameters, " = ", self.expression(node.value))
            case s.Table():
                return self._table(node)
            case s.Tie():
                return Text(f"tie {path_text(node.first)} to {path_text(node.second)}")
            case s.Require():
                why = "" if node.why is None else f' "{node.why}"'
                return join("require ", self.expression(node.condition), why)
            case s.Import():
                return self._import(node)
            case s.Metric():
                return self._metric(node)
            case s.Assign():
                return self.assign(node)
            case s.Block() | s.Return() | s.Input() | s.Output() | s.Layers():
                return self._network(node)
            case s.Setting():
                return join(f"{node.keyword} ", self.values(node.values))
            case s.Baseline():
                return Text(f'baseline "{node.network}" on "{node.accelerator}"')
            case s.HoldsLine():
                return Text(f"{node.memory} holds {', '.join(node.tensors)}")
            case s.ForLine():
                return self._loop(node)
            case s.MacLine():
                return Text("mac")
            case _:
                return self._accelerator(node)

    # -------------------------------------------------------------------------------------- shared

    def _table(self, node: s.Table) -> Document:
        rows = node.rows

        def cells(index: int) -> list[Document]:
            return [self.expression(cell) for cell in rows[index].cells]

        ranges = [(row.span.start, row.span.end) for row in rows]
        listing = self.comments.listing(ranges, cells, node.span.end)
        head = f"table {node.name}({', '.join(node.columns)}) "
        if not rows and not listing.commented:
            return Text(f"{head}{{}}")
        lines = listing.lines(_aligned(rows, [entry.made for entry in listing.entries]))
        return join(head, "{", Indent(lines), Break(), "}")

    def _import(self, node: s.Import) -> Document:
        head = f'import "{node.path}"' + ("" if node.alias is None else f" as {node.alias}")
        return join(head, self.arguments(node.arguments, node.span.end)) if node.arguments else Text(head)

    def _metric(self, node: s.Metric) -> Document:
        value = () if node.value is None else (Text(" = "), self.expression(node.value))
        source = "" if node.source is None else f' from "{node.source}"'
        by = f" by ({', '.join(node.by)})" if node.by else ""
        return join(f"metric {node.name}", *value, source, by)

    # ------------------------------------------------------------------------------------ networks

    def _network(self, node: s.Block | s.Return | s.Input | s.Output | s.Layers) -> Document:
        match node:
            case s.Block():
                parameters = self.parameters(node.parameters, node.span.start)
                return join(f"block {node.name}", parameters, " ", self._body(node.body, node.span.end))
            case s.Return():
                return join("return ", self.values(node.values))
            case s.Input():
                return join(f"input {node.name}", self.bracketed("[", node.shape, "]", node.span.end))
            case s.Output():
                return join("output ", self.values(node.values))
            case s.Layers():
                patterns = ", ".join(map(path_text, node.patterns))
                if node.exceptions:
                    patterns += f" except {', '.join(map(path_text, node.exceptions))}"
                return join(f"layers {patterns} ", self.record(node.body, node.span.end))
            case _:
                assert_never(node)

    def _body(self, statements: Sequence[s.Statement], end: int) -> Document:
        ranges = [(n.span.start, n.span.end) for n in statements]
        listing = self.comments.listing(ranges, lambda i: self.statement(statements[i]), end)
        return self.braces(listing, self.on_one_line(statements, end))

    # -------------------------------------------------------------------------------- accelerators

    def _accelerator(
        self,
        node: s.Properties
        | s.MemoryBlock
        | s.Along
        | s.ArrayBlock
        | s.UnitBlock
        | s.Path
        | s.Keep
        | s.Spread
        | s.StationaryAt
        | s.Order
        | s.Inside
        | s.DataflowBlock,
    ) -> Document:
        end = node.span.end
        match node:
            case s.Properties():
                return join(f"{node.keyword} ", self.record(node.body, end))
            case s.MemoryBlock():
                return join(f"memory {node.name} ", self.record(node.body, end))
            case s.Along():
                links = separate([self._link(link) for link in node.links], Text(", "))
                return join(f"along {', '.join(node.axes)}: ", links)
            case s.ArrayBlock():
                axes = self.axes(node.axes)
                return join(f"array {node.name}", axes, " ", self._body(node.body, end))
            case s.UnitBlock():
                lanes = self._lanes(node.lanes)
                return join(f"unit {node.name}", lanes, f" at {node.at} ", self.record(node.body, end))
            case s.Path():
                first, *rest = node.stops
                stops = (join(" ", Align(Fill([Text(f"-> {stop}") for stop in rest]))),) if rest else ()
                return Group(join(f"path {node.tensor} = {first}", *stops))
            case s.Keep():
                return Text(f"keep {node.what} in {node.memory}")
            case s.Spread():
                return self._spread(node)
            case s.StationaryAt():
                return Text(f"stationary {node.tensor} at {node.memory}")
            case s.Order():
                return Text(f"order in {node.level} = {', '.join(node.dimensions)}")
            case s.Inside():
                return Text(f"{node.memory} for [{', '.join(node.dimensions)}]")
            case s.DataflowBlock():
                return join(f"dataflow {node.name} ", self._body(node.body, end))
            case _:
                assert_never(node)

    def _link(self, link: s.LinkItem) -> Document:
        head = f"{link.kind} {link.tensor}"
        if link.properties is None:
            return Text(head)
        return join(f"{head} ", self.record(link.properties.entries, link.properties.span.end))

    def _lanes(self, lanes: s.Expr | None) -> Document:
        if lanes is None:
            return Text("")
        return self.bracketed("[", (lanes,), "]", self.comments.closes(lanes.span.end, "]"))

    def _spread(self, node: s.Spread) -> Document:
        axis = f"{node.array}.{node.axis}"
        if node.value is None:
            return Text(f"{axis} full")
        if node.relation == "in":
            return join(f"{axis} in ", self.expression(node.value.value, Level.SUM))
        return join(f"{axis} = ", self.value(node.value))

    # ------------------------------------------------------------------------------------ mappings

    def _loop(self, node: s.ForLine) -> Document:
        several = len(node.dimensions) > 1
        dimension = f"flat({', '.join(node.dimensions)})" if several else node.dimensions[0]
        word = "for" if node.along is None else "spatial"
        bound = self.expression(node.bound, Level.SUM)
        by = () if node.by is None else (Text(" by "), self.expression(node.by, Level.SUM))
        along = "" if node.along is None else f" along {node.along[0]}.{node.along[1]}"
        return join(f"{word} {dimension} in ", bound, *by, along)


def path_text(path: str) -> str:
    """A path or pattern (`stage3.2.kernel`, `conv*`), in quotes where it does not read as one."""
    tokens = list(grammar().lex(path))
    plain = path == "".join(tokens) and all(
        t.type in ("NUMBER", "STAR", "DOT", "QMARK") or (t.isidentifier() and t not in ("to", "except"))
        for t in tokens
    )
    return path if plain and path else f'"{path}"'


def _aligned(rows: Sequence[s.Row], made: Sequence[Sequence[Document]]) -> list[Document]:
    """The rows of a table, their columns aligned: numbers to the right, everything else to the left."""
    if any(cell.flat is None for cells in made for cell in cells):
        return [separate(cells, Text(", ")) for cells in made]
    texts = [[flat_text(cell) for cell in cells] for cells in made]
    columns = max((len(row) for row in texts), default=0)
    widths = [max(len(row[c]) for row in texts if c < len(row)) for c in range(columns)]
    right = [all(is_numeric(r.cells[c]) for r in rows if c < len(r.cells)) for c in range(columns)]
    lines = []
    for row in texts:
        padded = []
        for c, cell in enumerate(row):
            comma = "," if c + 1 < len(row) else ""
            whole = f"{cell}{comma}"
            padded.append(whole.rjust(widths[c] + len(comma)) if right[c] else whole.ljust(widths[c] + 1))
        lines.append(Text(" ".join(padded).rstrip()))
    return list(lines)
