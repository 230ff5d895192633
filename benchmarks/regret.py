"""Does the cost model put mappings in the right order? The best, by the model, are simulated.

    python benchmarks/regret.py [--tries N]

Of each layer weight-stationary mappings are sought (tile sizes and order of the loops outside the buffers): N
at random, then changes of the best found, and what `evaluate` maps. The 20 that the model calls fastest (then
the most frugal) are simulated. Shown are the rank correlation of both among the 20 (Spearman), how much
slower the model's choice is than the fastest simulated (the regret), how far both are apart at most, and both
of these without the model's sum over tile steps.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dovetail.accel.architecture import Architecture
from dovetail.accel.legality import can_hold, violations
from dovetail.accel.loading import accelerator_from_text, load_accelerator_design
from dovetail.accel.mapping import For, Holds, Mapping, Node, Spatial
from dovetail.accel.simulator import simulate
from dovetail.costmodel.components import Prices, price
from dovetail.costmodel.evaluate import Cost, evaluate_mapping
from dovetail.costmodel.network_cost import solve
from dovetail.costmodel.price_table import energy_table
from dovetail.dsl.loading import load_network_design
from dovetail.dsl.problem import OPERANDS, Problem

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
LAYERS = {
    "squeezenet_v1_1": (
        "conv1",
        "fire2.expand3x3",
        "fire4.squeeze1x1",
        "fire6.expand3x3",
        "fire9.squeeze1x1",
        "conv10",
    ),
    "mobilenet_v1": ("pw.1", "pw.4", "pw.7", "pw.13"),
    "alexnet_torchvision": ("conv3", "conv5"),
}
BEST = 20
DATAFLOW = "weight_stationary"
DIMENSIONS = ("K", "C", "P", "Q")
"""Those of which tiles are cut outside the buffers."""
INNER = ("G", "K", "C", "R", "S")
PARTS = (1, 1, 2, 3, 4, 7, 8, 16)


def overlapping_squeezelerator() -> Architecture:
    """The Squeezelerator with transfers behind the computation, so that there is something to get wrong."""
    text = (EXAMPLES / "accelerators/squeezelerator.accel").read_text(encoding="utf-8")
    return accelerator_from_text(text.replace("overlap = none", "overlap = full")).architecture


@dataclass(frozen=True, slots=True)
class Cut:
    """How a layer is cut: what a mapping is made from."""

    outer: tuple[str, ...]
    """The loops outside the buffers, outer to inner."""
    parts: tuple[int, ...]
    """Into how many parts each of `DIMENSIONS` is cut there."""
    inner: tuple[str, ...]
    """The loops between the buffers and the array."""


def random_cut(draw: random.Random) -> Cut:
    """Any of them."""
    parts = tuple(draw.choice(PARTS) for _ in DIMENSIONS)
    return Cut(tuple(draw.sample(DIMENSIONS, 4)), parts, tuple(draw.sample(INNER, 5)))


def changed(draw: random.Random, cut: Cut) -> Cut:
    """One number or one place of two loops changed."""
    what = draw.choice(("parts", "parts", "outer", "inner"))
    loops = list(getattr(cut, what))
    one, other = draw.sample(range(len(loops)), 2)
    if what == "parts":
        loops[one] = draw.choice(PARTS)
    else:
        loops[one], loops[other] = loops[other], loops[one]
    return replace(cut, **{what: tuple(loops)})


def mapping_of(cut: Cut, problem: Problem, architecture: Architecture) -> Mapping:
    """The mapping, legal or not: what may be kept is kept, C in rows and K in columns."""
    array = architecture.arrays[0]
    place = architecture.levels.index(array)
    left = problem.bounds
    nodes: list[Node] = [Holds(architecture.memories[0].name, OPERANDS)]
    for d in cut.outer:
        step = -(-left[d] // cut.parts[DIMENSIONS.index(d)])
        if step < left[d]:
            nodes.append(For(d, left[d], step))
            left[d] = step
    for memory in architecture.memories[1:]:
        if architecture.levels.index(memory) < place:
            held = tuple(o for o in OPERANDS if can_hold(architecture, memory, o))
            nodes.append(Holds(memory.name, held))
    rows, columns = array.axes
    spread = {"C": min(rows.size, left["C"]), "K": min(columns.size, left["K"])}
    for d in cut.inner:
        step = spread.get(d, 1)
        if left[d] > step:
            nodes.append(For(d, left[d], step))
            left[d] = step
    nodes += [
        Spatial("C", left["C"], array.name, rows.name),
        Spatial("K", left["K"], array.name, columns.name),
    ]
    nodes.append(Holds(architecture.memories[-1].name, ("weights",)))
    nodes += [For(d, left[d]) for d in ("N", "P", "Q") if left[d] > 1]
    return Mapping(tuple(nodes))


def best_mappings(
    problem: Problem,
    architecture: Architecture,
    prices: Prices,
    dataflow: str,
    count: int,
    *,
    tries: int,
    seed: int,
) -> list[tuple[Mapping, Cost]]:
    """The `count` mappings that the model calls fastest, best first."""
    draw, table = random.Random(seed), energy_table(prices, problem.bits)
    found: dict[Mapping, tuple[Cost, Cut | None]] = {}

    def consider(mapping: Mapping, cut: Cut | None) -> None:
        if mapping not in found and not violations(problem, architecture, mapping):
            found[mapping] = evaluate_mapping(problem, architecture, mapping, table, dataflow), cut

    def best(number: int) -> list[tuple[Mapping, tuple[Cost, Cut | None]]]:
        return sorted(found.items(), key=lambda m: (m[1][0].cycles, m[1][0].energy_pj))[:number]

    flow = next(f for f in architecture.dataflows if f.name == dataflow)
    for trial in solve(problem, architecture, prices, (flow,)).trials:
        consider(trial.mapping, None)
    for _ in range(tries):
        cut = random_cut(draw)
        consider(mapping_of(cut, problem, architecture), cut)
    for _ in range(tries // (2 * count)):
        for _, (_, old) in best(count):
            if old is not None:
                new = changed(draw, old)
                consider(mapping_of(new, problem, architecture), new)
    return [(mapping, cost) for mapping, (cost, _) in best(count)]


def ranks(values: list[int]) -> np.ndarray:
    """Positions in order, ties sharing their mean."""
    array = np.array(values)
    return np.array([(array < v).sum() + ((array == v).sum() - 1) / 2 for v in array])


def correlation(one: list[int], other: list[int]) -> float:
    a, b = ranks(one), ranks(other)
    if a.std() == 0 or b.std() == 0:
        return 1.0 if a.std() == b.std() else float("nan")
    return float(np.corrcoef(a, b)[0, 1])


@dataclass(frozen=True, slots=True)
class Ranking:
    """Model against simulation, among the best."""

    rank: float
    """Rank correlation."""
    regret: float
    apart: float
    """The largest relative difference."""
    sums: tuple[float, float]
    """Regret and difference if the model took the larger of the sums, not the sum over tiles."""


def study(problem: Problem, architecture: Architecture, tries: int, seed: int) -> Ranking:
    """The best mappings of a layer, simulated."""
    prices = price(architecture)
    best = best_mappings(problem, architecture, prices, DATAFLOW, BEST, tries=tries, seed=seed)
    expected = [cost.cycles for _, cost in best]
    taken = [simulate(problem, architecture, DATAFLOW, m, numbers=False).cycles for m, _ in best]
    sums = [cost.cycles - cost.latency.term("tile_steps") for _, cost in best]
    return Ranking(
        correlation(expected, taken),
        regret_of(expected, taken),
        apart_of(expected, taken),
        (regret_of(sums, taken), apart_of(sums, taken)),
    )


def regret_of(expected: list[int], taken: list[int]) -> float:
    """How much slower the first of the fastest by the model is than the fastest simulated."""
    return taken[expected.index(min(expected))] / min(taken) - 1


def apart_of(expected: list[int], taken: list[int]) -> float:
    """The largest relative difference."""
    return max(abs(t - e) / t for t, e in zip(taken, expected, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tries", type=int, default=400, help="random mappings a layer (400)")
    number = parser.parse_args().tries
    machines = {
        "gemmini": load_accelerator_design(EXAMPLES / "accelerators/gemmini.accel").architecture,
        "squeezelerator, overlapping": overlapping_squeezelerator(),
    }
    for name, architecture in machines.items():
        print(f"{name}\n  {'layer':<36}{'rank correlation':>18}{'regret':>9}{'apart':>9}{'by sums':>18}")
        for network, layers in LAYERS.items():
            design = load_network_design(EXAMPLES / f"networks/{network}.net").at(architecture.bits)
            for seed, layer in enumerate(layers):
                problem = design[layer].loops
                assert problem is not None
                found = study(problem, architecture, number, seed)
                sums = " / ".join(f"{value:.2%}" for value in found.sums)
                row = f"{found.rank:>18.3f}{found.regret:>9.2%}{found.apart:>9.2%}{sums:>18}"
                print(f"  {network + ' ' + layer:<36}{row}", flush=True)


if __name__ == "__main__":
    main()
