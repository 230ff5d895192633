"""Run by `test_kill.py`: a run is killed at random moments, taken up again, and in the end left alone.

Children are forked from a process that has imported everything, so that most of their life is work. Prints
how many of them were killed and how many rows a fresh reader found after each; none where a run was done
before its end came, and a new one begun.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from dovetail.explorer.explore import Where, explore
from dovetail.explorer.points import PointEvaluator
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.space import StudySpace
from dovetail.explorer.store import Store
from dovetail.explorer.study import Options


def main(folder: Path, kills: int, seed: int) -> None:
    request = StudyRequest(
        None,
        (str(folder / "tiny.net"), str(folder / "other.net")),
        (str(folder / "small.accel"),),
        Options(minimize=("latency", "energy"), engine="sweep", bits=(4, 8, 16)),
        "killed",
    )
    where = Where(folder / "runs", folder / "runs" / "killed", workers=1)
    moments = random.Random(seed)
    killed = 0
    rows: list[int | None] = []
    began = time.monotonic()
    PointEvaluator(StudySpace(request.load())).evaluate(0)
    setup = time.monotonic() - began
    while killed < kills:
        child = os.fork()
        if child == 0:
            explore(request, where)
            os._exit(0)
        time.sleep(setup * moments.uniform(0.3, 1.7))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            shutil.rmtree(folder / "runs")
            rows.append(None)
            continue
        killed += 1
        rows.append(stored(folder / "runs" / "killed" / "results.duckdb"))
    outcome = explore(request, where)
    print(json.dumps({"killed": killed, "rows": rows, "finished": outcome.report.finished}))


def stored(path: Path) -> int:
    child = os.fork()  # a reader of its own: no state of the store in this process
    if child == 0:
        if not path.exists():
            os._exit(0)
        store = Store(path, METRICS)
        count = len(store)
        store.close()
        (path.parent / "count").write_text(str(count))
        os._exit(0)
    os.waitpid(child, 0)
    count = path.parent / "count"
    return int(count.read_text()) if count.exists() else 0


METRICS = (
    "latency energy area average_power peak_memory dram_bytes edp cycles utilization macs params "
    "inferences_per_charge".split()
)

if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
