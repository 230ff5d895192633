"""A layer that finds or leaves feature maps in a memory on chip: what that does to its mapping.

An operand that stays is held whole in that memory, outside all loops, and in no memory further out: nothing
fills it, and nothing is sent on. The rest of the mapping is as ever, with less room in that memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dovetail.accel.architecture import Architecture, Memory
from dovetail.accel.legality import names_of
from dovetail.accel.mapping import Holds, Mapping, Node
from dovetail.dsl.problem import Problem


@dataclass(frozen=True, slots=True)
class OnChip:
    """The operands of a layer that stay in a memory, and what else is kept there meanwhile."""

    memory: str
    operands: frozenset[str]
    """Of `inputs`, `weights` (the second operand of a product of two activations), `outputs`."""
    taken_bits: int
    """By feature maps, or parts of them, that the layer does not touch."""

    def left_in(self, architecture: Architecture) -> Architecture | None:
        """The architecture whose memory has what those others leave; None where they do not fit."""
        return _smaller(architecture, self.memory, self.taken_bits)

    def room_in(self, problem: Problem, architecture: Architecture, output_bits: int) -> Architecture | None:
        """The architecture with what is left beside the operands too, outputs being so wide."""
        memory = architecture.memory(self.memory)
        own = sum(
            problem.words(operand, gaps=not memory.skip_gaps)
            * (output_bits if operand == "outputs" else getattr(problem.bits, operand))
            for operand in self.operands
        )
        return _smaller(architecture, self.memory, self.taken_bits + own)

    def without(self, architecture: Architecture, held: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """What each memory holds in a mapping, but for the operands that `lift` puts in their place."""
        names = [memory.name for memory in architecture.memories]
        inside = names.index(self.memory) + 1
        outer = [tuple(o for o in operands if o not in self.operands) for operands in held[:inside]]
        return [*outer, *held[inside:]]

    def lift(self, mapping: Mapping, architecture: Architecture) -> Mapping:
        """The mapping with the operands whole in the memory, and in none further out."""
        if not self.operands:
            return mapping
        names = [memory.name for memory in architecture.memories]
        outer = names[: names.index(self.memory) + 1]
        nodes: list[Node] = []
        for node in mapping.nodes:
            if isinstance(node, Holds) and node.memory in outer:
                left = tuple(tensor for tensor in node.tensors if tensor not in self.operands)
                if left:
                    nodes.append(Holds(node.memory, left))
            else:
                nodes.append(node)
        whole = Holds(self.memory, tuple(sorted(self.operands)))
        at = 0  # behind what other memories hold outside all loops
        while at < len(nodes) and isinstance(node := nodes[at], Holds) and node.memory in outer[:-1]:
            at += 1
        return replace(mapping, nodes=(*nodes[:at], whole, *nodes[at:]))

    def barred_in(self, architecture: Architecture) -> Architecture:
        """The architecture whose memory does not take the operands, for a mapper that knows nothing else."""
        names = {name for operand in self.operands for name in names_of(operand)}

        def change(memory: Memory) -> Memory:
            if memory.name != self.memory:
                return memory
            return replace(memory, holds=memory.holds - names, may_hold=memory.may_hold - names)

        levels = tuple(change(v) if isinstance(v, Memory) else v for v in architecture.levels)
        return replace(architecture, levels=levels)


def _smaller(architecture: Architecture, name: str, bits: int) -> Architecture | None:
    def change(memory: Memory) -> Memory:
        if memory.name != name or memory.size_bits is None:
            return memory
        return replace(memory, size_bits=memory.size_bits - bits)

    size = architecture.memory(name).size_bits
    if size is not None and bits > size:
        return None
    levels = tuple(change(v) if isinstance(v, Memory) else v for v in architecture.levels)
    return replace(architecture, levels=levels)
