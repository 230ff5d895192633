"""The closed form equals the interpreter, as integers, over layers, architectures and mappings of all kinds."""

from __future__ import annotations

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


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    bounds = dict.fromkeys(DIMENSIONS, 1)
    largest = {"G": 3, "N": 3, "K": 5, "C": 5, "P": 7, "Q": 5, "R": 3, "S": 3}
    used = draw(st.lists(st.sampled_from("KCPQRSPRGN"), min_size=1, max_size=5, unique=True))
    for dimension in used:
        bounds[dimension] = draw(st.integers(2, largest[dimension]))
    two = st.tuples(st.integers(1, 3), st.integers(1, 3))
    stride, dilation = (draw(two), draw(two)) if draw(st.booleans()) else ((1, 1), (1, 1))
    return Problem(**bounds, stride=stride, dilation=dilation, bits=Bits(8, 16, 8, 32))


@st.composite
def arrays(draw: st.DrawFn, name: str) -> Array:
    names = ("row", "col")[: draw(st.integers(1, 2))]
    axes = tuple(Axis(axis, draw(st.integers(2, 4))) for axis in names)
    links = []
    for _ in range(draw(st.integers(0, 4))):
        tensor = draw(st.sampled_from(["inputs", "inputs", "weights", "sums"]))
        kinds = [LinkKind.FORWARD, LinkKind.SHIFT]
        kinds += [LinkKind.REDUCE] * 3 if tensor == "sums" else [LinkKind.MULTICAST] * 3
        along = draw(st.sampled_from([names, names[:1], names[-1:]]))
        links.append(Link(along, draw(st.sampled_from(kinds)), tensor))
    return Array(name, axes, tuple(links))


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    levels: list[Memory | Array] = [Memory("DRAM", frozenset({"inputs", "weights", "outputs"}))]
    shape = draw(st.sampled_from(["M", "A", "MA", "AM", "MAM", "AMM", "AMA", "MAMA", "AA", "MM"]))
    for at, kind in enumerate(shape):
        if kind == "A":
            levels.append(draw(arrays(f"A{at}")))
        else:
            skip_gaps, drain_reads = draw(st.booleans()), draw(st.booleans())
            levels.append(
                Memory(
                    f"M{at}",
                    may_hold=frozenset({"inputs", "weights", "sums"}),
                    skip_gaps=skip_gaps,
                    drain_reads=drain_reads,
                )
            )
    latch = draw(st.sampled_from([(), ("weights",), ("inputs",), ("outputs",), OPERANDS]))
    lanes = draw(st.sampled_from([1, 1, 1, 2]))
    mac = Mac(lanes=lanes, lanes_dimension="C" if lanes > 1 else None, latch=frozenset(latch))
    return Architecture("random", tuple(levels), mac)


@st.composite
def mappings(draw: st.DrawFn, problem: Problem, architecture: Architecture) -> Mapping:
    """Any legal mapping: loops cut at random, perfect or not, holders at random depths."""
    perfect = draw(st.booleans())
    left = {d: bound for d, bound in problem.bounds.items() if bound > 1}
    nodes: list[Holds | For | Spatial] = [Holds("DRAM", OPERANDS)]

    def cut(bound: int, most: int) -> int | None:
        """A step for a loop over `bound` with at most `most` trips."""
        steps = [s for s in range(1, bound + 1) if -(-bound // s) <= most and not (perfect and bound % s)]
        return draw(st.sampled_from(steps)) if steps else None

    def temporal(most: int) -> None:
        for _ in range(draw(st.integers(0, most))):
            if left:
                d = draw(st.sampled_from(sorted(left)))
                step = cut(left[d], left[d])
                assert step is not None
                nodes.append(For(d, left[d], step))
                left[d] = step
                if step == 1:
                    del left[d]

    def spatial(array: Array) -> None:
        free = {axis.name: axis.size for axis in array.axes}
        for axis in draw(st.lists(st.sampled_from(sorted(free)), max_size=3)):
            choices = sorted(left) if array.name != "mac" else [d for d in left if d == "C"]
            if choices:
                d = draw(st.sampled_from(choices))
                step = cut(left[d], free[axis])
                if step is not None:
                    loop = Spatial(d, left[d], array.name, axis, step)
                    nodes.append(loop)
                    free[axis] //= loop.trips
                    left[d] = step
                    if step == 1:
                        del left[d]
                temporal(1)

    for level in architecture.levels[1:]:
        temporal(3)
        if isinstance(level, Array):
            spatial(level)
        else:
            held = draw(st.lists(st.sampled_from(OPERANDS), unique=True))
            if draw(st.booleans()):
                nodes.append(Holds(level.name, tuple(held)))
            else:
                for operand in held:
                    nodes.append(Holds(level.name, (operand,)))
                    temporal(2)
    for array in architecture.spatial[len(architecture.arrays) :]:
        spatial(array)
    while left:
        temporal(2)
    return Mapping(tuple(nodes))


@st.composite
def triples(draw: st.DrawFn) -> Triple:
    problem = draw(problems())
    architecture = draw(architectures())
    flat = draw(st.sampled_from([(), (), (), (("C", "R", "S"),), (("C", "S"),), (("N", "P", "Q"), ("C", "R", "S"))]))
    nest = draw(mappings(flatten(problem, flat), architecture))
    return problem, architecture, Mapping(nest.nodes, flat)


def small(mapping: Mapping) -> bool:
    size = 1
    for loop in mapping.loops:
        size *= loop.trips
    return size <= LIMIT


def check(triple: Triple) -> None:
    problem, architecture, mapping = triple
    assume(small(mapping))
    assert violations(problem, architecture, mapping) == ()
    counts = analytic.count(problem, architecture, mapping)
    assert counts == reference.count(problem, architecture, mapping)
    layer = flatten(problem, mapping.flat)
    for memory in architecture.memories:
        tiles = [(operand, bits) for operand, bits, _ in tiles_of(layer, architecture, mapping, memory)]
        held = [(h.operand, h.tile_words * h.bits) for h in counts.at(memory.name)]
        assert sorted(tiles) == sorted(held), "capacity and counts see the same tiles"


everything = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)


@settings(everything, max_examples=5000)
@given(triples())
def test_closed_form_equals_the_interpreter(triple: Triple) -> None:
    check(triple)


@pytest.mark.slow
@settings(everything, max_examples=120_000)
@given(triples())
def test_closed_form_equals_the_interpreter_in_a_long_run(triple: Triple) -> None:
    check(triple)
