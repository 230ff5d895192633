"""What the documentation shows is run: designs are checked, Python executed, commands print what is shown."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "ARCHITECTURE.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
KINDS = ("net", "accel", "study", "map")


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(page, text[: m.start()].count("\n") + 1, m[1], m[2]) for m in found]


ALL = [b for page in PAGES if page.exists() for b in blocks(page)]


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples, where commands may write."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


@pytest.mark.parametrize("block", [b for b in ALL if b.language in KINDS], ids=str)
def test_designs_shown_are_accepted(block: Block, tmp_path: Path) -> None:
    from dovetail.check_command import check_file

    header = re.search(r"^(net|accel|study|mapping) ", block.text, re.MULTILINE)
    assert header, f"{block}: a design shown begins with its header"
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    path = tmp_path / "examples" / f"shown.{block.language}"
    path.write_text(block.text, encoding="utf-8")
    assert [d.render() for d in check_file(path).diagnostics] == []


@pytest.mark.parametrize(
    "page", sorted({b.page for b in ALL if b.language == "python"}), ids=lambda p: p.name
)
def test_python_shown_runs(page: Path, playground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(playground)
    names: dict[str, object] = {"__name__": "__docs__"}
    for block in (b for b in ALL if b.page == page and b.language == "python"):
        exec(compile("\n" * block.line + block.text, str(page), "exec"), names)


@pytest.mark.parametrize(
    "page", sorted({b.page for b in ALL if b.language == "console"}), ids=lambda p: p.name
)
def test_commands_shown_print_what_is_shown(page: Path, playground: Path) -> None:
    """`$ dovetail …` and what it prints; a line of `…` stands for any lines, `…` in a line for any text.

    From top to bottom, as a page is read: what a command writes is there for those below it.
    """
    for block in (b for b in ALL if b.page == page and b.language == "console"):
        run_commands(block, playground)


def run_commands(block: Block, playground: Path) -> None:
    environment = os.environ | {"COLUMNS": "110", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        words = shlex.split(command, comments=True)
        if words[0] != "dovetail":
            continue
        run = subprocess.run(
            [sys.executable, "-m", "dovetail", *words[1:]],
            cwd=playground,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        printed = [line.rstrip() for line in (run.stdout + run.stderr).strip("\n").split("\n")]
        expected = [line.rstrip() for line in shown.strip("\n").split("\n")]
        if expected != [""]:
            assert matches(printed, expected), f"{block}: {command}\n" + "\n".join(printed)
        else:
            assert run.returncode == 0, run.stderr


def matches(printed: list[str], expected: list[str]) -> bool:
    if not expected:
        return not printed
    if expected[0].strip() == "…":
        return any(matches(printed[i:], expected[1:]) for i in range(len(printed) + 1))
    if not printed:
        return False
    pattern = re.sub(r"([\[\]*?])", r"[\1]", expected[0]).replace("…", "*")
    return fnmatchcase(printed[0], pattern) and matches(printed[1:], expected[1:])


def test_pictures_show_what_is_printed_today(tmp_path: Path) -> None:
    """Words and numbers, not how they are drawn: `python docs/pictures.py` draws them anew."""
    subprocess.run([sys.executable, ROOT / "docs" / "pictures.py", tmp_path], check=True, cwd=ROOT)
    for picture in sorted((ROOT / "docs" / "pictures").glob("*.svg")):
        assert words(picture) == words(tmp_path / picture.name), picture.name


def words(picture: Path) -> str:
    text = re.sub(r"<style>.*?</style>", "", picture.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())
