"""What a point costs is what `evaluate` says of its design, to the last bit."""

from __future__ import annotations

from pathlib import Path

import pytest

import dovetail as dt
from dovetail.dsl.network import Network
from dovetail.explorer.layer_solver import LayerSolver, LayerStore, Machine
from dovetail.explorer.points import PointEvaluator, peak_bytes
from dovetail.explorer.space import StudySpace
from dovetail.explorer.study import Options, make_study


def space_of(designs: Path, **options: object) -> StudySpace:
    given = {"minimize": ("latency", "energy")} | options
    networks = [designs / "tiny.net", designs / "other.net"]
    return StudySpace(make_study(networks, [designs / "small.accel"], Options(**given)))


def all_results(space: StudySpace) -> list[dt.exploration.PointResult]:
    evaluator = PointEvaluator(space)
    return [r for i in range(space.size) if (r := evaluator.evaluate(i)) is not None]


def test_numbers_and_places_are_one_to_one(designs: Path) -> None:
    space = space_of(designs, bits=(4, 8), dataflows=("best", "weight_stationary", "output_stationary"))
    places = [space.decode(index) for index in range(space.size)]
    assert len(set(places)) == space.size == (72 + 2) * 12 * 2 * 3
    assert [space.encode(place) for place in places] == list(range(space.size))
    with pytest.raises(IndexError):
        space.decode(space.size)


def test_every_point_costs_what_evaluating_its_design_says(designs: Path) -> None:
    space = space_of(designs, bits=(4, 8), dataflows=("best", "output_stationary"))
    results = all_results(space)
    assert len(results) == space.designs == (32 + 2) * 10 * 2 * 2
    for result in results[::41]:
        place = space.decode(result.index)
        own, other = space.own_choices(result.choices, place.network, place.accelerator)
        network = dt.load_network(space.networks[place.network].path, **own)
        machine = dt.load_accelerator(space.accelerators[0].path, **other)
        flow = result.choices["dataflow"]
        total = dt.evaluate(
            network, machine, bits=int(result.choices["bits"]), dataflow=None if flow == "best" else flow
        ).total
        assert result.metrics["cycles"] == total.cycles
        assert result.metrics["latency"] == total.latency_s
        assert result.metrics["energy"] == total.energy_pj
        assert result.metrics["dram_bytes"] == total.dram_bytes
        assert result.metrics["area"] == total.area_mm2
        assert result.metrics["average_power"] == pytest.approx(total.average_power_w, rel=1e-12)
        assert result.metrics["utilization"] == pytest.approx(total.utilization, rel=1e-12)
        assert result.metrics["macs"] == total.macs
        assert space.index_of(result.choices) == result.index


def test_conditions_and_own_metrics_are_computed_for_each_point(designs: Path) -> None:
    space = space_of(
        designs,
        minimize=("latency * area", "10.35 Wh / energy"),
        maximize=("top1",),
        where=("Buffer.size <= 2 KiB", "n == 2 or top1 > 55%"),
    )
    for result in all_results(space)[::7]:
        metrics = result.metrics
        assert metrics["latency * area"] == pytest.approx(metrics["latency"] * metrics["area"] * 1e-6)
        assert metrics["10.35 Wh / energy"] == pytest.approx(metrics["inferences_per_charge"])
        assert metrics["top1"] == (0.6 if result.choices["network"] == "tiny" else 0.5)
        small = result.choices["Buffer.size"] != "8 KiB"
        assert result.meets == (small and (result.choices["n"] == "2" or metrics["top1"] > 0.55))


def test_layers_of_equal_shape_on_equal_machines_are_solved_once(designs: Path, tmp_path: Path) -> None:
    network = dt.load_network(designs / "tiny.net", body="deep", body2="deep")
    design = dt.load_accelerator(designs / "small.accel")
    from dovetail.costmodel.components import price

    machine = Machine(design.architecture, price(design.architecture))
    built: Network = network.at(design.architecture.bits)
    layers = [layer for layer in built.layers if layer.loops is not None]
    shapes = {layer.loops for layer in layers}
    assert len(shapes) < len(layers)
    store = LayerStore(tmp_path / "layers.sqlite")
    solver = LayerSolver(store)
    first = [solver.solution(layer, machine, 1) for layer in layers]
    assert solver.solved == len(shapes)
    solver.close()
    again = LayerSolver(LayerStore(tmp_path / "layers.sqlite"))
    assert [again.solution(layer, machine, 1) for layer in layers] == first
    assert again.solved == 0
    other = dt.load_accelerator(designs / "small.accel", n=4, **{"Buffer.size": "8 KiB"})
    again.solution(layers[0], Machine(other.architecture, price(other.architecture)), 1)
    assert again.solved == 1


def test_a_damaged_file_of_solutions_is_done_without(designs: Path, tmp_path: Path) -> None:
    path = tmp_path / "layers.sqlite"
    path.write_bytes(b"this is no database" * 100)
    evaluator = PointEvaluator(space_of(designs), LayerStore(path))
    assert evaluator.evaluate(0) is not None
    evaluator.solver.close()


def test_what_cannot_run_says_why_and_stops_nothing(designs: Path) -> None:
    text = (designs / "small.accel").read_text()
    narrow = text.replace("mac { rate = 1/cycle;", "mac { rate = 1/cycle at 8 bit;")
    (designs / "small.accel").write_text(narrow)
    results = all_results(space_of(designs, bits=(8, 16)))
    refused = {r.refused for r in results if r.choices["bits"] == "16" and r.metrics == {}}
    assert refused and all("bit" in str(reason) for reason in refused)
    assert all(r.refused is None for r in results if r.choices["bits"] == "8")


def test_peak_memory_counts_what_is_alive_at_once(tmp_path: Path) -> None:
    path = tmp_path / "peak.net"
    path.write_text(
        "net peak\ninput image[2, 4, 4]\na = image -> conv(8, 1)\nb = a -> conv(4, 1)\n"
        "c = b -> conv(8, 1)\noutput a + c\n"
    )
    network = dt.load_network(path).at(dt.Bits(8, 8, 8, 8))
    # a (128) stays for the sum, while c (128) is added to it into the output (128)
    assert peak_bytes(network) == 3 * 128


def test_files_of_one_name_are_told_apart_by_their_folders(designs: Path) -> None:
    for folder in ("first", "second"):
        (designs / folder).mkdir()
        (designs / folder / "same.net").write_text((designs / "other.net").read_text())
    paths = [designs / "first" / "same.net", designs / "second" / "same.net", designs / "tiny.net"]
    space = StudySpace(make_study(paths, [designs / "small.accel"], Options(minimize=("area",))))
    assert space.network_names == ("first/same", "second/same", "tiny")
