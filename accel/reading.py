"""Properties read: expressions evaluated with the words that may stand there, checked, and converted.

A problem is reported once and reads as None, as does `none`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, TypeVar

from dovetail.accel.architecture import Component, Dram, MacUnit, RegisterFile, Sram, Wire
from dovetail.accel.conversion import CONVERTERS, Clock, Unfit, describe
from dovetail.accel.drafts import Draft, Entry
from dovetail.accel.properties import (
    COMPONENT_FUNCTIONS,
    FOREIGN_DIMENSIONS,
    NONE,
    WORDS,
    Kind,
    Property,
    Schema,
)
from dovetail.dsl import syntax as s
from dovetail.dsl import units
from dovetail.dsl.declarations import Declarations
from dovetail.dsl.diagnostics import did_you_mean
from dovetail.dsl.evaluator import OutOfBounds
from dovetail.dsl.problem import DIMENSIONS
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Span
from dovetail.dsl.values import UNKNOWN, Symbol, Unknown, Value

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ComponentFunction:
    """`sram`, `regfile`, `dram`, `mac`, `wire`: makes a component; `flat` makes one dimension of several."""

    name: str


@dataclass(frozen=True, slots=True)
class Flat:
    """`flat(C, R, S)`."""

    dimensions: tuple[str, ...]

    def __str__(self) -> str:
        return f"flat({', '.join(self.dimensions)})"


def dimensions_for(name: str) -> tuple[str, ...]:
    """Help for a word that is no dimension, though other tools may have it as one."""
    if name.upper() in DIMENSIONS:
        return (f"did you mean `{name.upper()}`?",)
    foreign = FOREIGN_DIMENSIONS.get(name.upper())
    return (f"the dimensions are {', '.join(DIMENSIONS)}" + (f"; {foreign}" if foreign else ""),)


class Given(NamedTuple):
    """A value of a property: converted, as it was evaluated, and its syntax."""

    converted: object
    value: Value
    item: s.Value


class Reading(Declarations):
    """An evaluator that knows the words and the components of accelerators."""

    kind = "accel"
    symbols = WORDS
    clock = Clock(Fraction(10**9))
    expected: tuple[str, ...] = ()
    """Words that the property in hand knows: there they hide names of the file."""
    subject: str = "choice"
    """The property in hand, which names every choice in its value: `2 * choose(1, 2)` too."""

    # --------------------------------------------------------------------------------------- words

    def _name(self, node: s.Name, scope: Scope, hint: str) -> Value:
        return Symbol(node.id) if node.id in self.expected else super()._name(node, scope, hint)

    def predefined(self, name: str) -> Value | None:
        """Components and `flat`, then functions."""
        known = name in COMPONENT_FUNCTIONS or name == "flat"
        return ComponentFunction(name) if known else super().predefined(name)

    def known(self, scope: Scope) -> set[str]:
        """Where words are expected, those and the names of the file."""
        known = {*scope.names(), *COMPONENT_FUNCTIONS, *super().known(scope)} - WORDS
        return {*self.expected, *scope.names()} if len(self.expected) > 1 else known | {*self.expected}

    def expecting(self, words: Iterable[str], node: s.Expr, scope: Scope, hint: str) -> Value:
        """The value of `node`, in which these words stand for themselves."""
        before, nesting = (self.expected, self.subject), self.budget.nesting
        self.expected, self.subject = (*words, NONE), hint
        try:
            return self.evaluate(node, scope, hint)
        except OutOfBounds:
            if self.budget.steps < 0:
                raise
            self.budget.nesting = nesting
            return UNKNOWN
        finally:
            self.expected, self.subject = before

    def evaluate(self, node: s.Expr, scope: Scope, hint: str = "choice") -> Value:
        """As anywhere; a choice without a name of its own has that of the property."""
        return super().evaluate(node, scope, self.subject if hint == "choice" else hint)

    def _missing(self, node: s.Name, scope: Scope) -> Unknown:
        if self.expected[: len(DIMENSIONS)] == DIMENSIONS:
            return self.no_dimension(node.id, node.span)
        return super()._missing(node, scope)

    def named(self, what: str, name: str, known: Iterable[str], span: Span) -> bool:
        """Whether `name` is known; reported where not, unless a broken statement would have defined it."""
        names = list(known)
        if name not in names and name not in self.lost:
            self.fail("E0507", f"no {what} is called `{name}`", span, help=did_you_mean(name, names)[:1])
        return name in names

    def axis_of(self, array: str, axis: str, axes: Iterable[str], span: Span) -> bool:
        """Whether the array has that axis; reported where not."""
        names = list(axes)
        if axis not in names:
            help = did_you_mean(axis, names)[:1]
            self.fail("E0507", f"`{array}` has no axis `{axis}`", span, help=help)
        return axis in names

    def no_dimension(self, name: str, span: Span) -> Unknown:
        """Report a word that is no dimension, with what it may be called here."""
        return self.fail("E0511", f"`{name}` is no dimension", span, help=dimensions_for(name))

    # ---------------------------------------------------------------------------------- components

    def call(
        self, function: Value, node: s.Expr, scope: Scope, piped: Value | None, label: str | None
    ) -> Value:
        """Components are made by calls; the rest as anywhere."""
        if isinstance(function, ComponentFunction):
            made = self._flat if function.name == "flat" else self._component
            return made(function.name, node, scope)
        return super().call(function, node, scope, piped, label)

    def _component(self, name: str, node: s.Expr, scope: Scope) -> Value:
        arguments = node.arguments if isinstance(node, s.Call) else ()
        takes = {"sram": "device", "dram": "type", "wire": "length"}.get(name)
        for argument in arguments[1 if takes else 0 :]:
            what = f"one argument, its {takes}" if takes else "no arguments"
            return self.fail("E0305", f"`{name}` takes {what}", argument.span)
        if not arguments:
            if name in ("dram", "wire"):
                example = "dram(LPDDR4)" if name == "dram" else "wire(50 um)"
                return self.fail(
                    "E0305", f"`{name}` needs its {takes}", node.span, help=[f"as in `{example}`"]
                )
            return {"sram": Sram, "regfile": RegisterFile, "mac": MacUnit}[name]()
        argument = arguments[0]
        if argument.name not in (None, takes):
            return self.fail(
                "E0306",
                f"`{name}` has no parameter `{argument.name}`",
                argument.span,
                help=[f"it takes `{takes}`"],
            )
        words = COMPONENT_FUNCTIONS[name]
        value = self.expecting(words, argument.value, scope, str(takes))
        if isinstance(value, Unknown):
            return value
        if name == "wire":
            if not units.is_quantity(value) or units.kind_of(value) != "length":
                return self.fail(
                    "E0402",
                    f"the length of a wire has to be a length, and this is {describe(value)}",
                    argument.span,
                )
            return Wire(float(f"{value.magnitude * 1e3:.12g}"))
        if value not in words:
            message = (
                f"`{name}` knows no {takes} {f'`{value}`' if isinstance(value, str) else describe(value)}"
            )
            return self.fail("E0503", message, argument.span, help=did_you_mean(str(value), words))
        return Sram(str(value)) if name == "sram" else Dram(str(value))

    def _flat(self, name: str, node: s.Expr, scope: Scope) -> Value:
        arguments = node.arguments if isinstance(node, s.Call) else ()
        values = [self.expecting(DIMENSIONS, a.value, scope, "choice") for a in arguments]
        if any(isinstance(v, Unknown) for v in values):
            return UNKNOWN
        odd = next((a for a, v in zip(arguments, values, strict=True) if v not in DIMENSIONS), None)
        if odd is not None or not values:
            span = node.span if odd is None else odd.span
            return self.fail("E0515", "`flat` makes one dimension of several, as in `flat(C, R, S)`", span)
        return Flat(tuple(str(v) for v in values))

    # ---------------------------------------------------------------------------------- properties

    def give(
        self, draft: Draft, body: Iterable[s.Assign], scope: Scope, schema: Schema, what: str, anew: bool
    ) -> None:
        """Take the properties of a block into its draft."""
        given: dict[str, Span] = {}
        for assign in body:
            entry = Entry(assign.values, assign.span, scope)
            for name in assign.names:
                if name not in schema:
                    draft.flawed = True
                    help = did_you_mean(name, schema)
                    self.fail("E0501", f"{what} has no property `{name}`", assign.span, help=help)
                elif name in given:
                    self.fail("E0502", f"`{name}` is given twice", assign.span)
                else:
                    given[name] = assign.span
                    draft.put(name, entry, anew)

    def read_all(self, name: str, entry: Entry, wanted: Property, path: str = "") -> list[Given]:
        """Each value of a property, without those that were reported or are `none`."""
        if len(entry.values) > 1 and not wanted.several:
            self.fail("E0503", f"`{name}` is one value, and here are {len(entry.values)}", entry.span)
            return []
        scope = Scope(entry.scope, path)
        found = []
        for item in entry.values:
            if item.qualifier is not None and item.qualifier not in wanted.qualifiers:
                self.fail("E0503", f"`{name}` takes no `{item.qualifier}`", item.span)
                continue
            value = self.expecting(wanted.words, item.value, scope, name)
            if isinstance(value, Unknown) or value == Symbol(NONE):
                continue
            converted = self._converted(name, value, wanted, item.value.span)
            if converted is not None:
                found.append(Given(converted, value, item))
        return found

    def read(self, draft: Draft, name: str, schema: Schema, wanted: type[T]) -> T | None:
        """The one value of a property, converted; None where it is not given, `none`, or reported."""
        found = self._first(draft, name, schema)
        assert found is None or isinstance(found, wanted)
        return found

    def read_component(self, draft: Draft, name: str, schema: Schema) -> Component | None:
        """As `read`, of a component."""
        found = self._first(draft, name, schema)
        assert found is None or isinstance(found, Component)
        return found

    def read_words(self, draft: Draft, name: str, schema: Schema) -> tuple[str, ...]:
        """All words of a property; none where it is not given, `none`, or reported."""
        entry = draft.entries.get(name)
        if entry is None:
            return ()
        words: list[str] = []
        for given in self.read_all(name, entry, schema[name], f"{draft.name}."):
            assert isinstance(given.converted, tuple)
            words += given.converted
        draft.values[name] = tuple(Symbol(word) for word in words)
        return tuple(dict.fromkeys(words))

    def _first(self, draft: Draft, name: str, schema: Schema) -> object | None:
        entry = draft.entries.get(name)
        if entry is None:
            return None
        found = self.read_all(name, entry, schema[name], f"{draft.name}." if draft.name else "")
        if not found:
            return None
        draft.values[name] = found[0].value
        return found[0].converted

    def _converted(self, name: str, value: Value, wanted: Property, span: Span) -> object | None:
        if wanted.kind in (Kind.WORD, Kind.WORDS):
            return self._words(name, value, wanted, span)
        try:
            return CONVERTERS[wanted.kind](value, self.clock)
        except Unfit as fault:
            self.fail(fault.code, f"`{name}` has to be {fault}", span, help=fault.help)
            return None

    def _words(self, name: str, value: Value, wanted: Property, span: Span) -> tuple[str, ...] | None:
        items = value if isinstance(value, tuple) and wanted.kind is Kind.WORDS else (value,)
        for item in items:
            if isinstance(item, Symbol) and item in wanted.words:
                continue
            shown = f"`{item}`" if isinstance(item, str) else describe(item)
            known = list(wanted.words)
            message = (
                f"`{name}` knows {_listed(known)}, and not {shown}"
                if len(known) <= 8
                else f"`{name}` does not know {shown}"
            )
            self.fail(
                "E0503", message, span, help=did_you_mean(str(item), known)[:1] if len(known) > 8 else ()
            )
            return None
        return tuple(str(item) for item in items)


def _listed(words: list[str]) -> str:
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
