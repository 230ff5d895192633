"""From a `dataflow` block to constraints, with a check that some mapping can satisfy them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from dovetail.accel.architecture import (
    TENSORS,
    Constraint,
    Dataflow,
    LoopOrder,
    LoopsInside,
    Memory,
    SpatialRule,
    Stationary,
)
from dovetail.accel.conversion import describe
from dovetail.accel.reading import Flat, Reading
from dovetail.dsl import syntax as s
from dovetail.dsl.diagnostics import Label, did_you_mean
from dovetail.dsl.problem import DIMENSIONS, RELEVANT
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Span
from dovetail.dsl.values import Unknown


@dataclass(frozen=True, slots=True)
class Machine:
    """What a dataflow can speak of."""

    memories: Mapping[str, Memory]
    axes: Mapping[str, tuple[str, ...]]
    """The axes of each array; `mac` has `lanes` where the MAC has more than one."""


def operand(tensor: str) -> str:
    """The operand of a mapping that a tensor is: sums are outputs."""
    return "outputs" if tensor == "sums" else tensor


def can_hold(memory: Memory, tensor: str) -> bool:
    """Whether the memory holds or may hold the tensor; sums and outputs are one operand."""
    return any(operand(held) == operand(tensor) for held in memory.holds | memory.may_hold)


STAYS_DURING: Final = {o: tuple(d for d in DIMENSIONS if d not in RELEVANT[o]) for o in RELEVANT}
"""The loops that leave an operand where it is."""


def dataflow_of(reading: Reading, block: s.DataflowBlock, scope: Scope, machine: Machine) -> Dataflow:
    """The named constraints; what cannot be is reported."""
    rules = _Rules(reading, block.name, scope, machine)
    for rule in block.body:
        match rule:
            case s.Spread():
                rules.spread(rule)
            case s.StationaryAt():
                rules.stationary(rule)
            case s.Order():
                rules.order(rule)
            case s.Inside():
                rules.inside(rule)
            case _:
                word = rule.span.text.split(maxsplit=1)[0]
                help = ["as in `PE.row = C`, `stationary weights at Register`, `order in PE = K, C`"]
                reading.fail("E0110", f"`{word}` has no place in a dataflow", rule.span, help=help)
    rules.check_flat()
    rules.check_stationary()
    return Dataflow(block.name, tuple(rules.found))


@dataclass(slots=True)
class _Rules:
    """The rules of one block as they are read, with their places."""

    reading: Reading
    name: str
    scope: Scope
    machine: Machine
    found: list[Constraint] = field(default_factory=list)
    places: dict[object, Span] = field(default_factory=dict)
    """Where each thing that may be said once was said."""

    def _once(self, key: object, message: str, span: Span, code: str = "E0502") -> bool:
        earlier = self.places.setdefault(key, span)
        if earlier is not span:
            self.reading.fail(code, message, span, others=[Label(earlier, "first here")])
        return earlier is span

    def _dimensions(self, names: Iterable[str], span: Span) -> tuple[str, ...]:
        """Dimensions by name, without those that were reported."""
        good = []
        for name in names:
            if name not in DIMENSIONS:
                self.reading.no_dimension(name, span)
            elif name in good:
                self.reading.fail("E0511", f"`{name}` stands twice in one list", span)
            else:
                good.append(name)
        return tuple(good)

    # --------------------------------------------------------------------------------- spatial

    def spread(self, rule: s.Spread) -> None:
        """`PE.row = C` and its kin."""
        if rule.array == "mac" and "mac" not in self.machine.axes:
            help = ["`mac { lanes = 64 reduce C }` makes it a dot product of 64"]
            self.reading.fail("E0507", "the `mac` has no lanes to spread over", rule.span, help=help)
            return
        if not self.reading.named("array", rule.array, self.machine.axes, rule.span):
            return
        axes = self.machine.axes[rule.array]
        place = f"{rule.array}.{rule.axis}"
        if not self.reading.axis_of(rule.array, rule.axis, axes, rule.span):
            return
        key = (place, rule.relation == "full")
        if not self._once(key, f"the axis `{place}` is used twice", rule.span, "E0512"):
            return
        if rule.value is None:
            self.found.append(SpatialRule(rule.array, rule.axis, full=True))
            return
        scope = Scope(self.scope, f"{self.name}.{rule.array}.")
        value = self.reading.expecting(DIMENSIONS, rule.value.value, scope, rule.axis)
        then = () if rule.value.detail is None else self._then(rule.value, scope, rule.axis)
        if isinstance(value, Unknown) or then is None:
            return
        if isinstance(value, Flat):
            made = SpatialRule(rule.array, rule.axis, (value.dimensions,), flat=True)
            if then or rule.relation == "in":
                self.reading.fail("E0515", f"`{value}` is one dimension, and stands alone", rule.span)
                return
        elif rule.relation == "in":
            allowed = self._list(value, rule.value.span)
            made = SpatialRule(rule.array, rule.axis, (allowed,))
        elif value in DIMENSIONS:
            first = (str(value),)
            made = SpatialRule(rule.array, rule.axis, (first, then) if then else (first,))
            if str(value) in then:
                self.reading.fail("E0511", f"`{value}` stands twice on one axis", rule.span)
        else:
            self._no_single(place, value, rule.value.value.span)
            return
        self.places.setdefault(made, rule.span)
        self.found.append(made)

    def _then(self, value: s.Value, scope: Scope, axis: str) -> tuple[str, ...] | None:
        if value.qualifier != "then" or value.detail is None:
            self.reading.fail("E0503", f"a dimension takes no `{value.qualifier}`", value.span)
            return None
        left = self.reading.expecting(DIMENSIONS, value.detail, scope, axis)
        return None if isinstance(left, Unknown) else self._list(left, value.detail.span)

    def _list(self, value: object, span: Span) -> tuple[str, ...]:
        items = value if isinstance(value, tuple) else (value,)
        odd = next((v for v in items if v not in DIMENSIONS), None)
        if odd is not None or not items:
            what = describe(odd) if items else "an empty list"
            self.reading.fail("E0511", f"here stand dimensions, and not {what}", span)
            return ()
        return self._dimensions([str(v) for v in items], span)

    def _no_single(self, place: str, value: object, span: Span) -> None:
        help = []
        if isinstance(value, tuple) and value and all(v in DIMENSIONS for v in value):
            listed = ", ".join(str(v) for v in value)
            help = [f"`{place} in [{listed}]` allows any of them, together or alone"]
        self.reading.fail(
            "E0511", f"`=` gives an axis one dimension, and not {describe(value)}", span, help=help
        )

    def check_flat(self) -> None:
        """What `flat` joins has to be one dimension of a matrix product, and the same one everywhere."""
        rules = [r for r in self.found if isinstance(r, SpatialRule)]
        flats = {r.allowed[0]: self.places[r] for r in rules if r.flat}
        for members, span in flats.items():
            reduction = members[0] == "C" and set(members) <= set("CRS")
            if not reduction and not set(members) <= set("NPQ"):
                help = ["`flat(C, R, S)` is what im2col reduces over, `flat(N, P, Q)` its pixels"]
                message = f"{', '.join(members)} are no one dimension of a matrix product"
                self.reading.fail("E0515", message, span, help=help)
            if len(set(members)) < len(members):
                self.reading.fail("E0515", "a dimension stands twice in `flat`", span)
        for rule in rules:
            used = {d for group in rule.allowed for d in group}
            for members, span in flats.items():
                shared = sorted(used & set(members))
                if shared and not (rule.flat and rule.allowed[0] == members):
                    self.reading.fail(
                        "E0515",
                        f"`{shared[0]}` is part of a flat dimension, and used by itself as well",
                        self.places[rule],
                        others=[Label(span, "flat here")],
                    )

    # -------------------------------------------------------------------------------- temporal

    def stationary(self, rule: s.StationaryAt) -> None:
        """`stationary weights at Register`."""
        if rule.tensor not in TENSORS:
            help = did_you_mean(rule.tensor, TENSORS)
            self.reading.fail("E0504", f"`{rule.tensor}` is no tensor", rule.span, help=help)
            return
        if not self.reading.named("memory", rule.memory, self.machine.memories, rule.span):
            return
        memory = self.machine.memories[rule.memory]
        if not can_hold(memory, rule.tensor):
            held = sorted(memory.holds | memory.may_hold) or ["nothing"]
            self.reading.fail(
                "E0513",
                f"`{rule.tensor}` cannot stay at `{rule.memory}`, which holds {', '.join(held)}",
                rule.span,
                help=[f"add `{rule.tensor}` to what `{rule.memory}` may hold"],
            )
        made = Stationary(rule.tensor, rule.memory)
        if self._once(made, f"`{rule.tensor}` is stationary already", rule.span):
            self.found.append(made)

    def order(self, rule: s.Order) -> None:
        """`order in PE = K, C, S`."""
        levels = [*self.machine.memories, *self.machine.axes]
        if not self.reading.named("memory or array", rule.level, levels, rule.span):
            return
        dimensions = self._dimensions(rule.dimensions, rule.span)
        message = f"the order in `{rule.level}` is given twice"
        if self._once(("order", rule.level), message, rule.span):
            self.found.append(LoopOrder(rule.level, dimensions))

    def inside(self, rule: s.Inside) -> None:
        """`Register for [P, Q]`."""
        if not self.reading.named("memory", rule.memory, self.machine.memories, rule.span):
            return
        dimensions = self._dimensions(rule.dimensions, rule.span)
        message = f"the loops inside `{rule.memory}` are given twice"
        if self._once(("inside", rule.memory), message, rule.span):
            self.found.append(LoopsInside(rule.memory, dimensions))

    def check_stationary(self) -> None:
        """Operands that stay in one memory have to leave some loop that can run inside."""
        stays = [r for r in self.found if isinstance(r, Stationary)]
        for at, rule in enumerate(stays):
            free = STAYS_DURING[operand(rule.tensor)]
            for other in stays[:at]:
                if other.memory == rule.memory and operand(other.tensor) != operand(rule.tensor):
                    others = STAYS_DURING[operand(other.tensor)]
                    self.reading.fail(
                        "E0514",
                        f"`{other.tensor}` and `{rule.tensor}` cannot both be stationary at `{rule.memory}`",
                        self.places[rule],
                        f"stay while {', '.join(free)} run",
                        [Label(self.places[other], f"stay while {', '.join(others)} run")],
                    )
            for loops in self.found:
                if not isinstance(loops, LoopsInside) or loops.memory != rule.memory or not loops.dimensions:
                    continue
                if not set(loops.dimensions) & set(free):
                    self.reading.fail(
                        "E0514",
                        f"every loop inside `{rule.memory}` moves the {rule.tensor} that are to stay there",
                        self.places["inside", loops.memory],
                        f"{', '.join(loops.dimensions)} run inside",
                        [Label(self.places[rule], f"stay while {', '.join(free)} run")],
                    )
