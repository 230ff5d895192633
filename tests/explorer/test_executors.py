"""Work goes on when a process that does it is killed, on this machine and on a cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dovetail.dsl.diagnostics import DovetailError
from dovetail.explorer.executors import InlineExecutor, ProcessPool, cluster_executor, in_order
from dovetail.explorer.explore import Outcome, Status, Where, explore
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.store import Store
from dovetail.explorer.study import Options

ROOT = Path(__file__).parents[2]


def request(designs: Path) -> StudyRequest:
    return StudyRequest(
        None,
        (str(designs / "tiny.net"), str(designs / "other.net")),
        (str(designs / "small.accel"),),
        Options(minimize=("latency", "energy"), engine="sweep"),
    )


def points(outcome: Outcome) -> list[tuple[int, dict[str, float]]]:
    store = Store(outcome.folder.results, list(outcome.folder.metrics), read_only=True)
    found = sorted((r.index, dict(r.metrics)) for r in store.results())
    store.close()
    return found


@pytest.fixture
def alone(designs: Path) -> list[tuple[int, dict[str, float]]]:
    """What one process finds."""
    return points(explore(request(designs), Where(designs / "alone", workers=1)))


def kill_one_of(pids: list[int]) -> None:
    os.kill(pids[0], signal.SIGKILL)


def test_any_executor_does_the_work(designs: Path, alone: list[tuple[int, dict[str, float]]]) -> None:
    with ThreadPoolExecutor(2) as threads:
        done = explore(request(designs), Where(designs / "runs", workers=2, executor=threads))
    assert points(done) == alone


def test_a_killed_process_of_the_pool_is_replaced(
    designs: Path, alone: list[tuple[int, dict[str, float]]]
) -> None:
    pool = ProcessPool(2)
    killed: list[int] = []

    def watch(status: Status) -> None:
        if not killed and status.done > 20:
            killed.extend(list(pool.processes())[:1])
            kill_one_of(killed)

    try:
        where = Where(designs / "runs", workers=2, executor=pool)
        done = explore(request(designs), where, watch=watch)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    assert killed
    assert points(done) == alone


def test_answers_come_in_order(designs: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        assert list(in_order(threads, lambda n: n * n, range(20))) == [n * n for n in range(20)]
    assert list(in_order(InlineExecutor(), lambda n: -n, [1, 2])) == [-1, -2]


ORPHANS = """
import sys, time
from dovetail.explorer.executors import ProcessPool
import os

if __name__ == "__main__":
    pool = ProcessPool(2)
    for _ in range(2):
        pool.submit(time.sleep, 0.2).result()
    print(*pool.processes(), flush=True)
    time.sleep(60)
"""


def test_processes_end_when_their_parent_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "orphans.py"
    script.write_text(ORPHANS)
    parent = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    children = [int(pid) for pid in parent.stdout.readline().split()]
    assert children
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not any(alive(pid) for pid in children):
            return
        time.sleep(0.1)
    pytest.fail("processes outlived their parent")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """A Dask scheduler with three workers, each a process of its own."""
    pytest.importorskip("distributed")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    note = tmp_path / "scheduler.json"
    base = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [
        subprocess.Popen(
            [*base, "--host", "127.0.0.1", "--scheduler-file", str(note)],
            env=environment,
            text=True,
            **quiet,
        )
    ]
    work = [
        sys.executable,
        "-m",
        "distributed.cli.dask_worker",
        "--scheduler-file",
        str(note),
        "--no-dashboard",
    ]
    for _ in range(3):
        command = [*work, "--no-nanny", "--nthreads", "1", "--local-directory", str(tmp_path)]
        processes.append(subprocess.Popen(command, env=environment, text=True, **quiet))
    try:
        for _ in range(300):
            if note.exists() and note.read_text():
                break
            time.sleep(0.1)
        import json

        yield json.loads(note.read_text())["address"], processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_cluster_finishes_although_a_worker_is_killed(
    designs: Path,
    alone: list[tuple[int, dict[str, float]]],
    scheduler: tuple[str, list[subprocess.Popen[str]]],
) -> None:
    address, processes = scheduler
    killed = threading.Event()
    with cluster_executor(address) as (executor, _):
        deadline = time.monotonic() + 60
        while len(executor._client.scheduler_info()["workers"]) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.1)

        def watch(status: Status) -> None:
            if not killed.is_set() and status.done > 20:
                processes[-1].kill()
                killed.set()

        done = explore(request(designs), Where(designs / "runs", workers=3, executor=executor), watch=watch)
    assert killed.is_set()
    assert points(done) == alone


def test_a_scheduler_that_does_not_answer_is_named(designs: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(DovetailError, match="no Dask scheduler answers at `tcp://127"):
        explore(request(designs), Where(designs / "runs", scheduler="tcp://127.0.0.1:9"))


KILLED = """
import os, signal, time
from dovetail.explorer.executors import ProcessPool

if __name__ == "__main__":
    pool = ProcessPool(2)
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing is killed here")
def test_a_killed_run_leaves_no_word_of_python_s_on_standard_error(tmp_path: Path) -> None:
    """`communicate` ends when the last process that could write has ended."""
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    run = subprocess.Popen(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = run.communicate(timeout=60)
    assert run.returncode == -signal.SIGKILL and int(out) > 0
    assert err == ""
