"""The table of every layer that a space can contain: latency and energy, to be looked up by a search.

A row is a layer by one mapping: what it is (`layer`), how it runs (`dataflow`), what it costs. Layers of
equal shape and widths are one layer. The same file read back is a *measured target*: put the latencies and
energies of a real machine into it, and it stands where an accelerator stood (`measured.py`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

from dovetail.costmodel.network_cost import problem_of
from dovetail.dsl.diagnostics import Diagnostic, DovetailError
from dovetail.dsl.layer import Layer
from dovetail.explorer.exact.layer_fronts import NoPoint, layer_front
from dovetail.explorer.exact.recursion import Recursion
from dovetail.explorer.layer_solver import LayerSolver, Machine


@dataclass(frozen=True, slots=True)
class Row:
    """A layer by one mapping, for the whole batch."""

    layer: str
    """`layer_key`: equal for layers that cost the same."""
    op: str
    macs: int
    dataflow: str
    """Empty for operations without MACs, and where the text has no dataflows."""
    cycles: int
    latency_s: float
    energy_pj: float
    dram_bytes: int
    utilization: float


COLUMNS: Final = tuple(f.name for f in fields(Row))


@dataclass(frozen=True, slots=True)
class LayerTable:
    """The rows of a space, and the layers that cannot run, with the reasons."""

    rows: tuple[Row, ...]
    refused: tuple[tuple[str, str], ...]
    layers: int
    """Distinct layers."""
    designs: int
    """That are made of them."""


def layer_key(layer: Layer, batch: int = 1) -> str:
    """What a layer is, in words without commas: all that its cost depends on."""
    problem = problem_of(layer, batch)
    if problem is not None:
        bounds = " ".join(f"{d}{n}" for d, n in problem.bounds.items() if n > 1)
        parts = [layer.op, bounds]
        for name, pair in (("stride", problem.stride), ("dilation", problem.dilation)):
            if pair != (1, 1):
                parts.append(f"{name} {pair[0]}x{pair[1]}")
        bits = problem.bits
        parts.append(f"bits {bits.weights}/{bits.inputs}/{bits.outputs}/{bits.sums}")
        if problem.weight_zeros:
            parts.append(f"zeros {problem.weight_zeros:g}")
        return " ".join(part for part in parts if part)
    inputs = " + ".join(f"{t.words}x{t.bits}" for t in dict.fromkeys(layer.inputs))
    outputs = " + ".join(f"{t.words}x{t.bits}" for t in layer.outputs)
    weights = f"weights {layer.weights_read}x{layer.weight_bits}" if layer.weights_read else ""
    batched = f"batch {batch}" if batch > 1 else ""
    operations = f"operations {layer.operations}"
    return " ".join(p for p in (layer.op, inputs, "to", outputs, weights, operations, batched) if p)


def layer_table(recursion: Recursion, machine: Machine, solver: LayerSolver, batch: int = 1) -> LayerTable:
    """The table of a space on a machine; layers that cannot run are listed apart."""
    rows: dict[str, list[Row]] = {}
    refused: dict[str, str] = {}
    clock = machine.architecture.clock_hz
    for layer in recursion.layers:
        key = layer_key(layer, batch)
        if key in rows or key in refused:
            continue
        try:
            points = layer_front(layer, machine, solver, batch)
        except NoPoint as why:
            refused[key] = str(why)
            continue
        rows[key] = [
            Row(
                layer=key,
                op=layer.op,
                macs=layer.macs * batch,
                dataflow=point.dataflow or "",
                cycles=point.cycles,
                latency_s=point.cycles / clock,
                energy_pj=point.energy_pj,
                dram_bytes=-(-point.outermost_bits // 8),
                utilization=point.utilization,
            )
            for point in points
        ]
    flat = tuple(row for found in rows.values() for row in found)
    return LayerTable(flat, tuple(refused.items()), len(rows) + len(refused), recursion.size)


# --------------------------------------------------------------------------------------------- files


def csv_text(rows: Sequence[Row]) -> str:
    """The rows with a header."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(row) for row in rows)
    return stream.getvalue()


def write_table(rows: Sequence[Row], path: Path) -> None:
    """As CSV, or as Parquet where the name ends so; raises DovetailError where it cannot be written."""
    try:
        if path.suffix == ".parquet":
            _write_parquet(rows, path)
        else:
            path.write_text(csv_text(rows), encoding="utf-8")
    except OSError as fault:
        message = f"`{path}` cannot be written: {fault.strerror or fault}"
        raise DovetailError([Diagnostic("E1303", message)]) from fault


def _write_parquet(rows: Sequence[Row], path: Path) -> None:
    import duckdb

    kinds = {"str": "VARCHAR", "int": "BIGINT", "float": "DOUBLE"}
    columns = ", ".join(f"{f.name} {kinds[str(f.type)]}" for f in fields(Row))
    with duckdb.connect() as database:
        database.execute(f"CREATE TABLE layers ({columns})")
        if rows:
            marks = ", ".join("?" * len(COLUMNS))
            database.executemany(f"INSERT INTO layers VALUES ({marks})", [astuple(row) for row in rows])
        try:
            database.table("layers").write_parquet(str(path))
        except duckdb.Error as fault:
            raise OSError(str(fault).splitlines()[0]) from fault


def read_cells(path: Path) -> Iterator[dict[str, str]]:
    """The cells of a table's rows by column, as text; raises DovetailError where it cannot be read."""
    try:
        if path.suffix == ".parquet":
            yield from _read_parquet(path)
            return
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                yield {name: value or "" for name, value in row.items() if name is not None}
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise DovetailError([Diagnostic("E0803", f"`{path}` cannot be read: {fault}")]) from fault


def _read_parquet(path: Path) -> Iterator[dict[str, str]]:
    import duckdb

    try:
        with duckdb.connect() as database:
            found = database.read_parquet(str(path))
            names = found.columns
            for row in found.fetchall():
                yield {n: "" if v is None else str(v) for n, v in zip(names, row, strict=True)}
    except duckdb.Error as fault:
        raise OSError(str(fault).splitlines()[0]) from fault
