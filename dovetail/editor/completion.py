"""What can be written at a place: words where the grammar takes them, names that are known there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dovetail.accel.architecture import TENSORS
from dovetail.accel.properties import COMPONENT_FUNCTIONS, DOES, LINK_KINDS, Schema
from dovetail.dsl.builtins import BUILTINS
from dovetail.dsl.operators import OPERATORS
from dovetail.dsl.parser import grammar
from dovetail.dsl.problem import DIMENSIONS
from dovetail.editor.analysis import Analysis
from dovetail.editor.expected import expected
from dovetail.editor.hover import SCHEMAS
from dovetail.editor.names import Definition, visible
from dovetail.editor.words import keyword, statement_words
from dovetail.explorer.study import ENGINES, METRICS, NUMBERS

HEADERS: Final = {"net": "net", "accel": "accel", "study": "study", "map": "mapping"}
NAMING: Final = frozenset(
    "param let fn table block input net accel study array dataflow metric memory unit as".split()
)
"""Behind these a new name is due, which nobody can suggest."""
INSIDE: Final = {
    "block": "fn let require return table".split(),
    "array": "along array mac memory timing".split(),
    "dataflow": "order stationary".split(),
}
"""The statements of a body; outside of one stand all but these that are only found inside."""
ONLY_INSIDE: Final = frozenset({"return", "along", "timing", "order", "stationary"})
LAYER_PROPERTIES: Final = ("weights", "activations", "inputs", "outputs", "sums", "weight_zeros")
"""What a `layers` statement of a network gives."""
RANK: Final = ("parameter", "property", "value", "axis", "tensor", "input", "memory", "array", "block")
"""What is likelier comes first; functions and words come last."""
_PARTIAL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A word that fits; `kind` is `keyword`, `function`, `property`, `value`, or that of a definition."""

    label: str
    kind: str
    detail: str = ""


def complete(analysis: Analysis, offset: int) -> tuple[Suggestion, ...]:
    """Everything that fits at `offset`, each word once; likelier kinds first, each in alphabetical order."""
    before = _code_before(analysis.source.text, offset)
    if before is None:
        return ()
    partial = _PARTIAL.search(before)
    before = before[: partial.start()] if partial else before
    found: dict[str, Suggestion] = {}
    for suggestion in _fitting(analysis, before, len(before)):
        found.setdefault(suggestion.label, suggestion)
    return tuple(sorted(found.values(), key=lambda x: (_rank(x.kind), x.label)))


def _code_before(text: str, offset: int) -> str | None:
    """The text before a place, its comments and strings blanked; None inside of one."""
    before = text[:offset]
    for token in grammar().lex(before + "\n"):
        start, end = token.start_pos or 0, token.end_pos or 0
        if (token.type == "COMMENT" and end >= offset) or (str(token) == '"' and start > before.rfind("\n")):
            return None  # a quotation mark alone: its string is not closed yet
        blank = " " * (end - start)
        if token.type == "COMMENT":
            before = before[:start] + blank + before[end:]
        elif token.type == "STRING":
            before = before[: start + 1] + blank[2:] + before[end - 1 :]
    return before


def _rank(kind: str) -> int:
    return RANK.index(kind) if kind in RANK else len(RANK) + (kind == "keyword")


def _fitting(analysis: Analysis, before: str, offset: int) -> Iterator[Suggestion]:
    if not before.strip():
        yield from _all([HEADERS[analysis.kind]], "keyword")
        return
    last = re.search(r"(->|[A-Za-z_]\w*|[^\s\w])\s*$", before)
    previous = last[1] if last else ""
    if previous in NAMING and re.search(rf"(?:^|[;{{\n])\s*{previous}\s+$", before):
        return
    known = visible(analysis.file, offset)
    if previous == ".":
        yield from _behind_dot(analysis, known, before)
        return
    terminals = expected(before)
    begins = "PARAM" in terminals
    line = before[before.rfind("\n") + 1 :]
    if re.match(r"\s*layers\b[^{]*\Z", line):
        yield from _names(known, {"label"})
        yield from _all({"except"} if "EXCEPT" in terminals else (), "keyword")
        return
    if re.match(r"\s*layers\b[^{]*\{(?:[^}]*;)?\s*\Z", line):
        yield from _all(LAYER_PROPERTIES, "property")
        return
    part = _open_part(before)
    if part is not None:
        yield from _of_part(part[0], part[1], known)
        if part[1] is not None:
            yield from _all((w for t in terminals if (w := keyword(t)) is not None), "keyword")
        if part[1] is not None and not _innermost(before, "[", "]"):
            yield from _names(known, {"param", "let", "function"})
        return
    words = {w for t in terminals if (w := keyword(t)) is not None}
    if begins:
        body = _open_body(before)
        words &= {*INSIDE[body]} if body else {*statement_words(analysis.kind)} - ONLY_INSIDE
        yield from _all(words, "keyword")
        if body == "dataflow":
            yield from _names(known, {"array", "memory"})
        if analysis.kind == "map":
            yield from _all(_memories(known), "memory")
        return
    yield from _all(words, "keyword")
    if "NAME" in terminals:
        yield from _in_call(before, known)
        yield from _in_value(analysis, before, previous, known)


def _in_value(
    analysis: Analysis, before: str, previous: str, known: Iterable[Definition]
) -> Iterator[Suggestion]:
    known = tuple(known)
    match analysis.kind:
        case "net":
            if previous != "->":
                yield from _names(known, {"tensor", "input", "param", "let", "table", "parameter", "import"})
            yield from _names(known, {"block", "function"})
            for name, operator in OPERATORS.items():
                if not operator.internal:
                    yield Suggestion(name, "function", operator.signature)
            if previous != "->":
                yield from _all([*BUILTINS, "true", "false"], "function")
        case "accel":
            match previous:
                case "at" | "in" | "->":
                    yield from _names(known, {"memory", "array"})
                case "stationary" | "path":
                    yield from _all(TENSORS, "value")
                case "keep":
                    yield from _all(["feature_maps"], "value")
                case _ if re.search(r"\balong\s+(\w+\s*,\s*)*\Z", before):
                    yield from _names(known, {"axis"})
                case _ if previous in LINK_KINDS:
                    yield from _all(TENSORS, "value")
                case ":":
                    yield from _all(LINK_KINDS, "value")
                case _:
                    yield from _all([*DIMENSIONS, "flat"], "value")
                    yield from _names(known, {"param", "let", "function"})
        case "study":
            yield from _all([*METRICS, *NUMBERS, *ENGINES], "value")
            yield from _names(known, {"param", "let"})
        case _:
            yield from _all([*DIMENSIONS, "weights", "inputs", "outputs"], "value")


def _behind_dot(analysis: Analysis, known: Iterable[Definition], before: str) -> Iterator[Suggestion]:
    owner = re.search(r"([A-Za-z_]\w*)\s*\.\s*$", before)
    if owner is None:
        return
    known = tuple(known)
    arrays = [d for d in known if d.kind == "array" and d.name == owner[1]]
    for array in arrays:
        inside = [d for d in known if d.kind == "axis" and d.span.source is array.span.source]
        within = [d for d in inside if array.span.start <= d.span.start < array.span.end]
        yield from _names(within, {"axis"})
    if any(d.kind == "memory" and d.name == owner[1] for d in known):
        yield from _all(SCHEMAS["memory"], "property")
    if any(d.kind == "import" and d.name == owner[1] for d in known):
        yield from _names(
            [d for d in known if d.span.source is not analysis.source], {"tensor", "param", "let"}
        )


def _open_part(before: str) -> tuple[Schema, str | None] | None:
    """The properties of the part whose `{` is open, and which of them is being given a value."""
    opened = _innermost(before, "{", "}")
    if opened is None:
        return None
    head = _head(before, opened)
    inside = re.split(r"[;\n]", before[opened + 1 :])[-1]
    name = head[0] if head else ""
    if name not in SCHEMAS or (name == "along" and len(head) < 2):
        return None
    given = re.match(r"\s*([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\s*=", inside)
    return SCHEMAS[name], given[1].split(",")[-1].strip() if given else None


def _open_body(before: str) -> str | None:
    """Whether the body of a block, an array or a dataflow is open."""
    opened = _innermost(before, "{", "}")
    head = _head(before, opened) if opened is not None else []
    return head[0] if head and head[0] in INSIDE else None


def _head(before: str, opened: int) -> list[str]:
    """The words of the statement that opens a brace."""
    return re.split(r"[;{}\n]", before[:opened])[-1].split()


def _of_part(schema: Schema, given: str | None, known: Iterable[Definition]) -> Iterator[Suggestion]:
    if given is None:
        for name, known_rule in schema.items():
            yield Suggestion(name, "property", str(known_rule.kind))
        return
    rule = schema.get(given)
    if rule is None:
        return
    words = DOES if given == "does" else rule.words
    yield from _all(words, "value")
    yield from _all(rule.qualifiers, "keyword")
    if given == "energy":
        yield from _all(COMPONENT_FUNCTIONS, "function")
    if given == "skip":
        yield from _names(known, {"dataflow"})
    if given in ("load", "drain"):
        yield from _names(known, {"axis"})


def _in_call(before: str, known: Iterable[Definition]) -> Iterator[Suggestion]:
    """The parameters of the function whose `(` is open."""
    opened = _innermost(before, "(", ")")
    function = re.search(r"([A-Za-z_]\w*)\s*$", before[:opened]) if opened is not None else None
    if function is None or not re.search(r"[(,]\s*$", before):
        return
    for definition in known:
        if definition.name == function[1] and definition.parameters:
            for parameter in definition.parameters:
                yield Suggestion(parameter.name, "parameter", f"of {definition.name}")
            return
    operator = OPERATORS.get(function[1])
    for taken in operator.parameters if operator is not None else ():
        yield Suggestion(taken.name, "parameter", str(taken))


def _innermost(before: str, opens: str, closes: str) -> int | None:
    """Where the innermost bracket of a kind was opened that is open still."""
    depth = 0
    for at in range(len(before) - 1, -1, -1):
        if before[at] == closes:
            depth += 1
        elif before[at] == opens:
            if depth == 0:
                return at
            depth -= 1
    return None


def _memories(known: Iterable[Definition]) -> list[str]:
    return [d.name for d in known if d.kind == "memory"]


def _names(known: Iterable[Definition], kinds: set[str]) -> Iterator[Suggestion]:
    for definition in known:
        if definition.kind in kinds:
            first = definition.span.text.splitlines()[0].strip() if definition.span.text else ""
            yield Suggestion(definition.name, definition.kind, first[:80])


def _all(words: Iterable[str], kind: str) -> Iterator[Suggestion]:
    for word in words:
        yield Suggestion(str(word), kind)
