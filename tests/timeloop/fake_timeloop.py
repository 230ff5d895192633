"""A stand-in for `timeloop-model`: reads `in.yaml` by the reader of these tests, prints the program's
statistics.

Only lines that the program is known to print, in its words; counts are those of our own model.
"""

from __future__ import annotations

import importlib.util
import sys
from math import ceil
from pathlib import Path
from typing import Any

from dovetail.costmodel.evaluate import evaluate_mapping

SPACES = {"weights": "Weights", "inputs": "Inputs", "outputs": "Outputs"}


def main(path: str) -> None:
    spec = importlib.util.spec_from_file_location("v3_reader", Path(__file__).parent / "v3_reader.py")
    assert spec is not None and spec.loader is not None
    reader = importlib.util.module_from_spec(spec)
    sys.modules["v3_reader"] = reader
    spec.loader.exec_module(reader)
    found = reader.read(Path(path).read_text())
    Path("timeloop-model.stats.txt").write_text(printed(found))


def printed(found: Any) -> str:
    cost = evaluate_mapping(found.problem, found.architecture, found.mapping, found.prices)
    counts = cost.counts
    lines = [
        "Buffer and Arithmetic Levels",
        "-" * 28,
        "Level 0",
        "-------",
        "=== MAC ===",
        "",
        "    STATS",
        "    -----",
    ]
    lines += [
        f"    Utilized instances      : {counts.pes}",
        f"    Computes (total)        : {counts.macs}",
        f"    Cycles                  : {counts.steps}",
        f"    Energy (total)          : {cost.energy.mac_pj:.2f} pJ",
    ]
    for number, memory in enumerate(reversed(found.architecture.memories), start=1):
        held = counts.at(memory.name)
        lines += ["", f"Level {number}", "-------", f"=== {memory.name} ===", "", "    STATS", "    -----"]
        port = dict(cost.latency.ports).get(memory.name, 0)
        throttling = min(1.0, counts.steps / port) if port else 1.0
        lines += [f"    Cycles               : {max(counts.steps, ceil(port))}"]
        lines += [f"    Bandwidth throttling : {throttling:.2f}"]
        for holder in held:
            n = holder.instances
            energy = cost.energy.memories_pj[memory.name][holder.operand]
            lines += [
                f"    {SPACES[holder.operand]}:",
                f"        Utilized capacity                        : {holder.tile_words}",
                f"        Utilized instances (max)                 : {n}",
                f"        Scalar reads (per-instance)              : {holder.reads / n:.10g}",
                f"        Scalar fills (per-instance)              : {holder.fills / n:.10g}",
                f"        Scalar updates (per-instance)            : {holder.updates / n:.10g}",
                f"        Energy (total)                           : {energy:.2f} pJ",
            ]
    lines += ["", "Networks", "--------", "", "Summary Stats", "-------------"]
    lines += [f"Utilization: {100 * cost.utilization:.2f}%", f"Cycles: {cost.cycles}"]
    return "\n".join([*lines, f"Energy: {cost.energy_pj * 1e-6:.2f} uJ", ""])


if __name__ == "__main__":
    main(sys.argv[1])
