"""A mapping as a tree of frames: every `holds` is a frame around all that walks inside its tiles."""

from __future__ import annotations

from collections.abc import Mapping as Hues
from collections.abc import Sequence
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
TRIPS: Final = 62.0
"""Room for how often a loop runs."""
TILES: Final = 15.0
"""Height of the line that says what tiles a memory holds."""
GAP: Final = 4.0
"""Between a loop and the frame below it."""


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
    memories = list(dict.fromkeys(line.memory for line in lines if line.memory))
    hues = {memory: f"s{at % 6}" for at, memory in enumerate(memories)}
    return picture_of(lines, hues, title, facts).svg()


def picture_of(lines: Sequence[Line], hues: Hues[str, str], title: str = "", facts: str = "") -> Picture:
    """Lines as frames in frames; `hues` are the styles of the memories. Without a title none has room."""
    frames = [line for line in lines if line.kind == "holds"]
    head = HEAD if title else LINE + 6
    margin = MARGIN if title else 0.0
    inner = max([*(_room(line, frames) for line in lines), text_width(title, 13.2), 300.0])
    height = LINE * len(lines) + sum(_around(line) for line in frames) + GAP * (len(frames) - 1)
    picture = Picture(
        inner + 2 * margin, head + height + margin + 6, f"{title}: loop nest" if title else "loop nest"
    )
    if title:
        picture.text(margin, 24, title, "b")
    picture.text(margin, head - 12, facts or work(lines), "d")
    y = head
    for line in lines:
        x = margin + INDENT * line.depth
        if line.kind == "holds":
            y += GAP if line.depth else 0.0
            width = inner - 2 * INDENT * line.depth
            below = head + height - PAD * line.depth - y
            picture.rect(x, y, width, below, "box", 6)
            picture.rect(x, y, width, below, f"{hues[line.memory]} t", 6)
            picture.rect(x, y, 5, below, hues[line.memory], 2)
            picture.text(x + PAD + 4, y + LINE - 3, _head(line), "b")
            if line.tiles:
                picture.text(x + PAD + 4, y + LINE + TILES - 4, words_held(line), "d")
            y += LINE + _around(line) - PAD
            continue
        marks = {"spatial": "s1", "mac": "s6", "for": "s0"}
        picture.rect(x + 6, y + 3, 6, 6, marks[line.kind], 3 if line.kind == "for" else 0)
        picture.text(x + 18, y + LINE - 6, line.text, "m")
        if line.trips > 1:
            right = margin + inner - INDENT * len(frames) - 6
            picture.text(right, y + LINE - 6, f"× {line.trips}", "d r")
        y += LINE
    return picture


def _around(line: Line) -> float:
    """What a frame is higher than the lines in it and its own."""
    return 2 * PAD + (TILES if line.tiles else 0.0)


def _room(line: Line, frames: Sequence[Line]) -> float:
    """The width of the outermost frame that a line asks for."""
    if line.kind == "holds":
        widest = max(text_width(_head(line)), text_width(words_held(line), 11))
        return 2 * INDENT * line.depth + widest + 3 * PAD
    return INDENT * (line.depth + len(frames)) + text_width(line.text) + 24 + TRIPS


def _head(line: Line) -> str:
    """The first line of a frame: what is held, unless the next line says how much of it."""
    return f"{line.memory} holds" if line.tiles else line.text


def words_held(line: Line) -> str:
    """The words of the tiles that a memory holds; nothing where the layer is not known."""
    tiles = ", ".join(f"{tensor} {count:,}".replace(",", " ") for tensor, count in line.tiles)
    one = len(line.tiles) == 1 and line.tiles[0][1] == 1
    return f"{tiles} word{'' if one else 's'}" if tiles else ""


def work(lines: Sequence[Line]) -> str:
    """How many steps there are on how many PEs."""
    steps = 1
    pes = 1
    for line in lines:
        steps *= line.trips if line.kind == "for" else 1
        pes *= line.trips if line.kind == "spatial" else 1
    return f"{steps:,} steps on {pes:,} PEs".replace(",", " ")
