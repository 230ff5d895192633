"""The structure that is found in a text has exactly its designs, and exactly their layers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from dovetail.dsl.loading import load_network_design
from dovetail.dsl.problem import Bits
from dovetail.dsl.space import measure_network_space
from dovetail.explorer.exact.structure import find_recursion
from tests.exact.designs import costing, enumerated, spelled

EXAMPLES = Path(__file__).parents[2] / "examples"
BITS = Bits(8, 16, 12, 20)  # all different, so that no width can stand for another
HEAD = "net space\ninput image[8, 16, 16]\n"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("networks/*.net")), ids=lambda p: p.stem)
def test_a_design_has_one_way_and_its_own_layers(path: Path) -> None:
    recursion = find_recursion(path, BITS)
    assert recursion.size == 1
    [(_, layers)] = spelled(recursion)
    found = Counter({recursion.layers[number]: count for number, count in layers.items()})
    assert found == costing(load_network_design(path).at(BITS))


SPACES = {
    "a chain": "output image -> conv(choose(4, 8), 1) -> relu -> conv(choose(4, 8), choose(1, 3), pad = 1)",
    "a block used thrice": """
block b(x) { return x -> conv(8, choose(1, 3), pad = same) -> relu }
output image -> 3 * b()
""",
    "identities and residuals": """
block b(x) { return choose {
    plain: x -> conv(8, choose(1, 3), pad = same)
    skip: x
    both: x + (x -> conv(8, 1))
    act: x -> relu
} }
output image -> b() -> relu -> b() -> b() -> hswish
""",
    "an activation behind what may be read twice": """
block b(x) { return choose {
    conv: x -> relu -> conv(8, 1)
    two: x + (x -> relu -> conv(8, 1))
} }
output image -> conv(8, 1) -> b() -> b()
""",
    "shapes that couple neighbours": """
block b(x, last = false) {
    y = x -> conv(choose(4, 8), choose(1, 3), pad = same)
    return if channels(x) == channels(y) then x + y else y
}
output image -> 4 * b()
""",
    "choices at the top": """
param width = choose(4, 8, 12)
param kernel = choose(1, 3)
param deep = choose(false, true)
require width != 12 or kernel == 1 "wide is pointwise"
a = image -> conv(width, kernel, pad = same) -> relu
b = a -> conv(8, 1)
c = if deep then b -> conv(width, 1) else b
output c -> relu -> avgpool(global)
""",
    "a parameter that one statement uses": """
param first = choose(1, 3)
param second = choose(1, 3)
param third = choose(1, 3)
a = image -> conv(8, first, pad = same)
b = a -> conv(8, second, pad = same)
c = b -> conv(8, third, pad = same)
output a + c
""",
    "a tensor that several statements read": """
a = image -> conv(8, choose(1, 3), pad = same)
b = a -> choose { act: relu; conv: conv(8, 1) }
c = a -> conv(8, choose(1, 3), pad = same) -> relu
output concat(b, c) -> relu -> conv(4, 1)
""",
    "a block that reads what is around it": """
param kernel = choose(1, 3)
a = image -> conv(8, 1)
block b(x) { return x -> conv(8, kernel, pad = same) -> add(a) }
output a -> b() -> choose { more: b(); none: relu }
""",
    "views": """
block b(x) {
    left, right = x -> split(2)
    y = left -> conv(4, choose(1, 3), pad = same)
    return concat(y, choose { as: right; act: right -> relu }) -> relu -> shuffle(2)
}
output image -> conv(8, 1) -> 2 * b()
""",
    "widths of each layer": """
output image -> a: conv(8, 1) -> relu -> b: conv(8, 3, pad = same) -> c: conv(8, 1)
layers * except relu* { weights = choose(4 bit, 8 bit); activations = weights }
""",
    "widths that readers ask for": """
x = image -> a: conv(8, 1) -> relu
y = x -> b: conv(8, 1)
z = x -> c: conv(8, 3, pad = same) -> relu
output y + z
layers b { activations = choose(4 bit, 16 bit) }
layers c { inputs = choose(2 bit, 8 bit); outputs = choose(3 bit, 6 bit) }
""",
    "widths by one parameter": """
param w = choose(4 bit, 8 bit)
output image -> 2 * conv(8, choose(1, 3), pad = same) -> relu
layers conv.1 { weights = w }
""",
    "ties": """
block b(x) { return x -> conv(8, kernel = choose(1, 3), pad = same) -> conv(choose(4, 8), 1) }
output image -> one: b() -> two: b() -> three: b()
tie one.kernel to three.kernel
""",
    "names that depend on what was chosen": """
output image -> choose { a: conv(8, 1); b: conv(8, 1) -> conv(8, 1) } -> conv(8, choose(1, 3), pad = same)
""",
    "tables and loops": """
table stages(out, depth) { 4, 1; 8, choose(1, 2) }
output image -> for out, depth in stages {
    for t in count(depth) { layer: conv(out, choose(1, 3), pad = same) -> relu }
}
""",
    "alternatives that depend on the shape": """
block b(x) { return choose {
    wide: x -> conv(8, 1)
    thin: x -> conv(4, 1)
    skip: x when channels(x) == 4
} }
output image -> 3 * b() -> conv(2, 1)
""",
    "a function that builds": """
fn act(x, kind) = x -> conv(8, kind, pad = same) -> relu
output image -> act(choose(1, 3)) -> act(choose(1, 3)) -> maxpool(2, stride = 2)
""",
    "two inputs and two outputs": """
input more[8, 16, 16]
a = concat(image, more) -> conv(8, choose(1, 3), pad = same) -> relu
b = more -> relu -> conv(8, 1)
output a, b
output a -> relu
""",
}


@pytest.mark.parametrize("name", SPACES)
def test_a_structure_has_the_designs_of_its_text(name: str, tmp_path: Path) -> None:
    path = tmp_path / "space.net"
    path.write_text(HEAD + SPACES[name], encoding="utf-8")
    recursion = find_recursion(path, BITS)
    found = {
        choices: Counter({recursion.layers[n]: count for n, count in layers.items()})
        for choices, layers in spelled(recursion)
    }
    wanted = {network.metrics["choices"]: costing(network) for network in enumerated(path, BITS)}
    assert found == wanted
    assert recursion.size == len(wanted)


@pytest.mark.parametrize("name", ["fbnet", "squeezenext"])
def test_a_structure_is_as_large_as_its_space(name: str) -> None:
    path = EXAMPLES / "spaces" / f"{name}.net"
    assert find_recursion(path, BITS).size == measure_network_space(path).size
