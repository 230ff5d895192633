"""What other mappers found, read from their records: the same architecture, prices, layer and mapping.

Timeloop (`format: timeloop-mapper-1`), accelforge and ZigZag (`tool`). The architecture stands in each file;
what a tool defines otherwise than we do is either a property of our architecture (a drain is a read, gaps are
skipped, the MAC keeps its operands) or named in `Rival.differs`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from rival import Rival, Unreadable
from rivals_peers import accelforge, zigzag
from rivals_timeloop import timeloop

__all__ = ["Rival", "Unreadable", "rivals"]


def rivals(folder: Path) -> Iterator[Rival | Unreadable]:
    """All records in a folder and the folders in it; files of other formats are passed over."""
    for path in sorted(folder.rglob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict):
            continue
        name = f"{path.parent.name}/{path.name}"
        if record.get("format") == "timeloop-mapper-1":
            yield from timeloop(record, name)
        elif record.get("tool") == "accelforge":
            yield from accelforge(record, name)
        elif record.get("tool") == "zigzag-dse":
            yield from zigzag(record, name)
