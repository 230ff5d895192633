"""From drafts to arrays with their links, the `mac`, and vector units."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from dovetail.accel.architecture import (
    TENSORS,
    Array,
    Axis,
    Component,
    Dram,
    Link,
    LinkKind,
    Mac,
    MacUnit,
    PerAccess,
    Rate,
    RegisterFile,
    Sram,
    Timing,
    Unit,
    Wire,
)
from dovetail.accel.conversion import Unfit, bits, describe
from dovetail.accel.drafts import ArrayDraft, Draft, Entry, LinkDraft, MacDraft, UnitDraft
from dovetail.accel.properties import LINK, LINK_KINDS, MAC, TIMING, UNIT, Kind, Property
from dovetail.accel.reading import Reading
from dovetail.dsl import syntax as s
from dovetail.dsl.diagnostics import did_you_mean
from dovetail.dsl.problem import DIMENSIONS, REDUCED
from dovetail.dsl.scope import Scope
from dovetail.dsl.values import Unknown


def array_of(reading: Reading, draft: ArrayDraft) -> Array:
    """The array that `draft` describes."""
    axes = []
    for name, entry in draft.axes.items():
        found = reading.read_all(name, entry, Property(Kind.WHOLE), f"{draft.name}.")
        size = found[0].converted if found else 1
        assert isinstance(size, int)
        axes.append(Axis(name, size))
        draft.values[name] = size
    links = [link for x in draft.links for link in _link(reading, draft, x)]
    return Array(draft.name, tuple(axes), tuple(links), _timing(reading, draft))


def _timing(reading: Reading, draft: ArrayDraft) -> Timing:
    axes = tuple(draft.axes)

    def axis(name: str) -> str | None:
        schema = {name: Property(Kind.WORD, axes)}
        found = reading.read_words(draft, name, schema)
        return found[0] if found else None

    return Timing(
        load=axis("load"),
        drain=axis("drain"),
        skew=reading.read(draft, "skew", TIMING, bool) or False,
        overlap=reading.read(draft, "overlap", TIMING, bool) or False,
    )


# -------------------------------------------------------------------------------------------- links


def _link(reading: Reading, array: ArrayDraft, draft: LinkDraft) -> tuple[Link, ...]:
    item = draft.item
    unknown = [a for a in draft.axes if not reading.axis_of(array.name, a, array.axes, draft.span)]
    good = not unknown
    if item.kind not in LINK_KINDS:
        help = did_you_mean(item.kind, LINK_KINDS)
        reading.fail("E0508", f"neighbours in an array do not `{item.kind}`", draft.span, help=help)
        good = False
    if item.tensor not in TENSORS:
        help = did_you_mean(item.tensor, TENSORS)
        reading.fail("E0504", f"`{item.tensor}` is no tensor", draft.span, help=help)
        good = False
    if not good or not _sensible(reading, draft):
        return ()
    # Inside an array outputs are not final yet: they travel as sums.
    tensor = "sums" if item.tensor == "outputs" else item.tensor
    place = Draft(f"{array.name}.{item.kind}_{item.tensor}", draft.span)
    if item.properties is not None:
        reading.give(place, item.properties.entries, draft.scope, LINK, "a link", anew=False)
    energy = reading.read_component(place, "energy", LINK)
    refuse(reading, energy, (Sram, RegisterFile, Dram, MacUnit, PerAccess), "link", place)
    rate = reading.read(place, "bandwidth", LINK, Fraction)
    latency = reading.read(place, "latency", LINK, int) or 0
    return (Link(draft.axes, LinkKind(item.kind), tensor, energy, rate, latency),)


def _sensible(reading: Reading, draft: LinkDraft) -> bool:
    kind, sums = LinkKind(draft.item.kind), draft.item.tensor in ("sums", "outputs")
    if kind is LinkKind.MULTICAST and sums:
        help = ["`reduce sums` adds up what the PEs along the axis produce"]
        reading.fail("E0508", "sums come out of the PEs: nothing multicasts them", draft.span, help=help)
        return False
    if kind is LinkKind.REDUCE and not sums:
        help = [f"`multicast {draft.item.tensor}` reads once for all PEs along the axis"]
        message = f"only sums are added up, and not {draft.item.tensor}"
        reading.fail("E0508", message, draft.span, help=help)
        return False
    return True


def refuse(
    reading: Reading, component: Component | None, wrong: tuple[type, ...], what: str, draft: Draft
) -> None:
    """Report a component in a place that it cannot price."""
    if isinstance(component, wrong):
        entry = draft.entries["energy"]
        reading.fail("E0518", f"`{component}` is no {what}", entry.span)


# ---------------------------------------------------------------------------------------------- mac


def mac_of(reading: Reading, draft: MacDraft, dataflows: Collection[str]) -> Mac:
    """The multiply-accumulate unit that `draft` describes."""
    lanes, dimension = _lanes(reading, draft)
    energy = reading.read_component(draft, "energy", MAC)
    refuse(reading, energy, (Sram, RegisterFile, Dram, Wire, PerAccess), "MAC", draft)
    return Mac(
        rates=_rates(reading, draft),
        lanes=lanes,
        lanes_dimension=dimension,
        latch=frozenset(reading.read_words(draft, "latch", MAC)),
        skip_zero_weights_in=_skips(reading, draft, dataflows),
        energy=energy,
        area_mm2=reading.read(draft, "area", MAC, float),
        leakage_mw=reading.read(draft, "leakage", MAC, float),
    )


def _rates(reading: Reading, draft: MacDraft) -> tuple[Rate, ...]:
    entry = draft.entries.get("rate")
    if entry is None:
        return Mac().rates
    rates: dict[int | None, Rate] = {}
    for given in reading.read_all("rate", entry, MAC["rate"], "mac."):
        assert isinstance(given.converted, Fraction)
        width: int | None = None
        if given.item.detail is not None:
            value = reading.expecting((), given.item.detail, Scope(entry.scope, "mac."), "width")
            if isinstance(value, Unknown):
                continue
            try:
                width = bits(value, reading.clock)
            except Unfit as fault:
                reading.fail(fault.code, f"behind `at` has to stand {fault}", given.item.detail.span)
                continue
        if width in rates:
            what = "any width" if width is None else f"{width} bit"
            reading.fail("E0502", f"the rate at {what} is given twice", given.item.span)
        rates[width] = Rate(given.converted, width)
    return tuple(rates.values()) or Mac().rates


def _lanes(reading: Reading, draft: MacDraft) -> tuple[int, str | None]:
    entry = draft.entries.get("lanes")
    found = reading.read_all("lanes", entry, MAC["lanes"], "mac.") if entry is not None else []
    if entry is None or not found:
        return 1, None
    lanes, detail = found[0].converted, found[0].item.detail
    assert isinstance(lanes, int)
    draft.values["lanes"] = lanes
    if detail is None:
        return lanes, None
    dimension = reading.expecting(DIMENSIONS, detail, Scope(entry.scope, "mac."), "reduce")
    if isinstance(dimension, Unknown):
        return lanes, None
    if dimension not in REDUCED:
        shown = f"`{dimension}`" if isinstance(dimension, str) else describe(dimension)
        help = ["the lanes of a dot product are added up, as the loops over `C`, `R` and `S` are"]
        reading.fail("E0511", f"lanes reduce `C`, `R` or `S`, and not {shown}", detail.span, help=help)
        return lanes, None
    return lanes, str(dimension)


def _skips(reading: Reading, draft: MacDraft, dataflows: Collection[str]) -> frozenset[str]:
    """The dataflows in which a zero weight costs no step."""
    entry = draft.entries.get("skip")
    names: set[str] = set()
    for given in reading.read_all("skip", entry, MAC["skip"], "mac.") if entry is not None else ():
        if given.item.qualifier != "zero" or given.converted != ("weights",):
            help = ["`skip = zero weights in DATAFLOW`"]
            reading.fail("E0503", "what can be skipped is zero weights", given.item.span, help=help)
            continue
        assert isinstance(given.item.detail, s.Items)
        for node in given.item.detail.items:
            assert isinstance(node, s.Name)
            if reading.named("dataflow", node.id, dataflows, node.span):
                names.add(node.id)
    return frozenset(names)


# --------------------------------------------------------------------------------------------- units


def unit_of(reading: Reading, draft: UnitDraft) -> Unit:
    """The vector unit that `draft` describes."""
    assert draft.scope is not None
    lanes: object = 1
    if draft.lanes is not None:
        entry = Entry((s.Value(draft.lanes.span, draft.lanes),), draft.lanes.span, draft.scope)
        found = reading.read_all("lanes", entry, Property(Kind.WHOLE), f"{draft.name}.")
        lanes = found[0].converted if found else 1
    assert isinstance(lanes, int)
    draft.values["lanes"] = lanes
    energy = reading.read_component(draft, "energy", UNIT)
    refuse(reading, energy, (Sram, RegisterFile, Dram, Wire, PerAccess), "vector unit", draft)
    return Unit(draft.name, lanes, draft.at, frozenset(reading.read_words(draft, "does", UNIT)), energy)
