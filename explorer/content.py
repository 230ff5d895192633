"""What a thing is by its content: equal things have equal fingerprints, in every process and every run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path

import dovetail.accel
import dovetail.costmodel
import dovetail.dsl


def fingerprint(*things: object) -> str:
    """32 hexadecimal digits of dataclasses, containers and plain values, whatever the order of their sets."""
    return hashlib.sha256("".join(_written(things)).encode()).hexdigest()[:32]


def _written(thing: object) -> Iterator[str]:
    match thing:
        case Enum():
            yield f"{type(thing).__name__}.{thing.name}"
        case tuple() | list():
            yield "("
            for item in thing:
                yield from _written(item)
                yield ","
            yield ")"
        case Mapping():
            yield from _written([(key, thing[key]) for key in sorted(thing, key=str)])
        case Set():
            yield from _written(sorted("".join(_written(item)) for item in thing))
        case _ if is_dataclass(thing) and not isinstance(thing, type):
            yield type(thing).__name__
            yield from _written([getattr(thing, f.name) for f in fields(thing) if f.compare])
        case _:
            yield repr(thing)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def model_digest() -> str:
    """16 hexadecimal digits of the program text and tables behind every cost."""
    digest = hashlib.sha256()
    for package in (dovetail.dsl, dovetail.accel, dovetail.costmodel):
        for folder in package.__path__:
            for path in sorted(Path(folder).rglob("*")):
                if path.suffix in (".py", ".lark", ".csv", ".net"):
                    digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
