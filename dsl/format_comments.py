"""Where comments go when a text is laid out anew: behind the item that each stood behind, or above the next.

Comments are handed out in source order, to lists only (statements, properties, rows, arguments, stages):
a list can give each item a line, so that a comment may always end one. A comment in the middle of an item,
where parentheses allowed it, goes behind the item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from dovetail.dsl.format_document import Break, Document, Indent, Joined, Remark, Text
from dovetail.dsl.source import Source
from dovetail.dsl.syntax import Comment

Made = TypeVar("Made")
Range = tuple[int, int]
"""Start and end of an item, offsets in the source."""


@dataclass(frozen=True, slots=True)
class Above:
    """A comment on a line of its own."""

    text: str
    blank: bool
    """Whether an empty line stands before it."""

    def document(self, blanks: bool) -> Document:
        """The line, with the end of the line before and, with `blanks`, the empty line before it."""
        return Joined((Break(self.blank and blanks), Text(self.text)))


@dataclass(frozen=True, slots=True)
class Entry(Generic[Made]):
    """An item of a list with its comments."""

    above: tuple[Above, ...]
    made: Made
    behind: str | None
    blank: bool
    """Whether an empty line stands before the item (or before the comments above it, which then say so)."""

    def remark(self) -> tuple[Document, ...]:
        """The comment behind the item, if any."""
        return () if self.behind is None else (Remark(self.behind),)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Made]):
    """A list with its comments: behind the opening bracket, at the items, before the closing bracket."""

    opening: str | None
    entries: tuple[Entry[Made], ...]
    closing: tuple[Above, ...]

    @property
    def commented(self) -> bool:
        """Whether there is any comment, so that each item needs a line."""
        behind = any(e.above or e.behind is not None for e in self.entries)
        return behind or self.opening is not None or bool(self.closing)

    def lines(
        self, documents: Sequence[Document], blanks: bool = True, indents: Sequence[int] | None = None
    ) -> Document:
        """Each item (as laid out in `documents`) on a line, with its comments.

        `blanks` keeps single empty lines; `indents`, one an item and one for the comments at the end, move
        lines to the right.
        """
        out: list[Document] = [Remark(self.opening)] if self.opening is not None else []
        first = True  # no empty line there
        for index, (entry, document) in enumerate(zip(self.entries, documents, strict=True)):
            item: list[Document] = []
            for comment in entry.above:
                item.append(comment.document(blanks and not first))
                first = False
            item += [Break(entry.blank and blanks and not first), document, *entry.remark()]
            first = False
            out.append(Indent(Joined(item), indents[index] if indents else 0))
        end = Joined(c.document(blanks and (bool(self.entries) or i > 0)) for i, c in enumerate(self.closing))
        return Joined((*out, Indent(end, indents[-1] if indents else 0)))


class Comments:
    """The comments of a file, each handed out once and in order."""

    def __init__(self, source: Source, comments: Sequence[Comment]) -> None:
        self._text = source.text
        self._left = list(reversed(comments))
        self._ends = frozenset(c.span.start + len(_characters(c)) for c in comments)

    def taken_before(self, offset: int) -> list[Comment]:
        """The comments that begin before `offset` and were not handed out yet."""
        taken: list[Comment] = []
        while self._left and self._left[-1].span.start < offset:
            taken.append(self._left.pop())
        return taken

    def listing(
        self, ranges: Sequence[Range], make: Callable[[int], Made], end: int, top: bool = False
    ) -> Listing[Made]:
        """Make the items one after another and hand each its comments.

        `make(i)` makes item i, whose place is `ranges[i]`; the list ends at `end`. Comments before
        the first item stand behind or below an opening bracket, which the `top` of a file has not.
        """
        waiting = self.taken_before(ranges[0][0] if ranges else end)
        opening = None
        if not top and waiting and not waiting[0].own_line:
            opening = _characters(waiting.pop(0))
        entries = []
        for index, (begin, stop) in enumerate(ranges):
            above = tuple(self._above(c) for c in waiting)
            made = make(index)
            waiting = self.taken_before(ranges[index + 1][0] if index + 1 < len(ranges) else end)
            behind = self.behind(waiting, stop)
            entries.append(Entry(above, made, behind, self.blank_before(begin)))
        return Listing(opening, tuple(entries), tuple(self._above(c) for c in waiting))

    def behind(self, waiting: list[Comment], stop: int) -> str | None:
        """Take from `waiting` the comment that belongs behind an item which ends at `stop`."""
        if waiting and (not waiting[0].own_line or waiting[0].span.start < stop):
            return _characters(waiting.pop(0))
        return None

    def stage_comments(self, offset: int, stop: int) -> tuple[str | None, tuple[str, ...]]:
        """For a link of a chain that begins at `offset`, behind one that ends at `stop`.

        The comment behind the link before, and those above this one.
        """
        waiting = self.taken_before(offset)
        behind = self.behind(waiting, stop)
        return behind, tuple(_characters(c) for c in waiting)

    def blank_before(self, offset: int) -> bool:
        """Whether what begins at `offset` begins its line, and the line before is empty."""
        offset = self._outside(offset)
        begin = self._text.rfind("\n", 0, offset)
        if begin < 0 or self._text[begin:offset].strip(_BLANKS):
            return False
        before = self._text.rfind("\n", 0, begin)
        return not self._text[before + 1 : begin].strip(_BLANKS)

    def _outside(self, offset: int) -> int:
        """Where what begins at `offset` begins with its parentheses, which the syntax does not keep."""
        at = offset
        while True:
            while at > 0 and self._text[at - 1].isspace():
                at -= 1
            if at == 0 or self._text[at - 1] != "(" or at in self._ends:
                return offset
            at = offset = at - 1

    def broken_between(self, start: int, stop: int) -> bool:
        """Whether the source has a line end between two places."""
        return "\n" in self._text[start:stop]

    def on_one_line(self, first: int, end: int) -> bool:
        """Whether braces, whose first item begins at `first` and which close at `end`, stood on one line."""
        return "\n" not in self._text[max(0, self._text.rfind("{", 0, first)) : end]

    def closes(self, offset: int, bracket: str) -> int:
        """Where the brackets of a head close whose last item ends at `offset`.

        That is the last `bracket` of those that stand there: the ones before are the item's own parentheses.
        """
        at, text, found = offset, self._text, offset
        while at < len(text) and (text[at].isspace() or text[at] in "),]#"):
            if text[at] == bracket:
                found = at
            if text[at] == "#":
                end = text.find("\n", at)
                at = len(text) if end < 0 else end
            else:
                at += 1
        return found

    def _above(self, comment: Comment) -> Above:
        return Above(_characters(comment), comment.own_line and self.blank_before(comment.span.start))


_BLANKS = " \t\r\f\ufeff\n"


def _characters(comment: Comment) -> str:
    return comment.span.text.rstrip()
