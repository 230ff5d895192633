"""What the text of an accelerator means: sizes, rates, energies, links, defaults, overlays, choices."""

from fractions import Fraction

import pytest

from dovetail.accel.architecture import (
    DRAM_TYPES,
    Axis,
    Buffering,
    Dram,
    Link,
    LinkKind,
    MacUnit,
    PerAccess,
    PerBit,
    PerOperation,
    Ports,
    Rate,
    RegisterFile,
    Sram,
    Timing,
    Unit,
    Wire,
)
from dovetail.accel.loading import accelerator_from_text, load_accelerator_design
from dovetail.costmodel.dram import dram_types
from dovetail.dsl.diagnostics import DovetailError
from dovetail.dsl.problem import Bits

HEAD = "accel x\nclock 500 MHz\n"
DRAM = "memory DRAM { energy = none }\n"
PE = "array PE[row = 4, col = 8] {\n    mac { rate = 1/cycle }\n}\n"


def design(*parts, **settings):
    return accelerator_from_text("".join(parts), settings=settings)


def memory(properties, clock="clock 500 MHz\n"):
    """The architecture's memory with these properties, inside a DRAM."""
    text = f"accel x\n{clock}{DRAM}memory M {{ {properties} }}\n{PE}"
    return accelerator_from_text(text).architecture.memory("M")


def codes(*parts):
    with pytest.raises(DovetailError) as refused:
        design(*parts)
    return [d.code for d in refused.value.diagnostics]


# ----------------------------------------------------------------------------------------- memories


@pytest.mark.parametrize(
    ("clock", "bandwidth", "bits_per_cycle"),
    [
        ("500 MHz", "16 GB/s", Fraction(256)),
        ("700 MHz", "34 GB/s", Fraction(34 * 8 * 10, 7)),
        ("1 GHz", "25.6 GB/s", Fraction(1024, 5)),
        ("200 MHz", "480 MB/s", Fraction(96, 5)),
        ("333 MHz", "128 bit/cycle", Fraction(128)),
        ("333 MHz", "2.5 B/cycle", Fraction(20)),
        ("500 MHz", "1 GiB/s", Fraction(2**33, 5 * 10**8)),
    ],
)
def test_bandwidth_is_exact_in_bits_per_cycle(clock, bandwidth, bits_per_cycle):
    made = memory(f"bandwidth = {bandwidth}", f"clock {clock}\n")
    assert (made.read_bits_per_cycle, made.write_bits_per_cycle) == (bits_per_cycle, bits_per_cycle)
    assert made.ports is Ports.SEPARATE


def test_shared_bandwidth_makes_one_port():
    made = memory("bandwidth = 16 GB/s shared")
    assert made.ports is Ports.SHARED
    assert made.read_bits_per_cycle == made.write_bits_per_cycle == 256


def test_port_of_one_rate_given_once_serves_both_ways():
    made = memory("read_bandwidth = 64 bit/cycle; ports = shared")
    assert made.write_bits_per_cycle == 64
    separate = memory("read_bandwidth = 64 bit/cycle")
    assert (separate.read_bits_per_cycle, separate.write_bits_per_cycle) == (64, None)


@pytest.mark.parametrize(
    ("properties", "size", "width"),
    [
        ("size = 128 KiB; width = 64 bit", 2**20, 64),
        ("depth = 12; width = 16 bit", 192, 16),
        ("depth = 3; width = 3 B", 72, 24),
        ("size = 1 MB", 8_000_000, None),
        ("size = 4 * 256 * 256 * 1 B; width = 256 B", 2**21, 2048),
        ("width = 64 bit", None, 64),
        ("size = none", None, None),
    ],
)
def test_size_is_given_or_made_of_depth_and_width(properties, size, width):
    made = memory(properties)
    assert (made.size_bits, made.width_bits) == (size, width)


@pytest.mark.parametrize(
    ("latency", "cycles"), [("100 cycles", 100), ("1 cycle", 1), ("20 ns", 10), ("21 ns", 11), ("none", 0)]
)
def test_latency_in_seconds_is_rounded_up_to_cycles(latency, cycles):
    assert memory(f"latency = {latency}").latency_cycles == cycles


@pytest.mark.parametrize(
    ("energy", "component"),
    [
        ("sram()", Sram("lstp")),
        ("sram(hp)", Sram("hp")),
        ("sram(device = lop)", Sram("lop")),
        ("regfile()", RegisterFile()),
        ("dram(LPDDR4)", Dram("LPDDR4")),
        ("dram(generic)", Dram("generic")),
        ("8 pJ/bit", PerBit(8.0)),
        ("8 pJ/B", PerBit(1.0)),
        ("24 pJ", PerOperation(24.0)),
        ("1.5 nJ", PerOperation(1500.0)),
        ("2 * 3 pJ", PerOperation(6.0)),
        ("{ read = 24 pJ; fill = 26 pJ; update = 28 pJ }", PerAccess(24.0, 26.0, 28.0)),
        ("{ read = 24 pJ; fill = 26 pJ }", PerAccess(24.0, 26.0, 26.0)),
        ("{ read = 24 pJ }", PerAccess(24.0, 24.0, 24.0)),
        ("none", None),
    ],
)
def test_energy_is_a_number_or_a_component(energy, component):
    assert memory(f"size = 64 KiB; energy = {energy}").energy == component


def test_every_dram_type_that_can_be_priced_can_be_named():
    assert set(DRAM_TYPES) == set(dram_types())


def test_properties_of_the_reference_list_reach_their_fields():
    made = memory(
        "size = 64 KiB; access = 1/cycle; buffering = auto; banks = 4; burst = 64 B; drain_reads = true;"
        "gaps = skipped; area = 0.5 mm2; leakage = 3 mW"
    )
    assert (made.accesses_per_cycle, made.buffering, made.banks, made.burst_bits) == (
        1,
        Buffering.AUTO,
        4,
        512,
    )
    assert (made.drain_reads, made.skip_gaps, made.area_mm2, made.leakage_mw) == (True, True, 0.5, 3.0)


def test_outermost_memory_holds_everything_and_others_may_unless_told():
    tensors = {"inputs", "weights", "outputs", "sums"}
    made = design(HEAD, DRAM, "memory M { size = 1 KiB }\nmemory N { holds = [weights] }\n", PE).architecture
    assert made.memory("DRAM").holds == tensors
    assert (made.memory("M").holds, made.memory("M").may_hold) == (set(), tensors)
    assert (made.memory("N").holds, made.memory("N").may_hold) == ({"weights"}, set())


def test_one_tensor_needs_no_brackets():
    assert memory("holds = weights; may_hold = inputs, outputs").may_hold == {"inputs", "outputs"}


def test_names_of_the_file_do_not_hide_the_words_of_a_property():
    made = design(
        HEAD,
        "let weights = 3\nlet double = 4\n",
        DRAM,
        "memory M { holds = [weights]; buffering = double }\n",
        PE,
    )
    assert made.architecture.memory("M").holds == {"weights"}
    assert made.architecture.memory("M").buffering is Buffering.DOUBLE


def test_memory_may_be_measured_by_another():
    text = "memory M { size = 4 KiB }\nmemory N { size = 2 * M.size }\nrequire N.size == 8 KiB\n"
    assert design(HEAD, DRAM, text, PE).architecture.memory("N").size_bits == 2**16


# ------------------------------------------------------------------------------ arrays, MAC and units


def test_arrays_nest_and_replicate_what_is_inside():
    made = design(
        HEAD,
        DRAM,
        "array Package[chiplet = 2] {\n"
        "    memory G { size = 1 KiB }\n"
        "    array PE[row = 3, col = 4] {\n"
        "        memory R { size = 2 B }\n"
        "        mac { rate = 1/cycle }\n"
        "    }\n"
        "}\n",
    ).architecture
    assert [level.name for level in made.levels] == ["DRAM", "Package", "G", "PE", "R"]
    assert (made.instances("G"), made.instances("R"), made.pes) == (2, 24, 24)
    assert made.arrays[1].axes == (Axis("row", 3), Axis("col", 4))


def test_links_say_what_neighbours_do_for_each_other_and_what_it_costs():
    made = design(
        HEAD,
        DRAM,
        "array PE[row = 4, col = 4] {\n"
        "    along row: reduce sums, multicast weights\n"
        "    along row, col: shift inputs { energy = wire(50 um); bandwidth = 1 GB/s; latency = 4 ns }\n"
        "    along col: forward outputs { energy = 2 pJ/bit }\n"
        "    timing { load = row; drain = col; skew = true }\n"
        "    mac\n"
        "}\n",
    ).architecture
    (array,) = made.arrays
    assert array.links == (
        Link(("row",), LinkKind.REDUCE, "sums"),
        Link(("row",), LinkKind.MULTICAST, "weights"),
        Link(("row", "col"), LinkKind.SHIFT, "inputs", Wire(0.05), Fraction(16), 2),
        Link(("col",), LinkKind.FORWARD, "sums", PerBit(2.0)),
    )
    assert array.timing == Timing(load="row", drain="col", skew=True, overlap=False)


def test_mac_has_rates_by_width_lanes_and_operands_that_it_keeps():
    made = design(
        HEAD,
        DRAM,
        "mac { rate = 1/cycle at 8 bit, 4/cycle at 4 bit, 0.5/cycle; lanes = 64 reduce C; latch = weights;"
        " energy = mac(); skip = zero weights in d }\ndataflow d { mac.lanes = C }\n",
    ).architecture
    assert made.mac.rates == (Rate(Fraction(1), 8), Rate(Fraction(4), 4), Rate(Fraction(1, 2)))
    assert (made.mac.lanes, made.mac.lanes_dimension) == (64, "C")
    assert (made.mac.latch, made.mac.skip_zero_weights_in) == ({"weights"}, {"d"})
    assert made.mac.energy == MacUnit()


def test_unit_stands_beside_a_memory():
    made = design(
        HEAD, "param n = 8\n", DRAM, PE, "unit V[2 * n] at DRAM { does = [relu, pool]; energy = 1 pJ }\n"
    )
    assert made.architecture.units == (Unit("V", 16, "DRAM", frozenset({"relu", "pool"}), PerOperation(1.0)),)


def test_whole_machine_has_clock_technology_precision_and_transfers():
    made = design(
        "accel x\nclock 1.8 GHz\ntechnology 16 nm\nprecision { inputs, weights = 8 bit; outputs = 4 bit }\n"
        'transfers { overlap = none }\nmetric area_published = 6 from "MICRO 2019"\n',
        DRAM,
        PE,
    ).architecture
    assert (made.clock_hz, made.technology_nm, made.overlap_transfers) == (1.8e9, 16.0, False)
    assert made.bits == Bits(weights=8, inputs=8, outputs=4, sums=4)
    assert made.metrics == (("area_published", 6.0, "MICRO 2019"),)
    assert design(HEAD, DRAM, PE).architecture.overlap_transfers


def test_feature_maps_are_kept_where_the_text_says():
    made = design(HEAD, DRAM, "memory B { size = 1 KiB }\n", PE, "keep feature_maps in B\n")
    assert made.architecture.keep_feature_maps_in == "B"


# --------------------------------------------------------------------------------------------- paths


def test_path_orders_memories_and_keeps_the_tensor_out_of_others():
    made = design(
        HEAD,
        DRAM,
        "memory Acc { size = 1 KiB; may_hold = [sums] }\n"
        "memory Buffer { size = 4 KiB; may_hold = [inputs, outputs, sums] }\n"
        "memory Side { size = 4 KiB; may_hold = [weights, sums] }\n",
        PE,
        "path sums = PE.mac -> Acc -> Buffer\n",
    ).architecture
    assert [m.name for m in made.memories].index("Buffer") < [m.name for m in made.memories].index("Acc")
    assert made.paths == (("sums", ("Buffer", "Acc")),)
    assert made.memory("Side").may_hold == {"weights"}
    assert made.memory("DRAM").holds == {"inputs", "weights", "outputs"}


def test_path_cannot_lead_out_of_an_array_and_in_again():
    text = (
        "array PE[row = 4] {\n    memory R { size = 2 B }\n    mac\n}\npath weights = R -> DRAM -> PE.mac\n"
    )
    assert codes(HEAD, DRAM, text) == ["E0517"]


# ------------------------------------------------------------------------------- parameters and choices


def test_parameters_are_set_from_outside():
    text = (HEAD, "param n = 32\n", DRAM, "array PE[row = n, col = n] {\n    mac\n}\n")
    assert design(*text).architecture.pes == 1024
    made = design(*text, n=8)
    assert made.architecture.pes == 64
    assert made.parameters == {"n": 8}
    assert design(*text, n="2 * 8").architecture.pes == 256


def test_choices_are_named_by_their_path_and_take_the_first_option_unless_set():
    text = (
        HEAD,
        "param rows = choose(8..32 by 8)\n",
        DRAM,
        "memory Buffer { size = choose(2^4..2^6) * 1 KiB; ports = choose(shared, separate);"
        " energy = choose(sram(), sram(hp)) }\n",
        "array PE[row = rows, col = choose(4, 8)] {\n    mac\n}\n",
    )
    made = design(*text)
    assert [c.site.path for c in made.open_choices] == [
        "rows",
        "Buffer.size",
        "Buffer.ports",
        "Buffer.energy",
        "PE.col",
    ]
    assert made.choices[3].site.options == ("sram()", "sram(hp)")
    assert (made.architecture.memory("Buffer").size_bits, made.architecture.pes) == (2**17, 32)
    settings = {"Buffer.size": "64", "Buffer.ports": "separate", "Buffer.energy": "sram(hp)", "PE.col": "8"}
    other = accelerator_from_text("".join(text), settings={"rows": 16, **settings})
    assert other.open_choices == ()
    buffer = other.architecture.memory("Buffer")
    assert (buffer.size_bits, buffer.ports, buffer.energy) == (2**19, Ports.SEPARATE, Sram("hp"))
    assert other.architecture.pes == 128


def test_requirement_is_checked_with_the_values_of_memories_and_arrays():
    text = "memory Buffer { size = 64 KiB; energy = sram() }\n"
    assert codes(HEAD, DRAM, text, PE, 'require Buffer.size < 64 KiB "too large"\n') == ["E0704"]
    design(HEAD, DRAM, text, PE, "require PE.row * PE.col == 32\n")


# ------------------------------------------------------------------------------------------ overlays

BASE = """accel base
param n = 4
clock 500 MHz
precision { weights = 8 bit }
memory DRAM { bandwidth = 16 GB/s shared; energy = dram(LPDDR4) }
memory Buffer { size = choose(16 KiB, 32 KiB); width = 64 bit; energy = sram(); may_hold = [inputs, outputs] }
array PE[row = n, col = n] {
    along row: multicast weights { energy = 1 pJ }
    memory Register { depth = 16; width = 16 bit; energy = regfile() }
    mac { rate = 1/cycle }
}
unit V[n] at Buffer { does = [relu]; energy = 1 pJ }
dataflow d { PE.row = C }
keep feature_maps in Buffer
"""


def overlay(tmp_path, text, arguments="", settings=None):
    (tmp_path / "base.accel").write_text(BASE, encoding="utf-8")
    path = tmp_path / "over.accel"
    path.write_text(f'accel over\nimport "base.accel" as base{arguments}\n{text}', encoding="utf-8")
    return load_accelerator_design(path, settings)


def test_overlay_without_statements_is_the_other_machine(tmp_path):
    made = overlay(tmp_path, "", "(n = 16)")
    assert made.name == made.architecture.name == "over"
    assert made.architecture.pes == 256
    assert [c.site.path for c in made.open_choices] == ["Buffer.size"]
    assert made.warnings == ()


def test_overlay_replaces_properties_one_by_one(tmp_path):
    made = overlay(
        tmp_path,
        "clock 1 GHz\nprecision { inputs = 4 bit }\n"
        "memory Buffer { size = 1 MiB }\nmemory Register { depth = 2 }\nmac { rate = 2/cycle }\n"
        "array PE[row = 2, col = 3] {\n    along row: multicast weights { energy = 5 pJ }\n"
        "    timing { skew = true }\n}\nunit V[2] at DRAM { energy = 3 pJ }\ndataflow d { PE.row = K }\n",
    ).architecture
    buffer = made.memory("Buffer")
    assert (buffer.size_bits, buffer.width_bits, buffer.energy) == (2**23, 64, Sram())
    assert made.memory("Register").size_bits == 32
    assert made.memory("DRAM").read_bits_per_cycle == 128
    assert (made.bits.weights, made.bits.inputs) == (8, 4)
    assert made.mac.rates == (Rate(Fraction(2)),)
    (array,) = made.arrays
    assert array.axes == (Axis("row", 2), Axis("col", 3))
    assert array.links == (Link(("row",), LinkKind.MULTICAST, "weights", PerOperation(5.0)),)
    assert array.timing.skew
    assert made.units == (Unit("V", 2, "DRAM", frozenset({"relu"}), PerOperation(3.0)),)
    assert [c.allowed for c in made.dataflows[0].constraints] == [(("K",),)]


def test_choice_that_an_overlay_replaces_is_never_made(tmp_path):
    assert overlay(tmp_path, "memory Buffer { size = 1 MiB }\n").choices == ()


def test_overlay_takes_back_what_says_the_same_in_another_way(tmp_path):
    made = overlay(
        tmp_path,
        "memory Register { size = 64 B }\nmemory DRAM { read_bandwidth = 1 B/cycle }\n"
        "memory Buffer { holds = [inputs, outputs, weights] }\n",
    ).architecture
    assert made.memory("Register").size_bits == 512
    dram = made.memory("DRAM")
    assert (dram.read_bits_per_cycle, dram.write_bits_per_cycle, dram.ports) == (8, None, Ports.SEPARATE)
    buffer = made.memory("Buffer")
    assert (buffer.holds, buffer.may_hold) == ({"inputs", "outputs", "weights"}, set())


def test_overlay_adds_levels_outside_and_inside_the_array(tmp_path):
    made = overlay(
        tmp_path,
        "memory L2 { size = 1 MiB; energy = sram() }\n"
        "array PE[row = 4, col = 4] {\n    memory Latch { size = 2 B; energy = none }\n}\n",
    ).architecture
    assert [level.name for level in made.levels] == ["DRAM", "Buffer", "L2", "PE", "Register", "Latch"]


def test_parameter_that_does_not_reach_the_imported_file_is_a_lint(tmp_path):
    (warning,) = overlay(tmp_path, "param n = 8\n").warnings
    assert warning.code == "W1105"


def test_names_of_the_imported_file_stand_behind_its_alias(tmp_path):
    made = overlay(tmp_path, "memory Buffer { size = base.n * 1 KiB }\n", "(n = 8)")
    assert made.architecture.memory("Buffer").size_bits == 2**16


def test_one_file_does_not_give_a_memory_twice():
    assert codes(HEAD, DRAM, "memory M { size = 1 KiB }\nmemory M { size = 2 KiB }\n", PE) == ["E0308"]
