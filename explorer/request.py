"""What was asked, in plain words: what a run keeps, and what goes to other processes to be read there."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from dovetail.explorer.study import Options, Study, load_study, make_study


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """A study's file, or networks and accelerators, with what the command line says; paths are absolute."""

    study: str | None
    networks: tuple[str, ...]
    accelerators: tuple[str, ...]
    options: Options
    name: str = "explore"
    inputs: str = ""
    """Digest of the files as they were when the run began; who reads them later checks it."""

    def load(self) -> Study:
        """The study; raises DovetailError with every problem."""
        if self.study is not None:
            return load_study(self.study, self.options)
        return make_study(self.networks, self.accelerators, self.options, self.name)

    def absolute(self) -> StudyRequest:
        """The same for a process that works elsewhere."""
        baseline = self.options.baseline
        return replace(
            self,
            study=None if self.study is None else str(Path(self.study).resolve()),
            networks=tuple(str(Path(p).resolve()) for p in self.networks),
            accelerators=tuple(str(Path(p).resolve()) for p in self.accelerators),
            options=replace(
                self.options,
                baseline=None if baseline is None else (baseline[0].resolve(), baseline[1].resolve()),
                metrics=tuple((name, str(Path(source).resolve())) for name, source in self.options.metrics),
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """For `from_json`."""
        found = asdict(self)
        del found["inputs"]
        baseline = self.options.baseline
        found["options"]["baseline"] = None if baseline is None else [str(path) for path in baseline]
        return found

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> StudyRequest:
        """Raises KeyError or TypeError for what `to_json` does not write."""
        given = {f.name: _tuples(found["options"].get(f.name, f.default)) for f in fields(Options)}
        if given["baseline"] is not None:
            given["baseline"] = (Path(given["baseline"][0]), Path(given["baseline"][1]))
        return cls(
            found["study"],
            tuple(found["networks"]),
            tuple(found["accelerators"]),
            Options(**given),
            found["name"],
        )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
