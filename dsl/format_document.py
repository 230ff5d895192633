"""Pretty printing: a document of texts and possible line ends, and the renderer that decides which are taken.

    document = Text | Line | Either | Break | Remark | Joined | Indent | Align | Group | Fill | Bracketed

Every document knows its `flat` width, the columns it takes on one line, or None if it cannot stand on one.
After D. Oppen, "Prettyprinting" (1980), and P. Wadler, "A prettier printer" (1998), with layouts of pipelines
and brackets of our own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

WIDTH: Final = 110
"""Columns of a line, without the remark behind it."""

INDENT: Final = 4

DEEPEST_ALIGNMENT: Final = 40
"""Columns right of the indentation up to which lines are aligned; beyond, they are indented by INDENT."""


class Document:
    """A piece of layout."""

    __slots__ = ("flat",)

    def __init__(self, flat: int | None) -> None:
        self.flat = flat


class Text(Document):
    """Characters of one line."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__(len(text))
        self.text = text


class Line(Document):
    """A line end where the enclosing group is broken, `text` where it is not."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__(len(text))
        self.text = text


class Either(Document):
    """One text where the enclosing group stands on one line, another where it is broken."""

    __slots__ = ("broken", "text")

    def __init__(self, text: str, broken: str) -> None:
        super().__init__(len(text))
        self.text = text
        self.broken = broken


class Break(Document):
    """A line end always; `blank` leaves an empty line before what follows."""

    __slots__ = ("blank",)

    def __init__(self, blank: bool = False) -> None:
        super().__init__(None)
        self.blank = blank


class Remark(Document):
    """A comment behind code: it waits for the line's end and does not count in its width."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__(None)
        self.text = text


class Joined(Document):
    """Documents one behind another."""

    __slots__ = ("parts",)

    def __init__(self, parts: Iterable[Document]) -> None:
        self.parts = tuple(parts)
        super().__init__(_sum(self.parts))


class Indent(Document):
    """The lines that begin inside stand `by` columns further right."""

    __slots__ = ("by", "inner")

    def __init__(self, inner: Document, by: int = INDENT) -> None:
        super().__init__(inner.flat)
        self.inner = inner
        self.by = by


class Align(Document):
    """The lines that begin inside stand at the column where this begins, if that is not too far right."""

    __slots__ = ("inner",)

    def __init__(self, inner: Document) -> None:
        super().__init__(inner.flat)
        self.inner = inner


class Group(Document):
    """On one line if it fits, else with all its own lines taken."""

    __slots__ = ("inner",)

    def __init__(self, inner: Document) -> None:
        super().__init__(inner.flat)
        self.inner = inner


class Fill(Document):
    """As many parts on a line as fit, a blank between; `ends[i]` wants a line end before part i + 1.

    The wishes count only where not everything fits on one line.
    """

    __slots__ = ("ends", "parts")

    def __init__(self, parts: Iterable[Document], ends: Iterable[bool] | None = None) -> None:
        self.parts = tuple(parts)
        self.ends = tuple(ends) if ends is not None else (False,) * (len(self.parts) - 1)
        width = _sum(self.parts)
        super().__init__(None if width is None else width + len(self.parts) - 1)


class Bracketed(Document):
    """`open a, b, c close`: on one line, or aligned behind the bracket, or one a line between the brackets.

    With `fill`, short items share lines.
    """

    __slots__ = ("close", "fill", "items", "open")

    def __init__(self, open: str, items: Iterable[Document], close: str, fill: bool = False) -> None:
        self.open = open
        self.items = tuple(items)
        self.close = close
        self.fill = fill
        width = _sum(self.items)
        commas = 2 * max(0, len(self.items) - 1)
        super().__init__(None if width is None else width + commas + len(open) + len(close))

    def separated(self) -> tuple[Document, ...]:
        """The items, each but the last with its comma."""
        return (*(Joined((item, _COMMA)) for item in self.items[:-1]), *self.items[-1:])


_COMMA: Final = Text(",")


def text(characters: str) -> Text:
    """Characters of one line."""
    return Text(characters)


def join(*parts: Document | str) -> Document:
    """Documents and texts one behind another."""
    return Joined(Text(p) if isinstance(p, str) else p for p in parts)


def separate(parts: Iterable[Document], between: Document) -> Document:
    """The parts with `between` between them."""
    out: list[Document] = []
    for part in parts:
        if out:
            out.append(between)
        out.append(part)
    return Joined(out)


def flat_text(document: Document) -> str:
    """A document on one line; it must have a flat width."""
    return render(document, width=None)


def _sum(parts: tuple[Document, ...]) -> int | None:
    total = 0
    for part in parts:
        if part.flat is None:
            return None
        total += part.flat
    return total


def render(document: Document, width: int | None = WIDTH) -> str:
    """The text of a document, without a line end behind it; on one line where `width` is None."""
    return _Renderer(width).run(document)


class _Rest(Document):
    """The parts of a Fill that are still to come."""

    __slots__ = ("ends", "parts")

    def __init__(self, parts: tuple[Document, ...], ends: tuple[bool, ...]) -> None:
        super().__init__(None)
        self.parts = parts
        self.ends = ends


_Item = tuple[int, bool, Document]
"""Indentation, whether the enclosing group stands on one line, document."""


class _Renderer:
    """Writes from left to right; `stack` holds what is still to be written, the next item last."""

    def __init__(self, width: int | None) -> None:
        self.width = width
        self.out: list[str] = []
        self.column = 0
        self.remark = ""
        self.stack: list[_Item] = []

    def run(self, document: Document) -> str:
        self.stack.append((0, self.width is None, document))
        while self.stack:
            self._write(*self.stack.pop())
        self._flush()
        return "".join(self.out)

    def _write(self, indent: int, flat: bool, document: Document) -> None:
        push = self.stack.append
        match document:
            case Text():
                self._put(document.text, indent)
            case Either():
                self._put(document.text if flat else document.broken, indent)
            case Line() if flat:
                self._put(document.text, indent)
            case Line():
                self._end_line()
            case Break():
                self._end_line(document.blank)
            case Remark():
                self.remark = f"  {document.text}"
            case Joined():
                self.stack += [(indent, flat, part) for part in reversed(document.parts)]
            case Indent():
                push((indent + document.by, flat, document.inner))
            case Align():
                push((self._aligned(indent), flat, document.inner))
            case Group():
                push((indent, flat or self._fits(document, indent), document.inner))
            case Fill():
                self._fill(indent, flat, document.parts, document.ends)
            case _Rest():
                self._go_on(indent, flat, document)
            case Bracketed():
                self._bracketed(indent, flat or self._fits(document, indent), document)

    def _put(self, characters: str, indent: int) -> None:
        if self.column == 0 and characters:
            self.out.append(" " * indent)
            self.column = indent
        self.out.append(characters)
        self.column += len(characters)

    def _flush(self) -> None:
        if self.remark:
            self.out.append(self.remark)
            self.remark = ""

    def _end_line(self, blank: bool = False) -> None:
        self._flush()
        self.out.append("\n\n" if blank else "\n")
        self.column = 0

    def _aligned(self, indent: int) -> int:
        column = max(self.column, indent)
        return column if column - indent <= DEEPEST_ALIGNMENT else indent + INDENT

    def _fits(self, document: Document, indent: int, extra: int = 0) -> bool:
        """Whether the document and what must follow it on its line end within the width."""
        if document.flat is None:
            return False
        if self.width is None:
            return True
        left = self.width - max(self.column, indent) - document.flat - extra
        return left >= 0 and left >= self._following(left)

    def _following(self, enough: int) -> int:
        """The columns up to the next possible line end of what follows, counted to a little over `enough`."""
        total = 0
        for part in _ahead(reversed(self.stack)):
            total += part
            if total > enough:
                break
        return total

    def _fill(self, indent: int, flat: bool, parts: tuple[Document, ...], ends: tuple[bool, ...]) -> None:
        first, *rest = parts
        if rest:
            self.stack.append((indent, flat, _Rest(tuple(rest), ends)))
        self.stack.append((indent, flat or self._fits(first, indent), first))

    def _go_on(self, indent: int, flat: bool, document: _Rest) -> None:
        following, *rest = document.parts
        wished, *ends = document.ends
        if rest:
            self.stack.append((indent, flat, _Rest(tuple(rest), tuple(ends))))
        if flat or (not wished and self._fits(following, indent, extra=1)):
            self._put(" ", indent)
            self.stack.append((indent, True, following))
        else:
            self._end_line()
            self.stack.append((indent, self._fits(following, indent), following))

    def _bracketed(self, indent: int, flat: bool, document: Bracketed) -> None:
        parts = document.separated()
        if flat:
            self._push_all(
                indent, True, (Text(document.open), separate(parts, Text(" ")), Text(document.close))
            )
            return
        column = max(self.column, indent) + len(document.open)
        aligned = document.fill or self._items_fit(document, column)
        lines = Fill(parts) if document.fill else separate(parts, Break())
        if aligned and column - indent <= DEEPEST_ALIGNMENT:
            self._push_all(indent, False, (Text(document.open), Align(lines), Text(document.close)))
        else:
            inside = Indent(Joined((Break(), lines)))
            self._push_all(indent, False, (Text(document.open), inside, Break(), Text(document.close)))

    def _items_fit(self, document: Bracketed, column: int) -> bool:
        widths = [item.flat for item in document.items]
        if self.width is None or not widths or None in widths:
            return False
        known = [w for w in widths if w is not None]
        room = self.width - column
        last = room - known[-1] - len(document.close)
        return max(known) + 1 <= room and last >= 0 and last >= self._following(last)

    def _push_all(self, indent: int, flat: bool, parts: Iterable[Document]) -> None:
        self.stack += [(indent, flat, part) for part in reversed(tuple(parts))]


def _ahead(items: Iterable[_Item]) -> Iterator[int]:
    """Widths of the pieces that follow, up to the first place where a line may end."""
    for _, flat, document in items:
        pending = [document]
        while pending:
            part = pending.pop()
            match part:
                case Text():
                    yield len(part.text)
                case Either():
                    yield len(part.text if flat else part.broken)
                case Line() if flat:
                    yield len(part.text)
                case Remark():
                    pass
                case Joined():
                    pending += reversed(part.parts)
                case Indent() | Align():
                    pending.append(part.inner)
                case Group() | Fill() | Bracketed() if flat and part.flat is not None:
                    yield part.flat
                case Bracketed():
                    yield len(part.open)
                    return
                case Group():
                    pending.append(part.inner)
                case Fill() if len(part.parts) == 1:
                    pending.append(part.parts[0])
                case Fill():
                    yield from _ahead([(0, False, part.parts[0])])
                    return
                case _Rest() if flat:
                    yield sum(1 + (p.flat or 0) for p in part.parts)
                case _:
                    return
