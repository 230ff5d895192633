"""How fast the simulator is.

    python benchmarks/simulator.py [--networks] [--scalesim PYTHON]

AlexNet's conv3 on 32 x 32 PEs in each dataflow, with numbers and cycles alone; with `--networks` all of
ResNet-18; with `--scalesim`, the interpreter of an environment that has the package `scalesim`, the same
layers there: its compute side alone (operand matrices and demand), and the whole of it, memories included. It
moves addresses, not numbers. Seconds are the processor's. A small layer runs first, so that compiling (once,
where numba is installed) is not in the figures; `DOVETAIL_PURE=1` shows plain NumPy.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dovetail.accel.architecture import Architecture
from dovetail.accel.loading import accelerator_from_text
from dovetail.accel.simulator import SimulationResult, simulate
from dovetail.dsl.loading import load_network_design
from dovetail.dsl.problem import Problem

ROOT = Path(__file__).resolve().parent.parent
DATAFLOWS = {"weight_stationary": "ws", "input_stationary": "is", "output_stationary": "os"}
CONV3 = Problem(K=384, C=192, P=13, Q=13, R=3, S=3)
SIZE = 32

SCALESIM = """
import sys, time
from scalesim.scale_config import scale_config
from scalesim.single_layer_sim import single_layer_sim
from scalesim.topology_utils import topologies
from scalesim.layout_utils import layouts
from scalesim.compute.operand_matrix import operand_matrix
from scalesim.compute.systolic_compute_{flow} import systolic_compute_{flow} as systolic
config, topology = scale_config(), topologies()
config.read_conf_file(sys.argv[1])
topology.load_arrays(sys.argv[2])
begin = time.process_time()
operands = operand_matrix()
operands.set_params(config_obj=config, topoutil_obj=topology, layoututil_obj=layouts(), layer_id=0)
_, inputs = operands.get_ifmap_matrix()
_, weights = operands.get_filter_matrix()
_, outputs = operands.get_ofmap_matrix()
array = systolic()
array.set_params(config_obj=config, ifmap_op_mat=inputs, ofmap_op_mat=outputs, filter_op_mat=weights)
demand = array.get_demand_matrices()
compute = time.process_time() - begin
begin = time.process_time()
whole = single_layer_sim()
whole.set_params(0, config, topology, layouts(), verbose=False)
whole.run()
print(compute, time.process_time() - begin, demand[0].shape[0])
"""

CONFIG = """[general]
run_name = conv
[architecture_presets]
ArrayHeight: {size}
ArrayWidth: {size}
IfmapSramSzkB: 64
FilterSramSzkB: 64
OfmapSramSzkB: 64
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Dataflow: {flow}
Bandwidth: 10
MemoryBanks: 1
ReadRequestBuffer: 32
WriteRequestBuffer: 32
[layout]
IfmapCustomLayout: False
FilterCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""


def systolic(size: int) -> Architecture:
    return accelerator_from_text(f"""
accel systolic
technology 45 nm
clock      1 GHz
precision  {{ inputs, weights, outputs, sums = 16 bit }}
memory SRAM {{ holds = [inputs, weights, outputs]; energy = 1 pJ/bit }}
array PE[row = {size}, col = {size}] {{
    along col: forward inputs, forward weights
    along row: forward sums, forward weights
    timing {{ load = row; skew = true }}
    memory Register {{ depth = 1; width = 16 bit; energy = 1 pJ/bit; may_hold = [weights, inputs, sums] }}
    mac {{ rate = 1/cycle }}
}}
""").architecture


def timed(
    problem: Problem, array: Architecture, dataflow: str, *, numbers: bool, runs: int = 1
) -> tuple[float, SimulationResult]:
    """Seconds (the least of some runs) and the result."""
    seconds = []
    for _ in range(runs):
        begin = time.process_time()
        result = simulate(problem, array, dataflow, numbers=numbers)
        seconds.append(time.process_time() - begin)
    return min(seconds), result


def one_layer(scalesim: str | None) -> None:
    array = systolic(SIZE)
    for dataflow in DATAFLOWS:
        timed(Problem(K=4, C=4, P=4), array, dataflow, numbers=True)
    print(f"AlexNet conv3 on {SIZE} x {SIZE}")
    print(
        f"{'dataflow':<20}{'cycles':>10}{'cycles alone':>15}{'with numbers':>15}{'PE-cycles/s':>14}", end=""
    )
    print(f"{'SCALE-Sim compute':>20}{'SCALE-Sim whole':>20}" if scalesim else "")
    for dataflow, flow in DATAFLOWS.items():
        alone, result = timed(CONV3, array, dataflow, numbers=False, runs=3)
        moving, _ = timed(CONV3, array, dataflow, numbers=True, runs=3)
        rate = result.cycles * SIZE * SIZE / moving
        print(f"{dataflow:<20}{result.cycles:>10}{alone:>13.3f} s{moving:>13.3f} s{rate:>14.2e}", end="")
        if scalesim:
            *theirs, rows = run_scalesim(scalesim, flow)
            assert rows == result.cycles
            for seconds in theirs:
                print(f"{seconds:>8.2f} s {seconds / alone:>4.0f}x {seconds / moving:>3.0f}x", end="")
        print(flush=True)


def run_scalesim(python: str, flow: str) -> tuple[float, float, int]:
    """Seconds (compute, whole) and cycles of the same layer: the padded input is what windows touch, 15 x
    15."""
    with tempfile.TemporaryDirectory() as folder:
        config, topology = Path(folder) / "array.cfg", Path(folder) / "layer.csv"
        config.write_text(CONFIG.format(size=SIZE, flow=flow))
        header = "Layer,IFMAP Height,IFMAP Width,Filter Height,Filter Width,Channels,Num Filter,Strides,"
        topology.write_text(f"{header}\nconv3,15,15,3,3,192,384,1,\n")
        command = [python, "-c", SCALESIM.format(flow=flow), str(config), str(topology)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        sys.exit(done.stderr)
    compute, whole, rows = done.stdout.split()[-3:]
    return float(compute), float(whole), int(rows)


def whole_network() -> None:
    network = load_network_design(ROOT / "examples/networks/resnet18.net").network
    array = systolic(SIZE)
    for dataflow in DATAFLOWS:
        totals = {False: 0.0, True: 0.0}
        cycles = 0
        for layer in network.layers:
            if layer.loops is None:
                continue
            for numbers in totals:
                seconds, result = timed(layer.loops, array, dataflow, numbers=numbers)
                totals[numbers] += seconds
            cycles += result.cycles
        print(
            f"ResNet-18 {dataflow:<20}{cycles:>10} cycles{totals[False]:>10.2f} s{totals[True]:>10.2f} s",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", action="store_true", help="all of ResNet-18 as well")
    parser.add_argument("--scalesim", help="python of an environment with scalesim 3.0.0")
    given = parser.parse_args()
    one_layer(given.scalesim)
    if given.networks:
        whole_network()


if __name__ == "__main__":
    main()
