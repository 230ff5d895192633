"""Single changes: an accelerator with one figure other than its text says, a layer with another kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from dovetail.accel.architecture import Architecture, Array, Buffering, Memory
from dovetail.dsl.layer import Layer, Tensor
from dovetail.dsl.problem import Bits, Problem


@dataclass(frozen=True, slots=True)
class MachineChange:
    """Another machine; `bits` where the networks change their default widths with it."""

    kind: str
    """`PEs`, `buffer`, `bandwidth`, `latency`, `MACs`, `overlap`, `units`, `precision`."""
    what: str
    """`PE.row 64, not 32`."""
    architecture: Architecture
    bits: Bits | None = None


@dataclass(frozen=True, slots=True)
class LayerChange:
    """Other layers in place of one: another kernel, which computes something else."""

    layer: str
    what: str
    layers: tuple[Layer, ...]


def machine_changes(architecture: Architecture, factor: int = 2) -> Iterator[MachineChange]:
    """Each figure of an accelerator that more of may help, alone, times `factor`."""
    for array in architecture.arrays:
        for axis in array.axes:
            more = axis.size * factor
            axes = tuple(replace(a, size=more) if a is axis else a for a in array.axes)
            yield MachineChange(
                "PEs",
                f"{array.name}.{axis.name} = {more}, not {axis.size}",
                _level(architecture, array, lambda level, axes=axes: replace(level, axes=axes)),
            )
    for memory in architecture.memories:
        yield from _memory_changes(architecture, memory, factor)
    rates = tuple(replace(rate, per_cycle=rate.per_cycle * factor) for rate in architecture.mac.rates)
    yield MachineChange(
        "MACs",
        f"{factor} MACs a cycle and PE",
        replace(architecture, mac=replace(architecture.mac, rates=rates)),
    )
    if not architecture.overlap_transfers:
        yield MachineChange(
            "overlap", "transfers overlap with compute", replace(architecture, overlap_transfers=True)
        )
    for unit in architecture.units:
        units = tuple(replace(u, lanes=u.lanes * factor) if u is unit else u for u in architecture.units)
        yield MachineChange(
            "units",
            f"{unit.name} has {unit.lanes * factor} lanes, not {unit.lanes}",
            replace(architecture, units=units),
        )
    own = architecture.bits
    half = Bits(*(max(1, width // 2) for width in (own.weights, own.inputs, own.outputs, own.sums)))
    if half != own:
        yield MachineChange(
            "precision",
            f"{half.weights} bit weights and {half.inputs} bit inputs, not {own.weights} and {own.inputs}",
            replace(architecture, bits=half),
            half,
        )


def _memory_changes(architecture: Architecture, memory: Memory, factor: int) -> Iterator[MachineChange]:
    name = memory.name
    outermost = memory is architecture.memories[0]
    if memory.size_bits is not None and not outermost:
        more = memory.size_bits * factor
        yield MachineChange(
            "buffer",
            f"{name} holds {_size(more)}, not {_size(memory.size_bits)}",
            _level(architecture, memory, lambda level: replace(level, size_bits=more)),
        )
    if memory.read_bits_per_cycle is not None or memory.write_bits_per_cycle is not None:
        yield MachineChange(
            "bandwidth",
            f"{name} has {factor} times the bandwidth",
            _level(
                architecture,
                memory,
                lambda level: replace(
                    level,
                    read_bits_per_cycle=_times(level.read_bits_per_cycle, factor),
                    write_bits_per_cycle=_times(level.write_bits_per_cycle, factor),
                    accesses_per_cycle=_times(level.accesses_per_cycle, factor),
                ),
            ),
        )
    if memory.latency_cycles:
        yield MachineChange(
            "latency",
            f"{name} answers at once, not after {memory.latency_cycles} cycles",
            _level(architecture, memory, lambda level: replace(level, latency_cycles=0)),
        )
    if memory.buffering is Buffering.SINGLE:
        yield MachineChange(
            "buffer",
            f"{name} is filled while it is used",
            _level(architecture, memory, lambda level: replace(level, buffering=Buffering.DOUBLE)),
        )


def _level(
    architecture: Architecture, level: Memory | Array, change: Callable[..., Memory | Array]
) -> Architecture:
    levels = tuple(change(other) if other is level else other for other in architecture.levels)
    return replace(architecture, levels=levels)


def _times(rate: Fraction | None, factor: int) -> Fraction | None:
    return None if rate is None else rate * factor


def _size(bits: int) -> str:
    for factor, unit in ((8 * 2**20, "MiB"), (8 * 2**10, "KiB"), (8, "B")):
        if bits % factor == 0 and bits >= factor:
            return f"{bits // factor} {unit}"
    return f"{bits} bit"


# -------------------------------------------------------------------------------------------- kernels


def layer_changes(layer: Layer) -> Iterator[LayerChange]:
    """A convolution by other members of the palette, its input and output as they are."""
    loops = layer.loops
    if loops is None or layer.op not in ("conv", "dwconv") or loops.N != 1:
        return
    window = loops.R * loops.S
    if loops.G == 1 and loops.C > 1 and window > 1:
        deep = replace(loops, G=loops.C, C=1, K=1)
        wide = replace(loops, R=1, S=1, stride=(1, 1), dilation=(1, 1))
        middle = Tensor(f"{layer.name}.depthwise", (loops.C, loops.P, loops.Q), layer.inputs[0].bits)
        first = _with(layer, f"{layer.name}.depthwise", deep, layer.inputs, middle)
        second = _with(layer, f"{layer.name}.pointwise", wide, (middle,), layer.output)
        yield LayerChange(layer.name, f"depthwise {loops.R}x{loops.S}, then 1x1", (first, second))
    if window > 9:
        yield _smaller(layer, loops, 3)
    if window > 1:
        yield _smaller(layer, loops, 1)
    for groups in (2, 4):
        if loops.G == 1 and loops.C % groups == 0 and loops.K % groups == 0:
            split = replace(loops, G=groups, C=loops.C // groups, K=loops.K // groups)
            what = f"in {groups} groups"
            yield LayerChange(
                layer.name, what, (_with(layer, layer.name, split, layer.inputs, layer.output),)
            )


def _smaller(layer: Layer, loops: Problem, kernel: int) -> LayerChange:
    small = replace(loops, R=min(kernel, loops.R), S=min(kernel, loops.S))
    what = f"kernel {small.R}x{small.S}, not {loops.R}x{loops.S}"
    return LayerChange(layer.name, what, (_with(layer, layer.name, small, layer.inputs, layer.output),))


def _with(layer: Layer, name: str, loops: Problem, inputs: tuple[Tensor, ...], output: Tensor) -> Layer:
    bits = replace(loops.bits, inputs=inputs[0].bits, outputs=output.bits)
    return replace(
        layer,
        name=name,
        inputs=inputs,
        outputs=(output,),
        loops=replace(loops, bits=bits),
        weights=loops.G * loops.K * loops.C * loops.R * loops.S,
    )
