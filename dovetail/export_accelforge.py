"""`--to accelforge`: for each layer a specification with its Einsum, the architecture, and the mapping."""

from __future__ import annotations

from dovetail.costmodel.accelforge import specification, tensor_bits
from dovetail.costmodel.price_table import energy_table
from dovetail.costmodel.yaml_text import yaml_text
from dovetail.export_command import Export, file_name, make_folder
from dovetail.same_layers import evaluated, with_macs


def write(asked: Export) -> str:
    """Write `LAYER.yaml`, and `LAYER.free.yaml` without a mapping; what was written, in words."""
    evaluation = evaluated(asked.request)
    cost = evaluation.cost
    output = make_folder(asked.output)
    layers = with_macs(evaluation)
    for layer in layers:
        assert layer.problem is not None and layer.chosen is not None
        table = energy_table(cost.prices, layer.problem.bits)
        widths = tensor_bits(layer.problem, layer.chosen.cost)
        flow = next((f for f in cost.architecture.dataflows if f.name == layer.dataflow), None)
        for suffix, mapping in ((".yaml", layer.mapping), (".free.yaml", None)):
            tree = specification(layer.name, layer.problem, cost.architecture, table, mapping, widths, flow)
            (output / (file_name(layer.name) + suffix)).write_text(yaml_text(tree), encoding="utf-8")
    count = f"{len(layers)} {'layer' if len(layers) == 1 else 'layers'}"
    return (
        f"{count} for accelforge in {output}: LAYER.yaml has our mapping,\n"
        "LAYER.free.yaml leaves to its mapper what the layer's dataflow leaves open\n"
        'run: accelforge.Spec.from_yaml("LAYER.yaml").evaluate_mapping()\n'
    )
