"""Drawing primitives: a picture is a list of SVG elements. What is drawn is computed elsewhere.

The same calls give the same bytes: coordinates are rounded, nothing is numbered or dated.
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape, quoteattr

CHARACTER: Final = 6.7
"""Width of a character at 12 px, for boxes that have to hold a text: a little more than the average."""

STYLE: Final = """\
.dt { font: 12px ui-sans-serif, system-ui, "Segoe UI", "DejaVu Sans", sans-serif; --ink: #1f2328;
  --dim: #59636e; --line: #818b98; --paper: #ffffff; --box: #f6f8fa; }
.dt text { fill: var(--ink); } .dt .b { font-weight: 600; } .dt .d { fill: var(--dim); font-size: 11px; }
.dt .m { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.dt .r { text-anchor: end; } .dt .c { text-anchor: middle; }
.dt .p { fill: var(--paper); } .dt .box { fill: var(--box); stroke: var(--line); }
.dt .e { fill: none; stroke: var(--line); stroke-width: 1.3; } .dt .h { fill: var(--line); }
.dt .s0 { fill: #4269d0; } .dt .s1 { fill: #d5830b; } .dt .s2 { fill: #d1495b; } .dt .s3 { fill: #2f9c95; }
.dt .s4 { fill: #3ca951; } .dt .s5 { fill: #a463f2; } .dt .s6 { fill: #818b98; }
.dt .t { fill-opacity: 0.14; }
@media (prefers-color-scheme: dark) { .dt { --ink: #e6edf3; --dim: #9198a1; --line: #6e7681;
  --paper: #0d1117; --box: #161b22; } .dt .t { fill-opacity: 0.25; } }
@media print { .dt { --ink: #1f2328; --dim: #59636e; --line: #818b98; --paper: #ffffff; --box: #f6f8fa; } }
"""
"""Both colour schemes. `s0` … `s6` are the colours of a series, `t` makes one faint."""


def text_width(text: str, size: float = 12.0) -> float:
    """The room that a text takes, in pixels."""
    return len(text) * CHARACTER * size / 12


def number(value: float) -> str:
    """A coordinate: a tenth of a pixel is enough."""
    return f"{value:.1f}".removesuffix(".0")


class Picture:
    """Elements in the order in which they are drawn."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width = width
        self.height = height
        self.title = title
        self._elements: list[str] = []

    def rect(
        self, x: float, y: float, width: float, height: float, style: str, radius: float = 0, title: str = ""
    ) -> None:
        """A rectangle; `title` is what a pointer over it shows."""
        round_off = f' rx="{number(radius)}"' if radius else ""
        place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
        end = f"><title>{escape(title)}</title></rect>" if title else "/>"
        self._elements.append(f'<rect class="{style}" {place}{round_off}{end}')

    def text(self, x: float, y: float, text: str, style: str = "") -> None:
        """A line of text; `y` is its base line."""
        named = f' class="{style}"' if style else ""
        self._elements.append(f'<text{named} x="{number(x)}" y="{number(y)}">{escape(text)}</text>')

    def path(self, data: str, style: str, *, arrow: bool = False) -> None:
        """A path; `arrow` puts a head at its end."""
        head = ' marker-end="url(#dt-arrow)"' if arrow else ""
        self._elements.append(f'<path class="{style}" d="{data}"{head}/>')

    def svg(self) -> str:
        """The whole picture, to stand by itself."""
        size = f'width="{number(self.width)}" height="{number(self.height)}"'
        box = f'viewBox="0 0 {number(self.width)} {number(self.height)}"'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="dt" {size} {box} role="img" '
            f'aria-label={quoteattr(self.title)} style="max-width: 100%; height: auto">'
        )
        marker = (
            '<defs><marker id="dt-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path class="h" d="M0,0.5 L8,4 L0,7.5 z"/></marker></defs>'
        )
        paper = f'<rect class="p" width="{number(self.width)}" height="{number(self.height)}"/>'
        return "\n".join([head, f"<style>\n{STYLE}</style>", marker, paper, *self._elements, "</svg>", ""])

    def elements(self) -> str:
        """What is drawn alone, for a page that has the styles and puts an `svg` element around it."""
        return "".join(self._elements)
