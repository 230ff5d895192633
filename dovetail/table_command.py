"""`dovetail table NET ACCEL`: latency and energy of every layer that a network or a space can contain.

With a table in place of the accelerator (`dovetail table NET TABLE.csv`) that table is looked up: what the
network takes on the machine it was measured on, or the exact front of a space.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dovetail.console import complain, display, signs, write
from dovetail.evaluation import architecture_of
from dovetail.faults import GOOD, INPUT_AT_FAULT, CommandLineFault
from dovetail.inputs import read_settings, share_settings
from dovetail.numbers import power_of_ten, prefixed
from dovetail.show_command import warn

if TYPE_CHECKING:
    from dovetail.dsl.loading import NetworkDesign
    from dovetail.dsl.problem import Bits
    from dovetail.explorer.exact.fronts import Front
    from dovetail.explorer.exact.recursion import Recursion

TABLES: Final = (".csv", ".parquet")
MOST_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks."""

    files: tuple[Path, ...]
    out: Path | None = None
    settings: tuple[str, ...] = ()
    bits: int | None = None
    batch: int = 1
    as_json: bool = False


def run(request: Request) -> int:
    """Write the table, or look a network up in one; the exit status."""
    network, target = _files(request)
    if target.suffix in TABLES:
        return _look_up(request, network, target)
    return _make(request, network, target)


def _files(request: Request) -> tuple[Path, Path]:
    networks = [path for path in request.files if path.suffix == ".net"]
    targets = [path for path in request.files if path.suffix in (".accel", *TABLES)]
    if len(networks) != 1 or len(targets) != 1 or len(request.files) != 2:
        raise CommandLineFault(
            "`table` takes one network and one accelerator, or a table in place of the accelerator",
            ["`dovetail table NET ACCEL -o layers.csv`", "`dovetail table NET layers.csv`"],
        )
    if request.out is not None and request.out.suffix not in TABLES:
        raise CommandLineFault(f"`{request.out}` has to be a `.csv` or a `.parquet` file")
    return networks[0], targets[0]


def _make(request: Request, network: Path, accelerator: Path) -> int:
    from dovetail.accel.loading import load_accelerator_design
    from dovetail.explorer.layer_solver import LayerSolver, Machine
    from dovetail.explorer.layer_table import csv_text, layer_table, write_table
    from dovetail.jsonout import dump
    from dovetail.pricing import priced

    settings = share_settings(read_settings(request.settings), (network, accelerator))
    design = load_accelerator_design(accelerator, settings[accelerator])
    warn(design.warnings)
    architecture = architecture_of(design)
    own = architecture.bits
    bits = own if request.bits is None else _at(request.bits, own.sums)
    recursion = _recursion(network, bits, settings[network])
    machine = Machine(architecture, priced(architecture))
    table = layer_table(recursion, machine, LayerSolver(), request.batch)
    for layer, why in table.refused:
        complain(f"warning: `{layer}` cannot run on `{architecture.name}`: {why}")
    if not table.rows:
        return INPUT_AT_FAULT
    if request.out is not None:
        write_table(table.rows, request.out)
    elif request.as_json:
        from dataclasses import asdict

        write(dump({"schema": "dovetail.table/1", "rows": [asdict(row) for row in table.rows]}))
    else:
        write(csv_text(table.rows))
    designs = f"{power_of_ten(table.designs)} designs" if table.designs > 1 else "the network"
    where = f" in `{request.out}`" if request.out is not None else ""
    complain(f"{table.layers} distinct layers of {designs}, {len(table.rows)} rows{where}")
    return GOOD


def _at(bits: int, sums: int) -> Bits:
    from dovetail.dsl.problem import Bits

    return Bits(bits, bits, bits, max(bits, sums))


def _recursion(network: Path, bits: Bits, settings: dict[str, str]) -> Recursion:
    from dovetail.dsl.diagnostics import Diagnostic, DovetailError
    from dovetail.dsl.loading import load_network_design
    from dovetail.explorer.exact.machine_front import additive_of
    from dovetail.explorer.exact.structure import NoStructure, find_recursion

    design: NetworkDesign = load_network_design(network, settings)
    warn(design.warnings)
    try:
        return find_recursion(network, bits, settings, additive_of(design))
    except NoStructure as fault:
        message = f"the layers of `{network}` cannot be listed: {fault}"
        raise DovetailError([Diagnostic("E0904", message)]) from fault


def _look_up(request: Request, network: Path, path: Path) -> int:
    from dovetail.dsl.problem import Bits
    from dovetail.explorer.measured import load_measured
    from dovetail.jsonout import dump

    settings = share_settings(read_settings(request.settings), (network,))
    target = load_measured(path)
    bits = Bits() if request.bits is None else Bits(*(request.bits,) * 4)
    recursion = _recursion(network, bits, settings[network])
    absent = target.missing(recursion.layers, request.batch)
    front = target.front(recursion, request.batch)
    if absent and recursion.size > 1:
        complain(f"warning: designs with layers that `{path}` lacks are left out: {len(absent)} layers")
    if request.as_json:
        write(dump(_json(front, network.stem, target.name)))
    else:
        _print(front, recursion, target.name)
    return GOOD


def _json(front: Front, network: str, target: str) -> dict[str, object]:
    import numpy as np

    designs = front.designs(np.arange(len(front)))
    return {
        "schema": "dovetail.measured/1",
        "network": network,
        "target": target,
        "front": [
            {
                "latency_s": float(row[0]),
                "energy_pj": float(row[1]),
                "choices": dict(choices),
            }
            for row, choices in zip(front.values, designs.choices, strict=True)
        ],
    }


def _print(front: Front, recursion: Recursion, target: str) -> None:
    import numpy as np

    from dovetail.tables import heading, plain_table

    size = recursion.size
    facts = [
        f"on `{target}`",
        f"{power_of_ten(size)} designs" if size > 1 else f"{len(recursion.layers)} distinct layers",
    ]
    display(heading(recursion.name, [*facts, f"exact front of {len(front)}"], signs()))
    shown = np.unique(np.linspace(0, len(front) - 1, MOST_SHOWN).astype(np.int64))
    designs = front.designs(shown)
    table = plain_table(("latency", "right"), ("energy", "right"), ("choices", "text"))
    for row, choices in zip(front.values[shown], designs.choices, strict=True):
        made = ", ".join(f"{path} = {option}" for path, option in choices.items())
        table.row(prefixed(row[0], "s"), prefixed(row[1] * 1e-12, "J"), made or "none")
    display(table)
    if len(front) > len(shown):
        complain(f"{len(front) - len(shown)} more on the front (--json)")
