"""hwcomponents, Accelergy's successor: its component models run in an environment of their own (Python 3.12).

Memories come from its CACTI plug-in (`hwcomponents-cacti`), registers and MACs from its library
(`hwcomponents-library`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from dovetail.accel.architecture import Architecture
from dovetail.costmodel.external import ExternalFault, read_output
from dovetail.costmodel.foreign_python import run_script, version_of
from dovetail.costmodel.part_energies import Part, PartEnergy, parts_of

SCRIPT: Final = """\
import importlib.metadata, json
print("version", importlib.metadata.version("hwcomponents"))
import hwcomponents_cacti
from hwcomponents_library.library import aladdin

asked = json.load(open("parts.json"))
node = asked["technology_nm"] * 1e-9
found = {}
for part in asked["parts"]:
    kind, width, depth = part["kind"], part["width"], part["depth"]
    print("part", part["name"])
    if kind == "dram":
        model = getattr(hwcomponents_cacti, part["type"])(width=width)
    elif kind == "sram":
        model = hwcomponents_cacti.SRAM(
            tech_node=node, width=width, depth=depth, size=width * depth, n_banks=part["banks"]
        )
    elif kind == "regfile":
        model = aladdin.AladdinRegister(tech_node=node, width=width)
    else:
        model = aladdin.AladdinIntMAC(tech_node=node, adder_width=2 * width, multiplier_width=width)
    cost = model.compute() if kind == "mac" else model.read()
    write = cost if kind == "mac" else model.write()
    many = depth if kind == "regfile" else 1
    found[part["name"]] = {
        "read_pj": cost.energy * 1e12, "write_pj": write.energy * 1e12,
        "area_mm2": None if kind == "dram" else many * model.area * 1e6,
        "leakage_mw": None if kind == "dram" else many * model.leak_power * 1e3,
    }
json.dump(found, open("energies.json", "w"))
"""
"""What its own Python runs: parts in, energies out (Joule, square metres and Watt there)."""


def run_hwcomponents(
    architecture: Architecture, folder: Path, python: str | None = None, seconds: float = 300
) -> dict[str, PartEnergy]:
    """Energies of all parts; raises ExternalFault."""
    folder.mkdir(parents=True, exist_ok=True)
    version_of("hwcomponents", "1.", python, folder)
    parts = parts_of(architecture)
    asked = {"technology_nm": architecture.technology_nm, "parts": [asdict(part) for part in parts]}
    (folder / "parts.json").write_text(json.dumps(asked), encoding="utf-8")
    help = (
        "memories come from hwcomponents-cacti, MACs and registers from hwcomponents-library: install both",
        "its CACTI is a program that needs a recent C library, and memories of at least 64 rows of 32 bit",
    )
    ran = run_script("hwcomponents", SCRIPT, (), python, folder, seconds, help)
    text = read_output(folder / "energies.json", "hwcomponents", ran)
    try:
        return read_energies(text, parts)
    except ValueError as fault:
        raise ExternalFault(
            f"what hwcomponents wrote cannot be read: {fault}", ran.command, ran.output
        ) from fault


def read_energies(text: str, parts: tuple[Part, ...]) -> dict[str, PartEnergy]:
    """What `SCRIPT` writes; raises ValueError where a part is missing or is no set of numbers."""
    found = json.loads(text)
    energies: dict[str, PartEnergy] = {}
    for part in parts:
        said = found.get(part.name) if isinstance(found, dict) else None
        if not isinstance(said, dict):
            raise ValueError(f"`{part.name}` is missing")
        try:
            energies[part.name] = PartEnergy(**said)
        except TypeError as fault:
            raise ValueError(f"`{part.name}`: {fault}") from fault
    return energies
