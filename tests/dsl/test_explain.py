"""Every code has a page, and the page's example says exactly that; its correction says nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dovetail.accel.loading import load_accelerator_design
from dovetail.accel.mapping_parsing import load_mapping
from dovetail.dsl.diagnostics import DovetailError, codes, explain
from dovetail.dsl.loading import load_network_design

ROOT = Path(__file__).parents[2]
PARTS = ("dsl", "accel", "costmodel", "explorer", "dovetail")
CODE = re.compile(r"\b[EW]\d{4}\b")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

NEED_MORE_THAN_A_TEXT = frozenset(
    "E0111 E0801 E0802 E0803 E0804 E0805 E0806 E0809 E0810 E0811 E0904 "
    "E1201 E1202 E1203 E1204 E1205 E1206 E1301 E1302 E1303 E1304 E1305 E1306 E1307 E1401 W1105 W1201 "
    "E1501 E1502 E1503 E1504 E1505 E1506 E1507 E1508 W1501".split()
)
"""Codes about several files, the file system, or a network on an accelerator: their examples are plain
text."""


def used() -> frozenset[str]:
    """The codes that the source gives out."""
    files = [
        path
        for part in PARTS
        for path in (ROOT / part).rglob("*.py")
        if not any(parent.is_symlink() for parent in path.parents)
    ]
    strings = re.compile(r'"([EW]\d{4})"')
    return frozenset(code for path in files for code in strings.findall(path.read_text(encoding="utf-8")))


def blocks(code: str) -> list[tuple[str, str]]:
    """Kind and text of each code block of a page."""
    return BLOCK.findall(explain(code) or "")


def reported(kind: str, text: str, folder: Path) -> set[str]:
    """The codes that checking a text gives; `# set NAME = VALUE` in it gives a parameter from outside."""
    path = folder / f"example.{kind}"
    path.write_text(text, encoding="utf-8")
    given = dict(re.findall(r"^# set (\S+) = (.*)$", text, re.MULTILINE))
    try:
        if kind == "map":
            load_mapping(path)
            return set()
        load = {"net": load_network_design, "accel": load_accelerator_design}[kind]
        return {d.code for d in load(path, given).warnings}
    except DovetailError as fault:
        return {d.code for d in fault.diagnostics}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(codes()) == used()


@pytest.mark.parametrize("code", codes())
def test_a_page_begins_with_its_code_and_title(code: str) -> None:
    page = explain(code) or ""
    assert re.match(rf"# {code}: \S", page)
    assert page == explain(code.lower())
    assert set(CODE.findall(page)) == {code}


@pytest.mark.parametrize("code", sorted(set(codes()) - NEED_MORE_THAN_A_TEXT))
def test_the_example_of_a_page_gives_the_code_and_its_correction_nothing(code: str, tmp_path: Path) -> None:
    (kind, wrong), (same, right) = blocks(code)
    assert kind == same
    assert reported(kind, wrong, tmp_path) == {code}
    assert reported(kind, right, tmp_path) == set()


@pytest.mark.parametrize("code", sorted(NEED_MORE_THAN_A_TEXT))
def test_the_other_pages_show_plain_text_if_any(code: str) -> None:
    assert {kind for kind, _ in blocks(code)} <= {"text"}


def test_a_code_that_is_none_has_no_page() -> None:
    assert explain("E9999") is None
