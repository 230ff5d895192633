"""Layers on machines, each solved once: in a process by its content, across processes and runs by a file.

A layer is its loop nest, a machine what of an architecture a loop nest can notice: not its name, its vector
units or its clock, but its levels, dataflows and prices. So equal layers of different networks, and machines
that differ only in what a layer does not touch, are one entry.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, TypeAlias

from dovetail.accel.architecture import Architecture
from dovetail.costmodel.components import Prices
from dovetail.costmodel.effort import DEFAULT_MAPPER, Effort, Mapper
from dovetail.costmodel.greedy_block import Block, GreedyBlocks, blocks
from dovetail.costmodel.latency import mac_rate
from dovetail.costmodel.network_cost import leakage_pj_per_cycle, problem_of, solve
from dovetail.costmodel.price_table import energy_table
from dovetail.costmodel.selection import Candidate as Candidate
from dovetail.costmodel.selection import Objective
from dovetail.costmodel.vector_cost import vector_cost
from dovetail.dsl.layer import Layer
from dovetail.dsl.problem import Bits, Problem
from dovetail.explorer.content import fingerprint, model_digest

MOST_IN_MEMORY: Final = 100_000
"""Solutions that a process keeps at hand: a few hundred bytes each."""

FEWEST_TOGETHER: Final = 3
"""Machines from which on it is faster to solve a layer on all of them together."""

KEYS_AT_ONCE: Final = 500
"""That the file is asked for in one query."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The ways to run a layer, and the dataflows that cannot, each with the reason."""

    candidates: tuple[Candidate, ...]
    refusals: tuple[tuple[str | None, str], ...] = ()


@dataclass(frozen=True)
class Machine:
    """An architecture with its prices, and what of them a layer can notice, by content."""

    architecture: Architecture
    prices: Prices

    @cached_property
    def plain(self) -> str:
        """For layers with MACs, apart from what energy their operands' widths take."""
        seen = replace(
            self.architecture,
            name="",
            units=(),
            clock_hz=1.0,
            technology_nm=0.0,
            keep_feature_maps_in=None,
            metrics=(),
        )
        return fingerprint(seen, leakage_pj_per_cycle(self.architecture, self.prices))

    @cached_property
    def _tables(self) -> dict[Bits, str]:
        return {}

    def for_macs(self, bits: Bits) -> str:
        """What a loop nest with operands of these widths notices."""
        if bits not in self._tables:
            self._tables[bits] = fingerprint(self.plain, energy_table(self.prices, bits))
        return self._tables[bits]

    @cached_property
    def for_vectors(self) -> str:
        """What an operation without MACs notices."""
        units = {name: unit.element_pj.value for name, unit in self.prices.units.items()}
        return fingerprint(self.for_macs(self.architecture.bits), self.architecture.units, units)


class LayerStore:
    """Solutions in a file that several processes share. Best effort: without it they are found again."""

    def __init__(self, path: Path | None) -> None:
        self._pending: dict[str, str] = {}
        self._database: sqlite3.Connection | None = None
        if path is None:
            return
        try:
            self._database = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS layers (key TEXT PRIMARY KEY, solution TEXT) WITHOUT ROWID"
            )
        except sqlite3.Error:
            self._database = None

    def get(self, key: str) -> Solution | None:
        """The solution found before, by whichever process."""
        if self._database is None:
            return None
        try:
            row = self._database.execute("SELECT solution FROM layers WHERE key = ?", (key,)).fetchone()
            return None if row is None else _read(row[0])
        except (sqlite3.Error, ValueError, TypeError):
            return None

    def get_all(self, keys: Sequence[str]) -> dict[str, Solution]:
        """Those of many that were found before."""
        found: dict[str, Solution] = {}
        if self._database is None:
            return found
        for first in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[first : first + KEYS_AT_ONCE]
            marks = ",".join("?" * len(some))
            try:
                rows = self._database.execute(
                    f"SELECT key, solution FROM layers WHERE key IN ({marks})", some
                )
                for key, text in rows.fetchall():
                    found[key] = _read(text)
            except (sqlite3.Error, ValueError, TypeError):
                return found
        return found

    def put(self, key: str, solution: Solution) -> None:
        """Keep it; it is written at the next `flush`."""
        if self._database is None:
            return
        candidates = [
            (c.dataflow, c.cycles, c.energy_pj, c.outermost_bits, c.utilization) for c in solution.candidates
        ]
        self._pending[key] = json.dumps([candidates, solution.refusals])

    def flush(self) -> None:
        """Write what was put."""
        if self._database is None or not self._pending:
            return
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR IGNORE INTO layers VALUES (?, ?)", self._pending.items())
            self._database.execute("COMMIT")
        except sqlite3.Error:
            self._database = None  # a full or foreign disk: go on without
        self._pending.clear()

    def close(self) -> None:
        """Let go of the file."""
        self.flush()
        if self._database is not None:
            self._database.close()
            self._database = None


def _read(text: str) -> Solution:
    candidates, refusals = json.loads(text)
    return Solution(
        tuple(Candidate(*candidate) for candidate in candidates),
        tuple((flow, reason) for flow, reason in refusals),
    )


class LayerSolver:
    """Solves layers on machines; `solved` counts those that were found neither here nor in the file.

    `prepare` solves layers on many machines at once, where the mapper can, with the same answers.
    """

    def __init__(
        self,
        store: LayerStore | None = None,
        objective: Objective = Objective.EDP,
        mapper: Mapper = DEFAULT_MAPPER,
    ) -> None:
        self.solved = 0
        self.objective = objective
        self.mapper = mapper
        self._store = store or LayerStore(None)
        self._known: OrderedDict[tuple[object, str], Solution] = OrderedDict()
        # the greedy mapper has no goal
        self._asked = f"{objective if mapper is Mapper.EXACT else ''} {mapper}"
        self._together = GreedyBlocks()
        self._blocks: tuple[tuple[Machine, ...], list[tuple[list[int], Block]]] = ((), [])
        self._names: dict[Problem, str] = {}

    def prepare(self, signatures: Iterable[Signature], machines: Sequence[Machine]) -> None:
        """Find the solutions of all these layers on all these machines, as far as that is faster together."""
        if self.mapper is not Mapper.GREEDY or len(machines) < FEWEST_TOGETHER:
            return
        if self._blocks[0] != tuple(machines):
            found = blocks([(machine.architecture, machine.prices) for machine in machines])
            self._blocks = (tuple(machines), found)
        for members, block in self._blocks[1]:
            some = [machines[at] for at in members]
            noticed: dict[Bits, list[str]] = {}
            for problem in signatures:
                if isinstance(problem, Problem) and not self._rateless(problem, some[0]):
                    if problem.bits not in noticed:
                        noticed[problem.bits] = [machine.for_macs(problem.bits) for machine in some]
                    self._prepare(problem, some, noticed[problem.bits], block)

    def _prepare(
        self, problem: Problem, machines: Sequence[Machine], noticed: Sequence[str], block: Block
    ) -> None:
        missing = {seen: at for at, seen in enumerate(noticed) if (problem, seen) not in self._known}
        names = {seen: self._name(problem, seen) for seen in missing}
        stored = self._store.get_all(list(names.values()))
        for seen, name in names.items():
            if name in stored:
                self._remember((problem, seen), stored[name])
                del missing[seen]
        if not missing:
            return
        flows = machines[0].architecture.dataflows or (None,)
        by_flow = [self._together.map(problem, block, flow) for flow in flows]
        for seen, at in missing.items():
            mapped = [found[at] for found in by_flow if found is not None]
            if len(mapped) < len(flows) or None in mapped:
                continue  # `solution` finds the reason
            solution = Solution(tuple(candidate for candidate in mapped if candidate is not None))
            self.solved += 1
            self._store.put(names[seen], solution)
            self._remember((problem, seen), solution)

    @staticmethod
    def _rateless(problem: Problem, machine: Machine) -> bool:
        """Whether the MACs take no such widths."""
        try:
            mac_rate(problem, machine.architecture.mac)
        except ValueError:
            return True
        return False

    def _name(self, problem: Problem, noticed: str) -> str:
        """Under which a solution is stored."""
        if len(self._names) > MOST_IN_MEMORY:
            self._names.clear()
        if problem not in self._names:
            self._names[problem] = fingerprint(problem, self._asked, model_digest())
        return hashlib.sha256(f"{self._names[problem]} {noticed}".encode()).hexdigest()[:32]

    def _remember(self, key: tuple[object, str], solution: Solution) -> None:
        self._known[key] = solution
        if len(self._known) > MOST_IN_MEMORY:
            self._known.popitem(last=False)

    def solution(
        self, layer: Layer, machine: Machine, batch: int, noticed: Signature | None = None
    ) -> Solution:
        """The ways to run a layer that is not free; raises ValueError where the MACs take no such widths.

        `noticed` is its signature, for whoever has it at hand.
        """
        noticed = noticed or signature(layer, batch)
        if isinstance(noticed, Problem):
            return self._remembered(noticed, machine.for_macs(noticed.bits), layer, machine, batch)
        return self._remembered(noticed, machine.for_vectors, layer, machine, batch)

    def flush(self) -> None:
        """Share what was found."""
        self._store.flush()

    def close(self) -> None:
        """Share what was found and let go of the file."""
        self._store.close()

    def _remembered(
        self, signature: object, noticed: str, layer: Layer, machine: Machine, batch: int
    ) -> Solution:
        key = (signature, noticed)
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
            return found
        if isinstance(signature, Problem):
            name = self._name(signature, noticed)
            found = self._store.get(name)
            if found is None:
                found, final = _with_macs(signature, machine, self.objective, Effort(self.mapper))
                self.solved += 1
                if final:
                    self._store.put(name, found)
        else:
            found = _without_macs(layer, machine, batch)
        self._remember(key, found)
        return found


Signature: TypeAlias = Problem | tuple[object, ...]


def signature(layer: Layer, batch: int) -> Signature:
    """What of a layer that is not free a machine notices: its loop nest, or `vector_signature`."""
    problem = problem_of(layer, batch)
    return (vector_signature(layer), batch) if problem is None else problem


def vector_signature(layer: Layer) -> tuple[object, ...]:
    """What an operation without MACs costs depends on this and the machine."""
    return (
        layer.op,
        layer.operations,
        tuple((t.words, t.bits) for t in dict.fromkeys(layer.inputs)),
        tuple((t.words, t.bits) for t in layer.outputs),
        layer.weights_read,
        layer.weight_bits,
    )


def _with_macs(
    problem: Problem, machine: Machine, objective: Objective, effort: Effort
) -> tuple[Solution, bool]:
    """The solution, and whether another attempt would find the same: time may have ended a search."""
    flows = machine.architecture.dataflows
    solved = solve(problem, machine.architecture, machine.prices, flows or (None,), objective, effort)
    outermost = machine.architecture.memories[0].name
    final = all(t.certificate is None or t.certificate.proved for t in solved.trials)
    solution = Solution(
        tuple(
            Candidate(
                trial.dataflow,
                trial.cost.cycles,
                trial.energy.total_pj,
                trial.cost.traffic_bits().get(outermost, 0),
                trial.cost.utilization,
            )
            for trial in solved.trials
        ),
        tuple((refusal.dataflow, refusal.reason) for refusal in solved.refusals),
    )
    return solution, final and not any(refusal.undecided for refusal in solved.refusals)


def _without_macs(layer: Layer, machine: Machine, batch: int) -> Solution:
    cost = vector_cost(layer, machine.architecture, machine.prices, batch)
    outermost = machine.architecture.memories[0].name
    memories = sum(sum(operands.values()) for operands in cost.memories_pj.values())
    leakage = leakage_pj_per_cycle(machine.architecture, machine.prices) * cost.cycles
    bits = sum((h.reads + h.fills + h.updates) * h.bits for h in cost.holders if h.memory == outermost)
    return Solution((Candidate(None, cost.cycles, memories + cost.unit_pj + leakage, bits, 0.0),))


def by_dataflow(solution: Solution, dataflow: str | None) -> Sequence[Candidate]:
    """The candidates of one dataflow (None: all); operations without MACs run in any."""
    if dataflow is None:
        return solution.candidates
    return [c for c in solution.candidates if c.dataflow in (dataflow, None)]


def reasons(solution: Solution, dataflow: str | None) -> Mapping[str, str]:
    """Why a dataflow (None: any) has no candidate."""
    return {flow or "any mapping": why for flow, why in solution.refusals if dataflow in (None, flow)}
