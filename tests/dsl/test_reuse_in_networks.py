"""Functions, loops and imports that build layers: what they make, and under which names."""

from pathlib import Path

import pytest

from dovetail.dsl.diagnostics import DovetailError
from dovetail.dsl.loading import load_network_design, network_from_text
from dovetail.dsl.network import Network


def built(body: str) -> Network:
    design = network_from_text(f"net t\ninput image[3, 8, 8]\n{body}\n")
    assert design.warnings == ()
    return design.network


def names(body: str) -> list[str]:
    return [layer.name for layer in built(body)]


CBR = "fn cbr(x, out) = x -> conv(out, 1) -> relu\n"


def test_what_a_function_builds_is_named_as_if_it_stood_at_its_use() -> None:
    assert names(CBR + "output image -> cbr(4) -> conv(5, 1) -> cbr(6)") == [
        "conv",
        "relu",
        "conv2",
        "conv3",
        "relu2",
    ]


def test_a_label_names_what_a_function_builds() -> None:
    made = names(CBR + "output image -> stem: cbr(4) -> body: 2 * cbr(5)")
    assert made == ["stem.conv", "stem.relu", "body.1.conv", "body.1.relu", "body.2.conv", "body.2.relu"]


def test_a_function_uses_what_is_around_it() -> None:
    assert built("fn wide(c) = 2 * c\nfn f(x) = x -> conv(wide(4), 1)\noutput image -> f").outputs[
        0
    ].shape == (
        8,
        8,
        8,
    )


def test_an_automatic_name_is_never_that_of_something_else() -> None:
    text = """net n
input relu[3, 8, 8]
block b(x) { return x -> conv(4, 1) }
block b2(x) { return x -> conv(4, 1) }
output relu -> b() -> b() -> b2() -> sigmoid()
"""
    names = [layer.name for layer in network_from_text(text).network.layers]
    assert len({*names, "relu"}) == len(names) + 1


def test_in_a_loop_the_row_comes_before_the_turn() -> None:
    body = "output image -> for c, n in [[4, 1], [5, 2]] { down: conv(c, 1) -> unit: n * conv(c, 1) }"
    assert names(body) == ["down.1", "unit.1.1", "down.2", "unit.2.1", "unit.2.2"]


def test_loops_nest_and_count() -> None:
    body = "output image -> for n in [1, 2] { for i in count(n) { unit: conv(i, 1) } }"
    made = built(body)
    assert [(layer.name, layer.output.shape[0]) for layer in made] == [
        ("unit.1.1", 1),
        ("unit.2.1", 1),
        ("unit.2.2", 2),
    ]


def test_nothing_is_counted_up_to_zero() -> None:
    assert names("output image -> conv(4, 1) -> for i in count(0) { conv(i, 1) }") == ["conv"]


@pytest.mark.parametrize("wrong", ["-1", "1.5", "true", "10^9", "1, 2"])
def test_counting_takes_one_whole_number(wrong: str) -> None:
    with pytest.raises(DovetailError, match="E0305"):
        built(f"output image -> for i in count({wrong}) {{ conv(8, 1) }}")


@pytest.fixture
def family(tmp_path: Path) -> Path:
    (tmp_path / "parts.net").write_text(
        "net parts\nparam width = 4\nblock b(x) { return x -> conv(width, 1) }\n"
    )
    (tmp_path / "whole.net").write_text(
        'net whole\nimport "parts.net"\nparam deep = 1\ninput image[3, 8, 8]\noutput image -> u: deep * b\n'
    )
    return tmp_path


def variant(family: Path, arguments: str) -> Path:
    path = family / "variant.net"
    path.write_text(f'net variant\nimport "whole.net" as base ({arguments})\n')
    return path


def test_a_file_of_parts_alone_is_good(family: Path) -> None:
    design = load_network_design(family / "parts.net")
    assert design.network.layers == ()
    assert design.warnings == ()


def test_a_file_that_builds_and_has_no_output_is_at_fault() -> None:
    with pytest.raises(DovetailError, match="E0207"):
        network_from_text("net t\nblock b(x) { return x }\ninput image[3, 8, 8]\n")


def test_an_import_sets_parameters_of_the_network_and_of_what_that_imports(family: Path) -> None:
    network = load_network_design(variant(family, "deep = 2, width = 6")).network
    assert [layer.output.shape[0] for layer in network] == [6, 6]


def test_an_import_with_a_parameter_nobody_has_names_a_close_one(family: Path) -> None:
    with pytest.raises(DovetailError) as raised:
        load_network_design(variant(family, "widht = 6"))
    (problem,) = raised.value.diagnostics
    assert problem.code == "E0306"
    assert "width" in " ".join(problem.help)


def test_settings_from_outside_reach_through_an_import(family: Path) -> None:
    path = variant(family, "deep = 2")
    network = load_network_design(path, {"width": 7}).network
    assert [layer.output.shape[0] for layer in network] == [7, 7]


def test_the_rows_that_a_decoder_keeps_come_before_the_new_ones() -> None:
    made = network_from_text("net t\ninput k[1, 8]\noutput k -> cached(99)").network
    assert made.outputs[0].shape == (100, 8)
    assert made.free(made["cached"]) is not None


def test_an_activation_of_kept_rows_is_not_free() -> None:
    text = "net t\ninput k[1, 8]\noutput k -> linear(8) -> {} -> relu"
    assert network_from_text(text.replace("{}", "identity")).network.fused_into(
        network_from_text(text.replace("{}", "identity")).network["relu"]
    )
    kept = network_from_text(text.replace("{}", "cached(9)")).network
    assert kept.fused_into(kept["relu"]) == ()
