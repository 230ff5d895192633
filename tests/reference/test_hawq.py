"""HAWQ-V3's choice of a width for each layer: the exact front has the optima of its integer programme."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dovetail.dsl.loading import load_network_design
from dovetail.dsl.problem import Bits
from dovetail.explorer.exact.fronts import Front, pareto_front
from dovetail.explorer.exact.machine_front import additive_of
from dovetail.explorer.exact.recursion import Recursion
from dovetail.explorer.exact.structure import find_recursion

SPACES = Path(__file__).parents[2] / "examples" / "spaces"
OWN = Path(__file__).parent / "quantization"
COSTS = {"size": "size", "bops": "bops", "latency": "t4"}
"""What the programme limits, and what the example calls it."""


def references(config: pytest.Config) -> Iterator[Path]:
    yield from sorted(OWN.glob("hawq_v3_*.json"))
    folder = config.getoption("--reference")
    if folder is not None:
        yield from sorted((Path(folder) / "quantization").glob("hawq_v3_*.json"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "path" in metafunc.fixturenames:
        found = list(references(metafunc.config))
        metafunc.parametrize("path", found, ids=[f"{p.parent.parent.name}/{p.stem}" for p in found])


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def example_of(data: Mapping[str, Any]) -> Path:
    return SPACES / f"hawq_{data['network']}.net"


def names_of(data: Mapping[str, Any]) -> list[str]:
    """The example's layers that the reference numbers, in its order: all but the first and the last."""
    network = load_network_design(example_of(data)).at(Bits(8, 8, 8, 16))
    return [layer.name for layer in network.layers if layer.loops is not None][1:-1]


def table(data: Mapping[str, Any]) -> str:
    """The reference's numbers as the table that the example reads."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["layer", "weights", "omega", "size", "bops", "t4"])
    for name, layer in zip(names_of(data), data["layers"], strict=True):
        for bits in (4, 8):
            omega = layer["trace"] * layer[f"delta{bits}_square"]
            bops = layer["macs_millions"] * bits * bits / 1024
            size = layer["parameters"] * bits / 8
            time = layer[f"latency_int{bits}_ms"]
            write([name, f"{bits} bit", *(f"{number:.12g}" for number in (omega, size, bops, time))])
    return out.getvalue()


@cache
def recursion_of(path: Path, folder: Path) -> Recursion:
    """The example's text with the reference's numbers beside it."""
    text = example_of(read(path))
    space = folder / text.name
    shutil.copy(text, space)
    space.with_suffix(".csv").write_text(table(read(path)), encoding="utf-8")
    return find_recursion(space, Bits(), {}, additive_of(load_network_design(space)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hawq")


def front_of(recursion: Recursion, *metrics: str) -> Front:
    """The front of some additive metrics; no layer is mapped."""
    leaves = [np.zeros((1, len(metrics)))] * len(recursion.layers)
    places = [(recursion.metrics.index(name), i, 1.0) for i, name in enumerate(metrics)]
    return pareto_front(recursion, leaves, places)


def test_the_space_has_a_width_for_each_layer_but_for_those_that_are_tied(path: Path, folder: Path) -> None:
    data = read(path)
    recursion = recursion_of(path, folder)
    assert recursion.size == 2 ** (len(data["layers"]) - len(data["tied_pairs"]))
    names = names_of(data)
    network = load_network_design(example_of(data)).at(Bits(8, 8, 8, 16))
    for name, layer in zip(names, data["layers"], strict=True):
        unit = 2**20 if data["network"] == "resnet18" else 10**6
        assert network[name].weights / unit == pytest.approx(layer["parameters"], rel=1e-9)


@pytest.mark.parametrize("limited", COSTS)
def test_the_front_has_the_optima_of_the_integer_programme(path: Path, folder: Path, limited: str) -> None:
    data = read(path)
    recursion = recursion_of(path, folder)
    front = front_of(recursion, "omega", COSTS[limited])
    assert front.epsilon == 0
    order = np.argsort(front.values[:, 1])
    values = front.values[order]
    low, high = values[0, 1], values[-1, 1]
    for cost, total in ((low, "int4"), (high, "int8")):
        assert cost == pytest.approx(data["uniform_totals"][total][limited], abs=2e-5)
    names = names_of(data)
    cases = [case for case in data["solved_here"] if case["constraint"] == limited]
    assert len(cases) == 3
    for case in cases:
        limit = low + case["limit_fraction"] * (high - low)
        assert limit == pytest.approx(case["limit_value"], abs=1e-5)
        best = int(np.flatnonzero(values[:, 1] <= limit * (1 + 1e-12))[-1])
        assert values[best, 0] == pytest.approx(case["total_perturbation"], abs=6e-7)
        designs = front.designs(order[best : best + 1])
        chosen = designs.choices[0]
        bits = [{"4 bit": 4, "1 B": 8}[chosen[f"{name}.weights"]] for name in names]
        assert bits == case["bits"]
        sums = dict(zip(recursion.metrics, designs.metrics[0].tolist(), strict=True))
        assert sums["size"] == pytest.approx(case["size"], abs=6e-5)
        assert sums["bops"] == pytest.approx(case["bops"], abs=6e-5)
        assert sums["t4"] == pytest.approx(case["latency_ms"], abs=6e-6)
        if case["equals_released_bit_configuration"]:
            name = f"{limited}_{case['limit_fraction']:g}"
            assert bits == data["released_weight_bits"][name]


def test_the_front_of_resnet18_is_that_of_every_assignment(folder: Path) -> None:
    """All 65,536 of them, added up by NumPy without our engine."""
    data = read(OWN / "hawq_v3_resnet18.json")
    tied = {second: first for first, second in data["tied_pairs"]}
    free = [i for i in range(len(data["layers"])) if i not in tied]
    wide = (np.arange(2 ** len(free))[:, None] >> np.arange(len(free))) & 1
    totals = np.zeros((len(wide), 2))
    for i, layer in enumerate(data["layers"]):
        eight = wide[:, free.index(tied.get(i, i))].astype(bool)
        omega = [layer["trace"] * layer[f"delta{bits}_square"] for bits in (4, 8)]
        time = [layer[f"latency_int{bits}_ms"] for bits in (4, 8)]
        totals += np.stack([np.where(eight, omega[1], omega[0]), np.where(eight, time[1], time[0])], axis=1)
    totals = totals[np.lexsort((totals[:, 1], totals[:, 0]))]
    least = np.minimum.accumulate(totals[:, 1])
    wanted = totals[np.concatenate([[True], totals[1:, 1] < least[:-1] - 1e-12])]
    front = front_of(recursion_of(OWN / "hawq_v3_resnet18.json", folder), "omega", "t4")
    found = front.values[np.argsort(front.values[:, 0])]
    assert found.shape == wanted.shape
    assert np.allclose(found, wanted, rtol=1e-9)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_the_example_has_the_reference_s_numbers(name: str) -> None:
    data = read(OWN / f"hawq_v3_{name}.json")
    assert (SPACES / f"hawq_{name}.csv").read_text(encoding="utf-8") == table(data)
