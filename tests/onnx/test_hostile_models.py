"""Models that are damaged or made to do harm: refused with a sentence, nothing else is read or written."""

from __future__ import annotations

import builtins
import io
import os
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dovetail.dsl.diagnostics import DovetailError
from dovetail.dsl.onnx.importing import import_file, import_model
from tests.onnx import models
from tests.onnx.building import Building


def refused(model: onnx.ModelProto) -> str:
    with pytest.raises(DovetailError) as fault:
        import_model(model, name="model")
    return str(fault.value)


def small() -> Building:
    g = Building()
    g.input("x", [1, 3, 8, 8])
    return g


# ------------------------------------------------------------------------------------- damaged files


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 64, b"not a model", models.squeezenet().SerializeToString()[:-1000], b"\x08\x07"],
    ids=["empty", "zeros", "text", "cut", "without a graph"],
)
def test_what_is_no_model_is_said_to_be_none(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(DovetailError, match=r"E1501.*is no ONNX model"):
        import_file(path)


def test_missing_files_folders_and_devices_are_named(tmp_path: Path) -> None:
    with pytest.raises(DovetailError, match="E0801"):
        import_file(tmp_path / "m.onnx")
    with pytest.raises(DovetailError, match="E0802"):
        import_file(tmp_path)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(DovetailError, match=r"E0803.*no regular file"):
        import_file(tmp_path / "pipe.onnx")


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(models.resnet18().SerializeToString().replace(b"layer1.0.conv1", b"layer1.0.conv\xff"))
    with pytest.raises(DovetailError, match="E1501"):
        import_file(path)


@pytest.mark.parametrize("seed", range(60))
def test_a_model_with_damaged_bytes_is_read_or_refused(seed: int) -> None:
    from dovetail.dsl.onnx.reading import parse_model

    chosen = random.Random(seed)
    data = bytearray(chosen.choice([MODELS["bert"], MODELS["mobilenet"]]))
    for _ in range(chosen.choice([1, 2, 8])):
        data[chosen.randrange(len(data))] = chosen.choice([0, 1, 127, 128, 255])
    try:
        import_model(parse_model(bytes(data), "m.onnx"), name="m")
    except DovetailError as fault:
        assert str(fault).startswith("error[E1")


MODELS = {
    "bert": models.bert("torch", depth=1).SerializeToString(),
    "mobilenet": models.mobilenet_v2_keras().SerializeToString(),
}


@pytest.mark.parametrize("seed", range(60))
def test_a_model_with_wrong_numbers_is_read_or_refused(seed: int) -> None:
    chosen = random.Random(seed)
    model = onnx.ModelProto.FromString(MODELS[chosen.choice(sorted(MODELS))])
    graph = model.graph
    for _ in range(chosen.choice([1, 2])):
        number = chosen.choice([0, -1, 1, 3, 2**31, 2**62, -(2**63)])
        node = chosen.choice(graph.node)
        lists = [a for a in node.attribute if a.ints]
        stored = [t for t in graph.initializer if t.dims]
        match chosen.randrange(4):
            case 0 if lists:
                lists[0].ints[0] = number
            case 1:
                tensor = chosen.choice(stored)
                tensor.dims[chosen.randrange(len(tensor.dims))] = number
            case 2 if len(node.input) > 1:
                node.input.pop()
            case _:
                node.op_type = chosen.choice(
                    ["Conv", "MatMul", "Slice", "Concat", "Reshape", "Loop", "Split"]
                )
    try:
        import_model(model, name="m")
    except DovetailError as fault:
        assert str(fault).startswith("error[E1")


# --------------------------------------------------------------------------------- graphs that cannot be


def test_a_circle_is_named() -> None:
    g = small()
    g.nodes.append(helper.make_node("Add", ["x", "b"], ["a"], name="first"))
    g.nodes.append(helper.make_node("Relu", ["a"], ["b"], name="second"))
    assert "E1502" in (text := refused(g.model("b")))
    assert "goes round in a circle" in text


def test_a_tensor_that_nothing_makes_is_named_with_its_reader() -> None:
    g = small()
    g.nodes.append(helper.make_node("Relu", ["nowhere"], ["y"], name="reader"))
    assert "`reader` reads the tensor `nowhere`, which nothing in the model makes" in refused(g.model("y"))


def test_a_tensor_that_two_nodes_make_is_refused() -> None:
    g = small()
    g.nodes += [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Tanh", ["x"], ["y"])]
    assert "two nodes of the model make the tensor `y`" in refused(g.model("y"))


def test_nodes_out_of_order_are_put_in_order() -> None:
    g = small()
    g.nodes.append(helper.make_node("Tanh", ["a"], ["b"]))
    g.nodes.append(helper.make_node("Relu", ["x"], ["a"]))
    assert [layer.op for layer in import_model(g.model("b"), name="m").network] == ["relu", "tanh"]


def test_an_output_that_depends_on_no_input_is_refused() -> None:
    g = small()
    assert "E1502" in refused(g.model(g.constant([1.0])))


# ----------------------------------------------------------------------------------------- recursion


def function(name: str, *calls: str) -> onnx.FunctionProto:
    nodes, last = [], "a"
    for i, call in enumerate(calls):
        domain = "" if call == "Relu" else "own"
        nodes.append(helper.make_node(call, [last], [f"t{i}"], domain=domain))
        last = f"t{i}"
    nodes.append(helper.make_node("Identity", [last], ["b"]))
    return helper.make_function("own", name, ["a"], ["b"], nodes, [helper.make_opsetid("", 17)])


def calling(*functions: onnx.FunctionProto) -> onnx.ModelProto:
    g = small()
    return g.model(g.op(functions[0].name, "x", domain="own"), functions=functions)


def test_functions_are_put_in_place_of_their_calls() -> None:
    network = import_model(calling(function("F", "G", "G"), function("G", "Relu")), name="m").network
    assert [layer.op for layer in network] == ["relu", "relu"]


def test_a_function_that_calls_itself_through_another_is_refused() -> None:
    text = refused(calling(function("F", "G"), function("G", "F")))
    assert "E1504" in text
    assert "`F` -> `G` -> `F`" in text


def test_functions_that_double_at_every_level_are_stopped() -> None:
    levels = [function(f"F{i}", f"F{i + 1}", f"F{i + 1}") for i in range(30)]
    assert "E1503" in refused(calling(*levels, function("F30", "Relu")))


def test_functions_with_long_names_do_not_grow_without_end() -> None:
    long = "F" * 10**6
    names = [f"{long}{i}" for i in range(20)]
    levels = [function(a, b, b) for a, b in pairwise(names)]
    assert "E1503" in refused(calling(*levels, function(names[-1], "Relu")))


def test_functions_that_call_each_other_without_end_in_sight_are_stopped() -> None:
    levels = [function(f"F{i}", f"F{i + 1}") for i in range(500)]
    assert "E1504" in refused(calling(*levels, function("F500", "Relu")))


def test_graphs_inside_graphs_are_read_as_deep_as_exporters_make_them(tmp_path: Path) -> None:
    def nested(depth: int) -> onnx.GraphProto:
        out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        if depth == 0:
            return helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "leaf", [], [out])
        inner = nested(depth - 1)
        node = helper.make_node("If", ["yes"], ["y"], then_branch=inner, else_branch=inner)
        return helper.make_graph([node], "level", [], [out])

    def taken(depth: int) -> onnx.ModelProto:
        g = small()
        g.stored.append(numpy_helper.from_array(np.asarray(True), "yes"))
        g.nodes.append(
            helper.make_node("If", ["yes"], ["out"], then_branch=nested(depth), else_branch=nested(0))
        )
        return g.model("out")

    assert [layer.op for layer in import_model(taken(2), name="m").network] == ["relu"]
    path = tmp_path / "deep.onnx"
    path.write_bytes(taken(12).SerializeToString())
    assert len(import_file(path).network) == 1


# ------------------------------------------------------------------------------------- huge tensors


def test_sizes_that_no_memory_has_are_never_allocated() -> None:
    g = small()
    huge = g.op("ConstantOfShape", g.numbers([10**6, 10**6, 10**6]))
    text = refused(g.model(g.op("Add", "x", g.op("Tile", huge, g.numbers([10**6, 10**6, 10**6])))))
    assert "error[E1" in text


@pytest.mark.parametrize("dims", [[2**62, 2**62], [-1, 3], [1] * 200], ids=["huge", "negative", "many axes"])
def test_stored_tensors_of_impossible_sizes_are_refused(dims: list[int]) -> None:
    g = small()
    g.stored.append(TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims))
    assert "error[E150" in refused(g.model(g.op("Mul", "x", "w")))


def test_data_that_do_not_fit_their_sizes_are_refused() -> None:
    g = small()
    g.stored.append(TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3], raw_data=b"\0" * 5))
    assert "`w` has data that do not fit" in refused(g.model(g.op("Mul", "x", "w")))


def test_an_input_with_a_huge_axis_is_refused() -> None:
    g = Building()
    g.input("x", [1, 2**62, 2**62, 3])
    assert "E1503" in refused(g.model(g.op("Relu", "x")))


# ------------------------------------------------------------------------------------ external data

PLACES = ["/etc/passwd", "../secret", "a/../../secret", "C:\\secret", "\\\\host\\share", ""]


@pytest.mark.parametrize("place", PLACES)
def test_data_outside_the_folder_are_refused_and_not_read(
    place: str, tmp_path: Path, opened: Callable[[], list[str]]
) -> None:
    g = small()
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    g.stored.append(tensor)
    path = tmp_path / "m.onnx"
    path.write_bytes(g.model(g.op("Mul", "x", "w")).SerializeToString())
    before = sorted(tmp_path.rglob("*"))
    opened()
    with pytest.raises(DovetailError, match=r"E1505.*outside the folder"):
        import_file(path)
    assert set(opened()) <= {str(path)}
    assert sorted(tmp_path.rglob("*")) == before


def test_data_beside_the_model_are_not_read_either(tmp_path: Path, opened: Callable[[], list[str]]) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(models.resnet18().SerializeToString())
    (tmp_path / "weights.bin").write_bytes(b"")
    import_file(path)  # modules and the language's own files are read here
    opened()
    assert import_file(path).network.macs == 1_814_073_344
    assert [name for name in opened() if not name.endswith((".net", ".lark", ".py"))] == [str(path)]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What was opened since it was asked last."""
    names: list[str] = []
    real, real_io, real_os = builtins.open, io.open, os.open

    def note(name: object) -> None:
        if isinstance(name, str | bytes | os.PathLike):
            names.append(os.fsdecode(name))

    def spy(file: Any, *args: Any, **kwargs: Any) -> Any:
        note(file)
        return real(file, *args, **kwargs)

    def spy_io(file: Any, *args: Any, **kwargs: Any) -> Any:
        note(file)
        return real_io(file, *args, **kwargs)

    def spy_os(path: Any, *args: Any, **kwargs: Any) -> Any:
        note(path)
        return real_os(path, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", spy)
    monkeypatch.setattr(io, "open", spy_io)
    monkeypatch.setattr(os, "open", spy_os)

    def since() -> list[str]:
        found = names.copy()
        names.clear()
        return found

    return since
