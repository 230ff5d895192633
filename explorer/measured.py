"""A measured target: a table of layers that stands where an accelerator stood.

    layer,latency_s,energy_pj
    conv K16 C3 P112 Q112 R3 S3 stride 2x2 bits 16/16/16/16,0.00041,91e6

`dovetail table NET ACCEL` writes such a table, with every layer that is needed; the numbers can then be those
of a real machine. A layer may have several rows, of ways to run it that trade latency for energy. `energy_pj`
and `dram_bytes` may be left out, and are 0 then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dovetail.dsl.diagnostics import Diagnostic, DovetailError
from dovetail.dsl.layer import Layer
from dovetail.explorer.exact.fronts import Front, pareto_front
from dovetail.explorer.exact.pareto import Values
from dovetail.explorer.exact.recursion import Recursion
from dovetail.explorer.layer_table import layer_key, read_cells


@dataclass(frozen=True, slots=True)
class MeasuredPoint:
    """One way to run a layer, as it was measured."""

    latency_s: float
    energy_pj: float
    dram_bytes: float
    dataflow: str


@dataclass(frozen=True, slots=True)
class MeasuredTarget:
    """A machine of which only its table is known."""

    name: str
    points: Mapping[str, tuple[MeasuredPoint, ...]]

    def missing(self, layers: Sequence[Layer], batch: int = 1) -> tuple[str, ...]:
        """The layers that the table lacks."""
        return tuple(
            dict.fromkeys(k for layer in layers if (k := layer_key(layer, batch)) not in self.points)
        )

    def front(self, recursion: Recursion, batch: int = 1, metrics: Sequence[str] = ()) -> Front:
        """The exact front of (latency in s, energy in pJ, additive metrics ...) of the designs of a space.

        Raises DovetailError with the layers that the table lacks, if designs cannot do without them.
        """
        absent = {i for i, layer in enumerate(recursion.layers) if layer_key(layer, batch) not in self.points}
        possible, left = recursion.without(absent)
        if possible is None:
            lacking = self.missing([recursion.layers[i] for i in sorted(absent)], batch)
            shown = ", ".join(f"`{key}`" for key in lacking[:3])
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            message = f"`{self.name}` has no row for layers that every design needs: {shown}{more}"
            help = ("`dovetail table NET ACCEL` writes a table with every layer that can occur",)
            raise DovetailError([Diagnostic("E1306", message, help=help)])
        leaves = [self._leaf(recursion.layers[number], batch, len(metrics)) for number in left]
        places = [(recursion.metrics.index(name), 2 + i, 1.0) for i, name in enumerate(metrics)]
        return pareto_front(possible, leaves, places)

    def _leaf(self, layer: Layer, batch: int, metrics: int) -> Values:
        points = self.points[layer_key(layer, batch)]
        return np.array([[p.latency_s, p.energy_pj, *([0.0] * metrics)] for p in points])


def load_measured(path: str | Path) -> MeasuredTarget:
    """Read a table, CSV or Parquet; raises DovetailError with every row that is wrong."""
    path = Path(path)
    points: dict[str, list[MeasuredPoint]] = {}
    problems: list[Diagnostic] = []
    for number, cells in enumerate(read_cells(path), 2):
        lacking = [name for name in ("layer", "latency_s") if name not in cells]
        if lacking:
            columns = ", ".join(cells)
            message = f"`{path}` has no column `{lacking[0]}`"
            raise DovetailError([Diagnostic("E0809", message, help=(f"its columns are {columns}",))])
        try:
            point = MeasuredPoint(
                _number(cells["latency_s"]),
                _number(cells.get("energy_pj") or "0"),
                _number(cells.get("dram_bytes") or "0"),
                cells.get("dataflow", ""),
            )
        except ValueError as fault:
            problems.append(Diagnostic("E0809", f"line {number} of `{path}`: {fault}"))
            continue
        points.setdefault(" ".join(cells["layer"].split()), []).append(point)
    if problems:
        raise DovetailError(problems)
    return MeasuredTarget(path.stem, {key: tuple(found) for key, found in points.items()})


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"`{text}` is no number") from None
    if not 0 <= value < float("inf"):
        raise ValueError(f"`{text}` is negative or not finite")
    return value
