"""Metrics in words."""

from __future__ import annotations

import re
from typing import Final

from dovetail.explorer.report.html import Html, join, tag

WORDS: Final = {
    "edp": "energy-delay product",
    "area": "area on the chip",
    "average_power": "average power",
    "peak_memory": "peak memory",
    "macs": "MACs",
    "params": "parameters",
    "dram_bytes": "off-chip traffic",
    "utilization": "MACs busy",
    "inferences_per_charge": "inferences a charge",
}
"""Metrics as a reader knows them; others by their own names."""


def word(metric: str) -> str:
    """A metric as a reader knows it."""
    return WORDS.get(metric, metric.replace("_", " "))


def breakable(name: str) -> Html:
    """The name of a choice, whose line may end behind a dot or an underscore and nowhere else."""
    pieces = re.findall(r"[^._ ]+[._ ]?|[._ ]", name)
    return join(*(join(tag("wbr") if i else None, piece) for i, piece in enumerate(pieces)))
