"""A network as a graph: layers as boxes with their shapes and share of the MACs, tensors as arrows.

Operations that cost nothing of their own and only pass a tensor on stand in the box before them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dovetail.dsl.layer import Layer
from dovetail.dsl.layered import Layout, Point, lay_out
from dovetail.dsl.svg import Picture, number, text_width

if TYPE_CHECKING:
    from dovetail.dsl.network import Network

CLASSES: Final = ("spatial", "pointwise", "depthwise", "grouped", "fc", "matmul", "other")
"""The palette, in the order of its colours."""

MARGIN: Final = 16.0
HEAD: Final = 58.0
LINE: Final = 15.0
PAD: Final = 8.0
BAR: Final = 4.0
NARROWEST: Final = 84.0


@dataclass(frozen=True, slots=True)
class Box:
    """A layer as it is drawn: `share` is its part of the MACs of the largest layer."""

    name: str
    lines: tuple[str, ...]
    layer_class: str
    macs: int
    share: float

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        width = max(text_width(self.name, 13.2), *(text_width(line, 11) for line in self.lines), NARROWEST)
        return width + 2 * PAD, LINE * (1 + len(self.lines)) + PAD + (BAR + 4 if self.macs else 0)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn, before it is: boxes in execution order, edges between them by name, and where all go."""

    title: str
    facts: str
    boxes: tuple[Box, ...]
    edges: tuple[tuple[str, str], ...]
    layout: Layout


def draw_data(network: Network) -> Drawing:
    """The boxes and edges of a network, with their places."""
    home: dict[str, str] = {}
    passed: dict[str, list[Layer]] = {}
    shown: list[Layer] = []
    kept = {tensor.name for tensor in network.outputs}
    for layer in network.layers:
        maker = network.producer(layer.inputs[0])
        if maker is not None and _passes_on(network, layer, kept):
            home[layer.name] = home[maker.name]
            passed[home[layer.name]].append(layer)
        else:
            home[layer.name] = layer.name
            passed[layer.name] = []
            shown.append(layer)
    most = max((layer.macs for layer in shown), default=0)
    boxes = [Box(_input(t.name), (_shape(t.shape),), "other", 0, 0.0) for t in network.inputs]
    boxes += [_box(layer, passed[layer.name], most) for layer in shown]
    edges: list[tuple[str, str]] = []
    for layer in shown:
        for tensor in layer.inputs:
            maker = network.producer(tensor)
            source = _input(tensor.name) if maker is None else home[maker.name]
            edges.append((source, layer.name))
    unique = tuple(dict.fromkeys(edges))
    facts = " · ".join(
        (
            f"{len(network.layers)} layers",
            f"{network.macs / 1e6:,.1f} M MACs",
            f"{network.params / 1e6:,.3f} M parameters",
        )
    )
    layout = lay_out({box.name: box.size for box in boxes}, unique)
    return Drawing(network.name, facts, tuple(boxes), unique, layout)


def _input(name: str) -> str:
    """An input stands beside layers, which may have the same name."""
    return f"{name} (input)"


def _passes_on(network: Network, layer: Layer, kept: set[str]) -> bool:
    """Free, one tensor in that nobody else reads, one out."""
    single = len(layer.inputs) == len(layer.outputs) == 1 and len(network.consumers(layer.inputs[0])) == 1
    return single and layer.inputs[0].name not in kept and network.free(layer) is not None


def _box(layer: Layer, passed: list[Layer], most: int) -> Box:
    operations = " + ".join([operation_text(layer), *(operation_text(p) for p in passed)])
    last = passed[-1] if passed else layer
    shapes = ", ".join(_shape(tensor.shape) for tensor in last.outputs[:3])
    share = layer.macs / most if most else 0.0
    return Box(layer.name, (operations, shapes), layer.layer_class, layer.macs, share)


def operation_text(layer: Layer) -> str:
    """`conv 3x3/2`: the operator with its kernel and stride, and its groups where it has some."""
    attributes = dict(layer.attributes)
    text = layer.op
    kernel = attributes.get("kernel")
    if isinstance(kernel, tuple):
        text += f" {kernel[0]}x{kernel[1]}"
        stride = attributes.get("stride")
        if isinstance(stride, tuple) and max(stride) > 1:
            text += f"/{stride[0]}" if stride[0] == stride[1] else f"/{stride[0]}x{stride[1]}"
    if layer.layer_class == "grouped" and layer.loops is not None:
        text += f" g{layer.loops.G}"
    return text


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def draw_network(network: Network) -> str:
    """The picture, as SVG."""
    drawing = draw_data(network)
    layout = drawing.layout
    used = [c for c in CLASSES if any(box.macs and box.layer_class == c for box in drawing.boxes)]
    legend = sum(text_width(c, 11) + 34 for c in used)
    width = max(layout.width, text_width(drawing.facts), text_width(drawing.title), legend) + 2 * MARGIN
    picture = Picture(
        width, layout.height + HEAD + (24 if used else 0) + MARGIN, f"{drawing.title} as a graph"
    )
    picture.text(MARGIN, 24, drawing.title, "b")
    picture.text(MARGIN, 42, drawing.facts, "d")
    x = MARGIN
    for name in used:
        picture.rect(x, 53, 10, 10, f"s{CLASSES.index(name)}", 2)
        picture.text(x + 15, 62, name, "d")
        x += text_width(name, 11) + 34
    top = HEAD + (24 if used else 0)
    aside = (width - 2 * MARGIN - layout.width) / 2 + MARGIN
    for edge in drawing.edges:
        points = [(x + aside, y + top) for x, y in layout.edges[edge]]
        picture.path(curve(points), "e", arrow=True)
    for box in drawing.boxes:
        x, y = layout.nodes[box.name]
        _draw_box(picture, box, x + aside, y + top)
    return picture.svg()


def _draw_box(picture: Picture, box: Box, x: float, y: float) -> None:
    width, height = box.size
    series = f"s{CLASSES.index(box.layer_class)}"
    picture.rect(x, y, width, height, "box", 5, f"{box.name}: {box.macs:,} MACs" if box.macs else "")
    if box.macs:
        picture.rect(x, y, width, height, f"{series} t", 5)
        room = width - 2 * PAD
        picture.rect(x + PAD, y + height - BAR - 5, room, BAR, f"{series} t", 2)
        picture.rect(x + PAD, y + height - BAR - 5, max(1.0, room * box.share), BAR, series, 2)
    picture.text(x + width / 2, y + LINE + 1, box.name, "b c")
    for at, line in enumerate(box.lines, 2):
        picture.text(x + width / 2, y + LINE * at + 1, line, "d c")


def curve(points: list[Point]) -> str:
    """A path through points from top to bottom, upright at each of them."""
    x, y = points[0]
    data = [f"M{number(x)},{number(y)}"]
    for to_x, to_y in points[1:]:
        if abs(to_x - x) < 0.05:
            data.append(f"L{number(to_x)},{number(to_y)}")
        else:
            middle = (y + to_y) / 2
            data.append(
                f"C{number(x)},{number(middle)} {number(to_x)},{number(middle)} {number(to_x)},{number(to_y)}"
            )
        x, y = to_x, to_y
    return " ".join(data)
