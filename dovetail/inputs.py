"""The files and settings of a command line: which file is what, and which setting belongs to which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from dovetail.faults import CommandLineFault

KIND_NAMES: Final = {
    "net": "network",
    "accel": "accelerator",
    "study": "study",
    "map": "mapping",
}

TIMES: Final = {"ms": 1e-3, "min": 60.0, "s": 1.0, "h": 3600.0}
"""Seconds in each unit of time."""


def kind_of(path: Path) -> str:
    """`net`, `accel`, `study` or `map`, by the suffix; raises CommandLineFault for any other."""
    kind = path.suffix.removeprefix(".")
    if kind not in KIND_NAMES:
        known = ", ".join(f"`.{k}` ({name})" for k, name in KIND_NAMES.items())
        raise CommandLineFault(
            f"`{path}` is none of our files by its name", [f"a file of Dovetail is called {known}"]
        )
    return kind


def networks_and_accelerators(paths: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The `.net` and the `.accel` files among `paths`, at least one of each."""
    for path in paths:
        kind = kind_of(path)
        if kind not in ("net", "accel"):
            raise CommandLineFault(
                f"`{path}` is a {KIND_NAMES[kind]}; what is evaluated is networks on accelerators",
                ["a mapping is given with `--mapping FILE`"] if kind == "map" else (),
            )
    networks = tuple(p for p in paths if p.suffix == ".net")
    accelerators = tuple(p for p in paths if p.suffix == ".accel")
    if not networks or not accelerators:
        missing, example = (
            ("a network (`.net`)", "NETWORK.net")
            if not networks
            else ("an accelerator (`.accel`)", "CHIP.accel")
        )
        given = " ".join(map(str, paths))
        raise CommandLineFault(
            f"{missing} is missing", [f"dovetail evaluate {given} {example}"] if given else ()
        )
    return networks, accelerators


def read_settings(items: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE`, each name once."""
    settings: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name or not value:
            raise CommandLineFault(f"`--set {item}` is not of the form NAME=VALUE", ["as in `--set n=16`"])
        if settings.setdefault(name, value) != value:
            raise CommandLineFault(f"`{name}` is set twice: to {settings[name]} and to {value}")
    return settings


def share_settings(settings: Mapping[str, str], paths: Sequence[Path]) -> dict[Path, dict[str, str]]:
    """What is set for each file: a setting goes to all files that have a parameter or choice of its name.

    Raises CommandLineFault where no file has it.
    """
    if not settings:
        return {path: {} for path in paths}
    known = {path: settable(path) for path in paths}
    for name in settings:
        if not any(name in names for names in known.values()):
            from dovetail.dsl.diagnostics import did_you_mean

            files = " or ".join(f"`{path}`" for path in paths)
            names = sorted(set().union(*known.values()))
            nothing = "" if names else "; there is nothing to set"
            raise CommandLineFault(
                f"`--set {name}`: no parameter or choice of that name in {files}{nothing}",
                did_you_mean(name, names),
            )
    return {path: {n: v for n, v in settings.items() if n in known[path]} for path in paths}


def settable(path: Path) -> frozenset[str]:
    """Parameters and choices that a `.net` or `.accel` file lets one set."""
    from dovetail.accel.loading import load_accelerator_design
    from dovetail.dsl.diagnostics import Collector, DovetailError
    from dovetail.dsl.loading import load_network_design
    from dovetail.dsl.parser import parse_file
    from dovetail.dsl.syntax import Param

    load = load_network_design if path.suffix == ".net" else load_accelerator_design
    try:
        design = load(path)
    except DovetailError:
        # The defaults do not stand by themselves (a requirement, perhaps): the text says its parameters.
        file = parse_file(path, Collector())
        return frozenset(s.name for s in file.statements if isinstance(s, Param))
    return frozenset(design.parameters) | {choice.site.path for choice in design.choices}


def seconds_of(text: str) -> float:
    """`5s`, `500 ms`, `2min`, or a number of seconds."""
    unit = next((u for u in TIMES if text.endswith(u) and text.removesuffix(u).strip()[-1:].isdigit()), None)
    number = text.removesuffix(unit).strip() if unit is not None else text
    try:
        seconds = float(number) * TIMES.get(unit or "s", 1.0)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise CommandLineFault(f"`--time {text}` is no time", ["as in `--time 5s`, `--time 500ms`"])
    return seconds
