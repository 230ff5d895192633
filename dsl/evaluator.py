"""From expressions to values: a bounded walk over the syntax, with every problem reported where it is.

An expression that cannot be evaluated is reported once and becomes UNKNOWN, which goes through everything
silently; so one mistake makes one message. Evaluation is bounded in steps, depth and size: a recursive or
huge expansion is an error, not a hang.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dovetail.dsl import syntax as s
from dovetail.dsl import units
from dovetail.dsl.builtins import BUILTINS, Misuse
from dovetail.dsl.choices import Chooser, NoSuchOption, Site
from dovetail.dsl.diagnostics import MOST_ERRORS, Collector, Diagnostic, Label, did_you_mean
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Span
from dovetail.dsl.values import (
    UNKNOWN,
    BlockValue,
    BuiltinValue,
    FnValue,
    RecordValue,
    Symbol,
    TableValue,
    TensorValue,
    Unknown,
    Value,
    describe,
    shorten,
    text_of,
)

MOST_STEPS: Final = 1_000_000
MOST_OPTIONS: Final = 10_000
MOST_ITEMS: Final = 100_000
MOST_BITS: Final = 500
DEEPEST_NESTING: Final = 280
"""Levels inside each other, at most three Python frames each: the interpreter's own bound is not reached."""

CONSTANTS: Final[Mapping[str, Value]] = {"true": True, "false": False}


class OutOfBounds(Exception):
    """The expansion grew past a bound; already reported."""


@dataclass(slots=True)
class Budget:
    """What is left of the steps of one elaboration."""

    steps: int = MOST_STEPS
    nesting: int = 0
    inside: list[tuple[str, Span]] = field(default_factory=list)
    """The blocks and functions at hand, innermost last, and where each is used."""

    @property
    def spent(self) -> int:
        """The steps that were taken."""
        return MOST_STEPS - self.steps


class Evaluator:
    """Expressions of every kind of file; subclasses add what tensors do."""

    symbols: frozenset[str] = frozenset()
    """Words that stand for themselves where no name hides them."""

    naming = "`let NAME = …` gives a value a name"
    """Help for a name that nothing is like."""

    def __init__(self, problems: Collector, chooser: Chooser) -> None:
        self.problems = problems
        self.chooser = chooser
        self.budget = Budget()
        self.uses: list[Label] = []
        """Where the block or function at hand is used, innermost last: what is wrong inside may lie there."""
        self.lost: frozenset[str] = frozenset()
        """Names that a broken statement would have defined: using one makes no second message."""
        self.later: Mapping[str, Span] = {}
        """Where names of the file are defined, for those used too early."""
        self.misses: set[str] = set()
        """Choices for which an option was given that they do not have."""
        self.guesses = False
        """Whether a file that could not be imported may define any name: then only typing errors are told."""
        self._rules: dict[type, Callable[[Any, Scope, str], Value]] = {
            s.Number: self._number,
            s.Quantity: self._quantity,
            s.Text: lambda node, scope, hint: node.value,
            s.Name: self._name,
            s.Attribute: self._attribute,
            s.Subscript: self._subscript,
            s.Call: self._call,
            s.Items: self._items,
            s.Unary: self._unary,
            s.Binary: self._binary,
            s.Conditional: self._conditional,
            s.Pipeline: self._pipeline,
            s.Choose: self._choose,
            s.ChooseRange: self._choose_range,
            s.ChooseLabelled: self._choose_labelled,
            s.Record: self._record,
        }

    # -------------------------------------------------------------------------------- reporting

    def fail(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        others: Sequence[Label] = (),
        help: Sequence[str] = (),
    ) -> Unknown:
        """Report, and stand in for the value that is not there."""
        used = self.uses[-1:] if code.startswith(_OF_VALUES) else ()
        self.problems.add(Diagnostic(code, message, Label(span, label), (*others, *used), tuple(help)))
        return UNKNOWN

    def spend(self, span: Span, steps: int = 1) -> None:
        """Some steps; raises OutOfBounds when there are none left."""
        self.budget.steps -= steps
        if self.budget.steps < 0:
            if self.budget.steps + steps >= 0:
                self.exhausted(span)
            raise OutOfBounds

    def exhausted(self, span: Span) -> None:
        """Report that the steps are used up."""
        self.fail("E0901", f"the expansion takes more than {MOST_STEPS} steps", span, "stopped here")

    def deeper(self, span: Span, levels: int = 1) -> None:
        """Some levels down; raises OutOfBounds where it goes too deep. The caller comes back up."""
        self.budget.nesting += levels
        if self.budget.nesting > DEEPEST_NESTING:
            if not self.budget.inside:
                self.fail("E0903", "this is nested too deep to follow", span)
            else:
                name, place = self.budget.inside[-1]
                help = ["does it use itself without end?"]
                self.fail("E0903", f"the uses of `{name}` nest too deep to follow", place, help=help)
            raise OutOfBounds

    # ------------------------------------------------------------------------------- evaluation

    def evaluate(self, node: s.Expr, scope: Scope, hint: str = "choice") -> Value:
        """The value of `node`; `hint` names a choice made directly in it. UNKNOWN where one was reported."""
        self.spend(node.span)
        self.deeper(node.span)
        value = self._rules[type(node)](node, scope, hint)
        self.budget.nesting -= 1
        return value

    def integer(self, node: s.Expr, scope: Scope, what: str, least: int = 1) -> int | None:
        """A whole number of at least `least`; None where that was reported."""
        value = self.evaluate(node, scope, what)
        shown = what if " " in what else f"`{what}`"
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, Unknown):
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail("E0403", f"{shown} has to be a whole number, not {describe(value)}", node.span)
            return None
        if value < least:
            self.fail("E0404", f"{shown} is {shorten(value)}, and has to be at least {least}", node.span)
            return None
        return value

    def truth(self, node: s.Expr, scope: Scope, what: str) -> bool | None:
        """A condition; None where a problem was reported."""
        value = self.evaluate(node, scope)
        if isinstance(value, Unknown):
            return None
        if not isinstance(value, bool):
            self.fail("E0403", f"{what} has to be true or false, and this is {describe(value)}", node.span)
            return None
        return value

    def _number(self, node: s.Number, scope: Scope, hint: str) -> Value:
        return node.value if _bounded(node.value) else self._too_large(node)

    def _quantity(self, node: s.Quantity, scope: Scope, hint: str) -> Value:
        value = units.quantity(node.value, node.unit)
        return value if _bounded(value) else self._too_large(node)

    def _name(self, node: s.Name, scope: Scope, hint: str) -> Value:
        value = scope.find(node.id)
        if value is not None:
            return value
        if node.id in CONSTANTS:
            return CONSTANTS[node.id]
        found = self.predefined(node.id)
        if found is not None:
            return found
        if node.id in self.symbols:
            return Symbol(node.id)
        if node.id in self.lost:
            return UNKNOWN
        return self._missing(node, scope)

    def predefined(self, name: str) -> Value | None:
        """What a name means without being defined in the file."""
        return BuiltinValue(name) if name in BUILTINS else None

    def known(self, scope: Scope) -> set[str]:
        """Names a user could have meant."""
        return {*scope.names(), *BUILTINS, *CONSTANTS, *self.symbols}

    def _missing(self, node: s.Name, scope: Scope) -> Unknown:
        if node.id in self.later:
            place = Label(self.later[node.id], "defined here")
            return self.fail("E0302", f"`{node.id}` is used before it is defined", node.span, "", [place])
        help: tuple[str, ...] = ()
        if self.problems.count < MOST_ERRORS:  # nobody sees the help of later ones
            help = did_you_mean(node.id, self.known(scope))[:1]
        if self.guesses and not help:
            return UNKNOWN
        behind = node.span.source.text[node.span.end : node.span.end + 20].lstrip()
        if behind.startswith("=="):
            help = (f"`==` compares: an argument is given as `{node.id} = …`",)
        return self.fail("E0301", f"nothing is called `{node.id}`", node.span, help=help or (self.naming,))

    def _attribute(self, node: s.Attribute, scope: Scope, hint: str) -> Value:
        value = self.evaluate(node.value, scope)
        if isinstance(value, Unknown):
            return UNKNOWN
        if isinstance(value, TableValue):
            self.spend(node.span, len(value.rows) * len(value.columns))
        entries = self.attributes(value)
        if node.name in entries:
            return entries[node.name]
        help = did_you_mean(node.name, entries)
        return self.fail("E0303", f"{describe(value)} has no `{node.name}`", node.span, help=help)

    def attributes(self, value: Value) -> Mapping[str, Value]:
        """What can stand behind the dot."""
        match value:
            case RecordValue():
                return dict(value.entries)
            case TensorValue():
                return {"shape": value.shape}
            case TableValue():
                return {c: tuple(r[i] for r in value.rows) for i, c in enumerate(value.columns)}
            case Scope():
                return value.own()
            case _:
                return {}

    def _subscript(self, node: s.Subscript, scope: Scope, hint: str) -> Value:
        value = self.evaluate(node.value, scope)
        index = self.evaluate(node.index, scope)
        if isinstance(value, Unknown) or isinstance(index, Unknown):
            return UNKNOWN
        if isinstance(value, TableValue):
            value = value.rows
        if not isinstance(value, tuple):
            return self.fail("E0405", f"{describe(value)} has no items", node.span)
        if isinstance(index, bool) or not isinstance(index, int):
            return self.fail("E0403", f"an index is a whole number, not {describe(index)}", node.index.span)
        if not -len(value) <= index < len(value):
            return self.fail(
                "E0404", f"item {index} of a list of {len(value)} (they count from 0)", node.index.span
            )
        return value[index]

    def _items(self, node: s.Items, scope: Scope, hint: str) -> Value:
        values = tuple([self.evaluate(item, scope, hint) for item in node.items])
        if any(isinstance(v, Unknown) for v in values):
            return UNKNOWN
        return values if self._fits(node, values) else self._too_large(node)

    def _fits(self, node: s.Expr, value: Value) -> bool:
        """Whether a list is small enough with all that is in it; its size is paid for in steps."""
        size = 0
        pending = [value]
        while pending and size <= MOST_ITEMS:
            item = pending.pop()
            if isinstance(item, tuple):
                size += len(item)
                pending += item
        self.spend(node.span, size)
        return size <= MOST_ITEMS

    def _record(self, node: s.Record, scope: Scope, hint: str) -> Value:
        entries = []
        for entry in node.entries:
            value = self.evaluate(entry.values[0].value, scope)
            entries += [(name, value) for name in entry.names]
        return RecordValue(tuple(entries))

    def _conditional(self, node: s.Conditional, scope: Scope, hint: str) -> Value:
        condition = self.truth(node.condition, scope, "a condition")
        if condition is None:
            return UNKNOWN
        return self.evaluate(node.then if condition else node.otherwise, scope, hint)

    # --------------------------------------------------------------------------------- numbers

    def _unary(self, node: s.Unary, scope: Scope, hint: str) -> Value:
        value = self.evaluate(node.operand, scope)
        if isinstance(value, Unknown):
            return UNKNOWN
        if node.operator == "not":
            if isinstance(value, bool):
                return not value
            return self.fail(
                "E0403", f"`not` works on true or false, not on {describe(value)}", node.operand.span
            )
        if isinstance(value, bool) or not (isinstance(value, int | float) or units.is_quantity(value)):
            return self.fail("E0403", f"`-` works on numbers, not on {describe(value)}", node.operand.span)
        return -value

    def _binary(self, node: s.Binary, scope: Scope, hint: str) -> Value:
        # A chain `a + b + c + …` nests to the left as deep as it is long; walk it down and come back up.
        chain: list[s.Binary] = []
        first: s.Expr = node
        while isinstance(first, s.Binary) and first.operator not in ("and", "or"):
            chain.append(first)
            first = first.left
        if not chain:
            return self._logical(node, scope)
        value = self.evaluate(first, scope)
        for step in reversed(chain):
            self.spend(step.span)
            right = self.evaluate(step.right, scope)
            if isinstance(value, Unknown) or isinstance(right, Unknown):
                value = UNKNOWN
            else:
                value = self.combine(step, value, right, scope)
        return value

    def _logical(self, node: s.Binary, scope: Scope) -> Value:
        operands: list[s.Expr] = []
        left: s.Expr = node
        while isinstance(left, s.Binary) and left.operator == node.operator:
            operands.append(left.right)
            left = left.left
        decisive = node.operator == "or"
        for operand in (left, *reversed(operands)):
            value = self.truth(operand, scope, f"what `{node.operator}` joins")
            if value is None:
                return UNKNOWN
            if value is decisive:
                return decisive
        return not decisive

    def combine(self, node: s.Binary, left: Value, right: Value, scope: Scope) -> Value:
        """`left OP right`; subclasses add tensors."""
        operator = node.operator
        if operator in ("==", "!="):
            return self._equal(node, left, right) is (operator == "==")
        if operator == "+" and isinstance(left, tuple) and isinstance(right, tuple):
            joined = left + right
            return joined if self._fits(node, joined) else self._too_large(node)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            self.spend(node.span, (len(left) + len(right)) // 100)
            return left + right if len(left) + len(right) <= MOST_ITEMS else self._too_large(node)
        for value, operand in ((left, node.left), (right, node.right)):
            if isinstance(value, bool) or not (isinstance(value, int | float) or units.is_quantity(value)):
                return self.fail(
                    "E0403", f"`{operator}` works on numbers, not on {describe(value)}", operand.span
                )
        try:
            return self._arithmetic(node, left, right)
        except ZeroDivisionError:
            return self.fail("E0406", "a division by zero", node.right.span, "this is 0")
        except OverflowError:
            return self._too_large(node)

    def _equal(self, node: s.Binary, left: Value, right: Value) -> bool:
        if units.is_quantity(left) and units.is_quantity(right) and left.units != right.units:
            self._mismatch(node, left, right)
            return False
        if isinstance(left, tuple):
            self._fits(node, left)
        return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)

    def _mismatch(self, node: s.Binary, left: Value, right: Value) -> Unknown:
        words = {"+": "added", "-": "subtracted"}.get(node.operator, "compared")
        return self.fail(
            "E0402",
            f"{describe(left)} and {describe(right)} cannot be {words}",
            node.right.span,
            describe(right),
            [Label(node.left.span, describe(left))],
        )

    def _arithmetic(self, node: s.Binary, left: Any, right: Any) -> Value:
        quantities = units.is_quantity(left), units.is_quantity(right)
        result: Value
        match node.operator:
            case "+" | "-" | "<" | "<=" | ">" | ">=" as operator:
                if quantities[0] != quantities[1] or (quantities[0] and left.units != right.units):
                    return self._mismatch(node, left, right)
                result = {
                    "+": lambda: left + right,
                    "-": lambda: left - right,
                    "<": lambda: left < right,
                    "<=": lambda: left <= right,
                    ">": lambda: left > right,
                    ">=": lambda: left >= right,
                }[operator]()
                if operator not in "+-":
                    return bool(result)
            case "*":
                result = left * right
            case "/":
                whole = isinstance(left, int) and isinstance(right, int) and left % right == 0
                result = left // right if whole else left / right
            case "//":
                if any(quantities) and (quantities[0] != quantities[1] or left.units != right.units):
                    return self._mismatch(node, left, right)
                result = left // right
            case _:
                if quantities[1] or (isinstance(right, float) and quantities[0]):
                    return self.fail(
                        "E0403", f"an exponent is a plain number, not {describe(right)}", node.right.span
                    )
                base = left.magnitude if quantities[0] else left
                if isinstance(base, int) and isinstance(right, int):
                    if abs(base) > 1 and abs(right) * (abs(base).bit_length() - 1) > MOST_BITS:
                        return self._too_large(node)
                elif isinstance(left, int | float) and left < 0:
                    return self.fail("E0404", "a negative number has no such power", node.span)
                result = left**right
        if units.is_quantity(result) and result.dimensionless:
            result = result.magnitude
        return result if _bounded(result) else self._too_large(node)

    def _too_large(self, node: s.Expr) -> Unknown:
        return self.fail(
            "E0902",
            "the result is larger than anything that is meant here",
            node.span,
            help=[f"numbers go up to 10^{MOST_BITS * 3 // 10}, lists up to {MOST_ITEMS} items"],
        )

    # ----------------------------------------------------------------------------------- calls

    def _call(self, node: s.Call, scope: Scope, hint: str) -> Value:
        function = self.evaluate(node.function, scope)
        if isinstance(function, Unknown):
            return UNKNOWN
        self.deeper(node.span, 2)
        value = self.call(function, node, scope, None, None)
        self.budget.nesting -= 2
        return value

    def call(
        self, function: Value, node: s.Expr, scope: Scope, piped: TensorValue | None, label: str | None
    ) -> Value:
        """`function` applied as `node` says; `piped` is the tensor a pipeline hands on, `label` its stage."""
        arguments = node.arguments if isinstance(node, s.Call) else ()
        match function:
            case BuiltinValue():
                given = [self.evaluate(a.value, scope) for a in arguments]
                if piped is not None:
                    given.insert(0, piped)
                return self._builtin(function.name, given, arguments, node)
            case FnValue():
                # Without a label, what it makes is named as if it stood here; with one, below the label.
                inner = Scope(function.scope, scope.path, shares=scope, suffix=scope.suffix)
                if label is not None:
                    inner = Scope(function.scope, f"{self.instance(function.name, node, scope, label)}.")
                return self._function(function, arguments, node, scope, piped, inner)
            case _:
                return self.fail("E0304", f"{describe(function)} cannot be called", node.span)

    def instance(self, stem: str, node: s.Expr, scope: Scope, label: str | None) -> str:
        """The full name of what is made here: its path and its label, or a fresh name."""
        if label is None:
            return scope.path + scope.fresh(stem)
        earlier = scope.label(label + scope.suffix, node.span)
        if earlier is not None:
            self.fail("E0308", f"the name `{label}` is taken", node.span, "", [Label(earlier, "first here")])
        return scope.path + label + scope.suffix

    def _builtin(self, name: str, given: list[Value], arguments: Sequence[s.Argument], node: s.Expr) -> Value:
        named = [a for a in arguments if a.name is not None]
        if named:
            return self.fail("E0305", f"`{name}` takes its arguments by position", named[0].span)
        if any(isinstance(g, Unknown) for g in given):
            return UNKNOWN
        for value in given:
            if isinstance(value, tuple):
                self.spend(node.span, len(value))
        try:
            value = BUILTINS[name](*given)
            return value if not isinstance(value, tuple) or self._fits(node, value) else self._too_large(node)
        except Misuse as misuse:
            return self.fail("E0305", str(misuse), node.span)

    def _function(
        self,
        function: FnValue,
        arguments: Sequence[s.Argument],
        node: s.Expr,
        scope: Scope,
        piped: Value | None,
        inner: Scope,
    ) -> Value:
        bound = self.bind(function, arguments, node, scope, piped)
        if bound is None or any(isinstance(v, Unknown) for v in bound.values()):
            return UNKNOWN
        for name, value in bound.items():
            inner.define(name, value)
        with _Deeper(self, function.name, node.span):
            return self.evaluate(function.value, inner)

    def bind(
        self,
        function: FnValue | BlockValue,
        arguments: Sequence[s.Argument],
        node: s.Expr,
        scope: Scope,
        piped: Value | None,
    ) -> dict[str, Value] | None:
        """Parameter values by name; None where the call does not fit, which is reported."""
        names = [p.name for p in function.parameters]
        here = Label(function.span, "defined here")
        values: dict[str, Value] = {}
        good = True
        position = 0
        if piped is not None:
            if not names:
                self.fail(
                    "E0305",
                    f"`{function.name}` takes nothing, and a tensor reaches it",
                    node.span,
                    "",
                    [here],
                )
                return None
            values[names[0]] = piped
            position = 1
        for argument in arguments:
            name = argument.name
            if name is None:
                if position >= len(names):
                    extra = len([a for a in arguments if a.name is None]) + (piped is not None)
                    takes = "1 argument" if len(names) == 1 else f"{len(names) or 'no'} arguments"
                    self.fail(
                        "E0305",
                        f"`{function.name}` takes {takes}, and {extra} {'is' if extra == 1 else 'are'} given",
                        argument.span,
                        "",
                        [here],
                    )
                    return None
                name = names[position]
                position += 1
            if name not in names:
                help = did_you_mean(name, names)
                self.fail(
                    "E0306", f"`{function.name}` has no parameter `{name}`", argument.span, "", [here], help
                )
                good = False
                continue
            if name in values:
                self.fail("E0305", f"`{name}` of `{function.name}` is given twice", argument.span, "", [here])
                good = False
                continue
            values[name] = self.evaluate(argument.value, scope, name)
        inner = Scope(function.scope, scope.path)
        for name, value in values.items():
            inner.define(name, value)
        for parameter in function.parameters:
            if parameter.name in values:
                continue
            if parameter.default is None:
                if good:
                    self.fail("E0305", f"`{function.name}` needs `{parameter.name}`", node.span, "", [here])
                return None
            values[parameter.name] = self.evaluate(parameter.default, inner, parameter.name)
            inner.define(parameter.name, values[parameter.name])
        return {name: values[name] for name in names} if good else None

    # -------------------------------------------------------------------------------- choices

    def _choose(self, node: s.Choose, scope: Scope, hint: str) -> Value:
        values = [self.evaluate(option, scope, hint) for option in node.options]
        return self._take(node, scope, hint, values)

    def _choose_range(self, node: s.ChooseRange, scope: Scope, hint: str) -> Value:
        ends = [self.evaluate(e, scope) for e in (node.first, node.last)]
        by: Any = self.evaluate(node.by, scope) if node.by is not None else None
        if any(isinstance(v, Unknown) for v in (*ends, by)):
            return UNKNOWN
        first: Any
        last: Any
        first, last = ends
        if isinstance(node.first, s.Binary) and isinstance(node.last, s.Binary) and node.by is None:
            powers = self._powers(node.first, node.last, scope)
            if powers is not None:
                return self._take(node, scope, hint, powers)
        plain = all(isinstance(v, int) and not isinstance(v, bool) for v in ends)
        same = all(units.is_quantity(v) for v in ends) and first.units == last.units
        if not plain and not same:
            return self.fail(
                "E0701", "a range of choices runs between two whole numbers or two quantities", node.span
            )
        if by is None:
            if not plain:
                return self.fail(
                    "E0701", "a range of quantities needs a step", node.span, help=["add `by STEP`"]
                )
            by = 1
        if units.is_quantity(by) != same or (same and by.units != first.units) or not by > 0 * by:
            return self.fail(
                "E0701", f"a range goes up in steps of its own kind, not of {describe(by)}", node.span
            )
        if last < first:
            return self.fail("E0701", "a range runs from the smaller to the larger", node.span)
        count = int((last - first) // by) + 1
        if count > MOST_OPTIONS:
            return self.fail(
                "E0701",
                f"a choice among {shorten(count)} options, and {MOST_OPTIONS} is the most",
                node.span,
                help=["`by STEP` makes the steps larger"],
            )
        return self._take(node, scope, hint, [first + i * by for i in range(count)])

    def _powers(self, first: s.Binary, last: s.Binary, scope: Scope) -> list[Value] | None:
        if first.operator != "^" or last.operator != "^" or first.left != last.left:
            return None
        base, low, high = (self.evaluate(e, scope) for e in (first.left, first.right, last.right))
        if not all(isinstance(v, int) for v in (base, low, high)) or high - low > MOST_BITS:
            return None
        return [base**e for e in range(low, high + 1)]

    def _take(self, node: s.Expr, scope: Scope, hint: str, values: Sequence[Value]) -> Value:
        if any(isinstance(v, Unknown) for v in values):
            return UNKNOWN
        texts = tuple(text_of(v) for v in values)
        if len(set(texts)) != len(texts):
            twice = next(t for t in texts if texts.count(t) > 1)
            return self.fail("E0701", f"the option `{twice}` stands twice in one choice", node.span)
        index = self.pick(Site(scope.choice(hint), texts, node.span))
        return UNKNOWN if index is None else values[index]

    def _choose_labelled(self, node: s.ChooseLabelled, scope: Scope, hint: str) -> Value:
        labels = [a.label for a in node.alternatives]
        for alternative in node.alternatives:
            if labels.count(alternative.label) > 1:
                return self.fail("E0701", f"the option `{alternative.label}` stands twice", alternative.span)
        possible = []
        for alternative in node.alternatives:
            when = True if alternative.when is None else self.truth(alternative.when, scope, "`when`")
            if when is None:
                return UNKNOWN
            if when:
                possible.append(alternative)
        if not possible:
            return self.impossible(node)
        texts = tuple(a.label for a in possible)
        index = self.pick(Site(scope.choice(hint), texts, node.span))
        if index is None:
            return UNKNOWN
        return self.evaluate(possible[index].value, scope, hint)

    def impossible(self, node: s.ChooseLabelled) -> Unknown:
        """Nothing is left to choose from."""
        return self.fail(
            "E0702",
            "none of the alternatives is possible here",
            node.span,
            others=[Label(a.when.span, "does not hold") for a in node.alternatives if a.when],
        )

    def pick(self, site: Site) -> int | None:
        """The chooser's answer; None where it is not an option, which is reported."""
        self.spend(site.span, self.chooser.ties.cost)
        try:
            return self.chooser.pick(site)
        except NoSuchOption as fault:
            close = [h for h in did_you_mean(fault.wanted, site.options) if h.startswith("did")]
            self.fail("E0703", str(fault), site.span, help=close)
            self.misses.add(site.path)
            return None

    # ------------------------------------------------------------------------------- pipelines

    def _pipeline(self, node: s.Pipeline, scope: Scope, hint: str) -> Value:
        return self.fail("E0307", "a pipeline of tensors has no meaning outside a network", node.span)


_OF_VALUES: Final = ("E02", "E0310", "E04", "E07")
"""Codes of problems that depend on what a block is given: they are shown with the place of its use."""


def _bounded(value: Value) -> bool:
    """Whether a number or quantity can be calculated with: far from what a float cannot hold."""
    number = value.magnitude if units.is_quantity(value) else value
    if isinstance(number, int):
        return number.bit_length() <= MOST_BITS
    return not isinstance(number, float) or abs(number) < 2.0**MOST_BITS


class _Deeper:
    """One level of calls; recursion without end is an error at the call that goes too deep."""

    def __init__(self, evaluator: Evaluator, name: str, span: Span) -> None:
        self.evaluator = evaluator
        self.name = name
        self.span = span

    def __enter__(self) -> None:
        self.evaluator.spend(self.span, 5)
        self.evaluator.deeper(self.span, 3)
        self.evaluator.budget.inside.append((self.name, self.span))
        self.evaluator.uses.append(Label(self.span, f"inside `{self.name}`, used here"))

    def __exit__(self, *_: object) -> None:
        self.evaluator.budget.nesting -= 3
        self.evaluator.uses.pop()
        self.evaluator.budget.inside.pop()
