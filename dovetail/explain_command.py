"""`dovetail explain CODE`: the page on a diagnostic."""

from __future__ import annotations

from dovetail.console import output, write
from dovetail.dsl.diagnostics import codes, did_you_mean, explain
from dovetail.faults import GOOD, CommandLineFault


def run(code: str | None) -> int:
    """Print the page on `code`, or the list of all codes."""
    if code is None:
        for known in codes():
            write(f"{known}  {_title(known)}\n")
        return GOOD
    page = explain(code)
    if page is None:
        help = did_you_mean(code.upper(), codes())
        raise CommandLineFault(f"there is no diagnostic `{code}`", help or ["`dovetail explain` lists them"])
    console = output()
    if console.is_terminal:
        from rich.markdown import Markdown

        console.print(Markdown(page))
    else:
        write(page if page.endswith("\n") else page + "\n")
    return GOOD


def _title(code: str) -> str:
    """The first line of a page, without its mark and the code."""
    page = explain(code) or ""
    title = page.partition("\n")[0].lstrip("# ")
    return title.removeprefix(code).lstrip(" :—-")
