"""What a dataflow (or the architecture alone) lets mappings do, section by section."""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.accel.architecture import (
    Architecture,
    Array,
    Axis,
    Dataflow,
    LoopOrder,
    LoopsInside,
    SpatialRule,
    Stationary,
)
from dovetail.accel.mapping import flatten
from dovetail.costmodel.mapper.frames import Frame
from dovetail.dsl.problem import RELEVANT, Problem


@dataclass(frozen=True, slots=True)
class AxisRule:
    """What may be unrolled along an axis: `first` takes all it can (the least number of PEs for the fewest
    passes), then any of `then` together."""

    array: str
    axis: str
    size: int
    first: tuple[str, ...]
    then: tuple[str, ...]
    full: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """A dataflow's constraints for one layer; `problem` is the layer as it is walked (flattened)."""

    problem: Problem
    flat: tuple[tuple[str, ...], ...]
    dimensions: tuple[str, ...]
    """Dimensions with more than one iteration."""
    kept: frozenset[tuple[str, str]]
    dataflow: Dataflow | None

    @classmethod
    def of(cls, problem: Problem, dataflow: Dataflow | None) -> Rules:
        """ValueError where the dataflow flattens what cannot be flat."""
        constraints = dataflow.constraints if dataflow is not None else ()
        flat = tuple(
            group
            for rule in constraints
            if isinstance(rule, SpatialRule) and rule.flat
            for group in rule.allowed
            if len(group) > 1
        )
        walked = flatten(problem, flat)
        dimensions = tuple(d for d, bound in walked.bounds.items() if bound > 1)
        kept = frozenset(
            (rule.memory, _operand(rule.tensor)) for rule in constraints if isinstance(rule, Stationary)
        )
        return cls(walked, flat, dimensions, kept, dataflow)

    def axes(self, architecture: Architecture, array: Array) -> tuple[AxisRule, ...]:
        """The rule of each axis of an array."""
        return tuple(self._axis(architecture, array, axis) for axis in array.axes)

    def _axis(self, architecture: Architecture, array: Array, axis: Axis) -> AxisRule:
        first: tuple[str, ...] = ()
        then = self.dimensions
        full = False
        if array not in architecture.arrays and architecture.mac.lanes_dimension is not None:
            then = (architecture.mac.lanes_dimension,)
        for rule in self.dataflow.constraints if self.dataflow is not None else ():
            if isinstance(rule, SpatialRule) and (rule.array, rule.axis) == (array.name, axis.name):
                full |= rule.full
                groups = [group[:1] for group in rule.allowed] if rule.flat else list(rule.allowed)
                if len(groups) > 1:
                    first = groups[0]
                    then = tuple(d for group in groups[1:] for d in group)
                elif groups:
                    # one dimension is spread as far as it goes; of several, any part of each
                    first, then = (groups[0], ()) if len(groups[0]) == 1 else ((), groups[0])
        known = self.dimensions
        return AxisRule(
            array.name,
            axis.name,
            axis.size,
            tuple(d for d in first if d in known),
            tuple(d for d in then if d in known and d not in first),
            full,
        )

    def still(self, frame: Frame) -> tuple[frozenset[str], ...]:
        """Of each section the dimensions over which it has no loop."""
        still: list[set[str]] = [set() for _ in frame.places]
        for rule in self.dataflow.constraints if self.dataflow is not None else ():
            match rule:
                case Stationary():
                    operand = _operand(rule.tensor)
                    at = frame.first_inside(rule.memory, operand)
                    dimensions = RELEVANT[operand]
                case LoopsInside():
                    at = frame.first_inside(rule.memory)
                    dimensions = frozenset(self.dimensions) - frozenset(rule.dimensions)
                case _:
                    continue
            if at is not None:
                for section in still[at:]:
                    section.update(dimensions)
        return tuple(frozenset(own) for own in still)

    def order(self, frame: Frame, section: int) -> tuple[str, ...] | None:
        """The order that the dataflow demands of a section, outer to inner."""
        levels = {frame.places[section].memory} | {array.name for array in frame.arrays[section]}
        for rule in self.dataflow.constraints if self.dataflow is not None else ():
            if isinstance(rule, LoopOrder) and rule.level in levels:
                return rule.dimensions
        return None


def _operand(tensor: str) -> str:
    return "outputs" if tensor == "sums" else tensor
