"""The formatter: one layout for a text, its meaning and its comments untouched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dovetail.dsl import syntax as s
from dovetail.dsl.diagnostics import DovetailError
from dovetail.dsl.format_numbers import number_text, quantity_text
from dovetail.dsl.formatter import format_file, format_text, unified_diff
from dovetail.dsl.parser import parse_text
from tests.dsl.strategies import AT, comment_texts, files, numerals, relaid

EXAMPLES = sorted((Path(__file__).parent / "data").iterdir())
WIDTH = 110

seeds = st.integers(0, 10**9)
random_texts = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking such large trees takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def laid_out(*lines: str) -> str:
    """A text with these lines after a header, formatted, without the header."""
    return format_text("\n".join(("net x", *lines))).removeprefix("net x\n")


# ------------------------------------------------------------------------------------- properties


@random_texts
@given(files)
def test_what_prints_parses_to_the_same_tree_and_prints_the_same_again(file: s.File) -> None:
    text = format_file(file)
    again = parse_text(text)
    assert again == file
    assert format_file(again) == text


@random_texts
@given(files, seeds)
def test_comments_anywhere_are_kept_in_order_and_change_no_meaning(file: s.File, seed: int) -> None:
    written = parse_text(relaid(format_file(file), seed, comments=True))
    text = format_file(written)
    again = parse_text(text)
    assert again == written == file
    assert comment_texts(again.comments) == comment_texts(written.comments)
    assert format_file(again) == text


@random_texts
@given(files, seeds)
def test_white_space_does_not_show_in_the_layout(file: s.File, seed: int) -> None:
    text = format_file(file)
    assert format_text(relaid(text, seed, comments=False)) == text


@random_texts
@given(files, seeds)
def test_no_blanks_at_line_ends_and_no_two_empty_lines(file: s.File, seed: int) -> None:
    text = format_text(relaid(format_file(file), seed, comments=True))
    assert not re.search(r"[ \t\r]\n|\n\n\n|\A\n|\n\n\Z", text)
    assert text.endswith("\n")
    assert not re.search(r"\{\n\n|\n\n *\}", text)


@given(numerals)
def test_a_number_reads_back_with_its_type(value: int | float) -> None:
    (statement,) = parse_text(f"net x\nlet a = {number_text(value)}").statements
    assert statement.value.value == value
    assert type(statement.value.value) is type(value)


# --------------------------------------------------------------------------------------- examples


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_the_examples_keep_their_meaning_and_comments(path: Path) -> None:
    file = parse_text(path.read_text(encoding="utf-8"))
    text = format_file(file)
    again = parse_text(text)
    assert again == file
    assert comment_texts(again.comments) == comment_texts(file.comments)
    assert format_file(again) == text
    assert max(len(line.partition("#")[0].rstrip()) for line in text.splitlines()) <= WIDTH


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
@pytest.mark.parametrize("seed", range(5))
def test_the_examples_look_the_same_whatever_their_white_space(path: Path, seed: int) -> None:
    text = re.sub(r" +#.*|^#.*\n", "", format_text(path.read_text(encoding="utf-8")), flags=re.MULTILINE)
    assert format_text(text) == text
    assert format_text(relaid(text, seed, comments=False)) == text


def test_a_mapping_is_indented_by_what_holds_tiles() -> None:
    path = Path(__file__).parent / "data" / "fire9.map"
    assert format_text(path.read_text(encoding="utf-8")) == (
        'mapping for "fire9.squeeze1x1" on squeezelerator\n'
        "DRAM holds weights, inputs, outputs\n"
        "  for K in 64 by 32\n"
        "  for C in 512 by 64\n"
        "  Buffer holds inputs, outputs\n"
        "    for C in 64 by 32\n"
        "    spatial C in 32 along PE.row\n"
        "    spatial K in 32 along PE.col\n"
        "    Register holds weights\n"
        "      for P in 13\n"
        "      for Q in 13\n"
        "      mac\n"
    )


# ----------------------------------------------------------------------------------------- layout


def test_a_body_on_one_line_stays_there_while_it_fits() -> None:
    short = "precision { inputs = 8 bit; sums = 16 bit }\n"
    assert laid_out("precision{inputs=8 bit;sums  = 16bit;}") == short
    assert laid_out("precision {", "inputs = 8 bit; sums = 16 bit }") == (
        "precision {\n    inputs = 8 bit\n    sums = 16 bit\n}\n"
    )
    names = [f"a_long_name_{i}" for i in range(7)]
    long = f"memory M {{ {'; '.join(f'{n} = 1' for n in names)} }}"
    assert len(long) > WIDTH
    assert laid_out(long) == "memory M {\n" + "".join(f"    {n} = 1\n" for n in names) + "}\n"


def test_a_long_pipeline_breaks_where_the_writer_broke_it_and_a_short_one_is_joined() -> None:
    assert laid_out("y = x", "  -> f(1)", "", "  -> g") == "y = x -> f(1) -> g\n"
    stage = "convolution(channels, 3, pad = 1)"
    lines = f"y = x -> {stage} -> {stage}", f"      -> {stage}"
    assert laid_out(*lines, f"-> {stage}") == "\n".join((*lines, f"      -> {stage}\n"))


def test_a_pipeline_that_is_too_long_is_filled() -> None:
    text = laid_out("y = x" + " -> conv(16, 3, pad = 1)" * 9)
    first, *rest = text.splitlines()
    assert first.startswith("y = x -> ")
    assert all(line.startswith("      -> ") for line in rest)
    assert all(len(line) + len(" -> conv(16, 3, pad = 1)") > WIDTH for line in [first, *rest[:-1]])


def test_arguments_that_do_not_fit_stand_below_each_other() -> None:
    long = "-> convolution(out_channels, kernel = 3, stride = 1)"
    assert laid_out(f"y = concat(a {long}, b {long})") == (f"y = concat(a {long},\n           b {long})\n")
    name = "n" * 50
    assert laid_out(f"{name} = concat(a {long}, b {long})") == (
        f"{name} = concat(\n    a {long},\n    b {long}\n)\n"
    )


def test_a_long_list_of_numbers_is_filled() -> None:
    lines = laid_out(f"let a = [{', '.join(map(str, range(100, 150)))}]").splitlines()
    assert len(lines) == 3
    assert all(line.startswith("         1") for line in lines[1:])


def test_tables_have_columns_with_numbers_to_the_right() -> None:
    assert laid_out("table t(name, n, size) {", "a, 1, 2 KiB; long, 100, f(3)", "}") == (
        "table t(name, n, size) {\n    a,      1, 2 KiB\n    long, 100, f(3)\n}\n"
    )


def test_labels_of_a_choice_are_aligned_where_each_has_its_line() -> None:
    assert laid_out("y = choose {", "block: x -> f", "skip: x when a == b }") == (
        "y = choose {\n    block: x -> f\n    skip:  x when a == b\n}\n"
    )
    assert laid_out("y = choose { block: x -> f; no: x }") == "y = choose { block: x -> f; no: x }\n"


def test_statements_behind_semicolons_get_their_lines() -> None:
    assert laid_out("a = 1; b = 2;; c = 3 # last") == "a = 1\nb = 2\nc = 3  # last\n"


def test_empty_lines_are_kept_but_only_one() -> None:
    assert format_text("\n\nnet x\n\n\n\na = 1\n# b\n\n# c\n\n\n") == "net x\n\na = 1\n# b\n\n# c\n"


def test_byte_order_marks_tabs_and_carriage_returns_go() -> None:
    assert format_text("\ufeffnet x\r\n\r\n# c\t\r\n\ta =\t1 # d \r\n") == "net x\n\n# c\na = 1  # d\n"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("((a + b)) * c", "(a + b) * c"),
        ("(a * b) + c", "a * b + c"),
        ("a - (b - c)", "a - (b - c)"),
        ("(a - b) - c", "a - b - c"),
        ("-(2^2)", "-2^2"),
        ("(-2)^2", "(-2)^2"),
        ("2^(3^4)", "2^3^4"),
        ("(2^3)^4", "(2^3)^4"),
        ("not (a and b)", "not (a and b)"),
        ("(not a) == b", "(not a) == b"),
        ("(a < b) == c", "(a < b) == c"),
        ("(a or b) and c", "(a or b) and c"),
        ("(if a then b else c) + 1", "(if a then b else c) + 1"),
        ("if a then (x -> f) else (if b then c else d)", "if a then x -> f else if b then c else d"),
        ("(x -> f) + y", "(x -> f) + y"),
        ("(x -> f) -> g", "(x -> f) -> g"),
        ("x -> n: (2 + k) * f", "x -> n: (2 + k) * f"),
        ("(x.2).3", "(x.2).3"),
        ("(3).a", "3.a"),
        ("(3).2", "(3).2"),
        ("x -> (for)(2)", "x -> (for(2))"),
        ("[a, b,]", "[a, b]"),
        ("choose( 8 .. 64 by 8 )", "choose(8..64 by 8)"),
    ],
)
def test_parentheses_are_those_that_precedence_needs(written: str, canonical: str) -> None:
    assert laid_out(f"let a = {written}") == f"let a = {canonical}\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (3.0, "3.0"),
        (1e6, "1e6"),
        (2.5e9, "2.5e9"),
        (1500.5, "1500.5"),
        (123456.75, "123456.75"),
        (1e-7, "1e-7"),
        (0.001, "0.001"),
        (1e22, "1e22"),
        (float("inf"), "1e999"),
    ],
)
def test_numbers_are_written_short(value: int | float, text: str) -> None:
    assert number_text(value) == text


def test_quantities_have_a_blank_before_letters_only() -> None:
    assert [quantity_text(v, u) for v, u in ((128, "KiB"), (40, "%"), (1, "/cycle"))] == [
        "128 KiB",
        "40%",
        "1/cycle",
    ]


# --------------------------------------------------------------------------------------- comments


def test_comments_stay_with_their_items() -> None:
    written = (
        "# above",
        "y = f(  # opening",
        "  a, # behind a",
        "  # above b",
        "  b",
        "  # at the end",
        ") # behind all",
        "z = x # head",
        "  # above the first stage",
        "  -> f # first",
        "  -> g # last",
        "memory M { # body",
        "  a = 1 # one",
        "  # end of body",
        "} # behind the body",
    )
    assert laid_out(*written).splitlines() == [
        "# above",
        "y = f(  # opening",
        "    a,  # behind a",
        "    # above b",
        "    b",
        "    # at the end",
        ")  # behind all",
        "z = x  # head",
        "    # above the first stage",
        "    -> f  # first",
        "    -> g  # last",
        "memory M {  # body",
        "    a = 1  # one",
        "    # end of body",
        "}  # behind the body",
    ]


def test_a_comment_in_the_middle_of_a_sum_goes_behind_the_statement() -> None:
    assert laid_out("let a = (b # one", "+ c) # two") == "let a = b + c  # one\n# two\n"


def test_comments_in_the_head_of_a_definition_stay_in_it() -> None:
    text = laid_out("fn f(a = -((b # one", "/ # two", "c))) = a")
    assert text == "fn f(\n    a = -(b / c)  # one\n    # two\n) = a\n"
    assert laid_out(text) == text


# ------------------------------------------------------------------------------- refusals and diff


def test_a_text_that_does_not_parse_is_refused() -> None:
    with pytest.raises(DovetailError):
        format_text("net x\ny = (")


def test_a_tree_that_nests_too_deep_to_follow_is_refused() -> None:
    nested: s.Expr = s.Number(AT, 1)
    for _ in range(2000):
        nested = s.Items(AT, (nested,))
    with pytest.raises(DovetailError, match="E0903"):
        format_file(s.File(AT.source, None, (s.Let(AT, "a", nested),)))


@pytest.mark.parametrize(
    "chain",
    [
        "a + " * 140 + "a",
        "-" * 140 + "a",
        "2^" * 140 + "a",
        "a" + "[0]" * 140,
        "if a then b else " * 140 + "c",
    ],
)
def test_long_chains_of_operators_are_formatted(chain: str) -> None:
    text = format_text(f"net x\nlet a = {chain}")
    assert parse_text(text) == parse_text(f"net x\nlet a = {chain}")
    assert "".join(text.split()) == "".join(f"net x let a = {chain}".split())


def test_the_difference_names_the_file_and_the_lines() -> None:
    assert unified_diff("net x\na=1", "net x\na = 1\n", "x.net") == (
        "--- x.net (as it is)\n+++ x.net (formatted)\n@@ -1,2 +1,2 @@\n net x\n"
        "-a=1\n\\ No newline at end of file\n+a = 1\n"
    )
    assert unified_diff("net x\n", "net x\n", "x.net") == ""
