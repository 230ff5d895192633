"""`dovetail explain`: the story behind a code."""

from __future__ import annotations

import pytest

from dovetail.cli import main
from dovetail.dsl.diagnostics import codes


def test_without_a_code_all_are_listed_with_their_titles(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert tuple(line.split("  ")[0] for line in lines) == codes()
    assert all(len(line.split("  ", 1)[1]) > 5 for line in lines)


@pytest.mark.parametrize("code", ["E1204", "e1204"])
def test_a_page_is_printed(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", code]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# E1204: a design space")
    assert "--set n=16" in out


def test_a_code_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "E12004"]) == 2
    err = capsys.readouterr().err
    assert "there is no diagnostic `E12004`" in err
    assert "did you mean `E1204`" in err


def test_a_page_and_not_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "../library/attention"]) == 2
    assert "there is no diagnostic" in capsys.readouterr().err
