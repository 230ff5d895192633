"""Options of the test run."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--reference",
        default=None,
        help="folder of further reference data; tests that need it are skipped without",
    )
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files anew from what is printed now"
    )


@pytest.fixture
def root() -> Path:
    """The top of the repository."""
    return Path(__file__).resolve().parent.parent
