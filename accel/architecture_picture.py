"""An accelerator as nested frames: memories from the outside in, an array around all that it replicates.

What parts cost is not known here: `Notes` are given by whoever knows (the facade), and drawn beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from dovetail.accel.architecture import Architecture, Array, Memory
from dovetail.dsl.svg import Picture, text_width

MARGIN: Final = 16.0
HEAD: Final = 54.0
LINE: Final = 16.0
PAD: Final = 10.0
GAP: Final = 22.0
BESIDE: Final = 6.0
"""Between memories of which none feeds the other."""
NARROWEST: Final = 250.0


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a part besides its text: lines, and its share of the chip's area (None: outside)."""

    lines: tuple[str, ...] = ()
    area_share: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A box: a memory, the MACs, a unit."""

    name: str
    kind: str
    count: int
    lines: tuple[str, ...]
    area_share: float | None = None
    tensors: frozenset[str] = frozenset()
    """What a memory holds or may hold."""

    @property
    def heading(self) -> str:
        """`Register × 1 024`."""
        return f"{self.name} × {self.count:,}".replace(",", " ") if self.count > 1 else self.name

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        lines = [text_width(line, 11) for line in self.lines]
        width = max(text_width(self.heading, 13.2), *lines, NARROWEST - 2 * PAD) if lines else NARROWEST
        bar = 14 if self.area_share is not None else 0
        return width + 2 * PAD, LINE * (1 + len(self.lines)) + PAD + bar


@dataclass(frozen=True, slots=True)
class Frame:
    """An array around parts and frames; the outermost one is the accelerator and has no name."""

    name: str
    lines: tuple[str, ...]
    parts: tuple[Part | Frame, ...]
    sides: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    """Units, by the memory beside which they stand."""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height, with all inside."""
        inner = max(part.size[0] for part in self.parts)
        units = max((unit.size[0] for some in self.sides.values() for unit in some), default=0.0)
        width = max(inner + (units + GAP if units else 0), *(text_width(t, 11) for t in self.lines), 0.0)
        width = max(width, text_width(self.name, 13.2))
        head = LINE * (1 + len(self.lines)) + PAD if self.name else 0.0
        rows = [self._row(part) for part in self.parts]
        border = 2 * PAD if self.name else 0.0
        gaps = [GAP if fed else BESIDE for fed in self.fed]
        return width + border, head + sum(rows) + sum(gaps) + (PAD if self.name else 0.0)

    @property
    def fed(self) -> tuple[bool, ...]:
        """Whether each part feeds the next one: memories without a common tensor stand side by side."""
        return tuple(
            not (isinstance(a, Part) and isinstance(b, Part) and a.kind == b.kind == "memory")
            or not a.tensors.isdisjoint(b.tensors)
            for a, b in pairwise(self.parts)
        )

    def _row(self, part: Part | Frame) -> float:
        units = self.sides.get(part.name, ())
        beside = sum(unit.size[1] for unit in units) + 8 * max(0, len(units) - 1)
        return max(part.size[1], beside)


def draw_data(architecture: Architecture, notes: Mapping[str, Note] | None = None) -> Frame:
    """The frames and parts; `notes` by the names of the parts (`mac` for the MACs)."""
    known = notes or {}
    sides: dict[str, list[Part]] = {}
    for unit in architecture.units:
        lanes = f"{unit.lanes} lane{'s' if unit.lanes > 1 else ''}"
        note = known.get(unit.name, Note())
        lines = (*wrapped(f"{lanes}: {', '.join(sorted(unit.does))}"), *note.lines)
        sides.setdefault(unit.at, []).append(Part(unit.name, "unit", 1, lines, note.area_share))
    note = known.get("mac", Note())
    lanes = f"{architecture.mac.lanes} lanes" if architecture.mac.lanes > 1 else ""
    said = tuple(filter(None, (lanes, *note.lines)))
    inside: tuple[Part | Frame, ...] = (Part("mac", "mac", architecture.pes, said, note.area_share),)
    units = {memory: tuple(some) for memory, some in sides.items()}
    for level in reversed(architecture.levels):
        if isinstance(level, Array):
            inside = (_frame(level, inside, units),)
            continue
        note = known.get(level.name, Note())
        lines = (*_memory_lines(level), *note.lines)
        count, tensors = architecture.instances(level.name), frozenset((*level.holds, *level.may_hold))
        part = Part(level.name, "memory", count, lines, note.area_share, tensors)
        inside = (part, *inside)
    return Frame("", (), inside, {m: u for m, u in units.items() if m in {p.name for p in inside}})


def _frame(array: Array, inside: tuple[Part | Frame, ...], units: Mapping[str, tuple[Part, ...]]) -> Frame:
    size = " × ".join(f"{axis.size} {axis.name}" for axis in array.axes)
    shared: dict[tuple[str, ...], list[str]] = {}
    for link in array.links:
        shared.setdefault(link.axes, []).append(f"{link.kind} {link.tensor}")
    lines = tuple(f"along {', '.join(axes)}: {', '.join(links)}" for axes, links in shared.items())
    names = {part.name for part in inside}
    beside = {memory: some for memory, some in units.items() if memory in names}
    return Frame(f"{array.name}: {size}", lines, inside, beside)


def _memory_lines(memory: Memory) -> tuple[str, ...]:
    facts = [_bytes(memory.size_bits) if memory.size_bits is not None else "unlimited"]
    if memory.width_bits is not None:
        facts.append(f"{memory.width_bits} bit wide")
    rate = memory.read_bits_per_cycle or memory.write_bits_per_cycle
    if rate is not None:
        facts.append(f"{float(rate):.4g} bit/cycle")
    if memory.size_bits is not None:
        facts.append(f"{memory.buffering} buffering")
    held = [
        f"{verb} {', '.join(sorted(tensors))}"
        for verb, tensors in (("holds", memory.holds), ("may hold", memory.may_hold))
        if tensors
    ]
    return (", ".join(facts), *(("; ".join(held),) if held else ()))


def _bytes(bits: int) -> str:
    if bits % 8:
        return f"{bits} bit"
    for factor, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if bits // 8 >= factor:
            return f"{float(f'{bits / 8 / factor:.4g}'):g} {unit}"
    return f"{bits // 8} B"


def wrapped(text: str, width: int = 44) -> tuple[str, ...]:
    """Lines of words, none much wider than `width` characters."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return tuple(lines)


def draw_architecture(
    architecture: Architecture, notes: Mapping[str, Note] | None = None, facts: str = ""
) -> str:
    """The picture, as SVG; `facts` is the line under the name."""
    whole = draw_data(architecture, notes)
    width, height = whole.size
    facts = facts or f"{architecture.pes:,} PEs".replace(",", " ")
    width = max(width, text_width(architecture.name, 13.2), text_width(facts, 11))
    picture = Picture(width + 2 * MARGIN, HEAD + height + MARGIN, f"{architecture.name} as a tree")
    picture.text(MARGIN, 24, architecture.name, "b")
    picture.text(MARGIN, 42, facts, "d")
    _draw_inside(picture, whole, MARGIN, HEAD, depth=0)
    return picture.svg()


def _draw_inside(picture: Picture, frame: Frame, x: float, y: float, depth: int) -> None:
    """The parts of a frame one below the other, joined by arrows; equally wide, so that areas compare."""
    column = max((part.size[0] for part in frame.parts if isinstance(part, Part)), default=0.0)
    for number, part in enumerate(frame.parts):
        row = frame._row(part)
        if isinstance(part, Frame):
            _draw_frame(picture, part, x, y, depth + 1)
        else:
            _draw_part(picture, part, x, y, column)
        beside = y
        for unit in frame.sides.get(part.name, ()):
            left = x + max(p.size[0] for p in frame.parts) + GAP
            middle = min(beside + unit.size[1] / 2, y + part.size[1] - 8)
            start = x + (part.size[0] if isinstance(part, Frame) else column)
            enters = max(middle, beside + 12)
            turn = left - GAP / 2
            picture.path(
                f"M{start:.1f},{middle:.1f} H{turn:.1f} V{enters:.1f} H{left:.1f}"
                if enters > middle
                else f"M{start:.1f},{middle:.1f} H{left:.1f}",
                "e",
            )
            _draw_part(picture, unit, left, beside, unit.size[0])
            beside += unit.size[1] + 8
        fed = number + 1 < len(frame.parts) and frame.fed[number]
        if fed:
            at = x + 40
            picture.path(f"M{at:.1f},{y + part.size[1]:.1f} L{at:.1f},{y + row + GAP:.1f}", "e", arrow=True)
        y += row + (GAP if fed else BESIDE)


def _draw_frame(picture: Picture, frame: Frame, x: float, y: float, depth: int) -> None:
    width, height = frame.size
    for shift in (6, 3):  # many of them: the edges of two more behind the first
        picture.rect(x + shift, y + shift, width, height, "box", 6)
    picture.rect(x, y, width, height, "box", 6)
    picture.rect(x, y, width, height, f"s{3 if depth % 2 else 5} t", 6)
    picture.text(x + PAD, y + LINE + 2, frame.name, "b")
    for number, line in enumerate(frame.lines, 2):
        picture.text(x + PAD, y + LINE * number + 2, line, "d")
    _draw_inside(picture, frame, x + PAD, y + LINE * (1 + len(frame.lines)) + PAD, depth)


def _draw_part(picture: Picture, part: Part, x: float, y: float, width: float) -> None:
    height = part.size[1]
    series = {"memory": "s0", "mac": "s1", "unit": "s4"}[part.kind]
    picture.rect(x, y, width, height, "box", 5)
    picture.rect(x, y, 5, height, series, 2)
    picture.text(x + PAD + 4, y + LINE + 1, part.heading, "b")
    for number, line in enumerate(part.lines, 2):
        picture.text(x + PAD + 4, y + LINE * number + 1, line, "d")
    if part.area_share is not None:
        room = width - 2 * PAD - 4
        picture.rect(x + PAD + 4, y + height - 13, room, 5, f"{series} t", 2)
        filled = max(1.0, room * part.area_share) if part.area_share else 0.0
        picture.rect(
            x + PAD + 4, y + height - 13, filled, 5, series, 2, f"{100 * part.area_share:.1f} % of the area"
        )
