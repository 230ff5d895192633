"""Metrics that no model computes, where each choice or each layer adds its share: accuracy proxies.

    metric omega from "traces.csv" by (layer, weights)      what each layer loses at each width
    metric loss  from "loss.csv"   by (choice, option)      what each choice adds

The first column names a choice by its path, or a layer; the second says the option taken, or the width of the
layer's weights. A design's value is the sum of the rows that are true of it; what no row speaks of adds 0.
In Python any function of a path and an option will do (`Function`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

from dovetail.dsl.declarations import MetricTable

_WIDTH: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(bit|B)?$")


class Additive(Protocol):
    """A metric of a design that is the sum of what its choices and layers add."""

    @property
    def name(self) -> str:
        """What objectives and conditions call it."""
        ...

    @property
    def by_layer(self) -> bool:
        """Whether layers may add something, by their names."""
        ...

    def of_choice(self, path: str, option: str) -> float:
        """What taking `option` at the choice `path` adds."""
        ...

    def of_layer(self, name: str, weight_bits: int) -> float:
        """What a layer adds whose weights have this width."""
        ...


@dataclass(frozen=True)
class Table:
    """A metric from a table of two columns and a value."""

    table: MetricTable

    @property
    def name(self) -> str:
        """As the text calls it."""
        return self.table.name

    @property
    def by_layer(self) -> bool:
        """Unless the first column is said to be of choices."""
        return self.table.by[:1] != ("choice",)

    def of_choice(self, path: str, option: str) -> float:
        """The sum of the rows of this choice and option."""
        return self._rows.get((path, _normal(option)), 0.0)

    def of_layer(self, name: str, weight_bits: int) -> float:
        """The sum of the rows of this layer and width; of a layer at any width where there is no column."""
        if not self.by_layer:
            return 0.0
        return self._rows.get((name, f"{weight_bits} bit"), 0.0) + self._rows.get((name, ""), 0.0)

    @cached_property
    def _rows(self) -> Mapping[tuple[str, str], float]:
        rows: dict[tuple[str, str], float] = {}
        for cells, value in self.table.rows:
            name, *rest = cells
            layer = not rest or _is_width(rest[0])
            key = (name, _normal(" ".join(rest)))
            rows[key] = rows.get(key, 0.0) + value
            if layer and rest and rest[0].isdigit():  # `8` is a width of 8 bit, or an option that is a number
                rows[name, f"{rest[0]} bit"] = rows.get((name, f"{rest[0]} bit"), 0.0) + value
        return rows


@dataclass(frozen=True, slots=True)
class Function:
    """A metric from a Python function of the path of a choice and the option taken."""

    name: str
    function: Callable[[str, str], float]

    @property
    def by_layer(self) -> bool:
        """It speaks of choices alone."""
        return False

    def of_choice(self, path: str, option: str) -> float:
        """What the function says."""
        return float(self.function(path, option))

    def of_layer(self, name: str, weight_bits: int) -> float:
        """Nothing."""
        return 0.0


def total_of(metric: Additive, choices: Mapping[str, str], layers: Iterable[tuple[str, int]]) -> float:
    """The metric of a design: its choices by path, its layers by name with the width of their weights."""
    total = sum(metric.of_choice(path, option) for path, option in choices.items())
    if metric.by_layer:
        total += sum(metric.of_layer(name, bits) for name, bits in layers if name not in choices)
    return total


def _is_width(text: str) -> bool:
    return _WIDTH.match(text.strip()) is not None


def _normal(text: str) -> str:
    """An option as it is compared: widths in bits, whatever unit they are written in (`1 B` is `8 bit`)."""
    text = text.strip()
    found = _WIDTH.match(text)
    if found is None or found[2] is None:
        return text
    bits = float(found[1]) * (8 if found[2] == "B" else 1)
    return f"{bits:g} bit"
