"""Does the cost model put mappings in the right order? The best of many, by the model, are simulated.

    python benchmarks/regret.py [--mappings N]

Of each layer, N random weight-stationary mappings (tile sizes and order of the loops outside the buffers) are
priced; the 20 that the model calls fastest are simulated. Shown are the rank correlation of both among the 20
(Spearman), and how much slower the model's choice is than the fastest simulated: the regret.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np

from dovetail.accel.architecture import Architecture
from dovetail.accel.legality import can_hold, violations
from dovetail.accel.loading import accelerator_from_text, load_accelerator_design
from dovetail.accel.mapping import For, Holds, Mapping, Node, Spatial
from dovetail.accel.simulator import simulate
from dovetail.costmodel.analytic import tally_mapping
from dovetail.costmodel.evaluate import time_of
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
DIMENSIONS = ("K", "C", "P", "Q")
"""Those of which tiles are cut outside the buffers."""


def overlapping_squeezelerator() -> Architecture:
    """The Squeezelerator with transfers behind the computation, so that there is something to get wrong."""
    text = (EXAMPLES / "accelerators/squeezelerator.accel").read_text(encoding="utf-8")
    return accelerator_from_text(text.replace("overlap = none", "overlap = full")).architecture


def random_mapping(draw: random.Random, problem: Problem, architecture: Architecture) -> Mapping:
    array = architecture.arrays[0]
    place = architecture.levels.index(array)
    left = problem.bounds
    nodes: list[Node] = [Holds(architecture.memories[0].name, OPERANDS)]
    for d in draw.sample(DIMENSIONS, 4):
        step = -(-left[d] // draw.choice((1, 1, 2, 3, 4, 7, 8, 16)))
        if step < left[d]:
            nodes.append(For(d, left[d], step))
            left[d] = step
    for memory in architecture.memories[1:]:
        if architecture.levels.index(memory) < place:
            held = tuple(o for o in OPERANDS if can_hold(architecture, memory, o))
            nodes.append(Holds(memory.name, held))
    rows, columns = array.axes
    spread = {"C": min(rows.size, left["C"]), "K": min(columns.size, left["K"])}
    for d in draw.sample(("G", "K", "C", "R", "S"), 5):
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


def ranks(values: list[int]) -> np.ndarray:
    """Positions in order, ties sharing their mean."""
    array = np.array(values)
    return np.array([(array < v).sum() + ((array == v).sum() - 1) / 2 for v in array])


def correlation(one: list[int], other: list[int]) -> float:
    a, b = ranks(one), ranks(other)
    if a.std() == 0 or b.std() == 0:
        return 1.0 if a.std() == b.std() else float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def study(problem: Problem, architecture: Architecture, number: int, seed: int) -> tuple[float, float, float]:
    """Rank correlation, regret and the largest relative difference of model and simulation among the best."""
    draw = random.Random(seed)
    priced: dict[Mapping, int] = {}
    for _ in range(number):
        mapping = random_mapping(draw, problem, architecture)
        if mapping not in priced and not violations(problem, architecture, mapping):
            priced[mapping] = time_of(tally_mapping(problem, architecture, mapping), architecture).cycles
    best = sorted(priced, key=lambda mapping: priced[mapping])[:BEST]
    expected = [priced[mapping] for mapping in best]
    taken = [simulate(problem, architecture, mapping=m, numbers=False).cycles for m in best]
    apart = max(abs(t - e) / t for t, e in zip(taken, expected, strict=True))
    return correlation(expected, taken), taken[0] / min(taken) - 1, apart


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mappings", type=int, default=300, help="random mappings a layer (300)")
    number = parser.parse_args().mappings
    machines = {
        "gemmini": load_accelerator_design(EXAMPLES / "accelerators/gemmini.accel").architecture,
        "squeezelerator, overlapping": overlapping_squeezelerator(),
    }
    for name, architecture in machines.items():
        print(f"{name}\n  {'layer':<36}{'rank correlation':>18}{'regret':>10}{'largest difference':>20}")
        for network, layers in LAYERS.items():
            design = load_network_design(EXAMPLES / f"networks/{network}.net").at(architecture.bits)
            for seed, layer in enumerate(layers):
                problem = design[layer].loops
                assert problem is not None
                rank, regret, apart = study(problem, architecture, number, seed)
                print(f"  {network + ' ' + layer:<36}{rank:>18.3f}{regret:>10.2%}{apart:>20.2%}", flush=True)


if __name__ == "__main__":
    main()
