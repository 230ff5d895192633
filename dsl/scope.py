"""Names in force at a place, and the path that names layers and choices made there."""

from __future__ import annotations

from collections.abc import Iterator

from dovetail.dsl.source import Span
from dovetail.dsl.values import Value


class Scope:
    """A frame of names inside another; `path` is `fire2.` inside the block used as `fire2`.

    A frame that shares another's naming gives out names that are unique in both; `suffix` is what a loop adds
    to the labels in its body.
    """

    __slots__ = ("_counts", "_labels", "_names", "_places", "parent", "path", "reserved", "suffix")

    def __init__(
        self,
        parent: Scope | None = None,
        path: str | None = None,
        reserved: frozenset[str] = frozenset(),
        shares: Scope | None = None,
        suffix: str = "",
    ) -> None:
        self.parent = parent
        self.path: str = path if path is not None else (parent.path if parent is not None else "")
        self.reserved: frozenset[str] = shares.reserved if shares is not None else reserved
        self.suffix = suffix
        self._names: dict[str, Value] = {}
        self._places: dict[str, Span] = {}
        self._counts: dict[str, int] = shares._counts if shares is not None else {}
        self._labels: dict[str, Span] = shares._labels if shares is not None else {}

    def define(self, name: str, value: Value, span: Span | None = None) -> Span | None:
        """Bind `name`; where it was bound in this frame already, the place of that."""
        earlier = self._places.get(name) if name in self._names else None
        self._names[name] = value
        if span is not None:
            self._places[name] = span
        return earlier

    def find(self, name: str) -> Value | None:
        """The value of the innermost `name`, or None."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope._names:
                return scope._names[name]
            scope = scope.parent
        return None

    def names(self) -> Iterator[str]:
        """All names in force."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope._names
            scope = scope.parent

    def own(self) -> dict[str, Value]:
        """The names of this frame alone."""
        return dict(self._names)

    def fresh(self, stem: str) -> str:
        """`stem`, or `stem2`, `stem3`, … where this frame gave it out already or a label reserves it."""
        while True:
            count = self._counts.get(stem, 0) + 1
            self._counts[stem] = count
            name = stem if count == 1 else f"{stem}{count}"
            if name in self.reserved or (count > 1 and name in self._counts):
                continue
            self._counts.setdefault(name, 1)  # nothing called `stem2` gets the name of the second `stem`
            return name

    def choice(self, hint: str) -> str:
        """The path of a choice: `tbs2.kernel`; `tbs2` itself for the choice that decides a whole block."""
        name = self.fresh(hint)
        return self.path[:-1] if name == "choice" and self.path else self.path + name

    def label(self, name: str, span: Span) -> Span | None:
        """Give out a label of the text; the place of the same one given out before, if there is one."""
        earlier = self._labels.get(name)
        self._labels.setdefault(name, span)
        return earlier

    def naming(self) -> tuple[dict[str, int], dict[str, Span]]:
        """What was given out so far, to come back to."""
        return dict(self._counts), dict(self._labels)

    def rename(self, naming: tuple[dict[str, int], dict[str, Span]]) -> None:
        """Forget what was given out since `naming`."""
        counts, labels = naming
        self._counts.clear()
        self._counts.update(counts)
        self._labels.clear()
        self._labels.update(labels)
