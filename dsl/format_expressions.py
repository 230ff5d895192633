"""Expressions laid out: the fewest parentheses that precedence allows; long pipelines and lists broken.

Precedence, from loose to tight, is that of `grammar.lark`; the syntax keeps no parentheses, so they are put
back where an operand is looser than its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final, assert_never

from dovetail.dsl import syntax as s
from dovetail.dsl.format_comments import Comments, Listing, Range
from dovetail.dsl.format_document import (
    Align,
    Bracketed,
    Break,
    Document,
    Either,
    Fill,
    Group,
    Indent,
    Joined,
    Line,
    Remark,
    Text,
    join,
    separate,
)
from dovetail.dsl.format_numbers import number_text, quantity_text


class Level(IntEnum):
    """How tightly an expression holds together; the names are the grammar's rules."""

    VALUE = 0
    PIPELINE = 1
    DISJUNCTION = 2
    CONJUNCTION = 3
    NEGATION = 4
    COMPARISON = 5
    SUM = 6
    PRODUCT = 7
    SIGN = 8
    POWER = 9
    POSTFIX = 10
    ATOM = 11


_BINARY: Final = {
    "or": Level.DISJUNCTION,
    "and": Level.CONJUNCTION,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), Level.COMPARISON),
    **dict.fromkeys(("+", "-"), Level.SUM),
    **dict.fromkeys(("*", "/", "//"), Level.PRODUCT),
    "^": Level.POWER,
}
_SHORT: Final = (s.Number, s.Quantity, s.Text, s.Name)
"""Items that may share a line where a list of them is broken."""


def level_of(expression: s.Expr) -> Level:
    """The rule of the grammar that makes this expression."""
    match expression:
        case s.Conditional():
            return Level.VALUE
        case s.Pipeline():
            return Level.PIPELINE
        case s.Binary():
            return _BINARY[expression.operator]
        case s.Unary():
            return Level.NEGATION if expression.operator == "not" else Level.SIGN
        case s.Attribute() | s.Subscript() | s.Call():
            return Level.POSTFIX
        case _:
            return Level.ATOM


def is_numeric(expression: s.Expr) -> bool:
    """Whether a column of these is aligned to the right."""
    if isinstance(expression, s.Unary):
        return expression.operator == "-" and is_numeric(expression.operand)
    return isinstance(expression, s.Number | s.Quantity)


class ExpressionFormatter:
    """Documents for expressions; takes the comments inside them as it goes, in source order."""

    def __init__(self, comments: Comments) -> None:
        self.comments = comments

    def expression(self, node: s.Expr, least: Level = Level.VALUE) -> Document:
        """`node` where the grammar wants a rule at least as tight as `least`."""
        if level_of(node) < least:
            return join("(", self._bare(node), ")")
        return self._bare(node)

    def values(self, nodes: Sequence[s.Expr]) -> Document:
        """`a, b, c`, outside of brackets."""
        return separate([self.expression(n) for n in nodes], Text(", "))

    def _bare(self, node: s.Expr) -> Document:
        match node:
            case s.Number():
                return Text(number_text(node.value))
            case s.Quantity():
                return Text(quantity_text(node.value, node.unit))
            case s.Text():
                return Text(f'"{node.value}"')
            case s.Name():
                return Text(node.id)
            case s.Attribute() | s.Subscript() | s.Call():
                return self._postfix(node)
            case s.Items():
                return self.bracketed("[", node.items, "]", node.span.end)
            case s.Unary():
                return self._unary(node)
            case s.Binary():
                return self._binary(node)
            case s.Conditional():
                return self._conditional(node)
            case s.Pipeline():
                head = self.expression(node.head, Level.DISJUNCTION)
                return self._chained(head, node.head.span.end, node.stages)
            case s.Choose():
                return join("choose", self.bracketed("(", node.options, ")", node.span.end))
            case s.ChooseRange():
                return self._choose_range(node)
            case s.ChooseLabelled():
                return join("choose ", self._alternatives(node))
            case s.Record():
                return self.record(node.entries, node.span.end)
            case _:
                assert_never(node)

    # ----------------------------------------------------------------------------------- operators

    def _postfix(self, node: s.Attribute | s.Subscript | s.Call) -> Document:
        links: list[s.Attribute | s.Subscript | s.Call] = []
        base: s.Expr = node
        apart = False
        while isinstance(base, s.Attribute | s.Subscript | s.Call) and not apart:
            links.append(base)
            match base:
                case s.Attribute():
                    # `x.2.3` would read `2.3` as one number.
                    apart = base.name[0].isdigit() and _ends_in_digits(base.value)
                    base = base.value
                case s.Subscript():
                    base = base.value
                case s.Call():
                    base = base.function
        parts = [join("(", self._bare(base), ")") if apart else self.expression(base, Level.ATOM)]
        for link in reversed(links):
            match link:
                case s.Attribute():
                    parts.append(Text(f".{link.name}"))
                case s.Subscript():
                    parts.append(self.bracketed("[", (link.index,), "]", link.span.end))
                case s.Call():
                    parts.append(self.arguments(link.arguments, link.span.end))
        return Joined(parts)

    def _unary(self, node: s.Unary) -> Document:
        signs = []
        inner: s.Expr = node
        while isinstance(inner, s.Unary) and inner.operator == node.operator:
            signs.append("not " if inner.operator == "not" else inner.operator)
            inner = inner.operand
        return join("".join(signs), self.expression(inner, level_of(node)))

    def _binary(self, node: s.Binary) -> Document:
        if node.operator == "^":
            return self._power(node)
        level = level_of(node)
        chain = [node]
        # All operators but comparisons and powers group to the left: a long sum is a deep tree.
        while (
            level != Level.COMPARISON
            and isinstance(chain[-1].left, s.Binary)
            and level_of(chain[-1].left) == level
        ):
            chain.append(chain[-1].left)
        comparison = level == Level.COMPARISON
        parts = [self.expression(chain[-1].left, Level.SUM if comparison else level)]
        for link in reversed(chain):
            parts.append(Text(f" {link.operator} "))
            parts.append(self.expression(link.right, Level(level + 1)))
        return Joined(parts)

    def _power(self, node: s.Binary) -> Document:
        parts: list[Document] = []
        rest: s.Expr = node
        while isinstance(rest, s.Binary) and rest.operator == "^":
            parts += [self.expression(rest.left, Level.POSTFIX), Text("^")]
            rest = rest.right
        return Joined((*parts, self.expression(rest, Level.SIGN)))

    def _conditional(self, node: s.Conditional) -> Document:
        parts: list[Document] = []
        rest: s.Expr = node
        while isinstance(rest, s.Conditional):
            condition = self.expression(rest.condition, Level.DISJUNCTION)
            parts += [Text("if "), condition, Text(" then "), self.expression(rest.then), Text(" else ")]
            rest = rest.otherwise
        return Joined((*parts, self.expression(rest)))

    # ------------------------------------------------------------------------------------ brackets

    def bracketed(self, open: str, nodes: Sequence[s.Expr], close: str, end: int) -> Document:
        """`[a, b]` or `(a, b)`, ending at `end` in the source."""
        short = len(nodes) > 1 and all(isinstance(n, _SHORT) for n in nodes)
        return self.listed(open, nodes, lambda i: self.expression(nodes[i]), close, end, fill=short)

    def arguments(self, arguments: Sequence[s.Argument], end: int) -> Document:
        """`(a, b = 3)`."""
        return self.listed("(", arguments, lambda i: self._named(arguments[i]), ")", end)

    def parameters(self, parameters: Sequence[s.Parameter], begin: int) -> Document:
        """`(x, a = 3)` of a definition that begins at `begin`."""
        end = self.comments.closes(parameters[-1].span.end, ")") if parameters else begin

        def parameter(index: int) -> Document:
            node = parameters[index]
            return Text(node.name) if node.default is None else self._assigned(node.name, node.default)

        return self.listed("(", parameters, parameter, ")", end)

    def axes(self, axes: Sequence[s.AxisSize]) -> Document:
        """`[row = n, col = n]` of an array."""
        end = self.comments.closes(axes[-1].span.end, "]")
        return self.listed("[", axes, lambda i: self._assigned(axes[i].name, axes[i].size), "]", end)

    def _named(self, argument: s.Argument) -> Document:
        if argument.name is None:
            return self.expression(argument.value)
        return self._assigned(argument.name, argument.value)

    def _assigned(self, name: str, value: s.Expr) -> Document:
        return join(f"{name} = ", self.expression(value))

    def listed(
        self,
        open: str,
        nodes: Sequence[s.Node],
        make: Callable[[int], Document],
        close: str,
        end: int,
        fill: bool = False,
    ) -> Document:
        """A bracketed list: one item a line where there are comments."""
        listing = self.comments.listing(_ranges(nodes), make, end)
        documents = [entry.made for entry in listing.entries]
        if not listing.commented:
            return Bracketed(open, documents, close, fill)
        with_commas = [join(d, ",") for d in documents[:-1]] + documents[-1:]
        return join(open, Indent(listing.lines(with_commas, blanks=False)), Break(), close)

    def _choose_range(self, node: s.ChooseRange) -> Document:
        ends = self.expression(node.first, Level.SUM), self.expression(node.last, Level.SUM)
        by = () if node.by is None else (Text(" by "), self.expression(node.by, Level.SUM))
        return join("choose(", ends[0], "..", ends[1], *by, ")")

    # -------------------------------------------------------------------------------------- braces

    def braces(self, listing: Listing[Document], one_line: bool) -> Document:
        """`{ a; b }` where the source had it on one line and it fits, else an item a line."""
        documents = [entry.made for entry in listing.entries]
        if not documents and not listing.commented:
            return Text("{}")
        if one_line and not listing.commented and all(d.flat is not None for d in documents):
            within = join(Line(" "), separate(documents, Line("; ")))
            return Group(join("{", Indent(within), Line(" "), "}"))
        return join("{", Indent(listing.lines(documents)), Break(), "}")

    def record(self, entries: Sequence[s.Assign], end: int) -> Document:
        """`{ name = value; … }`, closed at `end`: also the body of memories, units and layers."""
        listing = self.comments.listing(_ranges(entries), lambda i: self.assign(entries[i]), end)
        return self.braces(listing, self.on_one_line(entries, end))

    def on_one_line(self, nodes: Sequence[s.Node], end: int) -> bool:
        """Whether the source had these items, whose braces close at `end`, on one line."""
        return not nodes or self.comments.on_one_line(nodes[0].span.start, end)

    def assign(self, node: s.Assign) -> Document:
        """`a, b = value, …`."""
        values = separate([self.value(v) for v in node.values], Text(", "))
        return join(f"{', '.join(node.names)} = ", values)

    def value(self, node: s.Value) -> Document:
        """A value and what may follow it; `zero weights in DATAFLOW`."""
        if node.qualifier == "zero" and isinstance(node.value, s.Name) and isinstance(node.detail, s.Items):
            flows = separate([self.expression(n) for n in node.detail.items], Text(", "))
            return join(f"zero {node.value.id} in ", flows)
        value = self.expression(node.value)
        if node.qualifier is None:
            return value
        if node.detail is None:
            return join(value, f" {node.qualifier}")
        return join(value, f" {node.qualifier} ", self.expression(node.detail, Level.SUM))

    def _alternatives(self, node: s.ChooseLabelled) -> Document:
        choices = node.alternatives
        widest = max(len(c.label) for c in choices)

        def alternative(index: int) -> Document:
            choice = choices[index]
            value = self.expression(choice.value)
            label = Either(f"{choice.label}: ", f"{choice.label}: ".ljust(widest + 2))
            if choice.when is None:
                return join(label, value)
            return join(label, value, " when ", self.expression(choice.when, Level.DISJUNCTION))

        listing = self.comments.listing(_ranges(choices), alternative, node.span.end)
        return self.braces(listing, self.on_one_line(choices, node.span.end))

    # ----------------------------------------------------------------------------------- pipelines

    def _stage(self, node: s.Stage | s.ForStage) -> Document:
        if isinstance(node, s.ForStage):
            return self._for_stage(node)
        count = None if node.count is None else self.expression(node.count, Level.PRODUCT)
        call = self.expression(node.call, Level.PRODUCT if count is None else Level.SIGN)
        body = call if count is None else join(count, " * ", call)
        if node.name is not None:
            return join(f"{node.name}: ", body)
        # A bare `for` at this place begins `for … in … { }`.
        return join("(", body, ")") if _leftmost(node.count or node.call) == "for" else body

    def _for_stage(self, node: s.ForStage) -> Document:
        rows = self.expression(node.rows, Level.DISJUNCTION)
        first, *rest = node.body
        whole = (first.span.start, node.body[-1].span.end)
        listing = self.comments.listing(
            [whole], lambda _: self._chained(self._stage(first), first.span.end, rest), node.span.end
        )
        return join(f"for {', '.join(node.names)} in ", rows, " ", self.braces(listing, one_line=True))

    def _chained(self, head: Document, stop: int, stages: Sequence[s.Stage | s.ForStage]) -> Document:
        """`head -> stage -> …`: on one line, or broken where the source was and where a line is full."""
        if not stages:
            return head
        links: list[tuple[str | None, tuple[str, ...], Document]] = []
        broken: list[bool] = []
        for stage in stages:
            behind, above = self.comments.stage_comments(stage.span.start, stop)
            links.append((behind, above, join("-> ", self._stage(stage))))
            broken.append(self.comments.broken_between(stop, stage.span.start))
            stop = stage.span.end
        if any(behind is not None or above for behind, above, _ in links):
            lines: list[Document] = []
            for behind, above, document in links:
                lines += [Remark(behind)] if behind is not None else []
                lines += [join(Break(), comment) for comment in above]
                lines += [Break(), document]
            return join(head, Indent(Joined(lines)))
        chain = Fill([document for *_, document in links], broken[1:])
        if broken[0]:
            return Group(join(head, Indent(join(Line(" "), chain))))
        return Group(join(head, " ", Align(chain)))


def _ranges(nodes: Sequence[s.Node]) -> list[Range]:
    return [(n.span.start, n.span.end) for n in nodes]


def _ends_in_digits(node: s.Expr) -> bool:
    """Whether `.3` behind this would be read as a part of its last number."""
    return isinstance(node, s.Number) or (isinstance(node, s.Attribute) and node.name[0].isdigit())


def _leftmost(node: s.Expr) -> str | None:
    """The name that an expression without parentheses begins with."""
    while True:
        match node:
            case s.Name():
                return node.id
            case s.Binary():
                node = node.left
            case s.Attribute() | s.Subscript():
                node = node.value
            case s.Call():
                node = node.function
            case _:
                return None
