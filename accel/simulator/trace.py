"""What happened when, as Chrome/Perfetto JSON (a microsecond of the trace is a cycle) or as CSV.

JSON tracks: `array` (load, compute, drain of each fold; counter `busy PEs`), and one for each memory (its
tiles that move, the array waiting for it). Rows of the CSV are
`start,cycles,track,event,fold,busy_pes,words_in, words_out`, starts in cycles. Both are written event by
event.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from dovetail.accel.simulator.machine import FoldRecord, Machine, MoveRecord, Record
from dovetail.accel.simulator.plan import Plan

COLUMNS = ("start", "cycles", "track", "event", "fold", "busy_pes", "words_in", "words_out")


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the CSV."""

    start: float
    cycles: float
    track: str
    event: str
    fold: int | None = None
    busy_pes: int | None = None
    words_in: int | None = None
    words_out: int | None = None


def events(records: Iterator[Record]) -> Iterator[Event]:
    """The events of a run, in order."""
    for record in records:
        match record:
            case FoldRecord():
                yield from _fold_events(record)
            case MoveRecord():
                moved = record.moved
                name = f"{moved.operand} from {moved.source}"
                words = (moved.words_in, moved.words_out)
                yield Event(record.start, 0, moved.memory, name, None, None, *words)
            case _:
                yield Event(record.start, record.cycles, record.memory, "stall")


def _fold_events(record: FoldRecord) -> Iterator[Event]:
    at = record.start
    for phase in ("load", "steps", "drain"):
        cycles = getattr(record, phase)
        if cycles:
            yield Event(at, cycles, "array", "compute" if phase == "steps" else phase, record.number)
        at += cycles
    at = record.start + record.load
    for span in record.spans:
        yield Event(at, span.cycles, "PEs", "busy", record.number, span.busy)
        at += span.cycles


def write_trace(path: Path, machine: Machine, plan: Plan) -> None:
    """Run the machine and write its trace; the ending of the name says which kind."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            _write_csv(file, machine)
        else:
            _write_json(file, machine, plan)


def _write_csv(file: TextIO, machine: Machine) -> None:
    rows = csv.writer(file)
    rows.writerow(COLUMNS)
    for event in events(machine.records()):
        values = (getattr(event, column) for column in COLUMNS)
        rows.writerow("" if value is None else _plain(value) for value in values)


def _plain(value: float | str) -> float | str:
    return int(value) if isinstance(value, float) and value == int(value) else value


def _write_json(file: TextIO, machine: Machine, plan: Plan) -> None:
    tracks = ["array", *(memory.name for memory in plan.architecture.memories)]
    file.write('{"displayTimeUnit": "ns", "traceEvents": [\n')
    for number, name in enumerate(tracks):
        named = {"name": "thread_name", "ph": "M", "pid": 0, "tid": number, "args": {"name": name}}
        file.write(json.dumps(named) + ",\n")
    for event in events(machine.records()):
        file.write(json.dumps(_json(event, tracks)) + ",\n")
    end = {"name": "end", "ph": "i", "ts": machine.cycles(), "pid": 0, "tid": 0, "s": "p"}
    file.write(json.dumps(end) + "\n]}\n")


def _json(event: Event, tracks: list[str]) -> dict[str, object]:
    common: dict[str, object] = {"ts": event.start, "pid": 0}
    if event.track == "PEs":
        return {**common, "name": "busy PEs", "ph": "C", "args": {"PEs": event.busy_pes}}
    kept = {"fold": event.fold, "words_in": event.words_in, "words_out": event.words_out}
    args = {name: value for name, value in kept.items() if value is not None}
    common |= {"name": event.event, "tid": tracks.index(event.track), "args": args}
    if event.cycles:
        return {**common, "ph": "X", "dur": event.cycles}
    return {**common, "ph": "i", "s": "t"}
