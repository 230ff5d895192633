"""Where there is no browser its tests are skipped and say so; where one is required they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ONE = "tests/report/test_in_a_browser.py::test_letters_stand_out_in_both_schemes[evaluation]"


def outcome(nothing: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One of the browser's tests, on a machine whose path leads to no browser."""
    kept = {name: value for name, value in os.environ.items() if name != "DOVETAIL_BROWSER"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ONE],
        cwd=ROOT,
        env={**kept, "PATH": str(nothing), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_browser_they_are_skipped_and_say_so(tmp_path: Path) -> None:
    found = outcome(tmp_path)
    assert found.returncode == 0 and "1 skipped" in found.stdout
    assert "reports are not looked at in a browser" in found.stdout


def test_where_a_browser_is_required_a_skip_is_a_failure(tmp_path: Path) -> None:
    found = outcome(tmp_path, DOVETAIL_BROWSER="required")
    assert found.returncode == 1 and "skipped" not in found.stdout
    assert "chromium and chromedriver are required" in found.stdout


def test_the_whole_check_requires_one() -> None:
    check = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "apt-get install" in check and "chromium chromium-driver" in check
    assert check.index("export DOVETAIL_BROWSER=required") < check.index("exec make test")
