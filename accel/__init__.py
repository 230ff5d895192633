"""The hardware: architectures elaborated from syntax, dataflows, mappings."""
