"""Where what was worked out once is kept for the next run."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`$DOVETAIL_CACHE`, else `dovetail` in the user's cache folder; RuntimeError where there is no home."""
    named = os.environ.get("DOVETAIL_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dovetail"
