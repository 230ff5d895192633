"""`dovetail map NET ACCEL --layer NAME`: the best mapping of one layer, with its certificate."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.console import display, signs, write
from dovetail.evaluate_command import Request, load
from dovetail.evaluation import UnknownName, architecture_of, dataflow_of, illegal, network_of
from dovetail.faults import GOOD, CommandLineFault
from dovetail.inputs import seconds_of

if TYPE_CHECKING:
    from dovetail.accel.architecture import Architecture
    from dovetail.accel.mapping import Mapping
    from dovetail.costmodel.comparison import Comparison
    from dovetail.layer_mapping import LayerMapping


@dataclass(frozen=True, slots=True)
class MapRequest:
    """What the command line asks."""

    files: tuple[Path, ...]
    layer: str
    objective: str = "edp"
    dataflow: str | None = None
    batch: int = 1
    bits: int | None = None
    settings: tuple[str, ...] = ()
    front: bool = False
    within: str | None = None
    tolerance: str | None = None
    time: str | None = None
    uneven: bool = False
    cached: bool = True
    why: str | None = None
    as_json: bool = False


def run(asked: MapRequest) -> int:
    """Map, print, return the exit status."""
    from dovetail.dsl.network import UnknownLayer
    from dovetail.layer_mapping import map_layer

    networks, accelerators = load(Request(asked.files, settings=asked.settings))
    if len(networks) != 1 or len(accelerators) != 1:
        raise CommandLineFault("`map` takes one network and one accelerator")
    architecture = architecture_of(accelerators[0])
    within = None if asked.within is None else _limit(asked.within)
    objective = asked.objective
    if asked.front:
        if asked.within is not None or objective != "edp":
            raise CommandLineFault(
                "`--front` is of latency and energy: it takes neither `--objective` nor `--within`"
            )
        objective = "front"
    elif objective == "front":
        raise CommandLineFault("there is no objective `front`", ["`--front` prints it"])
    try:
        layer = network_of(networks[0], architecture, asked.bits)[asked.layer]
        found = map_layer(
            layer,
            architecture,
            objective,
            None if asked.dataflow == "free" else asked.dataflow,
            free=asked.dataflow == "free",
            batch=asked.batch,
            within=within,
            tolerance=0.0 if asked.tolerance is None else _fraction(asked.tolerance),
            seconds=None if asked.time is None else seconds_of(asked.time),
            uneven=asked.uneven,
            cached=asked.cached,
            on_better=_tell if sys.stderr.isatty() else None,
        )
        beside = None if asked.why is None else (_called(asked.why), _compared(asked, asked.why, found))
    except UnknownName as fault:
        raise CommandLineFault(fault.message, fault.help) from fault
    except UnknownLayer as fault:
        raise CommandLineFault(str(fault)) from fault
    if asked.as_json:
        from dovetail.jsonout import dump
        from dovetail.mapping_json import mapping_json

        write(dump(mapping_json(found, beside)))
    else:
        from dovetail.mapping_table import mapping_view

        display(mapping_view(found, signs(), beside))
    return GOOD


def _tell(dataflow: str | None, cycles: int, energy_pj: float) -> None:
    """The best so far, on one line of a terminal that the next one takes."""
    flow = f" ({dataflow})" if dataflow else ""
    sys.stderr.write(f"\r\x1b[2K{cycles} cycles, {energy_pj / 1e6:.4g} uJ{flow}   Ctrl-C prints it\r")
    sys.stderr.flush()


def _limit(text: str) -> tuple[str, float]:
    """`latency=1.05`."""
    from dovetail.layer_mapping import LIMITS

    name, equals, value = text.partition("=")
    try:
        factor = float(value)
    except ValueError:
        factor = 0.0
    if not equals or name.strip() not in LIMITS or not 1 <= factor < float("inf"):
        what = "is not of the form latency=FACTOR or energy=FACTOR"
        if 0 < factor < 1:
            what = "asks for less than the best there is: a factor is at least 1"
        raise CommandLineFault(
            f"`--within {text}` {what}",
            ["`--objective energy --within latency=1.05`: the least energy at 1.05 x the best latency"],
        )
    return name.strip(), factor


def _fraction(text: str) -> float:
    """`2%` or `0.02`."""
    number, scale = (text.removesuffix("%"), 0.01) if text.endswith("%") else (text, 1.0)
    try:
        fraction = float(number) * scale
    except ValueError:
        fraction = -1.0
    if not 0 <= fraction < 1:
        raise CommandLineFault(f"`--tolerance {text}` is no fraction below 100 %", ["as in `--tolerance 2%`"])
    return fraction


def _called(why: str) -> str:
    return Path(why).name


def _compared(asked: MapRequest, why: str, found: LayerMapping) -> Comparison:
    """The mapping beside a `.map` file, the greedy mapping, or the best under another dataflow."""
    from dovetail.costmodel.comparison import compare
    from dovetail.costmodel.trials import try_mapping

    architecture = found.architecture
    if why.endswith(".map"):
        mapping, dataflow = _given(asked, Path(why), found, architecture), found.dataflow
    elif why == "greedy":
        from dovetail.costmodel.greedy import greedy_mapping
        from dovetail.costmodel.price_table import energy_table

        flow = dataflow_of(architecture, found.dataflow) if found.dataflow is not None else None
        table = energy_table(found.prices, found.problem.bits)
        mapping, dataflow = greedy_mapping(found.problem, architecture, flow, table), found.dataflow
    else:
        from dovetail.layer_mapping import map_layer

        other = map_layer(
            found.problem,
            architecture,
            "edp" if found.objective == "front" else found.objective,
            None if why == "free" else why,
            free=why == "free",
            seconds=None if asked.time is None else seconds_of(asked.time),
            uneven=asked.uneven,
            cached=asked.cached,
        )
        mapping, dataflow = other.mapping, other.dataflow
    return compare(found.trial, try_mapping(found.problem, architecture, found.prices, mapping, dataflow))


def _given(asked: MapRequest, path: Path, found: LayerMapping, architecture: Architecture) -> Mapping:
    from dovetail.accel.legality import violations
    from dovetail.accel.mapping_parsing import load_mapping
    from dovetail.dsl.diagnostics import DovetailError

    file = load_mapping(path)
    if (file.layer, file.accelerator) != (asked.layer, architecture.name):
        raise CommandLineFault(
            f"`{path}` is a mapping for `{file.layer}` on `{file.accelerator}`, "
            f"not for `{asked.layer}` on `{architecture.name}`"
        )
    wrong = violations(found.problem, architecture, file.mapping)
    if wrong:
        raise DovetailError([illegal(violation, file.mapping) for violation in wrong])
    return file.mapping
