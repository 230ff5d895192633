"""The run as one line for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.accel.simulator.machine import FoldRecord, Record

EIGHTHS = " ▁▂▃▄▅▆▇█"


def occupancy(records: Iterable[Record], cycles: int, width: int) -> list[float]:
    """Mean number of busy PEs in each of `width` equal parts of the run."""
    width = max(1, min(width, cycles))
    busy = [0.0] * width
    for record in records:
        if isinstance(record, FoldRecord):
            at = record.start + record.load
            for span in record.spans:
                _spread(busy, at, span.cycles, span.busy, cycles)
                at += span.cycles
    return [total * width / cycles for total in busy]


def _spread(busy: list[float], start: float, length: int, pes: int, cycles: int) -> None:
    if not pes:
        return
    per_part = cycles / len(busy)
    end = start + length
    part = min(int(start / per_part), len(busy) - 1)
    while start < end:
        edge = (part + 1) * per_part if part < len(busy) - 1 else end
        here = min(end, edge)
        busy[part] += (here - start) * pes
        start, part = here, part + 1
        if part >= len(busy):
            return


def strip(records: Iterable[Record], cycles: int, pes: int, width: int) -> str:
    """Eighths of a full array, from the first cycle to the last; a dot where nothing is busy."""
    signs = []
    for mean in occupancy(records, cycles, width):
        eighths = round(8 * min(1.0, mean / pes))
        signs.append("·" if mean == 0 else EIGHTHS[max(1, eighths)])
    return "".join(signs)
