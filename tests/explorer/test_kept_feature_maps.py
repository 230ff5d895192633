"""A sweep over machines that keep feature maps on chip and others that do not: each as evaluated alone."""

from __future__ import annotations

from pathlib import Path

import dovetail as dt

NETWORK = """net chain
param width = choose(4, 6)
input x[4, 6, 6]
a = x -> conv(width, 3, pad = same) -> relu
b = a -> conv(width, 3, pad = same)
output a + b -> conv(5, 1)
"""
MACHINE = """accel chip
clock 100 MHz
precision {{ inputs, weights, outputs = 8 bit; sums = 16 bit }}
memory DRAM {{ bandwidth = 400 MB/s shared; latency = 20 cycles; energy = 8 pJ/bit }}
memory Buffer {{
    size = choose(128 B, 512 B, 2 KiB, 8 KiB); width = 64 bit; energy = 1 pJ/bit; buffering = double
    may_hold = [inputs, weights, outputs, sums]
}}
array PE[row = 4, col = 4] {{
    along row: reduce sums, multicast weights
    along col: multicast inputs
    mac {{ rate = 1/cycle; energy = 1 pJ }}
}}
{keep}
dataflow weight_stationary {{ PE.row = C; PE.col = K }}
dataflow output_stationary {{ PE.row = P; PE.col = Q }}
"""


def test_each_machine_of_a_sweep_keeps_what_its_own_text_says(tmp_path: Path) -> None:
    (tmp_path / "chain.net").write_text(NETWORK)
    for name, keep in (("plain", ""), ("keeps", "keep feature_maps in Buffer")):
        (tmp_path / f"{name}.accel").write_text(MACHINE.format(keep=keep))
    chips = [tmp_path / "plain.accel", tmp_path / "keeps.accel"]
    run = dt.explore(
        tmp_path / "chain.net",
        chips,
        minimize=["latency", "energy"],
        engine="sweep",
        dataflows=["best", "weight_stationary"],
        runs=tmp_path / "runs",
        workers=1,
    )
    found = {tuple(sorted(r.choices.items())): r for r in run.results()}
    assert len(found) == 2 * 4 * 2 * 2
    kept = 0
    for result in found.values():
        choices = result.choices
        network = dt.load_network(tmp_path / "chain.net", width=int(choices["width"]))
        chip = dt.load_accelerator(
            tmp_path / f"{choices['accelerator']}.accel", **{"Buffer.size": choices["Buffer.size"]}
        )
        flow = choices["dataflow"]
        cost = dt.evaluate(network, chip, dataflow=None if flow == "best" else flow).cost
        kept += bool(cost.kept)
        assert result.metrics["cycles"] == cost.cycles
        assert result.metrics["energy"] == cost.energy_pj
        assert result.metrics["dram_bytes"] == cost.outermost_bytes
    assert 0 < kept < len(found) // 2  # the smallest memory has no room for any
