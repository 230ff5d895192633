"""The designs of one file, numbered: a box of digits, one for each choice, of which designs are a part.

A choice inside an alternative exists only where that alternative is taken, and requirements refuse some
combinations. So the choices of a file span a box (mixed radix, the choice that is met first counts most); a
design is the number in it that gives 0 to every choice it does not make. From any number the next design is
found by elaborating one: behind it come only numbers that differ in choices it does not make, until the last
of its own choices that has an option left takes the next one. Nothing is ever listed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from pathlib import Path
from random import Random
from typing import Final, Generic, TypeVar

from dovetail.accel.loading import AcceleratorDesign, elaborate_accelerator
from dovetail.accel.space import measure_accelerator_space
from dovetail.dsl import syntax as s
from dovetail.dsl.choices import DesignChooser, Site
from dovetail.dsl.diagnostics import Collector, Diagnostic, DovetailError, Label
from dovetail.dsl.feasible import only_unmet
from dovetail.dsl.loading import NetworkDesign, elaborate_network, picks_of
from dovetail.dsl.parser import parse_file
from dovetail.dsl.source import Span
from dovetail.dsl.space import measure_network_space

Design = TypeVar("Design", NetworkDesign, AcceleratorDesign)

MOST_PROBED: Final = 16
"""Options of a choice that are all tried for choices behind them; of more, these many."""

RANDOM_PROBES: Final = 32
"""Designs drawn at random for choices that only several others together bring about."""


@dataclass(frozen=True, slots=True)
class Digit:
    """A choice of the file: its path and the most options it has anywhere."""

    path: str
    options: int
    numeric: bool
    """Whether its options are numbers, so that neighbours are alike."""


@dataclass(frozen=True, slots=True)
class Elaborated(Generic[Design]):
    """What a number stands for: a design, or why it is none; `following` is the next number that may be one.

    `choices` are the options taken by path, ties and choices made by hand included.
    """

    design: Design | None
    choices: Mapping[str, str]
    following: int | None


class LateChoice(DovetailError):
    """A choice that only several others together bring about, found too late to number it."""


class _DigitChooser(DesignChooser):
    """Answers with the digit of each path."""

    def __init__(self, picks: Mapping[str, str], digits: Mapping[str, int], *, wrap: bool = False) -> None:
        super().__init__(picks)
        self._digits = digits
        self._wrap = wrap
        self.met: list[tuple[Site, int]] = []
        """The sites that took a digit, in order, with the digit."""
        self.outside = False
        """Whether a digit was larger than the options there are."""

    def _answer(self, site: Site) -> int:
        digit = self._digits.get(site.path, 0)
        if self._wrap:
            digit %= len(site.options)
        self.met.append((site, digit))
        if digit < len(site.options):
            return digit
        self.outside = True
        return 0


class Side(ABC, Generic[Design]):
    """The design space of one file under settings made by hand. What is not asked for is not found out."""

    def __init__(self, path: Path, settings: Mapping[str, str]) -> None:
        """Raises DovetailError where the file cannot be read."""
        self.path = path
        self.name = path.stem
        self.settings = dict(settings)
        self._parsed = Collector()
        self._file: s.File = parse_file(path, self._parsed)
        self._parsed.check()
        self._picks = picks_of(self.settings)

    def adopt(self, digits: Sequence[Digit]) -> None:
        """Take the choices of the file, in any order, as somebody else found them."""
        self.__dict__["_discovered"] = (tuple(digits), False)

    @abstractmethod
    def build(self, problems: Collector, chooser: DesignChooser) -> Design | None:
        """Elaborate the file; None where an error was added to `problems`."""

    @property
    def digits(self) -> tuple[Digit, ...]:
        """The choices of the file, as digits from the one that counts most to the one that counts least."""
        return self._discovered[0]

    @property
    def ordered(self) -> bool:
        """Whether choices are met in one order everywhere, so that numbers can be skipped."""
        return self._discovered[1]

    @cached_property
    def size(self) -> int:
        """Numbers in the box: at least as many as there are designs."""
        return prod(d.options for d in self.digits)

    @cached_property
    def _strides(self) -> list[int]:
        return [prod(d.options for d in self.digits[i + 1 :]) for i in range(len(self.digits))]

    @cached_property
    def _place(self) -> dict[str, int]:
        return {digit.path: i for i, digit in enumerate(self.digits)}

    # --------------------------------------------------------------------------------- numbers

    def decode(self, number: int) -> dict[str, int]:
        """The digits of `number` that are not 0, by path."""
        digits: dict[str, int] = {}
        for digit, stride in zip(self.digits, self._strides, strict=True):
            value, number = divmod(number, stride)
            if value:
                digits[digit.path] = value
        return digits

    def encode(self, digits: Mapping[str, int]) -> int:
        """The number of these digits; choices that are not given count 0. KeyError for a path not known."""
        return sum(value * self._strides[self._place[path]] for path, value in digits.items())

    def elaborate(self, number: int) -> Elaborated[Design]:
        """The design of `number`; raises DovetailError where the text is wrong there, LateChoice."""
        digits = self.decode(number)
        design, problems, chooser = self._attempt(digits)
        if design is None and not only_unmet(problems):
            problems.check()
        met = [(self._known(site), site, digit) for site, digit in chooser.met]
        made = {site.path for _, site, _ in met}
        if chooser.outside or not digits.keys() <= made:
            design = None
        choices = {choice.site.path: choice.option for choice in chooser.choices}
        return Elaborated(design, choices, self._following(number, met))

    def nearest(self, digits: Mapping[str, int]) -> tuple[int, Elaborated[Design]]:
        """The number that any digits lead to, choices that are not made left out, and what is there."""
        problems = self._parsed.copy()
        chooser = _DigitChooser(self._picks, digits, wrap=True)
        self.build(problems, chooser)
        number = self.encode({site.path: digit for site, digit in chooser.met if self._known(site) >= 0})
        return number, self.elaborate(number)

    def designs(self, first: int, end: int) -> Iterator[tuple[int, Elaborated[Design]]]:
        """Every design with a number in `first` … `end` - 1, in order."""
        number: int | None = first
        while number is not None and number < end:
            found = self.elaborate(number)
            if found.design is not None:
                yield number, found
            number = found.following

    def number_of(self, choices: Mapping[str, str]) -> int:
        """The number of the design that takes these options; raises KeyError where one is none."""
        digits: dict[str, int] = {}
        known: set[str] = set()
        while True:  # what a choice offers may depend on those before it
            _, _, chooser = self._attempt(digits)
            fresh = [site for site, _ in chooser.met if site.path not in known]
            if not fresh:
                return self.encode({path: digit for path, digit in digits.items() if digit})
            site = fresh[0]
            known.add(site.path)
            wanted = choices.get(site.path, site.options[0])
            if wanted not in site.options:
                raise KeyError(f"`{wanted}` is none of the options of `{site.path}`")
            digits[site.path] = site.options.index(wanted)

    def _following(self, number: int, met: Sequence[tuple[int, Site, int]]) -> int | None:
        if self.ordered:
            for place, site, digit in reversed(met):
                if digit + 1 < len(site.options):
                    stride = self._strides[place]
                    return (number // stride + 1) * stride
            return None
        return number + 1 if number + 1 < self.size else None

    def _known(self, site: Site) -> int:
        """The place of a choice in the box."""
        place = self._place.get(site.path)
        if place is None or len(site.options) > self.digits[place].options:
            raise LateChoice(
                [
                    Diagnostic(
                        "E1304",
                        f"the choice `{site.path}` of `{self.path.name}` appears only where several others "
                        "meet, and cannot be numbered",
                        Label(site.span),
                        help=("make it at the top of the file: `let NAME = choose(…)`",),
                    )
                ]
            )
        return place

    def _attempt(self, digits: Mapping[str, int]) -> tuple[Design | None, Collector, _DigitChooser]:
        problems = self._parsed.copy()
        chooser = _DigitChooser(self._picks, digits)
        return self.build(problems, chooser), problems, chooser

    # ------------------------------------------------------------------------------- discovery

    @cached_property
    def _discovered(self) -> tuple[tuple[Digit, ...], bool]:
        """Every choice: each option of each choice is tried, with those that bring the choice about."""
        most: dict[str, int] = {}
        numeric: dict[str, bool] = {}
        tried: set[tuple[str, Span]] = set()
        orders: list[list[str]] = []
        pending: list[dict[str, int]] = [{}]

        def visit(digits: dict[str, int]) -> None:
            _, problems, chooser = self._attempt(digits)
            if problems.failed and not only_unmet(problems):
                problems.check()
            orders.append([site.path for site, _ in chooser.met])
            for site, _ in chooser.met:
                most[site.path] = max(most.get(site.path, 0), len(site.options))
                numbers = all(option[:1].isdigit() for option in site.options)
                numeric[site.path] = numeric.get(site.path, True) and numbers
                # alternatives may each have a choice of one path: every place in the text is tried
                if (site.path, site.span) not in tried:
                    tried.add((site.path, site.span))
                    pending.extend(
                        digits | {site.path: option} for option in _probed(len(site.options)) if option
                    )

        while pending:
            visit(pending.pop())
        random = Random(0)
        for _ in range(RANDOM_PROBES if len(most) > 1 else 0):
            visit({path: random.randrange(count) for path, count in most.items()})
            while pending:
                visit(pending.pop())
        order, ordered = _merged(orders, list(most))
        return tuple(Digit(path, most[path], numeric[path]) for path in order), ordered


class NetworkSide(Side[NetworkDesign]):
    """The networks that a `.net` file describes."""

    def build(self, problems: Collector, chooser: DesignChooser) -> NetworkDesign | None:
        """One of them."""
        return elaborate_network(self._file, problems, self.settings, chooser)

    @cached_property
    def designs_counted(self) -> int:
        """How many there are; raises DovetailError where counting gives up."""
        return measure_network_space(self.path, self.settings).size


class AcceleratorSide(Side[AcceleratorDesign]):
    """The accelerators that an `.accel` file describes."""

    def build(self, problems: Collector, chooser: DesignChooser) -> AcceleratorDesign | None:
        """One of them."""
        return elaborate_accelerator(self._file, problems, self.settings, chooser)

    @cached_property
    def designs_counted(self) -> int:
        """How many there are; raises DovetailError where counting gives up."""
        return measure_accelerator_space(self.path, self.settings).size


def _probed(options: int) -> Sequence[int]:
    if options <= MOST_PROBED:
        return range(options)
    return sorted({i * (options - 1) // (MOST_PROBED - 1) for i in range(MOST_PROBED)})


def _merged(orders: Sequence[Sequence[str]], paths: Sequence[str]) -> tuple[list[str], bool]:
    """One order that agrees with all (and whether there is one)."""
    behind: dict[str, set[str]] = {path: set() for path in paths}
    before: dict[str, int] = dict.fromkeys(paths, 0)
    for order in orders:
        for first, second in pairwise(order):
            if second not in behind[first]:
                behind[first].add(second)
                before[second] += 1
    ready = [path for path in paths if not before[path]]
    merged: list[str] = []
    while ready:
        path = ready.pop(0)
        merged.append(path)
        for other in sorted(behind[path], key=paths.index):
            before[other] -= 1
            if not before[other]:
                ready.insert(0, other)
    return (merged, True) if len(merged) == len(paths) else (list(paths), False)
