"""Timeloop: our problems, architectures and mappings as its input, its statistics as our results."""
