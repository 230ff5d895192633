"""`dovetail export`, `dovetail compare`, `evaluate --model` and `--energy`, with programs that stand in for
others.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

import dovetail as dt
from dovetail.cli import main

ROOT = Path(__file__).resolve().parent.parent.parent
PALETTE = ROOT / "examples" / "networks" / "palette.net"
TPU = ROOT / "examples" / "accelerators" / "tpu_v1.accel"
SHIFTING = ROOT / "examples" / "accelerators" / "squeezelerator.accel"
EYERISS = ROOT / "examples" / "accelerators" / "eyeriss.accel"
FAKE = ROOT / "tests" / "timeloop" / "fake_timeloop.py"
TIMELOOP = ROOT / "tests" / "reference" / "timeloop_recorded"
RECORDED = ROOT / "tests" / "reference" / "other_tools"


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def timeloop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in that reads its input by a reader of its own and counts by our model."""
    path = program(tmp_path, "timeloop-model", f'PYTHONPATH={ROOT} exec {sys.executable} {FAKE} "$@"')
    monkeypatch.setenv("DOVETAIL_TIMELOOP_MODEL", str(path))
    return path


def run(*arguments: object) -> int:
    return main([str(a) for a in (*arguments, "--mapper", "greedy")])


# -------------------------------------------------------------------------------------------- export


def test_timeloop_gets_a_folder_for_each_layer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOVETAIL_TIMELOOP_MODEL", "/nowhere/timeloop-model")
    assert run("export", PALETTE, TPU, "--to", "timeloop", "-o", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"4 layers for Timeloop in {tmp_path / 'out'}\n")
    assert "Timeloop is not installed here: Timeloop is built from source" in said
    folders = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert folders == ["depthwise", "grouped", "pointwise", "spatial"]
    files = sorted(path.name for path in (tmp_path / "out" / "grouped").iterdir())
    assert files == ["expected.json", "in.yaml", "mapper.yaml", "mapping.map", "run.sh"]
    tree = yaml.safe_load((tmp_path / "out" / "grouped" / "in.yaml").read_text())
    assert list(tree) == ["architecture", "ERT", "problem", "mapping"]
    assert tree["problem"]["instance"]["G"] == 4
    mapper = yaml.safe_load((tmp_path / "out" / "grouped" / "mapper.yaml").read_text())
    assert mapper["mapper"]["optimization_metrics"] == ["edp"]
    expected = json.loads((tmp_path / "out" / "grouped" / "expected.json").read_text())
    assert expected["traffic_words"]["DRAM"]["weights"]["reads"] > 0


def test_the_exported_mapping_is_one_of_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", PALETTE, EYERISS, "--to", "timeloop", "-o", tmp_path, "--layer", "spatial") == 0
    expected = json.loads((tmp_path / "spatial" / "expected.json").read_text())
    capsys.readouterr()
    mapping = tmp_path / "spatial" / "mapping.map"
    assert run("evaluate", PALETTE, EYERISS, "--mapping", mapping, "--json") == 0
    (layer,) = json.loads(capsys.readouterr().out)["layers"]
    assert layer["cycles"] == expected["cycles"]
    assert layer["traffic_words"] == expected["traffic_words"]


ACCEL = """\
accel c_ws32x32

clock 1 GHz
precision { inputs, weights, outputs, sums = 16 bit }
memory DRAM {
    width = 16 bit
    read_bandwidth = 256 bit/cycle
    write_bandwidth = 256 bit/cycle
    energy = { read = 200 pJ; fill = 200 pJ; update = 210 pJ }
}
memory GLB {
    size = 128 KiB
    width = 16 bit
    read_bandwidth = 1536 bit/cycle
    write_bandwidth = 1024 bit/cycle
    energy = { read = 6 pJ; fill = 6.5 pJ; update = 7 pJ }
    may_hold = [weights, inputs, outputs, sums]
}
array PE[row = 32, col = 32] {
    along row, col: multicast inputs, multicast weights, reduce sums
    memory weight_reg {
        depth = 1
        width = 16 bit
        energy = { read = 0.1 pJ; fill = 0.15 pJ; update = 0.2 pJ }
        may_hold = [weights]
    }
    mac { rate = 1/cycle; energy = 1 pJ }
}
"""
NET = "net fire2\ninput image[16, 55, 55]\noutput image -> expand1x1: conv(64, 1)\n"
MAP = """\
mapping for "expand1x1" on c_ws32x32
DRAM holds weights, inputs, outputs
for P in 55 by 5
  GLB holds weights, inputs, outputs
  for K in 64 by 32
    spatial C in 16 along PE.row
    spatial K in 32 along PE.col
    weight_reg holds weights
    for P in 5
    for Q in 55
      mac
"""


def test_texts_of_ours_become_the_input_of_a_recorded_run(tmp_path: Path) -> None:
    for name, text in (("fire2.net", NET), ("ws.accel", ACCEL), ("expand.map", MAP)):
        (tmp_path / name).write_text(text)
    files = (tmp_path / "fire2.net", tmp_path / "ws.accel", "--mapping", tmp_path / "expand.map")
    assert run("export", *files, "--to", "timeloop", "-o", tmp_path / "out") == 0
    ours = yaml.safe_load((tmp_path / "out" / "expand1x1" / "in.yaml").read_text())
    recorded = TIMELOOP / "model__c_ws32x32__squeezenet_fire2_expand1x1" / "in.yaml"
    for directive in ours["mapping"]:
        directive.pop("no_link_transfer", None)  # the recorded run turned these off from outside
    assert ours == yaml.safe_load(recorded.read_text())


def test_perfect_factors_have_no_residuals(tmp_path: Path) -> None:
    assert run("export", PALETTE, EYERISS, "--to", "timeloop", "-o", tmp_path) == 0
    for path in tmp_path.glob("*/in.yaml"):
        assert all("," not in said.get("factors", "") for said in yaml.safe_load(path.read_text())["mapping"])


def test_the_fourth_form_is_there_on_demand(tmp_path: Path) -> None:
    assert run("export", PALETTE, TPU, "--to", "timeloop", "-o", tmp_path, "--dialect", "v4") == 0
    text = (tmp_path / "spatial" / "in.yaml").read_text()
    assert "version: 0.4" in text and "!Component" in text


def test_scalesim_and_accelforge_get_their_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", PALETTE, TPU, "--to", "scalesim", "-o", tmp_path / "s") == 0
    assert sorted(p.name for p in (tmp_path / "s").iterdir()) == [
        "layout_ws.csv",
        "scale_ws.cfg",
        "topology_ws.csv",
    ]
    assert "depthwise is one of 512 equal runs" in capsys.readouterr().out
    assert run("export", PALETTE, TPU, "--to", "accelforge", "-o", tmp_path / "a") == 0
    assert (tmp_path / "a" / "grouped.free.yaml").is_file() and (tmp_path / "a" / "grouped.yaml").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "timelop"), "there is no target `timelop`"),
        (("--to", "timeloop", "--dialect", "v5"), "`timeloop` has no dialect `v5`"),
        (("--to", "scalesim", "--dialect", "v3"), "it has only one form"),
        (("--to", "timeloop", "--layer", "conv9"), "conv9"),
    ],
)
def test_what_cannot_be_exported_is_said(
    arguments: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", PALETTE, TPU, "-o", tmp_path, *arguments) == 2
    assert message in capsys.readouterr().err


def test_a_file_is_no_folder_to_export_into(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run("export", PALETTE, TPU, "--to", "timeloop", "-o", tmp_path / "file") == 2
    assert "cannot be a folder" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------ Timeloop


def test_counts_of_the_same_mapping_are_side_by_side(
    timeloop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compare", PALETTE, TPU, "--with", "timeloop", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [layer["name"] for layer in found["layers"]] == ["spatial", "pointwise", "grouped", "depthwise"]
    assert all(layer["counts_equal"] for layer in found["layers"])
    for layer in found["layers"]:
        assert layer["ours"]["traffic_words"] == layer["theirs"]["traffic_words"]
        assert layer["theirs"]["cycles"] <= layer["ours"]["cycles"]


def test_differences_are_explained(timeloop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Inputs shift between the PEs of the Squeezelerator; the stand-in's network does not."""
    flow = ("--dataflow", "output_stationary")
    assert run("compare", PALETTE, SHIFTING, "--with", "timeloop", "--layer", "spatial", *flow) == 0
    said = capsys.readouterr().out
    assert "Buffer inputs reads" in said
    assert "inputs shift from PE to PE here" in said
    assert "other numbers of words move: inputs reads at Buffer" in said


def test_what_timeloop_read_is_kept_on_demand(timeloop: Path, tmp_path: Path) -> None:
    arguments = ("--layer", "pointwise", "--keep", tmp_path / "kept")
    assert run("compare", PALETTE, TPU, "--with", "timeloop", *arguments) == 0
    kept = tmp_path / "kept" / "pointwise"
    assert (kept / "in.yaml").is_file() and (kept / "timeloop-model.stats.txt").is_file()


def test_timeloop_as_the_cost_model(timeloop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("evaluate", PALETTE, TPU, "--layer", "pointwise", "--json")
    assert run(*arguments) == 0
    (ours,) = json.loads(capsys.readouterr().out)["layers"]
    assert run(*arguments, "--model", "timeloop") == 0
    printed = capsys.readouterr()
    assert "counts, cycles and energy of layers with MACs are Timeloop's" in printed.err
    (theirs,) = json.loads(printed.out)["layers"]
    assert theirs["traffic_words"] == ours["traffic_words"]
    assert theirs["mapping"] == ours["mapping"]
    assert theirs["cycles"] <= ours["cycles"]
    assert theirs["energy_breakdown_pj"]["DRAM"] == pytest.approx(
        ours["energy_breakdown_pj"]["DRAM"], rel=1e-6
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo 'ERROR: no such level'; exit 1", "Timeloop failed with status 1"),
        ("echo started; exit 0", "did not write `timeloop-model.stats.txt`"),
        (
            "echo garbage > timeloop-model.stats.txt",
            "`timeloop-model.stats.txt` cannot be read: it has no levels",
        ),
        ("kill -SEGV $$", "Timeloop was ended by SIGSEGV"),
        ("sleep 600", "did not end within 1 s"),
    ],
)
def test_a_timeloop_that_fails_is_said_with_the_command(
    text: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = program(tmp_path, "timeloop-model", text)
    monkeypatch.setenv("DOVETAIL_TIMELOOP_MODEL", str(path))
    arguments = ("--with", "timeloop", "--layer", "pointwise", "--timeout", "1")
    assert run("compare", PALETTE, TPU, *arguments) == 1
    said = capsys.readouterr().err
    assert message in said and f"{path} in.yaml" in said and "Traceback" not in said


def test_mappings_that_timeloop_finds_are_another_thing(
    tmp_path: Path, timeloop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stand-in of the mapper evaluates what was exported beside it."""
    assert (
        run("export", PALETTE, TPU, "--to", "timeloop", "-o", tmp_path / "out", "--layer", "pointwise") == 0
    )
    exported = tmp_path / "out" / "pointwise" / "in.yaml"
    work = f"{timeloop} {exported} && mv timeloop-model.stats.txt timeloop-mapper.stats.txt"
    monkeypatch.setenv("DOVETAIL_TIMELOOP_MAPPER", str(program(tmp_path, "timeloop-mapper", work)))
    capsys.readouterr()
    assert run("compare", PALETTE, TPU, "--with", "timeloop", "--search", "--layer", "pointwise") == 0
    assert "timeloop-mapper chose a mapping of its own" in capsys.readouterr().out
    assert run("compare", PALETTE, TPU, "--with", "scalesim", "--search") == 2


def test_a_missing_timeloop_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOVETAIL_TIMELOOP_MODEL", "/nowhere/timeloop-model")
    for command in (("compare", "--with", "timeloop"), ("evaluate", "--model", "timeloop")):
        assert run(command[0], PALETTE, TPU, *command[1:]) == 1
        said = capsys.readouterr().err
        assert "`timeloop-model` is not installed" in said and "--to timeloop -o DIR" in said


# ------------------------------------------------------------------------------------- Python tools


def foreign_python(folder: Path, version: str, work: str) -> Path:
    """A Python that answers with a version, and instead of running a script does `work`."""
    return program(folder, "python", f'if [ "$1" = -c ]; then echo version {version}; exit 0; fi\n{work}')


def test_accelforge_is_run_in_the_python_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = foreign_python(tmp_path, "1.0.467", f"cp {RECORDED / 'accelforge' / 'ws_conv.json'} out.json")
    arguments = ("--with", "accelforge", "--layer", "pointwise", "--python", python, "--json")
    assert run("compare", PALETTE, TPU, *arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["tool"], found["version"]) == ("accelforge", "1.0.467")
    assert found["layers"][0]["theirs"]["cycles"] == 648


def test_each_count_that_differs_has_its_reason_or_is_said_to_have_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stand-in that reads results that leave a memory, and one word of the inputs more than anybody."""
    evaluation = dt.evaluate(dt.load_network(PALETTE), dt.load_accelerator(TPU), mapper="greedy")
    (layer,) = [layer for layer in evaluation.layers if layer.name == "pointwise"]
    leaving = TPU.read_text().replace("holds = [sums]", "holds = [sums]; drain_reads = true")
    assert leaving != TPU.read_text()
    (tmp_path / "leaving.accel").write_text(leaving)
    again = dt.evaluate(
        dt.load_network(PALETTE), dt.load_accelerator(tmp_path / "leaving.accel"), mapper="greedy"
    )
    (other,) = [layer for layer in again.layers if layer.name == "pointwise"]
    assert layer.mapping == other.mapping and other.chosen is not None
    row = {"Total<SEP>latency": float(layer.cycles), "Total<SEP>energy": layer.energy_pj}
    tensors = {"inputs": ("I", 8), "weights": ("W", 8), "outputs": ("O", 8)}
    for holder in other.chosen.cost.counts.holders:
        name, bits = tensors[holder.operand]
        more = holder.memory == "DRAM" and holder.operand == "inputs"
        place = f"conv<SEP>action<SEP>{holder.memory}<SEP>{name}"
        row[f"{place}<SEP>read"] = bits * (holder.reads + more)
        row[f"{place}<SEP>write"] = bits * (holder.fills + holder.updates)
    python = foreign_python(tmp_path, "1.0.467", f"cat > out.json <<'END'\n{json.dumps(row)}\nEND")
    arguments = ("--with", "accelforge", "--layer", "pointwise", "--python", python, "--json")
    assert run("compare", PALETTE, TPU, *arguments) == 0
    (found,) = json.loads(capsys.readouterr().out)["layers"]
    reasons = {reason["text"]: reason["counts"] for reason in found["reasons"]}
    drains = next(text for text in reasons if "a read of it there" in text)
    assert reasons[drains] == [{"memory": "Acc", "operand": "outputs", "action": "reads"}]
    nothing = next(text for text in reasons if "that we know explains" in text)
    assert reasons[nothing] == [{"memory": "DRAM", "operand": "inputs", "action": "reads"}]


def test_scalesim_is_run_in_the_python_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = RECORDED / "scalesim"
    work = "\n".join(
        ["mkdir -p results/dovetail"]
        + [
            f"head -2 {reports}/{name}_REPORT.csv > results/dovetail/{name}_REPORT.csv"
            for name in ("COMPUTE", "DETAILED_ACCESS")
        ]
    )
    python = foreign_python(tmp_path, "3.0.0", work)
    arguments = ("--with", "scalesim", "--layer", "pointwise", "--python", python)
    assert run("compare", PALETTE, TPU, *arguments) == 0
    said = capsys.readouterr().out
    assert "ours beside SCALE-Sim 3.0.0" in said and "1 491" in said
    assert "im2col without reuse" in said


@pytest.mark.parametrize(("tool", "package"), [("accelforge", "accelforge"), ("scalesim", "scalesim")])
def test_another_version_is_refused(
    tool: str, package: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = foreign_python(tmp_path, "0.2", "exit 9")
    assert run("compare", PALETTE, TPU, "--with", tool, "--python", python) == 1
    assert f"{package} 0.2 is installed" in capsys.readouterr().err


@pytest.mark.parametrize("written", ["nothing", "{}", "[1, 2]", '{"Total<SEP>latency": "x"}'])
def test_what_accelforge_never_writes_is_refused(
    written: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = foreign_python(tmp_path, "1.0.1", f"cat > out.json <<'END'\n{written}\nEND")
    arguments = ("--with", "accelforge", "--layer", "pointwise", "--python", python)
    assert run("compare", PALETTE, TPU, *arguments) == 1
    said = capsys.readouterr().err
    assert "what accelforge wrote cannot be read" in said and "script.py in.yaml out.json" in said


def test_a_tool_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("compare", PALETTE, TPU, "--with", "scalesimm") == 2
    assert "there is no tool `scalesimm`" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------ energies


def test_energies_of_accelergy_are_charged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    names = ["DRAM", "UB", "FIFO", "Acc", "W"]
    actions = [{"name": "read", "energy": 1.0}, {"name": "write", "energy": 1.0}]
    ert = [{"name": f"system.{name}", "actions": actions} for name in names]
    ert.append({"name": "system.MAC", "actions": [{"name": "compute", "energy": 5.0}]})
    (tables / "ERT.yaml").write_text(yaml.safe_dump({"ERT": {"tables": ert}}))
    (tables / "ART.yaml").write_text(
        yaml.safe_dump({"ART": {"tables": [{"name": "system.UB", "area": 2e6}]}})
    )
    path = program(tmp_path, "accelergy", f"test -f architecture.yaml && cp -r {tables} out")
    monkeypatch.setenv("DOVETAIL_ACCELERGY", str(path))
    assert run("evaluate", PALETTE, TPU, "--layer", "pointwise", "--energy", "accelergy", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    (layer,) = found["layers"]
    assert layer["energy_breakdown_pj"]["mac"] == 5.0 * layer["macs"]
    words = layer["traffic_words"]["W"]["weights"]
    assert layer["energy_breakdown_pj"]["W"]["weights"] == words["reads"] + words["fills"]


def test_an_accelergy_without_tables_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = program(tmp_path, "accelergy", "echo no plug-in for SRAM")
    monkeypatch.setenv("DOVETAIL_ACCELERGY", str(path))
    assert run("evaluate", PALETTE, TPU, "--energy", "accelergy") == 1
    said = capsys.readouterr().err
    assert "did not write `ERT.yaml`" in said and "no plug-in for SRAM" in said


def test_energies_of_hwcomponents_are_charged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = {"read_pj": 2.0, "write_pj": 3.0, "area_mm2": 0.1, "leakage_mw": 0.0}
    energies = json.dumps(dict.fromkeys(["DRAM", "UB", "FIFO", "Acc", "W", "MAC"], said))
    python = foreign_python(tmp_path, "1.0.114", f"cat > energies.json <<'END'\n{energies}\nEND")
    arguments = ("--layer", "pointwise", "--energy", "hwcomponents", "--python", python, "--json")
    assert run("evaluate", PALETTE, TPU, *arguments) == 0
    (layer,) = json.loads(capsys.readouterr().out)["layers"]
    assert layer["energy_breakdown_pj"]["mac"] == 2.0 * layer["macs"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--model", "zigzag"), "no cost model `zigzag`"),
        (("--energy", "cacti"), "no source of energies `cacti`"),
    ],
)
def test_names_that_are_not_there_are_said(
    option: tuple[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("evaluate", PALETTE, TPU, *option) == 2
    assert message in capsys.readouterr().err


# --------------------------------------------------------------------------- what can go wrong, for each

HOW = {
    "timeloop": ("compare", "--with", "timeloop"),
    "timeloop-mapper": ("compare", "--with", "timeloop", "--search"),
    "timeloop as the model": ("evaluate", "--model", "timeloop"),
    "accelforge": ("compare", "--with", "accelforge"),
    "scalesim": ("compare", "--with", "scalesim"),
    "accelergy": ("evaluate", "--energy", "accelergy"),
    "hwcomponents": ("evaluate", "--energy", "hwcomponents"),
}
VERSIONS = {"accelforge": "1.0.467", "scalesim": "3.0.0", "hwcomponents": "1.0.114"}
WRITES = {
    "timeloop": "timeloop-model.stats.txt",
    "timeloop as the model": "timeloop-model.stats.txt",
    "timeloop-mapper": "timeloop-mapper.stats.txt",
    "accelforge": "out.json",
    "scalesim": "results/dovetail/COMPUTE_REPORT.csv",
    "accelergy": "out/ERT.yaml",
    "hwcomponents": "energies.json",
}


def with_stand_in(
    tool: str, work: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[tuple[object, ...], str]:
    """The command with a stand-in that does `work`, and how the stand-in is called."""
    head, *rest = HOW[tool]
    command: tuple[object, ...] = (head, PALETTE, TPU, *rest, "--layer", "pointwise")
    if tool in VERSIONS:
        path = foreign_python(folder, VERSIONS[tool], work)
        return (*command, "--python", path), f"{path} script.py"
    variable = {"accelergy": "DOVETAIL_ACCELERGY", "timeloop-mapper": "DOVETAIL_TIMELOOP_MAPPER"}
    path = program(folder, tool.split()[0], work)
    monkeypatch.setenv(variable.get(tool, "DOVETAIL_TIMELOOP_MODEL"), str(path))
    return command, str(path)


@pytest.mark.parametrize("tool", HOW)
@pytest.mark.parametrize(
    ("work", "message"),
    [
        ("echo one; echo 'the last line' >&2; exit 3", "failed with status 3"),
        ("echo 'the last line'; kill -9 $$", "was ended by SIGKILL"),
        ("echo 'the last line'", "did not write"),
        ("mkdir -p $(dirname {file}); printf '\\377\\000: [' > {file}; echo 'the last line'", ""),
        ("mkdir -p $(dirname {file}); : > {file}; echo 'the last line'", ""),
    ],
    ids=["fails", "is killed", "writes nothing", "writes garbage", "writes an empty file"],
)
def test_a_run_that_goes_wrong_is_said_with_its_command_and_its_last_lines(
    tool: str,
    work: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command, called = with_stand_in(tool, work.replace("{file}", WRITES[tool]), tmp_path, monkeypatch)
    assert run(*command) == 1
    said = capsys.readouterr().err
    assert message in said and "the command was: " in said and called in said
    assert "the last line" in said and "Traceback" not in said


@pytest.mark.parametrize("tool", [tool for tool in HOW if HOW[tool][0] == "compare"])
def test_a_run_that_does_not_end_is_ended(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command, called = with_stand_in(tool, "echo 'the last line'; sleep 600", tmp_path, monkeypatch)
    assert run(*command, "--timeout", "1") == 1
    said = capsys.readouterr().err
    assert "did not end within 1 s" in said and called in said and "the last line" in said


@pytest.mark.parametrize("tool", HOW)
def test_a_tool_that_is_not_installed_is_said_with_the_way_out(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DOVETAIL_ACCELERGY", "DOVETAIL_TIMELOOP_MAPPER", "DOVETAIL_TIMELOOP_MODEL"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    head, *rest = HOW[tool]
    python = ("--python", tmp_path / "nowhere") if tool in VERSIONS else ()
    assert run(head, PALETTE, TPU, *rest, "--layer", "pointwise", *python) == 1
    said = capsys.readouterr().err
    assert "= help:" in said and "Traceback" not in said
    assert "not installed" in said or "cannot be started: No such file" in said


PYTIMELOOP = """\
import importlib.util, sys
from pathlib import Path
def load(name):
    spec = importlib.util.spec_from_file_location(name, Path({folder!r}) / (name + ".py"))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
class Result:
    def __init__(self, text): self.text = text
    def pretty_print_stats(self): return self.text
class ModelApp:
    def __init__(self, yaml_str_cfg, default_out_dir="."): self.yaml = yaml_str_cfg
    def run(self):
        found = load("v3_reader").read(self.yaml)
        text = load("fake_timeloop").printed(found)
        # Its energies are those of its own tables: nobody should see them.
        return Result("\\n".join("        Energy (total) : 0.00 pJ" if "Energy (total)" in line
                                  else line for line in text.splitlines()))
"""


def test_pytimeloop_runs_where_the_program_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its counts and cycles, and the energies of the case, which it takes none of."""
    package = tmp_path / "site" / "pytimeloop" / "app"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text(PYTIMELOOP.format(folder=str(FAKE.parent)))
    monkeypatch.setenv("DOVETAIL_TIMELOOP_MODEL", "/nowhere/timeloop-model")
    path = f"{tmp_path / 'site'}:{ROOT}"
    python = program(tmp_path, "python", f'PYTHONPATH={path} exec {sys.executable} "$@"')
    arguments = ("--with", "timeloop", "--layer", "pointwise", "--json", "--python", python)
    assert run("compare", PALETTE, TPU, *arguments) == 0
    (layer,) = json.loads(capsys.readouterr().out)["layers"]
    assert layer["counts_equal"]
    work = f'PYTHONPATH={ROOT} exec {sys.executable} {FAKE} "$@"'
    monkeypatch.setenv("DOVETAIL_TIMELOOP_MODEL", str(program(tmp_path, "timeloop-model", work)))
    assert run("compare", PALETTE, TPU, *arguments) == 0
    (by_program,) = json.loads(capsys.readouterr().out)["layers"]
    assert layer["theirs"]["cycles"] == by_program["theirs"]["cycles"]
    assert layer["theirs"]["energy_pj"] == pytest.approx(by_program["theirs"]["energy_pj"], rel=1e-6)
    monkeypatch.setenv("DOVETAIL_TIMELOOP_MODEL", "/nowhere/timeloop-model")
    monkeypatch.setenv("DOVETAIL_TIMELOOP_PYTHON", str(program(tmp_path, "other", "echo no; exit 4")))
    assert run("compare", PALETTE, TPU, "--with", "timeloop", "--layer", "pointwise") == 1
    assert f"{tmp_path / 'other'} run_pytimeloop.py in.yaml" in capsys.readouterr().err
