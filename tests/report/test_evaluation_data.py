"""The numbers that the charts of an evaluation draw."""

from __future__ import annotations

from dataclasses import replace
from math import isclose

import pytest

from dovetail.explorer.report.data_accelerator import accelerator_rows, sources_of
from dovetail.explorer.report.data_evaluation import (
    budget,
    dataflow_choices,
    energy_bars,
    facts,
    parts_in_order,
    roofline,
    time_bars,
    totals,
    winners,
)
from dovetail.explorer.report.data_graph import graph
from dovetail.explorer.report.records import BadRecord, Source, read_evaluation


def test_the_time_of_a_layer_is_the_sum_of_its_bar(source: Source) -> None:
    evaluation = source.evaluation
    bars = time_bars(evaluation, parts_in_order(evaluation, source.accelerator))
    assert [bar.total for bar in bars] == [layer.cycles for layer in evaluation.layers]
    assert sum(totals(bars).values()) == evaluation.cycles


def test_the_energy_of_a_layer_is_the_sum_of_its_bar(source: Source) -> None:
    evaluation = source.evaluation
    bars = energy_bars(evaluation, parts_in_order(evaluation, source.accelerator))
    for bar, layer in zip(bars, evaluation.layers, strict=True):
        assert isclose(bar.total, layer.energy_pj, rel_tol=1e-12)
    assert isclose(sum(totals(bars).values()), evaluation.energy_pj, rel_tol=1e-12)


def test_parts_stand_from_the_macs_outward(source: Source) -> None:
    order = parts_in_order(source.evaluation, source.accelerator)
    assert order == ("mac", "Register", "Buffer", "DRAM", "PE links", "Vector", "leakage")


def test_a_bar_stands_in_the_order_of_the_parts_and_names_the_tensors_of_a_memory(source: Source) -> None:
    order = parts_in_order(source.evaluation, source.accelerator)
    bars = {bar.layer: bar for bar in energy_bars(source.evaluation, order)}
    conv = [(s.part, s.what) for s in bars["conv1"].segments]
    assert [order.index(part) for part, _ in conv] == sorted(order.index(part) for part, _ in conv)
    assert [what for part, what in conv if part == "DRAM"] == ["weights", "inputs", "outputs"]


def test_a_budget_is_what_energy_and_power_say(source: Source) -> None:
    e = source.evaluation
    found = budget(e)
    assert found is not None
    assert isclose(found.inferences_per_second, e.batch / e.latency_s, rel_tol=1e-9)
    assert isclose(
        found.hours_per_charge * 3600 * found.inferences_per_second, found.inferences_per_charge, rel_tol=1e-3
    )
    assert dict(found.fits) == {2.0: e.average_power_w <= 2, 5.0: e.average_power_w <= 5}


def test_networks_are_ordered_by_what_they_were_mapped_for(source: Source) -> None:
    e = source.evaluation
    others = [
        replace(source, evaluation=replace(e, accelerator=n, value=v * e.value))
        for n, v in (("a", 2), ("b", 0.5))
    ]
    other = replace(source, evaluation=replace(e, network="second"))
    found = winners([source, *others, other])
    assert [x.accelerator for x in found["tiny"]] == ["b", e.accelerator, "a"]
    assert [x.network for x in found["second"]] == ["second"]


def test_no_layer_is_above_the_roof(source: Source) -> None:
    found = roofline(source.evaluation, source.accelerator)
    assert found.peaks == (8 * 8 * 500e6,)
    assert found.bandwidth == 16e9
    for point in found.points:
        assert point.rate <= min(found.peaks[0], point.intensity * found.bandwidth) * (1 + 1e-9)


def test_points_of_the_roofline_are_the_layers_with_macs(source: Source) -> None:
    found = {point.layer: point for point in roofline(source.evaluation, source.accelerator).points}
    assert set(found) == {layer.name for layer in source.evaluation.layers if layer.macs}
    layer = next(layer for layer in source.evaluation.layers if layer.name == "inner")
    assert found["inner"].intensity == layer.macs / layer.dram_bytes
    assert found["inner"].rate == layer.macs / layer.latency_s


def test_a_memory_without_a_limit_has_no_slope(source: Source) -> None:
    levels = [{**level, "read_bits_per_cycle": None} for level in source.accelerator["levels"][:1]]
    accelerator = {**source.accelerator, "levels": levels + source.accelerator["levels"][1:]}
    assert roofline(source.evaluation, accelerator).bandwidth is None


def test_separate_ports_add_up_to_the_bandwidth(source: Source) -> None:
    levels = [{**level, "ports": "separate"} for level in source.accelerator["levels"][:1]]
    accelerator = {**source.accelerator, "levels": levels + source.accelerator["levels"][1:]}
    assert roofline(source.evaluation, accelerator).bandwidth == 32e9


def test_the_dataflow_taken_costs_one_and_ratios_are_of_the_objective(source: Source) -> None:
    evaluation = source.evaluation
    choices = dataflow_choices(evaluation)
    assert [c.layer for c in choices] == [layer.name for layer in evaluation.layers if layer.macs]
    for choice in choices:
        assert dict(choice.ratios)[choice.chosen] == 1.0
        layer = next(layer for layer in evaluation.layers if layer.name == choice.layer)
        for way in layer.ways:
            assert way.cycles is not None and way.energy_pj is not None
            product = way.cycles * way.energy_pj / (layer.cycles * layer.energy_pj)
            ratio = dict(choice.ratios)[way.dataflow or ""]
            assert ratio is not None and isclose(ratio, product, rel_tol=1e-9)


def test_a_battery_lasts_its_energy_over_that_of_an_inference(source: Source) -> None:
    evaluation = replace(source.evaluation, energy_pj=1e9, latency_s=1e-3, average_power_w=1.0)
    found = budget(evaluation, battery_wh=10.0)
    assert found is not None
    assert (found.inferences_per_charge, found.inferences_per_second) == (36_000_000, 1000.0)
    assert found.hours_per_charge == 10.0
    assert found.fits == ((2.0, True), (5.0, True))
    batch = budget(replace(evaluation, batch=4), battery_wh=10.0)
    assert batch is not None and batch.inferences_per_charge == 4 * 36_000_000
    hot = budget(replace(evaluation, average_power_w=3.0))
    assert hot is not None and hot.fits == ((2.0, False), (5.0, True))


def test_what_has_no_price_has_no_budget(source: Source) -> None:
    assert budget(replace(source.evaluation, energy_pj=0.0, average_power_w=0.0)) is None


def test_areas_of_the_tree_add_up_to_the_chip(source: Source) -> None:
    rows = accelerator_rows(source)
    assert isclose(sum(row.area_mm2 for row in rows), source.evaluation.area_mm2, rel_tol=1e-9)
    assert [(row.depth, row.name) for row in rows] == [
        (0, "DRAM"),
        (0, "Buffer"),
        (0, "PE"),
        (1, "Register"),
        (1, "mac"),
        (0, "Vector"),
    ]


def test_every_energy_of_the_tree_names_its_source(source: Source) -> None:
    rows = accelerator_rows(source)
    assert all(row.sources for row in rows if row.actions)
    sources = sources_of(rows)
    assert len(sources) == len(set(sources))
    assert any("CACTI" in source for source in sources)


def test_energies_of_the_tree_and_leakage_are_all_there_is(source: Source) -> None:
    spent = sum(row.energy_pj or 0.0 for row in accelerator_rows(source))
    leaks = sum(t.pj for layer in source.evaluation.layers for t in layer.energy if t.part == "leakage")
    assert isclose(spent + leaks, source.evaluation.energy_pj, rel_tol=1e-12)


def test_the_graph_has_the_branch_and_the_shortcut_and_nothing_that_is_free(source: Source) -> None:
    found = graph(source.evaluation, source.network)
    names = [node.name for node in found.nodes]
    assert names[0] == "image" and found.nodes[0].cycles is None
    assert names[1:] == [layer.name for layer in source.evaluation.layers]
    edges = {(names[a], names[b]) for a, b in found.edges}
    assert {("pool1", "left"), ("pool1", "right"), ("left", "inner"), ("right", "inner")} <= edges
    joined = next(node.name for node in found.nodes if node.op == "add")
    assert {("inner", joined), ("left", joined), ("right", joined)} <= edges
    rows = {node.name: node.row for node in found.nodes}
    assert rows["left"] == rows["right"] == rows["inner"] - 1
    assert found.width == 2


def test_the_first_paragraph_speaks_of_the_slowest_layer_and_the_largest_parts(source: Source) -> None:
    evaluation = source.evaluation
    found = facts(evaluation, parts_in_order(evaluation, source.accelerator))
    assert found.slowest.cycles == max(layer.cycles for layer in evaluation.layers)
    assert found.slowest_share == found.slowest.cycles / evaluation.cycles
    parts: dict[str, float] = {}
    for layer in evaluation.layers:
        for term in layer.energy:
            parts[term.part] = parts.get(term.part, 0.0) + term.pj
    assert found.energy_part[0] == max(parts, key=lambda part: parts[part])
    assert [name for name, _ in found.gains] == ["weight_stationary", "output_stationary"]
    assert all(gain >= 1 for _, gain in found.gains)


def test_a_json_of_another_schema_is_refused_with_its_name() -> None:
    with pytest.raises(BadRecord, match=r"dovetail\.evaluation/1.*dovetail\.matrix/1"):
        read_evaluation({"schema": "dovetail.matrix/1"})


def test_a_json_that_lacks_a_field_is_refused_with_the_field() -> None:
    with pytest.raises(BadRecord, match="total"):
        read_evaluation({"schema": "dovetail.evaluation/1"})
