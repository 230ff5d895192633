"""Sliding windows: how many places a kernel has on an image, with padding, stride and either rounding."""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.dsl.operators.fault import OperatorFault
from dovetail.dsl.operators.parameters import Padding, Pair


@dataclass(frozen=True, slots=True)
class Slide:
    """A window placed on an image: its places `(rows, cols)` and the padding it needs, top to right."""

    places: Pair
    padding: Padding


def slide(
    operator: str,
    size: Pair,
    kernel: Pair,
    *,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: Padding | None = (0, 0, 0, 0),
    ceil: bool = False,
) -> Slide:
    """Place a window on an image of `size`; `padding` None is `same`: ceil(size / stride) places.

    With `ceil` the places are rounded up, but the last window starts inside the image or its top or left
    padding, as in Caffe and PyTorch. Raises OperatorFault ("shape") if the kernel is larger than the padded
    image.
    """
    if padding is None:
        top, bottom = _same(size[0], kernel[0], stride[0], dilation[0])
        left, right = _same(size[1], kernel[1], stride[1], dilation[1])
        padding = (top, bottom, left, right)
    extent = covered(kernel, dilation)
    padded = (size[0] + padding[0] + padding[1], size[1] + padding[2] + padding[3])
    if extent[0] > padded[0] or extent[1] > padded[1]:
        raise _too_large(operator, size, kernel, dilation, padding)
    places = tuple(_places(padded[i], size[i] + padding[2 * i], extent[i], stride[i], ceil) for i in range(2))
    return Slide((places[0], places[1]), padding)


def covered(kernel: Pair, dilation: Pair) -> Pair:
    """The rows and columns between the first and the last tap of a kernel, both included."""
    return (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1


def by(pair: Pair) -> str:
    """`3x3`, the way messages and tables print a kernel."""
    return f"{pair[0]}x{pair[1]}"


def _places(padded: int, last_start: int, extent: int, stride: int, ceil: bool) -> int:
    if not ceil:
        return (padded - extent) // stride + 1
    places = -(-(padded - extent) // stride) + 1
    return places - 1 if (places - 1) * stride >= last_start else places


def _same(size: int, kernel: int, stride: int, dilation: int) -> Pair:
    """Padding before and after that makes ceil(size / stride) places; an odd one goes after (TensorFlow)."""
    extent = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2


def _too_large(operator: str, size: Pair, kernel: Pair, dilation: Pair, padding: Padding) -> OperatorFault:
    extent = covered(kernel, dilation)
    spread = f", {by(extent)} with its dilation," if extent != kernel else ""
    padded = (size[0] + padding[0] + padding[1], size[1] + padding[2] + padding[3])
    after = " after padding" if any(padding) else ""
    message = f"the {by(kernel)} kernel of `{operator}`{spread} is larger than its input, "
    message += f"{padded[0]} x {padded[1]}{after}"
    needed = max(0, *(-(-(extent[i] - size[i]) // 2) for i in range(2)))
    way_out = f"`pad = {needed}` makes the input {size[0] + 2 * needed} x {size[1] + 2 * needed}"
    return OperatorFault("shape", message, operand=0, parameter="kernel", help=way_out)
