"""Makes `tests.exact.designs` importable, however pytest is started."""

from __future__ import annotations

import sys
from pathlib import Path

_TOP = str(Path(__file__).resolve().parents[2])
if _TOP not in sys.path:
    sys.path.append(_TOP)
