"""The language: grammar, units, diagnostics, formatter, checked syntax; networks as graphs."""
