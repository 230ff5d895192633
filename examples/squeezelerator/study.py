"""The Squeezelerator's results by Dovetail's own model beside those reported, one assumption after the other.

    python examples/squeezelerator/study.py              every table
    python examples/squeezelerator/study.py forms steps  some of them
    python examples/squeezelerator/study.py --write      puts them into README.md, in their places

Each layer with MACs is mapped by every dataflow of `squeezelerator_paper.accel` for the least energy x time;
the hybrid takes the faster of the two dataflows that a form has. Nothing is fitted: what the paper leaves
open is varied, and named.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from assumptions import (
    HEAD,
    HERE,
    STEP_TARGETS,
    STEPS,
    TARGETS,
    Form,
    all_forms,
    apart,
    base,
    by_dataflow,
    closest,
    design,
    layers_on,
    off_by,
    ratios,
    sized,
    totals,
    utilization,
    with_port,
)

from dovetail.costmodel.effort import Mapper
from dovetail.dsl.layer import Layer


def pair(values: Sequence[float]) -> str:
    """`1.26 / 2.06`."""
    return " / ".join(f"{value:.2f}" for value in values)


def short(network: str) -> str:
    """A name for the head of a column."""
    return (
        network.replace("squeezenext_2_0", "sqnxt_2").replace("squeezenet", "sqznet").replace("_grouped", "")
    )


def heads(networks: Sequence[str]) -> str:
    """The heads of columns."""
    return "".join(f"{short(network):>14}" for network in networks)


PARTS: dict[str, Callable[[Layer, bool], bool]] = {
    "first": lambda layer, first: first,
    "1x1": lambda layer, first: layer.layer_class == "pointwise" or (_kernel(layer) == 1 and _grouped(layer)),
    "FxF": lambda layer, first: layer.layer_class == "spatial" or (_kernel(layer) > 1 and _grouped(layer)),
    "depthwise": lambda layer, first: layer.layer_class == "depthwise",
    "connected": lambda layer, first: layer.layer_class == "fc",
}


def _grouped(layer: Layer) -> bool:
    return layer.layer_class == "grouped"


def _kernel(layer: Layer) -> int:
    return layer.loops.R * layer.loops.S if layer.loops is not None else 0


def shares_of(network: str) -> dict[str, float]:
    """The share of all MACs by kind of layer; the layer that reads the image is a kind of its own."""
    layers = [layer for layer in design(network).network.layers if layer.loops is not None]
    macs = dict.fromkeys(PARTS, 0)
    for at, layer in enumerate(layers):
        part = next(name for name, belongs in PARTS.items() if belongs(layer, at == 0))
        macs[part] += layer.macs
    return {part: own / sum(macs.values()) for part, own in macs.items()}


def shares(mapper: str | None) -> Iterator[str]:
    """Shares of MACs by kind of layer."""
    yield f"{'share of MACs':<26}" + "".join(f"{part:>11}" for part in PARTS) + f"{'10^6 MACs':>12}"
    for network in (*TARGETS, "squeezenext_1_0_23_v1", "squeezenext_1_0_23_v5"):
        row = "".join(f"{100 * share:>9.1f} %" for share in shares_of(network).values())
        yield f"{network:<26}{row}{design(network).macs / 1e6:>12.0f}"


def layers(mapper: str | None) -> Iterator[str]:
    """Cycles of each layer of SqueezeNet v1.0 in both dataflows, the choice, and how busy the PEs are."""
    form = with_port(base(mapper))
    yield f"squeezenet_v1_0: {' '.join(form.name.split())}"
    yield f"{'layer':<22}{'MACs':>12}{'OS':>10}{'WS':>10}  choice{'busy':>6}{'energy OS / WS':>16}"
    for layer in layers_on("squeezenet_v1_0", form.machine):
        ways = by_dataflow("squeezenet_v1_0", form.machine)[layer.name]
        one, other = ways[form.outputs], ways[form.weights]
        taken = min(one, other, key=lambda way: way.cycles)
        choice = "OS" if taken is one else "WS"
        yield (
            f"{layer.name:<22}{layer.macs:>12}{one.cycles:>10}{other.cycles:>10}{choice:>8}"
            f"{utilization(taken, form.machine):>6.0%}{one.energy / other.energy:>16.2f}"
        )


def forms(mapper: str | None) -> Iterator[str]:
    """Time of each dataflow alone over the hybrid's, under each form."""
    yield f"{HEAD}{heads(list(TARGETS))}{'off by':>9}"
    yield f"{'reported':<39}" + "".join(f"{pair(goal):>14}" for goal in TARGETS.values())
    for form in all_forms(mapper):
        found = {net: ratios(net, form) for net in TARGETS}
        cells = "".join(
            f"{pair(found[net])}{'*' if form == closest(net, mapper) else ''}".rjust(14) for net in TARGETS
        )
        yield f"{form.name}{cells}{off_by(form):>8.2f}x"


def energies(mapper: str | None) -> Iterator[str]:
    """Energy of each dataflow alone over the hybrid's, under the forms in which DRAM is waited for."""
    yield f"{HEAD}{heads(list(TARGETS))}"
    for form in all_forms(mapper):
        if not form.machine.overlap and form.machine.port is None:
            cells = "".join(f"{pair(ratios(net, form, energy=True)):>14}" for net in TARGETS)
            yield f"{form.name}{cells}"


def reached(mapper: str | None) -> Iterator[str]:
    """Of each network the form that comes nearest to what is reported."""
    head = f"{'network':<24}{'reported':>14}{'reached':>14}{'off by':>8}   "
    yield f"{head}{HEAD}{'busy':>5}{'energy':>15}"
    for net, goal in TARGETS.items():
        form = closest(net, mapper)
        got = ratios(net, form)
        busy = utilization(totals(net, form)[2], form.machine)
        yield (
            f"{net:<24}{pair(goal):>14}{pair(got):>14}{apart(got, goal):>7.2f}x   {form.name}"
            f"{busy:>5.0%}{pair(ratios(net, form, energy=True)):>15}"
        )


def others(mapper: str | None) -> Iterator[str]:
    """One further assumption changed at a time."""
    start = base(mapper)
    variants: dict[str, tuple[Form, bool]] = {
        "as above": (start, True),
        "no connected layers": (start, False),
        "batch of 16": (replace(start, machine=replace(start.machine, batch=16)), True),
        "16 x 16 PEs": (sized(start, 16), True),
        "8 x 8 PEs": (sized(start, 8), True),
        "port of 32 words": (with_port(start), True),
        "16 x 16 PEs, port of 16 words": (with_port(sized(start, 16)), True),
        "no zero is skipped": (replace(start, machine=replace(start.machine, zeros=0.0)), True),
    }
    yield f"{'from ' + ' '.join(start.name.split()):<34}{heads(list(TARGETS))}"
    yield f"{'reported':<34}" + "".join(f"{pair(goal):>14}" for goal in TARGETS.values())
    for name, (form, connected) in variants.items():
        yield f"{name:<34}" + "".join(
            f"{pair(ratios(net, form, connected=connected)):>14}" for net in TARGETS
        )


def registers(mapper: str | None) -> Iterator[str]:
    """Register files of 8 entries against 16, by the hybrid."""
    yield f"{'8 entries over 16':<26}{'time':>10}{'energy':>10}{'time, port of 32 words':>26}"
    for net in (*TARGETS, "squeezenext_1_0_23_v5"):
        ratio = []
        for form in (base(mapper), with_port(base(mapper))):
            small = replace(form, machine=replace(form.machine, registers=8))
            before, after = totals(net, small)[2], totals(net, form)[2]
            ratio += [before.cycles / after.cycles, before.energy / after.energy]
        yield f"{net:<26}{ratio[0]:>10.3f}{ratio[1]:>10.3f}{ratio[2]:>26.3f}"


def steps(mapper: str | None) -> Iterator[str]:
    """From SqueezeNet and AlexNet to SqueezeNext v1 ... v5, by the hybrid: time, energy, busy PEs."""
    sizes = {f"{n} x {n}": sized(base(mapper), n) for n in (8, 16, 32)}
    names = ("alexnet_grouped", "squeezenet_v1_0", *STEPS, "squeezenext_1_0_g_23", "squeezenext_2_0_23_v5")
    heads = "".join(f"{f'{size}: cycles, energy, busy':>32}" for size in sizes)
    yield f"{'hybrid, 10^6':<26}{heads}"
    for name in names:
        cells = ""
        for form in sizes.values():
            total = totals(name, form)[2]
            busy = utilization(total, form.machine)
            cells += f"{total.cycles / 1e6:>16.2f}{total.energy / 1e6:>9.0f}{busy:>7.0%}"
        yield f"{name:<26}{cells}"
    yield ""
    forms = {
        **sizes,
        "16, its port": with_port(sizes["16 x 16"]),
        "32, its port": with_port(sizes["32 x 32"]),
    }
    yield f"{'over squeezenext_1_0_23_v5':<26}{'reported':>14}" + "".join(f"{name:>16}" for name in forms)
    for name, goal in STEP_TARGETS.items():
        cells = ""
        for form in forms.values():
            before, after = totals(name, form)[2], totals("squeezenext_1_0_23_v5", form)[2]
            cells += f"{pair((before.cycles / after.cycles, before.energy / after.energy)):>16}"
        yield f"{name:<26}{pair(goal):>14}{cells}"


TABLES: dict[str, Callable[[str | None], Iterator[str]]] = {
    "shares": shares,
    "forms": forms,
    "reached": reached,
    "others": others,
    "energies": energies,
    "layers": layers,
    "registers": registers,
    "steps": steps,
}


def table(name: str, mapper: str | None = None) -> str:
    """One table, as on the page."""
    return "\n".join(line.rstrip() for line in TABLES[name](mapper)) + "\n"


def written(page: str, shown: Mapping[str, str]) -> str:
    """The page with these tables in their blocks: ```study NAME."""
    for name, lines in shown.items():
        before, start, rest = page.partition(f"```study {name}\n")
        _, end, after = rest.partition("```\n")
        assert start and end, f"the page has no place for the table {name}"
        page = before + start + lines + end + after
    return page


def main() -> None:
    """Print tables, or write them into the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="*", help=f"which: {', '.join(TABLES)} (all)")
    parser.add_argument("--mapper", choices=[str(m) for m in Mapper], help="who maps the layers")
    parser.add_argument("--write", action="store_true", help="write them into README.md")
    given = parser.parse_args()
    if unknown := set(given.tables) - set(TABLES):
        parser.error(f"no table {', '.join(sorted(unknown))}")
    shown = {}
    for name in given.tables or TABLES:
        shown[name] = table(name, given.mapper)
        print(f"{name}\n{shown[name]}", flush=True)
    if given.write:
        page = HERE / "README.md"
        page.write_text(written(page.read_text(encoding="utf-8"), shown), encoding="utf-8")


if __name__ == "__main__":
    main()
