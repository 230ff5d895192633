"""The points of a study: every network on every accelerator, at every width and with every dataflow.

A point is a number. It stands for a pair of files, and within the pair, from what counts most to what counts
least, for the accelerator's number, the width, the dataflow and the network's number (`side.py`). Nothing is
listed, whatever the size: a number becomes a point when it is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from dovetail.dsl.diagnostics import DovetailError
from dovetail.explorer.side import AcceleratorSide, Digit, NetworkSide
from dovetail.explorer.study import ALL_DATAFLOWS, Study, settable


@dataclass(frozen=True, slots=True)
class Place:
    """A point taken apart: which files, which number of each, which width and dataflow (by position)."""

    network: int
    accelerator: int
    network_number: int
    accelerator_number: int
    bits: int
    dataflow: int


class StudySpace:
    """The space of a study: numbers to points and back."""

    def __init__(self, study: Study) -> None:
        """Raises DovetailError where a file cannot be read."""
        self.study = study
        self.networks = tuple(
            NetworkSide(path, _settings(study, path)) for path in dict.fromkeys(study.networks)
        )
        self.accelerators = tuple(
            AcceleratorSide(path, _settings(study, path)) for path in dict.fromkeys(study.accelerators)
        )
        self.bits: tuple[int | None, ...] = study.bits or (None,)
        self.dataflows: tuple[str | None, ...] = tuple(
            None if name == ALL_DATAFLOWS else name for name in study.dataflows or (ALL_DATAFLOWS,)
        )
        self.network_names = _names([side.path for side in self.networks])
        self.accelerator_names = _names([side.path for side in self.accelerators])

    # ---------------------------------------------------------------------------------- sizes

    @cached_property
    def designs(self) -> int | None:
        """How many designs there are; None where counting them gives up."""
        try:
            networks = sum(side.designs_counted for side in self.networks)
            accelerators = sum(side.designs_counted for side in self.accelerators)
        except DovetailError:
            return None
        return networks * accelerators * len(self.bits) * len(self.dataflows)

    @cached_property
    def size(self) -> int:
        """Numbers of points: at least as many as there are designs."""
        return self._ends[-1]

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        """The end of each pair's numbers; the networks of an accelerator follow each other."""
        modes = len(self.bits) * len(self.dataflows)
        sizes = [a.size * n.size * modes for a in self.accelerators for n in self.networks]
        return tuple(accumulate(sizes))

    # -------------------------------------------------------------------------------- numbers

    def decode(self, index: int) -> Place:
        """The point of a number; raises IndexError outside the space."""
        if not 0 <= index < self.size:
            raise IndexError(f"there is no point {index} in a space of {self.size}")
        pair = next(i for i, end in enumerate(self._ends) if index < end)
        accelerator, network = divmod(pair, len(self.networks))
        rest = index - (self._ends[pair - 1] if pair else 0)
        rest, network_number = divmod(rest, self.networks[network].size)
        rest, dataflow = divmod(rest, len(self.dataflows))
        accelerator_number, bits = divmod(rest, len(self.bits))
        return Place(network, accelerator, network_number, accelerator_number, bits, dataflow)

    def encode(self, place: Place) -> int:
        """The number of a point."""
        pair = place.accelerator * len(self.networks) + place.network
        number = place.accelerator_number * len(self.bits) + place.bits
        number = number * len(self.dataflows) + place.dataflow
        number = number * self.networks[place.network].size + place.network_number
        return number + (self._ends[pair - 1] if pair else 0)

    def index_of(self, choices: Mapping[str, str]) -> int:
        """The number of the point with these choices, as results name them; KeyError for one that is none."""
        network = self._position(choices, "network", self.network_names)
        accelerator = self._position(choices, "accelerator", self.accelerator_names)
        widths = [_text(bits) for bits in self.bits]
        flows = [flow or ALL_DATAFLOWS for flow in self.dataflows]
        own, other = self.own_choices(choices, network, accelerator)
        return self.encode(
            Place(
                network,
                accelerator,
                self.networks[network].number_of(own),
                self.accelerators[accelerator].number_of(other),
                self._position(choices, "bits", widths),
                self._position(choices, "dataflow", flows),
            )
        )

    @staticmethod
    def _position(choices: Mapping[str, str], name: str, options: tuple[str, ...] | list[str]) -> int:
        if name not in choices and len(options) == 1:
            return 0
        if choices.get(name) not in options:
            raise KeyError(f"`{choices.get(name)}` is none of the options of `{name}`: {', '.join(options)}")
        return options.index(choices[name])

    # -------------------------------------------------------------------------------- choices

    def choices(
        self, place: Place, network: Mapping[str, str], accelerator: Mapping[str, str]
    ) -> dict[str, str]:
        """The choices of a point by name: what the study has several of, then those of the two texts.

        A path that both texts have is `network.PATH` on the one side and `accelerator.PATH` on the other.
        """
        named: dict[str, str] = {}
        if len(self.networks) > 1:
            named["network"] = self.network_names[place.network]
        if len(self.accelerators) > 1:
            named["accelerator"] = self.accelerator_names[place.accelerator]
        if len(self.bits) > 1:
            named["bits"] = _text(self.bits[place.bits])
        if len(self.dataflows) > 1:
            named["dataflow"] = self.dataflows[place.dataflow] or ALL_DATAFLOWS
        for side, own, other in (("network", network, accelerator), ("accelerator", accelerator, network)):
            for path, option in own.items():
                named[f"{side}.{path}" if path in other or path in _RESERVED else path] = option
        return named

    def own_choices(
        self, choices: Mapping[str, str], network: int, accelerator: int
    ) -> tuple[dict[str, str], dict[str, str]]:
        """The choices of the network's text and of the accelerator's among those of a point."""
        found = []
        sides: tuple[tuple[str, tuple[Digit, ...]], ...] = (
            ("network", self.networks[network].digits),
            ("accelerator", self.accelerators[accelerator].digits),
        )
        for name, digits in sides:
            own = {}
            for digit in digits:
                option = choices.get(f"{name}.{digit.path}", choices.get(digit.path))
                if option is not None:
                    own[digit.path] = option
            found.append(own)
        return found[0], found[1]


_RESERVED = frozenset({"network", "accelerator", "bits", "dataflow"})


def _text(bits: int | None) -> str:
    return "own" if bits is None else str(bits)


def _settings(study: Study, path: Path) -> dict[str, str]:
    """Those settings by hand that a file can take."""
    if not study.settings:
        return {}
    known = settable(path)
    return {name: value for name, value in study.settings if name in known}


def _names(paths: list[Path]) -> tuple[str, ...]:
    """Stems where they differ, else with their folder, else whole paths; the same wherever one works."""
    whole = [path.resolve() for path in paths]
    longer = [f"{path.parent.name}/{path.stem}" for path in whole]
    names = []
    for path, folder in zip(whole, longer, strict=True):
        alone = [other.stem for other in whole].count(path.stem) == 1
        names.append(path.stem if alone else folder if longer.count(folder) == 1 else str(path))
    return tuple(names)
