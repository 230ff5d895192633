"""Spaces of accelerators are counted as enumeration would count them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dovetail.accel.space import measure_accelerator_space

TEXT = """accel family
{declarations}
clock 500 MHz
memory DRAM {{ bandwidth = choose(4, 8, 16) * 1 GB/s shared; energy = dram(LPDDR4) }}
memory Buffer {{ size = {size}; width = 64 bit; energy = sram() }}
array PE[row = rows, col = cols] {{
    along row: multicast weights
    mac {{ rate = 1/cycle }}
}}
{requirements}
"""


def size(tmp_path: Path, declarations: str, requirements: str = "", buffer: str = "64 KiB") -> int:
    path = tmp_path / "family.accel"
    path.write_text(
        TEXT.format(declarations=declarations, requirements=requirements, size=buffer), encoding="utf-8"
    )
    return measure_accelerator_space(path).size


def test_choices_that_nothing_sees_multiply(tmp_path: Path) -> None:
    assert size(tmp_path, "param rows = choose(8..64 by 8)\nparam cols = choose(4, 8)") == 8 * 2 * 3


def test_a_requirement_prunes(tmp_path: Path) -> None:
    shapes = "param rows = choose(8..64 by 8)\nparam cols = choose(8..64 by 8)\nlet pes = rows * cols"
    fit = sum(r * c <= 1024 for r in range(8, 65, 8) for c in range(8, 65, 8))
    assert size(tmp_path, shapes, 'require pes <= 1024 "area"') == fit * 3


def test_a_requirement_on_a_property_follows_it(tmp_path: Path) -> None:
    shapes = "param rows = choose(8, 16)\nlet cols = rows"
    sizes = "choose(2^4..2^9) * 1 KiB"
    assert size(tmp_path, shapes, "require Buffer.size >= 64 KiB", sizes) == 2 * 4 * 3


def test_options_that_depend_on_a_choice_are_enumerated(tmp_path: Path) -> None:
    shapes = "param rows = choose(1, 2, 3)\nparam cols = choose(1, rows + 1)\nrequire rows + cols < 6"
    pairs = [(r, c) for r in (1, 2, 3) for c in (1, r + 1) if r + c < 6]
    assert size(tmp_path, shapes) == len(pairs) * 3


@pytest.mark.parametrize("name", ["squeezelerator", "eyeriss"])
def test_a_design_has_size_one(root: Path, name: str) -> None:
    assert measure_accelerator_space(root / f"examples/accelerators/{name}.accel").size == 1


def test_the_squeezelerator_family_has_12288_machines(root: Path) -> None:
    space = measure_accelerator_space(root / "examples/spaces/squeezelerator_family.accel")
    assert space.size == 8 * 8 * 8 * 6 * 4
