"""Choices that a text leaves open: where they stand, what can be chosen, and who picks.

A file without a choice is a design, with one a design space. The evaluator asks its chooser at every site; a
design is one sequence of answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
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


def following(turns: Sequence[tuple[int, int]]) -> tuple[int, ...] | None:
    """Of a sequence of (answer, how many there were), the next one in order; None behind the last."""
    left = list(turns)
    while left and left[-1][0] + 1 == left[-1][1]:
        left.pop()
    return (*(index for index, _ in left[:-1]), left[-1][0] + 1) if left else None


class Ties:
    """`tie A to B`: all choices tied together take one answer, that of their last `B`."""

    def __init__(self) -> None:
        self._count = 0
        self._names: dict[str, tuple[int, str]] = {}
        self._patterns: list[tuple[int, str, str]] = []
        self._seconds: set[str] = set()

    def add(self, first: str, second: str) -> None:
        """The first, which may be a pattern, takes what the second takes."""
        self._count += 1
        self._seconds.add(second)
        if any(c in first for c in "*?["):
            self._patterns.append((self._count, first, second))
        elif first != second:
            self._names.setdefault(first, (self._count, second))

    @property
    def cost(self) -> int:
        """Patterns that may have to be compared to find a leader."""
        return len(self._patterns) ** 2

    def leader(self, path: str) -> str | None:
        """The path that decides for `path`; None where nothing is tied to it."""
        found = None
        for _ in range(self._count):  # a chain of ties is at most as long as their number
            step = self._step(path)
            if step is None:
                break
            found = path = step
        return path if found is None and path in self._seconds else found

    def _step(self, path: str) -> str | None:
        """What the first tie that speaks of `path` ties it to."""
        number, second = self._names.get(path, (self._count + 1, None))
        for at, pattern, other in self._patterns:
            if at > number:
                break
            if other != path and fnmatchcase(path, pattern):
                return other
        return second


class Chooser(Protocol):
    """Answers at each site; `ties` are filled before the first is asked."""

    ties: Ties

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
    """Takes what the user gave by path, else what `answers` say in turn, else the first option.

    `open_to` says which sites take part in the turns; the others stay with their first option.
    """

    def __init__(
        self,
        picks: Mapping[str, str] | None = None,
        answers: Sequence[int] = (),
        open_to: Callable[[Site], bool] = lambda site: True,
    ) -> None:
        self._picks = dict(picks or {})
        self._answers = answers
        self._open_to = open_to
        self._turns: list[tuple[int, int]] = []
        self.ties = Ties()
        self.steps = 0
        """What the design cost to elaborate, filled in by who does it."""
        self.choices: list[Choice] = []
        self._taken: dict[str, str] = {}

    def pick(self, site: Site) -> int:
        """Raises NoSuchOption if what the user gave, or what a tie demands, is no option here."""
        leader = self.ties.leader(site.path)
        wanted = self._picks.get(site.path)
        if leader is not None:
            wanted = self._taken.get(leader, self._picks.get(leader, wanted))
        if wanted is not None and wanted not in site.options:
            raise NoSuchOption(site, wanted)
        index = self._answer(site) if wanted is None else site.options.index(wanted)
        follows = leader is not None and leader in self._taken
        if leader is not None:
            self._taken[leader] = site.options[index]
        given = follows or site.path in self._picks or leader in self._picks
        self.choices.append(Choice(site, index, given))
        return index

    def _answer(self, site: Site) -> int:
        if not self._open_to(site):
            return 0
        turn = len(self._turns)
        index = self._answers[turn] if turn < len(self._answers) else 0
        self._turns.append((index, len(site.options)))
        return index

    def following(self) -> tuple[int, ...] | None:
        """The answers of the next design in order; None behind the last."""
        return following(self._turns)

    @property
    def unused(self) -> tuple[str, ...]:
        """Paths the user gave that no site has."""
        met = {c.site.path for c in self.choices}
        return tuple(p for p in self._picks if p not in met)
