"""What the example networks promise beyond layer lists: palette, spaces, parameters, overlays, attention."""

from dataclasses import fields
from math import prod
from pathlib import Path

import pytest

from dovetail.dsl.declarations import Figure, MetricTable
from dovetail.dsl.layer import Layer
from dovetail.dsl.loading import load_network_design, network_from_text
from dovetail.dsl.network import Network
from dovetail.dsl.space import measure_network_space

EXAMPLES = Path(__file__).parents[2] / "examples"
NETWORKS = EXAMPLES / "networks"
SPACES = EXAMPLES / "spaces"
FILES = sorted([*NETWORKS.rglob("*.net"), *SPACES.rglob("*.net")])
PAGE = 60
"""Lines."""


def network(name: str, **settings: object) -> Network:
    return load_network_design(NETWORKS / f"{name}.net", settings).network


def cost(layers: Network) -> tuple[int, int]:
    return layers.macs, layers.params


# -------------------------------------------------------------------------------------------- all


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_an_example_is_a_page_without_a_warning_and_says_where_it_comes_from(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    design = load_network_design(path)
    assert design.warnings == ()
    assert len(text.splitlines()) <= PAGE
    assert text.startswith("# ")
    if path.parent == NETWORKS:
        assert design.name == path.stem
        assert design.choices == ()
        assert design.network.layers
    for figure in design.figures.values():
        assert figure.source
        if not isinstance(figure, MetricTable):
            assert isinstance(figure, Figure)
            assert 0 < figure.value < 1


# ---------------------------------------------------------------------------------------- palette


def test_the_palette_has_the_macs_and_words_of_the_talk() -> None:
    palette = network("palette")
    counts = {layer.name: (layer.macs, layer.words) for layer in palette}
    assert counts == {
        "spatial": (462_422_016, 2_560_000),
        "pointwise": (51_380_224, 462_848),
        "grouped": (115_605_504, 790_528),
        "depthwise": (903_168, 205_312),
    }


def test_the_palette_loses_arithmetic_intensity_step_by_step() -> None:
    palette = network("palette")
    first = palette["spatial"].arithmetic_intensity
    intensities = {layer.name: layer.arithmetic_intensity / first for layer in palette}
    assert {name: round(value, 1) for name, value in intensities.items() if name != "depthwise"} == {
        "spatial": 1.0,
        "pointwise": 0.6,
        "grouped": 0.8,
    }
    assert round(intensities["depthwise"], 2) == 0.02


# ----------------------------------------------------------------------------------------- spaces

FBNET_A = {
    "layer.1": "skip",
    "layer.2": "k3_e3 k3_e1 skip skip",
    "layer.3": "k5_e6 k3_e3 k5_e1 k3_e3",
    "layer.4": "k5_e6 k5_e3 k5_e1_g2 k5_e6",
    "layer.5": "k3_e6 k5_e1_g2 k5_e3 k3_e1_g2",
    "layer.6": "k5_e6 k5_e6 k5_e3 k5_e6",
    "layer.7": "k5_e6",
}
FBNET_C = {
    "layer.1": "k3_e1",
    "layer.2": "k3_e6 skip k3_e1 k3_e1",
    "layer.3": "k5_e6 k5_e3 k5_e6 k3_e6",
    "layer.4": "k5_e6 k5_e3 k5_e6 k5_e6",
    "layer.5": "k5_e6 k5_e6 k5_e6 k5_e3",
    "layer.6": "k5_e6 k5_e6 k5_e6 k5_e6",
    "layer.7": "k3_e6",
}


def picks(chosen: dict[str, str]) -> dict[str, str]:
    return {
        f"{stage}.{turn}": option
        for stage, options in chosen.items()
        for turn, option in enumerate(options.split(), 1)
    }


def test_the_fbnet_space_has_nine_candidates_at_each_of_22_layers() -> None:
    space = measure_network_space(SPACES / "fbnet.net")
    assert space.size == 9**22
    assert [len(site.options) for site in space.sites] == [9] * 22


@pytest.mark.parametrize(("name", "chosen", "last"), [("fbnet_a", FBNET_A, 1504), ("fbnet_c", FBNET_C, 1984)])
def test_published_fbnets_are_designs_of_the_fbnet_space(
    name: str, chosen: dict[str, str], last: int
) -> None:
    design = load_network_design(SPACES / "fbnet.net", {"last": last, **picks(chosen)})
    assert design.open_choices == ()
    assert cost(design.network) == cost(network(name))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("squeezenext_1_0_23_v1", {}),
        ("squeezenext_1_0_23_v2", {"first": 5}),
        ("squeezenext_1_0_23_v4", {"first": 5, "unit1": 2, "unit2": 10}),
        ("squeezenext_1_0_23_v5", {"first": 5, "unit1": 2, "unit2": 4, "chained": True}),
        ("squeezenext_1_0_g_23", {"groups": 2}),
        ("squeezenext_2_0_23_v5", {"width": 2, "first": 5, "unit1": 2, "unit2": 4, "chained": True}),
    ],
)
def test_published_squeezenexts_are_designs_of_their_space(name: str, settings: dict[str, object]) -> None:
    design = load_network_design(SPACES / "squeezenext.net", settings)
    assert cost(design.network) == cost(network(name))


def test_the_squeezenext_space_counts_the_ways_to_share_twenty_units() -> None:
    shares = sum(20 - a - b >= 2 for a in (2, 4, 6, 8) for b in (2, 4, 6, 8, 10, 12))
    assert measure_network_space(SPACES / "squeezenext.net").size == 3 * 3 * 2 * 2 * shares


# ------------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    ("width", "params"),
    # Keras applications, MobileNetV2: all parameters, of which the running statistics are as many as `norm`.
    [(0.5, 1_987_224), (0.75, 2_663_064), (1.0, 3_538_984), (1.4, 6_156_712)],
)
def test_the_width_multiplier_of_mobilenet_v2_rounds_channels_as_the_reference_code(
    width: float, params: int
) -> None:
    wide = network("mobilenet_v2", width=width)
    assert wide.params + sum(layer.norm for layer in wide) == params


def test_mobilenet_has_a_resolution_multiplier_that_leaves_its_parameters() -> None:
    small, full = network("mobilenet_v1", resolution=128), network("mobilenet_v1")
    assert small.params == full.params
    assert small["conv1"].output.shape == (32, 64, 64)


def test_the_parameters_of_vit_b16_are_its_encoder_its_embeddings_and_its_classifier() -> None:
    patches = 16 * 16 * 3 * 768 + 768
    positions = (14 * 14 + 1) * 768
    class_token = 768
    classifier = 768 * 1000 + 1000
    # torchvision, vit_b_16
    assert network("vit_b16_encoder").params + patches + positions + class_token + classifier == 86_567_656


# --------------------------------------------------------------------------------------- overlays


def test_mixed_precision_changes_widths_and_nothing_else() -> None:
    plain, mixed = network("resnet18"), network("resnet18_mixed")
    kept = [
        f.name for f in fields(Layer) if f.name not in ("inputs", "outputs", "loops", "weight_bits", "place")
    ]
    for a, b in zip(plain, mixed, strict=True):
        assert [getattr(a, name) for name in kept] == [getattr(b, name) for name in kept]
        assert a.macs == b.macs
    assert mixed["stem.conv1"].weight_bits == mixed["fc"].weight_bits == 8
    assert mixed["layer.1.1.conv1"].weight_bits == 4
    assert mixed["layer.4.2.conv2"].weight_bits == 2
    assert mixed["layer.4.1.downsample"].weight_bits == 8


def test_an_overlay_sets_the_width_of_what_a_layer_reads() -> None:
    mixed = network("resnet18_mixed")
    assert mixed["stem.conv1"].inputs[0].bits == 8
    assert mixed["layer.2.1.conv2"].inputs[0].bits == 4
    assert mixed["fc"].inputs[0].bits == 8


# -------------------------------------------------------------------------------------- attention


def attention(tokens: int, more: str = "") -> Network:
    return network_from_text(
        f"net t\ninput x[{tokens}, 64]\noutput x -> a: attention(heads = 4{more})"
    ).network


def test_attention_multiplies_every_query_with_every_key() -> None:
    layers = attention(10)
    assert layers["a.scores"].output.shape == (4, 10, 10)
    assert layers["a.scores"].macs == layers["a.context"].macs == 4 * 10 * 10 * 16
    assert layers.outputs[0].shape == (10, 64)
    assert layers.macs == 4 * 10 * 64 * 64 + 2 * 10 * 10 * 64
    assert layers.params == 4 * (64 * 64 + 64)


def test_decoding_one_token_reads_the_keys_and_values_of_all_before_it() -> None:
    layers = attention(1, ", cache = 99")
    assert layers["a.scores"].inputs[1].shape == (4, 100, 16)
    assert layers["a.context"].inputs[1].shape == (4, 100, 16)
    assert prod(layers["a.scores"].output.shape) == 4 * 100
    assert layers.macs == 4 * 64 * 64 + 2 * 100 * 64
    assert layers.params == attention(1).params


def test_decoding_token_by_token_costs_the_products_of_a_causal_pass() -> None:
    products = [attention(1, f", cache = {past}" if past else "").macs - 4 * 64 * 64 for past in range(10)]
    assert sum(products) == 2 * 64 * (10 * 11 // 2)


def test_bert_is_written_with_the_attention_of_the_language() -> None:
    encoder = network("bert_base_encoder_s128")
    assert encoder["layer.1.attention.scores"].loops is not None
    assert encoder["layer.12.attention.scores"].output.shape == (12, 128, 128)
