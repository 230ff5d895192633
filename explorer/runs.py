"""Runs are folders: what was asked and of which inputs, the results, and what the engine found in the end.

    runs/phone-1f0c9a52/
        run.json         the question, the inputs with their digests, the versions
        results.duckdb   the results (`store.py`)
        report.json      how it ended, when it did
    runs/layers.sqlite   solutions of layers, shared by all runs

The name ends with a digest of everything that the results depend on. So the same command finds its folder and
goes on in it, and with an input changed it begins another.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from dovetail.dsl import syntax as s
from dovetail.dsl.diagnostics import Collector, Diagnostic, DovetailError
from dovetail.dsl.parser import parse_file
from dovetail.dsl.values import FnValue, text_of
from dovetail.explorer.content import file_digest, fingerprint, model_digest
from dovetail.explorer.engine import EngineReport
from dovetail.explorer.points import mapped_for
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.study import Study

SCHEMA: Final = "dovetail.run/1"
LAYERS: Final = "layers.sqlite"


@dataclass(frozen=True, slots=True)
class Specification:
    """What the results of a run depend on."""

    name: str
    question: Mapping[str, Any]
    inputs: Mapping[str, str]
    """Digests of the designs' files and all they import, by name."""
    engine: str
    version: str
    model: str
    """Digest of the cost model's program text and tables."""

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits."""
        return fingerprint(self.question, self.inputs, self.engine, self.version, self.model)[:8]

    def differences(self, other: Specification) -> list[str]:
        """What is another, in words."""
        found = [
            f"`{name}` changed"
            if name in self.inputs and name in other.inputs
            else f"`{name}` is new or gone"
            for name in sorted({*self.inputs, *other.inputs})
            if self.inputs.get(name) != other.inputs.get(name)
        ]
        found += [
            f"`{name}` is another"
            for name in sorted({*self.question, *other.question})
            if self.question.get(name) != other.question.get(name)
        ]
        if self.engine != other.engine:
            found.append(f"the engine is `{self.engine}`, not `{other.engine}`")
        if (self.version, self.model) != (other.version, other.model):
            found.append("Dovetail itself is another version")
        return found


def specify(study: Study, engine: str, version: str) -> Specification:
    """The specification of a study; raises DovetailError where an input cannot be read."""
    question = {
        "networks": [path.name for path in study.networks],
        "accelerators": [path.name for path in study.accelerators],
        "objectives": [[o.direction, o.name] for o in study.objectives],
        "where": sorted(condition.text for condition in study.where),
        "definitions": {name: _defined(value) for name, value in study.definitions.items()},
        "baseline": [path.name for path in study.baseline or ()],
        "bits": list(study.bits),
        "dataflows": list(study.dataflows),
        "batch": study.batch,
        "settings": dict(sorted(study.settings)),
        "seed": study.seed,
        "mapped_for": str(mapped_for(study)),
        "mapper": study.mapper,
    }
    if study.functions:
        question["functions"] = {f.name: f"{f.path.name}:{f.function}" for f in study.functions}
    return Specification(study.name, question, inputs_of(study), engine, version, model_digest())


def inputs_of(study: Study) -> dict[str, str]:
    """The digest of every file that the study's designs are made of, by name below the design's folder."""
    found: dict[str, str] = {}
    for path in (*study.networks, *study.accelerators, *(study.baseline or ())):
        for file in _files(path):
            digest, name = file_digest(file), _shown(file, path)
            found[name if found.get(name, digest) == digest else str(file)] = digest
    for metric in study.functions:
        digest, name = file_digest(metric.path), metric.path.name
        found[name if found.get(name, digest) == digest else str(metric.path.resolve())] = digest
    return found


def _defined(value: object) -> str:
    return " ".join(value.value.span.text.split()) if isinstance(value, FnValue) else text_of(value)


def _shown(file: Path, design: Path) -> str:
    folder = design.resolve().parent
    return str(file.relative_to(folder)) if file.is_relative_to(folder) else str(file)


def _files(path: Path) -> Iterator[Path]:
    """A design's file and all it reads, each once."""
    pending, known = [path.resolve()], set[Path]()
    while pending:
        file = pending.pop()
        if file in known:
            continue
        known.add(file)
        yield file
        if file.suffix == ".csv":
            continue
        for statement in parse_file(file, Collector()).statements:
            match statement:
                case s.Import():
                    pending.append((file.parent / statement.path).resolve())
                case s.Metric(value=None, source=str() as source):
                    pending.append((file.parent / source).resolve())
                case _:
                    pass


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder with a run in it."""

    path: Path
    specification: Specification
    request: StudyRequest
    metrics: Mapping[str, str]
    """The unit of every metric in the store."""

    @property
    def results(self) -> Path:
        """The store."""
        return self.path / "results.duckdb"

    def write(self) -> None:
        """Make the folder; raises DovetailError where it cannot be."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            _write(
                self.path / "run.json",
                {
                    "schema": SCHEMA,
                    **asdict(self.specification),
                    "digest": self.specification.digest,
                    "python": platform.python_version(),
                    "metrics": dict(self.metrics),
                    "request": self.request.to_json(),
                },
            )
        except OSError as fault:
            raise DovetailError([_unwritable(self.path, fault)]) from fault

    def report(self) -> dict[str, Any] | None:
        """How the run ended; None where it has not."""
        try:
            found = json.loads((self.path / "report.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def write_report(self, report: EngineReport, front: int, rows: int, designs: int | None) -> None:
        """Say how it ended."""
        try:
            _write(
                self.path / "report.json",
                {
                    "engine": report.name,
                    "exact": report.exact,
                    "claim": report.claim,
                    "finished": report.finished,
                    "points": report.points,
                    "designs": designs,
                    "rows": rows,
                    "front": front,
                    "layer_evaluations": report.layer_evaluations,
                    "details": dict(report.details),
                },
            )
        except OSError as fault:
            raise DovetailError([_unwritable(self.path, fault)]) from fault


def open_run(path: Path) -> RunFolder:
    """The run in a folder; raises DovetailError where there is none."""
    file = path / "run.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA:
            raise KeyError("schema")
        specification = Specification(
            found["name"],
            found["question"],
            found["inputs"],
            found["engine"],
            found["version"],
            found["model"],
        )
        return RunFolder(path, specification, StudyRequest.from_json(found["request"]), found["metrics"])
    except FileNotFoundError as fault:
        message = f"there is no run in `{path}`"
        help = ("`dovetail explore --list` names the runs that there are",)
        raise DovetailError([Diagnostic("E1302", message, help=help)]) from fault
    except (OSError, ValueError, KeyError, TypeError) as fault:
        message = f"`{file}` is not what a run writes: {fault}"
        help = ("the folder was left as it is",)
        raise DovetailError([Diagnostic("E1302", message, help=help)]) from fault


def runs_in(folder: Path) -> list[RunFolder]:
    """The runs below a folder, by name; what is no run is passed over."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (path / "run.json").is_file():
            try:
                found.append(open_run(path))
            except DovetailError:
                continue
    return found


def _unwritable(path: Path, fault: OSError) -> Diagnostic:
    return Diagnostic("E1303", f"`{path}` cannot be written: {fault.strerror or fault}")


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """All of it or nothing."""
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=2, default=str) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
