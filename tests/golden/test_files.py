"""What a user reads where the file itself is at fault: missing, a folder, binary, too large, of another
kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from dovetail.dsl.diagnostics import DovetailError
from dovetail.dsl.loading import load_network_design
from dovetail.dsl.parser import LARGEST_FILE

GOOD = "net example\ninput image[3, 8, 8]\noutput image -> relu\n"


def refused(name: str) -> str:
    with pytest.raises(DovetailError) as fault:
        load_network_design(Path(name))
    return str(fault.value)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_missing_file_is_named_with_its_neighbour(folder: Path) -> None:
    (folder / "squeezenet.net").write_text(GOOD)
    assert refused("sqeezenet.net") == (
        "error[E0801]: there is no file `sqeezenet.net`\n  = help: did you mean `squeezenet.net`?"
    )


def test_a_missing_folder_is_no_more_than_a_missing_file() -> None:
    assert refused("nowhere/a.net") == "error[E0801]: there is no file `nowhere/a.net`"


def test_a_folder_is_no_file(folder: Path) -> None:
    (folder / "networks.net").mkdir()
    assert refused("networks.net") == "error[E0802]: `networks.net` is a folder, not a file"


def test_a_name_that_no_system_takes_is_said_to_be_that() -> None:
    name = "a" * 5000 + ".net"
    assert refused(name) == f"error[E0803]: `{name}` cannot be read: File name too long"


def test_a_link_to_itself_cannot_be_read(folder: Path) -> None:
    (folder / "loop.net").symlink_to("loop.net")
    assert refused("loop.net").startswith("error[E0803]: `loop.net` cannot be read: ")


def test_a_device_without_end_is_not_read_to_its_end(folder: Path) -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("the system has no such device")
    (folder / "zero.net").symlink_to("/dev/zero")
    assert refused("zero.net").startswith("error[E0804]: `zero.net` has more than ")


def test_a_file_larger_than_any_text_is_refused(folder: Path) -> None:
    (folder / "large.net").write_bytes(b"#" * (LARGEST_FILE + 1))
    assert refused("large.net") == (
        "error[E0804]: `large.net` has more than 4194304 bytes, and no text of this language is as long"
    )


def test_bytes_that_are_not_utf_8_are_placed(folder: Path) -> None:
    (folder / "latin.net").write_bytes("net caf\xe9\n".encode("latin-1"))
    assert refused("latin.net") == "error[E0805]: `latin.net` is not text: byte 7 is not UTF-8"


def test_a_binary_file_is_not_text(folder: Path) -> None:
    (folder / "model.net").write_bytes(b"\x08\x07\x12\x00\x1a")
    assert refused("model.net") == ("error[E0805]: `model.net` is not text: it has a NUL character at 3")


def test_a_file_of_another_suffix_is_refused(folder: Path) -> None:
    (folder / "example.txt").write_text(GOOD)
    assert refused("example.txt") == (
        "error[E0806]: `example.txt` is none of `.net`, `.accel`, `.study`, `.map` by its name"
    )


@pytest.mark.parametrize("text", ["", "\n\n", "  \t\r\n", "# nothing yet\n", "\ufeff"])
def test_a_file_with_nothing_in_it_is_empty(folder: Path, text: str) -> None:
    (folder / "empty.net").write_text(text, encoding="utf-8")
    assert refused("empty.net") == ("error[E0807]: `empty.net` is empty\n  = help: begin with `net NAME`")


@pytest.mark.parametrize(
    "text", [GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD, GOOD.rstrip("\n"), "\n\n" + GOOD]
)
def test_line_ends_and_byte_order_marks_of_other_systems_are_fine(folder: Path, text: str) -> None:
    (folder / "good.net").write_bytes(text.encode())
    assert load_network_design(Path("good.net")).name == "example"


def test_imports_may_not_go_deeper_than_anyone_needs(folder: Path) -> None:
    for i in range(60):
        (folder / f"f{i}.net").write_text(f'net f{i}\nimport "f{i + 1}.net"\n')
    assert "E0901" in refused("f0.net")
