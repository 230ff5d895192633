"""A double buffer tile by tile: a step costs the longer of using a tile and of loading the next.

    first load + sum over steps of max(use, loads and stores of the step) + use of the last tile + last store

The larger of the sums, which `latency.py` takes otherwise, is less wherever some steps wait for their loads
and others do not: a step of an outer loop brings new weights and inputs, one of an inner loop inputs alone.

Which operands change together is known from how often each changes. A loop that steps starts all loops inside
it anew, so that every operand which changes with an inner loop changes with an outer one too: of two operands
the one that changes less often never changes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dovetail.costmodel.columns import Kind, Number


def tile_by_tile(
    kind: Kind,
    visits: Mapping[str, Number],
    fetched: Number,
    use: Number,
    steps: Number,
    busy: Callable[[Mapping[str, Number], Number], Number],
) -> Number:
    """Cycles from the first tile's use to the end of the last one's.

    `visits`: how many tiles of each operand come, `fetched` of outputs bring old sums along; `use`: how long
    all tiles are used, in `steps`. `busy(changes, stores)` says how long so many changes of each operand take
    and so many tiles of outputs that leave.
    """

    def spend(times: Number, rarest: Number, stores: Number, fetches: Number) -> Number:
        """So many steps in which all change that have as many visits as the rarest."""
        changes = {operand: times * (own >= rarest) for operand, own in visits.items()}
        if "outputs" in changes:
            changes["outputs"] = fetches
        return kind.maximum(busy(changes, stores), share(kind, use, times, steps))

    outputs = visits.get("outputs", 1)
    always = outputs == steps  # each step makes a tile of outputs
    groups = changing(kind, list(visits.values()))
    fetching = _fetching(kind, groups, fetched, outputs)
    total: Number = 0
    for (own, times), fetches in zip(groups, fetching, strict=True):
        # A tile leaves in the step after its last use: nothing in the first step; where not each step makes
        # one, most often in a step of the innermost loop.
        inside = kind.where(always, kind.maximum(times - 1, 0), kind.minimum(times, outputs - 1))
        stores = kind.where(own == steps, inside, kind.where(always, times, 0))
        more = kind.maximum(stores - fetches, 0)
        total = total + spend(fetches, own, kind.minimum(stores, fetches), fetches)
        total = total + spend(more, own, more, 0) + spend(times - fetches - more, own, 0, 0)
    leaves = kind.where(always & (steps > 1), 1, 0)
    last = kind.maximum(share(kind, use, 1, steps), busy(dict.fromkeys(visits, 0), leaves))
    return total + last


def _fetching(
    kind: Kind, groups: Sequence[tuple[Number, Number]], fetched: Number, outputs: Number
) -> list[Number]:
    """In how many steps of each group old sums are fetched: evenly over all of them."""
    found: list[Number] = []
    rest = fetched
    for own, times in groups:
        part = kind.ceil_div(kind.watch(times * fetched), kind.maximum(outputs - 1, 1))
        found.append(kind.where(own < outputs, kind.minimum(part, times), 0))
        rest = rest - found[-1]
    rest = kind.maximum(rest, 0)
    return [
        kind.where(own == outputs, kind.minimum(rest, times), part)
        for (own, times), part in zip(groups, found, strict=True)
    ]


def changing(kind: Kind, visits: Sequence[Number]) -> list[tuple[Number, Number]]:
    """Of each operand its visits, and the steps in which it is the one with the fewest of those that change.

    Operands with more visits (and those that come later, with as many) change in these steps too. The first
    tiles of all count as no change.
    """
    found = []
    for at, own in enumerate(visits):
        rarer: Number = 1
        first: Number = True
        for before, other in enumerate(visits):
            if before != at:
                rarer = kind.maximum(rarer, kind.where(other < own, other, 1))
            if before < at:
                first = first & (other != own)
        found.append((own, kind.where(first, own - rarer, 0)))
    return found


def share(kind: Kind, total: Number, part: Number, of: Number) -> Number:
    """`total * part / of`, rounded down, by way of no product larger than `part * of`."""
    each = kind.floor_div(total, of)
    return each * part + kind.floor_div(kind.watch((total - each * of) * part), of)
