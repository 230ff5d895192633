"""The closed form equals the interpreter, as integers, over layers, architectures and mappings of all
kinds."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dovetail.accel.architecture import Architecture, Array, Axis, Link, LinkKind, Mac, Memory
from dovetail.accel.legality import tiles_of, violations
from dovetail.accel.mapping import For, Holds, Mapping, Spatial, flatten
from dovetail.costmodel import analytic, reference
from dovetail.dsl.problem import DIMENSIONS, OPERANDS, Bits, Problem

Triple = tuple[Problem, Architecture, Mapping]

LIMIT = 120
"""Temporal steps times PEs of a generated mapping: what the interpreter runs in milliseconds."""


def problem(r: Random) -> Problem:
    bounds = dict.fromkeys(DIMENSIONS, 1)
    largest = {"G": 3, "N": 3, "K": 5, "C": 5, "P": 7, "Q": 5, "R": 3, "S": 3}
    for dimension in r.sample("GNKCPQRSPRC", r.randint(2, 6)):
        bounds[dimension] = r.randint(2, largest[dimension])
    stride, dilation = (1, 1), (1, 1)
    if r.random() < 0.5:
        stride, dilation = ((r.randint(1, 3), r.randint(1, 3)) for _ in range(2))
    return Problem(**bounds, stride=stride, dilation=dilation, bits=Bits(8, 16, 8, 32))


def array(r: Random, name: str) -> Array:
    names = ("row", "col")[: r.randint(1, 2)]
    axes = tuple(Axis(axis, r.randint(2, 4)) for axis in names)
    links = []
    for _ in range(r.randint(0, 5)):
        tensor = r.choice(["inputs", "inputs", "weights", "sums"])
        bus = LinkKind.REDUCE if tensor == "sums" else LinkKind.MULTICAST
        along = r.choice([names, names[:1], names[-1:]])
        links.append(Link(along, r.choice([bus, bus, LinkKind.FORWARD, LinkKind.SHIFT]), tensor))
    return Array(name, axes, tuple(links))


def architecture(r: Random) -> Architecture:
    levels: list[Memory | Array] = [Memory("DRAM", frozenset({"inputs", "weights", "outputs"}))]
    for at, kind in enumerate(
        r.choice(["M", "A", "MA", "MA", "AM", "MAM", "MAM", "AMM", "AMA", "MAMA", "AA", "MM"])
    ):
        if kind == "A":
            levels.append(array(r, f"A{at}"))
        else:
            may = frozenset({"inputs", "weights", "sums"})
            skip_gaps, drain_reads = r.random() < 0.3, r.random() < 0.3
            levels.append(Memory(f"M{at}", may_hold=may, skip_gaps=skip_gaps, drain_reads=drain_reads))
    latch = r.choice([(), (), ("weights",), ("inputs",), ("outputs",), OPERANDS])
    lanes = r.choice([1, 1, 1, 2])
    mac = Mac(lanes=lanes, lanes_dimension="C" if lanes > 1 else None, latch=frozenset(latch))
    return Architecture("random", tuple(levels), mac)


def mapping(r: Random, layer: Problem, accelerator: Architecture) -> Mapping:
    """Any legal mapping: loops cut at random, perfect or not, holders at random depths."""
    perfect, divisible = r.choice([(True, True), (False, True), (False, False), (False, False)])
    left = {d: bound for d, bound in layer.bounds.items() if bound > 1}
    nodes: list[Holds | For | Spatial] = [Holds("DRAM", OPERANDS)]
    first = set(left)

    def cut(dimension: str, most: int) -> int | None:
        """A step for a loop over what is left, with at most `most` trips."""
        bound = left[dimension]
        whole = perfect or (divisible and dimension not in first)
        steps = [s for s in range(1, bound + 1) if -(-bound // s) <= most and not (whole and bound % s)]
        return r.choice(steps) if steps else None

    def walk(dimension: str, step: int) -> None:
        first.discard(dimension)
        left[dimension] = step
        if step == 1:
            del left[dimension]

    def temporal(least: int, most: int) -> None:
        for _ in range(r.randint(least, most)):
            if left:
                d = r.choice(sorted(left))
                step = cut(d, left[d])
                assert step is not None
                nodes.append(For(d, left[d], step))
                walk(d, step)

    def spatial(spread: Array) -> None:
        free = {axis.name: axis.size for axis in spread.axes}
        for _ in range(r.randint(1, 4)):
            axis = r.choice(sorted(free))
            choices = sorted(left) if spread.name != "mac" else [d for d in left if d == "C"]
            if choices:
                d = r.choice(choices)
                step = cut(d, free[axis])
                if step is not None:
                    loop = Spatial(d, left[d], spread.name, axis, step)
                    nodes.append(loop)
                    free[axis] //= loop.trips
                    walk(d, step)
                if r.random() < 0.2:
                    temporal(1, 1)

    for level in accelerator.levels[1:]:
        temporal(0, 3)
        if isinstance(level, Array):
            spatial(level)
        else:
            held = r.sample(OPERANDS, r.randint(0, 3))
            if r.random() < 0.5:
                nodes.append(Holds(level.name, tuple(held)))
            else:
                for operand in held:
                    nodes.append(Holds(level.name, (operand,)))
                    temporal(0, 2)
    for lanes in accelerator.spatial[len(accelerator.arrays) :]:
        spatial(lanes)
    while left:
        temporal(1, 2)
    return Mapping(tuple(nodes))


@st.composite
def triples(draw: st.DrawFn) -> Triple:
    r = draw(st.randoms(use_true_random=True))
    layer, accelerator = problem(r), architecture(r)
    flat = r.choice([(), (), (), (), (("C", "R", "S"),), (("C", "S"),), (("N", "P", "Q"), ("C", "R", "S"))])
    nest = mapping(r, flatten(layer, flat), accelerator)
    return layer, accelerator, Mapping(nest.nodes, flat)


def small(mapping: Mapping) -> bool:
    size = 1
    for loop in mapping.loops:
        size *= loop.trips
    return size <= LIMIT


def check(triple: Triple) -> None:
    layer, accelerator, nest = triple
    assume(small(nest))
    assert violations(layer, accelerator, nest) == ()
    counts = analytic.count(layer, accelerator, nest)
    assert counts == reference.count(layer, accelerator, nest)
    layer = flatten(layer, nest.flat)
    for memory in accelerator.memories:
        tiles = [(operand, bits) for operand, bits, _ in tiles_of(layer, accelerator, nest, memory)]
        held = [(h.operand, h.tile_words * h.bits) for h in counts.at(memory.name)]
        assert sorted(tiles) == sorted(held), "capacity and counts see the same tiles"


everything = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)


@settings(everything, max_examples=5000)
@given(triples())
def test_closed_form_equals_the_interpreter(triple: Triple) -> None:
    check(triple)


@pytest.mark.slow
@settings(everything, max_examples=100_000)
@given(triples())
def test_closed_form_equals_the_interpreter_in_a_long_run(triple: Triple) -> None:
    check(triple)
