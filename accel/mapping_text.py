"""A mapping as text, in the language's own look, so that it can be printed, edited and given back."""

from __future__ import annotations

from dovetail.accel.mapping import For, Holds, Mapping, Spatial


def format_mapping(mapping: Mapping, layer: str, accelerator: str) -> str:
    """The text of a `.map` file; what is inside a `holds` is indented, a flat dimension lists its members.

    mapping for "fire9.squeeze1x1" on squeezelerator
    DRAM holds weights, inputs, outputs
    for K in 64 by 32
      Buffer holds inputs, outputs
      …
          mac
    """
    lines = [f'mapping for "{layer}" on {accelerator}']
    names = {group[0]: f"flat({', '.join(group)})" for group in mapping.flat}
    depth = 0
    first = True
    for node in mapping.nodes:
        match node:
            case Holds():
                if not first and not lines[-1].lstrip().startswith(f"{node.memory} holds"):
                    depth += 1
                line = f"{node.memory} holds {', '.join(node.tensors)}"
            case For():
                line = f"for {names.get(node.dimension, node.dimension)} in {node.bound}{_by(node.step)}"
            case Spatial():
                dimension = names.get(node.dimension, node.dimension)
                along = f"{node.array}.{node.axis}"
                line = f"spatial {dimension} in {node.bound}{_by(node.step)} along {along}"
        first = False
        lines.append("  " * depth + line)
    lines.append("  " * (depth + 1) + "mac")
    return "\n".join(lines) + "\n"


def _by(step: int) -> str:
    return "" if step == 1 else f" by {step}"
