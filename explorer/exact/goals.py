"""Which totals a study's goals need, and which way: what may be said of sums is what decides dominance.

An objective or condition may be any expression that only rises, or only falls, in each total that adds up
over layers: latency, energy, traffic, MACs, parameters, additive metrics. `edp` rises in latency and energy,
so the least product is on the front of the two. `average_power < 2 W` rises in energy and falls in latency:
then both few and many cycles are kept, as two columns. What is constant for a machine (area, sizes, its
parameters) may stand anywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from dovetail.dsl import syntax as s
from dovetail.dsl.values import FnValue, Value
from dovetail.explorer.study import Study

Signs: TypeAlias = frozenset[tuple[str, int]]
"""Totals that an expression depends on, with +1 where it rises in them and -1 where it falls."""

NONE: Final[Signs] = frozenset()

DERIVED: Final[Mapping[str, Signs]] = {
    "latency": frozenset({("cycles", 1)}),
    "cycles": frozenset({("cycles", 1)}),
    "energy": frozenset({("energy", 1)}),
    "edp": frozenset({("cycles", 1), ("energy", 1)}),
    "average_power": frozenset({("cycles", -1), ("energy", 1)}),
    "inferences_per_charge": frozenset({("energy", -1)}),
    "dram_bytes": frozenset({("dram_bytes", 1)}),
    "macs": frozenset({("macs", 1)}),
    "params": frozenset({("params", 1)}),
    "area": NONE,
}
"""Metrics as functions of totals."""

RISING: Final = frozenset({"min", "max", "ceil", "floor", "round", "log2"})


class NotExact(Exception):
    """The goals of a study, or its designs, are none that sums decide; the message says which."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The totals to keep, each with +1 where less is better and -1 where more is."""

    columns: tuple[tuple[str, int], ...]

    def __len__(self) -> int:
        return len(self.columns)


def columns_of(study: Study, additive: Collection[str], varying: Collection[str]) -> Columns:
    """The columns that a study's goals need; raises NotExact.

    `additive` are its additive metrics, `varying` names that differ between networks in any other way.
    """
    reader = _Reader(study.definitions, frozenset(additive), frozenset(varying))
    needed: Signs = NONE
    for objective in study.objectives:
        signs = reader.signs(objective.expression, {})
        needed |= signs if objective.direction == "minimize" else flipped(signs)
    for condition in study.where:
        needed |= flipped(reader.truth(condition.node, {}))
    order = ["cycles", "energy", "dram_bytes", "macs", "params", *sorted(additive)]
    return Columns(tuple(sorted(needed, key=lambda sign: (order.index(sign[0]), -sign[1]))))


def flipped(signs: Signs) -> Signs:
    """What falls where this rises."""
    return frozenset((name, -sign) for name, sign in signs)


class _Reader:
    def __init__(
        self, definitions: Mapping[str, Value], additive: frozenset[str], varying: frozenset[str]
    ) -> None:
        self.definitions = definitions
        self.additive = additive
        self.varying = varying

    def truth(self, node: s.Expr, local: Mapping[str, Signs]) -> Signs:
        """A condition, as a number that is larger where it holds."""
        match node:
            case s.Unary(operator="not"):
                return flipped(self.truth(node.operand, local))
            case s.Binary(operator="and" | "or"):
                return self.truth(node.left, local) | self.truth(node.right, local)
            case s.Binary(operator="<" | "<="):
                return self.signs(node.right, local) | flipped(self.signs(node.left, local))
            case s.Binary(operator=">" | ">="):
                return self.signs(node.left, local) | flipped(self.signs(node.right, local))
            case _:
                return self._constant(node, local)

    def signs(self, node: s.Expr, local: Mapping[str, Signs]) -> Signs:
        """A number. Totals are not negative, but for metrics of the user's own, which may only be added."""
        match node:
            case s.Number() | s.Quantity():
                return NONE
            case s.Name():
                return self._name(node.id, local)
            case s.Attribute():
                return NONE  # of a memory: a machine's
            case s.Unary(operator="-"):
                return flipped(self.signs(node.operand, local))
            case s.Binary(operator="+" | "-" | "*" | "/" | "^"):
                return self._arithmetic(node, local)
            case s.Conditional() if not self.truth(node.condition, local):
                return self.signs(node.then, local) | self.signs(node.otherwise, local)
            case s.Call(function=s.Name(id=called)):
                return self._call(called, node, local)
            case _:
                return self._constant(node, local)

    def _name(self, name: str, local: Mapping[str, Signs]) -> Signs:
        if name in local:
            return local[name]
        if name in DERIVED:
            return DERIVED[name]
        if name in self.additive:
            return frozenset({(name, 1)})
        if name in self.varying:
            raise NotExact(f"`{name}` is no sum over layers and choices")
        return NONE

    def _arithmetic(self, node: s.Binary, local: Mapping[str, Signs]) -> Signs:
        left, right = self.signs(node.left, local), self.signs(node.right, local)
        if node.operator in "+-":
            return left | (right if node.operator == "+" else flipped(right))
        if not left and not right:
            return NONE
        for signs, other in ((left, right), (right, left)):
            if any(name in self.additive for name, _ in signs) and other:
                raise NotExact(f"`{node.span.text}` multiplies a metric that may be negative")
        if self._negative(node.left) or self._negative(node.right) or (node.operator == "^" and right):
            raise NotExact(f"`{node.span.text}` is no sum, product or quotient of what is not negative")
        if node.operator == "^":
            return left
        return left | (right if node.operator == "*" else flipped(right))

    @staticmethod
    def _negative(node: s.Expr) -> bool:
        return isinstance(node, s.Unary) or (isinstance(node, s.Binary) and node.operator == "-")

    def _call(self, called: str, node: s.Call, local: Mapping[str, Signs]) -> Signs:
        given = [self.signs(argument.value, local) for argument in node.arguments]
        function = self.definitions.get(called)
        if isinstance(function, FnValue):
            names = [parameter.name for parameter in function.parameters]
            inner = dict(zip(names, given, strict=False))
            for argument, signs in zip(node.arguments, given, strict=True):
                if argument.name is not None:
                    inner[argument.name] = signs
            return self.signs(function.value, {**dict.fromkeys(names, NONE), **inner})
        found: Signs = frozenset().union(*given)
        if found and called not in RISING:
            raise NotExact(f"`{called}` of a total says nothing about which is better")
        return found

    def _constant(self, node: s.Expr, local: Mapping[str, Signs]) -> Signs:
        """What may only be made of what is the same for all designs of a machine."""
        match node:
            case s.Binary():
                signs = self.signs(node.left, local) | self.signs(node.right, local)
            case s.Unary():
                signs = self.signs(node.operand, local)
            case s.Name():
                signs = self._name(node.id, local)
            case _:
                signs = NONE
        if signs:
            raise NotExact(f"`{node.span.text}` says neither that more is better nor that less is")
        return NONE
