"""Refusals of a model: diagnostics without a place in a text, since a model is no text."""

from __future__ import annotations

from typing import Final

from dovetail.dsl.diagnostics import Diagnostic, DovetailError

LONGEST_NAME: Final = 80
"""Characters of a name from a model that a message shows."""


def refuse(code: str, message: str, *help: str) -> DovetailError:
    """One problem, to be raised."""
    return DovetailError([Diagnostic(code, message, help=help)])


def shown(name: str) -> str:
    """A name from a model as a message shows it: in part where it is long, without what a terminal obeys."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in name[: LONGEST_NAME + 1])
    return f"`{text[:LONGEST_NAME]}…`" if len(name) > LONGEST_NAME else f"`{text}`"
