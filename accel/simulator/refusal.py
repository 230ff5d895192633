"""What the simulator does not run, said in one sentence each."""

from __future__ import annotations


class CannotSimulate(ValueError):
    """The array cannot run this layer in this way; the message says why."""
