"""`dovetail explore --flip A B`: how wrong a figure has to be before B beats A."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from dovetail.numbers import percent, prefixed, significant
from dovetail.tables import heading, plain_table

if TYPE_CHECKING:
    from dovetail.console import Signs
    from dovetail.costmodel.layer_cost import NetworkCost
    from dovetail.explorer.flip import Flip
    from dovetail.jsonout import Json

GOALS: Final = {"edp": "EDP", "energy": "energy", "latency": "latency"}


@dataclass(frozen=True, slots=True)
class Flips:
    """Two designs by the names they were asked for with, A the better one, and what would turn that round."""

    names: tuple[str, str]
    a: NetworkCost
    b: NetworkCost
    flips: tuple[Flip, ...]


def flips_view(found: Flips, signs: Signs) -> RenderableType:
    """Both designs, then a line for each figure that could turn them round, the nearest first."""
    from dovetail.explorer.flip import FARTHEST

    goal = GOALS[str(found.a.objective)]
    first, second = found.names
    ratio = significant(found.b.value / found.a.value)
    text = heading(
        f"{first} before {second}",
        [f"{goal} better by {ratio}{signs.times}", "the figure is scaled in both designs"],
        signs,
    )
    designs = plain_table(("", "left"), ("latency", "right"), ("energy", "right"), ("design", "text"))
    for name, cost in zip(found.names, (found.a, found.b), strict=True):
        designs.row(
            name,
            prefixed(cost.latency_s, "s"),
            prefixed(cost.energy_pj * 1e-12, "J"),
            f"{cost.network.name} on {cost.architecture.name}",
        )
    table = plain_table(
        ("figure", "left"), (f"{second} wins if it is really", "right"), ("its error", "right"), ("", "text")
    )
    for flip in found.flips:
        if flip.factor is not None:
            side = "or more" if flip.factor > 1 else "or less"
            error = "" if flip.error is None else f"{signs.plus_minus}{percent(flip.error)}"
            table.row(flip.figure, f"{significant(flip.factor)}{signs.times} {side}", error, _remark(flip))
    never = [flip.figure for flip in found.flips if flip.factor is None]
    parts: list[RenderableType] = [text, Text(), Padding(designs, (0, 0, 0, 2), expand=False), Text()]
    if len(never) < len(found.flips):
        parts.append(Padding(table, (0, 0, 0, 2), expand=False))
    if never:
        limit = f"1/{FARTHEST:g} to {FARTHEST:g} times"
        parts.append(Text(f"  no factor of {limit} turns them round: {', '.join(never)}", "dim"))
    return Group(*parts)


def _remark(flip: Flip) -> str:
    if flip.within_error:
        return "within its error: the order is not sure"
    if flip.remapped is False:
        return "with mappings as they are; mapped anew, the order stays"
    return ""


def flips_json(found: Flips) -> Json:
    """`dovetail.flips/1`."""
    return {
        "schema": "dovetail.flips/1",
        "objective": str(found.a.objective),
        "designs": [
            {
                "name": name,
                "network": cost.network.name,
                "accelerator": cost.architecture.name,
                "latency_s": cost.latency_s,
                "energy_pj": cost.energy_pj,
            }
            for name, cost in zip(found.names, (found.a, found.b), strict=True)
        ],
        "flips": [
            {
                "figure": flip.figure,
                "factor": flip.factor,
                "error": flip.error,
                "within_error": flip.within_error,
                "remapped": flip.remapped,
            }
            for flip in found.flips
        ],
    }
