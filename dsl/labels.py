"""Names of stages as a text gives or implies them: labels that are written, and what the rest is called
after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dovetail.dsl import syntax as s


def defines(statement: s.Statement) -> tuple[str, ...]:
    """The names that a statement binds."""
    match statement:
        case s.Assign():
            return statement.names
        case s.Let() | s.Param():
            return (statement.name,)
        case _:
            return ()


def stem(call: s.Expr) -> str:
    """What an unlabelled stage is called after."""
    match call:
        case s.Call():
            return stem(call.function)
        case s.Name():
            return call.id
        case s.Attribute():
            return call.name
        case _:
            return "choice"


def source_text(node: s.Expr) -> str:
    """An option as the text writes it, blanks folded."""
    return " ".join(node.span.text.split())


def labels(statements: Sequence[s.Statement]) -> Iterator[str]:
    """Stage labels and inputs written directly in these statements: automatic names keep off them."""
    for statement in statements:
        match statement:
            case s.Input():
                yield statement.name
            case s.Assign():
                for value in statement.values:
                    yield from _stage_labels(value.value)
            case s.Return() | s.Output():
                for node in statement.values:
                    yield from _stage_labels(node)
            case _:
                pass


def _stage_labels(node: s.Expr) -> Iterator[str]:
    match node:
        case s.Pipeline():
            yield from _stage_labels(node.head)
            for stage in node.stages:
                yield from _labels_of_stage(stage)
        case s.Call():
            for argument in node.arguments:
                yield from _stage_labels(argument.value)
        case s.Conditional():
            yield from _stage_labels(node.then)
            yield from _stage_labels(node.otherwise)
        case s.Binary():
            yield from _stage_labels(node.left)
            yield from _stage_labels(node.right)
        case s.ChooseLabelled():
            for alternative in node.alternatives:
                yield from _stage_labels(alternative.value)
        case s.Items():
            for item in node.items:
                yield from _stage_labels(item)
        case _:
            return


def _labels_of_stage(stage: s.Stage | s.ForStage) -> Iterator[str]:
    if isinstance(stage, s.ForStage):
        for step in stage.body:
            yield from _labels_of_stage(step)
        return
    if stage.name is not None:
        yield stage.name
    yield from _stage_labels(stage.call)
