"""Spaces are counted as enumeration would count them, and large ones at once."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from dovetail.dsl.diagnostics import DovetailError
from dovetail.dsl.loading import network_from_text
from dovetail.dsl.space import measure_network_space

HEAD = "net space\ninput image[8, 32, 32]\n"


def size(tmp_path: Path, text: str, **settings: object) -> int:
    path = tmp_path / "space.net"
    path.write_text(HEAD + text, encoding="utf-8")
    return measure_network_space(path, settings).size


def enumerated(text: str) -> int:
    """Designs found by answering every site in every way, one elaboration each."""
    found: set[tuple[tuple[str, str], ...]] = set()
    pending: list[dict[str, str]] = [{}]
    while pending:
        picks = pending.pop()
        try:
            design = network_from_text(HEAD + text, settings=picks)
        except DovetailError:
            continue
        open_sites = [c.site for c in design.choices if not c.given]
        if not open_sites:
            found.add(tuple(sorted(picks.items())))
            continue
        site = open_sites[0]
        pending += [{**picks, site.path: option} for option in site.options]
    return len(found)


SPACES = {
    "one": "output image -> conv(choose(4, 8, 16), 1)",
    "two in a chain": "output image -> conv(choose(4, 8), 1) -> conv(choose(4, 8), choose(1, 3), pad = same)",
    "a block used thrice": """
block b(x) { return x -> conv(8, choose(1, 3), pad = same) }
output image -> 3 * b()
""",
    "nested alternatives": """
block b(x) { return choose {
    wide: x -> conv(8, choose(1, 3, 5), pad = same)
    skip: x
    deep: x -> conv(choose(4, 8), 1) -> conv(8, 1)
} }
output image -> b() -> b()
""",
    "a condition on what came before": """
block b(x) { return choose {
    conv: x -> conv(choose(4, 8), 1)
    skip: x when channels(x) == 4
} }
output image -> b() -> b() -> b()
""",
    "a requirement prunes": """
param k = choose(1, 3, 5)
param w = choose(4, 8, 12)
require k * w < 40 "small"
output image -> conv(w, k, pad = same)
""",
    "tied": """
block b(x) { return x -> conv(8, choose(1, 3, 5), pad = same) }
tie two.kernel to one.kernel
output image -> one: b() -> two: b() -> three: b()
""",
    "one name for two uses": """
let k = choose(1, 3)
output image -> conv(4, k, pad = same) -> conv(4, k, pad = same)
""",
    "a block that reads a choice at the top": """
param w = choose(1, 2)
block b(x) { return choose {
    narrow: x -> conv(4, 1)
    wide: x -> conv(4, 3, pad = 1) when w == 1
} }
output image -> b() -> b()
""",
    "precision by layer": """
output image -> conv1: conv(4, 1) -> conv2: conv(4, 1) -> conv3: conv(4, 1)
layers conv* except conv2 { weights = choose(2 bit, 4 bit, 8 bit); activations = weights }
""",
}


@pytest.mark.parametrize("name", SPACES)
def test_the_size_is_what_enumeration_finds(name: str, tmp_path: Path) -> None:
    text = SPACES[name]
    if name == "a requirement prunes":
        expected = sum(k * w < 40 for k, w in product((1, 3, 5), (4, 8, 12)))
    else:
        expected = enumerated(text)
    assert size(tmp_path, text) == expected


def test_a_design_has_size_one(tmp_path: Path) -> None:
    assert size(tmp_path, "output image -> relu") == 1


def test_a_long_chain_is_counted_at_once(tmp_path: Path) -> None:
    text = """
block b(x) { return choose { a: x -> conv(8, choose(1, 3, 5, 7), pad = same)
                             skip: x } }
output image -> 1000 * b()
"""
    assert size(tmp_path, text) == 5**1000


def test_channel_choices_are_states_not_a_product(tmp_path: Path) -> None:
    text = "output image" + " -> conv(choose(4, 8, 16, 32), 1)" * 40
    assert size(tmp_path, text) == 4**40


def test_repeats_and_rows_are_chains_too(tmp_path: Path) -> None:
    assert size(tmp_path, "output image -> 30 * conv(choose(4, 8, 16, 32), 1)") == 4**30
    rows = "table widths(w) { 8; 16; 32 }\n"
    text = rows + "output image -> for w in widths { 5 * conv(choose(w, 2 * w), 1) }"
    assert size(tmp_path, text) == 2**15


def test_a_given_choice_is_no_longer_open(tmp_path: Path) -> None:
    block = "block b(x) { return x -> conv(8, choose(1, 3, 5), pad = same) }\n"
    text = block + "output image -> one: b() -> two: b()"
    assert size(tmp_path, text) == 9
    assert size(tmp_path, text, **{"one.kernel": 3}) == 3


def test_fbnet_has_nine_candidates_in_each_of_22_layers(root: Path) -> None:
    assert measure_network_space(root / "examples/spaces/fbnet.net").size == 9**22
