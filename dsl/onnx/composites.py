"""Steps that are together a block of the language itself: multi-head attention."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from dovetail.dsl.onnx.plan import Plan, Step


def with_attention(plan: Plan) -> Plan:
    """The plan with the steps of each multi-head self-attention as one step `attention`."""
    readers = Counter(number for step in plan.steps for number in step.operands)
    readers.update(plan.outputs)
    gone: set[int] = set()
    made: dict[int, Step] = {}
    for step in plan.steps:
        found = _attention(plan, step, readers)
        if found is not None:
            steps, whole = found
            gone.update(id(s) for s in steps)
            made[id(step)] = whole
    if not made:
        return plan
    kept = [made.get(id(s), s) for s in plan.steps if id(s) in made or id(s) not in gone]
    return replace(plan, steps=kept)


def _attention(plan: Plan, last: Step, readers: Counter[int]) -> tuple[list[Step], Step] | None:
    """The steps of `attention` (dsl/library/attention.net) that end with the projection `last`."""
    if not _plain_linear(last):
        return None
    steps = [last]

    def back(step: Step | None, op: str, operand: int = 0) -> Step | None:
        """The step that makes an operand for this reader alone."""
        if step is None or operand >= len(step.operands):
            return None
        number = step.operands[operand]
        maker = plan.makers.get(number)
        if maker is None or maker.op != op or readers[number] != 1:
            return None
        steps.append(maker)
        return maker

    joined = back(last, "reshape")
    context = back(back(joined, "transpose"), "matmul")
    scores = back(back(context, "softmax"), "matmul")
    if joined is None or context is None or scores is None:
        return None
    sources = []
    linears = []
    for product, operand in ((scores, 0), (scores, 1), (context, 1)):
        turned = back(product, "transpose", operand)
        split = back(turned, "reshape")
        linear = back(split, "linear")
        if turned is None or split is None or linear is None or not _plain_linear(linear):
            return None
        if turned.arguments["order"] != (1, 0, 2):
            return None
        sources.append(linear.operands[0])
        linears.append(linear)
    shape = plan.shapes[sources[0]]
    heads = plan.shapes[scores.results[0]][0]
    size = shape[-1]
    fits = (
        len(set(sources)) == 1
        and len(shape) == 2
        and plan.shapes[joined.results[0]] == shape
        and all(step.arguments["out"] == size for step in (last, *linears))
        and plan.shapes[scores.operands[0]] == (heads, shape[0], size // heads)
        and scores.arguments["transpose_b"] is True
        and context.arguments["transpose_b"] is False
    )
    if not fits:
        return None
    path = common_path([step.path for step in (last, *linears)])
    return steps, Step("attention", (sources[0],), {"heads": heads}, last.results, path)


def _plain_linear(step: Step) -> bool:
    return step.op == "linear" and step.arguments["bias"] is True and step.arguments["norm"] is False


def common_path(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    """What all names begin with."""
    found: list[str] = []
    for words in zip(*paths, strict=False):
        if len(set(words)) > 1:
            break
        found.append(words[0])
    return tuple(found)
