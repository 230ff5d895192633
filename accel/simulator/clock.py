"""Time: what the array takes, and how long it waits for the memories outside it.

Exact: a *tick* is a fraction of a cycle in which every port moves a whole number of bits.

A memory that is filled while it is used (`double`) does so one tile ahead: a step in which one tile is used
costs the longest of its use, the fill of the next tile and the store of the last one. `single` does these one
after the other. An `ideal` memory is filled any time ahead: it waits only for the sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from dovetail.accel.architecture import Architecture, Buffering, Memory, Ports


@dataclass(slots=True)
class Traffic:
    """What passes the ports of a memory."""

    read_bits: int = 0
    written_bits: int = 0
    read_accesses: int = 0
    write_accesses: int = 0

    def read(self, words: int, bits: int, memory: Memory) -> None:
        """Words read out."""
        self.read_bits += words * bits
        self.read_accesses += _accesses(words, bits, memory)

    def write(self, words: int, bits: int, memory: Memory) -> None:
        """Words written."""
        self.written_bits += words * bits
        self.write_accesses += _accesses(words, bits, memory)

    def add(self, other: Traffic) -> None:
        """Both together."""
        self.read_bits += other.read_bits
        self.written_bits += other.written_bits
        self.read_accesses += other.read_accesses
        self.write_accesses += other.write_accesses


def _accesses(words: int, bits: int, memory: Memory) -> int:
    return -(-words * bits // memory.width_bits) if memory.width_bits else words


class Ticks:
    """The unit of time, and how many of it a port is busy."""

    def __init__(self, architecture: Architecture) -> None:
        rates = [
            rate
            for memory in architecture.memories
            for rate in (memory.read_bits_per_cycle, memory.write_bits_per_cycle, memory.accesses_per_cycle)
            if rate is not None
        ]
        self.per_cycle = lcm(*(rate.numerator for rate in rates)) if rates else 1

    def busy(self, memory: Memory, traffic: Traffic) -> int:
        """How long the busiest port of a memory works."""
        shared = memory.ports is Ports.SHARED
        read, write = memory.read_bits_per_cycle, memory.write_bits_per_cycle
        bits, accesses = traffic.read_bits, traffic.read_accesses
        if shared:
            ticks = self._ticks(bits + traffic.written_bits, read or write)
            return max(ticks, self._ticks(accesses + traffic.write_accesses, _access_rate(memory)))
        return max(
            self._ticks(bits, read),
            self._ticks(traffic.written_bits, write),
            self._ticks(accesses, _access_rate(memory)),
            self._ticks(traffic.write_accesses, _access_rate(memory)),
        )

    def _ticks(self, number: int, rate: Fraction | None) -> int:
        return 0 if rate is None else number * rate.denominator * (self.per_cycle // rate.numerator)


def _access_rate(memory: Memory) -> Fraction | None:
    return memory.accesses_per_cycle if memory.width_bits is not None else None


class MemoryClock:
    """How long the array waits for one memory between it and the outermost one. Times are in ticks."""

    def __init__(self, ticks: Ticks, memory: Memory) -> None:
        self.ticks, self.memory = ticks, memory
        self.start = 0
        """When the tiles that are in the memory began to be used."""
        self.ports = Traffic()
        """What has passed since (an ideal memory: since the first tile)."""
        self.used = False

    def read(self, words: int, bits: int) -> None:
        """Words go inward."""
        self.ports.read(words, bits, self.memory)

    def write(self, words: int, bits: int) -> None:
        """Words arrive, from inside or outside."""
        self.ports.write(words, bits, self.memory)

    def change(self, now: int, load: int, store: int, meanwhile: int, fills: Traffic) -> int:
        """When the next tiles are there, and the use of the last is over.

        The next take `load` to come, the last `store` to leave. In a double buffer the next came, and those
        before the last left, `meanwhile`: side by side with the use of the last.
        """
        match self.memory.buffering:
            case Buffering.IDEAL:
                self.ports.add(fills)
                return now
            case Buffering.SINGLE:
                return max(now, self.start + self.ticks.busy(self.memory, self.ports)) + load + store
            case _:
                self.ports.add(fills)
                return max(now, self.start + max(meanwhile, self.ticks.busy(self.memory, self.ports)))

    def begin(self, now: int) -> None:
        """The tiles that are in the memory are used from now on."""
        if self.memory.buffering is not Buffering.IDEAL or not self.used:
            self.start = now
        if self.memory.buffering is not Buffering.IDEAL:
            self.ports = Traffic()
        self.used = True

    def finish(self, now: int, store: int, meanwhile: int) -> int:
        """When the last tiles have been used, and have left."""
        if self.memory.buffering is Buffering.IDEAL:
            return max(now, self.start + self.ticks.busy(self.memory, self.ports))
        over = self.change(now, 0, store, meanwhile, Traffic())
        return over if self.memory.buffering is Buffering.SINGLE else over + store
