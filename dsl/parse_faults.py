"""What is said of a token that cannot stand where it stands: what the parser knows, in the user's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from lark import Token
from lark.parsers.lalr_analysis import Shift

from dovetail.dsl.diagnostics import Diagnostic, Label, did_you_mean
from dovetail.dsl.layout import STATEMENT_WORDS
from dovetail.dsl.source import Span
from dovetail.dsl.units import UNIT_NAMES

if TYPE_CHECKING:
    from lark.parsers.lalr_parser_state import ParserState

NAMED: Final = {
    "SEP": "the end of the line",
    "NAME": "a name",
    "NUMBER": "a number",
    "QUANTITY": "a quantity",
    "STRING": "a string",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "EQUAL": "`=`",
    "DOT": "`.`",
    "ARROW": "`->`",
    "RANGE": "`..`",
}
"""Terminals that are no words of the language, as messages call them."""

_EXPRESSION: Final = frozenset({"NUMBER", "QUANTITY", "STRING", "LSQB", "LPAR"})
_OPERATORS: Final = frozenset(
    "PLUS MINUS STAR SLASH CARET COMPARE AND OR ARROW DOT LSQB LPAR SHARED AT REDUCE THEN QMARK".split()
)
_ENDS_VALUE: Final = frozenset({"NAME", "NUMBER", "QUANTITY", "STRING", "RPAR", "RSQB", "RBRACE"})
_BEGINS_VALUE: Final = frozenset({"NAME", "NUMBER", "QUANTITY", "STRING"})
_MOST_WANTED: Final = 6

_ELSEWHERE: Final = {
    "def": "`block NAME(x) { … }` names a piece of network, `fn NAME(a) = …` a calculation",
    "class": "`block NAME(x) { … }` names a piece of network",
    "for": "a loop is a stage: `x -> for c in [16, 32] { conv(c, 3) }`",
    "if": "a condition is an expression: `y = if a then b else c`",
}
"""What people who come from other languages try to begin a statement with."""

_WRITTEN: Final = {
    "net": "a name has letters, digits and `_`: `net my_net`",
    "accel": "a name has letters, digits and `_`: `accel my_chip`",
    "study": "a name has letters, digits and `_`: `study my_study`",
    "mapping": 'as in `mapping for "conv1" on squeezelerator`',
    "input": "as in `input image[3, 224, 224]`",
    "array": "as in `array PE[row = 32, col = 32] { … }`",
    "table": "as in `table stages(t, c) { … }`, a line a row",
    "along": "as in `along row, col: multicast inputs`",
    "spatial": "as in `spatial K in 32 along PE.col`",
    "import": 'as in `import "blocks.net"`, or `import "base.net" as base(classes = 10)`',
    "stationary": "as in `stationary weights at Register`",
    "order": "as in `order in PE = K, C, S`",
    "keep": "as in `keep feature_maps in Buffer`",
    "tie": "as in `tie stage1.kernel to stage2.kernel`",
    "metric": 'as in `metric top1 = 57.5% from "the paper"`',
    "layers": "as in `layers conv* except conv1 { weights = 8 bit }`",
    "baseline": 'as in `baseline "a.net" on "b.accel"`',
}
"""How statements are written whose form is their own."""


def fault(
    state: ParserState[Any], tokens: Sequence[Token], index: int, statement: int, words: frozenset[str]
) -> Diagnostic:
    """The problem with `tokens[index]`, of the statement from `statement` on; `words`: the keywords."""
    token = tokens[index]
    span: Span = token.value
    before = tokens[index - 1] if index > statement else None
    expected = accepted(state)
    word = str(token)
    if before is not None and _is_unit(before, token) and word not in words:
        close = did_you_mean(word, UNIT_NAMES)
        return Diagnostic("E0401", f"`{word}` is no unit", Label(span, f"after {before}"), help=close)

    def wrong(message: str, label: str = "", *help: str, at: Span = span) -> Diagnostic:
        return Diagnostic("E0104", message, Label(at, label), help=help)

    if word == "==" and "EQUAL" in expected:
        return wrong("`==` compares: a name gets its value with `=`")
    if before is not None and word == str(before) == "*":
        return wrong("`*` is not expected here", "", "a power is written `2^4`")
    if word.isidentifier():
        close = did_you_mean(word, {w for w in words if w.upper() in expected}, 0.75)
        if close and close[0].startswith("did"):
            return wrong(f"`{word}` is not expected here", "", *close)
    first = tokens[statement]
    if index == statement and word in _ELSEWHERE:
        return wrong(f"`{word}` begins no statement", "", _ELSEWHERE[word])
    if str(first) == "for" and str(tokens[0]) != "mapping":
        return wrong("`for` begins no statement", "", _ELSEWHERE["for"], at=first.value)
    opens = before is not None and before.type == "NAME" and token.type not in ("SEP", "COLON")
    if index == statement + 1 and before is not None and opens:
        close = tuple(h for h in did_you_mean(str(before), STATEMENT_WORDS) if h.startswith("did"))
        other = _ELSEWHERE.get(str(before), "a statement is `NAME = …` or begins with a word of the language")
        return wrong(f"`{before}` begins no statement", "", *(close or (other,)), at=before.value)
    wanted = _wanted(expected)
    if token.type == "SEP":
        return wrong(f"the statement stops early: {wanted or 'something'} is missing")
    if word == "if" and "LPAR" in expected:
        return wrong("a condition stands in brackets here", "", "`(if a then b else c)`")
    if word in words and "NAME" in expected:
        return wrong(f"`{word}` is a word of the language and no name", "", f"`{word}_` is free, for one")
    inside = _innermost(tokens[statement:index])
    follows = before is not None and before.type in _ENDS_VALUE
    if follows and expected & {"SEP", "COMMA"} and (token.type in _BEGINS_VALUE or word in words):
        missing = "`,` or an operator" if inside in ("(", "[") else "`->`, an operator or the end of the line"
        return wrong(f"`{word}` cannot follow `{before}`", f"{missing} is missing before this")
    if token.type == "COMMA" and inside == "(" and "RPAR" in expected:
        return wrong("`,` is not expected here", "", "a list is written in `[` and `]`")
    help = [_WRITTEN[str(first)]] if str(first) in _WRITTEN else []
    shown = f"`{word}`" if token.type != "SEP" else "the end of the line"
    return wrong(f"{shown} is not expected here", f"{wanted} can stand here" if wanted else "", *help)


def accepted(state: ParserState[Any]) -> frozenset[str]:
    """The terminals with which the parser can go on.

    Those of its table are too many: they may be let through by a reduction and refused behind it.
    """
    actions = state.parse_conf.parse_table.states[state.position]
    return frozenset(t for t in actions if t.isupper() and t != "$END" and _shifts(state, t))


def _shifts(state: ParserState[Any], terminal: str) -> bool:
    """Whether the reductions that this terminal sets off end in a state that takes it."""
    table = state.parse_conf.parse_table.states
    stack = list(state.state_stack)
    while terminal in table[stack[-1]]:
        action, rule = table[stack[-1]][terminal]
        if action is Shift:
            return True
        del stack[len(stack) - len(rule.expansion) :]
        stack.append(table[stack[-1]][rule.origin.name][1])
    return False


def _is_unit(before: Token, token: Token) -> bool:
    """Whether a word stands where the unit of a number would: behind it on its line."""
    if before.type not in ("NUMBER", "QUANTITY") or not str(token)[:1].isalpha():
        return False
    left: Span = before.value
    right: Span = token.value
    return "\n" not in left.source.text[left.end : right.start]


def _innermost(tokens: Sequence[Token]) -> str:
    """The bracket that is open behind these tokens."""
    opened = [""]
    for token in tokens:
        if token.type in ("LPAR", "LSQB", "LBRACE"):
            opened.append(str(token))
        elif token.type in ("RPAR", "RSQB", "RBRACE") and len(opened) > 1:
            opened.pop()
    return opened[-1]


def _wanted(expected: frozenset[str]) -> str:
    """The terminals that could stand here, in words; nothing where they are too many to help."""
    if expected >= _EXPRESSION:
        return "an expression"
    plain = [NAMED.get(t, f"`{t.lower()}`") for t in sorted(expected - _OPERATORS or expected)]
    return " or ".join(plain) if 0 < len(plain) <= _MOST_WANTED else ""
