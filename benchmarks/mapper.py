"""How long the mapper takes to prove the best mapping of a layer.

    python benchmarks/mapper.py layers [--time S] [--network N] [--accelerator A] [--mode named|free]
    python benchmarks/mapper.py network              # SqueezeNet on the Squeezelerator in new processes
    python benchmarks/mapper.py growth [--plot DIR]  # against channels, levels and array size
    python benchmarks/mapper.py rivals --accelforge PYTHON --zigzag PYTHON

`layers`: every different layer of AlexNet, SqueezeNet v1.0, MobileNet v1, ResNet-18 and BERT-base, on an
Eyeriss, a 32x32 TPU, the Squeezelerator and a Simba, for the least energy-delay product; CPU seconds of one
core after start, by dataflow (`named`) and without (`free`). `rivals` runs accelforge and ZigZag, where a
Python that has them is named, on the same layers and architecture in this same run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from statistics import median
from time import monotonic, process_time

from dovetail.accel.architecture import Architecture, Array, Axis, Link, LinkKind, Memory
from dovetail.accel.loading import load_accelerator_design
from dovetail.accel.mapping import Mapping
from dovetail.costmodel.components import price
from dovetail.costmodel.energy import EnergyTable, MemoryPrice
from dovetail.costmodel.greedy import NoMapping as NoGreedy
from dovetail.costmodel.greedy import greedy_mapping
from dovetail.costmodel.mapper import NoMapping, map_problem
from dovetail.costmodel.network_cost import leakage_pj_per_cycle, problem_of
from dovetail.costmodel.price_table import energy_table
from dovetail.dsl.loading import load_network_design
from dovetail.dsl.problem import Bits, Problem

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
NETWORKS = (
    "alexnet_torchvision",
    "squeezenet_v1_0",
    "mobilenet_v1",
    "resnet18",
    "bert_base_encoder_s128",
)
ACCELERATORS: dict[str, tuple[str, dict[str, object]]] = {
    "eyeriss": ("eyeriss", {}),
    "tpu 32x32": ("tpu_v1", {"n": 32}),
    "squeezelerator": ("squeezelerator", {}),
    "simba": ("simba", {}),
}
GOALS = {"named": (0.020, 1.0), "free": (0.200, 5.0)}
"""Median and worst in seconds that are wanted."""


@dataclass(frozen=True)
class Run:
    """One search."""

    label: str
    seconds: float
    proved: bool
    found: bool
    mapspace: int
    evaluated: int


def accelerators(only: str | None) -> Iterator[tuple[str, Architecture]]:
    for name, (file, settings) in ACCELERATORS.items():
        if only is None or only == name:
            path = EXAMPLES / f"accelerators/{file}.accel"
            yield name, load_accelerator_design(path, settings).architecture


def unique_layers(architecture: Architecture, only: str | None) -> dict[Problem, str]:
    """The different loop nests of all networks, with the first layer that has each."""
    found: dict[Problem, str] = {}
    for name in NETWORKS:
        if only is not None and only != name:
            continue
        network = load_network_design(EXAMPLES / f"networks/{name}.net").at(architecture.bits)
        for layer in network.layers:
            problem = problem_of(layer, 1)
            if problem is not None:
                found.setdefault(problem, f"{name} {layer.name}")
    return found


def greedy(
    problem: Problem, architecture: Architecture, table: EnergyTable, dataflow: str | None
) -> list[Mapping]:
    """What `evaluate` begins a search with."""
    flow = next((own for own in architecture.dataflows if own.name == dataflow), None)
    try:
        return [greedy_mapping(problem, architecture, flow, table)]
    except NoGreedy:
        return []


def search(
    label: str,
    problem: Problem,
    architecture: Architecture,
    table: EnergyTable,
    dataflow: str | None,
    leakage: float,
    seconds: float | None,
) -> Run:
    begun = process_time()
    try:
        result = map_problem(
            problem,
            architecture,
            table,
            "edp",
            dataflow,
            leakage_pj_per_cycle=leakage,
            seconds=seconds,
            cached=False,
            start=greedy(problem, architecture, table, dataflow),
        )
    except NoMapping as fault:
        stopped = "in time" in str(fault)
        return Run(label, process_time() - begun, not stopped, False, 0, 0)
    taken = process_time() - begun
    return Run(label, taken, result.proved, True, result.mapspace, result.evaluated)


# ------------------------------------------------------------------------------------------------ layers


def layers(given: argparse.Namespace) -> int:
    """Every different layer, for each accelerator and mode."""
    late = 0
    for mode in ("named", "free") if given.mode is None else (given.mode,):
        everything: list[Run] = []
        for name, architecture in accelerators(given.accelerator):
            prices = price(architecture)
            leakage = leakage_pj_per_cycle(architecture, prices)
            flows = [flow.name for flow in architecture.dataflows] if mode == "named" else [None]
            runs = [
                search(
                    f"{label} {flow or ''}".strip(),
                    problem,
                    architecture if flow is not None else replace(architecture, dataflows=()),
                    energy_table(prices, problem.bits),
                    flow,
                    leakage,
                    given.time,
                )
                for problem, label in unique_layers(architecture, given.network).items()
                for flow in flows
            ]
            if given.all:
                for run in runs:
                    proof = "proved" if run.proved else "not proved"
                    size = f"{run.mapspace:.2e}" if run.found else "no mapping"
                    print(f"    {run.label:<56}{run.seconds * 1e3:>10.1f} ms  {proof:<12}{size}", flush=True)
            if runs:
                print(summary(f"{mode:<6} {name}", runs), flush=True)
            everything += runs
        if everything:
            print(summary(f"{mode:<6} all", everything), flush=True)
            wanted_median, wanted_worst = GOALS[mode]
            times = [run.seconds for run in everything]
            met = median(times) <= wanted_median and max(times) <= wanted_worst
            late += not met or not all(run.proved for run in everything)
    return 1 if late and given.check else 0


def summary(label: str, runs: Sequence[Run]) -> str:
    times = sorted(run.seconds for run in runs)
    worst = max(runs, key=lambda run: run.seconds)
    proved = sum(run.proved for run in runs)

    def at(share: float) -> float:
        return times[min(len(times) - 1, int(share * len(times)))]

    return (
        f"{label:<24}{len(runs):>5} searches   p50 {at(0.5) * 1e3:8.1f} ms   p99 {at(0.99) * 1e3:9.1f} ms   "
        f"worst {times[-1] * 1e3:9.1f} ms ({worst.label})   proved {proved} of {len(runs)}   "
        f"sum {sum(times):.1f} s"
    )


# ----------------------------------------------------------------------------------------------- network


def network(given: argparse.Namespace) -> int:
    """SqueezeNet on the Squeezelerator, start of Python included; an empty cache, then a full one."""
    command = [
        sys.executable,
        "-m",
        "dovetail",
        "evaluate",
        str(EXAMPLES / "networks/squeezenet_v1_0.net"),
        str(EXAMPLES / "accelerators/squeezelerator.accel"),
        "--mapper",
        "exact",
    ]
    if given.time is not None:
        command += ["--time", str(given.time)]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"DOVETAIL_CACHE": folder}
        for label in ("cold cache", "warm cache", "warm cache"):
            begun = monotonic()
            done = subprocess.run(
                command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
            )
            taken = monotonic() - begun
            print(f"SqueezeNet v1.0 on the Squeezelerator, {label}: {taken:.2f} s wall", flush=True)
            if done.returncode:
                print(done.stderr, file=sys.stderr)
                return 1
        print("\n".join(done.stdout.splitlines()[:3]))
        begun = monotonic()
        subprocess.run([*command, "--no-cache"], env=environment, cwd=ROOT, capture_output=True, check=True)
        print(f"SqueezeNet v1.0 on the Squeezelerator, no cache: {monotonic() - begun:.2f} s wall")
    return 0


# ------------------------------------------------------------------------------------------------ growth


def machine(levels: int, size: int) -> tuple[Architecture, EnergyTable]:
    """So many memories from DRAM to a register a PE, and a square array; `row` takes C, `col` takes K."""
    kept = frozenset({"inputs", "weights", "outputs"})
    found: list[Memory | Array] = [Memory("DRAM", kept, read_bits_per_cycle=Fraction(128))]
    prices = {"DRAM": MemoryPrice(8.0, 8.0, 8.0)}
    for number in range(1, levels - 1):
        bits = 8 * 2 ** (24 - 3 * number)
        found.append(Memory(f"Buffer{number}", kept, size_bits=bits, read_bits_per_cycle=Fraction(512)))
        prices[f"Buffer{number}"] = MemoryPrice(*[1.0 / 2**number] * 3)
    links = (
        Link(("row",), LinkKind.REDUCE, "sums"),
        Link(("col",), LinkKind.MULTICAST, "inputs"),
    )
    found.append(Array("PE", (Axis("row", size), Axis("col", size)), links))
    found.append(Memory("Register", frozenset({"weights"}), size_bits=8 * 16))
    prices["Register"] = MemoryPrice(0.02, 0.02, 0.02)
    bits = Bits(8, 8, 8, 8)
    return Architecture(f"{levels} levels, {size}x{size}", tuple(found), bits=bits), EnergyTable(prices, 0.5)


def growth(given: argparse.Namespace) -> int:
    """Time against one thing at a time; a 3x3 convolution on 28 x 28 pixels, free."""
    curves: dict[str, list[tuple[int, Run]]] = {"channels": [], "levels": [], "array": []}
    for channels in (16, 32, 64, 128, 256, 512, 1024, 2048, 4096):
        curves["channels"].append((channels, grown(channels, 3, 32, given.time)))
    for levels in (2, 3, 4, 5):
        curves["levels"].append((levels, grown(128, levels, 32, given.time)))
    for size in (8, 16, 32, 64, 128, 256):
        curves["array"].append((size, grown(128, 3, size, given.time)))
    for what, points in curves.items():
        print(f"{what:>10}{'ms':>12}   proved   mapspace")
        for x, run in points:
            print(f"{x:>10}{run.seconds * 1e3:>12.1f}   {run.proved!s:<8} {run.mapspace:.2e}")
        if given.plot is not None:
            given.plot.mkdir(parents=True, exist_ok=True)
            path = given.plot / f"mapper_{what}.svg"
            path.write_text(svg(what, [(x, run.seconds) for x, run in points]), encoding="utf-8")
    return 0


def grown(channels: int, levels: int, size: int, seconds: float | None) -> Run:
    architecture, prices = machine(levels, size)
    problem = Problem(K=channels, C=channels, P=28, Q=28, R=3, S=3, bits=architecture.bits)
    return search(f"{channels} {architecture.name}", problem, architecture, prices, None, 0.0, seconds)


def svg(what: str, points: Sequence[tuple[int, float]]) -> str:
    """A line on logarithmic axes."""
    from math import log10

    width, height, edge = 480, 300, 50
    xs, ys = [log10(x) for x, _ in points], [log10(max(y, 1e-4)) for _, y in points]
    low, high = int(min(ys) // 1), int(-(-max(ys) // 1))
    high = max(high, low + 1)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - xs[0]) / (xs[-1] - xs[0])
        return edge + across * (width - 2 * edge), height - edge - (y - low) / (high - low) * (
            height - 2 * edge
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="11"><rect width="{width}" height="{height}" fill="white"/>'
    ]
    for power in range(low, high + 1):
        _, y = at(xs[0], power)
        parts.append(f'<path d="M{edge} {y:.1f}H{width - edge}" stroke="#ddd"/>')
        parts.append(f'<text x="{edge - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g} s</text>')
    for (label, _), x in zip(points, xs, strict=True):
        px, _ = at(x, low)
        parts.append(f'<text x="{px:.1f}" y="{height - edge + 16}" text-anchor="middle">{label}</text>')
    line = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in zip(xs, ys, strict=True))
    parts.append(f'<polyline points="{line}" fill="none" stroke="#0072b2" stroke-width="2"/>')
    for x, y in zip(xs, ys, strict=True):
        px, py = at(x, y)
        parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="#0072b2"/>')
    parts.append(f'<text x="{width / 2}" y="20" text-anchor="middle">CPU time against {what}</text></svg>')
    return "\n".join(parts) + "\n"


# ------------------------------------------------------------------------------------------------ rivals


def beside(given: argparse.Namespace) -> int:
    """The same layers by accelforge and ZigZag in their own environments, and by us, one after the other."""
    from rivals_run import run_beside

    if given.accelforge is None and given.zigzag is None:
        print("name an environment: --accelforge PYTHON or --zigzag PYTHON", file=sys.stderr)
        return 2
    return run_beside(given.accelforge, given.zigzag, given.time, given.limit)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(required=True, metavar="WHAT")

    def verb(name: str, function: object) -> argparse.ArgumentParser:
        own = verbs.add_parser(name)
        own.set_defaults(function=function)
        own.add_argument("--time", type=float, help="seconds a search (none: until proved)")
        return own

    own = verb("layers", layers)
    own.add_argument("--network", choices=NETWORKS)
    own.add_argument("--accelerator", choices=list(ACCELERATORS))
    own.add_argument("--mode", choices=list(GOALS))
    own.add_argument("--all", action="store_true", help="a line a search")
    own.add_argument("--check", action="store_true", help="status 1 where a goal is missed")
    verb("network", network)
    verb("growth", growth).add_argument("--plot", type=Path, metavar="DIR", help="write SVG pictures there")
    own = verb("rivals", beside)
    own.add_argument("--accelforge", type=Path, metavar="PYTHON")
    own.add_argument("--zigzag", type=Path, metavar="PYTHON")
    own.add_argument("--limit", type=int, default=3, help="layers (3)")
    given = parser.parse_args(arguments)
    return int(given.function(given))


if __name__ == "__main__":
    sys.exit(main())
