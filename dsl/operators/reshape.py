"""Operators that say where words are, not what they are: readers address them, nothing moves."""

from __future__ import annotations

from dovetail.dsl.operators.signature import (
    Arguments,
    Cost,
    Formulas,
    Inferred,
    Kind,
    Operator,
    OperatorFault,
    Parameter,
    Rule,
    Shape,
    axis_of,
    show,
    words,
)

MOST_AXES = 64

MOST_PARTS = 10_000
"""`split` makes no more tensors than this."""

_CHANNEL_AXIS = Parameter("axis", Kind.AXIS, 0)


def _flatten(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    return Inferred(outputs=((words(shapes[0]),),))


def _reshape(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    (shape,) = shapes
    wanted = given.several("shape") or ()
    if len(wanted) > MOST_AXES:
        message = f"`reshape` makes at most {MOST_AXES} axes, not {len(wanted)}"
        raise OperatorFault("value", message, parameter="shape")
    total, open_axes = words(shape), wanted.count(-1)
    if open_axes > 1:
        raise OperatorFault("value", "`reshape` can leave one axis open with -1, not more", parameter="shape")
    if 0 in wanted:
        raise OperatorFault("value", "`reshape` cannot make an axis of size 0", parameter="shape")
    known = words(tuple(size for size in wanted if size != -1))
    if open_axes and total % known == 0:
        return _reshaped(tuple(total // known if size == -1 else size for size in wanted))
    if open_axes or known != total:
        message = f"`reshape` keeps the words: {show(shape)} are {total}, "
        message += f"no multiple of {known}" if open_axes else f"{show(wanted)} are {known}"
        raise OperatorFault("shape", message, operand=0, parameter="shape", help=_open_last(wanted, total))
    return _reshaped(wanted)


def _reshaped(shape: Shape) -> Inferred:
    return Inferred(outputs=(shape,), attributes=(("shape", shape),))


def _open_last(wanted: Shape, total: int) -> str | None:
    """`[16, -1]`, where what is before the last axis divides the words."""
    if len(wanted) < 2 or -1 in wanted[:-1] or total % words(wanted[:-1]):
        return None
    return f"`reshape({[*wanted[:-1], -1]})` makes the last axis {total // words(wanted[:-1])}"


def _transpose(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    (shape,) = shapes
    order, rank = given.several("order") or (), len(shape)
    axes = tuple(axis + rank if axis < 0 else axis for axis in order)
    if sorted(axes) != [*range(rank)]:
        named = str(list(order)) if len(order) <= 8 else f"{len(order)} numbers"
        message = f"`transpose` of a {show(shape)} tensor names each of its {rank} axes once, not {named}"
        way_out = f"`transpose({[*range(rank)][::-1]})` turns all of them around"
        raise OperatorFault("value", message, operand=0, parameter="order", help=way_out)
    return Inferred(outputs=(tuple(shape[axis] for axis in axes),), attributes=(("order", axes),))


def _concat(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    first = shapes[0]
    axis = axis_of("concat", first, given.whole("axis"))
    for i, shape in enumerate(shapes[1:], start=1):
        if len(shape) != len(first):
            message = f"the tensors joined here differ in rank: {show(first)} and {show(shape)}"
            raise OperatorFault("joined", message, operand=0, other=i)
        differ = [a for a in range(len(first)) if a != axis and shape[a] != first[a]]
        if differ:
            message = f"the tensors joined here differ in {_axes(differ, len(first))}"
            raise OperatorFault(
                "joined", message, operand=0, other=i, help=_padding_help(first, shape, differ)
            )
    joined = sum(shape[axis] for shape in shapes)
    return Inferred(
        outputs=((*first[:axis], joined, *first[axis + 1 :]),),
        attributes=(("axis", axis),),
    )


def _axes(differ: list[int], rank: int) -> str:
    names = ("channels", "height", "width") if rank == 3 else tuple(f"axis {a}" for a in range(rank))
    return " and ".join(names[a] for a in differ)


def _padding_help(a: Shape, b: Shape, differ: list[int]) -> str | None:
    """Where rows and columns miss the same even number, the padding that is likely forgotten."""
    gaps = {abs(a[i] - b[i]) for i in differ}
    if len(a) != 3 or differ != [1, 2] or len(gaps) != 1 or max(gaps) % 2 or max(gaps) > 16:
        return None
    larger = max(a[1:], b[1:])
    smaller = b if larger == a[1:] else a
    pad = max(gaps) // 2
    return f"{pad} more of `pad` where {show(smaller)} is made keeps {larger[0]} x {larger[1]}"


def _split(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    (shape,) = shapes
    axis = axis_of("split", shape, given.whole("axis"))
    sizes = given.several("parts")
    if sizes is None:
        parts = given.whole("parts")
        if parts > MOST_PARTS:
            message = f"`split` makes at most {MOST_PARTS} tensors, not {parts}"
            raise OperatorFault("value", message, parameter="parts")
        if shape[axis] % parts:
            message = (
                f"`split` cuts axis {axis} of {show(shape)} into {parts} parts, which does not come out even"
            )
            small, more = divmod(shape[axis], parts)
            way_out = None
            if small and parts <= 8:
                uneven = [small + 1] * more + [small] * (parts - more)
                way_out = f"`split({uneven})` gives the sizes one by one"
            raise OperatorFault("divisible", message, operand=0, parameter="parts", help=way_out)
        sizes = (shape[axis] // parts,) * parts
    elif sum(sizes) != shape[axis]:
        message = (
            f"the parts of `split` add up to {sum(sizes)}, and axis {axis} of {show(shape)} has {shape[axis]}"
        )
        raise OperatorFault("shape", message, operand=0, parameter="parts")
    return Inferred(
        outputs=tuple((*shape[:axis], size, *shape[axis + 1 :]) for size in sizes),
        attributes=(("sizes", sizes), ("axis", axis)),
    )


def _slice(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    (shape,) = shapes
    axis = axis_of("slice", shape, given.whole("axis"))
    start, stop = given.whole("start"), given.whole("stop")
    if start >= stop:
        message = f"`slice` from {start} to {stop} is empty: it takes `start` up to, not including, `stop`"
        raise OperatorFault("value", message, parameter="stop")
    if stop > shape[axis]:
        message = f"`slice` goes up to {stop}, and axis {axis} of {show(shape)} ends at {shape[axis]}"
        raise OperatorFault("shape", message, operand=0, parameter="stop")
    return Inferred(
        outputs=((*shape[:axis], stop - start, *shape[axis + 1 :]),),
        attributes=(("start", start), ("stop", stop), ("axis", axis)),
    )


def _cached(shapes: tuple[Shape, ...], given: Arguments) -> Inferred:
    (shape,) = shapes
    axis, rows = axis_of("cached", shape, given.whole("axis")), given.whole("rows")
    return Inferred(
        outputs=((*shape[:axis], rows + shape[axis], *shape[axis + 1 :]),),
        attributes=(("rows", rows), ("axis", axis)),
    )


def _view(
    name: str,
    parameters: tuple[Parameter, ...],
    summary: str,
    rule: Rule,
    output: str,
    operands: tuple[int, int | None] = (1, 1),
) -> Operator:
    return Operator(name, operands, parameters, summary, Cost.VIEW, rule, Formulas(output=output))


RESHAPES = (
    _view("flatten", (), "all words as one vector", _flatten, "words"),
    _view(
        "reshape",
        (Parameter("shape", Kind.INTS, least=-1),),
        "the same words in another shape; one axis may be -1, which is what is left",
        _reshape,
        "shape",
    ),
    _view(
        "transpose",
        (Parameter("order", Kind.INTS, least=-64),),
        "the axes in another order: `[1, 0]` turns a matrix",
        _transpose,
        "the axes of its input in `order`",
    ),
    _view(
        "concat",
        (_CHANNEL_AXIS,),
        "tensors one behind the other along `axis`, 0 being channels",
        _concat,
        "the sum of the sizes along `axis`",
        operands=(1, None),
    ),
    _view(
        "cached",
        (Parameter("rows", Kind.INT, least=0), _CHANNEL_AXIS),
        "its input behind `rows` that earlier calls left in memory, as a decoder keeps keys and values",
        _cached,
        "rows more along `axis`",
    ),
    _view(
        "split",
        (Parameter("parts", Kind.PARTS), _CHANNEL_AXIS),
        "several tensors: so many equal parts, or parts of the sizes in a list",
        _split,
        "one tensor a part",
    ),
    _view(
        "slice",
        (Parameter("start", Kind.INT, least=0), Parameter("stop", Kind.INT), _CHANNEL_AXIS),
        "the part of a tensor from `start` up to, not including, `stop`",
        _slice,
        "stop - start along `axis`",
    ),
)
