"""A study: which networks on which accelerators, what is to be minimised, under which conditions.

study phone
networks     "spaces/fbnet.net", "networks/mobilenet_v2.net"
accelerators "spaces/squeezelerator_family.accel"
minimize latency, energy
where    area < 10 mm2, latency < 33 ms
baseline "networks/squeezenet_v1_0.net" on "accelerators/squeezelerator.accel"
engine auto; seed 1; time 10 min

What the command line says instead (`Options`) is read as the text of a study too, so that both give the same
`Study` and the same messages. `param bits = choose(4 bit, 8 bit)`, `param dataflow = choose("best", "NAME")`
and `param batch = 4` in a study are choices beside those of its networks and accelerators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from dovetail.accel.loading import AcceleratorDesign, load_accelerator_design
from dovetail.costmodel.effort import DEFAULT_MAPPER
from dovetail.dsl import syntax as s
from dovetail.dsl import units
from dovetail.dsl.choices import DesignChooser
from dovetail.dsl.declarations import Declarations
from dovetail.dsl.diagnostics import Collector, Diagnostic, DovetailError, Label
from dovetail.dsl.evaluator import OutOfBounds
from dovetail.dsl.loading import NetworkDesign, load_network_design
from dovetail.dsl.parser import parse, parse_file
from dovetail.dsl.scope import Scope
from dovetail.dsl.source import Source, Span
from dovetail.dsl.values import RecordValue, Symbol, Unknown, Value, describe
from dovetail.explorer.engine import Condition, Direction, Objective
from dovetail.explorer.function_metric import FunctionMetric

METRICS: Final[Mapping[str, str]] = {
    "latency": "s",
    "energy": "pJ",
    "area": "mm2",
    "average_power": "W",
    "peak_memory": "B",
    "dram_bytes": "B",
}
"""Metrics with a unit, and the unit they are kept and compared in."""

NUMBERS: Final = ("edp", "cycles", "utilization", "macs", "params", "inferences_per_charge")
"""Metrics that are plain numbers (`edp` in pJ s)."""

CHARGE_WH: Final = 10.35
"""The battery of a telephone, for `inferences_per_charge`; for another one: `12 Wh / energy`."""

ENGINES: Final = ("auto", "sweep", "exact", "heuristic")

MAPPED_FOR: Final = ("auto", "edp", "energy", "latency")
"""What the layers of a design are mapped for; `auto`: the one objective of these, else EDP."""

ALL_DATAFLOWS: Final = "best"
"""As a dataflow: each layer takes the best of its machine's."""


@dataclass(frozen=True, slots=True)
class Study:
    """A checked study: what is asked of which networks on which accelerators.

    `bits` and `dataflows` are choices beside those of the texts: each design is taken at each of these widths
    (none: the accelerator's own) and with each of these dataflows for all its layers (`best`: each layer
    takes its own). `settings` are parameters and choices given by hand. `time_s` is None where no limit is
    given. Paths are as the user wrote them.
    """

    name: str
    networks: tuple[Path, ...]
    accelerators: tuple[Path, ...]
    objectives: tuple[Objective, ...]
    where: tuple[Condition, ...]
    baseline: tuple[Path, Path] | None = None
    engine: str = "auto"
    seed: int = 0
    time_s: float | None = None
    bits: tuple[int, ...] = ()
    dataflows: tuple[str, ...] = ()
    batch: int = 1
    settings: tuple[tuple[str, str], ...] = ()
    mapped_for: str = "auto"
    points: int | None = None
    """Points after which a search ends; None: what the engine thinks enough."""
    mapper: str = str(DEFAULT_MAPPER)
    """Who maps layers: `greedy` or `exact` (`costmodel/effort.py`)."""
    functions: tuple[FunctionMetric, ...] = ()
    """Metrics that Python computes (`function_metric.py`)."""
    definitions: Mapping[str, Value] = field(default_factory=dict, compare=False)
    """What the study's own `let`, `fn` and `param` define, for its expressions."""

    @property
    def minimize(self) -> tuple[str, ...]:
        """The texts of what is minimised."""
        return tuple(o.name for o in self.objectives if o.direction == "minimize")

    @property
    def maximize(self) -> tuple[str, ...]:
        """The texts of what is maximised."""
        return tuple(o.name for o in self.objectives if o.direction == "maximize")


@dataclass(frozen=True, slots=True)
class Options:
    """What a command line says beside a study, or in place of one; None where it says nothing."""

    minimize: tuple[str, ...] = ()
    maximize: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    baseline: tuple[Path, Path] | None = None
    engine: str | None = None
    seed: int | None = None
    time_s: float | None = None
    bits: tuple[int, ...] = ()
    dataflows: tuple[str, ...] = ()
    batch: int | None = None
    settings: tuple[tuple[str, str], ...] = ()
    mapped_for: str | None = None
    points: int | None = None
    mapper: str | None = None
    metrics: tuple[tuple[str, str], ...] = ()
    """Names with `FILE.py:FUNCTION`."""


class _StudyReader(Declarations):
    """Executes a `.study` file, and then what the command line says."""

    kind = "study"
    symbols = frozenset(ENGINES)

    def read(
        self, networks: Sequence[Path], accelerators: Sequence[Path], options: Options, extra: s.File | None
    ) -> Study:
        """The study, with every problem added to `problems`; files given by hand come before those named."""
        self.scope = Scope()
        self.options = options
        self.paths: dict[str, tuple[Path, ...]] = {"networks": (), "accelerators": ()}
        self.seen: dict[str, Span] = {}
        self.networks: list[NetworkDesign] = []
        self.accelerators: list[AcceleratorDesign] = []
        self.goals: dict[Direction, tuple[Objective, ...]] = {}
        self.conditions: tuple[Condition, ...] = ()
        self.baseline: tuple[Path, Path] | None = None
        self.engine, self.seed = options.engine or "auto", options.seed or 0
        self.time_s = options.time_s
        self.axes: dict[str, tuple[Value, ...]] = {}
        self.functions: dict[str, FunctionMetric] = {}
        self.whole = not self.problems.failed
        for keyword, given in (("networks", networks), ("accelerators", accelerators)):
            found = [self._load(keyword, path, path, None) for path in given]
            self.paths[keyword] = tuple(path for path in found if path is not None)
        self.by_hand = {k for k, given in (("networks", networks), ("accelerators", accelerators)) if given}
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
                case s.Param(name="bits" | "dataflow"):
                    self._axis(statement)
                case _:
                    if not self.declare(statement, self.scope):
                        self.misplaced(statement)
        if options.baseline is not None:
            network, accelerator = options.baseline
            self.baseline = None
            if self._load("networks", network, network, None) and self._load(
                "accelerators", accelerator, accelerator, None
            ):
                self.baseline = options.baseline
        for name, source in options.metrics:
            self._function_by_hand(name, source)
        definitions = self.scope.own()
        self._name_metrics()
        said = [x for x in extra.statements if isinstance(x, s.Setting)] if extra is not None else []
        if any(statement.keyword in ("minimize", "maximize") for statement in said):
            late = [statement for statement in late if statement.keyword == "where"]
        for statement in (*late, *said):
            self._goal(statement, again=statement in said)
        self._complete()
        header = self.file.header
        return Study(
            name=header.name if header else "",
            networks=self.paths["networks"],
            accelerators=self.paths["accelerators"],
            objectives=(*self.goals.get("minimize", ()), *self.goals.get("maximize", ())),
            where=self.conditions,
            baseline=self.baseline,
            engine=self.engine,
            seed=self.seed,
            time_s=self.time_s,
            bits=options.bits or self.axes.get("bits", ()),
            dataflows=options.dataflows or self.axes.get("dataflow", ()),
            batch=options.batch or self._batch(),
            settings=options.settings,
            mapped_for=options.mapped_for or "auto",
            points=options.points,
            mapper=options.mapper or str(DEFAULT_MAPPER),
            functions=tuple(self.functions.values()),
            definitions=definitions,
        )

    def _metric_table(self, statement: s.Metric, source: str) -> None:
        """In a study also `from "FILE.py:FUNCTION"`."""
        found = FunctionMetric.of(statement.name, source)
        if found is None:
            super()._metric_table(statement, source)
            return
        path = self.inside(str(found.path), statement.span)
        if path is not None:
            self._take_function(replace(found, path=path), Label(statement.span))

    def _function_by_hand(self, name: str, source: str) -> None:
        found = FunctionMetric.of(name, source)
        if found is None:
            message = f"`{source}` names no function in a Python file"
            self.problems.add(Diagnostic("E1307", message, help=("as in `top1=accuracy.py:top1`",)))
        else:
            self._take_function(found, None)

    def _take_function(self, found: FunctionMetric, place: Label | None) -> None:
        reason = found.missing()
        if reason is not None:
            message = f"the metric `{found.name}` has no function: {reason}"
            self.problems.add(Diagnostic("E1307", message, place))
        self.functions[found.name] = found  # what speaks of it is right so far

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
                self.paths[statement.keyword] += tuple(p for p in found if p is not None)
            case "engine":
                value = self.evaluate(statement.values[0], self.scope)
                if isinstance(value, Symbol):
                    self.engine = self.options.engine or str(value)
                elif not isinstance(value, Unknown):
                    message = f"`engine` is one of {', '.join(ENGINES)}, and not {describe(value)}"
                    self.fail("E0403", message, statement.span)
            case "seed":
                seed = self.integer(statement.values[0], self.scope, "seed", 0)
                if self.options.seed is None:
                    self.seed = 0 if seed is None else seed
            case "time":
                value = self.evaluate(statement.values[0], self.scope)
                if units.is_quantity(value) and units.kind_of(value) == "time":
                    if self.options.time_s is None:
                        self.time_s = float(value.magnitude)
                elif not isinstance(value, Unknown):
                    message = f"`time` has to be a time, and this is {describe(value)}"
                    self.fail("E0402", message, statement.span, help=["`time 10 min`"])
            case _:
                self.misplaced(statement)

    def _axis(self, statement: s.Param) -> None:
        """`param bits = choose(4 bit, 8 bit)`, `param dataflow = choose("best", "weight_stationary")`."""
        nodes = statement.value.options if isinstance(statement.value, s.Choose) else (statement.value,)
        found: list[Value] = []
        for node in nodes:
            value = self.evaluate(node, self.scope)
            if isinstance(value, Unknown):
                continue
            if statement.name == "dataflow":
                if isinstance(value, str):
                    found.append(str(value))
                else:
                    self.fail("E0403", f"a dataflow is named by a string, not {describe(value)}", node.span)
                continue
            if units.is_quantity(value) and units.kind_of(value) == "size":
                value = value.magnitude
            if isinstance(value, int | float) and float(value).is_integer() and 1 <= value <= 256:
                found.append(int(value))
            else:
                self.fail("E0403", f"`bits` is a width such as `8 bit`, not {describe(value)}", node.span)
        self.axes[statement.name] = tuple(dict.fromkeys(found))

    def _batch(self) -> int:
        value = self.parameters.get("batch", 1)
        return value if isinstance(value, int) and value >= 1 else 1

    def _design(self, keyword: str, node: s.Expr) -> Path | None:
        if not isinstance(node, s.Text):
            self.fail("E0403", f"`{keyword}` names files, as strings", node.span)
            return None
        return self._named(keyword, node.value, node.span)

    def _named(self, keyword: str, text: str, span: Span) -> Path | None:
        """A file that the study names, below its own folder."""
        path = self.inside(text, span)
        if path is None:
            return None
        suffix = {"networks": ".net", "accelerators": ".accel"}[keyword]
        if path.suffix != suffix:
            self.fail("E0808", f"`{keyword}` are `{suffix}` files, and this is `{text}`", span)
            return None
        return self._load(keyword, path, Path(span.source.name).parent / text, span)

    def _load(self, keyword: str, path: Path, shown: Path, span: Span | None) -> Path | None:
        """The path of a design that can be read; its figures and parameters are names from here on."""
        settings = self._settings_for(shown)
        try:
            if keyword == "networks":
                self.networks.append(load_network_design(shown, settings))
            else:
                self.accelerators.append(load_accelerator_design(shown, settings))
        except DovetailError as fault:
            for d in fault.diagnostics:
                self.problems.add(d if d.primary or span is None else replace(d, primary=Label(span)))
            return None
        return path

    def _settings_for(self, path: Path) -> dict[str, str]:
        """Those settings by hand that a file can take."""
        if not self.options.settings:
            return {}
        known = settable(path)
        return {name: value for name, value in self.options.settings if name in known}

    def _baseline(self, statement: s.Baseline) -> None:
        self._once("baseline", statement.span)
        network = self._named("networks", statement.network, statement.span)
        accelerator = self._named("accelerators", statement.accelerator, statement.span)
        if network is not None and accelerator is not None:
            self.baseline = (network, accelerator)

    def _name_metrics(self) -> None:
        """Every metric as a name with a value of its kind: conditions are checked by evaluating them."""
        named = known_names(self.networks, self.accelerators)
        for name, value in (dict.fromkeys(self.functions, 1.0) | named).items():
            if self.scope.find(name) is None:
                self.scope.define(name, value)

    def _goal(self, statement: s.Setting, *, again: bool) -> None:
        if not again:
            self._once(statement.keyword, statement.span)
        self.seen.setdefault(statement.keyword, statement.span)
        if statement.keyword == "where":
            for node in statement.values:
                self.truth(node, self.scope, "a condition")
            self.conditions += tuple(Condition(_text(n), n) for n in statement.values)
            return
        for node in statement.values:
            value: Value = self.evaluate(node, self.scope)
            plain = isinstance(value, int | float) and not isinstance(value, bool)
            if not isinstance(value, Unknown) and not plain and not units.is_quantity(value):
                self.fail("E0403", f"a metric is a number, and this is {describe(value)}", node.span)
        direction: Direction = "minimize" if statement.keyword == "minimize" else "maximize"
        found = {_text(node): node for node in statement.values}
        self.goals[direction] = tuple(Objective(text, node, direction) for text, node in found.items())

    def _complete(self) -> None:
        """What a study has to say, unless a statement that could not be read may have said it."""
        if not self.whole:
            return
        span = self.file.header.span if self.file.header else Span(self.file.source, 0, 0)
        for keyword in ("networks", "accelerators"):
            if keyword not in self.seen and keyword not in self.by_hand:
                self.fail("E0111", f"the study names no {keyword}", span, help=[f'`{keyword} "FILE"`'])
        if not {"minimize", "maximize"} & set(self.seen):
            self.fail("E0111", "the study asks for nothing", span, help=["`minimize latency, energy`"])

    def known(self, scope: Scope) -> set[str]:
        """Metrics are what a user can mean in a study."""
        return {*scope.names(), *self.symbols}


def known_names(
    networks: Sequence[NetworkDesign], accelerators: Sequence[AcceleratorDesign]
) -> dict[str, Value]:
    """What expressions of a study can speak of, each with an example value: metrics, figures, parameters."""
    names: dict[str, Value] = {name: units.quantity(1, unit) for name, unit in METRICS.items()}
    names |= dict.fromkeys(NUMBERS, 1.0)
    for network in networks:
        for name in network.figures:
            names.setdefault(name, 1.0)
        for name, value in network.parameters.items():
            names.setdefault(name, value)
    for accelerator in accelerators:
        for name, _, _ in accelerator.architecture.metrics:
            names.setdefault(name, 1.0)
        for name, value in accelerator.parameters.items():
            names.setdefault(name, value)
        for memory in accelerator.architecture.memories:
            if memory.size_bits is not None:
                size = units.quantity(memory.size_bits, "bit")
                names.setdefault(memory.name, RecordValue((("size", size),)))
    return names


def settable(path: Path) -> frozenset[str]:
    """Parameters and choices that a `.net` or `.accel` file lets one set."""
    load = load_network_design if path.suffix == ".net" else load_accelerator_design
    try:
        design = load(path)
    except DovetailError:
        # The defaults do not stand by themselves (a requirement, perhaps): the text says its parameters.
        file = parse_file(path, Collector())
        return frozenset(x.name for x in file.statements if isinstance(x, s.Param))
    return frozenset(design.parameters) | {choice.site.path for choice in design.choices}


def load_study(path: str | Path, options: Options | None = None) -> Study:
    """Read and check a `.study` file and the files it names; raises DovetailError with every problem."""
    problems = Collector()
    return _read(parse_file(Path(path), problems), problems, (), (), options or Options())


def study_of(file: s.File, problems: Collector) -> Study:
    """The study that a syntax says, for an editor; `problems` has those of reading it, and gets the rest."""
    return _read(file, problems, (), (), Options())


def make_study(
    networks: Sequence[str | Path],
    accelerators: Sequence[str | Path],
    options: Options,
    name: str = "explore",
) -> Study:
    """The study that a command line or a Python call describes; raises DovetailError as `load_study`."""
    problems = Collector()
    file = parse(Source(f"study {name}\n", COMMAND_LINE), problems, "study")
    return _read(file, problems, [Path(p) for p in networks], [Path(p) for p in accelerators], options)


COMMAND_LINE: Final = "the command line"
"""What stands for the file where a message shows a place in options."""


def _read(
    file: s.File,
    problems: Collector,
    networks: Sequence[Path],
    accelerators: Sequence[Path],
    options: Options,
) -> Study:
    reader = _StudyReader(problems, DesignChooser())
    reader.prepare(file, {})
    said = {"minimize": options.minimize, "maximize": options.maximize, "where": options.where}
    lines = [f"{keyword} {', '.join(texts)}" for keyword, texts in said.items() if texts]
    extra = None
    if lines:
        extra = parse(Source("\n".join(["study options", *lines, ""]), COMMAND_LINE), problems, "study")
    study = None
    with suppress(OutOfBounds):  # reported
        study = reader.read(networks, accelerators, options, extra)
    if study is None or problems.failed:
        raise DovetailError(problems.diagnostics)
    return study


def _text(node: s.Expr) -> str:
    return " ".join(node.span.text.split())
