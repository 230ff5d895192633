"""Exact fronts of FBNet's space on the Squeezelerator: seconds from a cold and a warm cache.

    python benchmarks/exact_fronts.py [--machines N]

With `--machines` also of the space times a family of N machines at 4 and 8 bit.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from dovetail.explorer.explore import Outcome, Where, explore
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.study import Options

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
GOALS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "latency, energy": (("latency", "energy"), ()),
    "latency, capacity": (("latency",), ("capacity",)),
    "latency, energy, capacity": (("latency", "energy"), ("capacity",)),
}


def run(accelerator: Path, goals: str, where: Where, bits: tuple[int, ...] = ()) -> tuple[Outcome, float]:
    minimize, maximize = GOALS[goals]
    options = Options(minimize=minimize, maximize=maximize, engine="exact", bits=bits)
    network = EXAMPLES / "spaces" / "fbnet.net"
    start = time.perf_counter()
    outcome = explore(StudyRequest(None, (str(network),), (str(accelerator),), options), where)
    return outcome, time.perf_counter() - start


def line(name: str, outcome: Outcome, seconds: float) -> None:
    report = outcome.report
    print(
        f"{name:34s} {seconds:7.2f} s  {report.points:.3e} designs  "
        f"{report.layer_evaluations:6d} layers mapped  "
        f"front {len(outcome.front):6d}  epsilon {report.details['epsilon']:g}  "
        f"machines {report.details['machines']:.0f}, ruled out {report.details['machines_ruled_out']:.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        one = EXAMPLES / "accelerators" / "squeezelerator.accel"
        for goals in GOALS:
            runs = Path(folder) / goals
            line(f"{goals}, cold", *run(one, goals, Where(runs=runs)))
            line(f"{goals}, layers known", *run(one, goals, Where(folder=runs / "again")))
            line(f"{goals}, run known", *run(one, goals, Where(runs=runs)))
        if asked.machines:
            family = Path(folder) / "family.accel"
            family.write_text(_family(asked.machines), encoding="utf-8")
            for goals in GOALS:
                line(f"{goals}, a family", *run(family, goals, Where(runs=Path(folder) / "family"), (4, 8)))


def _family(machines: int) -> str:
    """The Squeezelerator with its rows, columns and bandwidth left open: about so many machines."""
    text = (EXAMPLES / "accelerators" / "squeezelerator.accel").read_text(encoding="utf-8")
    rest = max(1, machines // 64)
    text = text.replace("param n = 32", "param rows = choose(8..64 by 8)\nparam cols = choose(8..64 by 8)")
    text = text.replace("row = n, col = n", "row = rows, col = cols").replace("Vector[n]", "Vector[cols]")
    return text.replace("bandwidth = 16 GB/s", f"bandwidth = choose(1 GB/s..{rest} GB/s by 1 GB/s)")


if __name__ == "__main__":
    main()
