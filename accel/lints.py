"""Legal nonsense: what an `.accel` file may say and nobody means."""

from __future__ import annotations

from dovetail.accel.architecture import Architecture, SpatialRule
from dovetail.accel.collecting import Collecting
from dovetail.accel.drafts import ArrayDraft, MemoryDraft, levels
from dovetail.dsl.diagnostics import Diagnostic, Label
from dovetail.dsl.source import Span


def lint(collected: Collecting, architecture: Architecture) -> None:
    """Add a warning for each."""

    def warn(code: str, message: str, span: Span, *help: str, others: tuple[Label, ...] = ()) -> None:
        collected.problems.add(Diagnostic(code, message, Label(span), others, help))

    for draft in levels(collected.tree):
        if isinstance(draft, MemoryDraft):
            memory = architecture.memory(draft.name)
            if not memory.holds | memory.may_hold:
                warn("W1101", f"nothing is ever held in `{draft.name}`", draft.span)
            if "energy" not in draft.entries:
                help = "`energy = sram()`, or `energy = none` if that is meant"
                warn("W1102", f"`{draft.name}` has no energy: its accesses cost nothing", draft.span, help)
        else:
            _lint_links(collected, draft)
    for dataflow in architecture.dataflows:
        block, _ = collected.dataflows[dataflow.name]
        if architecture.arrays and not any(isinstance(c, SpatialRule) for c in dataflow.constraints):
            warn("W1103", f"the dataflow `{dataflow.name}` says nothing of any axis", block.span)
        for other in architecture.dataflows:
            if other is dataflow:
                break
            if set(other.constraints) == set(dataflow.constraints):
                place = Label(collected.dataflows[other.name][0].span, "the same here")
                message = f"the dataflows `{other.name}` and `{dataflow.name}` are the same"
                warn("W1104", message, block.span, others=(place,))
    for statement, name in collected.unreached:
        if name in collected.scope.own() and statement.span.source is collected.file.source:
            help = f"`as {statement.alias}({name} = {name})` hands it on"
            warn("W1105", f"`{name}` does not reach the `{name}` of `{statement.path}`", statement.span, help)
    if "clock" not in collected.machine.entries and collected.file.header is not None:
        warn("W1106", "no clock is given: 1 GHz is taken", collected.file.header.span, "`clock 500 MHz`")


def _lint_links(collected: Collecting, array: ArrayDraft) -> None:
    for at, link in enumerate(array.links):
        for earlier in array.links[:at]:
            same = (earlier.item.kind, earlier.item.tensor) == (link.item.kind, link.item.tensor)
            if same and set(earlier.axes) == set(link.axes):
                message = f"`{link.item.kind} {link.item.tensor}` along {', '.join(link.axes)} is said twice"
                place = (Label(earlier.span, "first here"),)
                collected.problems.add(Diagnostic("W1107", message, Label(link.span), place))
