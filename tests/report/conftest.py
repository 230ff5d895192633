"""Evaluations of a small network, and runs made of formulas, for the tests of reports."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dovetail as dt
from dovetail.explorer.exact.pareto import nondominated
from dovetail.explorer.report.data_run import Axis, Baseline, Goal, Run
from dovetail.explorer.report.records import InputFile, Source
from dovetail.report_source import source_of

NETWORK = """
net tiny

input image[3, 24, 24]
stem = image -> conv1: conv(16, 3, stride = 2, pad = 1) -> relu -> pool1: maxpool(2, stride = 2)
wide = concat(stem -> left: conv(16, 1) -> relu, stem -> right: conv(16, 3, pad = 1) -> relu)
deep = wide -> inner: conv(32, 3, pad = 1)
output deep + wide -> pool2: avgpool(global) -> classifier: linear(10)
"""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with a branch and a shortcut."""
    path = tmp_path_factory.mktemp("networks") / "tiny.net"
    path.write_text(NETWORK, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def squeezelerator() -> Path:
    """An accelerator with two dataflows to choose from, and transfers that nothing hides."""
    return Path(__file__).resolve().parents[2] / "examples" / "accelerators" / "squeezelerator.accel"


@pytest.fixture(scope="session")
def source(tiny: Path, squeezelerator: Path) -> Source:
    """The tiny network on an 8 x 8 Squeezelerator."""
    network, accelerator = dt.load_network(tiny), dt.load_accelerator(squeezelerator, n=8)
    evaluation = dt.evaluate(network, accelerator)
    return source_of(evaluation, [(tiny, network), (squeezelerator, accelerator)])


def synthetic(points: int, goals: int = 2, seed: int = 1) -> Run:
    """A space of thirteen choices whose metrics are formulas of them, with a little noise."""
    random = np.random.default_rng(seed)
    axes = (
        Axis("network", ("slim", "<wide> & deep")),
        Axis("n", ("8", "16", "32", "64")),
        Axis("Buffer.size", ("16 KiB", "64 KiB", "256 KiB")),
        Axis("bits", ("4", "8", "16")),
        *(Axis(f"stage{i}.kernel", ("3", "5", "7")) for i in range(9)),
    )
    picks = np.stack([random.integers(0, len(axis.options), points) for axis in axes], axis=1)
    pes = 4.0 ** (picks[:, 1] + 3)
    buffer = 16 * 4.0 ** picks[:, 2]
    bits = 4 * 2.0 ** picks[:, 3]
    kernels = 1 + (picks[:, 4:] * np.arange(1, 10)).sum(axis=1) / 40
    noise = random.lognormal(0, 0.05, (points, 2))
    latency = 4e-3 * (kernels * (1000 / pes) ** 0.7 + 0.4 * np.sqrt(64 / buffer)) * noise[:, 0]
    energy = 4e9 * (bits / 16 * (1 + 0.3 * kernels) + np.sqrt(64 / buffer) + pes / 4000) * noise[:, 1]
    area = 0.003 * pes * bits / 16 + 0.004 * buffer
    top1 = 0.5 + 0.01 * kernels + 0.01 * np.log2(bits) + 0.02 * picks[:, 0]
    metrics = ("latency", "energy", "area", "top1")
    values = np.stack([latency, energy, area, top1], axis=1)
    asked = (Goal("latency"), Goal("energy"), Goal("top1", maximize=True))[:goals]
    costs = np.stack([values[:, metrics.index(g.metric)] * (-1 if g.maximize else 1) for g in asked], axis=1)
    front = nondominated(costs)
    return Run(
        name="synthetic",
        goals=asked,
        conditions=("area < 100 mm2",),
        axes=axes,
        picks=picks.astype(np.int32),
        metrics=metrics,
        units={"latency": "s", "energy": "pJ", "area": "mm2", "top1": ""},
        values=values,
        names=tuple(map(str, range(points))),
        meets=np.ones(points, dtype=np.bool_),
        front=tuple(int(i) for i in front[np.argsort(costs[front, 0], kind="stable")]),
        space_size=points + 3,
        refused=3,
        claim="every design was evaluated: the front is that of the whole space",
        exact=True,
        finished=True,
        inputs=(InputFile("made.study", hashlib.sha256(b"made").hexdigest()),),
        versions=(("Dovetail", "0.1.0"),),
        baseline=Baseline("slim on small", {"latency": 0.02, "energy": 6e9, "area": 1.0, "top1": 0.55}),
    )


@pytest.fixture(scope="session")
def run_of_a_million() -> Run:
    """As many designs as a page has to bear."""
    return synthetic(1_000_000)


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Run]:
    """`synthetic`."""
    return synthetic
