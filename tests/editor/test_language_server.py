"""The language server, driven over standard input and output by JSON-RPC as an editor drives it."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls", reason="the extra `editor` is not installed")

ROOT = Path(__file__).resolve().parent.parent.parent
SQUEEZENET = ROOT / "examples" / "networks" / "squeezenet_v1_0.net"
SQUEEZELERATOR = ROOT / "examples" / "accelerators" / "squeezelerator.accel"
PATIENCE = 60
"""Seconds after which a silent server is taken for dead; nothing is timed."""


class Editor:
    """The part of an editor that talks to a language server."""

    def __init__(self, folder: Path, encodings: list[str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dovetail", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        )
        self._inbox: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._notes: list[dict[str, Any]] = []
        self._number = 0
        self._versions: dict[str, int] = {}
        threading.Thread(target=self._read, daemon=True).start()
        self.capabilities = self.ask(
            "initialize",
            processId=None,
            rootUri=folder.as_uri(),
            capabilities={"general": {"positionEncodings": encodings or ["utf-16"]}},
        )["capabilities"]
        self.tell("initialized")

    def _read(self) -> None:
        assert self.process.stdout is not None
        while True:
            length = 0
            while (line := self.process.stdout.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if not length:
                self._inbox.put(None)
                return
            self._inbox.put(json.loads(self.process.stdout.read(length)))

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, **params: Any) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while (message := self._inbox.get(timeout=PATIENCE)) is not None:
            if message.get("id") == self._number and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]
            self._notes.append(message)
        raise AssertionError("the server has gone")

    def open(self, uri: str, text: str) -> list[dict[str, Any]]:
        self._versions[uri] = 1
        self.tell(
            "textDocument/didOpen",
            textDocument={"uri": uri, "languageId": "dovetail", "version": 1, "text": text},
        )
        return self.problems(uri)

    def change(self, uri: str, text: str, range: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        self._versions[uri] += 1
        change = {"text": text} if range is None else {"text": text, "range": range}
        self.tell(
            "textDocument/didChange",
            textDocument={"uri": uri, "version": self._versions[uri]},
            contentChanges=[change],
        )
        return self.problems(uri)

    def problems(self, uri: str) -> list[dict[str, Any]]:
        """What the server says is wrong with the latest version."""
        while True:
            for note in list(self._notes):
                params = note.get("params", {})
                if note.get("method") == "textDocument/publishDiagnostics" and params["uri"] == uri:
                    self._notes.remove(note)
                    if params.get("version") == self._versions[uri]:
                        found: list[dict[str, Any]] = params["diagnostics"]
                        return found
            message = self._inbox.get(timeout=PATIENCE)
            assert message is not None, "the server has gone"
            self._notes.append(message)

    def at(self, method: str, uri: str, position: tuple[int, int]) -> Any:
        line, character = position
        return self.ask(method, textDocument={"uri": uri}, position={"line": line, "character": character})

    def close_all(self) -> None:
        for uri in self._versions:
            self.tell("textDocument/didClose", textDocument={"uri": uri})
        self._versions.clear()

    def close(self) -> int:
        self.ask("shutdown")
        self.tell("exit")
        return self.process.wait(timeout=PATIENCE)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    editor = Editor(tmp_path_factory.mktemp("workspace"))
    yield editor
    editor.process.kill()
    editor.process.wait()


@pytest.fixture
def editor(started: Editor) -> Iterator[Editor]:
    """One editor for all tests; each leaves it with no text open."""
    yield started
    started.close_all()


def place(text: str, needle: str, skip: int = 0) -> tuple[int, int]:
    """Line and column, from 0, of the first `needle`."""
    at = text.index(needle) + skip
    return text.count("\n", 0, at), at - text.rfind("\n", 0, at) - 1


def excerpt(text: str, range: dict[str, Any]) -> str:
    """The text that a range is about (one line)."""
    start, end = range["start"], range["end"]
    assert start["line"] == end["line"]
    return text.splitlines()[start["line"]][start["character"] : end["character"]]


def test_a_good_file_has_no_problems_and_a_mistake_is_shown_where_it_is(editor: Editor) -> None:
    text = SQUEEZENET.read_text(encoding="utf-8")
    uri = SQUEEZENET.as_uri()
    assert editor.open(uri, text) == []
    line, column = place(text, "-> fire3: fire(16, 64)", 10)
    wrong = {"start": {"line": line, "character": column}, "end": {"line": line, "character": column + 4}}
    (problem,) = editor.change(uri, "fyre", wrong)
    assert problem["code"] == "E0301"
    assert problem["severity"] == 1
    assert problem["source"] == "dovetail"
    assert excerpt(text.replace("fire3: fire", "fire3: fyre"), problem["range"]) == "fyre"
    assert "did you mean `fire`?" in problem["message"]
    assert editor.change(uri, text) == []


def test_all_problems_of_a_text_are_shown_at_once(editor: Editor, tmp_path: Path) -> None:
    text = (
        "net many\ninput image[3, 8, 8]\n"
        "a = image -> conv(4, 3, pda = 1)\n"
        "b = image -> conf(4, 1)\n"
        "output image -> conv(4 KiB, 1)\n"
    )
    problems = editor.open((tmp_path / "many.net").as_uri(), text)
    shown = {(p["code"], p["range"]["start"]["line"]) for p in problems}
    assert {line for _, line in shown} == {2, 3, 4}
    assert len(problems) == 3


def test_the_second_place_of_a_problem_can_be_reached(editor: Editor, tmp_path: Path) -> None:
    uri = (tmp_path / "twice.net").as_uri()
    text = "net twice\ninput image[3, 8, 8]\na = image -> relu\na = image -> tanh\noutput a\n"
    (problem,) = editor.open(uri, text)
    (related,) = problem["relatedInformation"]
    assert problem["range"]["start"]["line"] == 3
    assert related["location"]["uri"] == uri
    assert related["location"]["range"]["start"]["line"] == 2


def test_a_problem_in_an_imported_file_is_shown_at_the_import_or_the_top(
    editor: Editor, tmp_path: Path
) -> None:
    (tmp_path / "blocks.net").write_text("net blocks\nblock f(x) { return x -> nothing }\n", encoding="utf-8")
    text = 'net main\nimport "blocks.net"\ninput image[3, 8, 8]\noutput image -> f\n'
    uri = (tmp_path / "main.net").as_uri()
    problems = editor.open(uri, text)
    assert problems
    assert all("blocks.net:2" in p["message"] for p in problems)
    (tmp_path / "blocks.net").write_text("net blocks\nblock f(x) { return x -> relu }\n", encoding="utf-8")
    editor.tell("textDocument/didSave", textDocument={"uri": uri})
    assert editor.problems(uri) == []


def test_warnings_are_no_errors(editor: Editor, tmp_path: Path) -> None:
    text = "net lazy\ninput image[3, 8, 8]\na = image -> relu\noutput image -> tanh\n"
    (problem,) = editor.open((tmp_path / "lazy.net").as_uri(), text)
    assert (problem["code"], problem["severity"]) == ("W1001", 2)


def test_columns_count_as_the_editor_counts(tmp_path: Path) -> None:
    """UTF-16 units unless another encoding was agreed on: a clef is two of them, four bytes."""
    text = 'net clef\nrequire 1 == 2 "𝄞"; require nothing > 1\ninput image[3, 8, 8]\noutput image -> relu\n'
    for encoding, column in (("utf-16", 29), ("utf-8", 31), ("utf-32", 28)):
        editor = Editor(tmp_path, [encoding])
        assert editor.capabilities["positionEncoding"] == encoding
        problems = editor.open((tmp_path / "clef.net").as_uri(), text)
        starts = [p["range"]["start"]["character"] for p in problems if p["code"] == "E0301"]
        assert starts == [column]
        assert editor.close() == 0


def test_hovering_a_layer_shows_shapes_and_macs(editor: Editor) -> None:
    text = SQUEEZENET.read_text(encoding="utf-8")
    editor.open(SQUEEZENET.as_uri(), text)
    hover = editor.at("textDocument/hover", SQUEEZENET.as_uri(), place(text, "conv1: conv", 8))
    shown = hover["contents"]["value"]
    assert "3 x 227 x 227 -> 96 x 111 x 111" in shown
    assert "173.9 M MACs" in shown  # 96 * 3 * 7 * 7 * 111 * 111
    assert excerpt(text, hover["range"]) == "conv(96, 7, stride = 2)"


def test_hovering_a_block_shows_all_its_layers(editor: Editor) -> None:
    text = SQUEEZENET.read_text(encoding="utf-8")
    editor.open(SQUEEZENET.as_uri(), text)
    shown = editor.at("textDocument/hover", SQUEEZENET.as_uri(), place(text, "fire2: "))["contents"]["value"]
    assert "| fire2.expand3x3 | conv 3x3 | 16 x 55 x 55 -> 64 x 55 x 55 | 27.9 |" in shown
    assert "11 920 parameters" in shown  # 96*16+16 + 16*64+64 + 16*64*9+64


def test_hovering_a_name_shows_every_value_it_takes(editor: Editor) -> None:
    text = SQUEEZENET.read_text(encoding="utf-8")
    editor.open(SQUEEZENET.as_uri(), text)
    shown = editor.at("textDocument/hover", SQUEEZENET.as_uri(), place(text, "conv(squeeze, 1)", 6))
    assert shown["contents"]["value"] == "**squeeze** (parameter) = 16, 32, 48, 64"


def test_what_is_right_is_understood_while_something_else_is_wrong(editor: Editor) -> None:
    text = SQUEEZENET.read_text(encoding="utf-8").replace(
        "output late -> conv10", "output late -> 3 + conv10"
    )
    assert editor.open(SQUEEZENET.as_uri(), text)
    shown = editor.at("textDocument/hover", SQUEEZENET.as_uri(), place(text, "conv1: conv"))
    assert "96 x 111 x 111" in shown["contents"]["value"]


def test_hovering_a_memory_shows_what_it_costs(editor: Editor) -> None:
    import dovetail as dt
    from dovetail.numbers import significant
    from dovetail.pricing import priced

    text = SQUEEZELERATOR.read_text(encoding="utf-8")
    prices = priced(dt.load_accelerator(SQUEEZELERATOR).architecture).memories["Register"]
    editor.open(SQUEEZELERATOR.as_uri(), text)
    hover = editor.at("textDocument/hover", SQUEEZELERATOR.as_uri(), place(text, "weights at Register", 12))
    shown = hover["contents"]["value"]
    assert f"a read of 16 bit {significant(prices.read_pj.value)} pJ" in shown
    assert f"area {significant(1024 * prices.area_mm2.value)} mm²" in shown
    assert prices.read_pj.source in shown


def test_a_definition_is_found_in_the_block_in_the_file_and_behind_an_import(editor: Editor) -> None:
    text = SQUEEZENET.read_text(encoding="utf-8")
    uri = SQUEEZENET.as_uri()
    editor.open(uri, text)

    def target(needle: str, skip: int = 0) -> tuple[str, str]:
        found = editor.at("textDocument/definition", uri, place(text, needle, skip))
        return found["uri"], excerpt(text, found["range"])

    assert target("fire(16, 64)") == (uri, "fire")
    assert target("conv(squeeze", 5) == (uri, "squeeze")
    assert target("conv(classes", 6) == (uri, "classes")
    assert target("concat(s ->", 7) == (uri, "s")
    mixed = ROOT / "examples" / "networks" / "resnet18_mixed.net"
    inside = mixed.read_text(encoding="utf-8")
    editor.open(mixed.as_uri(), inside)
    string = place(inside, '"resnet18.net"', 3)
    found = editor.at("textDocument/definition", mixed.as_uri(), string)
    assert found["uri"] == (mixed.parent / "resnet18.net").as_uri()


def test_an_axis_and_a_memory_lead_to_the_hardware(editor: Editor) -> None:
    text = SQUEEZELERATOR.read_text(encoding="utf-8")
    uri = SQUEEZELERATOR.as_uri()
    editor.open(uri, text)
    axis = editor.at("textDocument/definition", uri, place(text, "PE.col = K", 3))
    assert (axis["range"]["start"]["line"], axis["range"]["start"]["character"]) == place(text, "col = n")
    memory = editor.at("textDocument/definition", uri, place(text, "sums at Register", 9))
    assert memory["range"]["start"]["line"] == place(text, "memory Register")[0]


def test_completion_knows_the_place(editor: Editor, tmp_path: Path) -> None:
    block = "block fire(x, squeeze) { return x -> conv(squeeze, 1) }"
    text = f"net a\n{block}\ninput image[3, 8, 8]\noutput image -> \n"
    uri = (tmp_path / "a.net").as_uri()
    editor.open(uri, text)
    found = editor.at("textDocument/completion", uri, (3, len("output image -> ")))
    labels = {item["label"]: item for item in found["items"]}
    assert {"conv", "fire", "maxpool", "choose"} <= set(labels)
    assert not {"output", "memory", "squeeze"} & set(labels)
    assert labels["conv"]["detail"].startswith("conv(x, out, kernel, stride = 1")
    editor.change(uri, text.replace("-> \n", "-> conv(4, 3, \n"))
    found = editor.at("textDocument/completion", uri, (3, len("output image -> conv(4, 3, ")))
    first = [item["label"] for item in sorted(found["items"], key=lambda item: item["sortText"])]
    assert set(first[:8]) == {"out", "kernel", "stride", "pad", "dilation", "groups", "bias", "norm"}


def test_formatting_gives_what_fmt_writes(editor: Editor, tmp_path: Path) -> None:
    text = "net a\ninput   image[3,8,8]\noutput image->conv( 4,1 )\n"
    uri = (tmp_path / "a.net").as_uri()
    editor.open(uri, text)
    options = {"tabSize": 4, "insertSpaces": True}
    (edit,) = editor.ask("textDocument/formatting", textDocument={"uri": uri}, options=options)
    assert edit["newText"] == "net a\ninput image[3, 8, 8]\noutput image -> conv(4, 1)\n"
    assert edit["range"] == {"start": {"line": 0, "character": 0}, "end": {"line": 3, "character": 0}}
    editor.change(uri, edit["newText"])
    assert editor.ask("textDocument/formatting", textDocument={"uri": uri}, options=options) == []
    editor.change(uri, "net a\noutput (\n")
    assert editor.ask("textDocument/formatting", textDocument={"uri": uri}, options=options) is None


def test_the_outline_lists_what_a_file_defines(editor: Editor) -> None:
    text = SQUEEZELERATOR.read_text(encoding="utf-8")
    editor.open(SQUEEZELERATOR.as_uri(), text)
    symbols = editor.ask("textDocument/documentSymbol", textDocument={"uri": SQUEEZELERATOR.as_uri()})
    assert [s["name"] for s in symbols] == [
        "n", "DRAM", "Buffer", "PE", "Register", "Vector", "weight_stationary", "output_stationary",
    ]  # fmt: skip


def test_an_empty_text_that_is_not_saved_yet_is_no_trouble(editor: Editor) -> None:
    (problem,) = editor.open("untitled:Untitled-1", "")
    assert problem["code"] == "E0807"
    found = editor.at("textDocument/completion", "untitled:Untitled-1", (0, 0))
    assert [item["label"] for item in found["items"]] == ["net"]


def test_the_server_leaves_when_told_to(tmp_path: Path) -> None:
    assert Editor(tmp_path).close() == 0


def test_an_editor_that_leaves_without_asking_is_a_fault(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    editor.tell("exit")
    assert editor.process.wait(timeout=PATIENCE) == 1
