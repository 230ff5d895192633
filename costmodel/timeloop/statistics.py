"""What `timeloop-model` and `timeloop-mapper` write into `*.stats.txt`, as data.

Counts there are means over the instances that are used; an energy total is over all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from dovetail.costmodel.timeloop.case import DATASPACES

OPERAND_OF: Final = {name: operand for operand, name in DATASPACES.items()}

LEVEL: Final = re.compile(r"^=== (?P<name>.+?) ===\s*$")
FIELD: Final = re.compile(r"^\s+(?P<key>[^:]+?)\s*:\s*(?P<value>.*?)\s*$")
SPACE: Final = re.compile(r"^    (?P<name>\w+):\s*$")


class Unreadable(ValueError):
    """Statistics that do not say what statistics of Timeloop say."""


@dataclass(frozen=True, slots=True)
class SpaceStatistics:
    """One tensor at one level, per instance."""

    operand: str
    instances: int
    """That are used."""
    reads: float
    fills: float
    updates: float
    tile_words: int
    energy_pj: float
    """Of all instances."""

    def total(self, action: str) -> int:
        """Words over all instances: `reads`, `fills` or `updates`."""
        each: float = getattr(self, action)
        return round(each * self.instances)


@dataclass(frozen=True, slots=True)
class LevelStatistics:
    """One storage level."""

    name: str
    cycles: int
    throttling: float
    """Below 1 where its bandwidth holds the run back."""
    spaces: tuple[SpaceStatistics, ...]


@dataclass(frozen=True, slots=True)
class Statistics:
    """A run: levels from the innermost outward, as Timeloop lists them."""

    levels: tuple[LevelStatistics, ...]
    computes: int
    compute_cycles: int
    compute_energy_pj: float
    used_pes: int
    cycles: int
    energy_uj: float
    """As printed, to two digits; the sum of the parts has more."""
    utilization: float
    """In [0, 1]."""

    @property
    def energy_pj(self) -> float:
        """The sum of the parts; networks have no energy in what Dovetail writes."""
        stored = sum(space.energy_pj for level in self.levels for space in level.spaces)
        return self.compute_energy_pj + stored


def read_statistics(text: str) -> Statistics:
    """Read `*.stats.txt`; raises Unreadable."""
    blocks = _blocks(text)
    if not blocks:
        raise Unreadable("it has no levels")
    arithmetic, *storage = blocks
    compute = _fields(arithmetic[1])
    summary = _fields([f"  {line}" for line in text.partition("Summary Stats")[2].splitlines()])
    return Statistics(
        levels=tuple(_level(name, lines) for name, lines in storage),
        computes=_integer(compute, "Computes (total)"),
        compute_cycles=_integer(compute, "Cycles"),
        compute_energy_pj=_number(compute, "Energy (total)"),
        used_pes=_integer(compute, "Utilized instances"),
        cycles=_integer(summary, "Cycles"),
        energy_uj=_number(summary, "Energy"),
        utilization=_number(summary, "Utilization") / 100,
    )


def _blocks(text: str) -> list[tuple[str, list[str]]]:
    """The levels with their lines, MACs first; what comes after them is left out."""
    blocks: list[tuple[str, list[str]]] = []
    for line in text.partition("\nNetworks\n")[0].splitlines():
        if found := LEVEL.match(line):
            blocks.append((found["name"], []))
        elif blocks:
            blocks[-1][1].append(line)
    return blocks


def _level(name: str, lines: list[str]) -> LevelStatistics:
    starts = [at for at, line in enumerate(lines) if SPACE.match(line)]
    head = lines[: starts[0]] if starts else lines
    own = _fields(head)
    spaces = []
    ends = [*starts[1:], len(lines)] if starts else []
    for start, end in zip(starts, ends, strict=True):
        found = SPACE.match(lines[start])
        if found is None or found["name"] not in OPERAND_OF:
            continue  # STATS and SPECS look alike; other data spaces are not ours
        said = _fields(lines[start + 1 : end])
        spaces.append(
            SpaceStatistics(
                operand=OPERAND_OF[found["name"]],
                instances=_integer(said, "Utilized instances (max)"),
                reads=_number(said, "Scalar reads (per-instance)"),
                fills=_number(said, "Scalar fills (per-instance)"),
                updates=_number(said, "Scalar updates (per-instance)"),
                tile_words=_integer(said, "Utilized capacity"),
                energy_pj=_number(said, "Energy (total)"),
            )
        )
    return LevelStatistics(name, _integer(own, "Cycles"), _number(own, "Bandwidth throttling"), tuple(spaces))


def _fields(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        if match := FIELD.match(line):
            found.setdefault(match["key"], match["value"])
    return found


def _number(fields: dict[str, str], key: str) -> float:
    if key not in fields:
        raise Unreadable(f"`{key}` is missing")
    match = re.match(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", fields[key])
    if match is None:
        raise Unreadable(f"`{key}` is `{fields[key]}`, which is no number")
    return float(match[0])


def _integer(fields: dict[str, str], key: str) -> int:
    return int(_number(fields, key))
