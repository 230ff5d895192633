"""What a part of a text leaves behind, as a key: alternatives that leave the same need not be told apart.

An outcome has the value that comes out, the network's open end (`frame.Residue`) and the names given out so
far. Tensors in its values are counted as in the residue: from 0 those of the part, as -1 - index others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from dovetail.dsl.elaborate_network import BaseValue
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Span
from dovetail.dsl.values import BlockValue, FnValue, TensorValue, Value
from dovetail.explorer.exact.frame import Residue

Naming = tuple[tuple[tuple[str, int], ...], tuple[tuple[str, Span], ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that the rest of the text can see of a part."""

    value: Value
    kind: object
    """Tells apart what Python calls equal: 1 and `true`."""
    residue: Residue
    naming: Naming | None


@dataclass(frozen=True, slots=True)
class _Base:
    """A network imported as a whole: its first output, and the names behind its dot."""

    value: TensorValue
    names: tuple[tuple[str, Value], ...]
    kind: object
    scope: Scope = field(compare=False)


def naming_of(scope: Scope | None) -> Naming | None:
    """The names given out in a scope."""
    if scope is None:
        return None
    counts, labels = scope.naming()
    return tuple(sorted(counts.items())), tuple(sorted(labels.items(), key=lambda item: item[0]))


def rename(scope: Scope | None, naming: Naming | None) -> None:
    """Give a scope the names of an outcome."""
    if scope is not None and naming is not None:
        scope.rename((dict(naming[0]), dict(naming[1])))


def tensors_of(value: Value) -> Iterator[int]:
    """The tensors in a value."""
    match value:
        case BaseValue(scope=Scope() as scope):
            yield value.index
            for item in scope.own().values():
                yield from tensors_of(item)
        case TensorValue():
            yield value.index
        case tuple():
            for item in value:
                yield from tensors_of(item)
        case _:
            pass


def encode(value: Value, place: Callable[[int], int]) -> Value:
    """The value with its tensors counted anew."""
    match value:
        case BaseValue(scope=Scope() as scope):
            own = {name: item for name, item in scope.own().items() if _varies(item)}
            names = tuple((name, encode(item, place)) for name, item in sorted(own.items()))
            kind = tuple(kind_of(own[name]) for name, _ in names)
            return _Base(TensorValue(value.shape, place(value.index)), names, kind, scope)
        case TensorValue():
            return TensorValue(value.shape, place(value.index))
        case tuple():
            return tuple(encode(item, place) for item in value)
        case _:
            return value


def decode(value: Value, place: Callable[[int], int]) -> Value:
    """The reverse; names behind a dot are put back in their scope."""
    match value:
        case _Base():
            for name, item in value.names:
                value.scope.define(name, decode(item, place))
            return BaseValue(value.value.shape, place(value.value.index), value.scope)
        case TensorValue():
            return TensorValue(value.shape, place(value.index))
        case tuple():
            return tuple(decode(item, place) for item in value)
        case _:
            return value


def kind_of(value: Value) -> object:
    """What a value is beside what it equals."""
    match value:
        case tuple():
            return tuple(kind_of(item) for item in value)
        case FnValue() | BlockValue():
            return (type(value).__name__, value.span.source.name, value.span.start, id(value.scope))
        case _:
            return type(value).__name__


def _varies(value: Value) -> bool:
    """Whether a value can differ between designs: functions and blocks cannot."""
    return not isinstance(value, FnValue | BlockValue)


def live(scope: Scope, names: Mapping[str, object]) -> tuple[str, ...]:
    """Those of `names` that the scope's own frame has a value for that can differ between designs."""
    own = scope.own()
    return tuple(sorted(name for name in names if name in own and _varies(own[name])))
