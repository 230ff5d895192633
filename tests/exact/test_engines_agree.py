"""Engines that claim exactness, on whole studies, against every design and every way to run its layers."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from random import Random

import pytest

import dovetail as dt
from dovetail.dsl.problem import Bits
from dovetail.explorer.explore import Outcome, Where, explore
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.study import Options
from tests.exact.designs import enumerated
from tests.exact.test_fronts import random_space

MACHINE = """accel chip
param n = choose({n})
clock 500 MHz
precision {{ inputs, weights, outputs = 16 bit; sums = 16 bit }}
memory DRAM {{
    bandwidth = choose({bandwidth} GB/s, 8 GB/s) shared; latency = 20 cycles; energy = dram(LPDDR4)
}}
memory Buffer {{
    size = {size} KiB; width = 64 bit; ports = separate
    energy = sram(); may_hold = [inputs, outputs]
}}
array PE[row = n, col = n] {{
    along row: reduce sums, multicast weights
    along col: multicast inputs, multicast weights
    memory Register {{ depth = 8; width = 16 bit; energy = regfile(); may_hold = [weights, sums] }}
    mac {{ rate = 1/cycle }}
}}
unit Vector[n] at Buffer {{ does = [relu, pool, add, softmax]; energy = 1 pJ }}
dataflow weight_stationary {{ PE.row = C; PE.col = K; stationary weights at Register }}
dataflow output_stationary {{ PE.row = P; PE.col = Q; stationary sums at Register }}
"""


def run(folder: Path, engine: str, *goals: str) -> Outcome:
    request = StudyRequest(
        None,
        (str(folder / "space.net"),),
        (str(folder / "chip.accel"),),
        Options(minimize=goals, engine=engine),
    )
    return explore(request, Where(folder / "runs" / engine / "-".join(goals), workers=1))


def ways(folder: Path, machines: list[tuple[str, str]]) -> list[tuple[float, float]]:
    """Latency and energy of every design with every choice of a dataflow for each of its layers."""
    flows = ("weight_stationary", "output_stationary")
    found = set()
    for n, bandwidth in machines:
        chip = dt.load_accelerator(folder / "chip.accel", n=n, **{"DRAM.bandwidth": bandwidth})
        clock = chip.architecture.clock_hz
        for network in enumerated(folder / "space.net", Bits()):
            by_flow = [dt.evaluate(network, chip, dataflow=flow).layers for flow in flows]
            sums = {(0, 0.0)}
            for options in zip(*by_flow, strict=True):
                points = {(layer.cycles, layer.energy_pj) for layer in options}
                sums = {(a + c, round(b + e, 6)) for (a, b), (c, e) in product(sums, points)}
                sums = {p for p in sums if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in sums)}
            found |= {(cycles / clock, energy) for cycles, energy in sums}
    return sorted(found)


def front(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)]


@pytest.mark.parametrize("seed", range(4))
def test_exact_and_sweep_give_what_brute_force_over_designs_and_dataflows_gives(
    seed: int, tmp_path: Path
) -> None:
    random = Random(seed)
    (tmp_path / "space.net").write_text(random_space(random, 2, 2 + seed % 2), encoding="utf-8")
    sizes, bandwidth = random.sample([2, 4, 8], 1 + seed % 2), random.choice([1, 2])
    text = MACHINE.format(n=", ".join(map(str, sizes)), bandwidth=bandwidth, size=random.choice([1, 4, 64]))
    (tmp_path / "chip.accel").write_text(text, encoding="utf-8")
    machines = [(str(n), f"{b} GB/s") for n, b in product(sizes, (bandwidth, 8))]
    everything = ways(tmp_path, machines)

    exact = run(tmp_path, "exact", "latency", "energy")
    assert exact.report.exact
    found = sorted((p.metrics["latency"], p.metrics["energy"]) for p in exact.front)
    wanted = front(everything)
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one == pytest.approx(other, rel=1e-9)

    swept = run(tmp_path, "sweep", "latency", "energy")
    assert "under these mappings" in swept.report.claim
    for point in swept.front:  # one mapping a layer: no better than all of them
        mine = (point.metrics["latency"], point.metrics["energy"])
        assert any(x <= mine[0] * (1 + 1e-9) and y <= mine[1] * (1 + 1e-9) for x, y in wanted)

    for goal, least in (
        ("latency", min(x for x, _ in everything)),
        ("energy", min(y for _, y in everything)),
        ("edp", min(x * y for x, y in everything)),
    ):
        for engine in ("sweep", "exact"):
            outcome = run(tmp_path, engine, goal)
            assert outcome.report.exact and "under these mappings" not in outcome.report.claim
            [value] = {p.metrics[goal] for p in outcome.front}
            assert value == pytest.approx(least, rel=1e-9)


def test_a_planted_network_is_found_among_a_million_million(tmp_path: Path) -> None:
    """Twelve stages of ten kernels each; at each stage a planted one is the smallest, and costs least."""
    random = Random(12)
    planted, stages, blocks = [], [], ""
    for stage in range(12):
        kernels = [1, *random.sample(range(3, 20, 2), 9)]
        random.shuffle(kernels)
        planted.append(str(kernels.index(1)))
        options = "; ".join(
            f"o{label}: conv({4 + stage % 3}, {k}, pad = same)" for label, k in enumerate(kernels)
        )
        stages.append(f"s{stage}: stage{stage}()")
        (tmp_path / "space.net").open("a").write(
            f"block stage{stage}(x) {{ return x -> choose {{ {options} }} }}\n"
        )
    blocks = (tmp_path / "space.net").read_text()
    (tmp_path / "space.net").write_text(
        f"net planted\n{blocks}input image[4, 8, 8]\noutput image -> {' -> '.join(stages)}\n"
    )
    (tmp_path / "chip.accel").write_text(MACHINE.format(n="2, 4", bandwidth=1, size=4))
    outcome = run(tmp_path, "exact", "latency", "energy")
    assert outcome.report.exact and outcome.space.designs == 4 * 10**12
    for point in outcome.front:
        taken = {path: option for path, option in point.choices.items() if path.startswith("s")}
        assert sorted(taken.items()) == sorted((f"s{i}", f"o{label}") for i, label in enumerate(planted))
    assert outcome.front
