"""How well the SRAM model predicts CACTI rows that it has not seen.

`pytest tests/reference/test_cacti.py --reference DIR` asks the same of the rows in every CSV file of DIR that
has the columns of `sram_cacti.csv`, predicted from the shipped table.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from dovetail.costmodel import datafiles, sram_table
from dovetail.costmodel.kriging import Array
from dovetail.costmodel.sram import BETWEEN_NODES, EXTENSION, sram
from dovetail.costmodel.sram_table import BAND, QUANTITIES, WIDTHS, SramRows

MEDIAN = 0.04
NINE_IN_TEN = 0.15
COLUMNS = {"tech_nm", "size_bytes", "width_bits", "banks", "ports", "device", *QUANTITIES}


def errors(predicted: Array, rows: SramRows) -> Array:
    """Relative error of each row and quantity: float64[rows, quantities]."""
    return np.abs(predicted / rows.values - 1)


def predicted_from(known: SramRows, asked: SramRows) -> Array:
    """Predictions of the rows asked for from the rows known: float64[rows, quantities]."""
    predicted = np.empty_like(asked.values)
    for device in sram_table.DEVICES:
        model = sram_table.fit(known.take(known.device == device))
        own = asked.device == device
        predicted[own] = model.predict(asked.depth[own], asked.width[own], asked.nm[own])
    return predicted


def one_bank_rows() -> SramRows:
    return sram_table.rows_of(datafiles.rows("sram_cacti"))


def assert_within_goal(found: Array) -> None:
    for i, quantity in enumerate(QUANTITIES):
        assert np.median(found[:, i]) <= MEDIAN, quantity
        assert np.quantile(found[:, i], 0.9) <= NINE_IN_TEN, quantity


@pytest.fixture(scope="module")
def fold_errors() -> Array:
    """Errors of five random folds, each predicted from the four others: float64[rows, quantities]."""
    rows = one_bank_rows()
    found = []
    for fold in np.array_split(np.random.default_rng(0).permutation(len(rows)), 5):
        others = np.setdiff1d(np.arange(len(rows)), fold)
        asked = rows.take(fold)
        found.append(errors(predicted_from(rows.take(others), asked), asked))
    return np.concatenate(found)


def test_five_folds_are_predicted_within_the_goal(fold_errors: Array) -> None:
    assert len(fold_errors) == 2439
    assert_within_goal(fold_errors)


def test_each_fold_is_predicted_within_the_goal(fold_errors: Array) -> None:
    for found in np.array_split(fold_errors, 5):
        assert_within_goal(found)


def test_figures_carry_the_measured_band(fold_errors: Array) -> None:
    for i, quantity in enumerate(QUANTITIES):
        measured = np.quantile(fold_errors[:, i], 0.9)
        assert BAND[quantity] == pytest.approx(measured, abs=0.005), quantity


def test_sizes_of_one_and_a_half_powers_of_two_are_predicted_from_the_powers() -> None:
    rows = one_bank_rows()
    octaves = np.log2(rows.depth * rows.width)
    power = octaves == np.round(octaves)
    assert_within_goal(errors(predicted_from(rows.take(power), rows.take(~power)), rows.take(~power)))


@pytest.mark.parametrize("width", [64, 128, 256])
def test_a_width_is_predicted_from_the_others_an_octave_away(width: int) -> None:
    rows = one_bank_rows()
    asked = rows.take(rows.width == width)
    assert_within_goal(errors(predicted_from(rows.take(rows.width != width), asked), asked))


@pytest.mark.parametrize("beyond", ["depth", "width"])
def test_the_error_beyond_the_table_covers_octaves_that_were_left_out(beyond: str) -> None:
    rows = one_bank_rows()
    left_out = rows.depth * rows.width > 8 * 2**20 if beyond == "depth" else rows.width == WIDTHS[0]
    asked = rows.take(left_out)
    measured = np.quantile(errors(predicted_from(rows.take(~left_out), asked), asked), 0.9, axis=0)
    assert (measured <= EXTENSION * np.array([BAND[quantity] for quantity in QUANTITIES])).all()


def test_the_error_between_nodes_covers_nodes_that_were_left_out() -> None:
    rows = one_bank_rows()
    found = []
    for nm, below, above in ((32.0, 22.0, 45.0), (45.0, 32.0, 65.0), (65.0, 45.0, 90.0)):
        part = np.log(nm / below) / np.log(above / below)
        for device in sram_table.DEVICES:
            asked = rows.take((rows.nm == nm) & (rows.device == device))
            low, high = (
                sram_table.shipped(device).predict(asked.depth, asked.width, node) for node in (below, above)
            )
            between = low ** (1 - part) * high**part
            leakage = QUANTITIES.index("leakage_mw")
            between[:, leakage] = (low if part <= 0.5 else high)[:, leakage]
            found.append(errors(between, asked))
    measured = np.quantile(np.concatenate(found), 0.9, axis=0)
    assert measured == pytest.approx(list(BETWEEN_NODES.values()), abs=0.05)


def test_rows_of_another_directory_are_predicted_within_the_goal(request: pytest.FixtureRequest) -> None:
    directory = request.config.getoption("--reference", default=None)
    if directory is None:
        pytest.skip("no --reference directory given")
    found = []
    for path in sorted(Path(directory).rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            table = tuple(csv.DictReader(file))
        if not table or COLUMNS - table[0].keys():
            continue
        rows = sram_table.rows_of(table)
        predicted = [
            [
                getattr(macro, name).value
                for name in ("read_pj", "write_pj", "leakage_mw", "area_mm2", "access_ns")
            ]
            for device, nm, depth, width in zip(rows.device, rows.nm, rows.depth, rows.width, strict=True)
            for macro in [sram(round(depth), round(width), float(nm), str(device))]
        ]
        if predicted:
            found.append(errors(np.array(predicted), rows))
    if not found:
        pytest.skip(f"no CACTI rows in {directory}")
    assert_within_goal(np.concatenate(found))
