"""How fast a sweep goes: points a second against the number of points, memory, one worker against two.

    python benchmarks/explorer.py              10^2 to 10^4 points, workers, a family against SqueezeNext
    python benchmarks/explorer.py --most 5     up to 10^5 points
    python benchmarks/explorer.py --family 64  so many machines of the family

Each measurement is a process of its own, so that its peak of memory is its own. Growth is measured on small
layers, the family with layers as they are. On a machine with other work compare the CPU seconds, of all
processes of a run together.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dovetail.explorer.explore import Where, explore
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.study import Options

ROOT = Path(__file__).parents[1]

NETWORK = """\
net small
param wide = choose({wides})
param kernel = choose(1, 3)
input image[4, 8, 8]
output image -> conv(wide, kernel, pad = same) -> conv(4, 1) -> relu
"""

MACHINE = """\
accel small
param n = choose(2, 4, 8, 16)
memory DRAM {{ bandwidth = choose(1 GB/s..{bandwidths} GB/s by 1 GB/s) shared; energy = 8 pJ/bit }}
memory Buffer {{
    size = choose(2^11..2^15) * 1 B
    width = 64 bit
    energy = sram()
    may_hold = [inputs, weights, outputs]
}}
array PE[row = n, col = n] {{
    along row: reduce sums
    along col: multicast inputs
    mac {{ rate = 1/cycle }}
}}
clock 500 MHz
dataflow weight_stationary {{ PE.row = C; PE.col = K }}
"""

VERSIONS = [
    "squeezenext_1_0_23_v1",
    "squeezenext_1_0_23_v2",
    "squeezenext_1_0_23_v4",
    "squeezenext_1_0_23_v5",
]


def measure(request: StudyRequest, folder: Path, workers: int) -> dict[str, float]:
    """One run, here."""
    began = time.perf_counter()
    outcome = explore(request, Where(folder / "runs", workers=workers))
    seconds = time.perf_counter() - began
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "points": outcome.rows,
        "seconds": seconds,
        "rate": outcome.rows / seconds,
        "cpu": sum(used.ru_utime + used.ru_stime for used in (own, others)),
        "mib": max(own.ru_maxrss, others.ru_maxrss) / 1024,
        "solved": outcome.report.layer_evaluations,
        "front": len(outcome.front),
    }


def grown(folder: Path, wides: int, bandwidths: int) -> StudyRequest:
    """2 x wides networks on 20 x bandwidths machines, solved for small layers."""
    (folder / "small.net").write_text(NETWORK.format(wides=", ".join(map(str, range(1, wides + 1)))))
    (folder / "small.accel").write_text(MACHINE.format(bandwidths=bandwidths))
    return StudyRequest(
        None,
        (str(folder / "small.net"),),
        (str(folder / "small.accel"),),
        Options(minimize=("latency", "energy"), engine="sweep"),
    )


def family(machines: int) -> StudyRequest:
    """Machines of the Squeezelerator family, some choices made for it, on SqueezeNext v1 to v5."""
    fixed = {12288: (), 1536: (("DRAM.bandwidth", "16 GB/s"),)}
    small = (("DRAM.bandwidth", "16 GB/s"), ("Register.depth", "16"), ("Buffer.size", "128 KiB"))
    return StudyRequest(
        None,
        tuple(str(ROOT / f"examples/networks/{name}.net") for name in VERSIONS),
        (str(ROOT / "examples/spaces/squeezelerator_family.accel"),),
        Options(minimize=("latency", "energy"), engine="sweep", settings=fixed.get(machines, small)),
    )


def apart(what: str, *numbers: int) -> dict[str, float]:
    """A measurement in a process of its own."""
    run = subprocess.run(
        [sys.executable, __file__, "--one", what, *map(str, numbers)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    found: dict[str, float] = json.loads(run.stdout)
    return found


def one(what: str, numbers: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if what == "grown":
            wides, bandwidths, workers = numbers
            print(json.dumps(measure(grown(folder, wides, bandwidths), folder, workers)))
        else:
            machines, workers = numbers
            print(json.dumps(measure(family(machines), folder, workers)))


def show(name: str, found: dict[str, float]) -> None:
    print(
        f"{name:<34}{found['points']:>9.0f} points {found['seconds']:>8.1f} s {found['cpu']:>8.1f} s of CPU "
        f"{found['rate']:>8.1f} points/s "
        f"{found['mib']:>6.0f} MiB {found['solved']:>8.0f} layers solved   front {found['front']:.0f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=4, help="power of ten of the most points")
    parser.add_argument("--family", type=int, default=64, help="machines: 64, 1536 or 12288")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one[0], [int(number) for number in given.one[1:]])
        return
    sizes = [(2, 1), (10, 2), (10, 25), (50, 50)][: given.most - 1]
    for wides, bandwidths in sizes:
        show(f"growth, {2 * wides} x {20 * bandwidths}", apart("grown", wides, bandwidths, 1))
    single = apart("grown", 10, 25, 1)
    double = apart("grown", 10, 25, 2)
    show("two workers", double)
    print(f"{'two workers over one':<34}{double['rate'] / single['rate']:>9.2f} x")
    show(f"family of {given.family} x SqueezeNext", apart("family", given.family, 2))


if __name__ == "__main__":
    main()
