"""A run that is killed at random moments ends, when it is taken up again, as if nothing had happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from dovetail.explorer.explore import Where, explore
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.store import Store
from dovetail.explorer.study import Options

SCRIPT = Path(__file__).parent / "killed.py"
ROOT = Path(__file__).parents[2]


def contents(path: Path, metrics: list[str]) -> list[tuple[object, ...]]:
    store = Store(path, metrics, read_only=True)
    rows = [
        (r.index, r.variant, r.meets, r.refused, sorted(r.choices.items()), sorted(r.metrics.items()))
        for r in store.results()
    ]
    front = sorted((r.index, r.variant) for r in store.front())
    store.close()
    return [*sorted(rows), tuple(front)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_twenty_kills_leave_exactly_the_rows_of_an_undisturbed_run(designs: Path) -> None:
    script = subprocess.run(
        [sys.executable, SCRIPT, designs, "20", "11"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert script.returncode == 0, script.stderr
    said = json.loads(script.stdout)
    assert said["killed"] == 20 and said["finished"]
    for before, after in pairwise(said["rows"]):
        assert before is None or after is None or before <= after, "what was stored stays"
    assert sum(count is not None and 0 < count < 1020 for count in said["rows"]) > 3, "killed in the midst"
    request = StudyRequest(
        None,
        (str(designs / "tiny.net"), str(designs / "other.net")),
        (str(designs / "small.accel"),),
        Options(minimize=("latency", "energy"), engine="sweep", bits=(4, 8, 16)),
        "undisturbed",
    )
    undisturbed = explore(request, Where(designs / "other", workers=1))
    metrics = list(undisturbed.folder.metrics)
    expected = contents(undisturbed.folder.results, metrics)
    assert len(expected) == 1020 + 1
    assert contents(designs / "runs" / "killed" / "results.duckdb", metrics) == expected
