"""Choices that a text leaves open: where they stand, what can be chosen, and who picks.

A file without a choice is a design, with one a design space. The evaluator asks its chooser at every site; a
design is one sequence of answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dovetail.dsl.source import Span


@dataclass(frozen=True, slots=True)
class Site:
    """One place where something is chosen: `tbs2.1.kernel` out of `3`, `5`."""

    path: str
    options: tuple[str, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """A site and the option taken; `given` where the user said so."""

    site: Site
    picked: int
    given: bool

    @property
    def option(self) -> str:
        """The text of the option taken."""
        return self.site.options[self.picked]


class Chooser(Protocol):
    """Answers at each site."""

    def pick(self, site: Site) -> int:
        """The index of the option taken."""
        ...


class NoSuchOption(Exception):
    """`--set kernel=4` where only 3 and 5 can be chosen."""

    def __init__(self, site: Site, wanted: str) -> None:
        super().__init__(f"`{wanted}` is none of the options of `{site.path}`: {', '.join(site.options)}")
        self.site = site
        self.wanted = wanted


class DesignChooser:
    """Takes what the user gave by path, else the first option, and remembers each choice."""

    def __init__(self, picks: Mapping[str, str] | None = None, ties: Mapping[str, str] | None = None) -> None:
        self._picks = dict(picks or {})
        self._ties = dict(ties or {})
        self.choices: list[Choice] = []
        self._taken: dict[str, int] = {}

    def pick(self, site: Site) -> int:
        """Raises NoSuchOption if the user gave an option that is not there."""
        path = self._ties.get(site.path, site.path)
        wanted = self._picks.get(site.path, self._picks.get(path))
        if path in self._taken and path != site.path:
            index, given = min(self._taken[path], len(site.options) - 1), True
        elif wanted is None:
            index, given = 0, False
        elif wanted in site.options:
            index, given = site.options.index(wanted), True
        else:
            raise NoSuchOption(site, wanted)
        self._taken[path] = index
        self.choices.append(Choice(site, index, given))
        return index

    def tie(self, first: str, second: str) -> None:
        """`tie A to B`: A takes what B takes."""
        self._ties[first] = second

    @property
    def unused(self) -> tuple[str, ...]:
        """Paths the user gave that no site has."""
        met = {c.site.path for c in self.choices}
        return tuple(p for p in self._picks if p not in met)
