"""Exact Pareto fronts by dynamic programming over the structure of a `.net` file."""
