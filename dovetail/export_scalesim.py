"""`--to scalesim`: the topology of all layers, and a configuration for each dataflow that they take."""

from __future__ import annotations

from dovetail.costmodel.scalesim import (
    Inexpressible,
    Row,
    configuration_of,
    configuration_text,
    dataflow_name,
    layout_text,
    row_of,
    topology_text,
)
from dovetail.export_command import Export, make_folder
from dovetail.same_layers import evaluated, with_macs


def write(asked: Export) -> str:
    """Write `topology_DATAFLOW.csv`, `layout_DATAFLOW.csv`, `scale_DATAFLOW.cfg`; what was written, in
    words.
    """
    evaluation = evaluated(asked.request)
    architecture = evaluation.cost.architecture
    output = make_folder(asked.output)
    by_dataflow: dict[str, list[Row]] = {}
    lines: list[str] = []
    for layer in with_macs(evaluation):
        assert layer.problem is not None
        try:
            name = dataflow_name(architecture, layer.dataflow)
            by_dataflow.setdefault(name, []).append(row_of(layer.name, layer.problem))
        except Inexpressible as reason:
            lines.append(f"{layer.name} is left out: {reason}")
    for name, rows in by_dataflow.items():
        try:
            configuration = configuration_of(architecture, name)
        except Inexpressible as reason:
            lines.append(f"no configuration: {reason}")
            break
        (output / f"topology_{name}.csv").write_text(topology_text(rows), encoding="utf-8")
        (output / f"layout_{name}.csv").write_text(layout_text(rows), encoding="utf-8")
        (output / f"scale_{name}.cfg").write_text(configuration_text(configuration), encoding="utf-8")
        many = [row for row in rows if row.times > 1]
        lines.append(
            f"{len(rows)} {'layer' if len(rows) == 1 else 'layers'} with dataflow {name} in {output}"
        )
        lines += [f"{row.name} is one of {row.times} equal runs (groups and batch)" for row in many]
        lines += configuration.notes
        files = f"-c scale_{name}.cfg -t topology_{name}.csv -l layout_{name}.csv"
        lines.append(f"run: python -m scalesim.scale {files} -p results")
    return "\n".join(dict.fromkeys(lines)) + "\n"
