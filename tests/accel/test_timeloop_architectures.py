"""The reference architectures, written in the language, are the machines that the reference data describe."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from dovetail.accel.architecture import Array, LinkKind, PerAccess, PerOperation, Ports
from dovetail.accel.loading import load_accelerator_design

DATA = Path(__file__).parent / "data"
REFERENCE = Path(__file__).parent.parent / "reference" / "timeloop"

WORDS = {"Weights": {"weights"}, "Inputs": {"inputs"}, "Outputs": {"outputs", "sums"}}


def architectures():
    """Every distinct architecture of the reference cases, by name."""
    found = {}
    for path in sorted(REFERENCE.glob("model_*.json")):
        for case in json.loads(path.read_text())["cases"]:
            found[case["arch"]["name"]] = case["arch"]
    return found


ARCHITECTURES = architectures()


def rate(words, bits):
    return None if words is None else Fraction(words * bits)


def test_every_reference_architecture_is_written_and_nothing_else_is():
    assert {path.stem for path in DATA.glob("*.accel")} == set(ARCHITECTURES)
    assert len(ARCHITECTURES) == 8


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_text_describes_the_reference_architecture(name):
    reference, design = ARCHITECTURES[name], load_accelerator_design(DATA / f"{name}.accel")
    assert design.warnings == ()
    made = design.architecture
    assert [m.name for m in made.memories] == [level["name"] for level in reference["levels"]]
    for memory, level in zip(made.memories, reference["levels"], strict=True):
        bits, energy = level["word_bits"], level["energy_pJ_per_vector_access"]
        size = level["size_words"]
        assert memory.size_bits == (None if size is None else size * bits)
        assert memory.width_bits == level["block_size"] * bits
        assert memory.read_bits_per_cycle == rate(level["read_bandwidth"], bits)
        assert memory.write_bits_per_cycle == rate(level["write_bandwidth"], bits)
        assert memory.ports is Ports.SEPARATE
        assert memory.energy == PerAccess(energy["read"], energy["fill"], energy["update"])
        assert memory.holds == set().union(*(WORDS[tensor] for tensor in level["keep"]))
        assert memory.may_hold == set()
        assert made.instances(memory.name) == level["instances"]
    assert made.mac.energy == PerOperation(reference["mac"]["energy_pJ"])
    assert made.pes == reference["mac"]["instances"]
    assert set(vars_of(made.bits)) == {reference["mac"]["word_bits"]}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_array_stands_where_the_reference_fans_out_and_connects_all_pes(name):
    reference = ARCHITECTURES[name]
    made = load_accelerator_design(DATA / f"{name}.accel").architecture
    fans = [level["fanout_to_next"] for level in reference["levels"]]
    (at,) = [i for i, fan in enumerate(fans) if (fan["X"], fan["Y"]) != (1, 1)]
    array = made.levels[at + 1]
    assert isinstance(array, Array)
    assert {axis.name: axis.size for axis in array.axes} == {"x": fans[at]["X"], "y": fans[at]["Y"]}
    for axis in ("x", "y"):
        assert array.can(LinkKind.MULTICAST, "inputs", axis)
        assert array.can(LinkKind.MULTICAST, "weights", axis)
        assert array.can(LinkKind.REDUCE, "sums", axis)


def vars_of(bits):
    return (bits.weights, bits.inputs, bits.outputs, bits.sums)
