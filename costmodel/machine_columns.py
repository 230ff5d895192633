"""Accelerators that differ in sizes, rates and prices alone, as one whose numbers are columns.

The formulas of latency and energy read an `Architecture` and an `EnergyTable` and calculate with what they
find there: with columns `[rows]` in the place of numbers they give columns. What is no number (names, links,
kinds of buffers, widths of an access) is the same in all of a block, its *kind*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from dovetail.accel.architecture import Architecture, Array, Axis, Memory
from dovetail.costmodel.columns import Number
from dovetail.costmodel.energy import EnergyTable, MemoryPrice

Rows: TypeAlias = NDArray[np.intp]
"""Which machine of the block each row is about."""

SOME: Final = Fraction(1)


def kind_of(architecture: Architecture) -> Architecture:
    """What counts and mappings notice of an architecture besides its sizes; rates and prices are left out."""
    levels: list[Memory | Array] = []
    for level in architecture.levels:
        if isinstance(level, Memory):
            levels.append(
                replace(
                    level,
                    size_bits=None if level.size_bits is None else 0,
                    read_bits_per_cycle=None if level.read_bits_per_cycle is None else SOME,
                    write_bits_per_cycle=None if level.write_bits_per_cycle is None else SOME,
                    banks=1,
                    burst_bits=None,
                    energy=None,
                    area_mm2=None,
                    leakage_mw=None,
                )
            )
        else:
            axes = tuple(replace(axis, size=0) for axis in level.axes)
            links = tuple(replace(link, energy=None) for link in level.links)
            levels.append(replace(level, axes=axes, links=links))
    return replace(
        architecture,
        name="",
        levels=tuple(levels),
        mac=replace(architecture.mac, energy=None, area_mm2=None, leakage_mw=None),
        units=(),
        clock_hz=1.0,
        technology_nm=0.0,
        keep_feature_maps_in=None,
        metrics=(),
    )


def prices_kind(table: EnergyTable) -> tuple[object, ...]:
    """What is no number of an energy table."""
    return (tuple((name, price.bits) for name, price in table.memories.items()), tuple(table.links))


class Column:
    """A number of each machine of a block, or one that all share."""

    def __init__(self, values: Sequence[int | float]) -> None:
        self._one = values[0] if all(value == values[0] for value in values) else None
        self._all = np.array(values, np.float64)

    def at(self, rows: Rows) -> Number:
        """The numbers of these machines."""
        return self._all[rows] if self._one is None else self._one


@dataclass(frozen=True, slots=True)
class RateColumn:
    """Fractions, as columns."""

    numerator: Number
    denominator: Number


class MachineColumns:
    """The architectures of a block, all of one kind."""

    def __init__(self, architectures: Sequence[Architecture]) -> None:
        self.first = architectures[0]
        self._levels: list[dict[str, Any]] = []
        for at, level in enumerate(self.first.levels):
            own = [architecture.levels[at] for architecture in architectures]
            columns: dict[str, Any] = {}
            if isinstance(level, Memory):
                for name in ("read_bits_per_cycle", "write_bits_per_cycle"):
                    if getattr(level, name) is not None:
                        rates = [getattr(memory, name) for memory in own]
                        columns[name] = (
                            Column([rate.numerator for rate in rates]),
                            Column([rate.denominator for rate in rates]),
                        )
                if level.size_bits is not None:
                    columns["size_bits"] = Column([cast(Memory, memory).size_bits or 0 for memory in own])
            else:
                for number in range(len(level.axes)):
                    sizes = [cast(Array, array).axes[number].size for array in own]
                    columns[level.axes[number].name] = Column(sizes)
            self._levels.append(columns)

    def at(self, rows: Rows) -> Architecture:
        """The architectures of these machines as one, its numbers columns `[rows]`."""
        levels: list[Memory | Array] = []
        for level, columns in zip(self.first.levels, self._levels, strict=True):
            if isinstance(level, Memory):
                changes: dict[str, Any] = {
                    name: RateColumn(column[0].at(rows), column[1].at(rows))
                    if isinstance(column, tuple)
                    else column.at(rows)
                    for name, column in columns.items()
                }
                levels.append(replace(level, **changes))
            else:
                axes = tuple(Axis(axis.name, columns[axis.name].at(rows)) for axis in level.axes)
                levels.append(replace(level, axes=axes))
        return replace(self.first, levels=tuple(levels))


class PriceColumns:
    """The energy tables of a block, all of one kind."""

    def __init__(self, tables: Sequence[EnergyTable]) -> None:
        first = tables[0]
        self._memories = {
            name: (
                Column([table.memories[name].read_pj for table in tables]),
                Column([table.memories[name].fill_pj for table in tables]),
                Column([table.memories[name].update_pj for table in tables]),
                price.bits,
            )
            for name, price in first.memories.items()
        }
        self._mac = Column([table.mac_pj for table in tables])
        self._links = {link: Column([table.links[link] for table in tables]) for link in first.links}

    def at(self, rows: Rows) -> EnergyTable:
        """The tables of these machines as one, its prices columns `[rows]`."""
        return EnergyTable(
            {
                name: MemoryPrice(read.at(rows), fill.at(rows), update.at(rows), bits)
                for name, (read, fill, update, bits) in self._memories.items()
            },
            self._mac.at(rows),
            {link: pj.at(rows) for link, pj in self._links.items()},
        )
