"""Real models: those that the onnx package ships, their weights replaced by shapes. Counts as published."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from dovetail.dsl.onnx.importing import import_file

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"

PARAMETERS = {
    "bvlc_alexnet": 60_965_224,  # Caffe, models/bvlc_alexnet
    "squeezenet": 1_235_496,  # torchvision, squeezenet1_1
    "vgg19": 143_667_240,  # torchvision, vgg19
    "inception_v1": 6_998_552,  # Caffe, models/bvlc_googlenet without its auxiliary heads
    "resnet50": 25_557_032,  # torchvision, resnet50
    "densenet121": 7_978_856,  # torchvision, densenet121
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_model_of_the_onnx_package_has_the_published_parameters(name: str) -> None:
    path = FOLDER / f"light_{name}.onnx"
    if not path.exists():
        pytest.skip("this version of the onnx package ships no models")
    assert import_file(path).network.params == PARAMETERS[name]


def test_resnet50_of_the_onnx_package_has_the_macs_of_its_first_version() -> None:
    path = FOLDER / "light_resnet50.onnx"
    if not path.exists():
        pytest.skip("this version of the onnx package ships no models")
    # The stride is in the first 1x1 convolution of a stage: 3.86 G in convolutions (arXiv:1512.03385: 3.8 G).
    found = import_file(path)
    assert found.network.macs in (3_857_973_248, 4_089_184_256)
    assert "block " in found.text
