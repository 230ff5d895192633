"""A source text and places in it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


class Source:
    """One file's text: knows its lines. `path` is None for text that did not come from a file."""

    def __init__(self, text: str, name: str, path: Path | None = None) -> None:
        self.text = text
        self.name = name
        self.path = path

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(i + 1 for i, c in enumerate(self.text) if c == "\n")]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (from 1), without its end."""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def __repr__(self) -> str:
        return f"Source({self.name})"


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of characters of one source."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters themselves."""
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """From the start of this one to the end of `other`."""
        return Span(self.source, self.start, other.end)

    @property
    def place(self) -> str:
        """`file:line:column`, as editors read it."""
        line, column = self.source.position(self.start)
        return f"{self.source.name}:{line}:{column}"
