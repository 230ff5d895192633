"""The loop orders of a section that can matter.

For tensors without halo only one thing counts: which loops are inside every loop that moves an operand's
tile. `N P Q` do not move weights, `K` does not move inputs, `C R S` do not move outputs, and no dimension is
idle for two operands: so the innermost group decides. For inputs with a window it also counts which loop over
`P`, `Q`, `R`, `S` is the innermost, since the window slides along that one. `G` moves everything: outermost.

These orders are part of how the mapspace is defined: the certificate speaks of them, not of all permutations.
"""

from __future__ import annotations

from dovetail.costmodel.mapper.frames import Frame
from dovetail.costmodel.mapper.rules import Rules

IDLE = {"weights": "NPQ", "inputs": "K", "outputs": "CRS"}
"""The dimensions that do not move an operand's tile."""

_PLAIN = {"weights": "GKCRSNPQ", "inputs": "GNCPQRSK", "outputs": "GNKPQCRS"}
_SLIDING = {
    "weights": ("GKCSRNQP", "GKCRSNPQ"),
    "inputs": ("GNCQSRPK", "GNCQSPRK", "GNCPRSQK", "GNCPRQSK"),
    "outputs": ("GNKQPCSR", "GNKPQCRS"),
}


def orders(rules: Rules, frame: Frame, section: int, latched: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """Orders of the dimensions, outer to inner. `latched`: operands that the MACs keep."""
    own = frozenset(rules.dimensions)
    demanded = rules.order(frame, section)
    if demanded is not None:
        rest = tuple(d for d in _PLAIN["outputs"] if d in own and d not in demanded)
        return ((*rest, *(d for d in demanded if d in own)),)
    deeper = {o for place in frame.places[section + 1 :] for o in place.operands} | latched
    window = [
        pixel + kernel
        for pixel, kernel in ("PR", "QS")
        if rules.problem.bounds[kernel] > 1 and rules.problem.bounds[pixel] > 1
    ]
    sliding = bool(window) and "inputs" in deeper
    found: dict[tuple[str, ...], None] = {}
    for operand in IDLE:
        if operand in deeper:
            for order in _SLIDING[operand] if sliding else (_PLAIN[operand],):
                found[tuple(d for d in order if d in own)] = None
    if not found:
        found[tuple(d for d in _PLAIN["outputs"] if d in own)] = None
    return tuple(found)
