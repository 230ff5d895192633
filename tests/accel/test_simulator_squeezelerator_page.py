"""The page on the Squeezelerator shows what its script prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_page_shows_what_the_script_prints(root: Path) -> None:
    folder = root / "examples" / "squeezelerator"
    run = [sys.executable, str(folder / "first_order.py")]
    printed = subprocess.run(run, capture_output=True, text=True, check=True, cwd=root).stdout
    assert printed in (folder / "README.md").read_text(encoding="utf-8")
