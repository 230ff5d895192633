"""Pictures: what is drawn is computed apart from the drawing, and right; the drawing is good SVG."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import dovetail as dt
from dovetail.accel.architecture_picture import Frame, Part, draw_architecture
from dovetail.accel.architecture_picture import draw_data as accelerator_drawing
from dovetail.accel.mapping_parsing import mapping_from_text
from dovetail.accel.mapping_picture import Line, draw_mapping, words_held
from dovetail.accel.mapping_picture import draw_data as mapping_drawing
from dovetail.accelerator_picture import part_costs
from dovetail.cli import main
from dovetail.dsl.loading import network_from_text
from dovetail.dsl.network_picture import draw_data
from dovetail.dsl.problem import Problem
from dovetail.dsl.svg import Picture, number
from dovetail.pricing import priced

ROOT = Path(__file__).resolve().parent.parent.parent
NETWORKS = sorted((ROOT / "examples" / "networks").glob("*.net"))
ACCELERATORS = sorted((ROOT / "examples" / "accelerators").glob("*.accel"))
MAPPING = """\
mapping for "fire9.squeeze1x1" on squeezelerator
DRAM holds weights, inputs, outputs
for K in 64 by 32
for C in 512 by 64
Buffer holds inputs, outputs
for C in 64 by 32
spatial C in 32 along PE.row
spatial K in 32 along PE.col
Register holds weights
for P in 13
for Q in 13
mac
"""
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    """Every text of a picture; fails where it is no well-formed SVG."""
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    return [element.text or "" for element in root.iter(f"{SVG}text")]


# --------------------------------------------------------------------------------------- networks


@pytest.mark.parametrize("path", NETWORKS, ids=lambda p: p.stem)
def test_a_network_is_drawn_whole(path: Path) -> None:
    network = dt.load_network(path).network
    drawing = draw_data(network)
    boxes = {box.name: box for box in drawing.boxes}
    assert sum(box.macs for box in boxes.values()) == network.macs
    assert {layer.name for layer in network.layers if layer.macs} <= set(boxes)
    assert max(box.share for box in boxes.values()) == 1.0
    assert {name for edge in drawing.edges for name in edge} == set(boxes)
    shown = texts(network._repr_svg_())
    assert all(name in shown for name in boxes)


def test_free_operations_that_pass_a_tensor_on_stand_in_the_box_before() -> None:
    text = """\
net small
input image[3, 8, 8]
a = image -> conv1: conv(4, 3, pad = 1) -> relu -> dropout(0.5)
b = a -> conv2: conv(4, 1)
output a + b -> flatten -> fc: linear(10)
"""
    drawing = draw_data(network_from_text(text).network)
    boxes = {box.name: box for box in drawing.boxes}
    assert list(boxes) == ["image (input)", "conv1", "conv2", "add", "fc"]
    assert boxes["conv1"].lines == ("conv 3x3 + relu + dropout", "4 x 8 x 8")
    assert boxes["add"].lines == ("add + flatten", "256")
    assert set(drawing.edges) == {
        ("image (input)", "conv1"), ("conv1", "conv2"), ("conv1", "add"), ("conv2", "add"), ("add", "fc"),
    }  # fmt: skip
    assert boxes["conv1"].macs == 4 * 3 * 9 * 64
    assert boxes["fc"].share == 2560 / 6912


def test_what_two_layers_read_is_not_folded_away() -> None:
    text = (
        "net n\ninput x[4, 8, 8]\na = x -> conv(4, 1) -> relu\nb = a -> relu6\noutput concat(a -> tanh, b)\n"
    )
    names = [box.name for box in draw_data(network_from_text(text).network).boxes]
    assert sorted(names) == ["concat", "conv", "relu6", "tanh", "x (input)"]


def test_letters_that_mean_something_in_svg_are_only_letters() -> None:
    picture = Picture(10, 10, 'a "title" <b>')
    picture.text(0, 0, "1 < 2 & 3 > 2")
    picture.rect(0, 0, 1, 1, "box", title="<&>")
    assert texts(picture.svg()) == ["1 < 2 & 3 > 2"]


def test_coordinates_have_a_tenth_of_a_pixel() -> None:
    assert [number(x) for x in (1.0, 1.04, 1.05001, -0.25, 12.96)] == ["1", "1", "1.1", "-0.2", "13"]


def test_the_same_network_gives_the_same_bytes_in_another_process() -> None:
    path = ROOT / "examples" / "networks" / "shufflenet_v2_x1_0_megvii.net"
    run = subprocess.run(
        [sys.executable, "-m", "dovetail", "show", str(path), "--svg", "-"],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    assert run.stdout.decode() == dt.load_network(path).network._repr_svg_()


# ------------------------------------------------------------------------------------ accelerators


def parts_of(frame: Frame) -> list[Part]:
    found: list[Part] = []
    for part in frame.parts:
        found += parts_of(part) if isinstance(part, Frame) else [part]
    return found + [unit for some in frame.sides.values() for unit in some]


@pytest.mark.parametrize("path", ACCELERATORS, ids=lambda p: p.stem)
def test_an_accelerator_is_drawn_whole(path: Path) -> None:
    chip = dt.load_accelerator(path).architecture
    parts = {part.name: part for part in parts_of(accelerator_drawing(chip))}
    assert set(parts) == {m.name for m in chip.memories} | {"mac"} | {u.name for u in chip.units}
    assert all(parts[m.name].count == chip.instances(m.name) for m in chip.memories)
    assert parts["mac"].count == chip.pes
    shown = " ".join(texts(dt.draw(chip).svg))
    assert all(name in shown for name in parts)
    assert all(array.name in shown for array in chip.arrays)


@pytest.mark.parametrize("path", ACCELERATORS, ids=lambda p: p.stem)
def test_the_areas_drawn_are_those_of_the_chip(path: Path) -> None:
    chip = dt.load_accelerator(path).architecture
    prices = priced(chip)
    costs = part_costs(chip, prices)
    on_chip = [cost for cost in costs if cost.area_mm2]
    assert sum(cost.area_mm2 for cost in on_chip) == pytest.approx(prices.area_mm2.value)
    assert sum(cost.area_share for cost in on_chip) == pytest.approx(1.0 if prices.area_mm2.value else 0.0)


def test_a_word_from_dram_is_told_in_macs() -> None:
    chip = dt.load_accelerator(ROOT / "examples" / "accelerators" / "squeezelerator.accel").architecture
    costs = {cost.name: cost for cost in part_costs(chip, priced(chip))}
    assert costs["DRAM"].word_pj == pytest.approx(16 * 8.0)  # LPDDR4, 8 pJ a bit
    assert costs["DRAM"].word_macs == pytest.approx(16 * 8.0 / costs["mac"].word_pj)
    assert "128 pJ a word of 16 bit = 154 MACs" in texts(dt.draw(chip).svg)


def test_frames_hold_what_is_in_them() -> None:
    chip = dt.load_accelerator(ROOT / "examples" / "accelerators" / "simba_two_chiplets.accel").architecture

    def check(frame: Frame) -> None:
        width, height = frame.size
        inner = [part.size for part in frame.parts]
        assert width >= max(w for w, _ in inner)
        assert height >= sum(h for _, h in inner)
        for part in frame.parts:
            if isinstance(part, Frame):
                check(part)

    check(accelerator_drawing(chip))


# ---------------------------------------------------------------------------------------- mappings


def test_a_mapping_is_a_tree_of_what_memories_hold() -> None:
    lines = mapping_drawing(mapping_from_text(MAPPING).mapping)
    assert [(line.kind, line.depth) for line in lines] == [
        ("holds", 0), ("for", 1), ("for", 1), ("holds", 1), ("for", 2), ("spatial", 2), ("spatial", 2),
        ("holds", 2), ("for", 3), ("for", 3), ("mac", 3),
    ]  # fmt: skip
    assert [line.trips for line in lines] == [1, 2, 8, 1, 2, 32, 32, 1, 13, 13, 1]
    assert lines[-1].around == 64 * 512 * 13 * 13


def test_tiles_are_the_words_that_the_loops_inside_touch() -> None:
    problem = Problem(K=64, C=512, P=13, Q=13)
    lines = mapping_drawing(mapping_from_text(MAPPING).mapping, problem)
    held = {line.memory: dict(line.tiles) for line in lines if line.kind == "holds"}
    assert held == {
        "DRAM": {"weights": 64 * 512, "inputs": 512 * 169, "outputs": 64 * 169},
        "Buffer": {"inputs": 64 * 169, "outputs": 32 * 169},
        "Register": {"weights": 1},
    }


def test_tiles_of_a_window_have_their_halo() -> None:
    text = MAPPING.replace("for P in 13\n", "for P in 13\nfor R in 3\n")
    problem = Problem(K=64, C=512, P=13, Q=13, R=3, S=1, stride=(2, 1))
    lines = mapping_drawing(mapping_from_text(text).mapping, problem)
    buffer = next(line for line in lines if line.memory == "Buffer")
    assert dict(buffer.tiles)["inputs"] == 64 * (12 * 2 + 3) * 13


def test_a_mapping_says_its_steps_and_pes() -> None:
    shown = texts(draw_mapping(mapping_from_text(MAPPING).mapping, "fire9.squeeze1x1"))
    assert shown[:2] == ["fire9.squeeze1x1", "5 408 steps on 1 024 PEs"]
    assert "spatial K in 32 along PE.col" in shown


# ------------------------------------------------------------------------------ notebooks and files


def test_notebooks_show_networks_accelerators_and_mappings() -> None:
    network = dt.load_network(ROOT / "examples" / "networks" / "palette.net")
    chip = dt.load_accelerator(ROOT / "examples" / "accelerators" / "squeezelerator.accel")
    mapping = mapping_from_text(MAPPING).mapping
    for thing in (
        network,
        network.network,
        chip,
        chip.architecture,
        mapping,
        dt.draw(network),
        dt.draw(mapping),
    ):
        assert texts(thing._repr_svg_())
    assert dt.draw(chip).svg == dt.draw(chip.architecture).svg != chip._repr_svg_()


def test_show_draws_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "net.svg"
    source = ROOT / "examples" / "networks" / "squeezenet_v1_0.net"
    assert main(["show", str(source), "--svg", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == dt.draw(dt.load_network(source)).svg
    printed = capsys.readouterr()
    assert printed.out == ""
    assert str(target) in printed.err


def test_show_draws_a_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.map").write_text(MAPPING, encoding="utf-8")
    assert main(["show", str(tmp_path / "a.map"), "--svg", "-"]) == 0
    assert "fire9.squeeze1x1 on squeezelerator" in texts(capsys.readouterr().out)


def test_a_picture_that_cannot_be_written_is_a_fault_of_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = ROOT / "examples" / "networks" / "palette.net"
    assert main(["show", str(source), "--svg", str(tmp_path / "no" / "net.svg")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_drawing_can_be_saved(tmp_path: Path) -> None:
    drawing = dt.draw(dt.load_network(ROOT / "examples" / "networks" / "palette.net"))
    drawing.save(tmp_path / "palette.svg")
    assert (tmp_path / "palette.svg").read_text(encoding="utf-8") == drawing.svg


def test_scratchpads_side_by_side_do_not_feed_each_other() -> None:
    """Eyeriss: weights, inputs and sums have a scratchpad each (JSSC 2017); what they feed are the MACs."""
    architecture = dt.load_accelerator(ROOT / "examples" / "accelerators" / "eyeriss.accel").architecture
    whole = accelerator_drawing(architecture)
    assert [part.name.partition(":")[0] for part in whole.parts] == ["DRAM", "GLB", "PE"]
    assert whole.fed == (True, True)
    pe = whole.parts[-1]
    assert isinstance(pe, Frame)
    assert [part.name for part in pe.parts] == ["Weights", "Inputs", "Sums", "mac"]
    assert pe.fed == (False, False, True)
    assert draw_architecture(architecture).count("marker-end") == 3


def test_a_tile_of_one_word_is_not_words() -> None:
    line = Line("holds", 0, "R holds weights", memory="R", tensors=("weights",), tiles=(("weights", 1),))
    assert words_held(line) == "weights 1 word"
    assert words_held(replace(line, tiles=(("weights", 1), ("sums", 2048)))) == "weights 1, sums 2 048 words"
    assert words_held(replace(line, tiles=())) == ""
