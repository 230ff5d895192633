"""Numbers as people read them."""

from __future__ import annotations

import pytest

from dovetail.console import ASCII, UNICODE
from dovetail.numbers import bits_as_bytes, millions, percent, power_of_ten, prefixed, significant, thousands


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234.5, "1234"), (99.96, "100"), (9.996, "10.0"), (4.1, "4.10"), (0.01234, "0.0123")],
)
def test_three_digits_count(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0041, "4.10 ms"),
        (0.0009999, "1.00 ms"),
        (31e6, "31.0 Ms"),
        (999.7, "1.00 ks"),
        (0, "0 s"),
        (2.0, "2.00 s"),
        (33.8e-12, "33.8 ps"),
        (-4.2e-9, "-4.20 ns"),
    ],
)
def test_a_prefix_leaves_one_to_three_digits(value: float, text: str) -> None:
    assert prefixed(value, "s") == text


def test_counts_in_millions_as_papers_have_them() -> None:
    assert [millions(n) for n in (462_422_016, 51_380_224, 903_168, 2_560_000, 1_234_500_000)] == [
        "462.4",
        "51.4",
        "0.903",
        "2.560",
        "1 234.5",
    ]


def test_small_counts_in_millions_are_not_nothing() -> None:
    assert [millions(n) for n in (0, 499, 5)] == ["0.000", "0.0005", "5e-06"]


def test_sizes_are_in_the_largest_unit_that_fits() -> None:
    assert [bits_as_bytes(b) for b in (12, 8, 1024 * 8, 128 * 8192, 3 * 2**19 * 8)] == [
        "12 bit",
        "1 B",
        "1 KiB",
        "128 KiB",
        "1.5 MiB",
    ]


def test_fractions_of_a_percent_are_seen() -> None:
    assert [percent(x) for x in (0, 0.0001, 0.034, 0.0996, 0.61, 1.0)] == [
        "0 %",
        "<0.1 %",
        "3.4 %",
        "10 %",
        "61 %",
        "100 %",
    ]


def test_numbers_of_designs() -> None:
    assert thousands(1_248_424) == "1 248 424"
    assert power_of_ten(9**22) == "9.85 x 10^20"
    assert power_of_ten(123_456) == "123 456"
    assert power_of_ten(9_999_999_999_999) == "1.00 x 10^13"


def test_bars_are_never_empty_for_something_and_never_too_long() -> None:
    assert UNICODE.bar(0.0, 8) == ""
    assert UNICODE.bar(1e-9, 8) == "▏"
    assert UNICODE.bar(0.5, 8) == "████"
    assert UNICODE.bar(1.0, 8) == "████████"
    assert ASCII.bar(0.5, 8) == "####"
    assert len(UNICODE.bar(1.2, 8)) == 8
