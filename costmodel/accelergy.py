"""Accelergy: an architecture as its component description, its energy and area tables read back.

    found = run_accelergy(architecture, folder)
    architecture = with_energies(architecture, found)

`accelergy` is looked for on the PATH, or where `DOVETAIL_ACCELERGY` says.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from dovetail.accel.architecture import Architecture
from dovetail.costmodel.external import ExternalFault, Ran, find, read_output, run
from dovetail.costmodel.part_energies import Part, PartEnergy, parts_of
from dovetail.costmodel.yaml_text import yaml_text, yaml_tree

VARIABLE: Final = "DOVETAIL_ACCELERGY"
HOW_TO_GET: Final = (
    "Accelergy is installed from source: github.com/Accelergy-Project/accelergy, with plug-ins for memories",
    "or use its successor: --energy hwcomponents, which is a package",
    f"{VARIABLE} may name the program where it is not on the PATH",
)
CLASSES: Final = {"dram": "DRAM", "sram": "SRAM", "regfile": "regfile", "mac": "intmac"}


def description(architecture: Architecture) -> dict[str, Any]:
    """The architecture description (form 0.3): one component a part, since energies are per instance."""
    nm = architecture.technology_nm
    seconds = 1 / architecture.clock_hz
    shared = {"technology": f"{nm:g}nm", "global_cycle_seconds": seconds}
    local = [
        {"name": part.name, "class": CLASSES[part.kind], "attributes": _attributes(part)}
        for part in parts_of(architecture)
    ]
    system = {"name": "system", "attributes": shared, "local": local}
    return {"architecture": {"version": 0.3, "subtree": [system]}}


def _attributes(part: Part) -> dict[str, Any]:
    match part.kind:
        case "mac":
            return {"datawidth": part.width, "num_pipeline_stages": 1}
        case "dram":
            return {"type": part.type, "width": part.width, "datawidth": part.width}
        case _:
            return {
                "width": part.width,
                "depth": part.depth,
                "datawidth": part.width,
                "n_banks": part.banks,
                "n_rdwr_ports": part.ports,
                "n_rd_ports": 0,
                "n_wr_ports": 0,
            }


def run_accelergy(architecture: Architecture, folder: Path, seconds: float = 300) -> dict[str, PartEnergy]:
    """Describe, run, read; raises ExternalFault."""
    path = find("accelergy", VARIABLE)
    if path is None:
        raise ExternalFault("`accelergy` is not installed, or not on the PATH", help=HOW_TO_GET)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "architecture.yaml").write_text(yaml_text(description(architecture)), encoding="utf-8")
    ran = run((path, "architecture.yaml", "-o", "out"), "Accelergy", folder, seconds)
    energies = read_output(folder / "out" / "ERT.yaml", "Accelergy", ran)
    areas = read_output(folder / "out" / "ART.yaml", "Accelergy", ran)
    return read_tables(energies, areas, parts_of(architecture), ran)


def read_tables(
    energies: str, areas: str, parts: tuple[Part, ...], ran: Ran | None = None
) -> dict[str, PartEnergy]:
    """The energies (pJ) and areas (um2) of the parts; raises ExternalFault where a part has none."""
    command, output = (ran.command, ran.output) if ran is not None else ((), "")
    try:
        actions = {
            _part_name(t["name"]): _actions(t["actions"]) for t in yaml_tree(energies)["ERT"]["tables"]
        }
        sizes = {_part_name(t["name"]): float(t["area"]) for t in yaml_tree(areas)["ART"]["tables"]}
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        reason = f"`{fault.args[0]}` is missing" if isinstance(fault, KeyError) else str(fault)
        raise ExternalFault(f"Accelergy's tables cannot be read: {reason}", command, output) from fault
    found: dict[str, PartEnergy] = {}
    for part in parts:
        said = actions.get(part.name, {})
        reads = ("compute", "mac_random", "mac") if part.kind == "mac" else ("read",)
        read = next((said[name] for name in reads if name in said), None)
        write = said.get("write", said.get("update", read))
        if read is None or write is None:
            raise ExternalFault(f"Accelergy has no energy for `{part.name}`", command, output)
        area = sizes.get(part.name)
        found[part.name] = PartEnergy(
            read, write, None if area is None or part.kind == "dram" else area * 1e-6, said.get("leak_mw")
        )
    return found


def _part_name(path: str) -> str:
    """`system.PE.buffer[1..168]` is `buffer`."""
    return re.sub(r"\[\d+\.\.\d+\]", "", path).rpartition(".")[2]


def _actions(actions: list[dict[str, Any]]) -> dict[str, float]:
    """pJ of each action; of one with several arguments the most: all bits change, at another address."""
    found: dict[str, float] = {}
    for action in actions:
        name = str(action["name"])
        found[name] = max(found.get(name, 0.0), float(action["energy"]))
    return found
