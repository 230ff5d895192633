"""`--format`: the tables for other programs and for papers."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

import dovetail as dt
from dovetail.cli import main
from dovetail.pricing import priced
from dovetail.table_data import Column, TableData, evaluation_data, traffic_data
from dovetail.table_formats import Format, formatted, to_csv, to_latex, to_markdown

ROOT = Path(__file__).resolve().parent.parent.parent
PALETTE = ROOT / "examples" / "networks" / "palette.net"
CHIP = ROOT / "examples" / "accelerators" / "squeezelerator.accel"
EYERISS = ROOT / "examples" / "accelerators" / "eyeriss.accel"
ODD = TableData(
    "odd", (Column("a_pj", "a µJ", 1e-6), Column("b", "50 % | b_1")), ((1234567.0, 'x, "y" & z'), (None, 3))
)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main([str(a) for a in arguments]) == 0
    return capsys.readouterr().out


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_full_numbers_and_units_in_the_names() -> None:
    assert to_csv(ODD) == 'a_pj,b\n1234567.0,"x, ""y"" & z"\n,3\n'


def test_markdown_has_three_digits_and_numbers_stand_right() -> None:
    assert to_markdown(ODD) == ('| a µJ | 50 % \\| b_1 |\n| ---: | ---: |\n| 1.23 | x, "y" & z |\n|  | 3 |\n')


def test_latex_escapes_what_means_something_there() -> None:
    text = to_latex(ODD)
    assert r"a \textmu{}J & 50 \% | b\_1 \\" in text
    assert r'1.23 & x, "y" \& z \\' in text
    assert text.count(r"\begin{tabular}{rr}") == text.count(r"\end{tabular}") == 1


def test_a_row_that_does_not_fit_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="2 cells"):
        TableData("t", ODD.columns, ((1,),))


def test_the_layers_of_a_network_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    network = dt.load_network(PALETTE)
    found = rows(printed(capsys, "show", PALETTE, "--format", "csv"))
    assert [row["layer"] for row in found] == [layer.name for layer in network]
    assert sum(int(row["macs"]) for row in found) == network.macs
    assert {row["class"] for row in found} == {"spatial", "pointwise", "grouped", "depthwise"}


def test_the_parts_of_an_accelerator_have_their_prices(capsys: pytest.CaptureFixture[str]) -> None:
    prices = priced(dt.load_accelerator(CHIP).architecture)
    found = {row["part"]: row for row in rows(printed(capsys, "show", CHIP, "--format", "csv"))}
    assert float(found["Buffer"]["read_pj"]) == prices.memories["Buffer"].read_pj.value
    areas = sum(float(row["area_mm2"]) for row in found.values() if row["area_mm2"])
    assert areas == pytest.approx(prices.area_mm2.value)


def test_the_choices_of_a_space_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(printed(capsys, "show", ROOT / "examples" / "spaces" / "fbnet.net", "--format", "csv"))
    assert len(found) == 22
    assert {row["count"] for row in found} == {"9"}


def test_the_layers_of_an_evaluation_add_up_to_its_total(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "evaluate", PALETTE, CHIP, "--mapper", "greedy", "--format", "csv")
    *layers, total = rows(text)
    assert total["layer"] == "total"
    for name in ("macs", "cycles", "dram_bytes"):
        assert sum(int(row[name]) for row in layers) == int(total[name])
    parts = [name for name in total if name.endswith("_pj") and name != "energy_pj"]
    assert sum(float(total[name]) for name in parts) == pytest.approx(float(total["energy_pj"]))
    for row in layers:
        assert sum(float(row[name]) for name in parts) == pytest.approx(float(row["energy_pj"]))


def test_one_layer_gives_its_traffic_and_several_designs_a_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    layer = rows(
        printed(
            capsys, "evaluate", PALETTE, CHIP, "--mapper", "greedy", "--layer", "depthwise", "--format", "csv"
        )
    )
    assert {row["memory"] for row in layer} >= {"DRAM", "Buffer"}
    assert {row["operand"] for row in layer} == {"weights", "inputs", "outputs"}
    matrix = rows(
        printed(capsys, "evaluate", PALETTE, CHIP, EYERISS, "--mapper", "greedy", "--format", "csv")
    )
    assert [row["accelerator"] for row in matrix] == ["squeezelerator", "eyeriss"]
    for row in matrix:
        product = float(row["energy_pj"]) * 1e-12 * float(row["latency_s"])
        assert float(row["edp_js"]) == pytest.approx(product)


@pytest.mark.parametrize("format", list(Format))
def test_every_format_has_every_layer(format: Format) -> None:
    cost = dt.evaluate(dt.load_network(PALETTE), dt.load_accelerator(CHIP), mapper="greedy").cost
    for table in (evaluation_data(cost), traffic_data(cost.layers[0])):
        text = formatted(table, format)
        assert text.endswith("\n")
        assert all(str(cell) in text for cell in table.column(table.columns[0].name))


def test_an_unknown_format_and_two_at_once_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(PALETTE), "--format", "excel"]) == 2
    assert "known are `csv`, `markdown`, `latex`" in capsys.readouterr().err
    assert main(["show", str(PALETTE), "--format", "csv", "--json"]) == 2
    assert main(["show", str(PALETTE), "--format", "csv", "--svg", "-"]) == 2
    assert main(["evaluate", str(PALETTE), str(CHIP), "--format", "csv", "--json"]) == 2
