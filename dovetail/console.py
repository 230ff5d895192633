"""Where things are printed: data to standard output, talk and errors to standard error.

Colours are for terminals (and not where NO_COLOR is set), signs outside ASCII for encodings that have them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

WIDE: Final = 10_000
"""Columns of an output that is no terminal: a file has no edge at which to cut a table."""


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs that tables are drawn with."""

    bars: str
    """From the thinnest to the full block."""
    dot: str
    plus_minus: str
    times: str
    dots: str
    square: str

    def bar(self, fraction: float, width: int) -> str:
        """`fraction` of `width` columns; at least the thinnest sign for anything above zero."""
        steps = len(self.bars)
        filled = min(width * steps, round(fraction * width * steps))
        if fraction > 0:
            filled = max(filled, 1)
        whole, rest = divmod(filled, steps)
        return self.bars[-1] * whole + (self.bars[rest - 1] if rest else "")


UNICODE: Final = Signs("▏▎▍▌▋▊▉█", "·", "±", "×", "…", "²")
ASCII: Final = Signs("#", "-", "+-", "x", "...", "2")


def signs(stream: Any = None) -> Signs:
    """The signs that `stream` (standard output unless given) can print."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "ascii"
    try:
        "".join((UNICODE.bars, "·±×…²├─└│")).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def output() -> Console:
    """Standard output: a table is cut at the edge of a terminal only."""
    return _console(sys.stdout)


def talk() -> Console:
    """Standard error."""
    return _console(sys.stderr)


def _console(stream: Any) -> Console:
    from rich.console import Console

    width = None if stream.isatty() else WIDE
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False)


def write(text: str) -> None:
    """Text to standard output as it is."""
    sys.stdout.write(text)


def display(view: RenderableType) -> None:
    """A view to standard output; elsewhere than on a terminal its lines end with what they say."""
    console = output()
    if console.is_terminal:
        # Rather lines that the terminal breaks than numbers that are cut.
        needed = console.measure(view, options=console.options.update_width(WIDE)).minimum
        console.width = max(console.width, needed)
        console.print(view)
        return
    with console.capture() as captured:
        console.print(view)
    write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def text_of(view: Callable[[Signs], RenderableType]) -> str:
    """A view as text: no edge, no colours."""
    console = _plain()
    with console.capture() as captured:
        console.print(view(UNICODE))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def html_of(view: Callable[[Signs], RenderableType]) -> str:
    """A view as a piece of HTML with its own styles."""
    console = _plain(record=True)
    console.print(view(UNICODE))
    code = '<pre style="font-family: monospace; line-height: 1.2; overflow-x: auto">{code}</pre>'
    return console.export_html(inline_styles=True, code_format=code)


def _plain(*, record: bool = False) -> Console:
    from io import StringIO

    from rich.console import Console

    width = 200 if record else WIDE  # what is recorded keeps the blanks at the end of its lines
    return Console(
        file=StringIO(), width=width, highlight=False, emoji=False, markup=False, no_color=True, record=record
    )


def complain(text: str) -> None:
    """Diagnostics to standard error, their first lines and marks in colour on a terminal."""
    if not sys.stderr.isatty():
        sys.stderr.write(text + "\n")
        return
    console = talk()
    for line in text.splitlines():
        console.print(_coloured(line), soft_wrap=True)


def _coloured(line: str) -> Text:
    from rich.text import Text

    text = Text(line)
    word = line.split("[")[0].split(":")[0]
    if word in ("error", "warning"):
        text.stylize("bold red" if word == "error" else "bold yellow", 0, line.find(":"))
        text.stylize("bold", line.find(":"))
        return text
    stripped = line.lstrip()
    if stripped.startswith("= help"):
        text.stylize("cyan", 0, line.find(":") + 1)
    elif stripped.startswith(("-->", ":::")):
        text.stylize("dim")
    elif stripped.startswith("|"):
        at = line.find("|") + 1
        mark = line[at:].lstrip()
        if mark.startswith("^"):
            text.stylize("bold red", at)
        elif mark.startswith("-"):
            text.stylize("bold blue", at)
    return text
