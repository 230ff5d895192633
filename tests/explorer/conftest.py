"""Small networks and machines with choices: a layer takes milliseconds."""

from __future__ import annotations

from pathlib import Path

import pytest

NETWORK = """\
net tiny
param wide = choose(4, 8)
input image[3, 8, 8]
block body(x) {
    return choose {
        plain: x -> conv(wide, choose(1, 3), pad = same)
        deep:  x -> conv(wide, 1) -> conv(wide, 3, pad = same)
        skip:  x
    }
}
output image -> body -> body -> relu
metric top1 = 60% from "a guess"
"""

OTHER = """\
net other
input image[3, 8, 8]
output image -> conv(4, 3) -> relu -> conv(8, choose(1, 3))
metric top1 = 50% from "a guess"
"""

MACHINE = """\
accel small
param n = choose(2, 4)
clock 100 MHz
precision { inputs, weights, outputs = 8 bit; sums = 16 bit }
memory DRAM { bandwidth = choose(1 GB/s, 2 GB/s) shared; energy = 8 pJ/bit }
memory Buffer {
    size = choose(1 KiB, 2 KiB, 8 KiB)
    width = 64 bit
    energy = 1 pJ/bit
    may_hold = [inputs, weights, outputs]
}
array PE[row = n, col = n] {
    along row: reduce sums, multicast weights
    along col: multicast inputs
    mac { rate = 1/cycle; energy = 1 pJ }
}
require Buffer.size >= 2 KiB or n == 2 "a larger array needs a larger buffer"
dataflow weight_stationary { PE.row = C; PE.col = K }
dataflow output_stationary { PE.row = P; PE.col = Q }
"""


@pytest.fixture
def designs(tmp_path: Path) -> Path:
    """A folder with two networks, a machine, and a study of them."""
    (tmp_path / "tiny.net").write_text(NETWORK)
    (tmp_path / "other.net").write_text(OTHER)
    (tmp_path / "small.accel").write_text(MACHINE)
    (tmp_path / "both.study").write_text(
        'study both\nnetworks "tiny.net", "other.net"\naccelerators "small.accel"\n'
        "minimize latency, energy\nmaximize top1\nwhere latency < 1 ms, Buffer.size <= 2 KiB\nseed 3\n"
    )
    return tmp_path
