"""Options of the test run."""

from __future__ import annotations

import os
import shutil
import tempfile
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


_CACHE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Answers of the mapper are kept beside those of whoever runs the tests, and only for this run."""
    if "DOVETAIL_CACHE" not in os.environ or not hasattr(config, "workerinput"):
        config.stash[_CACHE] = os.environ["DOVETAIL_CACHE"] = tempfile.mkdtemp(prefix="dovetail-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Processes of one run share the folder; the first of them made it."""
    folder = config.stash.get(_CACHE, None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def root() -> Path:
    """The top of the repository."""
    return Path(__file__).resolve().parent.parent
