"""Answers kept on disk, by the content of the question.

The key is a hash of layer, architecture, prices, objective, dataflow, options and the code of the model: so
nothing has to be invalidated. A file is written beside its place and renamed, so several processes may
share a folder; one that cannot be read counts as missing.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from functools import lru_cache
from pathlib import Path

from dovetail.costmodel.mapper.result import MapResult


@lru_cache(maxsize=1)
def model_version() -> str:
    """A hash of all code that an answer depends on: a cost model that is changed forgets what it said."""
    costmodel = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for place, pattern in (
        (costmodel, "*.py"),
        (costmodel / "mapper", "*.py"),
        (costmodel.parent / "accel", "architecture.py"),
        (costmodel.parent / "accel", "mapping.py"),
        (costmodel.parent / "accel", "legality.py"),
        (costmodel.parent / "dsl", "problem.py"),
    ):
        for path in sorted(place.glob(pattern)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def folder() -> Path:
    """`$DOVETAIL_CACHE`, else `dovetail` in the user's cache folder."""
    named = os.environ.get("DOVETAIL_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dovetail" / "mapper"


def key(*question: object) -> str:
    """The name of a question. What it is made of prints all its content, sets in order."""
    return hashlib.sha256("\n".join([model_version(), *map(_text, question)]).encode()).hexdigest()


def _text(part: object) -> str:
    if isinstance(part, frozenset | set):
        return "{" + ",".join(sorted(map(_text, part))) + "}"
    if isinstance(part, dict):
        return "{" + ",".join(f"{_text(k)}:{_text(v)}" for k, v in sorted(part.items(), key=str)) + "}"
    if isinstance(part, tuple | list):
        return "(" + ",".join(map(_text, part)) + ")"
    fields = getattr(part, "__dataclass_fields__", None)
    if fields is not None:
        return type(part).__name__ + _text({name: getattr(part, name) for name in fields})
    return repr(part)


def load(name: str) -> MapResult | None:
    """A kept answer, None where there is none."""
    try:
        with (folder() / name).open("rb") as file:
            found = pickle.load(file)
    except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError, IndexError, TypeError):
        return None
    return found if isinstance(found, MapResult) else None


def store(name: str, answer: MapResult) -> None:
    """Keep an answer; a folder that cannot be written is no error."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder(), delete=False) as file:
            pickle.dump(answer, file, protocol=pickle.HIGHEST_PROTOCOL)
        Path(file.name).replace(folder() / name)
    except OSError:
        return
