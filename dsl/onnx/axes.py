"""Shapes and axes as ONNX gives them: attributes in old opsets, operands in new ones, negative counts.

Every function here raises Unreadable, with a sentence, for sizes that do not fit together.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from dovetail.dsl.onnx.constants import MOST_AXES, Constant, Sizes
from dovetail.dsl.onnx.graph import Node
from dovetail.dsl.operators.parameters import LARGEST


class Unreadable(Exception):
    """A node whose sizes do not fit or are not known; the message completes "cannot be read: …"."""


def numbers(node: Node, operands: Sequence[Constant | None], index: int, attribute: str) -> tuple[int, ...]:
    """Whole numbers that a node has as an attribute (old opsets) or as an operand."""
    given = node.attributes.get(attribute)
    if isinstance(given, tuple):
        return tuple(int(v) for v in given if isinstance(v, int | float))
    operand = operands[index] if index < len(operands) else None
    found = operand.whole_numbers() if operand is not None else None
    if found is None:
        raise Unreadable(f"its `{attribute}` {why_unknown(operand)}")
    return found


def why_unknown(operand: Constant | None) -> str:
    """Why the words of an operand are not known."""
    if operand is None:
        return "is not known before the model runs"
    return "is a stored tensor of many words or in a file of its own, which is not read"


def optional_numbers(
    node: Node, operands: Sequence[Constant | None], index: int, attribute: str
) -> tuple[int, ...] | None:
    """As `numbers`; None where neither is given."""
    if attribute not in node.attributes and not node.input(index):
        return None
    return numbers(node, operands, index, attribute)


def whole(node: Node, name: str, default: int) -> int:
    """An attribute that is one whole number."""
    value = node.attributes.get(name, default)
    return value if isinstance(value, int) else default


def wholes(node: Node, name: str) -> tuple[int, ...] | None:
    """An attribute that is several whole numbers; None where it is not given."""
    value = node.attributes.get(name)
    return tuple(int(v) for v in value if isinstance(v, int)) if isinstance(value, tuple) else None


def axis_in(axis: int, rank: int) -> int:
    """An axis counted from the front."""
    if not -rank <= axis < rank:
        raise Unreadable(f"it works along axis {axis} of a tensor with {rank}")
    return axis % rank


def wanted_shape(shape: Sizes, target: Sequence[int], zero_is_zero: bool) -> Sizes:
    """What `Reshape` to `target` makes: 0 keeps an axis, -1 is what is left."""
    if len(target) > MOST_AXES:
        raise Unreadable(f"it makes {len(target)} axes")
    sizes = []
    for i, size in enumerate(target):
        if size == 0 and not zero_is_zero:
            if i >= len(shape):
                raise Unreadable(f"it keeps axis {i} of a tensor with {len(shape)}")
            size = shape[i]
        if size < -1 or size > LARGEST:
            raise Unreadable(f"it makes an axis of size {size}")
        sizes.append(size)
    total, known = prod(shape), prod(size for size in sizes if size != -1)
    if sizes.count(-1) > 1:
        raise Unreadable("it leaves two axes open")
    if -1 in sizes:
        if not known or total % known:
            raise Unreadable(f"{total} words are no multiple of {known}")
        sizes[sizes.index(-1)] = total // known
    if prod(sizes) != total:
        raise Unreadable(f"{list(shape)} and {list(target)} are not as many words")
    return tuple(sizes)


def squeezed(node: Node, shape: Sizes, operands: Sequence[Constant | None]) -> Sizes:
    """The shape after `Squeeze`."""
    axes = optional_numbers(node, operands, 1, "axes")
    if axes is None:
        return tuple(size for size in shape if size != 1)
    gone = {axis_in(axis, len(shape)) for axis in axes}
    if any(shape[axis] != 1 for axis in gone):
        raise Unreadable(f"it squeezes axes of {list(shape)} that are larger than 1")
    return tuple(size for i, size in enumerate(shape) if i not in gone)


def unsqueezed(node: Node, shape: Sizes, operands: Sequence[Constant | None]) -> Sizes:
    """The shape after `Unsqueeze`."""
    axes = numbers(node, operands, 1, "axes")
    rank = len(shape) + len(axes)
    if rank > MOST_AXES:
        raise Unreadable(f"it makes {rank} axes")
    new = {axis_in(axis, rank) for axis in axes}
    if len(new) < len(axes):
        raise Unreadable("it names an axis twice")
    rest = iter(shape)
    return tuple(1 if i in new else next(rest) for i in range(rank))


def concatenated(shapes: Sequence[Sizes], axis: int) -> Sizes:
    """The shape of tensors one behind the other."""
    first = shapes[0]
    axis = axis_in(axis, len(first))
    for shape in shapes:
        if len(shape) != len(first) or any(
            a != b for i, (a, b) in enumerate(zip(shape, first, strict=True)) if i != axis
        ):
            raise Unreadable(f"{list(first)} and {list(shape)} do not join along axis {axis}")
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def sliced(node: Node, shape: Sizes, operands: Sequence[Constant | None]) -> dict[int, tuple[int, int, int]]:
    """What `Slice` takes of each axis that it cuts: start, stop (-1 before the first), step."""
    starts, ends = numbers(node, operands, 1, "starts"), numbers(node, operands, 2, "ends")
    axes = optional_numbers(node, operands, 3, "axes") or tuple(range(len(starts)))
    steps = optional_numbers(node, operands, 4, "steps") or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise Unreadable("its starts, ends, axes and steps are not as many")
    cuts = {}
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step == 0:
            raise Unreadable("its step is 0")
        axis = axis_in(axis, len(shape))
        cuts[axis] = slice(start, end, step).indices(shape[axis])
    return cuts


def split_sizes(node: Node, shape: Sizes, operands: Sequence[Constant | None]) -> tuple[int, Sizes]:
    """The axis along which `Split` cuts, and the size of each part."""
    axis = axis_in(whole(node, "axis", 0), len(shape))
    given = optional_numbers(node, operands, 1, "split")
    if given is not None:
        if sum(given) != shape[axis] or min(given, default=0) < 0 or len(given) != len(node.outputs):
            raise Unreadable(f"its parts {list(given)} do not make up {shape[axis]}")
        return axis, given
    count = len(node.outputs)
    part = -(-shape[axis] // count)
    sizes = (part,) * (count - 1)
    return axis, (*sizes, shape[axis] - sum(sizes))


def expanded(shape: Sizes, target: Sequence[int]) -> Sizes:
    """The shape of a tensor repeated along axes of size 1, both ways, as NumPy broadcasts."""
    rank = max(len(shape), len(target))
    if rank > MOST_AXES:
        raise Unreadable(f"it makes {rank} axes")
    a = (1,) * (rank - len(shape)) + tuple(shape)
    b = (1,) * (rank - len(target)) + tuple(target)
    made = []
    for x, y in zip(a, b, strict=True):
        if x != y and 1 not in (x, y):
            raise Unreadable(f"{list(shape)} and {list(target)} do not fit")
        made.append(y if x == 1 else x)
    if any(size < 0 for size in made) or prod(made) > LARGEST:
        raise Unreadable(f"it makes a tensor of {made}")
    return tuple(made)


def matrix_product(a: Sizes, b: Sizes) -> Sizes:
    """The shape of `MatMul`, as NumPy has it."""
    if not a or not b:
        raise Unreadable("it multiplies numbers, not matrices")
    rows, columns = a[:-1], b[:-2] + b[-1:]
    left, right = (a if len(a) > 1 else (1, *a)), (b if len(b) > 1 else (*b, 1))
    if left[-1] != right[-2]:
        raise Unreadable(f"{list(a)} and {list(b)} do not multiply")
    stack = expanded(left[:-2], right[:-2])
    return (*stack, *(rows[-1:] if len(a) > 1 else ()), *(columns[-1:] if len(b) > 1 else ()))
