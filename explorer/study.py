"""A study: which networks on which accelerators, what is to be minimised, under which conditions.

study phone
networks     "spaces/fbnet.net", "networks/mobilenet_v2.net"
accelerators "spaces/squeezelerator_family.accel"
minimize latency, energy
where    area < 10 mm2, latency < 33 ms
baseline "networks/squeezenet_v1_0.net" on "accelerators/squeezelerator.accel"
engine auto; seed 1; time 10 min
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dovetail.accel.loading import AcceleratorDesign, load_accelerator_design
from dovetail.dsl import syntax as s
from dovetail.dsl import units
from dovetail.dsl.choices import DesignChooser
from dovetail.dsl.declarations import Declarations
from dovetail.dsl.diagnostics import Collector, DovetailError, Label
from dovetail.dsl.evaluator import OutOfBounds
from dovetail.dsl.loading import NetworkDesign, load_network_design
from dovetail.dsl.parser import parse_file
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Span
from dovetail.dsl.values import RecordValue, Symbol, Unknown, Value, describe

METRICS: Final[Mapping[str, str]] = {
    "latency": "s",
    "energy": "pJ",
    "area": "mm2",
    "average_power": "W",
    "peak_memory": "B",
    "dram_bytes": "B",
}
"""Metrics with a unit, and the unit they are compared in."""

NUMBERS: Final = frozenset({"edp", "cycles", "utilization", "macs", "params", "inferences_per_charge"})
"""Metrics that are plain numbers."""

ENGINES: Final = ("auto", "sweep", "exact", "heuristic")


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on results; `text` as written, `node` for evaluation with the metrics as names."""

    text: str
    node: s.Expr


@dataclass(frozen=True, slots=True)
class Study:
    """A checked study. Paths are resolved; `time_s` is None where no limit is given."""

    name: str
    networks: tuple[Path, ...]
    accelerators: tuple[Path, ...]
    minimize: tuple[str, ...]
    maximize: tuple[str, ...]
    where: tuple[Condition, ...]
    baseline: tuple[Path, Path] | None
    engine: str
    seed: int
    time_s: float | None


class _StudyReader(Declarations):
    """Executes a `.study` file."""

    kind = "study"
    symbols = frozenset(ENGINES)

    def read(self) -> Study:
        """The study, with every problem added to `problems`."""
        self.scope = Scope()
        self.paths: dict[str, tuple[Path, ...]] = {}
        self.seen: dict[str, Span] = {}
        self.networks: list[NetworkDesign] = []
        self.accelerators: list[AcceleratorDesign] = []
        self.goals: dict[str, tuple[str, ...]] = {}
        self.conditions: tuple[Condition, ...] = ()
        self.baseline: tuple[Path, Path] | None = None
        self.engine, self.seed = "auto", 0
        self.time_s: float | None = None
        self.whole = not self.problems.failed
        self.hoist(self.file.statements, self.scope)
        late: list[s.Setting] = []
        for statement in self.file.statements:
            match statement:
                case s.Setting(keyword="minimize" | "maximize" | "where"):
                    late.append(statement)  # they speak of metrics that the files may define
                case s.Setting():
                    self._setting(statement)
                case s.Baseline():
                    self._baseline(statement)
                case _:
                    if not self.declare(statement, self.scope):
                        self.misplaced(statement)
        self._name_metrics()
        for statement in late:
            self._goal(statement)
        self._complete()
        header = self.file.header
        return Study(
            header.name if header else "",
            self.paths.get("networks", ()),
            self.paths.get("accelerators", ()),
            self.goals.get("minimize", ()),
            self.goals.get("maximize", ()),
            self.conditions,
            self.baseline,
            self.engine,
            self.seed,
            self.time_s,
        )

    def _once(self, keyword: str, span: Span) -> None:
        if keyword in self.seen:
            earlier = Label(self.seen[keyword], "first here")
            self.fail("E0308", f"`{keyword}` stands twice", span, others=[earlier])
        self.seen[keyword] = span

    def _setting(self, statement: s.Setting) -> None:
        self._once(statement.keyword, statement.span)
        match statement.keyword:
            case "networks" | "accelerators":
                found = [self._design(statement.keyword, node) for node in statement.values]
                self.paths[statement.keyword] = tuple(p for p in found if p is not None)
            case "engine":
                value = self.evaluate(statement.values[0], self.scope)
                if isinstance(value, Symbol):
                    self.engine = str(value)
                elif not isinstance(value, Unknown):
                    message = f"`engine` is one of {', '.join(ENGINES)}, and not {describe(value)}"
                    self.fail("E0403", message, statement.span)
            case "seed":
                seed = self.integer(statement.values[0], self.scope, "seed", 0)
                self.seed = 0 if seed is None else seed
            case "time":
                value = self.evaluate(statement.values[0], self.scope)
                if units.is_quantity(value) and units.kind_of(value) == "time":
                    self.time_s = float(value.magnitude)
                elif not isinstance(value, Unknown):
                    message = f"`time` has to be a time, and this is {describe(value)}"
                    self.fail("E0402", message, statement.span, help=["`time 10 min`"])
            case _:
                self.misplaced(statement)

    def _design(self, keyword: str, node: s.Expr) -> Path | None:
        if not isinstance(node, s.Text):
            self.fail("E0403", f"`{keyword}` names files, as strings", node.span)
            return None
        return self._load(keyword, node.value, node.span)

    def _load(self, keyword: str, text: str, span: Span) -> Path | None:
        path = self.inside(text, span)
        if path is None:
            return None
        suffix = {"networks": ".net", "accelerators": ".accel"}[keyword]
        if path.suffix != suffix:
            self.fail("E0808", f"`{keyword}` are `{suffix}` files, and this is `{text}`", span)
            return None
        shown = Path(span.source.name).parent / text
        try:
            if keyword == "networks":
                self.networks.append(load_network_design(shown))
            else:
                self.accelerators.append(load_accelerator_design(shown))
        except DovetailError as fault:
            for d in fault.diagnostics:
                self.problems.add(d if d.primary else replace(d, primary=Label(span)))
            return None
        return path

    def _baseline(self, statement: s.Baseline) -> None:
        self._once("baseline", statement.span)
        network = self._load("networks", statement.network, statement.span)
        accelerator = self._load("accelerators", statement.accelerator, statement.span)
        if network is not None and accelerator is not None:
            self.baseline = (network, accelerator)

    def _name_metrics(self) -> None:
        """Every metric as a name with a value of its kind: conditions are checked by evaluating them."""
        for name, unit in METRICS.items():
            self.scope.define(name, units.quantity(1, unit))
        for name in NUMBERS:
            self.scope.define(name, 1.0)
        for network in self.networks:
            for name in (*network.figures, *network.parameters):
                self.scope.define(name, network.parameters.get(name, 1.0))
        for accelerator in self.accelerators:
            for name, value in accelerator.parameters.items():
                self.scope.define(name, value)
            for memory in accelerator.architecture.memories:
                if memory.size_bits is not None:
                    size = units.quantity(memory.size_bits, "bit")
                    self.scope.define(memory.name, RecordValue((("size", size),)))

    def _goal(self, statement: s.Setting) -> None:
        self._once(statement.keyword, statement.span)
        if statement.keyword == "where":
            for node in statement.values:
                self.truth(node, self.scope, "a condition")
            self.conditions = tuple(Condition(_text(n), n) for n in statement.values)
            return
        for node in statement.values:
            value: Value = self.evaluate(node, self.scope)
            plain = isinstance(value, int | float) and not isinstance(value, bool)
            if not isinstance(value, Unknown) and not plain and not units.is_quantity(value):
                self.fail("E0403", f"a metric is a number, and this is {describe(value)}", node.span)
        self.goals[statement.keyword] = tuple(_text(n) for n in statement.values)

    def _complete(self) -> None:
        """What a study has to say, unless a statement that could not be read may have said it."""
        if not self.whole:
            return
        span = self.file.header.span if self.file.header else Span(self.file.source, 0, 0)
        for keyword in ("networks", "accelerators"):
            if keyword not in self.seen:
                self.fail("E0111", f"the study names no {keyword}", span, help=[f'`{keyword} "FILE"`'])
        if not {"minimize", "maximize"} & set(self.seen):
            self.fail("E0111", "the study asks for nothing", span, help=["`minimize latency, energy`"])

    def known(self, scope: Scope) -> set[str]:
        """Metrics are what a user can mean in a study."""
        return {*scope.names(), *self.symbols}


def load_study(path: str | Path) -> Study:
    """Read and check a `.study` file and the files it names; raises DovetailError with every problem."""
    problems = Collector()
    file = parse_file(Path(path), problems)
    reader = _StudyReader(problems, DesignChooser())
    reader.prepare(file, {})
    study = None
    with suppress(OutOfBounds):  # reported
        study = reader.read()
    if study is None or problems.failed:
        raise DovetailError(problems.diagnostics)
    return study


def _text(node: s.Expr) -> str:
    return " ".join(node.span.text.split())
