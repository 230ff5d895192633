"""The store keeps what it was given whole, and says plainly when it cannot."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from dovetail.dsl.diagnostics import DovetailError
from dovetail.explorer.engine import PointResult
from dovetail.explorer.explore import Where, explore, resume
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.runs import open_run, runs_in
from dovetail.explorer.store import Store, choice_names
from dovetail.explorer.study import Options

ROOT = Path(__file__).parents[2]


def result(index: int, **metrics: float) -> PointResult:
    return PointResult(index, {"Buffer.size": "2 KiB", "kernel": "[3, 1]"}, metrics)


def request(designs: Path, **options: object) -> StudyRequest:
    given = {"minimize": ("latency", "energy"), "engine": "sweep"} | options
    return StudyRequest(
        None,
        (str(designs / "tiny.net"),),
        (str(designs / "small.accel"),),
        Options(**given),
        "kept",
    )


def test_what_is_stored_is_read_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "results.duckdb"
    stored = [
        result(7, latency=1.5e-3, energy=0.1),
        result(10**40, latency=2.0),
        PointResult(3, {}, {}, meets=False, refused="`conv` cannot be mapped"),
    ]
    store = Store(path, ["latency", "energy"])
    store.append(stored, ["first"])
    store.append([], ["second"])
    store.mark_front(stored[1:2])
    store.close()
    again = Store(path, ["latency", "energy"])
    assert list(again.results()) == stored
    assert again.get(10**40) == stored[1] and again.get(8) is None
    assert again.pieces() == {"first", "second"} and len(again) == 3
    assert again.front() == stored[1:2]
    again.close()


def test_a_write_that_breaks_half_way_leaves_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    store = Store(tmp_path / "results.duckdb", ["latency"])
    with pytest.raises(KeyboardInterrupt), store._transaction():
        store._database.execute("INSERT INTO pieces VALUES ('half')")
        raise KeyboardInterrupt
    store.append([result(1, latency=1.0)], ["whole"])
    assert store.pieces() == {"whole"} and len(store) == 1
    store.close()


def test_ctrl_c_during_a_write_comes_after_it_and_nothing_is_written_twice(
    designs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    honest = Store.append
    calls: list[int] = []

    def interrupted(self: Store, results: Sequence[PointResult], pieces: Sequence[str] = ()) -> None:
        if not calls:
            os.kill(os.getpid(), signal.SIGINT)
        calls.append(len(results))
        honest(self, results, pieces)

    monkeypatch.setattr(Store, "append", interrupted)
    monkeypatch.setattr("dovetail.explorer.explore.COMMIT_S", 0.0)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` lets it be ignored
    try:
        stopped = explore(request(designs), Where(tmp_path, workers=1))
    finally:
        signal.signal(signal.SIGINT, before)
    assert stopped.interrupted and calls
    monkeypatch.undo()
    finished = explore(request(designs), Where(tmp_path, workers=1))
    with duckdb.connect(str(finished.folder.path / "results.duckdb"), read_only=True) as database:
        rows = database.execute("SELECT point, variant FROM points").fetchall()
    assert len(rows) == len(set(rows)) == finished.rows > 0


def test_parquet_has_a_column_for_each_choice(tmp_path: Path) -> None:
    import duckdb

    store = Store(tmp_path / "results.duckdb", ["latency"])
    store.append([result(7, latency=1.0), result(5, latency=2.0)])
    store.export(tmp_path / "all.parquet", choice_names(store.results()))
    store.close()
    relation = duckdb.sql(f"SELECT * FROM '{tmp_path / 'all.parquet'}'")
    assert relation.columns == [
        "point",
        "variant",
        "meets",
        "refused",
        "latency",
        "Buffer.size",
        "kernel",
    ]
    rows = relation.fetchall()
    assert [row[0] for row in rows] == ["5", "7"]
    assert rows[0][4:] == (2.0, "2 KiB", "[3, 1]")


def test_a_damaged_store_is_an_error_and_stays_as_it_is(designs: Path) -> None:
    where = Where(designs / "runs", workers=1)
    done = explore(request(designs), where)
    damaged = b"no database at all" * 1000
    done.folder.results.write_bytes(damaged)
    with pytest.raises(DovetailError) as fault:
        explore(request(designs), where)
    assert "error[E1302]: the results in " in str(fault.value)
    assert "the file was left as it is" in str(fault.value)
    assert done.folder.results.read_bytes() == damaged


def test_a_folder_of_another_specification_is_refused(designs: Path) -> None:
    folder = designs / "mine"
    explore(request(designs), Where(folder=folder, workers=1))
    before = (folder / "run.json").read_bytes()
    with pytest.raises(DovetailError) as fault:
        explore(request(designs, where=("area < 5 mm2",)), Where(folder=folder, workers=1))
    assert "E1302" in str(fault.value) and "`where` is another" in str(fault.value)
    assert (folder / "run.json").read_bytes() == before


def test_a_folder_with_other_things_in_it_is_refused(designs: Path) -> None:
    with pytest.raises(DovetailError, match="is not empty, and no run is in it"):
        explore(request(designs), Where(folder=designs, workers=1))


def test_resuming_with_a_changed_input_is_refused(designs: Path) -> None:
    done = explore(request(designs), Where(designs / "runs", workers=1))
    again = resume(done.folder.path, Where(designs / "runs", workers=1), "")
    assert again.report.points == 0 and again.front == done.front
    (designs / "tiny.net").write_text((designs / "tiny.net").read_text() + "# another\n")
    with pytest.raises(DovetailError, match=r"`tiny\.net` changed"):
        resume(done.folder.path, Where(designs / "runs", workers=1), "")


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DovetailError, match="there is no run in"):
        open_run(tmp_path)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "run.json").write_text('{"schema": "dov')
    with pytest.raises(DovetailError, match="is not what a run writes"):
        open_run(tmp_path / "half")
    assert runs_in(tmp_path) == []


FULL_DISK = """
import resource, sys
from pathlib import Path
from dovetail.dsl.diagnostics import DovetailError
from dovetail.explorer.engine import PointResult
from dovetail.explorer.store import Store

path = Path(sys.argv[1])
store = Store(path, ["latency"])
store.append([PointResult(i, {"a": "b" * 50}, {"latency": 1.0}) for i in range(1000)], ["first"])
store._database.execute("CHECKPOINT")
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 8192, resource.RLIM_INFINITY))
try:
    for piece in range(100):
        store.append([PointResult(i, {"a": "c" * 500}, {"latency": 2.0}) for i in range(5000)], [str(piece)])
except DovetailError as fault:
    print(fault)
    store.close()
    sys.exit(1)
"""


def test_a_full_disk_is_an_error_that_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "results.duckdb"
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 1, run.stderr
    assert "error[E1303]: results cannot be written" in run.stdout
    assert "what was stored before is safe" in run.stdout
    store = Store(path, ["latency"])
    pieces = store.pieces()
    assert "first" in pieces
    assert len(store) == 1000 + 5000 * (len(pieces) - 1)
    store.close()


def test_a_run_that_another_process_works_on_is_left_alone(designs: Path) -> None:
    done = explore(request(designs), Where(designs / "runs", workers=1))
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()",
            done.folder.results,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None and holder.stdout.readline() == b"1\n"
    try:
        with pytest.raises(DovetailError, match="another process is at work in"):
            explore(request(designs), Where(designs / "runs", workers=1))
    finally:
        holder.communicate()


def test_a_place_that_cannot_be_written_is_said(designs: Path) -> None:
    (designs / "file").write_text("")
    with pytest.raises(DovetailError, match="E1303"):
        explore(request(designs), Where(designs / "file", workers=1))


def test_a_run_says_what_it_was_made_of(designs: Path) -> None:
    done = explore(request(designs), Where(designs / "runs", workers=1), version="7.1")
    found = json.loads((done.folder.path / "run.json").read_text())
    assert found["version"] == "7.1" and found["schema"] == "dovetail.run/1"
    assert set(found["inputs"]) == {"tiny.net", "small.accel"}
    assert open_run(done.folder.path).specification == done.folder.specification
    assert done.folder.report() is not None
