"""The parser's tables are kept from one run to the next, and nothing depends on whether they could be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PARSE = (
    "from dovetail.dsl.parser import parse_text; "
    "print(parse_text('net a\\ninput x[3, 8, 8]\\noutput x -> conv(4, 3) -> relu\\n').statements)"
)


def parsed(cache: Path) -> str:
    """What a process with this cache folder parses."""
    environment = {"DOVETAIL_CACHE": str(cache), "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run([sys.executable, "-c", PARSE], capture_output=True, text=True, env=environment)
    assert run.returncode == 0 and run.stderr == ""
    return run.stdout


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("cache")
    return folder, parsed(folder)


def test_tables_that_were_kept_parse_the_same(fresh: tuple[Path, str]) -> None:
    folder, text = fresh
    [tables] = (folder / "grammar").iterdir()
    before = tables.stat().st_mtime_ns
    assert parsed(folder) == text and "conv" in text
    assert tables.stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_broken_tables_are_made_anew(content: bytes | None, fresh: tuple[Path, str], tmp_path: Path) -> None:
    folder, text = fresh
    [tables] = (folder / "grammar").iterdir()
    (tmp_path / "grammar").mkdir()
    whole = tables.read_bytes()
    (tmp_path / "grammar" / tables.name).write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert parsed(tmp_path) == text
    assert len((tmp_path / "grammar" / tables.name).read_bytes()) > 0.9 * len(whole)  # whole again


def test_a_cache_that_cannot_be_written_is_done_without(fresh: tuple[Path, str], tmp_path: Path) -> None:
    _, text = fresh
    (tmp_path / "file").write_text("not a folder")
    assert parsed(tmp_path / "file") == text
