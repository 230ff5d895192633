"""How much work goes into the mapping of each layer, and which mapper does it.

exact   `mapper.map_problem`: the best of all mappings, with its certificate; what time ends says so
greedy  `greedy_mapping`: one straightforward mapping in milliseconds, nothing proved
"""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dovetail.accel.mapping import Mapping


class Mapper(StrEnum):
    """Who finds the mappings."""

    EXACT = "exact"
    GREEDY = "greedy"


DEFAULT_MAPPER: Final = Mapper.GREEDY
"""Of everything that does not say which: evaluations, tables, explorers."""

SECONDS_A_LAYER: Final = 10.0
"""After which a layer has the best mapping found so far, shared by its dataflows."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How mappings are found. What is not for the exact mapper the greedy one does not look at."""

    mapper: Mapper = DEFAULT_MAPPER
    seconds: float | None = SECONDS_A_LAYER
    """For each layer; None: until it is proved."""
    cached: bool = True
    """Look in, and write to, the answers kept on disk (`mapper/cache.py`)."""
    tolerance: float = 0.0
    """Stop where nothing is better by this fraction."""
    uneven: bool = False
    """The operands of a memory may begin at different places."""
    neighbours: ReadOnly[str | None, tuple[Mapping, ...]] = field(default_factory=dict, hash=False)
    """By dataflow: mappings that were good for something similar, such as the same layer on the accelerator
    before this one in a sweep. The search begins with those that are legal."""

    def __post_init__(self) -> None:
        if self.seconds is not None and not self.seconds > 0:
            raise ValueError(f"a layer takes more than {self.seconds} seconds")
        if not 0 <= self.tolerance < 1:
            raise ValueError(f"a tolerance is a fraction in [0, 1), not {self.tolerance}")


QUICK: Final = Effort(Mapper.GREEDY)
EXACT: Final = Effort(Mapper.EXACT)
