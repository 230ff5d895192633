"""`dovetail fmt FILE...`: rewrite files in the canonical layout, or say which ones are not in it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dovetail.console import complain, write
from dovetail.dsl.diagnostics import Collector, DovetailError
from dovetail.dsl.formatter import format_file, format_text, unified_diff
from dovetail.dsl.parser import parse_file
from dovetail.faults import GOOD, INPUT_AT_FAULT

STDIN = Path("-")


def run(paths: Sequence[Path], *, check: bool, diff: bool) -> int:
    """Format all; status 1 if one does not parse (it is left as it is), or with `check` would change."""
    status = GOOD
    for path in paths:
        try:
            before, after = _standard_input() if path == STDIN else _file(path)
        except DovetailError as fault:
            complain(f"{fault}\n")
            status = INPUT_AT_FAULT
            continue
        changed = before != after
        if diff:
            write(unified_diff(before, after, str(path)))
        if path == STDIN and not check and not diff:
            write(after)
        if not changed:
            continue
        if check:
            complain(f"would reformat {path}")
            status = INPUT_AT_FAULT
        elif not diff and path != STDIN:
            replace(path, after)
            complain(f"reformatted {path}")
    return status


def _standard_input() -> tuple[str, str]:
    before = sys.stdin.read()
    return before, format_text(before, "<stdin>")


def _file(path: Path) -> tuple[str, str]:
    """The text of a file as it is and as it should be."""
    problems = Collector()
    file = parse_file(path, problems)
    problems.check()
    with path.open(encoding="utf-8", newline="") as stream:
        before = stream.read()
    return before, format_file(file)


def replace(path: Path, text: str) -> None:
    """Put `text` in the place of a file at once: whoever reads meanwhile sees the old one or the new one."""
    target = path.resolve()  # a symbolic link stays one
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        Path(name).chmod(target.stat().st_mode & 0o7777)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
