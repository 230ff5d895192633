"""`dovetail why NET ACCEL`: where time and energy go against the bound, and which single change helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.text import Text

from dovetail.console import display, signs, write
from dovetail.dsl.problem import Bits
from dovetail.evaluate_command import Request as Loading
from dovetail.evaluate_command import load
from dovetail.evaluation import (
    UnknownName,
    architecture_of,
    check_rates,
    network_of,
    objective_of,
    unmappable,
)
from dovetail.faults import GOOD, CommandLineFault
from dovetail.numbers import percent, prefixed, significant
from dovetail.pricing import priced
from dovetail.tables import heading, plain_table

if TYPE_CHECKING:
    from dovetail.console import Signs
    from dovetail.dsl.network import Network
    from dovetail.explorer.why import Diagnosis, Effect

MOST_SHOWN: Final = 8
BAR: Final = 20


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks."""

    files: tuple[Path, ...]
    layer: str | None = None
    objective: str = "edp"
    batch: int = 1
    settings: tuple[str, ...] = ()
    bits: int | None = None
    everything: bool = False
    as_json: bool = False


def run(request: Request) -> int:
    """Diagnose, print, return the exit status."""
    from dovetail.costmodel.network_cost import Unmappable
    from dovetail.dsl.diagnostics import DovetailError
    from dovetail.dsl.network import UnknownLayer
    from dovetail.explorer.why import diagnose

    networks, accelerators = load(Loading(request.files, settings=request.settings))
    if len(networks) != 1 or len(accelerators) != 1:
        raise CommandLineFault("`why` takes one network and one accelerator")
    architecture = architecture_of(accelerators[0])

    def build(bits: Bits | None) -> Network:
        if bits is None:
            return network_of(networks[0], architecture, request.bits)
        return networks[0].at(bits)

    try:
        objective = objective_of(request.objective)
        built = build(None)
        check_rates(built, architecture)
        priced(architecture)
        if request.layer is not None and (reason := built.free(built[request.layer])) is not None:
            raise CommandLineFault(f"`{request.layer}` costs nothing of its own: {reason}")
        diagnosis = diagnose(build, architecture, objective, request.batch, request.layer)
    except UnknownName as fault:
        raise CommandLineFault(fault.message, fault.help) from fault
    except UnknownLayer as fault:
        raise CommandLineFault(str(fault)) from fault
    except Unmappable as fault:
        raise DovetailError(unmappable(fault, architecture)) from fault
    if request.as_json:
        from dovetail.jsonout import dump

        write(dump(why_json(diagnosis)))
    else:
        _print(diagnosis, request, signs())
    return GOOD


def why_json(diagnosis: Diagnosis) -> dict[str, object]:
    """The diagnosis as `--json` prints it."""
    cost = diagnosis.cost
    return {
        "schema": "dovetail.why/1",
        "network": cost.network.name,
        "accelerator": cost.architecture.name,
        "objective": str(cost.objective),
        "layers": [layer.name for layer in cost.layers],
        "cycles": cost.cycles,
        "latency_s": cost.latency_s,
        "energy_pj": cost.energy_pj,
        "area_mm2": cost.area_mm2.value,
        "lower_bound": {"cycles": cost.bound.cycles, "energy_pj": cost.bound.energy_pj},
        "time_cycles": dict(diagnosis.time),
        "energy_pj_by_part": dict(diagnosis.energy),
        "changes": [asdict(effect) for effect in diagnosis.effects],
        "impossible": [{"what": what, "why": why} for what, why in diagnosis.impossible],
    }


def _print(diagnosis: Diagnosis, request: Request, signs: Signs) -> None:
    cost = diagnosis.cost
    name = f"{request.layer} of {cost.network.name}" if request.layer else cost.network.name
    display(heading(f"why {name} on {cost.architecture.name}", [f"batch {cost.batch}"], signs))
    bound = cost.bound
    times = signs.times
    bound_s = bound.cycles / cost.architecture.clock_hz
    display(
        Text(
            f"  {prefixed(cost.latency_s, 's')}, {significant(cost.latency_s / bound_s)}{times} its bound"
            f"    {prefixed(cost.energy_pj * 1e-12, 'J')}, "
            f"{significant(cost.energy_pj / bound.energy_pj)}{times} its bound",
            style="bold",
        )
    )
    _shares("time", diagnosis.time, signs)
    _shares("energy", diagnosis.energy, signs)
    _changes(diagnosis, request, signs)


def _shares(title: str, parts: Mapping[str, float] | Mapping[str, int], signs: Signs) -> None:
    whole = sum(parts.values())
    table = plain_table((f"  {title}", "left"), ("", "left"), ("", "right"))
    for name, value in parts.items():
        if whole and value / whole >= 0.005:
            table.row(f"  {name}", signs.bar(value / whole, BAR), percent(value / whole))
    display(Text())
    display(table)


def _changes(diagnosis: Diagnosis, request: Request, signs: Signs) -> None:
    cost = diagnosis.cost
    goal = {"edp": "EDP", "energy": "energy", "latency": "latency"}[str(cost.objective)]
    table = plain_table(
        ("  one change", "left"),
        (f"{goal} better by", "right"),
        ("time", "right"),
        ("energy", "right"),
        ("area", "right"),
    )
    shown = [e for e in diagnosis.effects if request.everything or e.gain > 1.0005]
    shown = shown if request.everything else shown[:MOST_SHOWN]
    for effect in shown:
        table.row(
            f"  {effect.what}",
            f"{significant(effect.gain)}{signs.times}",
            _less(effect.latency_s, cost.latency_s),
            _less(effect.energy_pj, cost.energy_pj),
            _less(effect.area_mm2, cost.area_mm2.value),
        )
    display(Text())
    display(table if shown else Text("  no single change makes it better"))
    left = len(diagnosis.effects) - len(shown)
    if left:
        display(Text(f"  {left} more that help less or not at all (--all)", style="dim"))
    if any(effect.kind == "kernel" for effect in shown):
        display(
            Text("  another kernel computes something else: its accuracy is for you to measure", style="dim")
        )


def _less(after: float, before: float) -> str:
    """`-12 %`, `+3.1 %`, or nothing where it stays."""
    if not before or abs(after / before - 1) < 0.0005:
        return "same"
    sign = "+" if after > before else "-"
    return f"{sign}{percent(abs(after / before - 1))}"


__all__ = ["Effect", "Request", "run", "why_json"]
