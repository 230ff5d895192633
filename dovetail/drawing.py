"""`dovetail.draw`: whatever has a picture as SVG, to look at in a notebook or to save."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dovetail.accel.architecture import Architecture
from dovetail.accel.loading import AcceleratorDesign
from dovetail.accel.mapping import Mapping
from dovetail.dsl.loading import NetworkDesign
from dovetail.dsl.network import Network
from dovetail.dsl.problem import Problem


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture as SVG text; the same thing gives the same bytes."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> None:
        """Write it to a file."""
        Path(path).write_text(self.svg, encoding="utf-8")


def draw(
    thing: Network | NetworkDesign | Architecture | AcceleratorDesign | Mapping,
    *,
    title: str = "",
    problem: Problem | None = None,
) -> Drawing:
    """A network as a graph, an accelerator as a tree with energy and area, a mapping as nested tiles.

    With `problem`, the loops of the layer, a mapping shows the words of its tiles; `title` stands over it.
    Raises DovetailError where a part of an accelerator cannot be priced.
    """
    match thing:
        case Network():
            return Drawing(thing._repr_svg_())
        case NetworkDesign():
            return Drawing(thing.network._repr_svg_())
        case Mapping():
            from dovetail.accel.mapping_picture import draw_mapping

            return Drawing(draw_mapping(thing, title or "a mapping", problem=problem))
        case AcceleratorDesign():
            return draw(thing.architecture)
        case Architecture():
            from dovetail.accelerator_picture import accelerator_picture
            from dovetail.pricing import priced

            return Drawing(accelerator_picture(thing, priced(thing)))
