"""The simulator: a layer on an array, cycle by cycle, with real integers.

result = simulate(layer, architecture, dataflow="weight_stationary")
result.output, result.cycles, result.phases, result.counts, result.trace("trace.json")
"""

from dovetail.accel.simulator.canonical import canonical_mapping
from dovetail.accel.simulator.operands import Data, convolution, random_data
from dovetail.accel.simulator.refusal import CannotSimulate
from dovetail.accel.simulator.result import Accesses, Phases, SimulationResult
from dovetail.accel.simulator.simulate import simulate

__all__ = [
    "Accesses",
    "CannotSimulate",
    "Data",
    "Phases",
    "SimulationResult",
    "canonical_mapping",
    "convolution",
    "random_data",
    "simulate",
]
