"""The mapping of a layer as a picture: frames in frames, in the colours of the memories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dovetail.accel.mapping_picture import Line, picture_of
from dovetail.dsl.svg import number
from dovetail.explorer.report.html import Html, tag


@dataclass(slots=True)
class Nests:
    """The pictures of an evaluation. Layers that are mapped alike share one, which is written once."""

    prefix: str
    classes: Mapping[str, str]
    """Colours of the parts."""
    written: dict[tuple[Line, ...], str] = field(default_factory=dict)

    def draw(self, layer: str, lines: Sequence[Line]) -> Html:
        """The picture of a layer."""
        found = tuple(lines)
        hues = {line.memory: self.classes.get(line.memory, "c-leak") for line in found if line.memory}
        picture = picture_of(found, hues)
        if found in self.written:
            drawn = tag("use", href=f"#{self.written[found]}")
        else:
            name = self.written[found] = f"{self.prefix}nest-{layer}"
            drawn = tag("g", Html(picture.elements()), id=name)
        width, height = number(picture.width), number(picture.height)
        drawing = tag(
            "svg",
            drawn,
            viewBox=f"0 0 {width} {height}",
            width=width,
            height=height,
            cls="dt",
            role="img",
            aria_label=f"The loop nest of {layer}, as its text says",
        )
        label = f"The mapping of {layer} as a picture"
        return tag("div", drawing, cls="scroll", tabindex=0, role="region", aria_label=label)
