"""A mapping as a tree of frames: every `holds` is a frame around all that walks inside its tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from dovetail.accel.mapping import For, Holds, Mapping, Spatial, flatten
from dovetail.dsl.problem import Problem
from dovetail.dsl.svg import Picture, text_width

MARGIN: Final = 16.0
HEAD: Final = 54.0
LINE: Final = 18.0
PAD: Final = 9.0
INDENT: Final = 14.0
TRIPS: Final = 84.0
"""Room for how often a loop runs."""


@dataclass(frozen=True, slots=True)
class Line:
    """One node as it is drawn: how deep it stands, what it says, how often it runs.

    `kind` is `holds`, `for`, `spatial` or `mac`. `tiles` are the words that a `holds` keeps, by operand, if
    the layer is known; `around` is how many iterations there are in all loops outside and here.
    """

    kind: str
    depth: int
    text: str
    trips: int = 1
    around: int = 1
    memory: str = ""
    tensors: tuple[str, ...] = ()
    tiles: tuple[tuple[str, int], ...] = ()


def draw_data(mapping: Mapping, problem: Problem | None = None) -> tuple[Line, ...]:
    """The lines from the outside in; with the layer, tiles in words."""
    names = {group[0]: f"flat({', '.join(group)})" for group in mapping.flat}
    lines: list[Line] = []
    depth, around = 0, 1
    for at, node in enumerate(mapping.nodes):
        match node:
            case Holds():
                text = f"{node.memory} holds {', '.join(node.tensors)}"
                held = _tiles(mapping, at, node, problem) if problem is not None else ()
                lines.append(Line("holds", depth, text, 1, around, node.memory, node.tensors, held))
                depth += 1
                continue
            case For():
                kind, where = "for", ""
            case Spatial():
                kind, where = "spatial", f" along {node.array}.{node.axis}"
            case _:
                assert_never(node)
        around *= node.trips
        step = "" if node.step == 1 else f" by {node.step}"
        dimension = names.get(node.dimension, node.dimension)
        text = f"{kind} {dimension} in {node.bound}{step}{where}"
        lines.append(Line(kind, depth, text, node.trips, around))
    lines.append(Line("mac", depth, "mac", 1, around))
    return tuple(lines)


def _tiles(mapping: Mapping, at: int, node: Holds, problem: Problem) -> tuple[tuple[str, int], ...]:
    """The words of each operand that all loops inside node `at` touch: the largest tile, padding included."""
    walked = flatten(problem, mapping.flat)
    tile = mapping.tile(at, walked)
    return tuple((operand, walked.words(operand, tile)) for operand in node.tensors)


def draw_mapping(
    mapping: Mapping, title: str = "a mapping", facts: str = "", problem: Problem | None = None
) -> str:
    """The picture, as SVG; `facts` is the line under the title."""
    lines = draw_data(mapping, problem)
    deepest = max(line.depth for line in lines)
    texts = [2 * INDENT * line.depth + text_width(said(line)) + 24 for line in lines]
    inner = max([*texts, text_width(title, 13.2) - TRIPS, 240.0]) + 2 * PAD + TRIPS
    height = LINE * len(lines) + PAD * sum(line.kind == "holds" for line in lines) * 2
    picture = Picture(inner + 2 * MARGIN, HEAD + height + MARGIN + 6, f"{title}: loop nest")
    picture.text(MARGIN, 24, title, "b")
    picture.text(MARGIN, 42, facts or _facts(lines), "d")
    memories = list(dict.fromkeys(line.memory for line in lines if line.memory))
    y = HEAD
    for line in lines:
        x = MARGIN + INDENT * line.depth
        if line.kind == "holds":
            width = inner - 2 * INDENT * line.depth
            below = HEAD + height - PAD * line.depth - y
            series = f"s{memories.index(line.memory) % 6}"
            picture.rect(x, y, width, below, "box", 6)
            picture.rect(x, y, width, below, f"{series} t", 6)
            picture.rect(x, y, 5, below, series, 2)
            picture.text(x + PAD + 4, y + LINE - 3, said(line), "b")
            y += LINE + PAD
            continue
        marks = {"spatial": "s1", "mac": "s6", "for": "s0"}
        picture.rect(x + 6, y + 3, 6, 6, marks[line.kind], 3 if line.kind == "for" else 0)
        picture.text(x + 18, y + LINE - 6, line.text, "m")
        if line.trips > 1:
            right = MARGIN + inner - INDENT * (deepest + 1)
            picture.text(right, y + LINE - 6, f"× {line.trips}", "d r")
        y += LINE
    return picture.svg()


def said(line: Line) -> str:
    """A line of the tree; what a memory holds with its tiles, where they are known."""
    if not line.tiles:
        return line.text
    words = ", ".join(f"{tensor} {count:,}".replace(",", " ") for tensor, count in line.tiles)
    return f"{line.memory} holds {words} words"


def _facts(lines: tuple[Line, ...]) -> str:
    steps = 1
    pes = 1
    for line in lines:
        steps *= line.trips if line.kind == "for" else 1
        pes *= line.trips if line.kind == "spatial" else 1
    return f"{steps:,} steps on {pes:,} PEs".replace(",", " ")
