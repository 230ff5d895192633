"""From grammar rules to syntax nodes: one method a rule of `grammar.lark`, called while parsing, bottom up.

Every child has a place: a token carries its Span as `value`, a node has `span`, a group knows its ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lark import Token, Transformer

from dovetail.dsl import syntax as s
from dovetail.dsl.source import Span


class _Group(list[Any]):
    """The items of a rule that makes no node of its own, with the place of the whole."""

    def __init__(self, items: Sequence[Any], span: Span) -> None:
        super().__init__(items)
        self.span = span


def _span(child: Any) -> Span:
    span: Span = child.value if isinstance(child, Token) else child.span
    return span


def _whole(children: Sequence[Any]) -> Span:
    return _span(children[0]).to(_span(children[-1]))


def _nodes(children: Sequence[Any]) -> list[Any]:
    """Everything but tokens."""
    return [c for c in children if not isinstance(c, Token)]


def _words(children: Sequence[Any]) -> list[str]:
    """The texts of the names among the children."""
    return [str(c) for c in children if isinstance(c, Token) and c.type == "NAME"]


def _string(token: Token) -> str:
    return str(token)[1:-1]


def _after(children: Sequence[Any], *kinds: str) -> Any:
    """The child behind the token of one of these kinds, or None."""
    for index, child in enumerate(children[:-1]):
        if isinstance(child, Token) and child.type in kinds:
            return children[index + 1]
    return None


def _number(text: str) -> int | float:
    return int(text) if text.isdigit() else float(text)


class TreeBuilder(Transformer[Token, Any]):
    """Callbacks of the parser; `children` holds every token and node of the rule."""

    def start(self, c: list[Any]) -> list[Any]:
        return [n for n in c if not isinstance(n, Token)]

    def _group(self, c: list[Any]) -> _Group:
        return _Group(_nodes(c), _whole(c))

    values = listed = parameters = items = body = patterns = chain = arguments = record = _group

    def header(self, c: list[Any]) -> s.Header:
        return s.Header(_whole(c), str(c[0]), str(c[1]))

    def mapping_header(self, c: list[Any]) -> s.Header:
        return s.Header(_whole(c), "mapping", _string(c[2]), str(c[4]))

    # ---------------------------------------------------------------------------------- shared

    def param(self, c: list[Any]) -> s.Param:
        return s.Param(_whole(c), str(c[1]), c[3])

    def let(self, c: list[Any]) -> s.Let:
        return s.Let(_whole(c), str(c[1]), c[3])

    def fn(self, c: list[Any]) -> s.Fn:
        *parameters, value = _nodes(c)
        return s.Fn(_whole(c), str(c[1]), tuple(parameters[0]) if parameters else (), value)

    def names(self, c: list[Any]) -> _Group:
        return _Group(_words(c), _whole(c))

    def table(self, c: list[Any]) -> s.Table:
        columns, *rows = _nodes(c)
        return s.Table(_whole(c), str(c[1]), tuple(columns), tuple(rows))

    def row(self, c: list[Any]) -> s.Row:
        return s.Row(c[0].span, tuple(c[0]))

    def tie(self, c: list[Any]) -> s.Tie:
        first, second = _nodes(c)
        return s.Tie(_whole(c), first[0], second[0])

    def require(self, c: list[Any]) -> s.Require:
        value = c[1]
        # `require a > b "why"`: the reason is juxtaposed, and the grammar reads it as part of REQUIRE.
        why = _string(c[2]) if len(c) > 2 else None
        return s.Require(_whole(c), value, why)

    def import_(self, c: list[Any]) -> s.Import:
        arguments = next((tuple(n) for n in _nodes(c)), ())
        alias = _after(c, "AS")
        return s.Import(_whole(c), _string(c[1]), str(alias) if alias is not None else None, arguments)

    def metric(self, c: list[Any]) -> s.Metric:
        value, source = _after(c, "EQUAL"), _after(c, "FROM")
        by = next((n for n in _nodes(c) if isinstance(n, _Group)), ())
        return s.Metric(
            _whole(c), str(c[1]), value, _string(source) if source is not None else None, tuple(by)
        )

    def assign(self, c: list[Any]) -> s.Assign:
        names, items = _nodes(c)
        return s.Assign(_whole(c), tuple(names), tuple(items))

    def item(self, c: list[Any]) -> s.Value:
        if len(c) == 1:
            return s.Value(c[0].span, c[0])
        value, qualifier = c
        return s.Value(_whole(c), value, qualifier[0], qualifier[1])

    def zero_item(self, c: list[Any]) -> s.Value:
        tensor = s.Name(_span(c[1]), str(c[1]))
        names = c[3]
        flows = s.Items(names.span, tuple(s.Name(names.span, n) for n in names))
        return s.Value(_whole(c), tensor, "zero", flows)

    def qualifier(self, c: list[Any]) -> _Group:
        return _Group([str(c[0]), c[1] if len(c) > 1 else None], _whole(c))

    def parameter(self, c: list[Any]) -> s.Parameter:
        return s.Parameter(_whole(c), str(c[0]), c[2] if len(c) > 1 else None)

    # -------------------------------------------------------------------------------- networks

    def block(self, c: list[Any]) -> s.Block:
        *parameters, body = _nodes(c)
        return s.Block(_whole(c), str(c[1]), tuple(parameters[0]) if parameters else (), tuple(body))

    def return_(self, c: list[Any]) -> s.Return:
        return s.Return(_whole(c), tuple(c[1]))

    def input(self, c: list[Any]) -> s.Input:
        return s.Input(_whole(c), str(c[1]), tuple(c[3]))

    def output(self, c: list[Any]) -> s.Output:
        return s.Output(_whole(c), tuple(c[1]))

    def path(self, c: list[Any]) -> _Group:
        text = _string(c[0]) if c[0].type == "STRING" else "".join(str(t) for t in c)
        return _Group([text], _whole(c))

    def layers(self, c: list[Any]) -> s.Layers:
        groups = [n for n in c if isinstance(n, _Group)]
        body = [n for n in c if isinstance(n, s.Assign)]
        texts = [tuple(p[0] for p in g) for g in groups]
        return s.Layers(_whole(c), texts[0], texts[1] if len(texts) > 1 else (), tuple(body))

    # ---------------------------------------------------------------------------- accelerators

    def setting(self, c: list[Any]) -> s.Setting:
        values = tuple(c[1]) if isinstance(c[1], _Group) else (c[1],)
        return s.Setting(_whole(c), str(c[0]), values)

    def properties(self, c: list[Any]) -> s.Properties:
        return s.Properties(_whole(c), str(c[0]), tuple(c[1]))

    def memory(self, c: list[Any]) -> s.MemoryBlock:
        return s.MemoryBlock(_whole(c), str(c[1]), tuple(c[2]))

    def axis_size(self, c: list[Any]) -> s.AxisSize:
        return s.AxisSize(_whole(c), str(c[0]), c[2])

    def array(self, c: list[Any]) -> s.ArrayBlock:
        axes = [n for n in c if isinstance(n, s.AxisSize)]
        return s.ArrayBlock(_whole(c), str(c[1]), tuple(axes), tuple(c[-1]))

    def link(self, c: list[Any]) -> s.LinkItem:
        record = s.Record(c[2].span, tuple(c[2])) if len(c) > 2 else None
        return s.LinkItem(_whole(c), str(c[0]), str(c[1]), record)

    def along(self, c: list[Any]) -> s.Along:
        axes, *links = _nodes(c)
        return s.Along(_whole(c), tuple(axes), tuple(links))

    def unit(self, c: list[Any]) -> s.UnitBlock:
        lanes = _after(c, "LSQB")
        return s.UnitBlock(_whole(c), str(c[1]), lanes, str(_after(c, "AT")), tuple(c[-1]))

    def stop(self, c: list[Any]) -> _Group:
        return _Group(["".join(str(t) for t in c)], _whole(c))

    def stops(self, c: list[Any]) -> _Group:
        return _Group([n[0] for n in _nodes(c)], _whole(c))

    def path_rule(self, c: list[Any]) -> s.Path:
        return s.Path(_whole(c), str(c[1]), tuple(c[3]))

    def keep(self, c: list[Any]) -> s.Keep:
        return s.Keep(_whole(c), str(c[1]), str(c[3]))

    def dataflow(self, c: list[Any]) -> s.DataflowBlock:
        return s.DataflowBlock(_whole(c), str(c[1]), tuple(c[2]))

    def spread(self, c: list[Any]) -> s.Spread:
        relation = {"EQUAL": "=", "IN": "in", "FULL": "full"}[c[3].type]
        value = c[4] if len(c) > 4 else None
        if value is not None and not isinstance(value, s.Value):
            value = s.Value(value.span, value)
        return s.Spread(_whole(c), str(c[0]), str(c[2]), relation, value)

    def stationary(self, c: list[Any]) -> s.StationaryAt:
        return s.StationaryAt(_whole(c), str(c[1]), str(c[3]))

    def order(self, c: list[Any]) -> s.Order:
        return s.Order(_whole(c), str(c[2]), tuple(c[4]))

    def inside(self, c: list[Any]) -> s.Inside:
        return s.Inside(_whole(c), str(c[0]), tuple(n for g in _nodes(c) for n in g))

    # -------------------------------------------------------------------------- studies, mappings

    def baseline(self, c: list[Any]) -> s.Baseline:
        return s.Baseline(_whole(c), _string(c[1]), _string(c[3]))

    def holds(self, c: list[Any]) -> s.HoldsLine:
        return s.HoldsLine(_whole(c), str(c[0]), tuple(c[2]))

    def dimension(self, c: list[Any]) -> _Group:
        members = _nodes(c)
        return _Group(list(members[0]) if members else [str(c[0])], _whole(c))

    def for_line(self, c: list[Any]) -> s.ForLine:
        return s.ForLine(_whole(c), tuple(c[1]), c[3], _after(c, "BY"), None)

    def spatial_line(self, c: list[Any]) -> s.ForLine:
        return s.ForLine(_whole(c), tuple(c[1]), c[3], _after(c, "BY"), (str(c[-3]), str(c[-1])))

    def mac_line(self, c: list[Any]) -> s.MacLine:
        return s.MacLine(_whole(c))

    # ------------------------------------------------------------------------------ expressions

    def conditional(self, c: list[Any]) -> s.Conditional:
        return s.Conditional(_whole(c), c[1], c[3], c[5])

    def pipeline(self, c: list[Any]) -> s.Pipeline:
        head, *stages = _nodes(c)
        return s.Pipeline(_whole(c), head, tuple(stages))

    def stage(self, c: list[Any]) -> s.Stage:
        call, count = c[-1], None
        if isinstance(call, s.Binary) and call.operator == "*":
            count, call = call.left, call.right
        return s.Stage(_whole(c), str(c[0]) if len(c) > 1 else None, count, call)

    def for_stage(self, c: list[Any]) -> s.ForStage:
        names, rows, chain = _nodes(c)
        return s.ForStage(_whole(c), tuple(names), rows, tuple(chain))

    def binary(self, c: list[Any]) -> s.Binary:
        return s.Binary(_whole(c), str(c[1]), c[0], c[2])

    def unary(self, c: list[Any]) -> s.Unary:
        return s.Unary(_whole(c), str(c[0]), c[1])

    def attribute(self, c: list[Any]) -> s.Attribute:
        return s.Attribute(_whole(c), c[0], str(c[2]))

    def subscript(self, c: list[Any]) -> s.Subscript:
        return s.Subscript(_whole(c), c[0], c[2])

    def call(self, c: list[Any]) -> s.Call:
        function, *arguments = _nodes(c)
        return s.Call(_whole(c), function, tuple(arguments[0]) if arguments else ())

    def argument(self, c: list[Any]) -> s.Argument:
        return s.Argument(_whole(c), str(c[0]) if len(c) > 1 else None, c[-1])

    def number(self, c: list[Any]) -> s.Number:
        return s.Number(_span(c[0]), _number(str(c[0])))

    def quantity(self, c: list[Any]) -> s.Quantity:
        text = str(c[0])
        digits = text.rstrip("%/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ2")
        # The unit m2 ends with a digit, and a number may end with one: split at the first letter, % or /.
        for end, char in enumerate(text):
            if char in "%/" or (char.isalpha() and not _exponent(text, end)):
                digits = text[:end]
                break
        return s.Quantity(_span(c[0]), _number(digits.strip()), text[len(digits) :].strip())

    def text(self, c: list[Any]) -> s.Text:
        return s.Text(_span(c[0]), _string(c[0]))

    def name(self, c: list[Any]) -> s.Name:
        return s.Name(_span(c[0]), str(c[0]))

    def group(self, c: list[Any]) -> Any:
        return c[1]

    def items_list(self, c: list[Any]) -> s.Items:
        return s.Items(_whole(c), tuple(n for g in _nodes(c) for n in g))

    def choose(self, c: list[Any]) -> s.Choose:
        return s.Choose(_whole(c), tuple(_nodes(c)[0]))

    def choose_range(self, c: list[Any]) -> s.ChooseRange:
        first, last, *by = _nodes(c)
        return s.ChooseRange(_whole(c), first, last, by[0] if by else None)

    def choose_labelled(self, c: list[Any]) -> s.ChooseLabelled:
        return s.ChooseLabelled(_whole(c), tuple(_nodes(c)))

    def alternative(self, c: list[Any]) -> s.Alternative:
        return s.Alternative(_whole(c), str(c[0]), c[2], _after(c, "WHEN"))

    def record_value(self, c: list[Any]) -> s.Record:
        return s.Record(c[0].span, tuple(c[0]))


def _exponent(text: str, at: int) -> bool:
    """Whether the letter at this place is the e of `1e6`."""
    return text[at] in "eE" and at + 1 < len(text) and (text[at + 1].isdigit() or text[at + 1] in "+-")
