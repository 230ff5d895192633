"""ONNX nodes to steps of our operators, one after the other; batch is left out.

Every tensor of the model is one of three things:

    Constant     known without running the model
    Activation   the words of a step's result, in the model's own shape (batch 1 and other ones included)
    Missing      what a node makes that we cannot say; only if an output needs it is that a problem

Reshapes and the like change the shape of an Activation and make no step.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Final, TypeAlias

from dovetail.dsl.onnx.axes import Unreadable, axis_in
from dovetail.dsl.onnx.constants import Constant, Sizes
from dovetail.dsl.onnx.folding import fold
from dovetail.dsl.onnx.graph import Graph, Node
from dovetail.dsl.onnx.names import path_of
from dovetail.dsl.onnx.plan import Plan, Step, without_ones
from dovetail.dsl.operators import Shape

UNKNOWN_OPERATOR: Final = "is no operator of ours"


@dataclass(frozen=True, slots=True)
class Activation:
    """Words of the plan's tensor `number` in the model's `shape`.

    `border`: zeros around an image (top, bottom, left, right) that its readers add as their padding.
    `private`: nobody else reads any tensor between the step and here.
    """

    number: int
    shape: Sizes
    border: tuple[int, int, int, int] | None = None
    private: bool = True


@dataclass(frozen=True, slots=True)
class Missing:
    """The node that could not be said, and why."""

    node: Node
    why: str


Value: TypeAlias = "Constant | Activation | Missing"


@dataclass(slots=True)
class Notes:
    """What a user should know of what was not taken over word for word: kind to places."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, place: str) -> None:
        """One more place."""
        self.found.setdefault(kind, []).append(place)


class Lowering:
    """The state while a model is read: what each of its tensors is, and the plan that grows."""

    def __init__(
        self, graph: Graph, rules: Mapping[str, Rule], idioms: Callable[[Lowering, Node], Idiom | None]
    ):
        self.graph = graph
        self.rules = rules
        self.idioms = idioms
        self.plan = Plan()
        self.notes = Notes()
        self.batch = 1
        self.values: dict[str, Value] = dict(graph.constants)
        self.readers: dict[str, list[Node]] = {}
        self.uses: Counter[str] = Counter(graph.outputs)
        self.done: set[str] = set()
        self.weights: Counter[str] = Counter()
        self.tables = 0
        for node in graph.nodes:
            self._register(node)

    def _register(self, node: Node) -> None:
        for name in node.reads:
            self.readers.setdefault(name, []).append(node)
            self.uses[name] += 1

    # ------------------------------------------------------------------------------------- the walk

    def run(self) -> None:
        """Every node that an output needs."""
        needed = set(self.graph.outputs)
        live: list[Node] = []
        for node in reversed(self.graph.nodes):
            if not needed.isdisjoint(node.outputs):
                needed.update(node.reads)
                live.append(node)
        live.reverse()
        self._fold_all(live)
        pending = deque(live)
        while pending:
            node = pending.popleft()
            if any(name in self.values for name in node.outputs if name) or self._hidden(node):
                continue
            if node.op == "If":
                branch = self._branch(node)
                if branch is not None:
                    pending.extendleft(reversed(branch))
                    continue
            self._visit(node)

    def _hidden(self, node: Node) -> bool:
        """Whether an idiom that was found stands for the node."""
        return bool(node.outputs) and node.outputs[0] in self.done

    def _fold_all(self, nodes: list[Node]) -> None:
        """What depends on stored tensors alone, before anything else: idioms look for it."""
        for node in nodes:
            if self._on_constants(node) and node.op != "If":
                self._fold(node)

    def _on_constants(self, node: Node) -> bool:
        """Whether all that a node reads is known; of what `CastLike` imitates it reads the type alone."""
        reads = node.inputs[:1] if node.op == "CastLike" else node.reads
        return all(isinstance(self.values.get(name), Constant) for name in reads)

    def _fold(self, node: Node) -> bool:
        operands = [v if isinstance(v := self.values.get(n), Constant) else None for n in node.inputs]
        try:
            made = fold(node, operands, self.graph.opset)
        except Unreadable as fault:
            self._assign(node, [Missing(node, str(fault))] * len(node.outputs))
            return True
        if made is None:
            return False
        named = [c if c.name else replace(c, name=name) for c, name in zip(made, node.outputs, strict=False)]
        self._assign(node, named)
        return True

    def _visit(self, node: Node) -> None:
        found = self.idioms(self, node)
        if found is not None:
            self.done.update(name for hidden in found.nodes for name in hidden.outputs)
            self.done.discard(found.output)
            self.values[found.output] = found.value
            return
        operands = [self.values.get(name) for name in node.reads]
        if self._on_constants(node) and self._fold(node):
            return
        rule = self.rules.get(node.op)
        lost = next((v for v in operands if isinstance(v, Missing)), None)
        made: tuple[Value, ...]
        try:
            if rule is None:
                made = (lost or Missing(node, UNKNOWN_OPERATOR),) * len(node.outputs)
            else:
                made = rule(self, node)
        except Unreadable as fault:
            made = (lost or Missing(node, str(fault)),) * len(node.outputs)
        except (IndexError, ValueError, OverflowError, ZeroDivisionError):
            # Rules read sizes that nobody checked; what they cannot be used for is not worth a sentence each.
            made = (lost or Missing(node, "its sizes do not fit together"),) * len(node.outputs)
        self._assign(node, made)

    def _assign(self, node: Node, made: Sequence[Value]) -> None:
        for index, name in enumerate(node.outputs):
            if name:
                made_value = (
                    made[index] if index < len(made) else Missing(node, "has an output we do not know")
                )
                self.values[name] = made_value

    def _branch(self, node: Node) -> list[Node] | None:
        """The nodes of the branch that an `If` takes, where that is known."""
        condition = self.values.get(node.input(0))
        taken = condition.number() if isinstance(condition, Constant) else None
        if taken is None:
            return None
        graph = node.attributes.get("then_branch" if taken else "else_branch")
        if not isinstance(graph, Graph) or len(graph.outputs) != len(node.outputs):
            return None
        own = {name for inner in graph.nodes for name in inner.outputs} | set(graph.constants)
        prefix = f"{node.outputs[0]}/"
        self.values |= {prefix + name: value for name, value in graph.constants.items()}

        def outer(name: str) -> str:
            return prefix + name if name in own else name

        nodes = [
            replace(
                inner,
                inputs=tuple(map(outer, inner.inputs)),
                outputs=tuple(prefix + name if name else "" for name in inner.outputs),
                captured=tuple(map(outer, inner.captured)),
            )
            for inner in graph.nodes
        ]
        nodes += [
            Node("Identity", node.name, (outer(inner),), (name,))
            for inner, name in zip(graph.outputs, node.outputs, strict=True)
        ]
        for inner in nodes:
            self._register(inner)
        return nodes

    # ------------------------------------------------------------------------------------- operands

    def constant(self, node: Node, index: int) -> Constant | None:
        """An operand that is known; None where it is not, or is left out."""
        value = self.values.get(node.input(index))
        return value if isinstance(value, Constant) else None

    def operands(self, node: Node) -> list[Constant | None]:
        """All operands, those that are not known as None."""
        return [self.constant(node, i) for i in range(len(node.inputs))]

    def learned(self, node: Node, index: int, what: str = "weights") -> Constant:
        """An operand that is weights, counted as used here; raises Unreadable where it is computed."""
        value = self.constant(node, index)
        if value is None:
            raise Unreadable(f"its {what} are computed, not stored")
        if value.name:
            self.weights[value.name] += 1
        return value

    def biased(self, node: Node, index: int) -> bool:
        """Whether an operand is a bias: some exporters write out one that is not there as zeros made on the
        spot."""
        name = node.input(index)
        value = self.values.get(name)
        if not name or not isinstance(value, Constant) or value.value is None:
            return bool(name)
        stored = not self.graph.constants.keys().isdisjoint({name, value.name})
        return stored or value.learned or bool(value.value.any())

    def activation(self, node: Node, index: int = 0, *, bordered: bool = False) -> Activation:
        """An operand that the network computes; a stored one becomes a table that is looked up."""
        name = node.input(index)
        value = self.values.get(name)
        if isinstance(value, Constant):
            return self.table(value)
        if isinstance(value, Missing):
            raise Unreadable(value.why)
        if value is None:
            raise Unreadable("an operand is left out")
        if value.border is not None and not bordered:
            raise Unreadable("its input is padded, which only convolutions and pools take over")
        return replace(value, private=value.private and self.uses[name] == 1)

    def table(self, constant: Constant) -> Activation:
        """A stored tensor as an operand of the network: its rows, looked up one by one."""
        if not constant.words:
            raise Unreadable("an operand is empty")
        features = constant.shape[-1] if constant.shape else 1
        rows = constant.words // features
        vocabulary = constant.table[0] if constant.table is not None else rows
        self.tables += 1
        index = self.plan.input(f"positions{self.tables if self.tables > 1 else ''}", (rows,))
        path = path_of(Node("Gather", "", (), ()), constant.name)
        (number,) = self.plan.add(
            "embedding", [index], {"vocabulary": vocabulary, "features": features}, path
        )
        if constant.name:
            self.weights[constant.name] += 1
        return Activation(number, constant.shape)

    def leads_to(self, name: str, op: str, hops: int = 4) -> bool:
        """Whether a reader of a tensor, or of what single operands make of it, is an `op`."""
        if hops == 0:
            return False
        return any(
            node.op == op or any(self.leads_to(made, op, hops - 1) for made in node.outputs if made)
            for node in self.readers.get(name, [])[:4]
        )

    # --------------------------------------------------------------------------------------- shapes

    def shape(self, activation: Activation) -> Shape:
        """The shape of an activation in the plan."""
        return self.plan.shapes[activation.number]

    def image(self, activation: Activation) -> int:
        """Its words as channels x height x width (a signal of one row where there is one axis less)."""
        shape = activation.shape
        if activation.border is not None:
            top, bottom, left, right = activation.border
            shape = (*shape[:2], shape[2] - top - bottom, shape[3] - left - right)
        if len(shape) not in (3, 4):
            raise Unreadable(f"it works on an image, and its input is {list(shape)}")
        if shape[0] != 1:
            raise Unreadable(f"it works on {shape[0]} images at once; batch is a property of the evaluation")
        wanted = shape[1:] if len(shape) == 4 else (shape[1], 1, shape[2])
        return self.plan.shaped(activation.number, wanted)

    def grid(self, activation: Activation, *needed: int) -> tuple[int, dict[int, int]]:
        """Its words with the axes of the model: the tensor, and where each axis of more than one word is.

        Axes in `needed` are there even where they have one word.
        """
        shape, have = activation.shape, self.shape(activation)
        if without_ones(shape) == without_ones(have) and all(shape[axis] != 1 for axis in needed):
            places = iter(i for i, size in enumerate(have) if size != 1)
            return activation.number, {i: next(places) for i, size in enumerate(shape) if size != 1}
        if len(shape) == 4 and shape[0] == 1 and 0 not in needed:
            kept = [1, 2, 3]
        else:
            kept = [i for i, size in enumerate(shape) if size != 1 or i in needed] or [len(shape) - 1]
        number = self.plan.shaped(activation.number, tuple(shape[i] for i in kept))
        return number, {axis: place for place, axis in enumerate(kept)}

    def rows(self, activation: Activation, features: int) -> int:
        """Its words as a vector or as tokens of `features`, as they are where that is possible."""
        have = self.shape(activation)
        if have == (features, 1, 1) or (len(have) != 3 and have[-1] == features):
            return activation.number
        count = prod(have) // features
        if count * features != prod(have):
            raise Unreadable(f"{list(activation.shape)} is no rows of {features}")
        return self.plan.shaped(activation.number, (features,) if count == 1 else (count, features))

    def maker(self, activation: Activation) -> Step | None:
        """The step that makes an activation."""
        return self.plan.makers.get(activation.number)

    # ---------------------------------------------------------------------------------------- steps

    def step(
        self,
        node: Node,
        op: str,
        operands: list[int],
        shape: Sizes,
        arguments: Mapping[str, object] | None = None,
        *,
        weights: Constant | None = None,
    ) -> tuple[Value, ...]:
        """A step with one result, which the model calls a tensor of `shape`."""
        path = path_of(node, weights.name if weights is not None else "")
        (number,) = self.plan.add(op, operands, arguments, path)
        return (Activation(number, shape),)

    def axis(self, node: Node, shape: Sizes, default: int) -> int:
        """The attribute `axis`, counted from the front."""
        value = node.attributes.get("axis", default)
        return axis_in(value if isinstance(value, int) else default, len(shape))


@dataclass(frozen=True, slots=True)
class Idiom:
    """Several nodes that are one operation of ours, and what it makes."""

    nodes: tuple[Node, ...]
    output: str
    value: Value


Rule: TypeAlias = "Callable[[Lowering, Node], tuple[Value, ...]]"
