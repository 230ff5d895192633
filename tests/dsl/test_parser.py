"""Lines, words and recovery: how a text becomes statements, and what one mistake spoils."""

from __future__ import annotations

import pytest

from dovetail.dsl import syntax as s
from dovetail.dsl.diagnostics import Collector, Diagnostic, DovetailError
from dovetail.dsl.parser import parse, parse_text
from dovetail.dsl.source import Source
from tests.dsl.strategies import AT, comment_texts


def statements(*lines: str) -> tuple[s.Statement, ...]:
    return parse_text("\n".join(("net x", *lines))).statements


def value_of(expression: str) -> s.Expr:
    (statement,) = statements(f"let a = {expression}")
    assert isinstance(statement, s.Let)
    return statement.value


def with_problems(*lines: str) -> tuple[s.File, tuple[Diagnostic, ...]]:
    problems = Collector()
    file = parse(Source("\n".join(("net x", *lines)), "x.net"), problems)
    return file, problems.diagnostics


def defined(file: s.File) -> list[str]:
    """The names that the statements of a file assign, in order."""
    return [n for statement in file.statements if isinstance(statement, s.Assign) for n in statement.names]


def line_of(problem: Diagnostic) -> int:
    assert problem.primary is not None
    span = problem.primary.span
    return span.source.position(span.start)[0]


def name(word: str) -> s.Name:
    return s.Name(AT, word)


# ------------------------------------------------------------------------------------------- lines


def test_a_line_that_begins_with_an_arrow_goes_on_behind_blank_and_comment_lines() -> None:
    broken = statements("y = x", "", "  # why", "   -> f # how", "", "-> g", "z = y")
    assert broken == statements("y = x -> f -> g", "z = y")


def test_an_arrow_goes_on_inside_of_bodies_too() -> None:
    assert statements("block b(x) {", "y = x", "-> f", "return y", "}") == statements(
        "block b(x) { y = x -> f; return y }"
    )


def test_lines_go_on_inside_of_parentheses_and_brackets() -> None:
    assert statements("y = f(a,", "", "# c", "  b = [1,", "2]", ")") == statements("y = f(a, b = [1, 2])")


def test_braces_inside_of_parentheses_end_their_statements_at_line_ends() -> None:
    assert statements("y = f({ a = 1", "b = 2 },", "c)") == statements("y = f({ a = 1; b = 2 }, c)")


def test_semicolons_end_statements_and_do_not_count_twice() -> None:
    assert statements("a = 1;b = 2;;", ";c = 3;") == statements("a = 1", "b = 2", "c = 3")


@pytest.mark.parametrize("end", ["\r\n", "\n\n", " \t\n", "\t\r\n"])
def test_line_ends_blanks_and_marks_do_not_count(end: str) -> None:
    text = "\ufeffnet x{}a = 1{}\tb =\t2 # c{}".replace("{}", end)
    file = parse_text(text)
    assert file == parse_text("net x\na = 1\nb = 2")
    assert comment_texts(file.comments) == ["# c"]


def test_comments_know_whether_they_have_their_line() -> None:
    file = parse_text("# one\nnet x # two\n  # three\na = f( # four\n  # five\n1)")
    assert [c.own_line for c in file.comments] == [True, False, True, False, True]


def test_a_text_may_end_without_a_line_end() -> None:
    assert parse_text("net x\na = 1 # c") == parse_text("net x\na = 1\n")


# ------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    "word", "path time input memory order full zero mac at in to by shared for net".split()
)
def test_a_word_of_the_language_is_a_name_where_it_can_be_no_more(word: str) -> None:
    assert statements(f"param {word} = 3", f"a = f({word}, {word} = 2)", f"{word} = [{word}]") == (
        s.Param(AT, word, s.Number(AT, 3)),
        s.Assign(
            AT,
            ("a",),
            (
                s.Value(
                    AT,
                    s.Call(
                        AT,
                        name("f"),
                        (s.Argument(AT, None, name(word)), s.Argument(AT, word, s.Number(AT, 2))),
                    ),
                ),
            ),
        ),
        s.Assign(AT, (word,), (s.Value(AT, s.Items(AT, (name(word),))),)),
    )


def test_zero_skips_a_tensor_or_names_one() -> None:
    assert statements("mac { skip = zero weights in os, ws; a = zero }") == (
        s.Properties(
            AT,
            "mac",
            (
                s.Assign(
                    AT,
                    ("skip",),
                    (s.Value(AT, name("weights"), "zero", s.Items(AT, (name("os"), name("ws")))),),
                ),
                s.Assign(AT, ("a",), (s.Value(AT, name("zero")),)),
            ),
        ),
    )


def test_a_line_in_brackets_may_begin_with_a_word_of_the_language() -> None:
    assert statements("a = f(", "time and b,", "path or c,", "input,", "order)") == statements(
        "a = f(time and b, path or c, input, order)"
    )


# ------------------------------------------------------------------------------------- expressions


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("2^3^4", "2^(3^4)"),
        ("-2^2", "-(2^2)"),
        ("2^-3", "2^(-3)"),
        ("a or b and not c == d + 1", "a or (b and (not (c == (d + 1))))"),
        ("if a then b else c -> f", "if a then b else (c -> f)"),
        ("if a then b else if c then d else e", "if a then b else (if c then d else e)"),
        ("a + b -> f", "(a + b) -> f"),
        ("f(a,)", "f(a)"),
        ("[a, b,]", "[a, b]"),
        ("choose(3, 5,)", "choose(3, 5)"),
    ],
)
def test_operators_bind_as_in_arithmetic(text: str, same: str) -> None:
    assert value_of(text) == value_of(same)


def test_the_forms_of_a_choice() -> None:
    numbers = [s.Number(AT, n) for n in range(10)]
    assert value_of("choose(3, 5)") == s.Choose(AT, (numbers[3], numbers[5]))
    assert value_of("choose(8..64 by 8)") == s.ChooseRange(AT, numbers[8], s.Number(AT, 64), numbers[8])
    powers = [s.Binary(AT, "^", numbers[2], numbers[n]) for n in (3, 8)]
    assert value_of("choose(2^3..2^8)") == s.ChooseRange(AT, powers[0], powers[1], None)
    assert value_of("choose { a: x -> f; b: y when c }") == s.ChooseLabelled(
        AT,
        (
            s.Alternative(AT, "a", s.Pipeline(AT, name("x"), (s.Stage(AT, None, None, name("f")),)), None),
            s.Alternative(AT, "b", name("y"), name("c")),
        ),
    )


def test_a_stage_has_a_name_and_a_count_if_it_wants() -> None:
    assert value_of("x -> n: 3 * f -> 2 * f -> for t in rows { -> f -> g }") == s.Pipeline(
        AT,
        name("x"),
        (
            s.Stage(AT, "n", s.Number(AT, 3), name("f")),
            s.Stage(AT, None, s.Number(AT, 2), name("f")),
            s.ForStage(AT, ("t",), name("rows"), tuple(s.Stage(AT, None, None, name(n)) for n in ("f", "g"))),
        ),
    )


def test_records_hold_assignments() -> None:
    assert value_of("{ read = 24 pJ; fill, update = 26 pJ }") == s.Record(
        AT,
        (
            s.Assign(AT, ("read",), (s.Value(AT, s.Quantity(AT, 24, "pJ")),)),
            s.Assign(AT, ("fill", "update"), (s.Value(AT, s.Quantity(AT, 26, "pJ")),)),
        ),
    )


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3), ("3.0", 3.0), ("1e6", 1e6), ("2.5e-3", 2.5e-3), ("007", 7)]
)
def test_a_number_is_an_int_where_it_is_written_as_one(text: str, value: int | float) -> None:
    number = value_of(text)
    assert number == s.Number(AT, value)
    assert isinstance(number, s.Number)
    assert type(number.value) is type(value)


def test_every_node_knows_its_place() -> None:
    file = parse_text("net x\ny = f(a + 1) -> g  # c\n")
    (statement,) = file.statements
    assert statement.span.text == "y = f(a + 1) -> g"
    assert isinstance(statement, s.Assign)
    pipeline = statement.values[0].value
    assert isinstance(pipeline, s.Pipeline)
    assert [pipeline.head.span.text, pipeline.stages[0].span.text] == ["f(a + 1)", "g"]
    assert statement.span.place == "<text>:2:1"


# ---------------------------------------------------------------------------------------- recovery


def test_a_bracket_that_is_never_closed_spoils_one_statement() -> None:
    file, problems = with_problems("a = 1", "b = f(1,", "   2", "let c = 3", "d = 4")
    assert [(p.code, line_of(p)) for p in problems] == [("E0103", 3)]
    assert defined(file) == ["a", "d"]
    assert isinstance(file.statements[1], s.Let)
    assert "b" in file.broken


def test_a_bracket_that_is_never_closed_ends_with_its_body() -> None:
    file, problems = with_problems("block b(x) {", "  y = f(x", "}", "d = 4")
    assert [(p.code, line_of(p)) for p in problems] == [("E0103", 3)]
    assert defined(file) == ["d"]


def test_all_problems_of_a_file_are_found_in_one_run() -> None:
    file, problems = with_problems(
        "a = 1 1", "b = 2", "c = 3 MBs", "d = @", 'e = "open', "f = (1]", "g = 5", "h = )", "i = 6"
    )
    assert [line_of(p) for p in problems] == [2, 4, 5, 6, 7, 9]
    assert defined(file) == ["b", "g", "i"]
    assert {"a", "c", "d", "e", "f", "h"} <= file.broken


def test_a_problem_in_a_body_leaves_the_rest_of_the_body() -> None:
    file, problems = with_problems("block b(x) {", "  y = = 1", "  z = 2", "}", "d = 4")
    assert [line_of(p) for p in problems] == [3]
    (block, after) = file.statements
    assert isinstance(block, s.Block)
    assert [n for inner in block.body if isinstance(inner, s.Assign) for n in inner.names] == ["z"]
    assert isinstance(after, s.Assign)


def test_a_body_that_is_never_closed_is_told_where_it_opened() -> None:
    _, problems = with_problems("block b(x) {", "  y = 1")
    assert [(p.code, line_of(p)) for p in problems] == [("E0103", 2)]


@pytest.mark.parametrize("text", ["net x\nlet a = " + "(" * 100 + "1", "net x\nlet a = " + "-" * 1000 + "1"])
def test_nesting_is_bounded(text: str) -> None:
    with pytest.raises(DovetailError, match="E0106"):
        parse_text(text)


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 5000 + " B", "1e999", "1e999 KiB"])
def test_numbers_are_bounded(number: str) -> None:
    with pytest.raises(DovetailError, match="E0107"):
        parse_text(f"net x\nlet a = {number}")


@pytest.mark.parametrize(
    ("text", "code"), [("", "E0807"), ("# only\n", "E0807"), ("a = 1", "E0108"), ("a = 1\nnet x", "E0109")]
)
def test_a_file_begins_with_what_it_is(text: str, code: str) -> None:
    with pytest.raises(DovetailError, match=code):
        parse_text(text)
