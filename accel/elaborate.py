"""From the syntax of an `.accel` file to an architecture: properties read, names resolved."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from dovetail.accel.architecture import Architecture, Array, Mac, Memory
from dovetail.accel.build_array import array_of, mac_of, unit_of
from dovetail.accel.build_dataflow import Machine, can_hold, dataflow_of, operand
from dovetail.accel.build_memory import memory_of
from dovetail.accel.build_paths import follow_paths
from dovetail.accel.collecting import Collecting
from dovetail.accel.conversion import Clock
from dovetail.accel.drafts import ArrayDraft, Draft, MemoryDraft, levels
from dovetail.accel.lints import lint
from dovetail.accel.properties import PRECISION, SETTINGS, TRANSFERS
from dovetail.dsl.declarations import Figure
from dovetail.dsl.diagnostics import Label
from dovetail.dsl.evaluator import OutOfBounds
from dovetail.dsl.problem import OPERANDS, Bits
from dovetail.dsl.source import Span
from dovetail.dsl.values import RecordValue

DEFAULT_BITS: Final = 16
DEFAULT_TECHNOLOGY_NM: Final = 45.0


class AcceleratorElaborator(Collecting):
    """Executes an `.accel` file; what it describes is in `architecture`, None where it is refused."""

    architecture: Architecture | None = None
    whole: bool = True
    """Whether every statement could be taken: else a part that is missing may be one that was refused."""

    def run(self) -> None:
        """Execute the whole file."""
        self.start()
        try:
            self.top(self.file.statements, self.scope)
            made = self._build()
            for requirement, scope in self.requirements:
                self._require(requirement, scope)
        except OutOfBounds:
            return
        if made is not None and not self.problems.failed:
            lint(self, made)
            self.architecture = made

    def _build(self) -> Architecture | None:
        self.whole = not self.problems.failed
        header = self.file.header.span if self.file.header is not None else Span(self.file.source, 0, 0)
        self.clock = Clock(self.read(self.machine, "clock", SETTINGS, Fraction) or self.clock.hz)
        nanometres = self.read(self.machine, "technology", SETTINGS, float)
        bits = self._bits()
        given = self._levels(header)
        mac = self._the_mac(header)
        units = tuple(unit_of(self, unit) for unit in self.units.values())
        for unit in self.units.values():
            self._known_memory(unit.at, given, unit.span)
        ordered, paths = follow_paths(self, given, self.paths)
        dataflows = tuple(
            dataflow_of(self, block, scope, _machine(ordered, mac))
            for block, scope in self.dataflows.values()
        )
        keep = self._keep(ordered)
        overlap = self.read_words(self.transfers, "overlap", TRANSFERS)
        self._check_homes(ordered, header)
        if self.problems.failed or self.file.header is None:
            return None
        return Architecture(
            name=self.file.header.name,
            levels=ordered,
            mac=mac,
            units=units,
            dataflows=dataflows,
            clock_hz=float(self.clock.hz),
            technology_nm=nanometres or DEFAULT_TECHNOLOGY_NM,
            bits=bits,
            overlap_transfers="overlap" not in self.transfers.entries or bool(overlap),
            keep_feature_maps_in=keep,
            paths=paths,
            metrics=tuple(
                (f.name, f.value, f.source) for f in self.figures.values() if isinstance(f, Figure)
            ),
        )

    # ------------------------------------------------------------------------------------ parts

    def _bits(self) -> Bits:
        """The widths of the four tensors; sums are as wide as outputs unless given."""
        given = {t: self.read(self.precision, t, PRECISION, int) for t in PRECISION}
        widths = {t: given[t] or DEFAULT_BITS for t in ("weights", "inputs", "outputs")}
        return Bits(**widths, sums=given["sums"] or widths["outputs"])

    def _levels(self, header: Span) -> tuple[Memory | Array, ...]:
        drafts = list(levels(self.tree))
        if self.whole and (not drafts or not isinstance(drafts[0], MemoryDraft)):
            span = drafts[0].span if drafts else header
            help = ["put `memory DRAM { bandwidth = 16 GB/s shared; energy = dram(LPDDR4) }` before the rest"]
            self.fail("E0505", "no memory is outermost: data has to come from somewhere", span, help=help)
        made: list[Memory | Array] = []
        for draft in drafts:
            if isinstance(draft, MemoryDraft):
                made.append(memory_of(self, draft, outermost=not made))
            else:
                made.append(array_of(self, draft))
            self._publish(draft)
        return tuple(made)

    def _publish(self, draft: Draft) -> None:
        """`Buffer.size` is known from here on, in every file that takes part, unless the name is taken."""
        for scope in self.scopes:
            if scope.find(draft.name) is None:
                scope.define(draft.name, RecordValue(tuple(draft.values.items())))

    def _the_mac(self, header: Span) -> Mac:
        if self.mac is None:
            if self.whole:
                arrays = [draft for draft in levels(self.tree) if isinstance(draft, ArrayDraft)]
                help = ["put `mac { rate = 1/cycle }` inside the innermost braces"]
                span = arrays[-1].span if arrays else header
                self.fail("E0506", "the accelerator has no `mac`", span, help=help)
            return Mac()
        home = self.tree if self.mac.home is None else self.mac.home.inside
        array = next((draft for draft in home if isinstance(draft, ArrayDraft)), None)
        if array is not None:
            others = [Label(array.span, "this array is further inside")]
            self.fail("E0506", "the `mac` is the innermost part", self.mac.span, others=others)
        return mac_of(self, self.mac, self.dataflows)

    def _known_memory(self, name: str, given: tuple[Memory | Array, ...], span: Span) -> Memory | None:
        memories = {level.name: level for level in given if isinstance(level, Memory)}
        return memories[name] if self.named("memory", name, memories, span) else None

    def _keep(self, given: tuple[Memory | Array, ...]) -> str | None:
        """Where feature maps stay between layers."""
        for statement in self.keeps:
            if statement.what != "feature_maps":
                help = ["`keep feature_maps in Buffer`: outputs that fit stay for their readers"]
                self.fail("E0504", f"`{statement.what}` is nothing that is kept", statement.span, help=help)
            memory = self._known_memory(statement.memory, given, statement.span)
            for tensor in ("inputs", "outputs"):
                if memory is not None and not can_hold(memory, tensor):
                    message = f"feature maps cannot stay in `{memory.name}`, which does not hold {tensor}"
                    help = [f"add `{tensor}` to what `{memory.name}` may hold"]
                    self.fail("E0513", message, statement.span, help=help)
        return self.keeps[-1].memory if self.keeps else None

    def _check_homes(self, given: tuple[Memory | Array, ...], header: Span) -> None:
        memories = [level for level in given if isinstance(level, Memory)]
        for tensor in OPERANDS:
            if self.whole and memories and not any(can_hold(memory, tensor) for memory in memories):
                held = sorted({operand(t) for m in memories for t in m.holds | m.may_hold})
                message = f"no memory holds {tensor}"
                help = [f"the memories hold {', '.join(held) or 'nothing'}; add `{tensor}` to one"]
                self.fail("E0516", message, header, help=help)


def _machine(given: tuple[Memory | Array, ...], mac: Mac) -> Machine:
    memories = {level.name: level for level in given if isinstance(level, Memory)}
    axes = {level.name: tuple(a.name for a in level.axes) for level in given if isinstance(level, Array)}
    return Machine(memories, axes | ({"mac": ("lanes",)} if mac.lanes > 1 else {}))
