"""`dovetail fmt`: files rewritten in one layout, or what would change."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dovetail.cli import main

UGLY = "net   small\ninput x[3,8,8]  # an image\noutput x->conv(4,3,pad=1)->relu\n"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.net"
    path.write_text(UGLY)
    return path


def formatted(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["fmt", str(path)]) == 0
    capsys.readouterr()
    return path.read_text()


def test_a_file_is_rewritten_once(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", "small.net"]) == 0
    assert capsys.readouterr().err == "reformatted small.net\n"
    neat = path.read_text()
    assert neat != UGLY
    assert "# an image" in neat
    before = path.stat().st_mtime_ns
    assert main(["fmt", "small.net"]) == 0
    assert capsys.readouterr().err == ""
    assert path.stat().st_mtime_ns == before


def test_check_says_what_would_change_and_writes_nothing(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fmt", "--check", "small.net"]) == 1
    assert capsys.readouterr().err == "would reformat small.net\n"
    assert path.read_text() == UGLY
    formatted(path, capsys)
    assert main(["fmt", "--check", "small.net"]) == 0


def test_diff_prints_the_change_and_writes_nothing(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", "--diff", "small.net"]) == 0
    out = capsys.readouterr().out
    assert "-output x->conv(4,3,pad=1)->relu" in out
    assert "+output x -> conv(4, 3, pad = 1) -> relu" in out
    assert path.read_text() == UGLY


def test_standard_input_goes_to_standard_output(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(UGLY))
    assert main(["fmt", "-"]) == 0
    out = capsys.readouterr().out
    assert out == formatted(path, capsys)


def test_a_file_that_does_not_parse_is_left_alone_and_the_others_are_not(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = path.with_name("bad.net")
    bad.write_text("net bad\ninput x[3, 8\n")
    assert main(["fmt", "bad.net", "small.net"]) == 1
    assert "error[" in capsys.readouterr().err
    assert bad.read_text() == "net bad\ninput x[3, 8\n"
    assert path.read_text() != UGLY


def test_rewriting_keeps_permissions_and_links_and_leaves_nothing_behind(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.chmod(0o640)
    link = path.with_name("link.net")
    link.symlink_to(path)
    assert main(["fmt", "link.net"]) == 0
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_text() != UGLY
    assert sorted(p.name for p in path.parent.iterdir()) == ["link.net", "small.net"]


def test_line_ends_of_another_system_are_a_change(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    formatted(path, capsys)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert main(["fmt", "--check", "small.net"]) == 1
