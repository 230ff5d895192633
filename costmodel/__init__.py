"""Numbers: access counts, latency, energy, area."""
