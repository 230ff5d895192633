"""A run of segments that repeats, as a block: what is the same is said, what differs is a parameter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Final

from dovetail.dsl.onnx.composites import common_path
from dovetail.dsl.onnx.names import identifier
from dovetail.dsl.onnx.plan import Plan, Step
from dovetail.dsl.onnx.segments import Segment
from dovetail.dsl.onnx.writing import (
    Body,
    Item,
    Written,
    is_weighted,
    item_of,
    reserved,
    shortened,
    value_text,
)
from dovetail.dsl.operators import Shape

MOST_PARAMETERS: Final = 12


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A block: its text, and for each use its arguments and the name that the model has for it."""

    name: str
    length: int
    lines: tuple[str, ...]
    uses: tuple[tuple[str, ...], ...]
    paths: tuple[tuple[str, ...], ...]


def block_of(plan: Plan, uses: Sequence[Sequence[Segment]], taken: Collection[str]) -> Block | None:
    """The block of which all `uses` (runs of alike segments) are uses; None if too many numbers differ."""
    runs = [[step for segment in use for step in segment.steps] for use in uses]
    inputs = [plan.shapes[use[0].source] for use in uses]
    columns = _Columns(runs, inputs)
    filled = [{name: columns.written(i, name) for name in step.arguments} for i, step in enumerate(runs[0])]
    if len(columns.parameters) > MOST_PARAMETERS:
        return None
    name = _lettered(_kind(runs[0]), {*taken, *reserved()})
    paths = tuple(common_path([s.path for s in run if s.path] or [()]) for run in runs)
    labels: set[str] = set()
    items: list[Item] = []
    for step, arguments in zip(runs[0], filled, strict=True):
        path = step.path[len(paths[0]) :]
        label = ""
        if path and is_weighted(step.op):
            label = identifier(path, labels)
            labels.add(label)
        items.append(item_of(step, label, arguments))
    source, result = uses[0][0].source, uses[0][-1].result
    parameters = [p for p, _ in columns.parameters]
    body = Body(items, {source: "x"}, {*reserved(), *parameters, *taken, name})
    lines = body.run([result])
    head = f"block {name}({', '.join(['x', *parameters])}) {{"
    lines = [head, *lines, f"return {body.expression(result)}", "}"]
    given = tuple(tuple(texts[i] for _, texts in columns.parameters) for i in range(len(uses)))
    return Block(name, len(uses[0]), tuple(lines), given, paths)


class _Columns:
    """The values of each argument over all uses; equal columns are one parameter."""

    def __init__(self, runs: Sequence[Sequence[Step]], inputs: Sequence[Shape]) -> None:
        self.runs = runs
        self.inputs = inputs
        self.parameters: list[tuple[str, tuple[str, ...]]] = []
        self.known: dict[tuple[tuple[str, object], ...], str] = {}

    def written(self, index: int, name: str) -> object:
        """The value of an argument in the block: itself, an expression, or a parameter."""
        values = tuple(run[index].arguments[name] for run in self.runs)
        if all(_same(v, values[0]) for v in values):
            return values[0]
        short = tuple(shortened(name, v) for v in values)
        found = self._of_input(name, short) or self._of_kernel(name, short)
        if found is not None:
            return Written(found)
        key = tuple((type(v).__name__, v) for v in short)
        if key not in self.known:
            names = {p for p, _ in self.parameters}
            label = identifier((name,), {*names, *reserved()})
            self.known[key] = label
            self.parameters.append((label, tuple(value_text(v, is_text=False) for v in short)))
        return Written(self.known[key])

    def _of_input(self, name: str, values: tuple[object, ...]) -> str | None:
        """A multiple of the channels or features that come in, the same in every use."""
        ranks = {len(shape) for shape in self.inputs}
        if name != "out" or len(ranks) > 1:
            return None
        axis, function = (0, "channels") if ranks == {3} else (-1, "features")
        times = {
            v / shape[axis] if isinstance(v, int) else 0.0
            for v, shape in zip(values, self.inputs, strict=True)
        }
        if len(times) > 1 or len({shape[axis] for shape in self.inputs}) < 2:
            return None
        (factor,) = times
        if factor == 1:
            return f"{function}(x)"
        if factor > 1 and factor == int(factor):
            return f"{int(factor)} * {function}(x)"
        if 0 < factor < 1 and 1 / factor == int(1 / factor):
            return f"{function}(x) // {int(1 / factor)}"
        return None

    def _of_kernel(self, name: str, values: tuple[object, ...]) -> str | None:
        """Half a kernel that is a parameter already, as padding."""
        if name != "pad":
            return None
        for key, label in self.known.items():
            if label.startswith("kernel") and all(
                isinstance(k, int) and v == k // 2 for (_, k), v in zip(key, values, strict=True)
            ):
                return f"{label} // 2"
        return None


def _same(a: object, b: object) -> bool:
    return type(a) is type(b) and a == b


def _lettered(name: str, taken: Collection[str]) -> str:
    """`stage`, `stage_b`, `stage_c` …: a number would be taken for the second use of `stage`."""
    letters = (f"{name}_{letter}" for letter in ascii_lowercase[1:])
    return next((n for n in (name, *letters) if n not in taken), identifier((f"{name}_z",), taken))


def _kind(steps: Sequence[Step]) -> str:
    """What a block is called, by what is in it."""
    ops = [step.op for step in steps]
    products = ops.count("conv") + ops.count("linear") + ops.count("dwconv")
    if "attention" in ops or ("softmax" in ops and "matmul" in ops):
        return "encoder" if "linear" in ops and ops.count("linear") >= 2 else "attend"
    if "shuffle" in ops:
        return "shuffled"
    if "dwconv" in ops:
        return "inverted_residual" if "add" in ops else "separable"
    if "concat" in ops:
        return "fire" if products == 3 and len(ops) <= 8 else "dense" if products == 2 else "branches"
    if "add" in ops:
        return "residual"
    return "stage"
