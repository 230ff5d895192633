"""Metrics in words."""

from __future__ import annotations

from typing import Final

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
