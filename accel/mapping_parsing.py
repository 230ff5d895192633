"""From the text of a `.map` file to a mapping: what `format_mapping` prints reads back as the same mapping.

mapping for "fire9.squeeze1x1" on squeezelerator
DRAM holds weights, inputs, outputs
for K in 64 by 32
  spatial flat(C, R) in 32 along PE.row
    mac
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dovetail.accel.mapping import For, Holds, Mapping, Node, Spatial
from dovetail.accel.reading import dimensions_for
from dovetail.dsl import syntax as s
from dovetail.dsl.choices import DesignChooser
from dovetail.dsl.declarations import Declarations
from dovetail.dsl.diagnostics import Collector, DovetailError, Label, did_you_mean
from dovetail.dsl.evaluator import OutOfBounds
from dovetail.dsl.parser import parse, parse_file
from dovetail.dsl.problem import DIMENSIONS, OPERANDS
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Source, Span


class MappingFile(NamedTuple):
    """A `.map` file: for which layer, on which accelerator, and the mapping."""

    layer: str
    accelerator: str
    mapping: Mapping


class _Nest(Declarations):
    """Executes the lines of a `.map` file."""

    kind = "map"

    def run(self) -> Mapping:
        """The mapping; problems are reported."""
        self.nodes: list[Node] = []
        self.flat: dict[str, tuple[tuple[str, ...], Span]] = {}
        """How each dimension is walked: the group it is part of, and where that was said first."""
        scope = Scope()
        mac: s.MacLine | None = None
        self.hoist(self.file.statements, scope)
        for statement in self.file.statements:
            if mac is not None:
                others = [Label(mac.span, "the innermost line")]
                self.fail("E0602", "nothing is inside the `mac`", statement.span, others=others)
                break
            match statement:
                case s.HoldsLine():
                    self._holds(statement)
                case s.ForLine():
                    self._loop(statement, scope)
                case s.MacLine():
                    mac = statement
                case _:
                    if not self.declare(statement, scope):
                        self.misplaced(statement)
        if mac is None and not self.problems.failed:
            at = self.file.statements[-1].span if self.file.statements else Span(self.file.source, 0, 0)
            self.fail("E0602", "the loop nest has no `mac`", at, help=["`mac` is its last line"])
        groups = dict.fromkeys(group for group, _ in self.flat.values() if len(group) > 1)
        return Mapping(tuple(self.nodes), tuple(groups))

    def _holds(self, line: s.HoldsLine) -> None:
        for at, tensor in enumerate(line.tensors):
            if tensor == "sums":
                help: Sequence[str] = [
                    "sums are `outputs` in a mapping: the same words before they are final"
                ]
            else:
                help = did_you_mean(tensor, OPERANDS)
            if tensor not in OPERANDS:
                self.fail("E0504", f"`{tensor}` is no operand of a mapping", line.span, help=help)
            elif tensor in line.tensors[:at]:
                self.fail("E0502", f"`{tensor}` stands twice in one line", line.span)
        self.nodes.append(Holds(line.memory, line.tensors))

    def _loop(self, line: s.ForLine, scope: Scope) -> None:
        dimension = self._dimension(line)
        bound = self.integer(line.bound, scope, "the bound")
        step = 1 if line.by is None else self.integer(line.by, scope, "the step")
        if dimension is None or bound is None or step is None:
            return
        if step > bound:
            self.fail(
                "E0604",
                f"a step of {step} in a loop over {bound}",
                line.span,
                help=["`by` is what is left to the loops inside"],
            )
        elif line.along is None:
            self.nodes.append(For(dimension, bound, step))
        else:
            self.nodes.append(Spatial(dimension, bound, *line.along, step))

    def _dimension(self, line: s.ForLine) -> str | None:
        """The first of the dimensions that are walked as one; None where a problem was reported."""
        for at, name in enumerate(line.dimensions):
            if name not in DIMENSIONS:
                self.fail("E0511", f"`{name}` is no dimension", line.span, help=dimensions_for(name))
                return None
            if name in line.dimensions[:at]:
                self.fail("E0603", f"`{name}` stands twice in `flat`", line.span)
                return None
        for name in line.dimensions:
            group, place = self.flat.setdefault(name, (line.dimensions, line.span))
            if group != line.dimensions:
                self.fail(
                    "E0603",
                    f"`{name}` is walked in two ways",
                    line.span,
                    f"as {_written(line.dimensions)}",
                    [Label(place, f"as {_written(group)}")],
                    ["a dimension that is part of a flat one is so in every loop"],
                )
                return None
        return line.dimensions[0]


def _written(group: tuple[str, ...]) -> str:
    return group[0] if len(group) == 1 else f"flat({', '.join(group)})"


def load_mapping(path: str | Path) -> MappingFile:
    """Read a `.map` file; raises DovetailError with every problem found."""
    problems = Collector()
    return mapping_of(parse_file(Path(path), problems), problems)


def mapping_from_text(text: str, name: str = "<text>") -> MappingFile:
    """As `load_mapping`, from a text."""
    problems = Collector()
    return mapping_of(parse(Source(text, name), problems, "map"), problems)


def mapping_of(file: s.File, problems: Collector) -> MappingFile:
    """The mapping that a syntax says; `problems` has those of reading it, and gets the rest."""
    nest = _Nest(problems, DesignChooser())
    nest.prepare(file, {})
    try:
        mapping = nest.run()
    except OutOfBounds:
        mapping = Mapping(())
    problems.check()
    if file.header is None or file.header.on is None:
        raise DovetailError(problems.diagnostics)
    return MappingFile(file.header.name, file.header.on, mapping)
