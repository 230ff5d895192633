"""The layer table and measured targets, the effects of single changes, and how wrong figures have to be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dovetail as dt
from dovetail.accel.architecture import Memory
from dovetail.cli import main
from dovetail.costmodel.components import price
from dovetail.costmodel.layer_cost import NetworkCost
from dovetail.costmodel.network_cost import evaluate_network
from dovetail.costmodel.selection import Objective
from dovetail.dsl.diagnostics import DovetailError
from dovetail.explorer.changes import layer_changes, machine_changes
from dovetail.explorer.exact.structure import find_recursion
from dovetail.explorer.flip import Flip, flips
from dovetail.explorer.layer_table import read_cells
from dovetail.explorer.measured import load_measured
from dovetail.explorer.why import diagnose

ACCELERATOR = Path(__file__).parents[2] / "examples" / "accelerators" / "squeezelerator.accel"
SPACE = """net small
block b(x) { return x -> conv(16, choose(1, 3), pad = same) -> relu }
input image[8, 16, 16]
output image -> one: b() -> two: b() -> pool: avgpool(global)
"""


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "small.net"
    path.write_text(SPACE, encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_read_back_stands_for_the_machine_it_was_made_on(suffix: str, space: Path) -> None:
    out = space.parent / f"layers.{suffix}"
    assert main(["table", str(space), str(ACCELERATOR), "-o", str(out)]) == 0
    target = load_measured(out)
    front = target.front(find_recursion(space, dt.Bits()))
    accelerator = dt.load_accelerator(ACCELERATOR)
    for number, choices in enumerate(front.designs(np.arange(len(front))).choices):
        network = dt.load_network(space, **choices)
        fastest = dt.evaluate(network, accelerator, objective="latency").total
        leanest = dt.evaluate(network, accelerator, objective="energy").total
        latency, energy = front.values[number]
        assert latency >= fastest.latency_s * (1 - 1e-9) and energy >= leanest.energy_pj * (1 - 1e-9)
    pointwise = dt.load_network(space, **{"one.kernel": "1", "two.kernel": "1"})
    best = dt.evaluate(pointwise, accelerator, objective="latency").total
    assert front.values[0].tolist() == pytest.approx([best.latency_s, best.energy_pj], rel=1e-9)


def test_a_table_has_every_layer_of_a_space_once(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(space), str(ACCELERATOR), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["op"] for row in rows} == {"conv", "avgpool"}
    # two kernels after 8 and after 16 channels, and the pool; a dataflow that another beats has no row
    assert len({row["layer"] for row in rows}) == 5
    assert all(row["latency_s"] == row["cycles"] / 500e6 for row in rows)


def test_a_measured_table_without_a_layer_that_is_needed_says_which(space: Path) -> None:
    table = space.parent / "board.csv"
    table.write_text("layer,latency_s\nconv K16 C8 P16 Q16 bits 16/16/16/16,0.001\n", encoding="utf-8")
    with pytest.raises(DovetailError, match="E1306"):
        load_measured(table).front(find_recursion(space, dt.Bits()))
    assert main(["table", str(space), str(table)]) == 1


def test_designs_with_layers_that_nobody_measured_are_left_out(space: Path) -> None:
    out = space.parent / "layers.csv"
    main(["table", str(space), str(ACCELERATOR), "-o", str(out)])
    kept = [line for line in out.read_text(encoding="utf-8").splitlines() if "R3" not in line]
    out.write_text("\n".join(kept) + "\n", encoding="utf-8")
    front = load_measured(out).front(find_recursion(space, dt.Bits()))
    for choices in front.designs(np.arange(len(front))).choices:
        assert dict(choices) == {"one.kernel": "1", "two.kernel": "1"}


@pytest.mark.parametrize("cell", ["fast", "-1", "inf"])
def test_a_wrong_number_in_a_table_is_said_with_its_line(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "board.csv"
    path.write_text(f"layer,latency_s\nx,0.1\ny,{cell}\n", encoding="utf-8")
    with pytest.raises(DovetailError, match="line 3"):
        load_measured(path)
    assert [cells["layer"] for cells in read_cells(path)] == ["x", "y"]


# ----------------------------------------------------------------------------------------------- why


def test_time_and_energy_add_up_and_every_effect_is_a_real_evaluation() -> None:
    network = dt.load_network(ACCELERATOR.parents[1] / "networks" / "palette.net")
    architecture = dt.load_accelerator(ACCELERATOR).architecture
    found = diagnose(lambda bits: network.at(bits or architecture.bits), architecture, Objective.LATENCY)
    assert sum(found.time.values()) == found.cost.cycles
    assert sum(found.energy.values()) == pytest.approx(found.cost.energy_pj)
    gains = [effect.gain for effect in found.effects]
    assert gains == sorted(gains, reverse=True)
    [effect] = [e for e in found.effects if e.what == "DRAM has 2 times the bandwidth"]
    dram = architecture.memories[0]
    assert dram.read_bits_per_cycle is not None and dram.write_bits_per_cycle is not None
    twice = replace(
        dram,
        read_bits_per_cycle=2 * dram.read_bits_per_cycle,
        write_bits_per_cycle=2 * dram.write_bits_per_cycle,
    )
    other = replace(architecture, levels=(twice, *architecture.levels[1:]))
    again = evaluate_network(network.at(architecture.bits), other, price(other), Objective.LATENCY)
    assert (effect.cycles, effect.energy_pj) == (again.cycles, again.energy_pj)
    assert effect.gain == pytest.approx(found.cost.cycles / again.cycles)


def test_each_change_of_a_machine_changes_one_thing() -> None:
    architecture = dt.load_accelerator(ACCELERATOR).architecture
    for change in machine_changes(architecture):
        other = change.architecture
        parts = [(a, b) for a, b in zip(architecture.levels, other.levels, strict=True) if a != b]
        rest = replace(other, levels=architecture.levels) != architecture
        assert len(parts) + rest == 1, change.what


def test_other_kernels_keep_what_comes_in_and_goes_out() -> None:
    network = dt.load_network(ACCELERATOR.parents[1] / "networks" / "squeezenet_v1_0.net").network
    layer = network["conv1"]
    changes = {change.what: change.layers for change in layer_changes(layer)}
    assert set(changes) == {"depthwise 7x7, then 1x1", "kernel 3x3, not 7x7", "kernel 1x1, not 7x7"}
    for layers in changes.values():
        assert layers[0].inputs == layer.inputs and layers[-1].outputs == layer.outputs
    assert sum(x.macs for x in changes["depthwise 7x7, then 1x1"]) == 111 * 111 * 3 * (49 + 96)


def test_why_prints_shares_and_changes(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["why", str(space), str(ACCELERATOR), "--set", "one.kernel=3", "--set", "two.kernel=1"]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "dovetail.why/1"
    assert sum(found["time_cycles"].values()) == found["cycles"]
    assert main([*arguments, "--layer", "one.conv", "--all"]) == 0
    assert "one change" in capsys.readouterr().out
    assert main([*arguments, "--layer", "one.relu"]) == 2  # it costs nothing of its own


# ---------------------------------------------------------------------------------------------- flip


def evaluated(**settings: object) -> NetworkCost:
    network = dt.load_network(ACCELERATOR.parents[1] / "networks" / "palette.net")
    return dt.evaluate(network, dt.load_accelerator(ACCELERATOR, **settings), "energy").cost


def test_an_energy_figure_as_wrong_as_is_said_makes_both_designs_equal() -> None:
    one, other = evaluated(), evaluated(n=8)
    better, worse = sorted((one, other), key=lambda cost: cost.energy_pj)
    found = {flip.figure: flip for flip in flips(better, worse, Objective.ENERGY)}
    flipping = [flip for flip in found.values() if flip.factor is not None]
    assert flipping and any(f.figure == "energy of DRAM" for f in found.values())
    for flip in flipping:
        name = flip.figure.removeprefix("energy of ")
        assert flip.factor is not None
        if flip.figure.startswith("energy"):
            values = [
                c.energy_pj + (flip.factor - 1) * sum(x.energy.by_part().get(name, 0.0) for x in c.layers)
                for c in (better, worse)
            ]
            assert values[0] == pytest.approx(values[1])


def test_a_design_that_is_not_better_is_refused() -> None:
    cost = evaluated()
    with pytest.raises(ValueError, match="not better"):
        flips(cost, cost)


def test_bandwidth_flips_where_the_narrower_machine_waits_as_long() -> None:
    """Against a machine with four times the PEs, only less bandwidth can make the smaller one as fast."""
    small, large = evaluated(n=16), evaluated(n=32)
    found = {flip.figure: flip for flip in flips(large, small, Objective.LATENCY)}
    flip: Flip = found["bandwidth of DRAM"]
    assert flip.factor is None or flip.factor < 1
    assert all(isinstance(level, Memory) for level in small.architecture.memories)


def test_a_figure_within_its_error_band_is_no_ground_to_prefer_a_design() -> None:
    assert Flip("energy of DRAM", 1.2, 0.3, None).within_error
    assert not Flip("energy of DRAM", 1.2, 0.1, None).within_error
    assert not Flip("bandwidth of DRAM", 1.01, None, None).within_error
