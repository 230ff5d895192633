"""`dovetail import` and `dovetail export --to onnx`, as a user runs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dovetail.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples" / "networks"

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(EXAMPLES / "squeezenet_v1_1.net", tmp_path)
    shutil.copy(EXAMPLES / "squeezenet_v1_0.net", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_network_goes_to_onnx_and_back(folder: Path, capsys: Captured) -> None:
    assert main(["export", "squeezenet_v1_0.net", "--to", "onnx", "-o", "s.onnx"]) == 0
    assert "wrote s.onnx: " in capsys.readouterr().out
    assert main(["import", "s.onnx", "-o", "back.net"]) == 0
    out = capsys.readouterr()
    assert out.out.startswith("wrote back.net: network `s`, ")
    assert out.err == ""
    assert "block fire(" in (folder / "back.net").read_text(encoding="utf-8")
    assert main(["check", "back.net"]) == 0


def test_without_a_place_the_text_goes_to_standard_output(capsys: Captured) -> None:
    main(["export", "squeezenet_v1_0.net", "--to", "onnx", "-o", "s.onnx", "--set", "classes=10"])
    capsys.readouterr()
    assert main(["import", "s.onnx"]) == 0
    assert "conv(10, 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["import", "nowhere.onnx"], 1, "error[E0801]"),
        (["import", "squeezenet_v1_0.net"], 2, "is a file of Dovetail already"),
        (["import", "s.onnx", "-o", "s.txt"], 2, "a network is called `.net`"),
        (["import", "s.onnx", "--dim", "tokens"], 2, "not of the form NAME=NUMBER"),
        (["import", "s.onnx", "--dim", "a=1", "--dim", "a=2"], 2, "given twice"),
        (["export", "nowhere.net", "--to", "onnx", "-o", "s.onnx"], 1, "error[E0801]"),
        (
            ["export", "squeezenet_v1_0.net", "--to", "onnx", "-o", "no/such/folder/s.onnx"],
            2,
            "cannot be written",
        ),
        (["export", "a.net", "b.net", "--to", "onnx", "-o", "s.onnx"], 2, "of one network"),
        (
            ["export", "squeezenet_v1_0.net", "--to", "onnx", "-o", "s.onnx", "--dialect", "v3"],
            2,
            "zero, random",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    arguments: list[str], status: int, message: str, capsys: Captured
) -> None:
    assert main(arguments) == status
    assert message in capsys.readouterr().err


def test_a_file_that_is_no_model_leaves_nothing_behind(folder: Path, capsys: Captured) -> None:
    (folder / "m.onnx").write_bytes(b"PK\x03\x04 something else")
    assert main(["import", "m.onnx", "-o", "m.net"]) == 1
    assert "error[E1501]: `m.onnx` is no ONNX model" in capsys.readouterr().err
    assert not (folder / "m.net").exists()


def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, folder: Path
) -> None:
    import dovetail.onnx_files

    monkeypatch.setattr(dovetail.onnx_files, "find_spec", {}.get)
    assert main(["import", "m.onnx"]) == 2
    assert "pip install 'dovetail-dse[onnx]'" in capsys.readouterr().err


def test_python_reads_and_writes_models_too(folder: Path) -> None:
    import dovetail as dt

    network = dt.load_network("squeezenet_v1_0.net").network
    dt.export_onnx(network, "s.onnx", weights="random", seed=3)
    assert dt.import_onnx("s.onnx").network.params == network.params
