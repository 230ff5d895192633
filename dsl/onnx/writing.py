"""A plan as text of the language: pipelines of stages, names for what several read, blocks for what repeats.

The text is laid out by the formatter; here is only what it says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dovetail.dsl.builtins import BUILTINS
from dovetail.dsl.onnx.names import identifier
from dovetail.dsl.onnx.plan import WEIGHTED, Step
from dovetail.dsl.operators import OPERATORS
from dovetail.dsl.parser import keywords
from dovetail.dsl.prelude import prelude_blocks

LONGEST_INLINE: Final = 3
"""Stages of a branch that is written where it is joined."""

FIRST_BY_PLACE: Final = frozenset(
    {
        "out",
        "kernel",
        "parts",
        "shape",
        "order",
        "groups",
        "scale",
        "vocabulary",
        "features",
        "equation",
        "start",
        "stop",
    }
)
"""Arguments written without their names where they are the first ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One stage of a pipeline: a call with its arguments as text, on tensors known by number."""

    call: str
    arguments: tuple[str, ...]
    operands: tuple[int, ...]
    results: tuple[int, ...]
    label: str = ""


def reserved() -> frozenset[str]:
    """Names that tensors and blocks keep off."""
    words = {*OPERATORS, *BUILTINS, *keywords(), *prelude_blocks()}
    return frozenset(words | {"same", "global", "none", "true", "false", "x", "holds", "spatial"})


def is_weighted(op: str) -> bool:
    """Whether a stage has weights: those are the ones that people know by name."""
    return op not in OPERATORS or op in WEIGHTED or op == "embedding"


def argument_texts(op: str, arguments: Mapping[str, object]) -> tuple[str, ...]:
    """The arguments of an operator as a text gives them; what is there without being said is left out.

    A value that is text already stands for itself (a parameter of a block).
    """
    if op not in OPERATORS:  # a block of the language
        return tuple(f"{name} = {value_text(value)}" for name, value in arguments.items())
    texts: list[str] = []
    by_place = True
    for parameter in OPERATORS[op].parameters:
        value = arguments.get(parameter.name)
        if value is None or _is_default(op, parameter.name, parameter.default, arguments):
            by_place = False
            continue
        text = value_text(value, is_text=parameter.kind == "string")
        by_place = by_place and parameter.name in FIRST_BY_PLACE
        texts.append(text if by_place else f"{parameter.name} = {text}")
    return tuple(texts)


class Written(str):
    """A piece of text that stands for a value: a parameter of a block, an expression."""

    __slots__ = ()


def _is_default(op: str, name: str, default: object, arguments: Mapping[str, object]) -> bool:
    value = arguments[name]
    if isinstance(value, Written):
        return False
    if name == "bias":
        norm = arguments.get("norm", False)
        return not isinstance(norm, Written) and value is not bool(norm) and isinstance(value, bool)
    if name == "stride" and op in ("maxpool", "avgpool"):
        return value == arguments.get("kernel")
    if isinstance(value, tuple) and isinstance(default, int) and not isinstance(default, bool):
        return set(value) == {default} and len(value) == 2
    return type(value) is type(default) and value == default


def value_text(value: object, *, is_text: bool = False) -> str:
    """A value as the language writes it: `[3, 1]`, `3` for `[3, 3]`, `true`, `same`."""
    match value:
        case Written():
            return str(value)
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"' if is_text else value
        case tuple() | list():
            return f"[{', '.join(map(str, value))}]"
        case _:
            return str(value)


def item_of(step: Step, label: str, arguments: Mapping[str, object] | None = None) -> Item:
    """A step as a stage; `arguments` in place of its own."""
    given = {n: shortened(n, v) for n, v in (arguments or step.arguments).items()}
    return Item(step.op, argument_texts(step.op, given), step.operands, step.results, label)


def shortened(name: str, value: object) -> object:
    """`3` for a kernel of [3, 3]."""
    match value:
        case (first, second) if name in _PAIRS and first == second:
            return first
        case _:
            return value


_PAIRS: Final = frozenset({"kernel", "stride", "dilation", "scale"})


class Body:
    """Statements for stages in order: of a network, or of a block."""

    def __init__(self, items: Sequence[Item], names: Mapping[int, str], taken: Iterable[str]) -> None:
        self.items = items
        self.names = dict(names)
        self.taken = set(taken) | set(names.values())
        self.lines: list[str] = []
        self.open: dict[int, _Chain] = {}
        self.readers = Counter(number for item in items for number in item.operands)
        self.number = 0

    def run(self, outputs: Sequence[int]) -> list[str]:
        """All statements; the last chains stay open for whoever writes the end."""
        kept = set(outputs)
        for item in self.items:
            chain = self._extended(item)
            if len(item.results) > 1:
                self._several(item, chain)
                continue
            (result,) = item.results
            chain.last = item.label or chain.last
            self.open[result] = chain
            if self.readers[result] > 1 or (self.readers[result] == 1 and result in kept):
                self._name(result)
        return self.lines

    def expression(self, number: int) -> str:
        """A tensor as an expression: its name, or the pipeline that makes it."""
        chain = self.open.pop(number, None)
        return self.names[number] if chain is None else chain.text

    def _extended(self, item: Item) -> _Chain:
        first, *others = item.operands
        inline = item.call == "concat" and all(self._short(n) for n in item.operands)
        if inline and not item.label and len(others) > 0:
            parts = [self.expression(n) for n in item.operands]
            return _Chain(f"concat({', '.join([*parts, *item.arguments])})", 0, "")
        for number in others:
            if number in self.open:
                self._name(number)
        chain = self.open.pop(first, None)
        if chain is not None and first in others:
            self.open[first] = chain
            self._name(first)
            chain = None
        if chain is None:
            chain = _Chain(self.names[first], 0, "")
        arguments = [*(self.names[n] for n in others), *item.arguments]
        call = f"{item.call}({', '.join(arguments)})" if arguments else item.call
        label = f"{item.label}: " if item.label else ""
        return _Chain(f"{chain.text} -> {label}{call}", chain.stages + 1, chain.last)

    def _short(self, number: int) -> bool:
        chain = self.open.get(number)
        return chain is None or chain.stages <= LONGEST_INLINE

    def _name(self, number: int) -> None:
        """Close a chain: from here on its tensor has a name."""
        chain = self.open.pop(number)
        name = self._fresh(chain.last)
        self.names[number] = name
        self.lines.append(f"{name} = {chain.text}")

    def _several(self, item: Item, chain: _Chain) -> None:
        names = []
        for result in item.results:
            self.names[result] = self._fresh("part")
            names.append(self.names[result])
        self.lines.append(f"{', '.join(names)} = {chain.text}")

    def _fresh(self, label: str) -> str:
        if label:
            name = identifier((label,), self.taken if label not in self.taken else ())
            name = name if name not in self.taken else identifier((label, "out"), self.taken)
        else:
            self.number += 1
            name = identifier((f"y{self.number}",), self.taken)
        self.taken.add(name)
        return name


@dataclass(slots=True)
class _Chain:
    """A pipeline that is not closed yet; `last` is the label of its last stage that has one."""

    text: str
    stages: int
    last: str
