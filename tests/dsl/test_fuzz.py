"""Whatever is done to a text, there is a design or a diagnostic: never a traceback, never a hang.

Every example is damaged in every way that a slip of the hand can do it, thousands of times, seeded. That
nothing hangs needs no clock: elaboration is bounded in steps, and the tests at the end go to the bounds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from dovetail.accel.loading import accelerator_from_text, elaborate_accelerator
from dovetail.dsl.choices import DesignChooser
from dovetail.dsl.diagnostics import Collector, DovetailError, render
from dovetail.dsl.evaluator import MOST_STEPS
from dovetail.dsl.loading import elaborate_network, network_from_text
from dovetail.dsl.parser import grammar, parse
from dovetail.dsl.source import Source

ROOT = Path(__file__).parents[2]
FOLDERS = ("examples", "tests/dsl/data", "tests/accel/data")
FILES = sorted(
    str(path.relative_to(ROOT))
    for folder in FOLDERS
    for suffix in ("net", "accel")
    for path in (ROOT / folder).rglob(f"*.{suffix}")
)
CHARACTERS = 60_000
"""What is spent on each file: a small one is damaged often, a large one seldom."""
FEWEST, MOST = 15, 60

ODD = "(){}[]=:;,.->+*/^<>!\"'#%&|@~\\ \n\t0 9.5e3 x_é→\x07\r"


def tokens_of(text: str) -> list[tuple[int, int]]:
    """Where the tokens are, ends of lines included."""
    return [(t.start_pos or 0, t.end_pos or 0) for t in grammar().lex(text)]


def delete_token(text: str, dice: random.Random) -> str:
    start, end = dice.choice(tokens_of(text))
    return text[:start] + text[end:]


def double_token(text: str, dice: random.Random) -> str:
    start, end = dice.choice(tokens_of(text))
    return text[:end] + dice.choice(("", " ")) + text[start:end] + text[end:]


def swap_tokens(text: str, dice: random.Random) -> str:
    tokens = tokens_of(text)
    first = dice.randrange(len(tokens))
    second = min(len(tokens) - 1, first + dice.choice((1, 1, 1, 2, 5, 50)))
    (a, b), (c, d) = tokens[first], tokens[second]
    return text if second == first else text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


def replace_token(text: str, dice: random.Random) -> str:
    tokens = tokens_of(text)
    (a, b), (c, d) = dice.choice(tokens), dice.choice(tokens)
    return text[:a] + text[c:d] + text[b:]


def strange_character(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text) + 1)
    return text[:at] + dice.choice(ODD) + text[at + dice.choice((0, 1)) :]


def truncate(text: str, dice: random.Random) -> str:
    return text[: dice.randrange(len(text))]


def lose_lines(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    first = dice.randrange(len(lines))
    return "".join(lines[:first] + lines[first + dice.choice((1, 1, 2, 4)) :])


def repeat_line(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    at = dice.randrange(len(lines))
    return "".join([*lines[:at], lines[at], *lines[at:]])


def change_number(text: str, dice: random.Random) -> str:
    digits = [i for i, c in enumerate(text) if c.isdigit()] or [0]
    at = dice.choice(digits)
    return text[:at] + dice.choice(("0", "-1", "7", "1e9", "10^99", "2.5", "true")) + text[at + 1 :]


DAMAGE: tuple[Callable[[str, random.Random], str], ...] = (
    delete_token,
    delete_token,
    double_token,
    swap_tokens,
    swap_tokens,
    replace_token,
    strange_character,
    truncate,
    lose_lines,
    repeat_line,
    change_number,
)


def elaborate(text: str, path: Path) -> str:
    """What `check` would print; anything but a DovetailError goes through."""
    problems = Collector()
    kind = path.suffix.removeprefix(".")
    chooser = DesignChooser()
    try:
        file = parse(Source(text, path.name, path), problems, kind)
        made = elaborate_network if kind == "net" else elaborate_accelerator
        design = made(file, problems, {}, chooser)
        assert (design is None) == problems.failed
    except DovetailError as fault:
        return str(fault)
    assert chooser.steps <= MOST_STEPS + 1
    return render(problems.diagnostics)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_text_gives_a_design_or_a_diagnostic(name: str) -> None:
    path = ROOT / name
    text = path.read_text(encoding="utf-8")
    dice = random.Random(f"damage of {path.name}")
    for _ in range(min(MOST, max(FEWEST, CHARACTERS // len(text)))):
        damaged = dice.choice(DAMAGE)(text, dice)
        if dice.random() < 0.3:
            damaged = dice.choice(DAMAGE)(damaged or text, dice)
        printed = elaborate(damaged, path)
        assert "Traceback" not in printed


def test_thousands_of_texts_are_damaged() -> None:
    sizes = [len((ROOT / name).read_text(encoding="utf-8")) for name in FILES]
    assert sum(min(MOST, max(FEWEST, CHARACTERS // size)) for size in sizes) > 3000


# ------------------------------------------------------------------------------ nesting and growth

HEAD = "net example\ninput x[16, 32, 32]\n"
DEEP = {
    "brackets": "let a = " + "(" * 100_000,
    "signs": "let a = " + "- " * 50_000 + "1",
    "negations": "let a = " + "not " * 50_000 + "true",
    "powers": "let a = 2" + "^2" * 50_000,
    "sums": "let a = 1" + " + 1" * 50_000,
    "conditions": "let a = " + "if true then 1 else " * 20_000 + "1",
    "calls of calls": "let a = x" + "()" * 50_000,
    "attributes": "let a = x" + ".a" * 50_000,
    "subscripts": "let a = x" + "[0]" * 50_000,
    "arguments": "let a = " + "min(" * 100_000,
    "lists": "let a = " + "[" * 55 + "1" + "]" * 55,
    "sums in brackets": "let a = " + "(1 + " * 55 + "1" + ")" * 55,
    "conditions that stay below the bound": "let a = " + "if true then 1 else " * 140 + "1",
    "stages in stages": "output x -> " + "for i in [1] { " * 55 + "relu" + " }" * 55,
    "choices in choices": "output x -> " + "choose { a: " * 55 + "relu" + " }" * 55,
    "conditions as stages": "output x -> " + "(if true then " * 55 + "relu" + " else relu)" * 55,
    "blocks in blocks": "block f(x) { " * 100 + "}" * 100,
}
RECURSION = {
    "a function": "fn f(n) = n * f(n - 1)\nlet a = f(3)",
    "a function in its arguments": "fn f(n) = " + "min(" * 50 + "f(n)" + ")" * 50 + "\nlet a = f(3)",
    "a block": "block f(x) { return x -> f }\noutput x -> f",
    "a block called": "block f(x) { return f(x) }\noutput f(x)",
    "two blocks": "block f(x) { y = x -> g; return y }\nblock g(x) { return x -> f }\noutput x -> f",
    "a default": "block f(x, y = f(x)) { return x }\noutput x -> f",
    "an argument": "block f(x) { return concat(x, [[[f(x)]]]) }\noutput x -> f",
    "a loop": "block f(x) { return x -> for i in [1] { for j in [2] { f } } }\noutput x -> f",
    "loops in loops": "block f(x) { return x -> "
    + "for i in [1] { " * 50
    + "f"
    + " }" * 50
    + " }\noutput f(x)",
    "a choice": "block f(x) { return x -> choose { a: f; b: relu } }\noutput x -> f",
    "a count": "block f(x) { return x -> 2 * f }\noutput x -> f",
    "conditions": "block f(x) { return x -> "
    + "(if true then " * 50
    + "f"
    + " else f)" * 50
    + " }\noutput x -> f",
}
GROWTH = {
    "blocks that double": "block b0(x) { return x -> relu -> relu }\n"
    + "".join(f"block b{i}(x) {{ return x -> b{i - 1} -> b{i - 1} }}\n" for i in range(1, 30))
    + "output x -> b29",
    "blocks that double nothing": "block b0(x) { return x }\n"
    + "".join(f"block b{i}(x) {{ return x -> b{i - 1} -> b{i - 1} }}\n" for i in range(1, 30))
    + "output x -> b29",
    "functions that double": "fn f0(n) = n\n"
    + "".join(f"fn f{i}(n) = f{i - 1}(n) + f{i - 1}(n)\n" for i in range(1, 25))
    + "let a = f24(1)",
    "loops over long lists": "output x -> for i in count(99999) { for j in count(99999) { relu } }",
    "repeats of repeats": "fn id(x) = x\nfn many(x) = x -> 99999 * id\noutput x -> 99999 * many",
    "a long choice": "param a = choose(1..1000000000000)",
    "lists": "fn g(l, n) = if n == 0 then l else g(l + l, n - 1)\nlet a = g([1], 25)",
    "lists in lists": "fn g(l, n) = if n == 0 then l else g([l, l], n - 1)\nlet a = g([1], 25)",
    "strings": 'fn g(l, n) = if n == 0 then l else g(l + l, n - 1)\nlet a = g("ab", 25)',
    "numbers": "let a = 9^9^9^9",
    "squares": "let a0 = 7\n" + "".join(f"let a{i + 1} = a{i} * a{i}\n" for i in range(40)),
    "squares of quantities": "let a0 = 7 KiB\n" + "".join(f"let a{i + 1} = a{i} * a{i}\n" for i in range(40)),
    "squares of floats": "let a0 = 1.5e99\n" + "".join(f"let a{i + 1} = a{i} * a{i}\n" for i in range(40)),
    "powers of quantities": "let a = (2 KiB)^100000000",
    "tensors": "block d(x) { return concat(x, x) }\noutput x -> 99 * d",
    "parts": "input y[10000, 1, 1]\noutput y -> for i in count(5000) { split(10000) -> concat }",
    "overlays": "output x" + " -> conv(16, 1)" * 2000 + "\n" + "layers conv* { weights = 8 bit }\n" * 5000,
    "ties": "".join(f"tie a*b{i} to a{i + 1}\n" for i in range(3000)) + "param p = choose(1, 2)",
    "a long literal": "let a = " + "9" * 5000 + "\nlet b = " + "9" * 5000 + " KiB",
    "an infinite literal": "let a = 1e999\nlet b = 1e300 * 1e300\nlet c = 1e300 KiB * 1e300",
}


@pytest.mark.parametrize("subject", [*DEEP, *RECURSION])
def test_deep_nesting_is_a_diagnostic_or_followed(subject: str) -> None:
    text = {**DEEP, **RECURSION}[subject]
    try:
        network_from_text(f"{HEAD}{text}\noutput x\n")
    except DovetailError as fault:
        codes = {d.code for d in fault.diagnostics}
        assert codes <= {"E0106", "E0103", "E0903", "E0304"} | (
            {"E0110"} if "blocks in" in subject else set()
        )


@pytest.mark.parametrize("subject", RECURSION)
def test_recursion_without_end_is_said_to_be_that(subject: str) -> None:
    with pytest.raises(DovetailError) as fault:
        network_from_text(f"{HEAD}{RECURSION[subject]}\noutput x\n")
    assert [d.code for d in fault.value.diagnostics] == ["E0903"]


@pytest.mark.parametrize("subject", GROWTH)
def test_growth_without_end_is_a_diagnostic(subject: str) -> None:
    with pytest.raises(DovetailError) as fault:
        network_from_text(f"{HEAD}{GROWTH[subject]}\noutput x\n")
    assert {d.code for d in fault.value.diagnostics} <= {"E0107", "E0701", "E0901", "E0902", "E0205"}


@pytest.mark.parametrize(
    "text",
    [
        "array A[n = 2] { " * 100 + "mac { rate = 1/cycle }" + " }" * 100,
        "array A[n = 2] { " * 55 + "mac { rate = 1/cycle }" + " }" * 55,
        "fn f(n) = f(n)\nmemory DRAM { width = f(3) }",
        "let a = " + "- " * 5000 + "1",
        "memory DRAM { width = " + "{ a = " * 55 + "1" + " }" * 55 + " }",
        "dataflow d { A.n = " + "flat(" * 55 + "C" + ")" * 55 + " }",
    ],
)
def test_an_accelerator_nested_too_deep_is_a_diagnostic(text: str) -> None:
    with pytest.raises(DovetailError):
        accelerator_from_text(f"accel example\n{text}\n")
