"""The Squeezelerator's choice of dataflow, to first order: time of the hybrid against each dataflow alone.

    python examples/squeezelerator/first_order.py

After Kwon et al., DAC 2018 (arXiv:1804.10642): 32 x 32 PEs, 16 bit, 40 % of the weights zero and skipped in
output stationary alone. Cycles of a layer, with G groups of C inputs and K outputs, on n x n PEs:

    output stationary   ceil(P / n) ceil(Q / n) G C R S K (1 - zeros)
    weight stationary   G ceil(C / n) ceil(K / n) R S (P Q + n)

plus the time in which every word moves once between DRAM (16 GB/s at 500 MHz: 32 B a cycle) and the chip.
Switching dataflow between layers costs nothing.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from pathlib import Path

from dovetail.dsl.layer import Layer
from dovetail.dsl.loading import load_network_design
from dovetail.dsl.problem import Problem

NETWORKS = Path(__file__).resolve().parent.parent / "networks"
PES = 32
ZEROS = Fraction(2, 5)
BYTES_PER_CYCLE = 32

TARGETS = {
    "alexnet_grouped": (1.00, 1.19),
    "mobilenet_v1": (1.91, 6.35),
    "tiny_darknet": (1.14, 1.32),
    "squeezenet_v1_0": (1.26, 2.06),
    "squeezenet_v1_1": (1.34, 1.18),
    "squeezenext_2_0_23_v5": (1.26, 2.44),
}
"""Reported for the paper: time of output stationary and of weight stationary alone over the hybrid's."""


def output_stationary(p: Problem) -> int:
    """Cycles of a layer with one output map over the array at a time."""
    blocks = ceil(p.P / PES) * ceil(p.Q / PES)
    return ceil(blocks * p.G * p.C * p.R * p.S * p.K * (1 - ZEROS))


def weight_stationary(p: Problem) -> int:
    """Cycles of a layer with input channels in rows and output channels in columns."""
    return p.G * ceil(p.C / PES) * ceil(p.K / PES) * p.R * p.S * (p.P * p.Q + PES)


def transfer(layer: Layer) -> int:
    """Cycles in which DRAM moves every word of a layer once."""
    return ceil(2 * layer.words / BYTES_PER_CYCLE)


def ratios(network: str, *, memory: bool, fully_connected: bool) -> tuple[float, float]:
    """Time of output stationary alone and of weight stationary alone, over that of the better of both."""
    sums = [0, 0, 0]
    for layer in load_network_design(NETWORKS / f"{network}.net").network.layers:
        if layer.loops is None or (layer.layer_class == "fc" and not fully_connected):
            continue
        moving = transfer(layer) if memory else 0
        times = (output_stationary(layer.loops) + moving, weight_stationary(layer.loops) + moving)
        for at, time in enumerate((*times, min(times))):
            sums[at] += time
    return sums[0] / sums[2], sums[1] / sums[2]


def main() -> None:
    """Print the table."""
    forms = {
        "compute": {"memory": False, "fully_connected": False},
        "and memory": {"memory": True, "fully_connected": False},
        "and fully connected": {"memory": True, "fully_connected": True},
    }
    head = "".join(f"{name:>24}" for name in ("reported", *forms))
    print(f"{'hybrid over OS / WS':<24}{head}")
    for network, target in TARGETS.items():
        shown = [target, *(ratios(network, **form) for form in forms.values())]
        cells = "".join(f"{f'{one:.2f} / {other:.2f}':>24}" for one, other in shown)
        print(f"{network:<24}{cells}")


if __name__ == "__main__":
    main()
