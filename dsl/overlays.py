"""`layers PATTERN { … }`: properties of layers by their names, later statements over earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from dovetail.dsl import syntax as s
from dovetail.dsl import units
from dovetail.dsl.construction import Construction, Widths
from dovetail.dsl.declarations import Declarations
from dovetail.dsl.diagnostics import Diagnostic, Label, did_you_mean
from dovetail.dsl.scope import Scope
from dovetail.dsl.values import Unknown, Value, describe

_PROPERTIES: Final = ("weights", "activations", "inputs", "outputs", "sums", "weight_zeros")


class Overlaying(Declarations):
    """The part of the network elaborator that applies `layers` statements to the layers that were made."""

    made: Construction
    widths: dict[str, Widths]
    _overlays: list[tuple[s.Layers, Scope]]

    def overlay(self) -> None:
        """Apply the `layers` statements, later ones over earlier ones."""
        names = [layer.name for layer in self.made.layers]
        for statement, scope in self._overlays:
            unknown = [a for a in statement.body if not set(a.names) <= set(_PROPERTIES)]
            for assign in unknown:
                wrong = next(n for n in assign.names if n not in _PROPERTIES)
                help = did_you_mean(wrong, _PROPERTIES)
                self.fail("E0313", f"a layer has no property `{wrong}`", assign.span, help=help)
            self.spend(statement.span, len(names) * len(statement.patterns))
            chosen = [name for name in names if self.matches(statement, name)]
            if not chosen and not self.problems.failed:
                self._matches_nothing(statement, names)
            for name in chosen:
                if not unknown:
                    self._properties(name, statement, scope)

    def matches(self, statement: s.Layers, name: str) -> bool:
        """Whether a `layers` statement speaks of the layer of that name."""
        return any(fnmatchcase(name, p) for p in statement.patterns) and not any(
            fnmatchcase(name, p) for p in statement.exceptions
        )

    def _matches_nothing(self, statement: s.Layers, names: Sequence[str]) -> None:
        patterns, exceptions = ", ".join(statement.patterns), ", ".join(statement.exceptions)
        message, help = f"no layer is called `{patterns}`", did_you_mean(statement.patterns[0], names)[:1]
        if any(fnmatchcase(name, p) for name in names for p in statement.patterns):
            message, help = f"`except {exceptions}` leaves no layer of `{patterns}`", ()
        self.problems.add(Diagnostic("W1002", message, Label(statement.span), (), help))

    def _properties(self, name: str, statement: s.Layers, scope: Scope) -> None:
        self.spend(statement.span, 4)
        inner = Scope(scope, f"{name}.")
        values: dict[str, Value] = {}
        for assign in statement.body:
            node = assign.values[0].value
            value = self.evaluate(node, inner, assign.names[0])
            for prop in assign.names:
                checked = self._width(prop, value, node)
                if checked is None:
                    continue
                values[prop] = checked
                inner.define(prop, value)
        before = self.widths.get(name, Widths())
        both = values.get("activations")
        self.widths[name] = Widths(
            weights=values.get("weights", before.weights),
            inputs=values.get("inputs", both or before.inputs),
            outputs=values.get("outputs", before.outputs),
            sums=values.get("sums", before.sums),
            weight_zeros=values.get("weight_zeros", before.weight_zeros),
        )

    def _width(self, prop: str, value: Value, node: s.Expr) -> int | float | None:
        if isinstance(value, Unknown):
            return None
        if prop == "weight_zeros":
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
                self.fail("E0404", f"`weight_zeros` is a fraction below 1, not {describe(value)}", node.span)
                return None
            return float(value)
        if not units.is_quantity(value) or units.kind_of(value) != "size":
            help = ["widths are written `8 bit`"]
            self.fail(
                "E0402", f"`{prop}` has to be a width in bits, not {describe(value)}", node.span, help=help
            )
            return None
        bits = value.magnitude
        if bits != int(bits) or not 1 <= bits <= 1024:
            self.fail("E0404", f"`{prop}` is 1 to 1024 whole bits, not {bits:g}", node.span)
            return None
        return int(bits)
