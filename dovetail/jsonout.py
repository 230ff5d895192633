"""What `--json` prints: versioned schemas, units in the names. `docs/json.md` documents every field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail.accel.architecture import Architecture, Array, Dataflow, Memory
    from dovetail.check_command import Checked
    from dovetail.costmodel.components import Prices
    from dovetail.costmodel.figures import Figure
    from dovetail.dsl.diagnostics import Diagnostic, Label
    from dovetail.dsl.layer import Layer, Tensor
    from dovetail.dsl.network import Network
    from dovetail.dsl.space import Space

Json = dict[str, Any]


def dump(whole: Json) -> str:
    """The text: two blanks a level, one line end. The same input gives the same bytes."""
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


# ------------------------------------------------------------------------------------------- check


def check_json(results: Sequence[Checked]) -> Json:
    """`dovetail.check/1`."""
    files = [
        {
            "file": str(result.path),
            "kind": result.kind,
            "name": result.name,
            "ok": result.errors == 0,
            "errors": result.errors,
            "warnings": result.warnings,
            "diagnostics": [diagnostic_json(d) for d in result.diagnostics],
        }
        for result in results
    ]
    return {"schema": "dovetail.check/1", "ok": all(f["ok"] for f in files), "files": files}


def diagnostic_json(diagnostic: Diagnostic) -> Json:
    """One problem; `place` is null where it has none."""
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "place": _place(diagnostic.primary) if diagnostic.primary else None,
        "others": [_place(label) for label in diagnostic.others],
        "help": list(diagnostic.help),
    }


def _place(label: Label) -> Json:
    source = label.span.source
    line, column = source.position(label.span.start)
    end_line, end_column = source.position(label.span.end)
    return {
        "file": source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "text": label.text,
    }


# ----------------------------------------------------------------------------------------- network


def network_json(network: Network, parameters: Mapping[str, object]) -> Json:
    """`dovetail.network/1`, at batch 1."""
    costing = [layer for layer in network.layers if network.free(layer) is None]
    return {
        "schema": "dovetail.network/1",
        "network": network.name,
        "parameters": parameters_json(parameters),
        "metrics": _metrics(network),
        "inputs": [_tensor(t) for t in network.inputs],
        "outputs": [_tensor(t) for t in network.outputs],
        "total": {
            "layers": len(network.layers),
            "macs": network.macs,
            "params": network.params,
            "weights": network.weights,
            "weight_bytes": network.weight_bytes,
            "words": sum(layer.words for layer in costing),
            "activation_bytes": sum(layer.activation_bytes for layer in costing),
            "operations": sum(layer.operations for layer in costing),
        },
        "layers": [_network_layer(layer, network) for layer in network.layers],
    }


def _network_layer(layer: Layer, network: Network) -> Json:
    loops = layer.loops
    return {
        "name": layer.name,
        "op": layer.op,
        "class": layer.layer_class,
        "inputs": [_tensor(t) for t in layer.inputs],
        "outputs": [_tensor(t) for t in layer.outputs],
        "loops": loops.bounds if loops else None,
        "stride": list(loops.stride) if loops else None,
        "dilation": list(loops.dilation) if loops else None,
        "sum_bits": loops.bits.sums if loops else None,
        "weight_bits": layer.weight_bits,
        "macs": layer.macs,
        "operations": layer.operations,
        "params": layer.params,
        "weights": layer.weights,
        "bias": layer.bias,
        "norm": layer.norm,
        "weight_zeros": layer.weight_zeros,
        "weight_bytes": layer.weight_bytes,
        "input_words": layer.input_words,
        "output_words": layer.output_words,
        "words": layer.words,
        "activation_bytes": layer.activation_bytes,
        "arithmetic_intensity_macs_per_word": layer.arithmetic_intensity,
        "free": network.free(layer),
    }


def _tensor(tensor: Tensor) -> Json:
    return {"name": tensor.name, "shape": list(tensor.shape), "bits": tensor.bits}


def _metrics(network: Network) -> Json:
    from dovetail.dsl.declarations import Figure

    return {
        figure.name: {"value": figure.value, "source": figure.source}
        for figure in network.metrics.values()
        if isinstance(figure, Figure)
    }


def parameters_json(parameters: Mapping[str, object]) -> Json:
    """Parameters: numbers and flags as they are, everything else as a text writes it."""
    from dovetail.dsl.values import text_of

    return {
        name: value if isinstance(value, bool | int | float) else text_of(value)
        for name, value in parameters.items()
    }


# ------------------------------------------------------------------------------------------- space


def space_json(space: Space, kind: str, parameters: Mapping[str, object]) -> Json:
    """`dovetail.space/1`. `size` is text as well, for readers whose numbers end at 2^53."""
    return {
        "schema": "dovetail.space/1",
        "space": space.name,
        "of": kind,
        "parameters": parameters_json(parameters),
        "size": space.size,
        "size_text": str(space.size),
        "choices": [{"path": site.path, "options": list(site.options)} for site in space.sites],
    }


# ------------------------------------------------------------------------------------- accelerator


def accelerator_json(architecture: Architecture, prices: Prices, parameters: Mapping[str, object]) -> Json:
    """`dovetail.accelerator/1`."""
    from dovetail.accel.architecture import Memory

    bits = architecture.bits
    return {
        "schema": "dovetail.accelerator/1",
        "accelerator": architecture.name,
        "parameters": parameters_json(parameters),
        "metrics": {name: {"value": value, "source": source} for name, value, source in architecture.metrics},
        "technology_nm": architecture.technology_nm,
        "clock_hz": architecture.clock_hz,
        "precision_bits": {
            "weights": bits.weights,
            "inputs": bits.inputs,
            "outputs": bits.outputs,
            "sums": bits.sums,
        },
        "overlap_transfers": architecture.overlap_transfers,
        "pes": architecture.pes,
        "area_mm2": _figure(prices.area_mm2),
        "leakage_mw": _figure(prices.leakage_mw),
        "levels": [
            _memory(level, architecture, prices) if isinstance(level, Memory) else _array(level, prices)
            for level in architecture.levels
        ],
        "mac": {
            "instances": prices.mac.instances,
            "lanes": architecture.mac.lanes,
            "macs_per_cycle": [
                {"at_most_bits": rate.bits, "rate": float(rate.per_cycle)} for rate in architecture.mac.rates
            ],
            "energy_pj": _figure(prices.mac.energy_pj(bits)),
            "area_mm2": _figure(prices.mac.area_mm2),
            "leakage_mw": _figure(prices.mac.leakage_mw),
        },
        "units": [
            {
                "name": unit.name,
                "lanes": unit.lanes,
                "at": unit.at,
                "does": sorted(unit.does),
                "element_pj": _figure(prices.units[unit.name].element_pj),
            }
            for unit in architecture.units
        ],
        "dataflows": [_dataflow(dataflow) for dataflow in architecture.dataflows],
    }


def _memory(memory: Memory, architecture: Architecture, prices: Prices) -> Json:
    price = prices.memories[memory.name]
    read, write = memory.read_bits_per_cycle, memory.write_bits_per_cycle
    return {
        "kind": "memory",
        "name": memory.name,
        "instances": price.instances,
        "holds": sorted(memory.holds),
        "may_hold": sorted(memory.may_hold),
        "size_bits": memory.size_bits,
        "width_bits": memory.width_bits,
        "read_bits_per_cycle": float(read) if read is not None else None,
        "write_bits_per_cycle": float(write) if write is not None else None,
        "ports": str(memory.ports),
        "accesses_per_cycle": float(memory.accesses_per_cycle) if memory.accesses_per_cycle else None,
        "buffering": str(memory.buffering),
        "latency_cycles": memory.latency_cycles,
        "access_bits": price.bits,
        "read": _figure(price.read_pj),
        "fill": _figure(price.fill_pj),
        "update": _figure(price.update_pj),
        "area_mm2": _figure(price.area_mm2),
        "leakage_mw": _figure(price.leakage_mw),
    }


def _array(array: Array, prices: Prices) -> Json:
    priced = {id(link.link): link for link in prices.links if link.array == array.name}
    return {
        "kind": "array",
        "name": array.name,
        "axes": {axis.name: axis.size for axis in array.axes},
        "links": [
            {
                "axes": list(link.axes),
                "kind": str(link.kind),
                "tensor": link.tensor,
                "hop_pj_per_bit": _figure(priced[id(link)].per_bit_pj),
                "hop_pj_per_word": _figure(priced[id(link)].per_word_pj),
            }
            for link in array.links
        ],
    }


def _dataflow(dataflow: Dataflow) -> Json:
    from dovetail.accelerator_table import constraint_text

    return {"name": dataflow.name, "constraints": [constraint_text(c) for c in dataflow.constraints]}


def _figure(figure: Figure) -> Json:
    return {"value": figure.value, "unit": figure.unit, "source": figure.source, "error": figure.error}
