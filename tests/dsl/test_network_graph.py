import subprocess
import sys

import pytest

from dovetail.dsl.network import Layer, Network, Tensor, UnknownLayer
from dovetail.dsl.operators import OPERATORS
from dovetail.dsl.problem import Problem


class Build:
    """A network, use by use."""

    def __init__(self, *shape, bits=16):
        self.image = Tensor("image", shape, bits)
        self.layers = []

    def __call__(self, name, op, *inputs, bits=None, **values):
        inferred = OPERATORS[op].infer([t.shape for t in inputs], values)
        self.layers.append(Layer.of(name, op, inputs, inferred, **(bits or {})))
        outputs = self.layers[-1].outputs
        return outputs[0] if len(outputs) == 1 else outputs

    def network(self, *outputs):
        return Network("net", tuple(self.layers), (self.image,), outputs)


def fire():
    """A fire module of SqueezeNet with its activations."""
    add = Build(96, 55, 55)
    squeeze = add("squeeze1x1.relu", "relu", add("squeeze1x1", "conv", add.image, out=16, kernel=1))
    one = add("expand1x1.relu", "relu", add("expand1x1", "conv", squeeze, out=64, kernel=1))
    three = add("expand3x3.relu", "relu", add("expand3x3", "conv", squeeze, out=64, kernel=3, pad=1))
    return add.network(add("concat", "concat", one, three))


# ------------------------------------------------------------------------------------------ counting


@pytest.mark.parametrize(
    ("op", "values", "macs", "words"),
    [
        ("conv", {"out": 512, "kernel": 3, "pad": 1, "bias": False}, 462_422_016, 2_560_000),
        ("conv", {"out": 512, "kernel": 1, "bias": False}, 51_380_224, 462_848),
        ("conv", {"out": 512, "kernel": 3, "pad": 1, "groups": 4, "bias": False}, 115_605_504, 790_528),
        ("dwconv", {"kernel": 3, "pad": 1, "bias": False}, 903_168, 205_312),
    ],
)
def test_arithmetic_intensity_of_the_architects_palette(op, values, macs, words):
    add = Build(512, 14, 14)
    add("layer", op, add.image, **values)
    layer = add.layers[0]
    assert (layer.macs, layer.words) == (macs, words)
    assert layer.arithmetic_intensity == macs / words


@pytest.mark.parametrize(
    ("op", "shape", "values", "wanted"),
    [
        ("conv", (64, 9, 9), {"out": 8, "kernel": 3}, "spatial"),
        ("conv", (64, 9, 9), {"out": 8, "kernel": [1, 3]}, "spatial"),
        ("conv", (64, 9, 9), {"out": 8, "kernel": 1}, "pointwise"),
        ("conv", (64, 9, 9), {"out": 8, "kernel": 1, "groups": 2}, "grouped"),
        ("conv", (64, 9, 9), {"out": 128, "kernel": 3, "groups": 64}, "depthwise"),
        ("dwconv", (64, 9, 9), {"kernel": 3}, "depthwise"),
        ("deform_conv", (64, 9, 9), {"out": 8, "kernel": 3}, "spatial"),
        ("linear", (64,), {"out": 8}, "fc"),
        ("shift", (64, 9, 9), {"kernel": 3}, "other"),
    ],
)
def test_classes_of_layers(op, shape, values, wanted):
    add = Build(*shape)
    add("layer", op, add.image, **values)
    assert add.layers[0].layer_class == wanted


def test_bytes_follow_bit_widths_and_round_up():
    add = Build(3, 5, 5, bits=8)
    add("conv", "conv", add.image, out=3, kernel=3, bits={"weight_bits": 3, "output_bits": 5})
    layer = add.layers[0]
    assert layer.weight_bytes == -(-81 * 3 // 8) == 31
    assert (layer.input_bytes, layer.output_bytes) == (75, -(-27 * 5 // 8))
    assert layer.activation_bytes == 75 + 17
    assert (layer.params, layer.weights, layer.bias) == (84, 81, 3)


def test_loops_carry_the_widths_of_the_tensors():
    add = Build(3, 5, 5, bits=8)
    add("conv", "conv", add.image, out=3, kernel=3, bits={"weight_bits": 4, "output_bits": 6, "sum_bits": 32})
    bits = add.layers[0].loops.bits
    assert (bits.weights, bits.inputs, bits.outputs, bits.sums) == (4, 8, 6, 32)


def test_the_second_operand_of_a_product_takes_the_place_of_weights():
    a, b = Tensor("a", (12, 128, 64), 8), Tensor("b", (12, 64, 128), 4)
    inferred = OPERATORS["matmul"].infer([a.shape, b.shape], {})
    layer = Layer.of("scores", "matmul", (a, b), inferred, weight_bits=2, weight_zeros=0.5)
    assert layer.loops.bits.weights == 4
    assert layer.loops.weight_zeros == 0.0
    assert layer.layer_class == "matmul"
    assert layer.words == 3 * 12 * 128 * 64 + 12 * (128 * 128 - 128 * 64)


def test_an_embedding_reads_rows_not_the_table():
    tokens = Tensor("tokens", (128,))
    inferred = OPERATORS["embedding"].infer([(128,)], {"vocabulary": 30522, "features": 768})
    layer = Layer.of("words", "embedding", (tokens,), inferred)
    assert (layer.weights, layer.weights_read, layer.macs) == (30522 * 768, 128 * 768, 0)


def test_a_tensor_used_twice_is_read_once():
    add = Build(3, 5, 5)
    add("double", "add", add.image, add.image)
    assert add.layers[0].input_words == 75


def test_totals():
    net = fire()
    assert net.macs == 55 * 55 * (96 * 16 + 16 * 64 + 16 * 64 * 9)
    assert net.weights == 96 * 16 + 16 * 64 * 10
    assert net.params == net.weights + 16 + 64 + 64
    # The image, the squeezed image and both halves: activations and the concatenation add none.
    assert net.activation_words == 55 * 55 * (96 + 16 + 64 + 64)


# ------------------------------------------------------------------------------------------- the graph


def test_layers_by_name():
    net = fire()
    assert net["expand3x3"].op == net.layer("expand3x3").op == "conv"
    assert "expand3x3" in net and "expand5x5" not in net
    assert [layer.name for layer in net][:2] == ["squeeze1x1", "squeeze1x1.relu"]
    with pytest.raises(UnknownLayer) as caught:
        net["expand5x5"]
    assert str(caught.value).startswith("network `net` has no layer `expand5x5`: did you mean `expand")


def test_producers_and_consumers():
    net = fire()
    squeezed = net["squeeze1x1.relu"].output
    assert [layer.name for layer in net.consumers(squeezed)] == ["expand1x1", "expand3x3"]
    assert net.producer(squeezed) is net["squeeze1x1.relu"]
    assert net.producer(net.inputs[0]) is None
    assert [layer.name for layer in net.predecessors(net["concat"])] == ["expand1x1.relu", "expand3x3.relu"]
    assert [layer.name for layer in net.successors(net["squeeze1x1.relu"])] == ["expand1x1", "expand3x3"]


def test_the_graph_is_a_networkx_digraph_of_layers():
    import networkx as nx

    net = fire()
    assert next(nx.topological_sort(net.graph)) == "squeeze1x1"
    assert net.graph.nodes["expand3x3"]["layer"] is net["expand3x3"]
    assert net.graph.edges["expand3x3.relu", "concat"]["tensors"] == (net["expand3x3.relu"].output,)
    assert nx.dag_longest_path_length(net.graph, weight="none", default_weight=1) == 4


def test_importing_a_network_does_not_import_networkx():
    code = "import sys, dovetail.dsl.network; print('networkx' in sys.modules, 'numpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]


def test_layers_that_reach_no_output():
    add = Build(8, 5, 5)
    used = add("used", "conv", add.image, out=8, kernel=1)
    dead = add("dead", "conv", used, out=8, kernel=1)
    add("deader", "relu", dead)
    net = add.network(add("last", "relu", used))
    assert [layer.name for layer in net.unreachable] == ["dead", "deader"]


def test_ten_thousand_layers():
    add = Build(8, 5, 5)
    x = add.image
    for i in range(5_000):
        x = add(f"relu{i}", "relu", add(f"conv{i}", "conv", x, out=8, kernel=1))
    net = add.network(x)
    assert net.activation_words == 5_001 * 200
    assert net.free(net["relu4999"]) == "applied as `conv4999` writes its outputs"
    assert len(net.graph) == 10_000


# ------------------------------------------------------------------------------------------ what is free


def hosts(net, name):
    return [layer.name for layer in net.fused_into(net[name])]


def test_an_activation_is_applied_on_the_way_out_of_its_convolution():
    net = fire()
    assert hosts(net, "squeeze1x1.relu") == ["squeeze1x1"]
    assert net.free(net["squeeze1x1.relu"]) == "applied as `squeeze1x1` writes its outputs"
    assert net.free(net["squeeze1x1"]) is None


def test_views_are_free():
    assert fire().free(fire()["concat"]) == "its readers address the words where they are"


def test_normalisation_and_activation_go_together():
    add = Build(8, 5, 5)
    x = add("relu", "relu", add("norm", "batchnorm", add("conv", "conv", add.image, out=8, kernel=1)))
    net = add.network(x)
    assert hosts(net, "norm") == hosts(net, "relu") == ["conv"]


def test_an_activation_behind_a_concatenation_is_applied_to_all_parts():
    add = Build(8, 5, 5)
    parts = [add(f"conv{i}", "conv", add.image, out=8, kernel=1) for i in range(3)]
    net = add.network(add("relu", "relu", add("concat", "concat", *parts)))
    assert hosts(net, "relu") == ["conv0", "conv1", "conv2"]
    assert net.free(net["relu"]) == "applied as `conv0` and 2 more write their outputs"


def test_an_activation_runs_by_itself_if_its_input_is_needed_elsewhere():
    add = Build(8, 5, 5)
    x = add("conv", "conv", add.image, out=8, kernel=1)
    net = add.network(add("sum", "add", x, add("relu", "relu", x)))
    assert net.free(net["relu"]) is None

    add = Build(8, 5, 5)
    x = add("conv", "conv", add.image, out=8, kernel=1)
    net = add.network(add("relu", "relu", x), x)
    assert net.free(net["relu"]) is None


def test_an_activation_of_the_network_input_runs_and_the_next_one_rides_on_it():
    add = Build(8, 5, 5)
    net = add.network(add("relu", "relu", add("norm", "batchnorm", add.image)))
    assert net.free(net["norm"]) is None
    assert hosts(net, "relu") == ["norm"]


def test_an_activation_of_half_a_split_runs_by_itself():
    add = Build(8, 5, 5)
    left, right = add("halves", "split", add("conv", "conv", add.image, out=8, kernel=1), parts=2)
    net = add.network(add("join", "concat", left, add("relu", "relu", right)))
    assert net.free(net["relu"]) is None
    assert net.free(net["halves"]) is not None


def test_a_shift_moves_words_and_carries_no_activation():
    add = Build(8, 5, 5)
    moved = add("shift", "shift", add("conv", "conv", add.image, out=8, kernel=1), kernel=3)
    net = add.network(add("relu", "relu", moved))
    assert net.free(net["shift"]) is None
    assert net.free(net["relu"]) is None


def test_a_residual_sum_carries_its_activation():
    add = Build(8, 5, 5)
    x = add("conv", "conv", add.image, out=8, kernel=1)
    net = add.network(add("relu", "relu", add("sum", "add", add.image, x)))
    assert hosts(net, "relu") == ["sum"]
    assert net.free(net["sum"]) is None


# ----------------------------------------------------------------------- what constructors do not accept

IMAGE = Tensor("image", (8, 5, 5))
CONV = OPERATORS["conv"].infer([IMAGE.shape], {"out": 8, "kernel": 1})


@pytest.mark.parametrize(
    "build",
    [
        lambda: Tensor("t", (8, 0)),
        lambda: Tensor("t", ()),
        lambda: Tensor("t", (8,), bits=0),
        lambda: Layer("x", "convolution", (IMAGE,), (Tensor("x", (8, 5, 5)),)),
        lambda: Layer("x", "relu", (), (Tensor("x", (8, 5, 5)),)),
        lambda: Layer("x", "relu", (IMAGE,), (Tensor("x", (8, 5, 5)),), loops=Problem()),
        lambda: Layer("x", "conv", (IMAGE,), (Tensor("x", (8, 5, 5)),), weights=64),
        lambda: Layer(
            "x", "conv", (IMAGE,), (Tensor("x", (8, 5, 5)),), weights=64, loops=Problem(K=8, P=5, Q=4)
        ),
        lambda: Layer(
            "x", "conv", (IMAGE,), (Tensor("x", (8, 5, 5), 8),), weights=64, loops=Problem(K=8, P=5, Q=5)
        ),
        lambda: Layer.of("x", "conv", (IMAGE,), CONV, weight_zeros=1.0),
        lambda: Network("n", (Layer.of("x", "conv", (Tensor("y", (8, 5, 5)),), CONV),), (IMAGE,), ()),
        lambda: Network("n", (Layer.of("x", "conv", (IMAGE,), CONV),) * 2, (IMAGE,), ()),
        lambda: Network("n", (), (IMAGE, IMAGE), ()),
        lambda: Network("n", (Layer.of("image", "conv", (IMAGE,), CONV),), (IMAGE,), ()),
        lambda: Network("n", (), (IMAGE,), (Tensor("other", (1,)),)),
    ],
)
def test_impossible_networks_are_programming_errors(build):
    with pytest.raises(ValueError):
        build()
