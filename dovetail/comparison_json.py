"""`dovetail.comparison/1`: what `dovetail compare --json` prints (`docs/other-tools.md`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail.comparison import Comparison, Numbers, Pair, Reason

Json = dict[str, Any]


def comparison_json(comparison: Comparison) -> Json:
    """The whole comparison."""
    return {
        "schema": "dovetail.comparison/1",
        "network": comparison.network,
        "accelerator": comparison.accelerator,
        "clock_hz": comparison.clock_hz,
        "tool": comparison.tool,
        "version": comparison.version,
        "layers": [_pair(pair, comparison.clock_hz) for pair in comparison.pairs],
        "left_out": [{"name": name, "because": reason} for name, reason in comparison.left_out],
    }


def _pair(pair: Pair, clock_hz: float) -> Json:
    return {
        "name": pair.layer,
        "ours": _numbers(pair.ours, clock_hz),
        "theirs": _numbers(pair.theirs, clock_hz),
        "counts_equal": not pair.differing,
        "counts_differ": [
            {"memory": memory, "operand": operand, "action": action}
            for memory, operand, action in pair.differing
        ],
        "because": [reason.text for reason in pair.reasons],
        "reasons": [_reason(reason) for reason in pair.reasons],
    }


def _reason(reason: Reason) -> Json:
    return {
        "text": reason.text,
        "counts": [
            {"memory": memory, "operand": operand, "action": action}
            for memory, operand, action in reason.counts
        ],
        "cycles": reason.cycles,
        "energy_pj": reason.energy_pj,
    }


def _numbers(numbers: Numbers, clock_hz: float) -> Json:
    words: dict[str, dict[str, dict[str, float]]] = {}
    for (memory, operand, action), count in numbers.words.items():
        words.setdefault(memory, {}).setdefault(operand, {})[action] = count
    return {
        "cycles": numbers.cycles,
        "latency_s": numbers.cycles / clock_hz,
        "energy_pj": numbers.energy_pj,
        "traffic_words": words,
    }
