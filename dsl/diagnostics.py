"""What is wrong with an input: facts, collected over a whole run, and the one place that renders them.

    error[E0203]: the tensors joined here differ in height and width
      --> squeezenet.net:9:12
       |
     9 |     return concat(a, b)
       |            ^^^^^^^^^^^^ needs equal height and width
     7 |     a = x -> conv(64, 1)
       |         ---------------- 64 x 55 x 55
       = help: `pad = 1` on the 3x3 convolution keeps 55 x 55

Every code has a page in `explain/`, shown by `dovetail explain CODE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from importlib import resources

from dovetail.dsl.source import Span

MOST_ERRORS = 50
"""More errors than this in one run help nobody; the rest are counted."""

WIDEST_LINE = 160
"""Source lines longer than this are shown in part."""

MOST_NAMES = 2000
"""Among more names than this no close one is looked for: it would take longer than the whole check."""


class Severity(StrEnum):
    """An error refuses the input; a warning (lint) does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Label:
    """A place and what is to be said about it."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: its code, the sentence, the primary place, further places, the way out."""

    code: str
    message: str
    primary: Label | None = None
    others: tuple[Label, ...] = ()
    help: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        """By the letter of the code: E or W."""
        return Severity.WARNING if self.code.startswith("W") else Severity.ERROR

    def render(self) -> str:
        """Plain text, as golden files keep it."""
        lines = [f"{self.severity}[{self.code}]: {self.message}"]
        if self.primary is not None:
            lines += _snippet([self.primary, *self.others])
        margin = " " * _margin([self.primary, *self.others] if self.primary else [])
        lines += [f"{margin} = help: {text}" for text in self.help]
        return "\n".join(lines)


class DovetailError(Exception):
    """An input that is refused: every problem found, in source order. `str()` is what a user reads."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(render(self.diagnostics))

    def __reduce__(self) -> tuple[type[DovetailError], tuple[tuple[Diagnostic, ...]]]:
        """Other processes raise it too."""
        return type(self), (self.diagnostics,)


class Collector:
    """Collects the diagnostics of a run; the same problem at the same place is kept once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, int, str], Diagnostic] = {}

    @property
    def count(self) -> int:
        """How many were found."""
        return len(self._found)

    def copy(self) -> Collector:
        """Another one that begins with what this one holds."""
        other = Collector()
        other._found = dict(self._found)
        return other

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep `diagnostic` unless its code was already reported for that place."""
        span = diagnostic.primary.span if diagnostic.primary else None
        key = (
            (diagnostic.code, span.start, span.end, span.source.name)
            if span
            else (diagnostic.code, 0, 0, diagnostic.message)
        )
        self._found.setdefault(key, diagnostic)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """In source order, files in the order in which they were first blamed."""
        order: dict[str, int] = {}
        for d in self._found.values():
            if d.primary:
                order.setdefault(d.primary.span.source.name, len(order))
        return tuple(
            sorted(
                self._found.values(),
                key=lambda d: (
                    order[d.primary.span.source.name] if d.primary else -1,
                    d.primary.span.start if d.primary else 0,
                ),
            )
        )

    def blames(self, span: Span) -> bool:
        """Whether an error was found inside `span`."""
        places = (d.primary.span for d in self._found.values() if d.severity is Severity.ERROR and d.primary)
        return any(p.source is span.source and span.start <= p.start < span.end for p in places)

    @property
    def failed(self) -> bool:
        """Whether an error (not only warnings) was found."""
        return any(d.severity is Severity.ERROR for d in self._found.values())

    def check(self) -> None:
        """Raise DovetailError if an error was found."""
        if self.failed:
            raise DovetailError(self.diagnostics)


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> tuple[str, ...]:
    """Help lines for a name that is not there: a close one, or the list where it is short."""
    names = sorted(set(known))
    if len(names) > MOST_NAMES:
        names = [n for n in names if abs(len(n) - len(word)) <= 2][:MOST_NAMES]
    lowered = {n.lower(): n for n in names}
    close = [lowered[m] for m in get_close_matches(word.lower(), lowered, n=2, cutoff=cutoff)]
    if close:
        return (f"did you mean {' or '.join(f'`{c}`' for c in close)}?",)
    if 0 < len(names) <= 12:
        return (f"known here: {', '.join(names)}",)
    return ()


def render(diagnostics: Sequence[Diagnostic]) -> str:
    """All of them, a blank line between, and a count where there are several."""
    shown = diagnostics[:MOST_ERRORS]
    text = "\n\n".join(d.render() for d in shown)
    errors = sum(d.severity is Severity.ERROR for d in diagnostics)
    if len(shown) < len(diagnostics):
        text += f"\n\n… and {len(diagnostics) - len(shown)} more"
    if errors > 1:
        text += f"\n\n{errors} errors"
    return text


def explain(code: str) -> str | None:
    """The page on a code, Markdown; None if there is no such code."""
    page = resources.files("dovetail.dsl").joinpath("explain", f"{code.upper()}.md")
    return page.read_text(encoding="utf-8") if page.is_file() else None


def codes() -> tuple[str, ...]:
    """All codes that have a page."""
    pages = resources.files("dovetail.dsl").joinpath("explain").iterdir()
    return tuple(sorted(page.name.removesuffix(".md") for page in pages if page.name.endswith(".md")))


def _margin(labels: Sequence[Label | None]) -> int:
    numbers = [label.span.source.position(label.span.start)[0] for label in labels if label]
    return max([len(str(n)) for n in numbers], default=0) + 1


def _snippet(labels: Sequence[Label]) -> list[str]:
    """The source lines of all labels, each underlined; the first is the primary one."""
    margin = _margin(labels)
    source = labels[0].span.source
    lines = [f"{' ' * margin}--> {labels[0].span.place}", f"{' ' * margin} |"]
    shown = ""
    for index, label in enumerate(labels):
        span = label.span
        if span.source is not source:
            source, shown = span.source, ""
            lines += [f"{' ' * margin}::: {span.place}", f"{' ' * margin} |"]
        number, column = source.position(span.start)
        text, column = _clipped(source.line(number), column)
        width = max(1, min(span.end - span.start, len(text) - column + 1))
        mark = ("^" if index == 0 else "-") * width
        # Tabs and wide margins stay aligned because the pad repeats the line's own white space.
        pad = "".join("\t" if c == "\t" else " " for c in text[: column - 1])
        line = f"{number:>{margin}} | {text}"
        if line != shown:
            lines.append(line)
        shown = line
        lines.append(f"{' ' * margin} | {pad}{mark} {label.text}".rstrip())
    return lines


def _clipped(line: str, column: int) -> tuple[str, int]:
    """What is shown of a line around a column, and the column in that; what a terminal would obey is not."""
    text = "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in line)
    if len(text) <= WIDEST_LINE:
        return text, column
    first = max(0, min(column - 1 - WIDEST_LINE // 3, len(text) - WIDEST_LINE))
    part = text[first : first + WIDEST_LINE]
    before, after = "…" if first else "", "…" if first + WIDEST_LINE < len(text) else ""
    return f"{before}{part}{after}", column - first + len(before)
