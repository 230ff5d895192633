"""Random syntax trees of all four kinds of file, and random layouts of their texts."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import pairwise

from hypothesis import strategies as st

from dovetail.dsl import syntax as s
from dovetail.dsl.diagnostics import Collector
from dovetail.dsl.layout import STATEMENT_WORDS, Layout
from dovetail.dsl.parser import grammar
from dovetail.dsl.source import Source, Span
from dovetail.dsl.units import UNIT_NAMES

AT = Span(Source("", "random"), 0, 0)
"""The place of everything that was not read from a text."""

plain = st.sampled_from("a b x1 PE Buffer kernel weights K _c a_rather_long_name_of_a_tensor".split())
contextual = st.sampled_from("path time input memory in at order mac full zero to row".split())
names = plain | contextual
name_lists = st.lists(names, min_size=1, max_size=4).map(tuple)
plain_lists = st.lists(plain, min_size=1, max_size=4).map(tuple)
strings = st.text(alphabet="ab Z9_-./:#{}()[];,->μ'", max_size=12)
paths = st.from_regex(r"[a-z*?]([a-z0-9*?.]|to|except| ){0,8}", fullmatch=True)
numerals = (
    st.integers(0, 10**12)
    | st.floats(0, 1e150).map(abs)
    | st.sampled_from([0.0, 1e6, 2.5e9, 1e-7, 0.125, 100000.0, 1e22, 1e16, 123456.75])
)


def _tuples(of: st.SearchStrategy, least: int = 0, most: int = 3) -> st.SearchStrategy:
    return st.lists(of, min_size=least, max_size=most).map(tuple)


def _maybe(of: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | of


def _node(kind: type[s.Node], *fields: st.SearchStrategy) -> st.SearchStrategy:
    return st.builds(kind, st.just(AT), *fields)


atoms = st.one_of(
    _node(s.Number, numerals),
    _node(s.Quantity, numerals, st.sampled_from(UNIT_NAMES)),
    _node(s.Text, strings),
    _node(s.Name, names),
)


def _stage_reads_back(stage: s.Stage) -> bool:
    """`a * b` without a count is read as the count `a` and the call `b`."""
    return stage.count is not None or not (isinstance(stage.call, s.Binary) and stage.call.operator == "*")


def _stages(inner: st.SearchStrategy) -> st.SearchStrategy:
    stage = _node(s.Stage, _maybe(names), _maybe(inner), inner).filter(_stage_reads_back)
    loop = _node(s.ForStage, plain_lists, inner, _tuples(stage, 1))
    return _tuples(stage | loop, 1, 5)


def _operations(inner: st.SearchStrategy) -> st.SearchStrategy:
    """Expressions without braces of their own."""
    operators = st.sampled_from("+ - * / // ^ == != < <= > >= and or".split())
    attributes = names | st.sampled_from(["2", "35", "4.5"])
    return st.one_of(
        _node(s.Attribute, inner, attributes),
        _node(s.Subscript, inner, inner),
        _node(s.Call, inner, _tuples(_node(s.Argument, _maybe(names), inner))),
        _node(s.Items, _tuples(inner, 0, 6)),
        _node(s.Unary, st.sampled_from(["-", "not"]), inner),
        _node(s.Binary, operators, inner, inner),
        _node(s.Conditional, inner, inner, inner),
        _node(s.Choose, _tuples(inner, 1)),
        _node(s.ChooseRange, inner, inner, _maybe(inner)),
    )


def _compound(inner: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(
        _operations(inner),
        _node(s.Pipeline, inner, _stages(inner)),
        _node(s.ChooseLabelled, _tuples(_node(s.Alternative, names, inner, _maybe(inner)), 1)),
        _node(s.Record, _tuples(_assigns(inner))),
    )


def _values(inner: st.SearchStrategy) -> st.SearchStrategy:
    qualified = st.builds(s.Value, st.just(AT), inner, st.sampled_from(["at", "reduce", "then"]), inner)
    return _node(s.Value, inner) | st.builds(s.Value, st.just(AT), inner, st.just("shared")) | qualified


zeros = st.builds(
    lambda tensor, flows: s.Value(
        AT, s.Name(AT, tensor), "zero", s.Items(AT, tuple(s.Name(AT, f) for f in flows))
    ),
    plain,
    plain_lists,
)


def _assigns(inner: st.SearchStrategy) -> st.SearchStrategy:
    values = _tuples(_values(inner), 1)
    with_zero = st.builds(lambda before, last: (*before, last), _tuples(_values(inner), 0, 2), zeros)
    return _node(s.Assign, name_lists, values | with_zero)


expressions = st.recursive(atoms, _compound, max_leaves=12)
small = st.recursive(atoms, _compound, max_leaves=4)
assigns = _assigns(expressions)
bodies = _tuples(_assigns(small), 0, 4)
# A `{` in the brackets of a definition's head is taken for its body, where a name or number stands before it.
heads = st.recursive(atoms, _operations, max_leaves=4)
parameters = _tuples(_node(s.Parameter, names, _maybe(heads)))
rows = _tuples(_node(s.Row, _tuples(small, 1, 4)), 0, 4)

shared = st.one_of(
    _node(s.Param, names, expressions),
    _node(s.Let, names, expressions),
    _node(s.Fn, names, parameters, expressions),
    _node(s.Table, names, name_lists, rows),
    _node(s.Tie, paths, paths),
    _node(s.Require, expressions, _maybe(strings)),
    st.builds(lambda path: s.Import(AT, path, None, ()), strings),
    _node(s.Import, strings, names, _tuples(_node(s.Argument, _maybe(names), small))),
    _node(s.Metric, names, _maybe(small), _maybe(strings), st.just(()) | name_lists),
    assigns,
)
values = _tuples(expressions, 1)
in_block = shared | _node(s.Return, values)
network = st.one_of(
    shared,
    _node(s.Block, names, parameters, _tuples(in_block)),
    _node(s.Input, names, values),
    _node(s.Output, values),
    _node(s.Layers, _tuples(paths, 1), _tuples(paths, 0), bodies),
)

_links = _tuples(_node(s.LinkItem, names, names, _maybe(_node(s.Record, bodies))), 1)
_rules = st.one_of(
    _node(s.Spread, plain, names, st.just("="), _values(small) | zeros),
    _node(s.Spread, plain, names, st.just("in"), _node(s.Value, small)),
    _node(s.Spread, plain, names, st.just("full"), st.none()),
    _node(s.StationaryAt, names, names),
    _node(s.Order, names, name_lists),
    _node(s.Inside, plain, st.just(()) | name_lists),
)
_stops = st.sampled_from(["DRAM", "Buffer", "PE.mac", "mac", "PE.Register"])
_parts = st.one_of(
    shared,
    st.builds(
        lambda word, value: s.Setting(AT, word, (value,)), st.sampled_from(["technology", "clock"]), small
    ),
    _node(s.Properties, st.sampled_from(["precision", "transfers", "timing", "mac"]), bodies),
    _node(s.MemoryBlock, names, bodies),
    _node(s.Along, name_lists, _links),
    _node(s.UnitBlock, names, _maybe(heads), names, bodies),
    _node(s.Path, names, _tuples(_stops, 1, 6)),
    _node(s.Keep, names, names),
    _node(s.DataflowBlock, names, _tuples(_rules, 0, 4)),
)
_axes = _tuples(_node(s.AxisSize, names, heads), 1)
accelerator = st.recursive(
    _parts, lambda inner: _node(s.ArrayBlock, names, _axes, _tuples(inner)), max_leaves=5
)

_study_words = "networks accelerators minimize maximize where engine seed time".split()
study = st.one_of(
    shared,
    _node(s.Setting, st.sampled_from(_study_words), values),
    _node(s.Baseline, strings, strings),
)
mapping = st.one_of(
    _node(s.HoldsLine, plain, name_lists),
    _node(s.ForLine, plain_lists, small, _maybe(small), _maybe(st.tuples(plain, names))),
    st.just(s.MacLine(AT)),
)


def _files(kind: str, statements: st.SearchStrategy) -> st.SearchStrategy:
    header = st.builds(s.Header, st.just(AT), st.just(kind), names)
    if kind == "mapping":
        header = st.builds(s.Header, st.just(AT), st.just(kind), strings, names)
    return st.builds(s.File, st.just(AT.source), header, _tuples(statements, 0, 5))


files = st.one_of(
    _files("net", network), _files("accel", accelerator), _files("study", study), _files("mapping", mapping)
)


# ----------------------------------------------------------------------------------- random layout


def relaid(text: str, seed: int, comments: bool) -> str:
    """The same statements with other white space.

    Without `comments` the lines that the writer decides on stay: ends of statements, breaks of pipelines.
    With them a comment stands wherever a line may end, and lines end wherever they may.
    """
    draw = random.Random(seed)
    source = Source(text, "text")
    problems = Collector()
    tokens = Layout(source, problems).run(grammar().lex(text))
    problems.check()
    out: list[str] = []
    open_: list[str] = []
    count = 0

    def line_end() -> str:
        nonlocal count
        if not comments:
            return "\n"
        end = ""
        if draw.random() < 0.4:
            end += f" # behind {count}"
            count += 1
        end += draw.choice(["\n", "\r\n", "\n\n\n"])
        while draw.random() < 0.25:
            end += f"  # above {count}\n" + draw.choice(["", "\n"])
            count += 1
        return end

    for index, (token, following) in enumerate(pairwise(tokens)):
        kind, after = token.type, following.type
        if kind == "SEP":
            before_brace = after == "RBRACE" and not comments
            original = "" if before_brace and "\n" not in token.value.text else token.value.text
            if comments and draw.random() < 0.9:
                out.append(line_end())
            elif "\n" in original or comments:
                out.append(_blank_lines(source, token.value, draw) if "\n" in original else ";")
            else:
                out.append(";" if original.strip() == ";" else " ")
            continue
        out.append(str(token))
        if kind in ("LPAR", "LSQB", "LBRACE"):
            open_.append(kind)
        elif kind in ("RPAR", "RSQB", "RBRACE"):
            open_.pop()
        gap = " " * draw.randint(1, 3) + draw.choice(["", "\t", " \t "])
        inside = bool(open_) and open_[-1] != "LBRACE"
        if after == "SEP" and not following.value.text:
            pass
        elif comments:
            may = inside and not _like_statement(tokens, index + 1)
            if (may or after == "ARROW" or kind == "LBRACE") and draw.random() < 0.2:
                gap += line_end()
        elif after == "ARROW" and "\n" in source.text[token.value.end : following.value.start]:
            gap += "\n\t"
        elif kind == "LBRACE":
            gap = source.text[token.value.end : following.value.start].replace(" ", "") or " "
        elif kind == "COMMA" and inside and "LBRACE" not in open_ and draw.random() < 0.3:
            gap += "\n  "
        out.append(gap)
    return "".join(out) + "\n"


def _blank_lines(source: Source, sep: Span, draw: random.Random) -> str:
    """A line end, with one or more empty lines where the source has one."""
    rest = source.text[sep.end :]
    return "\n" + "\n" * draw.randint(1, 3) if rest.startswith("\n") else "\n" + " " * draw.randint(0, 5)


def _like_statement(tokens: list, index: int) -> bool:
    """Whether a line that begins with this token would look like the statement after an unclosed bracket."""
    return str(tokens[index]) in STATEMENT_WORDS or tokens[index].type == "RBRACE"


def comment_texts(comments: Iterable[s.Comment]) -> list[str]:
    """The characters of comments, without the blanks behind."""
    return [c.span.text.rstrip() for c in comments]
