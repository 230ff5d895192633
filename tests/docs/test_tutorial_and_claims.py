"""The tutorial shows the files that its commands run, and every test that the claims name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["mine.net", "mine.accel"])
def test_the_tutorial_shows_the_file_that_it_runs(name: str) -> None:
    language = name.partition(".")[2]
    (shown,) = re.findall(rf"^```{language}\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)
    assert shown == (ROOT / "examples" / "tutorial" / name).read_text(encoding="utf-8")


def test_every_test_that_a_claim_names_is_there() -> None:
    named = re.findall(r"`(tests/[^`]*)`", (ROOT / "docs" / "tested.md").read_text(encoding="utf-8"))
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).is_file()] == []
