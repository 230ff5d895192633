"""Results in DuckDB: one file, SQL, Parquet out. What was committed survives whatever kills the process.

points   a row for each result: number, choices (JSON), whether it meets the conditions, metrics
pieces   the pieces of work whose results are all there; written in one transaction with them
front    the numbers of the front, when a run has ended
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from dovetail.dsl.diagnostics import Diagnostic, DovetailError
from dovetail.explorer.engine import PointResult

CHUNK: Final = 2_000
"""Rows read at once."""


class Store:
    """The results of one run."""

    def __init__(self, path: Path, metrics: Sequence[str], *, read_only: bool = False) -> None:
        """Open or make the store; raises DovetailError where the file is broken, in use or foreign."""
        import duckdb

        self.path = path
        self.metrics = tuple(metrics)
        self._fault = duckdb.Error
        fresh = not path.exists()
        try:
            self._database: Any = duckdb.connect(
                str(path), read_only=read_only, config={"threads": 1, "memory_limit": "512MB"}
            )
            if not read_only:
                self._create()
            have = [row[0] for row in self._database.execute("DESCRIBE points").fetchall()]
        except duckdb.Error as fault:
            raise DovetailError([self._unreadable(fault, fresh)]) from fault
        wanted = ["point", "variant", "meets", "refused", "choices", *self.metrics]
        if have != wanted:
            raise DovetailError(
                [
                    Diagnostic(
                        "E1302",
                        f"`{path}` holds other results than this run makes",
                        help=(
                            f"it has the columns {', '.join(have)}",
                            "move the folder away, or name another",
                        ),
                    )
                ]
            )

    def _create(self) -> None:
        columns = ", ".join(f"{_quoted(name)} DOUBLE" for name in self.metrics)
        self._database.execute("BEGIN")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS points (point VARCHAR, variant INTEGER, meets BOOLEAN, "
            f"refused VARCHAR, choices VARCHAR, {columns})"
        )
        self._database.execute("CREATE TABLE IF NOT EXISTS pieces (name VARCHAR)")
        self._database.execute("CREATE TABLE IF NOT EXISTS front (point VARCHAR, variant INTEGER)")
        self._database.execute("COMMIT")

    def _unreadable(self, fault: Exception, fresh: bool) -> Diagnostic:
        first = str(fault).splitlines()[0]
        if re.search(r"\block\b", first.lower()):  # of a file, and no block of a database
            message = f"another process is at work in `{self.path.parent}`"
            return Diagnostic(
                "E1302", message, help=("wait for it, or stop it: nothing that it stored is lost",)
            )
        if fresh:
            return Diagnostic("E1303", f"`{self.path}` cannot be made: {first}")
        return Diagnostic(
            "E1302",
            f"the results in `{self.path}` cannot be read: {first}",
            help=(
                "the file was left as it is: restore it from a copy, or move the folder away to begin anew",
            ),
        )

    # ------------------------------------------------------------------------------------- writing

    def append(self, results: Sequence[PointResult], pieces: Sequence[str] = ()) -> None:
        """Keep results and the pieces they finish: all or none. Raises DovetailError if it cannot."""
        columns: list[list[Any]] = [
            [str(r.index) for r in results],
            [r.variant for r in results],
            [r.meets for r in results],
            [r.refused for r in results],
            [json.dumps(dict(r.choices)) for r in results],
            *([r.metrics.get(name) for r in results] for name in self.metrics),
        ]
        types = ["VARCHAR", "INTEGER", "BOOLEAN", "VARCHAR", "VARCHAR", *["DOUBLE"] * len(self.metrics)]
        with self._transaction():
            if results:
                lists = ", ".join(f"unnest(?::{kind}[])" for kind in types)
                self._database.execute(f"INSERT INTO points SELECT {lists}", columns)
            if pieces:
                self._database.execute("INSERT INTO pieces SELECT unnest(?::VARCHAR[])", [list(pieces)])

    def mark_front(self, front: Sequence[PointResult]) -> None:
        """Replace the table of the front."""
        points = [[str(r.index) for r in front], [r.variant for r in front]]
        with self._transaction():
            self._database.execute("DELETE FROM front")
            self._database.execute(
                "INSERT INTO front SELECT unnest(?::VARCHAR[]), unnest(?::INTEGER[])", points
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All that is written in the block, or nothing, whatever ends it."""
        try:
            self._database.execute("BEGIN")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                with suppress(self._fault):  # the database may have undone it by itself
                    self._database.execute("ROLLBACK")
                raise
        except self._fault as fault:
            raise DovetailError([self._unwritable(fault)]) from fault

    def _unwritable(self, fault: Exception) -> Diagnostic:
        return Diagnostic(
            "E1303",
            f"results cannot be written to `{self.path}`: {str(fault).splitlines()[0]}",
            help=("what was stored before is safe: make room, and the same command goes on from there",),
        )

    def close(self) -> None:
        """Let go of the file."""
        try:
            self._database.close()
        except self._fault:
            return  # it said so when it could not write

    # ------------------------------------------------------------------------------------- reading

    def __len__(self) -> int:
        """The rows."""
        return int(self._database.execute("SELECT count(*) FROM points").fetchone()[0])

    def pieces(self) -> set[str]:
        """The names of the finished pieces of work."""
        return {row[0] for row in self._database.execute("SELECT name FROM pieces").fetchall()}

    def get(self, index: int) -> PointResult | None:
        """The first result of a point."""
        found = self._read("WHERE point = ? ORDER BY variant LIMIT 1", [str(index)])
        return next(found, None)

    def results(self, where: str = "") -> Iterator[PointResult]:
        """All results, as they were stored; `where` is SQL."""
        return self._read(f"WHERE {where}" if where else "", [])

    def front(self) -> list[PointResult]:
        """The results that were marked as the front."""
        return list(self._read("SEMI JOIN front USING (point, variant)", []))

    def _read(self, rest: str, given: list[object]) -> Iterator[PointResult]:
        names = ", ".join(_quoted(name) for name in self.metrics)
        cursor = self._database.cursor()
        query = f"SELECT point, variant, meets, refused, choices, {names} FROM points {rest}"
        try:
            cursor.execute(query, given)
            while rows := cursor.fetchmany(CHUNK):
                for point, variant, meets, refused, choices, *values in rows:
                    metrics = {
                        name: value
                        for name, value in zip(self.metrics, values, strict=True)
                        if value is not None
                    }
                    yield PointResult(int(point), json.loads(choices), metrics, meets, refused, variant)
        except self._fault as fault:
            raise DovetailError([self._unreadable(fault, fresh=False)]) from fault

    def export(self, path: Path, choices: Sequence[str]) -> None:
        """All results as Parquet, a column for each of `choices`."""
        made = "".join(
            f", json_extract_string(choices, '$.\"{name}\"') AS {_quoted(name)}"
            for name in choices
            if name not in self.metrics
        )
        target = str(path).replace("'", "''")
        try:
            self._database.execute(
                f"COPY (SELECT * EXCLUDE (choices){made} FROM points ORDER BY length(point), point, variant) "
                f"TO '{target}' (FORMAT parquet)"
            )
        except self._fault as fault:
            message = f"`{path}` cannot be written: {str(fault).splitlines()[0]}"
            raise DovetailError([Diagnostic("E1303", message)]) from fault


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def choice_names(results: Iterable[PointResult]) -> list[str]:
    """The names of all choices that results have, in the order in which they are met."""
    names: Mapping[str, None] = dict.fromkeys(name for result in results for name in result.choices)
    return list(names)
