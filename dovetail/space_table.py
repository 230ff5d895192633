"""`dovetail show` of a design space: its size, then its choices."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from dovetail.console import Signs
from dovetail.dsl.space import Space
from dovetail.numbers import power_of_ten, thousands
from dovetail.tables import heading, plain_table

MOST_SITES = 40
"""Choices listed unless all are asked for."""


def space_view(
    space: Space, kind: str, parameters: Mapping[str, str], signs: Signs, *, everything: bool
) -> RenderableType:
    """Header with the size, then a line for each choice; those of equal options in a row are one line."""
    text = heading(space.name, [f"a space of {kind}s", f"{thousands(len(space.sites))} choices"], signs)
    text.append(f"\n  {power_of_ten(space.size)} designs")
    if space.size >= 10**7:
        text.append(f"   exactly {thousands(space.size)}", "dim")
    chosen = {site.path for site in space.sites}
    fixed = [f"{name} = {value}" for name, value in parameters.items() if name not in chosen]
    if fixed:
        text.append(f"\n  set with --set: {', '.join(fixed)}", "dim")
    table = plain_table(("choice", "left"), ("options", "right"), ("", "text"))
    shown = space.sites if everything else space.sites[:MOST_SITES]
    for site in shown:
        table.row(site.path, str(len(site.options)), ", ".join(site.options))
    parts: list[RenderableType] = [text, Text(), Padding(table, (0, 0, 0, 2), expand=False)]
    if len(shown) < len(space.sites):
        parts.append(Text(f"  {len(space.sites) - len(shown)} more (--all)", style="dim"))
    return Group(*parts)
