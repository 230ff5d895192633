"""From the properties of a `memory` to a storage level."""

from __future__ import annotations

from fractions import Fraction

from dovetail.accel.architecture import (
    TENSORS,
    Buffering,
    Component,
    MacUnit,
    Memory,
    Ports,
    RegisterFile,
    Sram,
    Wire,
)
from dovetail.accel.drafts import MemoryDraft
from dovetail.accel.properties import MEMORY
from dovetail.accel.reading import Reading
from dovetail.dsl import units
from dovetail.dsl.diagnostics import Label
from dovetail.dsl.source import Span


def memory_of(reading: Reading, draft: MemoryDraft, outermost: bool) -> Memory:
    """The memory that `draft` describes; what cannot be is reported.

    Without `holds` and `may_hold` the outermost memory holds every tensor, and any other may hold every one.
    """
    size, width = _size(reading, draft)
    read, write, ports = _port_rates(reading, draft)
    holds, may_hold = _tensors(reading, draft, outermost)
    buffering = reading.read_words(draft, "buffering", MEMORY)
    return Memory(
        name=draft.name,
        holds=holds,
        may_hold=may_hold,
        size_bits=size,
        width_bits=width,
        read_bits_per_cycle=read,
        write_bits_per_cycle=write,
        ports=ports,
        accesses_per_cycle=reading.read(draft, "access", MEMORY, Fraction),
        buffering=Buffering(buffering[0]) if buffering else Buffering.IDEAL,
        banks=reading.read(draft, "banks", MEMORY, int) or 1,
        burst_bits=reading.read(draft, "burst", MEMORY, int),
        latency_cycles=reading.read(draft, "latency", MEMORY, int) or 0,
        drain_reads=reading.read(draft, "drain_reads", MEMORY, bool) or False,
        skip_gaps=reading.read_words(draft, "gaps", MEMORY) == ("skipped",),
        energy=_energy(reading, draft, size),
        area_mm2=reading.read(draft, "area", MEMORY, float),
        leakage_mw=reading.read(draft, "leakage", MEMORY, float),
    )


def _place(draft: MemoryDraft, *names: str) -> Span:
    """Where the last of these properties that is given stands."""
    return next((draft.entries[n].span for n in reversed(names) if n in draft.entries), draft.span)


def _size(reading: Reading, draft: MemoryDraft) -> tuple[int | None, int | None]:
    """Size and width in bits."""
    size = reading.read(draft, "size", MEMORY, int)
    depth = reading.read(draft, "depth", MEMORY, int)
    width = reading.read(draft, "width", MEMORY, int)
    if depth is not None and size is not None:
        others = [Label(_place(draft, "size"), "the size")]
        message = "a memory has a `size`, or a `depth` of rows of its `width`, and not both"
        reading.fail("E0509", message, _place(draft, "depth"), others=others)
    elif depth is not None:
        if width is None:
            message = f"`{draft.name}` has {depth} rows, and no `width` says how long they are"
            reading.fail("E0509", message, _place(draft, "depth"), help=["add `width = 16 bit`"])
        else:
            size = depth * width
    if size is not None and width is not None and width > size:
        message = f"an access of `{draft.name}` moves {width} bit, and it has {size} bit"
        reading.fail("E0509", message, _place(draft, "size", "depth", "width"))
    for name, value in (("size", size), ("width", width)):
        if value is not None:
            draft.values[name] = units.quantity(value, "bit")
    return size, width


def _port_rates(reading: Reading, draft: MemoryDraft) -> tuple[Fraction | None, Fraction | None, Ports]:
    """Bits a cycle of reading and of writing, and whether they share a port."""
    both = reading.read(draft, "bandwidth", MEMORY, Fraction)
    read = reading.read(draft, "read_bandwidth", MEMORY, Fraction)
    write = reading.read(draft, "write_bandwidth", MEMORY, Fraction)
    word = reading.read_words(draft, "ports", MEMORY)
    shared = "bandwidth" in draft.entries and draft.entries["bandwidth"].values[0].qualifier == "shared"
    ports = Ports(word[0]) if word else Ports.SHARED if shared else Ports.SEPARATE
    if both is not None and (read is not None or write is not None):
        message = "`bandwidth` is that of reads and of writes already"
        reading.fail("E0510", message, _place(draft, "read_bandwidth", "write_bandwidth"))
    if shared and ports is Ports.SEPARATE:
        others = [Label(_place(draft, "bandwidth"), "shared between reads and writes")]
        reading.fail("E0510", "separate ports have a bandwidth each", _place(draft, "ports"), others=others)
    read, write = (both, both) if both is not None else (read, write)
    if ports is Ports.SHARED:
        if read is not None and write is not None and read != write:
            message = "one port for reads and writes has one bandwidth, and these are two"
            help = ["`bandwidth = 16 GB/s shared`, or `ports = separate`"]
            reading.fail("E0510", message, _place(draft, "ports"), help=help)
        read = write = read if read is not None else write
    return read, write, ports


def _tensors(reading: Reading, draft: MemoryDraft, outermost: bool) -> tuple[frozenset[str], frozenset[str]]:
    """What is always kept, and what may be."""
    holds = frozenset(reading.read_words(draft, "holds", MEMORY))
    may_hold = frozenset(reading.read_words(draft, "may_hold", MEMORY))
    for tensor in sorted(holds & may_hold):
        message = f"`{tensor}` is always held in `{draft.name}`, so that it may be says nothing"
        others = [Label(_place(draft, "holds"), "always held")]
        reading.fail("E0502", message, _place(draft, "may_hold"), others=others)
    if not draft.entries.keys() & {"holds", "may_hold"}:
        everything = frozenset(TENSORS)
        return (everything, may_hold) if outermost else (holds, everything)
    return holds, may_hold


def _energy(reading: Reading, draft: MemoryDraft, size: int | None) -> Component | None:
    component = reading.read_component(draft, "energy", MEMORY)
    place = _place(draft, "energy")
    if isinstance(component, Wire | MacUnit):
        help = ["a memory is `sram()`, `regfile()`, `dram(LPDDR4)`, `8 pJ/bit`, or `{ read = 24 pJ }`"]
        reading.fail("E0518", f"`{component}` is no memory", place, help=help)
    sized = size is not None or draft.flawed or draft.entries.keys() & {"size", "depth"}
    if isinstance(component, Sram | RegisterFile) and not sized:
        message = f"`{component}` needs a size, and `{draft.name}` has none"
        reading.fail("E0509", message, place, help=["add `size = 128 KiB`, or `depth` and `width`"])
    return component
