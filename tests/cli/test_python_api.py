"""`import dovetail as dt`: the same words as on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dovetail as dt
from dovetail.cli import main

NET = "net small\nparam width = 8\ninput x[4, 8, 8]\noutput x -> first: conv(width, 3, pad = 1) -> relu\n"
ACCEL = """\
accel chip
param n = 4
clock 1 GHz
technology 45 nm
precision { inputs, weights, outputs = 8 bit; sums = 32 bit }
memory DRAM { bandwidth = 64 bit/cycle shared; energy = 8 pJ/bit }
array PE[row = n, col = n] {
    along row: reduce sums
    along col: multicast inputs
    memory Register { size = 64 B; width = 8 bit; energy = regfile(); may_hold = [weights, sums] }
    mac { rate = 1/cycle }
}
dataflow weight_stationary { PE.row = C; PE.col = K; stationary weights at Register }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.net").write_text(NET)
    (tmp_path / "chip.accel").write_text(ACCEL)
    return tmp_path


def widths(result: dt.Evaluation) -> dt.Bits:
    problem = result.layers[0].problem
    assert problem is not None
    return problem.bits


def test_loading_and_evaluating_gives_what_the_command_line_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = dt.evaluate(dt.load_network("small.net", width=16), dt.load_accelerator("chip.accel", n=8))
    assert main(["evaluate", "small.net", "chip.accel", "--set", "n=8", "--set", "width=16", "--json"]) == 0
    assert result.to_json() == json.loads(capsys.readouterr().out)
    assert result.total.macs == 4 * 16 * 9 * 64
    assert result["first"].dataflow == "weight_stationary"
    assert result.layers[0].latency_s == result.total.latency_s


def test_a_network_loaded_can_be_asked_for_its_layers() -> None:
    net = dt.load_network("small.net")
    assert net["first"].macs == 4 * 8 * 9 * 64
    assert [layer.name for layer in net] == ["first", "relu"]
    assert (len(net), net.macs, net.params) == (2, 4 * 8 * 9 * 64, 4 * 8 * 9 + 8)


def test_a_design_runs_at_the_precision_of_the_accelerator_and_a_network_at_its_own() -> None:
    net, chip = dt.load_network("small.net"), dt.load_accelerator("chip.accel")
    assert widths(dt.evaluate(net, chip)) == dt.Bits(8, 8, 8, 32)
    assert widths(dt.evaluate(net.network, chip)) == dt.Bits()
    assert widths(dt.evaluate(net, chip, bits=4)) == dt.Bits(4, 4, 4, 32)
    assert dt.evaluate(net, chip.architecture).to_json() == dt.evaluate(net, chip).to_json()


def test_an_input_at_fault_raises_what_the_command_line_prints(folder: Path) -> None:
    (folder / "bad.net").write_text(NET.replace("conv", "cnov"))
    with pytest.raises(dt.DovetailError, match="did you mean `conv`"):
        dt.load_network("bad.net")
    with pytest.raises(dt.DovetailError, match="has no parameter `wdth`"):
        dt.load_network("small.net", wdth=3)


def test_names_that_are_not_there_are_lookup_errors() -> None:
    net, chip = dt.load_network("small.net"), dt.load_accelerator("chip.accel")
    with pytest.raises(LookupError, match="did you mean `weight_stationary`"):
        dt.evaluate(net, chip, dataflow="weight_stationry")
    with pytest.raises(LookupError, match="there is no objective `speed`"):
        dt.evaluate(net, chip, objective="speed")
    with pytest.raises(LookupError, match="did you mean `first`"):
        dt.evaluate(net, chip, layer="frist")
    with pytest.raises(ValueError, match="a batch is at least 1"):
        dt.evaluate(net, chip, batch=0)


def test_a_result_prints_as_the_table_and_shows_in_a_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    result = dt.evaluate(dt.load_network("small.net"), dt.load_accelerator("chip.accel"))
    assert main(["evaluate", "small.net", "chip.accel"]) == 0
    assert str(result) == capsys.readouterr().out.rstrip("\n")
    html = result._repr_html_()
    assert html.startswith("<pre")
    assert "small on chip 4x4" in html
