"""A mapping that is printed reads back as the same mapping."""

import random

import pytest

from dovetail.accel.mapping import For, Holds, Mapping, Spatial
from dovetail.accel.mapping_parsing import load_mapping, mapping_from_text
from dovetail.accel.mapping_text import format_mapping
from dovetail.dsl.diagnostics import DovetailError
from dovetail.dsl.problem import OPERANDS

TEXT = """mapping for "fire9.squeeze1x1" on squeezelerator
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

NEST = (
    Holds("DRAM", ("weights", "inputs", "outputs")),
    For("K", 64, 32),
    For("C", 512, 64),
    Holds("Buffer", ("inputs", "outputs")),
    For("C", 64, 32),
    Spatial("C", 32, "PE", "row"),
    Spatial("K", 32, "PE", "col"),
    Holds("Register", ("weights",)),
    For("P", 13),
    For("Q", 13),
)


def random_mapping(seed):
    """Any nest of at most a dozen nodes, flat dimensions among them."""
    draw = random.Random(seed)
    flat = draw.choice([(), (("C", "R", "S"),), (("C", "S"),), (("N", "P", "Q"),), (("C", "R"), ("P", "Q"))])
    members = {d for group in flat for d in group[1:]}
    dimensions = [d for d in "GNKCPQRS" if d not in members]
    nodes = [Holds("DRAM", OPERANDS)]
    # Each flat dimension is walked, else the text could not say that it is flat.
    walked = [group[0] for group in flat] + draw.choices(dimensions, k=draw.randint(0, 8))
    for dimension in walked:
        bound = draw.randint(1, 999)
        step = draw.randint(1, bound)
        if draw.random() < 0.3:
            nodes.append(Spatial(dimension, bound, *draw.choice([("PE", "row"), ("mac", "lanes")]), step))
        else:
            nodes.append(For(dimension, bound, step))
        if draw.random() < 0.4:
            tensors = tuple(draw.sample(OPERANDS, draw.randint(1, 3)))
            nodes.append(Holds(draw.choice(["Buffer", "Register"]), tensors))
    return Mapping(tuple(nodes), flat)


def test_example_of_the_language_reads_as_its_nest():
    found = mapping_from_text(TEXT)
    assert (found.layer, found.accelerator) == ("fire9.squeeze1x1", "squeezelerator")
    assert found.mapping == Mapping(NEST)


def test_bounds_may_be_arithmetic():
    found = mapping_from_text('mapping for "a" on b\nlet n = 8\nfor K in 8 * n by n\n mac\n')
    assert found.mapping.nodes == (For("K", 64, 8),)


def test_what_prints_parses():
    for seed in range(300):
        mapping = random_mapping(seed)
        found = mapping_from_text(format_mapping(mapping, "block.1.conv", "machine"))
        assert found == ("block.1.conv", "machine", mapping)


def test_mapping_is_read_from_a_file(tmp_path):
    path = tmp_path / "fire9.map"
    path.write_text(TEXT, encoding="utf-8")
    assert load_mapping(path).mapping == Mapping(NEST)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("for M in 4", "E0511"),
        ("for K in 0", "E0404"),
        ("for K in 4 by 8", "E0604"),
        ("for K in 2.5", "E0403"),
        ("for flat(C, R) in 4\nfor R in 2", "E0603"),
        ("for flat(C, C) in 4", "E0603"),
        ("Buffer holds sums", "E0504"),
        ("Buffer holds inputs, inputs", "E0502"),
        ("mac", "E0602"),
        ("memory Buffer { size = 3 KiB }", "E0110"),
    ],
)
def test_line_that_means_nothing_is_reported(line, code):
    with pytest.raises(DovetailError) as refused:
        mapping_from_text(f'mapping for "a" on b\nDRAM holds weights, inputs, outputs\n{line}\nmac\n')
    assert code in [d.code for d in refused.value.diagnostics]
